/* validity.c - What a follower demands of a header and of the certificates in its body.
 *
 * Certificates in bodies: each body carries the newest commit certificate and the newest result
 * certificate that its leader knows, also when the parent carried the same: a header alone then
 * tells both, and a node that starts in the middle needs no search. 0 stands for none only while
 * there is none. So along a chain final_height and res_height never fall. */
#include "consensus/consensus_int.h"

static bool is_time_fresh(const struct consensus *c, const struct block *b);
static bool is_final_cert_of_chain(struct consensus *c,
                                   const struct block *b,
                                   const struct certificate *cert);
static bool is_of_previous(const struct consensus *c, const struct certificate *cert);
static bool is_quorum(const struct consensus *c, const struct certificate *cert);
static bool is_entry_seen(const struct consensus *c,
                          const struct certificate *cert,
                          const struct certificate_entry *entry);
static bool is_entry_signed(const struct consensus *c,
                            const struct certificate *cert,
                            const struct certificate_entry *entry);

/* For a proposal of cur_view whose parent is the tip. The body's content is the runtime's. */
enum consensus_reject header_check(const struct consensus *c,
                                   const struct block *b,
                                   const struct tip *parent)
{
    const struct header *h = &b->header;
    must(h->height == parent->height + 1);
    if (!hash_equal(&h->parent, &parent->hash) || h->view < parent->view) return REJECT_PARENT;
    if (parent->is_close) return REJECT_PARENT; /* Nothing stands above it in its epoch. */
    if (h->mode != mode_for(c, h->height)) return REJECT_MODE;
    if (h->exec_version != c->config.exec_version) return REJECT_VERSION;
    if ((h->flags & ~(uint32_t)BLOCK_EPOCH_CLOSE) != 0) return REJECT_FLAGS;
    if (epoch_judge(c, h) == EPOCH_WRONG) return REJECT_FLAGS;
    if (h->tx_count > c->config.block_txs_max || h->body_size > BLOCK_BYTES_MAX)
        return REJECT_COUNTS;
    if (h->time_ms <= parent->time_ms || !is_time_fresh(c, b)) return REJECT_TIME;
    if (h->final_height < parent->final_height || h->final_height >= h->height)
        return REJECT_FINAL_CERT;
    if (h->res_height < parent->res_height || h->res_height >= h->height) return REJECT_RESULT_CERT;
    if (h->height - h->res_height > CONSENSUS_LAG_MAX) return REJECT_LAG;
    struct hash root = merkle_tree_root(tree_below(c, h->height));
    return hash_equal(&root, &h->history_root) ? REJECT_NONE : REJECT_HISTORY;
}

/* D_msg · 1.1^k: bounds that are too tight for a slow network widen with each failed view. */
uint64_t message_delay_ms(const struct consensus *c)
{
    must(c->failed_views <= FAILED_VIEWS_MAX);
    uint64_t delay = CONSENSUS_DELAY_MS;
    for (uint32_t i = 0; i < c->failed_views; i++)
        delay += delay / 10;
    return delay;
}

/* The body is valid in itself; b may be off the line. Commits what its certificate commits. */
enum consensus_reject body_check(struct consensus *c,
                                 const struct block *b,
                                 const struct consensus_event *event)
{
    const struct header *h = &b->header;
    if ((event->final_cert != NULL) != (h->final_height != 0)) return REJECT_FINAL_CERT;
    if ((event->res_cert != NULL) != (h->res_height != 0)) return REJECT_RESULT_CERT;
    if (notes_are_empty(event->notes) != hash_is_zero(&h->notes_hash)) return REJECT_NOTES;
    if (!adapt_are_notes_valid(c, h, event->notes)) return REJECT_NOTES;
    if (event->final_cert != NULL) {
        enum vote_part part = event->final_cert->part;
        if (part == VOTE_P3) return REJECT_FINAL_CERT;
        if (!certificate_is_valid(c, event->final_cert, part)) return REJECT_FINAL_CERT;
        finality_commit(c, event->final_cert);
        if (!is_final_cert_of_chain(c, b, event->final_cert)) return REJECT_FINAL_CERT;
    }
    if (event->res_cert != NULL) {
        if (!certificate_is_valid(c, event->res_cert, VOTE_P3)) return REJECT_RESULT_CERT;
        const struct hash *own = digest_at(c, h->res_height);
        bool is_other = own != NULL && !hash_equal(own, &event->res_cert->statement.hash);
        finality_on_result(c, event->res_cert);
        if (is_other) return REJECT_RESULT;
    }
    return REJECT_NONE;
}

/* Signatures that were verified as part of votes, and certificates seen before, are not verified
 * again: the certificates in bodies are made of the very votes that came here too, but for the one
 * that was too late to be of use here. */
bool certificate_is_valid(struct consensus *c, const struct certificate *cert, enum vote_part part)
{
    if (cert->part != part || cert->statement.is_null) return false;
    if (cert->statement.epoch != c->config.epoch) return is_of_previous(c, cert);
    if (c->config.fault == FAULT_INEXACT) return true; /* It could not show what it counted. */
    if (!is_quorum(c, cert)) return false;
    uint32_t seen = 0;
    while (seen < cert->entry_count && is_entry_seen(c, cert, &cert->entries[seen]))
        seen++;
    if (seen == cert->entry_count) return true;
    struct hash hash = certificate_hash(cert);
    for (uint32_t i = 0; i < CHECKED_CERTS; i++)
        if (hash_equal(&c->checked[i], &hash)) return true;
    for (uint32_t i = seen; i < cert->entry_count; i++) {
        const struct certificate_entry *entry = &cert->entries[i];
        if (!is_entry_seen(c, cert, entry) && !is_entry_signed(c, cert, entry)) return false;
    }
    c->checked[c->checked_next] = hash;
    c->checked_next = (c->checked_next + 1) % CHECKED_CERTS;
    return true;
}

/* The first bodies of an epoch show what the validators of the one before signed. */
static bool is_of_previous(const struct consensus *c, const struct certificate *cert)
{
    const struct validators *v = &c->config.previous;
    const struct signer *signer = c->config.signer;
    if (v->count == 0 || cert->statement.epoch + 1 != c->config.epoch) return false;
    if (cert->statement.height > c->base_height) return false;
    enum status st = cert->part == VOTE_P3
                         ? quorum_check_result(v, cert, signer, &c->config.chain_id)
                         : quorum_check_commit(v, cert, signer, &c->config.chain_id);
    return st == ST_OK;
}

/* Of a vote that came here too, mostly. */
bool is_late_signed(const struct consensus *c, const struct late_vote *late)
{
    struct certificate one = {.part = late->part, .statement = late->statement, .entry_count = 1};
    one.entries[0] = late->entry;
    if (late->entry.voter >= c->config.validators.count) return false;
    return is_entry_seen(c, &one, &late->entry) || is_entry_signed(c, &one, &late->entry);
}

static bool is_time_fresh(const struct consensus *c, const struct block *b)
{
    uint64_t past = message_delay_ms(c) + CONSENSUS_PREC_MS;
    uint64_t time = b->header.time_ms;
    if (time > b->wall_ms) return time - b->wall_ms <= CONSENSUS_PREC_MS;
    return b->wall_ms - time <= past;
}

/* It names an ancestor of b, as far as that can be told here. */
static bool is_final_cert_of_chain(struct consensus *c,
                                   const struct block *b,
                                   const struct certificate *cert)
{
    uint64_t height = cert->statement.height;
    if (height == c->final.height) return hash_equal(&cert->statement.hash, &c->final.hash);
    const struct block *at = b;
    while (at != NULL && at->header.height > height)
        at = block_find(c, &at->header.parent);
    return at == NULL || hash_equal(&at->hash, &cert->statement.hash);
}

/* Of enough distinct validators, if they signed. P1 are shown only to commit. */
static bool is_quorum(const struct consensus *c, const struct certificate *cert)
{
    uint32_t n = c->config.validators.count;
    uint32_t enough = cert->part == VOTE_P1 ? c->commit_p1 : c->quorum;
    if (enough == 0 || cert->entry_count < enough || cert->entry_count > n) return false;
    for (uint32_t i = 0; i < cert->entry_count; i++) {
        if (cert->entries[i].voter >= n) return false;
        if (i > 0 && cert->entries[i].voter <= cert->entries[i - 1].voter) return false;
    }
    return true;
}

/* The stored vote verified, and it says exactly this. */
static bool is_entry_seen(const struct consensus *c,
                          const struct certificate *cert,
                          const struct certificate_entry *entry)
{
    const struct vote_slot *seen = NULL;
    if (cert->part == VOTE_P3) {
        const struct vote_slot *slot = result_slot(c, entry->voter, cert->statement.height);
        if (slot->is_used) seen = slot;
    } else {
        const struct vote_slot *slots =
            vote_slots(c, entry->voter, cert->part, cert->statement.height);
        for (uint32_t i = 0; i < VOTE_VIEWS; i++)
            if (slots[i].is_used && slots[i].vote.parts[cert->part].view == cert->statement.view)
                seen = &slots[i];
    }
    if (seen == NULL) return false;
    const struct certificate_entry *cut = &seen->cut;
    return statement_equal(&seen->vote.parts[cert->part], &cert->statement, cert->part) &&
           memcmp(&cut->sig, &entry->sig, sizeof cut->sig) == 0 &&
           hash_equal(&cut->siblings[0], &entry->siblings[0]) &&
           hash_equal(&cut->siblings[1], &entry->siblings[1]);
}

static bool is_entry_signed(const struct consensus *c,
                            const struct certificate *cert,
                            const struct certificate_entry *entry)
{
    struct certificate one = {.part = cert->part, .statement = cert->statement, .entry_count = 1};
    one.entries[0] = *entry;
    return certificate_verify(&one, c->config.signer, &c->config.chain_id, &c->config.validators,
                              1) == ST_OK;
}
