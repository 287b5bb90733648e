/* fake_os.h - The table in memory stands in src/os/fake: this name is where tests look for it. */
#ifndef TRUSTSQL_TEST_SUPPORT_FAKE_OS_H
#define TRUSTSQL_TEST_SUPPORT_FAKE_OS_H

#include "os/fake/fake_os.h"

#endif
