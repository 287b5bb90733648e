/* run.c - Pages of 4,096 bytes, integers little-endian:
 *
 * page 0                                      pages of tables, then pages of entries
 *    0  8 magic "TSQLHIS1"                       0 24 table: id 8, place of its first entry 8,
 * count 8 8  8 first height                             or entry: height 8, key 8, index 4, offset
 * 4 16  8 last height                               (offset, bit 31: it stands in "gone") 24 32 D
 * of the last height                     … up to 170 of them, rest zero 56  8 entries 4080  4 how
 * many in this page 64  4 tables                              4084  4 page number 68 … zero 4088  4
 * salt: the checksum of page 0 4092  4 CRC-32C of 0…4091                   4092  4 CRC-32C of
 * 0…4091
 *
 * All pages of a kind but the last are full.
 *
 * Invariants
 * R1 a file without ".tmp" in its name is whole: it was synced before it got the name.
 * R2 tables ascend, and their entries follow one another from place 0 to the end. */
#include "history/run.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/endian.h"
#include "base/must.h"

#define ITEM_SIZE  24u
#define ITEMS_MAX  170u
#define COUNT_AT   4080u
#define NUMBER_AT  4084u
#define SALT_AT    4088u
#define CRC_AT     4092u
#define GONE_BIT   0x80000000u
#define TABLES_MAX (1u << 24)

static const uint8_t magic[8] = {'T', 'S', 'Q', 'L', 'H', 'I', 'S', '1'};

_Static_assert(ITEMS_MAX *ITEM_SIZE == COUNT_AT, "page");

static uint32_t close_page(const struct run_env *env, uint8_t *page);
static enum status flush_page(struct run_writer *w);
static enum status put_item(struct run_writer *w, const uint8_t item[ITEM_SIZE]);
static enum status read_first(struct run *r, const struct run_id *id);
static enum status read_tables(struct run *r);
static enum status read_page(const struct run *r, struct run_page *page, uint64_t number);

/* --- names ----------------------------------------------------------------------------------- */

void run_name(char out[RUN_NAME_MAX], const struct run_id *id)
{
    int size =
        snprintf(out, RUN_NAME_MAX, "%016" PRIx64 "-%016" PRIx64 ".run", id->first, id->last);
    must(size > 0 && size < (int)RUN_NAME_MAX);
}

static bool parse_hex(const char *text, uint64_t *out)
{
    *out = 0;
    for (int i = 0; i < 16; i++) {
        const char c = text[i];
        const bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && (c < 'a' || c > 'f')) return false;
        *out = *out << 4 | (uint64_t)(is_digit ? c - '0' : c - 'a' + 10);
    }
    return true;
}

bool run_name_parse(struct run_id *out, const char *name)
{
    if (strlen(name) != 37 || name[16] != '-' || strcmp(name + 33, ".run") != 0) return false;
    if (!parse_hex(name, &out->first) || !parse_hex(name + 17, &out->last)) return false;
    return out->first > 0 && out->first <= out->last;
}

enum status run_path(const struct run_env *env, char *out, const char *name)
{
    return os_path_join(out, env->dir, name);
}

static enum status temporary_path(const struct run_env *env, char *out)
{
    return run_path(env, out, "new.tmp");
}

/* --- writing --------------------------------------------------------------------------------- */

static uint32_t close_page(const struct run_env *env, uint8_t *page)
{
    const uint32_t crc = crc32c_add(&env->crc, 0, span_of(page, CRC_AT));
    put_u32_le(page + CRC_AT, crc);
    return crc;
}

static enum status write_first(struct run_writer *w,
                               const struct run_id *id,
                               uint64_t entry_count,
                               uint32_t table_count)
{
    memcpy(w->page, magic, sizeof magic);
    put_u64_le(w->page + 8, id->first);
    put_u64_le(w->page + 16, id->last);
    memcpy(w->page + 24, id->digest.bytes, HASH_SIZE);
    put_u64_le(w->page + 56, entry_count);
    put_u32_le(w->page + 64, table_count);
    w->salt = close_page(w->env, w->page);
    TRY(w->env->os->file_write(w->env->os, w->file, span_of(w->page, sizeof w->page), 0));
    memset(w->page, 0, sizeof w->page);
    w->page_number = 1;
    return ST_OK;
}

enum status run_writer_open(struct run_writer *w,
                            const struct run_env *env,
                            const struct run_id *id,
                            const struct run_table *tables,
                            uint32_t table_count)
{
    char path[OS_PATH_MAX];
    uint64_t entry_count = 0;
    *w = (struct run_writer){.env = env};
    for (uint32_t i = 0; i < table_count; i++) {
        must(i == 0 || tables[i - 1].table < tables[i].table);
        must(tables[i].first == entry_count); /* R2 */
        entry_count += tables[i].count;
    }
    TRY(temporary_path(env, path));
    enum status st = env->os->remove(env->os, path);
    if (st != ST_OK && st != ST_NOT_FOUND) return st;
    TRY(env->os->file_open(env->os, &w->file, path, OS_WRITE | OS_CREATE | OS_EXCLUSIVE));
    st = write_first(w, id, entry_count, table_count);
    for (uint32_t i = 0; i < table_count && st == ST_OK; i++) {
        uint8_t item[ITEM_SIZE];
        put_u64_le(item, tables[i].table);
        put_u64_le(item + 8, tables[i].first);
        put_u64_le(item + 16, tables[i].count);
        st = put_item(w, item);
    }
    if (st == ST_OK) st = flush_page(w); /* Entries begin on a page of their own. */
    if (st != ST_OK) run_writer_close(w);
    return st;
}

static enum status put_item(struct run_writer *w, const uint8_t item[ITEM_SIZE])
{
    must(w->count < ITEMS_MAX);
    memcpy(w->page + (size_t)w->count * ITEM_SIZE, item, ITEM_SIZE);
    w->count++;
    return w->count == ITEMS_MAX ? flush_page(w) : ST_OK;
}

static enum status flush_page(struct run_writer *w)
{
    struct os *os = w->env->os;
    if (w->count == 0) return ST_OK;
    must(w->page_number <= UINT32_MAX);
    put_u32_le(w->page + COUNT_AT, w->count);
    put_u32_le(w->page + NUMBER_AT, (uint32_t)w->page_number);
    put_u32_le(w->page + SALT_AT, w->salt);
    (void)close_page(w->env, w->page);
    TRY(os->file_write(os, w->file, span_of(w->page, sizeof w->page),
                       w->page_number * RUN_PAGE_SIZE));
    memset(w->page, 0, sizeof w->page);
    w->count = 0;
    w->page_number++;
    return ST_OK;
}

enum status run_writer_add(struct run_writer *w, const struct history_entry *entry)
{
    uint8_t item[ITEM_SIZE];
    must(entry->offset < GONE_BIT);
    put_u64_le(item, entry->height);
    put_u64_le(item + 8, entry->key);
    put_u32_le(item + 16, entry->index);
    put_u32_le(item + 20, entry->offset | (entry->is_gone ? GONE_BIT : 0));
    return put_item(w, item);
}

enum status run_writer_finish(struct run_writer *w, const struct run_id *id)
{
    const struct run_env *env = w->env;
    char from[OS_PATH_MAX];
    char to[OS_PATH_MAX];
    char name[RUN_NAME_MAX];
    run_name(name, id);
    TRY(temporary_path(env, from));
    TRY(run_path(env, to, name));
    TRY(flush_page(w));
    TRY(env->os->file_sync(env->os, w->file)); /* R1 */
    run_writer_close(w);
    TRY(env->os->rename(env->os, from, to));
    return env->os->sync_dir(env->os, env->dir);
}

void run_writer_close(struct run_writer *w)
{
    if (w->env != NULL) w->env->os->file_close(w->env->os, w->file);
    w->file = NULL;
}

/* --- reading --------------------------------------------------------------------------------- */

enum status run_open(struct run **out, const struct run_env *env, const struct run_id *id)
{
    char path[OS_PATH_MAX];
    char name[RUN_NAME_MAX];
    run_name(name, id);
    TRY(run_path(env, path, name));
    struct run *r = mem_alloc_zero(env->mem, 1, sizeof *r);
    if (r == NULL) return ST_NO_MEMORY;
    r->env = env;
    r->refs = 1;
    enum status st = env->os->file_open(env->os, &r->file, path, OS_READ);
    if (st == ST_OK) st = read_first(r, id);
    if (st == ST_OK) st = read_tables(r);
    if (st != ST_OK) {
        run_free(r);
        return st;
    }
    *out = r;
    return ST_OK;
}

void run_free(struct run *r)
{
    if (r == NULL) return;
    r->env->os->file_close(r->env->os, r->file);
    mem_free(r->env->mem, r->tables);
    mem_free(r->env->mem, r);
}

static enum status read_raw(const struct run *r, uint8_t *page, uint64_t number)
{
    struct os *os = r->env->os;
    size_t got = 0;
    TRY(os->file_read(os, r->file, page, RUN_PAGE_SIZE, number * RUN_PAGE_SIZE, &got));
    if (got < RUN_PAGE_SIZE) return ST_CORRUPT;
    const uint32_t crc = crc32c_add(&r->env->crc, 0, span_of(page, CRC_AT));
    return crc == get_u32_le(page + CRC_AT) ? ST_OK : ST_CORRUPT;
}

static uint64_t pages_of(uint64_t items)
{
    return items / ITEMS_MAX + (items % ITEMS_MAX > 0);
}

static enum status read_first(struct run *r, const struct run_id *id)
{
    struct os *os = r->env->os;
    uint8_t page[RUN_PAGE_SIZE];
    uint64_t size = 0;
    TRY(read_raw(r, page, 0));
    if (memcmp(page, magic, sizeof magic) != 0) return ST_CORRUPT;
    r->id.first = get_u64_le(page + 8);
    r->id.last = get_u64_le(page + 16);
    memcpy(r->id.digest.bytes, page + 24, HASH_SIZE);
    r->entry_count = get_u64_le(page + 56);
    r->table_count = get_u32_le(page + 64);
    r->salt = get_u32_le(page + CRC_AT);
    if (r->id.first != id->first || r->id.last != id->last) return ST_CORRUPT;
    if (r->table_count > TABLES_MAX || r->entry_count > (uint64_t)UINT32_MAX * ITEMS_MAX)
        return ST_CORRUPT;
    r->entries_page = 1 + pages_of(r->table_count);
    TRY(os->file_size(os, r->file, &size));
    const uint64_t pages = r->entries_page + pages_of(r->entry_count);
    return size == pages * RUN_PAGE_SIZE ? ST_OK : ST_CORRUPT;
}

static enum status read_page(const struct run *r, struct run_page *page, uint64_t number)
{
    if (page->number == number) return ST_OK;
    page->number = 0;
    TRY(read_raw(r, page->bytes, number));
    if (get_u32_le(page->bytes + NUMBER_AT) != number) return ST_CORRUPT;
    if (get_u32_le(page->bytes + SALT_AT) != r->salt) return ST_CORRUPT;
    if (get_u32_le(page->bytes + COUNT_AT) > ITEMS_MAX) return ST_CORRUPT;
    page->number = number;
    return ST_OK;
}

static enum status read_item(
    const struct run *r, struct run_page *page, uint64_t base, uint64_t place, const uint8_t **out)
{
    TRY(read_page(r, page, base + place / ITEMS_MAX));
    const uint64_t in_page = place % ITEMS_MAX;
    if (in_page >= get_u32_le(page->bytes + COUNT_AT)) return ST_CORRUPT;
    *out = page->bytes + in_page * ITEM_SIZE;
    return ST_OK;
}

static enum status read_tables(struct run *r)
{
    struct run_page page = {.number = 0};
    uint64_t next = 0;
    r->tables = mem_alloc_zero(r->env->mem, (size_t)r->table_count + 1, sizeof *r->tables);
    if (r->tables == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < r->table_count; i++) {
        const uint8_t *item = NULL;
        struct run_table *t = &r->tables[i];
        TRY(read_item(r, &page, 1, i, &item));
        t->table = get_u64_le(item);
        t->first = get_u64_le(item + 8);
        t->count = get_u64_le(item + 16);
        if (i > 0 && t->table <= r->tables[i - 1].table) return ST_CORRUPT;
        if (t->first != next || t->count > r->entry_count - next) return ST_CORRUPT; /* R2 */
        next += t->count;
    }
    return next == r->entry_count ? ST_OK : ST_CORRUPT;
}

const struct run_table *run_find(const struct run *r, uint64_t table)
{
    uint32_t low = 0;
    uint32_t high = r->table_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (r->tables[middle].table < table)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->table_count && r->tables[low].table == table ? &r->tables[low] : NULL;
}

enum status run_entry(const struct run *r,
                      struct run_page *page,
                      uint64_t place,
                      struct history_entry *out)
{
    const uint8_t *item = NULL;
    must(place < r->entry_count);
    TRY(read_item(r, page, r->entries_page, place, &item));
    const uint32_t offset = get_u32_le(item + 20);
    *out = (struct history_entry){.height = get_u64_le(item),
                                  .key = get_u64_le(item + 8),
                                  .index = get_u32_le(item + 16),
                                  .offset = offset & ~GONE_BIT,
                                  .is_gone = (offset & GONE_BIT) != 0};
    return out->height >= r->id.first && out->height <= r->id.last ? ST_OK : ST_CORRUPT;
}
