/* segment.c - One segment file: encoding, and reading it from the first byte to the last.
 *
 * Header, 92 bytes              Record head, 60 bytes
 *    0  8 magic                    0  4 kind: 1 block, 2 seal
 *    8  8 number                   4  4 count of txids, or of blocks
 *   16  8 first height             8  8 height
 *   24 32 chain id                16  4 bytes of the body, 0 in a seal
 *   56 32 digest before           20  4 CRC-32C of the payload
 *   88  4 CRC-32C of 0…87         24 32 block hash, or digest
 *         (the salt)              56  4 CRC-32C of 0…55, started from the salt
 *
 * Payload of a block: txids (32 bytes each), body. Payload of a seal: the offset of each block (4
 * bytes each), then the seal's head once more, so that it is found from the end of the file.
 * Integers are little-endian. */
#include "store/segment.h"

#include "base/endian.h"
#include "base/must.h"

_Static_assert(SEGMENT_HEADER_SIZE == 8 + 8 + 8 + HASH_SIZE + HASH_SIZE + 4, "header");
_Static_assert(RECORD_HEAD_SIZE == 4 + 4 + 8 + 4 + 4 + HASH_SIZE + 4, "head");
_Static_assert(SEGMENT_FILE_MAX < UINT32_MAX, "offsets");
_Static_assert((uint64_t)SEGMENT_RECORDS_MAX * 4 + (uint64_t)2 * RECORD_HEAD_SIZE < (128u << 20),
               "seal");

static enum status read_header(struct segment_reader *r, uint64_t number, struct damage *damage);
static enum status read_block(struct segment_reader *r, const uint8_t *head, struct damage *d);
static enum status read_seal(struct segment_reader *r, const uint8_t *head, struct damage *d);
static enum status bad(const struct segment_reader *r, struct damage *d, const char *what);

uint32_t segment_header_encode(uint8_t out[SEGMENT_HEADER_SIZE],
                               const struct env *env,
                               const struct segment_kind *kind,
                               const struct segment_header *h)
{
    must(h->number > 0);
    must(h->first_height > 0);
    memcpy(out, kind->magic, 8);
    put_u64_le(out + 8, h->number);
    put_u64_le(out + 16, h->first_height);
    memcpy(out + 24, h->chain_id.bytes, HASH_SIZE);
    memcpy(out + 56, h->previous.bytes, HASH_SIZE);
    uint32_t salt = crc32c_add(&env->crc, 0, span_of(out, 88));
    put_u32_le(out + 88, salt);
    return salt;
}

struct hash segment_digest_start(const uint8_t header[SEGMENT_HEADER_SIZE])
{
    return hash_of("segment", span_of(header, SEGMENT_HEADER_SIZE));
}

struct hash segment_digest_next(const struct hash *digest, const uint8_t head[RECORD_HEAD_SIZE])
{
    struct hasher h;
    hash_init(&h, "segment");
    hash_add_hash(&h, digest);
    hash_add(&h, span_of(head, RECORD_HEAD_SIZE));
    return hash_final(&h);
}

void record_encode(uint8_t out[RECORD_HEAD_SIZE],
                   const struct env *env,
                   uint32_t salt,
                   const struct record *r)
{
    must(r->height > 0);
    must(r->size <= RECORD_BODY_MAX);
    put_u32_le(out, (uint32_t)r->kind);
    put_u32_le(out + 4, r->count);
    put_u64_le(out + 8, r->height);
    put_u32_le(out + 16, r->size);
    put_u32_le(out + 20, r->payload_crc);
    memcpy(out + 24, r->hash.bytes, HASH_SIZE);
    put_u32_le(out + 56, crc32c_add(&env->crc, salt, span_of(out, 56)));
    struct record again;
    must(record_decode(&again, env, salt, out));
}

bool record_decode(struct record *r,
                   const struct env *env,
                   uint32_t salt,
                   const uint8_t in[RECORD_HEAD_SIZE])
{
    if (get_u32_le(in + 56) != crc32c_add(&env->crc, salt, span_of(in, 56))) return false;
    uint32_t kind = get_u32_le(in);
    if (kind != RECORD_BLOCK && kind != RECORD_SEAL) return false;
    *r = (struct record){.kind = kind == RECORD_BLOCK ? RECORD_BLOCK : RECORD_SEAL,
                         .count = get_u32_le(in + 4),
                         .height = get_u64_le(in + 8),
                         .size = get_u32_le(in + 16),
                         .payload_crc = get_u32_le(in + 20)};
    memcpy(r->hash.bytes, in + 24, HASH_SIZE);
    if (r->height == 0) return false;
    if (r->kind == RECORD_SEAL) return r->size == 0 && r->count <= SEGMENT_RECORDS_MAX;
    return r->size <= RECORD_BODY_MAX && r->count <= RECORD_TXIDS_MAX;
}

uint64_t record_payload_size(const struct record *r)
{
    if (r->kind == RECORD_SEAL) return (uint64_t)r->count * 4 + RECORD_HEAD_SIZE;
    must(r->count <= RECORD_TXIDS_MAX);
    return (uint64_t)r->count * HASH_SIZE + r->size;
}

enum status segment_reader_open(struct segment_reader *r,
                                const struct env *env,
                                const struct segment_kind *kind,
                                uint64_t number,
                                struct damage *damage)
{
    *r = (struct segment_reader){.env = env, .kind = kind};
    TRY(sfile_open(&r->file, env, kind, number, damage));
    buf_init(&r->payload, env->mem, 0);
    enum status st = ST_OK;
    if (r->file.size > SEGMENT_FILE_MAX)
        st = damaged(damage, r->file.name, SEGMENT_FILE_MAX, 0,
                     "the file is larger than any segment");
    if (st == ST_OK) st = read_header(r, number, damage);
    if (st != ST_OK) segment_reader_close(r);
    return st;
}

void segment_reader_close(struct segment_reader *r)
{
    if (r->env == NULL) return;
    sfile_close(&r->file);
    buf_fini(&r->payload);
    r->env = NULL;
}

enum status segment_reader_next(struct segment_reader *r, struct damage *damage)
{
    uint8_t head[RECORD_HEAD_SIZE];
    must(r->offset <= r->file.size);
    must(r->offset >= SEGMENT_HEADER_SIZE);
    if (r->offset == r->file.size) return ST_NOT_FOUND;
    r->start = r->offset;
    if (r->is_sealed) return bad(r, damage, "bytes behind the seal of the segment");
    if (r->file.size - r->offset < RECORD_HEAD_SIZE)
        return bad(r, damage, "the file ends inside the head of a record");
    enum status st = sfile_read(&r->file, head, sizeof head, r->offset);
    if (st == ST_CORRUPT) return bad(r, damage, "the head of a record cannot be unpacked");
    TRY(st);
    if (!record_decode(&r->record, r->env, r->salt, head))
        return bad(r, damage, "the head of a record has a wrong checksum");
    if (record_payload_size(&r->record) > r->file.size - r->offset - RECORD_HEAD_SIZE) {
        damage_set(damage, r->file.name, r->start, r->height + 1, "the file ends inside a record");
        return ST_TRUNCATED;
    }
    return r->record.kind == RECORD_BLOCK ? read_block(r, head, damage)
                                          : read_seal(r, head, damage);
}

void segment_seal_encode(struct buf *out,
                         const struct env *env,
                         uint32_t salt,
                         const struct record *seal,
                         const uint32_t *offsets)
{
    must(seal->count > 0);
    must(seal->count <= SEGMENT_RECORDS_MAX);
    size_t size = (size_t)RECORD_HEAD_SIZE * 2 + (size_t)seal->count * 4;
    uint8_t *to = buf_extend(out, size);
    if (buf_status(out) != ST_OK) return;
    for (uint32_t i = 0; i < seal->count; i++)
        put_u32_le(to + RECORD_HEAD_SIZE + (size_t)i * 4, offsets[i]);
    struct record r = *seal;
    struct span payload = span_of(to + RECORD_HEAD_SIZE, (size_t)seal->count * 4);
    r.kind = RECORD_SEAL;
    r.payload_crc = crc32c_add(&env->crc, 0, payload);
    record_encode(to, env, salt, &r);
    memcpy(to + size - RECORD_HEAD_SIZE, to, RECORD_HEAD_SIZE);
}

struct span segment_reader_txids(const struct segment_reader *r)
{
    size_t size = (size_t)r->record.count * HASH_SIZE;
    must(r->record.kind == RECORD_BLOCK);
    must(size <= r->payload.size);
    return span_of(r->payload.data, size);
}

struct span segment_reader_body(const struct segment_reader *r)
{
    size_t size = (size_t)r->record.count * HASH_SIZE;
    must(r->record.kind == RECORD_BLOCK);
    must(r->payload.size == size + r->record.size);
    return r->record.size == 0 ? span_of(NULL, 0) : span_of(r->payload.data + size, r->record.size);
}

enum status segment_reader_seal(struct segment_reader *r,
                                struct record *seal,
                                uint64_t *offset,
                                struct damage *damage)
{
    uint8_t head[RECORD_HEAD_SIZE];
    must(r->file.size >= SEGMENT_HEADER_SIZE);
    r->start = r->file.size;
    if (r->file.size < SEGMENT_HEADER_SIZE + 2 * RECORD_HEAD_SIZE)
        return bad(r, damage, "the seal of the segment is missing");
    enum status st = sfile_read(&r->file, head, sizeof head, r->file.size - RECORD_HEAD_SIZE);
    if (st == ST_CORRUPT) return bad(r, damage, "the seal of the segment cannot be unpacked");
    TRY(st);
    struct record found;
    if (!record_decode(&found, r->env, r->salt, head) || found.kind != RECORD_SEAL)
        return bad(r, damage, "the seal of the segment is missing or damaged");
    uint64_t whole = RECORD_HEAD_SIZE + record_payload_size(&found);
    if (whole > r->file.size - SEGMENT_HEADER_SIZE || found.count == 0 ||
        found.height != r->header.first_height + found.count - 1)
        return bad(r, damage, "the seal of the segment does not fit its blocks");
    uint8_t first[RECORD_HEAD_SIZE]; /* A cut behind it would make it the last. */
    st = sfile_read(&r->file, first, sizeof first, r->file.size - whole);
    if (st != ST_OK && st != ST_CORRUPT) return st;
    if (st == ST_CORRUPT || memcmp(first, head, sizeof head) != 0)
        return bad(r, damage, "the seal of the segment is damaged");
    *seal = found;
    *offset = r->file.size - whole;
    return ST_OK;
}

static enum status read_header(struct segment_reader *r, uint64_t number, struct damage *damage)
{
    uint8_t in[SEGMENT_HEADER_SIZE];
    static const uint8_t zeros[SEGMENT_HEADER_SIZE];
    if (r->file.size < sizeof in) {
        damage_set(damage, r->file.name, r->file.size, 0, "the file ends inside its header");
        return ST_TRUNCATED;
    }
    enum status st = sfile_read(&r->file, in, sizeof in, 0);
    if (st == ST_CORRUPT) return bad(r, damage, "the header of the file cannot be unpacked");
    TRY(st);
    if (memcmp(in, zeros, sizeof in) == 0) {
        damage_set(damage, r->file.name, 0, 0, "the header of the file is zero");
        return ST_TRUNCATED;
    }
    r->salt = get_u32_le(in + 88);
    if (r->salt != crc32c_add(&r->env->crc, 0, span_of(in, 88)))
        return damaged(damage, r->file.name, 0, 0, "the header of the file has a wrong checksum");
    if (memcmp(in, r->kind->magic, 8) != 0)
        return damaged(damage, r->file.name, 0, 0, "not a file of this kind and version");
    r->header.number = get_u64_le(in + 8);
    r->header.first_height = get_u64_le(in + 16);
    memcpy(r->header.chain_id.bytes, in + 24, HASH_SIZE);
    memcpy(r->header.previous.bytes, in + 56, HASH_SIZE);
    if (!hash_equal(&r->header.chain_id, &r->env->chain_id))
        return damaged(damage, r->file.name, 24, 0, "the file belongs to another chain");
    if (r->header.number != number)
        return damaged(damage, r->file.name, 8, 0, "the file is another segment of this chain");
    if (r->header.first_height == 0)
        return damaged(damage, r->file.name, 16, 0, "the header of the file names no height");
    r->offset = SEGMENT_HEADER_SIZE;
    r->height = r->header.first_height - 1;
    r->digest = segment_digest_start(in);
    return ST_OK;
}

static enum status read_payload(struct segment_reader *r, size_t size)
{
    must(r->offset + RECORD_HEAD_SIZE + size <= r->file.size);
    buf_reset(&r->payload);
    if (size == 0) return ST_OK;
    uint8_t *room = buf_extend(&r->payload, size);
    TRY(buf_status(&r->payload));
    return sfile_read(&r->file, room, size, r->offset + RECORD_HEAD_SIZE);
}

static enum status read_block(struct segment_reader *r, const uint8_t *head, struct damage *damage)
{
    if (r->record.height != r->height + 1)
        return bad(r, damage, "the block is not the one of this height");
    size_t size = (size_t)record_payload_size(&r->record);
    enum status st = read_payload(r, size);
    if (st != ST_OK && st != ST_CORRUPT) return st;
    r->offset += RECORD_HEAD_SIZE + size;
    r->height++;
    r->count++;
    r->digest = segment_digest_next(&r->digest, head);
    must(r->offset <= r->file.size);
    if (st == ST_OK && crc32c_add(&r->env->crc, 0, buf_span(&r->payload)) == r->record.payload_crc)
        return ST_OK;
    return damaged(damage, r->file.name, r->start, r->height, "the block has a wrong checksum");
}

static enum status read_seal(struct segment_reader *r, const uint8_t *head, struct damage *damage)
{
    size_t offsets = (size_t)r->record.count * 4;
    if (r->record.count != r->count || r->record.height != r->height ||
        !hash_equal(&r->record.hash, &r->digest))
        return bad(r, damage, "the seal of the segment does not fit its blocks");
    enum status st = read_payload(r, offsets + RECORD_HEAD_SIZE);
    if (st == ST_CORRUPT) return bad(r, damage, "the seal of the segment cannot be unpacked");
    TRY(st);
    if (crc32c_add(&r->env->crc, 0, span_of(r->payload.data, offsets)) != r->record.payload_crc ||
        memcmp(r->payload.data + offsets, head, RECORD_HEAD_SIZE) != 0)
        return bad(r, damage, "the seal of the segment has a wrong checksum");
    r->offset += RECORD_HEAD_SIZE + offsets + RECORD_HEAD_SIZE;
    r->is_sealed = true;
    must(r->offset <= r->file.size);
    return ST_OK;
}

static enum status bad(const struct segment_reader *r, struct damage *d, const char *what)
{
    return damaged(d, r->file.name, r->start, r->height + 1, what);
}
