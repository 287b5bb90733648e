/* diag.h - What a user is told when a statement or request fails.
 *
 * Filled in sql, exec and the doors only. Fixed size: filling it cannot fail. Texts are cut at a
 * character boundary. Deterministic text: a diag that ends in a receipt must not contain anything
 * that differs between nodes. Pure. */
#ifndef TRUSTSQL_BASE_DIAG_H
#define TRUSTSQL_BASE_DIAG_H

#include <stdint.h>

#define DIAG_TEXT_MAX 256

struct diag {
    char sqlstate[6];  /* Five characters and 0; empty: nothing wrong. */
    uint32_t position; /* 1-based character in the statement's text; 0: unknown. */
    char message[DIAG_TEXT_MAX];
    char detail[DIAG_TEXT_MAX]; /* May be empty. */
    char hint[DIAG_TEXT_MAX];   /* What to do; may be empty. */
    /* Where it happened inside of what was sent; may be empty. Said to the client at this door
     * only: it is no part of a receipt. */
    char context[DIAG_TEXT_MAX];
    uint64_t row; /* Of a COPY, counted from 1: for whoever knows its lines; 0: none. */
};

/* Set state and message (printf), clear the rest. */
void diag_set(struct diag *d, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void diag_detail(struct diag *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void diag_hint(struct diag *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void diag_context(struct diag *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
