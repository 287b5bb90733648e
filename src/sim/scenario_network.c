/* scenario_network.c - Links, partitions, rules about single messages, and the passing of time. */
#include <stdio.h>

#include "base/must.h"
#include "sim/host.h"
#include "sim/scenario_int.h"

/* --- links ------------------------------------------------------------------------------------ */

struct link_change {
    bool has_delay;
    bool has_loss;
    bool has_double;
    bool has_order;
    bool has_cut;
    struct link to;
};

static bool read_link_changes(struct scenario *s, struct link_change *c)
{
    while (scenario_has_word(s)) {
        if (scenario_accept(s, "delay")) {
            c->has_delay = true;
            if (!scenario_duration_range(s, "a duration, as 5ms or 1ms..20ms", &c->to.low_us,
                                         &c->to.high_us))
                return false;
        } else if (scenario_accept(s, "loss")) {
            c->has_loss = true;
            if (!scenario_percent(s, "a percentage", &c->to.loss_ppm)) return false;
        } else if (scenario_accept(s, "duplicate")) {
            c->has_double = true;
            if (!scenario_percent(s, "a percentage", &c->to.double_ppm)) return false;
        } else if (scenario_accept(s, "reorder")) {
            c->has_order = true;
            c->to.is_orderly = scenario_accept(s, "off");
            if (!c->to.is_orderly && !scenario_accept(s, "on"))
                return scenario_fail(s, "on or off is expected behind reorder");
        } else if (scenario_accept(s, "cut")) {
            c->has_cut = true;
            c->to.is_cut = true;
        } else if (scenario_accept(s, "open")) {
            c->has_cut = true;
            c->to.is_cut = false;
        } else {
            return scenario_fail(s,
                                 "\"%s\": delay, loss, duplicate, reorder, cut or open is "
                                 "expected",
                                 scenario_peek(s));
        }
    }
    return true;
}

static void change_link(struct link *l, const struct link_change *c)
{
    if (c->has_delay) {
        l->low_us = c->to.low_us;
        l->high_us = c->to.high_us;
    }
    if (c->has_loss) l->loss_ppm = c->to.loss_ppm;
    if (c->has_double) l->double_ppm = c->to.double_ppm;
    if (c->has_order) l->is_orderly = c->to.is_orderly;
    if (c->has_cut) l->is_cut = c->to.is_cut;
}

static bool on_link(struct scenario *s)
{
    uint64_t from = 0;
    uint64_t to = 0;
    struct link_change c = {0};
    if (!scenario_hosts(s, "nodes that send", &from)) return false;
    if (!scenario_accept(s, ">"))
        return scenario_fail(s, "\"%s\": > is expected, as in link 0 > 1,2 loss 10%%",
                             scenario_peek(s));
    if (!scenario_hosts(s, "nodes that receive", &to)) return false;
    if (!read_link_changes(s, &c)) return false;
    if (!scenario_begin(s)) return false;
    if (s->is_dry) return true;
    for (uint32_t a = 0; a < s->world->host_count; a++)
        for (uint32_t b = 0; b < s->world->host_count; b++)
            if ((from >> a & 1u) && (to >> b & 1u)) change_link(network_link(s->world, a, b), &c);
    if (c.has_cut && !c.to.is_cut) network_connect_all(s->world);
    return true;
}

/* The last side that names the host; count: none. */
static uint32_t side_of(const uint64_t *sides, uint32_t count, uint32_t host)
{
    for (uint32_t i = count; i > 0; i--)
        if (sides[i - 1] >> host & 1u) return i - 1;
    return count;
}

static bool on_partition(struct scenario *s)
{
    uint64_t sides[8] = {0};
    uint32_t count = 0;
    do {
        if (count == 8) return scenario_fail(s, "a partition has at most 8 sides");
        if (!scenario_hosts(s, "nodes of one side", &sides[count++])) return false;
    } while (scenario_accept(s, "|"));
    bool is_silent = scenario_accept(s, "silent");
    if (count < 2) return scenario_fail(s, "| and another side is expected");
    if (!scenario_begin(s)) return false;
    if (s->is_dry) return true;
    struct world *w = s->world;
    for (uint32_t a = 0; a < w->host_count; a++) {
        for (uint32_t b = 0; b < w->host_count; b++) {
            const uint32_t a_side = side_of(sides, count, a);
            const uint32_t b_side = side_of(sides, count, b);
            if (a_side == b_side || a_side == count || b_side == count) continue;
            network_link(w, a, b)->is_cut = true;
            if (!is_silent) network_disconnect(w, a, b);
        }
    }
    return true;
}

static bool on_heal(struct scenario *s)
{
    if (!scenario_begin(s)) return false;
    if (s->is_dry) return true;
    struct world *w = s->world;
    for (uint32_t a = 0; a < w->host_count; a++)
        for (uint32_t b = 0; b < w->host_count; b++)
            *network_link(w, a, b) =
                (struct link){.low_us = 200, .high_us = 800, .is_orderly = true};
    network_connect_all(w);
    return true;
}

static bool on_connect(struct scenario *s, bool is_up)
{
    uint64_t a = 0;
    uint64_t b = 0;
    if (!scenario_hosts(s, "nodes", &a) || !scenario_hosts(s, "the other nodes", &b)) return false;
    if (!scenario_begin(s)) return false;
    if (s->is_dry) return true;
    for (uint32_t i = 0; i < s->world->host_count; i++) {
        for (uint32_t j = 0; j < s->world->host_count; j++) {
            if ((a >> i & 1u) == 0 || (b >> j & 1u) == 0) continue;
            if (is_up)
                network_connect(s->world, i, j);
            else
                network_disconnect(s->world, i, j);
        }
    }
    return true;
}

/* --- rules ------------------------------------------------------------------------------------ */

static bool read_kinds(struct scenario *s, uint32_t *kinds, uint32_t *parts)
{
    char word[SCENARIO_WORD_MAX];
    if (!scenario_word(s, "kinds of messages, as propose,vote", word)) return false;
    *kinds = *parts = 0;
    for (char *at = word; at != NULL;) {
        char *comma = strchr(at, ',');
        if (comma != NULL) *comma++ = 0;
        uint32_t found = GIST_KINDS;
        for (uint32_t i = 0; i < GIST_KINDS; i++)
            if (strcmp(gist_kind_name((enum gist_kind)i), at) == 0) found = i;
        bool is_part =
            strlen(at) == 7 && strncmp(at, "vote-p", 6) == 0 && at[6] >= '1' && at[6] <= '3';
        if (is_part) {
            found = GIST_VOTE;
            *parts |= 1u << (at[6] - '1');
        }
        if (found == GIST_KINDS)
            return scenario_fail(s,
                                 "\"%s\": a kind is expected: propose, vote, vote-p1, vote-p2, "
                                 "vote-p3, vc, newview, status, txs, get-txs, txs-found, "
                                 "get-block, block-part, get-chain, chain, evidence, get-height, "
                                 "height, report, garbage",
                                 at);
        *kinds |= 1u << found;
        at = comma;
    }
    return true;
}

static bool read_match_block(struct scenario *s, struct rule *r)
{
    struct block_ref block;
    if (!scenario_block(s, "a block", &block)) return false;
    r->has_hash = true;
    r->hash = block.hash;
    return true;
}

static bool read_condition(struct scenario *s, struct rule *r, bool *is_any)
{
    if (scenario_accept(s, "from")) return scenario_hosts(s, "nodes that send", &r->from);
    if (scenario_accept(s, "to")) return scenario_hosts(s, "nodes that receive", &r->to);
    if (scenario_accept(s, "kind")) return read_kinds(s, &r->kinds, &r->parts);
    if (scenario_accept(s, "sender")) return scenario_hosts(s, "nodes that signed it", &r->authors);
    if (scenario_accept(s, "height"))
        return scenario_range(s, "heights, as 3 or 3..5 or 3..", &r->height_low, &r->height_high);
    if (scenario_accept(s, "view"))
        return scenario_range(s, "views, as 0 or 1..3 or 1..", &r->view_low, &r->view_high);
    if (scenario_accept(s, "block")) return read_match_block(s, r);
    *is_any = false;
    return true;
}

static bool read_match(struct scenario *s, struct rule *r)
{
    bool is_any = true;
    while (is_any)
        if (!read_condition(s, r, &is_any)) return false;
    return true;
}

static bool read_action(struct scenario *s, struct rule *r)
{
    uint64_t copies = 0;
    if (scenario_accept(s, "deliver")) {
        r->action = RULE_DELIVER;
    } else if (scenario_accept(s, "drop")) {
        r->action = RULE_DROP;
    } else if (scenario_accept(s, "hold")) {
        r->action = RULE_HOLD;
    } else if (scenario_accept(s, "record")) {
        r->action = RULE_RECORD;
    } else if (scenario_accept(s, "delay")) {
        r->action = RULE_DELAY;
        if (!scenario_duration_range(s, "a duration, as 5ms or 1ms..20ms", &r->low_us, &r->high_us))
            return false;
    } else if (scenario_accept(s, "pace")) {
        r->action = RULE_PACE;
        if (!scenario_duration(s, "a duration, as 450ms", &r->low_us)) return false;
    } else if (scenario_accept(s, "duplicate")) {
        r->action = RULE_DOUBLE;
        r->copies = 1;
        r->high_us = 20000;
        if (!scenario_number(s, "how many copies", &copies)) return false;
        if (copies == 0 || copies > 1000) return scenario_fail(s, "1 to 1000 copies are expected");
        r->copies = (uint32_t)copies;
        if (scenario_accept(s, "within") && !scenario_duration(s, "a duration", &r->high_us))
            return false;
    } else {
        return scenario_fail(s,
                             "\"%s\": deliver, drop, delay, pace, duplicate, hold or record is "
                             "expected (or from, to, kind, sender, height, view, block before it)",
                             scenario_peek(s));
    }
    if (scenario_accept(s, "times")) return scenario_number(s, "how often", &r->count_left);
    return true;
}

static bool on_rule(struct scenario *s)
{
    char name[SCENARIO_WORD_MAX];
    struct rule r = {.from = HOSTS_ALL,
                     .to = HOSTS_ALL,
                     .kinds = GISTS_ALL,
                     .authors = HOSTS_ALL,
                     .height_high = UINT64_MAX,
                     .view_high = UINT64_MAX,
                     .count_left = UINT64_MAX};
    if (!scenario_word(s, "the rule's name", name)) return false;
    if (strlen(name) >= sizeof r.name)
        return scenario_fail(s, "names of rules have at most %zu characters", sizeof r.name - 1);
    memcpy(r.name, name, strlen(name));
    if (!scenario_begin(s)) return false;
    if (!read_match(s, &r) || !read_action(s, &r)) return false;
    if (!s->is_dry) {
        if (!network_add_rule(s->world, &r))
            return scenario_fail(s, "there are at most %u rules", RULES_MAX);
        return true;
    }
    if (s->rule_count == SCENARIO_NAMES_MAX)
        return scenario_fail(s, "there are at most %u rules", SCENARIO_NAMES_MAX);
    memcpy(s->rule_names[s->rule_count++], name, sizeof name);
    return true;
}

bool scenario_rule_name(struct scenario *s, char name[SCENARIO_WORD_MAX])
{
    if (!scenario_word(s, "the name of a rule", name)) return false;
    if (!s->is_dry) return true;
    for (uint32_t i = 0; i < s->rule_count; i++)
        if (strcmp(s->rule_names[i], name) == 0) return true;
    return scenario_fail(s, "there is no rule \"%s\"", name);
}

static bool on_end(struct scenario *s)
{
    char name[SCENARIO_WORD_MAX];
    if (!scenario_rule_name(s, name)) return false;
    if (!s->is_dry) network_end_rule(s->world, name);
    return true;
}

static bool on_release(struct scenario *s)
{
    char name[SCENARIO_WORD_MAX];
    uint64_t to = HOSTS_ALL;
    if (!scenario_rule_name(s, name)) return false;
    if (scenario_accept(s, "to") && !scenario_hosts(s, "nodes that receive", &to)) return false;
    if (!s->is_dry) network_release(s->world, name, to);
    return true;
}

/* --- time ------------------------------------------------------------------------------------- */

static bool on_run(struct scenario *s)
{
    uint64_t us = 0;
    if (!scenario_duration(s, "a duration, as 500ms or 2s", &us)) return false;
    if (!scenario_begin(s)) return false;
    return s->is_dry || scenario_pass(s, us);
}

static bool on_at(struct scenario *s)
{
    uint64_t us = 0;
    if (!scenario_duration(s, "a time, as 500ms or 2s", &us)) return false;
    if (!scenario_begin(s)) return false;
    if (s->is_dry) return true;
    if (us < s->world->now_us)
        return scenario_fail(s, "it is %llu ms already",
                             (unsigned long long)(s->world->now_us / 1000));
    return scenario_pass(s, us - s->world->now_us);
}

bool scenario_network_statement(struct scenario *s, bool *is_one)
{
    *is_one = true;
    if (scenario_accept(s, "link")) return on_link(s);
    if (scenario_accept(s, "partition")) return on_partition(s);
    if (scenario_accept(s, "heal")) return on_heal(s);
    if (scenario_accept(s, "connect")) return on_connect(s, true);
    if (scenario_accept(s, "disconnect")) return on_connect(s, false);
    if (scenario_accept(s, "rule")) return on_rule(s);
    if (scenario_accept(s, "end")) return on_end(s);
    if (scenario_accept(s, "release") || scenario_accept(s, "replay")) return on_release(s);
    if (scenario_accept(s, "run")) return on_run(s);
    if (scenario_accept(s, "at")) return on_at(s);
    if (scenario_accept(s, "start")) return scenario_begin(s);
    *is_one = false;
    return true;
}
