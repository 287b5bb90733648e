/* complaints.h - How often an account may complain (trustsql.complain).
 *
 * A complaint makes a node work: it verifies, forwards, arms a timer. Each account has so many in a
 * minute; one that says nothing costs as much as ten. Bounded: accounts that share a place share
 * their quota. One thread. */
#ifndef TRUSTSQL_NODE_COMPLAINTS_H
#define TRUSTSQL_NODE_COMPLAINTS_H

#include "base/span.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define COMPLAINTS_PLACES   256u
#define COMPLAINTS_MINUTE   60u /* In a minute. */
#define COMPLAINTS_BASELESS 10u /* What a baseless one costs. */

struct complaints {
    struct complaints_place {
        uint64_t since_ms;
        uint32_t used;
    } places[COMPLAINTS_PLACES];
};

enum complaint_kind {
    COMPLAINT_TIMEOUT,  /* bytes: a signed transaction that no block takes. */
    COMPLAINT_CONFLICT, /* bytes: evidence that a node signed contradictory replies. */
    COMPLAINT_OTHER     /* No complaint that there is. */
};

struct complaint {
    uint64_t account;
    enum complaint_kind kind;
    struct span bytes;
};

/* ST_OK: act on it. ST_BUSY: the account has none left in this minute. ST_INVALID: it says nothing,
 * and was counted as baseless. *why: a static text when it is not ST_OK. */
NODISCARD enum status complaints_judge(struct complaints *c,
                                       const struct complaint *complaint,
                                       uint64_t now_ms,
                                       const char **why);

/* Take one; false: there is none left in this minute. */
bool complaints_take(struct complaints *c, uint64_t account, uint64_t now_ms);
/* The one just taken was baseless. */
void complaints_note_baseless(struct complaints *c, uint64_t account);

#endif
