/* pack.c - A sealed segment compressed.
 *
 * Header, 64 bytes                       Table, 8 bytes for each frame
 *    0  8 magic                             0  4 bytes of the compressed frame
 *    8  4 plain bytes of a frame            4  4 CRC-32C of them
 *   12  4 frames
 *   16  8 plain bytes in all             Frames: zstd, one behind the other to the end of the file;
 *   24 32 zero                           each has PACK_FRAME_SIZE plain bytes, the last what is
 * left 56  4 CRC-32C of the table 60  4 CRC-32C of 0…59
 *
 * zstd takes its memory from a block of ours (its static workspaces), so it fails as all else. */
#define ZSTD_STATIC_LINKING_ONLY
#include "store/pack.h"

#include <zstd.h>

#include "base/endian.h"
#include "base/must.h"
#include "os/thread.h"

#define LEVEL      3
#define FRAMES_MAX 32u

static const uint8_t magic_bytes[8] = {'T', 'S', 'Q', 'L', 'P', 'A', 'K', '1'};

struct kept {
    struct frame_id id; /* number 0: free. */
    uint64_t used;
    uint32_t size;
    uint8_t *bytes; /* PACK_FRAME_SIZE of them, or null. */
};

struct frames {
    struct mem *mem;
    struct mutex *lock; /* Guards the rest. */
    void *workspace;
    ZSTD_DCtx *context;
    uint64_t turn;
    struct kept kept[FRAMES_MAX];
};

/* --- reading ---------------------------------------------------------------------------------- */

bool pack_is_packed(const uint8_t *head, size_t size)
{
    return size >= sizeof magic_bytes && memcmp(head, magic_bytes, sizeof magic_bytes) == 0;
}

enum status pack_header_decode(struct pack_index *out,
                               const struct crc32c *crc,
                               const uint8_t head[PACK_HEADER_SIZE],
                               uint64_t file_size,
                               uint32_t *table_crc)
{
    must(pack_is_packed(head, PACK_HEADER_SIZE));
    if (get_u32_le(head + 60) != crc32c_add(crc, 0, span_of(head, 60))) return ST_CORRUPT;
    *out = (struct pack_index){.size = get_u64_le(head + 16),
                               .count = get_u32_le(head + 12),
                               .crc = get_u32_le(head + 60)};
    *table_crc = get_u32_le(head + 56);
    uint64_t count = out->size / PACK_FRAME_SIZE + (out->size % PACK_FRAME_SIZE > 0 ? 1 : 0);
    if (get_u32_le(head + 8) != PACK_FRAME_SIZE || out->size > UINT32_MAX || out->count != count ||
        count == 0)
        return ST_CORRUPT;
    for (uint32_t i = 24; i < 56; i++)
        if (head[i] != 0) return ST_CORRUPT;
    uint64_t table = (uint64_t)out->count * PACK_ENTRY_SIZE;
    return file_size >= PACK_HEADER_SIZE + table ? ST_OK : ST_CORRUPT;
}

enum status pack_table_decode(struct pack_index *index,
                              const struct crc32c *crc,
                              struct span table,
                              uint32_t table_crc,
                              uint64_t file_size)
{
    must(table.size == (size_t)index->count * PACK_ENTRY_SIZE);
    if (crc32c_add(crc, 0, table) != table_crc) return ST_CORRUPT;
    uint64_t offset = PACK_HEADER_SIZE + table.size;
    for (uint32_t i = 0; i < index->count; i++) {
        const uint8_t *entry = table.data + (size_t)i * PACK_ENTRY_SIZE;
        index->entries[i] = (struct pack_entry){
            .offset = offset, .size = get_u32_le(entry), .crc = get_u32_le(entry + 4)};
        if (index->entries[i].size > PACK_FRAME_MAX) return ST_CORRUPT;
        offset += index->entries[i].size;
    }
    return offset == file_size ? ST_OK : ST_CORRUPT;
}

uint32_t pack_frame_size(const struct pack_index *index, uint32_t frame)
{
    must(frame < index->count);
    uint64_t left = index->size - (uint64_t)frame * PACK_FRAME_SIZE;
    return left < PACK_FRAME_SIZE ? (uint32_t)left : PACK_FRAME_SIZE;
}

enum status frames_new(struct frames **out, struct mem *mem)
{
    struct frames *f = mem_alloc_zero(mem, 1, sizeof *f);
    if (f == NULL) return ST_NO_MEMORY;
    f->mem = mem;
    enum status st = mutex_new(&f->lock, mem);
    if (st != ST_OK) {
        frames_free(f);
        return st;
    }
    *out = f;
    return ST_OK;
}

void frames_free(struct frames *f)
{
    if (f == NULL) return;
    for (uint32_t i = 0; i < FRAMES_MAX; i++)
        mem_free(f->mem, f->kept[i].bytes);
    mem_free(f->mem, f->workspace);
    mutex_free(f->lock);
    mem_free(f->mem, f);
}

static bool id_equal(const struct frame_id *a, const struct frame_id *b)
{
    return a->number == b->number && a->crc == b->crc && a->frame == b->frame;
}

static struct kept *find(struct frames *f, const struct frame_id *id)
{
    for (uint32_t i = 0; i < FRAMES_MAX; i++)
        if (f->kept[i].bytes != NULL && id_equal(&f->kept[i].id, id)) return &f->kept[i];
    return NULL;
}

bool frames_copy(
    struct frames *f, const struct frame_id *id, uint32_t offset, void *to, size_t size)
{
    mutex_lock(f->lock);
    struct kept *kept = find(f, id);
    if (kept != NULL) {
        must(offset <= kept->size);
        must(size <= kept->size - offset);
        memcpy(to, kept->bytes + offset, size);
        kept->used = ++f->turn;
    }
    mutex_unlock(f->lock);
    return kept != NULL;
}

/* A copy in the place of the one that was not used for longest. Without memory: none. */
static void keep(struct frames *f, const struct frame_id *id, const uint8_t *bytes, size_t size)
{
    struct kept *oldest = find(f, id);
    must(size <= PACK_FRAME_SIZE);
    for (uint32_t i = 0; i < FRAMES_MAX && oldest == NULL; i++)
        if (f->kept[i].bytes == NULL) oldest = &f->kept[i];
    for (uint32_t i = 0; i < FRAMES_MAX; i++)
        if (oldest == NULL ||
            (oldest->bytes != NULL && f->kept[i].used < oldest->used && !id_equal(&oldest->id, id)))
            oldest = &f->kept[i];
    if (oldest->bytes == NULL) oldest->bytes = mem_alloc(f->mem, PACK_FRAME_SIZE);
    if (oldest->bytes == NULL) return;
    memcpy(oldest->bytes, bytes, size);
    oldest->id = *id;
    oldest->size = (uint32_t)size;
    oldest->used = ++f->turn;
}

static bool make_context(struct frames *f)
{
    if (f->context != NULL) return true;
    const size_t size = ZSTD_estimateDCtxSize();
    f->workspace = mem_alloc(f->mem, size);
    if (f->workspace != NULL) f->context = ZSTD_initStaticDCtx(f->workspace, size);
    return f->context != NULL;
}

enum status frames_unpack(
    struct frames *f, const struct frame_id *id, struct span packed, uint8_t *to, size_t size)
{
    mutex_lock(f->lock);
    enum status st = make_context(f) ? ST_OK : ST_NO_MEMORY;
    if (st == ST_OK && ZSTD_decompressDCtx(f->context, to, size, packed.data, packed.size) != size)
        st = ST_CORRUPT;
    if (st == ST_OK && id != NULL) keep(f, id, to, size);
    mutex_unlock(f->lock);
    return st;
}

/* --- writing ---------------------------------------------------------------------------------- */

enum status packer_init(
    struct packer *p, struct os *os, struct mem *mem, const struct crc32c *crc, uint64_t size)
{
    must(size > 0);
    must(size <= UINT32_MAX);
    uint32_t count = (uint32_t)((size + PACK_FRAME_SIZE - 1) / PACK_FRAME_SIZE);
    *p = (struct packer){.os = os,
                         .mem = mem,
                         .crc = crc,
                         .size = size,
                         .count = count,
                         .offset = PACK_HEADER_SIZE + (uint64_t)count * PACK_ENTRY_SIZE};
    p->workspace = mem_alloc(mem, ZSTD_estimateCCtxSize(LEVEL));
    p->packed = mem_alloc(mem, PACK_FRAME_MAX);
    p->table = mem_alloc_zero(mem, count, PACK_ENTRY_SIZE);
    if (p->workspace != NULL && p->packed != NULL && p->table != NULL) return ST_OK;
    packer_fini(p);
    return ST_NO_MEMORY;
}

void packer_fini(struct packer *p)
{
    if (p->mem == NULL) return;
    mem_free(p->mem, p->workspace);
    mem_free(p->mem, p->packed);
    mem_free(p->mem, p->table);
    *p = (struct packer){0};
}

enum status packer_add(struct packer *p, struct span plain)
{
    must(p->done < p->count);
    must(plain.size == PACK_FRAME_SIZE || p->done + 1 == p->count);
    ZSTD_CCtx *context = ZSTD_initStaticCCtx(p->workspace, ZSTD_estimateCCtxSize(LEVEL));
    must(context != NULL);
    size_t size =
        ZSTD_compressCCtx(context, p->packed, PACK_FRAME_MAX, plain.data, plain.size, LEVEL);
    must(ZSTD_isError(size) == 0); /* There is room for any content. */
    struct span bytes = span_of(p->packed, size);
    uint8_t *entry = p->table + (size_t)p->done * PACK_ENTRY_SIZE;
    put_u32_le(entry, (uint32_t)size);
    put_u32_le(entry + 4, crc32c_add(p->crc, 0, bytes));
    TRY(p->os->file_write(p->os, p->file, bytes, p->offset));
    p->offset += size;
    p->done++;
    return ST_OK;
}

enum status packer_end(struct packer *p)
{
    uint8_t head[PACK_HEADER_SIZE] = {0};
    struct span table = span_of(p->table, (size_t)p->count * PACK_ENTRY_SIZE);
    must(p->done == p->count);
    memcpy(head, magic_bytes, sizeof magic_bytes);
    put_u32_le(head + 8, PACK_FRAME_SIZE);
    put_u32_le(head + 12, p->count);
    put_u64_le(head + 16, p->size);
    put_u32_le(head + 56, crc32c_add(p->crc, 0, table));
    put_u32_le(head + 60, crc32c_add(p->crc, 0, span_of(head, 60)));
    TRY(p->os->file_write(p->os, p->file, table, PACK_HEADER_SIZE));
    return p->os->file_write(p->os, p->file, span_of(head, sizeof head), 0);
}
