/* Goal: an engine that starts behind what its disk kept comes back: votes that lost do not keep it
 * from changing views once the certificate of the final block is here, and the result that stands
 * in a held body is known. */
#include "support/cmocka_all.h"
#include "support/engine_forge.h"

#define NONCE 77u

struct returned { /* Node 0 of a rig, begun anew by the test itself. */
    struct engine_rig *rig;
    struct consensus *engine;
    struct consensus_config config;
    struct consensus_start start;
    struct consensus_record record;
    struct consensus_effects effects;
    struct consensus_message message;
    uint64_t mono_ms;
    bool has_changed; /* It said a view change. */
    bool has_result;
    uint64_t result_height;
};

static struct returned *setup(void)
{
    struct returned *t = mem_alloc_zero(mem_system(), 1, sizeof *t);
    assert_non_null(t);
    t->rig = engine_rig_new(&(struct engine_rig_options){.count = 4});
    t->config = *engine_rig_config(t->rig, 0);
    t->start.hash = t->config.chain_id;
    t->start.nonce = NONCE;
    t->start.digest_count = 1;
    t->mono_ms = 1000;
    return t;
}

static void teardown(struct returned *t)
{
    consensus_free(t->engine);
    engine_rig_free(t->rig);
    mem_free(mem_system(), t);
}

/* The newest final block stored is b, of a height of 1. */
static void stands_at(struct returned *t, const struct header *b)
{
    t->start.height = t->start.executed_height = b->height;
    t->start.hash = header_hash(b);
    t->start.time_ms = b->time_ms;
    t->start.digest_count = 2;
    t->start.digests[0].bytes[0] = 1; /* The result of b. */
    struct hash leaf = merkle_leaf(hash_span(&t->start.hash));
    merkle_tree_add(&t->start.history, &leaf);
}

static void begin(struct returned *t)
{
    assert_int_equal(consensus_new(&t->engine, mem_system(), &t->config, &t->start), ST_OK);
}

static enum status step_once(struct returned *t, struct consensus_event event)
{
    event.mono_ms = t->mono_ms;
    event.wall_ms = RIG_TIME_MS + t->mono_ms;
    return consensus_step(t->engine, &event, &t->effects);
}

/* One event, and what becomes durable by it. */
static void step(struct returned *t, struct consensus_event event)
{
    uint64_t lsn = 0;
    do {
        lsn = 0;
        assert_int_equal(step_once(t, event), ST_OK);
        for (uint32_t i = 0; i < t->effects.count; i++) {
            const struct consensus_effect *e = &t->effects.items[i];
            if (e->kind == CONSENSUS_SYNC) lsn = e->lsn;
            if (e->kind == CONSENSUS_SEND && e->message->kind == CONSENSUS_VIEW_CHANGE)
                t->has_changed = true;
            if (e->kind != CONSENSUS_RESULT) continue;
            t->has_result = true;
            t->result_height = e->height;
        }
        event = (struct consensus_event){.kind = CONSENSUS_ON_PERSISTED, .lsn = lsn};
    } while (lsn != 0);
}

static void tick(struct returned *t, uint64_t ms)
{
    for (uint64_t end = t->mono_ms + ms; t->mono_ms < end; t->mono_ms += 10)
        step(t, (struct consensus_event){.kind = CONSENSUS_ON_TICK});
}

/* All others answer the question with which it began: it may vote. */
static void admit(struct returned *t, uint64_t view, uint64_t final)
{
    for (uint32_t i = 1; i < 4; i++) {
        struct status_report *s = &t->message.status;
        t->message.kind = CONSENSUS_STATUS;
        *s = (struct status_report){.sender = i,
                                    .view = view,
                                    .tip_height = final,
                                    .final_height = final,
                                    .is_answer = true,
                                    .nonce = NONCE};
        struct hash hash = status_report_hash(s, &t->config.chain_id);
        engine_rig_sign(t->rig, i, &hash, &s->sig);
        step(t, (struct consensus_event){
                    .kind = CONSENSUS_ON_MESSAGE, .from = i, .message = &t->message});
    }
}

/* It voted for a block of view 0, which is lost; another of view 1 is final, and stored without its
 * certificate; it had left for view 2. */
static void lost_votes_hold_nobody(void **state)
{
    (void)state;
    struct returned *t = setup();
    struct header lost = forge_first(t->rig, 0, 1);
    struct header won = forge_first(t->rig, 1, 2);
    stands_at(t, &won);
    t->record = (struct consensus_record){.cur_view = 2,
                                          .anchor_hash = t->config.chain_id,
                                          .final_hash = t->config.chain_id,
                                          .chain_count = 1,
                                          .chain = {header_hash(&lost)}};
    t->start.record = &t->record;
    begin(t);
    tick(t, 20);
    admit(t, 2, 1);
    tick(t, 200);
    assert_false(t->has_changed); /* Nobody could tell what stands below that vote. */

    struct statement s = forge_statement(1, &won);
    struct certificate cert = forge_certificate(t->rig, VOTE_P2, &s, 1, 3);
    step(t, (struct consensus_event){.kind = CONSENSUS_ON_ADVANCED,
                                     .header = &won,
                                     .hash = s.hash,
                                     .final_cert = &cert,
                                     .history = &t->start.history});
    tick(t, 200);
    assert_true(t->has_changed);
    teardown(t);
}

/* The same, but the votes did not lose against a later view: a view change has to show them. */
static void votes_of_that_view_are_kept(void **state)
{
    (void)state;
    struct returned *t = setup();
    struct header lost = forge_first(t->rig, 1, 1);
    struct header won = forge_first(t->rig, 1, 2);
    stands_at(t, &won);
    t->record = (struct consensus_record){.cur_view = 2,
                                          .voted_view = 1,
                                          .anchor_hash = t->config.chain_id,
                                          .final_hash = t->config.chain_id,
                                          .chain_count = 1,
                                          .chain = {header_hash(&lost)}};
    t->start.record = &t->record;
    begin(t);
    tick(t, 20);
    admit(t, 2, 1);
    struct statement s = forge_statement(1, &won);
    struct certificate cert = forge_certificate(t->rig, VOTE_P2, &s, 1, 3);
    step(t, (struct consensus_event){.kind = CONSENSUS_ON_ADVANCED,
                                     .header = &won,
                                     .hash = s.hash,
                                     .final_cert = &cert,
                                     .history = &t->start.history});
    tick(t, 200);
    assert_false(t->has_changed);
    teardown(t);
}

/* An observer: no peer repeats its votes to it. */
static void held_body_tells_a_result(void **state)
{
    (void)state;
    struct returned *t = setup();
    struct header first = forge_first(t->rig, 0, 1);
    struct header held = forge_child(t->rig, &first, 0, 2);
    struct statement s = {.height = 1};
    s.hash.bytes[0] = 1;
    struct certificate cert = forge_certificate(t->rig, VOTE_P3, &s, 0, 3);
    held.res_height = 1;
    held.res_digest = s.hash;
    held.res_cert_hash = certificate_hash(&cert);
    stands_at(t, &first);
    t->config.self = NODES_MAX;
    t->start.held = &held;
    t->start.held_count = 1;
    begin(t);
    struct consensus_event told = {.kind = CONSENSUS_ON_BODY_OK,
                                   .header = &held,
                                   .hash = header_hash(&held),
                                   .res_cert = &cert};
    cert.entries[0].sig.bytes[0] ^= 1;
    step(t, told);
    assert_false(t->has_result); /* The disk is not believed. */
    cert.entries[0].sig.bytes[0] ^= 1;
    step(t, told);
    assert_true(t->has_result);
    assert_int_equal(t->result_height, 1);
    teardown(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost_votes_hold_nobody),
        cmocka_unit_test(votes_of_that_view_are_kept),
        cmocka_unit_test(held_body_tells_a_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
