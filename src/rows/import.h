/* import.h - A row tree on disk from rows that come in order, without the blocks behind them.
 *
 * For who gets the rows of a checkpoint from others. Writes one run and the manifest; rows_open
 * then reads it, and refuses it when the rows do not have the root. One thread. */
#ifndef TRUSTSQL_ROWS_IMPORT_H
#define TRUSTSQL_ROWS_IMPORT_H

#include "rows/rows.h"

struct rows_import;

/* Into config->dir, which is made, and emptied of what it holds. */
NODISCARD enum status rows_import_new(struct rows_import **out, const struct rows_config *config);
/* Positions ascend: ST_INVALID. */
NODISCARD enum status rows_import_put(struct rows_import *i, const struct rows_row *row);
/* checkpoints[count]: those whose hash is due in later results, ascending; the last is that of the
 * rows. Durable when this returns. */
NODISCARD enum status rows_import_end(struct rows_import *i,
                                      const struct checkpoint *checkpoints,
                                      uint32_t count);
void rows_import_free(struct rows_import *i); /* Null allowed. */

#endif
