/* shape.h - What a new chain bears: mode, f and p, as told or as fits its number of validators.
 *
 * Used by `init genesis`, `testnet` and `dev`. Not told: one validator is mode bft with f = 0,
 * three are raft, four and more adaptive with the largest f and then the largest p. Pure. */
#ifndef TRUSTSQL_CMD_SHAPE_H
#define TRUSTSQL_CMD_SHAPE_H

#include "exec/exec.h"

#define SHAPE_AUTO      UINT64_MAX
#define SHAPE_WHAT_MAX  320u
#define SHAPE_SAYS_SIZE 128u

#define SHAPE_USAGE     "[--mode MODE] [--f F] [--p P]"
#define SHAPE_HELP                                                                                 \
    "  --mode MODE    raft, bft or adaptive (default: adaptive from 4 validators, raft with 3)\n"  \
    "  --f F          faulty or lying validators the chain bears, n >= 3F + 2P + 1 (default: "     \
    "the\n"                                                                                        \
    "                 most); raft bears crashes only, of less than half\n"                         \
    "  --p P          adaptive: validators that may be slow while blocks still take one round\n"   \
    "  --exec-version V\n"                                                                         \
    "                 what blocks mean, for nodes with older programs (default: the newest)\n"

struct shape_choice {
    const char *mode; /* Null: by the number of validators. */
    uint64_t f;       /* SHAPE_AUTO. */
    uint64_t p;
    uint64_t exec_version; /* 0: the newest. */
};

struct shape {
    enum block_mode mode; /* MODE_FAST: adaptive. */
    uint32_t f;
    uint32_t p;
    uint32_t exec_version;
};

/* ST_INVALID: what[SHAPE_WHAT_MAX] says why not, and what to do. */
NODISCARD enum status shape_choose(struct shape *out,
                                   const struct shape_choice *choice,
                                   uint32_t validators,
                                   char *what);

/* "adaptive, 4 validators: bears 1 faulty or lying; …" */
void shape_says(const struct shape *s, uint32_t validators, char out[SHAPE_SAYS_SIZE]);

#endif
