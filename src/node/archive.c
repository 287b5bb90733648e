/* archive.c -
 *    0  8 magic "TSQLBAK1"                     then pieces:
 *    8  4 Argon2id: passes                        0  4 size n of what follows, at most 256 KiB + 17
 *   12  4 Argon2id: memory in KiB                 4  n sealed; the last one bears the final tag
 *   16 16 salt
 *   32 24 header of the stream                 integers little-endian
 *
 * The pieces together are items: kind 1, size of the name 1, name, size 8, bytes. */
#include "node/archive.h"

#include "base/endian.h"
#include "base/must.h"

#define HEAD_SIZE   56u
#define ITEM_HEAD   2u
#define DIGEST_STEP (1u << 20)

static const uint8_t magic[8] = {'T', 'S', 'Q', 'L', 'B', 'A', 'K', '1'};

/* --- writing ------------------------------------------------------------------------------------
 */

static enum status append(struct archive_writer *w, struct span bytes)
{
    TRY(w->os->file_write(w->os, w->file, bytes, w->offset));
    hash_add(&w->hasher, bytes);
    w->offset += bytes.size;
    return ST_OK;
}

static enum status write_head(struct archive_writer *w, const struct sealed_head *head)
{
    uint8_t bytes[HEAD_SIZE];
    memcpy(bytes, magic, sizeof magic);
    put_u32_le(bytes + 8, head->passes);
    put_u32_le(bytes + 12, head->memory_kib);
    memcpy(bytes + 16, head->salt, SEALED_SALT_SIZE);
    memcpy(bytes + 32, head->header, SEALED_HEADER_SIZE);
    return append(w, span_of(bytes, sizeof bytes));
}

enum status archive_create(struct archive_writer *w,
                           struct os *os,
                           struct mem *mem,
                           const char *path,
                           struct span passphrase)
{
    struct sealed_head head = {.passes = SEALED_PASSES, .memory_kib = SEALED_MEMORY_KIB};
    *w = (struct archive_writer){.os = os};
    buf_init(&w->plain, mem, 0);
    buf_init(&w->sealed, mem, 0);
    hash_init(&w->hasher, "backup");
    os->entropy(os, head.salt, sizeof head.salt);
    enum status st = os->file_open(os, &w->file, path, OS_WRITE | OS_CREATE | OS_EXCLUSIVE);
    if (st == ST_OK) st = sealed_begin(&w->stream, &head, passphrase);
    if (st == ST_OK) st = write_head(w, &head);
    if (st != ST_OK) archive_abandon(w);
    return st;
}

static enum status write_piece(struct archive_writer *w, struct span piece, bool is_last)
{
    uint8_t size[4];
    must(piece.size <= ARCHIVE_PIECE);
    buf_reset(&w->sealed);
    uint8_t *to = buf_extend(&w->sealed, piece.size + SEALED_OVERHEAD);
    if (to == NULL) return buf_status(&w->sealed);
    sealed_push(&w->stream, to, piece, is_last);
    put_u32_le(size, (uint32_t)w->sealed.size);
    TRY(append(w, span_of(size, sizeof size)));
    return append(w, buf_span(&w->sealed));
}

/* Whole pieces of what waits; more is to come. */
static enum status write_pieces(struct archive_writer *w)
{
    size_t at = 0;
    for (; w->plain.size - at > ARCHIVE_PIECE; at += ARCHIVE_PIECE)
        TRY(write_piece(w, span_of(w->plain.data + at, ARCHIVE_PIECE), false));
    if (at > 0) memmove(w->plain.data, w->plain.data + at, w->plain.size - at);
    w->plain.size -= at;
    return ST_OK;
}

enum status archive_put(struct archive_writer *w, const struct archive_item *item)
{
    const size_t name_size = strlen(item->name);
    must(name_size <= ARCHIVE_NAME_MAX);
    must(item->bytes.size <= ARCHIVE_ITEM_MAX);
    buf_put_u8(&w->plain, (uint8_t)item->kind);
    buf_put_u8(&w->plain, (uint8_t)name_size);
    buf_put(&w->plain, span_text(item->name));
    buf_put_u64_le(&w->plain, item->bytes.size);
    buf_put(&w->plain, item->bytes);
    TRY(buf_status(&w->plain));
    return write_pieces(w);
}

enum status archive_finish(struct archive_writer *w, struct hash *digest, uint64_t *size)
{
    TRY(write_piece(w, buf_span(&w->plain), true));
    TRY(w->os->file_sync(w->os, w->file));
    *digest = hash_final(&w->hasher);
    *size = w->offset;
    archive_abandon(w);
    return ST_OK;
}

static void wipe(struct buf *b)
{
    if (b->data != NULL) mem_wipe(b->data, b->capacity);
    buf_fini(b);
}

void archive_abandon(struct archive_writer *w)
{
    if (w->os == NULL) return;
    w->os->file_close(w->os, w->file);
    w->file = NULL;
    sealed_wipe(&w->stream);
    wipe(&w->plain);
    buf_fini(&w->sealed);
}

/* --- reading ------------------------------------------------------------------------------------
 */

static enum status read_exactly(struct archive_reader *r, uint8_t *to, size_t size)
{
    size_t got = 0;
    TRY(r->os->file_read(r->os, r->file, to, size, r->offset, &got));
    r->offset += got;
    return got == size ? ST_OK : ST_TRUNCATED;
}

static enum status read_head(struct archive_reader *r, struct sealed_head *head)
{
    uint8_t bytes[HEAD_SIZE];
    TRY(read_exactly(r, bytes, sizeof bytes));
    if (memcmp(bytes, magic, sizeof magic) != 0) return ST_INVALID;
    head->passes = get_u32_le(bytes + 8);
    head->memory_kib = get_u32_le(bytes + 12);
    memcpy(head->salt, bytes + 16, SEALED_SALT_SIZE);
    memcpy(head->header, bytes + 32, SEALED_HEADER_SIZE);
    return ST_OK;
}

enum status archive_open(struct archive_reader *r,
                         struct os *os,
                         struct mem *mem,
                         const char *path,
                         struct span passphrase)
{
    struct sealed_head head;
    *r = (struct archive_reader){.os = os};
    buf_init(&r->plain, mem, 0);
    buf_init(&r->sealed, mem, 0);
    enum status st = os->file_open(os, &r->file, path, OS_READ);
    if (st == ST_OK) st = read_head(r, &head);
    if (st == ST_TRUNCATED) st = ST_INVALID;
    if (st == ST_OK) st = sealed_open(&r->stream, &head, passphrase);
    if (st == ST_LIMIT) st = ST_INVALID;
    if (st != ST_OK) archive_close(r);
    return st;
}

static enum status read_piece(struct archive_reader *r)
{
    uint8_t head[4];
    if (r->is_last) return ST_TRUNCATED;
    TRY(read_exactly(r, head, sizeof head));
    const uint32_t size = get_u32_le(head);
    if (size < SEALED_OVERHEAD || size > ARCHIVE_PIECE + SEALED_OVERHEAD) return ST_DENIED;
    buf_reset(&r->sealed);
    uint8_t *sealed = buf_extend(&r->sealed, size);
    if (sealed == NULL) return buf_status(&r->sealed);
    TRY(read_exactly(r, sealed, size));
    uint8_t *to = buf_extend(&r->plain, size - SEALED_OVERHEAD);
    if (to == NULL) return buf_status(&r->plain);
    return sealed_pull(&r->stream, to, span_of(sealed, size), &r->is_last);
}

/* At least size bytes stand behind at. */
static enum status need(struct archive_reader *r, size_t size)
{
    while (r->plain.size - r->at < size)
        TRY(read_piece(r));
    return ST_OK;
}

static enum status check_end(struct archive_reader *r)
{
    uint8_t more;
    size_t got = 0;
    TRY(r->os->file_read(r->os, r->file, &more, 1, r->offset, &got));
    return got == 0 ? ST_NOT_FOUND : ST_DENIED;
}

enum status archive_next(struct archive_reader *r, struct archive_item *out)
{
    if (r->at > 0) {
        memmove(r->plain.data, r->plain.data + r->at, r->plain.size - r->at);
        r->plain.size -= r->at;
        r->at = 0;
    }
    if (r->plain.size == 0 && !r->is_last) TRY(read_piece(r));
    if (r->plain.size == 0 && r->is_last) return check_end(r);
    TRY(need(r, ITEM_HEAD));
    const uint8_t kind = r->plain.data[0];
    const uint8_t name_size = r->plain.data[1];
    if (kind < ARCHIVE_ABOUT || kind > ARCHIVE_END || name_size > ARCHIVE_NAME_MAX)
        return ST_INVALID;
    TRY(need(r, ITEM_HEAD + name_size + 8u));
    const uint64_t size = get_u64_le(r->plain.data + ITEM_HEAD + name_size);
    if (size > ARCHIVE_ITEM_MAX) return ST_LIMIT;
    TRY(need(r, ITEM_HEAD + name_size + 8u + (size_t)size));
    *out = (struct archive_item){.kind = (enum archive_kind)kind};
    memcpy(out->name, r->plain.data + ITEM_HEAD, name_size);
    out->bytes = span_of(r->plain.data + ITEM_HEAD + name_size + 8, (size_t)size);
    r->at = ITEM_HEAD + name_size + 8u + (size_t)size;
    return ST_OK;
}

void archive_close(struct archive_reader *r)
{
    if (r->os == NULL) return;
    r->os->file_close(r->os, r->file);
    r->file = NULL;
    sealed_wipe(&r->stream);
    wipe(&r->plain);
    buf_fini(&r->sealed);
}

/* --- the file as it lies there ------------------------------------------------------------------
 */

enum status archive_digest(struct os *os, const char *path, struct hash *digest, uint64_t *size)
{
    struct os_file *file = NULL;
    struct hasher hasher;
    struct buf bytes;
    size_t got = 0;
    TRY(os->file_open(os, &file, path, OS_READ));
    hash_init(&hasher, "backup");
    buf_init(&bytes, mem_system(), 0);
    uint8_t *to = buf_extend(&bytes, DIGEST_STEP);
    enum status st = buf_status(&bytes);
    *size = 0;
    do {
        if (st == ST_OK) st = os->file_read(os, file, to, DIGEST_STEP, *size, &got);
        if (st != ST_OK) break;
        hash_add(&hasher, span_of(to, got));
        *size += got;
    } while (got == DIGEST_STEP);
    os->file_close(os, file);
    buf_fini(&bytes);
    TRY(st);
    *digest = hash_final(&hasher);
    return ST_OK;
}
