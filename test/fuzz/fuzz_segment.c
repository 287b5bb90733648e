/* Goal: no bytes in a segment, an index, a file of results, of held blocks or the journal make
 * opening, reading, looking up or scanning misbehave; segments may be packed. The first byte
 * chooses the file and whether the checksums of the input are made right first, so that the code
 * behind them is reached. */
#include <stdio.h>
#include <stdlib.h>

#include "base/endian.h"
#include "base/must.h"
#include "store/crc32c.h"
#include "support/store_rig.h"

#define INPUT_MAX  8193u
#define BLOCKS     9u
#define PAGE_SIZE  4096u
#define HEAD_SIZE  60u
#define PACK_HEAD  64u
#define PACK_ENTRY 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_crc(const struct crc32c *c, uint8_t *bytes, size_t size, uint32_t seed)
{
    put_u32_le(bytes + size, crc32c_add(c, seed, span_of(bytes, size)));
}

/* Header, then heads where they say that the next one is; payloads as well. */
static void mend_segment(const struct crc32c *c, uint8_t *bytes, size_t size, size_t header)
{
    if (size < header) return;
    put_crc(c, bytes, header - 4, 0);
    uint32_t salt = get_u32_le(bytes + header - 4);
    for (size_t at = header; size - at >= HEAD_SIZE;) {
        uint8_t *head = bytes + at;
        bool is_seal = get_u32_le(head) == 2;
        uint64_t count = get_u32_le(head + 4);
        uint64_t body = is_seal ? count * 4 : count * 32 + get_u32_le(head + 16);
        size_t left = size - at - HEAD_SIZE;
        if (body <= left) {
            struct span payload = span_of(head + HEAD_SIZE, (size_t)body);
            put_u32_le(head + 20, crc32c_add(c, 0, payload));
        }
        put_crc(c, head, 56, salt);
        if (is_seal && body + HEAD_SIZE <= left) memcpy(head + HEAD_SIZE + body, head, HEAD_SIZE);
        if (body > left) return;
        at += HEAD_SIZE + (size_t)body;
    }
}

static bool is_packed(const uint8_t *bytes, size_t size)
{
    return size >= PACK_HEAD && memcmp(bytes, "TSQLPAK1", 8) == 0;
}

/* Frames where the table says, the table, the header. */
static void mend_pack(const struct crc32c *c, uint8_t *bytes, size_t size)
{
    const uint64_t count = get_u32_le(bytes + 12);
    if (count > (size - PACK_HEAD) / PACK_ENTRY) return;
    uint64_t at = PACK_HEAD + count * PACK_ENTRY;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t *entry = bytes + PACK_HEAD + i * PACK_ENTRY;
        const uint64_t frame = get_u32_le(entry);
        if (frame > size - at) break;
        put_u32_le(entry + 4, crc32c_add(c, 0, span_of(bytes + at, (size_t)frame)));
        at += frame;
    }
    const struct span table = span_of(bytes + PACK_HEAD, (size_t)count * PACK_ENTRY);
    put_u32_le(bytes + 56, crc32c_add(c, 0, table));
    put_crc(c, bytes, 60, 0);
}

static void mend_index(const struct crc32c *c, uint8_t *bytes, size_t size)
{
    for (size_t at = 0; size - at >= PAGE_SIZE; at += PAGE_SIZE) {
        if (at > 0) memcpy(bytes + at + PAGE_SIZE - 8, bytes + PAGE_SIZE - 4, 4);
        put_crc(c, bytes + at, PAGE_SIZE - 4, 0);
    }
}

/* Records one behind the other, sequence and chain as they should be; both copies. */
static void mend_journal(const struct crc32c *c, uint8_t *bytes, size_t size)
{
    uint32_t prev = 0;
    uint64_t seq = 1;
    for (size_t at = 0; size - at >= 24; seq++) {
        uint64_t payload = get_u32_le(bytes + at);
        if (payload > size - at - 24) return;
        put_u64_le(bytes + at + 8, seq);
        put_u32_le(bytes + at + 16, prev);
        put_crc(c, bytes + at, (size_t)payload + 20, 0);
        prev = get_u32_le(bytes + at + 20 + payload);
        at += (size_t)payload + 24;
    }
}

static enum status fill(struct store_rig *r)
{
    TRY(store_rig_open(r));
    for (uint64_t i = 1; i <= BLOCKS; i++) {
        TRY(store_rig_add(r));
        TRY(store_rig_result(r, i));
    }
    TRY(store_results_sync(r->store));
    TRY(store_settle(r->store));
    for (uint64_t i = 1; i <= 3; i++)
        TRY(store_rig_hold(r, BLOCKS + i, i));
    TRY(store_sync(r->store));
    store_rig_close(r);
    return ST_OK;
}

/* The store as it is before the input goes in: made once a process, copied for each input. */
static const struct fake_os *base_disk(struct store_rig *out)
{
    static struct store_rig rig;
    if (rig.fake == NULL) {
        store_rig_init(&rig, 1);
        must(fill(&rig) == ST_OK);
    }
    *out = rig;
    return rig.fake;
}

static enum status on_held(void *context,
                           uint64_t height,
                           const struct hash *hash,
                           struct span bytes)
{
    struct store_rig *r = context;
    struct buf again;
    buf_init(&again, mem_system(), 0);
    must(height > store_height(r->store));
    must(store_read_held(r->store, hash, &again) == ST_OK);
    (void)bytes; /* Another, when two records claim one hash. */
    buf_fini(&again);
    return ST_OK;
}

static enum status on_found(void *context, const struct damage *damage)
{
    (void)context;
    must(damage->file[0] != 0);
    return ST_OK;
}

static void use_store(struct store_rig *r)
{
    struct store_held_visitor held = {.visit = on_held, .found = on_found, .context = r};
    if (store_rig_open(r) != ST_OK) return;
    must(store_held_each(r->store, &held) == ST_OK);
    struct buf out;
    buf_init(&out, mem_system(), 0);
    for (uint64_t h = 1; h <= BLOCKS; h++) {
        struct hash txid = store_rig_txid(h, 0, r->salt);
        uint64_t height = 0;
        uint32_t index = 0;
        enum status st = store_find_tx(r->store, &txid, &height, &index);
        must(st == ST_OK || st == ST_NOT_FOUND || st == ST_CORRUPT);
        buf_reset(&out);
        st = store_read_block(r->store, h, &out, NULL);
        must(st == ST_OK || st == ST_NOT_FOUND || st == ST_CORRUPT);
        st = store_read_result(r->store, h, &out, NULL);
        must(st == ST_OK || st == ST_NOT_FOUND || st == ST_CORRUPT);
    }
    buf_fini(&out);
    store_rig_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"blocks/00000001.seg",
                                        "blocks/00000002.seg",
                                        "blocks/00000001.idx",
                                        "results/00000001.res",
                                        "journal",
                                        "pending/00000001.blk"};
    static uint8_t bytes[4 * INPUT_MAX];
    struct crc32c crc;
    if (size < 1 || size > INPUT_MAX) return 0;
    uint32_t file = (data[0] & 0x7fu) % 6;
    bool is_mended = (data[0] & 0x80u) != 0;
    size--;
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, data + 1, size);
    crc32c_init(&crc);
    if (is_mended && file == 2) mend_index(&crc, bytes, size);
    const bool is_pack = is_packed(bytes, size);
    if (is_mended && file < 4 && is_pack) mend_pack(&crc, bytes, size);
    if (is_mended && file < 4 && file != 2 && !is_pack) mend_segment(&crc, bytes, size, 92);
    if (is_mended && file == 5) mend_segment(&crc, bytes, size, 60);
    if (file == 4) { /* The journal has a fixed size: one area, in both copies. */
        if (size > 4096) size = 4096;
        if (is_mended) mend_journal(&crc, bytes, size);
        memcpy(bytes + 8192, bytes, 4096);
        size = 16384;
    }
    struct store_rig r;
    const struct fake_os *base = base_disk(&r);
    r.fake = fake_os_copy(base, 1);
    r.config.os = fake_os_table(r.fake);
    store_rig_set_file(&r, names[file], span_of(bytes, size));
    struct store_rig_scan scan;
    enum status st = store_rig_scan(&r, &scan);
    must(st == ST_OK || st == ST_CORRUPT);
    use_store(&r);
    store_rig_fini(&r);
    return 0;
}
