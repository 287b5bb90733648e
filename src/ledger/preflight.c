/* preflight.c - What a change of the configuration does to the chain. */
#include "ledger/preflight.h"

#include "base/must.h"

static void fill_side(struct preflight_side *out, const struct chain_config *c);
static void judge(struct preflight *p, const struct chain_config *b, const struct chain_config *a);
static void judge_numbers(struct preflight *p,
                          const struct chain_config *b,
                          const struct chain_config *a);
static struct buf open_warning(struct preflight *p, bool is_unsafe);
static void close_warning(struct preflight *p, const struct buf *text);
static void warn(struct preflight *p, bool is_unsafe, const char *text);

void preflight_make(struct preflight *out,
                    const struct chain_config *before,
                    const struct chain_config *after)
{
    *out = (struct preflight){.is_unsafe = false};
    fill_side(&out->before, before);
    fill_side(&out->after, after);
    judge(out, before, after);
    judge_numbers(out, before, after);
}

uint32_t preflight_organisations(const struct chain_config *c, uint32_t first[NODES_MAX])
{
    uint32_t count = 0;
    must(c->validator_count <= NODES_MAX);
    for (uint32_t i = 0; i < c->validator_count; i++) {
        uint32_t k = 0;
        while (k < count && !span_equal(c->nodes[first[k]].organisation, c->nodes[i].organisation))
            k++;
        if (k == count) first[count++] = i;
    }
    return count;
}

static void fill_side(struct preflight_side *out, const struct chain_config *c)
{
    const struct validators v = chain_config_validators(c);
    uint32_t first[NODES_MAX];
    *out = (struct preflight_side){.mode = c->mode,
                                   .n = v.count,
                                   .f = c->f,
                                   .p = c->p,
                                   .quorum = quorum_size(&v),
                                   .fast_quorum = c->mode == MODE_FAST ? quorum_fast_size(&v) : 0,
                                   .view_change = quorum_view_change(&v),
                                   .stopped_max = quorum_stopped_max(&v),
                                   .observers = c->node_count - c->validator_count,
                                   .organisations = preflight_organisations(c, first)};
}

/* What costs tolerance needs force; what costs speed is told. */
static void judge(struct preflight *p, const struct chain_config *b, const struct chain_config *a)
{
    const struct preflight_side *before = &p->before;
    const struct preflight_side *after = &p->after;
    if (after->f < before->f) {
        struct buf text = open_warning(p, true);
        buf_printf(&text, "the chain bears %u lying validators instead of %u", after->f, before->f);
        close_warning(p, &text);
    }
    if (after->stopped_max < before->stopped_max) {
        struct buf text = open_warning(p, true);
        buf_printf(&text, "the chain goes on with %u stopped validators instead of %u",
                   after->stopped_max, before->stopped_max);
        close_warning(p, &text);
    }
    const char *unwise = quorum_warning(a->mode, after->n, after->f);
    bool is_new = unwise != NULL && unwise != quorum_warning(b->mode, before->n, before->f);
    if (unwise != NULL) warn(p, is_new, unwise);
    if (a->mode == MODE_FAST && after->n - after->fast_quorum < before->p) {
        struct buf text = open_warning(p, false);
        buf_printf(&text, "the fast path needs %u of %u validators", after->fast_quorum, after->n);
        close_warning(p, &text);
    }
}

static void judge_numbers(struct preflight *p,
                          const struct chain_config *b,
                          const struct chain_config *a)
{
    const struct preflight_side *after = &p->after;
    uint32_t f_max = a->mode == MODE_RAFT ? 0 : (after->n - 1 - 2 * after->p) / 3;
    if (after->n > p->before.n && f_max > after->f) {
        struct buf text = open_warning(p, false);
        buf_printf(&text,
                   "%u validators could bear f = %u: CALL trustsql.chain_set('consensus.f', "
                   "'%u')",
                   after->n, f_max, f_max);
        close_warning(p, &text);
    }
    if (a->mode == MODE_RAFT && b->params.evidence_halts && !a->params.evidence_halts)
        warn(p, true, "proven cheating will only be alarmed, answers stay final");
    if (a->exec_version > b->exec_version)
        warn(p, false, "a node whose program does not know this exec_version stops with the epoch");
}

static struct buf open_warning(struct preflight *p, bool is_unsafe)
{
    must(p->warning_count < PREFLIGHT_WARNINGS_MAX);
    struct preflight_warning *w = &p->warnings[p->warning_count];
    struct buf text;
    w->is_unsafe = is_unsafe;
    if (is_unsafe) p->is_unsafe = true;
    buf_init_fixed(&text, w->text, PREFLIGHT_WARNING_MAX - 1);
    return text;
}

static void close_warning(struct preflight *p, const struct buf *text)
{
    must(buf_status(text) == ST_OK);
    p->warnings[p->warning_count++].text[text->size] = 0;
}

static void warn(struct preflight *p, bool is_unsafe, const char *text)
{
    struct buf out = open_warning(p, is_unsafe);
    buf_put_text(&out, text);
    close_warning(p, &out);
}
