/* sql.c - What compiling a statement costs: binding, emission and lifting, without SQLite's own
 * preparing, and what it costs when the text is known already (node/compiled.h) with its values
 * bound. Prints microseconds of CPU of a statement as clients send it, and milliseconds of texts
 * that are as long as they may be. Exit code 1: a statement needs more than 100 us, a known one 2
 * us. */
#include <stdio.h>
#include <time.h>

#include "base/must.h"
#include "node/compiled.h"
#include "support/sql_rig.h"

#define ROUNDS 2000u

static uint64_t now_ns(void) /* Of this process's CPU. */
{
    return (uint64_t)clock() * (1000000000u / CLOCKS_PER_SEC);
}

static const char *const statements[] = {
    "SELECT * FROM bills WHERE id = 42",
    "SELECT b.id, b.amount, h.name FROM bills b JOIN holders h ON h.id = b.holder "
    "WHERE b.state = 'open' AND b.amount > 100.50 ORDER BY b.amount DESC, b.id LIMIT 20",
    "SELECT state, count(*), sum(amount) FROM bills WHERE holder IN (1, 2, 3) GROUP BY state "
    "HAVING sum(amount) > 10 ORDER BY 2 DESC",
    "INSERT INTO bills (id, holder, amount, state) VALUES (7, 3, 12.34, 'open')",
    "UPDATE bills SET amount = amount - 5, state = 'paid' WHERE id = 9 AND amount >= 5",
    "UPDATE bills SET amount = amount - $1 WHERE id = $2 RETURNING amount",
};

/* Nanoseconds to compile and to lift the text once. */
static uint64_t cost(struct sql_rig *r, struct span text, uint32_t rounds)
{
    struct diag d = {0};
    const uint64_t start = now_ns();
    for (uint32_t i = 0; i < rounds; i++) {
        struct arena a;
        struct sql_statement s;
        struct sql_lifted lifted;
        struct sql_compile in = {.catalog = sql_rig_catalog(r), .text = text, .account = 7};
        arena_init(&a, mem_system(), 0);
        must(sql_compile_and_lift(&s, &lifted, &a, &in, &d) == ST_OK);
        arena_fini(&a);
    }
    return (now_ns() - start) / rounds;
}

/* Nanoseconds to find a compiled statement by its text, and to bind its values. */
static uint64_t cached_cost(struct sql_rig *r, struct span text)
{
    struct diag d = {0};
    struct compiled_cache cache = {.mem = mem_system()};
    struct compiled *c = NULL;
    sqlite3_stmt *stmt = NULL;
    struct sql_catalog *catalog = NULL;
    must(sql_catalog_load(&catalog, mem_system(), sql_rig_connection(r)) == ST_OK);
    const struct compiled_request request = {.catalog = catalog, .account = 7, .text = text};
    must(compiled_get(&c, &cache, &request, &d) == ST_OK);
    must(sqlite3_prepare_v2(sql_rig_connection(r), c->statement.sqlite, -1, &stmt, NULL) ==
         SQLITE_OK);
    const int count = sqlite3_bind_parameter_count(stmt);
    const struct sql_value value = {.type = SQL_INT8, .integer = 42};
    compiled_unref(c);
    const uint64_t start = now_ns();
    for (uint32_t i = 0; i < 100 * ROUNDS; i++) {
        must(compiled_get(&c, &cache, &request, &d) == ST_OK);
        for (int k = 1; k <= count; k++)
            must(sql_value_bind(stmt, k, &value) == ST_OK);
        compiled_unref(c);
    }
    const uint64_t cost_ns = (now_ns() - start) / (UINT64_C(100) * ROUNDS);
    (void)sqlite3_finalize(stmt);
    compiled_cache_fini(&cache);
    sql_catalog_unref(catalog);
    return cost_ns;
}

static void long_text(struct sql_rig *r, const char *what, const char *head, const char *item)
{
    struct buf text;
    buf_init(&text, mem_system(), 0);
    buf_put_text(&text, head);
    for (uint32_t i = 0; text.size + 64 < SQL_TEXT_MAX && i < 60000; i++)
        buf_printf(&text, "%s%s", i > 0 ? "," : "", item);
    buf_put_text(&text, head[0] == 'S' ? ")" : "");
    must(buf_status(&text) == ST_OK);
    printf("%8.1f ms  %s, %zu bytes\n", (double)cost(r, buf_span(&text), 3) / 1e6, what, text.size);
    buf_fini(&text);
}

int main(void)
{
    struct sql_rig *r = sql_rig_new();
    sql_rig_ok(r, "CREATE TABLE holders (id int PRIMARY KEY, name text NOT NULL)");
    sql_rig_ok(r, "CREATE TABLE bills (id bigint PRIMARY KEY, holder int NOT NULL, "
                  "amount numeric(14,2) NOT NULL, state text NOT NULL)");
    bool is_good = true;
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        const uint64_t new_ns = cost(r, span_text(statements[i]), ROUNDS);
        const uint64_t known_ns = cached_cost(r, span_text(statements[i]));
        is_good = is_good && new_ns <= 100000 && known_ns <= 2000;
        printf("%8.1f us, known %.2f us  %.60s\n", (double)new_ns / 1e3, (double)known_ns / 1e3,
               statements[i]);
    }
    long_text(r, "numbers in IN", "SELECT id FROM bills WHERE id IN (", "12345678");
    long_text(r, "rows of VALUES", "INSERT INTO bills (id, holder, amount, state) VALUES ",
              "(7, 3, 12.34, 'open')");
    sql_rig_free(r);
    return is_good ? 0 : 1;
}
