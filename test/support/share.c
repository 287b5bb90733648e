/* share.c - The environment says how much; the clock says where it begins. */
#include "support/share.h"

#include <stdlib.h>
#include <time.h>

#include "support/cmocka_all.h"

size_t share_step(size_t step)
{
    return getenv("TRUSTSQL_NIGHTLY") != NULL ? 1 : step;
}

size_t share_from(size_t step)
{
    const char *seed = getenv("TRUSTSQL_SEED");
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    const unsigned long long from =
        seed != NULL ? strtoull(seed, NULL, 10) : (unsigned long long)now.tv_nsec / 1000;
    const size_t first = (size_t)(from % share_step(step));
    if (share_step(step) > 1)
        print_message("from %zu in steps of %zu (TRUSTSQL_SEED=%llu)\n", first, share_step(step),
                      from);
    return first;
}
