/* post.h - One HTTP POST, for alarms: src/os/posix does it with libcurl. */
#ifndef TRUSTSQL_OS_POST_H
#define TRUSTSQL_OS_POST_H

#include "base/span.h"
#include "base/status.h"

#define POST_URL_MAX 512u
#define POST_WHY_MAX 160u

/* body is JSON. Waits, at most timeout_ms. http and https alone, no redirections; certificates are
 * checked. ST_OK: answered with 2xx. ST_UNREACHABLE, ST_REJECTED (another answer), ST_NO_MEMORY:
 * why[POST_WHY_MAX] says more. Any thread. */
NODISCARD enum status http_post(const char *url, struct span body, uint32_t timeout_ms, char *why);

#endif
