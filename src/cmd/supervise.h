/* supervise.h - Wait for child processes in the terminal; end them together. */
#ifndef TRUSTSQL_CMD_SUPERVISE_H
#define TRUSTSQL_CMD_SUPERVISE_H

#include "cmd/cmd.h"

/* Until all count children have ended. SIGINT, SIGTERM and SIGHUP are handed on to them as SIGTERM;
 * a child that ends by itself is named ("node<i>"). Returns 0, or the exit code of the last child
 * that failed. */
int supervise_children(const struct command *self, const int64_t *pids, uint32_t count);

#endif
