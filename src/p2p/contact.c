/* contact.c - See contact.h. */
#include "p2p/contact.h"

#include "base/must.h"

#define SMOOTHING 8u

bool contact_is_due(const struct contact *c, uint64_t now_ms)
{
    return !c->is_up && now_ms >= c->dial_at_ms && !contact_is_banned(c, now_ms);
}

bool contact_is_banned(const struct contact *c, uint64_t now_ms)
{
    return now_ms < c->banned_until_ms;
}

/* Half of the wait is certain, half is chance: nodes that lost each other at the same moment do not
 * come back at the same moment. */
void contact_failed(struct contact *c, uint64_t now_ms, uint32_t chance)
{
    uint64_t wait = CONTACT_BACKOFF_MIN_MS;
    for (uint32_t i = 0; i < c->failures && wait < CONTACT_BACKOFF_MAX_MS; i++)
        wait *= 2;
    if (wait > CONTACT_BACKOFF_MAX_MS) wait = CONTACT_BACKOFF_MAX_MS;
    if (c->failures < UINT32_MAX) c->failures++;
    c->dial_at_ms = now_ms + wait / 2 + chance % (wait / 2 + 1);
}

void contact_ban(struct contact *c, uint64_t now_ms)
{
    uint64_t wait = CONTACT_BAN_MIN_MS;
    for (uint32_t i = 0; i < c->bans && wait < CONTACT_BAN_MAX_MS; i++)
        wait *= 2;
    must(wait <= CONTACT_BAN_MAX_MS);
    if (c->bans < UINT32_MAX) c->bans++;
    c->banned_until_ms = now_ms + wait;
}

enum contact_choice contact_choose(const struct contact *c, const struct hello *hello)
{
    if (!c->is_up) return CONTACT_ADOPT;
    if (hello->incarnation != c->peer_incarnation) return CONTACT_REPLACE;
    if (hello->lost_link == c->link_number) return CONTACT_REPLACE;
    return CONTACT_REFUSE;
}

void contact_up(struct contact *c, const struct contact_link *link, uint64_t now_ms)
{
    must(!c->is_up);
    c->is_up = true;
    c->link_number = link->number;
    c->peer_incarnation = link->peer_incarnation;
    c->up_since_ms = now_ms;
    c->heard_ms = now_ms;
    c->ping_at_ms = now_ms;
    c->ping_sent_ns = 0;
    c->rtt_us = 0;
}

void contact_down(struct contact *c)
{
    must(c->is_up);
    c->is_up = false;
    c->lost_link = c->link_number;
}

void contact_heard(struct contact *c, uint64_t now_ms)
{
    c->heard_ms = now_ms;
    if (now_ms - c->up_since_ms >= CONTACT_STABLE_MS) c->failures = 0;
}

bool contact_is_silent(const struct contact *c, uint64_t now_ms)
{
    return c->is_up && now_ms >= c->heard_ms + CONTACT_SILENT_MS;
}

void contact_forgive(struct contact *c, uint64_t late_ms)
{
    c->heard_ms += late_ms;
}

/* One at a time: an answer that is still out after the interval is given up, the link is not. */
bool contact_ping(struct contact *c, uint64_t now_ms, uint64_t now_ns, uint64_t *token)
{
    if (!c->is_up || now_ms < c->ping_at_ms) return false;
    c->ping_at_ms = now_ms + CONTACT_PING_MS;
    c->ping_sent_ns = now_ns;
    *token = ++c->ping_token;
    return true;
}

void contact_pong(struct contact *c, const struct pong *pong, const struct contact_clock *clock)
{
    if (c->ping_sent_ns == 0 || pong->token != c->ping_token) return;
    must(clock->now_ns >= c->ping_sent_ns);
    uint64_t rtt_ns = clock->now_ns - c->ping_sent_ns;
    c->ping_sent_ns = 0;
    uint64_t us = rtt_ns / 1000u;
    if (us > UINT32_MAX / SMOOTHING) us = UINT32_MAX / SMOOTHING;
    if (us == 0) us = 1;
    bool is_first = c->rtt_us == 0;
    c->rtt_us = is_first ? (uint32_t)us
                         : (uint32_t)(((uint64_t)c->rtt_us * (SMOOTHING - 1) + us) / SMOOTHING);
    if (c->rtt_us == 0) c->rtt_us = 1;
    /* The peer's clock as it was half a round trip ago. What it says may be any number. */
    int64_t there = pong->wall_ms > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)pong->wall_ms;
    c->clock_offset_ms = there + (int64_t)(rtt_ns / 2000000u) - (int64_t)clock->wall_ms;
}

bool bucket_take(struct bucket *b, uint64_t now_ms)
{
    uint64_t most = (uint64_t)b->most * 1000u;
    uint64_t passed = now_ms - b->at_ms;
    must(now_ms >= b->at_ms);
    b->at_ms = now_ms;
    if (passed > 1000u * (uint64_t)b->most) passed = 1000u * (uint64_t)b->most;
    b->milli += passed * b->per_second;
    if (b->milli > most) b->milli = most;
    if (b->milli < 1000u) return false;
    b->milli -= 1000u;
    return true;
}
