/* Goal: what a node says of damage in its own files comes to all others, also to those it cannot
 * reach itself, and into one block of the chain, once; a word that was changed on its way is
 * refused; the node keeps its own until a final block has them. */
#include <stdio.h>
#include <stdlib.h>

#include "ledger/block.h"
#include "node/wire.h"
#include "support/cmocka_all.h"
#include "support/core_rig.h"

#define NODES    4u
#define FINDER   2u
#define DECISION 3000u
#define PATIENCE 20000u
#define LONG     60000u

static uint32_t kept;
static uint32_t dropped;
static uint32_t changed; /* Messages, by the filter. */
static uint32_t sent;

static void on_keep(void *context, const struct incident *i, struct span bytes)
{
    (void)context;
    struct incident again;
    assert_int_equal(incident_decode(&again, bytes), ST_OK);
    assert_true(span_equal(again.place, i->place));
    kept++;
}

static void on_drop(void *context, const struct incident *i)
{
    (void)context;
    (void)i;
    dropped++;
}

static void to_version_3(struct chain_config *config)
{
    config->exec_version = 3;
}

static bool all_in_epoch_1(struct core_rig *rig)
{
    for (uint32_t i = 0; i < NODES; i++)
        if (core_rig_epoch(rig, i) != 1) return false;
    return true;
}

/* Four nodes of a chain whose blocks may have incidents. */
static struct core_rig *begin(uint64_t seed)
{
    struct core_rig *rig = core_rig_new(NODES, seed);
    kept = dropped = changed = sent = 0;
    core_rig_run(rig, 100);
    core_rig_decide(rig, DECISION, 0, to_version_3);
    core_rig_submit(rig, 1, DECISION);
    assert_true(core_rig_until(rig, PATIENCE, all_in_epoch_1));
    for (uint32_t i = 0; i < NODES; i++) {
        rig->nodes[i].ports.keep_incident = on_keep;
        rig->nodes[i].ports.drop_incident = on_drop;
    }
    return rig;
}

static void find(struct core_rig *rig, const char *place, enum incident_state state)
{
    const struct incident found = {.kind = INCIDENT_BLOCK,
                                   .state = state,
                                   .place = span_text(place),
                                   .height = 3,
                                   .time_ms = 1000};
    core_incident_found(rig->nodes[FINDER].core, &found);
}

/* How often the node's final blocks have the find in this state. */
static uint32_t shown(const struct core_rig *rig,
                      uint32_t node,
                      const char *place,
                      enum incident_state state)
{
    uint32_t count = 0;
    struct arena arena;
    arena_init(&arena, mem_system(), 0);
    struct body *body = arena_alloc_zero(&arena, 1, sizeof *body);
    assert_non_null(body);
    for (uint64_t i = 0; i < rig->nodes[node].block_count; i++) {
        const struct core_rig_block *b = &rig->nodes[node].blocks[i];
        struct span head;
        struct span rest;
        assert_int_equal(block_split(span_of(b->bytes, b->size), &head, &rest), ST_OK);
        assert_int_equal(body_decode(body, &arena, rest), ST_OK);
        for (uint32_t k = 0; k < body->notes.incident_count; k++) {
            struct incident i_shown;
            assert_int_equal(incident_decode(&i_shown, body->notes.incidents[k]), ST_OK);
            if (i_shown.state == state && span_equal(i_shown.place, span_text(place))) count++;
        }
    }
    arena_fini(&arena);
    return count;
}

static bool all_show_found(struct core_rig *rig)
{
    for (uint32_t i = 0; i < NODES; i++)
        if (shown(rig, i, "blocks/1", INCIDENT_FOUND) == 0) return false;
    return true;
}

static bool all_show_repaired(struct core_rig *rig)
{
    for (uint32_t i = 0; i < NODES; i++)
        if (shown(rig, i, "blocks/1", INCIDENT_REPAIRED) == 0) return false;
    return true;
}

static void end(struct core_rig *rig)
{
    core_rig_check_equal(rig);
    for (uint32_t i = 0; i < NODES; i++)
        assert_int_equal(rig->nodes[i].failed, ST_OK);
    core_rig_free(rig);
}

static void comes_into_one_block(void **state)
{
    (void)state;
    struct core_rig *rig = begin(1);
    find(rig, "blocks/1", INCIDENT_FOUND);
    assert_int_equal(kept, 1);
    assert_true(core_rig_until(rig, PATIENCE, all_show_found));
    find(rig, "blocks/1", INCIDENT_REPAIRED);
    assert_true(core_rig_until(rig, PATIENCE, all_show_repaired));
    core_rig_run(rig, 30000); /* It would be told again every ten seconds. */
    for (uint32_t i = 0; i < NODES; i++) {
        assert_int_equal(shown(rig, i, "blocks/1", INCIDENT_FOUND), 1);
        assert_int_equal(shown(rig, i, "blocks/1", INCIDENT_REPAIRED), 1);
    }
    assert_int_equal(kept, 2);
    assert_int_equal(dropped, 2);
    end(rig);
}

/* Of the finder's messages to others than one neighbour none that tells of an incident arrives. */
static bool only_to_neighbour(struct core_rig *rig, const struct core_rig_message *m)
{
    (void)rig;
    const bool is_incident = m->bytes.size > 0 && m->bytes.data[0] == WIRE_INCIDENT;
    if (is_incident && m->from == FINDER) sent++;
    return !is_incident || m->from != FINDER || m->to == (FINDER + 1) % NODES;
}

static void others_pass_it_on(void **state)
{
    (void)state;
    for (uint64_t seed = 2; seed < 5; seed++) {
        struct core_rig *rig = begin(seed);
        rig->filter = only_to_neighbour;
        find(rig, "blocks/1", INCIDENT_FOUND);
        assert_true(core_rig_until(rig, PATIENCE, all_show_found));
        assert_true(sent > 0);
        assert_int_equal(dropped, 1);
        end(rig);
    }
}

static uint32_t deaf;

static bool not_to_the_deaf(struct core_rig *rig, const struct core_rig_message *m)
{
    (void)rig;
    return m->to != deaf || m->bytes.size == 0 || m->bytes.data[0] != WIRE_INCIDENT;
}

/* A leader that shows nothing is no reason for the chain to be silent. */
static void another_leader_shows_it(void **state)
{
    (void)state;
    struct core_rig *rig = begin(20);
    struct consensus_view *view = calloc(1, sizeof *view);
    core_view(rig->nodes[FINDER].core, view);
    deaf = view->leader;
    assert_true(deaf != FINDER);
    rig->filter = not_to_the_deaf;
    find(rig, "blocks/1", INCIDENT_FOUND);
    assert_true(core_rig_until(rig, 8000, all_show_found));
    free(view);
    end(rig);
}

/* A bit of what the finder says of it is another. */
static bool with_a_changed_bit(struct core_rig *rig, const struct core_rig_message *m)
{
    const bool is_incident = m->bytes.size > 0 && m->bytes.data[0] == WIRE_INCIDENT;
    if (!is_incident || m->from != FINDER || changed >= 9) return true;
    const size_t at = 1 + test_rng_below(&rig->rng, m->bytes.size - 1);
    m->own[at] ^= (uint8_t)(1u << test_rng_below(&rig->rng, 8));
    changed++;
    return true;
}

static void changed_words_are_refused(void **state)
{
    (void)state;
    uint32_t refused = 0;
    for (uint64_t seed = 5; seed < 9; seed++) {
        struct core_rig *rig = begin(seed);
        rig->filter = with_a_changed_bit;
        find(rig, "blocks/1", INCIDENT_FOUND);
        assert_true(core_rig_until(rig, LONG, all_show_found)); /* When it is told again. */
        assert_true(changed > 0);
        for (uint32_t i = 0; i < NODES; i++)
            assert_int_equal(shown(rig, i, "blocks/1", INCIDENT_FOUND), 1);
        for (uint32_t i = 0; i < NODES; i++)
            refused += rig->nodes[i].invalid[FINDER];
        core_rig_check_equal(rig);
        core_rig_free(rig);
    }
    assert_true(refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_into_one_block),
        cmocka_unit_test(others_pass_it_on),
        cmocka_unit_test(another_leader_shows_it),
        cmocka_unit_test(changed_words_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
