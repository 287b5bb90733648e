/* segment.h - One segment file: its bytes, and reading it from the first to the last.
 *
 * Internal to src/store. Blocks (blocks/00000001.seg) and results (results/00000001.res) share this
 * format; results leave txids and hash empty. Byte tables: docs/format/store.md.
 *
 *   header | block record … | seal record
 *
 * A record is a head of fixed size and a payload. Heads are checked with a CRC-32C that starts from
 * the header's (the salt), so a record of another file or chain never passes; payloads with their
 * own CRC-32C in the head. The digest folds header and heads, and with them every byte of the file;
 * the seal holds it, and the next segment's header repeats it. A reader belongs to one thread. */
#ifndef TRUSTSQL_STORE_SEGMENT_H
#define TRUSTSQL_STORE_SEGMENT_H

#include "base/buf.h"
#include "store/sfile.h"

#define SEGMENT_HEADER_SIZE 92u
#define RECORD_HEAD_SIZE    60u
#define RECORD_TXIDS_MAX    65536u
#define RECORD_BODY_MAX     ((64u << 20) + (64u << 10))
#define SEGMENT_SIZE_MAX    (1u << 30) /* Offsets within a file are 32 bits. */
#define SEGMENT_FILE_MAX                                                                           \
    ((uint64_t)SEGMENT_SIZE_MAX + RECORD_BODY_MAX + ((uint64_t)RECORD_TXIDS_MAX * HASH_SIZE) +     \
     ((uint64_t)128 << 20)) /* The last block and the seal may go beyond. */
#define SEGMENT_RECORDS_MAX ((SEGMENT_SIZE_MAX / RECORD_HEAD_SIZE) + 1u)

struct segment_header {
    uint64_t number; /* From 1. */
    uint64_t first_height;
    struct hash chain_id;
    struct hash previous; /* Digest of the segment before; zero for the first. */
};

enum record_kind { RECORD_BLOCK = 1, RECORD_SEAL = 2 };

struct record {
    enum record_kind kind;
    uint32_t count;  /* Block: txids in the payload. Seal: block records, one u32 offset each. */
    uint64_t height; /* Seal: of the last block. */
    uint32_t size;   /* Block: bytes after the txids. Seal: 0. */
    uint32_t payload_crc;
    struct hash hash; /* Block: its hash. Seal: digest of all before. */
};

/* Encode; returns the salt. */
uint32_t segment_header_encode(uint8_t out[SEGMENT_HEADER_SIZE],
                               const struct env *env,
                               const struct segment_kind *kind,
                               const struct segment_header *h);
struct hash segment_digest_start(const uint8_t header[SEGMENT_HEADER_SIZE]);
struct hash segment_digest_next(const struct hash *digest, const uint8_t head[RECORD_HEAD_SIZE]);

void record_encode(uint8_t out[RECORD_HEAD_SIZE],
                   const struct env *env,
                   uint32_t salt,
                   const struct record *r);
/* False: checksum, kind or a limit is wrong. */
NODISCARD bool record_decode(struct record *r,
                             const struct env *env,
                             uint32_t salt,
                             const uint8_t in[RECORD_HEAD_SIZE]);
/* Bytes after the head: for a seal the offsets and the repeated head. */
uint64_t record_payload_size(const struct record *r);
/* The whole seal appended to out: head, offsets, head. seal: all but kind and payload_crc. */
void segment_seal_encode(struct buf *out,
                         const struct env *env,
                         uint32_t salt,
                         const struct record *seal,
                         const uint32_t *offsets);

struct segment_reader {
    const struct env *env;
    const struct segment_kind *kind;
    struct sfile file;
    struct segment_header header;
    uint32_t salt;
    uint64_t offset; /* Behind the newest record read. */
    uint64_t height; /* Of the newest block read; first_height - 1 before the first. */
    uint32_t count;  /* Blocks read. */
    struct hash digest;
    bool is_sealed;       /* The seal was read. */
    struct record record; /* The newest read, */
    uint64_t start;       /* where it starts, */
    struct buf payload;   /* and its bytes. */
};

/* Open file number and read its header. ST_NOT_FOUND: no such file; ST_CORRUPT: a wrong header;
 * ST_TRUNCATED: none was ever written. damage is set for both. A failed reader needs no close. */
NODISCARD enum status segment_reader_open(struct segment_reader *r,
                                          const struct env *env,
                                          const struct segment_kind *kind,
                                          uint64_t number,
                                          struct damage *damage);
void segment_reader_close(struct segment_reader *r); /* Accepts a zeroed reader. */

/* The next record. ST_NOT_FOUND: the file ends here, between records. ST_TRUNCATED: the file ends
 * inside a record whose head is right. ST_CORRUPT: wrong bytes; when only the payload of a block is
 * wrong, the reader has moved past it (offset > start) and reading can go on. damage is set for the
 * last two. */
NODISCARD enum status segment_reader_next(struct segment_reader *r, struct damage *damage);

struct span segment_reader_txids(const struct segment_reader *r);
struct span segment_reader_body(const struct segment_reader *r);

/* The seal at the end of a file whose header was read: *offset where it starts. ST_CORRUPT. */
NODISCARD enum status segment_reader_seal(struct segment_reader *r,
                                          struct record *seal,
                                          uint64_t *offset,
                                          struct damage *damage);

#endif
