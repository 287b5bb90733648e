/* cmd.h - What the subcommands of `trustsql` share: their table, exit codes, arguments.
 *
 * One file per subcommand; a command is a function from arguments to an exit code. */
#ifndef TRUSTSQL_CMD_CMD_H
#define TRUSTSQL_CMD_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

enum exit_code {
    EXIT_FINE = 0,
    EXIT_CHECK_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
    EXIT_CORRUPT = 4
};

struct command {
    const char *name;
    const char *summary; /* One line of `trustsql --help`. */
    const char *help;    /* All of `trustsql NAME --help`. */
    int (*run)(const struct command *self, int argc, char **argv);
};

extern const struct command command_dev;
extern const struct command command_testnet;
/* Part of another command: nodes that --detach started end with this process all the same. */
int testnet_run_bound(int argc, char **argv);
extern const struct command command_init;
extern const struct command command_invite;
extern const struct command command_join;
extern const struct command command_node;
extern const struct command command_status;
extern const struct command command_doctor;
extern const struct command command_proxy;
extern const struct command command_sql;
extern const struct command command_key;
extern const struct command command_tx;
extern const struct command command_proof;
extern const struct command command_verify;
extern const struct command command_backup;
extern const struct command command_restore;
extern const struct command command_bench;
extern const struct command command_sim;
extern const struct command command_version;

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER };

/* One long option: "--name VALUE", "--name=VALUE" or a flag. */
struct option_spec {
    const char *name;
    enum option_kind kind;
    void *to; /* bool, const char * (points into argv) or uint64_t. */
    uint64_t min;
    uint64_t max;
};

struct words { /* Arguments that are no options. */
    const char **items;
    uint32_t max;
    uint32_t count;
};

struct arguments {
    int argc;
    char **argv;
    const struct option_spec *specs;
    uint32_t spec_count;
    struct words *words; /* Null: none are allowed. */
};

/* Parse argv[1…]. True: go on. False: return *exit_code (help was printed, or what is wrong). */
bool options_parse(const struct command *self, const struct arguments *given, int *exit_code);

/* "trustsql NAME: text" on standard error, and the hint, when not null, on the next line. */
void complain(const struct command *self, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The exit code for a failure of this kind. */
int exit_code_of(enum status st);

/* Append text as a JSON string with its quotes. */
void json_put_text(struct buf *out, struct span text);

/* Write the buffer to standard output and free it; EXIT_FINE or EXIT_CHECK_FAILED. */
int print_and_free(struct buf *out);

#endif
