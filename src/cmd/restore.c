/* restore.c - `trustsql restore`: a node's directory from a backup, verified before it is used. */
#include <stdio.h>

#include "cmd/backup_common.h"
#include "cmd/passphrase.h"
#include "cmd/scratch.h"
#include "node/audit.h"
#include "os/process.h"

struct options {
    bool is_json;
    const char *passphrase_file;
    const char *scratch;
    uint64_t threads;
};

/* What must be told, plainly: this node forgot what it promised. */
static const char voting[] =
    "It was the only validator of its chain. Blocks made after the backup are lost: clients were "
    "told of\nthem. Make sure that the old node never runs again.\n";
static const char silent[] =
    "This node does NOT VOTE: what it voted for after the backup is not known, and voting again\n"
    "could contradict it. It follows the others and answers reads. Make sure that the old node "
    "never\nruns again. To vote again it needs a new key: docs/backup.md, \"Voting again\".\n";

static int say_done(const struct options *o,
                    const struct backup_config *c,
                    const struct backup_report *r)
{
    struct buf out;
    buf_init(&out, mem_system(), 0);
    if (o->is_json)
        backup_put_json(&out, c->file, r,
                        r->is_alone ? ",\"verified\":true,\"votes\":true"
                                    : ",\"verified\":true,\"votes\":false");
    else
        buf_printf(&out, "restored: %s, %llu blocks, verified from the genesis\n%s", c->dir,
                   (unsigned long long)r->height, r->is_alone ? voting : silent);
    return print_and_free(&out);
}

/* Everything is proved again from the genesis, as `trustsql verify node` does. */
static int verify(const struct command *self,
                  const struct options *o,
                  const struct backup_config *c,
                  const struct backup_report *r)
{
    char scratch[OS_PATH_MAX];
    char what[160] = "";
    enum status st = scratch_make_in(o->scratch, "trustsql-restore", scratch);
    if (st != ST_OK) {
        complain(self, "Name a writable directory with --scratch.", "%s: %s", o->scratch,
                 status_text(st));
        return EXIT_USAGE;
    }
    const struct audit_config config = {.os = c->os,
                                        .mem = c->mem,
                                        .dir = c->dir,
                                        .scratch = scratch,
                                        .thread_count = (uint32_t)o->threads,
                                        .is_restored = true,
                                        .progress = c->progress,
                                        .context = c->context};
    struct audit_report *report = mem_alloc_zero(c->mem, 1, sizeof *report);
    if (report == NULL) return EXIT_CHECK_FAILED;
    st = audit_run(&config, report, what);
    scratch_remove(scratch);
    if (st == ST_CORRUPT && report->damage_kept > 0)
        (void)snprintf(what, sizeof what, "file %.40s height %llu: %.80s", report->damage[0].file,
                       (unsigned long long)report->damage[0].height, report->damage[0].what);
    if (st == ST_OK && report->height != r->height) st = ST_CORRUPT;
    mem_free(c->mem, report);
    if (st == ST_OK) return EXIT_FINE;
    complain(self, "Do not start it. Restore another backup.", "%s does not verify: %s", c->dir,
             what[0] == 0 ? status_text(st) : what);
    return EXIT_CORRUPT;
}

static int work(const struct command *self,
                const struct options *o,
                const struct backup_config *chosen)
{
    struct backup_config config = *chosen;
    struct backup_report report;
    char what[BACKUP_WHAT_MAX];
    struct backup_progress progress = {.os = config.os, .is_shown = terminal_is(2) && !o->is_json};
    config.progress = backup_on_progress;
    config.context = &progress;
    const enum status st = backup_restore(&config, &report, what);
    int exit_code = EXIT_FINE;
    if (st == ST_OK) exit_code = verify(self, o, &config, &report);
    backup_end_progress(&progress);
    if (st != ST_OK) {
        complain(self, NULL, "%s", what);
        return backup_exit_code(st);
    }
    return exit_code == EXIT_FINE ? say_done(o, &config, &report) : exit_code;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct options o = {.threads = 2, .scratch = scratch_base()};
    const char *items[2];
    struct words words = {.items = items, .max = 2};
    const struct option_spec specs[] = {
        {"json", OPTION_FLAG, &o.is_json, 0, 0},
        {"passphrase-file", OPTION_TEXT, &o.passphrase_file, 0, 0},
        {"scratch", OPTION_TEXT, &o.scratch, 0, 0},
        {"threads", OPTION_NUMBER, &o.threads, 1, AUDIT_THREADS_MAX},
    };
    int exit_code;
    char passphrase[PASSPHRASE_MAX];
    if (!options_parse(self, &(struct arguments){argc, argv, specs, 4, &words}, &exit_code))
        return exit_code;
    if (words.count != 2) {
        complain(self, "Try --help.", "say `restore FILE DIR`");
        return EXIT_USAGE;
    }
    if (!backup_passphrase(self, o.passphrase_file, passphrase)) return EXIT_USAGE;
    struct backup_config config = {.os = os_posix(),
                                   .mem = mem_system(),
                                   .dir = items[1],
                                   .file = items[0],
                                   .passphrase = span_text(passphrase)};
    exit_code = work(self, &o, &config);
    mem_wipe(passphrase, sizeof passphrase);
    return exit_code;
}

const struct command command_restore = {
    "restore", "make a node's directory from a backup, and verify it",
    "Usage: trustsql restore FILE DIR [--passphrase-file F] [--threads N] [--scratch D] "
    "[--json]\n\n"
    "Make DIR, which must not exist or be empty, from a backup, and prove everything in it from\n"
    "the genesis as `trustsql verify node` does. Then `trustsql node DIR` starts it; what "
    "happened\n"
    "since the backup comes from the other nodes.\n\n"
    "A restored node does not vote. It no longer knows what it voted for after the backup; voting\n"
    "again could contradict that, which the other nodes would rightly take for treason. It "
    "follows\n"
    "them and answers reads, and votes again when the chain has given it a new key "
    "(docs/backup.md).\n"
    "Only the single validator of a chain of one votes on: there is nobody to contradict.\n"
    "The old node must never run again beside the restored one.\n\n"
    "  --passphrase-file F    its first line is the passphrase (default: $TRUSTSQL_PASSPHRASE,\n"
    "                         or asked for on the terminal)\n"
    "  --threads N            for signatures (default: 2)\n"
    "  --scratch D            where a temporary database goes (default: $TMPDIR or /tmp)\n"
    "  --json                 for machines\n",
    run};
