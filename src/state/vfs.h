/* vfs.h - The page store as SQLite sees it: one file, opened by one writer and many readers.
 *
 * Registered under a name of its own for each database, so several may be open in a process. A
 * connection opened READWRITE is the writer, one opened READONLY a reader. Journals and temporary
 * files are refused: connections keep both in memory. Thread rules are those of pages.h. */
#ifndef TRUSTSQL_STATE_VFS_H
#define TRUSTSQL_STATE_VFS_H

#include <sqlite3.h>

#include "state/pages.h"

struct vfs;

NODISCARD enum status vfs_register(struct vfs **out, struct mem *mem, struct pages *pages);
void vfs_unregister(struct vfs *v); /* Null allowed. All connections are closed. */

const char *vfs_name(const struct vfs *v); /* For sqlite3_open_v2. */

/* The version the writer's next COMMIT makes: without it, or with a wrong one, COMMIT fails (I7).
 */
void vfs_set_version(sqlite3 *writer, uint64_t version);

/* The version a reader's next transactions see: WINDOW_NEWEST or a version. */
void vfs_set_view(sqlite3 *reader, uint64_t version);

#endif
