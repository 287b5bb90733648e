/* ALTER TABLE: each command changes the model of the table (ddl_model.h), in order; at the end the
 * steps are made of what is different (ddl_reshape.c). */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "sql/ddl_model.h"
#include "sql/dml_int.h"

static enum status fail_column(struct binder *b, const struct ddl_change *c, const char *name)
{
    const struct span table = c->now.catalog.name;
    return bind_fail(b, -1, "42703", "column \"%s\" of relation \"%.*s\" does not exist", name,
                     (int)table.size, (const char *)table.data);
}

static bool find_column(const struct ddl_change *c, const char *name, uint32_t *column)
{
    for (uint32_t i = 0; i < c->now.catalog.column_count; i++) {
        if (!span_equal(c->now.columns[i].name, bind_cstring(name))) continue;
        *column = i;
        return true;
    }
    return false;
}

/* --- columns ------------------------------------------------------------------------------- */

static bool uses_column(const struct expr *e, uint32_t column)
{
    if (e == NULL) return false;
    if (e->kind == EXPR_COLUMN && e->column == column) return true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (uses_column(e->args[i], column)) return true;
    return false;
}

static bool key_uses(const struct ddl_key *k, uint32_t column)
{
    for (uint32_t i = 0; i < k->column_count; i++) {
        if (k->columns[i] == column) return true;
        if (k->columns[i] == CATALOG_EXPRESSION && uses_column(k->exprs[i], column)) return true;
    }
    return uses_column(k->where, column);
}

static enum status drop_constraint(struct binder *b, struct ddl_change *c, uint64_t id)
{
    const struct catalog_table *old = c->old;
    for (uint32_t i = 0; i < old->index_count; i++) {
        if (old->indexes[i].id != id) continue;
        c->dropped = bind_grow(b, c->dropped, c->dropped_count, sizeof(struct catalog_index *));
        if (c->dropped == NULL) return bind_no_memory(b);
        c->dropped[c->dropped_count++] = &old->indexes[i];
        return ST_OK;
    }
    return ST_OK; /* Made by the statement itself. */
}

/* The table that the key referred to gets its triggers anew. */
static enum status remove_foreign(struct binder *b, struct ddl_change *c, uint32_t at)
{
    struct ddl_table *t = &c->now;
    const struct ddl_foreign *f = &t->foreigns[at];
    if (!f->is_self) {
        c->left = bind_grow(b, c->left, c->left_count, sizeof *c->left);
        if (c->left == NULL) return bind_no_memory(b);
        c->left[c->left_count++] = f->table_id;
    }
    if (at < c->foreign_count) {
        TRY(drop_constraint(b, c, f->id));
        c->foreign_count--;
    }
    t->foreign_count--;
    memmove(&t->foreigns[at], &t->foreigns[at + 1],
            (t->foreign_count - at) * sizeof(struct ddl_foreign));
    return ST_OK;
}

static bool uses_position(const uint32_t *columns, uint32_t count, uint32_t column)
{
    for (uint32_t i = 0; i < count; i++)
        if (columns[i] == column) return true;
    return false;
}

/* --- foreign keys that refer to what goes ---------------------------------------------------- */

struct goes {            /* A unique key or a column of the old table. */
    uint64_t key;        /* 0: the column. */
    uint32_t column;     /* Its old position. */
    const char *subject; /* "constraint a on table t" */
    const char *on;      /* "index a" */
    bool is_cascade;
};

static bool depends(const struct ddl_change *c,
                    const struct catalog_index *x,
                    const struct goes *goes)
{
    if (x->foreign == NULL || x->foreign->table_id != c->old->id) return false;
    if (goes->key != 0) return ddl_foreign_needs(x, c->old, goes->key);
    return uses_position(x->foreign->columns, x->column_count, goes->column);
}

/* False: the statement has dropped it before. */
static bool is_still_there(const struct ddl_change *c,
                           const struct catalog_table *t,
                           const struct catalog_index *x,
                           uint32_t *at)
{
    for (uint32_t i = 0; i < c->gone.count; i++)
        if (c->gone.items[i].index == x) return false;
    if (t != c->old) return true;
    for (*at = 0; *at < c->now.foreign_count; ++*at)
        if (c->now.foreigns[*at].id == x->id) return true;
    return false;
}

static enum status add_gone(struct binder *b,
                            struct sql_statement *out,
                            struct ddl_change *c,
                            struct ddl_object o,
                            uint32_t at)
{
    ddl_notice(b, out, "drop cascades to %s", ddl_object_text(b, o));
    return o.table == c->old ? remove_foreign(b, c, at) : ddl_drops_add(b, &c->gone, o);
}

static enum status check_referrers(struct binder *b,
                                   struct sql_statement *out,
                                   struct ddl_change *c,
                                   const struct goes *goes)
{
    struct buf details;
    const char *copy = NULL;
    uint32_t count = 0;
    buf_init(&details, b->arena->mem, 0);
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        for (uint32_t k = 0; k < t->index_count; k++) {
            const struct ddl_object o = {.table = t, .index = &t->indexes[k]};
            uint32_t at = 0;
            if (!depends(c, o.index, goes) || !is_still_there(c, t, o.index, &at)) continue;
            buf_printf(&details, "%s%s depends on %s", count++ > 0 ? "\n" : "",
                       ddl_object_text(b, o), goes->on);
            if (!goes->is_cascade) continue;
            const enum status st = add_gone(b, out, c, o, at);
            if (st != ST_OK) buf_fini(&details);
            TRY(st);
        }
    }
    TRY(emit_finish(b, &details, &copy));
    if (count > 1 && goes->is_cascade)
        ddl_notice(b, out, "drop cascades to %u other objects", count);
    if (count == 0 || goes->is_cascade) return ST_OK;
    (void)bind_fail(b, -1, "2BP01", "cannot drop %s because other objects depend on it",
                    goes->subject);
    diag_detail(b->diag, "%s", copy);
    diag_hint(b->diag, "Use DROP ... CASCADE to drop the dependent objects too.");
    return ST_INVALID;
}

static const char *printed_name(struct binder *b,
                                const char *before,
                                struct span name,
                                const struct ddl_change *c)
{
    struct buf text;
    const char *copy = NULL;
    buf_init(&text, b->arena->mem, 0);
    buf_printf(&text, "%s%.*s", before, (int)name.size, (const char *)name.data);
    if (c != NULL)
        buf_printf(&text, " %s %s", before[0] == 'c' && before[2] == 'l' ? "of" : "on",
                   ddl_object_text(b, (struct ddl_object){.table = c->old}));
    return emit_finish(b, &text, &copy) == ST_OK ? copy : "?";
}

static enum status remove_key(struct binder *b, struct ddl_change *c, uint32_t at)
{
    struct ddl_table *t = &c->now;
    const struct ddl_key *k = &t->keys[at];
    if (k->kind == CATALOG_PRIMARY) c->is_reshaped = true;
    if (at < c->key_count) {
        TRY(drop_constraint(b, c, k->id));
        c->key_count--;
    }
    t->key_count--;
    memmove(&t->keys[at], &t->keys[at + 1], (t->key_count - at) * sizeof(struct ddl_key));
    return ST_OK;
}

static enum status remove_check(struct binder *b, struct ddl_change *c, uint32_t at)
{
    struct ddl_table *t = &c->now;
    c->is_reshaped = true;
    if (at < c->check_count) {
        TRY(drop_constraint(b, c, t->checks[at].id));
        c->check_count--;
    }
    t->check_count--;
    memmove(&t->checks[at], &t->checks[at + 1], (t->check_count - at) * sizeof(struct ddl_check));
    return ST_OK;
}

static enum status drop_users_of(struct binder *b, struct ddl_change *c, uint32_t column)
{
    for (uint32_t i = c->now.key_count; i > 0; i--)
        if (key_uses(&c->now.keys[i - 1], column)) TRY(remove_key(b, c, i - 1));
    for (uint32_t i = c->now.check_count; i > 0; i--)
        if (uses_column(c->now.checks[i - 1].expr, column)) TRY(remove_check(b, c, i - 1));
    return ST_OK;
}

static void shift_all(uint32_t *columns, uint32_t count, uint32_t column)
{
    for (uint32_t i = 0; i < count; i++)
        columns[i] -= columns[i] > column;
}

static void shift_positions(struct ddl_table *t, uint32_t column)
{
    for (uint32_t i = 0; i < t->key_count; i++)
        for (uint32_t k = 0; k < t->keys[i].column_count; k++)
            if (t->keys[i].columns[k] != CATALOG_EXPRESSION && t->keys[i].columns[k] > column)
                t->keys[i].columns[k]--;
    for (uint32_t i = 0; i < t->foreign_count; i++) {
        struct ddl_foreign *f = &t->foreigns[i];
        shift_all(f->columns, f->column_count, column);
        shift_all(f->sets, f->set_count, column);
        if (f->is_self) shift_all(f->others, f->column_count, column);
    }
}

static enum status drop_sequences_of(struct binder *b, struct ddl_change *c, uint32_t column)
{
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        struct ddl_sequence s;
        if (t->relation != CATALOG_SEQUENCE) continue;
        ddl_sequence_load(&s, b->catalog, t);
        if (s.table_id == c->old->id && s.column == column)
            TRY(ddl_drops_add(b, &c->gone, (struct ddl_object){.table = t}));
    }
    return ST_OK;
}

static bool is_cascade(const PgQuery__AlterTableCmd *cmd)
{
    return cmd->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
}

static enum status drop_one_column(struct binder *b,
                                   struct sql_statement *out,
                                   struct ddl_change *c,
                                   const PgQuery__AlterTableCmd *cmd)
{
    struct ddl_table *t = &c->now;
    uint32_t at = 0;
    if (!find_column(c, cmd->name, &at)) {
        if (!cmd->missing_ok) return fail_column(b, c, cmd->name);
        ddl_notice(b, out, "column \"%s\" of relation \"%.*s\" does not exist, skipping", cmd->name,
                   (int)t->catalog.name.size, (const char *)t->catalog.name.data);
        return ST_OK;
    }
    if (t->catalog.column_count == 1)
        return bind_unsupported(b, -1, "a table without columns is not supported", NULL);
    for (uint32_t i = t->foreign_count; i > 0; i--)
        if (uses_position(t->foreigns[i - 1].columns, t->foreigns[i - 1].column_count, at))
            TRY(remove_foreign(b, c, i - 1));
    const char *subject = printed_name(b, "column ", t->columns[at].name, c);
    const struct goes goes = {
        .column = t->sources[at], .subject = subject, .on = subject, .is_cascade = is_cascade(cmd)};
    if (t->sources[at] != DDL_NEW_COLUMN) TRY(check_referrers(b, out, c, &goes));
    TRY(drop_users_of(b, c, at));
    TRY(drop_sequences_of(b, c, t->sources[at]));
    shift_positions(t, at);
    const uint32_t after = --t->catalog.column_count - at;
    memmove(&t->columns[at], &t->columns[at + 1], after * sizeof *t->columns);
    memmove(&t->sources[at], &t->sources[at + 1], after * sizeof *t->sources);
    memmove(&t->fills[at], &t->fills[at + 1], after * sizeof(struct expr *));
    memmove(&c->must_not_be_null[at], &c->must_not_be_null[at + 1], after * sizeof(bool));
    c->is_reshaped = true;
    return ddl_model_bind(b, t);
}

static enum status refuse_generated_users(struct binder *b,
                                          const struct ddl_change *c,
                                          const char *column,
                                          uint32_t at)
{
    const char *const whose = ddl_object_text(b, (struct ddl_object){.table = c->old});
    const char *copy = NULL;
    struct buf text;
    uint32_t user = 0;
    buf_init(&text, b->arena->mem, 0);
    enum status st = ddl_generated_user(b, &c->now, at, &user);
    while (st == ST_OK && user != UINT32_MAX) {
        const struct span name = c->now.columns[user++].name;
        buf_printf(&text, "%scolumn %.*s of %s depends on column %s of %s",
                   text.size > 0 ? "\n" : "", (int)name.size, (const char *)name.data, whose,
                   column, whose);
        st = ddl_generated_user(b, &c->now, at, &user);
    }
    if (st != ST_OK) buf_fini(&text);
    TRY(st);
    TRY(emit_finish(b, &text, &copy));
    (void)bind_fail(b, -1, "2BP01",
                    "cannot drop column %s of %s because other objects depend on it", column,
                    whose);
    diag_detail(b->diag, "%s", copy);
    diag_hint(b->diag, "Use DROP ... CASCADE to drop the dependent objects too.");
    return ST_INVALID;
}

/* Generated columns that name the column: they go with it (CASCADE), or it stays. */
static enum status drop_generated_users(struct binder *b,
                                        struct sql_statement *out,
                                        struct ddl_change *c,
                                        const PgQuery__AlterTableCmd *cmd)
{
    uint32_t dropped = 0;
    for (uint32_t user = 0;; user = 0) {
        uint32_t at = 0;
        const bool is_there = find_column(c, cmd->name, &at);
        must(is_there);
        TRY(ddl_generated_user(b, &c->now, at, &user));
        if (user == UINT32_MAX) return ST_OK;
        if (!is_cascade(cmd)) return refuse_generated_users(b, c, cmd->name, at);
        const struct span name = c->now.columns[user].name;
        PgQuery__AlterTableCmd one = *cmd;
        one.name = arena_alloc_zero(b->arena, name.size + 1, 1);
        if (one.name == NULL) return bind_no_memory(b);
        memcpy(one.name, name.data, name.size);
        if (++dropped == 1)
            ddl_notice(b, out, "drop cascades to column %s of %s", one.name,
                       ddl_object_text(b, (struct ddl_object){.table = c->old}));
        else
            ddl_notice(b, out, "drop cascades to %u other objects", dropped);
        TRY(drop_one_column(b, out, c, &one));
    }
}

static enum status drop_column(struct binder *b,
                               struct sql_statement *out,
                               struct ddl_change *c,
                               const PgQuery__AlterTableCmd *cmd)
{
    uint32_t at = 0;
    if (find_column(c, cmd->name, &at)) TRY(drop_generated_users(b, out, c, cmd));
    return drop_one_column(b, out, c, cmd);
}

/* The DEFAULT of a column, bound and of its type. */
static enum status bind_default(struct binder *b, struct expr **out, const struct catalog_column *c)
{
    const PgQuery__Node *n = NULL;
    struct span before = b->text;
    TRY(ddl_parse_expr(b, c->default_sql, &n));
    b->clause = CLAUSE_DEFAULT;
    TRY(bind_expr(b, out, n));
    b->clause = CLAUSE_NONE;
    b->text = before;
    struct coercion to = {
        .type = c->type, .typmod = c->typmod, .context = SQL_CAST_ASSIGNMENT, .column = c->name};
    return bind_coerce(b, out, &to);
}

static bool is_check(const PgQuery__Node *n)
{
    return n->constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_CHECK;
}

static enum status name_new(struct binder *b, struct ddl_change *c, uint32_t keys, uint32_t checks)
{
    for (uint32_t i = keys; i < c->now.key_count; i++) {
        TRY(ddl_model_name_key(b, &c->now, &c->now.keys[i]));
        if (c->now.keys[i].kind == CATALOG_PRIMARY) c->is_reshaped = true;
    }
    for (uint32_t i = checks; i < c->now.check_count; i++)
        TRY(ddl_model_name_check(b, &c->now, &c->now.checks[i]));
    if (checks < c->now.check_count) c->is_reshaped = true;
    return ST_OK;
}

/* The rows that are there take the first values of a new sequence, in their order. */
static enum status number_rows(struct binder *b, struct expr **out, const struct ddl_sequence *s)
{
    char text[128];
    (void)snprintf(text, sizeof text,
                   "(%" PRId64 " + (row_number() OVER (ORDER BY rowid) - 1) * %" PRId64 ")",
                   s->start, s->increment);
    const char *copy = arena_text(b->arena, text);
    struct expr *none[3] = {NULL, NULL, NULL};
    *out = copy == NULL ? NULL : bind_call(b, s->type, copy, none);
    return *out == NULL ? bind_no_memory(b) : ST_OK;
}

/* Computed from what the other columns are filled with. */
static enum status fill_generated(struct binder *b, struct ddl_change *c, uint32_t at)
{
    const uint32_t count = c->now.catalog.column_count;
    struct source *source = NULL;
    struct buf name;
    struct expr **values = arena_alloc_zero(b->arena, count, sizeof(struct expr *));
    if (values == NULL) return bind_no_memory(b);
    TRY(bind_table_source(b, &source, c->old, (struct span){0}));
    buf_init(&name, b->arena->mem, 0);
    sql_put_name(&name, c->old->sqlite_name);
    TRY(emit_finish(b, &name, &source->reference));
    for (uint32_t i = 0; i < count; i++) {
        values[i] = c->now.fills[i];
        if (values[i] == NULL && c->now.sources[i] != DDL_NEW_COLUMN)
            values[i] = bind_field(b, source, c->now.sources[i]);
        if (values[i] == NULL)
            TRY(write_default(b, &values[i],
                              &(struct catalog_column){.type = c->now.columns[i].type}));
        if (values[i] == NULL) return bind_no_memory(b);
    }
    return generated_value(b, &c->now.fills[at], &c->now.catalog, at, values);
}

static enum status add_column(struct binder *b,
                              struct sql_statement *out,
                              struct ddl_change *c,
                              const PgQuery__AlterTableCmd *cmd)
{
    struct ddl_table *t = &c->now;
    const PgQuery__ColumnDef *d = cmd->def->column_def;
    const uint32_t keys = t->key_count;
    const uint32_t checks = t->check_count;
    const uint32_t at = t->catalog.column_count;
    const uint32_t serials = t->serial_count;
    uint32_t same = 0;
    if (find_column(c, d->colname, &same)) {
        if (!cmd->missing_ok)
            return bind_fail(b, -1, "42701", "column \"%s\" of relation \"%.*s\" already exists",
                             d->colname, (int)t->catalog.name.size,
                             (const char *)t->catalog.name.data);
        ddl_notice(b, out, "column \"%s\" of relation \"%.*s\" already exists, skipping",
                   d->colname, (int)t->catalog.name.size, (const char *)t->catalog.name.data);
        return ST_OK;
    }
    TRY(ddl_model_add_column(b, t, d));
    for (size_t i = 0; i < d->n_constraints; i++)
        TRY(ddl_model_column_constraint(b, t, d->constraints[i]->constraint, at));
    for (size_t i = 0; i < d->n_constraints; i++)
        if (is_check(d->constraints[i]))
            TRY(ddl_model_add_check(b, t, d->constraints[i]->constraint));
    TRY(ddl_generated_check(b, t, d, at));
    TRY(ddl_model_column_foreigns(b, t, d, at));
    t->sources[at] = DDL_NEW_COLUMN;
    t->fills[at] = NULL;
    c->must_not_be_null[at] = t->columns[at].is_not_null;
    c->is_reshaped = true;
    TRY(name_new(b, c, keys, checks));
    if (t->columns[at].generated.size > 0) return fill_generated(b, c, at);
    if (t->serial_count > serials) return number_rows(b, &t->fills[at], &t->serials[serials]);
    if (t->columns[at].default_sql.size == 0) return ST_OK;
    return bind_default(b, &t->fills[at], &t->columns[at]);
}

static enum status set_default(struct binder *b,
                               struct ddl_change *c,
                               const PgQuery__AlterTableCmd *cmd)
{
    uint32_t at = 0;
    if (!find_column(c, cmd->name, &at)) return fail_column(b, c, cmd->name);
    if (c->now.columns[at].identity != 0)
        return bind_fail(b, -1, "42601", "column \"%s\" of relation \"%.*s\" is an identity column",
                         cmd->name, (int)c->now.catalog.name.size,
                         (const char *)c->now.catalog.name.data);
    if (c->now.columns[at].generated.size > 0) {
        (void)bind_fail(b, -1, "42601", "column \"%s\" of relation \"%.*s\" is a generated column",
                        cmd->name, (int)c->now.catalog.name.size,
                        (const char *)c->now.catalog.name.data);
        if (cmd->def == NULL)
            diag_hint(b->diag, "Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead.");
        return ST_INVALID;
    }
    c->now.columns[at].default_sql = (struct span){0};
    if (cmd->def == NULL) return ST_OK;
    PgQuery__Constraint constraint;
    pg_query__constraint__init(&constraint);
    PgQuery__Node value = *cmd->def;
    constraint.contype = PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT;
    constraint.raw_expr = &value;
    return ddl_model_column_constraint(b, &c->now, &constraint, at);
}

static enum status drop_expression(struct binder *b,
                                   struct sql_statement *out,
                                   struct ddl_change *c,
                                   const PgQuery__AlterTableCmd *cmd)
{
    const struct span table = c->now.catalog.name;
    uint32_t at = 0;
    if (!find_column(c, cmd->name, &at)) return fail_column(b, c, cmd->name);
    if (c->now.columns[at].generated.size > 0) {
        c->now.columns[at].generated = (struct span){0};
        return ST_OK;
    }
    if (!cmd->missing_ok)
        return bind_fail(b, -1, "55000",
                         "column \"%s\" of relation \"%.*s\" is not a stored generated column",
                         cmd->name, (int)table.size, (const char *)table.data);
    ddl_notice(b, out,
               "column \"%s\" of relation \"%.*s\" is not a stored generated column, skipping",
               cmd->name, (int)table.size, (const char *)table.data);
    return ST_OK;
}

static enum status add_identity(struct binder *b,
                                struct ddl_change *c,
                                const PgQuery__AlterTableCmd *cmd)
{
    uint32_t at = 0;
    if (!find_column(c, cmd->name, &at)) return fail_column(b, c, cmd->name);
    if (!c->now.columns[at].is_not_null)
        return bind_fail(b, -1, "55000",
                         "column \"%s\" of relation \"%.*s\" must be declared NOT NULL before "
                         "identity can be added",
                         cmd->name, (int)c->now.catalog.name.size,
                         (const char *)c->now.catalog.name.data);
    return ddl_model_column_constraint(b, &c->now, cmd->def->constraint, at);
}

static enum status set_not_null(struct binder *b,
                                struct ddl_change *c,
                                const PgQuery__AlterTableCmd *cmd,
                                bool is_not_null)
{
    uint32_t at = 0;
    if (!find_column(c, cmd->name, &at)) return fail_column(b, c, cmd->name);
    for (uint32_t i = 0; i < c->now.key_count && !is_not_null; i++)
        if (c->now.keys[i].kind == CATALOG_PRIMARY && key_uses(&c->now.keys[i], at))
            return bind_fail(b, -1, "42P16", "column \"%s\" is in a primary key", cmd->name);
    if (c->now.columns[at].is_not_null == is_not_null) return ST_OK;
    c->now.columns[at].is_not_null = is_not_null;
    c->must_not_be_null[at] = is_not_null;
    c->is_reshaped = true;
    return ST_OK;
}

/* --- TYPE ---------------------------------------------------------------------------------- */

/* Every value of the one is stored as the same value of the other. */
static bool is_same_storage(const struct catalog_column *from, const struct catalog_column *to)
{
    if (from->type == to->type)
        return from->typmod == to->typmod || (from->type == SQL_TEXT && to->typmod < 0);
    const bool grows = (from->type == SQL_INT2 && (to->type == SQL_INT4 || to->type == SQL_INT8)) ||
                       (from->type == SQL_INT4 && to->type == SQL_INT8);
    return grows;
}

static enum status convert(struct binder *b,
                           struct ddl_change *c,
                           uint32_t at,
                           const PgQuery__Node *using)
{
    struct catalog_column *column = &c->now.columns[at];
    struct source *source = NULL;
    struct buf name;
    struct expr *e = NULL;
    const struct coercion to = {.type = column->type,
                                .typmod = column->typmod,
                                .context = SQL_CAST_ASSIGNMENT,
                                .column = column->name};
    if (c->now.sources[at] == DDL_NEW_COLUMN) return ST_OK;
    if (using != NULL) {
        TRY(ddl_bind_expr(b, &e, c->old, using, false));
    } else {
        TRY(bind_table_source(b, &source, c->old, (struct span){0}));
        buf_init(&name, b->arena->mem, 0);
        sql_put_name(&name, c->old->sqlite_name);
        TRY(emit_finish(b, &name, &source->reference));
        e = bind_field(b, source, c->now.sources[at]);
        if (e == NULL) return bind_no_memory(b);
    }
    if (e->type != SQL_UNKNOWN && !type_can_coerce(e->type, to.type, SQL_CAST_ASSIGNMENT)) {
        const char *what = using == NULL ? "" : "result of USING clause for ";
        (void)bind_fail(b, -1, "42804", "%scolumn \"%.*s\" cannot be cast automatically to type %s",
                        what, (int)column->name.size, (const char *)column->name.data,
                        bind_type_name(b, to.type));
        if (using == NULL)
            diag_hint(b->diag, "You might need to specify \"USING %.*s::%s\".",
                      (int)column->name.size, (const char *)column->name.data,
                      bind_type_name(b, to.type));
        else
            diag_hint(b->diag, "You might need to add an explicit cast.");
        return ST_INVALID;
    }
    c->now.fills[at] = e;
    return bind_coerce(b, &c->now.fills[at], &to);
}

/* PostgreSQL would look at every row of both tables again. */
static enum status check_not_in_foreign(struct binder *b, const struct ddl_change *c, uint32_t at)
{
    bool is_in = false;
    for (uint32_t i = 0; i < c->now.foreign_count; i++)
        is_in =
            is_in || uses_position(c->now.foreigns[i].columns, c->now.foreigns[i].column_count, at);
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        const struct goes goes = {.column = c->now.sources[at]};
        for (uint32_t k = 0; k < t->index_count; k++)
            is_in = is_in || depends(c, &t->indexes[k], &goes);
    }
    if (!is_in) return ST_OK;
    return bind_unsupported(b, 0, "the type of a column of a foreign key cannot be changed",
                            "Drop the foreign key, and add it again.");
}

static enum status check_not_generated(struct binder *b, const struct ddl_change *c, uint32_t at)
{
    uint32_t user = 0;
    if (c->now.columns[at].generated.size > 0)
        return bind_unsupported(b, 0, "the type of a generated column cannot be changed",
                                "Drop the column, and add it again.");
    TRY(ddl_generated_user(b, &c->now, at, &user));
    if (user == UINT32_MAX) return ST_OK;
    const struct span name = c->now.columns[at].name;
    const struct span by = c->now.columns[user].name;
    (void)bind_fail(b, -1, "0A000", "cannot alter type of a column used by a generated column");
    diag_detail(b->diag, "Column \"%.*s\" is used by generated column \"%.*s\".", (int)name.size,
                (const char *)name.data, (int)by.size, (const char *)by.data);
    return ST_UNSUPPORTED;
}

static enum status set_type(struct binder *b,
                            struct ddl_change *c,
                            const PgQuery__AlterTableCmd *cmd)
{
    const PgQuery__ColumnDef *d = cmd->def->column_def;
    uint32_t at = 0;
    if (!find_column(c, cmd->name, &at)) return fail_column(b, c, cmd->name);
    struct catalog_column *column = &c->now.columns[at];
    const struct catalog_column before = *column;
    TRY(check_not_generated(b, c, at));
    TRY(bind_type(b, d->type_name, &column->type, &column->typmod));
    for (uint32_t i = 0; i < c->now.key_count; i++)
        if (key_uses(&c->now.keys[i], at) && column->type == SQL_NUMERIC && column->typmod < 0 &&
            c->now.keys[i].kind != CATALOG_INDEX)
            return bind_unsupported(b, -1, "a key over numeric without precision is not supported",
                                    "Use numeric(p,s): then equal values are equal bytes.");
    if (d->raw_default != NULL || !is_same_storage(&before, column)) {
        TRY(check_not_in_foreign(b, c, at));
        c->is_reshaped = true;
        TRY(convert(b, c, at, d->raw_default));
    }
    TRY(ddl_model_bind(b, &c->now));
    if (column->default_sql.size == 0) return ST_OK;
    struct expr *e = NULL;
    return bind_default(b, &e, column);
}

/* --- constraints --------------------------------------------------------------------------- */

static enum status check_name(struct binder *b, const struct ddl_change *c, const char *name)
{
    for (uint32_t i = 0; name != NULL && i < c->now.constraints.count; i++)
        if (span_equal(c->now.constraints.taken[i], bind_cstring(name)))
            return bind_fail(b, -1, "42710",
                             "constraint \"%s\" for relation \"%.*s\" already exists", name,
                             (int)c->now.catalog.name.size, (const char *)c->now.catalog.name.data);
    return ST_OK;
}

static enum status add_constraint(struct binder *b,
                                  struct ddl_change *c,
                                  const PgQuery__Constraint *constraint)
{
    struct ddl_table *t = &c->now;
    const uint32_t keys = t->key_count;
    const uint32_t checks = t->check_count;
    if (constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_CHECK) {
        if (constraint->skip_validation)
            return bind_unsupported(b, constraint->location,
                                    "NOT VALID is not supported for CHECK constraints",
                                    "Leave it out: rows that are there are checked.");
        TRY(check_name(b, c, constraint->conname));
        TRY(ddl_model_add_check(b, t, constraint));
        return name_new(b, c, keys, checks);
    }
    if (constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN)
        return ddl_foreign_add(b, t, constraint, UINT32_MAX);
    TRY(ddl_model_table_constraint(b, t, constraint));
    for (uint32_t i = keys; i < t->key_count; i++)
        for (uint32_t k = 0; k < t->keys[i].column_count; k++)
            c->must_not_be_null[t->keys[i].columns[k]] |= t->keys[i].kind == CATALOG_PRIMARY;
    return name_new(b, c, keys, checks);
}

static enum status drop_named(struct binder *b,
                              struct sql_statement *out,
                              struct ddl_change *c,
                              const PgQuery__AlterTableCmd *cmd)
{
    const struct span name = bind_cstring(cmd->name);
    const struct span table = c->now.catalog.name;
    for (uint32_t i = 0; i < c->now.key_count; i++) {
        enum catalog_index_kind kind = c->now.keys[i].kind;
        if (kind != CATALOG_PRIMARY && kind != CATALOG_UNIQUE) continue;
        if (!span_equal(c->now.keys[i].name, name)) continue;
        const struct goes goes = {.key = c->now.keys[i].id,
                                  .subject = printed_name(b, "constraint ", name, c),
                                  .on = printed_name(b, "index ", name, NULL),
                                  .is_cascade = is_cascade(cmd)};
        if (i < c->key_count) TRY(check_referrers(b, out, c, &goes));
        return remove_key(b, c, i);
    }
    for (uint32_t i = 0; i < c->now.foreign_count; i++)
        if (span_equal(c->now.foreigns[i].name, name)) return remove_foreign(b, c, i);
    for (uint32_t i = 0; i < c->now.check_count; i++)
        if (span_equal(c->now.checks[i].name, name)) return remove_check(b, c, i);
    if (!cmd->missing_ok)
        return bind_fail(b, -1, "42704", "constraint \"%s\" of relation \"%.*s\" does not exist",
                         cmd->name, (int)table.size, (const char *)table.data);
    ddl_notice(b, out, "constraint \"%s\" of relation \"%.*s\" does not exist, skipping", cmd->name,
               (int)table.size, (const char *)table.data);
    return ST_OK;
}

static struct ddl_foreign *find_foreign(struct ddl_change *c, const char *name)
{
    for (uint32_t i = 0; i < c->now.foreign_count; i++)
        if (span_equal(c->now.foreigns[i].name, bind_cstring(name))) return &c->now.foreigns[i];
    return NULL;
}

static bool is_any_constraint(const struct ddl_change *c, const char *name)
{
    for (uint32_t i = 0; i < c->now.key_count; i++)
        if (span_equal(c->now.keys[i].name, bind_cstring(name)) &&
            c->now.keys[i].kind != CATALOG_INDEX && c->now.keys[i].kind != CATALOG_UNIQUE_INDEX)
            return true;
    for (uint32_t i = 0; i < c->now.check_count; i++)
        if (span_equal(c->now.checks[i].name, bind_cstring(name))) return true;
    return false;
}

static enum status fail_constraint(struct binder *b,
                                   const struct ddl_change *c,
                                   const char *name,
                                   const char *otherwise)
{
    const struct span table = c->now.catalog.name;
    const bool is_there = is_any_constraint(c, name);
    return bind_fail(b, -1, is_there ? "42809" : "42704",
                     "constraint \"%s\" of relation \"%.*s\" %s", name, (int)table.size,
                     (const char *)table.data, is_there ? otherwise : "does not exist");
}

static enum status validate(struct binder *b,
                            struct ddl_change *c,
                            const PgQuery__AlterTableCmd *cmd)
{
    struct ddl_foreign *f = find_foreign(c, cmd->name);
    for (uint32_t i = 0; i < c->now.check_count; i++) /* A CHECK has been looked at. */
        if (span_equal(c->now.checks[i].name, bind_cstring(cmd->name))) return ST_OK;
    if (f == NULL)
        return fail_constraint(b, c, cmd->name, "is not a foreign key or check constraint");
    if (f->is_valid) return ST_OK;
    f->is_valid = true;
    c->to_check = bind_grow(b, c->to_check, c->to_check_count, sizeof *c->to_check);
    if (c->to_check == NULL) return bind_no_memory(b);
    c->to_check[c->to_check_count++] = f->id;
    return ST_OK;
}

static enum status alter_constraint(struct binder *b,
                                    struct ddl_change *c,
                                    const PgQuery__AlterTableCmd *cmd)
{
    const PgQuery__Constraint *d = cmd->def->constraint;
    struct ddl_foreign *f = find_foreign(c, d->conname);
    if (f == NULL) return fail_constraint(b, c, d->conname, "is not a foreign key constraint");
    f->is_deferrable = d->deferrable != 0 || d->initdeferred != 0;
    f->is_deferred = d->initdeferred != 0;
    return ST_OK;
}

/* --- the statement ------------------------------------------------------------------------- */

static enum status apply(struct binder *b,
                         struct sql_statement *out,
                         struct ddl_change *c,
                         const PgQuery__AlterTableCmd *cmd)
{
    switch ((int)cmd->subtype) {
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn: return add_column(b, out, c, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn: return drop_column(b, out, c, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault: return set_default(b, c, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull: return set_not_null(b, c, cmd, true);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull: return set_not_null(b, c, cmd, false);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType: return set_type(b, c, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint:
        return add_constraint(b, c, cmd->def->constraint);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropExpression: return drop_expression(b, out, c, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddIdentity: return add_identity(b, c, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint: return drop_named(b, out, c, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint: return validate(b, c, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterConstraint: return alter_constraint(b, c, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetStatistics:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetStorage:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ClusterOn:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropCluster:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ReplicaIdentity:
        ddl_notice(b, out, "storage parameters have no effect here");
        return ST_OK;
    default: break;
    }
    return bind_unsupported(b, 0, "this form of ALTER TABLE is not supported",
                            "docs/sql/statements.md lists what there is.");
}

enum status ddl_change_open(struct binder *b, struct ddl_change *c, size_t more)
{
    const size_t count = c->old->column_count + more;
    TRY(ddl_model_load(b, &c->now, c->old));
    c->key_count = c->now.key_count;
    c->check_count = c->now.check_count;
    c->foreign_count = c->now.foreign_count;
    c->now.sources = arena_alloc_zero(b->arena, count, sizeof *c->now.sources);
    c->now.fills = arena_alloc_zero(b->arena, count, sizeof(struct expr *));
    c->must_not_be_null = arena_alloc_zero(b->arena, count, sizeof(bool));
    if (c->now.sources == NULL || c->now.fills == NULL || c->must_not_be_null == NULL)
        return bind_no_memory(b);
    for (uint32_t i = 0; i < c->old->column_count; i++)
        c->now.sources[i] = i;
    return ST_OK;
}

/* The table; null with a notice: there is none, and IF EXISTS. */
static enum status find_table(struct binder *b,
                              struct sql_statement *out,
                              const PgQuery__AlterTableStmt *s,
                              const struct catalog_table **t)
{
    *t = bind_find_table(b, bind_cstring(s->relation->schemaname),
                         bind_cstring(s->relation->relname));
    if (*t == NULL && s->missing_ok) {
        ddl_notice(b, out, "relation \"%s\" does not exist, skipping", s->relation->relname);
        out->is_no_op = true;
        return ST_OK;
    }
    if (*t == NULL)
        return bind_fail(b, -1, "42P01", "relation \"%s%s%s\" does not exist",
                         s->relation->schemaname, s->relation->schemaname[0] == 0 ? "" : ".",
                         s->relation->relname);
    if ((*t)->id < CATALOG_FIRST_ID)
        return bind_fail(b, -1, "42501", "must be owner of table %s", s->relation->relname);
    return bind_access(b, *t, SQL_RIGHT_OWNER);
}

static const char *tag_of(PgQuery__ObjectType type)
{
    if (type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW) return "ALTER VIEW";
    return type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ? "ALTER SEQUENCE" : "ALTER TABLE";
}

/* Names and types of the columns, which views rely on: what constrains them does not count. */
static bool changes_form(const PgQuery__AlterTableStmt *s)
{
    for (size_t i = 0; i < s->n_cmds; i++) {
        const PgQuery__AlterTableType type = s->cmds[i]->alter_table_cmd->subtype;
        if (type != PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint &&
            type != PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault &&
            type != PG_QUERY__ALTER_TABLE_TYPE__AT_AddIdentity &&
            type != PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull)
            return true;
    }
    return false;
}

enum status compile_alter_table(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__AlterTableStmt *s = n->alter_table_stmt;
    struct ddl_change c = {0};
    out->kind = SQL_KIND_DDL;
    out->tag = tag_of(s->objtype);
    TRY(find_table(b, out, s, &c.old));
    if (c.old == NULL) return ST_OK;
    const PgQuery__AlterTableCmd *first = s->cmds[0]->alter_table_cmd;
    if (s->n_cmds == 1 && first->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner)
        return ddl_set_owner(b, out, c.old, first->newowner);
    if (c.old->relation != CATALOG_TABLE)
        return bind_unsupported(b, 0, "this form of ALTER is supported for tables only", NULL);
    if (changes_form(s)) TRY(ddl_check_views(b, c.old));
    TRY(ddl_change_open(b, &c, s->n_cmds));
    for (size_t i = 0; i < s->n_cmds; i++)
        TRY(apply(b, out, &c, s->cmds[i]->alter_table_cmd));
    return ddl_change_steps(b, out, &c);
}
