/* GRANT and REVOKE on tables, views, sequences, columns, schemas and ledgers.
 *
 * As in PostgreSQL each row of trustsql.grants has a grantor: the owner, whenever somebody acts for
 * it, else a role with the grant option. What one object is granted is copied from the catalog,
 * changed there, and what differs then becomes steps. The owner of an object has all rights
 * without a row, and they cannot be taken from it. */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "sql/role_int.h"

#define ON_COLUMNS (SQL_RIGHT_SELECT | SQL_RIGHT_INSERT | SQL_RIGHT_UPDATE | SQL_RIGHT_REFERENCES)

struct object {
    enum { OBJECT_TABLE, OBJECT_SEQUENCE, OBJECT_SCHEMA, OBJECT_LEDGER } class;
    uint64_t id;
    uint64_t owner; /* 0: the chain, for which its administrators act. */
    struct span name;
    const struct catalog_table *table; /* OBJECT_TABLE, OBJECT_SEQUENCE. */
};

struct acl { /* Of one object, as it becomes. */
    struct catalog_grant *rows;
    struct catalog_grant *before; /* The first before_count. */
    uint32_t count;
    uint32_t before_count;
};

struct grant {
    struct binder *b;
    struct sql_statement *out;
    const PgQuery__GrantStmt *stmt;
    struct role self;
    struct role *grantees; /* id 0: PUBLIC. */
    uint32_t grantee_count;
    struct object object; /* The one at hand. */
    struct acl acl;
    bool is_cascade;
};

struct wish { /* One privilege of the list, on the object at hand or one of its columns. */
    uint32_t part;
    uint32_t rights;
    bool is_all;
    uint64_t grantor;
};

/* --- names --------------------------------------------------------------------------------- */

static const char *class_name(const struct object *o)
{
    static const char *const names[] = {"table", "sequence", "schema", "database"};
    return o->class == OBJECT_TABLE ? sql_relation_kind(o->table) : names[o->class];
}

static uint32_t all_rights(const struct object *o)
{
    switch (o->class) {
    case OBJECT_TABLE:
        return SQL_RIGHT_SELECT | SQL_RIGHT_INSERT | SQL_RIGHT_UPDATE | SQL_RIGHT_DELETE |
               SQL_RIGHT_TRUNCATE | SQL_RIGHT_REFERENCES | SQL_RIGHT_TRIGGER;
    case OBJECT_SEQUENCE: return SQL_RIGHT_SELECT | SQL_RIGHT_UPDATE | SQL_RIGHT_USAGE;
    case OBJECT_SCHEMA: return SQL_RIGHT_USAGE | SQL_RIGHT_CREATE;
    case OBJECT_LEDGER: return SQL_RIGHT_CREATE | SQL_RIGHT_CONNECT | SQL_RIGHT_TEMPORARY;
    }
    must(false);
    return 0;
}

static const struct {
    const char *name;
    uint32_t right;
    const char *text;
} privileges[] = {
    {"select", SQL_RIGHT_SELECT, "SELECT"},
    {"insert", SQL_RIGHT_INSERT, "INSERT"},
    {"update", SQL_RIGHT_UPDATE, "UPDATE"},
    {"delete", SQL_RIGHT_DELETE, "DELETE"},
    {"truncate", SQL_RIGHT_TRUNCATE, "TRUNCATE"},
    {"references", SQL_RIGHT_REFERENCES, "REFERENCES"},
    {"trigger", SQL_RIGHT_TRIGGER, "TRIGGER"},
    {"usage", SQL_RIGHT_USAGE, "USAGE"},
    {"create", SQL_RIGHT_CREATE, "CREATE"},
    {"connect", SQL_RIGHT_CONNECT, "CONNECT"},
    {"temporary", SQL_RIGHT_TEMPORARY, "TEMPORARY"},
    {"temp", SQL_RIGHT_TEMPORARY, "TEMPORARY"},
    {"execute", 0, "EXECUTE"},
    {"set", 0, "SET"},
    {"alter system", 0, "ALTER SYSTEM"},
};

static enum status right_of_name(struct binder *b, const char *name, uint32_t *right, uint32_t *at)
{
    for (uint32_t i = 0; i < sizeof privileges / sizeof privileges[0]; i++) {
        if (strcmp(privileges[i].name, name) != 0) continue;
        *right = privileges[i].right;
        *at = i;
        return ST_OK;
    }
    return bind_fail(b, -1, "42601", "unrecognized privilege type \"%s\"", name);
}

/* PostgreSQL looks at USAGE once more when it knows that the relation is no sequence. */
static const char *kind_of(const struct object *o, uint32_t privilege, bool is_column)
{
    if (is_column) return "column";
    if (o->class != OBJECT_TABLE) return class_name(o);
    return privileges[privilege].right == SQL_RIGHT_USAGE ? "table" : "relation";
}

static enum status invalid_right(struct grant *g, uint32_t privilege, bool is_column)
{
    return bind_fail(g->b, -1, "0LP01", "invalid privilege type %s for %s",
                     privileges[privilege].text, kind_of(&g->object, privilege, is_column));
}

/* --- the list of one object ---------------------------------------------------------------- */

static enum status acl_load(struct grant *g)
{
    uint32_t count = 0;
    struct arena *a = g->b->arena;
    const struct catalog_grant *rows = sql_catalog_grants(g->b->catalog, g->object.id, &count);
    g->acl = (struct acl){.count = 0, .before_count = count};
    g->acl.before = arena_alloc_zero(a, (size_t)count + 1, sizeof *rows);
    if (g->acl.before == NULL) return bind_no_memory(g->b);
    for (uint32_t i = 0; i < count; i++) {
        g->acl.rows = bind_grow(g->b, g->acl.rows, i, sizeof *rows);
        if (g->acl.rows == NULL) return bind_no_memory(g->b);
        g->acl.rows[i] = rows[i];
        g->acl.before[i] = rows[i];
    }
    g->acl.count = count;
    return ST_OK;
}

static enum status acl_row(struct grant *g,
                           const struct wish *w,
                           uint64_t grantee,
                           struct catalog_grant **out)
{
    struct acl *a = &g->acl;
    for (uint32_t i = 0; i < a->count; i++) {
        *out = &a->rows[i];
        if (a->rows[i].part == w->part && a->rows[i].grantee == grantee &&
            a->rows[i].grantor == w->grantor)
            return ST_OK;
    }
    a->rows = bind_grow(g->b, a->rows, a->count, sizeof *a->rows);
    if (a->rows == NULL) return bind_no_memory(g->b);
    a->rows[a->count] = (struct catalog_grant){
        .object = g->object.id, .part = w->part, .grantee = grantee, .grantor = w->grantor};
    *out = &a->rows[a->count++];
    return ST_OK;
}

static enum status row_step(struct grant *g, const struct catalog_grant *r)
{
    struct buf text;
    ddl_step(g->b, &text);
    if (r->rights == 0)
        buf_printf(&text,
                   "DELETE FROM \"trustsql.grants\" WHERE object = %" PRIu64
                   " AND part = %u AND grantee = %" PRIu64 " AND grantor = %" PRIu64,
                   r->object, r->part, r->grantee, r->grantor);
    else
        buf_printf(&text,
                   "INSERT INTO \"trustsql.grants\"(object, part, grantee, grantor, rights, "
                   "options) VALUES(%" PRIu64 ", %u, %" PRIu64 ", %" PRIu64
                   ", %u, %u) ON CONFLICT(object, part, grantee, grantor) DO UPDATE SET "
                   "rights = excluded.rights, options = excluded.options",
                   r->object, r->part, r->grantee, r->grantor, r->rights, r->options);
    return ddl_step_end(g->b, g->out, &text);
}

static enum status acl_steps(struct grant *g)
{
    const struct acl *a = &g->acl;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct catalog_grant *r = &a->rows[i];
        const bool is_new = i >= a->before_count;
        if (is_new && r->rights == 0) continue;
        if (!is_new && a->before[i].rights == r->rights && a->before[i].options == r->options)
            continue;
        TRY(row_step(g, r));
    }
    return ST_OK;
}

/* --- who grants ---------------------------------------------------------------------------- */

static uint32_t bits(uint32_t set)
{
    uint32_t count = 0;
    for (; set != 0; set &= set - 1)
        count++;
    return count;
}

/* The options of a role on the whole and the part. */
static uint32_t options_of(const struct grant *g, uint64_t role, uint32_t part)
{
    uint32_t options = 0;
    for (uint32_t i = 0; i < g->acl.count; i++) {
        const struct catalog_grant *r = &g->acl.rows[i];
        if (r->grantee == role && (r->part == 0 || r->part == part)) options |= r->options;
    }
    return options;
}

static bool acts_as_owner(const struct grant *g)
{
    if (g->object.owner == 0) return g->self.is_admin;
    return sql_catalog_acts_as(g->b->catalog, g->self.id, g->object.owner);
}

/* The role that has most of what is wanted to grant: the owner, else one that the account acts as.
 */
static uint32_t best_grantor(const struct grant *g, struct wish *w)
{
    uint32_t best = 0;
    w->grantor = g->object.owner;
    if (acts_as_owner(g)) return w->rights;
    w->grantor = g->self.id;
    for (uint32_t i = 0; i < g->acl.count; i++) {
        const uint64_t role = g->acl.rows[i].grantee;
        if (g->acl.rows[i].options == 0) continue;
        if (!sql_catalog_acts_as(g->b->catalog, g->self.id, role)) continue;
        const uint32_t options = options_of(g, role, w->part) & w->rights;
        if (bits(options) <= bits(best)) continue;
        best = options;
        w->grantor = role;
    }
    return best;
}

/* Any right at all, then what cannot be granted is told; with none it is refused. */
static bool has_any(const struct grant *g, uint32_t part)
{
    const struct sql_catalog *c = g->b->catalog;
    uint32_t rights = g->object.table == NULL
                          ? sql_catalog_object_rights(c, g->object.id, g->object.owner, g->self.id)
                          : sql_catalog_rights(c, g->object.id, g->self.id);
    if (part > 0) rights |= sql_catalog_column_rights(c, g->object.id, part - 1, g->self.id);
    return rights != 0;
}

static enum status choose_grantor(struct grant *g, struct wish *w)
{
    const struct span name = g->object.name;
    const uint32_t can = best_grantor(g, w);
    const char *verb = g->stmt->is_grant ? "were granted" : "could be revoked";
    if (can == 0 && !has_any(g, w->part))
        return bind_fail(g->b, -1, "42501", "permission denied for %s %.*s", class_name(&g->object),
                         (int)name.size, (const char *)name.data);
    if (can == 0)
        ddl_notice(g->b, g->out, "no privileges %s for \"%.*s\"", verb, (int)name.size,
                   (const char *)name.data);
    else if (can != w->rights && !w->is_all)
        ddl_notice(g->b, g->out, "not all privileges %s for \"%.*s\"", verb, (int)name.size,
                   (const char *)name.data);
    w->rights = can;
    return ST_OK;
}

/* --- GRANT --------------------------------------------------------------------------------- */

/* Would the grantee's option lead back to the grantor? Options flow from the owner along rows. */
static bool leads_back(const struct grant *g, const struct wish *w, uint64_t grantee)
{
    uint64_t reached[64];
    uint32_t count = 0;
    reached[count++] = grantee;
    for (uint32_t at = 0; at < count; at++) {
        if (reached[at] == w->grantor) return true;
        for (uint32_t i = 0; i < g->acl.count && count < 64; i++) {
            const struct catalog_grant *r = &g->acl.rows[i];
            bool is_known = r->grantor != reached[at] || (r->options & w->rights) == 0;
            for (uint32_t k = 0; k < count; k++)
                is_known = is_known || reached[k] == r->grantee;
            if (!is_known) reached[count++] = r->grantee;
        }
    }
    return false;
}

static enum status grant_to(struct grant *g, const struct wish *w, const struct role *grantee)
{
    struct catalog_grant *row = NULL;
    const bool is_owner = grantee->id == g->object.owner && grantee->id != CATALOG_GRANTEE_ALL;
    if (is_owner) return ST_OK; /* It has all. */
    if (g->stmt->grant_option && grantee->id == CATALOG_GRANTEE_ALL)
        return bind_fail(g->b, -1, "0LP01", "grant options can only be granted to roles");
    if (g->stmt->grant_option && w->grantor != g->object.owner && leads_back(g, w, grantee->id))
        return bind_fail(g->b, -1, "0LP01",
                         "grant options cannot be granted back to your own grantor");
    TRY(acl_row(g, w, grantee->id, &row));
    must(row != NULL);
    row->rights |= w->rights;
    if (g->stmt->grant_option) row->options |= w->rights;
    return ST_OK;
}

/* --- REVOKE -------------------------------------------------------------------------------- */

/* What others had from a grantee who may not grant it any more goes too, or forbids it. Each round
 * takes options away, and nobody gets any: it ends. */
static enum status take_dependents(struct grant *g)
{
    bool has_changed = true;
    while (has_changed) {
        has_changed = false;
        for (uint32_t i = 0; i < g->acl.count; i++) {
            struct catalog_grant *r = &g->acl.rows[i];
            if (r->grantor == g->object.owner || r->rights == 0) continue;
            const uint32_t lost = r->rights & ~options_of(g, r->grantor, r->part);
            if (lost == 0) continue;
            if (!g->is_cascade) {
                (void)bind_fail(g->b, -1, "2BP01", "dependent privileges exist");
                diag_hint(g->b->diag, "Use CASCADE to revoke them too.");
                return ST_INVALID;
            }
            r->rights &= ~lost;
            r->options &= ~lost;
            has_changed = true;
        }
    }
    return ST_OK;
}

static enum status revoke_from(struct grant *g, const struct wish *w, const struct role *grantee)
{
    const bool is_owner = grantee->id == g->object.owner && grantee->id != CATALOG_GRANTEE_ALL;
    if (is_owner)
        return bind_unsupported(g->b, 0, "rights of an owner cannot be revoked",
                                "ALTER ... OWNER TO gives it to somebody else.");
    for (uint32_t i = 0; i < g->acl.count; i++) {
        struct catalog_grant *r = &g->acl.rows[i];
        const bool is_meant = r->part == w->part || (w->part == 0 && r->part > 0);
        if (!is_meant || r->grantee != grantee->id || r->grantor != w->grantor) continue;
        r->options &= ~w->rights;
        if (!g->stmt->grant_option) r->rights &= ~w->rights;
    }
    return take_dependents(g);
}

/* --- privileges of the list ---------------------------------------------------------------- */

static enum status apply(struct grant *g, struct wish w)
{
    TRY(choose_grantor(g, &w));
    for (uint32_t i = 0; w.rights != 0 && i < g->grantee_count; i++)
        TRY(g->stmt->is_grant ? grant_to(g, &w, &g->grantees[i])
                              : revoke_from(g, &w, &g->grantees[i]));
    return ST_OK;
}

static enum status find_column(struct grant *g, struct span name, uint32_t *part)
{
    const struct catalog_table *t = g->object.table;
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (!span_equal(t->columns[i].name, name)) continue;
        *part = i + 1;
        return ST_OK;
    }
    return bind_fail(g->b, -1, "42703", "column \"%.*s\" of relation \"%.*s\" does not exist",
                     (int)name.size, (const char *)name.data, (int)t->name.size,
                     (const char *)t->name.data);
}

/* SELECT (a, b) */
static enum status apply_columns(struct grant *g, const PgQuery__AccessPriv *p, struct wish w)
{
    if (g->object.table == NULL || g->object.class == OBJECT_SEQUENCE)
        return bind_fail(g->b, -1, "0LP01", "column privileges are only valid for relations");
    for (size_t i = 0; i < p->n_cols; i++) {
        TRY(find_column(g, bind_string(p->cols[i]), &w.part));
        TRY(apply(g, w));
    }
    return ST_OK;
}

static enum status apply_one(struct grant *g, const PgQuery__AccessPriv *p)
{
    const bool is_all = p->priv_name == NULL || p->priv_name[0] == 0;
    const bool is_column = p->n_cols > 0;
    const uint32_t allowed = is_column ? ON_COLUMNS : all_rights(&g->object);
    struct wish w = {.rights = allowed, .is_all = is_all};
    uint32_t privilege = 0;
    if (!is_all) TRY(right_of_name(g->b, p->priv_name, &w.rights, &privilege));
    if (!is_all && (w.rights & allowed) == 0) return invalid_right(g, privilege, is_column);
    return is_column ? apply_columns(g, p, w) : apply(g, w);
}

static enum status apply_list(struct grant *g)
{
    const PgQuery__GrantStmt *s = g->stmt;
    struct wish whole = {.is_all = s->n_privileges == 0};
    if (whole.is_all) whole.rights = all_rights(&g->object);
    TRY(acl_load(g));
    /* Rights on the whole are one wish, so that what cannot be granted is told once. */
    for (size_t i = 0; i < s->n_privileges; i++) {
        const PgQuery__AccessPriv *p = s->privileges[i]->access_priv;
        uint32_t right = 0;
        uint32_t privilege = 0;
        if (p->n_cols > 0 || p->priv_name == NULL || p->priv_name[0] == 0) {
            TRY(apply_one(g, p));
            continue;
        }
        TRY(right_of_name(g->b, p->priv_name, &right, &privilege));
        if ((right & all_rights(&g->object)) == 0) return invalid_right(g, privilege, false);
        whole.rights |= right;
    }
    if (whole.rights != 0) TRY(apply(g, whole));
    return acl_steps(g);
}

/* --- objects ------------------------------------------------------------------------------- */

static enum status on_table(struct grant *g, const struct catalog_table *t)
{
    g->object =
        (struct object){.class = t->relation == CATALOG_SEQUENCE ? OBJECT_SEQUENCE : OBJECT_TABLE,
                        .id = t->id,
                        .owner = t->owner,
                        .name = t->name,
                        .table = t};
    TRY(bind_access(g->b, t, SQL_RIGHT_RULE));
    return g->b->state == NULL ? ST_OK : apply_list(g);
}

static enum status on_relations(struct grant *g)
{
    const bool is_sequence = g->stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE;
    for (size_t i = 0; i < g->stmt->n_objects; i++) {
        const PgQuery__RangeVar *name = g->stmt->objects[i]->range_var;
        const struct catalog_table *t = NULL;
        TRY(bind_table(g->b, name, &t));
        if (t->id < CATALOG_FIRST_ID)
            return bind_fail(g->b, name->location, "42501", "must be owner of table %s",
                             name->relname);
        if (is_sequence && t->relation != CATALOG_SEQUENCE)
            return bind_fail(g->b, -1, "42809", "\"%s\" is not a sequence", name->relname);
        TRY(on_table(g, t));
    }
    return ST_OK;
}

static enum status find_schema(struct binder *b,
                               const PgQuery__Node *n,
                               const struct catalog_schema **out)
{
    const struct span name = bind_string(n);
    *out = sql_catalog_schema(b->catalog, name);
    if (*out != NULL) return ST_OK;
    return bind_fail(b, -1, "3F000", "schema \"%.*s\" does not exist", (int)name.size,
                     (const char *)name.data);
}

static enum status on_schemas(struct grant *g)
{
    for (size_t i = 0; i < g->stmt->n_objects; i++) {
        const struct catalog_schema *s = NULL;
        TRY(find_schema(g->b, g->stmt->objects[i], &s));
        g->object = (struct object){
            .class = OBJECT_SCHEMA, .id = s->id, .owner = s->owner, .name = s->name};
        if (g->b->state != NULL) TRY(apply_list(g));
    }
    return ST_OK;
}

static enum status on_ledgers(struct grant *g)
{
    for (size_t i = 0; i < g->stmt->n_objects; i++) {
        const struct span name = bind_string(g->stmt->objects[i]);
        const struct catalog_ledger *l = sql_catalog_ledger(g->b->catalog, name);
        if (l == NULL)
            return bind_fail(g->b, -1, "3D000", "database \"%.*s\" does not exist", (int)name.size,
                             (const char *)name.data);
        g->object = (struct object){
            .class = OBJECT_LEDGER, .id = l->id, .owner = l->owner, .name = l->name};
        if (g->b->state != NULL) TRY(apply_list(g));
    }
    return ST_OK;
}

/* ALL TABLES, ALL SEQUENCES IN SCHEMA. There are no functions. */
static enum status on_all(struct grant *g)
{
    const bool is_sequence = g->stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE;
    const bool is_table = g->stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE;
    for (size_t i = 0; i < g->stmt->n_objects; i++) {
        const struct catalog_schema *s = NULL;
        TRY(find_schema(g->b, g->stmt->objects[i], &s));
        TRY(bind_access_schema(g->b, s->name, SQL_RIGHT_USAGE));
        for (uint32_t k = 0; k < sql_catalog_table_count(g->b->catalog); k++) {
            const struct catalog_table *t = sql_catalog_table_at(g->b->catalog, k);
            const bool is_meant = t->relation == CATALOG_SEQUENCE ? is_sequence : is_table;
            if (is_meant && t->id >= CATALOG_FIRST_ID && span_equal(t->schema, s->name))
                TRY(on_table(g, t));
        }
    }
    return ST_OK;
}

static enum status on_objects(struct grant *g)
{
    if (g->stmt->targtype == PG_QUERY__GRANT_TARGET_TYPE__ACL_TARGET_ALL_IN_SCHEMA)
        return on_all(g);
    switch ((int)g->stmt->objtype) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE: return on_relations(g);
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA: return on_schemas(g);
    case PG_QUERY__OBJECT_TYPE__OBJECT_DATABASE: return on_ledgers(g);
    default: break;
    }
    return bind_unsupported(g->b, 0,
                            "rights are supported on tables, columns, sequences, schemas and "
                            "databases",
                            NULL);
}

/* --- the statement ------------------------------------------------------------------------- */

static enum status find_grantees(struct grant *g)
{
    struct binder *b = g->b;
    g->grantees = arena_alloc_zero(b->arena, g->stmt->n_grantees + 1, sizeof *g->grantees);
    if (g->grantees == NULL) return bind_no_memory(b);
    for (size_t i = 0; i < g->stmt->n_grantees; i++) {
        const PgQuery__RoleSpec *spec = g->stmt->grantees[i]->role_spec;
        struct role *role = &g->grantees[g->grantee_count++];
        if (spec->roletype != PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC)
            TRY(role_of_spec(b, spec, role));
    }
    return ST_OK;
}

static enum status find_roles(struct grant *g)
{
    struct role grantor;
    TRY(role_self(g->b, &g->self));
    TRY(find_grantees(g));
    if (g->stmt->grantor == NULL) return ST_OK;
    TRY(role_of_spec(g->b, g->stmt->grantor, &grantor));
    if (grantor.id == g->self.id) return ST_OK;
    return bind_fail(g->b, -1, "0A000", "grantor must be current user");
}

enum status compile_grant(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    if (b->exec_version < 4) return compile_old_grant(b, out, n);
    struct grant g = {.b = b, .out = out, .stmt = n->grant_stmt};
    g.is_cascade = g.stmt->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
    out->kind = g.stmt->is_grant ? SQL_KIND_GRANT : SQL_KIND_REVOKE;
    out->tag = g.stmt->is_grant ? "GRANT" : "REVOKE";
    if (b->state != NULL) TRY(find_roles(&g));
    TRY(on_objects(&g));
    if (out->step_count == 0) return ST_OK;
    return ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}
