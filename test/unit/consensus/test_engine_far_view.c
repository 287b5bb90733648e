/* Goal: a leader of a far view cannot lead one honest node away from the others by an invalid
 * NEWVIEW that it signed: that is evidence, and nothing else. */
#include "support/cmocka_all.h"
#include "support/engine_rig.h"

#define LIAR     3u
#define FAR_VIEW ((1ull << 40) + LIAR) /* LIAR leads it. */

static void an_invalid_new_view_of_a_far_view_moves_nobody(void **state)
{
    (void)state;
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){.count = 4, .seed = 5});
    engine_rig_set_byzantine(r, LIAR);
    engine_rig_submit(r, 10);
    assert_true(engine_rig_settle(r, 5000));
    uint64_t height = engine_rig_final_height(r, 0);

    struct consensus_message *m = mem_alloc_zero(mem_system(), 1, sizeof *m);
    assert_non_null(m);
    m->kind = CONSENSUS_NEW_VIEW;
    m->new_view.view = FAR_VIEW;
    m->new_view.sender = LIAR;
    m->new_view.vc_count = 1; /* n - f are three. */
    m->new_view.vcs[0].to_view = FAR_VIEW;
    m->new_view.vcs[0].final_hash = engine_rig_config(r, 0)->chain_id;
    struct hash hash = new_view_hash(&m->new_view, &engine_rig_config(r, 0)->chain_id);
    engine_rig_sign(r, LIAR, &hash, &m->new_view.sig);
    assert_int_equal(engine_rig_tell(r, LIAR, 1, m), ST_REJECTED);
    mem_free(mem_system(), m);

    struct consensus_stand stand;
    engine_rig_stand(r, 1, &stand);
    assert_true(stand.view < FAR_VIEW);
    assert_int_equal(engine_rig_evidence(r, EVIDENCE_E5), 1);
    engine_rig_submit(r, 10);
    assert_true(engine_rig_settle(r, 5000));
    assert_true(engine_rig_final_height(r, 1) > height);
    engine_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invalid_new_view_of_a_far_view_moves_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
