/* mode_code.c - The state of the mode as bytes: docs/format/mode.md has the table.
 *
 * What a decoder takes is inside all bounds that steps rely on (I1, I2 of mode.c), also where a
 * chain could never have come to such a state. */
#include "base/must.h"
#include "ledger/ledger_int.h"
#include "ledger/mode.h"

#define STATE_FIELDS 17u
#define RULES_FIELDS 10u
#define HEIGHT_MAX   (UINT64_C(1) << 62)

static uint32_t bits_of(uint32_t count)
{
    return (uint32_t)((1ull << count) - 1);
}

static uint32_t slot_count(const struct mode_state *s)
{
    if (s->rules.mode != MODE_FAST) return 0;
    uint64_t steps = s->height + 1 - s->first;
    uint32_t room = s->rules.window + MODE_DELAY;
    return steps < room ? (uint32_t)steps : room;
}

static void put_rules(struct buf *out, const struct mode_rules *r)
{
    cbor_put_array(out, RULES_FIELDS);
    cbor_put_uint(out, r->mode);
    cbor_put_uint(out, r->count);
    cbor_put_uint(out, r->p);
    cbor_put_uint(out, r->barred);
    cbor_put_uint(out, r->window);
    cbor_put_uint(out, r->slow_max);
    cbor_put_uint(out, r->view_changes_max);
    cbor_put_uint(out, r->low_percent);
    cbor_put_uint(out, r->high_percent);
    cbor_put_uint(out, r->return_blocks);
}

static void put_pending(struct buf *out, const struct mode_state *s)
{
    cbor_put_array(out, s->pending_count);
    for (uint32_t i = 0; i < s->pending_count; i++) {
        cbor_put_array(out, 4);
        cbor_put_uint(out, s->pending[i].height);
        cbor_put_uint(out, s->pending[i].mode);
        cbor_put_uint(out, s->pending[i].cause);
        cbor_put_uint(out, s->pending[i].nodes);
    }
}

static void put_slots(struct buf *out, const struct mode_state *s)
{
    uint32_t count = slot_count(s);
    cbor_put_array(out, count);
    for (uint64_t h = s->height + 1 - count; h <= s->height; h++) {
        const struct mode_slot *slot = &s->slots[h % (s->rules.window + MODE_DELAY)];
        cbor_put_array(out, 3);
        cbor_put_uint(out, slot->view);
        cbor_put_uint(out, slot->present);
        cbor_put_bool(out, slot->is_slow);
    }
}

void mode_encode(struct buf *out, const struct mode_state *s)
{
    must(s->pending_count <= MODE_PENDING_MAX);
    cbor_put_array(out, STATE_FIELDS);
    put_rules(out, &s->rules);
    cbor_put_uint(out, s->first);
    cbor_put_uint(out, s->height);
    cbor_put_uint(out, s->mode);
    put_pending(out, s);
    cbor_put_uint(out, s->fast_height);
    cbor_put_uint(out, s->known);
    cbor_put_uint(out, s->res_known);
    cbor_put_array(out, s->rules.count);
    for (uint32_t i = 0; i < s->rules.count; i++)
        cbor_put_uint(out, s->results[i]);
    cbor_put_uint(out, s->convicted);
    cbor_put_uint(out, s->diverged);
    cbor_put_uint(out, s->diverged_height);
    cbor_put_uint(out, s->run);
    cbor_put_uint(out, s->backoff);
    cbor_put_uint(out, s->return_height);
    cbor_put_uint(out, s->calm_height);
    put_slots(out, s);
}

static enum block_mode get_mode(struct cbor *in, uint64_t least, uint64_t most)
{
    uint64_t mode = cbor_get_uint_max(in, most);
    if (mode >= least) return (enum block_mode)mode;
    cbor_fail(in);
    return MODE_FAST;
}

static void get_rules(struct mode_rules *r, struct cbor *in)
{
    cbor_expect_array(in, RULES_FIELDS);
    r->mode = get_mode(in, MODE_FAST, MODE_RAFT);
    r->count = get_u32_max(in, NODES_MAX);
    r->p = get_u32_max(in, NODES_MAX);
    r->barred = get_u32_max(in, bits_of(NODES_MAX));
    r->window = get_u32_max(in, PARAMS_WINDOW_MAX);
    r->slow_max = get_u32_max(in, PARAMS_WINDOW_MAX);
    r->view_changes_max = get_u32_max(in, PARAMS_WINDOW_MAX);
    r->low_percent = get_u32_max(in, 100);
    r->high_percent = get_u32_max(in, 100);
    r->return_blocks = get_u32_max(in, PARAMS_RETURN_BLOCKS_MAX);
    if (in->status == ST_OK && !mode_rules_hold(r)) cbor_fail(in);
}

static void get_pending(struct mode_state *s, struct cbor *in)
{
    uint64_t count = cbor_get_array(in);
    uint64_t least = s->height + 1;
    if (count > MODE_PENDING_MAX || (count > 0 && s->rules.mode != MODE_FAST)) cbor_fail(in);
    for (uint64_t i = 0; i < count && in->status == ST_OK; i++) {
        struct mode_switch *p = &s->pending[i];
        cbor_expect_array(in, 4);
        p->height = cbor_get_uint_max(in, s->height + MODE_DELAY);
        p->mode = get_mode(in, MODE_FAST, MODE_STRICT);
        p->cause = (enum mode_cause)cbor_get_uint_max(in, MODE_REPAIRED);
        p->nodes = get_u32_max(in, bits_of(NODES_MAX));
        if (p->height < least) cbor_fail(in);
        least = p->height + 1;
    }
    if (in->status != ST_OK) return;
    s->pending_count = (uint32_t)count;
    /* Two at once are a return and a fall. */
    bool is_wrong =
        count == 2 && (s->pending[0].mode != MODE_FAST || s->pending[1].mode != MODE_STRICT);
    if (is_wrong) cbor_fail(in);
}

static void get_results(struct mode_state *s, struct cbor *in)
{
    cbor_expect_array(in, s->rules.count);
    for (uint32_t i = 0; i < s->rules.count && in->status == ST_OK; i++)
        s->results[i] = cbor_get_uint_max(in, s->height);
}

static void get_slots(struct mode_state *s, struct cbor *in)
{
    uint32_t count = slot_count(s);
    cbor_expect_array(in, count);
    if (in->status != ST_OK) return;
    for (uint64_t h = s->height + 1 - count; h <= s->height && in->status == ST_OK; h++) {
        struct mode_slot *slot = &s->slots[h % (s->rules.window + MODE_DELAY)];
        cbor_expect_array(in, 3);
        slot->view = cbor_get_uint(in);
        slot->present = get_u32_max(in, bits_of(s->rules.count));
        slot->is_slow = cbor_get_bool(in);
    }
}

/* Relations that steps rely on. */
static bool is_formed(const struct mode_state *s)
{
    bool is_adaptive = s->rules.mode == MODE_FAST;
    bool is_mode = is_adaptive ? s->mode <= MODE_STRICT : s->mode == s->rules.mode;
    bool is_known = s->known + 1 >= s->first && s->res_known + 1 >= s->first;
    bool is_recent = s->run <= s->height + 1 - s->first;
    if (s->pending_count > 0) {
        uint64_t decided = s->pending[s->pending_count - 1].height - MODE_DELAY;
        is_recent = is_recent && s->run <= s->height - decided;
    }
    return is_mode && is_known && is_recent;
}

static void get_state(struct mode_state *s, struct cbor *in)
{
    cbor_expect_array(in, STATE_FIELDS);
    get_rules(&s->rules, in);
    s->first = cbor_get_uint_max(in, HEIGHT_MAX);
    s->height = cbor_get_uint_max(in, HEIGHT_MAX);
    if (s->first == 0 || s->height + 1 < s->first) cbor_fail(in);
    s->mode = get_mode(in, MODE_FAST, MODE_RAFT);
    get_pending(s, in);
    s->fast_height = cbor_get_uint_max(in, s->height + MODE_DELAY);
    s->known = cbor_get_uint_max(in, s->height);
    s->res_known = cbor_get_uint_max(in, s->height);
    if (in->status == ST_OK) get_results(s, in);
    s->convicted = get_u32_max(in, bits_of(s->rules.count));
    s->diverged = get_u32_max(in, bits_of(s->rules.count));
    s->diverged_height = cbor_get_uint_max(in, s->height);
    s->run = get_u32_max(in, UINT32_MAX);
    s->backoff = get_u32_max(in, MODE_BACKOFF_MAX);
    s->return_height = cbor_get_uint_max(in, s->height);
    s->calm_height = cbor_get_uint_max(in, s->height);
    if (in->status == ST_OK) get_slots(s, in);
}

enum status mode_decode(struct mode_state *s, struct span bytes)
{
    struct cbor in = cbor_of(bytes);
    memset(s, 0, sizeof *s);
    get_state(s, &in);
    if (in.status == ST_OK && !is_formed(s)) cbor_fail(&in);
    TRY(cbor_end(&in));
    must(mode_rules_hold(&s->rules));
    return ST_OK;
}
