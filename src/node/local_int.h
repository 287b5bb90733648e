/* local_int.h - Sessions and calls of the local backend, for the files that implement them. */
#ifndef TRUSTSQL_NODE_LOCAL_INT_H
#define TRUSTSQL_NODE_LOCAL_INT_H

#include "node/block.h"
#include "node/compilers.h"
#include "node/complaints.h"
#include "node/local.h"
#include "node/passwords.h"
#include "node/prepared.h"
#include "node/settings.h"

enum call_state {
    CALL_QUEUED,  /* Not begun. */
    CALL_RUNNING, /* A read or a transaction of it is under way. */
    CALL_SETTLED, /* A submitted transaction is settled; its answer waits for its turn. */
    CALL_DONE     /* Everything was said but done. */
};

/* What a call that is_block waits for. */
enum call_wait {
    WAIT_NOTHING,
    WAIT_COMPILE,
    WAIT_HEIGHT,
    WAIT_BEGIN,
    WAIT_ROWS,
    WAIT_CURSOR,
    WAIT_WRITE,
    WAIT_COPY, /* For rows of the client. */
    WAIT_SAVEPOINT,
    WAIT_RELEASE,
    WAIT_ROLLBACK_TO,
    WAIT_COMMIT
};

/* Calls for which there was no memory: they are answered behind the call that was the last one. */
struct refusal {
    uint32_t count;
    const char *sqlstate;
    const char *text;
    struct backend_reply reply; /* Of the newest; a session's replies go to one place. */
};

struct local_call {
    struct local_call *next;
    struct refusal refusal; /* Behind this call. */
    struct local *local;
    struct backend_session *session; /* Null: timeouts.c, T2. */
    struct backend_reply reply;
    struct arena arena; /* Copies of what the door gave. */
    enum call_state state;
    struct span text;
    struct sql_value *params;
    enum sql_type *declared;
    uint32_t param_count;
    bool is_single;
    bool has_columns_sent; /* Of the read that is running. */
    uint64_t row_count;
    struct sql_text *texts; /* Of the whole query string. */
    uint32_t text_count;
    uint32_t text_at;   /* Those before are compiled: up to where trustsql.height changes. */
    bool is_travelling; /* A read is under way that brings the catalog of trustsql.height. */
    uint64_t height_before;
    struct sql_catalog *base; /* While is_travelling. */
    struct compiled **statements;
    uint32_t statement_count;
    uint32_t kept_at; /* is_block: the text that statements[0] was made of. */
    uint32_t at; /* Next statement of a call that only reads; the first that is no SET of others. */
    struct settings
        *settings_before; /* What it set goes back to them when it fails; null: nothing. */
    bool is_compiled;
    struct compile_job *compiling;   /* Under way (compiling.c); */
    struct compile_job *made;        /* come back, not used yet; */
    struct span compiling_text;      /* for this text. */
    struct prepared_text *preparing; /* Of the PREPARE that runs. */
    bool is_prepare;                 /* Compiled for the describe that follows, not run. */
    bool is_write;
    bool is_submit;
    bool is_sync;    /* No text: an implicit transaction ends. */
    bool is_spoiled; /* The door found an error behind it. */
    bool is_open;    /* As in backend_call. */
    bool
        is_block; /* Its statements are of the session's block (block.h), which has what follows. */
    enum call_wait wait;
    struct desk_task task;
    struct tx_op op;    /* That the task runs. */
    struct hash txid;   /* Of the transaction that was made of it. */
    bool is_submitted;  /* Its ticket is under way. */
    bool has_timed_out; /* timeouts.c */
    bool is_counted;    /* Its result belongs to the transaction. */
    bool is_chain;      /* COMMIT AND CHAIN. */
    const char *tag;    /* Of the COMMIT that is under way; null: nobody asked for it. */
    bool has_height;    /* A linearizable transaction knows what is newest. */
    struct cursor_rows *cursor;
    struct compiled *cursor_select; /* Of a DECLARE that runs. */
    bool is_copying;                /* COPY FROM: it waits for rows of the door, */
    bool is_told;                   /* which knows. */
    bool has_more;                  /* COPY FROM: after this transaction it waits again. */
    struct read_job read;
    struct flow_read height; /* Of a linearizable read. */
    bool is_asking;          /* For it. */
    struct ticket ticket;
    struct span answer; /* CALL_SETTLED: rowset of a submit, in arena. */
    struct diag diag;   /* sqlstate set: the call failed. */
};

struct backend_session {
    struct local *local;
    struct backend_session *previous;
    struct backend_session *next;
    struct exec_account account;
    struct settings settings;
    struct block block;
    struct passwords passwords;
    struct prepared_list names; /* Of PREPARE. */
    struct sql_catalog *past;   /* Of past_height; null: none. */
    uint64_t past_height;
    struct local_call *first; /* Calls in order; only the first one answers. */
    struct local_call *last;
    struct compiled *prepared; /* For the describe that comes next; null: none, or nothing in it. */
    bool is_prepared;
    struct local_call *waiting; /* The first that has not begun; null: all have. */
    uint32_t call_count;
    struct read_chunk *held_first; /* Rows held back while the client reads slowly. */
    struct read_chunk *held_last;
    bool is_held;
    bool is_closed; /* Freed when its last call is done. */
    bool is_advancing;
    uint64_t deadline_ms; /* timeouts.c; 0: none. */
    struct backend_session *timed_previous;
    struct backend_session *timed_next;
    const struct local_call *timed_call; /* Whose time is taken: first, */
    uint32_t timed_at;                   /* at this statement. */
    char user[CUSTODY_NAME_MAX + 1];
};

struct compile_meter { /* compiling.c */
    uint64_t level_ns;
    uint64_t at_ns;
};

struct local {
    struct backend backend; /* First: a backend is its local. */
    struct local_config config;
    struct readers *readers;
    struct desks desks;
    struct compiled_cache cache;
    struct compilers *compilers;
    struct compile_meter meter;
    struct loop_timer *timer;
    uint64_t timer_ms; /* When it fires; 0: it is not set. */
    struct backend_session *timed;
    uint32_t orphan_count;
    sqlite3 *lookup; /* Reader connection of the doors' thread, for accounts. */
    struct backend_session *sessions;
    uint32_t session_count;
    uint32_t ticket_count;
    struct buf proof; /* Scratch of submits. */
    struct buf row;
    struct complaints complaints;
    struct join *joins; /* Cards of guests that wait for the chain. */
};

/* calls.c - begin a call (compile it first); afterwards its state is not CALL_QUEUED. */
void call_begin(struct local_call *c);
/* Compile without beginning, to learn whether it is a submit. False: it is under way,
 * session_advance comes. */
bool call_compile(struct local_call *c);
void call_go_on(struct local_call *c); /* c->made has come, or c->diag says why not. */
void call_free(struct local_call *c);
void call_empty(struct local_call *c); /* Of all memory but its own. */
void call_notice(const struct local_call *c, const struct diag *d);
/* The catalog that statements of the session are compiled against now: a reference. */
struct sql_catalog *call_catalog(const struct backend_session *s);
void call_forget_settings(struct local_call *c); /* A call that writes has failed. */
void call_read_chunk(struct local_call *c, struct read_chunk *chunk);
void call_read_height(struct local_call *c); /* c->height has come back. */
void call_cancel(struct local_call *c);      /* The read that runs, if one does. */

/* SET and SHOW, answered. */
NODISCARD enum status call_set(struct local_call *c, const struct sql_statement *statement);
NODISCARD enum status call_show(struct local_call *c, const struct sql_statement *statement);
/* EXECUTE becomes the statement that it stands for. */
NODISCARD enum status call_expand(struct local_call *c, struct sql_text *text);
void call_shift_position(struct diag *d, const struct sql_text *text);
NODISCARD enum status call_no_parameter(struct diag *d, const struct sql_text *text);
NODISCARD enum status call_check_quarantine(struct local_call *c, const struct compiled *statement);
/* A SELECT of the pool, at the height that is set. */
NODISCARD enum status call_read(struct local_call *c, const struct compiled *statement);
/* For a linearizable read: call_read_height comes. */
NODISCARD enum status call_ask_height(struct local_call *c);
void call_explain_height(struct local_call *c);

/* compiling.c - a compiled statement of a text of c. ST_BUSY: it is under way; then call_go_on or
 * block_compiled comes, and it is asked for again. */
NODISCARD enum status call_compiled(struct local_call *c,
                                    const struct compiled_request *request,
                                    struct compiled **out);
NODISCARD enum status call_split(struct local_call *c); /* The same. */
void compiling_arrived(struct local *l, struct compile_job *job);
void compiling_forget(struct local_call *c);
bool compiling_cancel(struct local_call *c); /* False: nothing of it is being compiled. */
NODISCARD enum status compiling_prepare(struct local_call *c);
bool compiling_is_long(struct span text); /* Never compiled on the loop. */
/* ST_BUSY: prepare it first. */
NODISCARD enum status compiling_describe(struct backend_session *s,
                                         const struct compiled_request *request,
                                         struct compiled **out,
                                         struct diag *d);

/* write.c - make, sign and submit the transaction of a call that writes or submits. On failure
 * c->diag is set; otherwise the ticket settles later. */
NODISCARD enum status write_begin(struct local_call *c);
NODISCARD enum status submit_begin(struct local_call *c);
/* One operation of a statement with c->params, its text and values in a. */
NODISCARD enum status write_op(struct local_call *c,
                               struct arena *a,
                               const struct compiled *statement,
                               struct tx_op *op);
/* The block's operations, and what they gave; block_settled comes. */
NODISCARD enum status write_block(struct local_call *c);
/* Say the answer of a settled submit. */
void submit_answer(struct local_call *c);

/* calls.c */
NODISCARD enum status call_forget(struct local_call *c, const struct sql_statement *statement);

/* copy.c - what a statement returns: columns, or a COPY. */
void call_say_columns(const struct local_call *c, const struct sql_statement *statement);
/* COPY FROM: the call begins to wait for rows; rows or the end have come; its transaction is final:
 * true when it waits for more. The door sends nothing before call_copy_tell. */
NODISCARD enum status call_copy_begin(struct local_call *c);
void call_copy_tell(struct local_call *c); /* If it waits and the door does not know. */
void call_copy_take(struct local_call *c, const struct backend_copy *in);
bool call_copy_goes_on(struct local_call *c);

/* complain.c - take a complaint and answer it. */
NODISCARD enum status complain_run(struct local_call *c, const struct sql_statement *statement);
/* The value of an argument, which may be a parameter. */
NODISCARD enum status call_argument(struct local_call *c,
                                    const struct sql_argument *argument,
                                    const struct sql_value **out);

/* preflight.c - what a CALL that changes the chain would do, as notices; ST_REJECTED with c->diag:
 * it is not submitted. ST_OK for everything else. */
NODISCARD enum status preflight_check(struct local_call *c, const struct sql_statement *statement);

/* search_path.c - as statements against this catalog are compiled with it. In a, or size 0. */
struct span search_path_of(const struct backend_session *s,
                           const struct sql_catalog *catalog,
                           struct arena *a);

/* timeouts.c - the session's first call has gone on, or is another. */
void timeouts_note(struct backend_session *s);
void timeouts_forget(struct backend_session *s); /* It ends. */
/* What 57014 means for this call. */
void timeouts_explain(const struct local_call *c, struct diag *d);
/* The ticket of a call that has no session any more: it is gone then. */
void timeouts_settled(struct local *l, struct local_call *c);
void timeouts_fire(void *context); /* The local: of its timer. */

/* joins.c - a guest's card has come (takes it); what is answered goes back to the guest. */
struct flow_guest;
void join_begin(struct local *l, struct flow_guest *guest);
void joins_sweep(struct local *l); /* Not from within a callback. */

/* local.c - the session's calls have more to say or to do. */
void session_advance(struct backend_session *s);
void session_cancel(struct backend_session *s); /* What its first call waits for, if it can be. */
/* The first call, whose ticket is under way, fails with d; it has no session then. */
void session_drop(struct backend_session *s, const struct diag *d);

#endif
