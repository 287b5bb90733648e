/* gist.c - See gist.h. */
#include "sim/gist.h"

#include <stdio.h>

#include "base/must.h"

static void gist_message(struct gist *n, const struct consensus_message *m);

const char *gist_kind_name(enum gist_kind kind)
{
    static const char *const names[] = {
#define GIST_NAME(name, text) text,
        GIST_LIST(GIST_NAME)
#undef GIST_NAME
    };
    must(kind < GIST_KINDS);
    return names[kind];
}

static void gist_vote(struct gist *n, const struct vote *v)
{
    n->kind = GIST_VOTE;
    n->author = v->voter;
    for (int i = 0; i < VOTE_PARTS; i++) {
        n->parts[i] = v->parts[i];
        if (v->parts[i].is_null) continue;
        if (v->parts[i].view > n->view) n->view = v->parts[i].view;
        if (v->parts[i].height > n->height) n->height = v->parts[i].height;
    }
}

static void gist_proposal(struct gist *n, const struct header *h)
{
    n->kind = GIST_PROPOSE;
    n->author = h->proposer;
    n->view = h->view;
    n->height = h->height;
    n->hash = header_hash(h);
}

static void gist_message(struct gist *n, const struct consensus_message *m)
{
    switch (m->kind) {
    case CONSENSUS_PROPOSAL: gist_proposal(n, &m->proposal.header); return;
    case CONSENSUS_VOTE: gist_vote(n, &m->vote); return;
    case CONSENSUS_VIEW_CHANGE:
        n->kind = GIST_VC;
        n->author = m->view_change.sender;
        n->view = m->view_change.to_view;
        n->height = m->view_change.final_height + m->view_change.header_count;
        return;
    case CONSENSUS_NEW_VIEW:
        n->kind = GIST_NEWVIEW;
        n->author = m->new_view.sender;
        n->view = m->new_view.view;
        n->height = m->new_view.height;
        n->hash = m->new_view.hash;
        return;
    case CONSENSUS_STATUS:
        n->kind = GIST_STATUS;
        n->author = m->status.sender;
        n->view = m->status.view;
        n->height = m->status.tip_height;
        return;
    }
}

static void gist_wire(struct gist *n, const struct wire_message *w, struct consensus_message *m)
{
    switch (w->kind) {
    case WIRE_CONSENSUS:
        if (consensus_message_decode(m, w->bytes) == ST_OK) gist_message(n, m);
        return;
    case WIRE_PROPOSAL:
        m->kind = CONSENSUS_PROPOSAL;
        m->proposal = w->proposal.proposal;
        gist_proposal(n, &w->proposal.proposal.header);
        return;
    case WIRE_TXS: n->kind = GIST_TXS; return;
    case WIRE_GET_TXS: n->kind = GIST_GET_TXS; return;
    case WIRE_TXS_FOUND: n->kind = GIST_TXS_FOUND; return;
    case WIRE_GET_BLOCK:
        n->kind = GIST_GET_BLOCK;
        n->height = w->get_block.height;
        n->hash = w->get_block.hash;
        return;
    case WIRE_BLOCK_PART: n->kind = GIST_BLOCK_PART; return;
    case WIRE_GET_CHAIN:
        n->kind = GIST_GET_CHAIN;
        n->height = w->get_chain.height;
        return;
    case WIRE_CHAIN:
        n->kind = GIST_CHAIN;
        n->height = w->chain.final_height;
        return;
    case WIRE_EVIDENCE: n->kind = GIST_EVIDENCE; return;
    case WIRE_GET_HEIGHT:
        n->kind = GIST_GET_HEIGHT;
        n->height = w->get_height.final_height;
        return;
    case WIRE_HEIGHT:
        n->kind = GIST_HEIGHT;
        n->height = w->height.height;
        return;
    case WIRE_REPORT: n->kind = GIST_REPORT; return;
    case WIRE_LINKS: n->kind = GIST_LINKS; return;
    case WIRE_INCIDENT: n->kind = GIST_INCIDENT; return;
    case WIRE_GET_HISTORY: /* The simulator's nodes join by replay. */
    case WIRE_HISTORY:
    case WIRE_GET_SNAPSHOT:
    case WIRE_SNAPSHOT:
    case WIRE_GET_PIECE:
    case WIRE_PIECE:
    case WIRE_JOIN:
    case WIRE_WELCOME: return; /* No member says it: garbage. */
    }
}

void gist_read(struct gist *out,
               struct wire_message *wire,
               struct consensus_message *message,
               struct span bytes)
{
    memset(out, 0, sizeof *out);
    out->kind = GIST_GARBAGE;
    out->author = NODES_MAX;
    for (int i = 0; i < VOTE_PARTS; i++)
        out->parts[i].is_null = true;
    if (wire_decode(wire, bytes) == ST_OK) gist_wire(out, wire, message);
}

static size_t put(char *text, size_t size, size_t used, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#include <stdarg.h>

static size_t put(char *text, size_t size, size_t used, const char *format, ...)
{
    if (used >= size) return used;
    va_list args;
    va_start(args, format);
    int got = vsnprintf(text + used, size - used, format, args);
    va_end(args);
    must(got >= 0);
    return used + (size_t)got;
}

static size_t put_block(char *text, size_t size, size_t used, const struct statement *s)
{
    return put(text, size, used, " %llu/%llu:%02x%02x%02x", (unsigned long long)s->view,
               (unsigned long long)s->height, s->hash.bytes[0], s->hash.bytes[1], s->hash.bytes[2]);
}

void gist_text(char *text, size_t size, const struct gist *n)
{
    size_t used = put(text, size, 0, "%s", gist_kind_name(n->kind));
    if (n->author < NODES_MAX) used = put(text, size, used, " of %u", n->author);
    if (n->kind == GIST_VOTE) {
        for (int i = 0; i < VOTE_PARTS; i++) {
            if (n->parts[i].is_null) continue;
            used = put(text, size, used, " P%d", i + 1);
            used = put_block(text, size, used, &n->parts[i]);
        }
        return;
    }
    struct statement s = {.view = n->view, .height = n->height, .hash = n->hash};
    (void)put_block(text, size, used, &s);
}
