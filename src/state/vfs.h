/* vfs.h - The page store as SQLite sees it: one file, opened by one writer, many readers and many
 * sessions.
 *
 * Registered under a name of its own for each database, so several may be open in a process. A
 * connection opened READONLY is a reader, one opened READWRITE under VFS_SESSION_NAME a session,
 * any other the writer. A session writes into a private overlay over the height that it sees, which
 * ends with its transaction: it can never commit (I6). Journals and temporary files are refused:
 * connections keep both in memory. Thread rules are those of pages.h; a connection is used by one
 * thread at a time. */
#ifndef TRUSTSQL_STATE_VFS_H
#define TRUSTSQL_STATE_VFS_H

#include <sqlite3.h>

#include "state/pages.h"

#define VFS_SESSION_NAME "session.db"

struct vfs;

/* Pages that overlays may hold (I9): of one session, and of all together. */
struct vfs_limits {
    uint32_t session_pages;
    uint32_t all_pages;
};

NODISCARD enum status vfs_register(struct vfs **out,
                                   struct mem *mem,
                                   struct pages *pages,
                                   const struct vfs_limits *limits);
void vfs_unregister(struct vfs *v); /* Null allowed. All connections are closed. */

const char *vfs_name(const struct vfs *v); /* For sqlite3_open_v2. */

/* The version the writer's next COMMIT makes: without it, or with a wrong one, COMMIT fails (I7).
 */
void vfs_set_version(sqlite3 *writer, uint64_t version);

/* The version a reader's or session's next transactions see: WINDOW_NEWEST or a version. */
void vfs_set_view(sqlite3 *reader, uint64_t version);

/* The version that is pinned now; WINDOW_NEWEST: none. */
uint64_t vfs_view(sqlite3 *reader);

#endif
