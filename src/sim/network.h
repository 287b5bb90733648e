/* network.h - Links between hosts: delay, loss, duplicates, disorder, partitions, and rules.
 *
 * Every ordered pair of hosts has a link. A connected link carries parcels; a rule, newest first,
 * may decide about single ones before the link does. Bytes are kept once for all receivers.
 *
 *   N1 a parcel arrives only at the life of the host it was sent to; a dead process receives
 *      nothing, and what was on the way to it is lost.
 *   N2 while a link is in order, its parcels arrive in the order in which they were sent. */
#ifndef TRUSTSQL_SIM_NETWORK_H
#define TRUSTSQL_SIM_NETWORK_H

#include "sim/gist.h"
#include "sim/world.h"

#define RULES_MAX       256u
#define RULE_NAME_MAX   32u
#define HOSTS_ALL       UINT64_MAX
#define GISTS_ALL       ((1u << GIST_KINDS) - 1u)
#define PARTS_ANY       0u
#define PARCEL_SIZE_MAX (64u << 20) /* Larger frames never arrive: the network refuses them. */

struct parcel {
    uint32_t refs;
    enum core_channel channel;
    uint32_t from; /* Host. */
    struct gist gist;
    size_t size;
    uint8_t bytes[];
};

struct link {
    uint64_t low_us;
    uint64_t high_us;
    uint32_t loss_ppm;
    uint32_t double_ppm;
    bool is_cut;      /* Nothing passes. */
    bool is_orderly;  /* N2; false: each parcel for itself. */
    uint64_t last_us; /* Of the newest parcel planned. */
};

enum rule_action {
    RULE_DELIVER,
    RULE_DROP,
    RULE_DELAY,
    RULE_DOUBLE,
    RULE_PACE, /* One each low_us to each receiver; the others wait. */
    RULE_HOLD,
    RULE_RECORD
};

struct rule { /* All that is set must match. */
    char name[RULE_NAME_MAX];
    uint64_t from; /* Hosts, as bits. */
    uint64_t to;
    uint32_t kinds;   /* Of enum gist_kind, as bits. */
    uint32_t parts;   /* Of votes: has one of these parts; PARTS_ANY. */
    uint64_t authors; /* Voters, as bits; HOSTS_ALL: also unsigned ones. */
    uint64_t height_low;
    uint64_t height_high;
    uint64_t view_low;
    uint64_t view_high;
    bool has_hash;
    struct hash hash; /* About this block. */
    enum rule_action action;
    uint64_t low_us; /* RULE_DELAY: added; RULE_DOUBLE: of the copies. */
    uint64_t high_us;
    uint32_t copies;
    uint64_t paced_us[HOSTS_MAX]; /* RULE_PACE: when the next may leave for that receiver. */
    uint64_t count_left;          /* Matches it still decides. */
    uint64_t matched;
};

struct network *network_new(struct world *w);
void network_free(struct network *n); /* Null allowed. */

struct link *network_link(struct world *w, uint32_t from, uint32_t to);
bool network_is_connected(const struct world *w, uint32_t a, uint32_t b);
/* Both sides notice after a moment. Parcels on the way are lost. */
void network_disconnect(struct world *w, uint32_t a, uint32_t b);
void network_connect(struct world *w, uint32_t a, uint32_t b);
/* As network_connect, after a while. */
void network_reconnect(struct world *w, uint32_t a, uint32_t b, uint64_t after_us);
/* All pairs that are up and not cut. */
void network_connect_all(struct world *w);

/* To the peer at that place. ST_CLOSED: not connected to any host of that key. */
enum status network_send(
    struct world *w, uint32_t from, uint32_t place, enum core_channel channel, struct span bytes);
/* The connection that e was sent on is gone. */
bool network_has_lost(const struct world *w, const struct event *e);
/* To one host, past all rules, after delay_us. */
void network_inject(
    struct world *w, uint32_t from, uint32_t to, struct span bytes, uint64_t delay_us);

/* False: too many. Names may repeat; the newest rule that matches decides. */
bool network_add_rule(struct world *w, const struct rule *rule);
bool network_has_rule(const struct world *w, const char *name);
void network_end_rule(struct world *w, const char *name);
uint64_t network_matched(const struct world *w, const char *name);
/* Rules hold and record no more: there is no room. */
bool network_is_full(const struct world *w);
/* What RULE_HOLD kept or RULE_RECORD copied: sent now, in order, to where it was going or to the
 * hosts of to. Held ones are gone then. */
void network_release(struct world *w, const char *name, uint64_t to);

struct parcel *parcel_ref(struct parcel *p);
void parcel_unref(struct parcel *p); /* Null allowed. */

#endif
