/* joining_history.c - Blocks and their results, in pairs, from one peer at a time.
 *
 * Pairs wait in a window until both are proved (J1): the block by a certificate on it or above it,
 * as the answers and the bodies show them; the result by the digest that a proved header or a
 * certificate names. What proves wrong costs the peer that gave it everything it gave. */
#include <stdio.h>

#include "base/must.h"
#include "codec/cbor.h"
#include "node/joining_int.h"
#include "node/replay.h"

#define EPOCHS_TABLE  22u
#define EPOCH_COLUMNS 6u

static enum status find_config(struct joining *j, uint64_t epoch);
static enum status use_config(struct joining *j, struct span bytes, uint64_t epoch);
static enum status read_base(struct joining *j, uint64_t height);
static enum status take_pair(struct joining *j,
                             uint32_t peer,
                             struct span block,
                             struct span record);
static void prove(struct joining *j, uint32_t peer);
static enum status append(struct joining *j, uint32_t count);
static void cut(struct joining *j, uint32_t from);

/* --- the beginning ---------------------------------------------------------------------------- */

enum status joining_history_open(struct joining *j)
{
    struct store *store = j->config->store;
    uint64_t height = store_height(store);
    if (store_result_height(store) < height) height = store_result_height(store);
    j->window = mem_alloc_zero(j->config->mem, JOINING_WINDOW, sizeof *j->window);
    if (j->window == NULL) return ST_NO_MEMORY;
    TRY(read_base(j, height));
    j->first = height + 1;
    uint64_t epoch = j->parent.epoch;
    if ((j->parent.flags & BLOCK_EPOCH_CLOSE) != 0) epoch++;
    enum status st = find_config(j, epoch);
    if (st == ST_NOT_FOUND) j->why = "the configuration of its newest block is not known here";
    TRY(st);
    const bool is_member = node_keys_find(j->config->keys, j->nodes) < j->config->keys->count;
    if (j->nodes->node_count == is_member) {
        j->why = "there is no other node";
        return ST_NOT_FOUND;
    }
    buf_reset(&j->next_config);
    st = joining_read(j, "next", &j->next_config); /* Decided, in a run before. */
    if (st == ST_NOT_FOUND) buf_reset(&j->next_config);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

void joining_history_fini(struct joining *j)
{
    if (j->window == NULL) return;
    cut(j, 0);
    mem_free(j->config->mem, j->window);
    j->window = NULL;
    mem_free(j->config->mem, j->nodes);
    j->nodes = NULL;
}

/* Header and digest of what stands in the store; of height 0, of the genesis. */
static enum status read_base(struct joining *j, uint64_t height)
{
    struct buf bytes;
    struct arena arena;
    struct exec_record record;
    struct span header = {0};
    struct span body = {0};
    j->before = j->config->chain_id;
    j->digest = j->config->genesis_digest;
    if (height == 0) return ST_OK;
    buf_init(&bytes, j->config->mem, 0);
    arena_init(&arena, j->config->mem, 0);
    enum status st = store_read_block(j->config->store, height, &bytes, NULL);
    if (st == ST_OK && block_split(buf_span(&bytes), &header, &body) != ST_OK) st = ST_CORRUPT;
    if (st == ST_OK) {
        struct cbor in = cbor_of(header);
        header_decode(&j->parent, &in);
        if (cbor_end(&in) != ST_OK) st = ST_CORRUPT;
        j->before = header_hash(&j->parent);
    }
    buf_reset(&bytes);
    if (st == ST_OK) st = store_read_result(j->config->store, height, &bytes, NULL);
    if (st == ST_OK) st = exec_record_decode(&record, &arena, buf_span(&bytes));
    if (st == ST_OK) j->digest = record.digest;
    arena_fini(&arena);
    buf_fini(&bytes);
    return st == ST_INVALID || st == ST_TRUNCATED ? ST_CORRUPT : st;
}

static enum status use_config(struct joining *j, struct span bytes, uint64_t epoch)
{
    struct arena arena;
    struct chain_config *config = mem_alloc(j->config->mem, sizeof *config);
    if (config == NULL) return ST_NO_MEMORY;
    arena_init(&arena, j->config->mem, 0);
    enum status st = chain_config_decode(config, &arena, bytes);
    if (st == ST_OK && config->epoch != epoch) st = ST_NOT_FOUND;
    if (st != ST_OK) {
        arena_fini(&arena);
        mem_free(j->config->mem, config);
        return st == ST_NO_MEMORY ? st : ST_NOT_FOUND;
    }
    mem_free(j->config->mem, j->nodes);
    arena_fini(&j->config_arena);
    j->config_arena = arena;
    j->nodes = config;
    j->validators = chain_config_validators(config);
    j->commit.entry_count = j->result.entry_count = 0;
    return ST_OK;
}

/* That of the own state, of the genesis, or of a run before. */
static enum status find_config(struct joining *j, uint64_t epoch)
{
    static const char *const names[] = {"epoch", "next"};
    struct buf bytes;
    enum status st = use_config(j, j->config->config, epoch);
    if (st != ST_NOT_FOUND) return st;
    buf_init(&bytes, j->config->mem, 0);
    if (epoch == 0) {
        struct chain_config *first = mem_alloc(j->config->mem, sizeof *first);
        if (first == NULL) return ST_NO_MEMORY;
        chain_config_of_genesis(first, j->config->genesis);
        chain_config_encode(&bytes, first);
        mem_free(j->config->mem, first);
        st = buf_status(&bytes);
        if (st == ST_OK) st = use_config(j, buf_span(&bytes), epoch);
    }
    for (size_t i = 0; i < 2 && st == ST_NOT_FOUND; i++) {
        buf_reset(&bytes);
        st = joining_read(j, names[i], &bytes);
        if (st == ST_OK) st = use_config(j, buf_span(&bytes), epoch);
    }
    buf_fini(&bytes);
    return st;
}

uint64_t joining_height(const struct joining *j)
{
    return j->first - 1;
}

bool joining_history_is_near(const struct joining *j)
{
    return j->seen_final > 0 && joining_height(j) + JOINING_NEAR >= j->seen_final;
}

/* --- the window ------------------------------------------------------------------------------- */

static void free_piece(struct piece *p)
{
    flow_block_free(p->block);
    buf_fini(&p->bytes);
    buf_fini(&p->record);
    *p = (struct piece){.block = NULL};
}

static void cut(struct joining *j, uint32_t from)
{
    while (j->count > from)
        free_piece(&j->window[--j->count]);
}

static void shift(struct joining *j, uint32_t count)
{
    must(count <= j->count);
    for (uint32_t i = 0; i < count; i++)
        free_piece(&j->window[i]);
    j->count -= count;
    j->first += count;
    memmove(&j->window[0], &j->window[count], j->count * sizeof j->window[0]);
}

/* --- one pair --------------------------------------------------------------------------------- */

static bool is_newer(const struct certificate *old, const struct certificate *c, uint64_t epoch)
{
    if (c->statement.epoch != epoch) return false;
    return old->entry_count == 0 || c->statement.height > old->statement.height;
}

static void note_certificates(struct joining *j, const struct body *body, uint32_t from)
{
    const uint64_t epoch = j->nodes->epoch;
    if (body->has_final_cert && body->final_cert.part != VOTE_P3 &&
        is_newer(&j->commit, &body->final_cert, epoch)) {
        j->commit = body->final_cert;
        j->commit_from = from;
    }
    if (body->has_res_cert && is_newer(&j->result, &body->res_cert, epoch))
        j->result = body->res_cert;
}

/* Form, roots, link. */
static enum status check_block(struct joining *j,
                               const struct flow_block *b,
                               struct span bytes,
                               uint32_t from)
{
    const char *what = NULL;
    struct arena arena;
    struct span header = {0};
    struct span encoded = {0};
    const struct piece *last = j->count == 0 ? NULL : &j->window[j->count - 1];
    const struct hash *before = last == NULL ? &j->before : &last->block->hash;
    const struct header *parent = last == NULL ? &j->parent : &last->block->header;
    if (b->header.height != j->first + j->count) return ST_INVALID;
    if (!hash_equal(&b->header.parent, before)) return ST_INVALID;
    arena_init(&arena, j->config->mem, 0);
    struct body *body = arena_alloc_zero(&arena, 1, sizeof *body);
    enum status st = body == NULL ? ST_NO_MEMORY : block_split(bytes, &header, &encoded);
    if (st == ST_OK) st = body_decode(body, &arena, encoded);
    if (st == ST_OK) {
        const struct block_parts parts = {.header = &b->header, .body = body, .txs = b->views};
        st = block_check(&parts, parent->height == 0 ? NULL : parent, before, &arena, &what);
    }
    if (st == ST_OK && !hash_equal(&b->header.chain_id, &j->config->chain_id)) st = ST_INVALID;
    if (st == ST_OK) note_certificates(j, body, from);
    arena_fini(&arena);
    return st == ST_OK || st == ST_NO_MEMORY ? st : ST_INVALID;
}

static enum status receipts_root(const struct exec_record *r, struct arena *a, struct hash *out)
{
    struct hash *leaves = arena_alloc_zero(a, (size_t)r->receipt_count + 1, sizeof *leaves);
    if (leaves == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < r->receipt_count; i++)
        leaves[i] = receipt_leaf(r->receipts[i]);
    *out = merkle_root(leaves, r->receipt_count);
    return ST_OK;
}

static enum status writeset_root(struct span write_set, struct arena *a, struct hash *out)
{
    struct cbor in = cbor_of(write_set);
    const uint64_t count = cbor_get_array(&in);
    *out = (struct hash){{0}};
    if (in.status != ST_OK) return ST_INVALID;
    if (count == 0) return cbor_end(&in);
    struct hash *leaves = arena_alloc_zero(a, (size_t)count, sizeof *leaves);
    if (leaves == NULL) return ST_NO_MEMORY;
    for (uint64_t i = 0; i < count && in.status == ST_OK; i++)
        leaves[i] = merkle_leaf(cbor_get_item(&in, 2));
    TRY(cbor_end(&in));
    *out = merkle_root(leaves, (size_t)count);
    return ST_OK;
}

/* Everything that the digest binds; the digest itself is proved later. */
static enum status check_record(struct joining *j,
                                const struct flow_block *b,
                                const struct exec_record *r,
                                struct arena *a)
{
    struct hash receipts;
    struct hash writes;
    const struct piece *last = j->count == 0 ? NULL : &j->window[j->count - 1];
    const struct hash *before = last == NULL ? &j->digest : &last->digest;
    if (r->result.height != b->header.height) return ST_INVALID;
    if (!hash_equal(&r->result.block_hash, &b->hash)) return ST_INVALID;
    if (!hash_equal(&r->digest_before, before)) return ST_INVALID;
    if (r->receipt_count != b->tx_count) return ST_INVALID;
    TRY(receipts_root(r, a, &receipts));
    TRY(writeset_root(r->rows.write_set, a, &writes));
    const bool is_right = hash_equal(&receipts, &r->result.receipts_root) &&
                          hash_equal(&writes, &r->result.writeset_root);
    return is_right ? ST_OK : ST_INVALID;
}

/* p takes what it is given. */
static enum status fill_piece(struct joining *j, struct piece *p, struct span block, struct span r)
{
    struct arena arena;
    struct exec_record record;
    arena_init(&arena, j->config->mem, 0);
    enum status st = replay_decode(&p->block, j->config->mem, block);
    if (st == ST_OK) st = check_block(j, p->block, block, p->sender);
    if (st == ST_OK) st = exec_record_decode(&record, &arena, r);
    if (st == ST_OK) st = check_record(j, p->block, &record, &arena);
    if (st == ST_OK) {
        exec_record_strip(&p->record, &record);
        p->digest = record.digest;
        buf_put(&p->bytes, block);
        st = buf_status(&p->record);
    }
    if (st == ST_OK) st = buf_status(&p->bytes);
    arena_fini(&arena);
    return st;
}

static enum status take_pair(struct joining *j,
                             uint32_t peer,
                             struct span block,
                             struct span record)
{
    must(j->count < JOINING_WINDOW);
    struct piece *p = &j->window[j->count];
    *p = (struct piece){.sender = peer};
    buf_init(&p->bytes, j->config->mem, 0);
    buf_init(&p->record, j->config->mem, 0);
    enum status st = fill_piece(j, p, block, record);
    if (st == ST_OK) {
        j->count++;
        return ST_OK;
    }
    free_piece(p);
    return st == ST_NO_MEMORY ? st : ST_INVALID;
}

/* --- proof ------------------------------------------------------------------------------------ */

static bool covers(const struct joining *j, uint64_t height)
{
    return height >= j->first && height - j->first < j->count;
}

static void blame(struct joining *j, uint32_t peer, const char *what)
{
    cut(j, 0);
    j->commit.entry_count = j->result.entry_count = 0;
    joining_lie(j, peer, what);
}

/* Height up to which blocks are proved, by the newest certificate that covers some; 0: none. */
static uint64_t proved_blocks(struct joining *j)
{
    struct certificate *c = &j->commit;
    if (c->entry_count == 0 || !covers(j, c->statement.height)) return 0;
    const struct piece *p = &j->window[c->statement.height - j->first];
    const enum status st =
        quorum_check_commit(&j->validators, c, j->config->signer, &j->config->chain_id);
    if (st == ST_OK && hash_equal(&c->statement.hash, &p->block->hash)) return c->statement.height;
    const uint32_t liar = st == ST_OK ? p->sender : j->commit_from;
    blame(j, liar, st == ST_OK ? "blocks that no quorum has committed" : "a false certificate");
    return 0;
}

/* The digest at height is what a quorum says: True, or its giver lied. */
static bool is_digest(struct joining *j, uint64_t height, const struct hash *digest)
{
    const struct piece *p = &j->window[height - j->first];
    if (hash_equal(&p->digest, digest)) return true;
    blame(j, p->sender, "results that no quorum has signed");
    return false;
}

/* Height up to which results are proved; 0: none. blocks: those are. */
static uint64_t proved_results(struct joining *j, uint64_t blocks)
{
    uint64_t proved = 0;
    for (uint64_t h = j->first; h <= blocks; h++) {
        const struct header *header = &j->window[h - j->first].block->header;
        if (header->res_height <= proved || !covers(j, header->res_height)) continue;
        if (!is_digest(j, header->res_height, &header->res_digest)) return 0;
        proved = header->res_height;
    }
    const struct certificate *c = &j->result;
    if (c->entry_count == 0 || c->statement.height <= proved || !covers(j, c->statement.height))
        return proved;
    if (quorum_check_result(&j->validators, c, j->config->signer, &j->config->chain_id) != ST_OK) {
        j->result.entry_count = 0; /* Of a body that no quorum has, or of the answer: no matter. */
        return proved;
    }
    return is_digest(j, c->statement.height, &c->statement.hash) ? c->statement.height : 0;
}

/* The first block of another epoch: nothing from there on can be proved yet. */
static uint64_t last_of_epoch(const struct joining *j)
{
    for (uint32_t i = 0; i < j->count; i++)
        if (j->window[i].block->header.epoch != j->nodes->epoch) return j->first + i - 1;
    return j->first + j->count - 1;
}

/* The closing block names the next configuration; the rows of the results show it. */
static enum status begin_epoch(struct joining *j, const struct header *close)
{
    const struct hash hash = chain_config_hash(buf_span(&j->next_config));
    const uint64_t epoch = j->nodes->epoch + 1;
    if (j->next_config.size == 0 || !hash_equal(&hash, &close->next_config_hash)) return ST_CORRUPT;
    TRY(joining_write(j, "epoch", buf_span(&j->next_config)));
    TRY(use_config(j, buf_span(&j->next_config), epoch));
    buf_reset(&j->next_config);
    j->is_peers_stale = true;
    /* What the window shows of the new epoch. */
    for (uint32_t i = 0; i < j->count; i++) {
        struct span header = {0};
        struct span encoded = {0};
        struct arena arena;
        arena_init(&arena, j->config->mem, 0);
        struct body *body = arena_alloc_zero(&arena, 1, sizeof *body);
        enum status st = body == NULL ? ST_NO_MEMORY : ST_OK;
        if (st == ST_OK) st = block_split(buf_span(&j->window[i].bytes), &header, &encoded);
        if (st == ST_OK) st = body_decode(body, &arena, encoded);
        if (st == ST_OK) note_certificates(j, body, j->window[i].sender);
        arena_fini(&arena);
        TRY(st);
    }
    return ST_OK;
}

static void prove(struct joining *j, uint32_t peer)
{
    const uint64_t before = joining_height(j);
    bool is_going = true;
    while (is_going && j->count > 0 && j->status == ST_OK) {
        const uint64_t last = last_of_epoch(j);
        uint64_t height = proved_blocks(j);
        const uint64_t results = height == 0 || j->count == 0 ? 0 : proved_results(j, height);
        if (results < height) height = results;
        if (height > last) height = last;
        is_going = height >= j->first && j->count > 0;
        if (!is_going) break;
        const struct header close = j->window[height - j->first].block->header;
        enum status st = append(j, (uint32_t)(height - j->first + 1));
        if (st == ST_OK && (close.flags & BLOCK_EPOCH_CLOSE) != 0) st = begin_epoch(j, &close);
        if (st != ST_OK) joining_fail(j, st, NULL);
    }
    if (joining_height(j) > before) joining_progress(j);
    if (j->count == JOINING_WINDOW) blame(j, peer, "blocks without the word of a quorum");
}

/* --- the store -------------------------------------------------------------------------------- */

/* A row of trustsql.epochs: the configuration that may follow. */
static enum status note_config(struct joining *j, struct span entry)
{
    struct cbor in = cbor_of(entry);
    cbor_expect_array(&in, 3);
    if (cbor_get_uint(&in) != EPOCHS_TABLE) return ST_OK;
    (void)cbor_get_item(&in, 1);
    if (cbor_get_null(&in)) return ST_OK;
    cbor_expect_array(&in, EPOCH_COLUMNS);
    const uint64_t epoch = cbor_get_uint(&in);
    (void)cbor_get_item(&in, 0); /* Its first height, or null. */
    (void)cbor_get_bytes(&in);
    const struct span config = cbor_get_bytes(&in);
    if (in.status != ST_OK || epoch != j->nodes->epoch + 1) return ST_OK;
    buf_reset(&j->next_config);
    buf_put(&j->next_config, config);
    TRY(buf_status(&j->next_config));
    return joining_write(j, "next", config);
}

static enum status note_configs(struct joining *j, struct span record)
{
    struct arena arena;
    struct exec_record r;
    arena_init(&arena, j->config->mem, 0);
    enum status st = exec_record_decode(&r, &arena, record);
    struct cbor in = cbor_of(r.rows.write_set);
    const uint64_t count = st == ST_OK ? cbor_get_array(&in) : 0;
    for (uint64_t i = 0; i < count && st == ST_OK; i++)
        st = note_config(j, cbor_get_item(&in, 2));
    arena_fini(&arena);
    return st;
}

static enum status append_one(struct joining *j, const struct piece *p)
{
    struct store *store = j->config->store;
    const struct flow_block *b = p->block;
    const struct store_block block = {.height = b->header.height,
                                      .hash = b->hash,
                                      .bytes = buf_span(&p->bytes),
                                      .txids = b->txids,
                                      .tx_count = b->tx_count};
    TRY(note_configs(j, buf_span(&p->record)));
    if (block.height > store_height(store)) TRY(store_append(store, &block));
    TRY(store_append_result(store, block.height, buf_span(&p->record)));
    j->before = b->hash;
    j->parent = b->header;
    j->digest = p->digest;
    if (!store_wants_settle(store)) return ST_OK;
    TRY(store_settle(store));
    return store_results_sync(store);
}

static enum status append(struct joining *j, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        TRY(append_one(j, &j->window[i]));
    shift(j, count);
    return ST_OK;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void ask(struct joining *j)
{
    const uint32_t peer = joining_next_peer(j, NULL);
    if (peer == JOINING_NOBODY) return;
    j->history_id = ++j->serial;
    j->history_peer = peer;
    j->history_until_ms = j->now_ms + JOINING_ASK_MS;
    j->out->kind = WIRE_GET_HISTORY;
    j->out->get_history =
        (struct wire_get_chain){.id = j->history_id, .height = j->first + j->count};
    if (!joining_send(j, peer)) {
        j->history_id = 0;
        j->history_until_ms = j->now_ms + JOINING_REST_MS;
    }
    j->next_peer = peer; /* The same again, as long as it answers. */
}

static bool is_large_open(const struct joining *j)
{
    return j->large[0].is_open || j->large[1].is_open;
}

static void close_large(struct joining *j)
{
    joining_lane_close(&j->large[0]);
    joining_lane_close(&j->large[1]);
}

static void next_one(struct joining *j, uint32_t peer)
{
    j->peer[peer].slow_until_ms = j->now_ms + JOINING_ASK_MS;
    j->next_peer = peer + 1;
}

void joining_history_tick(struct joining *j)
{
    if (j->history_id != 0 && j->now_ms >= j->history_until_ms) {
        j->history_id = 0;
        j->history_until_ms = 0;
        next_one(j, j->history_peer);
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (!j->large[i].is_open || j->now_ms < j->large[i].until_ms) continue;
        next_one(j, j->large[i].peer);
        close_large(j);
    }
    if (j->history_id == 0 && !is_large_open(j) && j->now_ms >= j->history_until_ms) ask(j);
}

/* The next pair is larger than an answer: block, then result. */
static void ask_large(struct joining *j, uint32_t peer)
{
    const uint64_t height = j->first + j->count;
    close_large(j);
    j->large[0].question = (struct wire_get_piece){.kind = PIECE_BLOCK, .height = height};
    j->large[1].question = (struct wire_get_piece){.kind = PIECE_RESULT, .height = height};
    joining_lane_ask(j, &j->large[0], peer);
}

static void take_certificates(struct joining *j, const struct wire_history *h, uint32_t peer)
{
    const uint64_t epoch = j->nodes->epoch;
    if (h->has_cert && h->cert.part != VOTE_P3 && is_newer(&j->commit, &h->cert, epoch) &&
        covers(j, h->cert.statement.height)) {
        j->commit = h->cert;
        j->commit_from = peer;
    }
    if (h->has_res_cert && is_newer(&j->result, &h->res_cert, epoch) &&
        covers(j, h->res_cert.statement.height))
        j->result = h->res_cert;
}

void joining_on_history(struct joining *j, uint32_t peer, struct wire_history *h)
{
    struct span block;
    struct span record;
    if (h->id != j->history_id || peer != j->history_peer) return; /* J3 */
    const uint64_t next = j->first + j->count;
    j->history_id = 0;
    if (h->final_height > j->seen_final) j->seen_final = h->final_height;
    enum status st = ST_OK;
    const bool is_empty = h->items.count == 0;
    while (st == ST_OK && j->count < JOINING_WINDOW && wire_next(&h->items, &block)) {
        if (!wire_next(&h->items, &record)) break;
        st = take_pair(j, peer, block, record);
    }
    if (st == ST_NO_MEMORY) {
        joining_fail(j, st, NULL);
        return;
    }
    take_certificates(j, h, peer);
    if (st == ST_INVALID)
        blame(j, peer, "blocks or results that are none of the chain");
    else
        prove(j, peer);
    j->history_until_ms = 0;
    if (j->status != ST_OK) return;
    if (is_empty && h->final_height >= next) {
        ask_large(j, peer);
        return;
    }
    if (is_empty) { /* It has no more: another may, soon. */
        j->history_until_ms = j->now_ms + JOINING_REST_MS;
        j->next_peer = peer + 1;
    }
    joining_history_tick(j);
}

bool joining_history_piece(struct joining *j, uint32_t peer, const struct wire_piece *p)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct lane *lane = &j->large[i];
        const enum lane_result result = joining_lane_take(j, lane, peer, p);
        if (result == LANE_OTHER) continue;
        if (result == LANE_MORE) return true;
        if (result == LANE_NONE || result == LANE_LIE) {
            close_large(j);
            next_one(j, peer);
            return true;
        }
        lane->id = 0; /* Complete. */
        lane->until_ms = UINT64_MAX;
        if (i == 0) {
            joining_lane_ask(j, &j->large[1], peer);
            return true;
        }
        enum status st = take_pair(j, peer, buf_span(&j->large[0].bytes), buf_span(&lane->bytes));
        close_large(j);
        if (st == ST_NO_MEMORY) joining_fail(j, st, NULL);
        if (st == ST_INVALID) blame(j, peer, "a block or a result that is none of the chain");
        if (st == ST_OK) prove(j, peer);
        return true;
    }
    return false;
}
