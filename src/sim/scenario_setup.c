/* scenario_setup.c - Statements before the world starts: its size, its parameters, who lies. */
#include "base/must.h"
#include "sim/scenario_int.h"

static bool number_into(
    struct scenario *s, const char *what, uint64_t low, uint64_t high, uint32_t *out)
{
    uint64_t value = 0;
    char text[96];
    must(strlen(what) < 64);
    if (!scenario_number(s, what, &value)) return false;
    (void)text;
    if (value < low || value > high)
        return scenario_fail(s, "%s: %llu to %llu is expected", what, (unsigned long long)low,
                             (unsigned long long)high);
    *out = (uint32_t)value;
    return true;
}

static bool set_mode(struct scenario *s)
{
    char mode[SCENARIO_WORD_MAX];
    if (!scenario_word(s, "a mode", mode)) return false;
    if (!world_mode_of(mode, &s->set_up.world.mode))
        return scenario_fail(s, "\"%s\": a mode is expected: bft, adaptive or raft", mode);
    return true;
}

bool scenario_lies(struct scenario *s, uint32_t *lies)
{
    char word[SCENARIO_WORD_MAX];
    if (!scenario_word(s, "lies, as in equivocate,replay", word)) return false;
    *lies = 0;
    for (char *at = word; at != NULL;) {
        char *comma = strchr(at, ',');
        if (comma != NULL) *comma++ = 0;
        uint32_t found = LIE_COUNT;
        for (uint32_t i = 0; i < LIE_COUNT; i++)
            if (strcmp(lie_name((enum lie)i), at) == 0) found = i;
        if (found == LIE_COUNT)
            return scenario_fail(s,
                                 "\"%s\": a lie is expected: silent, equivocate, lying-vc, "
                                 "wrong-newview, wrong-digest, replay, false-lock, mutate, "
                                 "garbage, deny, old-hq, forged-notes, false-mode, bad-chain, "
                                 "stale-reads, false-rows, false-cert or false-evidence",
                                 at);
        *lies |= 1u << found;
        at = comma;
    }
    return true;
}

static bool set_byzantine(struct scenario *s)
{
    uint64_t hosts = 0;
    struct scenario_set_up *u = &s->set_up;
    if (!scenario_hosts(s, "Byzantine nodes", &hosts)) return false;
    enum host_part part = PART_LIAR;
    bool is_twin = false;
    uint32_t lies = 0;
    uint32_t chance = 1000000;
    if (scenario_accept(s, "puppet")) {
        part = PART_PUPPET;
    } else if (scenario_accept(s, "twins")) {
        is_twin = true;
    } else if (scenario_accept(s, "lies")) {
        if (!scenario_lies(s, &lies)) return false;
        if (scenario_accept(s, "chance") && !scenario_percent(s, "a percentage", &chance))
            return false;
    } else if (!scenario_accept(s, "core")) {
        return scenario_fail(s, "\"%s\": puppet, core, twins or lies is expected",
                             scenario_peek(s));
    }
    for (uint32_t i = 0; i < u->world.nodes; i++) {
        if ((hosts >> i & 1u) == 0) continue;
        u->parts[i] = part;
        u->has_twin[i] = is_twin;
        u->lies[i] = lies;
        u->chance_ppm[i] = chance;
    }
    return true;
}

static bool set_fault(struct scenario *s)
{
    char name[SCENARIO_WORD_MAX];
    if (!scenario_word(s, "a planted fault", name)) return false;
    for (uint32_t i = 0; i < FAULT_COUNT; i++) {
        if (strcmp(consensus_fault_name((enum consensus_fault)i), name) != 0) continue;
        if (s->options->fault == FAULT_NONE) s->set_up.world.fault = (enum consensus_fault)i;
        return true;
    }
    return scenario_fail(s, "\"%s\": a planted fault is expected, as q-1 or select-base", name);
}

static bool set_up_one(struct scenario *s, bool *is_one)
{
    struct world_config *c = &s->set_up.world;
    uint64_t number = 0;
    *is_one = true;
    if (scenario_accept(s, "nodes")) return number_into(s, "nodes", 1, NODES_MAX, &c->nodes);
    if (scenario_accept(s, "f")) {
        s->set_up.has_f = true;
        return number_into(s, "f", 0, NODES_MAX, &c->f);
    }
    if (scenario_accept(s, "spares"))
        return number_into(s, "spares", 0, WORLD_SPARES_MAX, &c->spares);
    if (scenario_accept(s, "p")) return number_into(s, "p", 0, NODES_MAX, &c->p);
    if (scenario_accept(s, "mode")) return set_mode(s);
    if (scenario_accept(s, "view-ms"))
        return number_into(s, "view-ms", 1, CONSENSUS_VIEW_MS_MAX, &c->view_ms);
    if (scenario_accept(s, "batch-ms"))
        return number_into(s, "batch-ms", 1, 60000, &c->batch_age_ms);
    if (scenario_accept(s, "block-txs"))
        return number_into(s, "block-txs", 1, BLOCK_TXS_MAX, &c->block_txs_max);
    if (scenario_accept(s, "seed")) {
        if (!scenario_number(s, "a seed", &number)) return false;
        if (!s->options->has_seed) c->seed = number;
        return true;
    }
    if (scenario_accept(s, "signatures")) {
        c->has_real_signatures = scenario_accept(s, "real");
        if (c->has_real_signatures || scenario_accept(s, "stub")) return true;
        return scenario_fail(s, "\"%s\": stub or real is expected", scenario_peek(s));
    }
    if (scenario_accept(s, "digests")) {
        c->has_step_digests = scenario_accept(s, "on");
        if (c->has_step_digests || scenario_accept(s, "off")) return true;
        return scenario_fail(s, "\"%s\": on or off is expected", scenario_peek(s));
    }
    if (scenario_accept(s, "byzantine")) return set_byzantine(s);
    if (scenario_accept(s, "fault")) return set_fault(s);
    *is_one = false;
    return true;
}

static bool refuse_unknown_power(struct scenario *s)
{
    static const struct {
        const char *word;
        const char *why;
    } powers[] = {{"handover", "planned rotation by HANDOVER is not built"},
                  {"config", "a change is a transaction: `tx NAME config add 4`"},
                  {"snapshot", "state sync by snapshots is not built: nodes catch up by blocks"}};
    for (size_t i = 0; i < sizeof powers / sizeof powers[0]; i++)
        if (strcmp(s->words[0], powers[i].word) == 0)
            return scenario_fail(s, "\"%s\": %s", powers[i].word, powers[i].why);
    return true;
}

bool scenario_set_up_statement(struct scenario *s, bool *is_one)
{
    if (!refuse_unknown_power(s)) return false;
    if (!set_up_one(s, is_one)) return false;
    if (*is_one && s->has_started)
        return scenario_fail(s, "\"%s\" stands before everything that happens", s->words[0]);
    return true;
}
