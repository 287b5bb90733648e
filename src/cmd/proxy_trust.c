/* proxy_trust.c - What the proxy believes, and why: the genesis it was given names the validators,
 * and everything else is signed by a quorum of them. */
#include <stdio.h>

#include "base/must.h"
#include "cmd/proxy_int.h"

enum status proxy_trust_open(struct proxy_trust *t, struct span genesis, char *what)
{
    uint8_t seed[32];
    struct os *os = os_posix();
    *t = (struct proxy_trust){0};
    arena_init(&t->arena, mem_system(), 0);
    struct span kept = arena_copy(&t->arena, genesis);
    if (kept.data == NULL) return ST_NO_MEMORY;
    enum status st = genesis_decode(&t->genesis, &t->arena, kept);
    if (st != ST_OK) {
        (void)snprintf(what, PROXY_WHAT_MAX, "that is no genesis file: %s", status_text(st));
        return st;
    }
    t->chain_id = genesis_chain_id(kept);
    t->validators = genesis_validators(&t->genesis);
    os->entropy(os, seed, sizeof seed);
    st = signer_new(&t->signer, seed);
    mem_wipe(seed, sizeof seed);
    return st;
}

void proxy_trust_close(struct proxy_trust *t)
{
    signer_free(t->signer);
    arena_fini(&t->arena);
}

uint32_t proxy_trust_find(const struct proxy_trust *t, const struct public_key *key)
{
    for (uint32_t i = 0; i < t->validators.count; i++)
        if (public_key_equal(&t->validators.keys[i], key)) return i;
    return NODES_MAX;
}

void proxy_trust_name(const struct proxy_trust *t, uint32_t validator, char *out)
{
    must(validator < t->validators.count);
    must(validator < t->genesis.member_count);
    const struct genesis_member *m = &t->genesis.members[validator];
    (void)snprintf(out, PROXY_WHAT_MAX, "%.*s (%.*s)", (int)m->node_name.size,
                   (const char *)m->node_name.data, (int)m->organisation.size,
                   (const char *)m->organisation.data);
}

uint32_t proxy_trust_answers(const struct proxy_trust *t)
{
    return t->validators.count - quorum_stopped_max(&t->validators);
}

uint32_t proxy_trust_equal(const struct proxy_trust *t)
{
    return t->validators.f + 1;
}

enum status proxy_trust_certificate(const struct proxy_trust *t,
                                    struct span bytes,
                                    uint64_t *height)
{
    struct certificate c;
    struct cbor in = cbor_of(bytes);
    certificate_decode(&c, &in);
    TRY(cbor_end(&in));
    TRY(quorum_check_result(&t->validators, &c, t->signer, &t->chain_id));
    *height = c.statement.height;
    return ST_OK;
}

enum status proxy_trust_proof(const struct proxy_trust *t,
                              struct arena *a,
                              struct span bytes,
                              const struct hash *txid,
                              struct proxy_proof *out,
                              const char **what)
{
    const struct proof_trust trust = {
        .validators = &t->validators, .chain_id = &t->chain_id, .signer = t->signer};
    struct header header;
    *what = "its proof is malformed";
    struct span kept = arena_copy(a, bytes);
    out->proof = arena_alloc_zero(a, 1, sizeof *out->proof);
    if (kept.data == NULL || out->proof == NULL) return ST_NO_MEMORY;
    TRY(receipt_proof_decode(out->proof, kept));
    TRY(receipt_proof_verify(out->proof, &trust, &out->receipt, a, what));
    *what = "its proof is of another transaction";
    if (!hash_equal(&out->receipt.txid, txid)) return ST_REJECTED;
    struct cbor in = cbor_of(out->proof->header);
    header_decode(&header, &in);
    out->proposer = header.proposer;
    const struct hash block = block_result_digest(&out->proof->result);
    out->truth = (struct reply){.chain_id = t->chain_id,
                                .epoch = header.epoch,
                                .txid = *txid,
                                .height = out->receipt.height,
                                .index = out->receipt.index,
                                .receipt = receipt_leaf(out->proof->receipt),
                                .digest = digest_fold(&out->proof->digest_before, &block)};
    *what = NULL;
    return ST_OK;
}
