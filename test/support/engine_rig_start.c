/* engine_rig_start.c - Nodes of the rig begin: keys, configurations of epochs, what a start finds.
 */
#include <stdlib.h>
#include <string.h>

#include "consensus/facts.h"
#include "support/cmocka_all.h"
#include "support/engine_rig_int.h"

static void choose_epoch(const struct engine_rig *r, struct rig_node *n);

/* --- keyed hashes in place of signatures --- */

static enum status stub_public(void *context, struct public_key *out, const struct secret_key *key)
{
    (void)context;
    struct hash h = hash_of("rig key", span_of(key->bytes, sizeof key->bytes));
    *out = (struct public_key){.scheme = key->scheme, .size = 32};
    memcpy(out->bytes, h.bytes, 32);
    return ST_OK;
}

static void stub_mac(const struct public_key *key, const struct hash *hash, struct signature *sig)
{
    struct hasher h;
    hash_init(&h, "rig sig");
    hash_add(&h, span_of(key->bytes, key->size));
    hash_add_hash(&h, hash);
    struct hash mac = hash_final(&h);
    memcpy(sig->bytes, mac.bytes, 32);
    memcpy(sig->bytes + 32, mac.bytes, 32);
}

static enum status stub_sign(void *context,
                             struct signature *out,
                             const struct secret_key *key,
                             const struct hash *hash)
{
    struct public_key public;
    TRY(stub_public(context, &public, key));
    stub_mac(&public, hash, out);
    return ST_OK;
}

static enum status stub_verify(void *context,
                               const struct public_key *key,
                               const struct hash *hash,
                               const struct signature *sig)
{
    (void)context;
    struct signature right;
    stub_mac(key, hash, &right);
    return memcmp(right.bytes, sig->bytes, sizeof right.bytes) == 0 ? ST_OK : ST_SIGNATURE;
}

struct signer *engine_rig_signer_new(void)
{
    struct signer_hooks hooks = {.public = stub_public, .sign = stub_sign, .verify = stub_verify};
    struct signer *signer;
    assert_int_equal(signer_new_hooked(&signer, mem_system(), &hooks), ST_OK);
    return signer;
}

/* --- configurations --- */

static struct secret_key key_of(uint32_t node)
{
    return (struct secret_key){.scheme = SIGN_ED25519, .bytes = {(uint8_t)(node + 1), 9}};
}

struct validators rig_validators_of(const struct engine_rig *r, uint32_t count, uint32_t barred)
{
    struct validators v = {
        .mode = r->options.mode, .count = count, .p = r->options.p, .barred = barred};
    if (v.mode == 0) v.mode = MODE_BFT;
    if (v.mode != MODE_RAFT) v.f = (v.count - 2 * v.p - 1) / 3;
    assert_true(quorum_bounds_hold(v.mode, v.count, v.f, v.p));
    for (uint32_t i = 0; i < v.count; i++) {
        struct secret_key key = key_of(i);
        assert_int_equal(sign_public(r->signer, &v.keys[i], &key), ST_OK);
    }
    return v;
}

/* Of the node's epoch: the first count nodes vote, the others look on. */
static void fill_config(struct engine_rig *r, uint32_t node)
{
    struct rig_node *n = &r->nodes[node];
    const struct rig_epoch *epoch = &r->epochs[n->epoch];
    uint32_t txs = r->options.block_txs_max > 0 ? r->options.block_txs_max : 100;
    bool is_validator = node < epoch->validators.count;
    n->config = (struct consensus_config){.chain_id = r->chain_id,
                                          .epoch = n->epoch,
                                          .validators = epoch->validators,
                                          .self = is_validator ? node : NODES_MAX,
                                          .signer = r->signer,
                                          .node_key = key_of(node),
                                          .exec_version = 1,
                                          .block_txs_max = txs,
                                          .batch_age_ms = 10,
                                          .has_observers = r->total > epoch->validators.count,
                                          .evidence_halts = !r->options.evidence_alarms,
                                          .is_voter = is_validator &&
                                                      (r->options.observers >> node & 1u) == 0,
                                          .fault = r->options.fault};
    if (n->epoch > 0) n->config.previous = r->epochs[n->epoch - 1].validators;
}

/* --- (re)starting a node --- */

static void find_cert(const struct engine_rig *r, const struct rig_node *n, struct certificate *out)
{
    (void)r;
    out->entry_count = 0;
    const struct consensus_record *rec = &n->durable.record;
    if (n->durable.has_record && rec->has_final_cert &&
        rec->final_cert.statement.height == n->final_count)
        *out = rec->final_cert;
}

/* If height is the first of its epoch. */
static void begin_mode(const struct engine_rig *r,
                       struct mode_state *mode,
                       const struct consensus_params *params,
                       uint64_t epoch,
                       uint64_t height)
{
    if (height != r->epochs[epoch].base + 1) return;
    struct mode_rules rules = mode_rules_of(&r->epochs[epoch].validators, params);
    mode_begin(mode, &rules, height);
}

void engine_rig_mode(const struct engine_rig *r, uint32_t node, struct mode_state *out)
{
    const struct rig_node *n = &r->nodes[node];
    struct consensus_params params = consensus_params_default();
    if (r->options.params != NULL) params = *r->options.params;
    memset(out, 0, sizeof *out);
    for (uint64_t h = 1; h <= n->final_count; h++) {
        const struct rig_block *b = &r->blocks[n->chain[h]];
        begin_mode(r, out, &params, b->header.epoch, h);
        struct block_content content = {.final_cert = b->has_final_cert ? &b->final_cert : NULL,
                                        .res_cert = b->has_res_cert ? &b->res_cert : NULL,
                                        .notes = b->notes};
        struct mode_facts facts;
        facts_of_block(&facts, &b->header, &content);
        assert_int_equal(b->header.mode, mode_at(out, h));
        (void)mode_step(out, &facts, NULL);
    }
    begin_mode(r, out, &params, n->epoch, n->final_count + 1);
}

void rig_check_mode(const struct engine_rig *r, uint32_t node)
{
    const struct rig_node *n = &r->nodes[node];
    if (n->engine == NULL || n->is_byzantine || n->config.validators.mode != MODE_FAST) return;
    const struct mode_state *own = consensus_mode(n->engine);
    assert_non_null(own);
    if (own->height != n->final_count) return; /* Ended in the middle of a step. */
    struct mode_state *want = malloc(sizeof *want);
    assert_non_null(want);
    engine_rig_mode(r, node, want);
    assert_memory_equal(own, want, sizeof *want);
    free(want);
}

/* What waits as of the result of height. */
struct hash rig_next_config(const struct engine_rig *r, uint64_t epoch, uint64_t height)
{
    const struct rig_epoch *e = &r->epochs[epoch];
    bool waits = height > e->base && e->from > 0 && height >= e->from;
    if (!waits) return (struct hash){{0}};
    return hash_of("rig config", span_of(&r->epochs[epoch + 1].validators,
                                         sizeof r->epochs[epoch + 1].validators));
}

/* That of the newest block, or the next one if this node has said something in it. */
static void choose_epoch(const struct engine_rig *r, struct rig_node *n)
{
    if (n->is_ending) {
        n->epoch++;
        return;
    }
    const struct rig_block *tip = &r->blocks[n->chain[n->final_count]];
    n->epoch = n->final_count > 0 ? tip->header.epoch : 0;
    bool is_next = n->final_count > 0 && (tip->header.flags & BLOCK_EPOCH_CLOSE) != 0 &&
                   n->durable.has_record && n->durable.record.epoch == n->epoch + 1;
    if (is_next) n->epoch++;
}

void rig_start_node(struct engine_rig *r, uint32_t node, uint64_t nonce)
{
    struct rig_node *n = &r->nodes[node];
    struct consensus_start *start = calloc(1, sizeof *start);
    struct header *held = calloc(RIG_BLOCKS_MAX, sizeof *held);
    assert_non_null(start);
    assert_non_null(held);
    choose_epoch(r, n);
    fill_config(r, node);
    start->base_height = r->epochs[n->epoch].base;
    start->height = n->final_count;
    start->hash = r->chain_id;
    if (n->final_count > 0) {
        const struct rig_block *tip = &r->blocks[n->chain[n->final_count]];
        start->hash = tip->hash;
        start->time_ms = tip->header.time_ms;
        start->res_height = tip->header.res_height;
        start->flags = tip->header.flags;
    }
    start->next_config = rig_next_config(r, n->epoch, n->final_count);
    if (!hash_is_zero(&start->next_config)) start->next_from = r->epochs[n->epoch].from;
    find_cert(r, n, &start->final_cert);
    if (n->is_ending) {
        start->final_cert = n->end_final;
        start->res_cert = n->end_result;
        n->is_ending = false;
    }
    start->history = n->history;
    n->executed = start->executed_height = n->final_count;
    for (uint64_t h = 1; h <= n->final_count; h++) {
        const struct rig_block *b = &r->blocks[n->chain[h]];
        n->digests[h] = rig_digest_of(&n->digests[h - 1], &b->hash);
        if (b->header.tx_count > 0) start->last_txs_height = h;
    }
    for (uint64_t i = 0; i < CONSENSUS_LAG_MAX && i <= n->final_count; i++)
        start->digests[start->digest_count++] = n->digests[n->final_count - i];
    bool is_record = n->durable.has_record && n->durable.record.epoch == n->epoch;
    if (is_record) start->record = &n->durable.record;
    if (is_record && n->durable.has_vc) start->view_change = &n->durable.vc;
    uint64_t low = n->final_count;
    if (is_record && n->durable.record.final_height < low) low = n->durable.record.final_height;
    for (uint32_t i = 0; i < r->block_count; i++)
        if (r->blocks[i].header.height > low && (r->blocks[i].held >> node & 1u) != 0)
            held[start->held_count++] = r->blocks[i].header;
    start->held = held;
    start->nonce = nonce;
    n->written = n->durable;
    const struct consensus_record *kept = is_record ? &n->durable.record : NULL;
    n->voted_before = kept != NULL ? kept->final_height + kept->chain_count : 0;
    n->pending_lsn = n->durable_lsn = 0;
    n->hold_count = 0;
    n->result = 0;
    n->newest_cert = start->final_cert;
    struct mode_state *mode = malloc(sizeof *mode);
    assert_non_null(mode);
    engine_rig_mode(r, node, mode);
    start->mode = mode;
    enum status st = consensus_new(&n->engine, mem_system(), &n->config, start);
    free(mode);
    assert_int_equal(st, ST_OK);
    free(held);
    free(start);
}

/* --- the end of an epoch --- */

void rig_on_epoch_end(struct engine_rig *r, uint32_t node, const struct consensus_effect *e)
{
    struct rig_node *n = &r->nodes[node];
    const struct rig_block *b = rig_get_block(r, &e->hash);
    struct hash next = rig_next_config(r, n->epoch, b->header.res_height);
    assert_false(n->is_ending);
    assert_int_equal(e->height, n->final_count);
    assert_int_equal(b->header.epoch, n->epoch);
    assert_false(hash_is_zero(&next));
    assert_true(hash_equal(&b->header.next_config_hash, &next));
    assert_int_equal(e->final_cert->statement.height, e->height);
    assert_int_equal(e->res_cert->statement.height, e->height);
    n->end_final = *e->final_cert;
    n->end_result = *e->res_cert;
    n->is_ending = true;
}

/* As the runtime does it: a new engine, which knows nothing of what was said. */
void rig_switch_epoch(struct engine_rig *r, uint32_t node)
{
    struct rig_node *n = &r->nodes[node];
    assert_int_equal(n->executed, n->final_count);
    rig_check_mode(r, node);
    consensus_free(n->engine);
    n->engine = NULL;
    n->life++;
    n->final_synced = n->final_count;
    n->epoch_cert[n->epoch] = n->end_final;
    n->epoch_result[n->epoch] = n->end_result;
    struct rig_epoch *next = &r->epochs[n->epoch + 1];
    if (n->epoch == r->epoch) {
        r->epoch++;
        next->base = n->final_count;
    }
    assert_int_equal(next->base, n->final_count);
    rig_start_node(r, node, test_rng_u64(&r->rng));
    n->result = n->final_count;
}
