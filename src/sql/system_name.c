/* system_name.c - Objects by their names, as a text that is cast to a reg type gives them. */
#include "base/must.h"
#include "sql/system_int.h"

static void skip_blanks(struct span text, size_t *at)
{
    while (*at < text.size && text.data[*at] == ' ')
        ++*at;
}

struct part {
    char *out; /* Of SYSTEM_NAME_SIZE + 1 bytes. */
    size_t size;
};

static void put(struct part *p, uint8_t c)
{
    if (p->size < SYSTEM_NAME_SIZE) p->out[p->size++] = (char)c;
}

/* "Quoted ""name""" from its first quote on; at: behind the last. */
static void take_quoted(struct span text, size_t *at, struct part *p)
{
    for (++*at; *at < text.size; ++*at) {
        if (text.data[*at] == '"') {
            ++*at;
            if (*at == text.size || text.data[*at] != '"') return;
        }
        put(p, text.data[*at]);
    }
}

/* In small letters. */
static void take_plain(struct span text, size_t *at, struct part *p)
{
    for (; *at < text.size && text.data[*at] != '.' && text.data[*at] != ' '; ++*at) {
        const uint8_t c = text.data[*at];
        put(p, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
    }
}

/* One part and the dot behind it; false: there is none, or it is wrong. */
static bool next_part(struct span *text, struct part *p)
{
    size_t at = 0;
    skip_blanks(*text, &at);
    if (at == text->size) return false;
    if (text->data[at] == '"')
        take_quoted(*text, &at, p);
    else
        take_plain(*text, &at, p);
    skip_blanks(*text, &at);
    if (at < text->size && text->data[at] != '.') return false;
    at += at < text->size;
    *text = span_of(text->data + at, text->size - at);
    return true;
}

struct span system_name_part(const struct system_name *p)
{
    return span_of((const uint8_t *)p->name, p->name_size);
}

bool system_split(struct system_name *p, struct span text)
{
    *p = (struct system_name){.schema_size = 0};
    struct part first = {.out = p->name};
    if (!next_part(&text, &first)) return false;
    p->name_size = first.size;
    if (text.size == 0) return true;
    memcpy(p->schema, p->name, sizeof p->schema);
    p->schema_size = p->name_size;
    struct part second = {.out = p->name};
    if (!next_part(&text, &second)) return false;
    p->name_size = second.size;
    return text.size == 0;
}

uint32_t system_find_in_schema(const struct sql_catalog *c, struct span schema, struct span name)
{
    const struct catalog_table *t = sql_catalog_find(c, schema, name);
    if (t != NULL) return system_oid(t->id);
    const struct catalog_index *i = sql_catalog_find_index(c, schema, name, &t);
    if (i != NULL) return system_oid(i->id);
    const struct system_relation *r = system_find(schema, name);
    return r == NULL ? 0 : r->oid;
}

uint32_t system_find_relation(const struct sql_catalog *c,
                              const struct system_name *p,
                              struct span path)
{
    struct span schema = span_of((const uint8_t *)p->schema, p->schema_size);
    if (p->schema_size > 0) return system_find_in_schema(c, schema, system_name_part(p));
    const struct system_relation *r = system_find((struct span){0}, system_name_part(p));
    if (r != NULL) return r->oid;
    while (system_path_next(&path, &schema)) {
        const uint32_t oid = system_find_in_schema(c, schema, system_name_part(p));
        if (oid != 0) return oid;
    }
    return 0;
}

/* --- types --------------------------------------------------------------------------------- */

/* Names of the grammar that are neither pg_type's nor format_type's. */
static const struct {
    const char *name;
    uint32_t oid;
} other_names[] = {{"int", SQL_INT4},
                   {"decimal", SQL_NUMERIC},
                   {"varchar", SYSTEM_VARCHAR},
                   {"_varchar", SYSTEM_VARCHAR_ARRAY},
                   {"character varying", SYSTEM_VARCHAR}};

static uint32_t type_of_name(struct span name)
{
    for (uint32_t oid = 1; oid < SYSTEM_OIDS_OF_TYPES; oid++) {
        const struct sql_type_info *t = sql_type_find(oid);
        if (t == NULL) continue;
        if (span_equal(name, span_text(t->title)) || span_equal(name, span_text(t->name)))
            return oid;
    }
    for (size_t i = 0; i < sizeof other_names / sizeof other_names[0]; i++)
        if (span_equal(name, span_text(other_names[i].name))) return other_names[i].oid;
    return 0;
}

/* "int4", "character varying(20)", "timestamp with time zone", "text[]", "pg_catalog.\"char\"" */
uint32_t system_find_type(struct span text)
{
    struct system_name p;
    const uint8_t *bracket = memchr(text.data, '(', text.size);
    const bool is_array = text.size > 2 && memcmp(text.data + text.size - 2, "[]", 2) == 0;
    if (is_array) text.size -= 2;
    if (bracket != NULL) text.size = (size_t)(bracket - text.data);
    uint32_t found = type_of_name(text);
    if (found == 0 && system_split(&p, text)) found = type_of_name(system_name_part(&p));
    if (!is_array || found == 0) return found;
    if (found == SYSTEM_VARCHAR) return SYSTEM_VARCHAR_ARRAY;
    const enum sql_type array = sql_type_info((enum sql_type)found)->array;
    return array == SQL_VOID ? 0 : (uint32_t)array;
}
