/* FOREIGN KEY in DDL: from the tree into the model (ddl_model.h), rows of the catalog, and the
 * steps that the executor does for it (keys.h). Errors come in PostgreSQL's order. */
#include <inttypes.h>

#include "base/must.h"
#include "sql/ddl_model.h"
#include "sql/keys.h"

struct other { /* The table that a key refers to: of the catalog, or the model that has the key. */
    const struct catalog_table *table;
    const struct ddl_table *model; /* Null: table is of the catalog. */
};

/* --- columns ------------------------------------------------------------------------------- */

static enum status find(struct binder *b,
                        const struct catalog_table *t,
                        const PgQuery__Node *name,
                        uint32_t *column)
{
    const struct span text = bind_string(name);
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (!span_equal(t->columns[i].name, text)) continue;
        *column = i;
        return ST_OK;
    }
    return bind_fail(b, -1, "42703",
                     "column \"%.*s\" referenced in foreign key constraint does not exist",
                     (int)text.size, (const char *)text.data);
}

struct columns { /* Where found columns go. */
    uint32_t *at;
    uint32_t *count;
};

static enum status find_all(struct binder *b,
                            const struct catalog_table *t,
                            PgQuery__Node *const *names,
                            size_t count,
                            struct columns out)
{
    if (count > CATALOG_KEY_COLUMNS_MAX)
        return bind_fail(b, -1, "54011", "cannot have more than %u keys in a foreign key",
                         CATALOG_KEY_COLUMNS_MAX);
    for (size_t i = 0; i < count; i++)
        TRY(find(b, t, names[i], &out.at[i]));
    *out.count = (uint32_t)count;
    return ST_OK;
}

static bool has(const uint32_t *columns, uint32_t count, uint32_t column)
{
    for (uint32_t i = 0; i < count; i++)
        if (columns[i] == column) return true;
    return false;
}

static enum status check_sets(struct binder *b,
                              const struct ddl_table *t,
                              const struct ddl_foreign *f)
{
    for (uint32_t i = 0; i < f->set_count; i++) {
        if (has(f->columns, f->column_count, f->sets[i])) continue;
        const struct span name = t->catalog.columns[f->sets[i]].name;
        return bind_fail(b, -1, "42P10",
                         "column \"%.*s\" referenced in ON DELETE SET action must be part of "
                         "foreign key",
                         (int)name.size, (const char *)name.data);
    }
    return ST_OK;
}

/* --- the other side ------------------------------------------------------------------------ */

static enum status find_other(struct binder *b,
                              const struct ddl_table *t,
                              const PgQuery__RangeVar *r,
                              struct other *out)
{
    const struct span schema = bind_cstring(r->schemaname);
    const struct span name = bind_cstring(r->relname);
    const bool is_self = span_equal(name, t->catalog.name) &&
                         (schema.size == 0 || span_equal(schema, t->catalog.schema));
    *out = (struct other){.table = bind_find_table(b, schema, name)};
    if (is_self && (out->table == NULL || span_equal(out->table->schema, t->catalog.schema))) {
        *out = (struct other){.table = &t->catalog, .model = t};
        return ST_OK;
    }
    if (out->table == NULL)
        return bind_fail(b, -1, "42P01", "relation \"%s%s%s\" does not exist", r->schemaname,
                         schema.size > 0 ? "." : "", r->relname);
    if (out->table->relation != CATALOG_TABLE)
        return bind_fail(b, -1, "42809", "referenced relation \"%s\" is not a table", r->relname);
    if (out->table->id < CATALOG_FIRST_ID)
        return bind_fail(b, -1, "42501", "permission denied: \"%s\" is a system catalog",
                         r->relname);
    return bind_access(b, out->table, SQL_RIGHT_REFERENCES);
}

struct unique { /* A key that can be referred to. */
    bool is_primary;
    const uint32_t *columns;
    uint32_t count;
};

/* Key number at of the other side; false: it is none. */
static bool unique_of(const struct other *o, uint32_t at, struct unique *out)
{
    if (o->model != NULL) {
        const struct ddl_key *k = &o->model->keys[at];
        *out = (struct unique){k->kind == CATALOG_PRIMARY, k->columns, k->column_count};
        return k->kind != CATALOG_INDEX && k->where == NULL && k->exprs == NULL;
    }
    const struct catalog_index *x = &o->table->indexes[at];
    *out = (struct unique){x->kind == CATALOG_PRIMARY, x->columns, x->column_count};
    return x->kind != CATALOG_INDEX && x->kind != CATALOG_CHECK && x->kind != CATALOG_FOREIGN &&
           x->predicate.size == 0 && x->expressions == NULL;
}

static bool is_same_set(const struct unique *u, const uint32_t *columns, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!has(u->columns, u->count, columns[i])) return false;
    return u->count == count;
}

static uint32_t unique_count(const struct other *o)
{
    return o->model != NULL ? o->model->key_count : o->table->index_count;
}

static enum status primary_of(struct binder *b,
                              const struct other *o,
                              struct ddl_foreign *f,
                              uint32_t *count)
{
    for (uint32_t i = 0; i < unique_count(o); i++) {
        struct unique u;
        if (!unique_of(o, i, &u) || !u.is_primary) continue;
        memcpy(f->others, u.columns, u.count * sizeof *f->others);
        *count = u.count;
        return ST_OK;
    }
    return bind_fail(b, -1, "42704", "there is no primary key for referenced table \"%.*s\"",
                     (int)o->table->name.size, (const char *)o->table->name.data);
}

static enum status check_others(struct binder *b,
                                const struct other *o,
                                const struct ddl_foreign *f,
                                uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (has(f->others, i, f->others[i]))
            return bind_fail(b, -1, "42830",
                             "foreign key referenced-columns list must not contain duplicates");
    for (uint32_t i = 0; i < unique_count(o); i++) {
        struct unique u;
        if (unique_of(o, i, &u) && is_same_set(&u, f->others, count)) return ST_OK;
    }
    return bind_fail(
        b, -1, "42830",
        "there is no unique constraint matching given keys for referenced table \"%.*s\"",
        (int)o->table->name.size, (const char *)o->table->name.data);
}

static bool is_integer(enum sql_type type)
{
    return type == SQL_INT2 || type == SQL_INT4 || type == SQL_INT8;
}

/* Types of one operator family of PostgreSQL, or the one becomes the other by itself. */
static bool can_refer(enum sql_type from, enum sql_type to)
{
    if (from == to || type_can_coerce(from, to, SQL_CAST_IMPLICIT)) return true;
    if (is_integer(from) && is_integer(to)) return true;
    if (from == SQL_FLOAT8 && to == SQL_FLOAT4) return true;
    const bool is_time = from == SQL_DATE || from == SQL_TIMESTAMP || from == SQL_TIMESTAMPTZ;
    return is_time && (to == SQL_DATE || to == SQL_TIMESTAMP || to == SQL_TIMESTAMPTZ);
}

static enum status check_types(struct binder *b,
                               const struct ddl_table *t,
                               const struct other *o,
                               const struct ddl_foreign *f)
{
    for (uint32_t i = 0; i < f->column_count; i++) {
        const struct catalog_column *own = &t->catalog.columns[f->columns[i]];
        const struct catalog_column *other = &o->table->columns[f->others[i]];
        if (can_refer(own->type, other->type)) continue;
        (void)bind_fail(b, -1, "42804", "foreign key constraint \"%.*s\" cannot be implemented",
                        (int)f->name.size, (const char *)f->name.data);
        diag_detail(b->diag,
                    "Key columns \"%.*s\" and \"%.*s\" are of incompatible types: %s and %s.",
                    (int)own->name.size, (const char *)own->name.data, (int)other->name.size,
                    (const char *)other->name.data, bind_type_name(b, own->type),
                    bind_type_name(b, other->type));
        return ST_INVALID;
    }
    return ST_OK;
}

/* --- the constraint ------------------------------------------------------------------------ */

static enum status choose_name(struct binder *b, struct ddl_table *t, struct ddl_foreign *f)
{
    struct buf text;
    const char *columns = NULL;
    if (f->name.size > 0) {
        bool is_taken = false;
        for (uint32_t i = 0; i < t->constraints.count; i++)
            is_taken = is_taken || span_equal(t->constraints.taken[i], f->name);
        for (uint32_t i = 0; i < t->key_count; i++)
            is_taken = is_taken || (t->keys[i].kind != CATALOG_INDEX &&
                                    t->keys[i].kind != CATALOG_UNIQUE_INDEX &&
                                    span_equal(t->keys[i].name, f->name));
        if (is_taken)
            return bind_fail(b, -1, "42710",
                             "constraint \"%.*s\" for relation \"%.*s\" already exists",
                             (int)f->name.size, (const char *)f->name.data,
                             (int)t->catalog.name.size, (const char *)t->catalog.name.data);
        return ddl_take(b, &t->constraints, f->name);
    }
    buf_init(&text, b->arena->mem, 0);
    for (uint32_t i = 0; i < f->column_count; i++) {
        if (i > 0) buf_put_u8(&text, '_');
        buf_put(&text, t->catalog.columns[f->columns[i]].name);
    }
    TRY(emit_finish(b, &text, &columns));
    const struct ddl_name_parts parts = {
        .table = t->catalog.name, .columns = span_text(columns), .label = "fkey"};
    return ddl_choose_name(b, &t->constraints, &parts, &f->name);
}

static enum catalog_action action_of(const char *letter)
{
    switch (letter == NULL ? 0 : letter[0]) {
    case CATALOG_RESTRICT: return CATALOG_RESTRICT;
    case CATALOG_CASCADE: return CATALOG_CASCADE;
    case CATALOG_SET_NULL: return CATALOG_SET_NULL;
    case CATALOG_SET_DEFAULT: return CATALOG_SET_DEFAULT;
    default: return CATALOG_NO_ACTION;
    }
}

static enum status check_generated(struct binder *b,
                                   const struct ddl_table *t,
                                   const struct ddl_foreign *f)
{
    const bool sets = f->on_update != CATALOG_NO_ACTION && f->on_update != CATALOG_RESTRICT;
    const bool deletes = f->on_delete == CATALOG_SET_NULL || f->on_delete == CATALOG_SET_DEFAULT;
    for (uint32_t i = 0; i < f->column_count; i++) {
        if (t->catalog.columns[f->columns[i]].generated.size == 0 || (!sets && !deletes)) continue;
        return bind_fail(b, -1, "42601",
                         "invalid %s action for foreign key constraint containing generated column",
                         sets ? "ON UPDATE" : "ON DELETE");
    }
    return ST_OK;
}

static enum status check_form(struct binder *b, const PgQuery__Constraint *c)
{
    TRY(bind_needs_or(b, DDL_OWN_NAMES_SINCE, c->location, "foreign keys are not supported",
                      "Check with EXISTS in the statement that writes."));
    if (c->fk_matchtype != NULL && c->fk_matchtype[0] == 'p')
        return bind_fail(b, -1, "0A000", "MATCH PARTIAL not yet implemented");
    return ST_OK;
}

enum status ddl_foreign_add(struct binder *b,
                            struct ddl_table *t,
                            const PgQuery__Constraint *c,
                            uint32_t column)
{
    struct ddl_foreign f = {.name = bind_cstring(c->conname),
                            .columns = {column},
                            .column_count = 1,
                            .on_update = action_of(c->fk_upd_action),
                            .on_delete = action_of(c->fk_del_action),
                            .is_full = c->fk_matchtype != NULL && c->fk_matchtype[0] == 'f',
                            .is_valid = !c->skip_validation,
                            .is_deferrable = c->deferrable != 0 || c->initdeferred != 0,
                            .is_deferred = c->initdeferred != 0};
    struct other other;
    uint32_t count = 0;
    TRY(check_form(b, c));
    TRY(find_other(b, t, c->pktable, &other));
    f.is_self = other.model != NULL;
    f.table_id = other.table->id;
    if (column == UINT32_MAX)
        TRY(find_all(b, &t->catalog, c->fk_attrs, c->n_fk_attrs,
                     (struct columns){f.columns, &f.column_count}));
    TRY(find_all(b, &t->catalog, c->fk_del_set_cols, c->n_fk_del_set_cols,
                 (struct columns){f.sets, &f.set_count}));
    TRY(check_sets(b, t, &f));
    if (c->n_pk_attrs == 0) {
        TRY(primary_of(b, &other, &f, &count));
    } else {
        TRY(find_all(b, other.table, c->pk_attrs, c->n_pk_attrs,
                     (struct columns){f.others, &count}));
        TRY(check_others(b, &other, &f, count));
    }
    TRY(check_generated(b, t, &f));
    if (count != f.column_count)
        return bind_fail(b, -1, "42830",
                         "number of referencing and referenced columns for foreign key disagree");
    TRY(choose_name(b, t, &f));
    TRY(check_types(b, t, &other, &f));
    t->foreigns = bind_grow(b, t->foreigns, t->foreign_count, sizeof *t->foreigns);
    if (t->foreigns == NULL) return bind_no_memory(b);
    t->foreigns[t->foreign_count++] = f;
    return ST_OK;
}

enum status ddl_foreign_load(struct binder *b,
                             struct ddl_table *t,
                             const struct catalog_index *index)
{
    const struct catalog_foreign *from = index->foreign;
    t->foreigns = bind_grow(b, t->foreigns, t->foreign_count, sizeof *t->foreigns);
    if (t->foreigns == NULL) return bind_no_memory(b);
    struct ddl_foreign *f = &t->foreigns[t->foreign_count++];
    *f = (struct ddl_foreign){.name = index->name,
                              .id = index->id,
                              .column_count = index->column_count,
                              .is_self = from->table_id == t->catalog.id,
                              .table_id = from->table_id,
                              .on_update = from->on_update,
                              .on_delete = from->on_delete,
                              .set_count = from->set_count,
                              .is_full = from->is_full,
                              .is_valid = from->is_valid,
                              .is_deferrable = from->is_deferrable,
                              .is_deferred = from->is_deferred};
    must(index->column_count <= CATALOG_KEY_COLUMNS_MAX);
    must(from->set_count <= CATALOG_KEY_COLUMNS_MAX);
    for (uint32_t i = 0; i < index->column_count; i++) {
        f->columns[i] = index->columns[i];
        f->others[i] = from->columns[i];
    }
    for (uint32_t i = 0; i < from->set_count; i++)
        f->sets[i] = from->set_columns[i];
    return ST_OK;
}

/* --- rows and steps ------------------------------------------------------------------------ */

static void put_positions(struct buf *out, const uint32_t *columns, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, "%s%u", i > 0 ? "," : "", columns[i]);
}

static enum status put_property(
    struct binder *b, struct sql_statement *out, uint64_t id, const char *kind, struct buf *text)
{
    const char *value = NULL;
    TRY(emit_finish(b, text, &value));
    const struct ddl_property p = {.object = id, .kind = kind, .value = span_text(value)};
    return ddl_put_property(b, out, &p);
}

/* docs/format/catalog.md */
static enum status put_references(struct binder *b,
                                  struct sql_statement *out,
                                  const struct ddl_foreign *f,
                                  uint64_t table)
{
    struct buf text;
    buf_init(&text, b->arena->mem, 0);
    buf_printf(&text, "%" PRIu64 " ", table);
    put_positions(&text, f->others, f->column_count);
    buf_printf(&text, " %c %c %c %c %c", (char)f->on_update, (char)f->on_delete,
               f->is_full ? 'f' : 's', f->is_valid ? 'v' : 'n',
               f->is_deferred     ? 'd'
               : f->is_deferrable ? 'i'
                                  : 'n');
    return put_property(b, out, f->id, "references", &text);
}

enum status ddl_foreign_row(struct binder *b,
                            struct sql_statement *out,
                            const struct ddl_table *t,
                            const struct ddl_foreign *f)
{
    const struct ddl_index_row row = {.id = f->id,
                                      .table_id = t->catalog.id,
                                      .kind = CATALOG_FOREIGN,
                                      .name = f->name,
                                      .columns = f->columns,
                                      .column_count = f->column_count};
    struct buf text;
    TRY(ddl_index_row(b, out, &row));
    TRY(put_references(b, out, f, f->is_self ? t->catalog.id : f->table_id));
    if (f->set_count == 0) return ST_OK;
    buf_init(&text, b->arena->mem, 0);
    put_positions(&text, f->sets, f->set_count);
    return put_property(b, out, f->id, "set_columns", &text);
}

enum status ddl_foreign_triggers(struct binder *b, struct sql_statement *out, uint64_t table)
{
    return ddl_number_step(b, out, (struct ddl_numbered){SQL_STEP_KEYS, table, ""});
}

enum status ddl_foreign_check(struct binder *b,
                              struct sql_statement *out,
                              uint64_t table,
                              uint64_t key)
{
    struct buf text;
    ddl_step(b, &text);
    buf_printf(&text, SQL_STEP_CHECK "%" PRIu64 " %" PRIu64, table, key);
    return ddl_step_end(b, out, &text);
}

enum status ddl_foreign_steps(struct binder *b,
                              struct sql_statement *out,
                              const struct ddl_table *t,
                              uint32_t first)
{
    TRY(ddl_foreign_triggers(b, out, t->catalog.id));
    for (uint32_t i = 0; i < t->foreign_count; i++) {
        bool is_new = !t->foreigns[i].is_self;
        for (uint32_t k = 0; k < i; k++)
            is_new = is_new && t->foreigns[k].table_id != t->foreigns[i].table_id;
        if (is_new) TRY(ddl_foreign_triggers(b, out, t->foreigns[i].table_id));
    }
    for (uint32_t i = first; i < t->foreign_count; i++)
        if (t->foreigns[i].is_valid)
            TRY(ddl_foreign_check(b, out, t->catalog.id, t->foreigns[i].id));
    return ST_OK;
}

/* PostgreSQL takes the first key that fits, and the foreign key depends on it. */
bool ddl_foreign_needs(const struct catalog_index *x, const struct catalog_table *t, uint64_t key)
{
    const struct other o = {.table = t};
    if (x->foreign == NULL || x->foreign->table_id != t->id) return false;
    for (uint32_t i = 0; i < t->index_count; i++) {
        struct unique u;
        if (!unique_of(&o, i, &u) || !is_same_set(&u, x->foreign->columns, x->column_count))
            continue;
        return t->indexes[i].id == key;
    }
    return false;
}

static uint32_t position_now(const struct ddl_change *c, uint32_t before)
{
    for (uint32_t i = 0; i < c->now.catalog.column_count; i++)
        if (c->now.sources[i] == before) return i;
    must(false); /* Who drops a column looks for keys first. */
    return 0;
}

static bool is_gone(const struct ddl_change *c, const struct catalog_index *x)
{
    for (uint32_t i = 0; i < c->gone.count; i++)
        if (c->gone.items[i].index == x) return true;
    return false;
}

enum status ddl_foreign_move(struct binder *b,
                             struct sql_statement *out,
                             const struct ddl_change *c)
{
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        for (uint32_t k = 0; t != c->old && k < t->index_count; k++) {
            const struct catalog_index *x = &t->indexes[k];
            struct ddl_table holder = {0};
            if (x->foreign == NULL || x->foreign->table_id != c->old->id || is_gone(c, x)) continue;
            TRY(ddl_foreign_load(b, &holder, x));
            struct ddl_foreign *f = &holder.foreigns[0];
            for (uint32_t at = 0; at < f->column_count; at++)
                f->others[at] = position_now(c, f->others[at]);
            TRY(put_references(b, out, f, c->now.catalog.id));
        }
    }
    return ST_OK;
}

/* --- SET CONSTRAINTS ----------------------------------------------------------------------- */

static enum status set_of_table(struct binder *b,
                                struct sql_statement *out,
                                const struct catalog_table *t,
                                struct span name,
                                const char *step)
{
    for (uint32_t k = 0; k < t->index_count; k++) {
        const struct catalog_index *x = &t->indexes[k];
        const bool is_index = x->kind == CATALOG_INDEX || x->kind == CATALOG_UNIQUE_INDEX;
        if (is_index || !span_equal(x->name, name)) continue;
        if (x->foreign == NULL || !x->foreign->is_deferrable)
            return bind_fail(b, -1, "42809", "constraint \"%.*s\" is not deferrable",
                             (int)name.size, (const char *)name.data);
        return ddl_number_step(b, out, (struct ddl_numbered){step, x->id, ""});
    }
    return ST_OK;
}

/* Constraints of the name, in the first schema of the path that has one. */
static enum status set_named(struct binder *b,
                             struct sql_statement *out,
                             const PgQuery__RangeVar *r,
                             const char *step)
{
    const struct span schema = bind_cstring(r->schemaname);
    const uint32_t schemas = schema.size > 0 ? 1 : b->path_count;
    const uint32_t before = out->step_count;
    for (uint32_t at = 0; out->step_count == before && at < schemas; at++) {
        for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
            const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
            if (span_equal(t->schema, schema.size > 0 ? schema : b->path[at]))
                TRY(set_of_table(b, out, t, bind_cstring(r->relname), step));
        }
    }
    if (out->step_count > before) return ST_OK;
    return bind_fail(b, -1, "42704", "constraint \"%s\" does not exist", r->relname);
}

enum status compile_set_constraints(struct binder *b,
                                    struct sql_statement *out,
                                    const PgQuery__Node *n)
{
    const PgQuery__ConstraintsSetStmt *s = n->constraints_set_stmt;
    const char *step = s->deferred ? SQL_STEP_DEFER : SQL_STEP_IMMEDIATE;
    struct buf text;
    out->kind = SQL_KIND_DDL;
    out->tag = "SET CONSTRAINTS";
    for (size_t i = 0; i < s->n_constraints; i++)
        TRY(set_named(b, out, s->constraints[i]->range_var, step));
    if (s->n_constraints == 0) TRY(ddl_number_step(b, out, (struct ddl_numbered){step, 0, ""}));
    ddl_step(b, &text);
    buf_put_text(&text, SQL_STEP_RECHECK);
    return ddl_step_end(b, out, &text);
}
