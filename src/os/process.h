/* process.h - Child processes, the terminal, and who holds a lock: for the program's own commands.
 *
 * Process ids are int64_t; 0 is none. */
#ifndef TRUSTSQL_OS_PROCESS_H
#define TRUSTSQL_OS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum process_signal { PROCESS_TERMINATE, PROCESS_KILL };

enum process_life {
    PROCESS_BOUND, /* The child is asked to terminate when the thread that started it ends. */
    PROCESS_FREE,  /* It outlives the parent. */
};

/* Start this program (its own executable file) with arguments argv[0…] up to null, argv[0] being
 * its name. log_path not null: standard output and error are appended there, standard input is
 * empty, and the child has its own session: it does not see the parent's Ctrl-C. Null: it shares
 * the terminal. */
NODISCARD enum status process_spawn_self(int64_t *pid,
                                         const char *const *argv,
                                         const char *log_path,
                                         enum process_life life);

/* Where the file of this program can be read, even after another took its name. */
const char *process_self_path(void);

/* ST_NOT_FOUND: there is no such process. */
NODISCARD enum status process_send(int64_t pid, enum process_signal signal);

/* Wait for a child of ours. *exit_code: its code, or 128 + signal. */
NODISCARD enum status process_wait(int64_t pid, int *exit_code);

/* As process_wait, but at once: ST_BUSY while it runs. */
NODISCARD enum status process_poll(int64_t pid, int *exit_code);

/* True once the process does not exist any more (a zombie child is collected). */
bool process_is_gone(int64_t pid);

/* The process that holds a write lock on the file; 0: none, or there is no such file. */
int64_t process_lock_holder(const char *path);

void process_sleep_ms(uint32_t ms);

uint32_t process_core_count(void); /* Cores that this process may use; at least 1. */

bool terminal_is(int descriptor); /* 0 input, 1 output, 2 error. */

/* Ask on the terminal without echo. ST_UNSUPPORTED: there is no terminal. Wipe after use. */
NODISCARD enum status terminal_ask_secret(const char *prompt, char *out, uint32_t size);

#endif
