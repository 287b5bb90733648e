/* undo.c - The undo journal: see undo.h. */
#include "state/undo.h"

#include "base/endian.h"
#include "base/must.h"
#include "crypto/hash.h"

#define DIGEST_BYTES 8u

static const uint8_t sqlite_magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
static const uint8_t our_magic[8] = {'T', 'S', 'Q', 'L', 'U', 'N', 'D', 'O'};

static void short_digest(uint8_t out[DIGEST_BYTES], struct hasher *h);
static void head_digest(uint8_t out[DIGEST_BYTES], const uint8_t *head);
static enum status read_exactly(
    struct os *os, struct os_file *file, uint8_t *to, size_t size, uint64_t offset);
static enum status write_batch(const struct undo_files *f,
                               const struct undo_head *head,
                               const uint32_t *numbers,
                               uint32_t count,
                               uint8_t *records);
static enum status check_records(const struct undo_files *f,
                                 const struct undo_head *head,
                                 uint8_t *records);
static enum status check_record(const struct undo_head *head, const uint8_t *record);
static enum status restore(const struct undo_files *f,
                           const struct undo_head *head,
                           uint8_t *records);
static uint32_t batch_size(const struct undo_head *head, uint32_t done);
static struct span record_batch(uint8_t *records, uint32_t count);

void undo_head_encode(uint8_t out[UNDO_HEAD_BYTES], const struct undo_head *head)
{
    memset(out, 0, UNDO_HEAD_BYTES);
    memcpy(out, sqlite_magic, sizeof sqlite_magic);
    put_u32_be(out + 8, head->record_count);
    put_u32_be(out + 12, head->seed);
    put_u32_be(out + 16, head->page_count);
    put_u32_be(out + 20, UNDO_SECTOR);
    put_u32_be(out + 24, PAGE_BYTES);
    memcpy(out + 32, our_magic, sizeof our_magic);
    put_u64_be(out + 40, head->height);
    memcpy(out + 48, head->digest, DIGEST_BYTES);
    head_digest(out + 56, out);
}

enum status undo_head_decode(struct undo_head *out, struct span bytes)
{
    if (bytes.size < UNDO_HEAD_BYTES) return ST_TRUNCATED;
    const uint8_t *b = bytes.data;
    uint8_t digest[DIGEST_BYTES];
    head_digest(digest, b);
    if (memcmp(digest, b + 56, DIGEST_BYTES) != 0) return ST_TRUNCATED;
    bool is_ours = memcmp(b, sqlite_magic, sizeof sqlite_magic) == 0 &&
                   memcmp(b + 32, our_magic, sizeof our_magic) == 0 &&
                   get_u32_be(b + 20) == UNDO_SECTOR && get_u32_be(b + 24) == PAGE_BYTES &&
                   get_u32_be(b + 28) == 0;
    if (!is_ours) return ST_CORRUPT;
    struct undo_head head = {.record_count = get_u32_be(b + 8),
                             .seed = get_u32_be(b + 12),
                             .page_count = get_u32_be(b + 16),
                             .height = get_u64_be(b + 40)};
    memcpy(head.digest, b + 48, DIGEST_BYTES);
    if (head.record_count > head.page_count) return ST_CORRUPT;
    *out = head;
    return ST_OK;
}

uint32_t undo_checksum(uint32_t seed, const uint8_t *page)
{
    uint32_t sum = seed;
    for (uint32_t i = PAGE_BYTES - 200; i > 0 && i < PAGE_BYTES; i -= 200)
        sum += page[i];
    return sum;
}

enum status undo_write_records(const struct undo_files *f,
                               struct undo_head *head,
                               const uint32_t *numbers,
                               uint32_t count)
{
    must(count <= head->page_count);
    uint8_t *records = mem_alloc(f->mem, (size_t)UNDO_BATCH * UNDO_RECORD_BYTES);
    if (records == NULL) return ST_NO_MEMORY;
    struct hasher h;
    hash_init(&h, "undo");
    enum status st = ST_OK;
    head->record_count = count;
    for (uint32_t done = 0; st == ST_OK && done < count;) {
        uint32_t batch = batch_size(head, done);
        st = write_batch(f, head, numbers + done, batch, records);
        if (st != ST_OK) break;
        hash_add(&h, record_batch(records, batch));
        uint64_t offset = UNDO_SECTOR + (uint64_t)done * UNDO_RECORD_BYTES;
        st = f->os->file_write(f->os, f->journal, record_batch(records, batch), offset);
        done += batch;
    }
    short_digest(head->digest, &h);
    mem_free(f->mem, records);
    return st;
}

enum status undo_repair(const struct undo_files *f, bool *did_repair)
{
    *did_repair = false;
    uint8_t bytes[UNDO_HEAD_BYTES];
    size_t got = 0;
    TRY(f->os->file_read(f->os, f->journal, bytes, sizeof bytes, 0, &got));
    struct undo_head head;
    enum status st = undo_head_decode(&head, span_of(bytes, got));
    if (st == ST_TRUNCATED) return undo_clear(f); /* The file was not touched yet. */
    TRY(st);
    uint8_t *records = mem_alloc(f->mem, (size_t)UNDO_BATCH * UNDO_RECORD_BYTES);
    if (records == NULL) return ST_NO_MEMORY;
    st = check_records(f, &head, records);
    if (st == ST_OK) {
        *did_repair = true;
        st = restore(f, &head, records);
    }
    mem_free(f->mem, records);
    return st == ST_OK ? undo_clear(f) : st;
}

/* The head goes first: a cut alone could leave it standing before records that are gone. */
enum status undo_clear(const struct undo_files *f)
{
    static const uint8_t nothing[UNDO_HEAD_BYTES] = {0};
    TRY(f->os->file_write(f->os, f->journal, span_of(nothing, sizeof nothing), 0));
    TRY(f->os->file_sync(f->os, f->journal));
    /* Only tidiness: without a head the rest says nothing, and the next journal writes over it. */
    (void)f->os->file_truncate(f->os, f->journal, 0);
    return ST_OK;
}

static void short_digest(uint8_t out[DIGEST_BYTES], struct hasher *h)
{
    struct hash full = hash_final(h);
    memcpy(out, full.bytes, DIGEST_BYTES);
}

static void head_digest(uint8_t out[DIGEST_BYTES], const uint8_t *head)
{
    struct hash full = hash_of("undohead", span_of(head, UNDO_HEAD_BYTES - DIGEST_BYTES));
    memcpy(out, full.bytes, DIGEST_BYTES);
}

/* Records of the pages numbers[count]: as they are in the file now. */
static enum status write_batch(const struct undo_files *f,
                               const struct undo_head *head,
                               const uint32_t *numbers,
                               uint32_t count,
                               uint8_t *records)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *record = records + (size_t)i * UNDO_RECORD_BYTES;
        must(numbers[i] >= 1);
        must(numbers[i] <= head->page_count);
        must(numbers[i] != UNDO_LOCK_PAGE);
        put_u32_be(record, numbers[i]);
        uint64_t offset = (uint64_t)(numbers[i] - 1) * PAGE_BYTES;
        TRY(read_exactly(f->os, f->file, record + 4, PAGE_BYTES, offset));
        put_u32_be(record + 4 + PAGE_BYTES, undo_checksum(head->seed, record + 4));
    }
    return ST_OK;
}

static enum status read_exactly(
    struct os *os, struct os_file *file, uint8_t *to, size_t size, uint64_t offset)
{
    size_t got = 0;
    TRY(os->file_read(os, file, to, size, offset, &got));
    return got == size ? ST_OK : ST_TRUNCATED;
}

static enum status check_records(const struct undo_files *f,
                                 const struct undo_head *head,
                                 uint8_t *records)
{
    struct hasher h;
    hash_init(&h, "undo");
    for (uint32_t done = 0; done < head->record_count;) {
        uint32_t batch = batch_size(head, done);
        struct span bytes = record_batch(records, batch);
        uint64_t offset = UNDO_SECTOR + (uint64_t)done * UNDO_RECORD_BYTES;
        enum status st = read_exactly(f->os, f->journal, records, bytes.size, offset);
        if (st == ST_TRUNCATED) return ST_CORRUPT;
        TRY(st);
        hash_add(&h, bytes);
        for (uint32_t i = 0; i < batch; i++)
            TRY(check_record(head, records + (size_t)i * UNDO_RECORD_BYTES));
        done += batch;
    }
    uint8_t digest[DIGEST_BYTES];
    short_digest(digest, &h);
    return memcmp(digest, head->digest, DIGEST_BYTES) == 0 ? ST_OK : ST_CORRUPT;
}

static enum status check_record(const struct undo_head *head, const uint8_t *record)
{
    uint32_t number = get_u32_be(record);
    if (number == 0 || number > head->page_count || number == UNDO_LOCK_PAGE) return ST_CORRUPT;
    uint32_t sum = undo_checksum(head->seed, record + 4);
    return get_u32_be(record + 4 + PAGE_BYTES) == sum ? ST_OK : ST_CORRUPT;
}

/* The records were checked: put the old pages back and make that durable. */
static enum status restore(const struct undo_files *f,
                           const struct undo_head *head,
                           uint8_t *records)
{
    for (uint32_t done = 0; done < head->record_count;) {
        uint32_t batch = batch_size(head, done);
        uint64_t offset = UNDO_SECTOR + (uint64_t)done * UNDO_RECORD_BYTES;
        size_t size = record_batch(records, batch).size;
        TRY(read_exactly(f->os, f->journal, records, size, offset));
        for (uint32_t i = 0; i < batch; i++) {
            const uint8_t *record = records + (size_t)i * UNDO_RECORD_BYTES;
            struct span page = span_of(record + 4, PAGE_BYTES);
            uint64_t place = (uint64_t)(get_u32_be(record) - 1) * PAGE_BYTES;
            TRY(f->os->file_write(f->os, f->file, page, place));
        }
        done += batch;
    }
    uint64_t size = (uint64_t)head->page_count * PAGE_BYTES;
    TRY(f->os->file_truncate(f->os, f->file, size));
    return f->os->file_sync(f->os, f->file);
}

static uint32_t batch_size(const struct undo_head *head, uint32_t done)
{
    must(done < head->record_count);
    uint32_t left = head->record_count - done;
    return left < UNDO_BATCH ? left : UNDO_BATCH;
}

static struct span record_batch(uint8_t *records, uint32_t count)
{
    return span_of(records, (size_t)count * UNDO_RECORD_BYTES);
}
