/* Goal: no bytes from a peer, a stranger or a proxy harm the decoders of the network. The entry for
 * frames is the one the driver uses, inbox_feed.
 *
 * First byte of the input: bits 0 and 1 what is decoded (frames, the talk with an HTTP proxy, with
 * a SOCKS5 proxy, texts and certificates); bits 2 and 3 how large the portions are. */
#include <stdint.h>

#include "base/must.h"
#include "crypto/identity.h"
#include "p2p/inbox.h"
#include "p2p/proxy.h"

/* NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status on_message(void *context, enum p2p_channel channel, struct span bytes)
{
    uint64_t *sum = context;
    must(bytes.size > 0 && bytes.size <= p2p_message_max(channel));
    for (size_t i = 0; i < bytes.size; i++)
        *sum += bytes.data[i];
    return ST_OK;
}

static enum status on_control(void *context, const struct frame *frame)
{
    struct hello hello;
    struct pong pong;
    enum bye bye;
    uint64_t *number = context;
    switch ((enum frame_type)frame->type) {
    case FRAME_HELLO: return hello_decode(&hello, frame->payload);
    case FRAME_ADOPT: return adopt_decode(number, frame->payload);
    case FRAME_PING: return ping_decode(number, frame->payload);
    case FRAME_PONG: return pong_decode(&pong, frame->payload);
    case FRAME_BYE: return bye_decode(&bye, frame->payload);
    }
    return ST_INVALID;
}

static void frames(struct span in, size_t step)
{
    uint64_t sum = 0;
    struct inbox inbox;
    struct inbox_events events = {.message = on_message, .control = on_control, .context = &sum};
    inbox_init(&inbox, mem_system());
    enum status st = ST_OK;
    for (size_t at = 0; at < in.size && st == ST_OK; at += step) {
        size_t left = in.size - at;
        st = inbox_feed(&inbox, span_of(in.data + at, left < step ? left : step), &events);
    }
    inbox_fini(&inbox);
}

static void talk(const char *url, struct span in, size_t step)
{
    struct proxy proxy;
    struct endpoint target = {.host = "peer", .port = 1};
    static struct proxy_talk t;
    struct buf said;
    must(proxy_parse(&proxy, url) == ST_OK);
    buf_init(&said, mem_system(), 0);
    proxy_begin(&t, &proxy, &target, &said);
    enum status st = ST_BUSY;
    for (size_t at = 0; at < in.size && st == ST_BUSY;) {
        size_t left = in.size - at;
        size_t used = 0;
        st = proxy_input(&t, span_of(in.data + at, left < step ? left : step), &used, &said);
        must(used <= left);
        at += used;
    }
    if (st == ST_REJECTED) must(t.failure[0] != '\0' && strlen(t.failure) < PROXY_FAILURE_MAX);
    buf_fini(&said);
}

static void texts(struct span in)
{
    char text[512];
    struct public_key key;
    struct endpoint endpoint;
    struct proxy proxy;
    size_t size = in.size < sizeof text - 1 ? in.size : sizeof text - 1;
    if (size > 0) memcpy(text, in.data, size);
    text[size] = '\0';
    if (endpoint_parse(&endpoint, text) == ST_OK) must(endpoint.port != 0);
    if (proxy_parse(&proxy, text) == ST_OK) must((proxy.kind == PROXY_NONE) == (text[0] == '\0'));
    if (identity_certificate_key(&key, in) == ST_OK) must(public_key_is_formed(&key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {65536, 1, 7, 100};
    if (size == 0) return 0;
    struct span in = span_of(data + 1, size - 1);
    size_t step = steps[data[0] >> 2 & 3u];
    switch (data[0] & 3u) {
    case 0: frames(in, step); break;
    case 1: talk("http://a:b@p:1", in, step); break;
    case 2: talk("socks5://a:b@p:1", in, step); break;
    default: texts(in); break;
    }
    return 0;
}
