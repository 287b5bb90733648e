/* golden.h - Encodings that must never change, kept as hexadecimal text in test/golden.
 *
 * Run a test with TRUSTSQL_GOLDEN=write in the environment, from the root of the repository, to
 * write its files anew. A changed golden file is a changed format: it needs a new version of it. */
#ifndef TRUSTSQL_TEST_GOLDEN_H
#define TRUSTSQL_TEST_GOLDEN_H

#include "base/buf.h"

/* Fails the test unless test/golden/NAME.hex holds bytes. */
void golden_check(const char *name, struct span bytes);

/* Append what the file holds: of encodings that may be otherwise one day (compressed ones), and
 * must still be read. bytes: what is written when files are written anew. */
void golden_read(struct buf *out, const char *name, struct span bytes);

#endif
