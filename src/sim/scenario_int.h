/* scenario_int.h - What the parts of the scenario language share: words, names, settings.
 *
 *   Every statement is handled twice by the same function: first dry (nothing runs; words, names
 * and numbers are checked), then for good. A handler reads all its words, then returns early when
 *   dry. False: s->error says why. */
#ifndef TRUSTSQL_SIM_SCENARIO_INT_H
#define TRUSTSQL_SIM_SCENARIO_INT_H

#include "ledger/reply.h"
#include "sim/clients.h"
#include "sim/epochs.h"
#include "sim/liar.h"
#include "sim/oracle.h"
#include "sim/scenario.h"

#define SCENARIO_WORDS_MAX   64u
#define SCENARIO_WORD_MAX    64u
#define SCENARIO_BLOCKS_MAX  256u
#define SCENARIO_CERTS_MAX   64u
#define SCENARIO_VCS_MAX     64u
#define SCENARIO_REPLIES_MAX 32u
#define SCENARIO_READS_MAX   256u
#define SCENARIO_BACKUPS_MAX 16u
#define SCENARIO_NAMES_MAX   256u

struct named_block {
    char name[SCENARIO_WORD_MAX];
    struct hash hash;
    struct proposal proposal;
    struct buf body; /* Encoded; empty: of an alias. */
    bool has_final_cert;
    bool has_res_cert;
    struct certificate final_cert;
    struct certificate res_cert;
    struct hash *leaves;
    bool is_made;
};

struct named_certificate {
    char name[SCENARIO_WORD_MAX];
    struct certificate certificate;
};

struct named_view_change {
    char name[SCENARIO_WORD_MAX];
    struct view_change vc;
};

struct named_reply {
    char name[SCENARIO_WORD_MAX];
    struct reply reply;
};

struct named_read {
    char name[SCENARIO_WORD_MAX];
    uint32_t number; /* Of sim/reads.h. */
};

struct backup {
    char name[SCENARIO_WORD_MAX];
    uint32_t host;
    struct fake_os *os;
};

struct scenario_set_up { /* Before the world is there. */
    struct world_config world;
    bool has_f;
    enum host_part parts[NODES_MAX];
    bool has_twin[NODES_MAX];
    uint32_t lies[NODES_MAX];
    uint32_t chance_ppm[NODES_MAX];
};

struct scenario {
    const struct scenario_options *options;
    struct scenario_result *result;
    bool is_dry;
    uint32_t line;
    char words[SCENARIO_WORDS_MAX][SCENARIO_WORD_MAX];
    uint32_t word_count;
    uint32_t at; /* Next word. */
    struct scenario_set_up set_up;
    struct world *world; /* Null before it starts, and while dry. */
    bool has_started;
    char tx_names[SCENARIO_NAMES_MAX][CLIENT_NAME_MAX];
    uint32_t tx_count;
    char rule_names[SCENARIO_NAMES_MAX][SCENARIO_WORD_MAX];
    uint32_t rule_count;
    struct named_block *blocks;
    uint32_t block_count;
    struct named_certificate *certificates;
    uint32_t certificate_count;
    struct named_view_change *vcs;
    uint32_t vc_count;
    struct named_reply replies[SCENARIO_REPLIES_MAX];
    uint32_t reply_count;
    struct named_read reads[SCENARIO_READS_MAX];
    uint32_t read_count;
    struct backup backups[SCENARIO_BACKUPS_MAX];
    uint32_t backup_count;
    uint8_t cut_copies[HOSTS_MAX]; /* Of the journal, as bits, since the node was up last. */
    /* A sweep: power cuts at call sweep_call of host sweep_host, over all calls and hosts. */
    bool has_sweep;
    uint64_t sweep_hosts;
    uint32_t sweep_host;
    uint64_t sweep_call;
    uint64_t sweep_restart_us;
    /* Of the whole file, from the dry pass. */
    bool expects_violation;
    bool expects_anarchy;
    char expected_rule[8];
    uint32_t expectation_count; /* Those that time can reach: all but violation. */
    uint32_t reached;           /* Of them, in this run. */
};

/* --- scenario.c: words ---------------------------------------------------------------------- */

/* Sets the error and returns false. */
bool scenario_fail(struct scenario *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool scenario_has_word(const struct scenario *s);
const char *scenario_peek(const struct scenario *s); /* "" at the end. */
bool scenario_accept(struct scenario *s, const char *word);
bool scenario_word(struct scenario *s, const char *what, char out[SCENARIO_WORD_MAX]);
bool scenario_number(struct scenario *s, const char *what, uint64_t *out);
bool scenario_signed(struct scenario *s, const char *what, int64_t *out);
bool scenario_range(struct scenario *s, const char *what, uint64_t *low, uint64_t *high);
bool scenario_percent(struct scenario *s, const char *what, uint32_t *ppm);
bool scenario_duration(struct scenario *s, const char *what, uint64_t *us);
bool scenario_duration_range(struct scenario *s, const char *what, uint64_t *low, uint64_t *high);
/* Hosts as bits. */
bool scenario_hosts(struct scenario *s, const char *what, uint64_t *out);
bool scenario_host(struct scenario *s, const char *what, uint32_t *out);
bool scenario_end(struct scenario *s); /* No more words. */

/* --- names ------------------------------------------------------------------------------------ */

struct block_ref {
    bool is_genesis;
    uint64_t height;
    struct hash hash;
    const struct known_header *known; /* Null: genesis. */
};
/* Reads a reference; resolves it when not dry. */
bool scenario_block(struct scenario *s, const char *what, struct block_ref *out);
struct named_block *scenario_find_block(struct scenario *s, const char *name);
bool scenario_tx(struct scenario *s, const char *what, struct client_tx **out);
bool scenario_tx_named(struct scenario *s, const char *name, struct client_tx **out);
struct named_read *scenario_find_read(struct scenario *s, const char *name);
bool scenario_is_new_name(struct scenario *s, const char *name); /* Begins with a letter. */
bool scenario_rule_name(struct scenario *s, char name[SCENARIO_WORD_MAX]);
/* "equivocate,replay" as bits of enum lie. */
bool scenario_lies(struct scenario *s, uint32_t *lies);
/* Index of a host in an epoch, for what it signs; that of the genesis, if it has none there. */
uint32_t scenario_index(const struct scenario *s, uint32_t host, uint64_t epoch);
/* VIEW and what the view change says, signed by host. */
bool scenario_read_view_change(struct scenario *s, uint32_t host, struct view_change *vc);

/* --- statements --------------------------------------------------------------------------------
 */

bool scenario_set_up_statement(struct scenario *s, bool *is_one);  /* scenario_setup.c */
bool scenario_host_statement(struct scenario *s, bool *is_one);    /* scenario_hosts.c */
bool scenario_network_statement(struct scenario *s, bool *is_one); /* scenario_network.c */
bool scenario_send_statement(struct scenario *s, bool *is_one);    /* scenario_send.c */
bool scenario_expect_statement(struct scenario *s, bool *is_one);  /* scenario_expect.c */
bool scenario_make_statement(struct scenario *s, bool *is_one);    /* scenario_make.c */
bool scenario_client_statement(struct scenario *s, bool *is_one);  /* scenario_clients.c */

/* Virtual time passes; false: the oracle found something (the error is set). */
bool scenario_pass(struct scenario *s, uint64_t us);
bool scenario_begin(struct scenario *s); /* The world starts, unless it has. */

#endif
