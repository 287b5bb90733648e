/* guc.h - PostgreSQL's settings: what each takes, how it is shown, and what this server does of it.
 *
 * A setting that has one value here takes that one alone. One that changes nothing that this server
 * does keeps what it is given, checked and shown as PostgreSQL does. Pure. */
#ifndef TRUSTSQL_NODE_GUC_H
#define TRUSTSQL_NODE_GUC_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/span.h"

#define GUC_MAX      112u /* All that SHOW ALL lists. */
#define GUC_KEPT_MAX 24u  /* Bytes of a value that is kept, with its 0. */

enum guc_kind {
    GUC_INTERNAL, /* Nobody can change it. */
    GUC_FIXED,    /* May be set to what it is. */
    GUC_BOOL,
    GUC_ENUM,
    GUC_INT,
    GUC_MS, /* A time: "5s". */
    GUC_KB, /* A size: "64MB". */
    GUC_OWN /* settings.c keeps it. */
};

struct guc {
    const char *name;
    const char *value; /* The default; an INTERNAL's or FIXED's only one. */
    enum guc_kind kind;
    int64_t min;
    int64_t max;
    const char *words; /* ENUM: "a, b, c". */
    const char *what;  /* For SHOW ALL. */
};

/* In the order of SHOW ALL; *index for the caller's table of kept values. Null: none of them. */
const struct guc *guc_find(struct span name, uint32_t *index);
const struct guc *guc_at(uint32_t index); /* Null: no more. */

/* The value as it is shown, into to. 22023, 55P02 in d. value.data null: the default. *number: of
 * INT, MS, KB. */
NODISCARD enum status guc_parse(
    const struct guc *g, struct span value, char to[GUC_KEPT_MAX], int64_t *number, struct diag *d);

bool guc_name_is(struct span a, const char *b); /* In any case. */
bool guc_parse_bool(struct span value, bool *out);

#endif
