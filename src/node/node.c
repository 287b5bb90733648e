/* Opening goes from the disk up: genesis and keys, store, state, replica (which replays), backend.
 * Closing goes the other way. Any part that fails while running reports through node_failed and
 * ends the doors' loop; what was acknowledged is durable by then, so a restart loses nothing. */
#include "node/node.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/must.h"
#include "consensus/evidence.h"
#include "node/alarm.h"
#include "node/chain_tables.h"
#include "node/executor.h"
#include "node/heal.h"
#include "node/historian.h"
#include "node/joining.h"
#include "node/keyed.h"
#include "node/local.h"
#include "node/quarantine.h"
#include "node/readers.h"
#include "node/rescue.h"
#include "node/row_check.h"
#include "node/row_files.h"
#include "node/status.h"
#include "os/thread.h"
#include "store/store.h"

#define NODE_FINDS_MAX 4u

#define RESCUES_MAX    3u

struct node {
    struct os *os;
    struct mem *mem;
    char dir[OS_PATH_MAX];
    struct node_config config;
    struct signer *signer;
    struct buf genesis_bytes;
    struct arena genesis_arena;
    struct genesis genesis;
    struct hash chain_id;
    struct node_keys keys;
    struct custody *custody;
    struct store *store;
    struct rows *rows;
    struct exec *exec;
    struct historian *historian;
    struct keyed *keyed;
    struct loop *loop; /* The doors'. */
    struct loop_wake *wake;
    struct queue *outbox;
    struct replica *replica;
    struct readers *readers;
    struct local *local;
    struct node_status status;
    struct chain_tables_source tables;
    struct mutex *failure_mutex;
    enum status failure; /* First one. */
    char failure_what[NODE_WHAT_MAX];
    struct alarm *alarm;                    /* Null: no webhook. */
    struct heal_find finds[NODE_FINDS_MAX]; /* Of the opening. */
    bool was_made_again;                    /* The state, by the opening. */
    uint32_t find_count;
    atomic_bool is_stopping;
    bool is_stop_seen;
    void (*stopped)(void *context);
    void *stopped_context;
    void (*rekeyed)(void *context, const struct secret_key *key);
    void *rekeyed_context;
    bool may_join;    /* By snapshot: not tried in vain by this process. */
    bool has_new_key; /* For the doors; under failure_mutex, as the next two. */
    struct public_key new_key;
    struct secret_key new_secret;
};

static enum status open_identity(struct node *n, char *what);
static enum status open_data(struct node *n, const struct node_open *open, char *what);
static void warn_of_silence(const struct node *n, const struct node_open *open);
static enum status open_running(struct node *n, const struct node_open *open, char *what);
static void on_wake(void *context);
static void take_key(struct node *n);
static bool status_line(void *context, uint32_t index, const char **name, struct buf *value);
static void consensus_view(void *context, struct consensus_view *out);
static bool certified(void *context, struct certificate *out, uint64_t *executed);
static bool committed(void *context, struct certificate *out);
static enum status sign_reply(void *context, struct reply *reply);
static enum status epochs(void *context, uint64_t epoch, struct buf *out);
static enum status flush(void *context, uint64_t *height);
static enum status scrub(void *context, struct buf *report, const atomic_bool *is_cancelled);
static bool evidence_item(void *context,
                          uint32_t index,
                          struct evidence_view *out,
                          struct buf *bytes);

static void say(char *what, enum status st, const char *subject)
{
    (void)snprintf(what, NODE_WHAT_MAX, "%s: %s", subject, status_text(st));
}

enum status node_open(struct node **out, const struct node_open *open, char *what)
{
    struct node *n = mem_alloc_zero(open->mem, 1, sizeof *n);
    if (n == NULL) return ST_NO_MEMORY;
    n->os = open->os;
    n->mem = open->mem;
    buf_init(&n->genesis_bytes, n->mem, 0);
    arena_init(&n->genesis_arena, n->mem, 0);
    what[0] = 0;
    (void)snprintf(n->dir, sizeof n->dir, "%s", open->dir);
    enum status st = open_identity(n, what);
    if (st == ST_OK) st = open_data(n, open, what);
    if (st == ST_OK) st = open_running(n, open, what);
    if (st != ST_OK) {
        if (what[0] == 0) say(what, st, "the node could not be opened");
        node_close(n);
        return st;
    }
    warn_of_silence(n, open);
    *out = n;
    return ST_OK;
}

/* --- opening --------------------------------------------------------------------------------- */

/* In the genesis; member_count: it came later. */
static uint32_t member_index(const struct node *n)
{
    uint32_t i = 0;
    struct secret_key unused;
    while (i < n->genesis.member_count &&
           !node_keys_secret(&n->keys, &n->genesis.members[i].node_key, &unused))
        i++;
    mem_wipe(&unused, sizeof unused);
    return i;
}

static enum status open_identity(struct node *n, char *what)
{
    uint8_t seed[32];
    char reason[160] = "";
    n->os->entropy(n->os, seed, sizeof seed);
    TRY(signer_new(&n->signer, seed));
    enum status st = node_config_read(&n->config, n->os, n->dir, reason);
    if (st != ST_OK) {
        (void)snprintf(what, NODE_WHAT_MAX, "node.conf: %.200s", reason);
        return st;
    }
    st = node_genesis_read(n->os, n->dir, &n->genesis_bytes);
    if (st == ST_OK)
        st = genesis_decode(&n->genesis, &n->genesis_arena, buf_span(&n->genesis_bytes));
    if (st == ST_INVALID || st == ST_TRUNCATED || st == ST_LIMIT) st = ST_CORRUPT;
    if (st != ST_OK) {
        say(what, st, "the file genesis cannot be used");
        return st;
    }
    n->chain_id = genesis_chain_id(buf_span(&n->genesis_bytes));
    st = node_keys_read(&n->keys, n->os, n->dir, n->signer);
    if (st != ST_OK) {
        say(what, st, "the files node.key, next.key or former.key cannot be used");
        return st;
    }
    st = node_config_check(&n->config, &n->genesis, member_index(n), reason);
    if (st != ST_OK && st != ST_NOT_FOUND) {
        (void)snprintf(what, NODE_WHAT_MAX, "node.conf: %.200s", reason);
        return st;
    }
    return ST_OK;
}

/* Blocks are durable before they are executed, results before the state is saved: anything else is
 * not a crash. */
static enum status check_heights(struct node *n, char *what)
{
    const uint64_t state = exec_height(n->exec);
    const uint64_t blocks = store_height(n->store);
    const uint64_t results = store_result_height(n->store);
    if (state > blocks)
        (void)snprintf(what, NODE_WHAT_MAX,
                       "file state/main.db offset 0 height %llu: the state is ahead of the blocks, "
                       "which end at %llu: blocks or journal were cut or replaced by older ones",
                       (unsigned long long)state, (unsigned long long)blocks);
    else if (results < state)
        (void)snprintf(
            what, NODE_WHAT_MAX,
            "file results offset 0 height %llu: the results from here on are missing; remove "
            "state/ and results/, and the next start makes them again from the blocks",
            (unsigned long long)results + 1);
    return what[0] == 0 ? ST_OK : ST_CORRUPT;
}

/* From the first start on the file holds some height: an empty one is damage. */
static enum status save_genesis(struct node *n)
{
    uint64_t height = 0;
    if (store_height(n->store) > 0 || exec_height(n->exec) > 0) return ST_OK;
    return db_checkpoint(exec_db(n->exec), &height);
}

static void describe(char *out, const struct damage *damage)
{
    (void)snprintf(out, NODE_WHAT_MAX, "file %s offset %llu height %llu: %s", damage->file,
                   (unsigned long long)damage->offset, (unsigned long long)damage->height,
                   damage->what);
}

/* Told to the others once there is a replica. */
static void note_find(struct node *n,
                      enum incident_kind kind,
                      enum incident_state state,
                      const char *what)
{
    if (n->find_count == NODE_FINDS_MAX) return;
    struct heal_find *find = &n->finds[n->find_count++];
    *find = (struct heal_find){.kind = kind, .state = state, .time_ms = n->os->wall_ms(n->os)};
    (void)snprintf(find->place, sizeof find->place, "%.*s", (int)INCIDENT_PLACE_MAX, what);
}

/* The store is open: one copy of the journal was mended, or all is lost and others carry it. */
static void warn_of_damage(struct node *n,
                           const struct node_open *open,
                           const struct damage *damage)
{
    char text[NODE_WHAT_MAX];
    if (damage->file[0] == 0) return;
    describe(text, damage);
    if (open->warn != NULL) open->warn(text);
    const bool is_journal = strncmp(damage->file, "journal", strlen("journal")) == 0;
    const bool is_lost = is_journal && store_journal_is_lost(n->store);
    if (is_journal)
        note_find(n, INCIDENT_JOURNAL, is_lost ? INCIDENT_LOST : INCIDENT_REPAIRED, text);
    else if (damage->is_mended)
        note_find(n, INCIDENT_INDEX, INCIDENT_REPAIRED, text);
    else if (store_results_are_lost(n->store))
        note_find(n, INCIDENT_RESULT, INCIDENT_REPAIRED, text);
}

static void warn_of_silence(const struct node *n, const struct node_open *open)
{
    char text[NODE_WHAT_MAX];
    const char *why = replica_why_silent(n->replica);
    if (open->warn == NULL || why == NULL) return;
    (void)snprintf(text, sizeof text, "this node follows the others and does not vote: %s", why);
    open->warn(text);
}

static enum status open_exec(struct node *n, char *what)
{
    char path[OS_PATH_MAX];
    char reason[160] = "";
    TRY(os_path_join(path, n->dir, "state"));
    enum status st = n->os->make_dir(n->os, path);
    if (st != ST_OK && st != ST_EXISTS) return st;
    TRY(os_path_join(path, n->dir, "state/main.db"));
    struct exec_config exec = {.os = n->os,
                               .mem = n->mem,
                               .path = path,
                               .genesis = buf_span(&n->genesis_bytes),
                               .cache_bytes = (size_t)n->config.state_cache_mb << 20};
    st = exec_open(&n->exec, &exec, reason);
    if (st != ST_OK)
        (void)snprintf(what, NODE_WHAT_MAX, "state/main.db: %s (%s)", status_text(st), reason);
    return st;
}

/* From the first start on the file holds some height. */
static bool is_state_gone(struct node *n)
{
    char path[OS_PATH_MAX];
    struct os_file *file = NULL;
    uint64_t size = 0;
    if (store_height(n->store) == 0 || os_path_join(path, n->dir, "state/main.db") != ST_OK)
        return false;
    enum status st = n->os->file_open(n->os, &file, path, OS_READ);
    if (st == ST_OK) st = n->os->file_size(n->os, file, &size);
    n->os->file_close(n->os, file);
    return st == ST_NOT_FOUND || (st == ST_OK && size == 0);
}

/* A state that is not what was written is damage that the blocks put right, without anybody else.
 */
static enum status open_state(struct node *n,
                              const struct node_open *open,
                              bool was_due,
                              char *what)
{
    struct heal_find find;
    enum status st = heal_settle(n->os, n->dir, &find);
    if (find.place[0] != 0) n->was_made_again = true;
    if (find.place[0] != 0 && n->find_count < NODE_FINDS_MAX) n->finds[n->find_count++] = find;
    if (st != ST_OK) say(what, st, "the damaged state cannot be removed");
    TRY(st);
    const bool is_gone = find.place[0] == 0 && is_state_gone(n);
    st = open_exec(n, what);
    if (st == ST_OK && is_gone && !was_due)
        note_find(n, INCIDENT_STATE, INCIDENT_REPAIRED, "state/main.db: the file is missing");
    if (st != ST_CORRUPT) return st;
    if (open->warn != NULL) open->warn(what);
    if (open->warn != NULL) open->warn("the state is made again from the blocks");
    note_find(n, INCIDENT_STATE, INCIDENT_REPAIRED, what);
    n->was_made_again = true;
    what[0] = 0;
    st = heal_remove_state(n->os, n->dir);
    if (st != ST_OK) say(what, st, "the damaged state cannot be removed");
    TRY(st);
    return open_exec(n, what);
}

static enum status open_store(struct node *n, struct damage *damage, char *what)
{
    struct store_config store = {.os = n->os,
                                 .mem = n->mem,
                                 .dir = n->dir,
                                 .chain_id = n->chain_id,
                                 .cold_dir = n->config.store_cold,
                                 .hot_segments = n->config.store_hot_segments,
                                 .segment_size = n->config.segment_size,
                                 .can_mend = true, /* Whether there are peers shows later. */
                                 .has_peers = n->genesis.member_count > 1};
    enum status st = store_open(&n->store, &store, damage);
    if (st == ST_CORRUPT) {
        describe(what, damage);
    } else if (st == ST_LOCKED) {
        (void)snprintf(what, NODE_WHAT_MAX, "another process is using this directory");
    } else if (st != ST_OK) {
        say(what, st, "the blocks cannot be opened");
    }
    return st;
}

/* Derived from the blocks, as the state is: with others at hand both are made again. */
static enum status drop_lost_results(struct node *n, struct damage *damage, char *what)
{
    if (!store_results_are_lost(n->store)) return ST_OK;
    describe(what, damage);
    if (n->genesis.member_count == 1) return ST_CORRUPT;
    what[0] = 0;
    store_close(n->store);
    n->store = NULL;
    TRY(quarantine_clear(n->os, n->dir));
    struct damage again;
    return open_store(n, &again, what);
}

/* Null: no memory. */
static struct chain_config *present_config(struct node *n, struct arena *arena)
{
    struct exec_epoch now;
    struct chain_config *config = mem_alloc(n->mem, sizeof *config);
    if (config == NULL) return NULL;
    exec_epoch(n->exec, &now);
    if (chain_config_decode(config, arena, now.config) == ST_OK) return config;
    mem_free(n->mem, config);
    return NULL;
}

static enum status refuse_damage(struct node *n, char *what)
{
    struct store_gap gap;
    enum status st = store_gap(n->store, STORE_BLOCKS, &gap);
    if (st == ST_NOT_FOUND) return ST_OK;
    if (st == ST_OK) describe(what, &gap.place);
    return ST_CORRUPT;
}

/* Without a repair there is no start, so it is told as one. */
static void note_gap(struct node *n)
{
    char text[NODE_WHAT_MAX];
    struct store_gap gap;
    if (store_gap(n->store, STORE_BLOCKS, &gap) != ST_OK) return;
    describe(text, &gap.place);
    note_find(n, INCIDENT_BLOCK, INCIDENT_REPAIRED, text);
}

/* Blocks that are damaged come from the others, before anything is done with those that are not. */
static enum status rescue_blocks(struct node *n, const struct node_open *open, char *what)
{
    struct arena arena;
    if (!store_has_gap(n->store, STORE_BLOCKS)) return ST_OK;
    note_gap(n);
    arena_init(&arena, n->mem, 0);
    struct chain_config *nodes = present_config(n, &arena);
    struct rescue_config config = {.os = n->os,
                                   .mem = n->mem,
                                   .store = n->store,
                                   .chain_id = n->chain_id,
                                   .settings = &n->config,
                                   .keys = &n->keys,
                                   .nodes = nodes,
                                   .warn = open->warn};
    enum status st = nodes == NULL ? ST_NO_MEMORY : ST_OK;
    if (st == ST_OK && nodes->node_count > 1)
        st = rescue_run(&config, what);
    else if (st == ST_OK)
        st = refuse_damage(n, what);
    mem_free(n->mem, nodes);
    arena_fini(&arena);
    if (st != ST_OK || !store_is_broken(n->store)) return st;
    struct damage damage = {0};
    store_close(n->store);
    n->store = NULL;
    return open_store(n, &damage, what);
}

/* When the stored results are damaged, too, all that is derived is made again from the blocks. */
static enum status open_rows(struct node *n, const struct node_open *open, char *what)
{
    bool was_ahead = false;
    struct row_files_config config = {.os = n->os,
                                      .mem = n->mem,
                                      .dir = n->dir,
                                      .exec = n->exec,
                                      .store = n->store,
                                      .genesis = buf_span(&n->genesis_bytes),
                                      .warn = open->warn,
                                      .was_ahead = &was_ahead};
    enum status st = row_files_open(&n->rows, &config);
    if (was_ahead && n->find_count == 0 && !n->was_made_again) {
        static const char text[] = "state/main.db: an older copy was put in its place";
        if (open->warn != NULL) open->warn(text);
        note_find(n, INCIDENT_STATE, INCIDENT_REPAIRED, text);
    }
    if (st == ST_CORRUPT || st == ST_NOT_FOUND) {
        if (open->warn != NULL)
            open->warn("stored results are damaged: state and results are made again");
        exec_close(n->exec);
        n->exec = NULL;
        TRY(quarantine_clear(n->os, n->dir));
        note_find(n, INCIDENT_RESULT, INCIDENT_REPAIRED, "results: stored results are damaged");
        TRY(open_state(n, open, true, what));
        config.exec = n->exec;
        st = row_files_open(&n->rows, &config);
    }
    if (st != ST_OK) say(what, st, "the tree of rows cannot be opened");
    return st;
}

static enum status join_by_snapshot(struct node *n, const struct node_open *open, char *what);

/* State and page sums agree, yet a row is another than the tree says: both were exchanged. */
static enum status check_rows(struct node *n, const struct node_open *open, char *what)
{
    const struct row_check_config config = {.mem = n->mem, .exec = n->exec, .store = n->store};
    struct row_find find;
    if (n->was_made_again) return ST_OK;
    enum status st = row_check_start(&config, n->config.scrub_start_rows, &find);
    if (st != ST_CORRUPT) return st;
    if (open->warn != NULL) open->warn(find.place);
    if (open->warn != NULL) open->warn("the state is made again from the blocks");
    note_find(n, INCIDENT_ROW, INCIDENT_REPAIRED, find.place);
    struct heal_find *told = &n->finds[n->find_count - 1];
    if (told->kind == INCIDENT_ROW) {
        told->height = find.height;
        told->old_hash = find.expected;
        told->new_hash = find.found;
    }
    exec_close(n->exec);
    n->exec = NULL;
    rows_close(n->rows);
    n->rows = NULL;
    n->was_made_again = true;
    TRY(heal_remove_state(n->os, n->dir));
    TRY(open_state(n, open, true, what));
    TRY(join_by_snapshot(n, open, what));
    return open_rows(n, open, what);
}

/* The newest results were damaged and cut off: they are derived, as the state is. */
static enum status mend_results(struct node *n, const struct node_open *open, char *what)
{
    const uint64_t state = exec_height(n->exec);
    const uint64_t results = store_result_height(n->store);
    char text[NODE_WHAT_MAX];
    if (results >= state || state > store_height(n->store)) return ST_OK;
    (void)snprintf(text, sizeof text,
                   "results height %llu: the newest results are damaged or missing: state and "
                   "results are made again from the blocks",
                   (unsigned long long)results + 1);
    if (open->warn != NULL) open->warn(text);
    note_find(n, INCIDENT_RESULT, INCIDENT_REPAIRED, text);
    exec_close(n->exec);
    n->exec = NULL;
    TRY(heal_remove_state(n->os, n->dir));
    return open_state(n, open, true, what);
}

/* A state that came as a snapshot takes the place of the own. */
static enum status settle_joining(struct node *n, const struct node_open *open, char *what)
{
    bool is_done = false;
    enum status st = joining_settle(n->os, n->dir, &is_done);
    if (st != ST_OK) say(what, st, "the joined state cannot be put in its place");
    if (st == ST_OK && is_done && open->warn != NULL) open->warn("joined by snapshot");
    return st;
}

/* The blocks are here, and so many are not executed: the state was lost. */
static bool is_state_far_behind(const struct node *n)
{
    const uint64_t most = n->config.snapshot_blocks;
    const uint64_t state = exec_height(n->exec);
    return most > 0 && store_height(n->store) >= state + most;
}

static enum status run_joining(struct node *n, const struct node_open *open, char *what)
{
    struct exec_epoch now;
    const struct hash none = {{0}};
    exec_epoch(n->exec, &now);
    const struct joining_config config = {
        .os = n->os,
        .mem = n->mem,
        .dir = n->dir,
        .store = n->store,
        .signer = n->signer,
        .chain_id = n->chain_id,
        .settings = &n->config,
        .keys = &n->keys,
        .genesis = &n->genesis,
        /* With a higher state there are results that tell. */
        .genesis_digest = exec_height(n->exec) == 0 ? exec_digest(n->exec) : none,
        .config = now.config,
        .warn = open->warn,
    };
    return joining_run(&config, what);
}

/* Whoever asked for it, this attempt is the only one of the process when it is in vain. */
static enum status join_by_snapshot(struct node *n, const struct node_open *open, char *what)
{
    const bool is_asked = joining_is_due(n->os, n->dir);
    n->may_join = n->config.snapshot_blocks > 0;
    if (!is_asked && !(n->may_join && is_state_far_behind(n))) return ST_OK;
    if (!n->may_join) return joining_forget(n->os, n->dir);
    enum status st = run_joining(n, open, what);
    if (st == ST_NOT_FOUND) {
        if (open->warn != NULL) open->warn(what);
        what[0] = 0;
        n->may_join = false;
        return joining_forget(n->os, n->dir);
    }
    TRY(st);
    exec_close(n->exec);
    n->exec = NULL;
    TRY(settle_joining(n, open, what));
    return open_exec(n, what);
}

static enum status open_data(struct node *n, const struct node_open *open, char *what)
{
    struct damage damage = {0};
    TRY(open_store(n, &damage, what));
    warn_of_damage(n, open, &damage);
    TRY(drop_lost_results(n, &damage, what));

    bool was_due = false;
    enum status st = quarantine_settle(n->os, n->dir, &was_due);
    if (st != ST_OK) say(what, st, "the refuted state cannot be removed");
    TRY(st);
    if (was_due && open->warn != NULL)
        open->warn(
            "a certificate refuted the state of this node: it is made again from the blocks");
    /* Lost results took the state with them. */
    for (uint32_t i = 0; i < n->find_count; i++)
        was_due = was_due || n->finds[i].kind == INCIDENT_RESULT;
    TRY(settle_joining(n, open, what));
    TRY(open_state(n, open, was_due, what));
    TRY(rescue_blocks(n, open, what));
    TRY(join_by_snapshot(n, open, what));
    TRY(mend_results(n, open, what));
    TRY(check_heights(n, what));
    TRY(open_rows(n, open, what));
    TRY(check_rows(n, open, what));
    TRY(save_genesis(n));
    st = custody_open(&n->custody, n->os, n->mem, n->dir, n->signer);
    if (st != ST_OK) say(what, st, "the custody of keys cannot be opened");
    return st;
}

static void wake_doors(void *context)
{
    struct node *n = context;
    loop_wake_send(n->wake);
}

static void node_failed(void *context, enum status st, const char *what)
{
    struct node *n = context;
    mutex_lock(n->failure_mutex);
    if (n->failure == ST_OK) {
        n->failure = st == ST_OK ? ST_IO : st;
        if (st == ST_BUSY) /* It begins anew, to join by snapshot. */
            (void)snprintf(n->failure_what, NODE_WHAT_MAX, "%s", what);
        else
            (void)snprintf(n->failure_what, NODE_WHAT_MAX, "%s: %s", what, status_text(st));
        if (st != ST_BUSY) alarm_raise_text(n->alarm, n->failure_what);
    }
    mutex_unlock(n->failure_mutex);
    node_stop(n);
}

static void key_changed(void *context,
                        const struct public_key *key,
                        const struct secret_key *secret)
{
    struct node *n = context;
    mutex_lock(n->failure_mutex);
    n->new_key = *key;
    n->new_secret = *secret;
    n->has_new_key = true;
    mutex_unlock(n->failure_mutex);
    loop_wake_send(n->wake);
}

static void executed(void *context)
{
    const struct node *n = context;
    historian_wake(n->historian);
}

static enum status open_historian(struct node *n, const struct node_open *open, char *what)
{
    const struct historian_config config = {
        .os = n->os, .mem = n->mem, .store = n->store, .dir = n->dir, .warn = open->warn};
    enum status st = historian_new(&n->historian, &config);
    if (st != ST_OK) say(what, st, "the index of row versions cannot be opened");
    return st;
}

static enum status open_replica_once(struct node *n, const struct node_open *open, char *what)
{
    struct replica_config config = {
        .os = n->os,
        .mem = n->mem,
        .dir = n->dir,
        .settings = &n->config,
        .keys = &n->keys,
        .genesis = &n->genesis,
        .signer = n->signer,
        .release = open->release,
        .warn = open->warn,
        .alarm = n->alarm,
        .chain_id = n->chain_id,
        .genesis_bytes = buf_span(&n->genesis_bytes),
        .exec = n->exec,
        .store = n->store,
        .was_made_again = n->was_made_again,
        .keyed = n->keyed,
        .outbox = n->outbox,
        .may_join = n->may_join,
        .failed = node_failed,
        .executed = executed,
        .rekeyed = key_changed,
        .context = n,
    };
    char reason[160] = "";
    enum status st = replica_new(&n->replica, &config, open->progress, reason);
    if (st != ST_OK && reason[0] != 0)
        (void)snprintf(what, NODE_WHAT_MAX, "%s", reason);
    else if (st != ST_OK)
        say(what, st, "the replica could not be started");
    return st;
}

/* What replay reads may be damaged although the files could be opened. */
static enum status open_replica(struct node *n, const struct node_open *open, char *what)
{
    enum status st = open_replica_once(n, open, what);
    for (uint32_t i = 0; i < RESCUES_MAX && st == ST_CORRUPT; i++) {
        if (!store_has_gap(n->store, STORE_BLOCKS)) return st;
        what[0] = 0;
        TRY(rescue_blocks(n, open, what));
        st = open_replica_once(n, open, what);
    }
    return st;
}

/* The key that the newest epoch names becomes node.key. */
static void settle_keys(struct node *n, const struct node_open *open)
{
    struct arena arena;
    arena_init(&arena, n->mem, 0);
    struct chain_config *config = present_config(n, &arena);
    if (config != NULL) {
        enum status st = node_keys_settle(&n->keys, n->os, n->dir, config);
        if (st != ST_OK && open->warn != NULL)
            open->warn("next.key is in use and could not be renamed to node.key");
        if (node_keys_find(&n->keys, config) == n->keys.count && open->warn != NULL)
            open->warn("no key of this node is named by the newest epoch that it knows: it is no "
                       "node of the chain yet, or no more");
    }
    arena_fini(&arena);
    mem_free(n->mem, config);
}

static enum status open_alarm(struct node *n, const struct node_open *open)
{
    const struct alarm_config config = {.os = n->os,
                                        .mem = n->mem,
                                        .url = n->config.webhook,
                                        .chain_id = n->chain_id,
                                        .node = n->keys.publics[0],
                                        .warn = open->warn};
    return n->config.webhook[0] == 0 ? ST_OK : alarm_new(&n->alarm, &config);
}

static void tell_find(struct node *n, const struct heal_find *find)
{
    char text[INCIDENT_PLACE_MAX + 64];
    (void)snprintf(text, sizeof text, "stored data were damaged (%s): %s",
                   incident_state_text(find->state), find->place);
    alarm_raise_text(n->alarm, text);
    replica_note_find(n->replica, find);
}

static enum status open_running(struct node *n, const struct node_open *open, char *what)
{
    settle_keys(n, open);
    TRY(open_alarm(n, open));
    TRY(mutex_new(&n->failure_mutex, n->mem));
    TRY(loop_new(&n->loop, n->mem));
    TRY(loop_wake_new(&n->wake, n->loop, on_wake, n));
    TRY(queue_new(&n->outbox, n->mem, 2 * REPLICA_TICKETS_MAX, wake_doors, n));
    TRY(open_historian(n, open, what));
    enum status st = keyed_open(&n->keyed, n->os, n->mem, n->dir);
    if (st != ST_OK) say(what, st, "the file keyed cannot be read");
    TRY(st);
    TRY(open_replica(n, open, what));
    historian_wake(n->historian); /* What a start executed again, too. */
    for (uint32_t i = 0; i < n->find_count; i++)
        tell_find(n, &n->finds[i]);

    struct local_config local = {.os = n->os,
                                 .mem = n->mem,
                                 .loop = n->loop,
                                 .custody = n->custody,
                                 .exec = n->exec,
                                 .store = n->store,
                                 .keyed = n->keyed,
                                 .replica = n->replica,
                                 .chain_id = n->chain_id,
                                 .node_key = n->keys.publics[0],
                                 .signer = n->signer,
                                 .session = n->config.session,
                                 .invitations = {.os = n->os, .mem = n->mem, .dir = n->dir},
                                 .outbox = n->outbox};
    TRY(local_new(&n->local, &local));
    n->tables = (struct chain_tables_source){.mem = n->mem,
                                             .store = n->store,
                                             .exec = n->exec,
                                             .genesis = buf_span(&n->genesis_bytes),
                                             .status = status_line,
                                             .consensus = consensus_view,
                                             .evidence = evidence_item,
                                             .certified = certified,
                                             .committed = committed,
                                             .sign_reply = sign_reply,
                                             .epochs = epochs,
                                             .flush = flush,
                                             .scrub = scrub,
                                             .keyed = n->keyed,
                                             .custody = n->custody,
                                             .dir = n->dir,
                                             .historian = n->historian,
                                             .context = n};
    struct readers_config readers = {.os = n->os,
                                     .mem = n->mem,
                                     .exec = n->exec,
                                     .tables = &n->tables,
                                     .outbox = n->outbox,
                                     .thread_count = n->config.read_threads};
    TRY(readers_new(&n->readers, &readers));
    n->status = (struct node_status){.os = n->os,
                                     .chain_id = n->chain_id,
                                     .exec = n->exec,
                                     .replica = n->replica,
                                     .readers = n->readers,
                                     .historian = n->historian,
                                     .consensus = consensus_view,
                                     .context = n};
    local_attach(n->local, n->readers);
    return ST_OK;
}

void node_close(struct node *n)
{
    if (n == NULL) return;
    readers_free(n->readers);
    replica_free(n->replica);
    alarm_free(n->alarm);
    local_free(n->local);
    historian_free(n->historian);
    keyed_free(n->keyed);
    queue_free(n->outbox);
    if (n->wake != NULL) loop_wake_free(n->wake);
    if (n->loop != NULL) loop_free(n->loop);
    custody_close(n->custody);
    exec_close(n->exec);
    rows_close(n->rows);
    store_close(n->store);
    arena_fini(&n->genesis_arena);
    buf_fini(&n->genesis_bytes);
    mutex_free(n->failure_mutex);
    node_keys_wipe(&n->keys);
    signer_free(n->signer);
    mem_free(n->mem, n);
}

/* --- running --------------------------------------------------------------------------------- */

const struct node_config *node_settings(const struct node *n)
{
    return &n->config;
}

struct loop *node_loop(struct node *n)
{
    return n->loop;
}

struct backend *node_backend(struct node *n)
{
    return local_backend(n->local);
}

void node_view(struct node *n, struct replica_view *out)
{
    replica_view(n->replica, out);
}

void node_stop(struct node *n)
{
    atomic_store(&n->is_stopping, true);
    loop_wake_send(n->wake);
}

static void on_wake(void *context)
{
    struct node *n = context;
    take_key(n);
    local_drain(n->local);
    if (!atomic_load(&n->is_stopping)) return;
    if (!n->is_stop_seen) {
        n->is_stop_seen = true;
        if (n->stopped != NULL) n->stopped(n->stopped_context);
    }
    loop_stop(n->loop);
}

/* Another key is in use: tokens name it, and doors show it. */
static void take_key(struct node *n)
{
    mutex_lock(n->failure_mutex);
    bool has = n->has_new_key;
    struct public_key key = n->new_key;
    struct secret_key secret = n->new_secret;
    n->has_new_key = false;
    mem_wipe(&n->new_secret, sizeof n->new_secret);
    mutex_unlock(n->failure_mutex);
    if (has) {
        local_set_node_key(n->local, &key);
        if (n->rekeyed != NULL) n->rekeyed(n->rekeyed_context, &secret);
    }
    mem_wipe(&secret, sizeof secret);
}

/* After the loop: what is in flight is finished, what waits is refused, sessions are let go. */
static void settle(struct node *n)
{
    replica_stop_heal(n->replica);
    readers_stop(n->readers); /* First: a running read may ask for the status of the others. */
    replica_stop(n->replica);
    while (!local_is_idle(n->local))
        local_drain(n->local);
    readers_free(n->readers); /* Until now chunks were given back to it. */
    n->readers = NULL;
}

static enum status save(struct node *n, char *what)
{
    enum status st = store_settle(n->store);
    if (st == ST_OK) st = executor_save(n->exec, n->store, exec_height(n->exec));
    if (st != ST_OK) say(what, st, "the state could not be saved");
    return st;
}

void node_on_key(struct node *n,
                 void (*rekeyed)(void *context, const struct secret_key *key),
                 void *context)
{
    n->rekeyed = rekeyed;
    n->rekeyed_context = context;
}

enum status node_run(struct node *n, void (*stopped)(void *context), void *context, char *what)
{
    what[0] = 0;
    n->stopped = stopped;
    n->stopped_context = context;
    TRY(replica_start(n->replica));
    loop_run(n->loop);
    settle(n);
    if (n->failure != ST_OK) {
        (void)snprintf(what, NODE_WHAT_MAX, "%s", n->failure_what);
        return n->failure;
    }
    return save(n, what);
}

/* --- what tables show ------------------------------------------------------------------------- */

static bool status_line(void *context, uint32_t index, const char **name, struct buf *value)
{
    const struct node *n = context;
    return node_status_line(&n->status, index, name, value);
}

static void consensus_view(void *context, struct consensus_view *out)
{
    const struct node *n = context;
    replica_consensus(n->replica, out);
}

/* Who has only the genesis needs the way to the epoch of the evidence. False: no memory. */
static bool add_epochs(const struct node *n, struct buf *bytes)
{
    struct evidence e;
    struct buf chain;
    struct buf both;
    if (evidence_decode(&e, buf_span(bytes)) != ST_OK || e.epoch == 0) return true;
    buf_init(&chain, n->mem, 0);
    buf_init(&both, n->mem, 0);
    bool is_known = replica_epochs(n->replica, e.epoch, &chain) == ST_OK;
    if (is_known) epoch_case_encode(&both, buf_span(bytes), buf_span(&chain));
    if (is_known) buf_reset(bytes);
    if (is_known) buf_put(bytes, buf_span(&both));
    bool has_memory = buf_status(&both) == ST_OK && buf_status(bytes) == ST_OK;
    buf_fini(&both);
    buf_fini(&chain);
    return has_memory;
}

static bool evidence_item(void *context,
                          uint32_t index,
                          struct evidence_view *out,
                          struct buf *bytes)
{
    const struct node *n = context;
    return replica_evidence(n->replica, index, out, bytes) == ST_OK && add_epochs(n, bytes);
}

static bool committed(void *context, struct certificate *out)
{
    const struct node *n = context;
    return replica_committed(n->replica, out);
}

static bool certified(void *context, struct certificate *out, uint64_t *executed)
{
    const struct node *n = context;
    return replica_certified(n->replica, out, executed);
}

static enum status sign_reply(void *context, struct reply *reply)
{
    const struct node *n = context;
    return replica_sign_reply(n->replica, reply);
}

static enum status epochs(void *context, uint64_t epoch, struct buf *out)
{
    const struct node *n = context;
    return replica_epochs(n->replica, epoch, out);
}

static enum status flush(void *context, uint64_t *height)
{
    const struct node *n = context;
    return replica_flush(n->replica, height);
}

static enum status scrub(void *context, struct buf *report, const atomic_bool *is_cancelled)
{
    const struct node *n = context;
    bool was_clean = false;
    return replica_scrub(n->replica, report, &was_clean, is_cancelled);
}
