/* quarantine.h - What a node does about a state that a quorum's certificate refutes.
 *
 * Its own result of a block differs from the certified one: its state is damaged, or it computes
 * wrongly. It answers no reads and votes on no results from then on. The blocks are intact and
 * checked by themselves, so the state is made again from them, at most QUARANTINE_REBUILDS_MAX
 * times; then the operator is asked. It votes again on results above the height at which it may
 * have said something wrong, never on those before: two words on one height would be evidence.
 *
 * The file quarantine in the node's directory holds three lines: height, rebuilds, is_due. It is
 * the operator who removes it. Only certificates judge here, never another node's word. */
#ifndef TRUSTSQL_NODE_QUARANTINE_H
#define TRUSTSQL_NODE_QUARANTINE_H

#include "os/os.h"

#define QUARANTINE_REBUILDS_MAX 2u
#define QUARANTINE_FILE         "quarantine"

struct quarantine {
    uint64_t height;   /* Results up to here may have been voted for wrongly. */
    uint32_t rebuilds; /* Begun so far. */
    bool is_due;       /* The next start makes the state again. */
};

/* ST_NOT_FOUND: there was never any. ST_CORRUPT: the file is not what we write. */
NODISCARD enum status quarantine_read(struct quarantine *out, struct os *os, const char *dir);
/* The state is refuted at height: durable when this returns. *is_due: a restart mends it. */
NODISCARD enum status quarantine_note(struct os *os,
                                      const char *dir,
                                      uint64_t height,
                                      bool *is_due);
/* Before state and results are opened: remove them if that is due. *was_due tells. */
NODISCARD enum status quarantine_settle(struct os *os, const char *dir, bool *was_due);
/* Remove state and results: both are made again from the blocks. Neither may be open. */
NODISCARD enum status quarantine_clear(struct os *os, const char *dir);

#endif
