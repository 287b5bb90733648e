/* heal_int.h - What the files of heal share. */
#ifndef TRUSTSQL_NODE_HEAL_INT_H
#define TRUSTSQL_NODE_HEAL_INT_H

#include <stdatomic.h>

#include "base/must.h"
#include "node/heal.h"
#include "node/row_check.h"
#include "os/thread.h"

#define HEAL_PAGES    64u /* Looked at in one step. */

#define HEAL_OPEN_MAX 32u

enum heal_stage { HEAL_FILES, HEAL_PAGES_STAGE, HEAL_STORE, HEAL_GAPS, HEAL_ROWS, HEAL_DONE };

struct heal_open { /* A find in the store that is not put right yet. */
    struct heal_find find;
    struct damage damage;
};

struct heal_round {
    enum heal_stage stage;
    uint32_t page; /* Next. */
    uint64_t pages;
    struct store_scrub *scrub;
    struct row_check *rows;
    uint64_t row_count;
    uint32_t row_tries;   /* It had to begin anew so often. */
    uint64_t bytes;       /* Of the store. */
    uint64_t link_height; /* Of the block before; 0: unknown. */
    struct hash link_hash;
    bool is_stuck; /* Pages that wait for whole blocks. */
    bool was_stuck;
    uint32_t finds;
    uint32_t open; /* Of these, not put right. */
    struct buf text;
};

struct heal {
    struct heal_config config;
    struct thread *thread;
    struct mutex *mutex;
    struct cond *wake;   /* The thread has something to do. */
    struct cond *change; /* Something that others wait for. */

    /* Under the mutex. */
    bool is_closing;
    bool is_due;       /* A background step. */
    uint64_t asked;    /* Rounds that were asked for … */
    uint64_t answered; /* … and that are done; the last report: */
    struct buf report;
    bool was_clean;
    uint64_t wait_asked; /* Waiting blocks: as above. */
    uint64_t wait_answered;
    enum status wait_status;
    struct heal_view view;
    bool has_given_up;     /* H3 */
    struct heal_find mark; /* Why. */
    uint64_t give_up_ms;   /* When the owner is told: reports are on their way. 0: not set. */
    bool is_told;

    struct heal_open open[HEAL_OPEN_MAX];
    uint32_t open_count;

    /* Of the thread. */
    struct heal_round round;
    uint64_t next_ms;  /* Under the mutex, too: when the next step is due. */
    uint64_t retry_ms; /* Under the mutex: no round for damage before. */
    uint64_t mono_ms;  /* The same: the last tick. */
};

bool heal_is_closing(struct heal *h);
/* is_new: not told before. */
void heal_tell(struct heal *h, const struct heal_find *find, bool is_new);

/* In the round's report, too. */
void heal_retry_later(struct heal *h); /* No round by itself for a while: it could do no more. */
void heal_note(struct heal *h, struct heal_round *round, const struct heal_find *find, bool is_new);

/* heal_store.c */
NODISCARD enum status heal_store_step(struct heal *h, struct heal_round *round, bool is_fast);
NODISCARD enum status heal_store_gaps(struct heal *h, struct heal_round *round, bool is_fast);
bool heal_has_gap(const struct heal *h);

/* heal_rows.c */
NODISCARD enum status heal_rows_step(struct heal *h, struct heal_round *round, bool is_fast);

/* heal_state.c */
void heal_give_up(struct heal *h, const struct heal_find *find); /* H3 */
NODISCARD enum status heal_state_files(struct heal *h, struct heal_round *round);
/* A few pages; *pages are counted. What is damaged is put right, or given up. */
NODISCARD enum status heal_state_pages(struct heal *h, struct heal_round *round, uint32_t count);

/* heal_again.c: the state once more, beside the other, by executing the blocks up to height. */
struct heal_again;
NODISCARD enum status heal_again_new(struct heal_again **out, struct heal *h, uint64_t height);
void heal_again_free(struct heal_again *a); /* And its files. Null allowed. */
/* The next block, and its result, appended. */
NODISCARD enum status heal_again_next(struct heal_again *a, struct buf *record);
NODISCARD enum status heal_again_page(struct heal_again *a, uint32_t page, uint8_t *to);

#endif
