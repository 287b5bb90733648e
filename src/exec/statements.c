/* statements.c - Least recently used of STATEMENTS_MAX, found through a small hash table.
 *
 * Invariants
 * C1  Every entry but `once` is in exactly one bucket and in the list, which is in order of last
 * use. C2  Entries differ in text or parameter types. */
#include "exec/statements.h"

#include "base/must.h"
#include "exec/sqlite.h"

#define BUCKETS            1024u       /* A power of two above STATEMENTS_MAX. */
#define COMPILED_BYTES_MAX (64u << 20) /* Arena of one statement. */

struct entry {
    struct prepared prepared;
    struct arena arena; /* Everything of compiled, text and types. */
    uint64_t hash;
    struct span text;
    enum sql_type *types;
    uint32_t type_count;
    struct entry *bucket_next;
    struct entry *newer;
    struct entry *older;
};

struct statements {
    struct mem *mem;
    sqlite3 *writer;
    uint32_t count;
    struct entry *once; /* Not kept: freed by the next get or clear. Null: none. */
    struct entry *newest;
    struct entry *oldest;
    struct entry *buckets[BUCKETS];
};

static uint64_t hash_op(const struct tx_op *op);
static struct entry *find(const struct statements *c, uint64_t hash, const struct tx_op *op);
static bool is_same(const struct entry *e, const struct tx_op *op);
static enum status make(struct statements *c,
                        const struct statements_want *want,
                        struct entry **out,
                        struct diag *d);
static enum status compile(struct statements *c,
                           struct entry *e,
                           const struct statements_want *want,
                           struct diag *d);
static enum status check_kind(const struct sql_statement *s,
                              const struct sql_catalog *catalog,
                              struct diag *d);
static void keep(struct statements *c, struct entry *e);
static void link_newest(struct statements *c, struct entry *e);
static void unlink_entry(struct statements *c, struct entry *e);
static void drop(struct statements *c, struct entry *e);
static void entry_free(struct mem *mem, struct entry *e);

enum status statements_new(struct statements **out, struct mem *mem, sqlite3 *writer)
{
    struct statements *c = mem_alloc_zero(mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    c->mem = mem;
    c->writer = writer;
    *out = c;
    return ST_OK;
}

void statements_free(struct statements *c)
{
    if (c == NULL) return;
    statements_clear(c);
    mem_free(c->mem, c);
}

enum status statements_get(struct statements *c,
                           struct prepared **out,
                           const struct statements_want *want,
                           struct diag *d)
{
    uint64_t hash = hash_op(want->op);
    struct entry *e = find(c, hash, want->op);
    if (e == NULL) {
        TRY(make(c, want, &e, d));
        must(e != NULL);
        e->hash = hash;
        keep(c, e);
    } else if (e != c->newest) {
        unlink_entry(c, e);
        link_newest(c, e);
    }
    must(c->newest == e || c->once == e); /* C1 */
    *out = &e->prepared;
    return ST_OK;
}

void statements_clear(struct statements *c)
{
    if (c->once != NULL) entry_free(c->mem, c->once);
    c->once = NULL;
    while (c->oldest != NULL)
        drop(c, c->oldest);
    must(c->count == 0);
}

/* Eight bytes a step; only speed depends on its quality. */
static uint64_t hash_op(const struct tx_op *op)
{
    const uint64_t odd = 0x9e3779b97f4a7c15u;
    uint64_t h = op->text.size * odd + op->param_count;
    size_t at = 0;
    for (; op->text.size - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, op->text.data + at, 8);
        h = (h ^ word) * odd;
        h ^= h >> 29;
    }
    for (; at < op->text.size; at++)
        h = (h ^ op->text.data[at]) * odd;
    for (uint32_t i = 0; i < op->param_count; i++)
        h = (h ^ op->params[i].type) * odd;
    return h ^ h >> 32;
}

static struct entry *find(const struct statements *c, uint64_t hash, const struct tx_op *op)
{
    for (struct entry *e = c->buckets[hash % BUCKETS]; e != NULL; e = e->bucket_next)
        if (e->hash == hash && is_same(e, op)) return e;
    return NULL;
}

static bool is_same(const struct entry *e, const struct tx_op *op)
{
    if (e->type_count != op->param_count || !span_equal(e->text, op->text)) return false;
    for (uint32_t i = 0; i < e->type_count; i++)
        if ((uint32_t)e->types[i] != op->params[i].type) return false;
    return true;
}

static enum status make(struct statements *c,
                        const struct statements_want *want,
                        struct entry **out,
                        struct diag *d)
{
    struct entry *e = mem_alloc_zero(c->mem, 1, sizeof *e);
    if (e == NULL) return ST_NO_MEMORY;
    arena_init(&e->arena, c->mem, COMPILED_BYTES_MAX);
    enum status st = compile(c, e, want, d);
    if (st == ST_OK) st = check_kind(&e->prepared.compiled, want->catalog, d);
    if (st == ST_OK && e->prepared.compiled.sqlite != NULL) {
        int rc = sqlite3_prepare_v3(c->writer, e->prepared.compiled.sqlite, -1,
                                    SQLITE_PREPARE_PERSISTENT, &e->prepared.stmt, NULL);
        if (rc == SQLITE_ERROR || rc == SQLITE_TOOBIG) {
            diag_set(d, "54001", "the statement is too complex: %s", sqlite3_errmsg(c->writer));
            st = ST_REJECTED;
        } else {
            st = sqlite_status(rc);
        }
    }
    if (st != ST_OK) {
        entry_free(c->mem, e);
        return st;
    }
    *out = e;
    return ST_OK;
}

static enum status compile(struct statements *c,
                           struct entry *e,
                           const struct statements_want *want,
                           struct diag *d)
{
    const struct tx_op *op = want->op;
    e->text = arena_copy(&e->arena, op->text);
    e->types = arena_alloc(&e->arena, op->param_count * sizeof *e->types);
    if (e->text.data == NULL || e->types == NULL) return ST_NO_MEMORY;
    e->type_count = op->param_count;
    for (uint32_t i = 0; i < op->param_count; i++) {
        /* A transaction says the type of each value: none is left to inference. */
        if (!sql_type_is_known(op->params[i].type, want->exec_version)) {
            diag_set(d, "42704", "parameter $%u has no type of this chain", i + 1);
            return ST_REJECTED;
        }
        e->types[i] = (enum sql_type)op->params[i].type;
    }
    const struct sql_compile in = {.catalog = want->catalog,
                                   .account = want->account,
                                   .state = c->writer,
                                   .height = want->height,
                                   .exec_version = want->exec_version,
                                   .text = e->text,
                                   .param_types = e->types,
                                   .param_count = op->param_count};
    enum status st = sql_compile(&e->prepared.compiled, &e->arena, &in, d);
    if (st == ST_INVALID || st == ST_UNSUPPORTED || st == ST_LIMIT) {
        must(d->sqlstate[0] != 0);
        return ST_REJECTED;
    }
    TRY(st);
    if (e->prepared.compiled.param_count <= op->param_count) return ST_OK;
    diag_set(d, "42P02", "the statement has %u parameters, %u are given",
             e->prepared.compiled.param_count, op->param_count);
    return ST_REJECTED;
}

/* What a node answers from its own files or settings is no part of a transaction. */
static enum status check_kind(const struct sql_statement *s,
                              const struct sql_catalog *catalog,
                              struct diag *d)
{
    switch (s->kind) {
    case SQL_KIND_SELECT:
    case SQL_KIND_INSERT:
    case SQL_KIND_UPDATE:
    case SQL_KIND_DELETE:
    case SQL_KIND_CREATE_TABLE:
    case SQL_KIND_DROP_TABLE:
    case SQL_KIND_CREATE_INDEX:
    case SQL_KIND_DROP_INDEX:
    case SQL_KIND_GRANT:
    case SQL_KIND_REVOKE:
    case SQL_KIND_DDL:
    case SQL_KIND_CALL:
    case SQL_KIND_COPY_IN: break;
    case SQL_KIND_EMPTY:
    case SQL_KIND_SUBMIT:
    case SQL_KIND_COMPLAIN:
    case SQL_KIND_SET:
    case SQL_KIND_SHOW:
    case SQL_KIND_CONTROL:
    case SQL_KIND_COPY_OUT:
    case SQL_KIND_FORGET:
        diag_set(d, "0A000", "%s cannot be an operation of a transaction", s->tag);
        return ST_REJECTED;
    }
    for (uint32_t i = 0; i < s->access_count; i++) {
        const struct catalog_table *t = sql_catalog_by_id(catalog, s->access[i].table_id);
        if (t == NULL || !t->is_virtual) continue;
        diag_set(d, "0A000", "trustsql.%.*s cannot be read in a transaction of the chain",
                 (int)t->name.size, (const char *)t->name.data);
        diag_hint(d, "Read it in a statement of its own.");
        return ST_REJECTED;
    }
    return ST_OK;
}

static void keep(struct statements *c, struct entry *e)
{
    const struct sql_statement *s = &e->prepared.compiled;
    if (s->sqlite == NULL && s->kind != SQL_KIND_CALL) {
        if (c->once != NULL) entry_free(c->mem, c->once);
        c->once = e;
        return;
    }
    if (c->count == STATEMENTS_MAX) drop(c, c->oldest);
    struct entry **bucket = &c->buckets[e->hash % BUCKETS];
    e->bucket_next = *bucket;
    *bucket = e;
    c->count++;
    link_newest(c, e);
}

static void link_newest(struct statements *c, struct entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    if (c->newest != NULL) c->newest->newer = e;
    c->newest = e;
    if (c->oldest == NULL) c->oldest = e;
}

static void unlink_entry(struct statements *c, struct entry *e)
{
    if (e->newer != NULL)
        e->newer->older = e->older;
    else
        c->newest = e->older;
    if (e->older != NULL)
        e->older->newer = e->newer;
    else
        c->oldest = e->newer;
}

static void drop(struct statements *c, struct entry *e)
{
    must(c->count > 0);
    unlink_entry(c, e);
    struct entry **at = &c->buckets[e->hash % BUCKETS];
    while (*at != e)
        at = &(*at)->bucket_next; /* C1: it is there. */
    *at = e->bucket_next;
    c->count--;
    entry_free(c->mem, e);
}

static void entry_free(struct mem *mem, struct entry *e)
{
    sqlite3_finalize(e->prepared.stmt);
    arena_fini(&e->arena);
    mem_free(mem, e);
}
