/* Goal: the list of nodes changes while the network runs - one is added, dropped, gets another key
 * - and nobody else notices; an unknown key is let in with a token only, for a while, a few at a
 * time. */
#include "p2p/p2p.h"

#include "support/cmocka_all.h"
#include "support/p2p_rig.h"

#define ANN 0u
#define BOB 1u
#define CID 2u

static struct p2p_peer_config entry(const struct p2p_rig *rig, uint32_t node, uint32_t key)
{
    const struct p2p_rig_node *ann = &rig->nodes[ANN];
    struct p2p_peer_config config = ann->peers[node];
    config.key = rig->keys[key];
    return config;
}

static void start_all(struct p2p_rig *rig, uint32_t count)
{
    p2p_rig_init(rig, count, mem_system());
    for (uint32_t i = 0; i < count; i++)
        p2p_rig_start(rig, i);
    p2p_rig_wait(rig, p2p_rig_all_up);
}

/* --- add, drop ------------------------------------------------------------------------------- */

static bool are_ann_and_bob_up(struct p2p_rig *rig)
{
    return p2p_is_up(rig->nodes[ANN].p2p, BOB) && p2p_is_up(rig->nodes[BOB].p2p, ANN);
}

static bool cid_was_refused(struct p2p_rig *rig)
{
    struct p2p_stranger_view view;
    p2p_strangers(rig->nodes[ANN].p2p, &view);
    return view.failed > 0;
}

/* Cid is a stranger to ann and bob until their lists name him; the two keep their connection. */
static void one_is_added(void **state)
{
    (void)state;
    struct p2p_rig rig;
    p2p_rig_init(&rig, 3, mem_system());
    rig.nodes[ANN].config.peer_count = 2;
    rig.nodes[BOB].config.peer_count = 2;
    for (uint32_t i = 0; i < 3; i++)
        p2p_rig_start(&rig, i);
    p2p_rig_wait(&rig, are_ann_and_bob_up);
    p2p_rig_wait(&rig, cid_was_refused);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t places[3];
        p2p_set_peers(rig.nodes[i].p2p, rig.nodes[i].peers, 3, places);
        for (uint32_t k = 0; k < 3; k++)
            assert_int_equal(places[k], k);
    }
    p2p_rig_wait(&rig, p2p_rig_all_up);
    assert_int_equal(rig.nodes[ANN].downs[BOB], 0);
    assert_int_equal(rig.nodes[BOB].ups[ANN], 1);
    p2p_rig_fini(&rig);
}

static bool bob_is_alone(struct p2p_rig *rig)
{
    return rig->nodes[BOB].downs[ANN] == 1 && rig->nodes[BOB].downs[CID] == 1;
}

static bool bob_was_told(struct p2p_rig *rig)
{
    return p2p_rig_failed(rig, BOB, ANN, "does not count us") ||
           p2p_rig_failed(rig, BOB, ANN, "does not know our key");
}

/* Bob is dropped: his place is free, he comes back in vain; then a new one takes his place. */
static void one_is_dropped(void **state)
{
    (void)state;
    struct p2p_rig rig;
    start_all(&rig, 3);
    struct p2p_peer_config list[3] = {entry(&rig, ANN, ANN), entry(&rig, CID, CID)};
    uint32_t places[3];
    p2p_set_peers(rig.nodes[ANN].p2p, list, 2, places);
    assert_int_equal(places[0], ANN);
    assert_int_equal(places[1], CID);
    assert_null(p2p_key_of(rig.nodes[ANN].p2p, BOB));
    assert_int_equal(p2p_rig_view(&rig, ANN, BOB).state, P2P_NONE);
    assert_int_equal(p2p_send(rig.nodes[ANN].p2p, BOB, P2P_TX, span_text("x")), ST_INVALID);
    p2p_set_peers(rig.nodes[CID].p2p, list, 2, NULL);
    p2p_rig_wait(&rig, bob_is_alone);
    p2p_rig_wait(&rig, bob_was_told);
    assert_int_equal(rig.nodes[ANN].downs[CID], 0);
    list[2] = entry(&rig, BOB, P2P_RIG_MAX);
    p2p_set_peers(rig.nodes[ANN].p2p, list, 3, places);
    assert_int_equal(places[2], BOB);
    assert_int_equal(p2p_place_of(rig.nodes[ANN].p2p, &rig.keys[P2P_RIG_MAX]), BOB);
    assert_int_equal(p2p_place_of(rig.nodes[ANN].p2p, &rig.keys[BOB]), P2P_NOBODY);
    p2p_rig_fini(&rig);
}

static void words(struct p2p_rig_node *node, uint32_t peer, enum p2p_channel c, struct span bytes)
{
    (void)peer;
    (void)c;
    assert_true(span_equal(bytes, span_text("from the new bob")));
    node->rig->number++;
}

static bool word_came(struct p2p_rig *rig)
{
    return rig->number == 1;
}

static bool bob_is_up_again(struct p2p_rig *rig)
{
    uint32_t place = p2p_place_of(rig->nodes[ANN].p2p, &rig->keys[P2P_RIG_MAX]);
    return p2p_is_up(rig->nodes[ANN].p2p, place) && p2p_is_up(rig->nodes[BOB].p2p, ANN);
}

/* Bob gets another key while everything runs: ann by her list, bob by his own key. */
static void key_is_replaced(void **state)
{
    (void)state;
    struct p2p_rig rig;
    start_all(&rig, 3);
    struct p2p_peer_config list[3] = {entry(&rig, ANN, ANN), entry(&rig, BOB, P2P_RIG_MAX),
                                      entry(&rig, CID, CID)};
    for (uint32_t i = 0; i < 3; i++) {
        if (i == BOB)
            assert_int_equal(p2p_set_key(rig.nodes[i].p2p, &rig.secrets[P2P_RIG_MAX]), ST_OK);
        p2p_set_peers(rig.nodes[i].p2p, list, 3, NULL);
    }
    p2p_rig_wait(&rig, bob_is_up_again);
    rig.nodes[ANN].message = words;
    assert_int_equal(
        p2p_send(rig.nodes[BOB].p2p, ANN, P2P_CONSENSUS, span_text("from the new bob")), ST_OK);
    p2p_rig_wait(&rig, word_came);
    assert_int_equal(rig.nodes[ANN].downs[CID], 0);
    p2p_rig_fini(&rig);
}

/* What a chain says of addresses may be nonsense: such a node is waited for. */
static void bad_address_is_none(void **state)
{
    (void)state;
    struct p2p_rig rig;
    start_all(&rig, 2);
    struct p2p_peer_config list[2] = {entry(&rig, ANN, ANN), entry(&rig, BOB, BOB)};
    list[1].address = "no address at all";
    p2p_set_peers(rig.nodes[ANN].p2p, list, 2, NULL);
    assert_true(p2p_is_up(rig.nodes[ANN].p2p, BOB));
    p2p_rig_stop(&rig, BOB);
    p2p_rig_start(&rig, BOB); /* He dials. */
    p2p_rig_wait(&rig, are_ann_and_bob_up);
    p2p_rig_fini(&rig);
}

/* --- guests ---------------------------------------------------------------------------------- */

static bool admit(void *context, const struct public_key *key, struct span token)
{
    struct p2p_rig_node *node = context;
    assert_true(public_key_equal(key, &node->rig->keys[BOB]));
    node->rig->number++;
    return span_equal(token, span_text("let me in"));
}

/* Ann knows nobody but herself; bob dials her. */
static void guest_rig(struct p2p_rig *rig, const char *token)
{
    p2p_rig_init(rig, 2, mem_system());
    rig->nodes[ANN].config.peer_count = 1;
    rig->nodes[ANN].config.events.admit = admit;
    rig->nodes[BOB].peers[ANN].token = span_text(token);
    p2p_rig_start(rig, ANN);
    p2p_rig_start(rig, BOB);
}

static void guest_is_let_in(void **state)
{
    (void)state;
    struct p2p_rig rig;
    guest_rig(&rig, "let me in");
    p2p_rig_wait(&rig, are_ann_and_bob_up);
    struct p2p *ann = rig.nodes[ANN].p2p;
    assert_true(p2p_is_guest(ann, BOB));
    assert_true(public_key_equal(p2p_key_of(ann, BOB), &rig.keys[BOB]));
    /* What goes to all nodes does not go to guests. */
    assert_int_equal(p2p_broadcast(ann, P2P_CONSENSUS, span_text("vote")), 0);
    assert_int_equal(p2p_send(ann, BOB, P2P_BULK, span_text("genesis")), ST_OK);
    /* On the list it is a guest no more, with the same connection. */
    p2p_set_peers(ann, rig.nodes[ANN].peers, 2, NULL);
    assert_false(p2p_is_guest(ann, BOB));
    assert_int_equal(rig.nodes[ANN].downs[BOB], 0);
    assert_int_equal(p2p_broadcast(ann, P2P_CONSENSUS, span_text("vote")), 1);
    p2p_rig_fini(&rig);
}

static bool token_was_refused(struct p2p_rig *rig)
{
    return p2p_rig_failed(rig, BOB, ANN, "does not count us");
}

/* With a wrong token it is a stranger, and asks in vain a few times a second at most. */
static void guest_without_token(void **state)
{
    (void)state;
    struct p2p_rig rig;
    guest_rig(&rig, "please");
    p2p_rig_wait(&rig, token_was_refused);
    p2p_rig_run_ms(&rig, 3000);
    assert_in_range(rig.number, 1, 8 + 2 * 4);
    struct p2p_stranger_view view;
    p2p_strangers(rig.nodes[ANN].p2p, &view);
    assert_int_equal(view.admitted, 0);
    assert_int_equal(view.now, 0);
    assert_non_null(strstr(view.last_failure, "unknown key"));
    p2p_rig_fini(&rig);
}

static bool guest_has_left(struct p2p_rig *rig)
{
    return p2p_key_of(rig->nodes[ANN].p2p, BOB) == NULL;
}

static void guest_leaves_no_place(void **state)
{
    (void)state;
    struct p2p_rig rig;
    guest_rig(&rig, "let me in");
    p2p_rig_wait(&rig, are_ann_and_bob_up);
    p2p_rig_stop(&rig, BOB);
    p2p_rig_wait(&rig, guest_has_left);
    p2p_rig_start(&rig, BOB);
    p2p_rig_wait(&rig, are_ann_and_bob_up);
    assert_int_equal(rig.number, 2); /* It showed its token again. */
    p2p_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_added),          cmocka_unit_test(one_is_dropped),
        cmocka_unit_test(key_is_replaced),       cmocka_unit_test(bad_address_is_none),
        cmocka_unit_test(guest_is_let_in),       cmocka_unit_test(guest_without_token),
        cmocka_unit_test(guest_leaves_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
