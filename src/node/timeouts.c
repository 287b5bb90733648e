/* timeouts.c - statement_timeout: a statement that lasts longer ends with 57014.
 *
 * The time of a session's first call is taken when it has to wait for something, and begins anew
 * with each statement of its query string. What ends a read ends it here, too. A transaction that
 * was submitted cannot be called back: its client is told which one it is and that it may still
 * become final, and the call stays behind without its session until its ticket is settled (T2).
 *
 * Invariants
 *   T1  A session is in local.timed exactly while its deadline_ms is not 0; the timer is set for
 *       the earliest of them, or earlier.
 *   T2  orphan_count counts calls without a session: each has a ticket under way, and nothing else.
 */
#include "base/hex.h"
#include "base/must.h"
#include "node/local_int.h"

static void disarm(struct backend_session *s)
{
    struct local *l = s->local;
    if (s->deadline_ms == 0) return;
    s->deadline_ms = 0;
    if (s->timed_previous != NULL)
        s->timed_previous->timed_next = s->timed_next;
    else
        l->timed = s->timed_next;
    if (s->timed_next != NULL) s->timed_next->timed_previous = s->timed_previous;
    s->timed_previous = NULL;
    s->timed_next = NULL;
}

static void set_timer(struct local *l, uint64_t now, uint64_t due)
{
    if (l->timer_ms != 0 && l->timer_ms <= due) return; /* T1 */
    l->timer_ms = due;
    loop_timer_start(l->timer, due > now ? due - now : 1, 0);
}

static void arm(struct backend_session *s, uint32_t after_ms)
{
    struct local *l = s->local;
    const uint64_t now = loop_now_ms(l->config.loop);
    must(s->deadline_ms == 0);
    s->deadline_ms = now + after_ms;
    s->timed_next = l->timed;
    if (l->timed != NULL) l->timed->timed_previous = s;
    l->timed = s;
    set_timer(l, now, s->deadline_ms);
}

void timeouts_note(struct backend_session *s)
{
    struct local_call *c = s->first;
    const uint32_t limit = s->settings.timeout_ms[SETTINGS_STATEMENT_TIMEOUT];
    if (c == NULL || s->is_closed || (limit == 0 && s->deadline_ms == 0)) {
        disarm(s);
        s->timed_call = NULL;
        return;
    }
    const uint32_t at = c->at + c->text_at;
    if (s->timed_call == c && s->timed_at == at) return;
    disarm(s);
    s->timed_call = c;
    s->timed_at = at;
    if (limit > 0) arm(s, limit);
}

void timeouts_explain(const struct local_call *c, struct diag *d)
{
    if (!c->has_timed_out || memcmp(d->sqlstate, "57014", 5) != 0) return;
    diag_set(d, "57014", "canceling statement due to statement timeout");
}

/* --- what was submitted ----------------------------------------------------------------------- */

static void explain_submitted(const struct local_call *c, struct diag *d)
{
    char txid[2 * HASH_SIZE + 1];
    diag_set(d, "57014", "canceling statement due to statement timeout");
    if (c->is_submit) {
        diag_detail(d, "The transaction was submitted before, and may still become final.");
        diag_hint(d, "Submit the same bytes again: it takes effect once.");
        return;
    }
    hex_encode(txid, hash_span(&c->txid));
    diag_detail(d, "Transaction %s was submitted before, and may still become final.", txid);
    diag_hint(d, "SELECT * FROM trustsql.receipts WHERE txid = '%s' tells when it has.", txid);
}

/* The session goes on without it. */
static void abandon(struct backend_session *s)
{
    struct local *l = s->local;
    struct local_call *c = s->first;
    struct diag d;
    must(c->is_submitted);
    explain_submitted(c, &d);
    if (c->is_block)
        block_abandon(c);
    else
        call_forget_settings(c);
    session_drop(s, &d);
    must(c->session == NULL);
    l->orphan_count++; /* T2 */
    session_advance(s);
}

void timeouts_settled(struct local *l, struct local_call *c)
{
    must(c->session == NULL);
    must(l->orphan_count > 0);
    l->orphan_count--;
    mem_free(l->config.mem, c);
}

/* --- the timer -------------------------------------------------------------------------------- */

static void fire(struct backend_session *s)
{
    struct local_call *c = s->first;
    must(c != NULL);
    if (c->is_copying) return; /* It waits for its client. */
    c->has_timed_out = true;
    if (c->is_submitted)
        abandon(s);
    else
        session_cancel(s);
}

/* A session that is late; null: none. */
static struct backend_session *find_late(const struct local *l, uint64_t now)
{
    struct backend_session *s = l->timed;
    while (s != NULL && s->deadline_ms > now)
        s = s->timed_next;
    return s;
}

void timeouts_fire(void *context)
{
    struct local *l = context;
    const uint64_t now = loop_now_ms(l->config.loop);
    struct backend_session *late = NULL;
    l->timer_ms = 0;
    while ((late = find_late(l, now)) != NULL) {
        disarm(late);
        fire(late);
    }
    for (const struct backend_session *s = l->timed; s != NULL; s = s->timed_next)
        set_timer(l, now, s->deadline_ms);
}

void timeouts_forget(struct backend_session *s)
{
    disarm(s);
}
