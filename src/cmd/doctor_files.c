/* doctor_files.c - A node from the outside: its directory, disk, process, port, log. Nothing is
 * opened for writing, so a running node is not disturbed. */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "cmd/doctor_int.h"
#include "node/archive.h"
#include "node/backup.h"
#include "node/node.h"
#include "node/quarantine.h"
#include "os/process.h"

#define LOG_TAIL_SIZE 1024u
#define ENDED         "trustsql node: " /* Before what ended a node by itself. */
#define SERVES        "serving "

static void check_backup(struct doctor *d, const struct patient *p);

static bool is_end(const char *line)
{
    return strncmp(line, ENDED, sizeof ENDED - 1) == 0;
}

/* The last line of the node's log that says what happened, "" when there is none: the program's own
 * advice may follow it. */
static void last_line(struct doctor *d, const struct patient *p, char out[LOG_TAIL_SIZE + 1])
{
    char path[OS_PATH_MAX];
    char tail[LOG_TAIL_SIZE + 1];
    struct os_file *file = NULL;
    uint64_t size = 0;
    size_t got = 0;
    out[0] = 0;
    if (os_path_join(path, p->dir, "log") != ST_OK) return;
    if (d->os->file_open(d->os, &file, path, OS_READ) != ST_OK) return;
    enum status st = d->os->file_size(d->os, file, &size);
    uint64_t offset = size > LOG_TAIL_SIZE ? size - LOG_TAIL_SIZE : 0;
    if (st == ST_OK) st = d->os->file_read(d->os, file, tail, LOG_TAIL_SIZE, offset, &got);
    d->os->file_close(d->os, file);
    if (st != ST_OK) return;
    must(got <= LOG_TAIL_SIZE);
    while (got > 0 && (tail[got - 1] == '\n' || tail[got - 1] == ' '))
        got--;
    tail[got] = 0;
    char *line = strrchr(tail, '\n');
    if (line != NULL) *line++ = 0;
    const char *before = line != NULL ? strrchr(tail, '\n') : NULL;
    bool is_advice = before != NULL && is_end(before + 1) && !is_end(line) &&
                     strncmp(line, SERVES, sizeof SERVES - 1) != 0;
    const char *last = line != NULL ? line : tail;
    (void)snprintf(out, LOG_TAIL_SIZE + 1, "%s", is_advice ? before + 1 : last);
}

/* The name under which the genesis knows the node's key; else that of its directory. */
static enum status find_name(struct patient *p,
                             const struct genesis *g,
                             const struct node_config *config,
                             const struct public_key *own,
                             char *what)
{
    for (uint32_t i = 0; i < g->member_count; i++) {
        if (!public_key_equal(&g->members[i].node_key, own)) continue;
        struct span name = g->members[i].node_name;
        memcpy(p->name, name.data, name.size);
        p->name[name.size] = 0;
        return node_config_check(config, g, i, what);
    }
    /* It joined later, or its key was replaced: the chain knows it, or tells that it does not. */
    const char *slash = strrchr(p->dir, '/');
    const char *name = slash != NULL && slash[1] != 0 ? slash + 1 : p->dir;
    (void)snprintf(p->name, sizeof p->name, "%.*s", (int)sizeof p->name - 1, name);
    return node_config_check(config, g, g->member_count, what);
}

static enum status read_own_key(struct doctor *d, const struct patient *p, struct public_key *own)
{
    uint8_t seed[32];
    struct signer *signer = NULL;
    struct secret_key secret;
    TRY(node_key_read(d->os, p->dir, &secret));
    d->os->entropy(d->os, seed, sizeof seed);
    enum status st = signer_new(&signer, seed);
    if (st == ST_OK) st = sign_public(signer, own, &secret);
    signer_free(signer);
    mem_wipe(&secret, sizeof secret);
    return st;
}

static void check_identity(struct doctor *d, struct patient *p, const struct node_config *config)
{
    char what[NODE_WHAT_MAX] = "";
    struct buf bytes;
    struct arena arena;
    struct genesis g;
    struct public_key own = {0};
    buf_init(&bytes, mem_system(), 0);
    arena_init(&arena, mem_system(), 0);
    enum status st = node_genesis_read(d->os, p->dir, &bytes);
    if (st == ST_OK) st = genesis_decode(&g, &arena, buf_span(&bytes));
    if (st != ST_OK) {
        doctor_find(d, p->name,
                    "Make it of the cards of all: trustsql init genesis --dir DIR CARD...",
                    "%s/genesis cannot be used: %s", p->dir, status_text(st));
    } else {
        st = read_own_key(d, p, &own);
        if (st != ST_OK)
            doctor_find(d, p->name, "", "%s/node.key cannot be used: %s", p->dir, status_text(st));
        else if (find_name(p, &g, config, &own, what) != ST_OK)
            doctor_find(d, p->name, "", "%s: %s", p->dir, what);
    }
    arena_fini(&arena);
    buf_fini(&bytes);
}

static void check_disk(struct doctor *d, struct patient *p)
{
    uint64_t bytes = 0;
    if (d->os->free_bytes(d->os, p->dir, &bytes) != ST_OK) return;
    p->free_bytes = bytes;
    if (bytes >= DOCTOR_FREE_LOW) return;
    doctor_find(d, p->name, "Make room; a node stops, without loss, when its disk is full.",
                "only %llu MB are free on the disk of %s", (unsigned long long)(bytes >> 20),
                p->dir);
}

/* A state that was refuted once and made again is well; one that was so too often is not. */
static void check_quarantine(struct doctor *d, const struct patient *p)
{
    struct quarantine q;
    enum status st = quarantine_read(&q, d->os, p->dir);
    if (st == ST_NOT_FOUND) return;
    bool is_spent = st != ST_OK || q.rebuilds >= QUARANTINE_REBUILDS_MAX;
    if (!is_spent) return;
    doctor_find(
        d, p->name,
        "Look for bad memory or a bad disk; then stop the node, remove state/, results/ and "
        "the file quarantine, and start it.",
        "a certificate refuted its state again after %u rebuilds (%s/" QUARANTINE_FILE ")",
        QUARANTINE_REBUILDS_MAX, p->dir);
}

/* Somebody answers at a port whose node has no process. */
static bool is_port_taken(const struct patient *p)
{
    char port[16];
    (void)snprintf(port, sizeof port, "%u", (unsigned)p->pg_port);
    const char *const keys[] = {"host", "port", "connect_timeout", NULL};
    const char *const values[] = {"127.0.0.1", port, "2", NULL};
    PGPing answer = PQpingParams(keys, values, 0);
    return answer == PQPING_OK || answer == PQPING_REJECT;
}

void doctor_look_at_files(struct doctor *d, struct patient *p)
{
    char what[NODE_WHAT_MAX] = "";
    struct node_config config;
    must(p->dir[0] != 0);
    enum status st = node_config_read(&config, d->os, p->dir, what);
    if (st != ST_OK) {
        doctor_find(d, p->name, "docs/configuration.md lists what may stand there.",
                    "%s/node.conf: %s", p->dir, what);
    } else {
        p->pg_port = config.pg_port;
        check_identity(d, p, &config);
    }
    check_disk(d, p);
    check_quarantine(d, p);
    check_backup(d, p);
    doctor_look_at_process(d, p);
}

void doctor_look_at_process(struct doctor *d, struct patient *p)
{
    char path[OS_PATH_MAX];
    char line[LOG_TAIL_SIZE + 1];
    if (os_path_join(path, p->dir, "lock") != ST_OK) return;
    p->pid = process_lock_holder(path);
    if (p->pid != 0) return;
    p->is_dead = true;
    last_line(d, p, line);
    bool is_mended = !is_end(line);
    char todo[DOCTOR_TEXT_SIZE];
    (void)snprintf(todo, sizeof todo, "%s%.*s",
                   is_mended ? "" : "When that is mended: ", (int)sizeof todo - 32, p->start);
    doctor_find(d, p->name, todo, "no process runs in %.100s%s%s", p->dir,
                line[0] != 0 ? "; the log ends with: " : "", line);
    if (p->pg_port != 0 && is_port_taken(p))
        doctor_find(d, p->name, "Stop it, or choose another port in node.conf.",
                    "another program listens on its port %u", (unsigned)p->pg_port);
}

/* --- the newest backup -------------------------------------------------------------------------
 */

static void check_backup(struct doctor *d, const struct patient *p)
{
    struct backup_report noted;
    struct hash digest;
    char path[OS_PATH_MAX];
    uint64_t size = 0;
    char todo[DOCTOR_TEXT_SIZE];
    enum status st = backup_noted(d->os, p->dir, &noted, path);
    if (st == ST_NOT_FOUND) return;
    (void)snprintf(todo, sizeof todo, "Make another: trustsql backup %.150s FILE", p->dir);
    if (st == ST_OK) st = archive_digest(d->os, path, &digest, &size);
    if (st == ST_NOT_FOUND)
        doctor_find(d, p->name, todo, "its newest backup is not at %.200s any more", path);
    else if (st != ST_OK)
        doctor_find(d, p->name, todo, "its newest backup cannot be read: %s", status_text(st));
    else if (size != noted.size || !hash_equal(&digest, &noted.digest))
        doctor_find(d, p->name, todo, "its newest backup was changed since it was made: %.200s",
                    path);
    const uint64_t now = d->os->wall_ms(d->os);
    const uint64_t age_days = now > noted.time_ms ? (now - noted.time_ms) / UINT64_C(86400000) : 0;
    if (st != ST_CORRUPT && age_days >= DOCTOR_BACKUP_DAYS_MAX)
        doctor_find(d, p->name, todo, "its newest backup is %llu days old",
                    (unsigned long long)age_days);
}
