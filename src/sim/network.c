/* network.c - See network.h. */
#include "sim/network.h"

#include "base/must.h"
#include "sim/epochs.h"
#include "sim/host.h"
#include "sim/oracle.h"

#define KEPT_MAX  1000000u
#define NOTICE_US 1000u /* Until a host notices that a connection came or went. */
#define PPM       1000000u

struct kept { /* By a rule. */
    uint32_t rule;
    uint32_t from;
    uint32_t to;
    struct parcel *parcel;
};

struct network {
    struct link links[HOSTS_MAX][HOSTS_MAX];
    bool is_connected[HOSTS_MAX][HOSTS_MAX];    /* Symmetric. */
    uint32_t connections[HOSTS_MAX][HOSTS_MAX]; /* How often: what was on the way is lost. */
    struct rule rules[RULES_MAX];
    bool is_ended[RULES_MAX];
    uint32_t rule_count;
    struct kept *kept;
    uint32_t kept_count;
    uint32_t kept_room;
    bool is_full;
    struct parcel *newest; /* What was sent last: a broadcast sends it again. */
    struct wire_message wire;
};

static void plan(struct world *w, struct parcel *p, uint32_t to, uint64_t at_us, bool is_forced);
static bool rule_matches(const struct rule *r, const struct parcel *p, uint32_t to);

struct network *network_new(struct world *w)
{
    (void)w;
    struct network *n = mem_alloc_zero(mem_system(), 1, sizeof *n);
    must(n != NULL);
    for (uint32_t a = 0; a < HOSTS_MAX; a++)
        for (uint32_t b = 0; b < HOSTS_MAX; b++)
            n->links[a][b] = (struct link){.low_us = 200, .high_us = 800, .is_orderly = true};
    return n;
}

void network_free(struct network *n)
{
    if (n == NULL) return;
    parcel_unref(n->newest);
    for (uint32_t i = 0; i < n->kept_count; i++)
        parcel_unref(n->kept[i].parcel);
    mem_free(mem_system(), n->kept);
    mem_free(mem_system(), n);
}

struct parcel *parcel_ref(struct parcel *p)
{
    p->refs++;
    return p;
}

void parcel_unref(struct parcel *p)
{
    if (p == NULL) return;
    must(p->refs > 0);
    if (--p->refs == 0) mem_free(mem_system(), p);
}

struct link *network_link(struct world *w, uint32_t from, uint32_t to)
{
    must(from < HOSTS_MAX);
    must(to < HOSTS_MAX);
    return &w->network->links[from][to];
}

/* --- connections ------------------------------------------------------------------------------ */

bool network_is_connected(const struct world *w, uint32_t a, uint32_t b)
{
    return w->network->is_connected[a][b];
}

static void tell(struct world *w, uint32_t host, uint32_t peer, bool is_up)
{
    struct event e = {.at_us = w->now_us + NOTICE_US,
                      .kind = HAPPENS_PEER,
                      .host = host,
                      .life = w->hosts[host].life,
                      .number = peer,
                      .flag = is_up};
    schedule_add(&w->schedule, &e);
}

static void set_connected(struct world *w, uint32_t a, uint32_t b, bool is_connected)
{
    struct network *n = w->network;
    if (n->is_connected[a][b] == is_connected) return;
    n->is_connected[a][b] = n->is_connected[b][a] = is_connected;
    n->connections[a][b]++;
    n->connections[b][a]++;
    if (w->hosts[a].is_up) tell(w, a, b, is_connected);
    if (w->hosts[b].is_up) tell(w, b, a, is_connected);
}

void network_disconnect(struct world *w, uint32_t a, uint32_t b)
{
    if (a != b) set_connected(w, a, b, false);
}

/* A peer is known by a key in the configuration that a host has come to. */
static bool knows(const struct world *w, uint32_t host, uint32_t other)
{
    const struct host *h = &w->hosts[host];
    return h->part == PART_PUPPET || host_place_of(h, &w->hosts[other]) < HOST_PLACES_MAX;
}

static bool can_connect(const struct world *w, uint32_t a, uint32_t b)
{
    const struct network *n = w->network;
    bool are_up = (w->hosts[a].is_up || w->hosts[a].part == PART_PUPPET) &&
                  (w->hosts[b].is_up || w->hosts[b].part == PART_PUPPET);
    bool are_twins = w->hosts[a].voter == w->hosts[b].voter;
    return a != b && are_up && !are_twins && knows(w, a, b) && knows(w, b, a) &&
           !n->links[a][b].is_cut && !n->links[b][a].is_cut;
}

void network_connect(struct world *w, uint32_t a, uint32_t b)
{
    if (can_connect(w, a, b)) set_connected(w, a, b, true);
}

void network_reconnect(struct world *w, uint32_t a, uint32_t b, uint64_t after_us)
{
    struct event e = {
        .at_us = w->now_us + after_us, .kind = HAPPENS_CONNECT, .host = a, .number = b};
    schedule_add(&w->schedule, &e);
}

void network_connect_all(struct world *w)
{
    for (uint32_t a = 0; a < w->host_count; a++)
        for (uint32_t b = a + 1; b < w->host_count; b++)
            network_connect(w, a, b);
}

/* --- rules ------------------------------------------------------------------------------------ */

static bool is_between(uint64_t value, uint64_t low, uint64_t high)
{
    return low <= value && value <= high;
}

static bool vote_matches(const struct rule *r, const struct gist *n)
{
    for (uint32_t i = 0; i < VOTE_PARTS; i++) {
        const struct statement *s = &n->parts[i];
        if (s->is_null) continue;
        if (r->parts != PARTS_ANY && (r->parts & (1u << i)) == 0) continue;
        bool is_view = i == VOTE_P3 ? r->view_low == 0 && r->view_high == UINT64_MAX
                                    : is_between(s->view, r->view_low, r->view_high);
        if (!is_view || !is_between(s->height, r->height_low, r->height_high)) continue;
        if (r->has_hash && !hash_equal(&r->hash, &s->hash)) continue;
        return true;
    }
    return false;
}

static bool rule_matches(const struct rule *r, const struct parcel *p, uint32_t to)
{
    const struct gist *n = &p->gist;
    if (r->count_left == 0) return false;
    if ((r->from >> p->from & 1u) == 0 || (r->to >> to & 1u) == 0) return false;
    if ((r->kinds >> n->kind & 1u) == 0) return false;
    if (r->authors != HOSTS_ALL && (n->author >= NODES_MAX || (r->authors >> n->author & 1u) == 0))
        return false;
    if (n->kind == GIST_VOTE) return vote_matches(r, n);
    return is_between(n->view, r->view_low, r->view_high) &&
           is_between(n->height, r->height_low, r->height_high) &&
           (!r->has_hash || hash_equal(&r->hash, &n->hash));
}

/* The newest that matches; RULES_MAX: none. A rule that records lets older ones decide. */
static void keep(struct network *n, uint32_t rule, struct parcel *p, uint32_t to)
{
    if (n->kept_count == KEPT_MAX) {
        n->is_full = true;
        return;
    }
    if (n->kept_count == n->kept_room) {
        n->kept_room = n->kept_room == 0 ? 64 : 2 * n->kept_room;
        n->kept = mem_resize(mem_system(), n->kept, n->kept_room * sizeof *n->kept);
        must(n->kept != NULL);
    }
    n->kept[n->kept_count++] =
        (struct kept){.rule = rule, .from = p->from, .to = to, .parcel = parcel_ref(p)};
}

static struct rule *deciding_rule(struct network *n, struct parcel *p, uint32_t to)
{
    for (uint32_t i = n->rule_count; i-- > 0;) {
        struct rule *r = &n->rules[i];
        if (n->is_ended[i] || !rule_matches(r, p, to)) continue;
        r->matched++;
        if (r->count_left != UINT64_MAX) r->count_left--;
        if (r->action == RULE_RECORD || r->action == RULE_HOLD) keep(n, i, p, to);
        if (r->action != RULE_RECORD) return r;
    }
    return NULL;
}

bool network_add_rule(struct world *w, const struct rule *rule)
{
    struct network *n = w->network;
    if (n->rule_count == RULES_MAX) return false;
    n->rules[n->rule_count++] = *rule;
    return true;
}

bool network_has_rule(const struct world *w, const char *name)
{
    for (uint32_t i = 0; i < w->network->rule_count; i++)
        if (strcmp(w->network->rules[i].name, name) == 0) return true;
    return false;
}

void network_end_rule(struct world *w, const char *name)
{
    struct network *n = w->network;
    for (uint32_t i = 0; i < n->rule_count; i++)
        if (strcmp(n->rules[i].name, name) == 0) n->is_ended[i] = true;
}

uint64_t network_matched(const struct world *w, const char *name)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < w->network->rule_count; i++)
        if (strcmp(w->network->rules[i].name, name) == 0) sum += w->network->rules[i].matched;
    return sum;
}

bool network_is_full(const struct world *w)
{
    return w->network->is_full;
}

static void release_one(struct world *w, const struct kept *k, uint64_t to)
{
    if (to == HOSTS_ALL) {
        plan(w, k->parcel, k->to, w->now_us, true);
        return;
    }
    for (uint32_t h = 0; h < w->host_count; h++) {
        bool is_itself = w->hosts[h].voter == w->hosts[k->from].voter;
        if ((to >> h & 1u) && !is_itself) plan(w, k->parcel, h, w->now_us, true);
    }
}

void network_release(struct world *w, const char *name, uint64_t to)
{
    struct network *n = w->network;
    uint32_t left = 0;
    for (uint32_t i = 0; i < n->kept_count; i++) {
        struct kept k = n->kept[i];
        const struct rule *r = &n->rules[k.rule];
        bool is_of_it = strcmp(r->name, name) == 0;
        if (is_of_it) release_one(w, &k, to);
        if (is_of_it && r->action == RULE_HOLD)
            parcel_unref(k.parcel);
        else
            n->kept[left++] = k;
    }
    n->kept_count = left;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* is_forced: arrives whatever becomes of the connection. */
static void plan(struct world *w, struct parcel *p, uint32_t to, uint64_t at_us, bool is_forced)
{
    struct event e = {.at_us = at_us,
                      .kind = HAPPENS_MESSAGE,
                      .host = to,
                      .life = w->hosts[to].life, /* N1 */
                      .number = p->from,
                      .connection = w->network->connections[p->from][to],
                      .flag = is_forced,
                      .item = parcel_ref(p)};
    schedule_add(&w->schedule, &e);
}

bool network_has_lost(const struct world *w, const struct event *e)
{
    must(e->kind == HAPPENS_MESSAGE);
    if (e->flag) return false;
    return e->connection != w->network->connections[e->number][e->host];
}

static void plan_on_link(struct world *w, struct parcel *p, uint32_t to, uint64_t extra_us)
{
    struct link *l = &w->network->links[p->from][to];
    if (l->is_cut) return;
    if (l->loss_ppm > 0 && rng_below(&w->rng, PPM) < l->loss_ppm) return;
    uint64_t at = w->now_us + extra_us + rng_between(&w->rng, l->low_us, l->high_us);
    if (l->is_orderly && extra_us == 0) {
        if (at <= l->last_us) at = l->last_us + 1; /* N2 */
        l->last_us = at;
    }
    plan(w, p, to, at, false);
    if (l->double_ppm > 0 && rng_below(&w->rng, PPM) < l->double_ppm)
        plan(w, p, to, at + rng_between(&w->rng, 0, 4 * l->high_us), false);
}

static void send_to_host(struct world *w, struct parcel *p, uint32_t to)
{
    struct rule *r = deciding_rule(w->network, p, to);
    if (r == NULL || r->action == RULE_DELIVER) {
        plan_on_link(w, p, to, 0);
        return;
    }
    if (r->action == RULE_DROP || r->action == RULE_HOLD) return;
    if (r->action == RULE_DELAY) {
        plan_on_link(w, p, to, 1 + rng_between(&w->rng, r->low_us, r->high_us));
        return;
    }
    if (r->action == RULE_PACE) {
        uint64_t *next = &r->paced_us[to];
        const uint64_t at = *next > w->now_us ? *next : w->now_us;
        *next = at + r->low_us;
        plan_on_link(w, p, to, at - w->now_us);
        return;
    }
    must(r->action == RULE_DOUBLE);
    plan_on_link(w, p, to, 0);
    for (uint32_t i = 0; i < r->copies; i++)
        plan_on_link(w, p, to, 1 + rng_between(&w->rng, r->low_us, r->high_us));
}

/* The parcel of these bytes; a broadcast is decoded and kept once. */
static struct parcel *parcel_of(struct world *w,
                                uint32_t from,
                                enum core_channel channel,
                                struct span bytes)
{
    struct network *n = w->network;
    struct parcel *p = n->newest;
    if (p != NULL && p->from == from && p->channel == channel &&
        span_equal(span_of(p->bytes, p->size), bytes))
        return p;
    parcel_unref(n->newest);
    p = mem_alloc(mem_system(), sizeof *p + bytes.size);
    must(p != NULL);
    *p = (struct parcel){.refs = 1, .channel = channel, .from = from, .size = bytes.size};
    memcpy(p->bytes, bytes.data, bytes.size);
    gist_read(&p->gist, &n->wire, w->message, bytes);
    n->newest = p;
    oracle_on_send(w->oracle, &w->hosts[from], p, &n->wire, w->message);
    return p;
}

static void trace_send(struct world *w, const struct parcel *p, uint32_t to)
{
    world_mix(w, (uint64_t)p->from << 32 | (uint64_t)to << 16 | (uint64_t)p->gist.kind);
    world_mix_bytes(w, span_of(p->bytes, p->size));
    if (w->config.say == NULL) return;
    char text[256];
    gist_text(text, sizeof text, &p->gist);
    world_say(w, "n%u > n%u %s (%zu bytes)", p->from, to, text, p->size);
}

enum status network_send(
    struct world *w, uint32_t from, uint32_t place, enum core_channel channel, struct span bytes)
{
    enum status st = ST_CLOSED;
    const struct host *h = &w->hosts[from];
    if (place >= HOST_PLACES_MAX || h->places[place] == KEY_NONE) return st;
    for (uint32_t to = 0; to < w->host_count; to++) {
        if (!w->network->is_connected[from][to]) continue;
        if (!host_owns(&w->hosts[to], h->places[place])) continue;
        if (host_place_of(h, &w->hosts[to]) != place) continue;
        struct parcel *p = parcel_of(w, from, channel, bytes);
        trace_send(w, p, to);
        send_to_host(w, p, to);
        st = ST_OK;
    }
    return st;
}

/* Where a correct peer sends it. */
static enum core_channel channel_of(struct span bytes)
{
    switch (bytes.size == 0 ? 0 : bytes.data[0]) {
    case WIRE_TXS:
    case WIRE_TXS_FOUND:
    case WIRE_BLOCK_PART: return CORE_TXS;
    case WIRE_GET_CHAIN:
    case WIRE_CHAIN:
    case WIRE_EVIDENCE:
    case WIRE_INCIDENT:
    case WIRE_REPORT: return CORE_BULK;
    default: return CORE_URGENT;
    }
}

void network_inject(
    struct world *w, uint32_t from, uint32_t to, struct span bytes, uint64_t delay_us)
{
    struct parcel *p = parcel_of(w, from, channel_of(bytes), bytes);
    trace_send(w, p, to);
    plan(w, p, to, w->now_us + delay_us, true);
}
