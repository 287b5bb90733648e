/* func_json.c - Operators, functions and aggregates of json and jsonb.
 *
 * A part of a stored value is a part of its text (json.h), so what an operator takes out is copied
 * as it stands. What is put together as jsonb is printed in jsonb's form. */
#include <stdio.h>

#include "base/must.h"
#include "sql/array.h"
#include "sql/datetime.h"
#include "sql/float.h"
#include "sql/function_int.h"
#include "sql/json.h"
#include "sql/value_int.h"

struct call {
    sqlite3_context *context;
    struct arena arena;
    struct buf out;
    struct json *json; /* Of the first argument. */
};

static bool is_null(sqlite3_value *value)
{
    return sqlite3_value_type(value) == SQLITE_NULL;
}

static void start(struct call *k, sqlite3_context *c)
{
    *k = (struct call){.context = c};
    arena_init(&k->arena, mem_system(), 0);
    buf_init(&k->out, mem_system(), SQL_VALUE_MAX);
}

static void end(struct call *k)
{
    buf_fini(&k->out);
    arena_fini(&k->arena);
}

static struct json *read_json(struct call *k, sqlite3_value *value)
{
    struct json *j = json_read(&k->arena, function_bytes(value));
    if (j == NULL) function_fail(k->context, "XX001", "a stored JSON value is damaged");
    return j;
}

/* A strict function whose first argument is JSON. */
static bool begin(struct call *k, sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return false;
    start(k, c);
    k->json = read_json(k, args[0]);
    if (k->json != NULL) return true;
    end(k);
    return false;
}

/* The buffer as the result. */
static void finish(struct call *k)
{
    struct buf text = k->out;
    k->out = (struct buf){0};
    function_return_buf(k->context, &text);
    end(k);
}

/* --- parts --------------------------------------------------------------------------------- */

/* As json, or as text: strings without quotes, null as NULL. */
static void return_part(struct call *k, const struct json *j, bool is_text)
{
    if (j == NULL || (is_text && j->kind == JSON_NULL)) return;
    if (is_text && j->kind == JSON_STRING)
        function_return_text(k->context, j->string);
    else
        function_return_text(k->context, j->raw);
}

static void get(sqlite3_context *c, int count, sqlite3_value **args, bool is_text)
{
    struct call k;
    if (!begin(&k, c, count, args)) return;
    const bool is_index = sqlite3_value_type(args[1]) == SQLITE_INTEGER;
    const struct json *part = is_index ? json_element(k.json, sqlite3_value_int64(args[1]))
                                       : json_member(k.json, function_bytes(args[1]));
    /* PostgreSQL keeps a jsonb that is no array and no object as an array of one. */
    const bool is_single = is_index && count == 3 && sqlite3_value_int(args[2]) != 0 &&
                           k.json != NULL && k.json->kind != JSON_ARRAY &&
                           k.json->kind != JSON_OBJECT;
    const int64_t place = is_single ? sqlite3_value_int64(args[1]) : 1;
    if (place == 0 || place == -1) part = k.json;
    return_part(&k, part, is_text);
    end(&k);
}

static void json_get(sqlite3_context *c, int count, sqlite3_value **args)
{
    get(c, count, args, false);
}

static void json_get_text(sqlite3_context *c, int count, sqlite3_value **args)
{
    get(c, count, args, true);
}

static bool index_of(struct span text, int64_t *index)
{
    struct diag unused;
    return sql_int_parse(index, SQL_INT4, text, &unused) == ST_OK;
}

static const struct json *step_into(const struct json *j, struct span name)
{
    int64_t index = 0;
    if (j == NULL) return NULL;
    if (j->kind == JSON_OBJECT) return json_member(j, name);
    return j->kind == JSON_ARRAY && index_of(name, &index) ? json_element(j, index) : NULL;
}

/* json_path(value, path as text[], is text) */
static void json_path(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value name;
    if (!begin(&k, c, count, args)) return;
    const struct json *at = k.json;
    struct array_reader r = array_read(function_bytes(args[1]), SQL_TEXT, &k.arena);
    while (at != NULL && array_next(&r, &name))
        at = name.is_null ? NULL : step_into(at, name.bytes);
    return_part(&k, at, sqlite3_value_int(args[2]) != 0);
    end(&k);
}

/* json_extract_names(is text, value, name, …) */
static void json_names(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!function_begin(c, count, args)) return;
    start(&k, c);
    k.json = read_json(&k, args[1]);
    const struct json *at = k.json;
    for (int i = 2; i < count && at != NULL; i++)
        at = step_into(at, function_bytes(args[i]));
    return_part(&k, at, sqlite3_value_int(args[0]) != 0);
    end(&k);
}

static void json_typeof(sqlite3_context *c, int count, sqlite3_value **args)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",    [JSON_STRING] = "string", [JSON_NUMBER] = "number",
        [JSON_BOOL] = "boolean", [JSON_ARRAY] = "array",   [JSON_OBJECT] = "object"};
    struct call k;
    if (!begin(&k, c, count, args)) return;
    function_return_text(c, span_text(names[k.json->kind]));
    end(&k);
}

static void json_array_length(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args)) return;
    if (k.json->kind == JSON_ARRAY)
        sqlite3_result_int64(c, k.json->count);
    else
        function_fail(c, "22023", "cannot get array length of a %s",
                      k.json->kind == JSON_OBJECT ? "non-array" : "scalar");
    end(&k);
}

static void return_tree(struct call *k, struct json *j)
{
    struct diag d;
    const enum status st = json_normalize(j, &k->arena, &d);
    if (st == ST_OK) {
        json_print(&k->out, j);
        finish(k);
        return;
    }
    if (st == ST_NO_MEMORY)
        function_no_memory(k->context);
    else
        function_fail_with(k->context, &d);
    end(k);
}

static void json_to_jsonb(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (begin(&k, c, count, args)) return_tree(&k, k.json);
}

static void jsonb_pretty(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args)) return;
    json_pretty(&k.out, k.json);
    finish(&k);
}

static void strip_nulls(struct json *j)
{
    for (struct json **i = &j->first; *i != NULL;) {
        if (j->kind == JSON_OBJECT && (*i)->kind == JSON_NULL) {
            *i = (*i)->next;
            j->count--;
            continue;
        }
        strip_nulls(*i);
        i = &(*i)->next;
    }
}

static void jsonb_strip_nulls(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args)) return;
    strip_nulls(k.json);
    return_tree(&k, k.json);
}

/* --- jsonb: questions ---------------------------------------------------------------------- */

static void jsonb_contains(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args)) return;
    const struct json *other = read_json(&k, args[1]);
    if (other != NULL) function_return_bool(c, json_contains(k.json, other));
    end(&k);
}

static bool has_name(const struct json *j, struct span name)
{
    if (j->kind == JSON_OBJECT) return json_member(j, name) != NULL;
    if (j->kind == JSON_STRING) return span_equal(j->string, name);
    for (const struct json *i = j->kind == JSON_ARRAY ? j->first : NULL; i != NULL; i = i->next)
        if (i->kind == JSON_STRING && span_equal(i->string, name)) return true;
    return false;
}

static void jsonb_exists(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args)) return;
    function_return_bool(c, has_name(k.json, function_bytes(args[1])));
    end(&k);
}

/* jsonb_exists_of(value, names as text[], all) */
static void jsonb_exists_of(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value name;
    if (!begin(&k, c, count, args)) return;
    const bool is_all = sqlite3_value_int(args[2]) != 0;
    bool result = is_all;
    struct array_reader r = array_read(function_bytes(args[1]), SQL_TEXT, &k.arena);
    while (result == is_all && array_next(&r, &name))
        if (!name.is_null && has_name(k.json, name.bytes) != is_all) result = !is_all;
    function_return_bool(c, result);
    end(&k);
}

/* --- jsonb: editing ------------------------------------------------------------------------ */

static void append(struct json *to, struct json *item)
{
    struct json **last = &to->first;
    while (*last != NULL)
        last = &(*last)->next;
    *last = item;
    to->count++;
}

static struct json *array_around(struct call *k, struct json *item)
{
    struct json *j = arena_alloc_zero(&k->arena, 1, sizeof *j);
    if (j == NULL) return NULL;
    j->kind = JSON_ARRAY;
    append(j, item);
    return j;
}

/* Objects are merged, all else becomes elements of one array. */
static void jsonb_cat(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args)) return;
    struct json *a = k.json;
    struct json *b = read_json(&k, args[1]);
    if (b != NULL && !(a->kind == JSON_OBJECT && b->kind == JSON_OBJECT)) {
        if (a->kind != JSON_ARRAY) a = array_around(&k, a);
        if (b->kind != JSON_ARRAY) b = array_around(&k, b);
    }
    if (a == NULL || b == NULL) {
        end(&k);
        return;
    }
    struct json **last = &a->first;
    while (*last != NULL)
        last = &(*last)->next;
    *last = b->first;
    a->count += b->count;
    return_tree(&k, a);
}

static bool remove_item(struct json *j, const struct json *item)
{
    for (struct json **i = &j->first; *i != NULL && item != NULL; i = &(*i)->next) {
        if (*i != item) continue;
        *i = item->next;
        j->count--;
        return true;
    }
    return false;
}

static void remove_name(struct json *j, struct span name)
{
    for (struct json **i = &j->first; *i != NULL;) {
        const bool is_it = j->kind == JSON_OBJECT
                               ? span_equal((*i)->key, name)
                               : (*i)->kind == JSON_STRING && span_equal((*i)->string, name);
        if (is_it) {
            *i = (*i)->next;
            j->count--;
        } else {
            i = &(*i)->next;
        }
    }
}

/* jsonb_delete(value, name or index or names) */
static void jsonb_delete(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value name;
    if (!begin(&k, c, count, args)) return;
    struct json *j = k.json;
    const int kind = sqlite3_value_type(args[1]);
    if (j->kind < JSON_ARRAY) {
        function_fail(c, "22023", "cannot delete from scalar");
    } else if (kind == SQLITE_INTEGER && j->kind == JSON_OBJECT) {
        function_fail(c, "22023", "cannot delete from object using integer index");
    } else {
        if (kind == SQLITE_INTEGER) {
            (void)remove_item(j, json_element(j, sqlite3_value_int64(args[1])));
        } else if (kind == SQLITE_TEXT) {
            remove_name(j, function_bytes(args[1]));
        } else {
            struct array_reader r = array_read(function_bytes(args[1]), SQL_TEXT, &k.arena);
            while (array_next(&r, &name))
                if (!name.is_null) remove_name(j, name.bytes);
        }
        return_tree(&k, j);
        return;
    }
    end(&k);
}

struct edit {
    struct call *call;
    struct array_reader path;
    struct json *value; /* Null: take away. */
    bool may_create;
    bool is_insert;
    bool is_after;
    uint32_t place;
    bool has_failed;
};

static void fail_edit(struct edit *e, const char *sqlstate, const char *text)
{
    if (!e->has_failed) function_fail(e->call->context, sqlstate, "%s", text);
    e->has_failed = true;
}

/* Elements are never shared: the new one is linked in as it is. */
static void put_before(struct json *j, struct json **at, struct json *item)
{
    item->next = *at;
    *at = item;
    j->count++;
}

static void edit_object(struct edit *e, struct json *j, struct span name, bool is_last)
{
    struct json *found = json_member(j, name);
    if (!is_last || found == NULL || e->value == NULL) {
        if (is_last && found != NULL) (void)remove_item(j, found);
        if (is_last && found == NULL && e->value != NULL && e->may_create) {
            e->value->key = name;
            append(j, e->value);
        }
        return;
    }
    if (e->is_insert) {
        fail_edit(e, "22023", "cannot replace existing key");
        return;
    }
    (void)remove_item(j, found);
    e->value->key = name;
    append(j, e->value);
}

static void edit_array(struct edit *e, struct json *j, int64_t index)
{
    int64_t at = index < 0 ? index + j->count : index;
    struct json *found = json_element(j, index);
    if (e->value == NULL) {
        (void)remove_item(j, found);
        return;
    }
    if (found == NULL && !e->may_create) return;
    if (found == NULL) at = at < 0 ? 0 : j->count;
    if (found != NULL && e->is_insert && e->is_after) at++;
    struct json **place = &j->first;
    for (; at > 0 && *place != NULL; at--)
        place = &(*place)->next;
    if (found != NULL && !e->is_insert) {
        *place = found->next;
        j->count--;
    }
    put_before(j, place, e->value);
}

static void edit(struct edit *e, struct json *root)
{
    struct sql_value name;
    struct sql_value next;
    struct json *at = root;
    bool has_name = array_next(&e->path, &name);
    while (has_name && at != NULL && !e->has_failed) {
        int64_t index = 0;
        const bool is_last = !array_next(&e->path, &next);
        e->place++;
        if (name.is_null) {
            fail_edit(e, "22004", "path element is null");
            return;
        }
        const bool is_bad = at->kind == JSON_ARRAY && !index_of(name.bytes, &index);
        if (is_bad) {
            char text[160];
            (void)snprintf(text, sizeof text,
                           "path element at position %u is not an integer: \"%.*s\"", e->place,
                           (int)(name.bytes.size < 60 ? name.bytes.size : 60),
                           (const char *)name.bytes.data);
            fail_edit(e, "22P02", text);
            return;
        }
        if (is_last && at->kind == JSON_OBJECT) edit_object(e, at, name.bytes, true);
        if (is_last && at->kind == JSON_ARRAY) edit_array(e, at, index);
        at = at->kind == JSON_OBJECT  ? json_member(at, name.bytes)
             : at->kind == JSON_ARRAY ? json_element(at, index)
                                      : NULL;
        name = next;
        has_name = !is_last;
    }
}

/* jsonb_edit(value, path, new value or 0, may create, is insert, is after) */
static void jsonb_edit(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args)) return;
    struct edit e = {.call = &k,
                     .path = array_read(function_bytes(args[1]), SQL_TEXT, &k.arena),
                     .may_create = sqlite3_value_int(args[3]) != 0,
                     .is_insert = sqlite3_value_int(args[4]) != 0,
                     .is_after = sqlite3_value_int(args[5]) != 0};
    const bool has_value = sqlite3_value_type(args[2]) == SQLITE_TEXT;
    if (has_value) e.value = read_json(&k, args[2]);
    if (k.json->kind < JSON_ARRAY)
        fail_edit(&e, "22023",
                  has_value ? "cannot set path in scalar" : "cannot delete path in scalar");
    else if (!has_value || e.value != NULL)
        edit(&e, k.json);
    if (e.has_failed || (has_value && e.value == NULL))
        end(&k);
    else
        return_tree(&k, k.json);
}

/* --- any value to JSON --------------------------------------------------------------------- */

static void put_stamp(struct buf *out, int64_t time, bool has_zone)
{
    struct buf text;
    uint8_t bytes[64];
    buf_init_fixed(&text, bytes, sizeof bytes);
    timestamp_to_text(&text, time);
    buf_put_u8(out, '"');
    bool is_bc = false;
    for (size_t i = 0; i < text.size; i++) {
        if (bytes[i] == ' ' && i + 3 == text.size && bytes[i + 1] == 'B') {
            is_bc = true;
            break;
        }
        buf_put_u8(out, bytes[i] == ' ' ? 'T' : bytes[i]);
    }
    const bool is_far = time == TIME_INFINITY || time == TIME_MINUS_INFINITY;
    if (has_zone && !is_far) buf_put_text(out, "+00:00");
    if (is_bc) buf_put_text(out, " BC");
    buf_put_u8(out, '"');
}

/* is_jsonb decides blanks in arrays, and the form of json values inside. */
static void put_any(struct call *k, const struct sql_value *v, bool is_jsonb);

/* Recursion is bounded: the elements of an array are no arrays. */
static void put_array(struct call *k, const struct sql_value *v, bool is_jsonb)
{
    struct sql_value e;
    struct array_reader r = array_read(v->bytes, sql_type_info(v->type)->element, &k->arena);
    must(!sql_type_is_array(r.element));
    buf_put_u8(&k->out, '[');
    for (bool is_first = true; array_next(&r, &e); is_first = false) {
        if (!is_first) buf_put_text(&k->out, is_jsonb ? ", " : ",");
        put_any(k, &e, is_jsonb);
    }
    buf_put_u8(&k->out, ']');
}

/* What jsonb writes anew from its text: JSON, and numbers but numeric. NULL: nothing. */
static struct json *inner_of(struct call *k, enum sql_type type, bool is_number, struct span text)
{
    const bool is_read = type == SQL_JSON || (is_number && type != SQL_NUMERIC);
    return is_read ? json_read(&k->arena, text) : NULL;
}

/* By its text: as it is, or as a string. */
static void put_by_text(struct call *k, const struct sql_value *v, bool is_jsonb)
{
    struct buf text;
    struct diag unused;
    buf_init(&text, k->arena.mem, 0);
    sql_value_print(&text, v, -1);
    const struct span s = buf_span(&text);
    const bool is_name = s.size > 0 && (s.data[s.size - 1] == 'N' || s.data[s.size - 1] == 'y');
    const char category = sql_type_info(v->type)->category;
    const bool is_number = category == 'N' && !is_name; /* Not NaN, not Infinity. */
    const bool is_json = v->type == SQL_JSONB || v->type == SQL_JSON;
    struct json *inner = is_jsonb ? inner_of(k, v->type, is_number, s) : NULL;
    if (inner != NULL && json_normalize(inner, &k->arena, &unused) == ST_OK)
        json_print(&k->out, inner);
    else if (is_json || is_number)
        buf_put(&k->out, s);
    else
        json_put_string(&k->out, s);
    buf_fini(&text);
}

static void put_any(struct call *k, const struct sql_value *v, bool is_jsonb)
{
    if (v->is_null)
        buf_put_text(&k->out, "null");
    else if (sql_type_is_array(v->type))
        put_array(k, v, is_jsonb);
    else if (v->type == SQL_BOOL)
        buf_put_text(&k->out, v->integer != 0 ? "true" : "false");
    else if (v->type == SQL_TIMESTAMP || v->type == SQL_TIMESTAMPTZ)
        put_stamp(&k->out, v->integer, v->type == SQL_TIMESTAMPTZ);
    else
        put_by_text(k, v, is_jsonb);
}

/* Arguments in pairs: the OID of the type and the value. */
static bool any_arg(struct call *k, sqlite3_value **pair, struct sql_value *out)
{
    const struct sql_type_info *info = sql_type_find((uint32_t)sqlite3_value_int64(pair[0]));
    must(info != NULL);
    return function_value(k->context, pair[1], info->type, out);
}

static bool charge_all(sqlite3_context *c, int count, sqlite3_value **args)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
        const int kind = sqlite3_value_type(args[i]);
        if (kind == SQLITE_TEXT || kind == SQLITE_BLOB)
            bytes += (size_t)sqlite3_value_bytes(args[i]);
    }
    return function_charge(c, bytes);
}

/* to_json(is jsonb, type, value) */
static void call_to_json(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    if (!function_begin(c, count, args)) return;
    start(&k, c);
    if (any_arg(&k, args + 1, &v)) {
        put_any(&k, &v, sqlite3_value_int(args[0]) != 0);
        finish(&k);
        return;
    }
    end(&k);
}

/* json_part(is jsonb, type, value): as an element; NULL is null. */
static void json_part(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    if (!charge_all(c, count, args)) return;
    start(&k, c);
    if (any_arg(&k, args + 1, &v)) {
        put_any(&k, &v, sqlite3_value_int(args[0]) != 0);
        finish(&k);
        return;
    }
    end(&k);
}

/* json_build_array(is jsonb, type, value, …) */
static void build_array(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    if (!charge_all(c, count, args)) return;
    start(&k, c);
    buf_put_u8(&k.out, '[');
    for (int i = 1; i + 1 < count; i += 2) {
        if (i > 1) buf_put_text(&k.out, ", ");
        if (!any_arg(&k, args + i, &v)) {
            end(&k);
            return;
        }
        put_any(&k, &v, sqlite3_value_int(args[0]) != 0);
    }
    buf_put_u8(&k.out, ']');
    finish(&k);
}

/* A key: the value as text. */
static bool put_key(struct call *k, const struct sql_value *v, int place)
{
    struct buf text;
    if (v->is_null) {
        if (place > 0)
            function_fail(k->context, "22023", "argument %d: key must not be null", place);
        else
            function_fail(k->context, "22023", "field name must not be null");
        return false;
    }
    buf_init(&text, k->arena.mem, 0);
    if (v->type == SQL_BOOL)
        buf_put_text(&text, v->integer != 0 ? "true" : "false");
    else
        sql_value_print(&text, v, -1);
    json_put_string(&k->out, buf_span(&text));
    buf_fini(&text);
    return true;
}

static void return_object(struct call *k, bool is_jsonb)
{
    if (!is_jsonb) {
        finish(k);
        return;
    }
    struct json *j = json_read(&k->arena, buf_span(&k->out));
    k->out.size = 0;
    if (j == NULL) {
        function_fail(k->context, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
        end(k);
        return;
    }
    return_tree(k, j);
}

/* json_build_object(is jsonb, type, key, type, value, …) */
static void build_object(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    if (!charge_all(c, count, args)) return;
    if ((count - 1) % 4 != 0) {
        function_fail(c, "22023", "argument list must have even number of elements");
        return;
    }
    const bool is_jsonb = sqlite3_value_int(args[0]) != 0;
    bool is_right = true;
    start(&k, c);
    buf_put_u8(&k.out, '{');
    for (int i = 1; i + 3 < count && is_right; i += 4) {
        if (i > 1) buf_put_text(&k.out, ", ");
        is_right = any_arg(&k, args + i, &v) && put_key(&k, &v, i / 2 + 1);
        if (!is_right) break;
        buf_put_text(&k.out, " : ");
        is_right = any_arg(&k, args + i + 2, &v);
        if (is_right) put_any(&k, &v, is_jsonb);
    }
    buf_put_u8(&k.out, '}');
    if (is_right)
        return_object(&k, is_jsonb);
    else
        end(&k);
}

/* json_row_part(is jsonb, type, name, type, value, …): some members of the object that a row is. */
static void row_part(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    must((count - 1) % 4 == 0);
    if (!charge_all(c, count, args)) return;
    start(&k, c);
    for (int i = 1; i + 3 < count; i += 4) {
        if (i > 1) buf_put_u8(&k.out, ',');
        json_put_string(&k.out, function_bytes(args[i + 1]));
        buf_put_u8(&k.out, ':');
        if (!any_arg(&k, args + i + 2, &v)) {
            end(&k);
            return;
        }
        put_any(&k, &v, sqlite3_value_int(args[0]) != 0);
    }
    finish(&k);
}

/* json_row(is jsonb, part, …) */
static void row_object(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!function_begin(c, count, args)) return;
    start(&k, c);
    buf_put_u8(&k.out, '{');
    for (int i = 1; i < count; i++) {
        if (i > 1) buf_put_u8(&k.out, ',');
        buf_put(&k.out, function_bytes(args[i]));
    }
    buf_put_u8(&k.out, '}');
    return_object(&k, sqlite3_value_int(args[0]) != 0);
}

/* --- rows ---------------------------------------------------------------------------------- */

/* json_rows(value, what): what json_each of SQLite makes rows of. 'e': elements; 't': as text; 'k':
 * names; 'p': pairs of name and value; 'q': with the value as text. */
static void put_row(struct buf *out, const struct json *j, char what)
{
    const bool is_pair = what == 'p' || what == 'q';
    if (what == 'k') {
        json_put_string(out, j->key);
        return;
    }
    if (is_pair) {
        buf_put_u8(out, '[');
        json_put_string(out, j->key);
        buf_put_u8(out, ',');
    }
    const bool is_text = what == 't' || what == 'q';
    if (is_text && j->kind == JSON_NULL)
        buf_put_text(out, "null");
    else
        json_put_string(out, is_text && j->kind == JSON_STRING ? j->string : j->raw);
    if (is_pair) buf_put_u8(out, ']');
}

static void json_rows(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    must(count == 2);
    if (is_null(args[0])) {
        sqlite3_result_text(c, "[]", 2, SQLITE_STATIC);
        return;
    }
    if (!begin(&k, c, count, args)) return;
    const char what = (char)function_bytes(args[1]).data[0];
    const bool is_array = what == 'e' || what == 't';
    if (k.json->kind != (is_array ? JSON_ARRAY : JSON_OBJECT)) {
        if (is_array)
            function_fail(c, "22023", "cannot extract elements from %s",
                          k.json->kind == JSON_OBJECT ? "an object" : "a scalar");
        else
            function_fail(c, "22023", "cannot call %s on a non-object",
                          what == 'k' ? "jsonb_object_keys" : "jsonb_each");
        end(&k);
        return;
    }
    struct buf out;
    buf_init(&out, mem_system(), 4 * (size_t)SQL_VALUE_MAX);
    buf_put_u8(&out, '[');
    for (const struct json *i = k.json->first; i != NULL; i = i->next) {
        if (i != k.json->first) buf_put_u8(&out, ',');
        put_row(&out, i, what);
    }
    buf_put_u8(&out, ']');
    if (buf_status(&out) != ST_OK || !function_charge(c, out.size))
        function_fail(c, "54000", "a JSON value is too long to make rows of");
    else
        sqlite3_result_text64(c, (const char *)out.data, out.size, SQLITE_TRANSIENT, SQLITE_UTF8);
    buf_fini(&out);
    end(&k);
}

/* --- casts --------------------------------------------------------------------------------- */

static void cannot_cast(sqlite3_context *c, const struct json *j, const char *type)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",    [JSON_STRING] = "string", [JSON_NUMBER] = "numeric",
        [JSON_BOOL] = "boolean", [JSON_ARRAY] = "array",   [JSON_OBJECT] = "object"};
    function_fail(c, "22023", "cannot cast jsonb %s to type %s", names[j->kind], type);
}

static void jsonb_to_bool(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args)) return;
    if (k.json->kind == JSON_BOOL)
        function_return_bool(c, k.json->is_true);
    else
        cannot_cast(c, k.json, "boolean");
    end(&k);
}

/* jsonb_to_numeric(value, name of the type that is wanted) */
static void jsonb_to_numeric(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct numeric n;
    struct diag d;
    if (!begin(&k, c, count, args)) return;
    char name[32];
    const struct span wanted = function_bytes(args[1]);
    (void)snprintf(name, sizeof name, "%.*s", (int)wanted.size, (const char *)wanted.data);
    if (k.json->kind != JSON_NUMBER)
        cannot_cast(c, k.json, name);
    else if (numeric_from_text(&n, k.json->string, &d) == ST_OK)
        function_return_numeric(c, &n);
    else
        function_fail_with(c, &d);
    end(&k);
}

/* --- aggregates ---------------------------------------------------------------------------- */

struct gathered {
    struct buf out;
    bool is_jsonb;
    bool has_rows;
    bool has_failed;
};

static struct gathered *gathered_of(sqlite3_context *c, bool is_jsonb, const char *open)
{
    struct gathered *s = sqlite3_aggregate_context(c, sizeof *s);
    if (s == NULL) {
        function_no_memory(c);
        return NULL;
    }
    if (s->has_failed) return NULL;
    if (!s->has_rows) {
        buf_init(&s->out, mem_system(), SQL_VALUE_MAX);
        buf_put_text(&s->out, open);
        s->is_jsonb = is_jsonb;
    } else {
        buf_put_text(&s->out, ", ");
    }
    s->has_rows = true;
    return s;
}

static void keep_gathered(sqlite3_context *c, struct gathered *s, struct call *k, bool is_right)
{
    buf_put(&s->out, buf_span(&k->out));
    if (!is_right || buf_status(&s->out) != ST_OK) {
        s->has_failed = true;
        function_fail(c, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
    }
    end(k);
}

/* json_agg(is jsonb, type, value) */
static void agg_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    if (!charge_all(c, count, args)) return;
    const bool is_jsonb = sqlite3_value_int(args[0]) != 0;
    struct gathered *s = gathered_of(c, is_jsonb, "[");
    if (s == NULL) return;
    start(&k, c);
    const bool is_right = any_arg(&k, args + 1, &v);
    if (is_right) put_any(&k, &v, is_jsonb);
    keep_gathered(c, s, &k, is_right);
}

static void agg_finish(sqlite3_context *c)
{
    struct gathered *s = sqlite3_aggregate_context(c, 0);
    if (s == NULL || !s->has_rows) return;
    buf_put_u8(&s->out, ']');
    if (!s->has_failed && buf_status(&s->out) == ST_OK) function_return_text(c, buf_span(&s->out));
    buf_fini(&s->out);
}

/* json_object_agg(is jsonb, type, key, type, value) */
static void object_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    if (!charge_all(c, count, args)) return;
    const bool is_jsonb = sqlite3_value_int(args[0]) != 0;
    struct gathered *s = gathered_of(c, is_jsonb, "{ ");
    if (s == NULL) return;
    start(&k, c);
    bool is_right = any_arg(&k, args + 1, &v) && put_key(&k, &v, 0);
    if (is_right) {
        buf_put_text(&k.out, " : ");
        is_right = any_arg(&k, args + 3, &v);
    }
    if (is_right) put_any(&k, &v, is_jsonb);
    keep_gathered(c, s, &k, is_right);
}

static void object_finish(sqlite3_context *c)
{
    struct gathered *s = sqlite3_aggregate_context(c, 0);
    struct call k;
    if (s == NULL || !s->has_rows) return;
    buf_put_text(&s->out, " }");
    if (!s->has_failed && buf_status(&s->out) == ST_OK) {
        start(&k, c);
        buf_put(&k.out, buf_span(&s->out));
        return_object(&k, s->is_jsonb);
    }
    buf_fini(&s->out);
}

const struct native function_jsons[] = {
    {.name = "json_get", .args = 2, .call = json_get},
    {.name = "json_get", .args = 3, .call = json_get},
    {.name = "json_get_text", .args = 3, .call = json_get_text},
    {.name = "json_get_text", .args = 2, .call = json_get_text},
    {.name = "json_path", .args = 3, .call = json_path},
    {.name = "json_names", .args = -1, .call = json_names},
    {.name = "json_kind", .args = 1, .call = json_typeof},
    {.name = "json_length", .args = 1, .call = json_array_length},
    {.name = "json_to_jsonb", .args = 1, .call = json_to_jsonb},
    {.name = "jsonb_pretty", .args = 1, .call = jsonb_pretty},
    {.name = "jsonb_strip_nulls", .args = 1, .call = jsonb_strip_nulls},
    {.name = "jsonb_contains", .args = 2, .call = jsonb_contains},
    {.name = "jsonb_exists", .args = 2, .call = jsonb_exists},
    {.name = "jsonb_exists_of", .args = 3, .call = jsonb_exists_of},
    {.name = "jsonb_cat", .args = 2, .call = jsonb_cat},
    {.name = "jsonb_delete", .args = 2, .call = jsonb_delete},
    {.name = "jsonb_edit", .args = 6, .call = jsonb_edit},
    {.name = "to_json_of", .args = 3, .call = call_to_json},
    {.name = "json_part", .args = 3, .call = json_part},
    {.name = "json_build_list", .args = -1, .call = build_array},
    {.name = "json_build_object", .args = -1, .call = build_object},
    {.name = "json_row_part", .args = -1, .call = row_part},
    {.name = "json_row", .args = -1, .call = row_object},
    {.name = "json_rows", .args = 2, .call = json_rows},
    {.name = "jsonb_to_bool", .args = 1, .call = jsonb_to_bool},
    {.name = "jsonb_to_numeric", .args = 2, .call = jsonb_to_numeric},
    {.name = "json_list_agg", .args = 3, .step = agg_step, .finish = agg_finish},
    {.name = "json_object_agg", .args = 5, .step = object_step, .finish = object_finish},
    {.name = NULL},
};

static int collate_jsonb(
    void *unused, int left_size, const void *left, int right_size, const void *right)
{
    struct arena a;
    (void)unused;
    const struct span x = span_of(left, (size_t)left_size);
    const struct span y = span_of(right, (size_t)right_size);
    if (span_equal(x, y)) return 0;
    arena_init(&a, mem_system(), 0);
    const struct json *first = json_read(&a, x);
    const struct json *second = json_read(&a, y);
    const bool is_right = first != NULL && second != NULL;
    const int order = is_right ? json_compare(first, second) : span_compare(x, y);
    arena_fini(&a);
    return order;
}

int function_collation_jsonb(sqlite3 *connection)
{
    return sqlite3_create_collation_v2(connection, "TRUSTSQL_JSONB", SQLITE_UTF8, NULL,
                                       collate_jsonb, NULL);
}
