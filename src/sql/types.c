/* Types: their names, which convert into which, and the common type of several expressions.
 * PostgreSQL's rules (manual, chapter 10), over the types that exist here. */
#include <stdio.h>

#include "base/must.h"
#include "sql/bind_int.h"
#include "sql/float.h"
#include "sql/interval.h"
#include "sql/numeric.h"

struct type_entry {
    const char *name;   /* As the grammar leaves it: "int4" for integer. */
    enum sql_type type; /* SQL_VOID: known to PostgreSQL, not here. */
    const char *hint;   /* Where it is not there, or was not before its exec_version. */
};

static const struct type_entry type_entries[] = {
    {"int4", SQL_INT4, NULL},
    {"int8", SQL_INT8, NULL},
    {"int2", SQL_INT2, NULL},
    {"text", SQL_TEXT, NULL},
    {"bool", SQL_BOOL, NULL},
    {"bytea", SQL_BYTEA, NULL},
    {"numeric", SQL_NUMERIC, NULL},
    {"timestamptz", SQL_TIMESTAMPTZ, NULL},
    {"varchar", SQL_TEXT, NULL},
    {"float4", SQL_FLOAT4, "Use numeric: binary floating point differs between machines."},
    {"float8", SQL_FLOAT8, "Use numeric: binary floating point differs between machines."},
    {"bpchar", SQL_BPCHAR, "Use text or varchar(n)."},
    {"serial", SQL_VOID, "Use integer and give the values."},
    {"bigserial", SQL_VOID, "Use bigint and give the values."},
    {"smallserial", SQL_VOID, "Use smallint and give the values."},
    {"timestamp", SQL_TIMESTAMP, "Use timestamptz."},
    {"date", SQL_DATE, "Use timestamptz."},
    {"time", SQL_TIME, "Use timestamptz."},
    {"timetz", SQL_VOID, "Use timestamptz."},
    {"interval", SQL_INTERVAL, "Use bigint for a number of seconds."},
    {"uuid", SQL_UUID, "Use text or bytea."},
    {"json", SQL_JSON, "Use text."},
    {"jsonb", SQL_JSONB, "Use text."},
    {"xml", SQL_VOID, "Use text."},
    {"money", SQL_VOID, "Use numeric(p,s)."},
    {"bit", SQL_VOID, "Use bytea."},
    {"varbit", SQL_VOID, "Use bytea."},
    {"inet", SQL_VOID, "Use text."},
    {"cidr", SQL_VOID, "Use text."},
    {"char", SQL_CHAR, "Use text."},
    {"name", SQL_NAME, "Use text."},
    {"oid", SQL_OID, "Use bigint."},
    {"regclass", SQL_REGCLASS, "Use text."},
    {"regtype", SQL_REGTYPE, "Use text."},
    {"regproc", SQL_REGPROC, "Use text."},
    {"macaddr", SQL_VOID, "Use text."},
    {"macaddr8", SQL_VOID, "Use text."},
    {"tsvector", SQL_VOID, "Use text."},
    {"tsquery", SQL_VOID, "Use text."},
    {"jsonpath", SQL_VOID, "Use text."},
    {"point", SQL_VOID, "Use a numeric column for each part."},
    {"line", SQL_VOID, "Use a numeric column for each part."},
    {"lseg", SQL_VOID, "Use a numeric column for each part."},
    {"box", SQL_VOID, "Use a numeric column for each part."},
    {"path", SQL_VOID, "Use a numeric column for each part."},
    {"polygon", SQL_VOID, "Use a numeric column for each part."},
    {"circle", SQL_VOID, "Use a numeric column for each part."},
    {"int4range", SQL_VOID, "Use a column for each end."},
    {"int8range", SQL_VOID, "Use a column for each end."},
    {"numrange", SQL_VOID, "Use a column for each end."},
    {"daterange", SQL_VOID, "Use a column for each end."},
    {"tsrange", SQL_VOID, "Use a column for each end."},
    {"tstzrange", SQL_VOID, "Use a column for each end."},
    {"pg_lsn", SQL_VOID, "Use bigint."},
    {"xid", SQL_XID, "Use bigint."},
    {"int2vector", SQL_INT2VECTOR, "Use smallint[]."},
    {"oidvector", SQL_OIDVECTOR, "Use bigint[]."},
    {"regnamespace", SQL_REGNAMESPACE, "Use text."},
    {"regrole", SQL_REGROLE, "Use text."},
    {"aclitem", SQL_ACLITEM, "Use text."},
    {"pg_node_tree", SQL_NODE_TREE, "Use text."},
    {"record", SQL_VOID, "Use a column for each part."},
};

bool bind_is_type(struct span name)
{
    for (size_t i = 0; i < sizeof type_entries / sizeof type_entries[0]; i++)
        if (span_equal(name, span_text(type_entries[i].name))) return true;
    return false;
}

/* This program knows it, and the exec_version has it. */
static bool has_type(const struct binder *b, const struct type_entry *e)
{
    const uint32_t since = e->type == SQL_VOID ? 0 : sql_type_info(e->type)->since;
    if (since == SQL_SINCE_READS && b->is_write) return false;
    return e->type != SQL_VOID && since <= b->exec_version;
}

/* integer[], of one dimension. */
static bool has_array(const struct binder *b,
                      const struct type_entry *e,
                      const PgQuery__TypeName *name)
{
    return name->n_array_bounds == 1 && b->exec_version >= TYPES_SINCE &&
           sql_type_info(e->type)->array != 0;
}

static enum status find_type(struct binder *b,
                             const PgQuery__TypeName *name,
                             const struct type_entry **out)
{
    struct span last = {0};
    if (name->n_names > 0) last = bind_string(name->names[name->n_names - 1]);
    for (size_t i = 0; i < sizeof type_entries / sizeof type_entries[0]; i++) {
        const struct type_entry *e = &type_entries[i];
        if (!span_equal(span_text(e->name), last)) continue;
        if (!has_type(b, e) || name->setof || name->pct_type) break;
        if (name->n_array_bounds > 0 && !has_array(b, e, name)) break;
        *out = e;
        return ST_OK;
    }
    for (size_t i = 0; i < sizeof type_entries / sizeof type_entries[0]; i++) {
        const struct type_entry *e = &type_entries[i];
        if (!span_equal(span_text(e->name), last)) continue;
        const char *hint = has_type(b, e) ? "Use a table for several values." : e->hint;
        char what[96];
        (void)snprintf(what, sizeof what, "type %s%s is not supported", e->name,
                       name->n_array_bounds > 0 ? "[]" : "");
        return bind_unsupported(b, name->location, what, hint);
    }
    return bind_fail(b, name->location, "42704", "type \"%.*s\" does not exist", (int)last.size,
                     last.data == NULL ? "" : (const char *)last.data);
}

bool bind_type_of_name(const struct binder *b, struct span name, enum sql_type *type)
{
    for (size_t i = 0; i < sizeof type_entries / sizeof type_entries[0]; i++) {
        if (!span_equal(name, span_text(type_entries[i].name)) || !has_type(b, &type_entries[i]))
            continue;
        *type = type_entries[i].type;
        return true;
    }
    return false;
}

static enum status integer_typmods(struct binder *b,
                                   const PgQuery__TypeName *name,
                                   int32_t out[static 2])
{
    if (name->n_typmods > 2) return bind_fail(b, name->location, "22023", "invalid type modifier");
    for (size_t i = 0; i < name->n_typmods; i++) {
        const PgQuery__Node *n = name->typmods[i];
        bool is_integer = n->node_case == PG_QUERY__NODE__NODE_A_CONST && !n->a_const->isnull &&
                          n->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL;
        if (!is_integer)
            return bind_fail(b, name->location, "22023",
                             "type modifiers must be integer constants");
        out[i] = n->a_const->ival->ival;
    }
    return ST_OK;
}

static enum status numeric_modifier(struct binder *b,
                                    const PgQuery__TypeName *name,
                                    const int32_t given[static 2],
                                    int32_t *typmod)
{
    const int32_t max = (int32_t)NUMERIC_PRECISION_MAX;
    if (given[0] < 1 || given[0] > max)
        return bind_fail(b, name->location, "22023",
                         "NUMERIC precision %d must be between 1 and %d", given[0], max);
    int32_t scale = name->n_typmods == 2 ? given[1] : 0;
    if (scale < -max || scale > max)
        return bind_fail(b, name->location, "22023", "NUMERIC scale %d must be between %d and %d",
                         scale, -max, max);
    *typmod = numeric_typmod((uint32_t)given[0], scale);
    return ST_OK;
}

/* varchar(n), char(n) */
static enum status length_modifier(struct binder *b,
                                   const PgQuery__TypeName *name,
                                   int32_t given,
                                   int32_t *typmod)
{
    const struct span last = bind_string(name->names[name->n_names - 1]);
    const bool is_varchar = span_equal(last, span_text("varchar"));
    if (given < 1)
        return bind_fail(b, name->location, "22023", "length for type %s must be at least 1",
                         is_varchar ? "varchar" : "char");
    if (given > (int32_t)SQL_VALUE_MAX)
        return bind_fail(b, name->location, "22023", "length for type %s cannot exceed %u",
                         is_varchar ? "varchar" : "char", SQL_VALUE_MAX);
    *typmod = given + 4;
    return ST_OK;
}

/* time(p), timestamp(p): PostgreSQL takes 6 for more, with a warning. */
static enum status clock_modifier(struct binder *b,
                                  const PgQuery__TypeName *name,
                                  int32_t given,
                                  int32_t *typmod)
{
    if (given < 0)
        return bind_fail(b, -1, "22023", "%s precision must not be negative",
                         (const char *)bind_string(name->names[name->n_names - 1]).data);
    *typmod = given > 6 ? 6 : given;
    return ST_OK;
}

/* interval(p), interval year to month, interval second(p): fields in the upper half, digits in the
 * lower. */
static enum status interval_modifier(struct binder *b,
                                     const PgQuery__TypeName *name,
                                     const int32_t given[static 2],
                                     int32_t *typmod)
{
    uint32_t digits = 0xFFFFu;
    if (name->n_typmods == 2) {
        if (given[1] < 0)
            return bind_fail(b, -1, "22023", "INTERVAL(%d) precision must not be negative",
                             given[1]);
        digits = given[1] > 6 ? 6u : (uint32_t)given[1];
    }
    *typmod = (int32_t)(((uint32_t)given[0] & INTERVAL_ALL) << 16 | digits);
    return ST_OK;
}

enum status bind_type(struct binder *b,
                      const PgQuery__TypeName *name,
                      enum sql_type *type,
                      int32_t *typmod)
{
    const struct type_entry *e = NULL;
    TRY(find_type(b, name, &e));
    must(e != NULL);
    int32_t given[2] = {0, 0};
    TRY(integer_typmods(b, name, given));
    *type = name->n_array_bounds > 0 ? sql_type_info(e->type)->array : e->type;
    *typmod = -1;
    if (name->n_typmods == 0) return ST_OK;
    if (name->n_array_bounds > 0 && e->type != SQL_BPCHAR)
        return bind_unsupported(b, name->location,
                                "a type modifier for the elements of an array is not supported",
                                "Leave it out.");
    if (name->n_array_bounds > 0)
        return bind_unsupported(b, name->location, "arrays of char(n) are not supported",
                                "Use text[].");
    if (e->type == SQL_NUMERIC) return numeric_modifier(b, name, given, typmod);
    bool is_varchar = strcmp(e->name, "varchar") == 0;
    if ((is_varchar || e->type == SQL_BPCHAR) && name->n_typmods == 1)
        return length_modifier(b, name, given[0], typmod);
    if (e->type == SQL_TIMESTAMPTZ)
        TRY(bind_needs_or(b, 4, name->location, "timestamptz(p) is not supported",
                          "Use timestamptz: it keeps microseconds."));
    if (e->type == SQL_INTERVAL) return interval_modifier(b, name, given, typmod);
    bool is_clock = e->type == SQL_TIME || e->type == SQL_TIMESTAMP || e->type == SQL_TIMESTAMPTZ;
    if (is_clock && name->n_typmods == 1) return clock_modifier(b, name, given[0], typmod);
    return bind_fail(b, name->location, "42601", "type modifier is not allowed for type \"%s\"",
                     e->name);
}

/* --- coercion ------------------------------------------------------------------------------ */

bool type_can_coerce(enum sql_type from, enum sql_type to, enum sql_cast_context context)
{
    if (from == to || from == SQL_UNKNOWN || to == SQL_UNKNOWN) return true;
    const struct sql_cast *cast = sql_cast_find(from, to);
    return cast != NULL && cast->context <= context;
}

static enum status settle_const(struct binder *b,
                                struct expr *e,
                                enum sql_type type,
                                int32_t typmod)
{
    struct sql_value value = {.type = type, .is_null = e->value.is_null};
    if (!e->value.is_null) {
        enum status st = sql_value_parse(&value, b->arena, type, typmod, e->value.bytes, b->diag);
        if (st != ST_OK) {
            parse_position(b->diag, b->text, e->position);
            return st;
        }
    }
    e->value = value;
    e->type = type;
    if (type == SQL_NUMERIC && !value.is_null) e->scale = (int32_t)numeric_scale(value.bytes);
    return ST_OK;
}

static enum status settle_param(struct binder *b, struct expr *e, enum sql_type type)
{
    must(e->param >= 1 && e->param <= b->param_count);
    enum sql_type *known = &b->param_types[e->param - 1];
    if (*known != SQL_UNKNOWN && *known != type) {
        const char *first = bind_type_name(b, *known);
        const char *second = bind_type_name(b, type);
        (void)bind_fail(b, e->position, "42P08", "inconsistent types deduced for parameter $%u",
                        e->param);
        diag_detail(b->diag, "%s versus %s", first, second);
        return ST_INVALID;
    }
    *known = type;
    e->type = type;
    return ST_OK;
}

static enum status fit(struct binder *b, struct expr **e, const struct coercion *to)
{
    if (to->typmod < 0 || (*e)->typmod == to->typmod) return ST_OK;
    const char *template = sql_fit_template(to->type, to->context == SQL_CAST_ASSIGNMENT);
    if (template == NULL) return ST_OK;
    struct expr *typmod = bind_new_expr(b, EXPR_CONST, SQL_INT4, (*e)->position);
    if (typmod == NULL) return bind_no_memory(b);
    typmod->value = (struct sql_value){.type = SQL_INT4, .integer = to->typmod};
    struct expr *call = bind_call(b, to->type, template, (struct expr *[3]){*e, typmod});
    if (call == NULL) return bind_no_memory(b);
    call->typmod = to->typmod;
    if (to->type == SQL_NUMERIC) {
        int32_t scale = numeric_typmod_scale(to->typmod);
        call->scale = scale < 0 ? 0 : scale;
    }
    *e = call;
    return ST_OK;
}

static enum status coercion_failed(struct binder *b,
                                   const struct expr *e,
                                   const struct coercion *to)
{
    const char *from_name = bind_type_name(b, e->type);
    const char *to_name = bind_type_name(b, to->type);
    if (to->column.size == 0)
        return bind_fail(b, e->position, "42846", "cannot cast type %s to %s", from_name, to_name);
    (void)bind_fail(b, e->position, "42804",
                    "column \"%.*s\" is of type %s but expression is of type %s",
                    (int)to->column.size, (const char *)to->column.data, to_name, from_name);
    diag_hint(b->diag, "You will need to rewrite or cast the expression.");
    return ST_INVALID;
}

/* A cast to a type that stands for an object looks that up: in plain reads, by the search path. */
static enum status cast_to_reg(struct binder *b, struct expr **e, const struct sql_cast *cast)
{
    struct expr *path = NULL;
    TRY(bind_reads_system(b, (*e)->position));
    TRY(bind_system_path(b, &path));
    *e = bind_call(b, cast->to, cast->sqlite, (struct expr *[3]){*e, path});
    return *e == NULL ? bind_no_memory(b) : ST_OK;
}

enum status bind_coerce(struct binder *b, struct expr **e, const struct coercion *to)
{
    const bool is_reg = sql_type_is_reg(to->type);
    if (is_reg && (*e)->type == SQL_UNKNOWN) TRY(bind_coerce_implicit(b, e, SQL_TEXT));
    must(*e != NULL);
    if (is_reg && (*e)->type != to->type) {
        const struct sql_cast *cast = sql_cast_find((*e)->type, to->type);
        if (cast == NULL || cast->context > to->context) return coercion_failed(b, *e, to);
        return cast_to_reg(b, e, cast);
    }
    if ((*e)->type == SQL_UNKNOWN) {
        must((*e)->kind == EXPR_CONST || (*e)->kind == EXPR_PARAM);
        if ((*e)->kind == EXPR_CONST)
            TRY(settle_const(b, *e, to->type, to->type == SQL_INTERVAL ? to->typmod : -1));
        else
            TRY(settle_param(b, *e, to->type));
    } else if ((*e)->type != to->type) {
        const struct sql_cast *cast = sql_cast_find((*e)->type, to->type);
        if (cast == NULL || cast->context > to->context) return coercion_failed(b, *e, to);
        struct expr *call = bind_call(b, to->type, cast->sqlite, (struct expr *[3]){*e});
        if (call == NULL) return bind_no_memory(b);
        const bool is_whole =
            (*e)->type == SQL_INT2 || (*e)->type == SQL_INT4 || (*e)->type == SQL_INT8;
        if (to->type == SQL_NUMERIC && is_whole) call->scale = 0;
        *e = call;
    }
    TRY(fit(b, e, to));
    const bool is_float = to->type == SQL_FLOAT4 || to->type == SQL_FLOAT8;
    /* Columns hold no -0: there equal numbers are equal integers. */
    return is_float && to->context == SQL_CAST_ASSIGNMENT ? bind_canonical(b, e) : ST_OK;
}

enum status bind_coerce_implicit(struct binder *b, struct expr **e, enum sql_type type)
{
    struct coercion to = {.type = type, .typmod = -1, .context = SQL_CAST_IMPLICIT};
    return bind_coerce(b, e, &to);
}

enum status bind_settle(struct binder *b, struct expr **e)
{
    return (*e)->type == SQL_UNKNOWN ? bind_coerce_implicit(b, e, SQL_TEXT) : ST_OK;
}

enum status bind_condition(struct binder *b, struct expr **e, const char *clause)
{
    if (type_can_coerce((*e)->type, SQL_BOOL, SQL_CAST_IMPLICIT))
        return bind_coerce_implicit(b, e, SQL_BOOL);
    return bind_fail(b, (*e)->position, "42804", "argument of %s must be type boolean, not type %s",
                     clause, bind_type_name(b, (*e)->type));
}

/* --- common type --------------------------------------------------------------------------- */

static bool is_number(enum sql_type type)
{
    return type == SQL_INT2 || type == SQL_INT4 || type == SQL_INT8 || type == SQL_NUMERIC;
}

/* The rule before exec_version 4, when the only types of one category were numbers. */
static bool can_match(const struct binder *b, enum sql_type left, enum sql_type right)
{
    if (b->exec_version < TYPES_SINCE) return is_number(left) && is_number(right);
    return sql_type_info(left)->category == sql_type_info(right)->category;
}

enum status bind_common_type(struct binder *b,
                             struct expr *const *items,
                             uint32_t count,
                             const char *construct,
                             enum sql_type *type)
{
    enum sql_type common = SQL_UNKNOWN;
    for (uint32_t i = 0; i < count; i++) {
        enum sql_type next = items[i]->type;
        if (next == SQL_UNKNOWN || next == common) continue;
        if (common == SQL_UNKNOWN) {
            common = next;
            continue;
        }
        if (!can_match(b, common, next))
            return bind_fail(b, items[i]->position, "42804", "%s types %s and %s cannot be matched",
                             construct, bind_type_name(b, common), bind_type_name(b, next));
        const bool goes_up = !sql_type_info(common)->is_preferred &&
                             type_can_coerce(common, next, SQL_CAST_IMPLICIT) &&
                             !type_can_coerce(next, common, SQL_CAST_IMPLICIT);
        if (goes_up) common = next;
    }
    *type = common == SQL_UNKNOWN ? SQL_TEXT : common;
    return ST_OK;
}

int32_t bind_common_typmod(struct expr *const *items, uint32_t count)
{
    must(count > 0);
    for (uint32_t i = 1; i < count; i++)
        if (items[i]->typmod != items[0]->typmod) return -1;
    return items[0]->typmod;
}

enum status bind_coerce_all(struct binder *b,
                            struct expr **items,
                            uint32_t count,
                            const char *construct,
                            enum sql_type *type)
{
    TRY(bind_common_type(b, items, count, construct, type));
    for (uint32_t i = 0; i < count; i++)
        TRY(bind_coerce_implicit(b, &items[i], *type));
    return ST_OK;
}
