/* proxy_read.c - A SELECT through nodes of which f may lie (consensus.md 1.19, R1).
 *
 *   1. Ask all for their newest certified height until n - f have shown a certificate that reaches
 *      what they had executed when they were first asked. H is the highest of them: a transaction
 *      that anybody was told is final was executed and signed by a quorum, which meets any n - f in
 *      an honest node.
 *   2. Ask all for the rows at height H. What f + 1 give equally is the truth, for one of them is
 *      honest. Who gave something else at the same height is named.
 *      A difference is looked at twice: a statement is compiled against a node's newest catalog, so
 *      that in the moment of a change of a table two honest nodes may differ.
 *   3. Without f + 1 equal answers once more; then the statement goes through the chain as a
 *      transaction, whose receipt proves the rows. */
#include <stdio.h>

#include "base/endian.h"
#include "base/must.h"
#include "cmd/proxy_int.h"
#include "ledger/reading.h"
#include "os/process.h"

#define HEIGHT_GRACE_MS 20u /* So that a false certificate is seen, too. */
#define CATCH_UP_MS     5u  /* Between two looks at who is behind. */
#define EPOCHS_SQL      "SELECT epochs FROM trustsql.certified"
#define CERTIFIED_SQL   "SELECT height, executed, certificate FROM trustsql.certified"

struct heights {
    bool is_later; /* A certificate is of an epoch that is not known yet. */
    struct reading_heights said;
};

static uint32_t all_links(const struct proxy *p)
{
    return p->node_count == 32 ? UINT32_MAX : (1u << p->node_count) - 1;
}

static uint32_t count_bits(uint32_t mask)
{
    return (uint32_t)__builtin_popcount(mask);
}

/* --- heights -----------------------------------------------------------------------------------
 */

static bool int8_of(const PGresult *r, int column, uint64_t *out)
{
    if (PQgetisnull(r, 0, column) == 1 || PQgetlength(r, 0, column) != 8) return false;
    *out = get_u64_be((const uint8_t *)PQgetvalue(r, 0, column));
    return *out <= INT64_MAX;
}

static void look(struct proxy_call *c, struct heights *h, uint32_t i, const PGresult *r)
{
    struct backend_session *s = c->session;
    uint64_t said = 0;
    uint64_t executed = 0;
    uint64_t height = 0;
    if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1 || PQnfields(r) != 3) return;
    if (!int8_of(r, 0, &said) || !int8_of(r, 1, &executed)) return;
    struct span bytes = span_of(PQgetvalue(r, 0, 2), (size_t)PQgetlength(r, 0, 2));
    uint64_t epoch = 0;
    const struct proxy_trust *t = &s->proxy->trust;
    enum status st = proxy_trust_certificate(t, bytes, &height, &epoch);
    if (st == ST_NOT_FOUND) {
        h->is_later = h->is_later || epoch > proxy_trust_newest(t)->epoch;
        return;
    }
    const struct public_key key = proxy_node_key(s->proxy, s->links[i].node);
    if (proxy_epoch_find(proxy_trust_newest(t), &key) == NODES_MAX) return; /* It votes no more. */
    if (st != ST_OK || height != said) {
        proxy_say_lie(c, s->links[i].node, "its certificate of height %llu does not verify",
                      (unsigned long long)said);
        return;
    }
    reading_on_height(&h->said, i, height, executed);
}

struct look_context {
    struct proxy_call *call;
    struct heights *heights;
    uint32_t seen; /* Mask of answers looked at. */
};

static bool enough_heights(struct proxy_round *r, void *context)
{
    struct look_context *k = context;
    for (uint32_t i = 0; i < PROXY_NODES_MAX; i++) {
        uint32_t bit = 1u << i;
        if ((r->answered & bit) == 0 || (k->seen & bit) != 0) continue;
        k->seen |= bit;
        look(k->call, k->heights, i, r->results[i]);
    }
    /* With so many answers it is time to ask those again who are behind. */
    uint32_t needed = proxy_trust_answers(&r->session->proxy->trust);
    return count_bits(k->heights->said.proven | r->answered) >= needed;
}

static bool enough_any(struct proxy_round *r, void *context)
{
    (void)context;
    return count_bits(r->answered) >= proxy_trust_equal(&r->session->proxy->trust);
}

/* Learn of later epochs: whatever chain verifies is true. */
static void follow(struct proxy_call *c)
{
    struct proxy *p = c->session->proxy;
    struct proxy_round r = {.session = c->session,
                            .mask = all_links(p),
                            .ask = {.text = EPOCHS_SQL, .is_binary = true},
                            .limit_ms = PROXY_READ_MS,
                            .enough = enough_any,
                            .grace_ms = PROXY_GRACE_MS};
    proxy_round_run(&r);
    uint64_t before = proxy_trust_newest(&p->trust)->epoch;
    for (uint32_t i = 0; i < p->node_count; i++) {
        const PGresult *a = r.results[i];
        if (PQresultStatus(a) != PGRES_TUPLES_OK || PQntuples(a) != 1 || PQnfields(a) != 1)
            continue;
        if (PQgetisnull(a, 0, 0) == 1) continue;
        struct span bytes = span_of(PQgetvalue(a, 0, 0), (size_t)PQgetlength(a, 0, 0));
        if (proxy_trust_follow(&p->trust, bytes) != ST_OK)
            proxy_say_lie(c, c->session->links[i].node, "its chain of epochs does not verify");
    }
    proxy_round_fini(&r);
    uint64_t now = proxy_trust_newest(&p->trust)->epoch;
    if (now > before) proxy_log(p, "the chain is in epoch %llu", (unsigned long long)now);
}

static void no_heights(const struct proxy_call *c, const struct heights *h, struct diag *d)
{
    const struct proxy_trust *t = &c->session->proxy->trust;
    diag_set(d, "08006", "only %u of the %u nodes that are needed answer",
             count_bits(h->said.proven), proxy_trust_answers(t));
    struct buf why;
    char text[DIAG_TEXT_MAX];
    buf_init_fixed(&why, text, sizeof text - 1);
    for (uint32_t i = 0; i < c->session->proxy->node_count; i++) {
        const struct proxy_link *l = &c->session->links[i];
        if ((h->said.proven >> i & 1u) != 0 || why.size > sizeof text / 2) continue;
        buf_printf(&why, "%s%s:%s: %.80s", why.size > 0 ? "; " : "", l->node->host, l->node->port,
                   l->why[0] != 0 ? l->why : "no answer in time");
    }
    diag_detail(d, "%.*s", (int)why.size, text);
    diag_hint(d, "Try again when more nodes are up; the log of the proxy says more.");
}

bool proxy_read_height(struct proxy_call *c, uint64_t *height, struct diag *d)
{
    struct backend_session *s = c->session;
    struct proxy *p = s->proxy;
    struct heights h = {0};
    uint64_t until = p->os->monotonic_ns(p->os) / 1000000u + PROXY_READ_MS;
    for (;;) {
        struct look_context k = {.call = c, .heights = &h};
        struct proxy_round r = {.session = s,
                                .mask = all_links(p) & ~h.said.proven,
                                .ask = {.text = CERTIFIED_SQL, .is_binary = true},
                                .limit_ms = PROXY_READ_MS,
                                .enough = enough_heights,
                                .context = &k,
                                .grace_ms = HEIGHT_GRACE_MS};
        proxy_round_run(&r);
        (void)enough_heights(&r, &k);
        bool is_enough = reading_has_height(&h.said, proxy_trust_answers(&p->trust));
        bool was_cancelled = r.was_cancelled;
        proxy_round_fini(&r);
        if (is_enough) break;
        if (was_cancelled) {
            diag_set(d, "57014", "canceling statement due to user request");
            return false;
        }
        if (r.answered == 0 || p->os->monotonic_ns(p->os) / 1000000u >= until) {
            no_heights(c, &h, d);
            return false;
        }
        if (h.is_later) {
            h = (struct heights){0};
            follow(c);
        }
        process_sleep_ms(CATCH_UP_MS);
    }
    *height = h.said.height;
    if (*height > atomic_load(&p->height)) atomic_store(&p->height, *height);
    return true;
}

/* --- equal answers -----------------------------------------------------------------------------
 */

struct votes {
    struct reading_rows rows; /* Of answers that are none of the excuses. */
    uint32_t seen;
};

static bool enough_equal(struct proxy_round *r, void *context)
{
    struct votes *v = context;
    for (uint32_t i = 0; i < PROXY_NODES_MAX; i++) {
        uint32_t bit = 1u << i;
        if ((r->answered & bit) == 0 || (v->seen & bit) != 0) continue;
        v->seen |= bit;
        struct hash hash;
        if (proxy_answer_hash(r->results[i], &hash)) reading_on_rows(&v->rows, i, &hash);
    }
    return v->rows.winner != 0;
}

static uint32_t first_of(uint32_t mask)
{
    must(mask != 0);
    return (uint32_t)__builtin_ctz(mask);
}

/* Texts of all the values of a call, for libpq. */
static enum status print_values(struct proxy_call *c, struct proxy_ask *ask)
{
    const char **values = arena_alloc_zero(&c->arena, c->param_count + 1u, sizeof *values);
    Oid *types = arena_alloc_zero(&c->arena, c->param_count + 1u, sizeof *types);
    if (values == NULL || types == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < c->param_count; i++) {
        types[i] = (Oid)c->types[i];
        if (c->params[i].is_null) continue;
        struct buf text;
        buf_init(&text, c->session->proxy->mem, 0);
        sql_value_print(&text, &c->params[i], -1);
        struct span kept = arena_copy(&c->arena, buf_span(&text)); /* Ends with 0. */
        enum status st = buf_status(&text);
        buf_fini(&text);
        if (st != ST_OK || kept.data == NULL) return ST_NO_MEMORY;
        values[i] = (const char *)kept.data;
    }
    ask->value_count = (int)c->param_count;
    ask->values = values;
    ask->types = types;
    return ST_OK;
}

static void name_liars(struct proxy_call *c, const struct votes *v, uint64_t height)
{
    uint32_t liars = v->rows.counted & ~v->rows.winner;
    for (uint32_t i = 0; i < PROXY_NODES_MAX; i++)
        if ((liars >> i & 1u) != 0)
            proxy_say_lie(c, c->session->links[i].node,
                          "its answer at height %llu is not that of %u others",
                          (unsigned long long)height, count_bits(v->rows.winner));
}

enum outcome { READ_SAID, READ_AGAIN, READ_ORDERED };

/* The node takes it for a write: reads with effects go through the chain. */
static bool is_write(const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    return state != NULL && strcmp(state, "25006") == 0;
}

static enum outcome try_read(struct proxy_call *c,
                             const struct proxy_statement *statement,
                             const struct proxy_ask *ask,
                             bool is_last_try)
{
    struct diag d;
    struct proxy *p = c->session->proxy;
    struct votes v = {.rows.needed = proxy_trust_equal(&p->trust)};
    struct proxy_round r = {.session = c->session,
                            .mask = all_links(p),
                            .ask = *ask,
                            .limit_ms = PROXY_READ_MS,
                            .enough = enough_equal,
                            .context = &v,
                            .grace_ms = PROXY_GRACE_MS};
    if (!proxy_read_height(c, &r.read_height, &d)) {
        proxy_say_failure(c, &d);
        return READ_SAID;
    }
    proxy_round_run(&r);
    enum outcome outcome = READ_AGAIN;
    (void)enough_equal(&r, &v);
    if (r.was_cancelled) {
        diag_set(&d, "57014", "canceling statement due to user request");
        proxy_say_failure(c, &d);
        outcome = READ_SAID;
    } else if (reading_is_settled(&v.rows, is_last_try)) {
        PGresult *truth = r.results[first_of(v.rows.winner)];
        name_liars(c, &v, r.read_height);
        outcome = is_write(truth) ? READ_ORDERED : READ_SAID;
        if (outcome == READ_SAID) proxy_answer_say(c, truth, statement->position);
    }
    proxy_round_fini(&r);
    return outcome;
}

void proxy_read(struct proxy_call *c, const struct proxy_statement *statement)
{
    struct proxy_ask ask = {.text = (const char *)statement->text.data};
    enum outcome outcome = READ_AGAIN;
    if (print_values(c, &ask) != ST_OK) {
        struct diag d;
        diag_set(&d, "53200", "out of memory");
        proxy_say_failure(c, &d);
        return;
    }
    for (uint32_t i = 1; i <= READING_TRIES && outcome == READ_AGAIN; i++)
        outcome = try_read(c, statement, &ask, i == READING_TRIES);
    if (outcome != READ_SAID) proxy_write(c, statement, 1);
}

/* --- descriptions ------------------------------------------------------------------------------
 */

PGresult *proxy_describe(struct backend_session *s,
                         const struct proxy_ask *ask,
                         struct proxy_call *c,
                         struct diag *d)
{
    struct proxy *p = s->proxy;
    struct votes v = {.rows.needed = proxy_trust_equal(&p->trust)};
    struct proxy_round r = {.session = s,
                            .mask = all_links(p),
                            .ask = *ask,
                            .limit_ms = PROXY_READ_MS,
                            .enough = enough_equal,
                            .context = &v};
    proxy_round_run(&r);
    (void)enough_equal(&r, &v);
    PGresult *truth = NULL;
    if (v.rows.winner != 0) {
        uint32_t at = first_of(v.rows.winner);
        truth = r.results[at];
        r.results[at] = NULL;
        if (c != NULL) name_liars(c, &v, 0);
    } else {
        diag_set(d, "08006", "no %u nodes describe the statement equally", v.rows.needed);
        diag_hint(d, "The log of the proxy says which nodes do not answer.");
    }
    proxy_round_fini(&r);
    if (truth == NULL || PQresultStatus(truth) == PGRES_COMMAND_OK) return truth;
    proxy_answer_diag(truth, d);
    PQclear(truth);
    return NULL;
}
