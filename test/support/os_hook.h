/* os_hook.h - A struct os in front of another one that asks before each change of a file
 * and tells after each read.
 *
 * For disks that lie (a sync that is not done) and processes that die at a chosen call. Wraps what
 * the state database uses; the other functions of the table are null. */
#ifndef TRUSTSQL_TEST_SUPPORT_OS_HOOK_H
#define TRUSTSQL_TEST_SUPPORT_OS_HOOK_H

#include "os/fake/fake_os.h"

struct os_hook {
    struct os os; /* First: the functions of the table get its address. */
    struct os *inner;
    /* kind: FAKE_OS_WRITE, FAKE_OS_SYNC or FAKE_OS_TRUNCATE. False: pretend that it was done. */
    bool (*before)(void *context, enum fake_os_call kind);
    void (*after_read)(void *context); /* May be null, as before may. */
    void *context;
};

void os_hook_init(struct os_hook *h, struct os *inner);

#endif
