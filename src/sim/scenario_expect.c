/* scenario_expect.c - What is expected: now, within a time, or all through a time. */
#include <stdio.h>

#include "base/must.h"
#include "sim/host.h"
#include "sim/reads.h"
#include "sim/scenario_int.h"

#define LOOK_US 5000u /* How often a condition is looked at while time passes. */

enum condition_kind {
    IS_FINAL,
    IS_TX,
    IS_ALL_TXS,
    IS_ANCHOR,
    IS_EVIDENCE,
    IS_REJECT,
    IS_HALTED,
    IS_RUNNING,
    IS_SILENT, /* Does not vote. */
    IS_ALARM,
    IS_EQUAL,
    IS_VIEW,
    IS_MODE,
    IS_MEMORY,
    IS_MATCHED,
    IS_LEADER,
    IS_EPOCH,
    IS_ANARCHY,
    IS_LATENCY,
    IS_NAMED,
    IS_COMPLAINED,
    IS_READ,
    IS_BEGUN,
    IS_EQUAL_VIEWS
};

enum read_wish {
    READ_IS_DONE,
    READ_IS_ORDERED,
    READ_IS_ANSWERED,
    READ_HAS_FAILED,
    READ_SEES,
    READ_TRIED
};

enum complaint_fate { COMPLAINT_TAKEN, COMPLAINT_REFUSED, COMPLAINT_BASELESS };

struct condition {
    enum condition_kind kind;
    bool is_negated;
    uint64_t hosts;
    uint64_t height;
    bool has_block;
    struct block_ref block;
    struct client_tx *tx;
    bool is_executed; /* IS_TX: executed is enough. */
    uint64_t view;
    uint64_t epoch;
    enum block_mode mode;
    uint64_t height_high; /* IS_LATENCY, in microseconds: view. */
    char compare;         /* '=', '<' or '>' (or equal). */
    bool has_evidence_kind;
    enum evidence_kind evidence;
    bool has_offender;
    uint32_t offender;
    enum consensus_reject reject;
    bool is_codec; /* IS_REJECT: what was no message at all. */
    uint64_t at_least;
    enum consensus_alarm alarm;
    enum complaint_fate fate;
    enum read_wish wish;
    uint32_t read;
    char rule[SCENARIO_WORD_MAX];
    char why[256]; /* Why it does not hold. */
};

/* --- what holds ------------------------------------------------------------------------------- */

static const struct consensus_stand *stand_of(const struct host *h)
{
    consensus_stand_of(core_engine(h->core), h->world->stand, host_mono_ms(h));
    return h->world->stand;
}

static void because(struct condition *c, const struct host *h, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#include <stdarg.h>

static void because(struct condition *c, const struct host *h, const char *format, ...)
{
    va_list args;
    int used =
        snprintf(c->why, sizeof c->why, "node %u%s ", h->voter, h->id == h->voter ? "" : "b");
    must(used > 0);
    va_start(args, format);
    must(vsnprintf(c->why + used, sizeof c->why - (size_t)used, format, args) >= 0);
    va_end(args);
}

static bool final_holds(struct condition *c, const struct host *h)
{
    const struct oracle *o = h->world->oracle;
    struct hash hash;
    uint64_t height = h->is_up ? stand_of(h)->final_height : 0;
    if (height < c->height) {
        because(c, h, "is at final height %llu", (unsigned long long)height);
        return false;
    }
    if (!c->has_block) return true;
    if (oracle_committed(o, c->height, &hash) && hash_equal(&hash, &c->block.hash)) return true;
    because(c, h, "has another block at height %llu", (unsigned long long)c->height);
    return false;
}

static bool tx_holds(struct condition *c, const struct host *h)
{
    uint64_t height = machine_find(&h->machine, &c->tx->txid);
    bool is = height > 0 && (c->is_executed || clients_is_final(c->tx, h));
    if (is)
        because(c, h, c->is_executed ? "has executed it" : "has a certified result of it");
    else
        because(c, h, height == 0 ? "has not executed it" : "has no certified result of it");
    return is;
}

static bool all_txs_hold(struct condition *c, const struct host *h)
{
    uint64_t result = host_result_height(h);
    if (clients_are_busy(h->world)) {
        (void)snprintf(c->why, sizeof c->why, "a load is not all handed in yet");
        return false;
    }
    for (uint32_t i = 0; i < clients_count(h->world); i++) {
        const struct client_tx *t = clients_at(h->world, i);
        if (!t->is_good) continue;
        uint64_t height = machine_find(&h->machine, &t->txid);
        if (height > 0 && height <= result) continue;
        because(c, h, "has no final result of transaction %u %s", i, t->name);
        return false;
    }
    return true;
}

static bool anchor_holds(struct condition *c, const struct host *h)
{
    struct seen_anchor a;
    if (!oracle_anchor(h->world->oracle, h->id, c->epoch, c->view, &a)) {
        because(c, h, "has not opened view %llu", (unsigned long long)c->view);
        return false;
    }
    if (hash_equal(&a.hash, &c->block.hash)) return true;
    because(c, h, "starts view %llu at another block, of height %llu", (unsigned long long)c->view,
            (unsigned long long)a.height);
    return false;
}

static bool evidence_holds(struct condition *c, const struct host *h)
{
    const struct oracle *o = h->world->oracle;
    for (uint32_t i = 0; i < oracle_evidence_count(o); i++) {
        const struct seen_evidence *e = oracle_evidence_at(o, i);
        if (e->host != h->id) continue;
        if (c->has_evidence_kind && e->kind != c->evidence) continue;
        if (c->has_offender && e->offender != c->offender) continue;
        because(c, h, "holds %s against %u", evidence_name(e->kind), e->offender);
        return true;
    }
    because(c, h, "holds no such evidence");
    return false;
}

static bool reject_holds(struct condition *c, const struct host *h)
{
    uint64_t count =
        c->is_codec ? h->codec_refusals : oracle_rejects(h->world->oracle, h, c->reject);
    const char *reason = c->is_codec ? "codec" : consensus_reject_name(c->reject);
    because(c, h, "refused %llu times: %s", (unsigned long long)count, reason);
    return count >= c->at_least;
}

static bool state_holds(struct condition *c, const struct host *h)
{
    bool is = false;
    if (c->kind == IS_HALTED) is = !h->is_up && (h->is_halted || h->cannot_run);
    if (c->kind == IS_RUNNING) is = h->is_up;
    if (c->kind == IS_SILENT) is = h->is_up && !stand_of(h)->is_voting;
    if (c->kind == IS_ALARM) is = h->is_up && stand_of(h)->alarm == c->alarm;
    because(c, h, "%s%s", h->is_up ? "is up" : "is down", h->is_halted ? ", it halted" : "");
    return is;
}

/* In the epoch that the node is in. */
static bool leads(const struct host *h, uint64_t view, uint32_t host)
{
    const uint64_t epoch = h->epoch;
    uint32_t index = epochs_index_of(&h->world->hosts[host], epoch);
    return index < NODES_MAX && epochs_leader(h->world, epoch, view) == index;
}

static bool view_holds(struct condition *c, const struct host *h)
{
    uint64_t view = h->is_up ? stand_of(h)->view : 0;
    because(c, h, "is in view %llu", (unsigned long long)view);
    if (!h->is_up) return false;
    if (c->kind == IS_LEADER) return leads(h, view, c->offender);
    if (c->compare == '<') return view <= c->view;
    if (c->compare == '>') return view >= c->view || h->epoch > 0; /* Later than any of epoch 0. */
    return view == c->view;
}

/* All are in one view of one epoch. */
static bool equal_views_hold(struct condition *c, const struct host *h)
{
    const uint64_t view = h->is_up ? stand_of(h)->view : 0;
    because(c, h, h->is_up ? "is in view %llu, others are not" : "is down",
            (unsigned long long)view);
    if (!h->is_up) return false;
    for (uint32_t i = 0; i < h->world->host_count; i++) {
        const struct host *other = &h->world->hosts[i];
        if ((c->hosts >> i & 1u) == 0 || other->part == PART_PUPPET || !other->is_up) continue;
        if (other->epoch != h->epoch || stand_of(other)->view != view) return false;
    }
    return true;
}

static bool equal_holds(struct condition *c, const struct host *h)
{
    struct hash right;
    uint64_t height = c->height > 0 ? c->height : h->machine.height;
    if (!h->is_up || h->machine.height < height ||
        h->machine.height - height >= CONSENSUS_LAG_MAX) {
        because(c, h, "has executed up to %llu", (unsigned long long)h->machine.height);
        return false;
    }
    struct hash own = h->machine.digests[height % CONSENSUS_LAG_MAX];
    bool is = height == 0 ||
              (oracle_digest(h->world->oracle, height, &right) && hash_equal(&right, &own));
    if (!is) because(c, h, "has another digest at height %llu", (unsigned long long)height);
    for (uint32_t i = 0; is && c->height == 0 && i < h->world->host_count; i++) {
        const struct host *other = &h->world->hosts[i];
        if ((c->hosts >> i & 1u) == 0 || other->machine.height == height) continue;
        because(c, h, "is at height %llu, others are not", (unsigned long long)height);
        return false;
    }
    return is;
}

/* How often that peer gave a wrong answer, in this life of h. */
static bool named_holds(struct condition *c, const struct host *h)
{
    const uint32_t place = host_place_of(h, &h->world->hosts[c->offender]);
    uint64_t count = 0;
    if (h->is_up && place < HOST_PLACES_MAX) count = core_lies(h->core, place);
    because(c, h, "has caught it %llu times", (unsigned long long)count);
    return count >= c->at_least;
}

static bool read_holds(struct condition *c, const struct world *w)
{
    static const char *const states[] = {[READ_WAITS] = "waits",
                                         [READ_DONE] = "is done",
                                         [READ_ORDERED] = "is ordered",
                                         [READ_FAILED] = "has failed"};
    const struct read_outcome r = reads_outcome(w, c->read);
    const bool is_answered = r.state == READ_DONE || r.state == READ_ORDERED;
    (void)snprintf(c->why, sizeof c->why, "the read %s at height %llu after %u tries",
                   states[r.state], (unsigned long long)r.height, r.tries);
    switch (c->wish) {
    case READ_IS_DONE: return r.state == READ_DONE;
    case READ_IS_ORDERED: return r.state == READ_ORDERED;
    case READ_IS_ANSWERED: return is_answered;
    case READ_HAS_FAILED: return r.state == READ_FAILED;
    case READ_TRIED: return r.tries == c->at_least;
    case READ_SEES: break;
    }
    const uint64_t height = clients_executed_at(w, c->tx);
    return is_answered && height > 0 && r.height >= height;
}

static bool complained_holds(struct condition *c, const struct host *h)
{
    static const char *const names[] = {"taken", "refused", "baseless"};
    const uint64_t counts[] = {h->complained.taken, h->complained.refused, h->complained.baseless};
    because(c, h, "has %llu complaints %s", (unsigned long long)counts[c->fate], names[c->fate]);
    return counts[c->fate] >= c->at_least;
}

/* From the first word of a block to the last honest node that finalised it. */
static bool latency_holds(struct condition *c, const struct world *w)
{
    for (uint64_t height = c->height; height <= c->height_high; height++) {
        struct hash hash;
        const struct known_header *known = NULL;
        if (oracle_committed(w->oracle, height, &hash)) known = oracle_header(w->oracle, &hash);
        if (known == NULL || known->final_us == 0) {
            (void)snprintf(c->why, sizeof c->why, "block %llu is not final",
                           (unsigned long long)height);
            return false;
        }
        const uint64_t us = known->final_us - known->seen_us;
        if (us <= c->view) continue;
        (void)snprintf(c->why, sizeof c->why, "block %llu took %llu us", (unsigned long long)height,
                       (unsigned long long)us);
        return false;
    }
    return true;
}

static bool epoch_holds(struct condition *c, const struct host *h)
{
    because(c, h, "is in epoch %llu", (unsigned long long)h->epoch);
    if (!h->is_up) return false;
    if (c->compare == '<') return h->epoch <= c->epoch;
    return c->compare == '>' ? h->epoch >= c->epoch : h->epoch == c->epoch;
}

/* Where the epoch began on this node, as far as it has executed. */
static bool begun_holds(struct condition *c, const struct host *h)
{
    const struct machine *m = &h->machine;
    if (!h->is_up || c->epoch >= m->epoch_count) {
        because(c, h, "has not executed the block before epoch %llu", (unsigned long long)c->epoch);
        return false;
    }
    const uint64_t base = m->epochs[c->epoch].base;
    because(c, h, "begins epoch %llu above height %llu", (unsigned long long)c->epoch,
            (unsigned long long)base);
    return base == c->height;
}

static const char *const mode_names[] = {[0] = "none",
                                         [MODE_FAST] = "fast",
                                         [MODE_STRICT] = "strict",
                                         [MODE_BFT] = "bft",
                                         [MODE_RAFT] = "raft"};

/* Of the newest final block, if no height is given. */
static bool mode_holds(struct condition *c, const struct host *h)
{
    struct hash hash;
    uint64_t height = c->height;
    if (height == 0 && h->is_up) height = stand_of(h)->final_height;
    because(c, h, "has no final block at height %llu", (unsigned long long)height);
    if (height == 0 || !oracle_committed(h->world->oracle, height, &hash)) return false;
    const enum block_mode mode = oracle_header(h->world->oracle, &hash)->header.mode;
    because(c, h, "has mode %s at height %llu", mode_names[mode], (unsigned long long)height);
    return mode == c->mode;
}

static bool memory_holds(struct condition *c, const struct host *h)
{
    because(c, h, "uses up to %llu MiB", (unsigned long long)(h->memory.peak_bytes >> 20));
    return h->memory.peak_bytes <= c->at_least << 20;
}

static bool holds_on(struct condition *c, const struct host *h)
{
    switch (c->kind) {
    case IS_FINAL: return final_holds(c, h);
    case IS_TX: return tx_holds(c, h);
    case IS_ALL_TXS: return all_txs_hold(c, h);
    case IS_ANCHOR: return anchor_holds(c, h);
    case IS_EVIDENCE: return evidence_holds(c, h);
    case IS_REJECT: return reject_holds(c, h);
    case IS_HALTED:
    case IS_RUNNING:
    case IS_SILENT:
    case IS_ALARM: return state_holds(c, h);
    case IS_EQUAL: return equal_holds(c, h);
    case IS_EQUAL_VIEWS: return equal_views_hold(c, h);
    case IS_VIEW:
    case IS_LEADER: return view_holds(c, h);
    case IS_MODE: return mode_holds(c, h);
    case IS_MEMORY: return memory_holds(c, h);
    case IS_EPOCH: return epoch_holds(c, h);
    case IS_BEGUN: return begun_holds(c, h);
    case IS_ANARCHY:
        (void)snprintf(c->why, sizeof c->why, "no fork was found");
        return h->world->anarchy.is_set;
    case IS_NAMED: return named_holds(c, h);
    case IS_COMPLAINED: return complained_holds(c, h);
    case IS_READ: return read_holds(c, h->world);
    case IS_LATENCY: return latency_holds(c, h->world);
    case IS_MATCHED: break;
    }
    uint64_t matched = network_matched(h->world, c->rule);
    (void)snprintf(c->why, sizeof c->why, "it matched %llu times", (unsigned long long)matched);
    return matched >= c->at_least;
}

static bool is_of_world(const struct condition *c)
{
    return c->kind == IS_MATCHED || c->kind == IS_ANARCHY || c->kind == IS_LATENCY ||
           c->kind == IS_READ;
}

/* On every host named; negated: on none of them. */
static bool holds(struct scenario *s, struct condition *c)
{
    for (uint32_t i = 0; i < s->world->host_count; i++) {
        if ((c->hosts >> i & 1u) == 0) continue;
        if (s->world->hosts[i].part == PART_PUPPET && !is_of_world(c)) continue;
        if (holds_on(c, &s->world->hosts[i]) == c->is_negated) return false;
    }
    return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_evidence(struct scenario *s, struct condition *c)
{
    c->kind = IS_EVIDENCE;
    for (int kind = EVIDENCE_E1; kind <= EVIDENCE_E10; kind++) {
        char name[8];
        must(snprintf(name, sizeof name, "E%d", kind) > 0);
        if (!scenario_accept(s, name)) continue;
        c->has_evidence_kind = true;
        c->evidence = (enum evidence_kind)kind;
    }
    const char *next = scenario_peek(s);
    if (!c->has_evidence_kind && (next[0] == 'E' || next[0] == 'e'))
        return scenario_fail(s, "\"%s\": E1 to E10 is expected", next);
    if (!scenario_accept(s, "against")) return true;
    c->has_offender = true;
    if (!scenario_host(s, "a node", &c->offender)) return false;
    return true;
}

static bool read_reject(struct scenario *s, struct condition *c)
{
    char word[SCENARIO_WORD_MAX];
    c->kind = IS_REJECT;
    c->at_least = 1;
    if (!scenario_word(s, "a reason", word)) return false;
    c->is_codec = strcmp(word, "codec") == 0;
    if (c->is_codec) return true;
    for (uint32_t i = 1; i < REJECT_COUNT; i++) {
        if (strcmp(consensus_reject_name((enum consensus_reject)i), word) != 0) continue;
        c->reject = (enum consensus_reject)i;
        return true;
    }
    return scenario_fail(s,
                         "\"%s\": a reason is expected, as \"signature\" or \"nv-anchor\"; all "
                         "are in docs/simulator.md",
                         word);
}

static bool read_compare(struct scenario *s, struct condition *c, uint64_t *value)
{
    c->compare = '=';
    if (scenario_accept(s, ">="))
        c->compare = '>';
    else if (scenario_accept(s, "<="))
        c->compare = '<';
    else
        (void)scenario_accept(s, "=");
    return scenario_number(s, "a number", value);
}

static bool read_alarm(struct scenario *s, struct condition *c)
{
    c->kind = IS_ALARM;
    if (scenario_accept(s, "journal-rolled-back"))
        c->alarm = ALARM_JOURNAL_ROLLED_BACK;
    else if (scenario_accept(s, "diverged"))
        c->alarm = ALARM_DIVERGED;
    else if (scenario_accept(s, "conflict"))
        c->alarm = ALARM_CONFLICT;
    else if (scenario_accept(s, "evidence"))
        c->alarm = ALARM_EVIDENCE;
    else if (!scenario_accept(s, "none"))
        return scenario_fail(s,
                             "\"%s\": journal-rolled-back, diverged, conflict, evidence or none is "
                             "expected",
                             scenario_peek(s));
    return true;
}

static bool read_final(struct scenario *s, struct condition *c)
{
    c->kind = IS_FINAL;
    if (!scenario_accept(s, "height") || !scenario_number(s, "a height", &c->height))
        return scenario_fail(s, "height and a number are expected");
    c->has_block = scenario_accept(s, "block");
    return !c->has_block || scenario_block(s, "a block", &c->block);
}

static bool read_tx(struct scenario *s, struct condition *c)
{
    c->kind = IS_TX;
    if (!scenario_tx(s, "a transaction", &c->tx)) return false;
    if (scenario_accept(s, "not")) c->is_negated = true;
    c->is_executed = scenario_accept(s, "executed");
    if (c->is_executed || scenario_accept(s, "final")) return true;
    return scenario_fail(s, "\"%s\": final, executed, not final or not executed is expected",
                         scenario_peek(s));
}

static bool read_mode(struct scenario *s, struct condition *c)
{
    c->mode = MODE_BFT;
    bool is_one = false;
    for (int mode = MODE_FAST; mode <= MODE_RAFT && !is_one; mode++) {
        is_one = scenario_accept(s, mode_names[mode]);
        if (is_one) c->mode = (enum block_mode)mode;
    }
    if (!is_one)
        return scenario_fail(s, "\"%s\": fast, strict, bft or raft is expected", scenario_peek(s));
    return !scenario_accept(s, "height") || scenario_number(s, "a height", &c->height);
}

static bool read_complaints(struct scenario *s, struct condition *c)
{
    c->kind = IS_COMPLAINED;
    c->at_least = 1;
    if (scenario_accept(s, "taken"))
        c->fate = COMPLAINT_TAKEN;
    else if (scenario_accept(s, "refused"))
        c->fate = COMPLAINT_REFUSED;
    else if (scenario_accept(s, "baseless"))
        c->fate = COMPLAINT_BASELESS;
    else
        return scenario_fail(s, "\"%s\": taken, refused or baseless is expected", scenario_peek(s));
    return true;
}

/* read NAME done|ordered|answered|failed|sees TX|tries N */
static bool read_read(struct scenario *s, struct condition *c)
{
    char name[SCENARIO_WORD_MAX];
    static const char *const wishes[] = {"done", "ordered", "answered", "failed"};
    c->kind = IS_READ;
    c->hosts = 1;
    if (!scenario_word(s, "a read", name)) return false;
    const struct named_read *r = scenario_find_read(s, name);
    if (r == NULL)
        return scenario_fail(s, "there is no read \"%s\": `read %s at NODE` makes one", name, name);
    c->read = r->number;
    for (uint32_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        c->wish = (enum read_wish)i;
        if (scenario_accept(s, wishes[i])) return true;
    }
    c->wish = READ_SEES;
    if (scenario_accept(s, "sees")) return scenario_tx(s, "a transaction", &c->tx);
    c->wish = READ_TRIED;
    if (scenario_accept(s, "tries")) return scenario_number(s, "how many", &c->at_least);
    return scenario_fail(s, "\"%s\": done, ordered, answered, failed, sees or tries is expected",
                         scenario_peek(s));
}

static bool read_more(struct scenario *s, struct condition *c)
{
    if (scenario_accept(s, "halted")) {
        c->kind = IS_HALTED;
    } else if (scenario_accept(s, "running")) {
        c->kind = IS_RUNNING;
    } else if (scenario_accept(s, "non-voter")) {
        c->kind = IS_SILENT;
    } else if (scenario_accept(s, "equal-digests")) {
        c->kind = IS_EQUAL;
        if (scenario_accept(s, "height")) return scenario_number(s, "a height", &c->height);
    } else if (scenario_accept(s, "equal-views")) {
        c->kind = IS_EQUAL_VIEWS;
    } else if (scenario_accept(s, "mode")) {
        c->kind = IS_MODE;
        return read_mode(s, c);
    } else if (scenario_accept(s, "leader")) {
        c->kind = IS_LEADER;
        return scenario_host(s, "a node", &c->offender);
    } else if (scenario_accept(s, "names")) {
        c->kind = IS_NAMED;
        c->at_least = 1;
        return scenario_host(s, "a node", &c->offender);
    } else if (scenario_accept(s, "latency")) {
        c->kind = IS_LATENCY;
        c->hosts = 1;
        if (!scenario_range(s, "heights, as 10..40", &c->height, &c->height_high)) return false;
        if (!scenario_accept(s, "at-most"))
            return scenario_fail(s, "at-most and a duration are expected");
        return scenario_duration(s, "a duration", &c->view);
    } else if (scenario_accept(s, "anarchy")) {
        c->kind = IS_ANARCHY;
        c->hosts = 1;
        s->expects_anarchy = true;
    } else if (scenario_accept(s, "begins")) {
        c->kind = IS_BEGUN;
        return scenario_number(s, "an epoch", &c->epoch) &&
               scenario_number(s, "the height of the last block before it", &c->height);
    } else if (scenario_accept(s, "read")) {
        return read_read(s, c);
    } else if (scenario_accept(s, "complaints")) {
        return read_complaints(s, c);
    } else if (scenario_accept(s, "memory")) {
        c->kind = IS_MEMORY;
        return scenario_number(s, "MiB", &c->at_least);
    } else if (scenario_accept(s, "matched")) {
        c->kind = IS_MATCHED;
        c->hosts = 1;
        c->at_least = 1;
        return scenario_rule_name(s, c->rule);
    } else {
        return scenario_fail(
            s,
            "\"%s\": final, tx, all-txs-final, anchor, evidence, reject, "
            "halted, running, non-voter, alarm, equal-digests, equal-views, view, leader, "
            "epoch, begins, mode, names, latency, complaints, read, memory, matched, anarchy or "
            "violation is "
            "expected",
            scenario_peek(s));
    }
    return true;
}

static bool read_condition(struct scenario *s, struct condition *c)
{
    c->is_negated = scenario_accept(s, "no");
    if (scenario_accept(s, "final")) return read_final(s, c);
    if (scenario_accept(s, "tx")) return read_tx(s, c);
    if (scenario_accept(s, "evidence")) return read_evidence(s, c);
    if (scenario_accept(s, "reject")) return read_reject(s, c);
    c->kind = IS_VIEW;
    if (scenario_accept(s, "view")) return read_compare(s, c, &c->view);
    c->kind = IS_EPOCH;
    if (scenario_accept(s, "epoch")) return read_compare(s, c, &c->epoch);
    if (scenario_accept(s, "alarm")) return read_alarm(s, c);
    if (scenario_accept(s, "all-txs-final")) {
        c->kind = IS_ALL_TXS;
        return true;
    }
    if (scenario_accept(s, "anchor")) {
        c->kind = IS_ANCHOR;
        if (!scenario_number(s, "a view", &c->view) || !scenario_block(s, "a block", &c->block))
            return false;
        return !scenario_accept(s, "epoch") || scenario_number(s, "an epoch", &c->epoch);
    }
    return read_more(s, c);
}

#define INVARIANTS " I1 I2 I3 I4 I5 I6 I7 I8 I9 I10 I11 I12 I13 I14 P2 P3 VC R1 codec"

static bool is_invariant(const char *rule)
{
    const size_t size = strlen(rule);
    for (const char *at = strstr(INVARIANTS, rule); size > 0 && at != NULL;
         at = strstr(at + 1, rule))
        if (at[-1] == ' ' && (at[size] == ' ' || at[size] == 0)) return true;
    return false;
}

static bool on_violation(struct scenario *s)
{
    char rule[SCENARIO_WORD_MAX];
    if (!scenario_word(s, "the name of an invariant, as I1 or live", rule)) return false;
    if (!s->is_dry) return true; /* It holds for the whole file. */
    if (!is_invariant(rule))
        return scenario_fail(s, "\"%s\": an invariant is expected, one of:%s", rule, INVARIANTS);
    if (s->expects_violation)
        return scenario_fail(s, "one violation ends the world: %s is expected already",
                             s->expected_rule);
    s->expects_violation = true;
    memset(s->expected_rule, 0, sizeof s->expected_rule);
    memcpy(s->expected_rule, rule, strlen(rule));
    return true;
}

/* --- time ------------------------------------------------------------------------------------- */

static bool fails(struct scenario *s, struct condition *c)
{
    return scenario_fail(s, "at %llu ms this does not hold: %s",
                         (unsigned long long)(s->world->now_us / 1000), c->why);
}

static bool within(struct scenario *s, struct condition *c, uint64_t us)
{
    uint64_t end = s->world->now_us + us;
    while (!holds(s, c)) {
        if (s->world->now_us >= end) return fails(s, c);
        uint64_t step = end - s->world->now_us < LOOK_US ? end - s->world->now_us : LOOK_US;
        if (!scenario_pass(s, step)) return false;
        if (s->world->violation.is_set) return true;
    }
    return true;
}

static bool all_through(struct scenario *s, struct condition *c, uint64_t us)
{
    uint64_t end = s->world->now_us + us;
    while (holds(s, c)) {
        if (s->world->now_us >= end) return true;
        uint64_t step = end - s->world->now_us < LOOK_US ? end - s->world->now_us : LOOK_US;
        if (!scenario_pass(s, step)) return false;
        if (s->world->violation.is_set) return true;
    }
    return fails(s, c);
}

struct timing {
    bool is_within;
    bool is_for;
    uint64_t us;
};

/* on NODES, at-least COUNT, within DURATION, for DURATION: in any order. */
static bool read_rest(struct scenario *s, struct condition *c, struct timing *t)
{
    while (scenario_has_word(s)) {
        bool is_right = true;
        bool is_counted = c->kind == IS_REJECT || c->kind == IS_MATCHED || c->kind == IS_NAMED ||
                          c->kind == IS_COMPLAINED;
        if (scenario_accept(s, "on")) {
            is_right = scenario_hosts(s, "nodes", &c->hosts);
        } else if (is_counted && scenario_accept(s, "at-least")) {
            is_right = scenario_number(s, "a count", &c->at_least);
        } else if (scenario_accept(s, "within")) {
            t->is_within = true;
            is_right = scenario_duration(s, "a duration", &t->us);
        } else if (scenario_accept(s, "for")) {
            t->is_for = true;
            is_right = scenario_duration(s, "a duration", &t->us);
        } else {
            return scenario_fail(s, "\"%s\": on, within, for or the end of the line is expected",
                                 scenario_peek(s));
        }
        if (!is_right) return false;
    }
    if (t->is_within && t->is_for) return scenario_fail(s, "within or for is expected, not both");
    return true;
}

static uint64_t honest_hosts(const struct scenario *s)
{
    uint64_t hosts = 0;
    for (uint32_t i = 0; i < s->set_up.world.nodes; i++)
        if (s->set_up.parts[i] == PART_HONEST) hosts |= UINT64_C(1) << i;
    return hosts;
}

/* Of a puppet nothing can be expected: it runs nothing. */
static bool has_somebody(struct scenario *s, const struct condition *c)
{
    if (is_of_world(c)) return true;
    for (uint32_t i = 0; i < HOSTS_MAX; i++) {
        if ((c->hosts >> i & 1u) == 0) continue;
        if (i >= NODES_MAX || s->set_up.parts[i] != PART_PUPPET) return true;
    }
    return scenario_fail(s, "nothing holds on puppets, which run nothing: a node that runs is "
                            "expected behind on");
}

static bool on_expect(struct scenario *s)
{
    struct condition c = {0};
    struct timing t = {0};
    if (!scenario_begin(s)) return false;
    if (scenario_accept(s, "violation")) return on_violation(s);
    if (!read_condition(s, &c) || !read_rest(s, &c, &t)) return false;
    if (c.hosts == 0) c.hosts = honest_hosts(s);
    if (!has_somebody(s, &c)) return false;
    if (s->is_dry) {
        s->expectation_count++;
        return true;
    }
    if (t.is_within && !within(s, &c, t.us)) return false;
    if (t.is_for && !all_through(s, &c, t.us)) return false;
    if (!t.is_within && !t.is_for && !holds(s, &c)) return fails(s, &c);
    if (s->world->violation.is_set) return true; /* Not reached, and told so. */
    s->reached++;
    s->result->expectations++;
    return true;
}

bool scenario_expect_statement(struct scenario *s, bool *is_one)
{
    *is_one = scenario_accept(s, "expect");
    return !*is_one || on_expect(s);
}
