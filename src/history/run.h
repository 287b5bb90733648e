/* run.h - An immutable sorted file: where the row versions of a range of heights stand.
 *
 * Entries are in order of (table, height, index). Written once, under a temporary name, synced,
 * renamed; every page carries its number and a checksum that is looked at when it is read. Internal
 * to src/history. Format: docs/format/history.md. */
#ifndef TRUSTSQL_HISTORY_RUN_H
#define TRUSTSQL_HISTORY_RUN_H

#include "crypto/hash.h"
#include "history/history.h"
#include "os/os.h"
#include "store/crc32c.h"

#define RUN_NAME_MAX 64u

struct run_env { /* Immutable, shared by all threads. */
    struct os *os;
    struct mem *mem;
    struct crc32c crc;
    char dir[OS_PATH_MAX];
};

struct run_id {
    uint64_t first; /* Heights. */
    uint64_t last;
    struct hash digest; /* D of the last. */
};

struct run_table { /* Where the entries of one table stand. */
    uint64_t table;
    uint64_t first;
    uint64_t count;
};

/* --- writing: one thread ---------------------------------------------------------------------- */

#define RUN_PAGE_SIZE 4096u

struct run_writer {
    const struct run_env *env;
    struct os_file *file;
    uint64_t page_number;
    uint32_t salt;
    uint32_t count; /* Entries in page. */
    uint8_t page[RUN_PAGE_SIZE];
};

/* Tables ascend; their entries follow one another without a gap. */
NODISCARD enum status run_writer_open(struct run_writer *w,
                                      const struct run_env *env,
                                      const struct run_id *id,
                                      const struct run_table *tables,
                                      uint32_t table_count);
NODISCARD enum status run_writer_add(struct run_writer *w, const struct history_entry *entry);
/* All entries are there: durable, under its name. */
NODISCARD enum status run_writer_finish(struct run_writer *w, const struct run_id *id);
/* Accepts a zeroed one, and one that is finished. */
void run_writer_close(struct run_writer *w);

/* --- reading: any thread ---------------------------------------------------------------------- */

struct run {
    const struct run_env *env;
    struct os_file *file;
    struct run_id id;
    uint32_t salt;
    uint32_t refs; /* Under the history's mutex. */
    uint64_t entry_count;
    uint64_t entries_page; /* The first page of entries. */
    struct run_table *tables;
    uint32_t table_count;
};

/* ST_CORRUPT: it is not whole, or not what its name says. */
NODISCARD enum status run_open(struct run **out,
                               const struct run_env *env,
                               const struct run_id *id);
void run_free(struct run *r); /* Null allowed. */

/* Null: no entry of the table. */
const struct run_table *run_find(const struct run *r, uint64_t table);

struct run_page {
    uint64_t number; /* 0: none was read. */
    uint8_t bytes[RUN_PAGE_SIZE];
};
/* The entry at a place in the run; page holds what was read last. */
NODISCARD enum status run_entry(const struct run *r,
                                struct run_page *page,
                                uint64_t place,
                                struct history_entry *out);

void run_name(char out[RUN_NAME_MAX], const struct run_id *id);
/* False: it is no run's name. The digest is not in it. */
bool run_name_parse(struct run_id *out, const char *name);
NODISCARD enum status run_path(const struct run_env *env, char *out, const char *name);

#endif
