/* card.c - A card is lines of "key = value" that people can read before they hand it on.
 *
 * The reader is ours and strict, since nodes must agree on what a card says: no sections, no
 * comments behind a value, no continued lines. Spaces around keys and values do not count. */
#include "ledger/card.h"

#include "base/hex.h"
#include "base/must.h"
#include "codec/cbor.h"

#define CARD_VERSION    "1"
#define CARD_KEY_TEXT   (2u * SIGN_PUBLIC_MAX + 1u)
#define CARD_DIGITS_MAX 15u
#define CARD_SHOWN_MAX  40u
#define FIELD_COUNT     6u /* Keys that stand once: version … made_ms. */

struct parse {
    struct card *card;
    uint32_t seen; /* Bit set of the keys that stand once. */
    struct buf what;
};

static bool take_line(struct parse *p, struct span line, uint32_t number);
static bool take_field(struct card *card, uint32_t field, struct span value);
static bool take_account(struct card *card, struct span value);

static const char *const field_names[FIELD_COUNT] = {"version",  "organisation", "node",
                                                     "node_key", "address",      "made_ms"};

static void print_key(struct buf *out, const struct public_key *key)
{
    char text[CARD_KEY_TEXT];
    hex_encode(text, span_of(key->bytes, key->size));
    buf_put_text(out, text);
}

void card_print(const struct card *card, struct buf *out)
{
    must(card->account_count <= CARD_ACCOUNTS_MAX);
    buf_printf(out,
               "; Public card of an organisation: hand it to the others. Nothing in it is secret.\n"
               "version = " CARD_VERSION "\norganisation = %s\nnode = %s\nnode_key = ",
               card->organisation, card->node);
    print_key(out, &card->node_key);
    buf_printf(out, "\naddress = %s\nmade_ms = %llu\n", card->address,
               (unsigned long long)card->made_ms);
    for (uint32_t i = 0; i < card->account_count; i++) {
        const struct card_account *a = &card->accounts[i];
        buf_put_text(out, "account = ");
        print_key(out, &a->key);
        buf_printf(out, " %s %s %s\n", a->is_admin ? "admin" : "user", a->is_kept ? "node" : "self",
                   a->name);
    }
}

static bool refuse(struct parse *p, struct span name, const char *problem)
{
    bool is_shown = name.size <= CARD_SHOWN_MAX;
    for (size_t i = 0; i < name.size && is_shown; i++)
        is_shown = name.data[i] > 0x20 && name.data[i] < 0x7f;
    buf_put_text(&p->what, "\"");
    buf_put(&p->what, is_shown ? name : span_text("?"));
    buf_printf(&p->what, "\" %s", problem);
    return false;
}

static bool check_complete(struct parse *p)
{
    for (uint32_t i = 0; i < FIELD_COUNT; i++)
        if ((p->seen >> i & 1u) == 0) return refuse(p, span_text(field_names[i]), "is missing");
    if (p->card->account_count == 0) return refuse(p, span_text("account"), "is missing");
    return true;
}

/* Up to and without the next line feed; *text goes on behind it. */
static struct span next_line(struct span *text)
{
    size_t size = 0;
    while (size < text->size && text->data[size] != '\n')
        size++;
    struct span line = span_of(text->data, size);
    size_t skipped = size < text->size ? size + 1 : size;
    *text = span_of(text->data + skipped, text->size - skipped);
    return line;
}

enum status card_parse(struct card *out, struct span text, char *what)
{
    struct card got = {0};
    struct parse parse = {.card = &got};
    buf_init_fixed(&parse.what, what, CARD_WHAT_MAX - 1);
    what[0] = 0;
    bool is_right = text.size <= CARD_SIZE_MAX;
    if (!is_right) buf_put_text(&parse.what, "it is too large for a card");
    for (uint32_t number = 1; text.size > 0 && is_right; number++)
        is_right = take_line(&parse, next_line(&text), number);
    if (is_right) is_right = check_complete(&parse);
    what[parse.what.size] = 0;
    if (!is_right) return ST_INVALID;
    *out = got;
    return ST_OK;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span s)
{
    while (s.size > 0 && is_space(s.data[0]))
        s = span_of(s.data + 1, s.size - 1);
    while (s.size > 0 && is_space(s.data[s.size - 1]))
        s.size--;
    return s;
}

/* "[name]" without its brackets. */
static struct span section_of(struct span line)
{
    size_t size = 1;
    while (size < line.size && line.data[size] != ']')
        size++;
    return span_of(line.data + 1, size - 1);
}

static bool take_line(struct parse *p, struct span line, uint32_t number)
{
    line = trim(line);
    if (line.size == 0 || line.data[0] == ';' || line.data[0] == '#') return true;
    if (line.data[0] == '[') return refuse(p, section_of(line), "is no section of a card");
    size_t at = 0;
    while (at < line.size && line.data[at] != '=')
        at++;
    if (at == line.size) {
        buf_printf(&p->what, "line %u is not \"key = value\"", number);
        return false;
    }
    struct span name = trim(span_of(line.data, at));
    struct span value = trim(span_of(line.data + at + 1, line.size - at - 1));
    if (span_equal(name, span_text("account")))
        return take_account(p->card, value) || refuse(p, name, "does not fit");
    uint32_t field = 0;
    while (field < FIELD_COUNT && !span_equal(name, span_text(field_names[field])))
        field++;
    if (field == FIELD_COUNT) return refuse(p, name, "is no key of a card");
    if ((p->seen >> field & 1u) != 0) return refuse(p, name, "stands twice");
    p->seen |= 1u << field;
    return take_field(p->card, field, value) || refuse(p, name, "does not fit");
}

/* What others have written is shown to people: nothing that a terminal would obey, nor " ;", which
 * readers of INI files take for the begin of a comment. */
static bool is_printable(struct span value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < 0x20 || value.data[i] == 0x7f) return false;
        if (value.data[i] == ';' && i > 0 && value.data[i - 1] == ' ') return false;
    }
    return utf8_valid(value);
}

static bool take_text(char *to, size_t size_max, struct span value)
{
    if (value.size == 0 || value.size > size_max || !is_printable(value)) return false;
    memcpy(to, value.data, value.size);
    to[value.size] = 0;
    return true;
}

static bool take_key(struct public_key *key, enum sign_scheme scheme, struct span text)
{
    key->scheme = (uint8_t)scheme;
    key->size = scheme == SIGN_ED25519 ? 32 : 33;
    return hex_decode(key->bytes, key->size, text) == ST_OK && public_key_is_formed(key);
}

static bool take_time(uint64_t *to, struct span value)
{
    *to = 0;
    if (value.size == 0 || value.size > CARD_DIGITS_MAX || value.data[0] == '0') return false;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') return false;
        *to = *to * 10 + (uint64_t)(value.data[i] - '0');
    }
    return true;
}

static bool take_address(char *to, struct span value)
{
    if (value.size == 0) return true;
    return genesis_address_is_formed(value) && take_text(to, GENESIS_ADDRESS_MAX, value);
}

static bool take_field(struct card *card, uint32_t field, struct span value)
{
    switch (field) {
    case 0: return span_equal(value, span_text(CARD_VERSION));
    case 1: return take_text(card->organisation, GENESIS_NAME_MAX, value);
    case 2: return take_text(card->node, CARD_NODE_NAME_MAX, value);
    case 3: return take_key(&card->node_key, SIGN_ED25519, value);
    case 4: return take_address(card->address, value);
    default: return take_time(&card->made_ms, value);
    }
}

/* The next word of a line, and the line goes on behind the space; an empty one at the end. */
static struct span next_word(struct span *line)
{
    size_t size = 0;
    while (size < line->size && line->data[size] != ' ')
        size++;
    struct span word = span_of(line->data, size);
    size_t skipped = size < line->size ? size + 1 : size;
    *line = span_of(line->data + skipped, line->size - skipped);
    return word;
}

/* "KEY admin|user node|self NAME": the name is last, since it may have spaces. */
static bool take_account(struct card *card, struct span value)
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
