/* proxy.h - Addresses, and how to ask a proxy for a way through: HTTP CONNECT (RFC 9110, 9.3.6;
 * Basic credentials, RFC 7617) and SOCKS5 (RFC 1928, password RFC 1929). The proxy looks up names.
 *
 * Pure: bytes in, bytes out. One thread. */
#ifndef TRUSTSQL_P2P_PROXY_H
#define TRUSTSQL_P2P_PROXY_H

#include "base/buf.h"

#define PROXY_HOST_MAX    254u /* With the terminating 0. */
#define PROXY_SECRET_MAX  128u /* User or password, with the terminating 0. */
#define PROXY_ANSWER_MAX  8192u
#define PROXY_FAILURE_MAX 120u

struct endpoint {
    char host[PROXY_HOST_MAX];
    uint16_t port;
};

/* "host:port" or "[v6]:port", port 1…65535. ST_INVALID. */
NODISCARD enum status endpoint_parse(struct endpoint *out, const char *text);

enum proxy_kind { PROXY_NONE, PROXY_HTTP, PROXY_SOCKS5 };

struct proxy {
    enum proxy_kind kind;
    struct endpoint at;
    char user[PROXY_SECRET_MAX]; /* "": without credentials. */
    char password[PROXY_SECRET_MAX];
};

/* "" (none), "http://[user:password@]host:port", "socks5://[user:password@]host:port"; %XX in user
 * and password. ST_INVALID. */
NODISCARD enum status proxy_parse(struct proxy *out, const char *url);

enum proxy_step { PROXY_STATUS, PROXY_METHOD, PROXY_PASSWORD, PROXY_REPLY };

struct proxy_talk {
    const struct proxy *proxy;
    const struct endpoint *target;
    enum proxy_step step;
    size_t size;
    uint8_t answer[PROXY_ANSWER_MAX]; /* So far, of this step. */
    char failure[PROXY_FAILURE_MAX];  /* "proxy answered 407 …" */
};

/* Appends the first request to out. proxy and target must outlive the talk. */
void proxy_begin(struct proxy_talk *t,
                 const struct proxy *proxy,
                 const struct endpoint *target,
                 struct buf *out);
/* Bytes from the proxy; appends what to say next. *used of them belong to the talk. ST_BUSY: it
 * goes on. ST_OK: the way is open, the rest of in comes from the peer. ST_REJECTED: failure tells.
 */
NODISCARD enum status proxy_input(struct proxy_talk *t,
                                  struct span in,
                                  size_t *used,
                                  struct buf *out);

#endif
