/* fake_os.h - struct os in memory: a disk that loses what was not synced, and calls that fail.
 *
 *     struct fake_os *f = fake_os_new(seed);
 *     struct os *os = fake_os_table(f);       // Give it to the code under test.
 *     ... work ...
 *     fake_os_crash(f, FAKE_OS_LOSE_SOME);    // Old file objects answer ST_IO from now on.
 *     ... close the old objects, open again, check ...
 *     fake_os_free(f);
 *
 * Everything random (what a crash keeps, how far a failing write came, entropy) comes from the
 * seed: the same calls give the same bytes. Print the seed when a test fails. Functions of the
 * table are safe from any thread; the functions below belong to the test's thread.
 *
 * Memory is the process heap and running out of it aborts, so the loop "fail allocation n" of the
 * code under test is not disturbed. See README.md beside this file. */
#ifndef TRUSTSQL_OS_FAKE_FAKE_OS_H
#define TRUSTSQL_OS_FAKE_FAKE_OS_H

#include "os/os.h"

struct fake_os;

/* Kinds of calls; a set of them where it says kinds. */
enum fake_os_call {
    FAKE_OS_OPEN = 1u << 0, /* Of what is there. */
    FAKE_OS_CREATE = 1u << 1,
    FAKE_OS_READ = 1u << 2,
    FAKE_OS_WRITE = 1u << 3,
    FAKE_OS_SYNC = 1u << 4,
    FAKE_OS_SIZE = 1u << 5,
    FAKE_OS_TRUNCATE = 1u << 6,
    FAKE_OS_ALLOCATE = 1u << 7,
    FAKE_OS_LOCK = 1u << 8,
    FAKE_OS_RENAME = 1u << 9,
    FAKE_OS_REMOVE = 1u << 10,
    FAKE_OS_MAKE_DIR = 1u << 11,
    FAKE_OS_SYNC_DIR = 1u << 12,
    FAKE_OS_LIST_DIR = 1u << 13,
    FAKE_OS_FREE_BYTES = 1u << 14,
};
#define FAKE_OS_KINDS 15u
#define FAKE_OS_ALL   ((1u << FAKE_OS_KINDS) - 1u)
/* Those that change the disk: the places where a crash can make a difference. */
#define FAKE_OS_CHANGES                                                                            \
    ((uint32_t)FAKE_OS_CREATE | FAKE_OS_WRITE | FAKE_OS_SYNC | FAKE_OS_TRUNCATE |                  \
     FAKE_OS_ALLOCATE | FAKE_OS_RENAME | FAKE_OS_REMOVE | FAKE_OS_MAKE_DIR | FAKE_OS_SYNC_DIR)

enum fake_os_crash {
    FAKE_OS_LOSE_ALL,  /* Nothing un-synced survives. */
    FAKE_OS_KEEP_ALL,  /* All of it does: what kill -9 does. */
    FAKE_OS_LOSE_SOME, /* Each sector of 512 bytes and each name on its own, by the seed. */
};

struct fake_os *fake_os_new(uint64_t seed); /* An empty disk of 1 TiB. */
void fake_os_free(struct fake_os *f);       /* Null allowed. All file objects must be closed. */
struct os *fake_os_table(struct fake_os *f);

/* A second process on the same disk: its own locks. Ends with f. */
struct os *fake_os_other_process(struct fake_os *f);

/* Another machine with the same disk, un-synced state included, nothing open, no faults: to try
 * many crashes of one moment. */
struct fake_os *fake_os_copy(const struct fake_os *f, uint64_t seed);

/* The power goes and comes back. Ends faults and locks; file objects of before answer ST_IO and
 * must still be closed. */
void fake_os_crash(struct fake_os *f, enum fake_os_crash how);

/* The process that had them open is gone: all file objects end. */
void fake_os_drop_files(struct fake_os *f);

/* The nth (1: the next) call among kinds fails once with st. A write that fails has written a part,
 * a read that fails has filled a part; a sync that fails has kept some sectors and lost the others
 * for good, although reads still show them; other calls have done nothing. Replaces the fault
 * before. */
void fake_os_fail(struct fake_os *f, uint32_t kinds, uint64_t nth, enum status st);

/* As above, and so does every later call among kinds, until fake_os_heal. */
void fake_os_fail_from(struct fake_os *f, uint32_t kinds, uint64_t nth, enum status st);

/* The power goes during the nth changing call: that one fails, and then every call does, with
 * ST_IO, until fake_os_crash. For the loop "crash at each place". */
void fake_os_cut_power(struct fake_os *f, uint64_t nth);

void fake_os_heal(struct fake_os *f);

/* A planted fault: syncs of files opened from now on whose path ends in suffix (kept, not copied)
 * report success and do nothing. Null: no more. */
void fake_os_ignore_sync(struct fake_os *f, const char *suffix);

/* After a power cut now what is at path would be as it is: a file, or a directory and all that is
 * in it (removed names may come back). False when there is no such path. */
bool fake_os_is_durable(struct fake_os *f, const char *path);

/* A fault of above has struck. */
bool fake_os_has_failed(const struct fake_os *f);

/* Calls among kinds so far, failed ones included. */
uint64_t fake_os_calls(const struct fake_os *f, uint32_t kinds);

/* Space in bytes, counted in pages of 4,096; below what is used: every further page is refused. */
void fake_os_set_capacity(struct fake_os *f, uint64_t bytes);

/* Clocks stand still until told. The wall clock starts at 2026-01-01 00:00:00 UTC, the monotonic
 * one at one second. */
void fake_os_set_wall_ms(struct fake_os *f, uint64_t wall_ms);
void fake_os_advance_ms(struct fake_os *f, uint64_t ms); /* Both clocks. */

#endif
