#include "support/core_rig.h"

#include <stdlib.h>

#include "node/pool.h"
#include "support/cmocka_all.h"
#include "support/sample_ledger.h"
#include "trustsql.h"

#define MESSAGES_MAX  200000u
#define VERIFYING_MAX 32768u
#define VALID_MS      500000u

static struct genesis genesis_of_rig;

static struct public_key public_of(uint32_t key)
{
    struct secret_key secret = sample_node_secret(key);
    return sample_public(&secret);
}

static struct validators validators_of(const struct core_rig *rig)
{
    struct chain_config config;
    struct arena arena;
    arena_init(&arena, mem_system(), 0);
    assert_int_equal(chain_config_decode(&config, &arena, buf_span(&rig->first)), ST_OK);
    struct validators v = chain_config_validators(&config);
    arena_fini(&arena);
    return v;
}

static void make_first(struct core_rig *rig)
{
    static const char *const names[] = {"n0", "n1", "n2",  "n3",  "n4",  "n5",  "n6",  "n7",
                                        "n8", "n9", "n10", "n11", "n12", "n13", "n14", "n15"};
    struct chain_config config = {.mode = MODE_BFT,
                                  .f = (rig->n - 1) / 3,
                                  .exec_version = 1,
                                  .block_txs_max = 100,
                                  .batch_age_ms = 10,
                                  .fuel_tx = 1000000,
                                  .params = consensus_params_default(),
                                  .validator_count = rig->n,
                                  .node_count = rig->n};
    assert_true(rig->n <= sizeof names / sizeof *names);
    for (uint32_t i = 0; i < rig->n; i++)
        config.nodes[i] = (struct chain_node){.organisation = span_text("Bank A"),
                                              .node_name = span_text(names[i]),
                                              .node_key = public_of(i)};
    chain_config_encode(&rig->first, &config);
    assert_int_equal(buf_status(&rig->first), ST_OK);
}

static void add_config(struct core_rig_node *node, struct span bytes, uint64_t base)
{
    assert_true(node->config_count < CORE_RIG_EPOCHS);
    uint8_t *copy = malloc(bytes.size);
    memcpy(copy, bytes.data, bytes.size);
    node->bases[node->config_count] = base;
    node->configs[node->config_count++] = span_of(copy, bytes.size);
}

/* --- ports ------------------------------------------------------------------------------------ */

static uint64_t mono_ms(void *context)
{
    const struct core_rig_node *node = context;
    return node->rig->ms;
}

static uint64_t wall_ms(void *context)
{
    const struct core_rig_node *node = context;
    return SAMPLE_TIME_MS + node->rig->ms;
}

void core_rig_send(
    struct core_rig *rig, uint32_t from, uint32_t to, enum core_channel channel, struct span bytes)
{
    if (rig->is_cut[from][to]) return;
    if (rig->loss_percent > 0 && test_rng_below(&rig->rng, 100) < rig->loss_percent) return;
    assert_true(rig->message_count < MESSAGES_MAX);
    if (rig->message_count == rig->message_capacity) {
        rig->message_capacity = rig->message_capacity == 0 ? 1024 : 2 * rig->message_capacity;
        rig->messages = realloc(rig->messages, rig->message_capacity * sizeof *rig->messages);
    }
    uint64_t due = rig->ms + 1 + test_rng_below(&rig->rng, rig->delay_ms + 1u);
    if (due < rig->last_due[from][to]) due = rig->last_due[from][to];
    rig->last_due[from][to] = due;
    uint8_t *copy = malloc(bytes.size + 1);
    memcpy(copy, bytes.data, bytes.size);
    rig->bytes_sent += bytes.size;
    rig->messages[rig->message_count++] = (struct core_rig_message){.due_ms = due,
                                                                    .from = from,
                                                                    .to = to,
                                                                    .channel = channel,
                                                                    .bytes = {copy, bytes.size},
                                                                    .own = copy};
}

static enum status send_port(void *context,
                             uint32_t peer,
                             enum core_channel channel,
                             struct span bytes)
{
    struct core_rig_node *node = context;
    assert_true(peer < CORE_RIG_PLACES);
    uint32_t to = node->machines[peer];
    if (to == CORE_RIG_NO_ONE) return ST_CLOSED;
    assert_int_not_equal(to, node->index);
    if (!public_key_equal(&node->place_keys[peer], &node->rig->nodes[to].shown)) return ST_CLOSED;
    core_rig_send(node->rig, node->index, to, channel, bytes);
    return ST_OK;
}

static enum status store_port(void *context, struct storage_job *job)
{
    struct core_rig_node *node = context;
    assert_true(node->job_count < 256);
    node->jobs[node->job_count++] = job;
    return ST_OK;
}

static enum status verify_port(void *context, struct flow_tx *t)
{
    struct core_rig_node *node = context;
    if (node->verifying_count >= node->verify_max) return ST_BUSY;
    node->verifying[node->verifying_count++] = t;
    return ST_OK;
}

static enum status execute_port(void *context, struct flow_block *b)
{
    struct core_rig_node *node = context;
    assert_true(node->executing_count < CONSENSUS_LAG_MAX);
    node->executing[node->executing_count++] = b;
    return ST_OK;
}

static void settle(struct core_rig *rig, struct ticket *ticket, struct core_rig_client *with)
{
    struct core_rig_client *client = ticket->owner;
    assert_true(client >= rig->clients && client < rig->clients + CORE_RIG_CLIENTS);
    client->outcome = with->outcome;
    client->status = with->status;
    client->height = with->height;
    client->has_rows = with->has_rows;
    client->answers++;
    assert_int_equal(client->answers, 1);
}

static void note_proof(struct core_rig *rig, struct span bytes)
{
    struct proof p;
    struct arena a;
    arena_init(&a, mem_system(), 0);
    assert_int_equal(proof_decode(&p, &a, bytes), ST_OK);
    arena_fini(&a);
    rig->proof_count++;
    if (p.block.later.size / HASH_SIZE > rig->later_max)
        rig->later_max = p.block.later.size / HASH_SIZE;
    if (p.block.successor_count > 0) rig->by_descendant++;
}

static void verify_as_client(struct core_rig *rig, struct span bytes, struct trustsql_receipt *out)
{
    uint8_t *data = malloc(bytes.size);
    memcpy(data, bytes.data, bytes.size);
    struct trustsql_bytes genesis = {.data = rig->genesis.data, .size = rig->genesis.size};
    struct trustsql_bytes proof = {.data = data, .size = bytes.size};
    const char *what = NULL;
    if (trustsql_proof_verify(rig->lib, out, &what, &genesis, &proof) != TRUSTSQL_OK)
        fail_msg("a proof does not verify: %s", what);
    free(data);
}

static void verify_as_validator(struct core_rig *rig, struct span bytes, struct receipt *out)
{
    struct proof p;
    struct arena a;
    struct hash chain_id = sample_chain_id();
    struct validators v = validators_of(rig);
    struct proof_trust trust = {.validators = &v, .chain_id = &chain_id, .signer = sample_signer()};
    const char *what = NULL;
    arena_init(&a, mem_system(), 0);
    assert_int_equal(proof_decode(&p, &a, bytes), ST_OK);
    struct proof_facts facts;
    if (proof_verify(&p, &trust, &facts, &a, &what) != ST_OK)
        fail_msg("a proof does not verify: %s", what);
    *out = facts.receipt;
    arena_fini(&a);
}

/* The proof of one transaction of a block, as the one who waits gets it. */
static void check_proof(struct core_rig *rig, struct flow_block *b, uint32_t index)
{
    struct buf bytes;
    struct receipt receipt;
    struct trustsql_receipt told = {.height = 0};
    buf_init(&bytes, mem_system(), 0);
    assert_int_equal(flow_block_proof(b, index, &bytes), ST_OK);
    note_proof(rig, buf_span(&bytes));
    if (rig->genesis.size > 0) {
        verify_as_client(rig, buf_span(&bytes), &told);
        assert_memory_equal(told.txid, b->txids[index].bytes, HASH_SIZE);
        assert_int_equal(told.height, b->header.height);
    } else {
        verify_as_validator(rig, buf_span(&bytes), &receipt);
        assert_true(hash_equal(&receipt.txid, &b->txids[index]));
        assert_int_equal(receipt.height, b->header.height);
    }
    buf_fini(&bytes);
}

static void answer_early(struct core_rig_node *node, struct flow_executed *e)
{
    assert_true(e->count > 0);
    for (uint32_t i = 0; i < e->count; i++) {
        struct core_rig_client with = {.outcome = RIG_EARLY,
                                       .height = e->block->header.height,
                                       .has_rows = e->block->wants_rows[e->tickets[i]->index]};
        settle(node->rig, e->tickets[i], &with);
    }
    flow_executed_free(e);
}

static void answer_port(void *context, struct flow *item)
{
    struct core_rig_node *node = context;
    if (item->kind == FLOW_REFUSED) {
        struct flow_tx *t = (void *)item;
        struct core_rig_client with = {.outcome = RIG_REFUSED, .status = t->ticket->status};
        settle(node->rig, t->ticket, &with);
        flow_tx_free(t);
        return;
    }
    if (item->kind == FLOW_EXECUTED) {
        answer_early(node, (void *)item);
        return;
    }
    if (item->kind == FLOW_HEIGHT) {
        struct core_rig_read *read = ((struct flow_read *)(void *)item)->owner;
        read->answers++;
        assert_int_equal(read->answers, 1);
        return;
    }
    struct flow_block *b = (void *)item;
    assert_true(b->res_cert.entry_count > 0);
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < b->tx_count; i++) {
        if (b->txs[i]->ticket == NULL) continue;
        struct core_rig_client with = {
            .outcome = RIG_DONE, .height = b->header.height, .has_rows = b->wants_rows[i]};
        check_proof(node->rig, b, i);
        settle(node->rig, b->txs[i]->ticket, &with);
        waiting++;
    }
    assert_true(waiting > 0);
    flow_block_free(b);
}

static enum status read_block_port(void *context, uint64_t height, struct buf *out)
{
    const struct core_rig_node *node = context;
    if (height == 0 || height > node->block_count) return ST_NOT_FOUND;
    buf_put(out, span_of(node->blocks[height - 1].bytes, node->blocks[height - 1].size));
    return buf_status(out);
}

static enum status read_held_port(void *context, const struct hash *hash, struct buf *out)
{
    const struct core_rig_node *node = context;
    for (uint32_t i = 0; i < node->held_count; i++) {
        if (!hash_equal(&node->held[i].hash, hash)) continue;
        buf_put(out, span_of(node->held[i].bytes, node->held[i].size));
        return buf_status(out);
    }
    return ST_NOT_FOUND;
}

static void keep_evidence_port(void *context, const struct evidence *e)
{
    struct core_rig_node *node = context;
    if (node->evidence_count < 16) node->evidence[node->evidence_count] = *e;
    node->evidence_count++;
}

static enum status read_config_port(void *context, uint64_t epoch, struct buf *out, uint64_t *base)
{
    const struct core_rig_node *node = context;
    if (epoch >= node->config_count) return ST_NOT_FOUND;
    buf_put(out, node->configs[epoch]);
    *base = node->bases[epoch];
    return buf_status(out);
}

static bool own_key_port(void *context, const struct public_key *key, struct secret_key *out)
{
    const struct core_rig_node *node = context;
    const uint32_t own[2] = {node->key, node->next_key};
    for (uint32_t i = 0; i < 2; i++) {
        struct public_key public = {0};
        if (own[i] != CORE_RIG_NO_ONE) public = public_of(own[i]);
        if (!public_key_equal(&public, key)) continue;
        *out = sample_node_secret(own[i]);
        return true;
    }
    return false;
}

/* Who has this key now. */
static uint32_t machine_of(const struct core_rig *rig, const struct public_key *key)
{
    for (uint32_t i = 0; i < rig->n; i++) {
        const struct core_rig_node *node = &rig->nodes[i];
        struct public_key own = public_of(node->key);
        if (public_key_equal(&own, key)) return i;
        if (node->next_key == CORE_RIG_NO_ONE) continue;
        own = public_of(node->next_key);
        if (public_key_equal(&own, key)) return i;
    }
    return CORE_RIG_NO_ONE;
}

static uint32_t place_of_key(const struct core_rig_node *node, const struct public_key *key)
{
    for (uint32_t i = 0; i < CORE_RIG_PLACES; i++)
        if (node->machines[i] != CORE_RIG_NO_ONE && public_key_equal(&node->place_keys[i], key))
            return i;
    return CORE_RIG_NO_ONE;
}

/* Others know a machine by the key that it shows, whatever else it has. */
static uint32_t place_of(const struct core_rig_node *node, uint32_t machine)
{
    return place_of_key(node, &node->rig->nodes[machine].shown);
}

static void nodes_port(void *context,
                       const struct chain_config *config,
                       const struct public_key *former,
                       uint32_t former_count)
{
    struct core_rig_node *node = context;
    struct secret_key unused;
    node->epoch = config->epoch;
    for (uint32_t i = 0; i < config->node_count; i++)
        if (own_key_port(node, &config->nodes[i].node_key, &unused))
            node->shown = config->nodes[i].node_key;
    for (uint32_t i = 0; i < CORE_RIG_PLACES; i++)
        node->machines[i] = CORE_RIG_NO_ONE;
    for (uint32_t i = 0; i < config->node_count; i++)
        node->machines[i] = machine_of(node->rig, &config->nodes[i].node_key);
    for (uint32_t i = 0; i < former_count; i++)
        node->machines[config->node_count + i] = machine_of(node->rig, &former[i]);
    for (uint32_t i = 0; i < CORE_RIG_PLACES; i++)
        if (node->machines[i] == node->index) node->machines[i] = CORE_RIG_NO_ONE;
    for (uint32_t i = 0; i < config->node_count; i++)
        node->place_keys[i] = config->nodes[i].node_key;
    for (uint32_t i = 0; i < former_count; i++)
        node->place_keys[config->node_count + i] = former[i];
    /* The core keeps what it knows of a key. */
    for (uint32_t k = 0; k < NODES_MAX; k++) {
        uint32_t place = place_of(node, k);
        if (place == CORE_RIG_NO_ONE ||
            !public_key_equal(&node->place_keys[place], &node->told_key[k]))
            node->is_told[k] = false;
    }
}

/* A connection stands when both sides count the other among the nodes. */
static void connect_all(struct core_rig *rig)
{
    for (uint32_t i = 0; i < rig->n; i++) {
        struct core_rig_node *node = &rig->nodes[i];
        if (node->is_down || node->failed != ST_OK) continue;
        for (uint32_t k = 0; k < rig->n; k++) {
            const struct core_rig_node *other = &rig->nodes[k];
            uint32_t place = place_of(node, k);
            bool is_up = place != CORE_RIG_NO_ONE && place_of(other, i) != CORE_RIG_NO_ONE &&
                         !rig->is_cut[i][k] && i != k;
            bool is_other =
                node->is_told[k] && !public_key_equal(&node->told_key[k], &other->shown);
            uint32_t before = place_of_key(node, &node->told_key[k]);
            if (is_other) node->is_told[k] = false;
            if (is_other && before != CORE_RIG_NO_ONE) core_on_peer(node->core, before, false);
            if (is_up == node->is_told[k]) continue;
            node->is_told[k] = is_up;
            if (is_up) node->told_key[k] = node->place_keys[place];
            if (place != CORE_RIG_NO_ONE) core_on_peer(node->core, place, is_up);
        }
    }
}

static void failed_port(void *context, enum status st, const char *what)
{
    struct core_rig_node *node = context;
    print_message("node %u failed: %s: %s\n", node->index, status_name(st), what);
    node->failed = st;
}

/* --- parts ------------------------------------------------------------------------------------ */

static struct core_rig_block copy_block(const struct flow_block *b)
{
    struct core_rig_block copy = {.hash = b->hash, .size = b->bytes.size};
    copy.bytes = malloc(copy.size + 1);
    memcpy(copy.bytes, b->bytes.data, copy.size);
    return copy;
}

static void release(struct core_rig_node *node, const struct storage_job *job)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->held_count; i++) {
        bool is_kept = false;
        for (uint32_t k = 0; k < job->record_size && !is_kept; k += HASH_SIZE)
            is_kept = memcmp(node->held[i].hash.bytes, job->record + k, HASH_SIZE) == 0;
        if (is_kept)
            node->held[count++] = node->held[i];
        else
            free(node->held[i].bytes);
    }
    node->held_count = count;
    node->release_count++;
}

static void perform_job(struct core_rig_node *node, struct storage_job *job)
{
    if (job->needs_release) release(node, job);
    if (job->hold != NULL) {
        node->held = realloc(node->held, (node->held_count + 1) * sizeof *node->held);
        node->held[node->held_count++] = copy_block(job->hold);
    }
    if (job->append != NULL) {
        assert_int_equal(job->append->header.height, node->block_count + 1);
        node->blocks = realloc(node->blocks, (node->block_count + 1) * sizeof *node->blocks);
        node->blocks[node->block_count++] = copy_block(job->append);
    }
    if (job->needs_settle) node->settled_count = node->block_count;
    job->is_crowded = node->is_crowded;
    job->status = ST_OK;
}

static void run_storage(struct core_rig_node *node)
{
    uint32_t count = node->job_count;
    struct storage_job *jobs[512];
    memcpy(jobs, node->jobs, sizeof jobs);
    node->job_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        perform_job(node, jobs[i]);
        core_on_stored(node->core, jobs[i]);
    }
}

static struct span receipt_of(struct flow_block *b, uint32_t index)
{
    uint8_t bytes[512];
    struct buf out;
    struct op_result op = {.row_count = 1};
    struct receipt r = {.txid = b->txids[index],
                        .height = b->header.height,
                        .index = index,
                        .status = RECEIPT_OK,
                        .ops = &op,
                        .op_count = 1,
                        .events = span_of("\x80", 1)};
    buf_init_fixed(&out, bytes, sizeof bytes);
    receipt_encode(&out, &r);
    assert_int_equal(buf_status(&out), ST_OK);
    return arena_copy(&b->outcome.arena, buf_span(&out));
}

static struct hash make_receipts(struct flow_block *b)
{
    struct exec_outcome *o = &b->outcome;
    struct merkle_tree tree = {.count = 0};
    o->tx_count = b->tx_count;
    o->txs = arena_alloc_zero(&o->arena, b->tx_count + 1u, sizeof *o->txs);
    o->receipt_leaves = arena_alloc_zero(&o->arena, b->tx_count + 1u, sizeof(struct hash));
    for (uint32_t i = 0; i < b->tx_count; i++) {
        o->txs[i].receipt = receipt_of(b, i);
        o->txs[i].is_ok = true;
        o->receipt_leaves[i] = receipt_leaf(o->txs[i].receipt);
        merkle_tree_add(&tree, &o->receipt_leaves[i]);
    }
    return merkle_tree_root(&tree);
}

/* What a block decides; null: nothing. */
static const struct core_rig_decision *decision_in(const struct core_rig *rig,
                                                   const struct flow_block *b)
{
    const struct core_rig_decision *found = NULL;
    for (uint32_t d = 0; d < rig->decision_count; d++) {
        struct buf bytes;
        struct arena arena;
        struct tx tx;
        buf_init(&bytes, mem_system(), 0);
        arena_init(&arena, mem_system(), 0);
        core_rig_tx(rig->decisions[d].number, &bytes);
        assert_int_equal(tx_decode(&tx, &arena, buf_span(&bytes)), ST_OK);
        for (uint32_t i = 0; i < b->tx_count; i++)
            if (hash_equal(&tx.txid, &b->txids[i])) found = &rig->decisions[d];
        arena_fini(&arena);
        buf_fini(&bytes);
    }
    return found;
}

/* Configurations are decided and begin by what the blocks say. */
static void follow_config(struct core_rig_node *node, struct flow_block *b)
{
    if (node->pending == NULL) node->pending = decision_in(node->rig, b);
    if (node->pending == NULL) return;
    struct span next = buf_span(&node->pending->config);
    b->outcome.next_config = arena_copy(&b->outcome.arena, next);
    if ((b->header.flags & BLOCK_EPOCH_CLOSE) == 0) return;
    add_config(node, next, b->header.height);
    node->pending = NULL;
}

static void execute(struct core_rig_node *node, struct flow_block *b)
{
    uint64_t height = b->header.height;
    follow_config(node, b);
    node->digests = realloc(node->digests, (height + 1) * sizeof *node->digests);
    if (height == 1) node->digests[0] = hash_of("test", span_text("genesis"));
    b->outcome.result = (struct block_result){
        .height = height, .block_hash = b->hash, .receipts_root = make_receipts(b)};
    b->outcome.digest_before = node->digests[height - 1];
    struct hash own = block_result_digest(&b->outcome.result);
    b->outcome.digest = digest_fold(&b->outcome.digest_before, &own);
    node->digests[height] = b->outcome.digest;
}

static void run_executor(struct core_rig_node *node)
{
    if (node->is_slow_to_execute) return;
    uint32_t count = node->executing_count;
    struct flow_block *blocks[128];
    memcpy(blocks, node->executing, sizeof blocks);
    node->executing_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        execute(node, blocks[i]);
        core_on_executed(node->core, blocks[i]);
    }
}

static void verify_one(struct core_rig_node *node, struct flow_tx *t)
{
    enum status st = tx_decode(&t->tx, &t->arena, span_of(t->bytes, t->size));
    if (st == ST_OK && t->tx.is_redacted) st = ST_REJECTED;
    if (st == ST_OK) st = tx_verify(&t->tx, sample_signer());
    node->verified++;
    t->flow.kind = st == ST_OK ? FLOW_TX : FLOW_REFUSED;
    t->status = st;
    core_on_tx(node->core, t);
}

static void run_verification(struct core_rig_node *node)
{
    uint32_t count = node->verifying_count;
    struct flow_tx **txs = malloc((count + 1) * sizeof(struct flow_tx *));
    memcpy(txs, node->verifying, count * sizeof(struct flow_tx *));
    node->verifying_count = 0;
    for (uint32_t i = count; i > 0; i--) /* In any order: here backwards. */
        verify_one(node, txs[i - 1]);
    free(txs);
}

enum status core_rig_inject(
    struct core_rig *rig, uint32_t from, uint32_t to, enum core_channel channel, struct span bytes)
{
    uint32_t place = place_of(&rig->nodes[to], from);
    if (place == CORE_RIG_NO_ONE) return ST_OK; /* Not connected. */
    enum status st = core_on_message(rig->nodes[to].core, place, channel, bytes);
    if (st != ST_OK) rig->nodes[to].invalid[from]++;
    return st;
}

static void deliver(struct core_rig *rig)
{
    uint32_t kept = 0;
    uint32_t count = rig->message_count;
    struct core_rig_message *due = malloc((count + 1) * sizeof *due);
    uint32_t due_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (rig->messages[i].due_ms <= rig->ms)
            due[due_count++] = rig->messages[i];
        else
            rig->messages[kept++] = rig->messages[i];
    }
    rig->message_count = kept;
    for (uint32_t i = 0; i < due_count; i++) {
        const struct core_rig_message *m = &due[i];
        bool passes = rig->filter == NULL || rig->filter(rig, m);
        if (passes && !rig->nodes[m->to].is_down && !rig->nodes[m->from].is_down)
            (void)core_rig_inject(rig, m->from, m->to, m->channel, m->bytes);
        free(m->own);
    }
    free(due);
}

void core_rig_run(struct core_rig *rig, uint64_t ms)
{
    for (uint64_t end = rig->ms + ms; rig->ms < end;) {
        rig->ms++;
        connect_all(rig);
        deliver(rig);
        for (uint32_t i = 0; i < rig->n; i++) {
            struct core_rig_node *node = &rig->nodes[i];
            if (node->is_down || node->failed != ST_OK) continue;
            run_verification(node);
            if (rig->ms % rig->sync_ms == 0) run_storage(node);
            run_executor(node);
            core_tick(node->core);
        }
    }
}

bool core_rig_until(struct core_rig *rig, uint64_t ms_max, bool (*is_done)(struct core_rig *rig))
{
    for (uint64_t end = rig->ms + ms_max; rig->ms < end; core_rig_run(rig, 1))
        if (is_done(rig)) return true;
    return is_done(rig);
}

/* --- clients ---------------------------------------------------------------------------------- */

void core_rig_tx(uint64_t number, struct buf *out)
{
    struct tx t = sample_small_tx(number);
    t.valid_until_ms = SAMPLE_TIME_MS + VALID_MS;
    t.valid_until_height = 60000;
    struct secret_key secret = sample_account_secret(0);
    assert_int_equal(tx_hash(&t), ST_OK);
    assert_int_equal(sign_hash(sample_signer(), &t.signatures[0], &secret, &t.txid), ST_OK);
    tx_encode(&t, out);
    assert_int_equal(buf_status(out), ST_OK);
}

static void submit_with(
    struct core_rig *rig, uint32_t node, uint64_t number, bool wants_rows, bool is_early)
{
    assert_true(number < CORE_RIG_CLIENTS);
    struct core_rig_client *client = &rig->clients[number];
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    core_rig_tx(number, &bytes);
    struct flow_tx *t = flow_tx_new(mem_system(), buf_span(&bytes));
    buf_fini(&bytes);
    *client = (struct core_rig_client){.outcome = RIG_WAITING};
    client->ticket.owner = client;
    client->ticket.is_early = is_early;
    t->ticket = &client->ticket;
    t->wants_rows = wants_rows;
    verify_one(&rig->nodes[node], t);
}

void core_rig_submit(struct core_rig *rig, uint32_t node, uint64_t number)
{
    submit_with(rig, node, number, false, false);
}

void core_rig_submit_rows(struct core_rig *rig, uint32_t node, uint64_t number)
{
    submit_with(rig, node, number, true, false);
}

void core_rig_submit_early(struct core_rig *rig, uint32_t node, uint64_t number)
{
    submit_with(rig, node, number, true, true);
}

void core_rig_read(struct core_rig *rig, uint32_t node, struct core_rig_read *read)
{
    *read = (struct core_rig_read){.read = {.flow = {FLOW_HEIGHT}, .owner = read}};
    core_on_read(rig->nodes[node].core, &read->read);
}

/* --- life ------------------------------------------------------------------------------------- */

static void open_node(struct core_rig *rig, uint32_t i)
{
    struct core_rig_node *node = &rig->nodes[i];
    node->rig = rig;
    node->index = i;
    node->verify_max = VERIFYING_MAX;
    node->next_key = CORE_RIG_NO_ONE;
    node->shown = public_of(node->key);
    for (uint32_t k = 0; k < CORE_RIG_PLACES; k++)
        node->machines[k] = CORE_RIG_NO_ONE;
    add_config(node, buf_span(&rig->first), 0);
    node->verifying = malloc(VERIFYING_MAX * sizeof(struct flow_tx *));
    node->ports = (struct core_ports){.mono_ms = mono_ms,
                                      .wall_ms = wall_ms,
                                      .send = send_port,
                                      .store = store_port,
                                      .verify = verify_port,
                                      .execute = execute_port,
                                      .answer = answer_port,
                                      .read_block = read_block_port,
                                      .read_held = read_held_port,
                                      .read_config = read_config_port,
                                      .own_key = own_key_port,
                                      .nodes = nodes_port,
                                      .keep_evidence = keep_evidence_port,
                                      .failed = failed_port,
                                      .context = node};
    struct core_config config = {
        .mem = mem_system(), .genesis = &genesis_of_rig, .ports = &node->ports, .key = 77};
    config.engine = (struct consensus_config){.chain_id = sample_chain_id(),
                                              .signer = sample_signer(),
                                              .node_key = sample_node_secret(node->key),
                                              .is_voter = true,
                                              .fault = rig->fault};
    struct core_start start = {.engine = {.hash = sample_chain_id(), .digest_count = 1}};
    start.engine.nonce = 1000 + i;
    start.engine.digests[0] = hash_of("test", span_text("genesis"));
    assert_int_equal(pool_new(&start.pool, mem_system(), &config.engine.chain_id, 5), ST_OK);
    assert_int_equal(core_new(&node->core, &config, &start), ST_OK);
}

struct core_rig *core_rig_new(uint32_t n, uint64_t seed)
{
    genesis_of_rig = sample_genesis();
    struct core_rig *rig = calloc(1, sizeof *rig);
    rig->n = n;
    rig->rng.state = seed;
    rig->delay_ms = 2;
    rig->sync_ms = 1;
    rig->ms = 1;
    assert_int_equal(trustsql_new(&rig->lib), TRUSTSQL_OK);
    buf_init(&rig->genesis, mem_system(), 0);
    if (n == genesis_of_rig.member_count) genesis_encode(&rig->genesis, &genesis_of_rig);
    buf_init(&rig->first, mem_system(), 0);
    make_first(rig);
    for (uint32_t i = 0; i < n; i++)
        rig->nodes[i].key = i;
    for (uint32_t i = 0; i < n; i++)
        open_node(rig, i);
    connect_all(rig);
    return rig;
}

static void close_node(struct core_rig_node *node)
{
    core_stop(node->core);
    run_verification(node);
    for (uint32_t i = 0; i < node->job_count; i++) {
        node->jobs[i]->status = ST_CLOSED;
        node->failed = ST_CLOSED;
    }
    node->is_slow_to_execute = false;
    while (node->job_count > 0 || node->executing_count > 0) {
        run_storage(node);
        run_executor(node);
    }
    run_verification(node);
    core_refuse_rest(node->core);
    core_free(node->core);
    for (uint64_t i = 0; i < node->block_count; i++)
        free(node->blocks[i].bytes);
    for (uint32_t i = 0; i < node->held_count; i++)
        free(node->held[i].bytes);
    free(node->blocks);
    free(node->held);
    free(node->digests);
    free(node->verifying);
    for (uint32_t i = 0; i < node->config_count; i++) {
        void *own;
        memcpy(&own, &node->configs[i].data, sizeof own);
        free(own);
    }
}

void core_rig_free(struct core_rig *rig)
{
    for (uint32_t i = 0; i < rig->n; i++)
        close_node(&rig->nodes[i]);
    for (uint32_t i = 0; i < rig->message_count; i++)
        free(rig->messages[i].own);
    for (uint32_t i = 0; i < CORE_RIG_CLIENTS; i++)
        assert_true(rig->clients[i].ticket.owner == NULL || rig->clients[i].answers == 1);
    trustsql_free(rig->lib);
    buf_fini(&rig->genesis);
    buf_fini(&rig->first);
    for (uint32_t i = 0; i < rig->decision_count; i++)
        buf_fini(&rig->decisions[i].config);
    free(rig->messages);
    free(rig);
}

void core_rig_cut(struct core_rig *rig, uint32_t node, bool is_cut)
{
    for (uint32_t i = 0; i < rig->n; i++) {
        if (i == node) continue;
        rig->is_cut[i][node] = rig->is_cut[node][i] = is_cut;
    }
    connect_all(rig);
}

uint32_t core_rig_join(struct core_rig *rig, uint32_t key)
{
    assert_true(rig->n < NODES_MAX);
    uint32_t index = rig->n++;
    rig->nodes[index].key = key;
    open_node(rig, index);
    return index;
}

void core_rig_decide(struct core_rig *rig,
                     uint64_t number,
                     uint32_t node,
                     void (*change)(struct chain_config *config))
{
    struct arena arena;
    struct chain_config config;
    char why[CONFIG_WHY_MAX];
    const struct core_rig_node *of = &rig->nodes[node];
    arena_init(&arena, mem_system(), 0);
    assert_int_equal(chain_config_decode(&config, &arena, of->configs[of->config_count - 1]),
                     ST_OK);
    config.epoch++;
    change(&config);
    if (chain_config_check(&config, why) != ST_OK) fail_msg("%s", why);
    assert_true(rig->decision_count < CORE_RIG_EPOCHS);
    struct core_rig_decision *d = &rig->decisions[rig->decision_count++];
    d->number = number;
    buf_init(&d->config, mem_system(), 0);
    chain_config_encode(&d->config, &config);
    assert_int_equal(buf_status(&d->config), ST_OK);
    arena_fini(&arena);
}

uint64_t core_rig_epoch(const struct core_rig *rig, uint32_t node)
{
    return rig->nodes[node].epoch;
}

static struct consensus_view view_of(const struct core_rig *rig, uint32_t node)
{
    struct consensus_view view;
    core_view(rig->nodes[node].core, &view);
    return view;
}

uint64_t core_rig_final(const struct core_rig *rig, uint32_t node)
{
    return view_of(rig, node).final_height;
}

uint64_t core_rig_executed(const struct core_rig *rig, uint32_t node)
{
    return view_of(rig, node).executed_height;
}

void core_rig_check_equal(const struct core_rig *rig)
{
    for (uint32_t i = 1; i < rig->n; i++) {
        const struct core_rig_node *a = &rig->nodes[0];
        const struct core_rig_node *b = &rig->nodes[i];
        uint64_t least = a->block_count < b->block_count ? a->block_count : b->block_count;
        for (uint64_t h = 0; h < least; h++) {
            assert_true(hash_equal(&a->blocks[h].hash, &b->blocks[h].hash));
            assert_int_equal(a->blocks[h].size, b->blocks[h].size);
        }
    }
}
