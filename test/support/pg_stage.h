/* pg_stage.h - A session of the PostgreSQL door on a stage: a client that says what a test tells it
 * to, and a backend and a link in memory (pg_fake.h).
 *
 *     stage_log_in(&t);
 *     say_query(&t, "one");
 *     stage_send(&t);
 *     assert_string_equal(stage_heard(&t), "TDCZ");
 *     stage_close(&t);
 *
 * Not thread-safe. */
#ifndef TRUSTSQL_TEST_SUPPORT_PG_STAGE_H
#define TRUSTSQL_TEST_SUPPORT_PG_STAGE_H

#include "pg/session.h"
#include "support/pg_fake.h"

#define STAGE_TYPES_MAX 4096u

struct stage {
    struct pg_fake fake;
    struct pg_fake_link link;
    struct pg_session *session;
    struct buf say; /* What the client says next. */
    bool is_full;   /* No more clients are admitted. */
    uint32_t cancel_process;
    uint32_t cancel_secret;
    char types[STAGE_TYPES_MAX];
};

/* A session over mem; closed with stage_close, whatever came. */
NODISCARD enum status stage_open(struct stage *t, struct mem *mem);
void stage_close(struct stage *t);
/* Types of all messages the server has sent since the last call, as text. */
const char *stage_heard(struct stage *t);
/* Is the text in what the server sent and nobody has heard? */
bool stage_holds(const struct stage *t, const char *text);
/* What was said goes to the session. */
void stage_send(struct stage *t);
/* Opened, and logged in as a user of ledger main. */
void stage_log_in(struct stage *t);
/* A message of the client: begin, its fields, end with what begin gave. */
size_t say_begin(struct stage *t, char type);
void say_end(struct stage *t, size_t at);
void say_string(struct stage *t, const char *text);
void say_query(struct stage *t, const char *text);
void say_parse(struct stage *t, const char *name, const char *text);
/* With one value in binary form, or none. */
void say_bind(struct stage *t, const char *portal, const char *name, const char *value);
void say_execute(struct stage *t, const char *portal, uint32_t row_max);
void say_target(struct stage *t, char type, char target, const char *name);
void say_empty(struct stage *t, char type);
void say_submit(struct stage *t, const char *bytes);
void say_statement(struct stage *t, const char *text);

#endif
