/* scratch.h - A directory of our own under $TMPDIR or /tmp. */
#ifndef TRUSTSQL_CMD_SCRATCH_H
#define TRUSTSQL_CMD_SCRATCH_H

#include "os/os.h"

/* Make "BASE/PREFIX-<random>" into out[OS_PATH_MAX]. */
NODISCARD enum status scratch_make_in(const char *base, const char *prefix, char *out);
NODISCARD enum status scratch_make(const char *prefix, char *out);

/* Where scratch_make makes it. */
const char *scratch_base(void);

/* Remove it with all that is in it, as far as possible. */
void scratch_remove(const char *dir);

#endif
