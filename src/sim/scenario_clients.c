/* scenario_clients.c - What clients do beside handing in: they complain of nodes (1.7), they read
 * (1.19). */
#include <stdio.h>

#include "base/must.h"
#include "codec/cbor.h"
#include "consensus/evidence.h"
#include "sim/host.h"
#include "sim/reads.h"
#include "sim/scenario_int.h"

#define COMPLAINERS_MAX 64u
#define GARBAGE_SIZE    40u
#define WHATS_MAX       16u

/* --- replies ---------------------------------------------------------------------------------- */

struct reply_wish {
    struct client_tx *tx;
    uint64_t height; /* 0: where the transaction was executed. */
    uint64_t index;
    uint64_t epoch;
    bool is_receipt_wrong;
    bool is_digest_wrong;
    bool is_signature_bad;
};

static struct named_reply *find_reply(struct scenario *s, const char *name)
{
    for (uint32_t i = 0; i < s->reply_count; i++)
        if (strcmp(s->replies[i].name, name) == 0) return &s->replies[i];
    return NULL;
}

static bool read_reply_option(struct scenario *s, struct reply_wish *w)
{
    if (scenario_accept(s, "height")) return scenario_number(s, "a height", &w->height);
    if (scenario_accept(s, "index")) return scenario_number(s, "a place in the block", &w->index);
    if (scenario_accept(s, "epoch")) return scenario_number(s, "an epoch", &w->epoch);
    if (scenario_accept(s, "bad-signature")) {
        w->is_signature_bad = true;
        return true;
    }
    if (!scenario_accept(s, "wrong"))
        return scenario_fail(s, "\"%s\": height, index, epoch, wrong or bad-signature is expected",
                             scenario_peek(s));
    if (scenario_accept(s, "receipt"))
        w->is_receipt_wrong = true;
    else if (scenario_accept(s, "digest"))
        w->is_digest_wrong = true;
    else
        return scenario_fail(s, "\"%s\": receipt or digest is expected behind wrong",
                             scenario_peek(s));
    return true;
}

static void make_reply(struct scenario *s,
                       uint32_t host,
                       const struct reply_wish *w,
                       struct reply *r)
{
    const struct world *world = s->world;
    const struct known_epoch *e = epochs_at(world, w->epoch);
    *r = (struct reply){.chain_id = world->chain_id,
                        .epoch = w->epoch,
                        .node = scenario_index(s, host, w->epoch),
                        .txid = w->tx->txid,
                        .height = w->height > 0 ? w->height : clients_executed_at(world, w->tx),
                        .index = (uint32_t)w->index,
                        .receipt = merkle_leaf(hash_span(&w->tx->txid))};
    (void)oracle_digest(world->oracle, r->height, &r->digest);
    if (w->is_receipt_wrong) r->receipt.bytes[0] ^= 1u;
    if (w->is_digest_wrong) r->digest.bytes[0] ^= 1u;
    uint32_t key = world->hosts[host].voter;
    if (e != NULL && r->node < e->config.validator_count) key = e->keys[r->node];
    const struct hash hash = reply_hash(r);
    must(sign_hash(world->signer, &r->sig, &world->node_keys[key], &hash) == ST_OK);
    if (w->is_signature_bad) r->sig.bytes[7] ^= 1u;
}

/* An honest node contradicts itself nowhere; what is said in its name is not rightly signed. */
static bool may_say(struct scenario *s, uint32_t host, const struct reply_wish *w)
{
    if (s->set_up.parts[host % NODES_MAX] != PART_HONEST || w->is_signature_bad) return true;
    return scenario_fail(s,
                         "node %u is honest: `byzantine %u puppet` makes it say this, and "
                         "bad-signature says it in its name",
                         host, host);
}

static bool on_reply(struct scenario *s)
{
    char name[SCENARIO_WORD_MAX];
    struct reply_wish wish = {0};
    uint32_t host = 0;
    if (!scenario_word(s, "the reply's name", name) || !scenario_is_new_name(s, name)) return false;
    if (find_reply(s, name) != NULL)
        return scenario_fail(s, "there is a reply \"%s\" already", name);
    if (s->reply_count == SCENARIO_REPLIES_MAX)
        return scenario_fail(s, "there are at most %u replies", SCENARIO_REPLIES_MAX);
    if (!scenario_accept(s, "by")) return scenario_fail(s, "by and a node are expected");
    if (!scenario_host(s, "a node", &host)) return false;
    if (!scenario_accept(s, "tx")) return scenario_fail(s, "tx and a transaction are expected");
    if (!scenario_tx(s, "a transaction", &wish.tx) || !scenario_begin(s)) return false;
    while (scenario_has_word(s))
        if (!read_reply_option(s, &wish)) return false;
    if (wish.index >= BLOCK_TXS_MAX) return scenario_fail(s, "a block has no such place");
    if (!may_say(s, host, &wish)) return false;
    struct named_reply *r = &s->replies[s->reply_count++];
    memcpy(r->name, name, sizeof name);
    if (!s->is_dry) make_reply(s, host, &wish, &r->reply);
    return true;
}

/* --- complaints ------------------------------------------------------------------------------- */

struct complaining {
    uint64_t to;
    uint64_t client;
    uint64_t clients; /* By turns; 0: that client alone. */
    uint64_t count;
    uint64_t over_us;
    struct complaint complaint;
    struct client_tx *whats[WHATS_MAX]; /* By turns; null: see kinds. */
    enum { WHAT_TX, WHAT_NEW, WHAT_GARBAGE } kinds[WHATS_MAX];
    uint32_t what_count;
};

static bool read_client(struct scenario *s, const char *what, uint64_t low, uint64_t *out)
{
    if (!scenario_number(s, what, out)) return false;
    if (*out >= low && *out < COMPLAINERS_MAX + low) return true;
    return scenario_fail(s, "clients that complain have numbers 0 to %u", COMPLAINERS_MAX - 1);
}

static bool read_whom(struct scenario *s, struct complaining *c)
{
    if (!scenario_accept(s, "to")) return scenario_fail(s, "to and nodes are expected");
    if (!scenario_hosts(s, "nodes", &c->to)) return false;
    while (scenario_has_word(s)) {
        bool is_right = true;
        if (scenario_accept(s, "client")) {
            is_right = read_client(s, "the number of a client", 0, &c->client);
        } else if (scenario_accept(s, "clients")) {
            is_right = read_client(s, "how many clients", 1, &c->clients);
        } else if (scenario_accept(s, "times")) {
            is_right = scenario_number(s, "how often", &c->count);
        } else if (scenario_accept(s, "over")) {
            is_right = scenario_duration(s, "a duration", &c->over_us);
        } else {
            return scenario_fail(s, "\"%s\": client, clients, times or over is expected",
                                 scenario_peek(s));
        }
        if (!is_right) return false;
    }
    if (c->count == 0 || c->count > 100000)
        return scenario_fail(s, "a complaint is made 1 to 100000 times");
    return true;
}

/* "done,new,garbage" */
static bool read_whats(struct scenario *s, struct complaining *c)
{
    char list[SCENARIO_WORD_MAX];
    if (!scenario_word(s, "a transaction, new or garbage; or several, as t1,new", list))
        return false;
    for (char *at = list; at != NULL; c->what_count++) {
        char *comma = strchr(at, ',');
        if (comma != NULL) *comma++ = 0;
        if (c->what_count == WHATS_MAX)
            return scenario_fail(s, "there are at most %u kinds", WHATS_MAX);
        c->kinds[c->what_count] = WHAT_TX;
        if (strcmp(at, "new") == 0)
            c->kinds[c->what_count] = WHAT_NEW;
        else if (strcmp(at, "garbage") == 0)
            c->kinds[c->what_count] = WHAT_GARBAGE;
        else if (!scenario_tx_named(s, at, &c->whats[c->what_count]))
            return false;
        at = comma;
    }
    return true;
}

static struct span bytes_of(struct scenario *s, const struct complaining *c, uint64_t number)
{
    static const uint8_t garbage[GARBAGE_SIZE] = {0x83, 0x01, 0xff};
    const uint32_t at = (uint32_t)(number % c->what_count);
    const struct tx_wish wish = {.client = (uint32_t)number};
    switch (c->kinds[at]) {
    case WHAT_TX: return c->whats[at]->bytes;
    case WHAT_NEW: return clients_make(s->world, &wish)->bytes;
    case WHAT_GARBAGE: return span_of(garbage, sizeof garbage);
    }
    must(false);
}

static bool complain_all(struct scenario *s, struct complaining *c)
{
    for (uint64_t i = 0; i < c->count; i++) {
        c->complaint.account = c->clients == 0 ? c->client : i % c->clients;
        if (c->what_count > 0) c->complaint.bytes = bytes_of(s, c, i);
        for (uint32_t host = 0; host < s->world->host_count; host++)
            if (c->to >> host & 1u) host_complain(&s->world->hosts[host], &c->complaint);
        if (c->over_us == 0) continue;
        if (!scenario_pass(s, c->over_us / c->count)) return false;
        if (s->world->violation.is_set) return true;
    }
    return true;
}

static bool on_timeout(struct scenario *s)
{
    struct complaining c = {.complaint = {.kind = COMPLAINT_TIMEOUT}, .count = 1};
    if (!read_whats(s, &c) || !read_whom(s, &c) || !scenario_begin(s)) return false;
    return s->is_dry || complain_all(s, &c);
}

/* As a client puts them together: nothing checks here that they prove anything. */
static void put_conflict(struct buf *out, const struct reply *a, const struct reply *b)
{
    struct buf items;
    const struct hash hash_a = reply_hash(a);
    const struct hash hash_b = reply_hash(b);
    const bool is_in_order = memcmp(hash_a.bytes, hash_b.bytes, HASH_SIZE) < 0;
    struct evidence e = {.kind = EVIDENCE_E10,
                         .epoch = a->epoch,
                         .offender = a->node,
                         .height = a->height < b->height ? a->height : b->height};
    buf_init(&items, mem_system(), 0);
    cbor_put_array(&items, 3);
    cbor_put_uint(&items, 1);
    reply_encode(&items, is_in_order ? a : b);
    reply_encode(&items, is_in_order ? b : a);
    must(buf_status(&items) == ST_OK);
    evidence_attach(&e, &items);
    evidence_encode(out, &e);
    must(buf_status(out) == ST_OK);
    buf_fini(&items);
}

static bool on_conflict(struct scenario *s)
{
    struct complaining c = {.complaint = {.kind = COMPLAINT_CONFLICT}, .count = 1};
    const struct named_reply *both[2] = {NULL, NULL};
    char name[SCENARIO_WORD_MAX];
    for (uint32_t i = 0; i < 2; i++) {
        if (!scenario_word(s, "a reply", name)) return false;
        both[i] = find_reply(s, name);
        if (both[i] == NULL)
            return scenario_fail(s, "there is no reply \"%s\": `reply %s by …` makes one", name,
                                 name);
    }
    if (!read_whom(s, &c) || !scenario_begin(s)) return false;
    if (s->is_dry) return true;
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    put_conflict(&bytes, &both[0]->reply, &both[1]->reply);
    c.complaint.bytes = buf_span(&bytes);
    bool is_right = complain_all(s, &c);
    buf_fini(&bytes);
    return is_right;
}

/* --- reads ------------------------------------------------------------------------------------ */

struct named_read *scenario_find_read(struct scenario *s, const char *name)
{
    for (uint32_t i = 0; i < s->read_count; i++)
        if (strcmp(s->reads[i].name, name) == 0) return &s->reads[i];
    return NULL;
}

static bool on_read(struct scenario *s)
{
    char name[SCENARIO_WORD_MAX];
    uint64_t hosts = 0;
    uint32_t host = 0;
    if (!scenario_word(s, "the read's name", name) || !scenario_is_new_name(s, name)) return false;
    if (scenario_find_read(s, name) != NULL)
        return scenario_fail(s, "there is a read \"%s\" already", name);
    if (s->read_count == SCENARIO_READS_MAX)
        return scenario_fail(s, "there are at most %u reads", SCENARIO_READS_MAX);
    const bool is_at = scenario_accept(s, "at");
    if (!is_at && !scenario_accept(s, "from"))
        return scenario_fail(s, "at and a node, or from and nodes, are expected");
    if (is_at ? !scenario_host(s, "a node", &host) : !scenario_hosts(s, "nodes", &hosts))
        return false;
    if (is_at && s->set_up.parts[host % NODES_MAX] == PART_PUPPET)
        return scenario_fail(s, "node %u is a puppet, which runs nothing", host);
    if (!scenario_begin(s)) return false;
    struct named_read *r = &s->reads[s->read_count++];
    memcpy(r->name, name, sizeof name);
    if (s->is_dry) return true;
    r->number = is_at ? reads_begin_at(s->world, host) : reads_begin_from(s->world, hosts);
    return true;
}

bool scenario_client_statement(struct scenario *s, bool *is_one)
{
    *is_one = true;
    if (scenario_accept(s, "reply")) return on_reply(s);
    if (scenario_accept(s, "read")) return on_read(s);
    if (scenario_accept(s, "complain")) {
        if (scenario_accept(s, "timeout")) return on_timeout(s);
        if (scenario_accept(s, "conflict")) return on_conflict(s);
        return scenario_fail(s, "\"%s\": timeout or conflict is expected", scenario_peek(s));
    }
    *is_one = false;
    return true;
}
