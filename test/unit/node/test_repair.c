/* Goal: a gap of the store is closed with the blocks of this chain whatever other peers say: who
 * gives anything else is named, who gives nothing is not, and both are passed over. */
#include "node/repair.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/must.h"
#include "node/wire.h"
#include "support/chain_builder.h"
#include "support/cmocka_all.h"
#include "support/test_rng.h"

#define BLOCKS    24u
#define PEERS     5u
#define ROUNDS    24u
#define ROW_MAX   4u /* Blocks of an answer. */
#define TICK_MS   20u
#define TICKS_MAX 4000000u

enum manner { /* What a peer gives when it is asked for a height. */
              HONEST,
              SILENT,      /* No answer. */
              UNREACHABLE, /* Cannot be asked. */
              EMPTY,       /* It has no such block. */
              IN_PARTS,    /* Honest: each block as one that is too large for an answer. */
              MALFORMED,   /* Parts without bytes, which are no message: as if there were no answer.
                            */
              HONEST_MANNERS,
              OTHER_CHAIN = HONEST_MANNERS, /* Blocks of the same heights. */
              OTHER_HEIGHT,                 /* The block after the one that is wanted. */
              CHANGED_BYTE,
              CUT_SHORT,
              NO_BLOCK,    /* Bytes. */
              FALSE_PARTS, /* A part that is not where it says. */
              MANNERS
};

struct world {
    struct chain_builder *chain;
    struct chain_builder *other;
    const struct chain_block *blocks[BLOCKS + 2];
    const struct chain_block *others[BLOCKS + 2];
    char dir[64];
    struct store *store;
    struct repair *repair;
    enum manner manners[PEERS];
    bool is_named[PEERS]; /* As a liar. */
    uint32_t closed;
    struct test_rng rng;

    bool is_asked; /* What waits for an answer: */
    uint32_t peer;
    struct buf question;
    struct wire_message in;
    struct wire_message out;
};

static enum status remove_all(struct os *os, char *path);

static void make_blocks(struct chain_builder **out,
                        const struct chain_block **blocks,
                        uint32_t fill)
{
    *out = chain_builder_new(NULL);
    for (uint32_t i = 1; i <= BLOCKS + 1; i++) {
        char text[96];
        (void)snprintf(text, sizeof text, "CREATE TABLE t%u_%u (id integer)", fill, i);
        chain_tx(*out, 0, text);
        blocks[i] = chain_block_end(*out);
    }
}

static void append_all(struct world *w)
{
    for (uint32_t i = 1; i <= BLOCKS; i++) {
        const struct chain_block *b = w->blocks[i];
        struct hash *txids = calloc(b->tx_count, sizeof *txids);
        for (uint32_t k = 0; k < b->tx_count; k++)
            txids[k] = b->txs[k].txid;
        const struct store_block block = {.height = i,
                                          .hash = b->hash,
                                          .bytes = b->bytes,
                                          .txids = txids,
                                          .tx_count = b->tx_count};
        assert_int_equal(store_append(w->store, &block), ST_OK);
        free(txids);
    }
    assert_int_equal(store_settle(w->store), ST_OK);
}

static enum status on_send(void *context, uint32_t peer, struct span message, bool is_urgent)
{
    struct world *w = context;
    (void)is_urgent;
    assert_true(peer < PEERS);
    if (w->manners[peer] == UNREACHABLE) return ST_CLOSED;
    w->is_asked = true;
    w->peer = peer;
    buf_reset(&w->question);
    buf_put(&w->question, message);
    return ST_OK;
}

static void on_lied(void *context, uint32_t peer)
{
    struct world *w = context;
    assert_true(w->manners[peer] >= HONEST_MANNERS);
    w->is_named[peer] = true;
}

static void on_closed(void *context, const struct repair_report *report)
{
    struct world *w = context;
    assert_true(report->first <= report->last);
    w->closed++;
}

static void on_failed(void *context, enum status st, const char *what)
{
    (void)context;
    fail_msg("%s: %s", status_text(st), what);
}

/* A block as this peer gives it, at the end of blocks. */
static void put_block(struct world *w, enum manner manner, uint64_t height, struct buf *blocks)
{
    const struct chain_block *b = w->blocks[height];
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    if (manner == OTHER_CHAIN) b = w->others[height];
    if (manner == OTHER_HEIGHT) b = w->blocks[height + 1];
    buf_put(&bytes, b->bytes);
    if (manner == CHANGED_BYTE)
        bytes.data[test_rng_below(&w->rng, bytes.size)] ^=
            (uint8_t)(1u << test_rng_below(&w->rng, 8));
    if (manner == CUT_SHORT) bytes.size = test_rng_below(&w->rng, bytes.size);
    if (manner == NO_BLOCK) memset(bytes.data, 0x5a, bytes.size);
    wire_put(blocks, buf_span(&bytes));
    buf_fini(&bytes);
}

static void answer_row(struct world *w, enum manner manner, struct buf *blocks)
{
    const uint64_t height = w->in.get_chain.height;
    const bool is_large = manner == IN_PARTS || manner == FALSE_PARTS || manner == MALFORMED;
    uint32_t count = 0;
    for (; !is_large && manner != EMPTY && count < ROW_MAX && height + count <= BLOCKS; count++)
        put_block(w, manner, height + count, blocks);
    w->out.kind = WIRE_CHAIN;
    w->out.chain = (struct wire_chain){.id = w->in.get_chain.id,
                                       .final_height = manner == EMPTY ? height - 1 : BLOCKS,
                                       .blocks = {.bytes = buf_span(blocks), .count = count}};
}

static void answer_part(struct world *w, enum manner manner)
{
    const struct wire_get_block *q = &w->in.get_block;
    const struct span whole = w->blocks[q->height]->bytes;
    const size_t left = whole.size - q->offset;
    const size_t size = left > whole.size / 3 + 1 ? whole.size / 3 + 1 : left;
    struct wire_block_part part = {.id = q->id,
                                   .size = whole.size,
                                   .offset = q->offset,
                                   .bytes = span_of(whole.data + q->offset, size)};
    if (manner == FALSE_PARTS) part.offset++;
    if (manner == MALFORMED) part.bytes.size = 0;
    w->out.kind = WIRE_BLOCK_PART;
    w->out.block_part = part;
}

static void answer(struct world *w)
{
    struct buf blocks;
    struct buf bytes;
    const enum manner manner = w->manners[w->peer];
    if (manner == SILENT) return;
    buf_init(&blocks, mem_system(), 0);
    buf_init(&bytes, mem_system(), 0);
    assert_int_equal(wire_decode(&w->in, buf_span(&w->question)), ST_OK);
    if (w->in.kind == WIRE_GET_CHAIN)
        answer_row(w, manner, &blocks);
    else
        answer_part(w, manner);
    wire_encode(&bytes, &w->out);
    /* Nobody else can answer, and nobody can answer twice. */
    assert_false(repair_on_message(w->repair, (w->peer + 1) % PEERS, buf_span(&bytes)));
    const bool is_formed = wire_decode(&w->in, buf_span(&bytes)) == ST_OK;
    assert_int_equal(is_formed, manner != MALFORMED || w->out.kind != WIRE_BLOCK_PART);
    assert_int_equal(repair_on_message(w->repair, w->peer, buf_span(&bytes)), is_formed);
    assert_false(repair_on_message(w->repair, w->peer, buf_span(&bytes)));
    buf_fini(&bytes);
    buf_fini(&blocks);
}

static void until_closed(struct world *w)
{
    uint64_t now_ms = 0;
    uint32_t ticks = 0;
    for (; store_has_gap(w->store, STORE_BLOCKS) && ticks < TICKS_MAX; ticks++) {
        w->is_asked = false;
        repair_tick(w->repair, now_ms += TICK_MS);
        if (w->is_asked) answer(w);
    }
    assert_true(ticks < TICKS_MAX);
}

static void expect_whole(struct world *w)
{
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    for (uint32_t i = 1; i <= BLOCKS; i++) {
        buf_reset(&bytes);
        assert_int_equal(store_read_block(w->store, i, &bytes, NULL), ST_OK);
        assert_true(span_equal(buf_span(&bytes), w->blocks[i]->bytes));
    }
    buf_fini(&bytes);
}

static void world_open(struct world *w)
{
    struct damage damage;
    *w = (struct world){.rng = {11}};
    buf_init(&w->question, mem_system(), 0);
    make_blocks(&w->chain, w->blocks, 0);
    make_blocks(&w->other, w->others, 1);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/trustsql-repair-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    const struct store_config config = {.os = os_posix(),
                                        .mem = mem_system(),
                                        .dir = w->dir,
                                        .chain_id = *chain_id(w->chain),
                                        .segment_size = 2048,
                                        .can_mend = true,
                                        .has_peers = true};
    assert_int_equal(store_open(&w->store, &config, &damage), ST_OK);
    append_all(w);
}

static enum status remove_entry(void *context, const char *name)
{
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, context, name));
    return remove_all(os_posix(), path);
}

/* A file, or a directory with all that is in it. */
static enum status remove_all(struct os *os, char *path)
{
    if (os->remove(os, path) == ST_OK) return ST_OK;
    TRY(os->list_dir(os, path, remove_entry, path));
    return os->remove(os, path);
}

static void world_close(struct world *w)
{
    store_close(w->store);
    chain_builder_free(w->chain);
    chain_builder_free(w->other);
    buf_fini(&w->question);
    assert_int_equal(remove_all(os_posix(), w->dir), ST_OK);
}

static void begin_repair(struct world *w)
{
    const struct repair_config config = {.os = os_posix(),
                                         .mem = mem_system(),
                                         .store = w->store,
                                         .chain_id = *chain_id(w->chain),
                                         .peer_count = PEERS,
                                         .send = on_send,
                                         .lied = on_lied,
                                         .closed = on_closed,
                                         .failed = on_failed,
                                         .context = w};
    assert_int_equal(repair_new(&w->repair, &config), ST_OK);
}

static void make_gap(struct world *w, uint64_t first, uint64_t last)
{
    struct damage place = {.height = first};
    (void)snprintf(place.file, sizeof place.file, "blocks/x");
    store_note_false(w->store, STORE_BLOCKS, first, last, &place);
    assert_true(store_has_gap(w->store, STORE_BLOCKS));
}

/* Each kind of lie alone, all peers but the last one of that kind: it is seen through. */
static void each_lie_is_seen(void **state)
{
    (void)state;
    struct world *w = malloc(sizeof *w);
    world_open(w);
    for (enum manner manner = SILENT; manner < MANNERS; manner++) {
        begin_repair(w);
        make_gap(w, 3, 9);
        for (uint32_t i = 0; i < PEERS; i++) {
            w->manners[i] = i == PEERS - 1 ? HONEST : manner;
            w->is_named[i] = false;
        }
        until_closed(w);
        repair_free(w->repair);
        for (uint32_t i = 0; i + 1 < PEERS; i++)
            if (w->is_named[i] != (manner >= HONEST_MANNERS))
                fail_msg("peer %u, manner %d", i, manner);
        expect_whole(w);
    }
    world_close(w);
    free(w);
}

/* Peers of all kinds, one honest; gaps anywhere. */
static void any_company(void **state)
{
    (void)state;
    struct world *w = malloc(sizeof *w);
    world_open(w);
    begin_repair(w);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const uint64_t first = 1 + test_rng_below(&w->rng, BLOCKS - 1);
        const uint64_t last = first + test_rng_below(&w->rng, BLOCKS - first);
        for (uint32_t i = 0; i < PEERS; i++)
            w->manners[i] = (enum manner)test_rng_below(&w->rng, MANNERS);
        w->manners[test_rng_below(&w->rng, PEERS)] = round % 2 == 0 ? HONEST : IN_PARTS;
        make_gap(w, first, last);
        until_closed(w);
        expect_whole(w);
    }
    assert_true(repair_count(w->repair) >= ROUNDS);
    repair_free(w->repair);
    world_close(w);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_lie_is_seen),
        cmocka_unit_test(any_company),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
