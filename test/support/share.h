/* share.h - What an exhaustive sweep does of itself every time.
 *
 * TRUSTSQL_NIGHTLY asks for the whole of it. Otherwise a run takes one of STEP places, from another
 * first one each time, which share_from prints; TRUSTSQL_SEED repeats it. */
#ifndef TRUSTSQL_TEST_SUPPORT_SHARE_H
#define TRUSTSQL_TEST_SUPPORT_SHARE_H

#include <stddef.h>

/* The distance from one place to the next: STEP, or 1 in the long run. */
size_t share_step(size_t step);
/* The first place: below share_step(step). */
size_t share_from(size_t step);

#endif
