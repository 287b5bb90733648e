/* Goal: nodes on real sockets find each other, keep exactly one connection per pair, pass messages
 * whole and by urgency, and tell in one line why a connection does not come up. */
#include "p2p/p2p.h"

#include <stdio.h>

#include "support/cmocka_all.h"
#include "support/p2p_rig.h"

#define MEBI ((size_t)1 << 20)

static struct span text(const char *s)
{
    return span_text(s);
}

static bool one_message_each(struct p2p_rig *rig)
{
    for (uint32_t i = 0; i < rig->count; i++)
        if (rig->nodes[i].received[P2P_CONSENSUS] < rig->count - 1) return false;
    return true;
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
        assert_int_equal(p2p_broadcast(rig.nodes[i].p2p, P2P_CONSENSUS, text("vote")), 3);
    p2p_rig_wait(&rig, one_message_each);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(rig.nodes[i].received[P2P_CONSENSUS], 3);
        assert_true(span_equal(buf_span(&rig.nodes[i].last), text("vote")));
    }
    p2p_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_nodes_talk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
