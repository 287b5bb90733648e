/* keys.c - Foreign keys when a statement has ended (sql/keys.h says how it is noted what to look
 * at).
 *
 * The notes of a statement are taken in their order; what they cause (ON DELETE CASCADE …) are
 * statements of the dialect that note further rows, which are taken after them: as the queue of
 * PostgreSQL's triggers. They run with nobody's rights, for who made the key had to be the owner of
 * the table and allowed to refer to the other; but rows of a table that needs signatures change
 * with these alone, however they are reached. Fuel is the transaction's.
 *
 * Notes of keys that are deferred wait for the end of the transaction. A note of a row that was
 * taken back is harmless, for every look is at the rows as they are.
 *
 * Invariants
 * W1  Notes are empty before each statement, deferred notes before each transaction.
 * W2  No note is taken while the catalog changes: steps of DDL write none. */
#include "exec/exec_int.h"

#include "base/must.h"
#include "exec/modules/system/signatures.h"
#include "exec/sqlite.h"
#include "sql/keys.h"

struct work { /* One look at a batch of notes. */
    struct job *job;
    bool is_last; /* Nothing is deferred any more. */
    struct sql_key key;
    enum sql_key_query query;  /* Of prepared. */
    struct prepared *prepared; /* Null: none yet. */
    uint32_t bound;            /* Parameters of prepared. */
};

static enum status take_note(struct work *w, const struct sql_key_note *note);

void keys_init(struct exec *e)
{
    buf_init(&e->keys.notes, e->mem, SQL_KEY_NOTES_MAX);
    buf_init(&e->keys.taken, e->mem, SQL_KEY_NOTES_MAX);
    buf_init(&e->keys.deferred, e->mem, SQL_KEY_NOTES_MAX);
    e->context.key_notes = &e->keys.notes;
}

void keys_fini(struct exec *e)
{
    buf_fini(&e->keys.notes);
    buf_fini(&e->keys.taken);
    buf_fini(&e->keys.deferred);
}

void keys_begin(struct exec *e)
{
    buf_reset(&e->keys.notes); /* W1 */
    buf_reset(&e->keys.deferred);
    e->keys.mode = KEYS_AS_DECLARED;
    e->keys.named_count = 0;
}

/* --- statements ------------------------------------------------------------------------------ */

static enum status prepare(struct work *w, enum sql_key_query query)
{
    struct exec *e = w->job->exec;
    struct tx_param params[SQL_KEY_VALUES_MAX];
    struct sql_key_text text;
    buf_init(&text.text, e->mem, 0);
    enum status st = sql_key_text(&text, &w->key, query);
    for (uint32_t i = 0; i < text.type_count; i++)
        params[i] = (struct tx_param){.type = (uint32_t)text.types[i]};
    const struct tx_op op = {.kind = TX_OP_SQL,
                             .text = buf_span(&text.text),
                             .params = params,
                             .param_count = text.type_count};
    const struct statements_want want = {.catalog = e->catalog,
                                         .op = &op,
                                         .account = w->job->account.id,
                                         .exec_version = w->job->block->header->exec_version};
    if (st == ST_OK) st = statements_get(e->statements, &w->prepared, &want, &w->job->diag);
    buf_fini(&text.text);
    w->query = query;
    w->bound = text.type_count;
    if (st != ST_OK) w->prepared = NULL;
    return st;
}

/* is_true: of a query, what it says; of an action, whether rows were changed. */
static enum status run(struct work *w,
                       const struct sql_key_note *note,
                       enum sql_key_query query,
                       bool *is_true)
{
    struct job *j = w->job;
    if (w->prepared == NULL || w->query != query) TRY(prepare(w, query));
    sqlite3_stmt *s = w->prepared->stmt;
    must(s != NULL);
    *is_true = false;
    TRY(sql_key_note_bind(note, s, w->bound));
    int code = operation_step(j, s);
    if (code == SQLITE_ROW) {
        *is_true = sqlite3_column_int(s, 0) != 0;
        code = operation_step(j, s);
    } else if (code == SQLITE_DONE) {
        *is_true = sqlite3_changes64(j->exec->writer) > 0;
    }
    const enum status st = code == SQLITE_DONE ? ST_OK : operation_failed(j, code);
    const uint64_t steps =
        (uint64_t)(uint32_t)sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, true);
    (void)sqlite3_reset(s);
    (void)sqlite3_clear_bindings(s); /* They pointed into the note. */
    TRY(st);
    operation_charge(j, steps % EXEC_FUEL_STEP);
    return operation_check(j);
}

/* --- notes ----------------------------------------------------------------------------------- */

static enum status violated(struct work *w, enum sql_key_fault fault)
{
    sql_key_violated(&w->job->diag, &w->key, fault);
    return ST_REJECTED;
}

static enum status row_came(struct work *w, const struct sql_key_note *note)
{
    bool is_there = false;
    bool is_alive = false;
    if (!note->has_null) TRY(run(w, note, SQL_KEY_HAS_OTHER, &is_there));
    if (is_there) return ST_OK;
    TRY(run(w, note, SQL_KEY_HAS_OWN, &is_alive));
    if (!is_alive) return ST_OK;
    return violated(w, note->has_null ? SQL_KEY_MIXED : SQL_KEY_NOT_PRESENT);
}

static enum status row_went(struct work *w, const struct sql_key_note *note, bool is_strict)
{
    bool is_referred = false;
    bool is_again = false;
    TRY(run(w, note, SQL_KEY_HAS_REFERRING, &is_referred));
    if (is_referred && !is_strict) TRY(run(w, note, SQL_KEY_HAS_SAME, &is_again));
    return !is_referred || is_again ? ST_OK : violated(w, SQL_KEY_STILL_REFERENCED);
}

/* Rows of a table that needs signatures have changed. */
static enum status check_signatures(struct work *w)
{
    const uint64_t table = w->key.table->id;
    return approval_check(w->job, table,
                          sql_catalog_property(w->job->exec->catalog, table, 0, SIGNATURES_KIND));
}

static enum status act(struct work *w, const struct sql_key_note *note)
{
    const struct catalog_foreign *f = w->key.index->foreign;
    const bool is_delete = note->event == SQL_KEY_WENT;
    const enum catalog_action action = is_delete ? f->on_delete : f->on_update;
    bool has_changed = false;
    switch (action) {
    case CATALOG_NO_ACTION: return row_went(w, note, false);
    case CATALOG_RESTRICT: return row_went(w, note, true);
    case CATALOG_CASCADE:
    case CATALOG_SET_NULL:
    case CATALOG_SET_DEFAULT: break;
    }
    TRY(run(w, note, is_delete ? SQL_KEY_ACT_DELETE : SQL_KEY_ACT_UPDATE, &has_changed));
    if (has_changed) TRY(check_signatures(w));
    /* The default may be the very key that is gone: then no row has changed its key. */
    return action == CATALOG_SET_DEFAULT ? row_went(w, note, false) : ST_OK;
}

static bool is_deferred(const struct work *w, const struct sql_key_note *note)
{
    const struct keys *keys = &w->job->exec->keys;
    const struct catalog_foreign *f = w->key.index->foreign;
    if (w->is_last || !f->is_deferrable) return false;
    if (note->event == SQL_KEY_WENT && f->on_delete != CATALOG_NO_ACTION) return false;
    if (note->event == SQL_KEY_MOVED && f->on_update != CATALOG_NO_ACTION) return false;
    for (uint32_t i = 0; i < keys->named_count; i++)
        if (keys->named[i].id == w->key.index->id) return keys->named[i].is_deferred;
    return keys->mode == KEYS_AS_DECLARED ? f->is_deferred : keys->mode == KEYS_DEFERRED;
}

static enum status take_note(struct work *w, const struct sql_key_note *note)
{
    struct exec *e = w->job->exec;
    if (w->prepared == NULL || w->key.index->id != note->key) {
        w->prepared = NULL;
        /* Of a key that was dropped meanwhile. */
        if (!sql_key_find(e->catalog, note->table, note->key, &w->key)) return ST_OK;
    }
    if (is_deferred(w, note)) {
        buf_put(&e->keys.deferred, note->bytes);
        const enum status st = buf_status(&e->keys.deferred);
        return st == ST_LIMIT ? job_limit(w->job, "too many rows wait for deferred foreign keys")
                              : st;
    }
    return note->event == SQL_KEY_CAME ? row_came(w, note) : act(w, note);
}

static enum status take_all(struct work *w, struct span notes)
{
    struct sql_key_note note;
    while (notes.size > 0) {
        const enum status st = sql_key_note_next(&notes, &note);
        must(st == ST_OK); /* We wrote them. */
        TRY(take_note(w, &note));
    }
    return ST_OK;
}

static enum status settle(struct job *j, bool is_last)
{
    struct keys *keys = &j->exec->keys;
    while (keys->notes.size > 0) {
        const struct buf taken = keys->notes;
        struct work w = {.job = j, .is_last = is_last};
        TRY(buf_status(&taken));
        keys->notes = keys->taken;
        keys->taken = taken;
        buf_reset(&keys->notes);
        TRY(take_all(&w, buf_span(&keys->taken)));
    }
    return ST_OK;
}

enum status keys_settle(struct job *j)
{
    return settle(j, false);
}

enum status keys_settle_deferred(struct job *j)
{
    struct keys *keys = &j->exec->keys;
    must(keys->notes.size == 0);
    const struct buf waiting = keys->deferred;
    keys->deferred = keys->notes;
    keys->notes = waiting;
    return settle(j, true);
}

/* --- DDL ------------------------------------------------------------------------------------- */

static enum status run_query(struct job *j, struct span text, bool *is_true)
{
    struct exec *e = j->exec;
    struct sql_statement compiled = {.kind = SQL_KIND_EMPTY};
    const struct sql_compile in = {.catalog = e->catalog,
                                   .account = j->account.id,
                                   .exec_version = j->block->header->exec_version,
                                   .text = text};
    sqlite3_stmt *s = NULL;
    enum status st = sql_compile(&compiled, &e->arena, &in, &j->diag);
    if (st != ST_OK) return st == ST_NO_MEMORY ? st : ST_REJECTED;
    int code = sqlite3_prepare_v2(e->writer, compiled.sqlite, -1, &s, NULL);
    if (code != SQLITE_OK) return operation_failed(j, code);
    code = operation_step(j, s);
    if (code == SQLITE_ROW) *is_true = sqlite3_column_int(s, 0) != 0;
    st = code == SQLITE_ROW ? ST_OK : operation_failed(j, code);
    operation_charge(j,
                     (uint64_t)(uint32_t)sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, false) %
                         EXEC_FUEL_STEP);
    (void)sqlite3_finalize(s); /* Repeats the code of the step. */
    return st;
}

static enum status check_query(struct job *j,
                               const struct sql_key *key,
                               enum sql_key_query query,
                               enum sql_key_fault fault)
{
    struct sql_key_text text;
    bool is_wrong = false;
    buf_init(&text.text, j->exec->mem, 0);
    enum status st = sql_key_text(&text, key, query);
    if (st == ST_OK) st = run_query(j, buf_span(&text.text), &is_wrong);
    buf_fini(&text.text);
    if (st != ST_OK || !is_wrong) return st;
    sql_key_violated(&j->diag, key, fault);
    return ST_REJECTED;
}

enum status keys_check(struct job *j, uint64_t table, uint64_t id)
{
    struct sql_key key;
    const bool is_there = sql_key_find(j->exec->catalog, table, id, &key);
    must(is_there); /* The step says it, and made it. */
    if (key.index->foreign->is_full) TRY(check_query(j, &key, SQL_KEY_HAS_MIXED, SQL_KEY_MIXED));
    return check_query(j, &key, SQL_KEY_HAS_WRONG, SQL_KEY_NOT_PRESENT);
}

enum status keys_make_triggers(struct job *j, uint64_t table)
{
    struct exec *e = j->exec;
    const struct catalog_table *t = sql_catalog_by_id(e->catalog, table);
    struct buf text;
    if (t == NULL) return ST_OK; /* DROP of several schemas: it is gone, too. */
    buf_init(&text, e->mem, 0);
    enum status st = sql_key_triggers(&text, e->catalog, t);
    for (size_t at = 0; st == ST_OK && at < text.size;) {
        const char *one = (const char *)text.data + at;
        st = operation_run_step(j, one);
        at += strlen(one) + 1;
    }
    buf_fini(&text);
    return st;
}

/* A step is DROP TABLE "name". */
static bool drops(const struct sql_statement *s, struct span name)
{
    static const char before[] = "DROP TABLE \"";
    for (uint32_t i = 0; i < s->step_count; i++) {
        const struct span step = span_text(s->steps[i]);
        if (step.size == sizeof before + name.size &&
            memcmp(step.data, before, sizeof before - 1) == 0 &&
            span_equal(span_of(step.data + sizeof before - 1, name.size), name))
            return true;
    }
    return false;
}

/* The statement changes the table, or drops it; DROP … CASCADE of another may only take its key. */
static bool changes(const struct sql_statement *s, const struct catalog_table *t)
{
    for (uint32_t i = 0; i < s->access_count; i++)
        if (s->access[i].table_id == t->id &&
            (s->access[i].rights & (SQL_RIGHT_OWNER | SQL_RIGHT_TRUNCATE)) != 0)
            return strncmp(s->tag, "DROP", 4) != 0 || drops(s, t->sqlite_name);
    return false;
}

enum status keys_check_pending(struct job *j, const struct sql_statement *s)
{
    struct span notes = buf_span(&j->exec->keys.deferred);
    struct sql_key_note note;
    while (notes.size > 0) {
        struct sql_key key;
        const enum status st = sql_key_note_next(&notes, &note);
        must(st == ST_OK); /* We wrote them. */
        if (!sql_key_find(j->exec->catalog, note.table, note.key, &key)) continue;
        const struct catalog_table *t = note.event == SQL_KEY_CAME ? key.table : key.other;
        if (!changes(s, t)) continue;
        const struct span name = t->name;
        diag_set(&j->diag, "55006", "cannot %s \"%.*s\" because it has pending trigger events",
                 strcmp(s->tag, "TRUNCATE TABLE") == 0 ? "TRUNCATE" : s->tag, (int)name.size,
                 (const char *)name.data);
        return ST_REJECTED;
    }
    return ST_OK;
}

/* --- SET CONSTRAINTS ------------------------------------------------------------------------- */

enum status keys_set_mode(struct job *j, uint64_t id, bool is_deferred)
{
    struct keys *keys = &j->exec->keys;
    if (id == 0) {
        keys->mode = is_deferred ? KEYS_DEFERRED : KEYS_IMMEDIATE;
        keys->named_count = 0;
        return ST_OK;
    }
    uint32_t at = 0;
    while (at < keys->named_count && keys->named[at].id != id)
        at++;
    if (at == KEYS_NAMED_MAX)
        return job_limit(j, "SET CONSTRAINTS names too many constraints in one transaction");
    if (at == keys->named_count) keys->named_count++;
    keys->named[at] = (struct key_mode){.id = id, .is_deferred = is_deferred};
    return ST_OK;
}

/* What waited and need not wait any more. */
enum status keys_recheck(struct job *j)
{
    struct keys *keys = &j->exec->keys;
    must(keys->notes.size == 0);
    const struct buf waiting = keys->deferred;
    keys->deferred = keys->notes;
    keys->notes = waiting;
    return settle(j, false);
}
