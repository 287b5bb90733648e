/* session.h - One client's conversation: from the first packet to the last, whatever carries the
 * bytes.
 *
 * Owns the protocol: framing, login, statements, portals, the order of answers. Does not own
 * sockets, clocks (door.h) or SQL (node/backend.h). Everything happens on the doors' loop. Design
 * and invariants: src/pg/README.md; what is supported: docs/pg.md. */
#ifndef TRUSTSQL_PG_SESSION_H
#define TRUSTSQL_PG_SESSION_H

#include "node/backend.h"
#include "os/os.h"

struct pg_session;

/* What carries the bytes. None of these calls back before it returns. */
struct pg_link {
    NODISCARD enum status (*write)(void *context, struct span bytes); /* Copies. */
    size_t (*queued)(void *context); /* Bytes written that are still on this machine. */
    void (*pause)(void *context, bool is_paused);
    void (*close)(void *context); /* After what is queued was written. */
    void *context;
};

/* What a session asks of its door. */
struct pg_house {
    bool (*admit)(void *context); /* One more client may log in. */
    void (*cancel)(void *context, uint32_t process, uint32_t secret);
    /* From now on both directions are TLS, after the byte that was just written. Null: no TLS. */
    void (*secure)(void *context);
    void *context;
};

/* How a client shows who it is. */
enum pg_login {
    PG_LOGIN_CHECKED, /* A password (SCRAM), or a token of its key over TLS. */
    PG_LOGIN_FREE     /* Whoever can connect is let in under any name: a door for one user. */
};

struct pg_session_config {
    struct mem *mem;
    struct os *os; /* Entropy only. */
    struct backend *backend;
    struct pg_house house;
    enum pg_login login;
    bool needs_tls; /* Nobody logs in over a connection in the clear. */
};

/* process: number in the client's cancel key, unique among the living. config is copied. */
NODISCARD enum status pg_session_new(struct pg_session **out,
                                     const struct pg_session_config *config,
                                     const struct pg_link *link,
                                     uint32_t process);

/* Once the link is closed, never from within a callback of the backend. Null allowed. */
void pg_session_free(struct pg_session *s);

/* Bytes from the client, in any portions. */
void pg_session_data(struct pg_session *s, struct span bytes);

/* All bytes given to the link were written. */
void pg_session_drained(struct pg_session *s);

/* Tell the client why (FATAL) and close; nothing when it is over already. */
void pg_session_end(struct pg_session *s, const struct diag *why);

/* Interrupt the running read when secret is the session's. */
void pg_session_cancel(struct pg_session *s, uint32_t secret);

enum pg_session_state {
    PG_SESSION_LOGIN, /* Not authenticated yet. */
    PG_SESSION_IDLE,  /* Waits for the client. */
    PG_SESSION_BUSY,  /* The client waits for answers. */
    PG_SESSION_OVER   /* The link is being closed. */
};
enum pg_session_state pg_session_state(const struct pg_session *s);

/* PG_SESSION_IDLE: for how long the client may be silent, as it has set it; 0: for ever. */
uint32_t pg_session_idle_ms(const struct pg_session *s);

/* It was silent for longer: tell it and close. */
void pg_session_end_idle(struct pg_session *s);

#endif
