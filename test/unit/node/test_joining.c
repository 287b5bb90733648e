/* Goal: of the history that peers give to a joining node only what a quorum has signed reaches its
 * store, whatever they give; who gives something else is named. The exchange of the state at the
 * end can be interrupted anywhere. */
#include "node/joining_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/cmocka_all.h"
#include "support/exec_rig.h"

#define DIR    "node"
#define BLOCKS 24u

static const struct chain_options options = {.exec_version = 3};

struct rig {
    struct exec_rig chain; /* What the peers have. */
    struct span blocks[BLOCKS + 1];
    struct hash hashes[BLOCKS + 1];
    struct hash digests[BLOCKS + 1];
    struct genesis genesis;
    struct arena arena;
    struct buf config_bytes;
    struct node_config settings;
    struct node_keys keys;
    struct fake_os *os;
    struct store *store;
    struct joining_config config;
    struct joining *j;
};

static char warned[4096];

static void warn(const char *text)
{
    (void)snprintf(warned, sizeof warned, "%.1000s", text);
}

static void make_chain(struct rig *r)
{
    exec_rig_init(&r->chain, &options);
    r->digests[0] = exec_digest(r->chain.exec);
    exec_rig_do(&r->chain, 0, "CREATE TABLE t (a integer PRIMARY KEY, b text)");
    for (uint32_t h = 1; h <= BLOCKS; h++) {
        char sql[96];
        (void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%u, 'row')", h);
        if (h > 1) exec_rig_do(&r->chain, 0, sql);
        r->blocks[h] = r->chain.block->bytes;
        r->hashes[h] = r->chain.block->hash;
        r->digests[h] = exec_digest(r->chain.exec);
    }
}

static void open_store(struct rig *r)
{
    struct damage damage;
    struct os *os = fake_os_table(r->os);
    (void)!os->make_dir(os, DIR);
    const struct store_config config = {.os = os,
                                        .mem = mem_system(),
                                        .dir = DIR,
                                        .chain_id = *chain_id(r->chain.chain),
                                        .can_mend = true,
                                        .has_peers = true};
    assert_int_equal(store_open(&r->store, &config, &damage), ST_OK);
}

static void open_joining(struct rig *r)
{
    struct os *os = fake_os_table(r->os);
    r->config = (struct joining_config){.os = os,
                                        .mem = mem_system(),
                                        .dir = DIR,
                                        .store = r->store,
                                        .signer = chain_signer(r->chain.chain),
                                        .chain_id = *chain_id(r->chain.chain),
                                        .settings = &r->settings,
                                        .keys = &r->keys,
                                        .genesis = &r->genesis,
                                        .genesis_digest = r->digests[0],
                                        .config = buf_span(&r->config_bytes),
                                        .warn = warn};
    assert_int_equal(joining_ask(os, DIR), ST_OK);
    r->j = calloc(1, sizeof *r->j);
    assert_non_null(r->j);
    struct joining *j = r->j;
    j->config = &r->config;
    buf_init(&j->sent, mem_system(), 0);
    buf_init(&j->next_config, mem_system(), 0);
    arena_init(&j->config_arena, mem_system(), 0);
    j->out = calloc(1, sizeof *j->out);
    assert_non_null(j->out);
    assert_int_equal(loop_new(&j->loop, mem_system()), ST_OK);
    const struct peers_config peers = {.os = os,
                                       .mem = mem_system(),
                                       .loop = j->loop,
                                       .chain_id = r->config.chain_id,
                                       .settings = &r->settings,
                                       .keys = &r->keys};
    assert_int_equal(peers_new(&j->peers, &peers), ST_OK);
    assert_int_equal(joining_history_open(j), ST_OK);
    peers_nodes(j->peers, j->nodes, NULL, 0);
}

static void rig_init(struct rig *r)
{
    struct chain_config *first = malloc(sizeof *first);
    assert_non_null(first);
    *r = (struct rig){.os = fake_os_new(1)};
    warned[0] = 0;
    make_chain(r);
    node_config_defaults(&r->settings);
    arena_init(&r->arena, mem_system(), 0);
    assert_int_equal(genesis_decode(&r->genesis, &r->arena, chain_genesis(r->chain.chain)), ST_OK);
    buf_init(&r->config_bytes, mem_system(), 0);
    chain_config_of_genesis(first, &r->genesis);
    chain_config_encode(&r->config_bytes, first);
    free(first);
    open_store(r);
    open_joining(r);
}

static void close_joining(struct rig *r)
{
    struct joining *j = r->j;
    joining_history_fini(j);
    peers_free(j->peers);
    loop_free(j->loop);
    buf_fini(&j->sent);
    buf_fini(&j->next_config);
    arena_fini(&j->config_arena);
    free(j->out);
    free(j);
}

static void rig_fini(struct rig *r)
{
    close_joining(r);
    store_close(r->store);
    fake_os_free(r->os);
    buf_fini(&r->config_bytes);
    arena_fini(&r->arena);
    exec_rig_fini(&r->chain);
}

/* The word of the one validator: a commit of height, or a result. */
static struct certificate certify(const struct rig *r,
                                  enum vote_part part,
                                  uint64_t height,
                                  const struct hash *hash)
{
    struct secret_key key = {.scheme = SIGN_ED25519};
    struct certificate c = {.part = part, .statement = {.height = height, .hash = *hash}};
    struct vote v = {.voter = 0};
    memset(key.bytes, 9, sizeof key.bytes); /* chain_builder's. */
    for (int i = 0; i < VOTE_PARTS; i++)
        v.parts[i].is_null = true;
    v.parts[part] = c.statement;
    const struct hash hashed = vote_hash(&v, &r->config.chain_id);
    assert_int_equal(sign_hash(r->config.signer, &v.sig, &key, &hashed), ST_OK);
    c.entries[c.entry_count++] = certificate_cut(&v, part);
    return c;
}

struct gift { /* What a peer answers. */
    uint64_t first;
    uint64_t last;
    uint64_t spoilt;   /* Height of a pair that is not as it was; 0: none. */
    bool is_block;     /* Of it, the block; else the result. */
    size_t at;         /* The byte. */
    struct span other; /* Instead of the spoilt result; empty: a byte is another. */
    bool has_certs;
    struct certificate commit;
    struct certificate result;
};

static void put_item(struct buf *items, struct span bytes, const struct gift *g, bool is_spoilt)
{
    struct buf copy;
    buf_init(&copy, mem_system(), 0);
    buf_put(&copy, bytes);
    if (is_spoilt && g->other.size == 0) copy.data[g->at % copy.size] ^= 1;
    wire_put(items, is_spoilt && g->other.size > 0 ? g->other : buf_span(&copy));
    buf_fini(&copy);
}

static void give(struct rig *r, uint32_t peer, const struct gift *g)
{
    struct buf items;
    uint32_t count = 0;
    buf_init(&items, mem_system(), 0);
    for (uint64_t h = g->first; h <= g->last; h++, count += 2) {
        const bool is_spoilt = h == g->spoilt;
        put_item(&items, r->blocks[h], g, is_spoilt && g->is_block);
        put_item(&items, buf_span(&r->chain.records[h - 1]), g, is_spoilt && !g->is_block);
    }
    struct wire_history h = {.id = 77,
                             .final_height = BLOCKS,
                             .has_cert = g->has_certs,
                             .cert = g->commit,
                             .has_res_cert = g->has_certs,
                             .res_cert = g->result,
                             .items = {.bytes = buf_span(&items), .count = count}};
    r->j->history_id = 77;
    r->j->history_peer = peer;
    joining_on_history(r->j, peer, &h);
    buf_fini(&items);
}

static struct gift all_of_it(const struct rig *r)
{
    struct gift g = {.first = 1, .last = BLOCKS, .has_certs = true};
    g.commit = certify(r, VOTE_P2, BLOCKS, &r->hashes[BLOCKS]);
    g.result = certify(r, VOTE_P3, BLOCKS, &r->digests[BLOCKS]);
    return g;
}

static void assert_nothing(const struct rig *r)
{
    assert_int_equal(store_height(r->store), 0);
    assert_int_equal(store_result_height(r->store), 0);
    assert_int_equal(joining_height(r->j), 0);
    assert_int_equal(r->j->status, ST_OK);
}

/* All blocks, and their results but for what no digest binds. */
static void assert_whole(const struct rig *r)
{
    struct buf got;
    struct arena a;
    buf_init(&got, mem_system(), 0);
    arena_init(&a, mem_system(), 0);
    assert_int_equal(store_height(r->store), BLOCKS);
    assert_int_equal(store_result_height(r->store), BLOCKS);
    for (uint64_t h = 1; h <= BLOCKS; h++) {
        struct exec_record record;
        buf_reset(&got);
        assert_int_equal(store_read_block(r->store, h, &got, NULL), ST_OK);
        assert_true(span_equal(buf_span(&got), r->blocks[h]));
        buf_reset(&got);
        assert_int_equal(store_read_result(r->store, h, &got, NULL), ST_OK);
        assert_int_equal(exec_record_decode(&record, &a, buf_span(&got)), ST_OK);
        assert_true(hash_equal(&record.digest, &r->digests[h]));
        assert_int_equal(record.rows.origins.size, 0);
    }
    arena_fini(&a);
    buf_fini(&got);
}

static void what_a_quorum_signed(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    struct gift g = all_of_it(&r);
    g.has_certs = false;
    g.last = 10;
    give(&r, 0, &g); /* Nobody's word yet. */
    assert_nothing(&r);
    g = all_of_it(&r);
    g.first = 11;
    give(&r, 0, &g);
    assert_whole(&r);
    assert_string_equal(warned, "");
    /* A run that begins anew stands where the store does. */
    close_joining(&r);
    open_joining(&r);
    assert_int_equal(joining_height(r.j), BLOCKS);
    assert_true(hash_equal(&r.j->before, &r.hashes[BLOCKS]));
    assert_true(hash_equal(&r.j->digest, &r.digests[BLOCKS]));
    rig_fini(&r);
}

/* Any byte of any block or result: its giver is named, nothing of it is stored, another's is. */
static void spoilt_bytes(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    uint32_t named = 0;
    for (size_t at = 0; at < 400; at += 7) {
        for (int is_block = 0; is_block < 2; is_block++) {
            struct gift g = all_of_it(&r);
            g.spoilt = 1 + at % BLOCKS;
            g.is_block = is_block != 0;
            g.at = at;
            /* Gone and origins are bound by nothing, and left out. */
            const struct span bytes =
                g.is_block ? r.blocks[g.spoilt] : buf_span(&r.chain.records[g.spoilt - 1]);
            if (!g.is_block && at % bytes.size > 300) continue;
            give(&r, 0, &g);
            if (!r.j->peer[0].is_liar) fail_msg("byte %zu of block %d passed", at, is_block);
            assert_nothing(&r);
            assert_int_equal(r.j->count, 0);
            r.j->peer[0].is_liar = false;
            named++;
        }
    }
    assert_true(named > 80);
    const struct gift g = all_of_it(&r);
    give(&r, 0, &g);
    assert_whole(&r);
    rig_fini(&r);
}

/* Results that hang together but are not those that were signed. */
static void forged_results(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    struct buf forged;
    struct exec_record record;
    buf_init(&forged, mem_system(), 0);
    struct gift g = all_of_it(&r);
    g.spoilt = BLOCKS;
    assert_int_equal(exec_record_decode(&record, &r.arena, buf_span(&r.chain.records[BLOCKS - 1])),
                     ST_OK);
    record.result.checkpoint.bytes[3] ^= 1;
    const struct hash own = block_result_digest(&record.result);
    record.digest = digest_fold(&record.digest_before, &own);
    exec_record_strip(&forged, &record);
    g.other = buf_span(&forged);
    give(&r, 0, &g);
    assert_true(r.j->peer[0].is_liar);
    assert_non_null(strstr(warned, "results that no quorum has signed"));
    assert_nothing(&r);
    buf_fini(&forged);
    rig_fini(&r);
}

static void false_certificates(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    struct gift g = all_of_it(&r);
    g.commit.entries[0].sig.bytes[5] ^= 1;
    give(&r, 0, &g);
    assert_true(r.j->peer[0].is_liar);
    assert_non_null(strstr(warned, "a false certificate"));
    assert_nothing(&r);
    r.j->peer[0].is_liar = false;
    /* Of another block, signed all the same: the blocks are not the chain's. */
    g = all_of_it(&r);
    g.commit = certify(&r, VOTE_P2, BLOCKS, &r.hashes[BLOCKS - 1]);
    give(&r, 0, &g);
    assert_non_null(strstr(warned, "blocks that no quorum has committed"));
    assert_nothing(&r);
    rig_fini(&r);
}

/* An answer to no question, or of somebody else, is none. */
static void uncalled_answers(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    struct wire_history h = {.id = 78, .final_height = 5};
    r.j->history_id = 77;
    r.j->history_peer = 0;
    joining_on_history(r.j, 0, &h);
    h.id = 77;
    joining_on_history(r.j, 1, &h);
    assert_int_equal(r.j->history_id, 77);
    assert_int_equal(r.j->seen_final, 0);
    rig_fini(&r);
}

/* --- the exchange ------------------------------------------------------------------------------
 */

static void put_file(struct os *os, const char *path, const char *text)
{
    assert_int_equal(os_replace_file(os, path, span_text(text)), ST_OK);
}

static bool has_text(struct os *os, const char *path, const char *text)
{
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    const bool is_same = os_read_file(os, path, 64, &bytes) == ST_OK &&
                         span_equal(buf_span(&bytes), span_text(text));
    buf_fini(&bytes);
    return is_same;
}

static void put_both(struct os *os)
{
    static const char *const dirs[] = {"node",         "node/state",         "node/rows",
                                       "node/joining", "node/joining/state", "node/joining/rows"};
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
        assert_int_equal(os->make_dir(os, dirs[i]), ST_OK);
    assert_int_equal(os->sync_dir(os, "."), ST_OK);
    assert_int_equal(os->sync_dir(os, "node"), ST_OK);
    assert_int_equal(os->sync_dir(os, "node/joining"), ST_OK);
    put_file(os, "node/state/main.db", "old");
    put_file(os, "node/state/main.db.sums", "old sums");
    put_file(os, "node/state/main.db-journal", "old journal");
    put_file(os, "node/rows/run-1", "old run");
    put_file(os, "node/rows/run-9", "old run 9");
    put_file(os, "node/rows/manifest", "old manifest");
    put_file(os, "node/joining/state/main.db", "new");
    put_file(os, "node/joining/state/main.db.sums", "new sums");
    put_file(os, "node/joining/rows/run-1", "new run");
    put_file(os, "node/joining/rows/manifest", "new manifest");
    put_file(os, "node/joining/chunks", "chunks");
    put_file(os, "node/joining/wanted", "wanted\n");
    put_file(os, "node/joining/done", "done\n");
}

/* The process ends at every change: the next start ends the exchange, and nothing old is left. */
static void an_exchange_that_is_cut(void **state)
{
    (void)state;
    bool was_cut = true;
    uint64_t n = 1;
    for (; was_cut; n++) {
        bool is_done = false;
        struct fake_os *f = fake_os_new(n);
        struct os *os = fake_os_table(f);
        put_both(os);
        fake_os_cut_power(f, n);
        enum status st = joining_settle(os, DIR, &is_done);
        was_cut = fake_os_has_failed(f);
        if (!was_cut) assert_int_equal(st, ST_OK);
        fake_os_crash(f, FAKE_OS_KEEP_ALL); /* The fake disk cannot halve a rename between two. */
        assert_int_equal(joining_settle(os, DIR, &is_done), ST_OK);
        assert_false(joining_is_due(os, DIR) && has_text(os, "node/state/main.db", "new") &&
                     has_text(os, "node/joining/done", "done\n"));
        assert_true(has_text(os, "node/state/main.db", "new"));
        assert_true(has_text(os, "node/state/main.db.sums", "new sums"));
        assert_false(has_text(os, "node/state/main.db-journal", "old journal"));
        assert_true(has_text(os, "node/rows/manifest", "new manifest"));
        assert_true(has_text(os, "node/rows/run-1", "new run"));
        assert_false(has_text(os, "node/rows/run-9", "old run 9"));
        fake_os_free(f);
    }
    assert_true(n > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_quorum_signed), cmocka_unit_test(spoilt_bytes),
        cmocka_unit_test(forged_results),       cmocka_unit_test(false_certificates),
        cmocka_unit_test(uncalled_answers),     cmocka_unit_test(an_exchange_that_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
