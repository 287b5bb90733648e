/* Tools of the binder: failures with positions, growing arrays, nodes of the compiler's form. */
#include <stdarg.h>
#include <stdio.h>

#include "base/must.h"
#include "sql/bind_int.h"

enum status bind_fail(
    struct binder *b, int32_t position, const char *sqlstate, const char *format, ...)
{
    char message[DIAG_TEXT_MAX * 2];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    diag_set(b->diag, sqlstate, "%s", message);
    parse_position(b->diag, b->text, position);
    return ST_INVALID;
}

enum status bind_unsupported(struct binder *b, int32_t position, const char *what, const char *hint)
{
    diag_set(b->diag, "0A000", "%s", what);
    if (hint != NULL) diag_hint(b->diag, "%s", hint);
    parse_position(b->diag, b->text, position < 0 ? 0 : position); /* Else the statement itself. */
    return ST_UNSUPPORTED;
}

enum status bind_needs_or(
    struct binder *b, uint32_t exec_version, int32_t position, const char *what, const char *hint)
{
    if (b->exec_version >= exec_version) return ST_OK;
    return bind_unsupported(b, position, what, hint);
}

enum status bind_too_many(struct binder *b, const char *what, uint32_t max)
{
    diag_set(b->diag, "54000", "a statement can have at most %u %s", max, what);
    return ST_LIMIT;
}

enum status bind_no_memory(struct binder *b)
{
    diag_set(b->diag, "53200", "out of memory");
    diag_detail(b->diag, "The statement needs more memory than one statement may use.");
    return ST_NO_MEMORY;
}

/* An array of n items has room for the next power of two, at least 4. */
void *bind_grow(struct binder *b, void *items, uint32_t count, size_t size)
{
    bool is_full = count == 0 || (count >= 4 && (count & (count - 1)) == 0);
    if (!is_full) return items;
    size_t room = count == 0 ? 4 : (size_t)count * 2;
    void *bigger = arena_alloc_zero(b->arena, room, size);
    if (bigger != NULL && count > 0) memcpy(bigger, items, count * size);
    return bigger;
}

struct expr *bind_new_expr(struct binder *b,
                           enum expr_kind kind,
                           enum sql_type type,
                           int32_t position)
{
    struct expr *e = arena_alloc_zero(b->arena, 1, sizeof *e);
    if (e == NULL) return NULL;
    e->kind = kind;
    e->type = type;
    e->typmod = -1;
    e->scale = -1;
    e->position = position;
    return e;
}

struct expr *bind_call(struct binder *b,
                       enum sql_type type,
                       const char *template,
                       struct expr *const args[static 3])
{
    struct expr *e = bind_new_expr(b, EXPR_CALL, type, args[0] != NULL ? args[0]->position : -1);
    if (e == NULL) return NULL;
    e->template = template;
    e->args = arena_alloc_zero(b->arena, 3, sizeof(struct expr *));
    if (e->args == NULL) return NULL;
    while (e->arg_count < 3 && args[e->arg_count] != NULL) {
        e->args[e->arg_count] = args[e->arg_count];
        e->is_stable = e->is_stable || args[e->arg_count]->is_stable;
        e->arg_count++;
    }
    return e;
}

struct span bind_cstring(const char *text)
{
    if (text == NULL) return (struct span){0};
    return span_text(text);
}

struct span bind_string(const PgQuery__Node *n)
{
    if (n->node_case != PG_QUERY__NODE__NODE_STRING) return (struct span){0};
    return bind_cstring(n->string->sval);
}

const char *bind_type_name(struct binder *b, enum sql_type type)
{
    char name[64];
    sql_type_name(name, type, -1);
    const char *copy = arena_text(b->arena, name);
    return copy == NULL ? "?" : copy;
}
