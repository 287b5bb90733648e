#include "node/compiled.h"

#include "base/must.h"

static struct compiled **slot_of(struct compiled_cache *cache, struct span text)
{
    uint32_t hash = 2166136261u; /* FNV-1a: a cache, not a promise. */
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ text.data[i]) * 16777619u;
    return &cache->slots[hash % COMPILED_SLOTS];
}

static bool is_same(const struct compiled *c, const struct compiled_request *r)
{
    if (c->catalog != r->catalog || c->account != r->account) return false;
    if (c->declared_count != r->declared_count || !span_equal(c->text, r->text)) return false;
    return r->declared_count == 0 ||
           memcmp(c->declared, r->declared, r->declared_count * sizeof *r->declared) == 0;
}

static enum status new_entry(struct compiled **out,
                             struct compiled_cache *cache,
                             const struct compiled_request *r)
{
    struct compiled *c = mem_alloc_zero(cache->mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    arena_init(&c->arena, cache->mem, COMPILED_ARENA_MAX);
    c->refs = 1;
    c->catalog = sql_catalog_ref(r->catalog);
    c->account = r->account;
    c->text = arena_copy(&c->arena, r->text);
    c->declared_count = r->declared_count;
    c->declared = arena_alloc(&c->arena, (r->declared_count + 1u) * sizeof *c->declared);
    if (c->text.data == NULL || c->declared == NULL) {
        compiled_unref(c);
        return ST_NO_MEMORY;
    }
    if (r->declared_count > 0)
        memcpy(c->declared, r->declared, r->declared_count * sizeof *c->declared);
    *out = c;
    return ST_OK;
}

static enum status compile(struct compiled *c, struct diag *d)
{
    struct sql_compile in = {.catalog = c->catalog,
                             .text = c->text,
                             .param_types = c->declared,
                             .param_count = c->declared_count,
                             .account = c->account};
    /* A SELECT may become part of a transaction that writes. */
    return sql_compile_and_lift(&c->statement, &c->lifted, &c->arena, &in, d);
}

enum status compiled_get(struct compiled **out,
                         struct compiled_cache *cache,
                         const struct compiled_request *request,
                         struct diag *d)
{
    struct compiled **slot = slot_of(cache, request->text);
    if (*slot != NULL && is_same(*slot, request)) {
        (*slot)->refs++;
        *out = *slot;
        return ST_OK;
    }
    struct compiled *c = NULL;
    enum status st = new_entry(&c, cache, request);
    if (st == ST_NO_MEMORY) diag_set(d, "53200", "out of memory");
    if (st == ST_OK) st = compile(c, d);
    if (st != ST_OK) {
        compiled_unref(c);
        return st;
    }
    *out = c;
    if (c->arena.total > COMPILED_KEPT_MAX) return ST_OK;
    compiled_unref(*slot);
    *slot = c;
    c->refs++;
    return ST_OK;
}

enum status compiled_defer(struct compiled **out,
                           struct compiled_cache *cache,
                           const struct compiled_request *request)
{
    TRY(new_entry(out, cache, request));
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
    sql_catalog_unref(c->catalog);
    struct mem *mem = c->arena.mem;
    arena_fini(&c->arena);
    mem_free(mem, c);
}

void compiled_cache_fini(struct compiled_cache *cache)
{
    for (uint32_t i = 0; i < COMPILED_SLOTS; i++)
        compiled_unref(cache->slots[i]);
    memset(cache->slots, 0, sizeof cache->slots);
}
