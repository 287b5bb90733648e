#include "node/advice.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/must.h"

struct names { /* "node1, node3"; a list that is too long ends with "…". */
    char text[160];
    uint32_t count;
};

struct facts { /* Of the validators after the change. */
    uint32_t reachable;
    struct names silent;  /* Follow the chain, and are not connected now. */
    struct names strange; /* Do not follow it. */
};

static void say(struct advice *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct advice *out, const char *format, ...)
{
    char text[DIAG_TEXT_MAX];
    va_list args;
    must(out->notice_count < ADVICE_NOTICES_MAX);
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    diag_set(&out->notices[out->notice_count++], "00000", "%s", text);
}

static void add_name(struct names *n, struct span name)
{
    const size_t used = strlen(n->text);
    const char *comma = n->count > 0 ? ", " : "";
    n->count++;
    if (used + name.size + 8 < sizeof n->text)
        (void)snprintf(n->text + used, sizeof n->text - used, "%s%.*s", comma, (int)name.size,
                       (const char *)name.data);
    else if (used + 8 < sizeof n->text)
        (void)snprintf(n->text + used, sizeof n->text - used, " …");
}

static const struct consensus_view_member *find(const struct consensus_view *v, struct span name)
{
    for (uint32_t i = 0; i < v->node_count; i++)
        if (span_equal(span_text(v->members[i].name), name)) return &v->members[i];
    return NULL;
}

/* --- what the numbers say --------------------------------------------------------------------- */

static void say_side(struct advice *out, const char *when, const struct preflight_side *s)
{
    static const char *const modes[] = {[MODE_FAST] = "adaptive",
                                        [MODE_STRICT] = "adaptive",
                                        [MODE_BFT] = "bft",
                                        [MODE_RAFT] = "raft"};
    char fast[48] = "";
    if (s->fast_quorum > 0) (void)snprintf(fast, sizeof fast, ", fast with %u", s->fast_quorum);
    say(out,
        "%s: mode %s, %u validators, quorum %u%s; bears %u lying and %u stopped; %u observers; %u "
        "of "
        "%u organisations decide a change",
        when, modes[s->mode], s->n, s->quorum, fast, s->f, s->stopped_max, s->observers,
        s->organisations / 2 + 1, s->organisations);
}

static void refuse(struct advice *out, const char *risk)
{
    if (out->refusal.sqlstate[0] != 0) return; /* The first is told, the others are notices. */
    diag_set(&out->refusal, "55000", "this change is unsafe: %s", risk);
    diag_hint(&out->refusal, "Nothing was submitted. Call it with force => true to take the risk.");
}

static void say_warnings(struct advice *out, const struct advice_case *c, const struct preflight *p)
{
    for (uint32_t i = 0; i < p->warning_count; i++) {
        const struct preflight_warning *w = &p->warnings[i];
        say(out, "%s%s", w->is_unsafe ? "unsafe: " : "", w->text);
        if (w->is_unsafe && !c->is_forced) refuse(out, w->text);
    }
}

/* --- what this node sees ---------------------------------------------------------------------- */

static void look_at_validators(struct facts *f, const struct advice_case *c)
{
    *f = (struct facts){.reachable = 0};
    for (uint32_t i = 0; i < c->after->validator_count; i++) {
        const struct chain_node *node = &c->after->nodes[i];
        const struct consensus_view_member *m = find(c->view, node->node_name);
        if (m == NULL)
            add_name(&f->strange, node->node_name);
        else if (m->is_connected || m->is_self)
            f->reachable++;
        else
            add_name(&f->silent, node->node_name);
    }
}

static void say_reach(struct advice *out, const struct advice_case *c, const struct preflight *p)
{
    struct facts f;
    char risk[DIAG_TEXT_MAX];
    const struct preflight_side *after = &p->after;
    const uint32_t needed = after->quorum > after->view_change ? after->quorum : after->view_change;
    look_at_validators(&f, c);
    if (f.silent.count > 0)
        say(out, "not reachable from here now: %s", f.silent.text);
    else
        say(out, "all validators that follow the chain are reachable from here now");
    if (f.strange.count > 0)
        say(out,
            "does not follow the chain yet: %s; until it has caught up it counts as stopped (let "
            "it "
            "join as an observer first)",
            f.strange.text);
    if (f.reachable >= needed) {
        say(out, "with what is reachable now, %u more may stop before nothing becomes final",
            f.reachable - needed);
        return;
    }
    (void)snprintf(risk, sizeof risk,
                   "the chain would stall: %u of %u validators are reachable, it takes %u",
                   f.reachable, after->n, needed);
    say(out, "unsafe: %s", risk);
    if (!c->is_forced) refuse(out, risk);
}

/* A version that too few can execute would end the chain: no force helps. */
static void say_versions(struct advice *out, const struct advice_case *c, const struct preflight *p)
{
    struct names missing = {.count = 0};
    const uint32_t version = c->after->exec_version;
    if (version == c->before->exec_version) return;
    for (uint32_t i = 0; i < c->after->validator_count; i++) {
        const struct chain_node *node = &c->after->nodes[i];
        const struct consensus_view_member *m = find(c->view, node->node_name);
        const bool can = m != NULL && m->release.version[0] != 0 &&
                         m->release.exec_version_min <= version &&
                         version <= m->release.exec_version_max;
        if (!can) add_name(&missing, node->node_name);
    }
    const uint32_t supporters = c->after->validator_count - missing.count;
    if (missing.count == 0) {
        say(out, "exec_version %u: all validators report a program that supports it", version);
        return;
    }
    say(out, "exec_version %u is not supported, as far as is reported here, by %s", version,
        missing.text);
    if (supporters >= p->after.quorum) return;
    diag_set(&out->refusal, "55000",
             "exec_version %u is supported by %u of %u validators, %u are needed", version,
             supporters, c->after->validator_count, p->after.quorum);
    diag_detail(&out->refusal, "Without support: %s.", missing.text);
    diag_hint(
        &out->refusal,
        "Nothing was submitted. Install the new release there first; trustsql.nodes shows what "
        "each node reports.");
}

static void say_expiry(struct advice *out, const struct advice_case *c)
{
    say(out, "nothing that runs expires: keys have no end; a proposal without enough votes ends "
             "after 7 days");
    if (c->invitations > 0)
        say(out, "%u open invitation%s of this node, the last ends in %u day%s", c->invitations,
            c->invitations == 1 ? "" : "s", c->invited_days, c->invited_days == 1 ? "" : "s");
}

void advice_make(struct advice *out, const struct advice_case *c)
{
    struct preflight p;
    *out = (struct advice){.notice_count = 0};
    preflight_make(&p, c->before, c->after);
    say_side(out, "now", &p.before);
    say_side(out, "after", &p.after);
    say_warnings(out, c, &p);
    say_reach(out, c, &p);
    say_versions(out, c, &p);
    say_expiry(out, c);
}
