/* system_rows.c - The rows of the system catalogs that come from the catalog: one function a
 * relation, which puts its values in the order of the columns (system_relations.c). What PostgreSQL
 * has and nothing here corresponds to is what PostgreSQL shows of a table that does not use it. */
#include "base/must.h"
#include "sql/array.h"
#include "sql/ddl_sequence.h"
#include "sql/system_int.h"

/* --- values -------------------------------------------------------------------------------- */

static struct sql_value *next_value(struct system_row *r)
{
    must(r->count < r->column_count);
    struct sql_value *v = &r->values[r->count];
    *v = (struct sql_value){.type = r->types[r->count]};
    r->count++;
    return v;
}

void system_put_integer(struct system_row *r, int64_t value)
{
    next_value(r)->integer = value;
}

void system_put_null(struct system_row *r)
{
    next_value(r)->is_null = true;
}

void system_put_text(struct system_row *r, struct span text)
{
    struct sql_value *v = next_value(r);
    v->bytes = arena_copy(r->arena, text);
    v->is_null = v->bytes.data == NULL; /* No memory: SQLite will find the same. */
}

/* The buffer's bytes; ends it. */
static void put_buf(struct system_row *r, struct buf *b)
{
    if (buf_status(b) == ST_OK)
        system_put_text(r, buf_span(b));
    else
        system_put_null(r);
    buf_fini(b);
}

static void put_string(struct system_row *r, const char *text)
{
    system_put_text(r, span_text(text));
}

/* "char": nothing is an empty one. */
static void put_char(struct system_row *r, int letter)
{
    const uint8_t byte = (uint8_t)letter;
    system_put_text(r, span_of(&byte, letter == 0 ? 0 : 1));
}

static void put_bool(struct system_row *r, bool value)
{
    system_put_integer(r, value ? 1 : 0);
}

void system_put_zeros(struct system_row *r, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const enum sql_type type = r->types[r->count];
        if (sql_type_storage(type) == SQL_STORE_INTEGER && type != SQL_TIMESTAMPTZ)
            system_put_integer(r, 0);
        else if (sql_type_is_reg(type))
            put_string(r, "0000000000-");
        else if (type == SQL_CHAR || type == SQL_NAME)
            put_string(r, "");
        else
            system_put_null(r);
    }
}

struct numbers { /* Of an array or vector. */
    struct buf bytes;
    enum sql_type element;
};

static void numbers_begin(struct system_row *r, struct numbers *n, enum sql_type element)
{
    *n = (struct numbers){.element = element};
    buf_init(&n->bytes, r->arena->mem, SQL_VALUE_MAX);
}

static void numbers_add(struct numbers *n, int64_t value)
{
    const struct sql_value v = {.type = n->element, .integer = value};
    array_put(&n->bytes, &v);
}

static void numbers_end(struct system_row *r, struct numbers *n)
{
    array_end(&n->bytes);
    put_buf(r, &n->bytes);
}

/* "0000000042int4in" */
static void put_function(struct system_row *r, uint32_t oid, const char *name)
{
    struct buf b;
    buf_init(&b, r->arena->mem, 0);
    buf_printf(&b, "%010u%s", (unsigned)oid, oid == 0 ? "-" : name);
    put_buf(r, &b);
}

/* --- pg_class ------------------------------------------------------------------------------ */

static uint32_t check_count(const struct catalog_table *t)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < t->index_count; i++)
        count += t->indexes[i].kind == CATALOG_CHECK;
    return count;
}

static bool has_indexes(const struct catalog_table *t)
{
    for (uint32_t i = 0; i < t->index_count; i++)
        if (t->indexes[i].kind != CATALOG_CHECK && t->indexes[i].kind != CATALOG_FOREIGN)
            return true;
    return false;
}

static char relation_kind(const struct system_place *p)
{
    if (p->relation != NULL) return p->relation->text != NULL ? 'v' : 'r';
    if (p->index != NULL) return 'i';
    if (p->table->relation == CATALOG_SEQUENCE) return 'S';
    return p->table->relation == CATALOG_VIEW ? 'v' : 'r';
}

static uint32_t oid_of(const struct system_place *p)
{
    if (p->relation != NULL) return p->relation->oid;
    return system_oid(p->index != NULL ? p->index->id : p->table->id);
}

static uint32_t schema_of(const struct system_row *r, const struct system_place *p)
{
    if (p->table != NULL) return system_schema_oid(system_catalog(r->system), p->table->schema);
    must(p->relation != NULL);
    return p->relation->schema == CATALOG ? SYSTEM_CATALOG_OID : SYSTEM_INFORMATION_OID;
}

static struct span name_of(const struct system_place *p)
{
    if (p->relation != NULL) return span_text(p->relation->name);
    return p->index != NULL ? p->index->name : p->table->name;
}

/* How many columns it has. */
static uint32_t width_of(const struct system_place *p)
{
    if (p->relation != NULL) return system_column_count(p->relation);
    return p->index != NULL ? p->index->column_count : p->table->column_count;
}

static uint32_t owner_of(const struct system_place *p)
{
    return system_role_oid(p->table == NULL ? 0 : p->table->owner);
}

/* What is stored has an access method: heap, or btree of an index. */
static uint32_t method_of(char kind)
{
    return kind == 'r' ? 2 : kind == 'i' ? 403 : 0;
}

void fill_class(struct system_row *r, const struct system_place *p)
{
    const char kind = relation_kind(p);
    const bool is_table = p->table != NULL && p->index == NULL;
    system_put_integer(r, oid_of(p));
    system_put_text(r, name_of(p));
    system_put_integer(r, schema_of(r, p));
    system_put_zeros(r, 2); /* reltype, reloftype */
    system_put_integer(r, owner_of(p));
    system_put_integer(r, method_of(kind));
    system_put_integer(r, kind == 'v' ? 0 : oid_of(p)); /* relfilenode */
    system_put_zeros(r, 2);                             /* reltablespace, relpages */
    system_put_integer(r, -1);                          /* reltuples: not known */
    system_put_zeros(r, 2);
    put_bool(r, is_table && has_indexes(p->table));
    put_bool(r, false); /* relisshared */
    put_char(r, 'p');
    put_char(r, kind);
    system_put_integer(r, width_of(p));
    system_put_integer(r, is_table ? check_count(p->table) : 0);
    put_bool(r, kind == 'v');                    /* relhasrules */
    put_bool(r, p->kind == SYSTEM_HAS_TRIGGERS); /* relhastriggers */
    system_put_zeros(r, 3);                      /* … relforcerowsecurity */
    put_bool(r, true);                           /* relispopulated */
    put_char(r, kind == 'r' ? 'd' : 'n');
    system_put_zeros(r, 4); /* relispartition … relminmxid */
    system_put_zeros(r, 3);
}

/* --- pg_attribute -------------------------------------------------------------------------- */

struct attribute {
    struct span name;
    uint32_t type;
    int32_t typmod;
    const struct catalog_column *column; /* Null: of a system catalog, or of an index. */
};

static struct attribute attribute_of_relation(const struct system_place *p)
{
    struct system_column c = {0};
    const char *at = p->relation->columns;
    for (uint32_t i = 0; i <= p->part; i++)
        if (!system_next_column(&at, &c)) break;
    return (struct attribute){.name = c.name, .type = (uint32_t)c.type, .typmod = -1};
}

static struct attribute attribute_of_index(const struct system_place *p)
{
    const uint32_t position = p->index->columns[p->part];
    if (position == CATALOG_EXPRESSION)
        return (struct attribute){.name = system_index_column_name(p->table, p->index, p->part),
                                  .type = SQL_TEXT,
                                  .typmod = -1};
    const struct catalog_column *c = &p->table->columns[position];
    return (struct attribute){
        .name = c->name, .type = system_type_oid(c->type, c->typmod), .typmod = c->typmod};
}

static struct attribute attribute_of(const struct system_place *p)
{
    if (p->relation != NULL) return attribute_of_relation(p);
    if (p->index != NULL) return attribute_of_index(p);
    const struct catalog_column *c = &p->table->columns[p->part];
    return (struct attribute){.name = c->name,
                              .type = system_type_oid(c->type, c->typmod),
                              .typmod = c->typmod,
                              .column = c};
}

static uint32_t collation_of(uint32_t type)
{
    const bool is_text = type == SQL_TEXT || type == SYSTEM_VARCHAR || type == SQL_BPCHAR ||
                         type == SQL_TEXT_ARRAY || type == SYSTEM_VARCHAR_ARRAY ||
                         type == SQL_BPCHAR_ARRAY;
    if (type == SQL_NAME || type == SQL_NAME_ARRAY || type == SQL_NODE_TREE) return 950;
    return is_text ? 100 : 0;
}

static const struct sql_type_info *info_of(uint32_t type)
{
    if (type == SYSTEM_VARCHAR) return sql_type_info(SQL_TEXT);
    if (type == SYSTEM_VARCHAR_ARRAY) return sql_type_info(SQL_TEXT_ARRAY);
    return sql_type_info((enum sql_type)type);
}

static bool is_by_value(const struct sql_type_info *t)
{
    return t->size == 1 || t->size == 2 || t->size == 4 || t->size == 8;
}

void fill_attribute(struct system_row *r, const struct system_place *p)
{
    const struct attribute a = attribute_of(p);
    const struct catalog_column *c = a.column;
    const struct sql_type_info *t = info_of(a.type);
    const struct system_io *io = system_io(a.type);
    system_put_integer(r, oid_of(p));
    system_put_text(r, a.name);
    system_put_integer(r, a.type);
    system_put_integer(r, -1); /* attstattarget */
    system_put_integer(r, t->size);
    system_put_integer(r, (int64_t)p->part + 1);
    system_put_integer(r,
                       t->category == 'A' && a.type != SQL_INT2VECTOR && a.type != SQL_OIDVECTOR);
    system_put_integer(r, -1); /* attcacheoff */
    system_put_integer(r, a.typmod);
    put_bool(r, is_by_value(t));
    put_char(r, io->align);
    put_char(r, io->storage);
    put_char(r, 0);
    put_bool(r, c != NULL && c->is_not_null);
    put_bool(r, c != NULL && system_has_default(c));
    put_bool(r, false);
    put_char(r, c == NULL ? 0 : c->identity);
    put_char(r, c != NULL && c->generated.size > 0 ? 's' : 0);
    put_bool(r, false);
    put_bool(r, true);
    system_put_integer(r, 0);
    system_put_integer(r, collation_of(a.type));
    system_put_zeros(r, 4);
}

void fill_attrdef(struct system_row *r, const struct system_place *p)
{
    struct buf text;
    buf_init(&text, r->arena->mem, 0);
    system_put_integer(r, system_default_oid(p->table, p->part));
    system_put_integer(r, oid_of(p));
    system_put_integer(r, (int64_t)p->part + 1);
    const struct catalog_column *c = &p->table->columns[p->part];
    if (system_sequence_of(system_catalog(r->system), c->default_sql) != NULL)
        system_show_expression(&text, system_catalog(r->system), c->default_sql, (struct span){0});
    else
        system_show_default(&text, c);
    put_buf(r, &text);
}

/* --- pg_index ------------------------------------------------------------------------------ */

static uint32_t position_of(const struct catalog_index *i, uint32_t column)
{
    return i->columns[column] == CATALOG_EXPRESSION ? 0 : i->columns[column] + 1;
}

static uint32_t index_column_type(const struct system_place *p, uint32_t column)
{
    const uint32_t position = p->index->columns[column];
    if (position == CATALOG_EXPRESSION) return SQL_TEXT;
    const struct catalog_column *c = &p->table->columns[position];
    return system_type_oid(c->type, c->typmod);
}

/* 1: descending, 2: nulls first; without a word they come first where it descends. */
static int64_t option_bits(uint8_t options)
{
    const bool is_desc = (options & CATALOG_DESC) != 0;
    const bool is_first =
        (options & CATALOG_NULLS_FIRST) != 0 || (is_desc && (options & CATALOG_NULLS_LAST) == 0);
    return (is_desc ? 1 : 0) + (is_first ? 2 : 0);
}

enum vector { VECTOR_KEY, VECTOR_COLLATION, VECTOR_CLASS, VECTOR_OPTION };

static void put_index_vector(struct system_row *r, const struct system_place *p, enum vector which)
{
    struct numbers n;
    const bool is_small = which == VECTOR_KEY || which == VECTOR_OPTION;
    numbers_begin(r, &n, is_small ? SQL_INT2 : SQL_OID);
    for (uint32_t i = 0; i < p->index->column_count; i++) {
        const uint32_t type = index_column_type(p, i);
        switch (which) {
        case VECTOR_KEY: numbers_add(&n, position_of(p->index, i)); break;
        case VECTOR_COLLATION: numbers_add(&n, collation_of(type)); break;
        case VECTOR_CLASS: numbers_add(&n, system_class_of_type(type)); break;
        case VECTOR_OPTION: numbers_add(&n, option_bits(p->index->options[i])); break;
        }
    }
    numbers_end(r, &n);
}

static void put_index_expressions(struct system_row *r, const struct catalog_index *i)
{
    struct buf text;
    bool is_any = false;
    buf_init(&text, r->arena->mem, 0);
    for (uint32_t k = 0; i->expressions != NULL && k < i->column_count; k++) {
        if (i->columns[k] != CATALOG_EXPRESSION) continue;
        if (is_any) buf_put_text(&text, ", ");
        buf_put(&text, i->expressions[k]);
        is_any = true;
    }
    if (is_any) {
        put_buf(r, &text);
        return;
    }
    buf_fini(&text);
    system_put_null(r);
}

void fill_index(struct system_row *r, const struct system_place *p)
{
    const enum catalog_index_kind kind = p->index->kind;
    system_put_integer(r, system_oid(p->index->id));
    system_put_integer(r, system_oid(p->table->id));
    system_put_integer(r, p->index->column_count);
    system_put_integer(r, p->index->column_count);
    put_bool(r, kind != CATALOG_INDEX);
    put_bool(r, false); /* indnullsnotdistinct */
    put_bool(r, kind == CATALOG_PRIMARY);
    put_bool(r, false); /* indisexclusion */
    put_bool(r, true);  /* indimmediate */
    put_bool(r, false);
    put_bool(r, true); /* indisvalid */
    put_bool(r, false);
    put_bool(r, true); /* indisready */
    put_bool(r, true);
    put_bool(r, false); /* indisreplident */
    put_index_vector(r, p, VECTOR_KEY);
    put_index_vector(r, p, VECTOR_COLLATION);
    put_index_vector(r, p, VECTOR_CLASS);
    put_index_vector(r, p, VECTOR_OPTION);
    put_index_expressions(r, p->index);
    if (p->index->predicate.size > 0) system_put_text(r, p->index->predicate);
}

/* --- pg_constraint ------------------------------------------------------------------------- */

static void put_positions(struct system_row *r, const uint32_t *columns, uint32_t count)
{
    struct numbers n;
    numbers_begin(r, &n, SQL_INT2);
    for (uint32_t i = 0; i < count; i++)
        numbers_add(&n, columns[i] == CATALOG_EXPRESSION ? 0 : (int64_t)columns[i] + 1);
    numbers_end(r, &n);
}

/* The index that makes a foreign key's other side unique. */
static uint32_t index_referred_to(const struct sql_catalog *c, const struct catalog_index *i)
{
    const struct catalog_table *t = sql_catalog_by_id(c, i->foreign->table_id);
    for (uint32_t k = 0; t != NULL && k < t->index_count; k++) {
        const struct catalog_index *other = &t->indexes[k];
        const bool is_unique = other->kind == CATALOG_PRIMARY || other->kind == CATALOG_UNIQUE ||
                               other->kind == CATALOG_UNIQUE_INDEX;
        bool is_same = is_unique && other->column_count == i->column_count;
        for (uint32_t n = 0; is_same && n < i->column_count; n++) {
            bool is_there = false;
            for (uint32_t m = 0; m < i->column_count; m++)
                is_there = is_there || other->columns[m] == i->foreign->columns[n];
            is_same = is_there;
        }
        if (is_same) return system_oid(other->id);
    }
    return 0;
}

static void put_checked_columns(struct system_row *r, const struct system_place *p)
{
    uint32_t columns[CATALOG_KEY_COLUMNS_MAX];
    const uint32_t count = system_columns_named(columns, p->table, p->index->definition);
    put_positions(r, columns, count);
}

void fill_constraint(struct system_row *r, const struct system_place *p)
{
    const struct catalog_index *i = p->index;
    const struct catalog_foreign *f = i->foreign;
    const bool is_check = i->kind == CATALOG_CHECK;
    const struct sql_catalog *c = system_catalog(r->system);
    system_put_integer(r, system_oid(i->id));
    system_put_text(r, i->name);
    system_put_integer(r, schema_of(r, p));
    put_char(r, (char)i->kind);
    put_bool(r, f != NULL && f->is_deferrable);
    put_bool(r, f != NULL && f->is_deferred);
    put_bool(r, f == NULL || f->is_valid);
    system_put_integer(r, system_oid(p->table->id));
    system_put_integer(r, 0); /* contypid */
    if (f != NULL)
        system_put_integer(r, index_referred_to(c, i));
    else
        system_put_integer(r, is_check ? 0 : system_oid(i->id));
    system_put_integer(r, 0); /* conparentid */
    system_put_integer(r, f == NULL ? 0 : system_oid(f->table_id));
    put_char(r, f == NULL ? ' ' : (char)f->on_update);
    put_char(r, f == NULL ? ' ' : (char)f->on_delete);
    put_char(r, f == NULL ? ' ' : f->is_full ? 'f' : 's');
    put_bool(r, true);        /* conislocal */
    system_put_integer(r, 0); /* coninhcount */
    put_bool(r, !is_check);   /* connoinherit */
    if (is_check)
        put_checked_columns(r, p);
    else
        put_positions(r, i->columns, i->column_count);
    if (f == NULL)
        system_put_null(r);
    else
        put_positions(r, f->columns, i->column_count);
    system_put_zeros(r, 3); /* conpfeqop, conppeqop, conffeqop */
    if (f != NULL && f->set_count > 0)
        put_positions(r, f->set_columns, f->set_count);
    else
        system_put_null(r);
    system_put_null(r); /* conexclop */
    if (is_check) system_put_text(r, i->definition);
}

/* --- pg_namespace, pg_type, pg_authid, pg_sequence, pg_rewrite ----------------------------- */

/* What PostgreSQL gives of schema public: a dump takes it for granted. */
static void put_public_rights(struct system_row *r)
{
    static const char *const items[] = {"pg_database_owner=UC/pg_database_owner",
                                        "=U/pg_database_owner"};
    struct buf b;
    buf_init(&b, r->arena->mem, 0);
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        const struct sql_value v = {.type = SQL_ACLITEM, .bytes = span_text(items[i])};
        array_put(&b, &v);
    }
    array_end(&b);
    put_buf(r, &b);
}

void fill_namespace(struct system_row *r, const struct system_place *p)
{
    const struct sql_catalog *c = system_catalog(r->system);
    const struct span name = system_schema_of(c, (uint32_t)p->number);
    const struct catalog_schema *s = sql_catalog_schema(c, name);
    const bool is_public = s != NULL && s->id == CATALOG_PUBLIC_ID && s->owner == 0;
    system_put_integer(r, (int64_t)p->number);
    system_put_text(r, name);
    system_put_integer(r,
                       is_public ? SYSTEM_PUBLIC_OWNER : system_role_oid(s == NULL ? 0 : s->owner));
    if (is_public) put_public_rights(r);
}

static void put_io(struct system_row *r, const struct system_io *io)
{
    for (size_t i = 0; i < SYSTEM_IO_FUNCTIONS; i++)
        put_function(r, io->oids[i], io->names[i]);
    put_function(r, 0, ""); /* typanalyze */
}

/* Where PostgreSQL has a pseudo-type, an array, and everything else. */
static char type_kind(const struct sql_type_info *t)
{
    return t->category == 'P' || t->type == SQL_UNKNOWN ? 'p' : 'b';
}

void fill_type(struct system_row *r, const struct system_place *p)
{
    const uint32_t oid = (uint32_t)p->number;
    const struct sql_type_info *t = info_of(oid);
    const struct system_io *io = system_io(oid);
    const bool is_varchar = oid == SYSTEM_VARCHAR || oid == SYSTEM_VARCHAR_ARRAY;
    const bool is_array = t->category == 'A';
    system_put_integer(r, oid);
    put_string(r, oid == SYSTEM_VARCHAR         ? "varchar"
                  : oid == SYSTEM_VARCHAR_ARRAY ? "_varchar"
                                                : t->name);
    system_put_integer(r, SYSTEM_CATALOG_OID);
    system_put_integer(r, SYSTEM_OWNER_OID);
    system_put_integer(r, t->size);
    put_bool(r, is_by_value(t));
    put_char(r, type_kind(t));
    put_char(r, t->category);
    put_bool(r, t->is_preferred && !is_varchar);
    put_bool(r, true);
    put_char(r, ',');
    system_put_integer(r, 0); /* typrelid */
    put_function(r, is_array ? 6179 : 0, "array_subscript_handler");
    if (is_varchar)
        system_put_integer(r, is_array ? SYSTEM_VARCHAR : 0);
    else if (oid == SQL_NAME)
        system_put_integer(r, SQL_CHAR);
    else
        system_put_integer(r, is_array ? (int64_t)t->element : 0);
    if (oid == SYSTEM_VARCHAR)
        system_put_integer(r, SYSTEM_VARCHAR_ARRAY);
    else
        system_put_integer(r, t->array == SQL_VOID ? 0 : (int64_t)t->array);
    put_io(r, io);
    put_char(r, io->align);
    put_char(r, io->storage);
    put_bool(r, false);
    system_put_integer(r, 0);
    system_put_integer(r, -1); /* typtypmod */
    system_put_integer(r, 0);
    system_put_integer(r, collation_of(oid));
    system_put_zeros(r, 3);
}

/* Everybody may log in; nobody is above the rules. An administrator may make accounts and ledgers.
 */
void fill_authid(struct system_row *r, const struct system_place *p)
{
    char name[256] = "pg_database_owner";
    struct system_role role = {.name = name, .name_size = sizeof name};
    const bool is_public = p->kind == SYSTEM_IS_PUBLIC;
    system_put_integer(r, is_public ? SYSTEM_PUBLIC_OWNER : system_role_oid(p->number));
    if (!is_public) (void)system_role_read(r->system, p->number, &role);
    put_string(r, name);
    put_bool(r, role.is_super);
    put_bool(r, true);
    put_bool(r, role.is_admin);
    put_bool(r, role.is_admin);
    put_bool(r, role.can_log_in);
    system_put_zeros(r, 2);
    system_put_integer(r, -1);
    system_put_zeros(r, 2);
}

void fill_sequence(struct system_row *r, const struct system_place *p)
{
    struct ddl_sequence s;
    ddl_sequence_load(&s, system_catalog(r->system), p->table);
    system_put_integer(r, system_oid(p->table->id));
    system_put_integer(r, (int64_t)s.type);
    system_put_integer(r, s.start);
    system_put_integer(r, s.increment);
    system_put_integer(r, s.max);
    system_put_integer(r, s.min);
    system_put_integer(r, s.cache);
    put_bool(r, s.is_cycle);
}

/* A view is the rule _RETURN of its relation. */
void fill_rewrite(struct system_row *r, const struct system_place *p)
{
    system_put_integer(r, system_oid(p->table->id));
    put_string(r, "_RETURN");
    system_put_integer(r, system_oid(p->table->id));
    put_char(r, '1');
    put_char(r, 'O');
    put_bool(r, true);
    put_string(r, "<>");
    system_put_text(r, p->table->definition);
}

/* --- pg_description, pg_depend ------------------------------------------------------------- */

void fill_description(struct system_row *r, const struct system_place *p)
{
    const struct sql_catalog *c = system_catalog(r->system);
    if (p->kind == 's') {
        const bool is_public = p->number == CATALOG_PUBLIC_ID;
        system_put_integer(r, is_public ? SYSTEM_PUBLIC_OID : system_oid(p->number));
        system_put_integer(r, SYSTEM_CLASS_OF_SCHEMA);
        system_put_integer(r, 0);
        const struct span text = sql_catalog_property(c, p->number, 0, "comment");
        system_put_text(r, text.size > 0 ? text : span_text("standard public schema"));
        return;
    }
    const bool is_constraint =
        p->index != NULL && (p->index->kind == CATALOG_CHECK || p->index->kind == CATALOG_FOREIGN);
    const uint64_t id = p->index != NULL ? p->index->id : p->table->id;
    system_put_integer(r, system_oid(id));
    system_put_integer(r, is_constraint ? SYSTEM_CLASS_OF_CONSTRAINT : SYSTEM_CLASS_OF_CLASS);
    system_put_integer(r, p->part);
    system_put_text(r, sql_catalog_property(c, id, p->part, "comment"));
}

struct edge {
    uint32_t from_class;
    uint32_t from;
    uint32_t to_class;
    uint32_t to;
    uint32_t to_part;
    char kind;
};

static struct edge edge_of(const struct system_place *p)
{
    const uint32_t own = p->table == NULL ? 0 : system_oid(p->table->id);
    const uint32_t index = p->index == NULL ? 0 : system_oid(p->index->id);
    const uint32_t class = SYSTEM_CLASS_OF_CLASS;
    const bool is_constraint = p->index != NULL && p->index->kind != CATALOG_INDEX &&
                               p->index->kind != CATALOG_UNIQUE_INDEX;
    switch (p->kind) {
    case 'r': return (struct edge){SYSTEM_CLASS_OF_RULES, own, class, own, 0, 'i'};
    case 'q':
        return (struct edge){SYSTEM_CLASS_OF_DEFAULT,
                             system_default_oid(p->table, p->part),
                             class,
                             system_oid(p->number),
                             0,
                             'n'};
    case 'v':
        return (struct edge){SYSTEM_CLASS_OF_RULES, own, class, system_oid(p->number), 0, 'n'};
    case 'd':
        return (struct edge){SYSTEM_CLASS_OF_DEFAULT,
                             system_default_oid(p->table, p->part),
                             class,
                             own,
                             p->part + 1,
                             'a'};
    case 'k': return (struct edge){class, index, SYSTEM_CLASS_OF_CONSTRAINT, index, 0, 'i'};
    case 'c':
        return (struct edge){is_constraint ? SYSTEM_CLASS_OF_CONSTRAINT : class,
                             index,
                             class,
                             own,
                             p->part + 1,
                             'a'};
    case 'o': return (struct edge){class, own, class, system_oid(p->number), p->part + 1, 'a'};
    case 'e':
        return (struct edge){class, own, SYSTEM_CLASS_OF_EXTENSION, SYSTEM_EXTENSION_OID, 0, 'e'};
    case 'x':
        return (struct edge){SYSTEM_CLASS_OF_SCHEMA,
                             SYSTEM_CHAIN_OID,
                             SYSTEM_CLASS_OF_EXTENSION,
                             SYSTEM_EXTENSION_OID,
                             0,
                             'e'};
    default: break; /* 'i': an index or check, of its table. */
    }
    return (struct edge){
        is_constraint ? SYSTEM_CLASS_OF_CONSTRAINT : class, index, class, own, 0, 'a'};
}

void fill_depend(struct system_row *r, const struct system_place *p)
{
    struct edge e = edge_of(p);
    const struct sql_catalog *c = system_catalog(r->system);
    const struct catalog_table *owner = p->kind == 'o' ? sql_catalog_by_id(c, p->number) : NULL;
    /* An identity column's sequence goes with it, and is not shown apart. */
    if (owner != NULL && owner->columns[p->part].identity != 0) e.kind = 'i';
    system_put_integer(r, e.from_class);
    system_put_integer(r, e.from);
    system_put_integer(r, 0);
    system_put_integer(r, e.to_class);
    system_put_integer(r, e.to);
    system_put_integer(r, e.to_part);
    put_char(r, e.kind);
}
