/* proxy_link.c - A connection to one node, over libpq.
 *
 * Dialled without blocking. Between the TLS handshake and the password lies the check that the node
 * holds the key of a validator of the genesis; the token names that key, so it is of no use to
 * anybody else. A node with another key, or of another chain, is told nothing. */
#include <openssl/ssl.h>
#include <stdio.h>

#include "base/must.h"
#include "cmd/proxy_int.h"
#include "cmd/ticket.h"
#include "crypto/identity.h"

#define TOKEN_LIFE_MS 60000u

static enum status pin(struct proxy_link *l);
static void down(struct proxy_link *l, uint64_t now_ms, const char *why);
static bool dial_on(struct proxy_link *l, uint64_t now_ms);
static bool take_results(struct proxy_link *l, uint64_t now_ms);

void proxy_link_close(struct proxy_link *l)
{
    PQclear(l->result);
    PQfinish(l->pg);
    l->result = NULL;
    l->pg = NULL;
    l->read_height = 0;
    l->is_pinned = false;
    l->state = LINK_DOWN;
}

/* One line of what libpq or the node said, without libpq's introduction. */
static void keep_why(struct proxy_link *l, const char *text)
{
    const char *fatal = strstr(text, "FATAL:  ");
    const char *failed = strstr(text, "failed: ");
    if (fatal != NULL)
        text = fatal + strlen("FATAL:  ");
    else if (failed != NULL)
        text = failed + strlen("failed: ");
    size_t size = strcspn(text, "\n");
    (void)snprintf(l->why, sizeof l->why, "%.*s", (int)size, text);
}

static void down(struct proxy_link *l, uint64_t now_ms, const char *why)
{
    bool is_news = l->retry_ms == 0 || l->state != LINK_DIALING;
    keep_why(l, why);
    proxy_link_close(l);
    l->retry_ms = now_ms + PROXY_REDIAL_MS;
    if (is_news)
        proxy_log(l->proxy, "%s:%s does not answer: %s", l->node->host, l->node->port, l->why);
}

/* The token of the link: the password. */
static enum status make_token(const struct proxy_link *l,
                              const struct public_key *node,
                              struct buf *out)
{
    const struct proxy *p = l->proxy;
    const struct ticket_request request = {.key = &p->key,
                                           .chain_id = &p->trust.chain_id,
                                           .node = node,
                                           .now_ms = p->os->wall_ms(p->os),
                                           .life_ms = TOKEN_LIFE_MS};
    TRY(ticket_make(out, p->trust.signer, &request));
    buf_put_u8(out, 0);
    return buf_status(out);
}

void proxy_link_dial(struct proxy_link *l, uint64_t now_ms)
{
    if ((l->state != LINK_DOWN && l->state != LINK_WRONG) || now_ms < l->retry_ms) return;
    const struct proxy *p = l->proxy;
    struct buf token;
    char user[ACCOUNT_TEXT_MAX];
    buf_init(&token, p->mem, 0);
    l->is_pinned = false;
    account_id_text(user, &p->account);
    /* Who it will be is learned at the first dialling; without a password until then. */
    const struct public_key node = proxy_node_key(l->proxy, l->node);
    if (node.scheme != 0 && make_token(l, &node, &token) != ST_OK) {
        buf_fini(&token);
        return;
    }
    const char *const keys[] = {"host",
                                "port",
                                "user",
                                "password",
                                "dbname",
                                "sslmode",
                                "connect_timeout",
                                "application_name",
                                "gssencmode",
                                NULL};
    const char *const values[] = {
        l->node->host, l->node->port, user, token.size > 0 ? (const char *)token.data : "none",
        "main",        "require",     "3",  "trustsql proxy",
        "disable",     NULL};
    l->pg = PQconnectStartParams(keys, values, 0);
    if (token.size > 0) mem_wipe(token.data, token.size);
    buf_fini(&token);
    if (l->pg == NULL || PQstatus(l->pg) == CONNECTION_BAD) {
        down(l, now_ms, l->pg == NULL ? "out of memory" : PQerrorMessage(l->pg));
        return;
    }
    l->state = LINK_DIALING;
    l->dialed_ms = now_ms;
    l->want = PGRES_POLLING_WRITING;
}

/* For all sessions. */
static void learn(struct proxy *p, struct proxy_node *n, const struct public_key *key)
{
    mutex_lock(p->mutex);
    n->key = *key;
    mutex_unlock(p->mutex);
}

/* ST_OK: it is the validator that it was, or is now known to be. */
static enum status pin(struct proxy_link *l)
{
    uint8_t der[IDENTITY_CERTIFICATE_MAX];
    unsigned char *end = der;
    struct public_key key;
    enum status st = ST_DENIED;
    SSL *ssl = PQsslStruct(l->pg, "OpenSSL");
    X509 *shown = ssl == NULL ? NULL : SSL_get1_peer_certificate(ssl);
    int size = shown == NULL ? 0 : i2d_X509(shown, NULL);
    if (size > 0 && (size_t)size <= sizeof der && i2d_X509(shown, &end) == size)
        st = identity_certificate_key(&key, span_of(der, (size_t)size));
    X509_free(shown);
    if (st != ST_OK) return ST_DENIED;
    const struct proxy_epoch *e = proxy_trust_newest(&l->proxy->trust);
    const struct public_key before = proxy_node_key(l->proxy, l->node);
    l->is_pinned = public_key_equal(&before, &key);
    if (l->is_pinned) return ST_OK;
    /* Another key: only of a node that is new here, or whose key another epoch has replaced. */
    bool is_free = before.scheme == 0 || proxy_epoch_find(e, &before) == NODES_MAX;
    if (!is_free || proxy_epoch_find(e, &key) == NODES_MAX) return ST_DENIED;
    learn(l->proxy, l->node, &key);
    return ST_BUSY; /* Dial again, now with its token. */
}

static void wrong(struct proxy_link *l, uint64_t now_ms)
{
    bool is_news = l->retry_ms == 0;
    proxy_link_close(l);
    l->state = LINK_WRONG;
    l->retry_ms = now_ms + PROXY_REDIAL_MS;
    keep_why(l, "it does not show the key of a validator of this chain");
    if (!is_news) return;
    proxy_log(l->proxy,
              "%s:%s is not used: it shows no key that the genesis names for it (another chain, or "
              "somebody in between)",
              l->node->host, l->node->port);
}

/* The TLS handshake is done; nothing was sent inside yet when this is asked after each step. */
static bool is_shaken(const struct proxy_link *l)
{
    const SSL *ssl = PQsslInUse(l->pg) == 1 ? PQsslStruct(l->pg, "OpenSSL") : NULL;
    return ssl != NULL && SSL_is_init_finished(ssl) == 1;
}

static bool dial_on(struct proxy_link *l, uint64_t now_ms)
{
    if (now_ms - l->dialed_ms >= PROXY_DIAL_MS) {
        down(l, now_ms, "it took too long");
        return true;
    }
    l->want = PQconnectPoll(l->pg);
    if (is_shaken(l) && !l->is_pinned && l->want != PGRES_POLLING_FAILED) {
        enum status st = pin(l);
        if (st == ST_BUSY) {
            proxy_link_close(l);
            proxy_link_dial(l, now_ms);
            return false;
        }
        if (st != ST_OK) {
            wrong(l, now_ms);
            return true;
        }
    }
    if (l->want == PGRES_POLLING_OK && l->is_pinned) {
        l->state = LINK_READY;
        l->retry_ms = 0;
        (void)PQsetnonblocking(l->pg, 1);
        return true;
    }
    if (l->want == PGRES_POLLING_FAILED || l->want == PGRES_POLLING_OK) {
        down(l, now_ms, PQerrorMessage(l->pg));
        return true;
    }
    return false;
}

static bool take_results(struct proxy_link *l, uint64_t now_ms)
{
    if (PQconsumeInput(l->pg) != 1 || PQflush(l->pg) < 0) {
        down(l, now_ms, PQerrorMessage(l->pg));
        return true;
    }
    while (PQisBusy(l->pg) == 0) {
        PGresult *r = PQgetResult(l->pg);
        if (r == NULL) {
            bool was_wanted = l->state == LINK_ASKED;
            l->state = LINK_READY;
            if (was_wanted) return true;
            PQclear(l->result);
            l->result = NULL;
            return true;
        }
        if (PQstatus(l->pg) == CONNECTION_BAD) {
            PQclear(r);
            down(l, now_ms, PQerrorMessage(l->pg));
            return true;
        }
        if (l->result == NULL)
            l->result = r;
        else
            PQclear(r);
    }
    return false;
}

bool proxy_link_step(struct proxy_link *l, uint64_t now_ms)
{
    switch (l->state) {
    case LINK_DIALING: return dial_on(l, now_ms);
    case LINK_ASKED:
    case LINK_STALE: return take_results(l, now_ms);
    case LINK_DOWN:
    case LINK_READY:
    case LINK_WRONG: break;
    }
    return false;
}

int proxy_link_socket(const struct proxy_link *l, bool *wants_write)
{
    *wants_write = false;
    if (l->state == LINK_DIALING) {
        *wants_write = l->want == PGRES_POLLING_WRITING;
        return PQsocket(l->pg);
    }
    if (l->state != LINK_ASKED && l->state != LINK_STALE) return -1;
    *wants_write = PQflush(l->pg) == 1;
    return PQsocket(l->pg);
}
