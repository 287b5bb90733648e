/* params.c - Numbers that agreement follows.
 *
 *   params = [view_ms, mode_window, slow_max, view_changes_max, low_percent, high_percent,
 *             return_blocks, evidence_halts]
 */
#include "ledger/params.h"

#include "base/must.h"

#define PARAMS_ITEMS 8u

struct consensus_params consensus_params_default(void)
{
    return (struct consensus_params){.view_ms = 500,
                                     .mode_window = 64,
                                     .slow_max = 16,
                                     .view_changes_max = 2,
                                     .low_percent = 75,
                                     .high_percent = 95,
                                     .return_blocks = 128,
                                     .evidence_halts = true};
}

static bool is_within(uint32_t value, uint32_t min, uint32_t max)
{
    return value >= min && value <= max;
}

const char *consensus_params_why(const struct consensus_params *p)
{
    if (!is_within(p->view_ms, PARAMS_VIEW_MS_MIN, PARAMS_VIEW_MS_MAX))
        return "view_ms is 10 to 30000";
    if (!is_within(p->mode_window, PARAMS_WINDOW_MIN, PARAMS_WINDOW_MAX))
        return "mode_window is 8 to 256 blocks";
    if (!is_within(p->slow_max, 1, p->mode_window)) return "slow_max is 1 to mode_window";
    if (!is_within(p->view_changes_max, 1, p->mode_window))
        return "view_changes_max is 1 to mode_window";
    if (!is_within(p->high_percent, 1, 100)) return "high_percent is 1 to 100";
    if (!is_within(p->low_percent, 1, p->high_percent)) return "low_percent is 1 to high_percent";
    if (!is_within(p->return_blocks, 1, PARAMS_RETURN_BLOCKS_MAX))
        return "return_blocks is 1 to 65536";
    return NULL;
}

void consensus_params_put(struct buf *out, const struct consensus_params *p)
{
    must(consensus_params_why(p) == NULL);
    cbor_put_array(out, PARAMS_ITEMS);
    cbor_put_uint(out, p->view_ms);
    cbor_put_uint(out, p->mode_window);
    cbor_put_uint(out, p->slow_max);
    cbor_put_uint(out, p->view_changes_max);
    cbor_put_uint(out, p->low_percent);
    cbor_put_uint(out, p->high_percent);
    cbor_put_uint(out, p->return_blocks);
    cbor_put_bool(out, p->evidence_halts);
}

struct consensus_params consensus_params_get(struct cbor *in)
{
    struct consensus_params p = {0};
    cbor_expect_array(in, PARAMS_ITEMS);
    p.view_ms = (uint32_t)cbor_get_uint_max(in, UINT32_MAX);
    p.mode_window = (uint32_t)cbor_get_uint_max(in, UINT32_MAX);
    p.slow_max = (uint32_t)cbor_get_uint_max(in, UINT32_MAX);
    p.view_changes_max = (uint32_t)cbor_get_uint_max(in, UINT32_MAX);
    p.low_percent = (uint32_t)cbor_get_uint_max(in, UINT32_MAX);
    p.high_percent = (uint32_t)cbor_get_uint_max(in, UINT32_MAX);
    p.return_blocks = (uint32_t)cbor_get_uint_max(in, UINT32_MAX);
    p.evidence_halts = cbor_get_bool(in);
    if (consensus_params_why(&p) != NULL) cbor_fail(in);
    return p;
}
