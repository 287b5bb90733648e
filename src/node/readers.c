/* R1 `running` counts the threads that hold a slot; at most config.thread_count.
 * R2 `busy` counts jobs submitted and not yet ended; readers_stop joins no thread before it is 0,
 *    because a running job may look at the other threads (trustsql.status).
 * R3 parked_ns of a reader is not 0 exactly while it waits for its client, under the mutex.
 * R4 `waiting` counts jobs that wait for a slot and have not yielded one: they come first. */
#include "node/readers.h"

#include "base/must.h"
#include "node/chain_tables.h"
#include "node/desks.h"
#include "node/functions.h"
#include "node/past.h"
#include "node/retention.h"
#include "os/thread.h"
#include "sql/system.h"

#define UNIX_TO_POSTGRES_MS   INT64_C(946684800000) /* PostgreSQL counts from 2000-01-01. */
#define READERS_STATEMENTS    64u /* Prepared statements kept by each connection. */
#define READERS_PROGRESS_STEP 1000

struct reader { /* One thread and its connection. */
    struct readers *readers;
    struct thread *thread;
    sqlite3 *connection;
    struct sql_context context;
    struct chain_tables_source tables; /* The readers', at this one's height. */
    struct node_functions functions;
    uint64_t height;      /* Of the job; 0: newest. */
    struct read_job *job; /* Running; null: none. */
    uint64_t steps;       /* Of the job, so far. */
    uint64_t parked_ns;   /* R3. */
    bool has_slot;
    bool is_long;
    bool is_busy;           /* It has a job. */
    uint64_t begun_ns;      /* When the job began. */
    atomic_bool is_evicted; /* To give way. */
    struct hasher *hash;    /* Null, or what the rows go into. */
    uint64_t row_count;     /* Of the job, that went into it. */
    uint64_t row_bytes;
    struct diag diag;
    struct retention retention; /* Of a job that reads the past. */
    struct past *past; /* Of the newest statement that read an old height; null: none is kept. */
    sqlite3_stmt *statements[READERS_STATEMENTS]; /* Direct-mapped by text. */
};

struct readers {
    struct readers_config config;
    struct queue *inbox;
    struct mutex *mutex;
    struct cond *released;   /* A chunk was given back, or a parked job is to end. */
    struct cond *slot_free;  /* For those that R4 counts. */
    struct cond *slot_spare; /* For those that have yielded one: nobody else waits. */
    struct cond *idle;
    struct reader threads[READERS_JOBS_MAX];
    uint32_t thread_count;
    uint32_t running;    /* R1. */
    uint32_t waiting;    /* R4. */
    uint32_t long_count; /* Running without a slot. */
    uint32_t busy;       /* R2. */
    atomic_bool is_closing;
};

static void run(void *context);
static void explain_code(struct reader *reader, sqlite3 *connection, int code);
static void close_reader(struct reader *reader);
static enum status run_statement(struct reader *reader, sqlite3_stmt *stmt, sqlite3 *connection);

/* --- slots: under the mutex
 * ----------------------------------------------------------------------- */

static void take_slot(struct reader *reader)
{
    struct readers *r = reader->readers;
    must(!reader->has_slot);
    r->waiting++;
    while (r->running >= r->config.thread_count)
        cond_wait(r->slot_free, r->mutex);
    r->waiting--;
    r->running++;
    reader->has_slot = true;
    if (r->waiting == 0 && r->running < r->config.thread_count) cond_signal(r->slot_spare);
}

static void give_slot(struct reader *reader)
{
    struct readers *r = reader->readers;
    if (!reader->has_slot) return;
    must(r->running > 0);
    r->running--;
    reader->has_slot = false;
    cond_signal(r->waiting > 0 ? r->slot_free : r->slot_spare);
}

static bool gives_way(const struct reader *reader)
{
    return atomic_load(&reader->is_evicted) || atomic_load(&reader->job->is_cancelled) ||
           atomic_load(&reader->readers->is_closing);
}

/* One that goes on for a while lets those pass that have only come. */
static void yield_slot(struct reader *reader)
{
    struct readers *r = reader->readers;
    mutex_lock(r->mutex);
    if (r->waiting > 0) {
        give_slot(reader);
        while ((r->waiting > 0 || r->running >= r->config.thread_count) && !gives_way(reader))
            cond_wait(r->slot_spare, r->mutex);
        if (!gives_way(reader)) {
            r->running++;
            reader->has_slot = true;
        } else {
            cond_signal(r->slot_spare); /* It may have been woken in the place of another. */
        }
    }
    mutex_unlock(r->mutex);
}

/* A read that lasts lets shorter ones pass. */
static void note_long(struct reader *reader)
{
    struct readers *r = reader->readers;
    mutex_lock(r->mutex);
    if (r->long_count < READERS_LONG_MAX) {
        r->long_count++;
        reader->is_long = true;
        give_slot(reader);
    }
    mutex_unlock(r->mutex);
}

/* For functions that know that they will last. */
static void note_lasting(void *context)
{
    struct reader *reader = context;
    if (reader->has_slot) note_long(reader);
}

static bool has_to_wait(const struct reader *reader, const struct read_job *job)
{
    return job->chunks_out >= READERS_CHUNKS_OUT && !atomic_load(&reader->is_evicted) &&
           !atomic_load(&job->is_cancelled) && !atomic_load(&reader->readers->is_closing);
}

static void wait_for_client(struct reader *reader, const struct read_job *job)
{
    struct readers *r = reader->readers;
    struct os *os = r->config.os;
    bool had_slot = reader->has_slot;
    give_slot(reader);
    reader->parked_ns = os->monotonic_ns(os) + 1;
    while (has_to_wait(reader, job))
        cond_wait(r->released, r->mutex);
    reader->parked_ns = 0;
    if (had_slot) take_slot(reader);
}

/* Since when it has been in the way of others; 0: it is not. */
static uint64_t in_the_way_ns(const struct reader *reader, bool is_parked)
{
    if (is_parked) return reader->parked_ns;
    return reader->is_busy && reader->parked_ns == 0 ? reader->begun_ns : 0;
}

static struct reader *find_slowest(struct readers *r, bool is_parked)
{
    struct os *os = r->config.os;
    const uint64_t now = os->monotonic_ns(os) + 1;
    struct reader *slowest = NULL;
    for (uint32_t i = 0; i < r->thread_count; i++) {
        struct reader *reader = &r->threads[i];
        const uint64_t since = in_the_way_ns(reader, is_parked);
        if (since == 0 || atomic_load(&reader->is_evicted)) continue;
        if (now - since < READERS_PATIENCE_MS * UINT64_C(1000000)) continue;
        if (slowest == NULL || since < in_the_way_ns(slowest, is_parked)) slowest = reader;
    }
    return slowest;
}

/* All connections are taken: the client that is slow for longest gives way, else the job that
 * computes for longest. */
static void evict(struct readers *r)
{
    struct reader *slowest = find_slowest(r, true);
    if (slowest == NULL) slowest = find_slowest(r, false);
    if (slowest == NULL) return;
    atomic_store(&slowest->is_evicted, true);
    cond_broadcast(r->released);
    cond_broadcast(r->slot_spare);
}

static int on_progress(void *context)
{
    struct reader *reader = context;
    struct read_job *job = reader->job;
    if (job == NULL) return 0;
    if (gives_way(reader)) return 1;
    if (reader->context.fuel < READERS_PROGRESS_STEP) {
        reader->context.fuel = 0;
        return 1;
    }
    reader->context.fuel -= READERS_PROGRESS_STEP;
    reader->steps += READERS_PROGRESS_STEP;
    if (!reader->has_slot) return 0;
    if (reader->steps % READERS_LONG_STEPS == 0)
        note_long(reader);
    else if (reader->steps % READERS_YIELD_STEPS == 0)
        yield_slot(reader);
    return 0;
}

static enum status open_reader(struct readers *r, struct reader *reader)
{
    reader->readers = r;
    reader->context.ledger = span_text("main");
    reader->context.diag = &reader->diag;
    TRY(db_reader_open(exec_db(r->config.exec), &reader->connection));
    TRY(sql_functions_register(reader->connection, &reader->context));
    TRY(sql_system_register(reader->connection, &reader->context, r->config.mem));
    reader->tables = *r->config.tables;
    reader->tables.height = &reader->height;
    reader->tables.reader = &reader->functions;
    TRY(chain_tables_register(reader->connection, &reader->tables));
    reader->functions = (struct node_functions){.source = &reader->tables,
                                                .connection = reader->connection,
                                                .sql = &reader->context,
                                                .lasts = note_lasting,
                                                .context = reader};
    TRY(node_functions_register(reader->connection, &reader->functions));
    sqlite3_progress_handler(reader->connection, READERS_PROGRESS_STEP, on_progress, reader);
    return thread_start(&reader->thread, r->config.mem, "read", run, reader);
}

enum status readers_new(struct readers **out, const struct readers_config *config)
{
    must(config->thread_count > 0);
    must(config->thread_count <= READERS_THREADS_MAX);
    struct readers *r = mem_alloc_zero(config->mem, 1, sizeof *r);
    if (r == NULL) return ST_NO_MEMORY;
    r->config = *config;
    enum status st = queue_new(&r->inbox, config->mem, READERS_QUEUE_MAX, NULL, NULL);
    if (st == ST_OK) st = mutex_new(&r->mutex, config->mem);
    if (st == ST_OK) st = cond_new(&r->released, config->mem);
    if (st == ST_OK) st = cond_new(&r->slot_free, config->mem);
    if (st == ST_OK) st = cond_new(&r->slot_spare, config->mem);
    if (st == ST_OK) st = cond_new(&r->idle, config->mem);
    for (uint32_t i = 0; i < READERS_JOBS_MAX && st == ST_OK; i++) {
        r->thread_count++;
        st = open_reader(r, &r->threads[i]);
    }
    if (st != ST_OK) {
        readers_free(r);
        return st;
    }
    *out = r;
    return ST_OK;
}

void readers_stop(struct readers *r)
{
    atomic_store(&r->is_closing, true);
    if (r->inbox != NULL) queue_close(r->inbox);
    if (r->thread_count > 0) {
        mutex_lock(r->mutex);
        cond_broadcast(r->released);
        cond_broadcast(r->slot_spare);
        while (r->busy > 0) /* R2 */
            cond_wait(r->idle, r->mutex);
        mutex_unlock(r->mutex);
    }
    for (uint32_t i = 0; i < r->thread_count; i++) {
        thread_join(r->threads[i].thread);
        r->threads[i].thread = NULL;
    }
}

void readers_free(struct readers *r)
{
    if (r == NULL) return;
    readers_stop(r);
    for (uint32_t i = 0; i < r->thread_count; i++)
        close_reader(&r->threads[i]);
    cond_free(r->released);
    cond_free(r->slot_free);
    cond_free(r->slot_spare);
    cond_free(r->idle);
    mutex_free(r->mutex);
    queue_free(r->inbox);
    mem_free(r->config.mem, r);
}

static void close_reader(struct reader *reader)
{
    past_close(reader->past);
    if (reader->connection == NULL) return;
    for (uint32_t i = 0; i < READERS_STATEMENTS; i++)
        sqlite3_finalize(reader->statements[i]);
    db_reader_close(exec_db(reader->readers->config.exec), reader->connection);
}

enum status readers_submit(struct readers *r, struct read_job *job)
{
    job->chunks_out = 0;
    mutex_lock(r->mutex);
    enum status st = queue_push(r->inbox, job);
    if (st == ST_OK) r->busy++;
    if (r->busy > READERS_JOBS_MAX) evict(r);
    mutex_unlock(r->mutex);
    return st;
}

void readers_cancel(struct readers *r, struct read_job *job)
{
    mutex_lock(r->mutex);
    atomic_store(&job->is_cancelled, true);
    cond_broadcast(r->released);
    cond_broadcast(r->slot_spare);
    mutex_unlock(r->mutex);
}

void readers_release(struct readers *r, struct read_chunk *chunk)
{
    mutex_lock(r->mutex);
    if (!chunk->is_last) { /* After the last one the job may be gone. */
        must(chunk->job->chunks_out > 0);
        chunk->job->chunks_out--;
        cond_broadcast(r->released);
    }
    mutex_unlock(r->mutex);
    buf_fini(&chunk->rows);
    mem_free(chunk->mem, chunk);
}

uint64_t readers_cpu_ns(const struct readers *r)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < r->thread_count; i++)
        total += thread_cpu_ns(r->threads[i].thread);
    return total;
}

const struct readers_config *readers_config_of(const struct readers *r)
{
    return &r->config;
}

/* --- one read -------------------------------------------------------------------------------- */

static sqlite3_stmt **slot_of(struct reader *reader, const char *text)
{
    uint32_t hash = 2166136261u; /* FNV-1a: a cache, not a promise. */
    for (const char *at = text; *at != 0; at++)
        hash = (hash ^ (uint8_t)*at) * 16777619u;
    return &reader->statements[hash % READERS_STATEMENTS];
}

static enum status prepare(struct reader *reader, const char *text, sqlite3_stmt **out)
{
    sqlite3_stmt **slot = slot_of(reader, text);
    if (*slot == NULL || strcmp(sqlite3_sql(*slot), text) != 0) {
        sqlite3_finalize(*slot);
        *slot = NULL;
        int code =
            sqlite3_prepare_v3(reader->connection, text, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL);
        if (code != SQLITE_OK) {
            explain_code(reader, reader->connection, code);
            return ST_INVALID;
        }
    }
    *out = *slot;
    return ST_OK;
}

static struct read_chunk *new_chunk(struct reader *reader)
{
    struct mem *mem = reader->readers->config.mem;
    struct read_chunk *chunk = mem_alloc_zero(mem, 1, sizeof *chunk);
    must(chunk != NULL); /* A read that cannot even report must not hang its client for ever. */
    chunk->flow.kind = FLOW_READ;
    chunk->mem = mem;
    chunk->job = reader->job;
    buf_init(&chunk->rows, mem, 0);
    return chunk;
}

/* False: the read is to end. The last chunk never waits. */
static bool send_chunk(struct reader *reader, struct read_chunk *chunk)
{
    struct readers *r = reader->readers;
    struct read_job *job = chunk->job;
    bool is_last = chunk->is_last;
    mutex_lock(r->mutex);
    if (!is_last && has_to_wait(reader, job)) wait_for_client(reader, job);
    bool is_evicted = reader->is_evicted;
    job->chunks_out++;
    mutex_unlock(r->mutex);
    if (queue_push(r->config.outbox, chunk) == ST_OK)
        return is_last || (!is_evicted && !atomic_load(&job->is_cancelled));
    buf_fini(&chunk->rows); /* The doors are closed. */
    mem_free(chunk->mem, chunk);
    return false;
}

static void finish(struct reader *reader, struct read_chunk *chunk)
{
    chunk->is_last = true;
    chunk->diag = reader->diag;
    reader->job = NULL;
    (void)send_chunk(reader, chunk);
}

static enum status bind_params(struct reader *reader, sqlite3_stmt *stmt)
{
    const struct read_job *job = reader->job;
    for (uint32_t i = 0; i < job->param_count; i++) {
        enum status st = sql_value_bind(stmt, (int)i + 1, &job->params[i]);
        if (st == ST_OK) continue;
        diag_set(&reader->diag, "53200", "out of memory");
        return st;
    }
    return ST_OK;
}

/* The page store has found that a page of the file is not what was written. */
static void explain_code(struct reader *reader, sqlite3 *connection, int code)
{
    if (code != SQLITE_IOERR_DATA) {
        sql_error(&reader->diag, connection, code, reader->job->catalog, &reader->context);
        return;
    }
    diag_set(&reader->diag, "TQ009", "the state file of this node is damaged where this is read");
    diag_hint(&reader->diag, "It is being put right from the blocks: try again in a moment, or ask "
                             "another node.");
}

static void explain_failure(struct reader *reader, sqlite3 *connection, int code)
{
    if (atomic_load(&reader->job->is_cancelled)) {
        diag_set(&reader->diag, "57014", "canceling statement due to user request");
    } else if (atomic_load(&reader->is_evicted)) {
        diag_set(&reader->diag, "53400", "the query goes on for long, and others wait");
        diag_hint(&reader->diag, "Read its rows faster, or in parts with LIMIT; or try again.");
    } else if (atomic_load(&reader->readers->is_closing)) {
        diag_set(&reader->diag, "57P01", "the node is shutting down");
    } else {
        explain_code(reader, connection, code);
    }
}

static void note_rows(struct reader *reader, const struct read_chunk *chunk)
{
    if (reader->hash == NULL) return;
    hash_add(reader->hash, buf_span(&chunk->rows));
    reader->row_count += chunk->row_count;
    reader->row_bytes += chunk->rows.size;
}

/* Steps to the end; the last chunk, which is not sent. */
static struct read_chunk *stream(struct reader *reader, sqlite3_stmt *stmt, int *result)
{
    struct read_chunk *chunk = new_chunk(reader);
    int column_count = sqlite3_column_count(stmt);
    int code = sqlite3_step(stmt);
    for (; code == SQLITE_ROW; code = sqlite3_step(stmt)) {
        for (int i = 0; i < column_count; i++)
            sql_rowset_put_column(&chunk->rows, stmt, i);
        chunk->row_count++;
        if (buf_status(&chunk->rows) != ST_OK) break;
        if (chunk->rows.size < READERS_CHUNK_SIZE) continue;
        note_rows(reader, chunk);
        if (!send_chunk(reader, chunk)) {
            chunk = new_chunk(reader);
            code = SQLITE_INTERRUPT;
            break;
        }
        chunk = new_chunk(reader);
    }
    note_rows(reader, chunk);
    *result = code;
    return chunk;
}

static enum status run_statement(struct reader *reader, sqlite3_stmt *stmt, sqlite3 *connection)
{
    int code = SQLITE_OK;
    struct read_chunk *chunk = stream(reader, stmt, &code);
    if (code == SQLITE_ROW)
        diag_set(&reader->diag, "53200", "out of memory");
    else if (code != SQLITE_DONE)
        explain_failure(reader, connection, code);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    finish(reader, chunk);
    return ST_OK;
}

/* --- at a desk -------------------------------------------------------------------------------- */

static bool desk_is_stopped(void *context)
{
    return on_progress(context) != 0;
}

static void explain_desk(struct reader *reader, struct desk *desk, int code)
{
    if (code == SQLITE_ROW)
        diag_set(&reader->diag, "53200", "out of memory");
    else if (gives_way(reader))
        explain_failure(reader, desk_connection(desk), SQLITE_INTERRUPT);
    else
        desk_explain(desk, code, &reader->diag);
}

/* What only this node can say: nothing of it is repeated by others. */
static enum status open_here(struct reader *reader, struct desk *desk, sqlite3_stmt **stmt)
{
    int code =
        sqlite3_prepare_v2(desk_connection(desk), reader->job->statement->sqlite, -1, stmt, NULL);
    if (code != SQLITE_OK) {
        explain_desk(reader, desk, code);
        return ST_INVALID;
    }
    TRY(bind_params(reader, *stmt));
    desk_context(desk)->catalog = reader->job->catalog;
    desk_free_begin(desk);
    return ST_OK;
}

static struct read_chunk *read_at_desk(struct reader *reader, struct desk_task *task)
{
    struct desk *desk = task->place->desk;
    const bool is_here = task->step == DESK_READ_HERE;
    sqlite3_stmt *stmt = NULL;
    struct hasher hash;
    hash_init(&hash, "rows");
    enum status st = is_here ? open_here(reader, desk, &stmt)
                             : desk_read_begin(desk, task->op, &stmt, &reader->diag);
    struct read_chunk *chunk = NULL;
    if (st == ST_OK) {
        int code = SQLITE_OK;
        reader->hash = &hash;
        chunk = stream(reader, stmt, &code);
        reader->hash = NULL;
        if (code != SQLITE_DONE) explain_desk(reader, desk, code);
        if (is_here)
            desk_free_end(desk);
        else
            task->is_large = !desk_read_end(desk, stmt);
        task->result.result =
            (struct op_result){.row_count = reader->row_count, .result_hash = hash_final(&hash)};
        if (reader->row_count > DESK_ROWS_MAX || reader->row_bytes > DESK_BYTES_MAX)
            task->is_large = true;
    }
    if (is_here) (void)sqlite3_finalize(stmt);
    return chunk == NULL ? new_chunk(reader) : chunk;
}

static enum status run_step(struct reader *reader, struct desk_task *task)
{
    struct desk *desk = task->place->desk;
    struct diag *d = &reader->diag;
    enum status st = ST_OK;
    switch (task->step) {
    case DESK_BEGIN:
        st = desk_begin(desk, &task->begin);
        if (st != ST_OK) diag_set(d, "58000", "the newest height cannot be read");
        return st;
    case DESK_RUN: return desk_run(desk, task->op, task->arena, &task->result, d);
    case DESK_SAVEPOINT: return desk_savepoint(desk, task->number, d);
    case DESK_RELEASE: return desk_release(desk, task->number, d);
    case DESK_ROLLBACK_TO: return desk_rollback_to(desk, task->number, d);
    case DESK_END: desk_end(desk); return ST_OK;
    case DESK_READ:
    case DESK_READ_HERE: break;
    }
    must(false); /* They have rows to send. */
    return ST_INVALID;
}

static void run_task(struct reader *reader, struct desk_task *task)
{
    struct desk_place *place = task->place;
    const bool is_read = task->step == DESK_READ || task->step == DESK_READ_HERE;
    struct read_chunk *chunk = NULL;
    reader->row_count = 0;
    reader->row_bytes = 0;
    place->functions.account = reader->job->account;
    place->functions.catalog = reader->job->catalog;
    place->functions.is_cancelled = &reader->job->is_cancelled;
    desk_watch(place->desk, desk_is_stopped, reader);
    if (is_read)
        chunk = read_at_desk(reader, task);
    else if (run_step(reader, task) != ST_OK && reader->diag.sqlstate[0] == 0)
        diag_set(&reader->diag, "53200", "out of memory");
    if (chunk == NULL) chunk = new_chunk(reader);
    desk_watch(place->desk, NULL, NULL);
    desks_note(task);
    finish(reader, chunk);
}

/* All nodes give the same rows at one height, also for now(). */
static enum status set_time(struct reader *reader)
{
    const struct readers_config *config = &reader->readers->config;
    struct buf block;
    struct span head = {0};
    struct span rest;
    struct header header;
    buf_init(&block, config->mem, 0);
    enum status st = store_read_block(config->tables->store, reader->height, &block, NULL);
    if (st == ST_OK) st = block_split(buf_span(&block), &head, &rest);
    if (st == ST_OK) {
        struct cbor in = cbor_of(head);
        header_decode(&header, &in);
        st = cbor_end(&in);
    }
    if (st == ST_OK)
        reader->context.now_us = ((int64_t)header.time_ms - UNIX_TO_POSTGRES_MS) * 1000;
    buf_fini(&block);
    return st;
}

/* --- old heights ------------------------------------------------------------------------------ */

static bool is_old(const struct reader *reader, const struct read_job *job)
{
    return job->is_past && job->height < db_height_min(exec_db(reader->readers->config.exec));
}

static void explain_past(struct reader *reader, enum status st)
{
    const struct read_job *job = reader->job;
    const unsigned long long height = job->height;
    if (atomic_load(&job->is_cancelled)) {
        explain_failure(reader, reader->connection, SQLITE_INTERRUPT);
    } else if (reader->diag.sqlstate[0] != 0) {
        return;
    } else if (st == ST_LIMIT) {
        diag_set(&reader->diag, "54000", "the tables at height %llu are too large to be made again",
                 height);
        diag_hint(&reader->diag, "trustsql.history('table') gives the versions one by one.");
    } else if (st == ST_NO_MEMORY) {
        diag_set(&reader->diag, "53200", "out of memory");
    } else if (st == ST_NOT_FOUND) {
        diag_set(&reader->diag, "TQ010", "height %llu is not kept by this node", height);
        diag_hint(&reader->diag, "Ask another node.");
    } else {
        diag_set(&reader->diag, "58000", "height %llu cannot be made again: %s", height,
                 status_text(st));
    }
}

static struct past_config past_config(const struct reader *reader)
{
    return (struct past_config){.os = reader->readers->config.os,
                                .source = &reader->tables,
                                .reader = &reader->functions,
                                .height = reader->job->height};
}

static enum status open_past(struct reader *reader)
{
    const struct read_job *job = reader->job;
    if (reader->past != NULL && past_height(reader->past) != job->height) {
        past_close(reader->past);
        reader->past = NULL;
    }
    note_lasting(reader);
    const struct past_config config = past_config(reader);
    if (reader->past == NULL) TRY(past_open(&reader->past, &config));
    past_begin(reader->past, &reader->functions);
    sqlite3_progress_handler(past_connection(reader->past), READERS_PROGRESS_STEP, NULL, NULL);
    TRY(past_load(reader->past, job->catalog, job->statement));
    sqlite3_progress_handler(past_connection(reader->past), READERS_PROGRESS_STEP, on_progress,
                             reader);
    return ST_OK;
}

static void run_past(struct reader *reader)
{
    const struct read_job *job = reader->job;
    sqlite3_stmt *stmt = NULL;
    enum status st = open_past(reader);
    if (st == ST_OK) st = set_time(reader);
    if (st == ST_OK) {
        int code = sqlite3_prepare_v2(past_connection(reader->past), job->statement->sqlite, -1,
                                      &stmt, NULL);
        if (code != SQLITE_OK) st = ST_CORRUPT;
    }
    if (st == ST_OK) st = bind_params(reader, stmt);
    if (st == ST_OK) {
        st = run_statement(reader, stmt, past_connection(reader->past));
    } else {
        explain_past(reader, st);
        finish(reader, new_chunk(reader));
    }
    (void)sqlite3_finalize(stmt);
    if (reader->past == NULL || (st == ST_OK && past_is_small(reader->past))) return;
    past_close(reader->past);
    reader->past = NULL;
}

/* The catalog of a height, for who is going to read there. */
static void make_catalog(struct reader *reader, struct read_job *job)
{
    struct db *db = exec_db(reader->readers->config.exec);
    enum status st = ST_NOT_FOUND;
    if (!is_old(reader, job)) st = db_view(db, reader->connection, job->height);
    if (st == ST_OK)
        st = sql_catalog_load(&job->made, reader->readers->config.mem, reader->connection);
    if (st == ST_NOT_FOUND) {
        const struct past_config config = past_config(reader);
        st = past_catalog(&config, &job->made);
    }
    if (st != ST_OK) explain_past(reader, st);
    finish(reader, new_chunk(reader));
}

/* What the present lets be read of the past. False: it was refused, the job is over. */
static bool keep_retention(struct reader *reader, const struct read_job *job)
{
    struct db *db = exec_db(reader->readers->config.exec);
    const uint64_t newest = db_height(db);
    enum status st = db_view(db, reader->connection, 0);
    if (st == ST_OK)
        st = retention_read(&reader->retention, reader->connection, newest, job->statement);
    reader->functions.retention = &reader->retention;
    for (uint32_t i = 0; i < reader->retention.count && st == ST_OK; i++) {
        if (reader->retention.tables[i].first <= job->height) continue;
        const struct catalog_table *t =
            sql_catalog_by_id(job->catalog, reader->retention.tables[i].table);
        const struct span name = t == NULL ? span_text("?") : t->name;
        diag_set(&reader->diag, "TQ010",
                 "the versions of table \"%.*s\" are kept from height %llu on", (int)name.size,
                 (const char *)name.data, (unsigned long long)reader->retention.tables[i].first);
        diag_hint(&reader->diag, "Its owner has limited them: trustsql.retention.");
        st = ST_NOT_FOUND;
    }
    if (st == ST_OK) return true;
    explain_past(reader, st);
    finish(reader, new_chunk(reader));
    return false;
}

static void run_job(struct reader *reader, struct read_job *job)
{
    struct os *os = reader->readers->config.os;
    reader->job = job;
    reader->diag = (struct diag){0};
    reader->context.fuel = READERS_FUEL;
    reader->context.user = job->user;
    reader->context.catalog = job->catalog;
    reader->functions.account = job->account;
    reader->functions.catalog = job->catalog;
    reader->functions.is_cancelled = &job->is_cancelled;
    reader->height = job->height;
    reader->context.now_us = ((int64_t)os->wall_ms(os) - UNIX_TO_POSTGRES_MS) * 1000;
    if (job->task != NULL) {
        run_task(reader, job->task);
        return;
    }
    if (job->statement == NULL) {
        make_catalog(reader, job);
        return;
    }
    reader->functions.retention = NULL;
    if (job->is_past && !keep_retention(reader, job)) return;
    if (is_old(reader, job)) {
        run_past(reader);
        return;
    }
    sqlite3_stmt *stmt = NULL;
    enum status st =
        db_view(exec_db(reader->readers->config.exec), reader->connection, job->height);
    if (st == ST_OK && job->is_fixed) st = set_time(reader);
    if (st == ST_NOT_FOUND && job->height > db_height(exec_db(reader->readers->config.exec))) {
        diag_set(&reader->diag, "TQ008", "height %llu is not executed here yet",
                 (unsigned long long)job->height);
        diag_hint(&reader->diag, "Try again in a moment.");
    } else if (st == ST_NOT_FOUND) /* So much was written since it was chosen. */
        diag_set(&reader->diag, "72000", "height %llu cannot be read any more",
                 (unsigned long long)job->height);
    else if (st != ST_OK)
        diag_set(&reader->diag, "58000", "the newest height cannot be read");
    if (st == ST_OK) st = prepare(reader, job->statement->sqlite, &stmt);
    if (st == ST_OK) st = bind_params(reader, stmt);
    if (st == ST_OK) st = run_statement(reader, stmt, reader->connection);
    if (st != ST_OK) finish(reader, new_chunk(reader));
}

static void begin_job(struct reader *reader)
{
    struct readers *r = reader->readers;
    mutex_lock(r->mutex);
    reader->steps = 0;
    reader->is_long = false;
    atomic_store(&reader->is_evicted, false);
    reader->begun_ns = r->config.os->monotonic_ns(r->config.os);
    reader->is_busy = true;
    take_slot(reader);
    mutex_unlock(r->mutex);
}

static void end_job(struct reader *reader)
{
    struct readers *r = reader->readers;
    mutex_lock(r->mutex);
    give_slot(reader);
    if (reader->is_long) r->long_count--;
    reader->is_busy = false;
    must(r->busy > 0);
    r->busy--;
    if (r->busy == 0) cond_broadcast(r->idle);
    mutex_unlock(r->mutex);
}

static void run(void *context)
{
    struct reader *reader = context;
    for (;;) {
        void *item;
        if (queue_wait(reader->readers->inbox, &item, 1) == 0) return;
        begin_job(reader);
        run_job(reader, item);
        end_job(reader);
    }
}
