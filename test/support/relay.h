/* relay.h - What stands between two nodes in a test: a relay that can fall silent or cut one side,
 * an HTTP CONNECT proxy, a SOCKS5 proxy. On the test's own loop; shares no code with the subject
 * but the streams. */
#ifndef TRUSTSQL_TEST_SUPPORT_RELAY_H
#define TRUSTSQL_TEST_SUPPORT_RELAY_H

#include "base/buf.h"
#include "os/loop.h"

#define RELAY_PAIRS_MAX 64u

enum relay_kind { RELAY_PLAIN, RELAY_HTTP, RELAY_SOCKS5 };

struct relay;

struct relay_pair {
    struct relay *relay;
    struct tcp_stream *in;  /* Null: closed. */
    struct tcp_stream *out; /* Null: not dialled or closed. */
    bool is_open;           /* Both sides stand. */
    uint32_t step;          /* Of SOCKS5. */
    struct buf asked;       /* The request so far, then what came before out stood. */
};

struct relay {
    enum relay_kind kind;
    struct loop *loop;
    const char *host;
    struct tcp_listener *listener;
    uint16_t port;      /* Ours. */
    uint16_t target;    /* Of RELAY_PLAIN. */
    const char *user;   /* Wanted; null: none. Password "secret". */
    bool is_silent;     /* Bytes vanish. */
    uint64_t cut_after; /* Close both sides after so many bytes; 0: never. */
    uint64_t bytes;     /* Relayed so far. */
    uint32_t opened;    /* Ways through. */
    uint32_t refused;   /* Wrong credentials. */
    uint32_t pair_count;
    struct relay_pair pairs[RELAY_PAIRS_MAX];
};

/* Listens on a free port of 127.0.0.1; what it dials is at host. relay must not move. End with
 * relay_fini after the nodes and before loop_free, or leave the rest to loop_free and call
 * relay_fini after it. */
void relay_init(struct relay *r, enum relay_kind kind, struct loop *loop, const char *host);
void relay_fini(struct relay *r);      /* After loop_free. */
void relay_close_in(struct relay *r);  /* The dialling sides. */
void relay_close_out(struct relay *r); /* The dialled sides. */

#endif
