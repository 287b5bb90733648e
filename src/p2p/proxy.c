/* proxy.c - See proxy.h. */
#include "p2p/proxy.h"

#include "base/endian.h"
#include "base/hex.h"
#include "base/must.h"

#define SOCKS_VERSION   5u
#define SOCKS_NO_SECRET 0u
#define SOCKS_PASSWORD  2u
#define SOCKS_CONNECT   1u
#define SOCKS_IP4       1u
#define SOCKS_NAME      3u
#define SOCKS_IP6       4u
#define HTTP_LINE_MAX   80u /* Of the status line that failure repeats. */

static enum status port_parse(uint16_t *out, struct span text);
static enum status secret_parse(char out[PROXY_SECRET_MAX], struct span text);
static const uint8_t *last_of(struct span text, uint8_t wanted);
static void base64_put(struct buf *out, struct span bytes);
static void http_request(const struct proxy_talk *t, struct buf *out);
static void socks_connect(const struct proxy_talk *t, struct buf *out);
static void socks_password(const struct proxy_talk *t, struct buf *out);
static enum status answer_judge(struct proxy_talk *t, struct buf *out);
static enum status http_judge(struct proxy_talk *t);
static enum status method_judge(struct proxy_talk *t, struct buf *out);
static enum status password_judge(struct proxy_talk *t, struct buf *out);
static enum status reply_judge(struct proxy_talk *t);
static enum status refuse(struct proxy_talk *t, const char *text);
static const char *socks_text(uint8_t code);

/* --- texts --------------------------------------------------------------------------------- */

enum status endpoint_parse(struct endpoint *out, const char *text)
{
    struct span all = span_text(text);
    const uint8_t *colon = last_of(all, ':');
    if (colon == NULL) return ST_INVALID;
    struct span host = span_of(all.data, (size_t)(colon - all.data));
    struct span port = span_of(colon + 1, all.size - host.size - 1);
    if (host.size > 0 && host.data[0] == '[') {
        if (host.size < 3 || host.data[host.size - 1] != ']') return ST_INVALID;
        host = span_of(host.data + 1, host.size - 2);
    } else if (last_of(host, ':') != NULL) {
        return ST_INVALID; /* An IPv6 address without brackets: where would its port begin? */
    }
    if (host.size == 0 || host.size >= PROXY_HOST_MAX) return ST_INVALID;
    for (size_t i = 0; i < host.size; i++)
        if (host.data[i] <= ' ' || host.data[i] > '~' || host.data[i] == '@') return ST_INVALID;
    struct endpoint found = {.port = 0};
    TRY(port_parse(&found.port, port));
    memcpy(found.host, host.data, host.size);
    *out = found;
    return ST_OK;
}

enum status proxy_parse(struct proxy *out, const char *url)
{
    struct proxy found = {.kind = PROXY_NONE};
    if (url[0] == '\0') {
        *out = found;
        return ST_OK;
    }
    if (strncmp(url, "http://", 7) == 0) {
        found.kind = PROXY_HTTP;
        url += 7;
    } else if (strncmp(url, "socks5://", 9) == 0) {
        found.kind = PROXY_SOCKS5;
        url += 9;
    } else {
        return ST_INVALID;
    }
    struct span all = span_text(url);
    const uint8_t *at = last_of(all, '@');
    if (at != NULL) {
        const uint8_t *colon = memchr(url, ':', (size_t)(at - all.data));
        if (colon == NULL || colon == all.data) return ST_INVALID;
        TRY(secret_parse(found.user, span_of(all.data, (size_t)(colon - all.data))));
        TRY(secret_parse(found.password, span_of(colon + 1, (size_t)(at - colon - 1))));
        url += at - all.data + 1;
    }
    TRY(endpoint_parse(&found.at, url));
    *out = found;
    return ST_OK;
}

static enum status port_parse(uint16_t *out, struct span text)
{
    uint32_t port = 0;
    if (text.size == 0 || text.size > 5) return ST_INVALID;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return ST_INVALID;
        port = port * 10 + (uint32_t)(text.data[i] - '0');
    }
    if (port == 0 || port > UINT16_MAX) return ST_INVALID;
    *out = (uint16_t)port;
    return ST_OK;
}

static enum status secret_parse(char out[PROXY_SECRET_MAX], struct span text)
{
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '%') {
            if (text.size - i < 3) return ST_INVALID;
            TRY(hex_decode(&c, 1, span_of(text.data + i + 1, 2)));
            i += 2;
        }
        if (c < ' ' || size + 1 >= PROXY_SECRET_MAX) return ST_INVALID;
        out[size++] = (char)c;
    }
    out[size] = '\0';
    return ST_OK;
}

static const uint8_t *last_of(struct span text, uint8_t wanted)
{
    for (size_t i = text.size; i > 0; i--)
        if (text.data[i - 1] == wanted) return text.data + i - 1;
    return NULL;
}

static void base64_put(struct buf *out, struct span bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        if (left > 1) group |= (uint32_t)bytes.data[i + 1] << 8;
        if (left > 2) group |= bytes.data[i + 2];
        buf_put_u8(out, (uint8_t)digits[group >> 18]);
        buf_put_u8(out, (uint8_t)digits[group >> 12 & 63u]);
        buf_put_u8(out, left > 1 ? (uint8_t)digits[group >> 6 & 63u] : '=');
        buf_put_u8(out, left > 2 ? (uint8_t)digits[group & 63u] : '=');
    }
}

/* --- the talk ------------------------------------------------------------------------------ */

void proxy_begin(struct proxy_talk *t,
                 const struct proxy *proxy,
                 const struct endpoint *target,
                 struct buf *out)
{
    must(proxy->kind != PROXY_NONE);
    t->proxy = proxy;
    t->target = target;
    t->size = 0;
    t->failure[0] = '\0';
    if (proxy->kind == PROXY_HTTP) {
        t->step = PROXY_STATUS;
        http_request(t, out);
        return;
    }
    t->step = PROXY_METHOD;
    bool has_secret = proxy->user[0] != '\0';
    buf_put_u8(out, SOCKS_VERSION);
    buf_put_u8(out, has_secret ? 2 : 1);
    buf_put_u8(out, SOCKS_NO_SECRET);
    if (has_secret) buf_put_u8(out, SOCKS_PASSWORD);
}

/* A byte at a time: what follows the answer belongs to the peer. */
enum status proxy_input(struct proxy_talk *t, struct span in, size_t *used, struct buf *out)
{
    for (size_t i = 0; i < in.size; i++) {
        if (t->size == PROXY_ANSWER_MAX) return refuse(t, "proxy answered too much");
        t->answer[t->size++] = in.data[i];
        enum status st = answer_judge(t, out);
        if (st == ST_BUSY) continue;
        *used = i + 1;
        return st;
    }
    *used = in.size;
    return ST_BUSY;
}

static enum status answer_judge(struct proxy_talk *t, struct buf *out)
{
    switch (t->step) {
    case PROXY_STATUS: return http_judge(t);
    case PROXY_METHOD: return method_judge(t, out);
    case PROXY_PASSWORD: return password_judge(t, out);
    case PROXY_REPLY: return reply_judge(t);
    }
    return ST_REJECTED;
}

static void http_target(const struct proxy_talk *t, struct buf *out)
{
    bool is_ip6 = strchr(t->target->host, ':') != NULL;
    buf_printf(out, is_ip6 ? "[%s]:%u" : "%s:%u", t->target->host, t->target->port);
}

static void http_request(const struct proxy_talk *t, struct buf *out)
{
    buf_put_text(out, "CONNECT ");
    http_target(t, out);
    buf_put_text(out, " HTTP/1.1\r\nHost: ");
    http_target(t, out);
    buf_put_text(out, "\r\n");
    if (t->proxy->user[0] != '\0') {
        uint8_t secret[2 * PROXY_SECRET_MAX];
        struct buf pair;
        buf_init_fixed(&pair, secret, sizeof(secret));
        buf_put_text(&pair, t->proxy->user);
        buf_put_u8(&pair, ':');
        buf_put_text(&pair, t->proxy->password);
        buf_put_text(out, "Proxy-Authorization: Basic ");
        base64_put(out, buf_span(&pair));
        buf_put_text(out, "\r\n");
        mem_wipe(secret, sizeof(secret));
    }
    buf_put_text(out, "\r\n");
}

/* The head of the answer is complete with its empty line; a 2xx answer to CONNECT has no body. */
static enum status http_judge(struct proxy_talk *t)
{
    if (t->size < 4 || memcmp(t->answer + t->size - 4, "\r\n\r\n", 4) != 0) return ST_BUSY;
    if (t->size < 12 || memcmp(t->answer, "HTTP/1.", 7) != 0) {
        return refuse(t, "proxy does not speak HTTP");
    }
    if (t->answer[9] == '2') return ST_OK;
    struct buf text;
    buf_init_fixed(&text, t->failure, sizeof(t->failure) - 1);
    buf_put_text(&text, "proxy answered ");
    for (size_t i = 9; i < t->size && i < HTTP_LINE_MAX && t->answer[i] != '\r'; i++) {
        uint8_t c = t->answer[i];
        buf_put_u8(&text, c >= ' ' && c <= '~' ? c : '?');
    }
    t->failure[text.size] = '\0';
    return ST_REJECTED;
}

static enum status method_judge(struct proxy_talk *t, struct buf *out)
{
    if (t->answer[0] != SOCKS_VERSION) return refuse(t, "proxy does not speak SOCKS5");
    if (t->size < 2) return ST_BUSY;
    uint8_t method = t->answer[1];
    t->size = 0;
    if (method == SOCKS_NO_SECRET) {
        t->step = PROXY_REPLY;
        socks_connect(t, out);
        return ST_BUSY;
    }
    if (method != SOCKS_PASSWORD || t->proxy->user[0] == '\0') {
        return refuse(t, "proxy wants credentials");
    }
    t->step = PROXY_PASSWORD;
    socks_password(t, out);
    return ST_BUSY;
}

static enum status password_judge(struct proxy_talk *t, struct buf *out)
{
    if (t->size < 2) return ST_BUSY;
    if (t->answer[1] != 0) return refuse(t, "proxy refused the user or password");
    t->size = 0;
    t->step = PROXY_REPLY;
    socks_connect(t, out);
    return ST_BUSY;
}

/* version, code, 0, kind of address, address, port. */
static enum status reply_judge(struct proxy_talk *t)
{
    if (t->size < 5) return ST_BUSY;
    if (t->answer[0] != SOCKS_VERSION) return refuse(t, "proxy does not speak SOCKS5");
    if (t->answer[1] != 0) return refuse(t, socks_text(t->answer[1]));
    size_t address = 0;
    switch (t->answer[3]) {
    case SOCKS_IP4: address = 4; break;
    case SOCKS_IP6: address = 16; break;
    case SOCKS_NAME: address = 1 + (size_t)t->answer[4]; break;
    default: return refuse(t, "proxy answered with an unknown kind of address");
    }
    return t->size < 4 + address + 2 ? ST_BUSY : ST_OK;
}

static void socks_connect(const struct proxy_talk *t, struct buf *out)
{
    size_t size = strlen(t->target->host);
    must(size > 0 && size <= UINT8_MAX);
    buf_put_u8(out, SOCKS_VERSION);
    buf_put_u8(out, SOCKS_CONNECT);
    buf_put_u8(out, 0);
    buf_put_u8(out, SOCKS_NAME); /* Numeric hosts too: proxies take them as names. */
    buf_put_u8(out, (uint8_t)size);
    buf_put_text(out, t->target->host);
    buf_put_u16_be(out, t->target->port);
}

static void socks_password(const struct proxy_talk *t, struct buf *out)
{
    buf_put_u8(out, 1); /* Version of RFC 1929. */
    buf_put_u8(out, (uint8_t)strlen(t->proxy->user));
    buf_put_text(out, t->proxy->user);
    buf_put_u8(out, (uint8_t)strlen(t->proxy->password));
    buf_put_text(out, t->proxy->password);
}

static enum status refuse(struct proxy_talk *t, const char *text)
{
    size_t size = strlen(text);
    must(size < PROXY_FAILURE_MAX);
    memcpy(t->failure, text, size + 1);
    return ST_REJECTED;
}

static const char *socks_text(uint8_t code)
{
    switch (code) {
    case 1: return "proxy answered: general failure";
    case 2: return "proxy answered: not allowed";
    case 3: return "proxy answered: network unreachable";
    case 4: return "proxy answered: host unreachable";
    case 5: return "proxy answered: connection refused";
    case 6: return "proxy answered: timed out";
    case 7: return "proxy answered: command not supported";
    case 8: return "proxy answered: kind of address not supported";
    default: return "proxy answered: unknown failure";
    }
}
