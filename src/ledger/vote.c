/* vote.c - Hashes and encodings of votes and certificates.
 *
 *   P1          H("p1" ‖ u64 epoch ‖ u64 view ‖ u64 height ‖ hash)     null: H("p1")
 *   P2          H("p2" ‖ u64 epoch ‖ u64 view ‖ u64 height ‖ hash)     null: H("p2")
 *   P3          H("p3" ‖ u64 epoch ‖ u64 height ‖ digest)              null: H("p3")
 *   signed      H("vote" ‖ chain id ‖ H(P1) ‖ H(P2) ‖ H(P3))
 *
 *   statement   [epoch, view, height, hash] · P3: [epoch, height, digest] · null
 *   vote        [P1, P2, P3, voter, signature]
 *   certificate [part, statement, [[voter, sibling, sibling, signature]…], links]
 *
 * links is an empty array. A later exec_version may put there what leads from statements at greater
 * heights back to this one. */
#include "ledger/vote.h"

#include "base/must.h"
#include "ledger/ledger_int.h"
#include "ledger/quorum.h"

#define CERTIFICATE_SIZE_MAX (128u + NODES_MAX * 144u)

static const char *const part_tags[VOTE_PARTS] = {"p1", "p2", "p3"};

static struct hash entry_hash(const struct certificate *c,
                              const struct hash *chain_id,
                              const struct hash *shown,
                              uint32_t index);

struct hash statement_hash(const struct statement *s, enum vote_part part)
{
    must(part < VOTE_PARTS);
    struct hasher h;
    hash_init(&h, part_tags[part]);
    if (!s->is_null) {
        hash_add_u64(&h, s->epoch);
        if (part != VOTE_P3) hash_add_u64(&h, s->view);
        hash_add_u64(&h, s->height);
        hash_add_hash(&h, &s->hash);
    }
    return hash_final(&h);
}

bool statement_equal(const struct statement *a, const struct statement *b, enum vote_part part)
{
    must(part < VOTE_PARTS);
    if (a->is_null || b->is_null) return a->is_null == b->is_null;
    return a->epoch == b->epoch && (part == VOTE_P3 || a->view == b->view) &&
           a->height == b->height && hash_equal(&a->hash, &b->hash);
}

struct hash vote_hash(const struct vote *v, const struct hash *chain_id)
{
    struct hash parts[VOTE_PARTS];
    vote_part_hashes(v, parts);
    return vote_hash_of_parts(parts, chain_id);
}

void vote_part_hashes(const struct vote *v, struct hash parts[VOTE_PARTS])
{
    for (int i = 0; i < VOTE_PARTS; i++)
        parts[i] = statement_hash(&v->parts[i], (enum vote_part)i);
}

struct hash vote_hash_of_parts(const struct hash parts[VOTE_PARTS], const struct hash *chain_id)
{
    struct hasher h;
    hash_init(&h, "vote");
    hash_add_hash(&h, chain_id);
    for (int i = 0; i < VOTE_PARTS; i++)
        hash_add_hash(&h, &parts[i]);
    return hash_final(&h);
}

void vote_encode(struct buf *out, const struct vote *v)
{
    must(v->voter < NODES_MAX);
    cbor_put_array(out, VOTE_PARTS + 2);
    for (int i = 0; i < VOTE_PARTS; i++)
        put_statement(out, &v->parts[i], (enum vote_part)i);
    cbor_put_uint(out, v->voter);
    cbor_put_bytes(out, span_of(v->sig.bytes, sizeof v->sig.bytes));
}

void vote_decode(struct vote *v, struct cbor *in)
{
    *v = (struct vote){0};
    cbor_expect_array(in, VOTE_PARTS + 2);
    for (int i = 0; i < VOTE_PARTS; i++)
        get_statement(&v->parts[i], in, (enum vote_part)i);
    v->voter = get_u32_max(in, NODES_MAX - 1);
    cbor_get_fixed(in, v->sig.bytes, sizeof v->sig.bytes);
}

struct certificate_entry certificate_cut(const struct vote *v, enum vote_part part)
{
    struct hash parts[VOTE_PARTS];
    vote_part_hashes(v, parts);
    return certificate_cut_of(v, part, parts);
}

struct certificate_entry certificate_cut_of(const struct vote *v,
                                            enum vote_part part,
                                            const struct hash parts[VOTE_PARTS])
{
    must(part < VOTE_PARTS);
    must(!v->parts[part].is_null);
    struct certificate_entry entry = {.voter = v->voter, .sig = v->sig};
    uint32_t sibling = 0;
    for (int i = 0; i < VOTE_PARTS; i++)
        if (i != (int)part) entry.siblings[sibling++] = parts[i];
    must(sibling == VOTE_PARTS - 1);
    return entry;
}

void certificate_encode(struct buf *out, const struct certificate *c)
{
    must(c->part < VOTE_PARTS);
    must(c->entry_count <= NODES_MAX);
    cbor_put_array(out, 4);
    cbor_put_uint(out, c->part);
    put_statement(out, &c->statement, c->part);
    cbor_put_array(out, c->entry_count);
    for (uint32_t i = 0; i < c->entry_count; i++)
        put_entry(out, &c->entries[i]);
    cbor_put_array(out, 0);
}

void certificate_decode(struct certificate *c, struct cbor *in)
{
    memset(c, 0, sizeof *c);
    cbor_expect_array(in, 4);
    c->part = (enum vote_part)cbor_get_uint_max(in, VOTE_PARTS - 1);
    get_statement(&c->statement, in, c->part);
    if (c->statement.is_null) cbor_fail(in);
    uint64_t count = cbor_get_array(in);
    if (count == 0 || count > NODES_MAX) cbor_fail(in);
    for (uint64_t i = 0; i < count && in->status == ST_OK; i++) {
        get_entry(&c->entries[i], in);
        if (i > 0 && c->entries[i].voter <= c->entries[i - 1].voter) cbor_fail(in);
    }
    cbor_expect_array(in, 0);
    if (in->status == ST_OK) c->entry_count = (uint32_t)count;
}

struct hash certificate_hash(const struct certificate *c)
{
    uint8_t bytes[CERTIFICATE_SIZE_MAX];
    struct buf out;
    buf_init_fixed(&out, bytes, sizeof bytes);
    certificate_encode(&out, c);
    must(buf_status(&out) == ST_OK);
    return hash_of("cert", buf_span(&out));
}

enum status certificate_verify(const struct certificate *c,
                               const struct signer *signer,
                               const struct hash *chain_id,
                               const struct validators *v,
                               uint32_t quorum)
{
    must(quorum > 0);
    must(quorum <= v->count);
    if (c->part >= VOTE_PARTS || c->statement.is_null) return ST_INVALID;
    if (c->entry_count < quorum || c->entry_count > v->count) return ST_INVALID;
    struct hash shown = statement_hash(&c->statement, c->part);
    for (uint32_t i = 0; i < c->entry_count; i++) {
        uint32_t voter = c->entries[i].voter;
        if (voter >= v->count) return ST_INVALID;
        if (i > 0 && voter <= c->entries[i - 1].voter) return ST_INVALID;
        struct hash hash = entry_hash(c, chain_id, &shown, i);
        TRY(sign_verify(signer, &v->keys[voter], &hash, &c->entries[i].sig));
    }
    return ST_OK;
}

void put_statement(struct buf *out, const struct statement *s, enum vote_part part)
{
    if (s->is_null) {
        cbor_put_null(out);
        return;
    }
    cbor_put_array(out, part == VOTE_P3 ? 3 : 4);
    cbor_put_uint(out, s->epoch);
    if (part != VOTE_P3) cbor_put_uint(out, s->view);
    cbor_put_uint(out, s->height);
    put_hash(out, &s->hash);
}

void get_statement(struct statement *s, struct cbor *in, enum vote_part part)
{
    *s = (struct statement){.is_null = cbor_get_null(in)};
    if (s->is_null) return;
    cbor_expect_array(in, part == VOTE_P3 ? 3 : 4);
    s->epoch = cbor_get_uint(in);
    if (part != VOTE_P3) s->view = cbor_get_uint(in);
    s->height = cbor_get_uint(in);
    s->hash = get_hash(in);
}

void put_entry(struct buf *out, const struct certificate_entry *entry)
{
    must(entry->voter < NODES_MAX);
    cbor_put_array(out, 4);
    cbor_put_uint(out, entry->voter);
    put_hash(out, &entry->siblings[0]);
    put_hash(out, &entry->siblings[1]);
    cbor_put_bytes(out, span_of(entry->sig.bytes, sizeof entry->sig.bytes));
}

void get_entry(struct certificate_entry *entry, struct cbor *in)
{
    cbor_expect_array(in, 4);
    entry->voter = get_u32_max(in, NODES_MAX - 1);
    entry->siblings[0] = get_hash(in);
    entry->siblings[1] = get_hash(in);
    cbor_get_fixed(in, entry->sig.bytes, sizeof entry->sig.bytes);
}

/* What voter of entry index signed: the shown part in its place, the siblings in theirs. */
static struct hash entry_hash(const struct certificate *c,
                              const struct hash *chain_id,
                              const struct hash *shown,
                              uint32_t index)
{
    struct hash parts[VOTE_PARTS];
    uint32_t sibling = 0;
    for (int i = 0; i < VOTE_PARTS; i++)
        parts[i] = i == (int)c->part ? *shown : c->entries[index].siblings[sibling++];
    must(sibling == VOTE_PARTS - 1);
    return vote_hash_of_parts(parts, chain_id);
}
