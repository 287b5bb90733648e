/* system_view.c - The query of a view, and a DEFAULT that draws from a sequence, with names that
 * the reader's search path finds.
 *
 * Both are kept as text, names as they were written under the search path of then. What that path
 * finds and the reader's does not gets its schema: so a dump, which reads without a path, can be
 * restored. */
#include <stdlib.h>

#include "base/must.h"
#include "sql/system_int.h"

#define NAMES_MAX 1024u /* Of tables in one query; what is beyond stays as it is. */
#define DEPTH_MAX 2048u /* Of messages in each other; lex_check_depth has bounded the text. */

struct place { /* A name without a schema, where it begins in the text. */
    size_t at;
    struct span name;
};

struct names {
    struct place tables[NAMES_MAX];
    struct span queries[NAMES_MAX]; /* Of WITH: they are no tables. */
    uint32_t table_count;
    uint32_t query_count;
};

static void collect(struct names *n, const ProtobufCMessage *m, uint32_t depth);

static void note(struct names *n, const ProtobufCMessage *m)
{
    if (m->descriptor == &pg_query__range_var__descriptor) {
        const PgQuery__RangeVar *r = (const PgQuery__RangeVar *)m;
        const bool is_open = r->schemaname == NULL || r->schemaname[0] == 0;
        if (!is_open || r->location < 0 || n->table_count == NAMES_MAX) return;
        n->tables[n->table_count++] = (struct place){(size_t)r->location, span_text(r->relname)};
    } else if (m->descriptor == &pg_query__common_table_expr__descriptor) {
        const PgQuery__CommonTableExpr *e = (const PgQuery__CommonTableExpr *)m;
        if (n->query_count < NAMES_MAX) n->queries[n->query_count++] = span_text(e->ctename);
    }
}

/* The messages of one field. */
static void collect_field(struct names *n,
                          const ProtobufCMessage *m,
                          const ProtobufCFieldDescriptor *f,
                          uint32_t depth)
{
    const char *base = (const char *)m;
    const void *value = base + f->offset;
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        const size_t count = *(const size_t *)(const void *)(base + f->quantifier_offset);
        ProtobufCMessage *const *items = *(ProtobufCMessage *const *const *)value;
        for (size_t i = 0; i < count; i++)
            collect(n, items[i], depth + 1);
        return;
    }
    const bool is_one = (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    if (is_one && *(const uint32_t *)(const void *)(base + f->quantifier_offset) != f->id) return;
    collect(n, *(ProtobufCMessage *const *)value, depth + 1);
}

static void collect(struct names *n, const ProtobufCMessage *m, uint32_t depth)
{
    if (m == NULL || depth > DEPTH_MAX) return;
    note(n, m);
    for (unsigned i = 0; i < m->descriptor->n_fields; i++)
        if (m->descriptor->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            collect_field(n, m, &m->descriptor->fields[i], depth);
}

static int compare_places(const void *a, const void *b)
{
    const struct place *left = a;
    const struct place *right = b;
    return (left->at > right->at) - (left->at < right->at);
}

/* "a", "b": the path that a view was made under. */
static bool next_quoted(struct span *path, struct span *schema)
{
    const uint8_t *first = memchr(path->data, '"', path->size);
    if (path->size == 0 || first == NULL) return false;
    const size_t rest = path->size - (size_t)(first + 1 - path->data);
    const uint8_t *last = memchr(first + 1, '"', rest);
    if (last == NULL) return false;
    *schema = span_of(first + 1, (size_t)(last - first - 1));
    *path = span_of(last + 1, path->size - (size_t)(last + 1 - path->data));
    return true;
}

static const struct catalog_table *find_under(const struct sql_catalog *c,
                                              struct span path,
                                              struct span name)
{
    struct span schema = {0};
    while (next_quoted(&path, &schema)) {
        const struct catalog_table *t = sql_catalog_find(c, schema, name);
        if (t != NULL) return t;
    }
    return NULL;
}

static bool is_query(const struct names *n, struct span name)
{
    for (uint32_t i = 0; i < n->query_count; i++)
        if (span_equal(n->queries[i], name)) return true;
    return false;
}

void system_show_view(struct buf *out,
                      const struct sql_catalog *c,
                      const struct catalog_table *view,
                      struct span path)
{
    PgQuery__ParseResult *tree = NULL;
    struct arena arena;
    struct diag d;
    const struct span text = view->definition;
    const struct span made = sql_catalog_property(c, view->id, 0, "path");
    size_t at = 0;
    arena_init(&arena, mem_system(), 0);
    struct names *n = arena_alloc_zero(&arena, 1, sizeof *n);
    if (n != NULL && parse_tree(&tree, &arena, text, &d) == ST_OK) {
        collect(n, &tree->base, 0);
        qsort(n->tables, n->table_count, sizeof n->tables[0], compare_places);
        for (uint32_t i = 0; i < n->table_count; i++) {
            const struct place *p = &n->tables[i];
            const struct catalog_table *t = find_under(c, made, p->name);
            if (t == NULL || is_query(n, p->name) || p->at < at || p->at > text.size) continue;
            if (system_is_visible(c, path, t)) continue;
            buf_put(out, span_of(text.data + at, p->at - at));
            system_show_name(out, t->schema);
            buf_put_u8(out, '.');
            at = p->at;
        }
    }
    buf_put(out, span_of(text.data + at, text.size - at));
    arena_fini(&arena);
}

/* --- nextval('s'::regclass) ---------------------------------------------------------------- */

const struct catalog_table *system_sequence_of(const struct sql_catalog *c, struct span text)
{
    static const char before[] = "nextval('";
    static const char after[] = "'::regclass)";
    struct system_name name;
    const size_t size = sizeof before - 1 + sizeof after - 1;
    if (text.size <= size || memcmp(text.data, before, sizeof before - 1) != 0) return NULL;
    if (memcmp(text.data + text.size - (sizeof after - 1), after, sizeof after - 1) != 0)
        return NULL;
    const struct span inner = span_of(text.data + sizeof before - 1, text.size - size);
    if (!system_split(&name, inner)) return NULL;
    const uint32_t oid = system_find_relation(c, &name, span_text("public"));
    const struct catalog_table *t = sql_catalog_by_id(c, system_id(oid));
    return t != NULL && t->relation == CATALOG_SEQUENCE ? t : NULL;
}

void system_show_expression(struct buf *out,
                            const struct sql_catalog *c,
                            struct span text,
                            struct span path)
{
    const struct catalog_table *t = system_sequence_of(c, text);
    if (t == NULL) {
        buf_put(out, text);
        return;
    }
    buf_put_text(out, "nextval('");
    system_show_table(out, c, t, path);
    buf_put_text(out, "'::regclass)");
}
