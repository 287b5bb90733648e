/* preflight.h - What a change of the configuration does to the chain, before it is made.
 *
 * Told to whoever proposes it, and the measure of what needs force => true. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_PREFLIGHT_H
#define TRUSTSQL_LEDGER_PREFLIGHT_H

#include "ledger/config.h"

#define PREFLIGHT_WARNINGS_MAX 8u
#define PREFLIGHT_WARNING_MAX  160u

struct preflight_side {
    enum block_mode mode;
    uint32_t n;
    uint32_t f;
    uint32_t p;
    uint32_t quorum;      /* Equal votes that make a certificate. */
    uint32_t fast_quorum; /* Equal votes that commit at once; 0: the mode has no fast path. */
    uint32_t view_change; /* Validators it takes to replace a leader. */
    uint32_t stopped_max; /* Validators that may stop while the others go on. */
    uint32_t observers;
    uint32_t organisations; /* With a validator: more than half of them decide a change. */
};

struct preflight_warning {
    bool is_unsafe; /* Needs force => true. */
    char text[PREFLIGHT_WARNING_MAX];
};

struct preflight {
    struct preflight_side before;
    struct preflight_side after;
    bool is_unsafe; /* One of the warnings is. */
    uint32_t warning_count;
    struct preflight_warning warnings[PREFLIGHT_WARNINGS_MAX];
};

/* Both have passed chain_config_check. */
void preflight_make(struct preflight *out,
                    const struct chain_config *before,
                    const struct chain_config *after);

/* Organisations that have a validator: first[] gets the index of a node of each, in order of
 * validators; their count. */
uint32_t preflight_organisations(const struct chain_config *c, uint32_t first[NODES_MAX]);

#endif
