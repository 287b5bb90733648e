/* pack.h - A sealed segment compressed: frames of 64 KiB of its bytes, each read without the
 * others.
 *
 * Internal to src/store. Byte table: docs/format/store.md. The file is written beside and renamed
 * when it is whole, so one that is read is whole or damaged; every byte is under a checksum. */
#ifndef TRUSTSQL_STORE_PACK_H
#define TRUSTSQL_STORE_PACK_H

#include "base/mem.h"
#include "os/os.h"
#include "store/crc32c.h"

#define PACK_HEADER_SIZE 64u
#define PACK_ENTRY_SIZE  8u
#define PACK_FRAME_SIZE  65536u /* Plain bytes; the last frame may hold fewer. */
#define PACK_FRAME_MAX   (PACK_FRAME_SIZE + (PACK_FRAME_SIZE >> 7) + 1024u) /* Compressed. */

/* --- reading ---------------------------------------------------------------------------------- */

struct pack_index { /* What header and table say. */
    uint64_t size;  /* Plain bytes. */
    uint32_t count; /* Frames. */
    uint32_t crc;   /* Of the header: names the file's content. */
    struct pack_entry {
        uint64_t offset;
        uint32_t size;
        uint32_t crc;
    } * entries; /* count of them. */
};

bool pack_is_packed(const uint8_t *head, size_t size); /* Its first bytes. */
/* head: the first PACK_HEADER_SIZE bytes. ST_CORRUPT. */
NODISCARD enum status pack_header_decode(struct pack_index *out,
                                         const struct crc32c *crc,
                                         const uint8_t head[PACK_HEADER_SIZE],
                                         uint64_t file_size,
                                         uint32_t *table_crc);
/* table: count × PACK_ENTRY_SIZE bytes; entries has room. The frames fill the file to its end. */
NODISCARD enum status pack_table_decode(struct pack_index *index,
                                        const struct crc32c *crc,
                                        struct span table,
                                        uint32_t table_crc,
                                        uint64_t file_size);
uint32_t pack_frame_size(const struct pack_index *index, uint32_t frame); /* Plain bytes. */

/* Shared by all readers of a store: the decompressor, and the frames it gave last. */
struct frames;

struct frame_id {    /* Of equal ids the content is equal. */
    uint64_t number; /* Of the file, among all kinds. */
    uint32_t crc;
    uint32_t frame;
};

NODISCARD enum status frames_new(struct frames **out, struct mem *mem);
void frames_free(struct frames *f); /* Null allowed. */
/* Plain bytes of a frame from offset on. False: it is not at hand. */
bool frames_copy(
    struct frames *f, const struct frame_id *id, uint32_t offset, void *to, size_t size);
/* Decompress into to[size], the frame's plain bytes; keeps a copy when id is not null. ST_CORRUPT.
 */
NODISCARD enum status frames_unpack(
    struct frames *f, const struct frame_id *id, struct span packed, uint8_t *to, size_t size);

/* --- writing ---------------------------------------------------------------------------------- */

struct packer {
    struct os *os;
    struct mem *mem;
    const struct crc32c *crc;
    struct os_file *file; /* The caller's. */
    void *workspace;      /* Of the compressor. */
    uint8_t *packed;
    uint8_t *table;
    uint64_t size; /* Plain bytes in all. */
    uint64_t offset;
    uint32_t count;
    uint32_t done; /* Frames. */
};

/* Of size plain bytes to come. */
NODISCARD enum status packer_init(
    struct packer *p, struct os *os, struct mem *mem, const struct crc32c *crc, uint64_t size);
void packer_fini(struct packer *p); /* Accepts a zeroed one. */
/* The next frame: PACK_FRAME_SIZE bytes, the last one what is left. */
NODISCARD enum status packer_add(struct packer *p, struct span plain);
/* Header and table; all frames are there. Not synced. */
NODISCARD enum status packer_end(struct packer *p);

#endif
