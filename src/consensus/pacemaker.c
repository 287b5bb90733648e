/* pacemaker.c - When a view has failed (1.9).
 *
 * The view timer runs only while there is work, starts again with each final block, and in a view
 * change only once n - f VCs are here. A view whose own leader has left it is over at once: after a
 * restart a leader may not propose in it again, and nothing would happen until the timer. A node
 * that does not hear n - f validators does not blame the leader: its own VC could open nothing, and
 * it would stand aside from a view that works. */
#include "consensus/consensus_int.h"

static bool is_stopped(const struct consensus *c);
static bool is_fair(const struct consensus *c);
static uint64_t patience_ms(const struct consensus *c);
static void listen(struct consensus *c);
static void check_view_timer(struct consensus *c);
static void check_requests(struct consensus *c);
static void check_floor(struct consensus *c);
static void check_leader(struct consensus *c);

/* The timer first: after it the own VC may be another one, which is not durable yet, and a message
 * is only pointed to until the step ends. */
void pace_tick(struct consensus *c)
{
    listen(c);
    check_view_timer(c);
    check_requests(c);
    check_floor(c);
    check_leader(c);
    if (c->phase == PHASE_CHANGING && c->is_vc_sent && c->mono_ms - c->vc_mono_ms >= view_ms(c) / 4)
        change_send(c, NODES_MAX);
}

void pace_restart(struct consensus *c)
{
    c->is_timing = true;
    c->timer_mono_ms = c->mono_ms;
}

void pace_on_final(struct consensus *c)
{
    pace_restart(c);
    c->rest_mono_ms = 0;
    if (++c->calm_blocks < CALM_BLOCKS) return;
    c->calm_blocks = 0;
    if (c->failed_views > 0) c->failed_views--;
}

uint64_t view_ms(const struct consensus *c)
{
    must(c->failed_views <= FAILED_VIEWS_MAX);
    uint64_t ms = (uint64_t)c->config.view_ms << c->failed_views;
    return ms < CONSENSUS_VIEW_MS_MAX ? ms : CONSENSUS_VIEW_MS_MAX;
}

bool pace_is_due(const struct consensus *c)
{
    if (c->final.is_close) return false; /* There is no view to wait for. */
    if (c->phase == PHASE_CHANGING)
        return c->is_vc_sent && change_count(c, c->cur_view, true) >= c->vc_quorum;
    if (c->phase == PHASE_ANCHORING) return true;
    struct tip tip = line_tip(c);
    if (tip.height > c->final.height) return true;
    /* Neither is the leader's fault: execution that is slow, and results that others do not sign.
     */
    bool is_result_new =
        c->last_txs_height > tip.res_height && c->result_height >= c->last_txs_height;
    const bool is_wanted = tip.height < c->wanted_height;
    return (c->waiting > 0 || is_result_new || is_wanted || epoch_is_step_due(c, &tip)) &&
           !is_stopped(c);
}

/* So far above the newest certified result that no leader may propose. */
static bool is_stopped(const struct consensus *c)
{
    return line_tip_height(c) + 1 > c->result_height + CONSENSUS_LAG_MAX;
}

/* Blaming a leader makes sense. */
static bool is_fair(const struct consensus *c)
{
    if (!is_signing(c) || c->config.validators.count == 1) return false;
    return sync_heard(c) + 1 >= c->vc_quorum;
}

/* A node that others are ahead of has to catch up first; but they may have lost the certificates
 * that would prove it, so its patience ends too. */
static uint64_t patience_ms(const struct consensus *c)
{
    uint32_t ahead = 0;
    for (uint32_t bits = sync_peers_beyond(c, c->final.height); bits != 0; bits &= bits - 1)
        ahead++;
    bool is_behind = c->phase == PHASE_OPEN && ahead > c->config.validators.f;
    return is_behind ? BEHIND_PATIENCE * view_ms(c) : view_ms(c);
}

/* A short silence, as of lost messages, stops no timer; after a long one the leader gets its time.
 */
static void listen(struct consensus *c)
{
    if (!is_fair(c)) {
        if (c->deaf_mono_ms == 0) c->deaf_mono_ms = c->mono_ms;
        return;
    }
    if (c->deaf_mono_ms != 0 && c->mono_ms - c->deaf_mono_ms >= DEAF_MS) c->is_timing = false;
    c->deaf_mono_ms = 0;
}

static void check_view_timer(struct consensus *c)
{
    if (!pace_is_due(c)) {
        c->is_timing = false;
        return;
    }
    if (!c->is_timing) pace_restart(c);
    bool is_over = c->mono_ms - c->timer_mono_ms >= patience_ms(c);
    if (is_over && c->deaf_mono_ms == 0) change_start(c, c->cur_view + 1, true);
}

/* A leader that leaves out an old transaction loses its view, however busy it is. */
static void check_requests(struct consensus *c)
{
    if (c->phase != PHASE_OPEN || c->deaf_mono_ms != 0 || is_stopped(c)) return;
    if (c->final.is_close) return;
    if (leader_of(c, c->cur_view) == c->config.self) return;
    uint64_t limit_ms = 2 * patience_ms(c);
    if (c->oldest_wait_ms > limit_ms && c->mono_ms - c->open_mono_ms > limit_ms)
        change_start(c, c->cur_view + 1, true);
}

static void check_floor(struct consensus *c)
{
    bool can_judge = is_fair(c) && c->deaf_mono_ms == 0 && !is_stopped(c) && !c->final.is_close;
    if (floor_tick(c, can_judge)) change_start(c, c->cur_view + 1, true);
}

static void check_leader(struct consensus *c)
{
    if (c->phase != PHASE_OPEN || !is_fair(c)) return;
    uint32_t leader = leader_of(c, c->cur_view);
    must(leader < c->config.validators.count);
    for (uint32_t i = 0; i < 2; i++) {
        const struct vc_slot *slot = &c->vcs[leader * 2 + i];
        if (!slot->is_used || slot->vc.to_view <= c->cur_view) continue;
        change_start(c, c->cur_view + 1, false);
        return;
    }
}
