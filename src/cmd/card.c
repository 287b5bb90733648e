/* What is printed of a card is parsed again before it is written, so a name that the format cannot
 * carry is refused where it is chosen. */
#include "cmd/card.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"

_Static_assert(CARD_NODE_NAME_MAX == NODE_PEER_NAME_MAX, "a node can be named in node.conf");

enum status card_read(struct card *out, struct os *os, const char *path, char *what)
{
    struct buf text;
    buf_init(&text, mem_system(), 0);
    what[0] = 0;
    enum status st = os_read_file(os, path, CARD_SIZE_MAX, &text);
    if (st == ST_OK) st = buf_status(&text);
    if (st == ST_OK)
        st = card_parse(out, buf_span(&text), what);
    else
        (void)snprintf(what, CARD_WHAT_MAX, "%s", status_text(st));
    buf_fini(&text);
    return st;
}

/* --- the genesis ----------------------------------------------------------------------------- */

/* Node names differ, so the order is total and does not depend on the order given. */
static int compare_cards(const void *a, const void *b)
{
    const struct card *left = a;
    const struct card *right = b;
    int order = strcmp(left->organisation, right->organisation);
    return order != 0 ? order : strcmp(left->node, right->node);
}

static enum status clash(
    char *what, const char *kind, const char *value, const struct card *a, const struct card *b)
{
    (void)snprintf(what, CARD_WHAT_MAX, "the cards of %s and %s have the same %s%s%s",
                   a->organisation, b->organisation, kind, value[0] != 0 ? ": " : "", value);
    return ST_INVALID;
}

static enum status check_accounts(const struct card *a, const struct card *b, char *what)
{
    for (uint32_t i = 0; i < a->account_count; i++) {
        for (uint32_t j = 0; j < b->account_count; j++) {
            if (a == b && i <= j) continue;
            const struct card_account *left = &a->accounts[i];
            const struct card_account *right = &b->accounts[j];
            if (strcmp(left->name, right->name) == 0)
                return clash(what, "name of an account", left->name, a, b);
            if (public_key_equal(&left->key, &right->key))
                return clash(what, "key of an account", left->name, a, b);
        }
    }
    return ST_OK;
}

static enum status check_distinct(const struct card *cards, uint32_t count, char *what)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct card *a = &cards[i];
        for (uint32_t j = 0; j < i; j++) {
            const struct card *b = &cards[j];
            if (strcmp(a->node, b->node) == 0) return clash(what, "name of a node", a->node, b, a);
            if (public_key_equal(&a->node_key, &b->node_key))
                return clash(what, "key of a node", "", b, a);
            if (a->address[0] != 0 && strcmp(a->address, b->address) == 0)
                return clash(what, "address", a->address, b, a);
            TRY(check_accounts(a, b, what));
        }
        TRY(check_accounts(a, a, what));
    }
    return ST_OK;
}

static void fill_accounts(struct genesis *g, const struct card *card)
{
    struct span organisation = span_text(card->organisation);
    for (uint32_t i = 0; i < card->account_count; i++) {
        const struct card_account *a = &card->accounts[i];
        must(g->account_count < GENESIS_ACCOUNTS_MAX);
        g->accounts[g->account_count++] =
            (struct genesis_account){.name = span_text(a->name),
                                     .key = a->key,
                                     .custodian = a->is_kept ? organisation : (struct span){0},
                                     .is_admin = a->is_admin,
                                     .organisation = organisation};
    }
}

static void fill_genesis(struct genesis *g, const struct card *cards, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        g->members[i] = (struct genesis_member){.organisation = span_text(cards[i].organisation),
                                                .node_name = span_text(cards[i].node),
                                                .node_key = cards[i].node_key,
                                                .address = span_text(cards[i].address)};
        fill_accounts(g, &cards[i]);
        if (cards[i].made_ms > g->time_ms) g->time_ms = cards[i].made_ms;
    }
    g->member_count = count;
}

enum status card_make_genesis(struct buf *out, const struct card_set *set, char *what)
{
    struct genesis_member members[NODES_MAX];
    struct genesis check;
    struct arena arena;
    struct shape shape;
    must(set->count > 0 && set->count <= NODES_MAX);
    what[0] = 0;
    qsort(set->cards, set->count, sizeof *set->cards, compare_cards);
    TRY(check_distinct(set->cards, set->count, what));
    TRY(shape_choose(&shape, &set->shape, set->count, what));
    struct genesis g = layout_genesis(span_text(set->chain_name), 0, &shape);
    arena_init(&arena, mem_system(), 0);
    g.members = members;
    g.accounts =
        arena_alloc_zero(&arena, (size_t)set->count * CARD_ACCOUNTS_MAX, sizeof *g.accounts);
    const size_t start = out->size;
    enum status st = g.accounts == NULL ? ST_NO_MEMORY : ST_OK;
    if (st == ST_OK) {
        fill_genesis(&g, set->cards, set->count);
        genesis_encode(out, &g);
        st = buf_status(out);
    }
    if (st == ST_OK)
        st = genesis_decode(&check, &arena, span_of(out->data + start, out->size - start));
    if (st == ST_INVALID || st == ST_LIMIT)
        (void)snprintf(what, CARD_WHAT_MAX,
                       "a name of the chain, an organisation, a node or an account does not fit "
                       "(1 to %u bytes of text without control characters)",
                       GENESIS_NAME_MAX);
    arena_fini(&arena);
    return st;
}
