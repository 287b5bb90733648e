/* Goal: validators of an adaptive chain agree on its mode while they fail and come back, an idle
 * chain included; bodies show who was there, and nobody believes a body that lies about it. */
#include "ledger/mode.h"

#include <stdlib.h>

#include "support/cmocka_all.h"
#include "support/engine_forge.h"

static struct engine_rig *begin(uint32_t count, uint32_t p)
{
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){
        .mode = MODE_FAST, .count = count, .p = p, .disk_ms = 1, .delay_ms_max = 1});
    engine_rig_run(r, 100);
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 1000));
    return r;
}

static enum block_mode mode_of(struct engine_rig *r, uint32_t node)
{
    const struct mode_state *s = consensus_mode(engine_rig_engine(r, node));
    assert_int_equal(s->height, engine_rig_final_height(r, node));
    return mode_at(s, s->height + 1);
}

/* Until node says so; false: not within ms. */
static bool await_mode(struct engine_rig *r, uint32_t node, enum block_mode mode, uint64_t ms)
{
    uint64_t end = engine_rig_now(r) + ms;
    while (mode_of(r, node) != mode && engine_rig_now(r) < end)
        engine_rig_run(r, 10);
    return mode_of(r, node) == mode;
}

static void an_idle_chain_falls_and_returns(void **state)
{
    (void)state;
    struct engine_rig *r = begin(4, 0);
    assert_int_equal(mode_of(r, 1), MODE_FAST);
    uint64_t height = engine_rig_final_height(r, 1);
    engine_rig_run(r, 5000);
    assert_true(engine_rig_final_height(r, 1) <= height + 2); /* All is well: nothing to say. */
    engine_rig_crash(r, 3, true);
    assert_true(await_mode(r, 1, MODE_STRICT, 6000));
    height = engine_rig_final_height(r, 1);
    engine_rig_run(r, 5000);
    assert_true(engine_rig_final_height(r, 1) <= height + 2); /* Nor while it cannot return. */
    engine_rig_restart(r, 3);
    assert_true(await_mode(r, 1, MODE_FAST, 20000));
    engine_rig_run(r, 1000);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(mode_of(r, i), MODE_FAST);
    height = engine_rig_final_height(r, 1);
    engine_rig_run(r, 5000);
    assert_true(engine_rig_final_height(r, 1) <= height + 2);
    engine_rig_free(r);
}

static void a_busy_chain_falls_and_returns(void **state)
{
    (void)state;
    struct engine_rig *r = begin(7, 1);
    engine_rig_crash(r, 5, true);
    for (int i = 0; i < 100; i++) {
        engine_rig_submit(r, 3);
        engine_rig_run(r, 30);
    }
    assert_int_equal(mode_of(r, 0), MODE_FAST); /* One of p. */
    engine_rig_crash(r, 6, false);
    for (int i = 0; i < 100; i++) {
        engine_rig_submit(r, 3);
        engine_rig_run(r, 30);
    }
    assert_int_equal(mode_of(r, 0), MODE_STRICT);
    engine_rig_crash(r, 1, false); /* What a node knew of the mode comes back with its blocks. */
    engine_rig_restart(r, 1);
    engine_rig_restart(r, 5);
    engine_rig_restart(r, 6);
    for (int i = 0; i < 300; i++) {
        engine_rig_submit(r, 3);
        engine_rig_run(r, 30);
    }
    assert_true(engine_rig_settle(r, 5000));
    for (uint32_t i = 0; i < 7; i++)
        assert_int_equal(mode_of(r, i), MODE_FAST);
    engine_rig_free(r);
}

static void everybody_may_fall_at_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){.mode = MODE_FAST,
                                                                           .count = 4,
                                                                           .seed = seed,
                                                                           .disk_ms = 2,
                                                                           .delay_ms_max = 3,
                                                                           .loss_permille = 30});
        for (int i = 0; i < 200; i++) {
            engine_rig_submit(r, 3);
            engine_rig_run(r, 30);
            if (i % 60 == 59)
                for (uint32_t k = 0; k < 4; k++)
                    engine_rig_crash(r, k, (seed >> k & 1u) != 0);
            if (i % 60 == 59)
                for (uint32_t k = 0; k < 4; k++)
                    engine_rig_restart(r, k);
        }
        assert_true(engine_rig_settle(r, 20000));
        engine_rig_free(r); /* Compares what each knows of the mode. */
    }
}

struct delay { /* First votes of a node, held back. */
    uint32_t node;
    bool is_on;
    uint32_t count;
    struct vote votes[64];
};

static bool hold_back(void *context, uint32_t from, uint32_t to, const struct consensus_message *m)
{
    struct delay *d = context;
    if (!d->is_on || from != d->node || m->kind != CONSENSUS_VOTE) return true;
    if (to == 0 && d->count < 64) d->votes[d->count++] = m->vote;
    return false;
}

static bool is_present(struct engine_rig *r, uint32_t node, uint64_t height)
{
    const struct mode_state *s = consensus_mode(engine_rig_engine(r, 1));
    assert_true(height <= s->known);
    return (s->slots[height % (s->rules.window + MODE_DELAY)].present >> node & 1u) != 0;
}

static void late_votes_are_shown(void **state)
{
    (void)state;
    struct engine_rig *r = begin(4, 0);
    static struct delay d = {.node = 3, .is_on = true};
    engine_rig_filter(r, hold_back, &d);
    engine_rig_submit(r, 1);
    engine_rig_run(r, 30);
    uint64_t height = engine_rig_final_height(r, 0);
    engine_rig_submit(r, 1);
    engine_rig_run(r, 30);
    assert_false(is_present(r, 3, height)); /* A certificate of three. */
    assert_true(d.count > 0);
    d.is_on = false;
    for (uint32_t i = 0; i < d.count; i++)
        (void)forge_tell_vote(r, 0, &d.votes[i]);
    engine_rig_submit(r, 1);
    engine_rig_run(r, 100);
    assert_true(is_present(r, 3, height));
    const struct mode_state *s = consensus_mode(engine_rig_engine(r, 1));
    assert_true(s->results[3] >= height);
    assert_int_equal(forge_refused(r, 1, REJECT_NOTES), 0);
    engine_rig_free(r);
}

struct lie {
    const char *name;
    void (*tell)(struct body_notes *n);
};

static void lie_epoch(struct body_notes *n)
{
    n->late[0].statement.epoch = 1;
}

static void lie_height(struct body_notes *n)
{
    n->late[0].statement.height++;
}

static void lie_signature(struct body_notes *n)
{
    n->late[0].entry.sig.bytes[3] ^= 1;
}

static void lie_voter(struct body_notes *n)
{
    n->late[0].entry.voter = 4;
}

static void lie_digest(struct body_notes *n)
{
    n->late[1].statement.hash.bytes[0] ^= 1;
}

/* A body that shows a P1 and a P3 of node 3 on the first block. */
static enum status show(struct engine_rig *r, const struct lie *lie, uint8_t tag)
{
    const struct certificate *commit = consensus_commit_certificate(engine_rig_engine(r, 0));
    struct consensus_stand stand;
    engine_rig_stand(r, 1, &stand);
    struct body_notes *n = calloc(1, sizeof *n);
    assert_non_null(n);
    struct statement p1 = commit->statement;
    struct certificate first = forge_certificate(r, VOTE_P1, &p1, 3, 1);
    struct statement p3 = {.height = stand.executed_height, .hash = stand.executed_digest};
    struct certificate second = forge_certificate(r, VOTE_P3, &p3, 3, 1);
    struct certificate result = forge_certificate(r, VOTE_P3, &p3, 0, 3);
    n->late_count = 2;
    n->late[0] = (struct late_vote){VOTE_P1, first.statement, first.entries[0]};
    n->late[1] = (struct late_vote){VOTE_P3, second.statement, second.entries[0]};
    if (lie->tell != NULL) lie->tell(n);
    struct header h = {.chain_id = engine_rig_config(r, 0)->chain_id,
                       .height = stand.final_height + 1,
                       .parent = stand.final_hash,
                       .final_height = p1.height,
                       .final_cert_hash = certificate_hash(commit),
                       .res_height = p3.height,
                       .res_digest = p3.hash,
                       .res_cert_hash = certificate_hash(&result),
                       .notes_hash = notes_hash(n),
                       .mode = MODE_FAST};
    h.tx_root.bytes[0] = tag;
    struct consensus_event event = {.kind = CONSENSUS_ON_BODY_OK,
                                    .header = &h,
                                    .hash = header_hash(&h),
                                    .final_cert = commit,
                                    .res_cert = &result,
                                    .notes = n};
    enum status st = engine_rig_step(r, 1, &event);
    free(n);
    return st;
}

static void lies_about_presence_are_refused(void **state)
{
    (void)state;
    static const struct lie lies[] = {{"none", NULL},         {"epoch", lie_epoch},
                                      {"height", lie_height}, {"signature", lie_signature},
                                      {"voter", lie_voter},   {"digest", lie_digest}};
    struct engine_rig *r = begin(4, 0);
    engine_rig_run(r, 200);
    for (uint8_t i = 0; i < 6; i++) {
        enum status st = show(r, &lies[i], i);
        if (st != (i == 0 ? ST_OK : ST_REJECTED)) fail_msg("%s", lies[i].name);
        assert_int_equal(forge_refused(r, 1, REJECT_NOTES), i);
    }
    engine_rig_free(r);
}

static void another_mode_is_refused(void **state)
{
    (void)state;
    struct engine_rig *r = begin(4, 0);
    engine_rig_run(r, 200);
    struct consensus_stand stand;
    engine_rig_stand(r, 1, &stand);
    struct header h = forge_first(r, 0, 1);
    h.height = stand.final_height + 1;
    h.parent = stand.final_hash;
    h.mode = MODE_STRICT;
    struct proposal p = forge_proposal(r, &h);
    assert_int_equal(forge_tell_proposal(r, 1, &p), ST_REJECTED);
    assert_int_equal(forge_refused(r, 1, REJECT_MODE), 1);
    engine_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_idle_chain_falls_and_returns),
                                       cmocka_unit_test(a_busy_chain_falls_and_returns),
                                       cmocka_unit_test(everybody_may_fall_at_once),
                                       cmocka_unit_test(late_votes_are_shown),
                                       cmocka_unit_test(lies_about_presence_are_refused),
                                       cmocka_unit_test(another_mode_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
