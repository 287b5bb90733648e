/* Goal: whatever a node signs or shows against a proof is named, what convicts it goes to all nodes
 * as evidence that verifies, and nobody is named for silence or for being late. */
#include "cmd/proxy_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "consensus/evidence.h"
#include "support/cmocka_all.h"
#include "support/sample_ledger.h"
#include "support/sample_proof.h"

#define NODES 4u

struct world {
    struct proxy proxy;
    struct backend_session session;
    struct proxy_call call;
    struct proxy_proof proven;
    struct arena a;
    struct buf proof;
    /* What the nodes answer. */
    struct buf receipts[NODES];
    struct buf replies[NODES];
    uint32_t silent; /* Mask: no answer in time. */
    uint32_t behind; /* Mask: they have no reply yet. */
    /* What happened. */
    uint32_t asked[NODES];
    uint32_t lies[NODES];
    char said[PROXY_WHAT_MAX];
    struct buf complaint;
    uint32_t complaint_mask;
    uint32_t complaints;
};

static struct world *world; /* Of the test that runs: the functions below stand for others. */

/* --- in place of proxy_round.c, proxy_answer.c and proxy.c -------------------------------------
 */

static PGresult *answer_of(uint32_t i)
{
    PGresAttDesc columns[2] = {{.name = (char[]){"receipt"}, .format = 1},
                               {.name = (char[]){"reply"}, .format = 1}};
    PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    assert_non_null(r);
    assert_int_equal(PQsetResultAttrs(r, 2, columns), 1);
    const struct buf *values[2] = {&world->receipts[i], &world->replies[i]};
    const bool is_empty = (world->behind >> i & 1u) != 0;
    for (int k = 0; k < 2; k++) {
        char text[4096] = "";
        int size = is_empty ? 0 : (int)values[k]->size;
        assert_in_range(size, 0, (int)sizeof text);
        if (size > 0) memcpy(text, values[k]->data, (size_t)size);
        assert_int_equal(PQsetvalue(r, 0, k, text, size), 1);
    }
    return r;
}

void proxy_round_run(struct proxy_round *r)
{
    if (strstr(r->ask.text, "trustsql.complain") != NULL) {
        buf_reset(&world->complaint);
        buf_put(&world->complaint, span_of(r->ask.values[0], (size_t)r->ask.lengths[0]));
        world->complaint_mask = r->mask;
        world->complaints++;
        return;
    }
    for (uint32_t i = 0; i < NODES; i++) {
        if ((r->mask >> i & 1u) == 0) continue;
        world->asked[i]++;
        if ((world->silent >> i & 1u) != 0) continue;
        r->results[i] = answer_of(i);
        r->answered |= 1u << i;
    }
}

void proxy_round_fini(struct proxy_round *r)
{
    for (uint32_t i = 0; i < PROXY_NODES_MAX; i++)
        PQclear(r->results[i]);
}

void proxy_say_lie(struct proxy_call *c, const struct proxy_node *node, const char *format, ...)
{
    va_list list;
    assert_ptr_equal(c, &world->call);
    world->lies[node - world->proxy.nodes]++;
    va_start(list, format);
    (void)vsnprintf(world->said, sizeof world->said, format, list);
    va_end(list);
}

struct public_key proxy_node_key(struct proxy *p, const struct proxy_node *n)
{
    (void)p;
    return n->key;
}

/* --- the world ---------------------------------------------------------------------------------
 */

/* The reply of node i as told, signed with the key of node signer. */
static void give_reply(struct world *w, uint32_t i, const struct reply *told, uint32_t signer)
{
    struct reply r = *told;
    const struct secret_key secret = sample_node_secret(signer);
    const struct hash hash = reply_hash(&r);
    assert_int_equal(sign_hash(sample_signer(), &r.sig, &secret, &hash), ST_OK);
    buf_reset(&w->replies[i]);
    reply_encode(&w->replies[i], &r);
}

static struct reply truth_of(const struct world *w, uint32_t i)
{
    struct reply r = w->proven.truth;
    r.node = i;
    return r;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct proof p;
    struct receipt receipt;
    char what[PROXY_WHAT_MAX];
    assert_non_null(w);
    world = w;
    arena_init(&w->a, mem_system(), 0);
    buf_init(&w->proof, mem_system(), 0);
    buf_init(&w->complaint, mem_system(), 0);
    w->proxy.os = os_posix();
    w->proxy.mem = mem_system();
    w->proxy.node_count = NODES;
    w->proxy.sample_percent = 100;
    assert_int_equal(proxy_trust_open(&w->proxy.trust, sample_genesis_bytes(), what), ST_OK);
    sample_proof_of(&p, &w->a, SAMPLE_TX);
    p.genesis = span_of(NULL, 0);
    proof_encode(&w->proof, &p);
    assert_int_equal(receipt_decode(&receipt, &w->a, p.of.tx.receipt), ST_OK);
    assert_int_equal(
        proxy_trust_proof(&w->proxy.trust, &w->a, buf_span(&w->proof), &receipt.txid, &w->proven),
        ST_OK);
    w->session.proxy = &w->proxy;
    w->call.session = &w->session;
    for (uint32_t i = 0; i < NODES; i++) {
        const struct secret_key secret = sample_node_secret(i);
        const struct reply truth = truth_of(w, i);
        w->proxy.nodes[i].key = sample_public(&secret);
        w->session.links[i].node = &w->proxy.nodes[i];
        buf_init(&w->receipts[i], mem_system(), 0);
        buf_init(&w->replies[i], mem_system(), 0);
        buf_put(&w->receipts[i], p.of.tx.receipt);
        give_reply(w, i, &truth, i);
    }
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    proxy_trust_close(&w->proxy.trust);
    for (uint32_t i = 0; i < NODES; i++) {
        buf_fini(&w->receipts[i]);
        buf_fini(&w->replies[i]);
    }
    buf_fini(&w->complaint);
    buf_fini(&w->proof);
    arena_fini(&w->a);
    free(w);
    return 0;
}

static void judge(struct world *w)
{
    proxy_judge(&w->call, &w->proven, buf_span(&w->proof));
}

/* Node 2 was named once, for what, and nobody else. */
static void assert_named(const struct world *w, const char *what)
{
    for (uint32_t i = 0; i < NODES; i++)
        assert_int_equal(w->lies[i], i == 2 ? 1 : 0);
    assert_non_null(strstr(w->said, what));
}

static void assert_nobody_named(const struct world *w)
{
    for (uint32_t i = 0; i < NODES; i++)
        assert_int_equal(w->lies[i], 0);
    assert_int_equal(w->complaints, 0);
}

/* --- the tests ---------------------------------------------------------------------------------
 */

static void honest_nodes(void **state)
{
    struct world *w = *state;
    judge(w);
    assert_nobody_named(w);
    for (uint32_t i = 0; i < NODES; i++)
        assert_int_equal(w->asked[i], 1);
}

static void a_sample_of_none(void **state)
{
    struct world *w = *state;
    w->proxy.sample_percent = 0;
    w->receipts[2].data[0] ^= 1;
    judge(w);
    assert_nobody_named(w);
    assert_int_equal(w->asked[2], 0);
}

static void a_receipt_that_is_not_proven(void **state)
{
    struct world *w = *state;
    w->receipts[2].data[w->receipts[2].size - 1] ^= 1;
    judge(w);
    assert_named(w, "its receipt is not the one that is proven");
    assert_int_equal(w->complaints, 0); /* It signed none of it. */
}

/* Signed by it and refuted by the proof: evidence for everybody. */
static void a_signed_lie(void **state)
{
    struct world *w = *state;
    const struct hash other = hash_of("test", span_text("another receipt"));
    struct reply lies[3] = {truth_of(w, 2), truth_of(w, 2), truth_of(w, 2)};
    lies[0].receipt = other;
    lies[1].digest = other;
    lies[2].height++;
    for (int i = 0; i < 3; i++) {
        struct evidence e;
        memset(w->lies, 0, sizeof w->lies);
        w->complaints = 0;
        give_reply(w, 2, &lies[i], 2);
        judge(w);
        assert_named(w, "evidence (E10)");
        assert_int_equal(w->complaints, 1);
        assert_int_equal(w->complaint_mask, 15);
        assert_int_equal(evidence_decode(&e, buf_span(&w->complaint)), ST_OK);
        assert_int_equal(e.offender, 2);
        assert_int_equal(evidence_verify(&e, &proxy_trust_newest(&w->proxy.trust)->validators,
                                         sample_signer(), &w->proxy.trust.chain_id, mem_system()),
                         ST_OK);
        assert_int_equal(w->call.evidence_count, 0); /* Told once. */
    }
}

static void a_reply_signed_by_another(void **state)
{
    struct world *w = *state;
    struct reply r = truth_of(w, 2);
    r.receipt = hash_of("test", span_text("another receipt"));
    give_reply(w, 2, &r, 1);
    judge(w);
    assert_named(w, "its reply is not signed by it");
    assert_int_equal(w->complaints, 0); /* Whoever made it: nobody's signature is under it. */
}

static void a_reply_of_another(void **state)
{
    struct world *w = *state;
    struct reply replies[3] = {truth_of(w, 1), truth_of(w, 2), truth_of(w, 2)};
    replies[1].epoch++;
    replies[2].chain_id.bytes[0] ^= 1;
    for (int i = 0; i < 3; i++) {
        memset(w->lies, 0, sizeof w->lies);
        give_reply(w, 2, &replies[i], i == 0 ? 1 : 2);
        judge(w);
        assert_named(w, "its reply is not its own");
        assert_int_equal(w->complaints, 0);
    }
}

static void a_reply_that_is_none(void **state)
{
    struct world *w = *state;
    buf_reset(&w->replies[2]);
    buf_put(&w->replies[2], span_text("nonsense"));
    judge(w);
    assert_named(w, "its reply is malformed");
    assert_int_equal(w->complaints, 0);
}

/* Asked again a few times while it is behind; who does not answer is left alone. */
static void silence_is_no_lie(void **state)
{
    struct world *w = *state;
    w->silent = 2;
    w->behind = 4;
    judge(w);
    assert_nobody_named(w);
    assert_int_equal(w->asked[0], 1);
    assert_int_equal(w->asked[1], 1);
    assert_int_equal(w->asked[2], 4);
}

/* It was no validator of the epoch: its reply says nothing. */
static void a_node_of_no_epoch(void **state)
{
    struct world *w = *state;
    const struct secret_key secret = sample_node_secret(9);
    struct reply r = truth_of(w, 2);
    r.receipt = hash_of("test", span_text("another receipt"));
    w->proxy.nodes[2].key = sample_public(&secret);
    give_reply(w, 2, &r, 9);
    judge(w);
    assert_nobody_named(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(honest_nodes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sample_of_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_receipt_that_is_not_proven, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_signed_lie, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_signed_by_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_of_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_that_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silence_is_no_lie, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_node_of_no_epoch, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
