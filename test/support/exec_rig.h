/* exec_rig.h - A chain builder and an executor on a fake disk, and what tests ask them.
 *
 *     struct exec_rig rig;
 *     exec_rig_init(&rig, NULL);
 *     chain_tx(rig.chain, 0, "…");
 *     exec_rig_apply(&rig);                   // The open block.
 *     exec_rig_expect(&rig, 0, "23505");      // "": it succeeded.
 *     exec_rig_fini(&rig); */
#ifndef TRUSTSQL_TEST_SUPPORT_EXEC_RIG_H
#define TRUSTSQL_TEST_SUPPORT_EXEC_RIG_H

#include "os/fake/fake_os.h"
#include "rows/rows.h"
#include "support/chain_builder.h"

struct exec_rig {
    struct fake_os *os;
    struct chain_builder *chain;
    struct exec *exec;
    struct rows *rows;   /* In memory; made again from records at a reopening. */
    struct buf *records; /* Of heights 1…; as a store keeps them. */
    uint64_t record_count;
    struct exec_outcome outcome; /* Of the last block. */
    const struct chain_block *block;
    const struct mode_facts *facts; /* Of the next block; null: none. */
    const struct span *incidents;   /* Of the next block alone, as facts. */
    uint32_t incident_count;
    struct arena arena; /* Decoded receipts. */
};

void exec_rig_init(struct exec_rig *rig, const struct chain_options *options);
void exec_rig_fini(struct exec_rig *rig);

/* Close the executor and open it again; with_checkpoint: its height is in the file first, else the
 * blocks since the last checkpoint are forgotten. */
void exec_rig_reopen(struct exec_rig *rig, bool with_checkpoint);

/* End the open block and apply it; every transaction's rows are wanted. */
const struct exec_outcome *exec_rig_apply(struct exec_rig *rig);
/* One transaction, one block. */
const struct exec_outcome *exec_rig_sql(struct exec_rig *rig, uint32_t account, const char *sql);
/* The same, and it must succeed. */
void exec_rig_do(struct exec_rig *rig, uint32_t account, const char *sql);

/* Receipt of transaction index of the last block. */
struct receipt exec_rig_receipt(struct exec_rig *rig, uint32_t index);
void exec_rig_expect(struct exec_rig *rig, uint32_t index, const char *sqlstate);

/* First column of the first row at the newest height, SQLite's own SQL; INT64_MIN: no row. */
int64_t exec_rig_int(struct exec_rig *rig, const char *sql);

/* The write set between two heights, by comparing all rows of all tables of the chain; both must be
 * readable. Appended to out as docs/format/writeset.md says. */
void exec_rig_compare(struct exec_rig *rig, uint64_t before, uint64_t after, struct buf *out);

/* All rows of the newest height as entries of a write set. */
void exec_rig_rows(struct exec_rig *rig, struct buf *out);

/* Hash over all rows of all tables of the chain at the newest height. */
struct hash exec_rig_contents(struct exec_rig *rig);

#endif
