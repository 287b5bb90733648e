/* Goal: no file makes the check of proofs misbehave, in CBOR or JSON: what decodes encodes to the
 * same bytes and has the same meaning in both, and what is refused is refused with a reason. */
#include "base/must.h"
#include "ledger/proof.h"
#include "ledger/proof_json.h"
#include "support/sample_ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void verify(struct span bytes, struct arena *a)
{
    static struct hash chain_id;
    struct proof_facts facts;
    const char *what = NULL;
    if (hash_is_zero(&chain_id)) chain_id = sample_chain_id();
    const struct proof_anchor anchor = {.chain_id = &chain_id, .signer = sample_signer()};
    must(proof_verify_bytes(bytes, &anchor, &facts, a, &what) == ST_OK || what != NULL);
}

/* Forms that no check would take may have no JSON. */
static void through_json(struct span bytes)
{
    struct buf text;
    struct buf back;
    buf_init(&text, mem_system(), 0);
    buf_init(&back, mem_system(), 0);
    if (proof_to_json(&text, bytes) == ST_OK) {
        must(proof_from_json(&back, buf_span(&text)) == ST_OK);
        must(span_equal(buf_span(&back), bytes));
    }
    buf_fini(&text);
    buf_fini(&back);
}

static void check(struct span bytes, struct arena *a)
{
    struct buf again;
    struct proof *p = arena_alloc_zero(a, 1, sizeof *p);
    verify(bytes, a);
    if (p == NULL || proof_decode(p, a, bytes) != ST_OK) return;
    buf_init(&again, mem_system(), 0);
    proof_encode(&again, p);
    must(span_equal(buf_span(&again), bytes));
    buf_fini(&again);
    through_json(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct buf bytes;
    arena_init(&a, mem_system(), 64u << 20);
    buf_init(&bytes, mem_system(), 0);
    if (size > 0 && data[0] == '{') {
        if (proof_from_json(&bytes, span_of(data, size)) == ST_OK) check(buf_span(&bytes), &a);
    } else {
        check(span_of(data, size), &a);
    }
    buf_fini(&bytes);
    arena_fini(&a);
    return 0;
}
