/* Which operator or function is meant: PostgreSQL's rules (manual, 10.2 and 10.3) over the tables
 * of functions.h. */
#include <stdio.h>

#include "base/must.h"
#include "sql/bind_int.h"
#include "sql/float.h"
#include "sql/numeric.h"
#include "sql/postgres.h"

#define CANDIDATES_MAX  64u
#define CONCAT_ARGS_MAX 100u /* SQLite allows 127 arguments. */

struct choice {
    enum sql_function_kind kind;
    struct span name;
    struct expr **args;
    uint32_t arg_count;
    int32_t position;
    bool is_ordered;
    const struct sql_function *found[CANDIDATES_MAX];
    uint32_t count;
};

static enum sql_type arg_type(const struct sql_function *f, uint32_t index)
{
    uint32_t last = (uint32_t)f->arg_count - 1;
    return f->args[index < f->arg_count ? index : last];
}

static bool takes_count(const struct sql_function *f, uint32_t count)
{
    return f->arg_count == count || (f->is_variadic && count >= f->arg_count);
}

static bool takes_args(const struct sql_function *f, const struct choice *c)
{
    for (uint32_t i = 0; i < c->arg_count; i++) {
        const enum sql_type type = arg_type(f, i);
        if (type == SQL_ANYARRAY || type == SQL_ANYELEMENT) continue;
        const bool is_array = sql_type_is_array(c->args[i]->type);
        if (type == SQL_UNKNOWN && is_array && f->kind == SQL_OPERATOR) return false;
        if (!type_can_coerce(c->args[i]->type, type, SQL_CAST_IMPLICIT)) return false;
    }
    return !polymorph_is(f) || polymorph_element(f, c->args, c->arg_count) != SQL_VOID;
}

static uint32_t exact_args(const struct sql_function *f, const struct choice *c)
{
    uint32_t exact = 0;
    for (uint32_t i = 0; i < c->arg_count; i++)
        exact += c->args[i]->type == arg_type(f, i) && c->args[i]->type != SQL_UNKNOWN;
    return exact;
}

/* Arguments that need a conversion and would get text or bool, the preferred types that exist. */
static uint32_t preferred_args(const struct sql_function *f, const struct choice *c)
{
    uint32_t preferred = 0;
    for (uint32_t i = 0; i < c->arg_count; i++) {
        enum sql_type type = arg_type(f, i);
        preferred += type == c->args[i]->type || type == SQL_TEXT || type == SQL_BOOL ||
                     type == SQL_TIMESTAMPTZ;
    }
    return preferred;
}

/* The same by category: exec_version 4. An argument that needs a conversion and would get the
 * preferred type of its own category. */
static uint32_t preferred_or_exact(const struct sql_function *f, const struct choice *c)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->arg_count; i++) {
        const struct sql_type_info *given = sql_type_info(c->args[i]->type);
        const struct sql_type_info *wanted = sql_type_info(arg_type(f, i));
        if (given->type == SQL_UNKNOWN) continue;
        count += given == wanted || (wanted->is_preferred && wanted->category == given->category);
    }
    return count;
}

typedef uint32_t rank_fn(const struct sql_function *f, const struct choice *c);

static void keep_best(struct choice *c, rank_fn *rank)
{
    uint32_t best = 0;
    for (uint32_t i = 0; i < c->count; i++)
        if (rank(c->found[i], c) > best) best = rank(c->found[i], c);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < c->count; i++)
        if (rank(c->found[i], c) == best) c->found[kept++] = c->found[i];
    c->count = kept;
}

/* Unknown arguments: as if they had the one type of the known ones; else text where one candidate
 * takes it. */
static uint32_t guessed_args(const struct sql_function *f, const struct choice *c)
{
    enum sql_type known = SQL_UNKNOWN;
    for (uint32_t i = 0; i < c->arg_count; i++) {
        if (c->args[i]->type == SQL_UNKNOWN) continue;
        if (known != SQL_UNKNOWN && known != c->args[i]->type) return 0;
        known = c->args[i]->type;
    }
    uint32_t matching = 0;
    for (uint32_t i = 0; i < c->arg_count; i++) {
        if (c->args[i]->type != SQL_UNKNOWN) continue;
        enum sql_type type = arg_type(f, i);
        matching += known == SQL_UNKNOWN ? type == SQL_TEXT : type == known;
    }
    return matching;
}

/* Step 4.e of the manual's 10.3: an untyped argument takes the category that all candidates agree
 * on, or text where one takes text, and in it the preferred type where one takes that. */
static void keep_category(struct choice *c, uint32_t arg)
{
    char category = 0;
    bool is_mixed = false;
    for (uint32_t i = 0; i < c->count; i++) {
        const char next = sql_type_info(arg_type(c->found[i], arg))->category;
        is_mixed = is_mixed || (category != 0 && category != 'S' && next != category);
        if (category != 'S') category = next;
    }
    if (is_mixed && category != 'S') return;
    bool has_preferred = false;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct sql_type_info *t = sql_type_info(arg_type(c->found[i], arg));
        has_preferred = has_preferred || (t->category == category && t->is_preferred);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct sql_type_info *t = sql_type_info(arg_type(c->found[i], arg));
        if (t->category == category && (t->is_preferred || !has_preferred))
            c->found[kept++] = c->found[i];
    }
    c->count = kept;
}

/* Step 4.f: the untyped arguments as if they had the one type of the known ones. */
static void keep_same_type(struct choice *c)
{
    enum sql_type known = SQL_UNKNOWN;
    for (uint32_t i = 0; i < c->arg_count; i++) {
        const enum sql_type type = c->args[i]->type;
        if (type == SQL_UNKNOWN || type == known) continue;
        if (known != SQL_UNKNOWN) return;
        known = type;
    }
    if (known == SQL_UNKNOWN) return;
    const struct sql_function *only = NULL;
    for (uint32_t i = 0; i < c->count; i++) {
        bool takes = true;
        for (uint32_t k = 0; k < c->arg_count; k++)
            takes = takes && type_can_coerce(known, arg_type(c->found[i], k), SQL_CAST_IMPLICIT);
        if (takes && only != NULL) return;
        if (takes) only = c->found[i];
    }
    if (only == NULL) return;
    c->found[0] = only;
    c->count = 1;
}

static void choose_among(struct choice *c)
{
    if (c->count > 1) keep_best(c, exact_args);
    if (c->count > 1) keep_best(c, preferred_or_exact);
    for (uint32_t i = 0; i < c->arg_count && c->count > 1; i++)
        if (c->args[i]->type == SQL_UNKNOWN) keep_category(c, i);
    if (c->count > 1) keep_same_type(c);
}

static bool has_exact(const struct choice *c, const struct sql_function *f, enum sql_type other)
{
    for (uint32_t i = 0; i < c->arg_count; i++) {
        enum sql_type type = c->args[i]->type == SQL_UNKNOWN ? other : c->args[i]->type;
        if (arg_type(f, i) == SQL_ANYARRAY && sql_type_is_array(type)) continue;
        if (type == SQL_UNKNOWN || type != arg_type(f, i)) return false;
    }
    return true;
}

/* An operator with one unknown argument takes it for the type of the other, if that fits exactly.
 */
static enum sql_type other_type(const struct choice *c)
{
    if (c->kind != SQL_OPERATOR || c->arg_count != 2) return SQL_UNKNOWN;
    return c->args[0]->type == SQL_UNKNOWN ? c->args[1]->type : c->args[0]->type;
}

/* *any_name: the name exists at all. */
static void choose(const struct binder *b, struct choice *c, bool *any_name)
{
    const struct sql_function *f = NULL;
    *any_name = false;
    for (uint32_t at = 0; (f = sql_function_next(c->name, c->kind, &at)) != NULL;) {
        if (f->since > b->exec_version) continue; /* As if it were not known. */
        *any_name = true;
        if (!takes_count(f, c->arg_count)) continue;
        if (has_exact(c, f, other_type(c)) && (!polymorph_is(f) || takes_args(f, c))) {
            c->found[0] = f;
            c->count = 1;
            return;
        }
        if (takes_args(f, c) && c->count < CANDIDATES_MAX) c->found[c->count++] = f;
    }
    if (b->exec_version >= TYPES_SINCE) {
        choose_among(c);
        return;
    }
    if (c->count > 1) keep_best(c, exact_args);
    if (c->count > 1) keep_best(c, preferred_args);
    if (c->count > 1) keep_best(c, guessed_args);
}

/* --- applying ------------------------------------------------------------------------------ */

static enum status pass_any(struct binder *b, struct expr **arg, enum sql_any how)
{
    if (how == SQL_ANY_KNOWN && (*arg)->type == SQL_UNKNOWN)
        return bind_fail(b, -1, "42804",
                         "could not determine polymorphic type because input has type unknown");
    TRY(bind_settle(b, arg));
    if (how == SQL_ANY_RAW || how == SQL_ANY_KNOWN || (*arg)->type == SQL_TEXT) return ST_OK;
    if (how == SQL_ANY_TEXT) {
        struct coercion to = {.type = SQL_TEXT, .typmod = -1, .context = SQL_CAST_EXPLICIT};
        return bind_coerce(b, arg, &to);
    }
    const char *template = sql_output_template((*arg)->type);
    *arg = bind_call(b, SQL_TEXT, template, (struct expr *[3]){*arg});
    return *arg == NULL ? bind_no_memory(b) : ST_OK;
}

/* The scale all numeric arguments share; -1: none. Constants are fitted to the others'. */
static int32_t shared_scale(struct binder *b, struct expr **args, uint32_t count)
{
    int32_t scale = -1;
    for (uint32_t i = 0; i < count; i++) {
        if (args[i]->type != SQL_NUMERIC || args[i]->kind == EXPR_CONST) continue;
        if (args[i]->scale < 0 || (scale >= 0 && args[i]->scale != scale)) return -1;
        scale = args[i]->scale;
    }
    for (uint32_t i = 0; scale >= 0 && i < count; i++) {
        if (args[i]->type != SQL_NUMERIC || args[i]->kind != EXPR_CONST) continue;
        if (args[i]->value.is_null || args[i]->scale == scale) continue;
        struct numeric fitted;
        if (!numeric_rescale(&fitted, args[i]->value.bytes, (uint32_t)scale)) return -1;
        struct span copy = arena_copy(b->arena, numeric_span(&fitted));
        struct expr *e = bind_new_expr(b, EXPR_CONST, SQL_NUMERIC, args[i]->position);
        if (e == NULL || copy.data == NULL) return -1;
        e->value = (struct sql_value){.type = SQL_NUMERIC, .bytes = copy};
        e->scale = scale;
        args[i] = e;
    }
    return scale;
}

/* The scale of a numeric result, where it follows from the arguments'. */
static int32_t result_scale(const struct sql_function *f, const struct expr *e)
{
    int32_t left = e->arg_count > 0 ? e->args[0]->scale : -1;
    int32_t right = e->arg_count > 1 ? e->args[1]->scale : left;
    if (f->result != SQL_NUMERIC || left < 0 || right < 0) return -1;
    bool is_sum = strcmp(f->name, "+") == 0 || strcmp(f->name, "-") == 0;
    if (is_sum) return left > right ? left : right;
    if (strcmp(f->name, "*") == 0 && left + right < (int32_t)NUMERIC_SCALE_MAX) return left + right;
    bool is_same =
        strcmp(f->name, "abs") == 0 || strcmp(f->name, "min") == 0 || strcmp(f->name, "max") == 0;
    if (is_same) return left;
    if (strcmp(f->name, "sum") == 0 && e->args[0]->type == SQL_NUMERIC) return left;
    return -1;
}

/* a || b || c as one call: SQLite's parser holds about 25 calls inside each other. */
static enum status flatten_concat(struct binder *b, struct expr *e)
{
    static const char pair[] = "text_cat(%1, %2)";
    static const char list[] = "text_cat(%*)";
    if (strcmp(e->template, pair) != 0) return ST_OK;
    const struct expr *left = e->args[0];
    bool is_call = left->kind == EXPR_CALL && left->arg_count < CONCAT_ARGS_MAX;
    if (!is_call || (strcmp(left->template, pair) != 0 && strcmp(left->template, list) != 0))
        return ST_OK;
    struct expr **args = arena_alloc_zero(b->arena, left->arg_count + 1u, sizeof(struct expr *));
    if (args == NULL) return bind_no_memory(b);
    memcpy(args, left->args, left->arg_count * sizeof(struct expr *));
    args[left->arg_count] = e->args[1];
    e->arg_count = left->arg_count + 1;
    e->args = args;
    e->template = list;
    return ST_OK;
}

static enum status no_function(struct binder *b, const struct choice *c);

/* What ANYELEMENT is in this call. */
static enum status choose_element(struct binder *b,
                                  const struct sql_function *f,
                                  const struct choice *c,
                                  enum sql_type *element)
{
    if (!polymorph_is(f)) return ST_OK;
    *element = polymorph_element(f, c->args, c->arg_count);
    if (*element == SQL_UNKNOWN && f->kind == SQL_AGGREGATE) { /* One for arrays, one for others. */
        struct choice both = *c;
        both.count = 2;
        return no_function(b, &both);
    }
    if (*element != SQL_UNKNOWN && *element != SQL_VOID) return ST_OK;
    return bind_fail(b, -1, "42804",
                     "could not determine polymorphic type because input has type unknown");
}

static bool is_system(const struct sql_function *f)
{
    return f->volatility == SQL_SYSTEM || f->volatility == SQL_SYSTEM_PATH;
}

/* What no node could repeat to the last bit stands in plain reads only. */
static enum status check_volatility(struct binder *b,
                                    const struct sql_function *f,
                                    const struct choice *c)
{
    if (f->volatility == SQL_INEXACT && (b->is_write || b->exec_version != BIND_VERSION_NEWEST))
        return bind_unsupported(b, c->position,
                                "a function whose last digits differ between machines is not "
                                "supported in a transaction",
                                "Run it in a SELECT of its own, and give the value.");
    if (f->volatility == SQL_INEXACT) b->is_inexact = true;
    if (is_system(f)) TRY(bind_reads_system(b, c->position));
    if (f->volatility == SQL_ORDERED && b->is_write && !c->is_ordered)
        return bind_unsupported(b, c->position,
                                "an aggregate that depends on the order of rows is not supported "
                                "in a write",
                                "Run it in a SELECT.");
    return ST_OK;
}

static enum status apply(struct binder *b, struct expr **out, struct choice *c)
{
    const struct sql_function *f = c->found[0];
    if (f->sqlite == NULL)
        return bind_unsupported(b, c->position, "this function of numeric is not supported",
                                "Cast the argument to double precision.");
    enum expr_kind kind = f->kind == SQL_AGGREGATE ? EXPR_AGGREGATE : EXPR_CALL;
    enum sql_type element = SQL_VOID;
    TRY(choose_element(b, f, c, &element));
    struct expr *e = bind_new_expr(b, kind, polymorph_type(f->result, element), c->position);
    struct expr **args = arena_alloc_zero(b->arena, c->arg_count + 2, sizeof(struct expr *));
    if (e == NULL || args == NULL) return bind_no_memory(b);
    e->args = args;
    e->arg_count = c->arg_count;
    if (f->volatility == SQL_SYSTEM_PATH) TRY(bind_system_path(b, &args[e->arg_count++]));
    e->template = f->sqlite;
    if (kind == EXPR_AGGREGATE) e->function = f;
    e->is_stable = f->volatility == SQL_STABLE || is_system(f);
    for (uint32_t i = 0; i < c->arg_count; i++) {
        args[i] = c->args[i];
        enum sql_type type = polymorph_type(arg_type(f, i), element);
        if (type == SQL_UNKNOWN)
            TRY(pass_any(b, &args[i], f->any));
        else
            TRY(bind_coerce_implicit(b, &args[i], type));
        e->is_stable = e->is_stable || args[i]->is_stable;
    }
    e->scale = result_scale(f, e);
    if (f->sqlite_same_scale != NULL && shared_scale(b, args, c->arg_count) >= 0)
        e->template = f->sqlite_same_scale;
    if (f->sqlite_same_scale != NULL && element != SQL_VOID && sql_type_is_canonical(element))
        e->template = f->sqlite_same_scale;
    const bool is_compared = f->kind == SQL_OPERATOR && f->result == SQL_BOOL;
    for (uint32_t i = 0; is_compared && i < c->arg_count; i++)
        if (args[i]->type == SQL_FLOAT4 || args[i]->type == SQL_FLOAT8)
            TRY(bind_canonical(b, &args[i]));
    TRY(check_volatility(b, f, c));
    *out = e;
    return flatten_concat(b, e);
}

/* --- operators ----------------------------------------------------------------------------- */

static enum status no_operator(struct binder *b, const struct choice *c, bool is_ambiguous)
{
    const char *left = c->arg_count == 2 ? bind_type_name(b, c->args[0]->type) : "";
    const char *right = bind_type_name(b, c->args[c->arg_count - 1]->type);
    (void)bind_fail(b, c->position, is_ambiguous ? "42725" : "42883",
                    is_ambiguous ? "operator is not unique: %s%s%.*s %s"
                                 : "operator does not exist: %s%s%.*s %s",
                    left, c->arg_count == 2 ? " " : "", (int)c->name.size,
                    (const char *)c->name.data, right);
    diag_hint(b->diag, is_ambiguous
                           ? "Could not choose a best candidate operator. You might need to add "
                             "explicit type casts."
                           : "No operator matches the given name and argument types. You might "
                             "need to add explicit type casts.");
    return ST_INVALID;
}

/* A time with an interval, or with an untyped constant that PostgreSQL takes for one. */
static bool is_interval(const struct choice *c)
{
    bool is_sum = span_equal(c->name, span_text("+")) || span_equal(c->name, span_text("-"));
    if (!is_sum || c->arg_count != 2) return false;
    enum sql_type left = c->args[0]->type;
    enum sql_type right = c->args[1]->type;
    if (left == SQL_TIMESTAMPTZ)
        return right == SQL_UNKNOWN || (right == left && c->name.data[0] == '-');
    return right == SQL_TIMESTAMPTZ && left == SQL_UNKNOWN;
}

/* Operators of PostgreSQL over types or libraries that do not exist here. */
static enum status unknown_operator(struct binder *b, const struct choice *c)
{
    static const char *const known[] = {"@?",  "^",   "~",   "~*", "!~", "!~*", "->",
                                        "->>", "#>",  "#>>", "@>", "<@", "&&",  "?",
                                        "|/",  "||/", "@",   "@@", "<->"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!span_equal(c->name, span_text(known[i]))) continue;
        char what[64];
        (void)snprintf(what, sizeof what, "operator %s is not supported", known[i]);
        return bind_unsupported(b, c->position, what, "Compute in the client.");
    }
    return no_operator(b, c, false);
}

static enum status resolve_operator(struct binder *b, struct expr **out, struct choice *c)
{
    bool any_name = false;
    choose(b, c, &any_name);
    if (c->count == 1) return apply(b, out, c);
    if (is_interval(c))
        return bind_unsupported(b, c->position, "intervals are not supported",
                                "Compute the time in the client.");
    return any_name ? no_operator(b, c, c->count > 1) : unknown_operator(b, c);
}

enum status bind_operator(struct binder *b,
                          struct expr **out,
                          struct span symbol,
                          struct expr *const args[static 2],
                          int32_t position)
{
    struct choice c = {.kind = SQL_OPERATOR,
                       .name = symbol,
                       .args = (struct expr *[2]){args[0], args[1]},
                       .arg_count = 2,
                       .position = position};
    if (span_equal(symbol, span_text("!="))) c.name = span_text("<>");
    return resolve_operator(b, out, &c);
}

enum status bind_prefix(
    struct binder *b, struct expr **out, struct span symbol, struct expr *arg, int32_t position)
{
    struct choice c = {.kind = SQL_PREFIX,
                       .name = symbol,
                       .args = (struct expr *[1]){arg},
                       .arg_count = 1,
                       .position = position};
    return resolve_operator(b, out, &c);
}

/* --- functions ----------------------------------------------------------------------------- */

/* What to do instead of functions of PostgreSQL that people try first. */
static const struct {
    const char *name;
    const char *hint;
} known_functions[] = {
    {"random", "A transaction must give the same result on every node."},
    {"gen_random_uuid", "Make the value in the client."},
    {"nextval", "Sequences do not exist: give the values."},
    {"currval", "Sequences do not exist: give the values."},
    {"generate_series", "Give the rows with VALUES."},
    {"clock_timestamp", "Use now(): the time of the block."},
    {"timezone", "Times are kept and shown in UTC."},
    {"overlay", "Use substr and ||."},
    {"power", "Compute in the client."},
    {"sqrt", "Compute in the client."},
    {"to_char", "Format in the client."},
    {"date_trunc", "Compute in the client."},
    {"age", "Compute in the client."},
    {"array_agg", "Arrays do not exist here."},
    {"json_agg", "Build JSON in the client."},
    {"row_number", "Window functions do not exist here."},
    {"rank", "Window functions do not exist here."},
    {"set_config", "Use SET."},
    {"pg_sleep", "A transaction must not wait."},
};

/* PostgreSQL has these for double precision and numeric, and takes whole numbers and untyped
 * constants for the former, which shows in what is computed from the result. */
static bool is_double(const struct choice *c)
{
    static const char *const names[] = {"ceil", "ceiling", "floor", "round", "sign", "trunc"};
    if (c->arg_count != 1) return false;
    enum sql_type type = c->args[0]->type;
    if (type == SQL_UNKNOWN && span_equal(c->name, span_text("abs"))) return true;
    if (type != SQL_UNKNOWN && type != SQL_INT2 && type != SQL_INT4 && type != SQL_INT8)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (span_equal(c->name, span_text(names[i]))) return true;
    return false;
}

/* What PostgreSQL has of names that are here with other arguments. */
static bool is_missing_overload(const struct choice *c)
{
    static const struct {
        const char *name;
        uint32_t least_args;
        enum sql_type first; /* SQL_VOID: any; SQL_ANYARRAY: any array. */
    } missing[] = {{"array_agg", 1, SQL_ANYARRAY},  {"min", 1, SQL_ANYARRAY},
                   {"max", 1, SQL_ANYARRAY},        {"btrim", 2, SQL_BYTEA},
                   {"ltrim", 2, SQL_BYTEA},         {"rtrim", 2, SQL_BYTEA},
                   {"position", 2, SQL_BYTEA},      {"overlay", 3, SQL_BYTEA},
                   {"length", 2, SQL_BYTEA},        {"make_timestamptz", 7, SQL_VOID},
                   {"regexp_count", 3, SQL_VOID},   {"regexp_instr", 3, SQL_VOID},
                   {"regexp_replace", 4, SQL_VOID}, {"regexp_substr", 3, SQL_VOID},
                   {"to_timestamp", 2, SQL_VOID},   {"generate_subscripts", 3, SQL_ANYARRAY}};
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        if (!span_equal(c->name, span_text(missing[i].name))) continue;
        if (c->arg_count < missing[i].least_args) continue;
        const enum sql_type type = c->args[0]->type;
        const enum sql_type first = missing[i].first;
        if (first == SQL_VOID || first == type) return true;
        if (first == SQL_ANYARRAY && sql_type_is_array(type)) return true;
    }
    return false;
}

static enum status no_function(struct binder *b, const struct choice *c)
{
    if (b->exec_version >= TYPES_SINCE && c->count == 0 && is_missing_overload(c))
        return bind_unsupported(b, c->position,
                                "this function with arguments of these types is not supported",
                                "See docs/sql/function-list.md.");
    char types[DIAG_TEXT_MAX] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < c->arg_count && used < sizeof types; i++) {
        int size = snprintf(types + used, sizeof types - used, "%s%s", i > 0 ? ", " : "",
                            bind_type_name(b, c->args[i]->type));
        used += size > 0 ? (size_t)size : 0;
    }
    bool is_ambiguous = c->count > 1;
    (void)bind_fail(b, c->position, is_ambiguous ? "42725" : "42883",
                    is_ambiguous ? "function %.*s(%s) is not unique"
                                 : "function %.*s(%s) does not exist",
                    (int)c->name.size, (const char *)c->name.data, types);
    diag_hint(b->diag, is_ambiguous
                           ? "Could not choose a best candidate function. You might need to add "
                             "explicit type casts."
                           : "No function matches the given name and argument types. You might "
                             "need to add explicit type casts.");
    return ST_INVALID;
}

/* No function here has the name; PostgreSQL may have one. */
static enum status unknown_function(struct binder *b, const struct choice *c)
{
    bool is_cast = c->arg_count == 1 && bind_is_type(c->name); /* type(value) */
    if (!is_cast && !postgres_has_function(c->name)) return no_function(b, c);
    const char *hint = "Compute in the client.";
    for (size_t i = 0; i < sizeof known_functions / sizeof known_functions[0]; i++)
        if (span_equal(c->name, span_text(known_functions[i].name))) hint = known_functions[i].hint;
    char what[128];
    (void)snprintf(what, sizeof what, "function %.*s is not supported", (int)c->name.size,
                   (const char *)c->name.data);
    return bind_unsupported(b, c->position, what, hint);
}

static enum status bind_function_cast(struct binder *b,
                                      struct expr **out,
                                      const struct call_site *site,
                                      bool *is_cast);

enum status bind_function(struct binder *b, struct expr **out, const struct call_site *site)
{
    static const enum sql_function_kind own[] = {SQL_FUNCTION, SQL_AGGREGATE};
    static const enum sql_function_kind node[] = {SQL_NODE};
    static const enum sql_function_kind rows[] = {SQL_ROWS};
    const enum sql_function_kind *kinds = site->is_node ? node : site->is_rows ? rows : own;
    const size_t kind_count = site->is_node || site->is_rows ? 1u : sizeof own / sizeof own[0];
    struct choice c = {0};
    for (size_t i = 0; i < kind_count; i++) {
        c = (struct choice){.kind = kinds[i],
                            .name = site->name,
                            .args = site->args,
                            .arg_count = site->arg_count,
                            .position = site->position,
                            .is_ordered = site->is_ordered};
        bool any_name = false;
        if (b->exec_version < TYPES_SINCE && is_double(&c))
            return bind_unsupported(b, c.position, "the result would be double precision",
                                    "Cast the argument to numeric.");
        choose(b, &c, &any_name);
        if (c.count == 1) return apply(b, out, &c);
        if (any_name) return no_function(b, &c);
    }
    bool is_cast = false;
    TRY(bind_function_cast(b, out, site, &is_cast));
    return is_cast ? ST_OK : unknown_function(b, &c);
}

/* date(x), float8(x): a cast, where the type has a name that is no function. */
static enum status bind_function_cast(struct binder *b,
                                      struct expr **out,
                                      const struct call_site *site,
                                      bool *is_cast)
{
    enum sql_type type = SQL_VOID;
    *is_cast = site->arg_count == 1 && !site->is_node && b->exec_version >= TYPES_SINCE &&
               bind_type_of_name(b, site->name, &type) &&
               type_can_coerce(site->args[0]->type, type, SQL_CAST_EXPLICIT);
    if (!*is_cast) return ST_OK;
    *out = site->args[0];
    const struct coercion to = {.type = type, .typmod = -1, .context = SQL_CAST_EXPLICIT};
    return bind_coerce(b, out, &to);
}

/* Columns hold no −0. */
static enum status without_minus_zero(struct binder *b, struct expr **e)
{
    if ((*e)->kind == EXPR_COLUMN && (*e)->source->table != NULL) return ST_OK;
    if ((*e)->kind == EXPR_CONST && (*e)->value.integer != FLOAT_MINUS_ZERO) return ST_OK;
    struct expr *call = bind_call(b, (*e)->type, "float_no_minus_zero(%1)", (struct expr *[3]){*e});
    if (call == NULL) return bind_no_memory(b);
    *e = call;
    return ST_OK;
}

enum status bind_canonical(struct binder *b, struct expr **e)
{
    if ((*e)->type == SQL_FLOAT4 || (*e)->type == SQL_FLOAT8) return without_minus_zero(b, e);
    if ((*e)->type != SQL_NUMERIC || (*e)->scale >= 0) return ST_OK;
    struct call_site site = {
        .name = span_text("trim_scale"), .args = e, .arg_count = 1, .position = (*e)->position};
    return bind_function(b, e, &site);
}
