/* log_lost.c - What lost files of a log hold, told by those around them.
 *
 * From the newest to the oldest: the header of a file names the digest of the one before and, by
 * its first height, where that one ends; a file that differs from what the next one says is lost,
 * too. Where the file before is sound it tells where the lost one begins; where it is lost as well
 * the indexes of both do. When the current file is lost the lost ones before it go with it: their
 * blocks are divided anew. Whatever is told wrongly here shows when a file is made again: then its
 * digest is another one. */
#include "base/must.h"
#include "store/index.h"
#include "store/log.h"

struct follower { /* What the next file says of this one. */
    bool is_known;
    uint64_t first_height;
    struct hash previous;
};

static enum status read_follower(const struct log *l,
                                 uint64_t number,
                                 struct follower *out,
                                 struct damage *damage);
static bool is_as_told(const struct log_sealed *s, uint64_t number, const struct follower *next);
static enum status lose(struct log *l, uint64_t number, const struct follower *next);
static enum status find_start(const struct log *l, uint64_t number, struct log_sealed *s);

enum status log_find_lost(struct log *l,
                          uint64_t last,
                          const struct place *durable,
                          struct damage *damage)
{
    struct follower next;
    must(l->can_mend);
    if (last == 0) return ST_OK;
    must(l->sealed_count == last - 1);
    TRY(read_follower(l, last, &next, damage));
    if (!next.is_known) {
        while (l->sealed_count > 0 && l->sealed[l->sealed_count - 1].is_lost)
            gaps_clear(l->gaps, l->sealed_count--);
    }
    const bool is_broken = !next.is_known;
    for (uint64_t number = l->sealed_count; number > 0; number--) {
        struct log_sealed *s = &l->sealed[number - 1];
        if (!is_as_told(s, number, &next)) {
            enum status st = lose(l, number, &next);
            if (st == ST_CORRUPT) {
                segment_name(damage->file, l->kind, number);
                return damaged(damage, damage->file, 0, 0,
                               "several files in a row and their indexes are lost");
            }
            TRY(st);
        }
        next = (struct follower){
            .is_known = true, .first_height = s->first_height, .previous = s->previous};
    }
    l->height = l->sealed_count == 0 ? 0 : l->sealed[l->sealed_count - 1].last_height;
    return is_broken ? log_break(l, durable, damage) : ST_OK;
}

/* From its header; not known: it cannot be read. */
static enum status read_follower(const struct log *l,
                                 uint64_t number,
                                 struct follower *out,
                                 struct damage *damage)
{
    struct segment_reader r;
    *out = (struct follower){.is_known = false};
    enum status st = segment_reader_open(&r, l->env, l->kind, number, damage);
    if (st == ST_NOT_FOUND) {
        segment_name(damage->file, l->kind, number);
        damage_set(damage, damage->file, 0, 0, "the file is missing");
    }
    if (st == ST_CORRUPT || st == ST_TRUNCATED || st == ST_NOT_FOUND) return ST_OK;
    TRY(st);
    *out = (struct follower){
        .is_known = true, .first_height = r.header.first_height, .previous = r.header.previous};
    segment_reader_close(&r);
    return ST_OK;
}

static bool is_as_told(const struct log_sealed *s, uint64_t number, const struct follower *next)
{
    static const struct hash none = {{0}};
    if (s->is_lost) return false;
    if (number == 1 && (s->first_height != 1 || !hash_equal(&s->previous, &none))) return false;
    if (!next->is_known) return true;
    return s->last_height + 1 == next->first_height && hash_equal(&s->digest, &next->previous);
}

static enum status lose(struct log *l, uint64_t number, const struct follower *next)
{
    struct log_sealed *s = &l->sealed[number - 1];
    struct gap gap = {.number = number};
    segment_name(gap.place.file, l->kind, number);
    if (!gaps_of_file(l->gaps, number, &gap))
        damage_set(&gap.place, gap.place.file, 0, 0, "the file is not the one the next continues");
    must(next->is_known);
    *s = (struct log_sealed){
        .is_lost = true, .last_height = next->first_height - 1, .digest = next->previous};
    TRY(find_start(l, number, s));
    struct segment_header header = {.number = number,
                                    .first_height = s->first_height,
                                    .chain_id = l->env->chain_id,
                                    .previous = s->previous};
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    s->salt = segment_header_encode(bytes, l->env, l->kind, &header);
    gaps_clear(l->gaps, number);
    gap.first = s->first_height;
    gap.last = s->last_height;
    gap.place.height = s->first_height;
    gaps_add(l->gaps, &gap);
    return ST_OK;
}

static enum status find_start(const struct log *l, uint64_t number, struct log_sealed *s)
{
    const struct log_sealed *before = number == 1 ? NULL : &l->sealed[number - 2];
    if (before == NULL) {
        s->first_height = 1;
    } else if (!before->is_lost) {
        s->first_height = before->last_height + 1;
        s->previous = before->digest;
    } else {
        struct index_id own;
        struct index_id other;
        enum status st = index_identify(l->env, number, &own);
        if (st == ST_OK) st = index_identify(l->env, number - 1, &other);
        if (st == ST_NOT_FOUND) return ST_CORRUPT;
        TRY(st);
        s->first_height = own.first_height;
        s->previous = other.digest;
    }
    return s->first_height > 0 && s->first_height <= s->last_height ? ST_OK : ST_CORRUPT;
}
