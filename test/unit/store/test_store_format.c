/* The bytes on disk are those of docs/format/store.md: a small store's files have known hashes,
 * made once, and the same on every compiler and machine. */
#include <stdio.h>

#include "store/crc32c.h"
#include "support/cmocka_all.h"
#include "support/golden.h"
#include "support/store_rig.h"

/* RFC 3720, B.4, and the check value everybody prints. */
static void expect_checksums(const struct crc32c *c)
{
    uint8_t bytes[32] = {0};
    assert_int_equal(crc32c_add(c, 0, span_text("123456789")), 0xe3069283u);
    assert_int_equal(crc32c_add(c, 0, span_of(bytes, 32)), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(crc32c_add(c, 0, span_of(bytes, 32)), 0x62a8ab43u);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    assert_int_equal(crc32c_add(c, 0, span_of(bytes, 32)), 0x46dd794eu);
    for (size_t cut = 0; cut <= 32; cut++) { /* In two parts as in one. */
        uint32_t crc = crc32c_add(c, 0, span_of(bytes, cut));
        assert_int_equal(crc32c_add(c, crc, span_of(bytes + cut, 32 - cut)), 0x46dd794eu);
    }
}

/* By the processor's instruction and without. */
static void has_known_checksums(void **state)
{
    (void)state;
    struct crc32c c;
    crc32c_init(&c);
    expect_checksums(&c);
    c.has_instruction = false;
    expect_checksums(&c);
}

static void expect_hash(struct store_rig *r, const char *name, const char *want)
{
    struct buf bytes;
    char hex[2 * HASH_SIZE + 1];
    buf_init(&bytes, mem_system(), 0);
    store_rig_file(r, name, &bytes);
    struct hash h = hash_of("", buf_span(&bytes));
    for (size_t i = 0; i < HASH_SIZE; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", h.bytes[i]);
    buf_fini(&bytes);
    assert_string_equal(hex, want);
}

static void has_known_bytes(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 1);
    assert_int_equal(store_rig_open(&r), ST_OK);
    for (uint64_t i = 1; i <= 10; i++) {
        assert_int_equal(store_rig_add(&r), ST_OK);
        assert_int_equal(store_rig_result(&r, i), ST_OK);
    }
    store_rig_close(&r);
    expect_hash(&r, "blocks/00000001.seg",
                "09575592d80e6d0d3e6dba50db03772c2d259f3255aa89d7e2f4c76ee6e04c5e");
    expect_hash(&r, "blocks/00000002.seg",
                "7204ede120ae5697a110cadaaeaec4fea0325f7b0721801abaec1cbbb6da4e97");
    expect_hash(&r, "blocks/00000001.idx",
                "72e484ede570a28cb4114fc902250ade95226d82dd81dc259e735a535678ac8a");
    expect_hash(&r, "results/00000001.res",
                "bd7738a9f3385173d4c7650baf40066079ea59611c05efdc5d405773abeb59d0");
    expect_hash(&r, "pending/00000001.blk",
                "94e1a42259dfb663cc22079cda7785b02b45b0d0362a9f1e5142bf9e0e4e5d14");
    expect_hash(&r, "journal", "7e4e63deff63ae79ac72c342d9d76b20de4c22f4b16b9c4c444dbd97f0901cbc");
    store_rig_fini(&r);
}

/* The first bytes, by hand from the table. */
static void has_known_header(void **state)
{
    (void)state;
    struct store_rig r;
    struct buf bytes;
    store_rig_init(&r, 1);
    assert_int_equal(store_rig_open(&r), ST_OK);
    assert_int_equal(store_rig_add(&r), ST_OK);
    store_rig_close(&r);
    buf_init(&bytes, mem_system(), 0);
    store_rig_file(&r, "blocks/00000001.seg", &bytes);
    static const uint8_t start[24] = {'T', 'S', 'Q', 'L', 'S', 'E', 'G', '1', 1, 0, 0, 0,
                                      0,   0,   0,   0,   1,   0,   0,   0,   0, 0, 0, 0};
    static const uint8_t zero[HASH_SIZE] = {0};
    static const uint8_t head[16] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
    struct hash hash = store_rig_hash(1, r.salt);
    struct hash txid = store_rig_txid(1, 0, r.salt);
    struct buf body;
    buf_init(&body, mem_system(), 0);
    store_rig_block(&body, 1, r.salt);
    assert_int_equal(bytes.size, 92 + 60 + 32 + body.size);
    assert_memory_equal(bytes.data, start, sizeof start);
    assert_memory_equal(bytes.data + 24, r.config.chain_id.bytes, HASH_SIZE);
    assert_memory_equal(bytes.data + 56, zero, HASH_SIZE);
    assert_memory_equal(bytes.data + 92, head, sizeof head);
    assert_memory_equal(bytes.data + 92 + 24, hash.bytes, HASH_SIZE);
    assert_memory_equal(bytes.data + 92 + 60, txid.bytes, HASH_SIZE);
    assert_memory_equal(bytes.data + 92 + 60 + 32, body.data, body.size);
    buf_fini(&body);
    buf_fini(&bytes);
    store_rig_fini(&r);
}

/* A packed file that was written once stays readable, whatever zstd would write today. */
static void reads_packed_bytes(void **state)
{
    (void)state;
    static const uint8_t start[16] = {'T', 'S', 'Q', 'L', 'P', 'A', 'K', '1',
                                      0,   0,   1,   0,   1,   0,   0,   0};
    const char *name = "blocks/00000001.seg";
    struct store_rig r;
    struct store_rig_scan scan;
    struct buf bytes;
    struct buf kept;
    store_rig_init(&r, 1);
    assert_int_equal(store_rig_open(&r), ST_OK);
    for (uint64_t i = 1; i <= 10; i++)
        assert_int_equal(store_rig_add(&r), ST_OK);
    assert_int_equal(store_settle(r.store), ST_OK);
    store_rig_tidy(&r);
    store_rig_close(&r);
    buf_init(&bytes, mem_system(), 0);
    buf_init(&kept, mem_system(), 0);
    store_rig_file(&r, name, &bytes);
    golden_read(&kept, "packed-segment", buf_span(&bytes));
    assert_memory_equal(kept.data, start, sizeof start);
    store_rig_set_file(&r, name, buf_span(&kept));
    assert_int_equal(store_rig_scan(&r, &scan), ST_OK);
    assert_int_equal(scan.blocks, 10);
    assert_int_equal(store_rig_open(&r), ST_OK);
    assert_true(store_rig_is_whole(&r));
    store_rig_close(&r);
    buf_fini(&kept);
    buf_fini(&bytes);
    store_rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_known_checksums),
        cmocka_unit_test(has_known_bytes),
        cmocka_unit_test(has_known_header),
        cmocka_unit_test(reads_packed_bytes),
    };
    return cmocka_run_group_tests_name("store format", tests, NULL, NULL);
}
