/* backup.c - `trustsql backup`: a node, running or not, into one sealed file; or look at such a
 * file. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/backup_common.h"
#include "cmd/passphrase.h"
#include "os/process.h"

struct options {
    bool is_json;
    const char *passphrase_file;
    bool is_check;
};

static enum status ignore_name(void *context, const char *name)
{
    (void)context;
    (void)name;
    return ST_OK;
}

/* An absolute path, so that the doctor finds it from anywhere; in a directory, a name of its own.
 */
static bool name_file(const struct command *self, struct os *os, const char *given, char *out)
{
    char here[OS_PATH_MAX] = "";
    const char *directory = getenv("PWD");
    if (given[0] != '/' && directory != NULL && directory[0] == '/')
        (void)snprintf(here, sizeof here, "%s/", directory);
    const bool is_directory = os->list_dir(os, given, ignore_name, NULL) == ST_OK;
    int size = is_directory ? snprintf(out, OS_PATH_MAX, "%s%s/node-%llu.backup", here, given,
                                       (unsigned long long)(os->wall_ms(os) / 1000))
                            : snprintf(out, OS_PATH_MAX, "%s%s", here, given);
    if (size > 0 && size < (int)OS_PATH_MAX) return true;
    complain(self, NULL, "the path is too long");
    return false;
}

static int say_made(const struct options *o, const char *file, const struct backup_report *r)
{
    struct buf out;
    buf_init(&out, mem_system(), 0);
    if (o->is_json)
        backup_put_json(&out, file, r, NULL);
    else
        buf_printf(&out, "%s %s: %llu blocks, %llu files with keys and custody, %llu bytes\n",
                   o->is_check ? "whole:" : "made:", file, (unsigned long long)r->height,
                   (unsigned long long)r->files, (unsigned long long)r->size);
    return print_and_free(&out);
}

static int work(const struct command *self,
                const struct options *o,
                const struct backup_config *chosen,
                const char *passphrase)
{
    struct backup_config config = *chosen;
    struct backup_report report;
    char what[BACKUP_WHAT_MAX];
    struct backup_progress progress = {.os = config.os, .is_shown = terminal_is(2) && !o->is_json};
    config.passphrase = span_text(passphrase);
    config.progress = backup_on_progress;
    config.context = &progress;
    const enum status st =
        o->is_check ? backup_check(&config, &report, what) : backup_make(&config, &report, what);
    backup_end_progress(&progress);
    if (st == ST_OK) return say_made(o, config.file, &report);
    complain(self, NULL, "%s", what);
    return backup_exit_code(st);
}

static int run(const struct command *self, int argc, char **argv)
{
    struct options o = {.is_json = false};
    const char *items[2];
    struct words words = {.items = items, .max = 2};
    const struct option_spec specs[] = {
        {"json", OPTION_FLAG, &o.is_json, 0, 0},
        {"passphrase-file", OPTION_TEXT, &o.passphrase_file, 0, 0},
        {"check", OPTION_FLAG, &o.is_check, 0, 0},
    };
    int exit_code;
    char passphrase[PASSPHRASE_MAX];
    char file[OS_PATH_MAX];
    struct os *os = os_posix();
    if (!options_parse(self, &(struct arguments){argc, argv, specs, 3, &words}, &exit_code))
        return exit_code;
    if (words.count != (o.is_check ? 1u : 2u)) {
        complain(self, "Try --help.", "say `backup DIR FILE` or `backup --check FILE`");
        return EXIT_USAGE;
    }
    if (o.is_check)
        (void)snprintf(file, sizeof file, "%s", items[0]);
    else if (!name_file(self, os, items[1], file))
        return EXIT_USAGE;
    if (!backup_passphrase(self, o.passphrase_file, passphrase)) return EXIT_USAGE;
    struct backup_config config = {
        .os = os, .mem = mem_system(), .dir = o.is_check ? NULL : items[0], .file = file};
    exit_code = work(self, &o, &config, passphrase);
    mem_wipe(passphrase, sizeof passphrase);
    return exit_code;
}

const struct command command_backup = {
    "backup", "put a node, with its keys, into one encrypted file",
    "Usage: trustsql backup DIR FILE [--passphrase-file F] [--json]\n"
    "       trustsql backup --check FILE [--passphrase-file F] [--json]\n\n"
    "Write what the node in DIR has - configuration, keys, custody, all blocks - to FILE, which\n"
    "must not exist, encrypted under a passphrase (Argon2id, XChaCha20-Poly1305). The node may\n"
    "run. When FILE is a directory, a file is made in it. Without the passphrase the file is\n"
    "worth nothing, for its owner as well.\n"
    "The votes of the node are not in it: see `trustsql restore --help`.\n\n"
    "  --check                read a backup to its end and check every block in it\n"
    "  --passphrase-file F    its first line is the passphrase (default: $TRUSTSQL_PASSPHRASE,\n"
    "                         or asked for on the terminal)\n"
    "  --json                 for machines\n",
    run};
