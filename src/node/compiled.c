#include "node/compiled.h"

#include "base/must.h"
#include "node/passwords.h"

static struct compiled **slot_of(struct compiled_cache *cache, struct span text)
{
    uint32_t hash = 2166136261u; /* FNV-1a: a cache, not a promise. */
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ text.data[i]) * 16777619u;
    return &cache->slots[hash % COMPILED_SLOTS];
}

bool compiled_is_text(const struct compiled *c, const struct compiled_request *r)
{
    if (c->account != r->account || !span_equal(c->search_path, r->search_path)) return false;
    if (c->declared_count != r->declared_count || !span_equal(c->text, r->text)) return false;
    return r->declared_count == 0 ||
           memcmp(c->declared, r->declared, r->declared_count * sizeof *r->declared) == 0;
}

static bool is_same(const struct compiled *c, const struct compiled_request *r)
{
    return c->catalog == r->catalog && compiled_is_text(c, r);
}

struct compiled *compiled_find(struct compiled_cache *cache, const struct compiled_request *request)
{
    struct compiled *found = *slot_of(cache, request->text);
    if (found != NULL && !is_same(found, request)) found = NULL;
    for (uint32_t i = 0; i < COMPILED_LARGE && found == NULL && cache->large[i] != NULL; i++)
        if (is_same(cache->large[i], request)) found = cache->large[i];
    if (found != NULL) found->refs++;
    return found;
}

enum status compiled_new(struct compiled **out, struct mem *mem, const struct compiled_request *r)
{
    struct compiled *c = mem_alloc_zero(mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    arena_init(&c->arena, mem, COMPILED_ARENA_MAX);
    c->refs = 1;
    if (r->catalog != NULL) c->catalog = sql_catalog_ref(r->catalog);
    c->account = r->account;
    c->text = arena_copy(&c->arena, r->text);
    c->search_path = arena_copy(&c->arena, r->search_path);
    c->declared_count = r->declared_count;
    c->declared = arena_alloc(&c->arena, (r->declared_count + 1u) * sizeof *c->declared);
    if (c->text.data == NULL || c->search_path.data == NULL || c->declared == NULL) {
        compiled_unref(c);
        return ST_NO_MEMORY;
    }
    if (r->declared_count > 0)
        memcpy(c->declared, r->declared, r->declared_count * sizeof *c->declared);
    *out = c;
    return ST_OK;
}

enum status compiled_make(struct compiled *c, struct diag *d)
{
    struct sql_compile in = {.catalog = c->catalog,
                             .text = c->text,
                             .param_types = c->declared,
                             .param_count = c->declared_count,
                             .account = c->account,
                             .search_path = c->search_path};
    /* A SELECT may become part of a transaction that writes. */
    return sql_compile_and_lift(&c->statement, &c->lifted, &c->arena, &in, d);
}

/* The newest that fit together stay; c is always one of them. */
static void keep_large(struct compiled_cache *cache, struct compiled *c)
{
    struct compiled *before = c;
    size_t bytes = 0;
    c->refs++;
    for (uint32_t i = 0; i < COMPILED_LARGE; i++) {
        struct compiled *moved = before;
        before = cache->large[i];
        if (moved != NULL) bytes += moved->arena.total;
        const bool fits = moved == c || bytes <= COMPILED_LARGE_MAX;
        cache->large[i] = fits ? moved : NULL;
        if (!fits) compiled_unref(moved);
    }
    compiled_unref(before);
}

void compiled_keep(struct compiled_cache *cache, struct compiled *c)
{
    struct compiled **slot = slot_of(cache, c->text);
    if (c->statement.password != NULL) return; /* It is in the clear here. */
    if (c->arena.total > COMPILED_KEPT_MAX) {
        keep_large(cache, c);
        return;
    }
    compiled_unref(*slot);
    *slot = c;
    c->refs++;
}

enum status compiled_get(struct compiled **out,
                         struct compiled_cache *cache,
                         const struct compiled_request *request,
                         struct diag *d)
{
    *out = compiled_find(cache, request);
    if (*out != NULL) return ST_OK;
    struct compiled *c = NULL;
    enum status st = compiled_new(&c, cache->mem, request);
    if (st == ST_NO_MEMORY) diag_set(d, "53200", "out of memory");
    if (st == ST_OK) st = compiled_make(c, d);
    if (st != ST_OK) {
        compiled_unref(c);
        return st;
    }
    compiled_keep(cache, c);
    *out = c;
    return ST_OK;
}

enum status compiled_defer(struct compiled **out,
                           struct compiled_cache *cache,
                           const struct compiled_request *request)
{
    TRY(compiled_new(out, cache->mem, request));
    (*out)->is_deferred = true;
    (*out)->lifted.text = (*out)->text;
    (*out)->statement.is_write = true;
    return ST_OK;
}

void compiled_unref(struct compiled *c)
{
    if (c == NULL) return;
    must(c->refs > 0);
    if (--c->refs > 0) return;
    if (sql_may_have_password(c->text)) passwords_wipe(c->text);
    sql_catalog_unref(c->catalog);
    struct mem *mem = c->arena.mem;
    arena_fini(&c->arena);
    mem_free(mem, c);
}

void compiled_cache_fini(struct compiled_cache *cache)
{
    for (uint32_t i = 0; i < COMPILED_SLOTS; i++)
        compiled_unref(cache->slots[i]);
    for (uint32_t i = 0; i < COMPILED_LARGE; i++)
        compiled_unref(cache->large[i]);
    memset(cache->slots, 0, sizeof cache->slots);
    memset(cache->large, 0, sizeof cache->large);
}
