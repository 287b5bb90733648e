/* Goal: nodes on real sockets find each other, keep exactly one connection per pair, pass messages
 * whole and by urgency, and tell in one line why a connection does not come up. */
#include "p2p/p2p.h"

#include <stdlib.h>

#include "os/thread.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/p2p_rig.h"

#define MEBI  ((size_t)1 << 20)
#define RACES 200u
#define HALF_DAY                                                                                   \
    ((uint64_t)13 * 3600 * 1000) /* And an hour: the certificate is past its middle.               \
                                  */

static bool message_from_each(struct p2p_rig *rig)
{
    for (uint32_t i = 0; i < rig->count; i++)
        if (rig->nodes[i].received[P2P_CONSENSUS] < rig->count - 1) return false;
    return true;
}

static void pair_up(struct p2p_rig *rig)
{
    p2p_rig_init(rig, 2, mem_system());
    p2p_rig_start(rig, 0);
    p2p_rig_start(rig, 1);
    p2p_rig_wait(rig, p2p_rig_all_up);
}

/* Four nodes come up and each message of a broadcast arrives at all others. */
static void four_nodes_talk(void **state)
{
    (void)state;
    struct p2p_rig rig;
    p2p_rig_init(&rig, 4, mem_system());
    for (uint32_t i = 0; i < 4; i++)
        p2p_rig_start(&rig, i);
    p2p_rig_wait(&rig, p2p_rig_all_up);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(p2p_broadcast(rig.nodes[i].p2p, P2P_CONSENSUS, span_text("vote")), 3);
    p2p_rig_wait(&rig, message_from_each);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(rig.nodes[i].received[P2P_CONSENSUS], 3);
        assert_true(span_equal(buf_span(&rig.nodes[i].last), span_text("vote")));
    }
    p2p_rig_fini(&rig);
}

static void greet(struct p2p_rig_node *node, uint32_t peer)
{
    assert_int_equal(p2p_send(node->p2p, peer, P2P_CONSENSUS, span_text("hello")), ST_OK);
}

/* Both dial at the same moment: one connection stays, it never changes, and what was said the
 * moment it stood arrives. */
static void both_dial_at_once(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < RACES; i++) {
        struct p2p_rig rig;
        p2p_rig_init(&rig, 2, mem_system());
        rig.nodes[0].up = greet;
        rig.nodes[1].up = greet;
        p2p_rig_start(&rig, i % 2);
        p2p_rig_start(&rig, 1 - i % 2);
        p2p_rig_wait(&rig, message_from_each);
        p2p_rig_run_ms(&rig, 10);
        for (uint32_t n = 0; n < 2; n++) {
            assert_int_equal(rig.nodes[n].ups[1 - n], 1);
            assert_int_equal(rig.nodes[n].downs[1 - n], 0);
            assert_int_equal(rig.nodes[n].received[P2P_CONSENSUS], 1);
            assert_string_equal(p2p_rig_view(&rig, n, 1 - n).last_failure, "");
        }
        assert_int_not_equal(p2p_rig_view(&rig, 0, 1).is_dialled_by_us,
                             p2p_rig_view(&rig, 1, 0).is_dialled_by_us);
        p2p_rig_fini(&rig);
    }
}

static void statuses_of_send(void **state)
{
    (void)state;
    struct p2p_rig rig;
    uint8_t *big = calloc(1, P2P_BULK_MAX + 1);
    assert_non_null(big);
    p2p_rig_init(&rig, 3, mem_system());
    p2p_rig_start(&rig, 0);
    p2p_rig_start(&rig, 1);
    struct p2p *p = rig.nodes[0].p2p;
    assert_int_equal(p2p_send(p, 1, P2P_TX, span_text("x")), ST_CLOSED);
    p2p_rig_wait(&rig, p2p_rig_all_up);
    assert_int_equal(p2p_send(p, 2, P2P_TX, span_text("x")), ST_CLOSED);
    assert_int_equal(p2p_send(p, 0, P2P_TX, span_text("x")), ST_INVALID);
    assert_int_equal(p2p_send(p, 3, P2P_TX, span_text("x")), ST_INVALID);
    assert_int_equal(p2p_send(p, 1, P2P_TX, span_of(big, 0)), ST_INVALID);
    for (uint32_t c = 0; c < P2P_CHANNELS; c++) {
        uint32_t most = p2p_message_max((enum p2p_channel)c);
        assert_int_equal(p2p_send(p, 1, (enum p2p_channel)c, span_of(big, most + 1)), ST_LIMIT);
        assert_int_equal(p2p_send(p, 1, (enum p2p_channel)c, span_of(big, most)), ST_OK);
        assert_int_equal(p2p_send(p, 1, (enum p2p_channel)c, span_of(big, most)), ST_OK);
        assert_int_equal(p2p_send(p, 1, (enum p2p_channel)c, span_of(big, 1)), ST_BUSY);
    }
    p2p_rig_fini(&rig);
    free(big);
}

/* --- who is let in ------------------------------------------------------------------------- */

static bool key_was_refused(struct p2p_rig *rig)
{
    return p2p_rig_failed(rig, 0, 1, "unknown key") &&
           p2p_rig_failed(rig, 1, 0, "does not know our key");
}

static void wrong_key(void **state)
{
    (void)state;
    struct p2p_rig rig;
    p2p_rig_init(&rig, 2, mem_system());
    rig.nodes[0].peers[1].key = rig.keys[P2P_RIG_MAX];
    p2p_rig_start(&rig, 0);
    p2p_rig_start(&rig, 1);
    p2p_rig_wait(&rig, key_was_refused);
    struct p2p_stranger_view strangers;
    p2p_strangers(rig.nodes[0].p2p, &strangers);
    assert_true(strangers.failed > 0);
    assert_non_null(strstr(strangers.last_failure, "unknown key"));
    assert_int_equal(rig.nodes[0].ups[1] + rig.nodes[1].ups[0], 0);
    p2p_rig_fini(&rig);
}

static bool other_member_was_found(struct p2p_rig *rig)
{
    return p2p_rig_failed(rig, 0, 1, "another member's key");
}

/* Who answers at bob's address is cid: a member, but not the one we want there. */
static void wrong_member(void **state)
{
    (void)state;
    struct p2p_rig rig;
    p2p_rig_init(&rig, 3, mem_system());
    rig.nodes[0].peers[1].address = rig.nodes[0].peers[2].address;
    p2p_rig_start(&rig, 0);
    p2p_rig_start(&rig, 2);
    p2p_rig_wait(&rig, other_member_was_found);
    p2p_rig_wait(&rig, p2p_rig_all_up);
    p2p_rig_fini(&rig);
}

static bool chain_was_refused(struct p2p_rig *rig)
{
    return p2p_rig_view(rig, 0, 1).last_failure_ms != 0 &&
           p2p_rig_view(rig, 1, 0).last_failure_ms != 0;
}

static void wrong_chain(void **state)
{
    (void)state;
    struct p2p_rig rig;
    p2p_rig_init(&rig, 2, mem_system());
    rig.nodes[1].config.chain_id.bytes[0] ^= 1;
    p2p_rig_start(&rig, 0);
    p2p_rig_start(&rig, 1);
    p2p_rig_wait(&rig, chain_was_refused);
    for (uint32_t n = 0; n < 2; n++) {
        assert_true(p2p_rig_failed(&rig, n, 1 - n, "other chain: its chain is ") ||
                    p2p_rig_failed(&rig, n, 1 - n, "it belongs to another chain"));
        assert_int_equal(rig.nodes[n].ups[1 - n], 0);
    }
    p2p_rig_fini(&rig);
}

static void wrong_configuration(void **state)
{
    (void)state;
    struct p2p_rig rig;
    p2p_rig_init(&rig, 2, mem_system());
    struct p2p_config good = rig.nodes[0].config;
    rig.nodes[0].config.node_key.scheme = SIGN_SECP256K1;
    assert_int_equal(p2p_rig_try(&rig, 0), ST_INVALID);
    rig.nodes[0].config = good;
    rig.nodes[0].peers[1].address = "nowhere";
    assert_int_equal(p2p_rig_try(&rig, 0), ST_INVALID);
    rig.nodes[0].peers[1].address = "";
    rig.nodes[0].config.proxy = "ftp://x:1";
    assert_int_equal(p2p_rig_try(&rig, 0), ST_INVALID);
    rig.nodes[0].config = good;
    p2p_rig_start(&rig, 1);
    rig.nodes[0].config.listen_port = rig.nodes[1].port;
    assert_int_equal(p2p_rig_try(&rig, 0), ST_EXISTS);
    assert_int_equal(p2p_address_check(""), ST_OK);
    assert_int_equal(p2p_address_check("a:1"), ST_OK);
    assert_int_equal(p2p_address_check("a"), ST_INVALID);
    assert_int_equal(p2p_proxy_check("http://a:1"), ST_OK);
    assert_int_equal(p2p_proxy_check("a:1"), ST_INVALID);
    p2p_rig_fini(&rig);
}

static bool certificate_was_renewed(struct p2p_rig *rig)
{
    struct p2p_stranger_view view;
    p2p_strangers(rig->nodes[0].p2p, &view);
    return view.certificates == 2;
}

/* Half a day later the certificate is a new one; who is connected does not notice, and who comes
 * now is let in. */
static void certificate_renews(void **state)
{
    (void)state;
    struct p2p_rig rig;
    pair_up(&rig);
    rig.ahead_ms = HALF_DAY;
    p2p_rig_wait(&rig, certificate_was_renewed);
    greet(&rig.nodes[0], 1);
    greet(&rig.nodes[1], 0);
    p2p_rig_wait(&rig, message_from_each);
    assert_int_equal(rig.nodes[0].downs[1], 0);
    p2p_rig_stop(&rig, 1);
    p2p_rig_start(&rig, 1);
    p2p_rig_wait(&rig, p2p_rig_all_up);
    p2p_rig_fini(&rig);
}

/* --- ways to each other -------------------------------------------------------------------- */

/* One of them has no listener and is at no address; it dials. */
static void outbound_only(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 2; n++) {
        struct p2p_rig rig;
        p2p_rig_init(&rig, 2, mem_system());
        rig.nodes[n].config.listen_host = "";
        rig.nodes[1 - n].peers[n].address = "";
        p2p_rig_start(&rig, 0);
        p2p_rig_start(&rig, 1);
        assert_int_equal(p2p_port(rig.nodes[n].p2p), 0);
        assert_int_equal(p2p_port(rig.nodes[1 - n].p2p), rig.nodes[1 - n].port);
        p2p_rig_wait(&rig, p2p_rig_all_up);
        assert_true(p2p_rig_view(&rig, n, 1 - n).is_dialled_by_us);
        assert_int_equal(p2p_rig_view(&rig, 1 - n, n).attempts, 0);
        p2p_rig_fini(&rig);
    }
}

static bool nobody_answers(struct p2p_rig *rig)
{
    return p2p_rig_failed(rig, 0, 1, "connection refused") &&
           p2p_rig_failed(rig, 0, 2, "no address found for the name") &&
           p2p_rig_view(rig, 0, 1).attempts >= 3;
}

static void says_why(void **state)
{
    (void)state;
    struct p2p_rig rig;
    p2p_rig_init(&rig, 3, mem_system());
    rig.nodes[0].peers[2].address = "no-such-host.invalid:7";
    p2p_rig_start(&rig, 0);
    p2p_rig_wait(&rig, nobody_answers);
    assert_non_null(strstr(p2p_rig_view(&rig, 0, 1).last_failure, rig.nodes[0].addresses[1]));
    assert_int_equal(p2p_rig_view(&rig, 0, 0).state, P2P_SELF);
    p2p_rig_start(&rig, 1);
    p2p_rig_wait(&rig, p2p_rig_all_up);
    p2p_rig_fini(&rig);
}

static bool bob_is_gone(struct p2p_rig *rig)
{
    return rig->nodes[0].downs[1] == 1;
}

/* Who stops says so; who comes back is found. */
static void restart(void **state)
{
    (void)state;
    struct p2p_rig rig;
    pair_up(&rig);
    p2p_rig_stop(&rig, 1);
    p2p_rig_wait(&rig, bob_is_gone);
    assert_true(p2p_rig_failed(&rig, 0, 1, "it said: it stops"));
    assert_int_equal(p2p_send(rig.nodes[0].p2p, 1, P2P_TX, span_text("x")), ST_CLOSED);
    p2p_rig_start(&rig, 1);
    p2p_rig_wait(&rig, p2p_rig_all_up);
    assert_int_equal(rig.nodes[0].ups[1], 2);
    assert_int_equal(p2p_rig_view(&rig, 0, 1).connects, 2);
    p2p_rig_fini(&rig);
}

/* --- messages ------------------------------------------------------------------------------ */

static void answer_vote(struct p2p_rig_node *node,
                        uint32_t peer,
                        enum p2p_channel channel,
                        struct span bytes)
{
    if (channel == P2P_BULK) {
        assert_int_equal(bytes.size, 64 * MEBI);
        for (size_t i = 0; i < bytes.size; i += 4093)
            assert_int_equal(bytes.data[i], (uint8_t)(i * 31 >> 3));
        return;
    }
    if (node->received[P2P_BULK] == 0) {
        assert_int_equal(p2p_send(node->p2p, peer, P2P_CONSENSUS, bytes), ST_OK);
    }
}

static bool body_has_arrived(struct p2p_rig *rig)
{
    return rig->nodes[1].received[P2P_BULK] == 1;
}

/* While 64 MiB go over, a vote goes there and back many times. */
static void votes_pass_a_body(void **state)
{
    (void)state;
    struct p2p_rig rig;
    uint8_t *body = malloc(64 * MEBI);
    assert_non_null(body);
    for (size_t i = 0; i < 64 * MEBI; i++)
        body[i] = (uint8_t)(i * 31 >> 3);
    pair_up(&rig);
    rig.nodes[0].message = answer_vote;
    rig.nodes[1].message = answer_vote;
    struct p2p *p = rig.nodes[0].p2p;
    assert_int_equal(p2p_send(p, 1, P2P_BULK, span_of(body, 64 * MEBI)), ST_OK);
    assert_int_equal(p2p_send(p, 1, P2P_CONSENSUS, span_text("vote")), ST_OK);
    p2p_rig_wait(&rig, body_has_arrived);
    print_message("votes during the body: %u\n", (unsigned)rig.nodes[1].received[P2P_CONSENSUS]);
    assert_true(rig.nodes[1].received[P2P_CONSENSUS] >= 20);
    p2p_rig_fini(&rig);
    free(body);
}

static bool body_is_on_its_way(struct p2p_rig *rig)
{
    return p2p_rig_view(rig, 1, 0).wire_in > 100000;
}

static bool ann_is_gone(struct p2p_rig *rig)
{
    return rig->nodes[1].downs[0] == 1;
}

/* The sender dies in the middle of a body: nothing of it is delivered; said again, it arrives. */
static void killed_in_a_message(void **state)
{
    (void)state;
    struct p2p_rig rig;
    uint8_t *body = calloc(1, 64 * MEBI);
    assert_non_null(body);
    for (size_t i = 0; i < 64 * MEBI; i++)
        body[i] = (uint8_t)(i * 31 >> 3);
    pair_up(&rig);
    rig.nodes[1].message = answer_vote;
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(p2p_send(rig.nodes[0].p2p, 1, P2P_BULK, span_of(body, 64 * MEBI)), ST_OK);
    p2p_rig_wait(&rig, body_is_on_its_way);
    uint64_t before = rig.nodes[1].received[P2P_BULK];
    assert_true(before < 2);
    p2p_rig_stop(&rig, 0);
    p2p_rig_wait(&rig, ann_is_gone);
    assert_true(rig.nodes[1].received[P2P_BULK] < 2);
    rig.nodes[1].received[P2P_BULK] = 0;
    p2p_rig_start(&rig, 0);
    p2p_rig_wait(&rig, p2p_rig_all_up);
    assert_int_equal(p2p_send(rig.nodes[0].p2p, 1, P2P_BULK, span_of(body, 64 * MEBI)), ST_OK);
    p2p_rig_wait(&rig, body_has_arrived);
    p2p_rig_fini(&rig);
    free(body);
}

static void count_up(struct p2p_rig_node *node,
                     uint32_t peer,
                     enum p2p_channel channel,
                     struct span bytes)
{
    (void)peer;
    (void)channel;
    uint64_t number = 0;
    assert_true(bytes.size >= sizeof(number));
    memcpy(&number, bytes.data, sizeof(number));
    assert_int_equal(number, node->rig->number++);
}

static bool all_in_order(struct p2p_rig *rig)
{
    return rig->number == 20000;
}

/* Many small ones said in one turn leave in few records, and arrive in order. */
static void small_ones_share_records(void **state)
{
    (void)state;
    struct p2p_rig rig;
    uint8_t bytes[100] = {0};
    pair_up(&rig);
    rig.nodes[1].message = count_up;
    for (uint64_t i = 0; i < 20000; i++) {
        memcpy(bytes, &i, sizeof(i));
        assert_int_equal(p2p_send(rig.nodes[0].p2p, 1, P2P_TX, span_of(bytes, sizeof bytes)),
                         ST_OK);
    }
    p2p_rig_wait(&rig, all_in_order);
    p2p_rig_run_ms(&rig, 250); /* Views are at most a tick old. */
    struct p2p_peer_view view = p2p_rig_view(&rig, 1, 0);
    assert_int_equal(view.traffic[P2P_TX].messages_in, 20000);
    assert_int_equal(view.traffic[P2P_TX].bytes_in, 20000 * sizeof bytes);
    assert_in_range(view.wire_in, 20000 * 104, 20000 * 104 + 20000 * 104 / 100);
    view = p2p_rig_view(&rig, 0, 1);
    assert_int_equal(view.traffic[P2P_TX].messages_out, 20000);
    assert_int_equal(view.queued[P2P_TX], 0);
    p2p_rig_fini(&rig);
}

static uint64_t fast_clock(struct os *os)
{
    (void)os;
    return os_posix()->wall_ms(os_posix()) + 5000;
}

static bool clocks_are_known(struct p2p_rig *rig)
{
    return p2p_rig_view(rig, 0, 1).rtt_us > 0 && p2p_rig_view(rig, 1, 0).rtt_us > 0;
}

static void clock_offset(void **state)
{
    (void)state;
    struct p2p_rig rig;
    struct os fast = *os_posix();
    fast.wall_ms = fast_clock;
    p2p_rig_init(&rig, 2, mem_system());
    rig.nodes[1].config.os = &fast;
    p2p_rig_start(&rig, 0);
    p2p_rig_start(&rig, 1);
    p2p_rig_wait(&rig, clocks_are_known);
    assert_in_range(p2p_rig_view(&rig, 0, 1).clock_offset_ms, 4800, 5200);
    assert_in_range(p2p_rig_view(&rig, 1, 0).clock_offset_ms + 10000, 4800, 5200);
    p2p_rig_fini(&rig);
}

/* The clock stands in 2105, where certificates' dates of our form have ended. */
static uint64_t far_clock(struct os *os)
{
    (void)os;
    return (uint64_t)4260211200 * 1000;
}

static void clock_is_nonsense(void **state)
{
    (void)state;
    struct p2p_rig rig;
    struct os far = *os_posix();
    far.wall_ms = far_clock;
    p2p_rig_init(&rig, 2, mem_system());
    rig.nodes[1].config.os = &far;
    p2p_rig_start(&rig, 0);
    p2p_rig_start(&rig, 1);
    p2p_rig_wait(&rig, p2p_rig_all_up);
    p2p_rig_run_ms(&rig, 250);
    struct p2p_stranger_view view;
    p2p_strangers(rig.nodes[1].p2p, &view);
    assert_int_equal(view.certificates, 1); /* And not one each tick. */
    p2p_rig_fini(&rig);
}

static void look(void *context)
{
    struct p2p_rig *rig = context;
    struct p2p_peer_view view;
    struct p2p_stranger_view others;
    do {
        p2p_view(rig->nodes[0].p2p, 1, &view);
        p2p_strangers(rig->nodes[0].p2p, &others);
    } while (view.traffic[P2P_CONSENSUS].messages_in < 1);
}

/* Views are for any thread, while the loop runs. */
static void views_from_another_thread(void **state)
{
    (void)state;
    struct p2p_rig rig;
    struct thread *thread = NULL;
    pair_up(&rig);
    assert_int_equal(thread_start(&thread, mem_system(), "look", look, &rig), ST_OK);
    greet(&rig.nodes[0], 1);
    greet(&rig.nodes[1], 0);
    p2p_rig_wait(&rig, message_from_each);
    p2p_rig_run_ms(&rig, 250);
    thread_join(thread);
    p2p_rig_fini(&rig);
}

static void memory_fails(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fail_mem f;
        struct p2p_rig rig;
        fail_mem_init(&f, n);
        p2p_rig_init(&rig, 2, &f.mem);
        enum status st = p2p_rig_try(&rig, 0);
        if (st == ST_OK) p2p_rig_run_ms(&rig, 20);
        uint64_t calls = f.calls;
        p2p_rig_fini(&rig);
        assert_int_equal(f.live, 0);
        if (st != ST_OK) assert_int_equal(st, ST_NO_MEMORY);
        if (calls < n) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_nodes_talk),
        cmocka_unit_test(both_dial_at_once),
        cmocka_unit_test(statuses_of_send),
        cmocka_unit_test(wrong_key),
        cmocka_unit_test(wrong_member),
        cmocka_unit_test(wrong_chain),
        cmocka_unit_test(wrong_configuration),
        cmocka_unit_test(certificate_renews),
        cmocka_unit_test(outbound_only),
        cmocka_unit_test(says_why),
        cmocka_unit_test(restart),
        cmocka_unit_test(votes_pass_a_body),
        cmocka_unit_test(killed_in_a_message),
        cmocka_unit_test(small_ones_share_records),
        cmocka_unit_test(clock_offset),
        cmocka_unit_test(clock_is_nonsense),
        cmocka_unit_test(views_from_another_thread),
        cmocka_unit_test(memory_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
