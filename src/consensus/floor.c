/* floor.c - A leader must not be much slower than those before it (1.7).
 *
 * A leader could keep its view with just enough blocks. What a view achieves is measured while
 * transactions press, that is while the oldest has waited for a good part of the view time: then
 * the leader, and not the clients, decides how many there are. Whoever stays below half of the
 * median of the views before, for several view times under pressure, loses the view. A view without
 * pressure, or the first one, has no floor: there old transactions alone accuse (check_requests).
 *
 * If all of them are slow the median follows: a view that ends leaves its own rate behind. */
#include "consensus/consensus_int.h"

static bool is_pressed(const struct consensus *c);
static void leave_view(struct consensus *c);
static uint32_t median(const struct floor_state *f);

void floor_on_final(struct consensus *c, const struct block *b)
{
    if (c->floor.since_ms != 0) c->floor.txs += b->header.tx_count;
}

/* True: the leader is too slow. */
bool floor_tick(struct consensus *c, bool is_fair)
{
    struct floor_state *f = &c->floor;
    if (f->view != c->cur_view) leave_view(c);
    if (!is_fair || c->phase != PHASE_OPEN || !is_pressed(c)) {
        f->since_ms = 0;
        return false;
    }
    if (f->since_ms == 0) {
        f->since_ms = c->mono_ms > 0 ? c->mono_ms : 1;
        f->txs = 0;
        return false;
    }
    uint64_t ms = c->mono_ms - f->since_ms;
    if (ms < view_ms(c)) return false;
    must(ms > 0);
    f->view_ms += ms;
    f->view_txs += f->txs;
    bool is_low = f->count > 0 && f->txs * 1000 / ms * 2 < median(f);
    f->low = is_low ? f->low + 1 : 0;
    f->since_ms = c->mono_ms;
    f->txs = 0;
    return f->low >= FLOOR_WINDOWS && leader_of(c, c->cur_view) != c->config.self;
}

static bool is_pressed(const struct consensus *c)
{
    return c->waiting > 0 && c->oldest_wait_ms >= view_ms(c) / FLOOR_PRESSURE;
}

static void leave_view(struct consensus *c)
{
    struct floor_state *f = &c->floor;
    if (f->view_ms >= FLOOR_MS_MIN) {
        uint64_t rate = f->view_txs * 1000 / f->view_ms;
        f->rates[f->next] = rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;
        f->next = (f->next + 1) % FLOOR_VIEWS;
        if (f->count < FLOOR_VIEWS) f->count++;
    }
    f->view = c->cur_view;
    f->view_ms = f->view_txs = f->since_ms = 0;
    f->low = 0;
}

/* Of an even number the lower middle one. */
static uint32_t median(const struct floor_state *f)
{
    uint32_t sorted[FLOOR_VIEWS] = {0};
    must(f->count > 0 && f->count <= FLOOR_VIEWS);
    for (uint32_t i = 0; i < f->count; i++) {
        uint32_t at = i;
        for (; at > 0 && sorted[at - 1] > f->rates[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = f->rates[i];
    }
    return sorted[(f->count - 1) / 2];
}
