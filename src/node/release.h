/* release.h - Which program a node runs: what nodes tell each other, so that all can see whether
 * they run the same one.
 *
 * The hash is that of the program's file as `sha256sum` tells it. Nothing of the agreement rests on
 * what a node reports of itself. */
#ifndef TRUSTSQL_NODE_RELEASE_H
#define TRUSTSQL_NODE_RELEASE_H

#include "crypto/hash.h"
#include "node/wire.h"
#include "os/os.h"

#define RELEASE_VERSION "0.1.0" /* Of this program. */

struct release {
    struct hash program; /* Zero: unknown. */
    uint32_t exec_version_min;
    uint32_t exec_version_max;
    char version[WIRE_VERSION_MAX + 1]; /* "": nothing is known of the release. */
};

/* Of this program, whose file is at path. One that cannot be read leaves the hash zero. */
void release_of_program(struct release *out, struct os *os, struct mem *mem, const char *path);

struct wire_report release_to_report(const struct release *r); /* Borrows r. */
void release_of_report(struct release *out, const struct wire_report *report);

#endif
