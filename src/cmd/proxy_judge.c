/* proxy_judge.c - What nodes sign about a transaction, compared with what its proof proves.
 *
 * A reply that the proof refutes convicts its signer: evidence E10 goes to all nodes as a complaint
 * of kind CONFLICT. A reply that is not signed as it says is named and dropped. */
#include <stdio.h>

#include "base/must.h"
#include "cmd/proxy_int.h"
#include "consensus/evidence.h"
#include "os/process.h"

#define COMPLAIN_SQL   "SELECT * FROM trustsql.complain('CONFLICT', $1::bytea)"
#define RECEIPT_SQL    "SELECT receipt, reply FROM trustsql.receipts WHERE txid = $1"
#define COMPLAIN_MS    2000u
#define JUDGE_TRIES    4u  /* For those that have not executed so far yet, */
#define JUDGE_PAUSE_MS 10u /* so much apart. */

static uint32_t all_links(const struct proxy *p)
{
    return p->node_count == 32 ? UINT32_MAX : (1u << p->node_count) - 1;
}

static void complain_to_all(struct proxy_call *c, const struct reply *reply, struct span proof)
{
    struct evidence e;
    struct buf items;
    struct buf bytes;
    buf_init(&items, c->session->proxy->mem, 0);
    buf_init(&bytes, c->session->proxy->mem, 0);
    evidence_of_refuted_reply(&e, &items, reply, proof);
    evidence_attach(&e, &items);
    evidence_encode(&bytes, &e);
    if (buf_status(&items) == ST_OK && buf_status(&bytes) == ST_OK) {
        const char *const values[1] = {(const char *)bytes.data};
        const int lengths[1] = {(int)bytes.size};
        const int formats[1] = {1};
        struct proxy_round r = {.session = c->session,
                                .mask = all_links(c->session->proxy),
                                .ask = {.text = COMPLAIN_SQL,
                                        .value_count = 1,
                                        .values = values,
                                        .lengths = lengths,
                                        .formats = formats},
                                .limit_ms = COMPLAIN_MS};
        proxy_round_run(&r);
        proxy_round_fini(&r);
    }
    buf_fini(&items);
    buf_fini(&bytes);
}

/* Null: the reply is what an honest node says. */
static const char *judge(struct proxy *p,
                         const struct proxy_node *node,
                         const struct reply *reply,
                         const struct reply *truth,
                         bool *is_proof)
{
    *is_proof = false;
    const struct proxy_epoch *e = proxy_trust_epoch(&p->trust, truth->epoch);
    const struct public_key key = proxy_node_key(p, node);
    uint32_t index = e == NULL ? NODES_MAX : proxy_epoch_find(e, &key);
    if (index == NODES_MAX) return NULL; /* Of an epoch in which it was no validator. */
    bool is_own = reply->node == index && hash_equal(&reply->chain_id, &truth->chain_id) &&
                  reply->epoch == truth->epoch;
    if (!is_own) return "its reply is not its own";
    if (reply_verify(reply, p->trust.signer, &key) != ST_OK) return "its reply is not signed by it";
    if (!reply_contradicts(reply, truth)) return NULL;
    *is_proof = true;
    return "its signed reply is refuted by the proof, which is evidence (E10) for all nodes";
}

/* True: it was evidence. *signed_reply is what it signed. */
static bool look(struct proxy_call *c,
                 uint32_t place,
                 const struct proxy_proof *proven,
                 struct span bytes,
                 struct reply *signed_reply)
{
    struct proxy *p = c->session->proxy;
    const struct proxy_node *node = c->session->links[place].node;
    bool is_proof = false;
    if (bytes.size == 0) return false; /* It may not have executed so far yet. */
    const char *what = "its reply is malformed";
    if (reply_decode(signed_reply, bytes) == ST_OK)
        what = judge(p, node, signed_reply, &proven->truth, &is_proof);
    if (what != NULL) proxy_say_lie(c, node, "%s", what);
    return is_proof;
}

void proxy_judge_reply(struct proxy_call *c,
                       uint32_t place,
                       const struct proxy_proof *proven,
                       struct span reply,
                       struct span proof)
{
    struct reply r;
    if (c->evidence_count == PROXY_NODES_MAX || !look(c, place, proven, reply, &r)) return;
    (void)proof; /* Links are in use now: proxy_judge complains. */
    c->evidence[c->evidence_count++] = r;
}

/* A receipt that is not the proven one is a lie, signed or not. False: it has nothing to say yet.
 */
static bool compare(struct proxy_call *c, const struct proxy_proof *proven, uint32_t i, PGresult *r)
{
    if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1 || PQnfields(r) != 2)
        return false;
    struct span receipt = span_of(PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0));
    struct span reply = span_of(PQgetvalue(r, 0, 1), (size_t)PQgetlength(r, 0, 1));
    if (reply.size == 0) return false;
    struct hash leaf = receipt_leaf(receipt);
    if (!hash_equal(&leaf, &proven->truth.receipt))
        proxy_say_lie(c, c->session->links[i].node, "its receipt is not the one that is proven");
    proxy_judge_reply(c, i, proven, reply, span_of(NULL, 0));
    return true;
}

static bool is_sampled(const struct proxy *p)
{
    uint8_t number[2];
    if (p->sample_percent >= 100) return true;
    p->os->entropy(p->os, number, sizeof number);
    return ((uint32_t)number[0] << 8 | number[1]) % 100 < p->sample_percent;
}

static bool enough_replies(struct proxy_round *r, void *context)
{
    (void)context;
    return (uint32_t)__builtin_popcount(r->answered) >=
           proxy_trust_answers(&r->session->proxy->trust);
}

/* Mask of those that had something to say. */
static uint32_t ask_replies(struct proxy_call *c, const struct proxy_proof *proven, uint32_t mask)
{
    struct proxy *p = c->session->proxy;
    const char *const values[1] = {(const char *)proven->truth.txid.bytes};
    const int lengths[1] = {(int)HASH_SIZE};
    const int formats[1] = {1};
    const Oid types[1] = {(Oid)SQL_BYTEA};
    uint32_t judged = 0;
    struct proxy_round r = {.session = c->session,
                            .mask = mask,
                            .ask = {.text = RECEIPT_SQL,
                                    .value_count = 1,
                                    .types = types,
                                    .values = values,
                                    .lengths = lengths,
                                    .formats = formats,
                                    .is_binary = true},
                            .limit_ms = p->request_ms,
                            .enough = enough_replies,
                            .grace_ms = PROXY_GRACE_MS};
    proxy_round_run(&r);
    for (uint32_t i = 0; i < p->node_count; i++)
        if ((r.answered >> i & 1u) != 0 && compare(c, proven, i, r.results[i])) judged |= 1u << i;
    /* Who did not answer in time is not asked again. */
    uint32_t done = judged | (mask & ~r.answered);
    proxy_round_fini(&r);
    return done;
}

void proxy_judge(struct proxy_call *c, const struct proxy_proof *proven, struct span proof)
{
    struct proxy *p = c->session->proxy;
    uint32_t left = is_sampled(p) ? all_links(p) : 0;
    for (uint32_t i = 0; i < JUDGE_TRIES && left != 0; i++) {
        if (i > 0) process_sleep_ms(JUDGE_PAUSE_MS); /* They are a little behind. */
        left &= ~ask_replies(c, proven, left);
    }
    for (uint32_t i = 0; i < c->evidence_count; i++)
        complain_to_all(c, &c->evidence[i], proof);
    c->evidence_count = 0;
}
