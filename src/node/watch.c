#include "node/watch.h"

#include <stdio.h>

#include "base/hex.h"
#include "base/must.h"
#include "node/status.h"

struct look {
    struct watch *watch;
    const struct consensus_view *now;
    void (*say)(void *context, const char *text);
    void *context;
};

static void say_mode(const struct look *l)
{
    char text[WATCH_TEXT_SIZE];
    const struct consensus_view *v = l->now;
    if (l->watch->mode == v->mode) return;
    (void)snprintf(text, sizeof text,
                   "the chain is in mode %s now, after %s; trustsql.mode_history names the cause",
                   block_mode_text(v->mode), block_mode_text(l->watch->mode));
    l->say(l->context, text);
}

static void say_epoch(const struct look *l)
{
    char text[WATCH_TEXT_SIZE];
    const struct consensus_view *v = l->now;
    if (l->watch->epoch == v->epoch) return;
    (void)snprintf(text, sizeof text,
                   "epoch %llu: %u validators, %u observers, f = %u, p = %u, exec_version %u",
                   (unsigned long long)v->epoch, v->n, v->node_count - v->n, v->f, v->p,
                   v->exec_version);
    l->say(l->context, text);
}

static void say_evidence(const struct look *l)
{
    char text[WATCH_TEXT_SIZE];
    if (l->now->evidence_count <= l->watch->evidence_count) return;
    (void)snprintf(text, sizeof text,
                   "%u proofs of misbehaviour are kept now: trustsql.evidence names the nodes",
                   l->now->evidence_count);
    l->say(l->context, text);
}

static void say_silence(const struct look *l)
{
    char text[WATCH_TEXT_SIZE];
    const struct consensus_view *v = l->now;
    const bool is_own = v->self < v->n; /* An observer never votes. */
    const bool is_silent = is_own && !v->is_voting && v->is_anchored;
    l->watch->silent_looks = is_silent ? l->watch->silent_looks + 1 : 0;
    if (l->watch->silent_looks != WATCH_SILENT_LOOKS) return;
    (void)snprintf(text, sizeof text, "this node does not vote: %s", v->not_voting_reason);
    l->say(l->context, text);
}

static void say_programs(const struct look *l)
{
    const struct consensus_view *v = l->now;
    if (v->self >= v->node_count) return;
    const struct release *own = &v->members[v->self].release;
    if (hash_is_zero(&own->program)) return;
    for (uint32_t i = 0; i < v->node_count; i++) {
        const struct release *r = &v->members[i].release;
        struct hash *said = &l->watch->programs[i];
        char text[WATCH_TEXT_SIZE];
        char program[2 * HASH_SIZE + 1];
        if (hash_is_zero(&r->program) || hash_equal(&r->program, &own->program)) continue;
        if (hash_equal(said, &r->program)) continue;
        *said = r->program;
        hex_encode(program, hash_span(&r->program));
        (void)snprintf(text, sizeof text, "%s runs another program: version %s, SHA-256 %s",
                       v->members[i].name, r->version, program);
        l->say(l->context, text);
    }
}

void watch_look(struct watch *w,
                const struct consensus_view *now,
                void (*say)(void *context, const char *text),
                void *context)
{
    const struct look look = {.watch = w, .now = now, .say = say, .context = context};
    must(now->node_count <= CONFIG_NODES_MAX);
    if (w->has_begun) {
        say_epoch(&look);
        say_mode(&look);
        say_evidence(&look);
        say_silence(&look);
    }
    if (w->epoch != now->epoch) memset(w->programs, 0, sizeof w->programs);
    say_programs(&look);
    w->has_begun = true;
    w->epoch = now->epoch;
    w->mode = now->mode;
    w->evidence_count = now->evidence_count;
}
