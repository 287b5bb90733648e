/* epochs.c - A chain of closing blocks.
 *
 *   chain = [link…]
 *   link  = [header as bytes, commit certificate, next configuration as bytes]
 *   case  = value, or [value as bytes, chain as bytes]
 *
 * Why it convinces: a quorum of epoch e committed the header, which flags it as the last of e and
 * names the configuration of e + 1 by its hash. Agreement makes that block the only one. */
#include "ledger/epochs.h"

#include "base/must.h"
#include "ledger/ledger_int.h"

#define CASE_HEAD 0x82u /* An array of two. */

static const char *check_header(const struct epoch_link *l,
                                const struct epoch_end *before,
                                const struct hash *chain_id,
                                struct header *header);
static const char *check_config(const struct epoch_link *l,
                                const struct header *header,
                                const struct chain_config *config);

void epoch_link_encode(struct buf *out, const struct epoch_link *l)
{
    must(l->header.size > 0);
    must(l->config.size > 0);
    cbor_put_array(out, 3);
    cbor_put_bytes(out, l->header);
    certificate_encode(out, &l->cert);
    cbor_put_bytes(out, l->config);
}

void epoch_chain_encode(struct buf *out, uint32_t count, struct span links)
{
    must(count <= EPOCH_LINKS_MAX);
    cbor_put_array(out, count);
    buf_put(out, links);
}

static void get_link(struct epoch_link *l, struct cbor *in)
{
    cbor_expect_array(in, 3);
    l->header = cbor_get_bytes(in);
    certificate_decode(&l->cert, in);
    l->config = cbor_get_bytes(in);
    if (l->config.size > CONFIG_BYTES_MAX) cbor_fail_with(in, ST_LIMIT);
}

enum status epoch_chain_decode(struct epoch_chain *out, struct arena *a, struct span bytes)
{
    if (bytes.size > EPOCH_BYTES_MAX) return ST_LIMIT;
    struct cbor in = cbor_of(bytes);
    uint64_t count = cbor_get_array(&in);
    if (in.status != ST_OK) return in.status;
    if (count > EPOCH_LINKS_MAX || count > bytes.size) return ST_LIMIT;
    struct epoch_chain got = {.count = (uint32_t)count};
    got.links = arena_alloc_zero(a, (size_t)count + 1, sizeof *got.links);
    if (got.links == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < got.count && in.status == ST_OK; i++)
        get_link(&got.links[i], &in);
    TRY(cbor_end(&in));
    *out = got;
    return ST_OK;
}

static enum status verify_link(const struct epoch_link *l,
                               const struct epoch_trust *trust,
                               struct arena *a,
                               struct epoch_end *end,
                               const char **what)
{
    struct header header;
    struct chain_config *config = arena_alloc_zero(a, 1, sizeof *config);
    if (config == NULL) return ST_NO_MEMORY;
    *what = check_header(l, end, trust->chain_id, &header);
    if (*what != NULL) return ST_REJECTED;
    *what = "the certificate of a closing block does not verify";
    TRY(quorum_check_commit(&end->validators, &l->cert, trust->signer, trust->chain_id));
    *what = "the configuration of an epoch is malformed";
    enum status st = chain_config_decode(config, a, l->config);
    if (st != ST_OK) return st == ST_NO_MEMORY ? st : ST_REJECTED;
    *what = check_config(l, &header, config);
    if (*what != NULL) return ST_REJECTED;
    *end = (struct epoch_end){.epoch = config->epoch,
                              .base = header.height,
                              .config_hash = header.next_config_hash,
                              .validators = chain_config_validators(config),
                              .config = config};
    return ST_OK;
}

enum status epoch_chain_verify(const struct epoch_chain *c,
                               const struct epoch_trust *trust,
                               struct arena *a,
                               struct epoch_end *out,
                               const char **what)
{
    struct epoch_end end = {.validators = *trust->validators};
    must(end.validators.count > 0);
    for (uint32_t i = 0; i < c->count; i++) {
        TRY(verify_link(&c->links[i], trust, a, &end, what));
        must(end.epoch == i + 1u);
    }
    *what = NULL;
    *out = end;
    return ST_OK;
}

void epoch_case_encode(struct buf *out, struct span value, struct span chain)
{
    must(value.size > 0);
    if (chain.size == 0) {
        must(value.data[0] != CASE_HEAD);
        buf_put(out, value);
        return;
    }
    cbor_put_array(out, 2);
    cbor_put_bytes(out, value);
    cbor_put_bytes(out, chain);
}

enum status epoch_case_decode(struct span *value, struct span *chain, struct span bytes)
{
    *value = bytes;
    *chain = span_of(NULL, 0);
    if (bytes.size == 0 || bytes.data[0] != CASE_HEAD) return ST_OK;
    struct cbor in = cbor_of(bytes);
    cbor_expect_array(&in, 2);
    *value = cbor_get_bytes(&in);
    *chain = cbor_get_bytes(&in);
    return cbor_end(&in);
}

static const char *check_header(const struct epoch_link *l,
                                const struct epoch_end *before,
                                const struct hash *chain_id,
                                struct header *header)
{
    struct cbor in = cbor_of(l->header);
    header_decode(header, &in);
    if (cbor_end(&in) != ST_OK) return "the header of a closing block is malformed";
    if (!hash_equal(&header->chain_id, chain_id)) return "a closing block is of another chain";
    if (header->epoch != before->epoch) return "a closing block is of another epoch";
    if (header->height <= before->base) return "a closing block is not above the one before";
    if ((header->flags & BLOCK_EPOCH_CLOSE) == 0) return "a block does not close its epoch";
    const struct statement *s = &l->cert.statement;
    struct hash hash = hash_of("hdr", l->header);
    if (s->epoch != header->epoch || s->height != header->height || !hash_equal(&s->hash, &hash))
        return "the certificate is not of the closing block";
    return NULL;
}

static const char *check_config(const struct epoch_link *l,
                                const struct header *header,
                                const struct chain_config *config)
{
    struct hash hash = chain_config_hash(l->config);
    if (!hash_equal(&hash, &header->next_config_hash))
        return "a configuration is not the one that the closing block names";
    if (config->epoch != header->epoch + 1) return "a configuration is of another epoch";
    return NULL;
}
