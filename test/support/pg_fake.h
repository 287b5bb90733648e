/* pg_fake.h - A backend with canned answers, a link in memory, and the client's side of a login.
 *
 * What the backend knows (text of a statement → what it does); user "alice", password "pencil", or
 * user "carol", token "a token"; ledger "main"; everybody else is unknown:
 *
 *   one            SELECT 1: one row of one integer
 *   rows N         N rows (integer n, text "row n")
 *   echo T…        parameters of types T (bool bytea int2 int4 int8 text numeric timestamptz), one
 *                  row of them
 *   submit         SQL_KIND_SUBMIT with one bytea; a row (text, bigint size); "bad…": 23505
 *   insert         INSERT 0 1, no columns
 *   fail           42601 with position, detail and hint
 *   notice         a notice, then SELECT 0
 *   wait           a read that ends only when cancelled (57014)
 *   change         described as one integer, answers with text
 *   broken         rows that are not well formed
 *   long           as "one", but in the extended protocol it has to be prepared first
 *   longfail       the same, and preparing it fails with 42601
 *   two            two statements, in a simple query: as "one" twice
 *   (empty)        nothing
 *   begin, commit  as insert; the session is in a block, or no more
 *   deallocate     as insert; all prepared statements are forgotten
 *   copyin, copysplit  COPY t (a integer) FROM STDIN, 64 bytes of rows, in one or several parts; a
 *                  last row of 2 is 23505
 *   copyout        COPY TO STDOUT with a header: 7, null
 *   others         42P01
 *
 * Not thread-safe; all of it on the loop's thread. */
#ifndef TRUSTSQL_TEST_SUPPORT_PG_FAKE_H
#define TRUSTSQL_TEST_SUPPORT_PG_FAKE_H

#include "base/buf.h"
#include "node/backend.h"
#include "pg/session.h"

#define PG_FAKE_CALLS_MAX 1024u

struct pg_fake_call; /* One that runs. */

struct pg_fake {
    struct backend backend;
    struct mem *mem;
    bool is_deferred;           /* Answer in pg_fake_run only. */
    bool is_free;               /* Everybody may have a session. */
    bool has_flow;              /* Set by flow(true). */
    struct pg_fake_call *first; /* Of all sessions, in order. */
    struct pg_fake_call *last;
    uint32_t rows_max;    /* Of "rows N". */
    uint32_t running;     /* Now. */
    uint32_t running_max; /* Ever. */
    uint32_t executed;
    uint32_t open_count; /* Executed as part of a transaction that a Sync ends. */
    uint32_t sync_count;
    uint32_t prepared;   /* Times. */
    uint32_t copy_parts; /* Rows that came, in so many parts, */
    size_t copied;       /* and their bytes. */
    uint32_t sessions;
    uint32_t flow_closed; /* Times. */
    uint8_t mock_secret[32];
    struct scram_verifier alice;
};

void pg_fake_init(struct pg_fake *f, struct mem *mem);
void pg_fake_run(struct pg_fake *f); /* Answer everything that runs but "wait". */
/* Answer one call; false when there is none. */
bool pg_fake_run_one(struct pg_fake *f);

/* An operating system whose entropy is always the same. */
struct os *pg_fake_os(void);

/* A link that keeps what is written. */
struct pg_fake_link {
    struct buf out;
    size_t queued; /* What the session is told. */
    bool is_paused;
    bool is_closed;
};
void pg_fake_link_init(struct pg_fake_link *l);
void pg_fake_link_fini(struct pg_fake_link *l);
struct pg_link pg_fake_link_of(struct pg_fake_link *l);

/* What alice's client sends to log in to a session on pg_fake_os: start-up, first, final. */
void pg_fake_login(struct buf *out, const char *database);

#endif
