/* settings.h - SET and SHOW: the session settings that PostgreSQL's clients expect, and our own.
 *
 * PostgreSQL's are in guc.h; some of them have an effect (time limits, search_path, what clients
 * are told), and are kept here in the form that others use. Ours choose one of a few words. Pure;
 * one session's thread. */
#ifndef TRUSTSQL_NODE_SETTINGS_H
#define TRUSTSQL_NODE_SETTINGS_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/span.h"
#include "node/guc.h"
#include "sql/sql.h"

#define SETTINGS_VALUE_MAX  128u
#define SETTINGS_NAME_MAX   64u
#define SETTINGS_CUSTOM_MAX 8u
#define SETTINGS_KEY_MAX    255u /* TX_IDEMPOTENCY_MAX */
#define SETTINGS_PATH_MAX   256u
#define SETTINGS_KEPT       48u /* Of guc.h that can be changed: not more than there are. */

/* trustsql.read: what a SELECT sees. */
enum settings_read {
    SETTINGS_READ_LOCAL,       /* What this node has executed. */
    SETTINGS_READ_LINEARIZABLE /* All that anybody was told is final before it began. */
};

/* trustsql.wait: when a write is answered. */
enum settings_wait {
    SETTINGS_WAIT_FINAL,   /* A quorum has signed the same result. */
    SETTINGS_WAIT_EXECUTED /* Ordered irrevocably and executed by this node. */
};

struct settings_choice {
    enum settings_read read;
    enum settings_wait wait;
};

struct settings_modes { /* Of a transaction. */
    enum sql_isolation isolation;
    bool is_read_only;
    bool is_deferrable;
};

/* A parameter with a dot in its name, which PostgreSQL keeps for its clients. */
struct settings_custom {
    char name[SETTINGS_NAME_MAX];
    char value[SETTINGS_VALUE_MAX];
};

enum settings_timeout {
    SETTINGS_STATEMENT_TIMEOUT,
    SETTINGS_LOCK_TIMEOUT, /* Nothing ever waits for a lock. */
    SETTINGS_IDLE_BLOCK_TIMEOUT,
    SETTINGS_IDLE_TIMEOUT,
    SETTINGS_TIMEOUTS
};

/* client_min_messages */
enum settings_says { SETTINGS_SAYS_ALL, SETTINGS_SAYS_WARNINGS, SETTINGS_SAYS_ERRORS };

struct settings_kept { /* A setting of guc.h that is not at its default. */
    uint8_t index;
    char value[GUC_KEPT_MAX];
};

struct settings {
    char application_name[SETTINGS_VALUE_MAX];
    struct settings_choice chosen;
    uint64_t read_height; /* trustsql.read_height: SELECTs see this height; 0: the newest. */
    /* trustsql.idempotency_key: of each transaction until it is changed; size 0: none. */
    uint8_t key[SETTINGS_KEY_MAX];
    uint32_t key_size;
    struct settings_custom custom[SETTINGS_CUSTOM_MAX]; /* The first custom_count. */
    uint32_t custom_count;
    bool is_copy_split; /* trustsql.copy_split: one COPY FROM may be several transactions. */
    uint64_t height;    /* trustsql.height: the ledger as it was then, schema too; 0: now. */
    struct settings_modes modes;              /* Of the transaction that is open. */
    struct settings_modes default_modes;      /* Of the next. */
    struct settings_kept kept[SETTINGS_KEPT]; /* The first kept_count. */
    uint32_t kept_count;
    uint32_t timeout_ms[SETTINGS_TIMEOUTS]; /* 0: none. */
    enum settings_says says;
    bool has_path;                /* search_path was set: */
    char path[SETTINGS_PATH_MAX]; /* as it is shown. */
    struct settings_choice reset; /* The node's defaults: what RESET goes back to. */
};

void settings_init(struct settings *s, const struct settings_choice *defaults);

/* value.data null: to the default (SET … TO DEFAULT, RESET); ours take size 0 for it, too. 42704,
 * 22023, 55P02, 54000 in d. */
NODISCARD enum status settings_set(struct settings *s,
                                   struct span name,
                                   struct span value,
                                   struct diag *d);

/* Is it one of transaction_isolation, transaction_read_only, transaction_deferrable? */
bool settings_is_mode(struct span name);

/* Does SET or RESET of this name change trustsql.height? */
bool settings_is_height(struct span name);

/* Borrowed from s; size 0: none. */
struct span settings_key(const struct settings *s);

/* Appends the value. 42704 in d. */
NODISCARD enum status settings_show(const struct settings *s,
                                    struct span name,
                                    struct buf *out,
                                    struct diag *d);

/* The settings that SHOW ALL lists, in order; custom ones are not. False: no more. */
bool settings_at(uint32_t index, const char **name, const char **what);

/* Is a notice or warning of this class to be sent to the client? */
bool settings_says(const struct settings *s, const char *sqlstate);

/* The words of node.conf and of SET. False: there is no such word. */
bool settings_read_parse(enum settings_read *out, struct span word);
bool settings_wait_parse(enum settings_wait *out, struct span word);
const char *settings_isolation_text(enum sql_isolation value);
const char *settings_read_text(enum settings_read value);
const char *settings_wait_text(enum settings_wait value);

#endif
