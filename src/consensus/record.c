/* record.c - Encoding of the promise record.
 *
 *   record = [2, epoch, cur view, voted view, proposer view or null, anchor or null, lock or null,
 *             final height, final hash, final certificate or null, [hash…],
 *             highest quorum certificate or null, newest result certificate or null,
 *             tip's signature or null]
 *   anchor = [height, hash]          lock = [view, height, hash]
 *
 * What is null decodes to zeroes. */
#include "consensus/record.h"

#include "base/must.h"
#include "consensus/wire_int.h"

#define RECORD_VERSION 2u
#define RECORD_FIELDS  14u

static void put_proposer_view(struct buf *out, const struct consensus_record *r);
static void put_anchor(struct buf *out, const struct consensus_record *r);
static void put_lock(struct buf *out, const struct consensus_record *r);
static void get_proposer_view(struct consensus_record *r, struct cbor *in);
static void get_anchor(struct consensus_record *r, struct cbor *in);
static void get_lock(struct consensus_record *r, struct cbor *in);

void consensus_record_encode(struct buf *out, const struct consensus_record *r)
{
    must(r->chain_count <= CONSENSUS_WINDOW);
    cbor_put_array(out, RECORD_FIELDS);
    cbor_put_uint(out, RECORD_VERSION);
    cbor_put_uint(out, r->epoch);
    cbor_put_uint(out, r->cur_view);
    cbor_put_uint(out, r->voted_view);
    put_proposer_view(out, r);
    put_anchor(out, r);
    put_lock(out, r);
    cbor_put_uint(out, r->final_height);
    wire_put_hash(out, &r->final_hash);
    wire_put_certificate(out, r->has_final_cert, &r->final_cert);
    cbor_put_array(out, r->chain_count);
    for (uint32_t i = 0; i < r->chain_count; i++)
        wire_put_hash(out, &r->chain[i]);
    wire_put_certificate(out, r->has_hq, &r->hq);
    wire_put_certificate(out, r->has_res_cert, &r->res_cert);
    wire_put_word(out, r->has_tip_sig, &r->tip_sig);
}

enum status consensus_record_decode(struct consensus_record *r, struct span bytes)
{
    struct cbor in = cbor_of(bytes);
    memset(r, 0, sizeof *r);
    cbor_expect_array(&in, RECORD_FIELDS);
    if (cbor_get_uint(&in) != RECORD_VERSION) cbor_fail(&in);
    r->epoch = cbor_get_uint(&in);
    r->cur_view = cbor_get_uint(&in);
    r->voted_view = cbor_get_uint(&in);
    get_proposer_view(r, &in);
    get_anchor(r, &in);
    get_lock(r, &in);
    r->final_height = cbor_get_uint(&in);
    r->final_hash = wire_get_hash(&in);
    r->has_final_cert = wire_get_certificate(&in, &r->final_cert);
    r->chain_count = wire_get_count(&in, CONSENSUS_WINDOW);
    for (uint32_t i = 0; i < r->chain_count; i++)
        r->chain[i] = wire_get_hash(&in);
    r->has_hq = wire_get_certificate(&in, &r->hq);
    r->has_res_cert = wire_get_certificate(&in, &r->res_cert);
    r->has_tip_sig = wire_get_word(&in, &r->tip_sig);
    return cbor_end(&in);
}

static void put_proposer_view(struct buf *out, const struct consensus_record *r)
{
    if (r->has_proposed) {
        cbor_put_uint(out, r->proposer_view);
    } else {
        cbor_put_null(out);
    }
}

static void put_anchor(struct buf *out, const struct consensus_record *r)
{
    if (!r->is_open) {
        cbor_put_null(out);
        return;
    }
    cbor_put_array(out, 2);
    cbor_put_uint(out, r->anchor_height);
    wire_put_hash(out, &r->anchor_hash);
}

static void put_lock(struct buf *out, const struct consensus_record *r)
{
    if (!r->has_lock) {
        cbor_put_null(out);
        return;
    }
    cbor_put_array(out, 3);
    cbor_put_uint(out, r->lock_view);
    cbor_put_uint(out, r->lock_height);
    wire_put_hash(out, &r->lock_hash);
}

static void get_proposer_view(struct consensus_record *r, struct cbor *in)
{
    r->has_proposed = !cbor_get_null(in);
    if (r->has_proposed) r->proposer_view = cbor_get_uint(in);
}

static void get_anchor(struct consensus_record *r, struct cbor *in)
{
    r->is_open = !cbor_get_null(in);
    if (!r->is_open) return;
    cbor_expect_array(in, 2);
    r->anchor_height = cbor_get_uint(in);
    r->anchor_hash = wire_get_hash(in);
}

static void get_lock(struct consensus_record *r, struct cbor *in)
{
    r->has_lock = !cbor_get_null(in);
    if (!r->has_lock) return;
    cbor_expect_array(in, 3);
    r->lock_view = cbor_get_uint(in);
    r->lock_height = cbor_get_uint(in);
    r->lock_hash = wire_get_hash(in);
}
