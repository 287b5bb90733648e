#include "node/alarm.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/hex.h"
#include "node/queue.h"
#include "os/post.h"
#include "os/thread.h"

#define TEXT_MAX 700u

struct item {
    uint64_t time_ms;
    char text[TEXT_MAX];
};

struct alarm {
    struct alarm_config config;
    struct queue *inbox;
    struct thread *thread;
    atomic_bool is_ending;
    bool is_silent; /* It was said that nothing arrives. */
};

static void run(void *context);

enum status alarm_new(struct alarm **out, const struct alarm_config *config)
{
    struct alarm *a = mem_alloc_zero(config->mem, 1, sizeof *a);
    if (a == NULL) return ST_NO_MEMORY;
    a->config = *config;
    enum status st = queue_new(&a->inbox, config->mem, ALARM_QUEUE_MAX, NULL, NULL);
    if (st == ST_OK) st = thread_start(&a->thread, config->mem, "alarm", run, a);
    if (st != ST_OK) {
        alarm_free(a);
        return st;
    }
    *out = a;
    return ST_OK;
}

void alarm_free(struct alarm *a)
{
    if (a == NULL) return;
    atomic_store(&a->is_ending, true);
    if (a->inbox != NULL) queue_close(a->inbox);
    thread_join(a->thread);
    queue_free(a->inbox);
    mem_free(a->config.mem, a);
}

void alarm_raise_text(struct alarm *a, const char *text)
{
    if (a == NULL) return;
    struct item *item = mem_alloc(a->config.mem, sizeof *item);
    if (item == NULL) return;
    item->time_ms = a->config.os->wall_ms(a->config.os);
    (void)snprintf(item->text, sizeof item->text, "%s", text);
    if (queue_push(a->inbox, item) != ST_OK) mem_free(a->config.mem, item);
}

/* Quotes, backslashes and control characters; other bytes are UTF-8 of our own. */
static void put_text(struct buf *out, const char *text)
{
    for (const char *at = text; *at != 0; at++) {
        if (*at == '"' || *at == '\\')
            buf_printf(out, "\\%c", *at);
        else if ((unsigned char)*at < ' ')
            buf_printf(out, "\\u%04x", (unsigned)(unsigned char)*at);
        else
            buf_put_u8(out, (uint8_t)*at);
    }
}

static void encode(const struct alarm *a, struct buf *out, const struct item *item)
{
    char chain[2 * HASH_SIZE + 1];
    char node[2 * SIGN_PUBLIC_MAX + 1];
    hex_encode(chain, hash_span(&a->config.chain_id));
    hex_encode(node, span_of(a->config.node.bytes, a->config.node.size));
    buf_printf(out, "{\"chain\":\"%s\",\"node\":\"%s\",\"time_ms\":%" PRIu64 ",\"text\":\"", chain,
               node, item->time_ms);
    put_text(out, item->text);
    buf_put_text(out, "\"}");
}

static void send(struct alarm *a, const struct item *item)
{
    struct buf body;
    char why[POST_WHY_MAX] = "";
    buf_init(&body, a->config.mem, 0);
    encode(a, &body, item);
    enum status st = buf_status(&body);
    for (uint32_t i = 0; st == ST_OK && i < ALARM_TRIES; i++) {
        st = http_post(a->config.url, buf_span(&body), ALARM_TIMEOUT_MS, why);
        if (st == ST_OK || atomic_load(&a->is_ending)) break;
        if (i + 1 < ALARM_TRIES) st = ST_OK; /* Once more. */
    }
    buf_fini(&body);
    if (st != ST_OK && !a->is_silent && a->config.warn != NULL) {
        char text[POST_WHY_MAX + 64];
        (void)snprintf(text, sizeof text, "the webhook of [alarm] does not take alarms: %s", why);
        a->config.warn(text);
    }
    a->is_silent = st != ST_OK;
}

static void run(void *context)
{
    struct alarm *a = context;
    for (;;) {
        void *item;
        if (queue_wait(a->inbox, &item, 1) == 0) return;
        send(a, item);
        mem_free(a->config.mem, item);
    }
}
