/* change.h - One change of the configuration: from that of an epoch to that of the next.
 *
 * What administrators propose and vote for (docs/format/config.md). Whether a change is wise is
 * told by preflight.h. Deterministic: the outcome and every text depend on the arguments alone.
 * Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_CHANGE_H
#define TRUSTSQL_LEDGER_CHANGE_H

#include "base/diag.h"
#include "ledger/card.h"
#include "ledger/config.h"

enum change_kind {
    CHANGE_SET,
    CHANGE_ADD_VALIDATOR, /* Of an observer too: it becomes a validator. */
    CHANGE_DROP_VALIDATOR,
    CHANGE_ADD_OBSERVER,
    CHANGE_DROP_OBSERVER,
    CHANGE_ROTATE_KEY,
    CHANGE_REINSTATE, /* A barred validator may lead again. */
    CHANGE_KINDS
};

struct change {
    enum change_kind kind;
    struct span subject; /* Name of a parameter or a node; the text of a card. */
    struct span value;   /* Of the parameter. */
};

/* "chain_set", "add_validator"…: the procedure that proposes it. */
const char *change_kind_name(enum change_kind kind);

/* subject is the text of a card. */
bool change_takes_card(enum change_kind kind);

/* The configuration after the change, with the next epoch's number; it borrows before, change and
 * the arena. When a dropped validator leaves too few for p, and then f, these fall as far as they
 * must. ST_REJECTED with d; ST_NO_MEMORY. */
NODISCARD enum status change_apply(struct chain_config *after,
                                   const struct chain_config *before,
                                   const struct change *change,
                                   struct arena *a,
                                   struct diag *d);

/* The card of a change that takes one, parsed into the arena. ST_REJECTED with d. */
NODISCARD enum status change_card(struct card **out,
                                  const struct change *change,
                                  struct arena *a,
                                  struct diag *d);

/* Parameters that CHANGE_SET knows, in the order they are listed. */
uint32_t change_parameter_count(void);
const char *change_parameter_name(uint32_t index);
void change_parameter_text(struct buf *out, uint32_t index, const struct chain_config *c);

#endif
