/* notes.c - Byte table.
 *
 *   notes     = null, or [[late vote…], [evidence as bytes…]] of which at least one is not empty,
 *               or [[late vote…], [evidence as bytes…], [incident as bytes, incident as bytes…]]
 *   late vote = [part, statement, [voter, sibling, sibling, signature]]     vote.c has the pieces
 *
 * The hash is made piece by piece: two pieces of evidence would not fit a buffer on the stack. */
#include "ledger/notes.h"

#include "base/must.h"
#include "ledger/ledger_int.h"

#define LATE_VOTE_SIZE_MAX 256u
#define HEAD_SIZE_MAX      16u

static void put_late(struct buf *out, const struct late_vote *late);
static void get_late(struct late_vote *late, struct cbor *in);
static void get_incidents(struct body_notes *n, struct cbor *in);

bool notes_are_empty(const struct body_notes *n)
{
    return n == NULL || (n->late_count == 0 && n->evidence_count == 0 && n->incident_count == 0);
}

void notes_encode(struct buf *out, const struct body_notes *n)
{
    if (notes_are_empty(n)) {
        cbor_put_null(out);
        return;
    }
    must(n->late_count <= LATE_VOTES_MAX);
    must(n->evidence_count <= BLOCK_EVIDENCE_MAX);
    must(n->incident_count <= BLOCK_INCIDENTS_MAX);
    cbor_put_array(out, n->incident_count == 0 ? 2 : 3);
    cbor_put_array(out, n->late_count);
    for (uint32_t i = 0; i < n->late_count; i++)
        put_late(out, &n->late[i]);
    cbor_put_array(out, n->evidence_count);
    for (uint32_t i = 0; i < n->evidence_count; i++)
        cbor_put_bytes(out, n->evidence[i]);
    if (n->incident_count == 0) return;
    cbor_put_array(out, n->incident_count);
    for (uint32_t i = 0; i < n->incident_count; i++)
        cbor_put_bytes(out, n->incidents[i]);
}

static uint32_t get_count(struct cbor *in, uint32_t count_max)
{
    uint64_t count = cbor_get_array(in);
    if (count > count_max) cbor_fail_with(in, ST_LIMIT);
    return in->status == ST_OK ? (uint32_t)count : 0;
}

void notes_decode(struct body_notes *n, struct cbor *in)
{
    n->late_count = n->evidence_count = n->incident_count = 0;
    if (cbor_get_null(in)) return;
    const uint64_t parts = cbor_get_array(in);
    if (parts != 2 && parts != 3) cbor_fail(in);
    uint32_t late_count = get_count(in, LATE_VOTES_MAX);
    for (uint32_t i = 0; i < late_count && in->status == ST_OK; i++) {
        get_late(&n->late[i], in);
        if (i > 0 && late_vote_compare(&n->late[i - 1], &n->late[i]) >= 0) cbor_fail(in);
    }
    uint32_t evidence_count = get_count(in, BLOCK_EVIDENCE_MAX);
    for (uint32_t i = 0; i < evidence_count && in->status == ST_OK; i++) {
        n->evidence[i] = cbor_get_bytes(in);
        if (n->evidence[i].size == 0) cbor_fail(in);
        if (n->evidence[i].size > BLOCK_EVIDENCE_BYTES_MAX) cbor_fail_with(in, ST_LIMIT);
    }
    if (parts == 3) get_incidents(n, in);
    if (late_count + evidence_count == 0 && parts == 2) cbor_fail(in);
    if (in->status != ST_OK) {
        n->incident_count = 0;
        return;
    }
    n->late_count = late_count;
    n->evidence_count = evidence_count;
}

static void add_head(struct hasher *h, uint64_t count, bool is_array)
{
    uint8_t bytes[HEAD_SIZE_MAX];
    struct buf out;
    buf_init_fixed(&out, bytes, sizeof bytes);
    if (is_array)
        cbor_put_array(&out, count);
    else
        cbor_put_bytes_head(&out, count);
    must(buf_status(&out) == ST_OK);
    hash_add(h, buf_span(&out));
}

struct hash notes_hash(const struct body_notes *n)
{
    if (notes_are_empty(n)) return (struct hash){{0}};
    struct hasher h;
    hash_init(&h, "notes");
    add_head(&h, n->incident_count == 0 ? 2 : 3, true);
    add_head(&h, n->late_count, true);
    for (uint32_t i = 0; i < n->late_count; i++) {
        uint8_t bytes[LATE_VOTE_SIZE_MAX];
        struct buf out;
        buf_init_fixed(&out, bytes, sizeof bytes);
        put_late(&out, &n->late[i]);
        must(buf_status(&out) == ST_OK);
        hash_add(&h, buf_span(&out));
    }
    add_head(&h, n->evidence_count, true);
    for (uint32_t i = 0; i < n->evidence_count; i++) {
        add_head(&h, n->evidence[i].size, false);
        hash_add(&h, n->evidence[i]);
    }
    if (n->incident_count > 0) add_head(&h, n->incident_count, true);
    for (uint32_t i = 0; i < n->incident_count; i++) {
        add_head(&h, n->incidents[i].size, false);
        hash_add(&h, n->incidents[i]);
    }
    return hash_final(&h);
}

enum status notes_copy(struct body_notes **out, struct mem *mem, const struct body_notes *n)
{
    *out = NULL;
    if (notes_are_empty(n)) return ST_OK;
    size_t size = sizeof *n;
    for (uint32_t i = 0; i < n->evidence_count; i++)
        size += n->evidence[i].size;
    for (uint32_t i = 0; i < n->incident_count; i++)
        size += n->incidents[i].size;
    struct body_notes *copy = mem_alloc_zero(mem, 1, size);
    if (copy == NULL) return ST_NO_MEMORY;
    *copy = *n;
    uint8_t *at = (uint8_t *)(copy + 1);
    for (uint32_t i = 0; i < n->evidence_count; i++) {
        memcpy(at, n->evidence[i].data, n->evidence[i].size);
        copy->evidence[i] = span_of(at, n->evidence[i].size);
        at += n->evidence[i].size;
    }
    for (uint32_t i = 0; i < n->incident_count; i++) {
        memcpy(at, n->incidents[i].data, n->incidents[i].size);
        copy->incidents[i] = span_of(at, n->incidents[i].size);
        at += n->incidents[i].size;
    }
    *out = copy;
    return ST_OK;
}

/* At least one, each well formed. */
static void get_incidents(struct body_notes *n, struct cbor *in)
{
    const uint32_t count = get_count(in, BLOCK_INCIDENTS_MAX);
    struct incident incident;
    if (count == 0) cbor_fail(in);
    for (uint32_t i = 0; i < count && in->status == ST_OK; i++) {
        n->incidents[i] = cbor_get_bytes(in);
        if (in->status == ST_OK && incident_decode(&incident, n->incidents[i]) != ST_OK)
            cbor_fail(in);
    }
    if (in->status == ST_OK) n->incident_count = count;
}

int late_vote_compare(const struct late_vote *a, const struct late_vote *b)
{
    if (a->part != b->part) return a->part < b->part ? -1 : 1;
    if (a->statement.height != b->statement.height)
        return a->statement.height < b->statement.height ? -1 : 1;
    if (a->entry.voter != b->entry.voter) return a->entry.voter < b->entry.voter ? -1 : 1;
    return 0;
}

enum status late_vote_verify(const struct late_vote *late,
                             const struct signer *signer,
                             const struct hash *chain_id,
                             const struct validators *v)
{
    struct certificate c = {.part = late->part,
                            .statement = late->statement,
                            .entry_count = 1,
                            .entries = {late->entry}};
    return certificate_verify(&c, signer, chain_id, v, 1);
}

static void put_late(struct buf *out, const struct late_vote *late)
{
    must(!late->statement.is_null);
    cbor_put_array(out, 3);
    cbor_put_uint(out, late->part);
    put_statement(out, &late->statement, late->part);
    put_entry(out, &late->entry);
}

static void get_late(struct late_vote *late, struct cbor *in)
{
    cbor_expect_array(in, 3);
    late->part = (enum vote_part)cbor_get_uint_max(in, VOTE_PARTS - 1);
    get_statement(&late->statement, in, late->part);
    if (late->statement.is_null) cbor_fail(in);
    get_entry(&late->entry, in);
}
