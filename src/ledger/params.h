/* params.h - Numbers that agreement follows, a part of the genesis and of every configuration.
 *
 * consensus.md 1.8, 1.9. Encoding: docs/format/config.md. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_PARAMS_H
#define TRUSTSQL_LEDGER_PARAMS_H

#include "base/buf.h"
#include "codec/cbor.h"

#define PARAMS_VIEW_MS_MIN       10u
#define PARAMS_VIEW_MS_MAX       30000u
#define PARAMS_WINDOW_MIN        8u
#define PARAMS_WINDOW_MAX        256u
#define PARAMS_RETURN_BLOCKS_MAX 65536u

struct consensus_params {
    uint32_t view_ms;          /* T0: a view is given up after this, doubled by each failure. */
    uint32_t mode_window;      /* Blocks that the choice between FAST and STRICT looks back. */
    uint32_t slow_max;         /* That many slow commits in the window: STRICT. */
    uint32_t view_changes_max; /* That many views lost in the window: STRICT. */
    uint32_t low_percent;      /* Present in fewer blocks of the window: absent. */
    uint32_t high_percent;     /* Present in as many: back again. */
    uint32_t return_blocks;    /* D: blocks without fault before FAST returns. */
    bool evidence_halts;       /* Raft: proven cheating stops FINAL, not only alarms. */
};

struct consensus_params consensus_params_default(void);

/* Null, or which bound is broken (static text). */
const char *consensus_params_why(const struct consensus_params *p);

/* One item. The reader fails for what breaks a bound. */
void consensus_params_put(struct buf *out, const struct consensus_params *p);
struct consensus_params consensus_params_get(struct cbor *in);

#endif
