/* audit_epoch.c - Whose signatures count, and what the replay says a block must be.
 *
 * The replay knows the configuration and the mode as of each height, so that nothing of a node's
 * own tables is trusted. The newest certificates of an epoch stand in the first blocks of the next:
 * the validators of the epoch before are kept. */
#include "base/must.h"
#include "consensus/evidence.h"
#include "node/audit_int.h"

static const char *why_flags(const struct audit *a, const struct header *h);
static const char *why_notes(struct audit *a, const struct body_notes *notes);

enum status audit_epoch_take(struct audit *a)
{
    struct exec_epoch epoch;
    struct arena arena;
    exec_epoch(a->exec, &epoch);
    struct chain_config *c = mem_alloc_zero(a->config->mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    arena_init(&arena, a->config->mem, 0);
    enum status st = chain_config_decode(c, &arena, epoch.config);
    if (st == ST_OK) {
        a->previous = a->validators;
        a->validators = chain_config_validators(c);
        a->epoch = c->epoch;
        a->exec_version = c->exec_version;
    }
    arena_fini(&arena);
    mem_free(a->config->mem, c);
    return st == ST_OK || st == ST_NO_MEMORY ? st : ST_CORRUPT;
}

const struct validators *audit_epoch_validators(const struct audit *a, uint64_t epoch)
{
    if (epoch == a->epoch) return &a->validators;
    return a->epoch > 0 && epoch == a->epoch - 1 ? &a->previous : NULL;
}

const char *audit_epoch_why(struct audit *a, const struct header *h, const struct body *body)
{
    if (h->epoch != a->epoch) return "the epoch is another";
    if (h->exec_version != a->exec_version) return "the exec_version is not that of the epoch";
    if (h->mode != mode_at(exec_mode(a->exec), h->height))
        return "the mode is not what follows from the blocks before";
    if (h->proposer != quorum_leader(&a->validators, h->view))
        return "the proposer did not lead the view";
    const char *what = why_flags(a, h);
    return what == NULL ? why_notes(a, &body->notes) : what;
}

/* The first block that shows a certified result of what was decided closes the epoch, no other. */
static const char *why_flags(const struct audit *a, const struct header *h)
{
    struct exec_epoch epoch;
    exec_epoch(a->exec, &epoch);
    const bool is_due = epoch.next_config.size > 0 && h->res_height >= epoch.next_from;
    const bool is_close = (h->flags & BLOCK_EPOCH_CLOSE) != 0;
    if (is_due && !is_close) return "the epoch goes on after its end";
    if (!is_due && is_close) return "the epoch is closed without a decision";
    if (!is_close) return NULL;
    const struct hash hash = chain_config_hash(epoch.next_config);
    return hash_equal(&hash, &h->next_config_hash) ? NULL : "the next configuration is another";
}

static const char *why_notes(struct audit *a, const struct body_notes *notes)
{
    for (uint32_t i = 0; i < notes->late_count; i++) {
        const struct late_vote *late = &notes->late[i];
        const struct validators *v = audit_epoch_validators(a, late->statement.epoch);
        if (v == NULL || late_vote_verify(late, a->signer, &a->chain_id, v) != ST_OK)
            return "a late vote in the body does not verify";
    }
    for (uint32_t i = 0; i < notes->evidence_count; i++) {
        struct evidence e;
        enum status st = evidence_decode(&e, notes->evidence[i]);
        const struct validators *v = st == ST_OK ? audit_epoch_validators(a, e.epoch) : NULL;
        if (v == NULL || evidence_verify(&e, v, a->signer, &a->chain_id, a->config->mem) != ST_OK)
            return "evidence in the body does not verify";
    }
    for (uint32_t i = 0; i < notes->incident_count; i++) {
        struct incident incident;
        if (incident_decode(&incident, notes->incidents[i]) != ST_OK ||
            incident_verify(&incident, a->signer, &a->chain_id) != ST_OK)
            return "an incident in the body does not verify";
    }
    return NULL;
}
