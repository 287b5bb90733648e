/* settings.h - SET and SHOW: the session settings that PostgreSQL's clients expect.
 *
 * Only what can hold is accepted: a fixed setting may be set to the value it has. Pure; one
 * session's thread. */
#ifndef TRUSTSQL_NODE_SETTINGS_H
#define TRUSTSQL_NODE_SETTINGS_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/span.h"

#define SETTINGS_VALUE_MAX 128u

struct settings {
    char application_name[SETTINGS_VALUE_MAX];
};

/* value size 0: to the default (SET … TO DEFAULT, RESET). 42704, 22023 in d. */
NODISCARD enum status settings_set(struct settings *s,
                                   struct span name,
                                   struct span value,
                                   struct diag *d);

/* Appends the value. 42704 in d. */
NODISCARD enum status settings_show(const struct settings *s,
                                    struct span name,
                                    struct buf *out,
                                    struct diag *d);

#endif
