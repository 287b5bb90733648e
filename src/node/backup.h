/* backup.h - A node's directory into one file, and back (docs/backup.md).
 *
 * What goes in is what others cannot give: configuration, keys, custody; and the blocks, from which
 * all else is made again. The promises of the journal stay out: brought back later they would be
 * old, and a validator that forgets what it voted for is a liar to the others. */
#ifndef TRUSTSQL_NODE_BACKUP_H
#define TRUSTSQL_NODE_BACKUP_H

#include "crypto/hash.h"
#include "os/os.h"

#define BACKUP_WHAT_MAX 320u

struct backup_report {
    struct hash chain_id;
    uint64_t time_ms;   /* When it was made. */
    uint64_t height;    /* Newest block in it. */
    struct hash block;  /* Its hash. */
    uint64_t files;     /* Beside the blocks. */
    uint64_t size;      /* Of the file. */
    struct hash digest; /* Of the file. */
    bool is_alone;      /* Of a restored node: the only validator ever, so it may vote. */
};

struct backup_config {
    struct os *os;
    struct mem *mem;
    const char *dir;  /* The node's. */
    const char *file; /* Must not exist for a backup. */
    struct span passphrase;
    /* Told now and then; may be null. */
    void (*progress)(void *context, uint64_t height);
    void *context;
};

/* The node may run. what[BACKUP_WHAT_MAX]: why not. After a failure there is no file. */
NODISCARD enum status backup_make(const struct backup_config *config,
                                  struct backup_report *report,
                                  char *what);

/* Read a backup to its end: every block follows the one before it. dir is not used. */
NODISCARD enum status backup_check(const struct backup_config *config,
                                   struct backup_report *report,
                                   char *what);

/* Into dir, which must not exist, or be empty. After a failure nothing of use is there. The node
 * that starts there follows and does not vote, unless it is_alone. */
NODISCARD enum status backup_restore(const struct backup_config *config,
                                     struct backup_report *report,
                                     char *what);

/* What the last backup_make noted in the node's directory, for `trustsql doctor`. ST_NOT_FOUND: it
 * was never made. path[OS_PATH_MAX]. */
NODISCARD enum status backup_noted(struct os *os,
                                   const char *dir,
                                   struct backup_report *report,
                                   char *path);

#endif
