/* contact.h - What one node decides about one peer: when to dial, which of two connections lives,
 * whether the other side is still there.
 *
 * Which connection lives. Both sides may dial, so two connections can come up at once, and the two
 * ends must not choose differently. The node with the lower index chooses: it sends ADOPT on one
 * connection, and only then both ends use that one. It keeps the first, unless the peer's
 * HELLO on a newer one says that the first is dead: another incarnation (the process restarted), or
 * the number of the first as the link that the peer has lost.
 *
 * Pure: time comes in as an argument, chance as a number. */
#ifndef TRUSTSQL_P2P_CONTACT_H
#define TRUSTSQL_P2P_CONTACT_H

#include "p2p/frame.h"

#define CONTACT_BACKOFF_MIN_MS 100u
/* Short: the peers are few, and after a partition the chain should go on within seconds. */
#define CONTACT_BACKOFF_MAX_MS 1600u
#define CONTACT_STABLE_MS      5000u /* Up for so long: the next back-off begins anew. */
#define CONTACT_BAN_MIN_MS     5000u /* After garbage, doubled each time up to the maximum. */
#define CONTACT_BAN_MAX_MS     80000u
#define CONTACT_PING_MS        1000u
#define CONTACT_SILENT_MS      4000u /* Nothing heard for so long: the connection is dead. */

struct contact {
    /* When to dial. */
    uint32_t failures; /* In a row. */
    uint64_t dial_at_ms;
    uint64_t up_since_ms;
    uint32_t bans;
    uint64_t banned_until_ms;
    /* Which connection. */
    bool is_up;
    uint64_t link_number;      /* Of the adopted one. */
    uint64_t lost_link;        /* The last that was adopted and is no more; 0: none. */
    uint64_t peer_incarnation; /* Of the adopted one. */
    /* Is it there. */
    uint64_t heard_ms;
    uint64_t ping_at_ms;
    uint64_t ping_token;
    uint64_t ping_sent_ns; /* 0: no ping is on its way. */
    uint32_t rtt_us;       /* Smoothed; 0: not measured. */
    int64_t clock_offset_ms;
};

/* The next dial is due: not up, not banned, back-off over. */
bool contact_is_due(const struct contact *c, uint64_t now_ms);
bool contact_is_banned(const struct contact *c, uint64_t now_ms);
/* An attempt or a connection ended: wait longer. chance: any number, for the jitter. */
void contact_failed(struct contact *c, uint64_t now_ms, uint32_t chance);
void contact_ban(struct contact *c, uint64_t now_ms);

enum contact_choice { CONTACT_ADOPT, CONTACT_REPLACE, CONTACT_REFUSE };
/* For the choosing side, with the peer's HELLO on another connection than the adopted one. */
enum contact_choice contact_choose(const struct contact *c, const struct hello *hello);

struct contact_link {
    uint64_t number;
    uint64_t peer_incarnation;
};
void contact_up(struct contact *c, const struct contact_link *link, uint64_t now_ms);
void contact_down(struct contact *c);

void contact_heard(struct contact *c, uint64_t now_ms);
bool contact_is_silent(const struct contact *c, uint64_t now_ms);
/* The loop itself slept for late_ms: silence of that time proves nothing. */
void contact_forgive(struct contact *c, uint64_t late_ms);

/* A ping is due: *token to send. */
bool contact_ping(struct contact *c, uint64_t now_ms, uint64_t now_ns, uint64_t *token);
struct contact_clock {
    uint64_t now_ns;
    uint64_t wall_ms;
};
/* A late or invented pong is ignored. */
void contact_pong(struct contact *c, const struct pong *pong, const struct contact_clock *clock);

/* A bucket of tokens that fills itself: bounds what strangers may cost. */
struct bucket {
    uint32_t per_second;
    uint32_t most;
    uint64_t milli; /* Thousandths of tokens. */
    uint64_t at_ms;
};
bool bucket_take(struct bucket *b, uint64_t now_ms);

#endif
