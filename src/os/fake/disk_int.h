/* disk_int.h - Nodes of the model disk, shared by disk.c (names) and disk_file.c (bytes).
 *
 * Invariants:
 *   D1  Live bytes at and beyond a file's live size are zero, so are durable ones beyond its size.
 *   D2  A sector whose live and durable bytes differ is dirty, unless a failed sync cleaned it
 *       (then its page is_lost).
 *   D3  used counts the reserved pages of nodes that have a live name or are in use.
 *   D4  Dirty sectors lie in pages dirty_first <= i < dirty_end, so a sync need not look at all. */
#ifndef TRUSTSQL_OS_FAKE_DISK_INT_H
#define TRUSTSQL_OS_FAKE_DISK_INT_H

#include "os/fake/disk.h"
#include "os/os.h"

#define DISK_PAGE_SECTORS (DISK_PAGE / DISK_SECTOR)

struct disk_page {
    uint8_t live[DISK_PAGE];
    uint8_t durable[DISK_PAGE];
    uint8_t dirty; /* Bit i: sector i. */
    bool is_lost;  /* A failed sync cleaned sectors that were not written. */
};

struct disk_slot {
    struct disk_page *page; /* Null: zeroes, and clean. */
    bool is_reserved;       /* Counted in used while the file is there. */
};

struct disk_entry {
    char *name;
    uint32_t node;
};

struct disk_names {
    struct disk_entry *entries;
    size_t count;
    size_t capacity;
};

struct disk_node {
    bool is_dir;
    bool is_linked; /* Has a live name. */
    uint32_t uses;
    /* A file. */
    struct disk_slot *slots;
    size_t slot_count;
    uint64_t size;
    uint64_t durable_size;
    size_t dirty_first; /* Pages outside dirty_first <= i < dirty_end are clean: D4. */
    size_t dirty_end;
    /* A directory. */
    struct disk_names live;
    struct disk_names durable;
};

/* A change of names that is not wholly durable. */
struct disk_change {
    uint32_t node;
    uint32_t from_dir; /* Where the name vanishes, while from_pending. */
    uint32_t to_dir;   /* Where it appears, while to_pending. */
    char *from_name;   /* Null: it vanishes nowhere. */
    char *to_name;     /* Null: it appears nowhere. */
    bool from_pending;
    bool to_pending;
};

struct disk {
    uint64_t capacity;
    uint64_t used;
    struct disk_node **nodes; /* By number; null: free. */
    size_t node_count;
    struct disk_change *changes; /* In the order they were made. */
    size_t change_count;
    size_t change_capacity;
};

/* disk_file.c */
void disk_file_copy(struct disk_node *to, const struct disk_node *from);
void disk_file_crash(struct disk_node *n, enum disk_crash mode, struct rng *rng);
void disk_file_free(struct disk_node *n);
bool disk_file_is_durable(const struct disk_node *n);
uint64_t disk_file_reserved(const struct disk_node *n);

/* Memory for tests: never null. */
void *disk_memory(size_t count, size_t size);

#endif
