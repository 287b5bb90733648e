/* version.c - `trustsql version`: of the program, of execution, of the SQLite in it. */
#include <stdio.h>

#include "base/hex.h"
#include "cmd/cmd.h"
#include "exec/exec.h"
#include "node/release.h"
#include "os/process.h"

static int run(const struct command *self, int argc, char **argv)
{
    bool is_json = false;
    int exit_code;
    const struct option_spec specs[] = {{"json", OPTION_FLAG, &is_json, 0, 0}};
    if (!options_parse(self, &(struct arguments){argc, argv, specs, 1, NULL}, &exit_code))
        return exit_code;
    struct buf out;
    struct release r;
    char program[2 * HASH_SIZE + 1];
    release_of_program(&r, os_posix(), mem_system(), process_self_path());
    hex_encode(program, hash_span(&r.program));
    buf_init(&out, mem_system(), 0);
    if (is_json)
        buf_printf(&out,
                   "{\"version\":\"%s\",\"exec_version_min\":%u,\"exec_version_max\":%u,"
                   "\"sqlite\":\"%s\",\"program\":\"%s\"}\n",
                   r.version, r.exec_version_min, r.exec_version_max, sqlite3_libversion(),
                   program);
    else
        buf_printf(&out, "trustsql %s (exec_version %u to %u, SQLite %s)\nprogram %s\n", r.version,
                   r.exec_version_min, r.exec_version_max, sqlite3_libversion(), program);
    return print_and_free(&out);
}

const struct command command_version = {"version", "show the version of the program",
                                        "Usage: trustsql version [--json]\n\n"
                                        "Show the version of the program, the versions of "
                                        "execution it supports and the\nSHA-256 of its file: "
                                        "nodes tell it one another (trustsql.nodes).\n",
                                        run};
