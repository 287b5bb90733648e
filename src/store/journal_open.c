/* journal_open.c - What this node has promised: reading it again after a crash or a fault.
 *
 * The two copies of an area are walked together. A record that is right in one copy counts. Where
 * neither is right, the walk ends, and what follows decides:
 *
 *   both copies zero to the end           → the end;
 *   a write that the crash tore           → the end: nobody was told of what it held;
 *   anything else                         → damage (ST_CORRUPT): promises may be lost, the node
 * must rejoin with a new key.
 *
 * A write that stopped (at any byte) or was torn (sectors of it written, others still zero, S7)
 * shows this: sector by sector the copies are equal as far as both go; in some sector one goes less
 * far, or both have nothing; and no record of a later sync follows, because a later sync proves
 * that the one before was complete. */
#include "store/journal.h"

#include "base/endian.h"
#include "base/must.h"

#define REJOIN   "; if the disk cannot be put right, rejoin with a new key"
#define ONE_COPY "one of two copies of a record is damaged; a start of the node repairs it"

enum tail { TAIL_CLEAN, TAIL_TORN, TAIL_DAMAGED };

struct area { /* Both copies of one area, in memory, and what a walk over them found. */
    const struct env *env;
    const uint8_t *copy[2];
    uint32_t size;
    uint32_t index;
    uint32_t used;
    uint64_t seq;
    uint32_t prev;
    uint64_t generation; /* 0: no generation record. */
    bool is_complete;    /* The snapshot's end was seen. */
    bool is_wrong_chain;
    enum tail tail;
    uint32_t last_first;      /* Where the newest record with is_first starts. */
    bool has_difference;      /* A record was right in one copy only. */
    uint32_t first_different; /* Where; and in which copy it is wrong. */
    uint32_t wrong_copy;
};

struct walker { /* Null functions: only what struct area holds is wanted. */
    void (*record)(void *context, const struct area *a, const struct journal_record *r);
    void *context;
};

static enum status read_copies(struct journal *j, uint32_t area, struct area *out);
static void walk(struct area *a, const struct walker *w);
static unsigned next_record(const struct area *a, struct journal_record *out);
static enum tail judge_tail(const struct area *a);
static enum status choose(struct journal *j, uint32_t *chosen, struct damage *damage);
static enum status load(struct journal *j, uint32_t chosen, struct damage *damage);

enum status journal_open(struct journal *j, const struct env *env, struct damage *damage)
{
    *j = (struct journal){.env = env, .held = {.first = 1}};
    uint64_t size = 0;
    uint32_t chosen = 0;
    enum status st = env_open(env, &j->file, JOURNAL_NAME, env->is_read_only ? OS_READ : OS_WRITE);
    if (st != ST_OK) goto out;
    st = env->os->file_size(env->os, j->file, &size);
    if (st != ST_OK) goto out;
    j->area_size = (uint32_t)(size / 4);
    if (size % ((uint64_t)4 * JOURNAL_SECTOR) != 0 || size / 4 < JOURNAL_AREA_MIN ||
        size / 4 > JOURNAL_AREA_MAX) {
        st = damaged(damage, JOURNAL_NAME, size, 0, "the journal has a wrong size" REJOIN);
        goto out;
    }
    st = ST_NO_MEMORY;
    j->image = mem_alloc(env->mem, j->area_size);
    j->spare = mem_alloc(env->mem, j->area_size);
    if (j->image == NULL || j->spare == NULL) goto out;
    st = choose(j, &chosen, damage);
    if (st == ST_OK) st = load(j, chosen, damage);
out:
    if (st != ST_OK) journal_close(j);
    return st;
}

static bool is_zero(const uint8_t *bytes, uint32_t from, uint32_t to)
{
    must(from <= to);
    if (from == to) return true;
    return bytes[from] == 0 && memcmp(bytes + from, bytes + from + 1, to - from - 1) == 0;
}

static enum status read_copies(struct journal *j, uint32_t area, struct area *out)
{
    uint8_t *to[2] = {j->image, j->spare};
    must(!j->is_ready); /* The buffers are in use later. */
    must(area < 2);
    for (uint32_t copy = 0; copy < 2; copy++) {
        uint64_t offset = journal_offset(j->area_size, copy, area);
        TRY(env_read(j->env, j->file, to[copy], j->area_size, offset));
    }
    *out = (struct area){
        .env = j->env, .copy = {j->image, j->spare}, .size = j->area_size, .index = area};
    return ST_OK;
}

/* Bit c: copy c holds the record that continues the walk. */
static unsigned next_record(const struct area *a, struct journal_record *out)
{
    unsigned mask = 0;
    must(a->used <= a->size);
    for (unsigned c = 0; c < 2; c++) {
        struct journal_record r;
        if (!journal_decode(&r, a->env, span_of(a->copy[c] + a->used, a->size - a->used))) continue;
        bool is_start = a->used == 0;
        if (is_start != (r.kind == JOURNAL_GENERATION)) continue;
        if (is_start ? r.prev != 0 : r.prev != a->prev || r.seq != a->seq + 1) continue;
        if (mask != 0 && r.crc != out->crc) continue;
        *out = r;
        mask |= 1u << c;
    }
    return mask;
}

static void note_difference(struct area *a, unsigned mask)
{
    if (a->has_difference) return;
    must(mask == 1 || mask == 2);
    must(a->used < a->size);
    a->has_difference = true;
    a->first_different = a->used;
    a->wrong_copy = mask == 1 ? 1 : 0;
}

static void walk(struct area *a, const struct walker *w)
{
    struct journal_record r;
    for (unsigned mask = next_record(a, &r); mask != 0; mask = next_record(a, &r)) {
        if (mask != 3) note_difference(a, mask);
        if (r.kind == JOURNAL_GENERATION) {
            a->generation = get_u64_le(r.payload.data + 8);
            a->is_wrong_chain = memcmp(r.payload.data + 16, a->env->chain_id.bytes, HASH_SIZE) != 0;
        }
        if (r.kind == JOURNAL_END) a->is_complete = true;
        if (r.is_first) a->last_first = a->used;
        if (w != NULL) w->record(w->context, a, &r);
        a->used += r.size;
        a->seq = r.seq;
        a->prev = r.crc;
        must(a->used <= a->size);
    }
    a->tail = judge_tail(a);
}

/* Bytes of from…to without the zeros at their end. */
static uint32_t filled(const uint8_t *bytes, uint32_t from, uint32_t to)
{
    must(from <= to);
    if (is_zero(bytes, from, to)) return 0;
    while (to > from && bytes[to - 1] == 0)
        to--;
    return to - from;
}

/* Sector by sector the copies are equal as far as both go. *lacks: some sector is zero, or goes
 * less far in one copy. */
static bool looks_torn(const struct area *a, uint32_t from, uint32_t to, bool *lacks)
{
    *lacks = false;
    must(to <= a->size);
    while (from < to) {
        uint32_t end = (from / JOURNAL_SECTOR + 1) * JOURNAL_SECTOR;
        if (end > to) end = to;
        uint32_t sizes[2] = {filled(a->copy[0], from, end), filled(a->copy[1], from, end)};
        uint32_t common = sizes[0] < sizes[1] ? sizes[0] : sizes[1];
        if (memcmp(a->copy[0] + from, a->copy[1] + from, common) != 0) return false;
        must(common <= JOURNAL_SECTOR);
        if (common == 0 || sizes[0] != sizes[1]) *lacks = true;
        from = end;
    }
    return true;
}

/* Where the record that should follow ends, by its own word. */
static uint32_t claimed_end(const struct area *a)
{
    must(a->used <= a->size);
    if (a->size - a->used < JOURNAL_OVERHEAD) return a->size;
    uint32_t sizes[2] = {get_u32_le(a->copy[0] + a->used), get_u32_le(a->copy[1] + a->used)};
    uint32_t size = sizes[0] > sizes[1] ? sizes[0] : sizes[1];
    uint32_t room = a->size - a->used - JOURNAL_OVERHEAD;
    return a->used + JOURNAL_OVERHEAD + (size < room ? size : room);
}

static bool has_later_sync(const struct area *a, uint32_t from, uint32_t to)
{
    must(from < to);
    must(to <= a->size);
    for (uint32_t at = from + 1; at < to; at++)
        for (unsigned c = 0; c < 2; c++) {
            struct journal_record r;
            if (!journal_decode(&r, a->env, span_of(a->copy[c] + at, a->size - at))) continue;
            if (r.is_first && r.seq > a->seq) return true;
        }
    return false;
}

static enum tail judge_tail(const struct area *a)
{
    uint32_t sizes[2] = {filled(a->copy[0], a->used, a->size),
                         filled(a->copy[1], a->used, a->size)};
    uint32_t end = a->used + (sizes[0] > sizes[1] ? sizes[0] : sizes[1]);
    must(end <= a->size);
    if (end == a->used) return TAIL_CLEAN;
    uint32_t whole = claimed_end(a);
    if (whole > end) end = whole; /* What it should fill is lacking, too. */
    bool lacks = false;
    if (!looks_torn(a, a->used, end, &lacks) || !lacks) return TAIL_DAMAGED;
    return has_later_sync(a, a->used, end) ? TAIL_DAMAGED : TAIL_TORN;
}

/* A record that one copy lacks is a crash only in what the last sync wrote, and only torn. */
static bool has_damaged_copy(const struct area *a)
{
    bool lacks = false;
    if (!a->has_difference) return false;
    must(a->first_different < a->used);
    return a->first_different < a->last_first ||
           !looks_torn(a, a->first_different, a->used, &lacks);
}

static enum status choose(struct journal *j, uint32_t *chosen, struct damage *damage)
{
    uint64_t generation = 0;
    bool is_wrong_chain = false;
    bool has_bytes[2] = {false, false};
    struct damage one_copy = {0};
    for (uint32_t i = 0; i < 2; i++) {
        struct area a;
        TRY(read_copies(j, i, &a));
        walk(&a, NULL);
        has_bytes[i] = a.used > 0 || a.tail != TAIL_CLEAN;
        is_wrong_chain = is_wrong_chain || a.is_wrong_chain;
        if (!a.is_complete || a.generation <= generation) continue;
        generation = a.generation;
        *chosen = i;
        one_copy = (struct damage){0};
        uint64_t at = journal_offset(j->area_size, a.wrong_copy, i) + a.first_different;
        if (has_damaged_copy(&a)) damage_set(&one_copy, JOURNAL_NAME, at, 0, ONE_COPY);
    }
    if (is_wrong_chain) {
        damage_set(damage, JOURNAL_NAME, 0, 0, "the journal belongs to another chain");
        return ST_INVALID;
    }
    if (generation == 0)
        return damaged(damage, JOURNAL_NAME, 0, 0, "the journal is damaged in both copies" REJOIN);
    must(*chosen < 2);
    must(has_bytes[*chosen]);
    j->has_rest = has_bytes[1 - *chosen];
    if (damage != NULL) *damage = one_copy;
    return ST_OK;
}

static void apply(void *context, const struct area *a, const struct journal_record *r)
{
    struct journal *j = context;
    struct place place = {0};
    must(r->slot < JOURNAL_SLOTS);
    must(a->used + r->size <= j->area_size);
    switch (r->kind) {
    case JOURNAL_GENERATION: return;
    case JOURNAL_SLOT:
        j->slots[r->slot] = (struct journal_slot){.at = a->used + JOURNAL_OVERHEAD - 4,
                                                  .size = (uint32_t)r->payload.size};
        break;
    case JOURNAL_END: (void)journal_place_decode(&place, r->payload); break;
    case JOURNAL_HELD: (void)journal_held_decode(&j->held, r->payload); break;
    }
    if (place.height > j->end.height) j->end = place;
    /* The image takes the right one of two copies. */
    const uint8_t *from = r->payload.data - (JOURNAL_OVERHEAD - 4);
    if (from != j->image + a->used) memcpy(j->image + a->used, from, r->size);
}

static enum status load(struct journal *j, uint32_t chosen, struct damage *damage)
{
    struct area a;
    struct walker w = {.record = apply, .context = j};
    TRY(read_copies(j, chosen, &a));
    walk(&a, &w);
    must(a.is_complete);
    must(!a.is_wrong_chain);
    must(a.used >= JOURNAL_OVERHEAD + JOURNAL_GENERATION_SIZE);
    if (a.tail == TAIL_DAMAGED) {
        uint64_t offset = journal_offset(j->area_size, 0, chosen) + a.used;
        return damaged(damage, JOURNAL_NAME, offset, j->end.height,
                       "a record of the journal is damaged in both copies" REJOIN);
    }
    memset(j->image + a.used, 0, j->area_size - a.used);
    j->area = chosen;
    j->used = a.used;
    j->written = a.used;
    j->generation = a.generation;
    j->seq = a.seq;
    j->prev = a.prev;
    return ST_OK;
}

/* --- scan ------------------------------------------------------------------------------------ */

static void tell(const struct journal_finder *finder,
                 const struct area *a,
                 uint32_t copy,
                 uint32_t at,
                 const char *what)
{
    struct damage d;
    must(at < a->size);
    uint64_t offset = journal_offset(a->size, copy, a->index) + at;
    damage_set(&d, JOURNAL_NAME, offset, 0, what);
    finder->found(finder->context, &d);
}

/* The area in use: whole in both copies but for what a crash may have torn. */
static void scan_live(struct area *a, const struct journal_finder *finder)
{
    walk(a, NULL);
    if (has_damaged_copy(a)) tell(finder, a, a->wrong_copy, a->first_different, ONE_COPY);
    if (a->tail == TAIL_CLEAN) return;
    /* Told although a power cut may have left it: one flipped byte looks the same. */
    uint32_t copy = is_zero(a->copy[0], a->used, a->size) ? 1 : 0;
    tell(finder, a, copy, a->used,
         "bytes behind the last record: a write that did not finish; a start cuts it");
}

/* The other area: zero, or whole in itself (a crash between two steps of a wrap). */
static void scan_idle(struct area *a, const struct journal_finder *finder)
{
    for (uint32_t c = 0; c < 2; c++) {
        struct area single = *a;
        single.copy[0] = a->copy[c];
        single.copy[1] = a->copy[c];
        walk(&single, NULL);
        if (single.tail == TAIL_CLEAN && (single.used == 0 || single.is_complete)) continue;
        uint32_t at = single.used;
        while (at + 1 < a->size && a->copy[c][at] == 0)
            at++;
        tell(finder, a, c, at, "an area that is not in use is not zero; a start repairs it");
    }
}

enum status journal_scan(const struct env *env,
                         const struct journal_finder *finder,
                         struct journal_ends *ends)
{
    struct journal j;
    struct damage d = {0};
    enum status st = journal_open(&j, env, &d);
    if (st == ST_NOT_FOUND) st = damaged(&d, JOURNAL_NAME, 0, 0, "the file is missing" REJOIN);
    if (st == ST_INVALID) st = ST_CORRUPT;
    if (st == ST_CORRUPT) finder->found(finder->context, &d);
    TRY(st);
    *ends = (struct journal_ends){.newest = j.end, .held = j.held};
    uint32_t live = j.area;
    for (uint32_t i = 0; i < 2 && st == ST_OK; i++) {
        struct area a;
        st = read_copies(&j, i, &a);
        if (st != ST_OK) break;
        if (i == live)
            scan_live(&a, finder);
        else
            scan_idle(&a, finder);
    }
    journal_close(&j);
    return st;
}
