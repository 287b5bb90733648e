/* local_int.h - Sessions and calls of the local backend, for the files that implement them. */
#ifndef TRUSTSQL_NODE_LOCAL_INT_H
#define TRUSTSQL_NODE_LOCAL_INT_H

#include "node/compiled.h"
#include "node/complaints.h"
#include "node/local.h"
#include "node/settings.h"

enum call_state {
    CALL_QUEUED,  /* Not begun. */
    CALL_RUNNING, /* A read or a transaction of it is under way. */
    CALL_SETTLED, /* A submitted transaction is settled; its answer waits for its turn. */
    CALL_DONE     /* Everything was said but done. */
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
    struct backend_session *session;
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
    uint32_t at; /* Next statement of a call that only reads; the first that is no SET of others. */
    struct settings *settings_before; /* Of a call that writes; null: it sets nothing. */
    bool is_compiled;
    bool is_write;
    bool is_submit;
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
    struct sql_catalog *past; /* Of past_height; null: none. */
    uint64_t past_height;
    struct local_call *first; /* Calls in order; only the first one answers. */
    struct local_call *last;
    struct local_call *waiting; /* The first that has not begun; null: all have. */
    uint32_t call_count;
    struct read_chunk *held_first; /* Rows held back while the client reads slowly. */
    struct read_chunk *held_last;
    bool is_held;
    bool is_closed; /* Freed when its last call is done. */
    bool is_advancing;
    char user[CUSTODY_NAME_MAX + 1];
};

struct local {
    struct backend backend; /* First: a backend is its local. */
    struct local_config config;
    struct readers *readers;
    struct compiled_cache cache;
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
/* Compile without beginning, to learn whether it is a submit. */
void call_compile(struct local_call *c);
void call_free(struct local_call *c);
/* The catalog that statements of the session are compiled against now: a reference. */
struct sql_catalog *call_catalog(const struct backend_session *s);
void call_forget_settings(struct local_call *c); /* A call that writes has failed. */
void call_read_chunk(struct local_call *c, struct read_chunk *chunk);
void call_read_height(struct local_call *c); /* c->height has come back. */
void call_cancel(struct local_call *c);      /* The read that runs, if one does. */

/* write.c - make, sign and submit the transaction of a call that writes or submits. On failure
 * c->diag is set; otherwise the ticket settles later. */
NODISCARD enum status write_begin(struct local_call *c);
NODISCARD enum status submit_begin(struct local_call *c);
/* Say the answer of a settled submit. */
void submit_answer(struct local_call *c);

/* complain.c - take a complaint and answer it. */
NODISCARD enum status complain_run(struct local_call *c, const struct sql_statement *statement);
/* The value of an argument, which may be a parameter. */
NODISCARD enum status call_argument(struct local_call *c,
                                    const struct sql_argument *argument,
                                    const struct sql_value **out);

/* preflight.c - what a CALL that changes the chain would do, as notices; ST_REJECTED with c->diag:
 * it is not submitted. ST_OK for everything else. */
NODISCARD enum status preflight_check(struct local_call *c, const struct sql_statement *statement);

/* joins.c - a guest's card has come (takes it); what is answered goes back to the guest. */
struct flow_guest;
void join_begin(struct local *l, struct flow_guest *guest);
void joins_sweep(struct local *l); /* Not from within a callback. */

/* local.c - the session's calls have more to say or to do. */
void session_advance(struct backend_session *s);

#endif
