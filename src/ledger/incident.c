/* incident.c - Encoding and signature of incidents.
 *
 *   incident = [version, chain id, scheme, key, kind, state, place, height, old hash or null,
 *               new hash or null, time, signature]
 *   signed   = H("incident" ‖ chain id ‖ u64 scheme ‖ H("" ‖ key) ‖ u64 kind ‖ u64 state ‖
 *              H("" ‖ place) ‖ u64 height ‖ old hash ‖ new hash ‖ u64 time)
 *                                                            integers little-endian */
#include "ledger/incident.h"

#include "base/must.h"
#include "ledger/ledger_int.h"

#define INCIDENT_VERSION 1u
#define INCIDENT_ITEMS   12u

_Static_assert(3u * (HASH_SIZE + 2u) + SIGN_PUBLIC_MAX + SIGN_SIGNATURE_SIZE + INCIDENT_PLACE_MAX +
                       64u <=
                   INCIDENT_SIZE_MAX,
               "an incident fits");

const char *incident_kind_text(enum incident_kind kind)
{
    switch (kind) {
    case INCIDENT_STATE: return "state";
    case INCIDENT_BLOCK: return "block";
    case INCIDENT_INDEX: return "index";
    case INCIDENT_RESULT: return "result";
    case INCIDENT_JOURNAL: return "journal";
    case INCIDENT_HELD: return "held block";
    case INCIDENT_ROW: return "row";
    }
    return NULL;
}

const char *incident_state_text(enum incident_state state)
{
    switch (state) {
    case INCIDENT_FOUND: return "found";
    case INCIDENT_REPAIRED: return "repaired";
    case INCIDENT_LOST: return "lost";
    }
    return NULL;
}

struct hash incident_hash(const struct incident *i)
{
    struct hasher h;
    const struct hash key = hash_of("", span_of(i->node.bytes, i->node.size));
    const struct hash place = hash_of("", i->place);
    hash_init(&h, "incident");
    hash_add_hash(&h, &i->chain_id);
    hash_add_u64(&h, i->node.scheme);
    hash_add_hash(&h, &key);
    hash_add_u64(&h, (uint64_t)i->kind);
    hash_add_u64(&h, (uint64_t)i->state);
    hash_add_hash(&h, &place);
    hash_add_u64(&h, i->height);
    hash_add_hash(&h, &i->old_hash);
    hash_add_hash(&h, &i->new_hash);
    hash_add_u64(&h, i->time_ms);
    return hash_final(&h);
}

void incident_encode(struct buf *out, const struct incident *i)
{
    must(i->kind >= INCIDENT_STATE && (uint32_t)i->kind <= INCIDENT_KINDS);
    must((uint32_t)i->state < INCIDENT_STATES);
    must(name_is_formed(i->place, INCIDENT_PLACE_MAX));
    cbor_put_array(out, INCIDENT_ITEMS);
    cbor_put_uint(out, INCIDENT_VERSION);
    put_hash(out, &i->chain_id);
    put_key(out, &i->node);
    cbor_put_uint(out, (uint64_t)i->kind);
    cbor_put_uint(out, (uint64_t)i->state);
    cbor_put_text(out, i->place);
    cbor_put_uint(out, i->height);
    put_hash_or_null(out, &i->old_hash);
    put_hash_or_null(out, &i->new_hash);
    cbor_put_uint(out, i->time_ms);
    cbor_put_bytes(out, span_of(i->sig.bytes, sizeof i->sig.bytes));
}

enum status incident_decode(struct incident *i, struct span bytes)
{
    struct incident made = {.state = INCIDENT_FOUND};
    struct cbor in = cbor_of(bytes);
    if (bytes.size > INCIDENT_SIZE_MAX) return ST_LIMIT;
    cbor_expect_array(&in, INCIDENT_ITEMS);
    if (cbor_get_uint(&in) != INCIDENT_VERSION) cbor_fail(&in);
    made.chain_id = get_hash(&in);
    made.node = get_key(&in);
    const uint32_t kind = get_u32_max(&in, INCIDENT_KINDS);
    if (kind < INCIDENT_STATE) cbor_fail(&in);
    made.kind = (enum incident_kind)kind;
    made.state = (enum incident_state)get_u32_max(&in, INCIDENT_STATES - 1);
    made.place = get_name(&in, INCIDENT_PLACE_MAX);
    made.height = cbor_get_uint(&in);
    made.old_hash = get_hash_or_null(&in);
    made.new_hash = get_hash_or_null(&in);
    made.time_ms = cbor_get_uint(&in);
    cbor_get_fixed(&in, made.sig.bytes, sizeof made.sig.bytes);
    TRY(cbor_end(&in));
    /* They are integers of the state, too. */
    if (made.height > INT64_MAX || made.time_ms > INT64_MAX) return ST_INVALID;
    *i = made;
    return ST_OK;
}

enum status incident_verify(const struct incident *i,
                            const struct signer *signer,
                            const struct hash *chain_id)
{
    if (!hash_equal(&i->chain_id, chain_id)) return ST_WRONG_CHAIN;
    struct hash hash = incident_hash(i);
    return sign_verify(signer, &i->node, &hash, &i->sig);
}

bool incident_is_same(const struct incident *a, const struct incident *b)
{
    return public_key_equal(&a->node, &b->node) && a->time_ms == b->time_ms &&
           span_equal(a->place, b->place);
}
