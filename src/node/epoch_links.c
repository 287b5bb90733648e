#include "node/epoch_links.h"

#include "base/must.h"

struct parts { /* Of one link. */
    struct arena arena;
    struct buf config;
    struct buf block;
    struct buf above;
    struct body *body;
    struct epoch_link link;
    uint64_t base;
};

static enum status read_cert(const struct epoch_source *s, struct parts *p)
{
    struct span header;
    struct span body;
    p->body = arena_alloc_zero(&p->arena, 1, sizeof *p->body);
    if (p->body == NULL) return ST_NO_MEMORY;
    TRY(s->read_block(s->context, p->base + 1, &p->above));
    TRY(block_split(buf_span(&p->above), &header, &body));
    TRY(body_decode(p->body, &p->arena, body));
    if (!p->body->has_final_cert || p->body->final_cert.statement.height != p->base)
        return ST_NOT_FOUND;
    p->link.cert = p->body->final_cert;
    return ST_OK;
}

static enum status read_parts(const struct epoch_source *s,
                              uint64_t epoch,
                              const struct certificate *cert,
                              struct parts *p)
{
    struct span body;
    TRY(s->read_config(s->context, epoch, &p->config, &p->base));
    p->link.config = buf_span(&p->config);
    if (p->base == 0) return ST_NOT_FOUND;
    TRY(s->read_block(s->context, p->base, &p->block));
    TRY(block_split(buf_span(&p->block), &p->link.header, &body));
    if (cert == NULL) return read_cert(s, p);
    p->link.cert = *cert;
    return cert->statement.height == p->base ? ST_OK : ST_NOT_FOUND;
}

enum status epoch_link_read(const struct epoch_source *s,
                            uint64_t epoch,
                            const struct certificate *cert,
                            struct buf *out)
{
    must(epoch > 0);
    struct parts *p = mem_alloc_zero(s->mem, 1, sizeof *p);
    if (p == NULL) return ST_NO_MEMORY;
    arena_init(&p->arena, s->mem, 0);
    buf_init(&p->config, s->mem, 0);
    buf_init(&p->block, s->mem, 0);
    buf_init(&p->above, s->mem, 0);
    enum status st = read_parts(s, epoch, cert, p);
    if (st == ST_OK) {
        epoch_link_encode(out, &p->link);
        st = buf_status(out);
    }
    buf_fini(&p->above);
    buf_fini(&p->block);
    buf_fini(&p->config);
    arena_fini(&p->arena);
    mem_free(s->mem, p);
    return st;
}

enum status epoch_chain_read(const struct epoch_source *s, uint64_t epoch, struct buf *out)
{
    struct buf links;
    if (epoch == 0) return ST_OK;
    if (epoch > EPOCH_LINKS_MAX) return ST_LIMIT;
    buf_init(&links, s->mem, EPOCH_BYTES_MAX);
    enum status st = ST_OK;
    for (uint64_t e = 1; e <= epoch && st == ST_OK; e++)
        st = epoch_link_read(s, e, NULL, &links);
    if (st == ST_OK) {
        epoch_chain_encode(out, (uint32_t)epoch, buf_span(&links));
        st = buf_status(out);
    }
    buf_fini(&links);
    return st;
}
