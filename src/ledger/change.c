/* change.c - One change of the configuration.
 *
 * Numbers are decimal digits without sign or leading zero, so that a value has one text. */
#include "ledger/change.h"

#include "base/must.h"
#include "ledger/change_int.h"

typedef enum status apply_fn(struct step *s);

static enum status set_parameter(struct step *s);
static enum status add_validator(struct step *s);
static enum status add_observer(struct step *s);
static enum status drop_validator(struct step *s);
static enum status drop_observer(struct step *s);
static enum status rotate_key(struct step *s);
static enum status reinstate(struct step *s);

static const struct {
    const char *name;
    bool takes_card;
    apply_fn *apply;
} kinds[CHANGE_KINDS] = {
    [CHANGE_SET] = {"chain_set", false, set_parameter},
    [CHANGE_ADD_VALIDATOR] = {"add_validator", true, add_validator},
    [CHANGE_DROP_VALIDATOR] = {"drop_validator", false, drop_validator},
    [CHANGE_ADD_OBSERVER] = {"add_observer", true, add_observer},
    [CHANGE_DROP_OBSERVER] = {"drop_observer", false, drop_observer},
    [CHANGE_ROTATE_KEY] = {"rotate_key", true, rotate_key},
    [CHANGE_REINSTATE] = {"reinstate", false, reinstate},
};

const char *change_kind_name(enum change_kind kind)
{
    must(kind < CHANGE_KINDS);
    return kinds[kind].name;
}

bool change_takes_card(enum change_kind kind)
{
    must(kind < CHANGE_KINDS);
    return kinds[kind].takes_card;
}

enum status change_apply(struct chain_config *after,
                         const struct chain_config *before,
                         const struct change *change,
                         struct arena *a,
                         struct diag *d)
{
    struct step s = {.config = *before, .change = change, .arena = a, .diag = d};
    must(change->kind < CHANGE_KINDS);
    s.config.epoch = before->epoch + 1;
    if (kinds[change->kind].takes_card) TRY(change_card(&s.card, change, a, d));
    TRY(kinds[change->kind].apply(&s));
    char why[CONFIG_WHY_MAX];
    if (chain_config_check(&s.config, why) != ST_OK) {
        diag_set(d, "22023", "no epoch can begin like this: %s", why);
        return ST_REJECTED;
    }
    *after = s.config;
    return ST_OK;
}

enum status change_card(struct card **out,
                        const struct change *change,
                        struct arena *a,
                        struct diag *d)
{
    char what[CARD_WHAT_MAX];
    struct card *card = arena_alloc_zero(a, 1, sizeof *card);
    if (card == NULL) return ST_NO_MEMORY;
    if (card_parse(card, change->subject, what) != ST_OK) {
        diag_set(d, "22023", "this is not a public card: %s", what);
        diag_hint(d, "Give the text of the card that trustsql init org or trustsql join printed.");
        return ST_REJECTED;
    }
    *out = card;
    return ST_OK;
}

static enum status set_parameter(struct step *s)
{
    return parameter_set(s);
}

static enum status no_node(struct step *s, const char *role)
{
    diag_set(s->diag, "42704", "there is no %s \"%.*s\"", role, (int)s->change->subject.size,
             (const char *)s->change->subject.data);
    diag_hint(s->diag, "SELECT name, role FROM trustsql.validators shows the nodes.");
    return ST_REJECTED;
}

static enum status taken(struct step *s, const char *what)
{
    diag_set(s->diag, "42710", "another node has the %s of \"%s\" already", what, s->card->node);
    return ST_REJECTED;
}

static struct chain_node node_of(const struct card *card)
{
    return (struct chain_node){.organisation = span_text(card->organisation),
                               .node_name = span_text(card->node),
                               .node_key = card->node_key,
                               .address = span_text(card->address)};
}

static void remove_node(struct chain_config *c, uint32_t index)
{
    must(index < c->node_count);
    for (uint32_t i = index + 1; i < c->node_count; i++)
        c->nodes[i - 1] = c->nodes[i];
    c->node_count--;
    c->nodes[c->node_count] = (struct chain_node){0};
    if (index < c->validator_count) c->validator_count--;
}

static enum status insert_node(struct step *s, uint32_t index, const struct chain_node *node)
{
    struct chain_config *c = &s->config;
    if (c->node_count == CONFIG_NODES_MAX) {
        diag_set(s->diag, "54000", "a chain has at most %u nodes", CONFIG_NODES_MAX);
        return ST_REJECTED;
    }
    for (uint32_t i = c->node_count; i > index; i--)
        c->nodes[i] = c->nodes[i - 1];
    c->nodes[index] = *node;
    c->node_count++;
    return ST_OK;
}

/* Neither name nor key may stand already. */
static enum status check_new(struct step *s)
{
    if (chain_config_find(&s->config, span_text(s->card->node)) != CONFIG_NO_NODE)
        return taken(s, "name");
    if (chain_config_find_key(&s->config, &s->card->node_key) != CONFIG_NO_NODE)
        return taken(s, "key");
    return ST_OK;
}

/* An observer of the same name, key and organisation is the same node. */
static enum status add_validator(struct step *s)
{
    struct chain_config *c = &s->config;
    struct chain_node node = node_of(s->card);
    uint32_t index = chain_config_find(c, node.node_name);
    bool is_promoted = index != CONFIG_NO_NODE && index >= c->validator_count &&
                       public_key_equal(&c->nodes[index].node_key, &node.node_key) &&
                       span_equal(c->nodes[index].organisation, node.organisation);
    if (is_promoted) remove_node(c, index);
    TRY(check_new(s));
    if (c->validator_count == NODES_MAX) {
        diag_set(s->diag, "54000", "a chain has at most %u validators", NODES_MAX);
        return ST_REJECTED;
    }
    TRY(insert_node(s, c->validator_count, &node));
    c->validator_count++;
    return ST_OK;
}

static enum status add_observer(struct step *s)
{
    struct chain_node node = node_of(s->card);
    TRY(check_new(s));
    return insert_node(s, s->config.node_count, &node);
}

static enum status drop_validator(struct step *s)
{
    struct chain_config *c = &s->config;
    uint32_t index = chain_config_find(c, s->change->subject);
    if (index >= c->validator_count) return no_node(s, "validator"); /* CONFIG_NO_NODE too. */
    if (c->validator_count == 1) {
        diag_set(s->diag, "55006", "\"%.*s\" is the last validator", (int)s->change->subject.size,
                 (const char *)s->change->subject.data);
        return ST_REJECTED;
    }
    remove_node(c, index);
    while (c->p > 0 && !quorum_bounds_hold(c->mode, c->validator_count, c->f, c->p))
        c->p--;
    while (c->f > 0 && !quorum_bounds_hold(c->mode, c->validator_count, c->f, c->p))
        c->f--;
    return ST_OK;
}

static enum status drop_observer(struct step *s)
{
    uint32_t index = chain_config_find(&s->config, s->change->subject);
    if (index == CONFIG_NO_NODE || index < s->config.validator_count) return no_node(s, "observer");
    remove_node(&s->config, index);
    return ST_OK;
}

/* Whoever was barred stays barred: a new key is no pardon. */
static enum status rotate_key(struct step *s)
{
    struct chain_config *c = &s->config;
    uint32_t index = chain_config_find(c, span_text(s->card->node));
    if (index == CONFIG_NO_NODE) {
        diag_set(s->diag, "42704", "there is no node \"%s\"", s->card->node);
        return ST_REJECTED;
    }
    struct chain_node *node = &c->nodes[index];
    if (!span_equal(node->organisation, span_text(s->card->organisation))) {
        diag_set(s->diag, "22023", "node \"%s\" belongs to another organisation", s->card->node);
        return ST_REJECTED;
    }
    if (chain_config_find_key(c, &s->card->node_key) != CONFIG_NO_NODE) return taken(s, "key");
    node->node_key = s->card->node_key;
    if (s->card->address[0] != 0) node->address = span_text(s->card->address);
    return ST_OK;
}

static enum status reinstate(struct step *s)
{
    struct chain_config *c = &s->config;
    uint32_t index = chain_config_find(c, s->change->subject);
    if (index >= c->validator_count) return no_node(s, "validator");
    if (!c->nodes[index].is_barred) {
        diag_set(s->diag, "55000", "validator \"%.*s\" is not barred", (int)s->change->subject.size,
                 (const char *)s->change->subject.data);
        return ST_REJECTED;
    }
    c->nodes[index].is_barred = false;
    return ST_OK;
}
