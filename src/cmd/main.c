/* main.c - The `trustsql` program: find the subcommand, hand over. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "state/db.h"

static const struct command *const commands[] = {
    &command_dev,     &command_testnet, &command_init,   &command_invite, &command_join,
    &command_node,    &command_status,  &command_doctor, &command_proxy,  &command_sql,
    &command_key,     &command_tx,      &command_proof,  &command_verify, &command_backup,
    &command_restore, &command_bench,   &command_sim,    &command_version};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_help(FILE *to)
{
    fputs("trustsql - a permissioned blockchain that is used as a SQL database\n\n"
          "Usage: trustsql COMMAND [OPTIONS]\n\n",
          to);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n`trustsql COMMAND --help` tells the options of a command.\n"
          "Exit codes: 0 ok, 1 a check failed, 2 wrong usage, 3 unreachable, 4 stored data "
          "damaged.\n",
          to);
}

int main(int argc, char **argv)
{
    db_setup_process();
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return EXIT_FINE;
    }
    const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(name, commands[i]->name) == 0)
            return commands[i]->run(commands[i], argc - 1, argv + 1);
    fprintf(stderr, "trustsql: there is no command \"%s\"; try trustsql --help\n", argv[1]);
    return EXIT_USAGE;
}
