/* Goal: any bytes in the undo journal are repaired, refused or ignored, never a crash, and a file
 * that was not repaired is untouched.
 *
 * Byte 0 of the input: even, the rest is the journal. Odd, the rest is what a journal with right
 * digests is made of (make_journal), so that the code behind them is reached. */
#include "base/buf.h"
#include "base/endian.h"
#include "base/must.h"
#include "crypto/hash.h"
#include "os/fake/fake_os.h"
#include "state/undo.h"

#define INPUT_HEAD   13u
#define INPUT_RECORD 5u
#define RECORDS_MAX  200u  /* Several batches. */
#define PAGES_MAX    1000u /* The disk is in memory. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Input: seed (4), pages before (4), damaged byte (4), how (1), then for each record page number
 * (4) and what the page is filled with (1). */
static void make_journal(struct buf *out, const uint8_t *data, size_t size)
{
    if (size < INPUT_HEAD) return;
    uint32_t count = (uint32_t)((size - INPUT_HEAD) / INPUT_RECORD);
    if (count > RECORDS_MAX) count = RECORDS_MAX;
    struct undo_head head = {.record_count = count,
                             .seed = get_u32_le(data),
                             .page_count = get_u32_le(data + 4) % PAGES_MAX,
                             .height = 1};
    struct hasher h;
    hash_init(&h, "undo");
    static const uint8_t sector[UNDO_SECTOR];
    buf_put(out, span_of(sector, sizeof sector));
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *from = data + INPUT_HEAD + (size_t)i * INPUT_RECORD;
        uint8_t record[UNDO_RECORD_BYTES];
        memset(record, from[4], sizeof record);
        put_u32_be(record, get_u32_le(from));
        put_u32_be(record + 4 + PAGE_BYTES, undo_checksum(head.seed, record + 4));
        hash_add(&h, span_of(record, sizeof record));
        buf_put(out, span_of(record, sizeof record));
    }
    struct hash digest = hash_final(&h);
    memcpy(head.digest, digest.bytes, sizeof head.digest);
    must(buf_status(out) == ST_OK);
    undo_head_encode(out->data, &head);
    out->data[get_u32_le(data + 8) % out->size] ^= data[12];
}

/* A journal of the first page, written as a checkpoint writes it, is taken back. */
static void check_next(const struct undo_files *f)
{
    static const uint32_t numbers[] = {1};
    struct undo_head head = {.seed = 7, .height = 2};
    uint64_t size = 0;
    must(f->os->file_size(f->os, f->file, &size) == ST_OK);
    head.page_count = (uint32_t)(size / PAGE_BYTES);
    if (head.page_count == 0) return;
    uint8_t bytes[UNDO_HEAD_BYTES];
    must(undo_write_records(f, &head, numbers, 1) == ST_OK);
    undo_head_encode(bytes, &head);
    must(f->os->file_write(f->os, f->journal, span_of(bytes, sizeof bytes), 0) == ST_OK);
    bool did_repair = false;
    must(undo_repair(f, &did_repair) == ST_OK);
    must(did_repair);
}

static void repair(struct span journal)
{
    struct fake_os *disk = fake_os_new(1);
    struct os *os = fake_os_table(disk);
    struct undo_files f = {.os = os, .mem = mem_system()};
    must(os->file_open(os, &f.file, "main.db", OS_WRITE | OS_CREATE) == ST_OK);
    must(os->file_open(os, &f.journal, "main.db-journal", OS_WRITE | OS_CREATE) == ST_OK);
    uint8_t page[PAGE_BYTES] = {1};
    must(os->file_write(os, f.file, span_of(page, sizeof page), 0) == ST_OK);
    if (journal.size > 0) must(os->file_write(os, f.journal, journal, 0) == ST_OK);
    bool did_repair = false;
    enum status st = undo_repair(&f, &did_repair);
    must(st == ST_OK || st == ST_CORRUPT);
    uint8_t now[PAGE_BYTES];
    size_t got = 0;
    must(os->file_read(os, f.file, now, sizeof now, 0, &got) == ST_OK);
    if (!did_repair) must(got == sizeof now && memcmp(now, page, sizeof now) == 0);
    if (st == ST_OK) check_next(&f);
    os->file_close(os, f.file);
    os->file_close(os, f.journal);
    fake_os_free(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct buf journal;
    buf_init(&journal, mem_system(), 0);
    if ((data[0] & 1u) == 0)
        buf_put(&journal, span_of(data + 1, size - 1));
    else
        make_journal(&journal, data + 1, size - 1);
    repair(buf_span(&journal));
    buf_fini(&journal);
    return 0;
}
