/* p2p_rig.c - See p2p_rig.h. */
#include "support/p2p_rig.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/identity.h"
#include "support/cmocka_all.h"

#define POLL_MS 2u

static uint64_t wall_ms(struct os *os)
{
    const struct p2p_rig *rig = (const struct p2p_rig *)os;
    return os_posix()->wall_ms(os_posix()) + rig->ahead_ms;
}

static void on_up(void *context, uint32_t peer)
{
    struct p2p_rig_node *node = context;
    node->ups[peer]++;
    assert_true(p2p_is_up(node->p2p, peer));
    if (node->up != NULL) node->up(node, peer);
}

static void on_down(void *context, uint32_t peer)
{
    struct p2p_rig_node *node = context;
    node->downs[peer]++;
    assert_int_equal(node->downs[peer], node->ups[peer]);
    assert_false(p2p_is_up(node->p2p, peer));
}

static void on_message(void *context, uint32_t peer, enum p2p_channel channel, struct span bytes)
{
    struct p2p_rig_node *node = context;
    assert_true(node->ups[peer] == node->downs[peer] + 1);
    node->received[channel]++;
    node->last_channel = channel;
    buf_reset(&node->last);
    if (bytes.size <= 65536) buf_put(&node->last, bytes);
    if (node->message != NULL) node->message(node, peer, channel, bytes);
}

static void on_poll(void *context)
{
    struct p2p_rig *rig = context;
    rig->is_late = loop_now_ms(rig->loop) >= rig->deadline_ms;
    if (rig->is_late || (rig->is_done != NULL && rig->is_done(rig))) loop_stop(rig->loop);
}

/* A port that was free a moment ago, below those that the kernel gives to clients. */
static uint16_t free_port(const char *host)
{
    static uint16_t next;
    if (next == 0) next = 21000;
    for (;;) {
        int descriptor = socket(AF_INET, SOCK_STREAM, 0);
        int yes = 1;
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(next)};
        assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
        assert_true(descriptor >= 0);
        assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
        uint16_t tried = next;
        next = next == 21999 ? 21000 : (uint16_t)(next + 1);
        int result = bind(descriptor, (const struct sockaddr *)&address, sizeof(address));
        close(descriptor);
        if (result == 0) return tried;
    }
}

static struct public_key public_of(const struct secret_key *secret)
{
    uint8_t bytes[IDENTITY_CERTIFICATE_MAX];
    struct buf der;
    struct public_key key;
    buf_init_fixed(&der, bytes, sizeof(bytes));
    assert_int_equal(identity_certificate_make(&der, secret, &(struct identity_span){1, 2}), ST_OK);
    assert_int_equal(identity_certificate_key(&key, buf_span(&der)), ST_OK);
    return key;
}

static void node_init(struct p2p_rig *rig, uint32_t number, struct mem *mem)
{
    static const char *const names[P2P_RIG_MAX] = {"ann", "bob", "cid", "dan"};
    struct p2p_rig_node *node = &rig->nodes[number];
    node->rig = rig;
    node->number = number;
    for (uint32_t i = 0; i < rig->count; i++) {
        (void)snprintf(node->addresses[i], sizeof(node->addresses[i]), "%s:%u", rig->host,
                       rig->nodes[i].port);
        node->peers[i] = (struct p2p_peer_config){
            .key = rig->keys[i], .name = names[i], .address = node->addresses[i]};
    }
    node->config = (struct p2p_config){
        .os = &rig->os,
        .mem = mem,
        .loop = rig->loop,
        .chain_id = {{1, 2, 3}},
        .node_key = rig->secrets[number],
        .peers = node->peers,
        .peer_count = rig->count,
        .listen_host = rig->host,
        .listen_port = node->port,
        .proxy = "",
        .events = {.up = on_up, .down = on_down, .message = on_message, .context = node}};
    buf_init(&node->last, mem_system(), 0);
}

/* Who has the lower key chooses between connections: in the rig the lower number. */
static void sort_keys(struct p2p_rig *rig)
{
    for (uint32_t i = 1; i < P2P_RIG_MAX; i++) {
        for (uint32_t k = i; k > 0; k--) {
            if (memcmp(rig->keys[k - 1].bytes, rig->keys[k].bytes, 32) < 0) break;
            struct public_key key = rig->keys[k];
            struct secret_key secret = rig->secrets[k];
            rig->keys[k] = rig->keys[k - 1];
            rig->secrets[k] = rig->secrets[k - 1];
            rig->keys[k - 1] = key;
            rig->secrets[k - 1] = secret;
        }
    }
}

void p2p_rig_init(struct p2p_rig *rig, uint32_t count, struct mem *mem)
{
    assert_true(count <= P2P_RIG_MAX);
    memset(rig, 0, sizeof(*rig));
    rig->os = *os_posix();
    rig->os.wall_ms = wall_ms;
    rig->count = count;
    uint32_t process = (uint32_t)getpid();
    (void)snprintf(rig->host, sizeof(rig->host), "127.%u.%u.1", 1 + process / 256 % 254,
                   process % 256);
    assert_int_equal(loop_new(&rig->loop, mem_system()), ST_OK);
    assert_int_equal(loop_timer_new(&rig->timer, rig->loop, on_poll, rig), ST_OK);
    for (uint32_t i = 0; i <= P2P_RIG_MAX; i++) {
        rig->secrets[i] = (struct secret_key){.scheme = SIGN_ED25519, .bytes = {(uint8_t)(i + 1)}};
        rig->keys[i] = public_of(&rig->secrets[i]);
    }
    sort_keys(rig);
    for (uint32_t i = 0; i < count; i++)
        rig->nodes[i].port = free_port(rig->host);
    for (uint32_t i = 0; i < count; i++)
        node_init(rig, i, mem);
}

void p2p_rig_fini(struct p2p_rig *rig)
{
    for (uint32_t i = 0; i < rig->count; i++) {
        p2p_rig_stop(rig, i);
        buf_fini(&rig->nodes[i].last);
    }
    loop_timer_free(rig->timer);
    loop_free(rig->loop);
}

enum status p2p_rig_try(struct p2p_rig *rig, uint32_t number)
{
    return p2p_new(&rig->nodes[number].p2p, &rig->nodes[number].config);
}

void p2p_rig_start(struct p2p_rig *rig, uint32_t number)
{
    assert_int_equal(p2p_rig_try(rig, number), ST_OK);
}

void p2p_rig_stop(struct p2p_rig *rig, uint32_t number)
{
    struct p2p_rig_node *node = &rig->nodes[number];
    p2p_free(node->p2p);
    node->p2p = NULL;
    memset(node->ups, 0, sizeof(node->ups));
    memset(node->downs, 0, sizeof(node->downs));
}

void p2p_rig_wait(struct p2p_rig *rig, bool (*is_done)(struct p2p_rig *rig))
{
    rig->is_done = is_done;
    rig->is_late = false;
    rig->deadline_ms = loop_now_ms(rig->loop) + P2P_RIG_SECONDS * (uint64_t)1000;
    loop_timer_start(rig->timer, 0, POLL_MS);
    loop_run(rig->loop);
    loop_timer_stop(rig->timer);
    assert_false(rig->is_late);
}

void p2p_rig_run_ms(struct p2p_rig *rig, uint64_t ms)
{
    rig->is_done = NULL;
    rig->deadline_ms = loop_now_ms(rig->loop) + ms;
    loop_timer_start(rig->timer, 0, POLL_MS);
    loop_run(rig->loop);
    loop_timer_stop(rig->timer);
}

bool p2p_rig_all_up(struct p2p_rig *rig)
{
    for (uint32_t i = 0; i < rig->count; i++) {
        for (uint32_t j = 0; j < rig->count; j++) {
            if (i == j || rig->nodes[i].p2p == NULL || rig->nodes[j].p2p == NULL) continue;
            if (!p2p_is_up(rig->nodes[i].p2p, j)) return false;
        }
    }
    return true;
}

struct p2p_peer_view p2p_rig_view(struct p2p_rig *rig, uint32_t node, uint32_t peer)
{
    struct p2p_peer_view view;
    p2p_view(rig->nodes[node].p2p, peer, &view);
    return view;
}

bool p2p_rig_failed(struct p2p_rig *rig, uint32_t node, uint32_t peer, const char *text)
{
    struct p2p_peer_view view = p2p_rig_view(rig, node, peer);
    return strstr(view.last_failure, text) != NULL;
}
