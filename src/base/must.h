/* must.h - Assertion of our own invariants. Always on, also in release builds.
 *
 * Never for what a peer, client, contract, file or disk can cause: that is a status. */
#ifndef TRUSTSQL_BASE_MUST_H
#define TRUSTSQL_BASE_MUST_H

/* Print the condition and its place on standard error and abort. */
_Noreturn void must_fail(const char *condition, const char *file, int line);

#define must(condition)                                                                            \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) must_fail(#condition, __FILE__, __LINE__);          \
    } while (0)

#endif
