/* nextval, currval, lastval and setval. The sequence is named by a constant, so that which one it
 * is stands in the statement; its limits go into the call, and a change of them into a new catalog.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "sql/bind_int.h"
#include "sql/ddl_sequence.h"

#define SEQUENCES_SINCE 4u /* exec_version */

bool bind_is_sequence_call(const struct binder *b, struct span name)
{
    static const char *const names[] = {"nextval", "currval", "lastval", "setval"};
    for (size_t i = 0; b->exec_version >= SEQUENCES_SINCE && i < sizeof names / sizeof names[0];
         i++)
        if (span_equal(name, span_text(names[i]))) return true;
    return false;
}

static const PgQuery__Node *without_casts(const PgQuery__Node *n)
{
    while (n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
        n = n->type_cast->arg;
    return n;
}

/* The text of 'name', 'name'::regclass, 'name'::text::regclass. */
static const char *constant_name(const PgQuery__Node *n)
{
    n = without_casts(n);
    const bool is_text = n->node_case == PG_QUERY__NODE__NODE_A_CONST && !n->a_const->isnull &&
                         n->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL;
    return is_text ? n->a_const->sval->sval : NULL;
}

/* One part of a name as regclass reads it: folded to lower case, or quoted. */
static const char *take_part(struct binder *b, const char *at, struct span *out)
{
    char text[256];
    size_t size = 0;
    const bool is_quoted = *at == '"';
    at += is_quoted;
    while (*at != 0 && size < sizeof text - 1) {
        if (is_quoted && at[0] == '"' && at[1] != '"') break;
        if (!is_quoted && *at == '.') break;
        at += is_quoted && *at == '"';
        const char c = *at++;
        const bool is_folded = !is_quoted && c >= 'A' && c <= 'Z';
        text[size++] = (char)(is_folded ? c + 32 : c);
    }
    at += is_quoted && *at == '"';
    *out = arena_copy(b->arena, span_of(text, size));
    return at;
}

static enum status find_sequence(struct binder *b,
                                 const PgQuery__FuncCall *c,
                                 const struct catalog_table **t)
{
    const char *name = constant_name(c->args[0]);
    struct span parts[2] = {{0}, {0}};
    if (name == NULL)
        return bind_unsupported(b, c->location, "the name of a sequence must be a constant",
                                "Write nextval('name').");
    const char *rest = take_part(b, name, &parts[1]);
    if (*rest == '.') {
        parts[0] = parts[1];
        (void)take_part(b, rest + 1, &parts[1]);
    }
    if (parts[1].data == NULL) return bind_no_memory(b);
    *t = bind_find_table(b, parts[0], parts[1]);
    if (*t == NULL)
        return bind_fail(b, without_casts(c->args[0])->a_const->location, "42P01",
                         "relation \"%s\" does not exist", name);
    if ((*t)->relation != CATALOG_SEQUENCE)
        return bind_fail(b, -1, "42809", "\"%.*s\" is not a sequence", (int)(*t)->name.size,
                         (const char *)(*t)->name.data);
    return ST_OK;
}

enum status bind_sequence_default(struct binder *b, const PgQuery__Node *n, struct span *text)
{
    const struct catalog_table *t = NULL;
    struct ddl_sequence s;
    if (n->node_case != PG_QUERY__NODE__NODE_FUNC_CALL || n->func_call->n_args != 1) return ST_OK;
    const PgQuery__FuncCall *c = n->func_call;
    const struct span name = bind_string(c->funcname[c->n_funcname - 1]);
    if (!bind_is_sequence_call(b, name) || !span_equal(name, span_text("nextval"))) return ST_OK;
    TRY(find_sequence(b, c, &t));
    must(t != NULL);
    ddl_sequence_load(&s, b->catalog, t);
    return ddl_sequence_default(b, &s, text);
}

static enum status make_call(struct binder *b,
                             struct expr **out,
                             const char *template,
                             struct expr *const args[static 3])
{
    *out = bind_call(b, SQL_INT8, template, args);
    if (*out == NULL) return bind_no_memory(b);
    (*out)->is_stable = true; /* Not in CHECK, not in indexes. */
    return ST_OK;
}

/* sql_…(id, name, increment, min, max, cycle, …): all but what follows are constants. */
static const char *template_of(struct binder *b,
                               const char *function,
                               const struct catalog_table *t,
                               const char *more)
{
    struct ddl_sequence s;
    struct buf text;
    const char *copy = NULL;
    ddl_sequence_load(&s, b->catalog, t);
    buf_init(&text, b->arena->mem, 0);
    buf_printf(&text, "%s(%" PRIu64 ", ", function, t->id);
    struct buf name;
    buf_init(&name, b->arena->mem, 0);
    sql_put_text(&name, t->name);
    for (size_t i = 0; i < name.size; i++) { /* A template doubles its percent signs. */
        if (name.data[i] == '%') buf_put_u8(&text, '%');
        buf_put_u8(&text, name.data[i]);
    }
    buf_fini(&name);
    buf_printf(&text, ", %" PRId64 ", ", s.increment);
    if (s.min == INT64_MIN)
        buf_put_text(&text, "(-9223372036854775807 - 1)");
    else
        buf_printf(&text, "%" PRId64, s.min);
    buf_printf(&text, ", %" PRId64 ", %d%s)", s.max, s.is_cycle ? 1 : 0, more);
    return emit_finish(b, &text, &copy) == ST_OK ? copy : NULL;
}

static enum status bind_setval(struct binder *b,
                               struct expr **out,
                               const PgQuery__FuncCall *c,
                               const struct catalog_table *t)
{
    struct expr *args[3] = {NULL, NULL, NULL};
    for (size_t i = 1; i < c->n_args; i++) {
        TRY(bind_expr(b, &args[i - 1], c->args[i]));
        TRY(bind_coerce_implicit(b, &args[i - 1], i == 1 ? SQL_INT8 : SQL_BOOL));
    }
    const char *template = template_of(b, "sql_setval", t, c->n_args == 3 ? ", %1, %2" : ", %1, 1");
    if (template == NULL) return bind_no_memory(b);
    return make_call(b, out, template, args);
}

static enum status wrong_arguments(struct binder *b, const PgQuery__FuncCall *c, struct span name)
{
    return bind_unsupported(b, c->location, "this call of a sequence function is not supported",
                            name.size == 7 ? "Write it with one name." : NULL);
}

enum status bind_sequence_call(struct binder *b, struct expr **out, const PgQuery__FuncCall *c)
{
    const struct span name = bind_string(c->funcname[c->n_funcname - 1]);
    const struct catalog_table *t = NULL;
    struct expr *none[3] = {NULL, NULL, NULL};
    if (name.data[0] == 'l')
        return c->n_args == 0 ? make_call(b, out, "sql_lastval()", none)
                              : wrong_arguments(b, c, name);
    const bool is_set = name.data[0] == 's';
    if (c->n_args < (is_set ? 2u : 1u) || c->n_args > (is_set ? 3u : 1u))
        return wrong_arguments(b, c, name);
    TRY(find_sequence(b, c, &t));
    must(t != NULL);
    const bool is_read = name.data[0] == 'c';
    if (!b->is_identity)
        TRY(bind_access(b, t,
                        is_read  ? SQL_RIGHT_CURRENT
                        : is_set ? SQL_RIGHT_UPDATE
                                 : SQL_RIGHT_NEXT));
    if (!is_read) b->moves_sequence = true;
    if (is_set) return bind_setval(b, out, c, t);
    const char *template = template_of(b, is_read ? "sql_currval" : "sql_nextval", t, "");
    if (template == NULL) return bind_no_memory(b);
    return make_call(b, out, template, none);
}
