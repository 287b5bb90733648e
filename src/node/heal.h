/* heal.h - The node looks at its own files, and puts right what is not as it must be.
 *
 * One thread: rounds in the background within a share of the processor and of the disk, one at once
 * when somebody asks (trustsql.scrub()) or when a read or a block met damage. What is damaged is
 * never served; it is told (alarm, incident, trustsql.status), and made again from what can be
 * checked: the blocks. While the state is made again the node goes on: it reads what is whole,
 * orders, and executes as far as it can.
 *
 * Invariants
 *   H1 the state file is looked at and written under the executor's lock of it alone.
 *   H2 bytes of the state are put back only when their hash is the one that was written (page
 * sums). H3 what cannot be put right in place ends this run of the node (failed) with a mark in the
 *      directory, and the next open makes the state again from the blocks: heal_settle. */
#ifndef TRUSTSQL_NODE_HEAL_H
#define TRUSTSQL_NODE_HEAL_H

#include "exec/exec.h"
#include "ledger/incident.h"
#include "node/executor.h"
#include "store/store.h"

#define HEAL_TEXT_MAX (64u << 10) /* Of a report. */

struct heal;

struct heal_settings {      /* [scrub] of node.conf. */
    uint32_t cpu_percent;   /* Of one processor, in the background; 0: no background rounds. */
    uint32_t mb_per_second; /* Read in the background. */
    uint32_t pause_seconds; /* Between two rounds. */
    /* With as many, the state is not made again from the blocks beside the running node: it begins
     * anew and joins by snapshot (joining.h). 0: there is nobody to join from. */
    uint64_t blocks_most;
};

/* A find as it is told; place is text for people. */
struct heal_find {
    enum incident_kind kind;
    enum incident_state state;
    char place[INCIDENT_PLACE_MAX + 1];
    uint64_t height;
    struct hash old_hash;
    struct hash new_hash;
    uint64_t time_ms;
};

struct heal_config {
    struct os *os;
    struct mem *mem;
    const char *dir;
    struct span genesis; /* Encoded; outlives this. */
    struct exec *exec;
    struct store *store;
    struct executor *executor;
    struct heal_settings settings;
    bool
        was_made_again; /* The state, at this start: rows that are still wrong are told, no more. */
    /* A find, and the same again when its state is another. On the thread of heal. */
    void (*found)(void *context, const struct heal_find *find);
    /* H3; any thread. */
    void (*failed)(void *context, enum status status, const char *what);
    void *context;
};

NODISCARD enum status heal_new(struct heal **out, const struct heal_config *config);
void heal_stop(struct heal *h); /* Waits for what is under way; nobody waits any more. */
void heal_free(struct heal *h); /* Stops first. Null allowed. */

/* Every few milliseconds: lets a step run when it is due, looks whether a read met damage. */
void heal_tick(struct heal *h, uint64_t mono_ms);

/* A whole round now, with its repairs; its report is appended, lines of text. Any thread but those
 * of heal and the loop. is_cancelled is looked at now and then. ST_CLOSED: the node ends. */
NODISCARD enum status heal_scrub(struct heal *h,
                                 struct buf *report,
                                 bool *was_clean,
                                 const atomic_bool *is_cancelled);

/* A block met a damaged page: wait until it is put right. ST_OK: apply the block again. On the
 * execution thread. */
NODISCARD enum status heal_wait(struct heal *h);

/* Blocks at this place were put back by others: true when a find of this is open, which is told as
 * repaired soon. Any thread. */
bool heal_expects(struct heal *h, const struct damage *place);

/* For trustsql.status. Any thread. */
struct heal_view {
    uint64_t finds;    /* Since the start. */
    uint64_t round_ms; /* Wall time at which the last whole round ended; 0: none did. */
    bool is_damaged;   /* Something is being put right. */
    char last_find[INCIDENT_PLACE_MAX + 64];
};
void heal_view(struct heal *h, struct heal_view *out);
uint64_t heal_cpu_ns(const struct heal *h);

/* --- at a start ------------------------------------------------------------------------------ */

/* The mark that the state must be made again (H3), with the find that asks for it: set, looked for,
 * and obeyed. */
NODISCARD enum status heal_mark(struct os *os, const char *dir, const struct heal_find *find);
bool heal_is_due(struct os *os, const char *dir);
/* Before the state is opened: removes it when it is marked. *find is of which then, repaired once
 * the state is there again; its place is empty when nothing was due. */
NODISCARD enum status heal_settle(struct os *os, const char *dir, struct heal_find *find);
/* Removes the state whatever it is: it does not open. The database itself is kept aside. */
NODISCARD enum status heal_remove_state(struct os *os, const char *dir);

#endif
