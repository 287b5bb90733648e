/* p2p.c - What a message costs between two nodes: CPU of each end per transaction of 400 bytes,
 * when a few are said in each turn of the loop and when many are, and the rate of bulk.
 *
 * Each node has a loop and a thread of its own; real sockets over loopback, real TLS. Prints one
 * line per case. Exit code 1 when an end needs more than the microsecond it may, in the case of
 * many. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "crypto/identity.h"
#include "os/thread.h"
#include "p2p/p2p.h"

#define PORT    21990
#define SPAN_NS 1000.0
#define BULK    ((size_t)1 << 20)

struct scene {
    const char *name;
    enum p2p_channel channel;
    size_t size;
    uint32_t per_turn; /* Said every millisecond. */
    uint32_t count;
    double ns_max; /* Per message and end; 0: any. */
};

struct side {
    struct scene scene;
    struct loop *loop;
    struct loop_timer *timer;
    struct p2p *p2p;
    uint32_t number;
    uint32_t said;
    uint32_t heard;
    uint64_t begin_ns;
    uint64_t end_ns;
    uint64_t cpu_ns;
    uint8_t *bytes;
    struct side *other;
};

static struct secret_key secret_of(uint32_t number)
{
    return (struct secret_key){.scheme = SIGN_ED25519, .bytes = {(uint8_t)(number + 1)}};
}

static struct public_key public_of(uint32_t number)
{
    uint8_t bytes[IDENTITY_CERTIFICATE_MAX];
    struct secret_key secret = secret_of(number);
    struct identity_span span = {1, 2};
    struct public_key key;
    struct buf der;
    buf_init_fixed(&der, bytes, sizeof bytes);
    must(identity_certificate_make(&der, &secret, &span) == ST_OK);
    must(identity_certificate_key(&key, buf_span(&der)) == ST_OK);
    return key;
}

static uint64_t now_ns(void)
{
    return os_posix()->monotonic_ns(os_posix());
}

static void on_up(void *context, uint32_t peer)
{
    struct side *s = context;
    (void)peer;
    s->begin_ns = now_ns();
    if (s->number == 0) loop_timer_start(s->timer, 1, 1);
}

static void on_down(void *context, uint32_t peer)
{
    struct side *s = context;
    (void)peer;
    loop_stop(s->loop);
}

static void on_message(void *context, uint32_t peer, enum p2p_channel channel, struct span bytes)
{
    struct side *s = context;
    (void)peer;
    must(bytes.size == s->scene.size && channel == s->scene.channel);
    if (++s->heard < s->scene.count) return;
    s->end_ns = now_ns();
    loop_stop(s->loop);
}

static void on_timer(void *context)
{
    struct side *s = context;
    for (uint32_t i = 0; i < s->scene.per_turn && s->said < s->scene.count; i++) {
        enum status st = p2p_send(s->p2p, 1, s->scene.channel, span_of(s->bytes, s->scene.size));
        if (st == ST_BUSY) return;
        must(st == ST_OK);
        s->said++;
    }
}

static void side_main(void *context)
{
    struct side *s = context;
    loop_run(s->loop);
}

static void side_start(struct side *s)
{
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", PORT);
    struct p2p_peer_config peers[2] = {
        {.key = public_of(0), .name = "zero", .address = ""},
        {.key = public_of(1), .name = "one", .address = s->number == 0 ? address : ""}};
    struct p2p_config config = {
        .os = os_posix(),
        .mem = mem_system(),
        .node_key = secret_of(s->number),
        .peers = peers,
        .peer_count = 2,
        .listen_host = s->number == 1 ? "127.0.0.1" : "",
        .listen_port = PORT,
        .proxy = "",
        .events = {.up = on_up, .down = on_down, .message = on_message, .context = s}};
    must(loop_new(&s->loop, mem_system()) == ST_OK);
    must(loop_timer_new(&s->timer, s->loop, on_timer, s) == ST_OK);
    config.loop = s->loop;
    s->bytes = malloc(s->scene.size);
    must(s->bytes != NULL);
    memset(s->bytes, 7, s->scene.size);
    must(p2p_new(&s->p2p, &config) == ST_OK);
}

static void side_end(struct side *s)
{
    p2p_free(s->p2p);
    loop_free(s->loop);
    free(s->bytes);
}

/* The receiver ends by itself; then the sender sees it go. */
static bool run(const struct scene *scene)
{
    struct side sides[2] = {{.scene = *scene, .number = 0}, {.scene = *scene, .number = 1}};
    struct thread *threads[2];
    uint64_t cpu[2];
    side_start(&sides[1]);
    side_start(&sides[0]);
    uint64_t before = os_posix()->process_cpu_ns(os_posix());
    for (uint32_t i = 0; i < 2; i++)
        must(thread_start(&threads[i], mem_system(), "side", side_main, &sides[i]) == ST_OK);
    thread_join(threads[1]);
    side_end(&sides[1]);
    cpu[0] = thread_cpu_ns(threads[0]);
    cpu[1] = os_posix()->process_cpu_ns(os_posix()) - before - cpu[0];
    thread_join(threads[0]);
    struct p2p_peer_view view;
    p2p_view(sides[0].p2p, 1, &view);
    double seconds = (double)(sides[1].end_ns - sides[1].begin_ns) / 1e9;
    double out = (double)cpu[0] / scene->count;
    double in = (double)cpu[1] / scene->count;
    printf("%-22s %8.0f/s %8.1f MB/s  CPU per message: sender %8.1f ns, receiver %8.1f ns\n",
           scene->name, scene->count / seconds, scene->count / seconds * (double)scene->size / 1e6,
           out, in);
    side_end(&sides[0]);
    return scene->ns_max <= 0 || (out <= scene->ns_max && in <= scene->ns_max);
}

int main(void)
{
    static const struct scene scenes[] = {
        {"400 B, 4 in a turn", P2P_TX, 400, 4, 20000, 0},
        {"400 B, 100 in a turn", P2P_TX, 400, 100, 500000, SPAN_NS},
        {"400 B, 1000 in a turn", P2P_TX, 400, 1000, 2000000, SPAN_NS},
        {"1 MiB", P2P_BULK, BULK, 8, 1000, 0},
    };
    bool is_good = true;
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
        is_good &= run(&scenes[i]);
    return is_good ? 0 : 1;
}
