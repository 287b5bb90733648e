/* door.h - The PostgreSQL door: listens, keeps the sessions, and ends those that wait too long.
 *
 * Owns sockets and timers of the door, and all memory of its sessions. Lives on one loop, whose
 * thread makes every call. */
#ifndef TRUSTSQL_PG_DOOR_H
#define TRUSTSQL_PG_DOOR_H

#include "crypto/sign.h"
#include "node/backend.h"
#include "os/loop.h"
#include "os/os.h"
#include "pg/session.h"

#define PG_DOOR_CONNECTIONS_MAX 10000u
#define PG_DOOR_MEMORY_MAX      ((size_t)512 << 20)

struct pg_door;

struct pg_door_config {
    struct mem *mem;
    struct os *os;             /* Entropy only. */
    const char *host;          /* Numeric address. */
    uint16_t port;             /* 0: any free one. */
    uint32_t connections_max;  /* Clients logged in or about to; 1 to PG_DOOR_CONNECTIONS_MAX. */
    size_t memory_max;         /* Bytes for all sessions together; 0: PG_DOOR_MEMORY_MAX. */
    uint32_t auth_timeout_ms;  /* From the connection to the end of the login; 0: a minute. */
    uint32_t idle_timeout_ms;  /* Without a message from a client that nothing runs for; 0: none. */
    uint32_t write_timeout_ms; /* While a client takes none of what is sent; 0: a minute. */
    const struct secret_key
        *tls_key;   /* Of the certificate shown to clients, copied; null: no TLS. */
    bool needs_tls; /* Nobody logs in in the clear. */
    enum pg_login login;
};

/* Limits for a node; host and port are the caller's. */
struct pg_door_config pg_door_config_default(struct mem *mem, struct os *os);

/* The certificate that a door with this key shows: DER, appended; always the same bytes, so that a
 * client can pin it (sslmode=verify-ca with it as sslrootcert). */
NODISCARD enum status pg_door_certificate(struct buf *out, const struct secret_key *key);

/* ST_EXISTS: the port is taken; ST_INVALID: no such host. */
NODISCARD enum status pg_door_open(struct pg_door **out,
                                   struct loop *l,
                                   struct backend *b,
                                   const struct pg_door_config *config);
uint16_t pg_door_port(const struct pg_door *d);
uint32_t pg_door_count(const struct pg_door *d); /* Connections now. */

/* Connections from now on are shown the certificate of another key; those that there are keep
 * theirs. Of a door with a tls_key. ST_NO_MEMORY: it shows the one before. */
NODISCARD enum status pg_door_set_key(struct pg_door *d, const struct secret_key *key);

/* Stop listening, tell clients (57P01) and close. Sessions of the backend have ended when it
 * returns; memory is released when the loop has closed the streams. Null allowed. Never from a
 * callback of the backend. */
void pg_door_close(struct pg_door *d);

#endif
