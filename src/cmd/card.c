/* A card is a file of "key = value" lines that people can read before they hand it on. What is
 * printed is parsed again before it is written, so a name that the format cannot carry is refused
 * where it is chosen. */
#include "cmd/card.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/must.h"
#include "codec/cbor.h"

#define CARD_VERSION  "1"
#define CARD_SIZE_MAX (16u << 10)
#define CARD_KEY_TEXT (2u * SIGN_PUBLIC_MAX + 1u)
#define FIELD_COUNT   6u /* Keys that stand once: version … made_ms. */

struct parse {
    struct card *card;
    uint32_t seen; /* Bit set of the keys that stand once. */
    char *what;
};

/* --- the file -------------------------------------------------------------------------------- */

static void print_key(struct buf *out, const struct public_key *key)
{
    char text[CARD_KEY_TEXT];
    hex_encode(text, span_of(key->bytes, key->size));
    buf_put_text(out, text);
}

void card_print(const struct card *card, struct buf *out)
{
    buf_printf(out,
               "; Public card of an organisation: hand it to the others. Nothing in it is secret.\n"
               "version = " CARD_VERSION "\norganisation = %s\nnode = %s\nnode_key = ",
               card->organisation, card->node);
    print_key(out, &card->node_key);
    buf_printf(out, "\naddress = %s\nmade_ms = %llu\n", card->address,
               (unsigned long long)card->made_ms);
    must(card->account_count <= CARD_ACCOUNTS_MAX);
    for (uint32_t i = 0; i < card->account_count; i++) {
        const struct card_account *a = &card->accounts[i];
        buf_put_text(out, "account = ");
        print_key(out, &a->key);
        buf_printf(out, " %s %s %s\n", a->is_admin ? "admin" : "user", a->is_kept ? "node" : "self",
                   a->name);
    }
}

/* What others have written is shown to people: nothing that a terminal would obey. */
static bool is_printable(const char *value)
{
    for (const char *c = value; *c != 0; c++)
        if ((uint8_t)*c < 0x20 || *c == 0x7f) return false;
    return utf8_valid(span_text(value));
}

static bool take_text(char *to, size_t size_max, const char *value)
{
    size_t size = strlen(value);
    if (size == 0 || size > size_max || !is_printable(value)) return false;
    memcpy(to, value, size + 1);
    return true;
}

static bool take_key(struct public_key *key, enum sign_scheme scheme, struct span text)
{
    key->scheme = (uint8_t)scheme;
    key->size = scheme == SIGN_ED25519 ? 32 : 33;
    return hex_decode(key->bytes, key->size, text) == ST_OK && public_key_is_formed(key);
}

static bool take_time(uint64_t *to, const char *value)
{
    char *end;
    if (value[0] < '1' || value[0] > '9' || strlen(value) > 15) return false;
    *to = strtoull(value, &end, 10);
    return *end == 0;
}

static bool take_address(char *to, const char *value)
{
    if (value[0] != 0 && !genesis_address_is_formed(span_text(value))) return false;
    (void)snprintf(to, GENESIS_ADDRESS_MAX + 1, "%s", value);
    return true;
}

/* The next word of a line and the space behind it; an empty one at the end. */
static struct span next_word(const char **at)
{
    const char *start = *at;
    size_t size = strcspn(start, " ");
    *at = start + size + (start[size] == ' ' ? 1 : 0);
    return span_of(start, size);
}

/* "KEY admin|user node|self NAME": the name is last, since it may have spaces. */
static bool take_account(struct card *card, const char *value)
{
    if (card->account_count == CARD_ACCOUNTS_MAX) return false;
    struct card_account *a = &card->accounts[card->account_count];
    struct span key = next_word(&value);
    struct span role = next_word(&value);
    struct span holder = next_word(&value);
    enum sign_scheme scheme = key.size == 64 ? SIGN_ED25519 : SIGN_SECP256K1;
    a->is_admin = span_equal(role, span_text("admin"));
    a->is_kept = span_equal(holder, span_text("node"));
    if (!a->is_admin && !span_equal(role, span_text("user"))) return false;
    if (!a->is_kept && !span_equal(holder, span_text("self"))) return false;
    if (!take_key(&a->key, scheme, key)) return false;
    if (!take_text(a->name, GENESIS_NAME_MAX, value)) return false;
    card->account_count++;
    return true;
}

static bool take_field(struct card *card, uint32_t field, const char *value)
{
    switch (field) {
    case 0: return strcmp(value, CARD_VERSION) == 0;
    case 1: return take_text(card->organisation, GENESIS_NAME_MAX, value);
    case 2: return take_text(card->node, NODE_PEER_NAME_MAX, value);
    case 3: return take_key(&card->node_key, SIGN_ED25519, span_text(value));
    case 4: return take_address(card->address, value);
    default: return take_time(&card->made_ms, value);
    }
}

static const char *const field_names[FIELD_COUNT] = {"version",  "organisation", "node",
                                                     "node_key", "address",      "made_ms"};

static int refuse(struct parse *p, const char *name, const char *problem)
{
    const char *shown = strlen(name) <= 40 && is_printable(name) ? name : "?";
    if (p->what[0] == 0) (void)snprintf(p->what, CARD_WHAT_MAX, "\"%s\" %s", shown, problem);
    return 0;
}

static int on_entry(void *context, const char *section, const char *name, const char *value)
{
    struct parse *p = context;
    if (section[0] != 0) return refuse(p, section, "is no section of a card");
    if (strcmp(name, "account") == 0)
        return take_account(p->card, value) ? 1 : refuse(p, name, "does not fit");
    uint32_t field = 0;
    while (field < FIELD_COUNT && strcmp(field_names[field], name) != 0)
        field++;
    if (field == FIELD_COUNT) return refuse(p, name, "is no key of a card");
    if ((p->seen >> field & 1u) != 0) return refuse(p, name, "stands twice");
    p->seen |= 1u << field;
    return take_field(p->card, field, value) ? 1 : refuse(p, name, "does not fit");
}

enum status card_parse(struct card *out, const char *text, char *what)
{
    struct card got = {0};
    struct parse parse = {.card = &got, .what = what};
    what[0] = 0;
    int line = ini_parse_string(text, on_entry, &parse);
    for (uint32_t i = 0; i < FIELD_COUNT && line == 0; i++)
        if ((parse.seen >> i & 1u) == 0) (void)refuse(&parse, field_names[i], "is missing");
    if (line == 0 && got.account_count == 0) (void)refuse(&parse, "account", "is missing");
    if (line != 0 && what[0] == 0)
        (void)snprintf(what, CARD_WHAT_MAX, "line %d is not \"key = value\"", line);
    if (what[0] != 0) return ST_INVALID;
    *out = got;
    return ST_OK;
}

enum status card_read(struct card *out, struct os *os, const char *path, char *what)
{
    struct buf text;
    buf_init(&text, mem_system(), 0);
    what[0] = 0;
    enum status st = os_read_file(os, path, CARD_SIZE_MAX, &text);
    buf_put_u8(&text, 0);
    if (st == ST_OK) st = buf_status(&text);
    if (st == ST_OK)
        st = card_parse(out, (const char *)text.data, what);
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
