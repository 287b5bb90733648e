/* proxy_trust.c - What the proxy believes, and why: the genesis it was given names the validators
 * of epoch 0, a chain of closing blocks those of later epochs, and everything else is signed by a
 * quorum of them. */
#include <stdio.h>

#include "base/must.h"
#include "cmd/proxy_int.h"

static struct proxy_epoch *epoch_new(struct proxy_trust *t, const struct chain_config *config);

enum status proxy_trust_open(struct proxy_trust *t, struct span genesis, char *what)
{
    uint8_t seed[32];
    struct genesis g;
    struct chain_config config;
    struct os *os = os_posix();
    *t = (struct proxy_trust){0};
    arena_init(&t->arena, mem_system(), 0);
    TRY(mutex_new(&t->mutex, mem_system()));
    enum status st = genesis_decode(&g, &t->arena, genesis);
    if (st != ST_OK) {
        (void)snprintf(what, PROXY_WHAT_MAX, "that is no genesis file: %s", status_text(st));
        return st;
    }
    t->chain_id = genesis_chain_id(genesis);
    chain_config_of_genesis(&config, &g);
    t->first = epoch_new(t, &config);
    if (t->first == NULL) return ST_NO_MEMORY;
    atomic_store(&t->newest, t->first);
    os->entropy(os, seed, sizeof seed);
    st = signer_new(&t->signer, seed);
    mem_wipe(seed, sizeof seed);
    return st;
}

void proxy_trust_close(struct proxy_trust *t)
{
    signer_free(t->signer);
    mutex_free(t->mutex);
    arena_fini(&t->arena);
}

static struct proxy_epoch *epoch_new(struct proxy_trust *t, const struct chain_config *config)
{
    struct proxy_epoch *e = arena_alloc_zero(&t->arena, 1, sizeof *e);
    if (e == NULL) return NULL;
    e->epoch = config->epoch;
    e->validators = chain_config_validators(config);
    must(e->validators.count <= NODES_MAX);
    for (uint32_t i = 0; i < e->validators.count; i++) {
        const struct chain_node *n = &config->nodes[i];
        (void)snprintf(e->names[i], PROXY_NAME_MAX, "%.*s (%.*s)", (int)n->node_name.size,
                       (const char *)n->node_name.data, (int)n->organisation.size,
                       (const char *)n->organisation.data);
    }
    return e;
}

const struct proxy_epoch *proxy_trust_newest(const struct proxy_trust *t)
{
    return atomic_load(&t->newest);
}

const struct proxy_epoch *proxy_trust_epoch(const struct proxy_trust *t, uint64_t epoch)
{
    const struct proxy_epoch *e = proxy_trust_newest(t);
    while (e != NULL && e->epoch != epoch)
        e = e->older;
    return e;
}

uint32_t proxy_epoch_find(const struct proxy_epoch *e, const struct public_key *key)
{
    for (uint32_t i = 0; i < e->validators.count; i++)
        if (public_key_equal(&e->validators.keys[i], key)) return i;
    return NODES_MAX;
}

uint32_t proxy_trust_answers(const struct proxy_trust *t)
{
    const struct validators *v = &proxy_trust_newest(t)->validators;
    return v->count - quorum_stopped_max(v);
}

uint32_t proxy_trust_equal(const struct proxy_trust *t)
{
    return proxy_trust_newest(t)->validators.f + 1;
}

enum status proxy_trust_follow(struct proxy_trust *t, struct span bytes)
{
    struct epoch_chain chain;
    struct epoch_end end;
    struct arena scratch;
    const char *what = NULL;
    const struct epoch_trust from = {
        .validators = &t->first->validators, .chain_id = &t->chain_id, .signer = t->signer};
    arena_init(&scratch, mem_system(), 0);
    enum status st = epoch_chain_decode(&chain, &scratch, bytes);
    if (st == ST_OK) st = epoch_chain_verify(&chain, &from, &scratch, &end, &what);
    mutex_lock(t->mutex);
    const struct proxy_epoch *newest = proxy_trust_newest(t);
    if (st == ST_OK && end.config != NULL && end.epoch > newest->epoch) {
        struct proxy_epoch *e = epoch_new(t, end.config);
        if (e != NULL) {
            e->older = newest;
            atomic_store(&t->newest, e);
        }
    }
    mutex_unlock(t->mutex);
    arena_fini(&scratch);
    return st;
}

enum status proxy_trust_certificate(const struct proxy_trust *t,
                                    struct span bytes,
                                    uint64_t *height,
                                    uint64_t *epoch)
{
    struct certificate c;
    struct cbor in = cbor_of(bytes);
    certificate_decode(&c, &in);
    TRY(cbor_end(&in));
    const struct proxy_epoch *e = proxy_trust_epoch(t, c.statement.epoch);
    *epoch = c.statement.epoch;
    if (e == NULL) return ST_NOT_FOUND;
    TRY(quorum_check_result(&e->validators, &c, t->signer, &t->chain_id));
    *height = c.statement.height;
    return ST_OK;
}

/* From an epoch that is known when the proof is of it, else from the genesis, along the chain that
 * the proof carries. */
static struct proof_trust trust_for(const struct proxy_trust *t, const struct header *header)
{
    const struct proxy_epoch *e = proxy_trust_epoch(t, header->epoch);
    if (e == NULL) e = t->first;
    return (struct proof_trust){.validators = &e->validators,
                                .chain_id = &t->chain_id,
                                .signer = t->signer,
                                .epoch = e->epoch};
}

enum status proxy_trust_proof(const struct proxy_trust *t,
                              struct arena *a,
                              struct span bytes,
                              const struct hash *txid,
                              struct proxy_proof *out)
{
    struct header header;
    struct proof_facts facts;
    out->what = "its proof is malformed";
    struct span kept = arena_copy(a, bytes);
    out->proof = arena_alloc_zero(a, 1, sizeof *out->proof);
    if (kept.data == NULL || out->proof == NULL) return ST_NO_MEMORY;
    TRY(proof_decode(out->proof, a, kept));
    if (out->proof->kind != PROOF_TX) return ST_INVALID;
    struct cbor in = cbor_of(out->proof->block.header);
    header_decode(&header, &in);
    TRY(cbor_end(&in));
    const struct proof_trust trust = trust_for(t, &header);
    TRY(proof_verify(out->proof, &trust, &facts, a, &out->what));
    out->receipt = facts.receipt;
    out->what = "its proof is of another transaction";
    if (!hash_equal(&out->receipt.txid, txid)) return ST_REJECTED;
    const struct proxy_epoch *e = proxy_trust_epoch(t, header.epoch);
    if (e != NULL && header.proposer < e->validators.count)
        out->proposer = e->validators.keys[header.proposer];
    out->truth = (struct reply){.chain_id = t->chain_id,
                                .epoch = header.epoch,
                                .txid = *txid,
                                .height = out->receipt.height,
                                .index = out->receipt.index,
                                .receipt = receipt_leaf(out->proof->of.tx.receipt),
                                .digest = proof_block_digest(&out->proof->block)};
    out->what = NULL;
    return ST_OK;
}
