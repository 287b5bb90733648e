/* Incidents: what nodes say of damage in their own files. Told to everybody, and shown in a block
 * by whoever leads; a node keeps its own until a final block has them. */
#include "node/core_int.h"

#define INCIDENT_AGAIN_MS 2000u  /* A block that showed it may have lost its view. */
#define INCIDENT_TELL_MS  10000u /* Own ones are told again: a full queue loses a message. */
#define INCIDENT_LATE_MS  2000u  /* A block should have shown it by then… */
#define INCIDENT_BLAME_MS 10000u /* … and until then its leader is to blame. */
#define INCIDENT_SHARE    16u    /* Of the places: what one node may take. */

static bool is_newer(const struct core_incident *known, const struct incident *i)
{
    return incident_is_same(&known->view, i) && known->view.state >= i->state;
}

static bool is_known(const struct core *c, const struct incident *i, const struct hash *hash)
{
    for (uint32_t k = 0; k < c->incident_count; k++)
        if (is_newer(&c->incidents[k], i)) return true;
    for (uint32_t k = 0; k < CORE_INCIDENTS_SEEN; k++)
        if (hash_equal(&c->incidents_seen[k], hash)) return true;
    return false;
}

static bool is_of_epoch(const struct core *c, const struct incident *i)
{
    const struct chain_config *config = &c->epoch.config;
    return chain_config_find_key(config, &i->node) < config->node_count;
}

static void remove_at(struct core *c, uint32_t k)
{
    c->incidents[k] = c->incidents[--c->incident_count];
    c->incidents[k].view.place.data = c->incidents[k].bytes + c->incidents[k].place_at;
}

/* Of the same find only the newest word counts. */
static struct core_incident *place_for(struct core *c, const struct incident *i, bool is_own)
{
    uint32_t share = 0;
    for (uint32_t k = 0; k < c->incident_count; k++) {
        if (incident_is_same(&c->incidents[k].view, i)) return &c->incidents[k];
        if (public_key_equal(&c->incidents[k].view.node, &i->node)) share++;
    }
    if (c->incident_count == CORE_INCIDENTS_MAX) return NULL;
    if (share >= INCIDENT_SHARE && !is_own) return NULL;
    return &c->incidents[c->incident_count++];
}

static void remember(struct core *c, struct span bytes, bool is_own)
{
    struct incident i;
    if (bytes.size > INCIDENT_SIZE_MAX || incident_decode(&i, bytes) != ST_OK) return;
    struct core_incident *p = place_for(c, &i, is_own);
    if (p == NULL) return;
    *p = (struct core_incident){.size = bytes.size, .is_own = is_own, .known_ms = c->mono_ms};
    memcpy(p->bytes, bytes.data, bytes.size);
    enum status st = incident_decode(&p->view, span_of(p->bytes, p->size));
    must(st == ST_OK);
    p->place_at = (size_t)(p->view.place.data - p->bytes);
}

static void encode(struct core *c, struct span bytes)
{
    buf_reset(&c->out);
    wire_begin(&c->out, WIRE_INCIDENT);
    buf_put(&c->out, bytes);
}

void core_incident_own(struct core *c, struct span bytes)
{
    if (c->has_failed) return;
    remember(c, bytes, true);
    encode(c, bytes);
    core_send_all(c, CORE_BULK);
}

void core_incident_found(struct core *c, const struct incident *found)
{
    uint8_t bytes[INCIDENT_SIZE_MAX];
    struct buf out;
    struct incident i = *found;
    const struct consensus_config *config = &c->config.engine;
    if (c->has_failed) return;
    i.chain_id = config->chain_id;
    if (sign_public(config->signer, &i.node, &config->node_key) != ST_OK) return;
    const struct hash hash = incident_hash(&i);
    if (sign_hash(config->signer, &i.sig, &config->node_key, &hash) != ST_OK) return;
    buf_init_fixed(&out, bytes, sizeof bytes);
    incident_encode(&out, &i);
    must(buf_status(&out) == ST_OK);
    if (c->ports->keep_incident != NULL)
        c->ports->keep_incident(c->ports->context, &i, buf_span(&out));
    core_incident_own(c, buf_span(&out));
}

/* ST_INVALID: no correct node says that. */
enum status core_on_incident(struct core *c, struct span bytes)
{
    struct incident i;
    const struct consensus_config *config = &c->config.engine;
    if (incident_decode(&i, bytes) != ST_OK) return ST_INVALID;
    const struct hash hash = incident_hash(&i);
    /* Another epoch may know the node; own ones come back through others. */
    if (is_known(c, &i, &hash) || !is_of_epoch(c, &i)) return ST_OK;
    if (incident_verify(&i, config->signer, &config->chain_id) != ST_OK) return ST_INVALID;
    remember(c, bytes, false);
    encode(c, bytes);
    core_send_all(c, CORE_BULK);
    return ST_OK;
}

void core_incidents_to(struct core *c, uint32_t peer)
{
    for (uint32_t k = 0; k < c->incident_count; k++) {
        encode(c, span_of(c->incidents[k].bytes, c->incidents[k].size));
        core_send(c, peer, CORE_BULK);
    }
}

void core_incidents_tick(struct core *c)
{
    if (c->incident_count == 0 || c->mono_ms - c->incidents_told_ms < INCIDENT_TELL_MS) return;
    c->incidents_told_ms = c->mono_ms;
    for (uint32_t i = 0; i < CORE_PEERS_MAX; i++)
        if (core_is_usable(c, i)) core_incidents_to(c, i);
}

/* --- in blocks ------------------------------------------------------------------------------- */

static bool is_worth_showing(const struct core *c, const struct core_incident *p)
{
    if (c->epoch.config.exec_version < EXEC_INCIDENTS_SINCE || !is_of_epoch(c, &p->view))
        return false;
    return p->shown_ms == 0 || c->mono_ms - p->shown_ms >= INCIDENT_AGAIN_MS;
}

bool core_incidents_wait(const struct core *c)
{
    for (uint32_t k = 0; k < c->incident_count; k++)
        if (is_worth_showing(c, &c->incidents[k])) return true;
    return false;
}

bool core_incidents_are_late(const struct core *c)
{
    for (uint32_t k = 0; k < c->incident_count; k++) {
        const struct core_incident *p = &c->incidents[k];
        const uint64_t age = c->mono_ms - p->known_ms;
        if (age >= INCIDENT_LATE_MS && age < INCIDENT_BLAME_MS && is_worth_showing(c, p))
            return true;
    }
    return false;
}

void core_incidents_choose(struct core *c, struct body_notes *notes)
{
    notes->incident_count = 0;
    for (uint32_t k = 0; k < c->incident_count; k++) {
        struct core_incident *p = &c->incidents[k];
        if (notes->incident_count == BLOCK_INCIDENTS_MAX || !is_worth_showing(c, p)) continue;
        p->shown_ms = c->mono_ms + 1;
        notes->incidents[notes->incident_count++] = span_of(p->bytes, p->size);
    }
}

/* Every voter comes to the same answer: keys of the epoch, and nothing else, decide. */
enum status core_incidents_check(const struct core *c,
                                 const struct header *h,
                                 const struct body_notes *notes)
{
    struct incident all[BLOCK_INCIDENTS_MAX];
    const struct consensus_config *config = &c->config.engine;
    if (notes == NULL || notes->incident_count == 0) return ST_OK;
    if (h->exec_version < EXEC_INCIDENTS_SINCE || h->epoch != config->epoch) return ST_INVALID;
    for (uint32_t i = 0; i < notes->incident_count; i++) {
        if (incident_decode(&all[i], notes->incidents[i]) != ST_OK) return ST_INVALID;
        if (!is_of_epoch(c, &all[i])) return ST_INVALID;
        for (uint32_t k = 0; k < i; k++)
            if (incident_is_same(&all[k], &all[i])) return ST_INVALID;
        if (incident_verify(&all[i], config->signer, &config->chain_id) != ST_OK) return ST_INVALID;
    }
    return ST_OK;
}

void core_incidents_final(struct core *c, const struct core_block *b)
{
    for (uint32_t i = 0; b->notes != NULL && i < b->notes->incident_count; i++) {
        struct incident final;
        if (incident_decode(&final, b->notes->incidents[i]) != ST_OK) continue;
        c->incidents_seen[c->incidents_seen_next++ % CORE_INCIDENTS_SEEN] = incident_hash(&final);
        for (uint32_t k = c->incident_count; k > 0; k--) {
            const struct core_incident *p = &c->incidents[k - 1];
            if (!incident_is_same(&p->view, &final) || p->view.state > final.state) continue;
            if (p->is_own && c->ports->drop_incident != NULL)
                c->ports->drop_incident(c->ports->context, &p->view);
            remove_at(c, k - 1);
        }
    }
}
