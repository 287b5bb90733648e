/* proxy_int.h - What the files of `trustsql proxy` share.
 *
 *   proxy.c          the command: options, the door, the end
 *   proxy_trust.c    what is believed: genesis, validators, certificates, proofs
 *   proxy_link.c     a connection to one node: TLS pinned to the key that the genesis names, a
 * token proxy_round.c    the same question to several nodes at once proxy_answer.c   what the user
 * will be told, and whether two nodes said the same proxy_read.c     SELECT: certified heights,
 * equal rows of f + 1 nodes proxy_write.c    a transaction: built, signed, sent, proved
 *   proxy_judge.c    signed replies compared with the proof; who lied is named and reported
 *   proxy_statement.c  kinds of statements; SET and SHOW
 *   proxy_backend.c  sessions, each with a thread that waits for nodes; the door's backend
 *
 * Invariants
 *   X1  No row, count or error of a node reaches the user but: rows that f + 1 nodes gave equally
 * at one certified height, what a verified proof holds, refusals that f + 1 nodes gave equally. X2
 * The key stays in this process; only signatures leave it. X3  A session's links are used by one
 * thread at a time: its own while a call runs, the loop's while none does (describe). */
#ifndef TRUSTSQL_CMD_PROXY_INT_H
#define TRUSTSQL_CMD_PROXY_INT_H

#include <libpq-fe.h>
#include <stdatomic.h>

#include "cmd/cmd.h"
#include "ledger/epochs.h"
#include "ledger/proof.h"
#include "ledger/reply.h"
#include "node/backend.h"
#include "node/queue.h"
#include "node/results.h"
#include "node/settings.h"
#include "os/loop.h"
#include "os/os.h"
#include "os/thread.h"
#include "trustsql.h"

#define PROXY_NODES_MAX    NODES_MAX
#define PROXY_SESSIONS_MAX 64u
#define PROXY_READ_MS      5000u  /* For one try of a SELECT. */
#define PROXY_FINAL_MS     60000u /* For a transaction; then its fate is unknown. */
#define PROXY_GRACE_MS     250u   /* For those who have not answered when enough have. */
#define PROXY_REDIAL_MS    1000u
#define PROXY_DIAL_MS      3000u
#define PROXY_ANSWER_MAX   (256u << 20) /* Bytes of one answer. */
#define PROXY_NAME_MAX     136u
#define PROXY_WHAT_MAX     200u

/* --- proxy_trust.c -----------------------------------------------------------------------------
 */

struct proxy_node {
    char host[128];
    char port[8];
    struct public_key key; /* That it showed, of a validator; scheme 0: not known yet. Under the
                              proxy's mutex: proxy_node_key. */
};

/* Validators of one epoch. Never changed once it is in the list. */
struct proxy_epoch {
    const struct proxy_epoch *older;
    uint64_t epoch;
    struct validators validators;
    char names[NODES_MAX][PROXY_NAME_MAX]; /* "node3 (Bank D)" */
};

struct proxy_trust {
    struct signer *signer;
    struct hash chain_id;
    struct mutex *mutex; /* Of adding. */
    struct arena arena;
    const struct proxy_epoch *first;
    _Atomic(const struct proxy_epoch *) newest;
};

/* what[PROXY_WHAT_MAX]: why not. */
NODISCARD enum status proxy_trust_open(struct proxy_trust *t, struct span genesis, char *what);
void proxy_trust_close(struct proxy_trust *t);
const struct proxy_epoch *proxy_trust_newest(const struct proxy_trust *t);
/* Null: it is not known. */
const struct proxy_epoch *proxy_trust_epoch(const struct proxy_trust *t, uint64_t epoch);
/* Whose key it is; NODES_MAX: no validator's. */
uint32_t proxy_epoch_find(const struct proxy_epoch *e, const struct public_key *key);
uint32_t proxy_trust_answers(const struct proxy_trust *t); /* n - f */
uint32_t proxy_trust_equal(const struct proxy_trust *t);   /* f + 1 */

/* bytes: an encoded chain of epochs. ST_OK: it is proven, and its last epoch is known now. */
NODISCARD enum status proxy_trust_follow(struct proxy_trust *t, struct span bytes);

/* ST_OK: bytes are a certificate of a result of this chain; *height is what it certifies.
 * ST_NOT_FOUND: of an epoch that is not known; *epoch tells. */
NODISCARD enum status proxy_trust_certificate(const struct proxy_trust *t,
                                              struct span bytes,
                                              uint64_t *height,
                                              uint64_t *epoch);

struct proxy_proof {
    struct receipt receipt;
    struct proof *proof;
    struct public_key proposer;
    struct reply truth; /* What an honest node says, unsigned. */
    const char *what;   /* Why it proves nothing (static); null: it does. */
};
/* ST_OK: it proves what became of txid; else out->what says why not. All in a. */
NODISCARD enum status proxy_trust_proof(const struct proxy_trust *t,
                                        struct arena *a,
                                        struct span bytes,
                                        const struct hash *txid,
                                        struct proxy_proof *out);

/* --- the proxy ---------------------------------------------------------------------------------
 */

struct proxy {
    struct backend backend; /* First: the backend is the proxy. */
    const struct command *self;
    struct os *os;
    struct mem *mem;
    struct proxy_trust trust;
    struct trustsql_key key;
    struct public_key account_key;
    struct account_id account;
    struct proxy_node nodes[PROXY_NODES_MAX];
    uint32_t node_count;
    uint32_t request_ms;     /* T_req: then others are asked, too. */
    uint32_t sample_percent; /* Of transactions whose replies are compared. */
    _Atomic uint64_t height; /* Newest certified height that was seen. */
    struct loop *loop;
    struct loop_wake *wake;
    struct queue *arrivals; /* struct proxy_call done, sessions ended. */
    struct backend_session *sessions;
    uint32_t session_count;
    bool is_ending;
    bool has_password;
    struct scram_verifier verifier;
    struct mutex *log_mutex;
    struct mutex *mutex;      /* Of leader, and of learning keys of nodes. */
    struct public_key leader; /* Who proposed the newest proven block. */
};

/* Whose key the node showed; scheme 0: none yet. Any thread. */
struct public_key proxy_node_key(struct proxy *p, const struct proxy_node *n);

/* One line on standard error, with the time. Any thread. */
void proxy_log(struct proxy *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- proxy_link.c ------------------------------------------------------------------------------
 */

enum link_state {
    LINK_DOWN,    /* To be dialled from retry_ms on. */
    LINK_DIALING, /* */
    LINK_READY,   /* */
    LINK_ASKED,   /* A command was sent; its results are to come. */
    LINK_STALE,   /* As LINK_ASKED, but nobody wants them any more. */
    LINK_WRONG    /* Not who it should be: looked at again after a while. */
};

struct proxy_link {
    struct proxy *proxy;
    struct proxy_node *node;
    PGconn *pg;
    enum link_state state;
    PostgresPollingStatusType want; /* While dialling. */
    bool is_pinned;
    uint64_t retry_ms;
    uint64_t dialed_ms;
    uint64_t stale_ms;    /* LINK_STALE: since when. */
    uint64_t read_height; /* As set at the node. */
    PGresult *result;     /* First of the command; null: none yet. */
    char why[PROXY_WHAT_MAX];
};

void proxy_link_close(struct proxy_link *l);
/* Begin to dial when it is down and it is time to. */
void proxy_link_dial(struct proxy_link *l, uint64_t now_ms);
/* Bytes may have come or may go: dial on, take results. True: it became ready, or its command is
 * answered (result), or it went down. */
bool proxy_link_step(struct proxy_link *l, uint64_t now_ms);
/* For poll: -1 when there is nothing to wait for. */
int proxy_link_socket(const struct proxy_link *l, bool *wants_write);

/* --- proxy_round.c -----------------------------------------------------------------------------
 */

struct proxy_ask { /* One statement with its values in text or binary form. */
    const char *text;
    int value_count;
    const Oid *types;
    const char *const *values;
    const int *lengths;
    const int *formats;
    bool is_binary;   /* Results. */
    bool is_describe; /* Only prepare and describe it. */
};

struct proxy_round {
    struct backend_session *session;
    uint32_t mask; /* Links to ask; bit = place among the proxy's nodes. */
    struct proxy_ask ask;
    uint64_t read_height; /* Set before, when it is not so already; 0: none. */
    uint32_t limit_ms;
    /* Enough answers? Then the others have grace_ms more. Null: all. */
    bool (*enough)(struct proxy_round *r, void *context);
    void *context;
    uint32_t grace_ms;
    /* Out. */
    PGresult *results[PROXY_NODES_MAX];
    uint32_t answered; /* Mask. */
    bool was_cancelled;
};

void proxy_round_run(struct proxy_round *r);
void proxy_round_fini(struct proxy_round *r);

/* --- proxy_answer.c ----------------------------------------------------------------------------
 */

enum proxy_item_kind { ITEM_NOTICE, ITEM_ROWS, ITEM_COMPLETE, ITEM_FAILED };

/* What a call says, in order. Made by the session's thread, said by the loop's. */
struct proxy_item {
    struct proxy_item *next;
    enum proxy_item_kind kind;
    struct diag diag;
    struct sql_column *columns;
    uint32_t column_count;
    struct span rows;
    uint64_t row_count;
    const char *tag;
    bool has_count;
    uint64_t count;
};

struct proxy_call {
    struct backend_session *session;
    struct backend_reply reply;
    bool is_heard;
    bool is_farewell; /* No call: the session's thread has ended. */
    struct arena arena;
    struct span text;
    struct sql_value *params;
    enum sql_type *types;
    uint32_t param_count;
    bool is_single;
    struct proxy_item *first;
    struct proxy_item *last;
    struct reply evidence[PROXY_NODES_MAX]; /* Refuted replies, not complained of yet. */
    uint32_t evidence_count;
    bool has_failed;
};

void proxy_say_notice(struct proxy_call *c, const struct diag *d);
void proxy_say_failure(struct proxy_call *c, const struct diag *d);
/* All spans and texts are the call's, or static. */
void proxy_say_rows(struct proxy_call *c, const struct exec_rows *rows);
void proxy_say_complete(struct proxy_call *c, const char *tag, bool has_count, uint64_t count);
/* A warning that names a node, to the user and to the log. */
void proxy_say_lie(struct proxy_call *c, const struct proxy_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A type of PostgreSQL as ours; false: none of them. */
bool proxy_type_of(Oid oid, enum sql_type *out);
/* What one node answered, so that equal answers have equal hashes. False: it is no answer but an
 * excuse (it cannot, now). */
bool proxy_answer_hash(const PGresult *r, struct hash *out);
/* Say an answer that f + 1 nodes gave. position: characters before the statement. */
void proxy_answer_say(struct proxy_call *c, PGresult *r, uint32_t position);
void proxy_answer_diag(const PGresult *r, struct diag *out);

/* --- proxy_backend.c ---------------------------------------------------------------------------
 */

struct backend_session {
    struct proxy *proxy;
    struct backend_session *previous;
    struct backend_session *next;
    struct thread *thread;
    struct mutex *mutex; /* Of job and is_stopping. */
    struct cond *asked;
    struct proxy_call *job; /* Handed to the thread, or worked on. */
    bool is_stopping;
    atomic_bool is_cancelled;
    struct proxy_call *current; /* The loop's: whose done is due. */
    struct proxy_call farewell; /* The last that the thread sends. */
    struct settings settings;
    struct proxy_link links[PROXY_NODES_MAX];
};

void proxy_backend_init(struct proxy *p);
void proxy_backend_drain(struct proxy *p);

/* --- what a call does: the session's thread ----------------------------------------------------
 */

enum proxy_statement_kind { STATEMENT_READ, STATEMENT_WRITE, STATEMENT_SETTING };

struct proxy_statement {
    struct span text; /* Ends with 0. */
    uint32_t position;
    enum proxy_statement_kind kind;
    char word[16]; /* First keyword, in capitals. */
};

/* proxy_statement.c */
NODISCARD enum status proxy_split(struct arena *a,
                                  struct span text,
                                  struct proxy_statement **out,
                                  uint32_t *count,
                                  struct diag *d);
void proxy_setting(struct proxy_call *c, const struct proxy_statement *statement);
struct span proxy_setting_name(const struct proxy_statement *statement); /* Of a SHOW. */

/* proxy_read.c */
void proxy_read(struct proxy_call *c, const struct proxy_statement *statement);
/* The height below which nothing that anybody was told is final is missing; false: too few nodes
 * prove one (d says so). */
bool proxy_read_height(struct proxy_call *c, uint64_t *height, struct diag *d);
/* Equal descriptions of f + 1 nodes: a result of libpq, to be cleared. Null: d says why. */
PGresult *proxy_describe(struct backend_session *s,
                         const struct proxy_ask *ask,
                         struct proxy_call *c,
                         struct diag *d);

/* proxy_write.c: all statements as one transaction. */
void proxy_write(struct proxy_call *c, const struct proxy_statement *statements, uint32_t count);

/* proxy_judge.c: compare what the nodes sign with what is proven, complain of who lies. */
void proxy_judge(struct proxy_call *c, const struct proxy_proof *proven, struct span proof);
/* One reply of a node, as bytes. */
void proxy_judge_reply(struct proxy_call *c,
                       uint32_t place,
                       const struct proxy_proof *proven,
                       struct span reply,
                       struct span proof);

#endif
