/* Goal: through proxies of both kinds, over connections that fall silent, lose one end or break at
 * any byte, the nodes find each other again and say what was wrong. */
#include <stdio.h>

#include "support/cmocka_all.h"
#include "support/p2p_rig.h"
#include "support/relay.h"

/* Ann dials bob through the relay, bob does not dial. */
static void through_relay(struct p2p_rig *rig, struct relay *r)
{
    rig->nodes[1].peers[0].address = "";
    r->target = rig->nodes[1].port;
    (void)snprintf(rig->nodes[0].addresses[1], 64, "127.0.0.1:%u", r->port);
    p2p_rig_start(rig, 0);
    p2p_rig_start(rig, 1);
    p2p_rig_wait(rig, p2p_rig_all_up);
}

static void end(struct p2p_rig *rig, struct relay *r)
{
    p2p_rig_fini(rig);
    relay_fini(r);
}

static void behind_proxy(struct p2p_rig *rig, struct relay *r, const char *secret)
{
    static char url[100];
    if (r->kind == RELAY_HTTP) {
        (void)snprintf(url, sizeof url, "http://%s127.0.0.1:%u", secret, r->port);
    } else {
        (void)snprintf(url, sizeof url, "socks5://%s127.0.0.1:%u", secret, r->port);
    }
    rig->nodes[0].config.proxy = url;
    rig->nodes[1].peers[0].address = "";
    p2p_rig_start(rig, 0);
    p2p_rig_start(rig, 1);
}

static void proxies(void **state)
{
    (void)state;
    static const enum relay_kind kinds[] = {RELAY_HTTP, RELAY_SOCKS5};
    static const char *const secrets[] = {"", "alice:secret@"};
    for (uint32_t i = 0; i < 4; i++) {
        struct p2p_rig rig;
        struct relay r;
        p2p_rig_init(&rig, 2, mem_system());
        relay_init(&r, kinds[i % 2], rig.loop, rig.host);
        if (i >= 2) r.user = r.kind == RELAY_HTTP ? "YWxpY2U6c2VjcmV0" : "alice";
        behind_proxy(&rig, &r, secrets[i / 2]);
        p2p_rig_wait(&rig, p2p_rig_all_up);
        assert_int_equal(r.opened, 1);
        assert_int_equal(r.refused, 0);
        end(&rig, &r);
    }
}

static bool proxy_refused(struct p2p_rig *rig)
{
    return p2p_rig_failed(rig, 0, 1, rig->context);
}

static void proxy_wants_another_secret(void **state)
{
    (void)state;
    static const enum relay_kind kinds[] = {RELAY_HTTP, RELAY_SOCKS5, RELAY_SOCKS5};
    static const char *const secrets[] = {"", "alice:wrong@", ""};
    static char texts[3][64] = {"proxy answered 407 Proxy Authentication Required",
                                "proxy refused the user or password", "proxy wants credentials"};
    for (uint32_t i = 0; i < 3; i++) {
        struct p2p_rig rig;
        struct relay r;
        p2p_rig_init(&rig, 2, mem_system());
        relay_init(&r, kinds[i], rig.loop, rig.host);
        r.user = "alice";
        rig.context = texts[i];
        behind_proxy(&rig, &r, secrets[i]);
        p2p_rig_wait(&rig, proxy_refused);
        assert_int_equal(r.opened, 0);
        end(&rig, &r);
    }
}

static void proxy_is_not_there(void **state)
{
    (void)state;
    struct p2p_rig rig;
    static char text[] = "proxy 127.0.0.1:9: connection refused";
    p2p_rig_init(&rig, 2, mem_system());
    rig.context = text;
    rig.nodes[0].config.proxy = "http://127.0.0.1:9";
    p2p_rig_start(&rig, 0);
    p2p_rig_wait(&rig, proxy_refused);
    p2p_rig_fini(&rig);
}

static bool both_are_down(struct p2p_rig *rig)
{
    return rig->nodes[0].downs[1] == 1 && rig->nodes[1].downs[0] == 1;
}

/* A connection that carries nothing any more, without an end: both sides notice, and come back. */
static void falls_silent(void **state)
{
    (void)state;
    struct p2p_rig rig;
    struct relay r;
    p2p_rig_init(&rig, 2, mem_system());
    relay_init(&r, RELAY_PLAIN, rig.loop, rig.host);
    through_relay(&rig, &r);
    r.is_silent = true;
    p2p_rig_wait(&rig, both_are_down);
    assert_true(p2p_rig_failed(&rig, 0, 1, "half open"));
    assert_true(p2p_rig_failed(&rig, 1, 0, "half open"));
    r.is_silent = false;
    p2p_rig_wait(&rig, p2p_rig_all_up);
    end(&rig, &r);
}

static bool is_replaced(struct p2p_rig *rig)
{
    return rig->nodes[0].ups[1] == 2 && rig->nodes[1].ups[0] == 2;
}

/* One end is gone and the other does not know: the new connection of who knows wins at once. Each
 * way leads through a relay, the way back from bob nowhere at first, so that ann's connection is
 * the one in use. */
static void one_end_is_lost(void **state)
{
    (void)state;
    for (uint32_t lost = 0; lost < 2; lost++) {
        struct p2p_rig rig;
        struct relay there;
        struct relay back;
        p2p_rig_init(&rig, 2, mem_system());
        relay_init(&there, RELAY_PLAIN, rig.loop, rig.host);
        relay_init(&back, RELAY_PLAIN, rig.loop, rig.host);
        there.target = rig.nodes[1].port;
        back.target = 9;
        (void)snprintf(rig.nodes[0].addresses[1], 64, "127.0.0.1:%u", there.port);
        (void)snprintf(rig.nodes[1].addresses[0], 64, "127.0.0.1:%u", back.port);
        p2p_rig_start(&rig, 0);
        p2p_rig_start(&rig, 1);
        p2p_rig_wait(&rig, p2p_rig_all_up);
        assert_true(p2p_rig_view(&rig, 0, 1).is_dialled_by_us);
        back.target = rig.nodes[0].port;
        there.is_silent = true;
        if (lost == 0) relay_close_in(&there);
        if (lost == 1) relay_close_out(&there);
        uint64_t before = loop_now_ms(rig.loop);
        p2p_rig_run_ms(&rig, 20);
        there.is_silent = false;
        p2p_rig_wait(&rig, is_replaced);
        assert_true(loop_now_ms(rig.loop) - before < 2000); /* Less than silence takes. */
        assert_true(p2p_rig_failed(&rig, 1 - lost, lost, "a newer connection replaced it"));
        p2p_rig_fini(&rig);
        relay_fini(&there);
        relay_fini(&back);
    }
}

static bool has_met(struct p2p_rig *rig)
{
    return p2p_rig_all_up(rig) && rig->nodes[0].received[P2P_TX] >= 1;
}

static void greet(struct p2p_rig_node *node, uint32_t peer)
{
    assert_int_equal(p2p_send(node->p2p, peer, P2P_TX, span_text("hello")), ST_OK);
}

/* The first connection breaks after 1, 51, 101 … bytes, in handshake, HELLO or later: the next one
 * stands. */
static void breaks_anywhere(void **state)
{
    (void)state;
    for (uint64_t cut = 1; cut < 2600; cut += 50) {
        struct p2p_rig rig;
        struct relay r;
        p2p_rig_init(&rig, 2, mem_system());
        relay_init(&r, RELAY_PLAIN, rig.loop, rig.host);
        rig.nodes[1].peers[0].address = "";
        rig.nodes[1].up = greet;
        r.target = rig.nodes[1].port;
        r.cut_after = cut;
        (void)snprintf(rig.nodes[0].addresses[1], 64, "127.0.0.1:%u", r.port);
        p2p_rig_start(&rig, 0);
        p2p_rig_start(&rig, 1);
        p2p_rig_wait(&rig, has_met);
        end(&rig, &r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proxies),
        cmocka_unit_test(proxy_wants_another_secret),
        cmocka_unit_test(proxy_is_not_there),
        cmocka_unit_test(falls_silent),
        cmocka_unit_test(one_end_is_lost),
        cmocka_unit_test(breaks_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
