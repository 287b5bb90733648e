/* backend.h - What a door needs of a node: this one, or a remote one through the proxy.
 *
 * Every function is called, and every callback comes, on the doors' loop. A door decodes and
 * authenticates; the backend parses, signs, submits, reads. Data borrowed in a callback are valid
 * until it returns. */
#ifndef TRUSTSQL_NODE_BACKEND_H
#define TRUSTSQL_NODE_BACKEND_H

#include "base/diag.h"
#include "custody/scram.h"
#include "sql/copy.h"

struct backend;
struct backend_session; /* One client's: user, ledger, settings. */

#define BACKEND_CALLS_MAX 256u       /* Calls of one session that may run at once. */
#define BACKEND_COPY_ROWS (1u << 14) /* Of one transaction, when a COPY may be several. */

struct backend_copy_begin {
    const struct sql_copy *copy; /* Lives until the call is done. */
    /* FROM: bytes of rows that one transaction takes, and whether there may be several. */
    size_t bytes_max;
    bool is_split;
};

struct backend_copy {
    struct span rows;          /* Of an operation (sql/copy.h), whole. */
    bool is_last;              /* After what is not, reply.copy_more comes, or the end. */
    const struct diag *failed; /* Not null: nothing of it, this is why. */
};

/* Where the results of one call go. Order: for each statement (columns | copy)? rows* complete; a
 * failure ends the call with failed; every call ends with done, exactly once, also after cancel and
 * close. Callbacks may come while execute runs. Calls that overlap are answered in the order in
 * which they were issued: nothing of a call comes before the done of the one before it. */
struct backend_reply {
    void (*columns)(void *context, const struct sql_column *columns, uint32_t count);
    void (*rows)(void *context,
                 const struct sql_column *columns,
                 uint32_t count,
                 struct span rows,
                 uint64_t row_count); /* Rowset encoding, whole rows. */
    /* COPY TO: instead of columns; rows follow. COPY FROM: copy_more follows, then the call waits
     * for table.copy. */
    void (*copy)(void *context, const struct backend_copy_begin *begin);
    void (*copy_more)(void *context); /* COPY FROM: what was given is final; rows may come. */
    void (*complete)(void *context, const char *tag, bool has_count, uint64_t count);
    /* DEALLOCATE, DISCARD ALL: the prepared statement of this name, size 0: all. False: there is
     * none. */
    bool (*forget)(void *context, struct span name);
    /* A setting that clients are told of has another value. */
    void (*parameter)(void *context, const char *name, struct span value);
    void (*notice)(void *context, const struct diag *d);
    void (*failed)(void *context, const struct diag *d);
    void (*done)(void *context);
    void *context;
};

/* Where a session is, as ReadyForQuery says it. */
enum backend_block {
    BACKEND_BLOCK_NONE = 'I',
    BACKEND_BLOCK_OPEN = 'T',  /* Between BEGIN and COMMIT. */
    BACKEND_BLOCK_FAILED = 'E' /* The same after an error: only ROLLBACK does anything. */
};

struct backend_call {
    struct span
        text; /* Query string. Several statements: one transaction when any of them writes. */
    const enum sql_type *param_types; /* Declared; SQL_UNKNOWN: inferred. */
    const struct sql_value *params;   /* Typed as backend_describe said. */
    uint32_t param_count;
    bool is_single; /* Extended protocol: exactly one statement (or none). */
    /* Extended protocol: what comes behind it up to the Sync belongs to the same transaction, or
     * what came before. Between BEGIN and COMMIT it means nothing. */
    bool is_open;
};

struct backend_description { /* Arena memory of the caller. */
    struct sql_text *statements;
    uint32_t statement_count;
    enum sql_type *param_types;
    uint32_t param_count;
    struct sql_column *columns;
    uint32_t column_count;
    bool may_overlap; /* One SQL_KIND_SUBMIT statement: it needs nothing of what runs before it. */
};

struct backend_table {
    /* Verifier of a user's password for the door's SCRAM exchange (mock for an unknown one: then
     * *is_mock). The door never sees keys. */
    void (*verifier)(struct backend *b,
                     struct span user,
                     struct scram_verifier *out,
                     bool *is_mock);
    /* May the bearer of this token (ledger/token.h) be user? Else d says why not. May be null: no
     * tokens. */
    enum status (*token)(struct backend *b, struct span user, struct span token, struct diag *d);
    /* After authentication. 3D000 for an unknown ledger, 28000 for a user without an account. */
    enum status (*session_open)(struct backend *b,
                                struct backend_session **out,
                                struct span user,
                                struct span ledger,
                                struct diag *d);
    /* Calls that still run end with done before it returns; nothing comes after. Submitted writes
     * go on. Never called from within a callback. */
    void (*session_close)(struct backend *b, struct backend_session *s);
    /* Data are copied. One call at a time per session, but calls whose description said may_overlap
     * may be issued while only such calls run, up to BACKEND_CALLS_MAX of them. A failed one does
     * not stop those behind it. */
    void (*execute)(struct backend *b,
                    struct backend_session *s,
                    const struct backend_call *call,
                    const struct backend_reply *reply);
    /* Types of one statement (extended protocol). Synchronous. ST_BUSY, without d: it would take
     * too long; prepare it with the same call, then ask again. */
    enum status (*describe)(struct backend *b,
                            struct backend_session *s,
                            struct arena *a,
                            const struct backend_call *call,
                            struct backend_description *out,
                            struct diag *d);
    /* Make ready what describe found too long, answered as a call, without complete. The describe
     * that follows on this session has an answer. May be null: no describe is ever too long. */
    void (*prepare)(struct backend *b,
                    struct backend_session *s,
                    const struct backend_call *call,
                    const struct backend_reply *reply);
    /* Interrupt a running read; a write already submitted goes on. */
    void (*cancel)(struct backend *b, struct backend_session *s);
    /* The client reads too slowly (false) or has caught up (true): hold back rows of the running
     * call; a few that are on their way may still come. May be null: then a door ends the session
     * of a client that lets too much pile up. */
    void (*flow)(struct backend *b, struct backend_session *s, bool is_open);
    /* Nothing of the session is under way but calls that may overlap. May be null: never in a
     * block. */
    enum backend_block (*block)(struct backend *b, const struct backend_session *s);
    /* Sync, after calls that were is_open: their transaction ends; undone when one of them failed.
     * Answered as a call, without complete. May be null: each call was a transaction of its own. */
    void (*sync)(struct backend *b, struct backend_session *s, const struct backend_reply *reply);
    /* A setting of the start-up packet, before the first call. What cannot hold is ignored. May be
     * null. */
    void (*set)(struct backend *b, struct backend_session *s, struct span name, struct span value);
    /* Columns of the cursor that DECLARE made, borrowed until the next call; null: there is none.
     * May be null. */
    const struct sql_column *(*cursor)(struct backend *b,
                                       const struct backend_session *s,
                                       struct span name,
                                       uint32_t *count);
    /* Rows for the COPY FROM that waits, or its end. May be null: then no call has copy. */
    void (*copy)(struct backend *b, struct backend_session *s, const struct backend_copy *in);
    /* For how long the client may be silent now that nothing runs, as it has set it; 0: for ever.
     * May be null. */
    uint32_t (*idle_ms)(struct backend *b, const struct backend_session *s);
    /* The client was told of an error that the door found itself: an open transaction has failed,
     * as by a call. May be null. */
    void (*spoil)(struct backend *b, struct backend_session *s);
};

struct backend {
    const struct backend_table *table;
};

#endif
