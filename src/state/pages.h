/* pages.h - The multi-version page store under SQLite: every page at every recent version.
 *
 * The newest image of a page is whole, in memory or in the file; older versions are reverse
 * differences. Invariants and design: README.md. Threads: readers pin and read; the execution
 * thread alone stages, publishes, discards, retires and drops images (I2); one checkpoint at a
 * time, on any thread, lists dirty pages and marks them clean. A version is a height plus one
 * (window.h). */
#ifndef TRUSTSQL_STATE_PAGES_H
#define TRUSTSQL_STATE_PAGES_H

#include "os/os.h"
#include "state/sums.h"
#include "state/window.h"

struct pages;

struct pages_config {
    struct os *os;
    struct mem *mem;      /* Safe from any thread. */
    struct os_file *file; /* Borrowed; its bytes are those of version. */
    struct sums *sums;    /* Of the file; borrowed. Null: it is read unchecked. */
    struct window_limits limits;
    size_t clean_bytes;
    struct window_view base; /* Version and page count of the file. */
};

NODISCARD enum status pages_new(struct pages **out, const struct pages_config *config);
void pages_free(struct pages *p); /* Null allowed. No view is pinned. */

/* Views, from any thread. version: WINDOW_NEWEST or a version; ST_NOT_FOUND: not retained. */
NODISCARD enum status pages_pin(struct pages *p, uint64_t version, struct window_view *out);
void pages_unpin(struct pages *p, const struct window_view *view);
/* Page number (1 … view's page count) into to[PAGE_BYTES]. ST_EXPIRED: the view was killed;
 * ST_CORRUPT: the file has other bytes than were written (I8). */
NODISCARD enum status pages_read(struct pages *p,
                                 const struct window_view *view,
                                 uint32_t number,
                                 uint8_t *to);

/* The first page that was found damaged since the last pages_forget_damage; 0: none. Any thread. */
uint32_t pages_damage(const struct pages *p);
void pages_forget_damage(struct pages *p);

uint64_t pages_oldest(const struct pages *p);
uint64_t pages_newest(const struct pages *p);

/* The writer, on the execution thread. Staged pages are seen by pages_read_staged alone. */
NODISCARD enum status pages_stage(struct pages *p, uint32_t number, const uint8_t *image);
uint32_t pages_staged_count(const struct pages *p); /* Page count of the database being written. */
/* page_count: at most pages_staged_count. */
void pages_stage_truncate(struct pages *p, uint32_t page_count);
NODISCARD enum status pages_read_staged(struct pages *p, uint32_t number, uint8_t *to);
bool pages_has_staged(const struct pages *p);

/* All that can fail of a commit; version must be the newest plus one. A database that would become
 * shorter is refused (ST_INVALID): older views read the file for pages that are not in memory. */
NODISCARD enum status pages_prepare(struct pages *p, uint64_t version);
bool pages_is_prepared(const struct pages *p);
void pages_publish(struct pages *p); /* After pages_prepare; cannot fail. */
void pages_discard(struct pages *p); /* Forget what is staged. */

/* Checkpoint: hold a version as window_hold does, then the dirty pages of it, sorted; their images
 * stay in memory until pages_mark_clean. *numbers is the caller's to free. */
NODISCARD enum status pages_hold(struct pages *p, uint64_t version, struct window_view *out);
void pages_release(struct pages *p, const struct window_view *view);
NODISCARD enum status pages_list_dirty(struct pages *p,
                                       const struct window_view *view,
                                       uint32_t **numbers,
                                       uint32_t *count);
/* The file holds all pages of view now, and its sums are of it. */
void pages_mark_clean(struct pages *p,
                      const struct window_view *view,
                      const uint32_t *numbers,
                      uint32_t count);

/* On the thread of the checkpoints, while none runs: is page number of the file what was written?
 * A page that is not is written again when it is in memory: *is_mended. ST_CORRUPT: it is not; both
 * hashes tell what it must be and what it is. */
struct pages_check {
    bool is_mended;
    struct sum expected;
    struct sum found;
};
NODISCARD enum status pages_check(struct pages *p, uint32_t number, struct pages_check *out);

/* The file holds page, which is what it must be. ST_INVALID: it is not. Thread as pages_check. */
NODISCARD enum status pages_mend(struct pages *p, uint32_t number, const uint8_t *page);

/* The same bytes are in this file from now on. Thread as pages_check. */
void pages_move(struct pages *p, struct os_file *file);

struct pages_usage {
    uint64_t image_count; /* Whole pages in memory, staged ones not counted. */
    uint64_t dirty_count; /* Of these, newer than the file. */
    uint64_t diff_bytes;
    uint64_t entry_count;
};
void pages_usage(struct pages *p, struct pages_usage *out);
uint64_t pages_dirty_bytes(const struct pages *p); /* Any thread, cheap. */

#endif
