/* oracle_mode.c - The mode of each final block, a second time from docs/format/mode.md (I12).
 *
 * Written from the format alone, over the whole history and without the ring buffers of
 * ledger/mode.c: what happened on each height is kept for ever, and each question is asked anew. */
#include "base/must.h"
#include "sim/oracle_int.h"

#define DELAY       32u
#define GRACE       16u
#define BACKOFF_MAX 8u
#define U(x)        ((unsigned long long)(x))

struct seen_block { /* By height. */
    uint64_t view;
    uint64_t attended; /* Bits. */
    bool is_slow;
};

struct seen_switch {
    uint64_t height;
    enum block_mode mode;
};

struct oracle_mode {
    struct seen_block *blocks;
    uint32_t block_room;
    uint64_t height; /* Newest step. */
    struct seen_switch *switches;
    uint32_t switch_count;
    uint32_t switch_room;
    const struct known_epoch *epoch;
    uint64_t first;
    uint64_t known;
    uint64_t result_known;
    uint64_t confirmed[NODES_MAX];
    uint64_t convicted;
    uint64_t diverged;
    uint64_t diverged_height;
    uint64_t run;
    uint32_t backoff;
    uint64_t fast_height;
    uint64_t return_height;
    uint64_t calm_height;
};

static uint64_t length_of(const struct oracle_mode *m);
static void note_body(struct oracle_mode *m, const struct header *header, const struct body *body);
static bool falls(const struct oracle_mode *m);
static bool is_well(const struct oracle_mode *m);

struct oracle_mode *oracle_mode_new(void)
{
    struct oracle_mode *m = mem_alloc_zero(mem_system(), 1, sizeof *m);
    must(m != NULL);
    m->blocks = oracle_grow(NULL, 0, &m->block_room, sizeof *m->blocks);
    return m;
}

void oracle_mode_free(struct oracle_mode *m)
{
    if (m == NULL) return;
    mem_free(mem_system(), m->blocks);
    mem_free(mem_system(), m->switches);
    mem_free(mem_system(), m);
}

static enum block_mode decided(const struct oracle_mode *m)
{
    return m->switch_count == 0 ? MODE_FAST : m->switches[m->switch_count - 1].mode;
}

static enum block_mode mode_of_height(const struct oracle_mode *m, uint64_t height)
{
    for (uint32_t i = m->switch_count; i-- > 0;)
        if (m->switches[i].height <= height) return m->switches[i].mode;
    return MODE_FAST;
}

static void decide(struct oracle_mode *m, enum block_mode mode)
{
    ORACLE_GROW(m, switches, switch_count, switch_room);
    m->switches[m->switch_count++] =
        (struct seen_switch){.height = m->height + DELAY, .mode = mode};
    if (mode == MODE_FAST) {
        m->return_height = m->height;
        m->fast_height = m->height + DELAY;
    } else if (m->return_height > 0 && m->height - m->return_height <= 4 * length_of(m) &&
               m->backoff < BACKOFF_MAX) {
        m->backoff++;
    }
    m->calm_height = m->height;
    m->run = 0;
}

static void begin_epoch(struct oracle_mode *m, const struct known_epoch *e)
{
    m->epoch = e;
    m->first = e->base + 1;
    m->known = m->result_known = e->base;
    for (uint32_t i = 0; i < NODES_MAX; i++)
        m->confirmed[i] = e->base;
    m->convicted = m->diverged = m->diverged_height = m->run = 0;
}

static void step(struct oracle_mode *m, const struct header *header, const struct body *body)
{
    m->height = header->height;
    while (m->block_room <= m->height)
        m->blocks = oracle_grow(m->blocks, m->block_room, &m->block_room, sizeof *m->blocks);
    m->blocks[m->height] = (struct seen_block){.view = header->view};
    note_body(m, header, body);
    if (decided(m) == MODE_FAST) {
        if (m->backoff > 0 && m->height - m->calm_height >= 8 * length_of(m)) {
            m->backoff--;
            m->calm_height = m->height;
        }
        m->run = 0;
        if (falls(m)) decide(m, MODE_STRICT);
        return;
    }
    m->run = is_well(m) ? m->run + 1 : 0;
    if (m->run >= length_of(m)) decide(m, MODE_FAST);
}

/* Its body, which must be freed with arena. */
static struct body *read_body(const struct host *h, const struct flow_block *b, struct arena *arena)
{
    struct buf stored;
    struct span bytes = buf_span(&b->bytes);
    struct span parts[2];
    buf_init(&stored, mem_system(), 0);
    if (bytes.size == 0) {
        must(store_read_block(h->store, b->header.height, &stored, NULL) == ST_OK);
        bytes = arena_copy(arena, buf_span(&stored));
    }
    struct body *body = mem_alloc(mem_system(), sizeof *body);
    must(body != NULL);
    must(block_split(bytes, &parts[0], &parts[1]) == ST_OK);
    must(body_decode(body, arena, parts[1]) == ST_OK);
    buf_fini(&stored);
    return body;
}

void oracle_judge_mode(struct oracle *o, const struct host *h, const struct flow_block *b)
{
    struct oracle_mode *m = o->mode;
    const struct header *header = &b->header;
    const struct known_epoch *e = epochs_at(o->world, header->epoch);
    if (e == NULL) return; /* Told already. */
    enum block_mode right = e->config.mode;
    if (right == MODE_FAST) right = mode_of_height(m, header->height);
    if (header->mode != right)
        world_violate(o->world, "I12", "block %llu has mode %d in place of %d", U(header->height),
                      (int)header->mode, (int)right);
    if (header->height != m->height + 1) return; /* Somebody executed it before. */
    struct arena arena;
    arena_init(&arena, mem_system(), 0);
    struct body *body = read_body(h, b, &arena);
    if (m->epoch != e) begin_epoch(m, e);
    if (e->config.mode == MODE_FAST)
        step(m, header, body);
    else
        m->height = header->height;
    arena_fini(&arena);
    mem_free(mem_system(), body);
}

/* --- what a body shows ------------------------------------------------------------------------ */

static uint64_t signers_of(const struct certificate *c)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < c->entry_count; i++)
        bits |= UINT64_C(1) << c->entries[i].voter;
    return bits;
}

static void note_certificate(struct oracle_mode *m, const struct certificate *c)
{
    const uint64_t height = c->statement.height;
    if (height < m->first) return;
    for (uint64_t h = m->known + 1; h <= height; h++) {
        m->blocks[h].attended |= signers_of(c);
        m->blocks[h].is_slow = c->part == VOTE_P2;
    }
    m->blocks[height].attended |= signers_of(c);
    if (height > m->known) m->known = height;
}

/* A result shows that its signer is there, for up to 16 heights that it had not confirmed before.
 */
static void confirm(struct oracle_mode *m, uint32_t voter, uint64_t height)
{
    const uint32_t reach = m->epoch->config.params.mode_window + DELAY;
    for (uint64_t h = m->confirmed[voter] + 1; h <= height; h++)
        if (h >= m->first && height - h < 16 && m->height - h < reach)
            m->blocks[h].attended |= UINT64_C(1) << voter;
    if (height > m->confirmed[voter]) m->confirmed[voter] = height;
}

static void note_late(struct oracle_mode *m, const struct late_vote *late)
{
    const uint64_t height = late->statement.height;
    const uint32_t reach = m->epoch->config.params.mode_window + DELAY;
    if (late->entry.voter >= m->epoch->config.validator_count || height < m->first) return;
    if (late->part == VOTE_P3)
        confirm(m, late->entry.voter, height);
    else if (height <= m->height && m->height - height < reach)
        m->blocks[height].attended |= UINT64_C(1) << late->entry.voter;
}

static void note_evidence(struct oracle_mode *m, const struct body_notes *notes, uint64_t epoch)
{
    for (uint32_t i = 0; i < NODES_MAX; i++)
        if (m->confirmed[i] > m->diverged_height) m->diverged &= ~(UINT64_C(1) << i);
    for (uint32_t i = 0; i < notes->evidence_count; i++) {
        struct evidence e;
        if (evidence_decode(&e, notes->evidence[i]) != ST_OK || e.epoch != epoch) continue;
        if (e.offender >= m->epoch->config.validator_count) continue;
        const uint64_t bit = UINT64_C(1) << e.offender;
        if ((int)e.kind != 7 && (int)e.kind != 8) {
            m->convicted |= bit;
            continue;
        }
        m->diverged |= bit;
        m->diverged_height = m->height;
    }
}

static void note_body(struct oracle_mode *m, const struct header *header, const struct body *body)
{
    const uint64_t epoch = header->epoch;
    if (body->has_final_cert && body->final_cert.statement.epoch == epoch)
        note_certificate(m, &body->final_cert);
    for (uint32_t i = 0; i < body->notes.late_count; i++)
        if (body->notes.late[i].statement.epoch == epoch) note_late(m, &body->notes.late[i]);
    if (body->has_res_cert && body->res_cert.statement.epoch == epoch) {
        const uint64_t height = body->res_cert.statement.height;
        for (uint32_t i = 0; height >= m->first && i < body->res_cert.entry_count; i++)
            confirm(m, body->res_cert.entries[i].voter, height);
        if (height > m->result_known) m->result_known = height;
    }
    note_evidence(m, &body->notes, epoch);
}

/* --- rules ------------------------------------------------------------------------------------ */

/* D. */
static uint64_t length_of(const struct oracle_mode *m)
{
    const struct consensus_params *p = &m->epoch->config.params;
    uint64_t length = p->return_blocks;
    if (length < p->mode_window) length = p->mode_window;
    if (length < DELAY) length = DELAY;
    return length << m->backoff;
}

/* Heights further down count as attended, and as committed fast. */
static bool is_looked_at(const struct oracle_mode *m, uint64_t height)
{
    return height >= m->first && height <= m->known &&
           m->height - height < m->epoch->config.params.mode_window + DELAY;
}

static uint64_t missing(const struct oracle_mode *m, uint32_t percent)
{
    const uint32_t window = m->epoch->config.params.mode_window;
    uint64_t bits = 0;
    for (uint32_t i = 0; i < m->epoch->config.validator_count; i++) {
        uint32_t attended = 0;
        for (uint32_t back = 0; back < window; back++) {
            bool is_old = m->known < GRACE + back || !is_looked_at(m, m->known - GRACE - back);
            if (is_old || (m->blocks[m->known - GRACE - back].attended >> i & 1u) != 0) attended++;
        }
        if (attended * 100 < window * percent) bits |= UINT64_C(1) << i;
    }
    return bits;
}

static uint32_t slow_count(const struct oracle_mode *m)
{
    const uint32_t window = m->epoch->config.params.mode_window;
    uint32_t count = 0;
    for (uint32_t back = 0; back < window && back <= m->known; back++) {
        const uint64_t height = m->known - back;
        if (height < m->fast_height || !is_looked_at(m, height)) continue;
        if (m->blocks[height].is_slow) count++;
    }
    return count;
}

static bool falls(const struct oracle_mode *m)
{
    const struct consensus_params *p = &m->epoch->config.params;
    if (m->convicted != 0) return true;
    const uint64_t bad = m->diverged | missing(m, p->low_percent);
    if ((uint32_t)__builtin_popcountll(bad) > m->epoch->config.p) return true;
    if (slow_count(m) >= p->slow_max) return true;
    uint64_t before = 0;
    if (m->height >= m->first + p->mode_window) before = m->blocks[m->height - p->mode_window].view;
    const uint64_t now = m->blocks[m->height].view;
    return now >= before && now - before >= p->view_changes_max;
}

static bool is_well(const struct oracle_mode *m)
{
    const struct chain_config *c = &m->epoch->config;
    if (m->convicted != 0 || m->diverged != 0) return false;
    for (uint32_t i = 0; i < c->validator_count; i++)
        if (c->nodes[i].is_barred) return false;
    if (missing(m, c->params.high_percent) != 0) return false;
    if (m->height > m->first && m->blocks[m->height].view != m->blocks[m->height - 1].view)
        return false;
    uint32_t lagging = 0;
    for (uint32_t i = 0; i < c->validator_count; i++)
        if (m->confirmed[i] + DELAY < m->result_known) lagging++;
    return lagging <= c->p;
}
