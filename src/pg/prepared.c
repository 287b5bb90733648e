/* prepared.c - Statements and portals by name: two lists, the last used first.
 *
 * Names are compared by hash first; with a bounded number of them a list is as good as a table, and
 * a client that uses one statement all the time finds it at once. */
#include "base/must.h"
#include "pg/session_int.h"

static uint32_t name_hash(struct span name);
static bool count_bytes(struct pg_session *s, size_t bytes);

/* --- statements
 * ----------------------------------------------------------------------------------*/

struct statement *statement_find(struct pg_session *s, struct span name)
{
    uint32_t hash = name_hash(name);
    for (struct statement **at = &s->statements; *at != NULL; at = &(*at)->next) {
        struct statement *st = *at;
        if (st->name_hash != hash || !span_equal(st->name, name)) continue;
        *at = st->next;
        st->next = s->statements;
        s->statements = st;
        return st;
    }
    return NULL;
}

struct statement *statement_new(struct pg_session *s, struct span name)
{
    struct statement *st = mem_alloc_zero(s->config.mem, 1, sizeof *st);
    if (st == NULL) return NULL;
    st->references = 1;
    st->name_hash = name_hash(name);
    arena_init(&st->arena, s->config.mem, PG_STATEMENT_MAX);
    st->name = arena_copy(&st->arena, name);
    if (st->name.data == NULL) {
        statement_unref(s, st);
        return NULL;
    }
    return st;
}

enum status statement_add(struct pg_session *s, struct statement *st)
{
    must(statement_find(s, st->name) == NULL);
    must(st->references == 1);
    if (s->statement_count == PG_STATEMENTS_MAX) return ST_LIMIT;
    if (!count_bytes(s, st->arena.total)) return ST_LIMIT;
    st->counted = st->arena.total;
    st->next = s->statements;
    s->statements = st;
    s->statement_count++;
    return ST_OK;
}

void statement_remove(struct pg_session *s, struct span name)
{
    struct statement *st = statement_find(s, name);
    if (st == NULL) return;
    must(s->statements == st); /* Found ones come first. */
    s->statements = st->next;
    must(s->statement_count > 0);
    s->statement_count--;
    statement_unref(s, st);
}

void statement_remove_all(struct pg_session *s)
{
    while (s->statements != NULL)
        statement_remove(s, s->statements->name);
}

void statement_unref(struct pg_session *s, struct statement *st)
{
    must(st->references > 0);
    if (--st->references > 0) return;
    must(s->prepared_bytes >= st->counted);
    s->prepared_bytes -= st->counted;
    arena_fini(&st->arena);
    mem_free(s->config.mem, st);
}

/* --- portals
 * -------------------------------------------------------------------------------------*/

struct portal *portal_find(struct pg_session *s, struct span name)
{
    uint32_t hash = name_hash(name);
    for (struct portal **at = &s->portals; *at != NULL; at = &(*at)->next) {
        struct portal *p = *at;
        if (p->name_hash != hash || !span_equal(p->name, name)) continue;
        *at = p->next;
        p->next = s->portals;
        s->portals = p;
        return p;
    }
    return NULL;
}

static struct portal *portal_take_spare(struct pg_session *s)
{
    struct portal *p = s->spare_portals;
    if (p != NULL) {
        must(s->spare_portal_count > 0);
        s->spare_portals = p->next;
        s->spare_portal_count--;
        return p;
    }
    p = mem_alloc_zero(s->config.mem, 1, sizeof *p);
    if (p == NULL) return NULL;
    arena_init(&p->arena, s->config.mem, PG_PORTAL_MAX);
    return p;
}

struct portal *portal_new(struct pg_session *s, struct span name, struct statement *st)
{
    struct portal *p = portal_take_spare(s);
    if (p == NULL) return NULL;
    struct arena arena = p->arena;
    memset(p, 0, sizeof *p);
    p->arena = arena;
    p->references = 1;
    p->name_hash = name_hash(name);
    p->statement = st;
    st->references++;
    buf_init(&p->rows, s->config.mem, 0);
    p->name = arena_copy(&p->arena, name);
    if (p->name.data == NULL) {
        portal_unref(s, p);
        return NULL;
    }
    return p;
}

enum status portal_add(struct pg_session *s, struct portal *p)
{
    must(portal_find(s, p->name) == NULL);
    must(p->references == 1);
    if (s->portal_count == PG_PORTALS_MAX) return ST_LIMIT;
    if (!count_bytes(s, p->arena.total)) return ST_LIMIT;
    p->counted = p->arena.total;
    p->next = s->portals;
    s->portals = p;
    s->portal_count++;
    return ST_OK;
}

void portal_remove(struct pg_session *s, struct span name)
{
    struct portal *p = portal_find(s, name);
    if (p == NULL) return;
    must(s->portals == p);
    s->portals = p->next;
    must(s->portal_count > 0);
    s->portal_count--;
    portal_unref(s, p);
}

void portal_remove_all(struct pg_session *s)
{
    while (s->portals != NULL) {
        struct portal *p = s->portals;
        s->portals = p->next;
        s->portal_count--;
        portal_unref(s, p);
    }
    must(s->portal_count == 0);
}

void portal_unref(struct pg_session *s, struct portal *p)
{
    must(p->references > 0);
    if (--p->references > 0) return;
    must(s->prepared_bytes >= p->counted);
    s->prepared_bytes -= p->counted;
    statement_unref(s, p->statement);
    buf_fini(&p->rows);
    arena_reset(&p->arena);
    if (s->spare_portal_count < PG_SPARES_MAX && p->arena.total <= PG_KEEP_MAX) {
        p->next = s->spare_portals;
        s->spare_portals = p;
        s->spare_portal_count++;
        return;
    }
    arena_fini(&p->arena);
    mem_free(s->config.mem, p);
}

void prepared_fini(struct pg_session *s)
{
    portal_remove_all(s);
    while (s->spare_portals != NULL) {
        struct portal *p = s->spare_portals;
        s->spare_portals = p->next;
        arena_fini(&p->arena);
        mem_free(s->config.mem, p);
    }
    statement_remove_all(s);
    must(s->prepared_bytes == 0);
}

/* FNV-1a: spreads names; nothing rests on it being hard to guess, the lists are bounded. */
static uint32_t name_hash(struct span name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ name.data[i]) * 16777619u;
    return hash;
}

static bool count_bytes(struct pg_session *s, size_t bytes)
{
    must(s->prepared_bytes <= PG_PREPARED_MAX);
    if (bytes > PG_PREPARED_MAX - s->prepared_bytes) return false;
    s->prepared_bytes += bytes;
    return true;
}
