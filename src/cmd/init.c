/* init.c - A chain made by its organisations: each makes its keys and a public card; the cards of
 * all make the genesis. Nobody ever holds another's key. */
#include <ini.h>
#include <stdio.h>

#include "base/hex.h"
#include "base/must.h"
#include "cmd/cmd.h"
#include "cmd/layout.h"
#include "cmd/passphrase.h"
#include "custody/custody.h"
#include "node/node.h"

#define CARD_SIZE_MAX 4096u
#define CARD_TEXT_MAX (GENESIS_NAME_MAX + 1u)
#define CARD_KEY_TEXT (2u * SIGN_PUBLIC_MAX + 1u)

struct card { /* What an organisation shows to the others. */
    char organisation[CARD_TEXT_MAX];
    char node[CARD_TEXT_MAX];
    char admin[CARD_TEXT_MAX];
    struct public_key node_key;
    struct public_key admin_key;
};

/* --- cards ----------------------------------------------------------------------------------- */

static void card_print(const struct card *card, struct buf *out)
{
    char node_key[CARD_KEY_TEXT];
    char admin_key[CARD_KEY_TEXT];
    hex_encode(node_key, span_of(card->node_key.bytes, card->node_key.size));
    hex_encode(admin_key, span_of(card->admin_key.bytes, card->admin_key.size));
    buf_printf(out,
               "; Public card of an organisation: hand it to whoever makes the genesis.\n"
               "organisation = %s\nnode = %s\nnode_key = %s\nadmin = %s\nadmin_key = %s\n",
               card->organisation, card->node, node_key, card->admin, admin_key);
}

static int take_key(struct public_key *key, enum sign_scheme scheme, size_t size, const char *value)
{
    key->scheme = (uint8_t)scheme;
    key->size = (uint8_t)size;
    return hex_decode(key->bytes, size, span_text(value)) == ST_OK;
}

static int take_text(char *to, const char *value)
{
    size_t size = strlen(value);
    if (size == 0 || size > GENESIS_NAME_MAX) return 0;
    memcpy(to, value, size + 1);
    return 1;
}

static int on_entry(void *context, const char *section, const char *name, const char *value)
{
    struct card *card = context;
    if (section[0] != 0) return 0;
    if (strcmp(name, "organisation") == 0) return take_text(card->organisation, value);
    if (strcmp(name, "node") == 0) return take_text(card->node, value);
    if (strcmp(name, "admin") == 0) return take_text(card->admin, value);
    if (strcmp(name, "node_key") == 0) return take_key(&card->node_key, SIGN_ED25519, 32, value);
    if (strcmp(name, "admin_key") == 0)
        return take_key(&card->admin_key, SIGN_SECP256K1, 33, value);
    return 0;
}

static enum status card_read(struct card *out, const char *path)
{
    struct buf text;
    *out = (struct card){0};
    buf_init(&text, mem_system(), 0);
    enum status st = os_read_file(os_posix(), path, CARD_SIZE_MAX, &text);
    buf_put_u8(&text, 0);
    if (st == ST_OK) st = buf_status(&text);
    if (st == ST_OK && ini_parse_string((const char *)text.data, on_entry, out) != 0)
        st = ST_INVALID;
    bool is_complete = out->organisation[0] != 0 && out->node[0] != 0 && out->admin[0] != 0 &&
                       out->node_key.size != 0 && out->admin_key.size != 0;
    if (st == ST_OK && !is_complete) st = ST_INVALID;
    buf_fini(&text);
    return st;
}

/* --- init org -------------------------------------------------------------------------------- */

struct org_options {
    const char *dir;
    const char *name;
    const char *node;
    const char *admin;
    const char *password_file;
    uint64_t port;
    bool is_json;
};

static enum status write_settings(const struct org_options *o)
{
    char path[OS_PATH_MAX];
    struct node_config config;
    struct buf text;
    TRY(os_path_join(path, o->dir, "node.conf"));
    node_config_defaults(&config);
    config.pg_port = (uint16_t)o->port;
    buf_init(&text, mem_system(), 0);
    node_config_write(&config, &text);
    enum status st = os_replace_file(os_posix(), path, buf_span(&text));
    buf_fini(&text);
    return st;
}

static enum status make_keys(const struct org_options *o,
                             const struct signer *signer,
                             const char *password,
                             struct card *card)
{
    struct os *os = os_posix();
    struct secret_key node_key;
    struct secret_key admin_key;
    struct custody *custody = NULL;
    TRY(layout_draw_key(os, signer, SIGN_ED25519, &node_key));
    TRY(layout_draw_key(os, signer, SIGN_SECP256K1, &admin_key));
    TRY(sign_public(signer, &card->node_key, &node_key));
    TRY(sign_public(signer, &card->admin_key, &admin_key));
    enum status st = custody_open(&custody, os, mem_system(), o->dir, signer);
    if (st == ST_OK)
        st = custody_put(custody, span_text(o->admin), &admin_key, span_text(password));
    custody_close(custody);
    if (st == ST_OK) st = node_key_write(os, o->dir, &node_key); /* Last: it marks completion. */
    mem_wipe(&node_key, sizeof node_key);
    mem_wipe(&admin_key, sizeof admin_key);
    return st;
}

static enum status make_org(const struct org_options *o, struct card *card, const char *password)
{
    struct os *os = os_posix();
    char path[OS_PATH_MAX];
    struct buf text;
    uint8_t seed[32];
    struct signer *signer = NULL;
    struct secret_key existing;
    if (node_key_read(os, o->dir, &existing) != ST_NOT_FOUND) return ST_EXISTS;
    enum status st = os->make_dir(os, o->dir);
    if (st != ST_OK && st != ST_EXISTS) return st;
    os->entropy(os, seed, sizeof seed);
    TRY(signer_new(&signer, seed));
    st = make_keys(o, signer, password, card);
    signer_free(signer);
    TRY(st);
    TRY(write_settings(o));
    TRY(os_path_join(path, o->dir, "card"));
    buf_init(&text, mem_system(), 0);
    card_print(card, &text);
    st = buf_status(&text);
    if (st == ST_OK) st = os_replace_file(os, path, buf_span(&text));
    buf_fini(&text);
    return st;
}

static int run_org(const struct command *self, const struct org_options *o)
{
    struct card card = {0};
    char password[PASSPHRASE_MAX];
    if (o->dir == NULL || o->name == NULL) {
        complain(self, "Try --help.", "init org needs --dir and --name");
        return EXIT_USAGE;
    }
    if (!take_text(card.organisation, o->name) || !take_text(card.node, o->node) ||
        !take_text(card.admin, o->admin)) {
        complain(self, NULL, "a name has 1 to %u bytes", GENESIS_NAME_MAX);
        return EXIT_USAGE;
    }
    enum status st = password_read(o->password_file, "Password of the administrator: ", password);
    if (st != ST_OK) {
        complain(self, "Give it with --password-file.", "there is no password for %s: %s", o->admin,
                 status_text(st));
        return EXIT_USAGE;
    }
    st = make_org(o, &card, password);
    mem_wipe(password, sizeof password);
    if (st == ST_EXISTS) {
        complain(self, NULL, "%s has the keys of a node already; nothing was changed", o->dir);
        return EXIT_USAGE;
    }
    if (st != ST_OK) {
        complain(self, NULL, "%s: %s", o->dir, status_text(st));
        return exit_code_of(st);
    }
    if (o->is_json) {
        struct buf out;
        buf_init(&out, mem_system(), 0);
        buf_put_text(&out, "{\"dir\":");
        json_put_text(&out, span_text(o->dir));
        buf_put_text(&out, ",\"organisation\":");
        json_put_text(&out, span_text(o->name));
        buf_put_text(&out, "}\n");
        return print_and_free(&out);
    }
    printf("%s/card is the public card of %s. Make the genesis of all cards with\n"
           "`trustsql init genesis`, put it at %s/genesis and run `trustsql node %s`.\n",
           o->dir, o->name, o->dir, o->dir);
    return EXIT_FINE;
}

/* --- init genesis ---------------------------------------------------------------------------- */

static void fill_genesis(struct genesis *g,
                         const struct card *cards,
                         struct genesis_member *members,
                         struct genesis_account *accounts,
                         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        members[i] = (struct genesis_member){.organisation = span_text(cards[i].organisation),
                                             .node_name = span_text(cards[i].node),
                                             .node_key = cards[i].node_key};
        accounts[i] = (struct genesis_account){.name = span_text(cards[i].admin),
                                               .key = cards[i].admin_key,
                                               .custodian = span_text(cards[i].organisation),
                                               .is_admin = true,
                                               .organisation = span_text(cards[i].organisation)};
    }
    g->members = members;
    g->member_count = count;
    g->accounts = accounts;
    g->account_count = count;
    g->f = (count - 1) / 3;
}

static enum status write_genesis(
    const char *chain, const char *out, const struct card *cards, uint32_t count, bool is_json)
{
    struct genesis_member members[LAYOUT_NODES_MAX];
    struct genesis_account accounts[LAYOUT_NODES_MAX];
    struct genesis check;
    struct arena arena;
    struct buf bytes;
    struct genesis g = layout_genesis(span_text(chain), os_posix()->wall_ms(os_posix()));
    fill_genesis(&g, cards, members, accounts, count);
    buf_init(&bytes, mem_system(), 0);
    arena_init(&arena, mem_system(), 0);
    genesis_encode(&bytes, &g);
    enum status st = buf_status(&bytes);
    if (st == ST_OK) st = genesis_decode(&check, &arena, buf_span(&bytes));
    if (st == ST_OK) st = os_replace_file(os_posix(), out, buf_span(&bytes));
    if (st == ST_OK) {
        char text[2 * HASH_SIZE + 1];
        struct hash id = genesis_chain_id(buf_span(&bytes));
        hex_encode(text, hash_span(&id));
        if (is_json)
            printf("{\"chain_id\":\"%s\",\"organisations\":%u}\n", text, count);
        else
            printf("%s: chain %s of %u organisation%s, id %s\n", out, chain, count,
                   count == 1 ? "" : "s", text);
    }
    arena_fini(&arena);
    buf_fini(&bytes);
    return st;
}

static int run_genesis(const struct command *self,
                       const char *chain,
                       const char *out,
                       const struct words *files,
                       bool is_json)
{
    uint32_t count = files->count - 1; /* The first word is "genesis". */
    if (chain == NULL || out == NULL || count == 0) {
        complain(self, "Try --help.", "init genesis needs --chain, --out and the cards");
        return EXIT_USAGE;
    }
    struct os_file *file = NULL;
    if (os_posix()->file_open(os_posix(), &file, out, OS_READ) == ST_OK) {
        os_posix()->file_close(os_posix(), file);
        complain(self, "Another genesis is another chain: choose another name, or remove it.",
                 "%s exists already; nothing was changed", out);
        return EXIT_USAGE;
    }
    struct card *cards = mem_alloc_zero(mem_system(), count, sizeof *cards);
    must(cards != NULL);
    enum status st = ST_OK;
    for (uint32_t i = 0; i < count && st == ST_OK; i++) {
        st = card_read(&cards[i], files->items[i + 1]);
        if (st != ST_OK) complain(self, NULL, "card %s: %s", files->items[i + 1], status_text(st));
    }
    if (st == ST_OK) {
        st = write_genesis(chain, out, cards, count, is_json);
        if (st != ST_OK)
            complain(
                self,
                "Names of organisations, nodes and accounts must differ; a chain has 1, or 4 to "
                "31 validators.",
                "no genesis can be made of these cards: %s", status_text(st));
    }
    mem_free(mem_system(), cards);
    return exit_code_of(st);
}

static int run(const struct command *self, int argc, char **argv)
{
    struct org_options o = {.node = "node0", .admin = "admin@node0", .port = 5442};
    const char *chain = NULL;
    const char *out = NULL;
    const char *items[LAYOUT_NODES_MAX + 1];
    struct words words = {.items = items, .max = LAYOUT_NODES_MAX + 1};
    const struct option_spec specs[] = {
        {"dir", OPTION_TEXT, &o.dir, 0, 0},
        {"name", OPTION_TEXT, &o.name, 0, 0},
        {"node", OPTION_TEXT, &o.node, 0, 0},
        {"admin", OPTION_TEXT, &o.admin, 0, 0},
        {"password-file", OPTION_TEXT, &o.password_file, 0, 0},
        {"port", OPTION_NUMBER, &o.port, 1, 65535},
        {"chain", OPTION_TEXT, &chain, 0, 0},
        {"out", OPTION_TEXT, &out, 0, 0},
        {"json", OPTION_FLAG, &o.is_json, 0, 0},
    };
    int exit_code;
    if (!options_parse(
            self, &(struct arguments){argc, argv, specs, sizeof specs / sizeof specs[0], &words},
            &exit_code))
        return exit_code;
    if (words.count == 1 && strcmp(items[0], "org") == 0) return run_org(self, &o);
    if (words.count >= 1 && strcmp(items[0], "genesis") == 0)
        return run_genesis(self, chain, out, &words, o.is_json);
    complain(self, "Try --help.", "say `init org` or `init genesis`");
    return EXIT_USAGE;
}

const struct command command_init = {
    "init", "make the keys of an organisation, or the genesis of a chain",
    "Usage: trustsql init org --dir D --name ORGANISATION [--node NAME] [--admin ACCOUNT]\n"
    "                         [--port P] [--password-file F]\n"
    "       trustsql init genesis --chain NAME --out FILE CARD…\n\n"
    "org makes the keys of one organisation's node and administrator in D, and D/card: its\n"
    "public card. genesis makes the genesis of a chain from the cards of all organisations.\n\n"
    "  --dir D            directory of the node\n"
    "  --name ORG         name of the organisation\n"
    "  --node NAME        name of its node (default: node0)\n"
    "  --admin ACCOUNT    account of its administrator (default: admin@node0)\n"
    "  --port P           port for PostgreSQL clients (default: 5442)\n"
    "  --password-file F  the administrator's password; asked for otherwise\n"
    "  --chain NAME       name of the chain\n"
    "  --out FILE         where the genesis goes\n"
    "  --json             for machines\n",
    run};
