/* Goal: members that break the protocol and strangers of every kind are sent away with a reason,
 * cost little, and disturb nobody else. */
#include <stdatomic.h>
#include <stdlib.h>

#include "os/thread.h"
#include "p2p/frame.h"
#include "p2p/tls.h"
#include "support/cmocka_all.h"
#include "support/p2p_rig.h"

#define FLOOD_ALL     3000u
#define FLOOD_AT_ONCE 500u
#define ANN           0u
#define BOB           1u

/* The other side made by hand: TLS with any key, then any bytes. */
struct raw {
    struct loop *loop;
    struct tcp_stream *stream;
    struct tls_context *context; /* Null: no TLS, say at once. */
    struct tls *tls;
    struct buf say;
    bool is_secure;
    bool is_adopted;
    bool is_closed;
    enum bye bye;
    char failure[TLS_TEXT_MAX];
};

static bool raw_output(void *context, struct span bytes)
{
    struct raw *r = context;
    return tcp_write(r->stream, bytes) == ST_OK;
}

static bool raw_key(void *context, const struct public_key *key)
{
    (void)context;
    return public_key_is_formed(key);
}

static void raw_heard(struct raw *r, struct span bytes)
{
    struct frame f;
    for (size_t used = 0; bytes.size > 0; bytes = span_of(bytes.data + used, bytes.size - used)) {
        assert_int_equal(frame_decode(&f, &used, bytes), ST_OK);
        if (f.type == FRAME_ADOPT) r->is_adopted = true;
        if (f.type == FRAME_BYE) assert_int_equal(bye_decode(&r->bye, f.payload), ST_OK);
    }
}

static void raw_data(void *context, struct span bytes)
{
    struct raw *r = context;
    uint8_t plain[FRAME_MAX];
    size_t got = 0;
    if (r->tls == NULL) return;
    tls_input(r->tls, bytes);
    enum status st = r->is_secure ? ST_OK : tls_handshake(r->tls);
    if (st == ST_OK && !r->is_secure) {
        r->is_secure = true;
        if (r->say.size > 0) assert_int_equal(tls_write(r->tls, buf_span(&r->say)), ST_OK);
    }
    while (st == ST_OK) {
        st = tls_read(r->tls, plain, sizeof plain, &got);
        if (st == ST_OK) raw_heard(r, span_of(plain, got));
    }
    if (st == ST_REJECTED) memcpy(r->failure, tls_failure(r->tls), strlen(tls_failure(r->tls)) + 1);
    if (st != ST_BUSY) tcp_close(r->stream);
}

static void raw_closed(void *context)
{
    struct raw *r = context;
    r->is_closed = true;
}

static void raw_connected(void *context, enum status st)
{
    struct raw *r = context;
    struct tls_events events = {.output = raw_output, .key = raw_key, .context = r};
    if (st != ST_OK) return;
    if (r->context == NULL) {
        if (r->say.size > 0) assert_int_equal(tcp_write(r->stream, buf_span(&r->say)), ST_OK);
        return;
    }
    assert_int_equal(tls_new(&r->tls, r->context, &events, true), ST_OK);
    assert_int_equal(tls_handshake(r->tls), ST_BUSY);
}

static void raw_init(struct raw *r, struct p2p_rig *rig)
{
    *r = (struct raw){.loop = rig->loop};
    buf_init(&r->say, mem_system(), 0);
}

/* key: number in the rig; its certificate ended in 1970. */
static void raw_identity(struct raw *r, struct p2p_rig *rig, uint32_t key)
{
    const struct identity_span past = {.from_s = 1, .until_s = 2};
    assert_int_equal(tls_context_new(&r->context, mem_system(), &rig->secrets[key], &past), ST_OK);
}

static void raw_dial(struct raw *r, struct p2p_rig *rig)
{
    struct tcp_events events = {
        .data = raw_data, .closed = raw_closed, .connected = raw_connected, .context = r};
    struct tcp_target target = {.host = rig->host, .port = rig->nodes[ANN].port};
    assert_int_equal(tcp_connect(&r->stream, rig->loop, &target, &events), ST_OK);
}

static void raw_fini(struct raw *r) /* After loop_free. */
{
    assert_true(r->is_closed);
    tls_free(r->tls);
    tls_context_free(r->context);
    buf_fini(&r->say);
}

static bool raw_has_ended(struct p2p_rig *rig)
{
    const struct raw *r = rig->context;
    return r->is_closed;
}

static bool raw_is_adopted(struct p2p_rig *rig)
{
    const struct raw *r = rig->context;
    return r->is_adopted && rig->nodes[ANN].ups[BOB] == 1;
}

static struct hello good_hello(const struct p2p_rig *rig)
{
    struct hello hello = {.version = PROTOCOL_VERSION,
                          .chain_id = rig->nodes[ANN].config.chain_id,
                          .incarnation = 42};
    memcpy(hello.key, rig->keys[BOB].bytes, HELLO_KEY_SIZE);
    return hello;
}

/* Ann alone; bob is made by hand. */
static void ann_alone(struct p2p_rig *rig)
{
    p2p_rig_init(rig, 2, mem_system());
    rig->nodes[ANN].peers[BOB].address = "";
    p2p_rig_start(rig, ANN);
}

/* Bob says these bytes after TLS; ann says bye and notes failure. */
static void bob_says(struct span bytes, enum bye expected, const char *failure)
{
    struct p2p_rig rig;
    struct raw bob;
    ann_alone(&rig);
    raw_init(&bob, &rig);
    raw_identity(&bob, &rig, BOB);
    buf_put(&bob.say, bytes);
    rig.context = &bob;
    raw_dial(&bob, &rig);
    p2p_rig_wait(&rig, raw_has_ended);
    assert_int_equal(bob.bye, expected);
    p2p_rig_run_ms(&rig, 250); /* Views are at most a tick old. */
    assert_true(p2p_rig_failed(&rig, ANN, BOB, failure));
    assert_int_equal(rig.nodes[ANN].ups[BOB], rig.nodes[ANN].downs[BOB]);
    p2p_rig_fini(&rig);
    raw_fini(&bob);
}

static void bad_members(void **state)
{
    (void)state;
    struct p2p_rig rig;
    uint8_t bytes[256];
    uint8_t frame[FRAME_HEADER + FRAME_TOTAL + 1] = {0};
    struct buf b;
    ann_alone(&rig);
    struct hello hello = good_hello(&rig);
    p2p_rig_fini(&rig);
    buf_init_fixed(&b, bytes, sizeof bytes);

    bob_says(span_text("GET / HTTP/1.1\r\n\r\n"), BYE_GARBAGE, "no frame");
    hello.version++;
    hello_encode(&b, &hello);
    bob_says(buf_span(&b), BYE_OTHER_VERSION, "other version: it speaks version 3");
    buf_reset(&b);
    hello.version--;
    hello.key[0] ^= 1;
    hello_encode(&b, &hello);
    bob_says(buf_span(&b), BYE_WRONG_SENDER, "wrong sender: its HELLO names another key");
    buf_reset(&b);
    hello.key[0] ^= 1;
    hello_encode(&b, &hello);
    hello_encode(&b, &hello);
    bob_says(buf_span(&b), BYE_GARBAGE, "no frame"); /* Twice. */
    b.size /= 2;
    adopt_encode(&b, 5); /* It is ann who chooses. */
    bob_says(buf_span(&b), BYE_GARBAGE, "no frame");
    b.size = FRAME_HEADER + 88;
    frame_header_put(frame, P2P_CONSENSUS, FRAME_FIRST, FRAME_TOTAL + 1);
    memset(frame + FRAME_HEADER, 0xff, FRAME_TOTAL);
    buf_put(&b, span_of(frame, sizeof frame));
    bob_says(buf_span(&b), BYE_GARBAGE, "larger than its channel allows");
    buf_reset(&b);
    frame_encode(&b, &(struct frame){P2P_TX, FRAME_WHOLE, span_text("too early")});
    bob_says(buf_span(&b), BYE_GARBAGE, "no frame");
    buf_reset(&b);
    ping_encode(&b, 1);
    bob_says(buf_span(&b), BYE_GARBAGE, "no frame");
    buf_reset(&b);
    bye_encode(&b, BYE_STOPPING);
    bob_says(buf_span(&b), BYE_NONE, "it said: it stops");
}

/* The dates of a certificate mean nothing: one that ended in 1970 is as good as its key. */
static void old_certificate_is_good(void **state)
{
    (void)state;
    struct p2p_rig rig;
    struct raw bob;
    ann_alone(&rig);
    struct hello hello = good_hello(&rig);
    raw_init(&bob, &rig);
    raw_identity(&bob, &rig, BOB);
    hello_encode(&bob.say, &hello);
    rig.context = &bob;
    raw_dial(&bob, &rig);
    p2p_rig_wait(&rig, raw_is_adopted);
    /* And bob, whom his caller finds talking nonsense, is kept away when he comes again. */
    p2p_ban(rig.nodes[ANN].p2p, BOB, "nonsense in a vote");
    p2p_rig_wait(&rig, raw_has_ended);
    assert_int_equal(bob.bye, BYE_GARBAGE);
    struct raw again;
    raw_init(&again, &rig);
    raw_identity(&again, &rig, BOB);
    hello_encode(&again.say, &hello);
    rig.context = &again;
    raw_dial(&again, &rig);
    p2p_rig_wait(&rig, raw_has_ended);
    assert_int_equal(again.bye, BYE_BANNED);
    assert_true(p2p_rig_failed(&rig, ANN, BOB, "nonsense in a vote"));
    p2p_rig_fini(&rig);
    raw_fini(&bob);
    raw_fini(&again);
}

static void second_bob(struct p2p_rig *rig, struct raw *r, uint64_t incarnation)
{
    struct hello hello = good_hello(rig);
    hello.incarnation = incarnation;
    raw_init(r, rig);
    raw_identity(r, rig, BOB);
    hello_encode(&r->say, &hello);
    rig->context = r;
    raw_dial(r, rig);
}

static bool is_restarted(struct p2p_rig *rig)
{
    return rig->nodes[ANN].ups[BOB] == 2;
}

/* While one connection is in use, a second of the same bob is refused; one of a bob who was
 * restarted takes its place. */
static void second_connection(void **state)
{
    (void)state;
    struct p2p_rig rig;
    struct raw first;
    struct raw second;
    struct raw third;
    ann_alone(&rig);
    second_bob(&rig, &first, 42);
    p2p_rig_wait(&rig, raw_is_adopted);
    second_bob(&rig, &second, 42);
    p2p_rig_wait(&rig, raw_has_ended);
    assert_int_equal(second.bye, BYE_DUPLICATE);
    assert_false(first.is_closed);
    assert_int_equal(rig.nodes[ANN].ups[BOB], 1);
    second_bob(&rig, &third, 43);
    p2p_rig_wait(&rig, is_restarted);
    rig.context = &first;
    p2p_rig_wait(&rig, raw_has_ended);
    assert_int_equal(first.bye, BYE_DUPLICATE);
    p2p_rig_fini(&rig);
    raw_fini(&first);
    raw_fini(&second);
    raw_fini(&third);
}

/* A member that comes again and again without HELLO has one connection that waits, not many. */
static void member_waits_once(void **state)
{
    (void)state;
    struct p2p_rig rig;
    struct raw raws[8];
    ann_alone(&rig);
    rig.number = 8;
    rig.context = raws;
    for (uint32_t i = 0; i < 8; i++) {
        raw_init(&raws[i], &rig);
        raw_identity(&raws[i], &rig, BOB);
        raw_dial(&raws[i], &rig);
    }
    for (uint32_t open = 8; open > 1;) {
        p2p_rig_run_ms(&rig, 20);
        open = 0;
        for (uint32_t i = 0; i < 8; i++)
            open += raws[i].is_closed ? 0 : 1;
        assert_true(open >= 1);
    }
    p2p_rig_fini(&rig);
    for (uint32_t i = 0; i < 8; i++)
        raw_fini(&raws[i]);
}

/* --- strangers ----------------------------------------------------------------------------- */

static struct p2p_stranger_view strangers(struct p2p_rig *rig)
{
    struct p2p_stranger_view view;
    p2p_strangers(rig->nodes[ANN].p2p, &view);
    return view;
}

static void stranger_says(struct span bytes)
{
    struct p2p_rig rig;
    struct raw r;
    ann_alone(&rig);
    raw_init(&r, &rig);
    buf_put(&r.say, bytes);
    rig.context = &r;
    raw_dial(&r, &rig);
    p2p_rig_wait(&rig, raw_has_ended);
    p2p_rig_run_ms(&rig, 250);
    assert_int_equal(strangers(&rig).failed, 1);
    assert_int_equal(strangers(&rig).now, 0);
    assert_string_not_equal(strangers(&rig).last_failure, "");
    p2p_rig_fini(&rig);
    raw_fini(&r);
}

static void garbage_before_tls(void **state)
{
    (void)state;
    static uint8_t flood[40000] = {22, 3, 1, 0x3f, 0xff};
    stranger_says(span_text("GET / HTTP/1.1\r\n\r\n"));
    stranger_says(span_of(flood, sizeof flood)); /* A record that never ends. */
    flood[0] = 0xff;
    stranger_says(span_of(flood, 100));
}

static void unknown_key(void **state)
{
    (void)state;
    struct p2p_rig rig;
    struct raw r;
    ann_alone(&rig);
    raw_init(&r, &rig);
    raw_identity(&r, &rig, P2P_RIG_MAX);
    rig.context = &r;
    raw_dial(&r, &rig);
    p2p_rig_wait(&rig, raw_has_ended);
    assert_non_null(strstr(r.failure, "does not know our key"));
    p2p_rig_run_ms(&rig, 250);
    assert_non_null(strstr(strangers(&rig).last_failure, "unknown key"));
    p2p_rig_fini(&rig);
    raw_fini(&r);
}

static bool idle_ones_are_gone(struct p2p_rig *rig)
{
    const struct raw *raws = rig->context;
    for (uint32_t i = 0; i < rig->number; i++)
        if (!raws[i].is_closed) return false;
    return true;
}

/* A hundred that say nothing take all places, no more; bob gets in all the same; in the end they
 * are gone. */
static void idle_strangers(void **state)
{
    (void)state;
    struct p2p_rig rig;
    struct raw *raws = calloc(100, sizeof(*raws));
    assert_non_null(raws);
    ann_alone(&rig);
    rig.number = 100;
    rig.context = raws;
    for (uint32_t i = 0; i < rig.number; i++) {
        raw_init(&raws[i], &rig);
        raw_dial(&raws[i], &rig);
    }
    p2p_rig_run_ms(&rig, 300);
    assert_int_equal(strangers(&rig).accepted, 100);
    assert_int_equal(strangers(&rig).refused, 68);
    assert_int_equal(strangers(&rig).now, 32);
    p2p_rig_start(&rig, BOB);
    p2p_rig_wait(&rig, p2p_rig_all_up);
    p2p_rig_wait(&rig, idle_ones_are_gone);
    p2p_rig_run_ms(&rig, 250);
    assert_true(strangers(&rig).displaced >= 1);
    assert_int_equal(strangers(&rig).timed_out + strangers(&rig).displaced, 32);
    assert_int_equal(strangers(&rig).now, 0);
    assert_int_equal(rig.nodes[ANN].downs[BOB], 0);
    p2p_rig_fini(&rig);
    for (uint32_t i = 0; i < 100; i++)
        raw_fini(&raws[i]);
    free(raws);
}

static void answer(struct p2p_rig_node *node,
                   uint32_t peer,
                   enum p2p_channel channel,
                   struct span bytes)
{
    assert_int_equal(p2p_send(node->p2p, peer, channel, bytes), ST_OK);
}

/* Strangers in a thread of their own who dial again and again. */
struct flood {
    const char *host;
    uint16_t port;
    struct loop *loop;
    struct tls_context *context;
    uint32_t begun;
    uint32_t open;
    _Atomic bool is_over;
    struct caller {
        struct raw raw;
        struct flood *flood;
    } callers[FLOOD_AT_ONCE];
};

static void caller_dial(struct caller *c);

static void caller_data(void *context, struct span bytes)
{
    struct caller *c = context;
    raw_data(&c->raw, bytes);
}

static void caller_connected(void *context, enum status st)
{
    struct caller *c = context;
    raw_connected(&c->raw, st);
}

static void caller_closed(void *context)
{
    struct caller *c = context;
    tls_free(c->raw.tls);
    c->flood->open--;
    if (c->flood->begun < FLOOD_ALL) {
        caller_dial(c);
    } else if (c->flood->open == 0) {
        loop_stop(c->flood->loop);
    }
}

static void caller_dial(struct caller *c)
{
    struct tcp_events events = {
        .data = caller_data, .closed = caller_closed, .connected = caller_connected, .context = c};
    struct tcp_target target = {.host = c->flood->host, .port = c->flood->port};
    c->raw = (struct raw){.loop = c->flood->loop, .context = c->flood->context};
    c->flood->begun++;
    c->flood->open++;
    if (tcp_connect(&c->raw.stream, c->flood->loop, &target, &events) != ST_OK) abort();
}

static void flood_main(void *context)
{
    struct flood *f = context;
    for (uint32_t i = 0; i < FLOOD_AT_ONCE; i++) {
        f->callers[i].flood = f;
        caller_dial(&f->callers[i]);
    }
    loop_run(f->loop);
    atomic_store(&f->is_over, true);
}

static bool flood_is_over(struct p2p_rig *rig)
{
    struct flood *f = rig->context;
    return atomic_load(&f->is_over);
}

/* Thousands of handshakes with an unknown key, 500 at a time: none gets in, none keeps its place,
 * and votes between members go on all the while. */
static void handshaking_strangers(void **state)
{
    (void)state;
    struct p2p_rig rig;
    struct raw key;
    struct thread *thread = NULL;
    struct flood *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    p2p_rig_init(&rig, 2, mem_system());
    p2p_rig_start(&rig, ANN);
    p2p_rig_start(&rig, BOB);
    p2p_rig_wait(&rig, p2p_rig_all_up);
    raw_init(&key, &rig);
    raw_identity(&key, &rig, P2P_RIG_MAX);
    f->context = key.context;
    f->host = rig.host;
    f->port = rig.nodes[ANN].port;
    assert_int_equal(loop_new(&f->loop, mem_system()), ST_OK);
    rig.context = f;
    rig.nodes[ANN].message = answer;
    rig.nodes[BOB].message = answer;
    assert_int_equal(p2p_send(rig.nodes[ANN].p2p, BOB, P2P_CONSENSUS, span_text("vote")), ST_OK);
    assert_int_equal(thread_start(&thread, mem_system(), "flood", flood_main, f), ST_OK);
    p2p_rig_wait(&rig, flood_is_over);
    thread_join(thread);
    uint64_t votes = rig.nodes[ANN].received[P2P_CONSENSUS];
    rig.nodes[ANN].message = NULL;
    p2p_rig_run_ms(&rig, 250);
    struct p2p_stranger_view view = strangers(&rig);
    print_message("refused %u, failed %u, votes %u\n", (unsigned)view.refused,
                  (unsigned)view.failed, (unsigned)votes);
    assert_true(view.accepted >= FLOOD_ALL);
    assert_int_equal(rig.nodes[ANN].downs[BOB], 0);
    assert_int_equal(view.now, 0);
    assert_true(votes > 200);
    p2p_rig_fini(&rig);
    loop_free(f->loop);
    tls_context_free(key.context);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_members),       cmocka_unit_test(old_certificate_is_good),
        cmocka_unit_test(unknown_key),       cmocka_unit_test(member_waits_once),
        cmocka_unit_test(second_connection), cmocka_unit_test(garbage_before_tls),
        cmocka_unit_test(idle_strangers),    cmocka_unit_test(handshaking_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
