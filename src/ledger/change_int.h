/* change_int.h - A change while it is made: shared by change.c and parameter.c. */
#ifndef TRUSTSQL_LEDGER_CHANGE_INT_H
#define TRUSTSQL_LEDGER_CHANGE_INT_H

#include "ledger/change.h"

struct step {
    struct chain_config config; /* Before, and in the end after. */
    const struct change *change;
    struct card *card; /* Of a change that takes one. */
    struct arena *arena;
    struct diag *diag;
};

/* The parameter that the change names becomes its value. ST_REJECTED with diag. */
NODISCARD enum status parameter_set(struct step *s);

#endif
