/* CREATE SEQUENCE, ALTER SEQUENCE, and the sequences of serial and identity columns.
 *
 * A sequence is chain state: its row changes like any other, and a transaction that fails leaves no
 * gap. Its property `sequence` is "type start increment min max cache cycle"; `owned` is "table
 * part" of the column it belongs to. */
#include "sql/ddl_sequence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "sql/ddl_model.h"

/* --- options ------------------------------------------------------------------------------- */

struct given {
    bool start, min, max, restart, owned, is_none, has_increment;
    int64_t restart_value;
    bool has_restart_value;
    struct span owner[3]; /* schema, table, column. */
};

static enum status option_number(struct binder *b, const PgQuery__DefElem *d, int64_t *out)
{
    const PgQuery__Node *n = d->arg;
    if (n != NULL && n->node_case == PG_QUERY__NODE__NODE_INTEGER) {
        *out = n->integer->ival;
        return ST_OK;
    }
    if (n != NULL && n->node_case == PG_QUERY__NODE__NODE_FLOAT) {
        struct sql_value v;
        TRY(sql_value_parse(&v, b->arena, SQL_INT8, -1, bind_cstring(n->float_->fval), b->diag));
        *out = v.integer;
        return ST_OK;
    }
    return bind_unsupported(b, d->location, "this option of a sequence is not supported", NULL);
}

static void limits_of(enum sql_type type, bool is_up, int64_t *min, int64_t *max)
{
    const int64_t top = type == SQL_INT2 ? INT16_MAX : type == SQL_INT4 ? INT32_MAX : INT64_MAX;
    *min = is_up ? 1 : -top - 1;
    *max = is_up ? top : -1;
}

static enum status option_owner(struct binder *b, const PgQuery__DefElem *d, struct given *g)
{
    const PgQuery__List *list = d->arg->list;
    g->owned = true;
    g->is_none = list->n_items == 1;
    if (g->is_none) return ST_OK;
    if (list->n_items > 3)
        return bind_unsupported(b, d->location, "cross-database references are not supported",
                                NULL);
    for (size_t i = 0; i < list->n_items; i++)
        g->owner[3 - list->n_items + i] = bind_string(list->items[i]);
    return ST_OK;
}

static enum status take_option(struct binder *b,
                               struct ddl_sequence *s,
                               struct given *g,
                               const PgQuery__DefElem *d)
{
    int32_t typmod = -1;
    const char *name = d->defname;
    if (strcmp(name, "as") == 0) {
        TRY(bind_type(b, d->arg->type_name, &s->type, &typmod));
        if (s->type == SQL_INT2 || s->type == SQL_INT4 || s->type == SQL_INT8) return ST_OK;
        return bind_fail(b, -1, "22023", "sequence type must be smallint, integer, or bigint");
    }
    if (strcmp(name, "increment") == 0) {
        g->has_increment = true;
        return option_number(b, d, &s->increment);
    }
    if (strcmp(name, "start") == 0) {
        g->start = true;
        return option_number(b, d, &s->start);
    }
    if (strcmp(name, "minvalue") == 0 || strcmp(name, "maxvalue") == 0) {
        const bool is_min = name[1] == 'i';
        if (d->arg == NULL) return ST_OK;
        *(is_min ? &g->min : &g->max) = true;
        return option_number(b, d, is_min ? &s->min : &s->max);
    }
    if (strcmp(name, "cache") == 0) return option_number(b, d, &s->cache);
    if (strcmp(name, "restart") == 0) {
        g->restart = true;
        g->has_restart_value = d->arg != NULL;
        return d->arg == NULL ? ST_OK : option_number(b, d, &g->restart_value);
    }
    if (strcmp(name, "cycle") == 0) {
        s->is_cycle = d->arg != NULL && d->arg->node_case == PG_QUERY__NODE__NODE_BOOLEAN &&
                      d->arg->boolean->boolval;
        return ST_OK;
    }
    if (strcmp(name, "sequence_name") == 0) {
        s->name = bind_string(d->arg->list->items[d->arg->list->n_items - 1]);
        return ST_OK;
    }
    if (strcmp(name, "owned_by") == 0) return option_owner(b, d, g);
    return bind_unsupported(b, d->location, "this option of a sequence is not supported", NULL);
}

static enum status check_options(struct binder *b, const struct ddl_sequence *s)
{
    if (s->increment == 0) return bind_fail(b, -1, "22023", "INCREMENT must not be zero");
    if (s->min >= s->max)
        return bind_fail(b, -1, "22023",
                         "MINVALUE (%" PRId64 ") must be less than MAXVALUE (%" PRId64 ")", s->min,
                         s->max);
    if (s->start < s->min)
        return bind_fail(b, -1, "22023",
                         "START value (%" PRId64 ") cannot be less than MINVALUE (%" PRId64 ")",
                         s->start, s->min);
    if (s->start > s->max)
        return bind_fail(b, -1, "22023",
                         "START value (%" PRId64 ") cannot be greater than MAXVALUE (%" PRId64 ")",
                         s->start, s->max);
    if (s->cache < 1)
        return bind_fail(b, -1, "22023", "CACHE (%" PRId64 ") must be greater than zero", s->cache);
    return ST_OK;
}

static enum status find_owner(struct binder *b, struct ddl_sequence *s, const struct given *g)
{
    if (!g->owned) return ST_OK;
    s->table_id = 0;
    if (g->is_none) return ST_OK;
    const struct catalog_table *t = bind_find_table(b, g->owner[0], g->owner[1]);
    if (t == NULL)
        return bind_fail(b, -1, "42P01", "relation \"%.*s\" does not exist", (int)g->owner[1].size,
                         (const char *)g->owner[1].data);
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (!span_equal(t->columns[i].name, g->owner[2])) continue;
        s->table_id = t->id;
        s->column = i;
        return bind_access(b, t, SQL_RIGHT_OWNER);
    }
    return bind_fail(b, -1, "42703", "column \"%.*s\" of relation \"%.*s\" does not exist",
                     (int)g->owner[2].size, (const char *)g->owner[2].data, (int)t->name.size,
                     (const char *)t->name.data);
}

static enum status take_options(struct binder *b,
                                struct ddl_sequence *s,
                                struct given *g,
                                PgQuery__Node *const *options,
                                size_t count)
{
    for (size_t i = 0; i < count; i++)
        TRY(take_option(b, s, g, options[i]->def_elem));
    return find_owner(b, s, g);
}

enum status ddl_sequence_options(struct binder *b,
                                 struct ddl_sequence *s,
                                 PgQuery__Node *const *options,
                                 size_t count)
{
    struct given g = {0};
    int64_t min = 0;
    int64_t max = 0;
    if (s->type == SQL_UNKNOWN) s->type = SQL_INT8;
    s->increment = 1;
    s->cache = 1;
    TRY(take_options(b, s, &g, options, count));
    limits_of(s->type, s->increment > 0, &min, &max);
    if (!g.min) s->min = min;
    if (!g.max) s->max = max;
    if (!g.start) s->start = s->increment > 0 ? s->min : s->max;
    return check_options(b, s);
}

/* --- the catalog --------------------------------------------------------------------------- */

void ddl_sequence_load(struct ddl_sequence *s,
                       const struct sql_catalog *catalog,
                       const struct catalog_table *t)
{
    const struct span text = sql_catalog_property(catalog, t->id, 0, "sequence");
    const struct span owned = sql_catalog_property(catalog, t->id, 0, "owned");
    int64_t numbers[7] = {0};
    must(text.size > 0);
    const char *at = (const char *)text.data; /* Texts of the catalog end with a zero. */
    for (size_t i = 0; i < 7; i++) {
        char *end = NULL;
        numbers[i] = strtoll(at, &end, 10);
        at = end;
    }
    *s = (struct ddl_sequence){.schema = t->schema,
                               .name = t->name,
                               .id = t->id,
                               .type = numbers[0] == 0 ? SQL_INT8 : (enum sql_type)numbers[0],
                               .start = numbers[1],
                               .increment = numbers[2],
                               .min = numbers[3],
                               .max = numbers[4],
                               .cache = numbers[5],
                               .is_cycle = numbers[6] != 0};
    if (owned.size == 0) return;
    char *end = NULL;
    s->table_id = strtoull((const char *)owned.data, &end, 10);
    s->column = (uint32_t)strtoul(end, NULL, 10) - 1;
}

static enum status put_properties(struct binder *b,
                                  struct sql_statement *out,
                                  const struct ddl_sequence *s)
{
    char text[192];
    (void)snprintf(
        text, sizeof text, "%d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d",
        (int)s->type, s->start, s->increment, s->min, s->max, s->cache, s->is_cycle ? 1 : 0);
    struct ddl_property p = {.object = s->id, .kind = "sequence", .value = span_text(text)};
    TRY(ddl_put_property(b, out, &p));
    (void)snprintf(text, sizeof text, "%" PRIu64 " %u", s->table_id, s->column + 1);
    p.kind = "owned";
    p.value = span_text(s->table_id == 0 ? "" : text);
    return ddl_put_property(b, out, &p);
}

enum status ddl_sequence_steps(struct binder *b,
                               struct sql_statement *out,
                               const struct ddl_sequence *s)
{
    struct ddl_table t = {.catalog = {.schema = s->schema}};
    static const char *const names[] = {"last_value", "log_cnt", "is_called"};
    static const enum sql_type types[] = {SQL_INT8, SQL_INT8, SQL_BOOL};
    struct catalog_column columns[3];
    struct buf text;
    TRY(ddl_model_begin(b, &t, s->id, s->name));
    TRY(ddl_own_name(b, s->id, &t.catalog.sqlite_name)); /* What its functions look for. */
    for (uint32_t i = 0; i < 3; i++)
        columns[i] = (struct catalog_column){
            .name = span_text(names[i]), .type = types[i], .typmod = -1, .is_not_null = true};
    t.columns = columns;
    t.catalog.columns = columns;
    t.catalog.column_count = 3;
    TRY(ddl_model_create(b, out, &t));
    TRY(ddl_model_rows(b, out, &t));
    TRY(put_properties(b, out, s));
    TRY(ddl_reload(b, out));
    ddl_step(b, &text);
    buf_put_text(&text, "INSERT INTO ");
    sql_put_name(&text, t.catalog.sqlite_name);
    buf_printf(&text, " VALUES (%" PRId64 ", 0, 0)", s->start);
    return ddl_step_end(b, out, &text);
}

static void put_quoted(struct buf *out, struct span name)
{
    bool is_plain = name.size > 0 && !(name.data[0] >= '0' && name.data[0] <= '9');
    for (size_t i = 0; i < name.size && is_plain; i++) {
        const uint8_t c = name.data[i];
        is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    if (is_plain)
        buf_put(out, name);
    else
        sql_put_name(out, name);
}

enum status ddl_sequence_default(struct binder *b, const struct ddl_sequence *s, struct span *out)
{
    struct buf name;
    struct buf text;
    const char *copy = NULL;
    bool is_in_path = false;
    for (uint32_t i = 0; i < b->path_count; i++)
        is_in_path = is_in_path || span_equal(b->path[i], s->schema);
    buf_init(&name, b->arena->mem, 0);
    if (!is_in_path) {
        put_quoted(&name, s->schema);
        buf_put_u8(&name, '.');
    }
    put_quoted(&name, s->name);
    TRY(emit_finish(b, &name, &copy));
    buf_init(&text, b->arena->mem, 0);
    buf_put_text(&text, "nextval(");
    sql_put_text(&text, span_text(copy));
    buf_put_text(&text, "::regclass)");
    TRY(emit_finish(b, &text, &copy));
    *out = span_text(copy);
    return ST_OK;
}

/* --- statements ---------------------------------------------------------------------------- */

enum status compile_create_sequence(struct binder *b,
                                    struct sql_statement *out,
                                    const PgQuery__Node *n)
{
    const PgQuery__CreateSeqStmt *c = n->create_seq_stmt;
    struct ddl_sequence s = {.name = bind_cstring(c->sequence->relname)};
    const char *persistence = c->sequence->relpersistence;
    out->kind = SQL_KIND_DDL;
    out->tag = "CREATE SEQUENCE";
    if (persistence != NULL && persistence[0] != 0 && persistence[0] != 'p')
        return bind_unsupported(b, -1, "temporary and unlogged sequences are not supported", NULL);
    TRY(ddl_target_schema(b, c->sequence, &s.schema));
    struct ddl_names names = {.schema = s.schema};
    if (ddl_is_taken(b, &names, s.name)) {
        if (!c->if_not_exists)
            return bind_fail(b, -1, "42P07", "relation \"%s\" already exists",
                             c->sequence->relname);
        ddl_skip(b, out, "relation", s.name);
        return ST_OK;
    }
    TRY(ddl_sequence_options(b, &s, c->options, c->n_options));
    s.id = sql_catalog_next_id(b->catalog);
    TRY(ddl_sequence_steps(b, out, &s));
    return ddl_finish(b, out, s.id + 1);
}

static enum status restart(struct binder *b,
                           struct sql_statement *out,
                           const struct ddl_sequence *s,
                           int64_t value)
{
    struct buf text;
    if (value < s->min || value > s->max)
        return bind_fail(b, -1, "22023", "RESTART value (%" PRId64 ") cannot be %s (%" PRId64 ")",
                         value, value < s->min ? "less than MINVALUE" : "greater than MAXVALUE",
                         value < s->min ? s->min : s->max);
    ddl_step(b, &text);
    buf_printf(&text,
               "UPDATE \"t.%" PRIu64 "\" SET last_value = %" PRId64 ", log_cnt = 0, is_called = 0",
               s->id, value);
    return ddl_step_end(b, out, &text);
}

enum status compile_alter_sequence(struct binder *b,
                                   struct sql_statement *out,
                                   const PgQuery__Node *n)
{
    const PgQuery__AlterSeqStmt *a = n->alter_seq_stmt;
    struct ddl_sequence s;
    struct given g = {0};
    int64_t min = 0;
    int64_t max = 0;
    out->kind = SQL_KIND_DDL;
    out->tag = "ALTER SEQUENCE";
    const struct catalog_table *t = bind_find_table(b, bind_cstring(a->sequence->schemaname),
                                                    bind_cstring(a->sequence->relname));
    if (t == NULL && a->missing_ok) {
        ddl_notice(b, out, "relation \"%s\" does not exist, skipping", a->sequence->relname);
        out->is_no_op = true;
        return ST_OK;
    }
    if (t == NULL)
        return bind_fail(b, -1, "42P01", "relation \"%s\" does not exist", a->sequence->relname);
    if (t->relation != CATALOG_SEQUENCE)
        return bind_fail(b, -1, "42809", "\"%s\" is not a sequence", a->sequence->relname);
    TRY(bind_access(b, t, SQL_RIGHT_OWNER));
    ddl_sequence_load(&s, b->catalog, t);
    limits_of(s.type, s.increment > 0, &min, &max);
    const bool had_limits = s.min != min || s.max != max;
    TRY(take_options(b, &s, &g, a->options, a->n_options));
    limits_of(s.type, s.increment > 0, &min, &max);
    if (!g.min && !had_limits) s.min = min;
    if (!g.max && !had_limits) s.max = max;
    TRY(check_options(b, &s));
    TRY(put_properties(b, out, &s));
    if (g.restart) TRY(restart(b, out, &s, g.has_restart_value ? g.restart_value : s.start));
    return ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}
