/* block_int.h - What block.c and block_control.c share. */
#ifndef TRUSTSQL_NODE_BLOCK_INT_H
#define TRUSTSQL_NODE_BLOCK_INT_H

#include "node/local_int.h"

/* --- block.c */
void block_start(struct local_call *c, enum block_state state);
/* Nothing when there is none. */
void block_end(struct backend_session *s, bool is_committed);
bool block_needs_desk(const struct local_call *c);
/* A task is under way; the statement is looked at again. */
NODISCARD enum status block_begin_desk(struct local_call *c);
NODISCARD enum status block_task(struct local_call *c, enum desk_step step, enum call_wait wait);
NODISCARD enum status block_put_op(struct local_call *c, const struct compiled *statement);
NODISCARD enum status block_select(struct local_call *c,
                                   const struct compiled *statement,
                                   enum call_wait wait);
/* Ended, or its transaction is under way (c->wait); on failure it has ended too. */
NODISCARD enum status block_commit(struct local_call *c);
/* It is over: c->tag is said, AND CHAIN begins the next. */
void block_finish(struct local_call *c, bool is_committed);

/* --- block_control.c */
NODISCARD enum status block_control(struct local_call *c, const struct compiled *statement);
NODISCARD enum status block_savepoint_done(struct local_call *c);
void block_forget_select(struct local_call *c); /* Of a DECLARE. */
void block_warn(struct local_call *c, const char *sqlstate, const char *text);

#endif
