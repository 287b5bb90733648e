/* compiled.h - Compiled statements, shared by the calls that use them and kept by text.
 *
 * Immutable once made and reference-counted within the doors' thread; one that is being made may be
 * in the hands of another thread (compilers.h). An entry is valid for one
 * catalog, one list of declared parameter types and one account (owners of new tables). */
#ifndef TRUSTSQL_NODE_COMPILED_H
#define TRUSTSQL_NODE_COMPILED_H

#include "sql/sql.h"

#define COMPILED_SLOTS     512u
#define COMPILED_ARENA_MAX (64u << 20)
#define COMPILED_KEPT_MAX  (64u << 10) /* Arena of a statement that is kept for the next call. */
#define COMPILED_LARGE     8u          /* Larger ones that are kept, the newest, */
#define COMPILED_LARGE_MAX (64u << 20) /* and their arenas together. */

struct compiled {
    uint32_t refs;
    struct arena arena; /* Everything below. */
    struct sql_catalog *catalog;
    uint64_t account;
    struct span text;
    struct span search_path;
    enum sql_type *declared;
    uint32_t declared_count;
    struct sql_statement statement;
    bool is_deferred; /* Depends on DDL before it in the same query string: compiled when executed.
                       */
    /* Writes: the text that is signed, and the literals taken out of it. */
    struct sql_lifted lifted;
};

struct compiled_cache {
    struct mem *mem;
    struct compiled *slots[COMPILED_SLOTS]; /* Direct-mapped by text. */
    struct compiled *large[COMPILED_LARGE]; /* The newest first. */
};

struct compiled_request {
    struct sql_catalog *catalog;
    uint64_t account;
    struct span text;
    struct span search_path; /* As in sql_compile. */
    const enum sql_type *declared;
    uint32_t declared_count;
};

/* A reference, when it is kept; else null. */
struct compiled *compiled_find(struct compiled_cache *cache,
                               const struct compiled_request *request);

/* Not compiled yet: its text, and what it will be compiled against. */
NODISCARD enum status compiled_new(struct compiled **out,
                                   struct mem *mem,
                                   const struct compiled_request *request);

/* Compile it, on any thread; d says why not. */
NODISCARD enum status compiled_make(struct compiled *c, struct diag *d);

/* The same text, types and account, whatever the catalog. */
bool compiled_is_text(const struct compiled *c, const struct compiled_request *request);

/* It may be found from now on, but for one that has a password. */
void compiled_keep(struct compiled_cache *cache, struct compiled *c);

/* Find it, or compile it here. A reference to the compiled statement; d says why not. */
NODISCARD enum status compiled_get(struct compiled **out,
                                   struct compiled_cache *cache,
                                   const struct compiled_request *request,
                                   struct diag *d);

/* A statement that can only be compiled when it is executed. */
NODISCARD enum status compiled_defer(struct compiled **out,
                                     struct compiled_cache *cache,
                                     const struct compiled_request *request);

void compiled_unref(struct compiled *c); /* Null allowed. */
void compiled_cache_fini(struct compiled_cache *cache);

#endif
