#include "cmd/shape.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "ledger/quorum.h"

static const struct {
    const char *name;
    enum block_mode mode;
} modes[] = {{"raft", MODE_RAFT}, {"bft", MODE_BFT}, {"adaptive", MODE_FAST}};

static const char *name_of(enum block_mode mode)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (modes[i].mode == mode) return modes[i].name;
    return "";
}

static enum status find_mode(const char *name, uint32_t n, enum block_mode *out, char *what)
{
    *out = n == 1 ? MODE_BFT : n == 3 ? MODE_RAFT : MODE_FAST;
    if (name == NULL) return ST_OK;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].name, name) != 0) continue;
        *out = modes[i].mode;
        return ST_OK;
    }
    (void)snprintf(what, SHAPE_WHAT_MAX, "mode \"%.40s\": raft, bft or adaptive is expected", name);
    return ST_INVALID;
}

static enum status check_count(enum block_mode mode, uint32_t n, char *what)
{
    if (n == 2)
        (void)snprintf(what, SHAPE_WHAT_MAX,
                       "two validators bear no failure: either one stops the chain. Take one "
                       "validator and let the other organisation follow as an observer (trustsql "
                       "invite, trustsql join), or take three and more");
    else if (mode == MODE_RAFT && n < 3)
        (void)snprintf(what, SHAPE_WHAT_MAX,
                       "raft needs 3 validators and more; one alone is mode bft with f = 0");
    else if (mode != MODE_RAFT && n == 3)
        (void)snprintf(what, SHAPE_WHAT_MAX,
                       "three validators could not outvote a single lying one: it takes n >= 3f + "
                       "1. Take mode raft, which bears crashes only, or four and more");
    else
        return ST_OK;
    return ST_INVALID;
}

/* What is not told: the largest f, then the largest p. */
static void fill(struct shape *s, const struct shape_choice *choice, uint32_t n)
{
    const uint64_t p = choice->p == SHAPE_AUTO ? 0 : choice->p;
    if (s->mode == MODE_RAFT || s->mode == MODE_BFT) {
        s->f = s->mode == MODE_RAFT ? 0 : (n - 1) / 3;
        return;
    }
    s->f = n > 2 * p ? (uint32_t)((n - 1 - 2 * p) / 3) : 0;
    if (choice->f != SHAPE_AUTO) s->f = (uint32_t)choice->f;
    s->p = n > 3 * s->f ? (n - 1 - 3 * s->f) / 2 : 0;
}

enum status shape_choose(struct shape *out,
                         const struct shape_choice *choice,
                         uint32_t validators,
                         char *what)
{
    struct shape s = {.exec_version = EXEC_VERSION_MAX};
    const uint32_t n = validators;
    must(n > 0 && n <= NODES_MAX);
    what[0] = 0;
    if (choice->exec_version != 0) s.exec_version = (uint32_t)choice->exec_version;
    TRY(find_mode(choice->mode, n, &s.mode, what));
    TRY(check_count(s.mode, n, what));
    const bool is_f_told = choice->f != SHAPE_AUTO;
    const bool is_p_told = choice->p != SHAPE_AUTO;
    bool is_possible = (!is_f_told || choice->f <= n) && (!is_p_told || choice->p <= n);
    if (is_possible) {
        fill(&s, choice, n);
        if (is_f_told) s.f = (uint32_t)choice->f;
        if (is_p_told) s.p = (uint32_t)choice->p;
        /* Several validators that bear none would be four points of failure. */
        is_possible =
            quorum_bounds_hold(s.mode, n, s.f, s.p) && (s.f > 0 || n == 1 || s.mode == MODE_RAFT);
    }
    if (!is_possible) {
        static const char *const rules[] = {
            [MODE_FAST] = "adaptive takes n >= 3f + 2p + 1, f >= 1",
            [MODE_BFT] = "bft takes n >= 3f + 1, f >= 1, and has no p",
            [MODE_RAFT] = "raft has no f and no p: it bears crashes of less than half, no lies"};
        (void)snprintf(what, SHAPE_WHAT_MAX, "%u validator%s cannot be so: %s", n,
                       n == 1 ? "" : "s", n == 1 ? "one alone has f = 0 and p = 0" : rules[s.mode]);
        return ST_INVALID;
    }
    *out = s;
    return ST_OK;
}

void shape_says(const struct shape *s, uint32_t validators, char out[SHAPE_SAYS_SIZE])
{
    const char *name = name_of(s->mode);
    if (validators == 1)
        (void)snprintf(out, SHAPE_SAYS_SIZE, "mode %s, one validator", name);
    else if (s->mode == MODE_RAFT)
        (void)snprintf(out, SHAPE_SAYS_SIZE, "mode %s, %u validators: bears %u crashed, no lies%s",
                       name, validators, (validators - 1) / 2,
                       validators % 2 == 0 ? " (no more than one less would)" : "");
    else if (s->mode == MODE_BFT)
        (void)snprintf(out, SHAPE_SAYS_SIZE, "mode %s, %u validators: bears %u faulty or lying",
                       name, validators, s->f);
    else
        (void)snprintf(out, SHAPE_SAYS_SIZE,
                       "mode %s, %u validators: bears %u faulty or lying, fast while %u answer",
                       name, validators, s->f, validators - s->p);
}
