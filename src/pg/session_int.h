/* session_int.h - What the files of a session share.
 *
 *   session.c   life: framing, login, dispatch, end
 *   query.c     what each message after login does
 *   pipeline.c  calls that run, and the order of what is sent
 *   prepared.c  statements and portals by name
 *   copy.c      COPY of the protocol
 *
 * Order of answers. Messages are read ahead of the answers of calls that still run. `first … last`
 * is a queue of what is not answered yet: calls, and the Syncs between them. Bytes that belong
 * behind a queued item are kept in its tail; with an empty queue they go out at once.
 *
 * Invariants
 *   S1  A callback of the backend concerns the first call of the queue; only Syncs without calls
 * before them are ever removed otherwise. S2  Several calls are queued only when all of them may
 * overlap. S3  is_failed: an error was sent, and what is queued up to the next Sync is not. S4
 * is_skipping: an error came behind the last Sync read; messages are dropped until the next. S5  A
 * statement lives while a name, a portal or a queued call refers to it; a portal while a name or a
 *       queued call does.
 *   S6  Input is kept only while it cannot be processed, and then the link is paused, but for a
 *       message that waits for more input. */
#ifndef TRUSTSQL_PG_SESSION_INT_H
#define TRUSTSQL_PG_SESSION_INT_H

#include "pg/reply.h"
#include "pg/session.h"
#include "pg/wire.h"

#define PG_STATEMENTS_MAX  1024u
#define PG_PORTALS_MAX     256u
#define PG_PREPARED_MAX    (64u << 20) /* Bytes of all statements and portals. */
#define PG_STATEMENT_MAX   (8u << 20)  /* Bytes of one. */
#define PG_PORTAL_MAX      (36u << 20) /* Bytes of one: values of one message, decoded. */
#define PG_PORTAL_ROWS_MAX (16u << 20) /* Bytes of rows kept by a suspended portal. */
#define PG_SPARES_MAX      64u         /* Portals and queue items kept for reuse. */
#define PG_ITEMS_MAX       1024u       /* Of the queue: calls and Syncs. */
#define PG_TAILS_MAX       (1u << 20)  /* Bytes kept behind calls. */
#define PG_OUT_CHUNK       (64u << 10) /* Bytes gathered before they go to the link. */
#define PG_QUEUED_HIGH     (1u << 20)  /* Bytes in the link from which the client is slow. */
#define PG_KEEP_MAX        (64u << 10) /* An idle buffer larger than this is given back. */
#define PG_TAG_MAX         64u
#define PG_NAME_SHOWN_MAX  63u

enum pg_phase {
    PG_FIRST,         /* First packets, until the start-up message. */
    PG_SASL_INITIAL,  /* The mechanism was offered. */
    PG_SASL_RESPONSE, /* The exchange runs. */
    PG_TOKEN,         /* A token was asked for, as a password in the clear inside TLS. */
    PG_READY,
    PG_OVER
};

struct statement {
    struct statement *next;
    uint32_t references; /* S5. */
    uint32_t name_hash;
    struct arena arena; /* All it points to. */
    size_t counted;     /* Bytes in prepared_bytes. */
    struct span name;
    struct span text;
    const enum sql_type *declared;
    const uint32_t *declared_oids; /* As the client said them. */
    uint32_t declared_count;
    struct backend_description description;
};

enum portal_state { PORTAL_NEW, PORTAL_RUNNING, PORTAL_SUSPENDED, PORTAL_DONE };

struct portal {
    struct portal *next;
    uint32_t references; /* S5. */
    uint32_t name_hash;
    struct arena arena;
    size_t counted;
    struct span name;
    struct statement *statement;
    struct sql_value *params;
    struct wire_formats result_formats;
    enum portal_state state;
    /* Of an Execute with a row limit: encoded rows not sent yet. */
    struct buf rows;
    size_t rows_at;
    bool is_cut; /* More rows came than are kept. */
    bool tag_has_count;
    uint64_t tag_count;
    char tag[PG_TAG_MAX];
};

enum item_kind {
    ITEM_QUERY,   /* Simple query: ends with ReadyForQuery. */
    ITEM_EXECUTE, /* All rows at once. */
    ITEM_LIMITED, /* Rows are kept in the portal, then sent as far as asked. */
    ITEM_PREPARE, /* The Parse that is read next is made ready. */
    ITEM_COMMIT,  /* The transaction of the calls since the last Sync ends. */
    ITEM_SYNC
};

/* A COPY FROM that runs: the only call of the queue. */
struct copy_in {
    struct sql_copy_reader *reader; /* Null: none runs. */
    struct buf rows;
    uint64_t rows_before; /* In transactions before. */
    size_t at;            /* Of the CopyData that is processed: what was read. */
    size_t bytes_max;
    bool is_split;
    bool is_waiting; /* For the client. */
};

struct item {
    struct item *next;
    enum item_kind kind;
    bool has_failed;
    bool has_result; /* Something was said about a statement. */
    uint32_t row_max;
    struct portal *portal;       /* Of an Execute; a reference. */
    const struct sql_copy *copy; /* Not null: it is a COPY. */
    struct buf tail;             /* What is sent behind its answer. */
};

struct pg_session {
    struct pg_session_config config;
    struct pg_link link;
    uint32_t process;
    uint32_t secret;
    enum pg_phase phase;

    /* Input: bytes from in_at are not processed yet. */
    struct buf in;
    size_t in_at;
    bool is_processing;
    bool is_link_paused;
    bool is_congested;  /* The client does not read; cleared when all is written. */
    bool is_skipping;   /* S4. */
    bool is_peeking;    /* S6: the first message waits to see what is behind it. */
    bool has_open;      /* Since the last Sync: calls of a transaction that it ends. */
    struct span behind; /* The message that is processed: what is there of the next ones. */

    /* Output. */
    struct buf out;
    bool is_failed;      /* S3. */
    bool is_overlapping; /* The calls that run may overlap with more. */
    struct item *first;
    struct item *last;
    struct item *spare_items;
    uint32_t spare_item_count;
    uint32_t item_count;
    uint32_t call_count;
    uint32_t sync_count;
    size_t tail_bytes;

    struct copy_in copy;

    /* Login. */
    struct arena arena; /* user, database, application_name. */
    struct span user;
    struct span database;
    struct span application_name;
    const char *client_encoding;
    bool has_options;
    bool is_secure;   /* Inside TLS. */
    bool is_securing; /* TLS begins behind the packet that is processed. */
    struct scram *scram;
    struct backend_session *backend_session; /* From login to the end. */

    struct statement *statements;
    struct portal *portals;
    struct portal *spare_portals;
    uint32_t spare_portal_count;
    uint32_t statement_count;
    uint32_t portal_count;
    size_t prepared_bytes;
};

/* --- session.c
 * -----------------------------------------------------------------------------------*/

/* An ERROR in order; of the extended protocol the rest until Sync is skipped. */
void session_error(struct pg_session *s, const struct diag *d);
/* An ERROR of protocol or resources that cannot be lived with: FATAL, and the link is closed. */
void session_fatal(struct pg_session *s, const char *sqlstate, const char *message);
/* In a transaction block, or not. */
enum backend_block session_block(const struct pg_session *s);
/* Close without a word: there is no memory or no way to say it. */
void session_abort(struct pg_session *s);
/* Hand what is gathered to the link. */
void session_flush(struct pg_session *s);
/* Go on with the input. */
void session_process(struct pg_session *s);
void diag_status(struct diag *d, enum status st);
/* Bytes of UTF-8 text to show in a message: all, or whole characters up to PG_NAME_SHOWN_MAX. */
int text_clip(struct span text);

/* --- query.c
 * -------------------------------------------------------------------------------------*/

/* False: it cannot be processed before running calls have ended; it stays. */
bool session_message(struct pg_session *s, const struct wire_message *m);

/* --- pipeline.c
 * ----------------------------------------------------------------------------------*/

/* Where the next bytes in order go. */
struct buf *pipeline_out(struct pg_session *s);
/* Start a call; portal null: a simple query. Failures end the session. */
void pipeline_call(struct pg_session *s,
                   enum item_kind kind,
                   const struct backend_call *call,
                   struct portal *portal,
                   uint32_t row_max);
void pipeline_sync(struct pg_session *s);
/* With nothing queued: the statement is described after that. */
void pipeline_prepare(struct pg_session *s, const struct backend_call *call);
void pipeline_commit(struct pg_session *s); /* Before a Sync, with nothing queued. */
/* More input may be processed, as far as limits are concerned. */
bool pipeline_has_room(const struct pg_session *s);
/* Send rows kept by a portal, at most row_max. */
void portal_send(struct pg_session *s, struct buf *to, struct portal *p, uint32_t row_max);
void pipeline_fini(struct pg_session *s);

/* --- copy.c
 * --------------------------------------------------------------------------------------*/

/* The call is a COPY: answer so. */
void copy_begin(struct pg_session *s, struct item *i, const struct backend_copy_begin *begin);
void copy_more(struct pg_session *s); /* The next transaction may begin. */
/* A message while a COPY FROM runs. False: it stays. */
bool copy_message(struct pg_session *s, const struct wire_message *m);
NODISCARD enum status copy_put_row(struct pg_session *s, const struct item *i, struct span *rows);
void copy_complete(struct pg_session *s, const struct item *i, const char *tag, uint64_t count);
void copy_explain(const struct pg_session *s, const struct item *i, struct diag *d);
void copy_cancel(struct pg_session *s); /* One that waits for the client. */
void copy_end(struct pg_session *s);    /* The call is done, or the session. */

/* --- prepared.c
 * ----------------------------------------------------------------------------------*/

struct statement *statement_find(struct pg_session *s, struct span name);
/* A statement of that name (size 0: none) not yet shown; null: no memory. */
struct statement *statement_new(struct pg_session *s, struct span name);
/* ST_LIMIT: too many or too much. */
NODISCARD enum status statement_add(struct pg_session *s, struct statement *st);
void statement_remove(struct pg_session *s, struct span name); /* Nothing when there is none. */
void statement_remove_all(struct pg_session *s);
void statement_unref(struct pg_session *s, struct statement *st);

struct portal *portal_find(struct pg_session *s, struct span name);
struct portal *portal_new(struct pg_session *s, struct span name, struct statement *st);
NODISCARD enum status portal_add(struct pg_session *s, struct portal *p);
void portal_remove(struct pg_session *s, struct span name);
void portal_remove_all(struct pg_session *s); /* The transaction is over. */
void portal_unref(struct pg_session *s, struct portal *p);
void prepared_fini(struct pg_session *s);

#endif
