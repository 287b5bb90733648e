#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "node/audit_int.h"
#include "node/node.h"
#include "os/thread.h"
#include "rows/rows.h"

#define SETUP_FILE_SIZE_MAX 32u

static enum status open_audit(struct audit *a, char *what);
static void close_audit(struct audit *a);
static uint64_t known_final(struct audit *a);
static void check_newest(struct audit *a);

void audit_found(
    struct audit *a, const struct damage *place, uint64_t height, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mutex_lock(a->mutex);
    struct audit_report *r = a->report;
    r->damage_count++;
    if (r->damage_kept < AUDIT_DAMAGE_MAX) {
        struct damage *d = &r->damage[r->damage_kept++];
        *d = *place;
        d->height = height;
        (void)vsnprintf(d->what, sizeof d->what, format, args);
    }
    mutex_unlock(a->mutex);
    va_end(args);
}

static enum status on_block(void *context,
                            uint64_t height,
                            struct span block,
                            const struct damage *place)
{
    return audit_block(context, height, block, place);
}

static void on_damage(void *context, const struct damage *damage)
{
    const struct audit *a = context;
    if (a->config->is_restored && strcmp(damage->file, "journal") == 0) return;
    audit_found(context, damage, damage->height, "%s", damage->what);
}

enum status audit_run(const struct audit_config *config, struct audit_report *report, char *what)
{
    struct audit a = {.config = config, .report = report};
    *report = (struct audit_report){0};
    what[0] = 0;
    buf_init(&a.genesis_bytes, config->mem, 0);
    arena_init(&a.arena, config->mem, 0);
    enum status st = open_audit(&a, what);
    if (st == ST_OK) {
        struct store_config store = {.os = config->os,
                                     .mem = config->mem,
                                     .dir = config->dir,
                                     .chain_id = a.chain_id,
                                     .cold_dir = a.settings.store_cold,
                                     .is_read_only = true};
        struct store_scan scan = {
            .visit = on_block, .found = on_damage, .context = &a, .final_height = known_final(&a)};
        st = store_scan(&store, &scan);
        const bool is_told = report->damage_count > 0 || config->is_restored;
        if (st == ST_CORRUPT && is_told) st = ST_OK; /* Below. */
    }
    if (st == ST_OK) check_newest(&a);
    if (a.state != NULL && st == ST_OK) audit_state_finish(a.state);
    close_audit(&a);
    if (st != ST_OK && what[0] == 0) (void)snprintf(what, 160, "%s", status_text(st));
    if (st == ST_OK && report->damage_count > 0) st = ST_CORRUPT;
    return st;
}

/* --- opening --------------------------------------------------------------------------------- */

/* Without a genesis: a node's directory that lost it, or none at all? */
static bool has_journal(struct audit *a)
{
    char path[OS_PATH_MAX];
    struct os_file *file = NULL;
    struct os *os = a->config->os;
    if (os_path_join(path, a->config->dir, "journal") != ST_OK) return false;
    if (os->file_open(os, &file, path, OS_READ) != ST_OK) return false;
    os->file_close(os, file);
    return true;
}

static enum status open_genesis(struct audit *a, char *what)
{
    const struct damage place = {.file = "genesis"};
    enum status st = node_genesis_read(a->config->os, a->config->dir, &a->genesis_bytes);
    bool is_damaged = st == ST_LIMIT || (st == ST_NOT_FOUND && has_journal(a));
    if (st == ST_OK) {
        st = genesis_decode(&a->genesis, &a->arena, buf_span(&a->genesis_bytes));
        is_damaged = st != ST_OK && st != ST_NO_MEMORY;
    }
    if (is_damaged) {
        audit_found(a, &place, 0, "the genesis cannot be used, so nothing can be proved: %s",
                    status_text(st));
        return ST_CORRUPT;
    }
    if (st != ST_OK) {
        (void)snprintf(what, 160, "the file genesis cannot be used: %s", status_text(st));
        return st;
    }
    a->chain_id = genesis_chain_id(buf_span(&a->genesis_bytes));
    a->report->chain_id = a->chain_id;
    return ST_OK;
}

/* DIR/setup.height: written by `trustsql bench`, so that its own preparations count apart. */
static enum status read_setup_height(struct audit *a)
{
    char path[OS_PATH_MAX];
    struct buf text;
    TRY(os_path_join(path, a->config->dir, "setup.height"));
    buf_init(&text, a->config->mem, 0);
    enum status st = os_read_file(a->config->os, path, SETUP_FILE_SIZE_MAX, &text);
    buf_put_u8(&text, 0);
    if (st == ST_OK && buf_status(&text) == ST_OK)
        a->setup_height = strtoull((const char *)text.data, NULL, 10);
    buf_fini(&text);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status open_replay(struct audit *a, char *what)
{
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, a->config->scratch, "replay.db"));
    struct exec_config exec = {.os = a->config->os,
                               .mem = a->config->mem,
                               .path = path,
                               .genesis = buf_span(&a->genesis_bytes)};
    TRY(exec_open(&a->exec, &exec, what));
    char rows_path[OS_PATH_MAX];
    TRY(os_path_join(rows_path, a->config->scratch, ROWS_DIR));
    const struct rows_config rows = {.os = a->config->os, .mem = a->config->mem, .dir = rows_path};
    TRY(rows_open(&a->rows, &rows));
    TRY(exec_attach_rows(a->exec, a->rows, &exec, NULL));
    a->report->digest = exec_digest(a->exec);
    return audit_epoch_take(a);
}

/* Where cold segments lie. A directory without node.conf has them where they are by default. */
static enum status read_settings(struct audit *a, char *what)
{
    char reason[160] = "";
    enum status st = node_config_read(&a->settings, a->config->os, a->config->dir, reason);
    if (st == ST_NOT_FOUND) return ST_OK;
    if (st != ST_OK) (void)snprintf(what, 160, "node.conf: %.140s", reason);
    return st;
}

static enum status open_audit(struct audit *a, char *what)
{
    const struct audit_config *config = a->config;
    uint8_t seed[32];
    struct damage damage = {0};
    TRY(mutex_new(&a->mutex, config->mem));
    config->os->entropy(config->os, seed, sizeof seed);
    TRY(signer_new(&a->signer, seed));
    TRY(open_genesis(a, what));
    TRY(read_settings(a, what));
    TRY(read_setup_height(a));
    uint64_t key = 0;
    config->os->entropy(config->os, &key, sizeof key);
    TRY(txset_new(&a->span, config->mem, key));
    struct store_config store = {.os = config->os,
                                 .mem = config->mem,
                                 .dir = config->dir,
                                 .chain_id = a->chain_id,
                                 .cold_dir = a->settings.store_cold,
                                 .is_read_only = true};
    enum status st = store_open(&a->store, &store, &damage);
    if (st != ST_OK && st != ST_CORRUPT) return st; /* Damage is told in full by the scan. */
    TRY(open_replay(a, what));
    TRY(audit_signatures_new(&a->signatures, a));
    TRY(audit_state_new(&a->state, a));
    TRY(audit_rows_new(&a->stored_rows, a));
    TRY(audit_rows_compare(a->stored_rows, 0));
    return audit_state_compare(a->state, 0);
}

static void close_audit(struct audit *a)
{
    audit_signatures_finish(a->signatures);
    audit_state_free(a->state);
    audit_rows_free(a->stored_rows);
    exec_close(a->exec);
    rows_close(a->rows);
    store_close(a->store);
    txset_free(a->span);
    signer_free(a->signer);
    arena_fini(&a->arena);
    buf_fini(&a->genesis_bytes);
    mutex_free(a->mutex);
}

/* --- the newest blocks: what certifies them may still stand in the journal alone ---------------
 */

static bool read_record(struct audit *a, struct consensus_record *out)
{
    struct buf bytes;
    buf_init(&bytes, a->config->mem, 0);
    enum status st = store_journal_read(a->store, CONSENSUS_SLOT_PROMISE, &bytes);
    if (st == ST_OK) st = consensus_record_decode(out, buf_span(&bytes));
    buf_fini(&bytes);
    return st == ST_OK;
}

static uint64_t known_final(struct audit *a)
{
    uint64_t height = 0;
    struct consensus_record *record = mem_alloc_zero(a->config->mem, 1, sizeof *record);
    if (record != NULL && a->store != NULL && read_record(a, record)) height = record->final_height;
    mem_free(a->config->mem, record);
    return height;
}

static void check_commit(struct audit *a, const struct consensus_record *r)
{
    const struct damage place = {.file = "journal"};
    if (!r->has_final_cert || r->final_height <= a->certified_height) return;
    const struct certificate *c = &r->final_cert;
    const uint64_t newest = a->report->height;
    a->report->certificates += c->entry_count;
    bool is_recent = r->final_height <= newest && newest - r->final_height < CONSENSUS_LAG_MAX;
    const struct hash *hash = is_recent ? &a->hashes[r->final_height % CONSENSUS_LAG_MAX] : NULL;
    const struct validators *v = audit_epoch_validators(a, c->statement.epoch);
    if (v == NULL || quorum_check_commit(v, c, a->signer, &a->chain_id) != ST_OK)
        audit_found(a, &place, r->final_height, "the newest commit certificate is wrong");
    else if (r->final_height > newest)
        return; /* The scan has told. */
    else if (hash != NULL && !hash_equal(hash, &c->statement.hash))
        audit_found(a, &place, r->final_height, "the commit certificate is for another block");
    else
        a->certified_height = r->final_height;
}

/* After a crash the certificates of the last blocks may be lost. Then the node's own promise names
 * them: a block that it does not name was never final here. */
static void check_rest(struct audit *a, const struct consensus_record *r)
{
    if (r->final_height > a->report->height) return; /* The scan has told. */
    for (uint64_t h = a->certified_height + 1; h <= a->report->height; h++) {
        const struct damage place = {.file = "journal"};
        uint64_t index = h - r->final_height - 1;
        bool is_named = h > r->final_height && index < r->chain_count &&
                        hash_equal(&r->chain[index], &a->hashes[h % CONSENSUS_LAG_MAX]);
        if (is_named) continue;
        a->report->uncertified = a->report->height - h + 1;
        /* Catch-up settles a round of blocks before the record names their certificate. */
        if (a->validators.count > 1 && a->report->uncertified <= CONSENSUS_LAG_MAX) return;
        audit_found(a, &place, h,
                    "there is no certificate of the newest block, and no vote for it");
        return;
    }
}

static void check_certified_result(struct audit *a, const struct consensus_record *r)
{
    const struct damage place = {.file = "journal"};
    if (r->has_res_cert) {
        const struct certificate *c = &r->res_cert;
        const uint64_t newest = a->report->height;
        const uint64_t height = c->statement.height;
        bool is_recent = height > 0 && height <= newest && newest - height < CONSENSUS_LAG_MAX;
        const struct hash *digest = &a->digests[height % CONSENSUS_LAG_MAX];
        a->report->certificates += c->entry_count;
        const struct validators *v = audit_epoch_validators(a, c->statement.epoch);
        if (v == NULL || quorum_check_result(v, c, a->signer, &a->chain_id) != ST_OK)
            audit_found(a, &place, height, "the certificate of the newest result is wrong");
        else if (is_recent && !hash_equal(digest, &c->statement.hash))
            audit_found(a, &place, height, "the certified result is not what the replay gives");
        else if (is_recent && height > a->result_height)
            a->result_height = height;
    }
    a->report->is_certified = a->result_height == a->report->height;
}

/* Its blocks came from others, and it was stopped before it had a word of its own (joining.h). */
static bool has_said_nothing(struct audit *a)
{
    struct buf bytes;
    if (store_journal_is_lost(a->store)) return false;
    buf_init(&bytes, a->config->mem, 0);
    enum status st = store_journal_read(a->store, CONSENSUS_SLOT_PROMISE, &bytes);
    buf_fini(&bytes);
    return st == ST_NOT_FOUND;
}

static void check_newest(struct audit *a)
{
    a->report->is_certified = a->report->height == 0; /* The genesis speaks for itself. */
    if (a->is_broken || a->report->height == 0) return;
    if (a->config->is_restored) {
        a->report->uncertified = a->report->height - a->certified_height;
        return;
    }
    if (a->store == NULL) return;
    if (has_said_nothing(a)) {
        a->report->uncertified = a->report->height - a->certified_height;
        return;
    }
    struct consensus_record *record = mem_alloc_zero(a->config->mem, 1, sizeof *record);
    if (record == NULL || !read_record(a, record)) {
        const struct damage place = {.file = "journal"};
        audit_found(a, &place, a->report->height, "the promises of this node cannot be read");
    } else {
        check_commit(a, record);
        check_rest(a, record);
        check_certified_result(a, record);
    }
    mem_free(a->config->mem, record);
}
