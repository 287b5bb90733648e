/* audit.h - Offline proof of a node's directory, from the genesis: trust nothing that is stored.
 *
 * Reads every segment, checks links, roots, history tree, certificates and every client signature,
 * replays all blocks into a database of its own and compares digests, stored results and, row by
 * row, the node's state file. Changes nothing in the directory. */
#ifndef TRUSTSQL_NODE_AUDIT_H
#define TRUSTSQL_NODE_AUDIT_H

#include "crypto/hash.h"
#include "os/os.h"
#include "store/store.h"

#define AUDIT_DAMAGE_MAX  1000u /* Findings kept; all are counted. */
#define AUDIT_THREADS_MAX 16u

struct audit_config {
    struct os *os;
    struct mem *mem;
    const char *dir;       /* The node's. */
    const char *scratch;   /* An empty directory for copies and the replay; left full. */
    uint32_t thread_count; /* For signatures. */
    bool is_restored;      /* From a backup: there is no state yet, and no promise of the node. */
    /* Told now and then; may be null. */
    void (*progress)(void *context, uint64_t height);
    void *context;
};

struct audit_report {
    uint64_t height; /* Newest block checked. */
    uint64_t transactions;
    uint64_t signatures; /* Valid client signatures, those of the set-up not counted. */
    uint64_t
        setup_signatures;  /* In blocks up to the height in DIR/setup.height, if there is one. */
    uint64_t certificates; /* Node signatures verified in them. */
    uint64_t tables;       /* Of the state file. */
    uint64_t rows;         /* Compared. */
    uint64_t state_height; /* Of the state file. */
    struct hash chain_id;
    struct hash digest;   /* D_height, from the replay. */
    uint64_t uncertified; /* Newest blocks that no certificate on this disk covers, nor a vote: with
                             several validators a crash may leave some, and the others have it. */
    bool is_certified;    /* The newest result carries a certificate. */
    uint64_t damage_count;
    uint32_t damage_kept;
    struct damage damage[AUDIT_DAMAGE_MAX];
};

/* ST_OK: all is proved. ST_CORRUPT: report->damage says what is wrong. Other: the audit itself
 * could not be done; what[160]. */
NODISCARD enum status audit_run(const struct audit_config *config,
                                struct audit_report *report,
                                char *what);

#endif
