/* B1 a block goes in, and comes out, only behind the block that its header names as its parent.
 * B2 a directory that was restored has a journal only when it is the one validator that there ever
 *    was; else the store finds blocks without a journal, which it takes for a lost one (S11): the
 *    node follows the others, and promises nothing under its old key. */
#include "node/backup.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/endian.h"
#include "base/hex.h"
#include "base/must.h"
#include "consensus/consensus.h"
#include "consensus/record.h"
#include "ledger/block.h"
#include "ledger/genesis.h"
#include "ledger/tx.h"
#include "node/archive.h"
#include "node/keyed.h"
#include "node/node.h"
#include "store/store.h"

#define FILE_SIZE_MAX (64u << 20)
#define NOTE_SIZE_MAX (OS_PATH_MAX + 512u)
#define TRIES         3u /* A running node moves its segments now and then. */
#define NOTE_NAME     "backup"
#define PROGRESS_STEP 256u
#define LOST_KEYED_MS (2 * KEYED_VALID_MS)

/* In this order. */
static const char *const names[] = {"genesis",     "node.conf", "card",
                                    "node.key",    "next.key",  "former.key",
                                    "custody.key", "custody",   "setup.height"};

struct chain { /* What the blocks must be. B1 */
    struct hash chain_id;
    uint64_t height;
    struct hash newest;
    uint64_t epoch; /* Of the newest, as its view. */
    uint64_t view;
    bool has_epochs;                      /* More than one. */
    struct hash recent[CONSENSUS_WINDOW]; /* The newest hashes, each at its height's remainder. */
};

struct making {
    const struct backup_config *config;
    struct archive_writer archive;
    struct chain chain;
    struct damage damage; /* The first that cannot be the end of what a running node writes. */
    uint64_t damage_height;
    enum status status; /* Of the archive. */
};

static enum status say(char *what, enum status st, const char *subject)
{
    (void)snprintf(what, BACKUP_WHAT_MAX, "%.200s: %s", subject, status_text(st));
    return st;
}

/* ST_CORRUPT: it does not follow. */
static enum status follow(struct chain *c, uint64_t height, struct span block)
{
    struct header header;
    struct span head;
    struct span body;
    if (block_split(block, &head, &body) != ST_OK) return ST_CORRUPT;
    struct cbor in = cbor_of(head);
    header_decode(&header, &in);
    if (cbor_end(&in) != ST_OK) return ST_CORRUPT;
    if (header.height != height || height != c->height + 1) return ST_CORRUPT;
    if (!hash_equal(&header.chain_id, &c->chain_id)) return ST_CORRUPT;
    if (!hash_equal(&header.parent, &c->newest)) return ST_CORRUPT; /* B1 */
    c->has_epochs = c->has_epochs || (height > 1 && header.epoch != c->epoch);
    c->epoch = header.epoch;
    c->view = header.view;
    c->newest = header_hash(&header);
    c->recent[height % CONSENSUS_WINDOW] = c->newest;
    c->height = height;
    return ST_OK;
}

static void tell(const struct backup_config *config, uint64_t height)
{
    if (config->progress != NULL && height % PROGRESS_STEP == 0)
        config->progress(config->context, height);
}

/* --- making --------------------------------------------------------------------------------------
 */

static enum status put_about(struct making *m, uint64_t time_ms)
{
    uint8_t bytes[HASH_SIZE + 8];
    memcpy(bytes, m->chain.chain_id.bytes, HASH_SIZE);
    put_u64_le(bytes + HASH_SIZE, time_ms);
    const struct archive_item item = {.kind = ARCHIVE_ABOUT, .bytes = span_of(bytes, sizeof bytes)};
    return archive_put(&m->archive, &item);
}

static enum status put_end(struct making *m)
{
    uint8_t bytes[8 + HASH_SIZE];
    put_u64_le(bytes, m->chain.height);
    memcpy(bytes + 8, m->chain.newest.bytes, HASH_SIZE);
    const struct archive_item item = {.kind = ARCHIVE_END, .bytes = span_of(bytes, sizeof bytes)};
    return archive_put(&m->archive, &item);
}

static enum status read_named(const struct backup_config *config, const char *name, struct buf *out)
{
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, config->dir, name));
    return os_read_file(config->os, path, FILE_SIZE_MAX, out);
}

static enum status put_file(struct making *m, const char *name, uint64_t *count, char *what)
{
    struct archive_item item = {.kind = ARCHIVE_FILE};
    struct buf bytes;
    buf_init(&bytes, m->config->mem, FILE_SIZE_MAX);
    enum status st = read_named(m->config, name, &bytes);
    const bool is_needed = strcmp(name, "genesis") == 0 || strcmp(name, "node.key") == 0;
    if (st == ST_OK) {
        (void)snprintf(item.name, sizeof item.name, "%s", name);
        item.bytes = buf_span(&bytes);
        st = archive_put(&m->archive, &item);
        *count += 1;
    } else if (st == ST_NOT_FOUND && !is_needed) {
        st = ST_OK;
    }
    if (st != ST_OK) (void)say(what, st, name);
    if (bytes.data != NULL) mem_wipe(bytes.data, bytes.capacity);
    buf_fini(&bytes);
    return st;
}

static enum status on_block(void *context,
                            uint64_t height,
                            struct span block,
                            const struct damage *place)
{
    struct making *m = context;
    const struct archive_item item = {.kind = ARCHIVE_BLOCK, .bytes = block};
    if (m->damage_height != 0) return ST_OK; /* Nothing behind it. */
    if (follow(&m->chain, height, block) != ST_OK) {
        m->damage = *place;
        m->damage_height = height;
        (void)snprintf(m->damage.what, sizeof m->damage.what,
                       "the block does not follow the one before");
        return ST_OK;
    }
    m->status = archive_put(&m->archive, &item);
    tell(m->config, height);
    return m->status;
}

/* The end of the newest segment and the journal change under us while the node runs; blocks that
 * others follow do not. */
static void on_damage(void *context, const struct damage *damage)
{
    struct making *m = context;
    if (strncmp(damage->file, "blocks/", 7) != 0 || m->damage_height != 0) return;
    m->damage = *damage;
    m->damage_height = damage->height == 0 ? m->chain.height + 1 : damage->height;
}

static bool is_index(const struct damage *d)
{
    const size_t size = strlen(d->file);
    return size > 4 && strcmp(d->file + size - 4, ".idx") == 0;
}

/* Is there anything behind the damage? Then it is not the end. */
static enum status put_blocks(struct making *m, char *what)
{
    struct node_config settings;
    char ignored[NODE_WHAT_MAX] = "";
    if (node_config_read(&settings, m->config->os, m->config->dir, ignored) != ST_OK)
        settings.store_cold[0] = 0; /* Then they are where they are by default. */
    const struct store_config store = {.os = m->config->os,
                                       .mem = m->config->mem,
                                       .dir = m->config->dir,
                                       .cold_dir =
                                           settings.store_cold[0] == 0 ? NULL : settings.store_cold,
                                       .chain_id = m->chain.chain_id,
                                       .is_read_only = true};
    const struct store_scan scan = {.visit = on_block, .found = on_damage, .context = m};
    enum status st = store_scan(&store, &scan);
    if (m->status != ST_OK) return say(what, m->status, m->config->file);
    if (st != ST_OK && st != ST_CORRUPT) return say(what, st, "the blocks");
    if (m->damage_height == 0 || is_index(&m->damage)) return ST_OK;
    if (m->damage_height > m->chain.height && m->damage.height == m->chain.height + 1 &&
        strstr(m->damage.what, "follow") == NULL && strstr(m->damage.what, "missing") == NULL)
        return ST_OK; /* Being written. */
    (void)snprintf(what, BACKUP_WHAT_MAX,
                   "file %.60s offset %" PRIu64 " height %" PRIu64 ": %.140s", m->damage.file,
                   m->damage.offset, m->damage_height, m->damage.what);
    return ST_CORRUPT;
}

static enum status fill(struct making *m, struct backup_report *report, char *what)
{
    TRY(put_about(m, report->time_ms));
    report->files = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        TRY(put_file(m, names[i], &report->files, what));
    TRY(put_blocks(m, what));
    TRY(put_end(m));
    TRY(archive_finish(&m->archive, &report->digest, &report->size));
    report->height = m->chain.height;
    report->block = m->chain.newest;
    report->chain_id = m->chain.chain_id;
    return ST_OK;
}

static enum status try_once(const struct backup_config *config,
                            const struct hash *chain_id,
                            struct backup_report *report,
                            char *what)
{
    struct making *m = mem_alloc_zero(config->mem, 1, sizeof *m);
    if (m == NULL) return ST_NO_MEMORY;
    m->config = config;
    m->chain = (struct chain){.chain_id = *chain_id, .newest = *chain_id};
    enum status st =
        archive_create(&m->archive, config->os, config->mem, config->file, config->passphrase);
    const bool is_made = st == ST_OK;
    if (!is_made) (void)say(what, st, config->file);
    if (is_made) st = fill(m, report, what);
    archive_abandon(&m->archive);
    if (is_made && st != ST_OK) {
        if (what[0] == 0) (void)say(what, st, config->file);
        enum status removed = config->os->remove(config->os, config->file);
        (void)removed; /* It is useless without its end. */
    }
    mem_free(config->mem, m);
    return st;
}

static void note(const struct backup_config *config, const struct backup_report *report)
{
    char path[OS_PATH_MAX];
    char digest[2 * HASH_SIZE + 1];
    struct buf text;
    hex_encode(digest, hash_span(&report->digest));
    buf_init(&text, config->mem, NOTE_SIZE_MAX);
    buf_printf(&text,
               "time_ms %" PRIu64 "\nheight %" PRIu64 "\nsize %" PRIu64 "\ndigest %s\nfile %s\n",
               report->time_ms, report->height, report->size, digest, config->file);
    if (buf_status(&text) == ST_OK && os_path_join(path, config->dir, NOTE_NAME) == ST_OK) {
        enum status st = os_replace_file(config->os, path, buf_span(&text));
        (void)st; /* The backup is there all the same; the doctor will not know of it. */
    }
    buf_fini(&text);
}

enum status backup_make(const struct backup_config *config,
                        struct backup_report *report,
                        char *what)
{
    struct buf genesis;
    what[0] = 0;
    *report = (struct backup_report){.time_ms = config->os->wall_ms(config->os)};
    buf_init(&genesis, config->mem, 0);
    enum status st = node_genesis_read(config->os, config->dir, &genesis);
    if (st != ST_OK) (void)say(what, st, "the directory has no genesis that can be read");
    const struct hash chain_id = genesis_chain_id(buf_span(&genesis));
    buf_fini(&genesis);
    TRY(st);
    st = ST_CORRUPT;
    for (uint32_t i = 0; i < TRIES && st == ST_CORRUPT; i++) {
        what[0] = 0;
        st = try_once(config, &chain_id, report, what);
    }
    if (st == ST_OK) note(config, report);
    return st;
}

/* --- reading -------------------------------------------------------------------------------------
 */

struct reading {
    const struct backup_config *config;
    struct backup_report *report;
    struct archive_reader archive;
    struct chain chain;
    bool has_about;
    bool has_end;
    bool is_restoring;
    uint32_t members; /* Of the genesis. */
    struct store *store;
    struct arena arena;
    bool has_cert;
    struct certificate cert; /* The newest commit certificate in a block. */
};

static enum status take_about(struct reading *r, struct span bytes)
{
    if (r->has_about || bytes.size != HASH_SIZE + 8) return ST_INVALID;
    memcpy(r->chain.chain_id.bytes, bytes.data, HASH_SIZE);
    r->chain.newest = r->chain.chain_id; /* The parent of the first block. */
    r->report->chain_id = r->chain.chain_id;
    r->report->time_ms = get_u64_le(bytes.data + HASH_SIZE);
    r->has_about = true;
    return ST_OK;
}

static enum status check_genesis(struct reading *r, struct span bytes)
{
    const struct hash chain_id = genesis_chain_id(bytes);
    struct genesis genesis;
    if (!hash_equal(&chain_id, &r->chain.chain_id)) return ST_INVALID;
    arena_reset(&r->arena);
    TRY(genesis_decode(&genesis, &r->arena, bytes));
    r->members = genesis.member_count;
    return ST_OK;
}

/* Files have the names that a backup gives them, and no others. */
static enum status take_file(struct reading *r, const struct archive_item *item)
{
    char path[OS_PATH_MAX];
    bool is_known = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        is_known = is_known || strcmp(names[i], item->name) == 0;
    if (!is_known || r->chain.height > 0) return ST_INVALID;
    if (strcmp(item->name, "genesis") == 0) TRY(check_genesis(r, item->bytes));
    r->report->files++;
    if (!r->is_restoring) return ST_OK;
    TRY(os_path_join(path, r->config->dir, item->name));
    return os_replace_file(r->config->os, path, item->bytes);
}

static enum status open_store(struct reading *r)
{
    struct damage damage = {0};
    const struct store_config config = {.os = r->config->os,
                                        .mem = r->config->mem,
                                        .dir = r->config->dir,
                                        .chain_id = r->chain.chain_id};
    return r->store != NULL ? ST_OK : store_open(&r->store, &config, &damage);
}

static enum status append(struct reading *r, struct span bytes)
{
    struct span head;
    struct span rest;
    struct body body;
    arena_reset(&r->arena);
    TRY(open_store(r));
    TRY(block_split(bytes, &head, &rest));
    TRY(body_decode(&body, &r->arena, rest));
    r->has_cert = r->has_cert || body.has_final_cert;
    if (body.has_final_cert) r->cert = body.final_cert;
    struct hash *txids = arena_alloc(&r->arena, ((size_t)body.tx_count + 1) * sizeof *txids);
    if (txids == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < body.tx_count; i++) {
        struct tx tx;
        TRY(tx_decode(&tx, &r->arena, body.txs[i]));
        txids[i] = tx.txid;
    }
    const struct store_block block = {.height = r->chain.height,
                                      .hash = r->chain.newest,
                                      .bytes = bytes,
                                      .txids = txids,
                                      .tx_count = body.tx_count};
    TRY(store_append(r->store, &block));
    return store_wants_settle(r->store) ? store_settle(r->store) : ST_OK;
}

static enum status take_block(struct reading *r, struct span bytes)
{
    if (r->members == 0) return ST_INVALID; /* The genesis comes first. */
    TRY(follow(&r->chain, r->chain.height + 1, bytes));
    if (r->is_restoring) TRY(append(r, bytes));
    tell(r->config, r->chain.height);
    return ST_OK;
}

static enum status take_end(struct reading *r, struct span bytes)
{
    if (bytes.size != 8 + HASH_SIZE || get_u64_le(bytes.data) != r->chain.height) return ST_INVALID;
    if (memcmp(bytes.data + 8, r->chain.newest.bytes, HASH_SIZE) != 0) return ST_INVALID;
    r->has_end = true;
    r->report->height = r->chain.height;
    r->report->block = r->chain.newest;
    r->report->is_alone = r->members == 1 && !r->chain.has_epochs;
    return ST_OK;
}

static enum status take(struct reading *r, const struct archive_item *item)
{
    if (r->has_end || (!r->has_about && item->kind != ARCHIVE_ABOUT)) return ST_INVALID;
    switch (item->kind) {
    case ARCHIVE_ABOUT: return take_about(r, item->bytes);
    case ARCHIVE_FILE: return take_file(r, item);
    case ARCHIVE_BLOCK: return take_block(r, item->bytes);
    case ARCHIVE_END: return take_end(r, item->bytes);
    }
    return ST_INVALID;
}

static void explain(const struct reading *r, enum status st, char *what)
{
    const char *text = status_text(st);
    if (st == ST_DENIED)
        text = "wrong passphrase, or the file was changed";
    else if (st == ST_TRUNCATED)
        text = "the file ends too early";
    else if (st == ST_INVALID || st == ST_CORRUPT)
        text = "this is no backup, or not one that this program understands";
    (void)snprintf(what, BACKUP_WHAT_MAX, "%.160s: %s (read up to block %" PRIu64 ")",
                   r->config->file, text, r->chain.height);
}

static enum status read_all(struct reading *r, char *what)
{
    const struct backup_config *c = r->config;
    struct archive_item item;
    enum status st = archive_open(&r->archive, c->os, c->mem, c->file, c->passphrase);
    while (st == ST_OK) {
        st = archive_next(&r->archive, &item);
        if (st == ST_OK) st = take(r, &item);
    }
    archive_close(&r->archive);
    if (st == ST_NOT_FOUND && r->has_end)
        return archive_digest(c->os, c->file, &r->report->digest, &r->report->size);
    if (st == ST_NOT_FOUND && r->has_about) st = ST_TRUNCATED;
    explain(r, st, what);
    return st;
}

/* The one validator there ever was has promised what its blocks say, and goes on in a later view:
 * of what it did since, nobody else has seen a vote. */
static enum status write_promise(struct reading *r)
{
    const struct chain *c = &r->chain;
    struct buf bytes;
    if (c->height == 0 || !r->report->is_alone) return ST_OK;
    struct consensus_record *record = mem_alloc_zero(r->config->mem, 1, sizeof *record);
    if (record == NULL) return ST_NO_MEMORY;
    record->epoch = c->epoch;
    record->cur_view = c->view + 1;
    record->voted_view = c->view;
    record->has_proposed = true;
    record->proposer_view = c->view + 1;
    record->final_height = c->height;
    record->final_hash = c->newest;
    const uint64_t height = r->has_cert ? r->cert.statement.height : 0;
    if (height > 0 && c->height - height < CONSENSUS_WINDOW) {
        record->final_height = height;
        record->final_hash = r->cert.statement.hash;
        record->has_final_cert = true;
        record->final_cert = r->cert;
        for (uint64_t h = height + 1; h <= c->height; h++)
            record->chain[record->chain_count++] = c->recent[h % CONSENSUS_WINDOW];
    }
    buf_init(&bytes, r->config->mem, 0);
    consensus_record_encode(&bytes, record);
    enum status st = buf_status(&bytes);
    if (st == ST_OK) st = store_journal(r->store, CONSENSUS_SLOT_PROMISE, buf_span(&bytes));
    buf_fini(&bytes);
    mem_free(r->config->mem, record);
    return st;
}

static enum status settle(struct reading *r)
{
    enum status st = open_store(r);
    if (st == ST_OK) st = store_settle(r->store);
    if (st == ST_OK) st = write_promise(r);
    if (st == ST_OK) st = store_sync(r->store);
    store_close(r->store);
    r->store = NULL;
    return st;
}

/* B2, and nobody knows what was signed under keys since the backup. */
static enum status finish_directory(struct reading *r)
{
    const struct backup_config *c = r->config;
    struct os *os = c->os;
    char path[OS_PATH_MAX];
    char until[32];
    TRY(settle(r));
    int size = snprintf(until, sizeof until, "%" PRIu64 "\n", os->wall_ms(os) + LOST_KEYED_MS);
    must(size > 0);
    TRY(os_path_join(path, c->dir, "keyed"));
    TRY(os_replace_file(os, path, span_of(until, (size_t)size)));
    if (r->report->is_alone) return ST_OK;
    TRY(os_path_join(path, c->dir, "journal"));
    TRY(os->remove(os, path));
    return os->sync_dir(os, c->dir);
}

static enum status on_name(void *context, const char *name)
{
    (void)context;
    (void)name;
    return ST_EXISTS;
}

static enum status make_directory(const struct backup_config *c, char *what)
{
    enum status st = c->os->make_dir(c->os, c->dir);
    if (st == ST_EXISTS) st = c->os->list_dir(c->os, c->dir, on_name, NULL);
    if (st == ST_EXISTS)
        (void)snprintf(what, BACKUP_WHAT_MAX, "%.200s is not empty", c->dir);
    else if (st != ST_OK)
        (void)say(what, st, c->dir);
    return st;
}

static enum status read_backup(const struct backup_config *config,
                               struct backup_report *report,
                               bool is_restoring,
                               char *what)
{
    struct reading *r = mem_alloc_zero(config->mem, 1, sizeof *r);
    if (r == NULL) return ST_NO_MEMORY;
    *report = (struct backup_report){0};
    r->config = config;
    r->report = report;
    r->is_restoring = is_restoring;
    arena_init(&r->arena, config->mem, 0);
    enum status st = read_all(r, what);
    if (st == ST_OK && is_restoring) {
        st = finish_directory(r);
        if (st != ST_OK) (void)say(what, st, config->dir);
    }
    store_close(r->store);
    arena_fini(&r->arena);
    mem_free(config->mem, r);
    return st;
}

enum status backup_check(const struct backup_config *config,
                         struct backup_report *report,
                         char *what)
{
    what[0] = 0;
    return read_backup(config, report, false, what);
}

enum status backup_restore(const struct backup_config *config,
                           struct backup_report *report,
                           char *what)
{
    what[0] = 0;
    TRY(make_directory(config, what));
    return read_backup(config, report, true, what);
}

/* --- the note ------------------------------------------------------------------------------------
 */

static const char *value_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at == NULL ? "" : at + strlen(name);
}

static uint64_t number_of(const char *text, const char *name)
{
    const char *at = value_of(text, name);
    uint64_t value = 0;
    for (uint32_t i = 0; i < 18 && at[i] >= '0' && at[i] <= '9'; i++)
        value = value * 10 + (uint64_t)(at[i] - '0');
    return value;
}

enum status backup_noted(struct os *os, const char *dir, struct backup_report *report, char *path)
{
    char note_path[OS_PATH_MAX];
    struct buf text;
    TRY(os_path_join(note_path, dir, NOTE_NAME));
    buf_init(&text, mem_system(), NOTE_SIZE_MAX);
    enum status st = os_read_file(os, note_path, NOTE_SIZE_MAX - 1, &text);
    buf_put_u8(&text, 0);
    if (st == ST_OK) st = buf_status(&text);
    if (st == ST_OK) {
        const char *note = (const char *)text.data;
        const char *file = value_of(note, "\nfile ");
        const char *digest = value_of(note, "\ndigest ");
        const size_t size = strcspn(file, "\n");
        *report = (struct backup_report){.time_ms = number_of(note, "time_ms "),
                                         .height = number_of(note, "\nheight "),
                                         .size = number_of(note, "\nsize ")};
        const size_t digits = strcspn(digest, "\n");
        const bool is_good =
            size > 0 && size < OS_PATH_MAX &&
            hex_decode(report->digest.bytes, HASH_SIZE, span_of(digest, digits)) == ST_OK;
        if (is_good) {
            memcpy(path, file, size);
            path[size] = 0;
        } else {
            st = ST_CORRUPT;
        }
    }
    buf_fini(&text);
    return st;
}
