/* Order of the checks: form, links and roots, history tree, certificates, spans and duplicates,
 * then the replay with its digest. The first thing wrong in a block is reported; after a block that
 * cannot be replayed only form and signatures of the rest are looked at. */
#include "base/must.h"
#include "node/audit_int.h"
#include "node/replay.h"

static bool check_header(struct audit *a,
                         const struct flow_block *b,
                         const struct body *body,
                         const struct damage *place);
static bool check_certificates(struct audit *a,
                               const struct flow_block *b,
                               const struct body *body,
                               const struct damage *place);
static bool check_span(struct audit *a, const struct flow_block *b, const struct damage *place);
static enum status replay(struct audit *a, struct flow_block *b, const struct damage *place);
static void check_result(struct audit *a, const struct flow_block *b);

static const struct hash *recent(const struct hash *ring, uint64_t height, uint64_t newest)
{
    bool is_kept = height > 0 && height <= newest && newest - height < CONSENSUS_LAG_MAX;
    return is_kept ? &ring[height % CONSENSUS_LAG_MAX] : NULL;
}

static bool check_header(struct audit *a,
                         const struct flow_block *b,
                         const struct body *body,
                         const struct damage *place)
{
    const char *what = NULL;
    struct arena scratch;
    arena_init(&scratch, a->config->mem, 0);
    bool is_first = a->parent.height == 0;
    struct block_parts parts = {.header = &b->header, .body = body, .txs = b->views};
    enum status st = block_check(&parts, is_first ? NULL : &a->parent,
                                 is_first ? &a->chain_id : &a->parent_hash, &scratch, &what);
    arena_fini(&scratch);
    if (st == ST_NO_MEMORY) what = "out of memory";
    struct hash history = merkle_tree_root(&a->history);
    if (what == NULL && !hash_equal(&history, &b->header.history_root))
        what = "the history root is not that of the blocks before";
    if (what == NULL) what = audit_epoch_why(a, &b->header, body);
    if (what == NULL) return true;
    audit_found(a, place, b->header.height, "%s", what);
    return false;
}

static bool check_certificates(struct audit *a,
                               const struct flow_block *b,
                               const struct body *body,
                               const struct damage *place)
{
    const uint64_t newest = a->parent.height;
    const char *what = NULL;
    if (body->has_final_cert) {
        const struct statement *s = &body->final_cert.statement;
        const struct hash *hash = recent(a->hashes, s->height, newest);
        const struct validators *v = audit_epoch_validators(a, s->epoch);
        if (v == NULL ||
            quorum_check_commit(v, &body->final_cert, a->signer, &a->chain_id) != ST_OK)
            what = "the commit certificate in the body does not verify";
        else if (hash == NULL || !hash_equal(hash, &s->hash))
            what = "the commit certificate in the body is for another block";
        else if (s->height > a->certified_height)
            a->certified_height = s->height;
        a->report->certificates += body->final_cert.entry_count;
    }
    if (what == NULL && body->has_res_cert) {
        const struct statement *s = &body->res_cert.statement;
        const struct hash *digest = recent(a->digests, s->height, newest);
        const struct validators *v = audit_epoch_validators(a, s->epoch);
        if (v == NULL || quorum_check_result(v, &body->res_cert, a->signer, &a->chain_id) != ST_OK)
            what = "the execution certificate in the body does not verify";
        else if (digest == NULL || !hash_equal(digest, &s->hash))
            what = "the certified result is not what the replay gives";
        else if (s->height > a->result_height)
            a->result_height = s->height;
        a->report->certificates += body->res_cert.entry_count;
    }
    if (what == NULL) return true;
    audit_found(a, place, b->header.height, "%s", what);
    return false;
}

static bool check_span(struct audit *a, const struct flow_block *b, const struct damage *place)
{
    for (uint32_t i = 0; i < b->tx_count; i++) {
        const char *what = NULL;
        if (!hash_equal(&b->views[i].chain_id, &a->chain_id))
            what = "is for another chain";
        else if (tx_check_span(&b->views[i], b->header.time_ms, b->header.height) != ST_OK)
            what = "is outside its span of validity";
        else if (txset_find(a->span, &b->txids[i]) != 0)
            what = "stands in an earlier block too";
        if (what == NULL) continue;
        audit_found(a, place, b->header.height, "transaction %u %s", i, what);
        return false;
    }
    return true;
}

/* The same without what no digest binds: that of a node that had it from others. */
static bool is_stripped(const struct audit *a, struct span replayed, struct span stored)
{
    struct buf stripped;
    struct arena arena;
    struct exec_record record;
    buf_init(&stripped, a->config->mem, 0);
    arena_init(&arena, a->config->mem, 0);
    bool is_same = exec_record_decode(&record, &arena, replayed) == ST_OK;
    if (is_same) exec_record_strip(&stripped, &record);
    is_same = is_same && span_equal(buf_span(&stripped), stored);
    arena_fini(&arena);
    buf_fini(&stripped);
    return is_same;
}

/* The stored result of the height must be the one the replay gives, byte by byte. */
static void check_result(struct audit *a, const struct flow_block *b)
{
    struct buf stored;
    struct damage place = {.file = "results"};
    if (a->store == NULL) return;
    buf_init(&stored, a->config->mem, 0);
    enum status st = store_read_result(a->store, b->header.height, &stored, &place);
    /* Damaged bytes are found by the scan. Results are synced before the state's checkpoint: only
     * above the height of the state file may they be absent. */
    const bool is_same = st == ST_OK && (span_equal(buf_span(&stored), b->outcome.record) ||
                                         is_stripped(a, b->outcome.record, buf_span(&stored)));
    if (st == ST_OK && !is_same)
        audit_found(a, &place, b->header.height, "the stored result is not what the replay gives");
    else if (st == ST_NOT_FOUND && b->header.height <= a->report->state_height)
        audit_found(a, &place, b->header.height, "the stored result is missing");
    buf_fini(&stored);
}

static enum status replay(struct audit *a, struct flow_block *b, const struct damage *place)
{
    struct exec_block in = {.header = &b->header,
                            .facts = &b->facts,
                            .incidents = b->incidents,
                            .incident_count = b->incident_count,
                            .hash = b->hash,
                            .txs = b->views,
                            .tx_count = b->tx_count};
    enum status st = exec_apply(a->exec, &in, &b->outcome);
    if (st == ST_NO_MEMORY || st == ST_NO_SPACE || st == ST_IO) return st;
    if (st != ST_OK) {
        audit_found(a, place, b->header.height, "the block cannot be replayed: %s",
                    status_text(st));
        a->is_broken = true;
        return ST_OK;
    }
    a->digests[b->header.height % CONSENSUS_LAG_MAX] = b->outcome.digest;
    a->report->digest = b->outcome.digest;
    check_result(a, b);
    if (b->outcome.begun_config.size > 0) TRY(audit_epoch_take(a));
    TRY(audit_rows_compare(a->stored_rows, b->header.height));
    return audit_state_compare(a->state, b->header.height);
}

static enum status advance(struct audit *a, const struct flow_block *b)
{
    struct hash leaf = merkle_leaf(hash_span(&b->hash));
    merkle_tree_add(&a->history, &leaf);
    a->parent = b->header;
    a->parent_hash = b->hash;
    a->hashes[b->header.height % CONSENSUS_LAG_MAX] = b->hash;
    a->report->height = b->header.height;
    a->report->transactions += b->tx_count;
    if (a->config->progress != NULL) a->config->progress(a->config->context, b->header.height);
    txset_expire(a->span, b->header.height, b->header.time_ms);
    return txset_add_block(a->span, b->header.height, b->header.time_ms, b->txids, b->tx_count);
}

static enum status check_block(struct audit *a,
                               struct flow_block *b,
                               struct span body_bytes,
                               const struct damage *place)
{
    struct body *body = arena_alloc_zero(&b->outcome.arena, 1, sizeof *body);
    if (body == NULL) return ST_NO_MEMORY;
    TRY(body_decode(body, &b->outcome.arena, body_bytes));
    bool is_sound = check_header(a, b, body, place) && check_certificates(a, b, body, place) &&
                    check_span(a, b, place);
    if (!is_sound) a->is_broken = true;
    if (a->is_broken) return ST_OK;
    TRY(replay(a, b, place));
    return a->is_broken ? ST_OK : advance(a, b);
}

enum status audit_block(struct audit *a,
                        uint64_t height,
                        struct span block,
                        const struct damage *place)
{
    struct flow_block *b = NULL;
    struct span header;
    struct span body;
    enum status st = replay_decode(&b, a->config->mem, block);
    if (st == ST_NO_MEMORY) return st;
    if (st != ST_OK) {
        audit_found(a, place, height, "the block cannot be decoded: %s", status_text(st));
        a->is_broken = true;
        return ST_OK;
    }
    if (!a->is_broken && height != a->parent.height + 1) {
        audit_found(a, place, height, "the blocks before it are missing, from height %llu on",
                    (unsigned long long)a->parent.height + 1);
        a->is_broken = true;
    }
    if (!a->is_broken) {
        st = block_split(block, &header, &body);
        must(st == ST_OK); /* replay_decode has done so. */
        st = check_block(a, b, body, place);
    }
    audit_signatures_add(a->signatures, b, place);
    return st;
}
