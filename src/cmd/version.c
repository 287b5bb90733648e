/* version.c - `trustsql version`: of the program, of execution, of the SQLite in it. */
#include <stdio.h>

#include "cmd/cmd.h"
#include "exec/exec.h"

#define VERSION "0.1.0"

static int run(const struct command *self, int argc, char **argv)
{
    bool is_json = false;
    int exit_code;
    const struct option_spec specs[] = {{"json", OPTION_FLAG, &is_json, 0, 0}};
    if (!options_parse(self, &(struct arguments){argc, argv, specs, 1, NULL}, &exit_code))
        return exit_code;
    struct buf out;
    buf_init(&out, mem_system(), 0);
    if (is_json)
        buf_printf(&out,
                   "{\"version\":\"%s\",\"exec_version_min\":%u,\"exec_version_max\":%u,"
                   "\"sqlite\":\"%s\"}\n",
                   VERSION, EXEC_VERSION_MIN, EXEC_VERSION_MAX, sqlite3_libversion());
    else
        buf_printf(&out, "trustsql %s (exec_version %u to %u, SQLite %s)\n", VERSION,
                   EXEC_VERSION_MIN, EXEC_VERSION_MAX, sqlite3_libversion());
    return print_and_free(&out);
}

const struct command command_version = {"version", "show the version of the program",
                                        "Usage: trustsql version [--json]\n\n"
                                        "Show the version of the program and the versions of "
                                        "execution it supports.\n",
                                        run};
