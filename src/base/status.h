/* status.h - Outcome of everything that can fail, and its names and texts.
 *
 * Three kinds of failure are never mixed: a bug of ours is must(); bad input or a bad world is a
 * status; our own stored bytes being wrong is ST_CORRUPT, after which the node stops.
 * Pure; safe from any thread. */
#ifndef TRUSTSQL_BASE_STATUS_H
#define TRUSTSQL_BASE_STATUS_H

/* Name, stable code (never renumbered: it leaves the process), text. */
#define STATUS_LIST(X)                                                                             \
    X(ST_OK, 0, "ok")                                                                              \
    X(ST_INVALID, 1, "the input is not well formed")                                               \
    X(ST_TRUNCATED, 2, "the input ends too early")                                                 \
    X(ST_LIMIT, 3, "a limit was reached")                                                          \
    X(ST_NO_MEMORY, 4, "out of memory")                                                            \
    X(ST_NOT_FOUND, 5, "not found")                                                                \
    X(ST_EXISTS, 6, "it exists already")                                                           \
    X(ST_DENIED, 7, "permission denied")                                                           \
    X(ST_IO, 8, "input/output error")                                                              \
    X(ST_NO_SPACE, 9, "no space left on the device")                                               \
    X(ST_CORRUPT, 10, "stored data are damaged")                                                   \
    X(ST_BUSY, 11, "busy, try again")                                                              \
    X(ST_TIMEOUT, 12, "timed out")                                                                 \
    X(ST_CLOSED, 13, "closed")                                                                     \
    X(ST_UNSUPPORTED, 14, "not supported")                                                         \
    X(ST_SIGNATURE, 15, "a signature does not verify")                                             \
    X(ST_WRONG_CHAIN, 16, "made for another chain")                                                \
    X(ST_EXPIRED, 17, "outside its span of validity")                                              \
    X(ST_DUPLICATE, 18, "this transaction is known already")                                       \
    X(ST_REJECTED, 19, "refused by the rules of the chain")                                        \
    X(ST_LOCKED, 20, "in use by another process")                                                  \
    X(ST_UNREACHABLE, 21, "the other side cannot be reached")

enum status {
#define STATUS_ENUM(name, code, text) name = (code),
    STATUS_LIST(STATUS_ENUM)
#undef STATUS_ENUM
};

#define NODISCARD __attribute__((warn_unused_result))

/* Leave the function when call fails. Only while nothing is held: see STYLE in docs. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum status try_status = (call);                                                           \
        if (try_status != ST_OK) return try_status;                                                \
    } while (0)

/* "ST_LIMIT"; never null, "ST_UNKNOWN" for a value that is none of ours. */
const char *status_name(enum status st);

/* The text for people; never null. */
const char *status_text(enum status st);

#endif
