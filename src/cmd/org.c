#include "cmd/org.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "cmd/passphrase.h"
#include "custody/custody.h"
#include "node/node.h"

static uint16_t port_of(const char *address)
{
    return (uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10);
}

static enum status write_settings(const struct org_options *o)
{
    char path[OS_PATH_MAX];
    struct node_config config;
    struct buf text;
    TRY(os_path_join(path, o->dir, "node.conf"));
    node_config_defaults(&config);
    if (o->is_by_snapshot) config.snapshot_blocks = NODE_SNAPSHOT_BLOCKS_MIN;
    if (o->is_by_replay) config.snapshot_blocks = 0;
    config.pg_port = (uint16_t)o->port;
    config.p2p_is_outbound_only = o->address[0] == 0;
    if (o->address[0] != 0) config.p2p_port = port_of(o->address);
    buf_init(&text, mem_system(), 0);
    node_config_write(&config, &text);
    enum status st = os_replace_file(os_posix(), path, buf_span(&text));
    buf_fini(&text);
    return st;
}

static enum status write_card(const struct org_options *o, const struct card *card)
{
    char path[OS_PATH_MAX];
    struct buf text;
    TRY(os_path_join(path, o->dir, "card"));
    buf_init(&text, mem_system(), 0);
    card_print(card, &text);
    enum status st = buf_status(&text);
    if (st == ST_OK) st = os_replace_file(os_posix(), path, buf_span(&text));
    buf_fini(&text);
    return st;
}

/* The node's key is written last: it marks completion. */
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
    TRY(sign_public(signer, &card->accounts[0].key, &admin_key));
    enum status st = custody_open(&custody, os, mem_system(), o->dir, signer);
    if (st == ST_OK)
        st = custody_put(custody, span_text(card->accounts[0].name), &admin_key,
                         span_text(password));
    custody_close(custody);
    if (st == ST_OK) st = write_settings(o);
    if (st == ST_OK) st = write_card(o, card);
    if (st == ST_OK) st = node_key_write(os, o->dir, &node_key);
    mem_wipe(&node_key, sizeof node_key);
    mem_wipe(&admin_key, sizeof admin_key);
    return st;
}

enum status org_make(const struct org_options *o, struct card *card, const char *password)
{
    struct os *os = os_posix();
    uint8_t seed[32];
    struct signer *signer = NULL;
    struct secret_key existing;
    enum status st = node_key_read(os, o->dir, &existing);
    mem_wipe(&existing, sizeof existing);
    if (st != ST_NOT_FOUND) return ST_EXISTS;
    st = os->make_dir(os, o->dir);
    if (st != ST_OK && st != ST_EXISTS) return st;
    os->entropy(os, seed, sizeof seed);
    TRY(signer_new(&signer, seed));
    card->made_ms = os->wall_ms(os);
    st = make_keys(o, signer, password, card);
    signer_free(signer);
    return st;
}

/* "Bank A, Ltd." gives "bank-a-ltd"; nothing when no letter or digit of ASCII is in it. */
static void make_node_name(char *out, const char *organisation)
{
    size_t size = 0;
    for (; *organisation != 0 && size < NODE_PEER_NAME_MAX; organisation++) {
        char c = *organisation;
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        bool is_kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (is_kept)
            out[size++] = c;
        else if (size > 0 && out[size - 1] != '-')
            out[size++] = '-';
    }
    while (size > 0 && out[size - 1] == '-')
        size--;
    out[size] = 0;
}

/* What is chosen must come back from a printed card unchanged. */
static bool survives_printing(const struct card *card, char *what)
{
    struct card again;
    struct card with_keys = *card;
    struct buf text;
    with_keys.node_key = (struct public_key){.scheme = SIGN_ED25519, .size = 32};
    with_keys.accounts[0].key =
        (struct public_key){.scheme = SIGN_SECP256K1, .size = 33, .bytes = {2}};
    with_keys.made_ms = 1;
    buf_init(&text, mem_system(), 0);
    card_print(&with_keys, &text);
    bool is_good = buf_status(&text) == ST_OK &&
                   card_parse(&again, buf_span(&text), what) == ST_OK &&
                   strcmp(again.organisation, card->organisation) == 0 &&
                   strcmp(again.node, card->node) == 0 &&
                   strcmp(again.accounts[0].name, card->accounts[0].name) == 0;
    buf_fini(&text);
    return is_good;
}

static bool take_name(
    const struct command *self, char *to, size_t size_max, const char *value, const char *option)
{
    size_t size = strlen(value);
    if (size > 0 && size <= size_max) {
        memcpy(to, value, size + 1);
        return true;
    }
    complain(self, NULL, "--%s has 1 to %zu bytes", option, size_max);
    return false;
}

int org_fill_card(const struct command *self, const struct org_options *o, struct card *card)
{
    char made[NODE_PEER_NAME_MAX + 1];
    char admin[GENESIS_NAME_MAX + 1];
    char what[CARD_WHAT_MAX] = "";
    make_node_name(made, o->name);
    const char *node = o->node != NULL ? o->node : made;
    if (node[0] == 0) {
        complain(self, NULL, "choose a name for the node of %s with --node", o->name);
        return EXIT_USAGE;
    }
    if (!take_name(self, card->organisation, GENESIS_NAME_MAX, o->name, "name") ||
        !take_name(self, card->node, NODE_PEER_NAME_MAX, node, "node"))
        return EXIT_USAGE;
    (void)snprintf(admin, sizeof admin, "admin@%s", node);
    card->account_count = 1;
    card->accounts[0].is_admin = true;
    card->accounts[0].is_kept = true;
    if (!take_name(self, card->accounts[0].name, GENESIS_NAME_MAX,
                   o->admin != NULL ? o->admin : admin, "admin"))
        return EXIT_USAGE;
    if (o->address[0] != 0 && !genesis_address_is_formed(span_text(o->address))) {
        complain(self, NULL, "--address is HOST:PORT, such as bank-a.example:5440 or [::1]:5440");
        return EXIT_USAGE;
    }
    if (o->address[0] != 0 && port_of(o->address) == o->port) {
        complain(self, NULL, "--address and --port need ports of their own");
        return EXIT_USAGE;
    }
    (void)snprintf(card->address, sizeof card->address, "%s", o->address);
    if (survives_printing(card, what)) return EXIT_FINE;
    complain(self, "Names have no control characters, no \" ;\" and no space at their ends.",
             "these names do not fit on a card%s%s", what[0] != 0 ? ": " : "", what);
    return EXIT_USAGE;
}

int org_make_asking(const struct command *self, const struct org_options *o, struct card *card)
{
    char password[PASSPHRASE_MAX];
    int exit_code = org_fill_card(self, o, card);
    if (exit_code != EXIT_FINE) return exit_code;
    enum status st = password_read(o->password_file, "Password of the administrator: ", password);
    if (st != ST_OK) {
        complain(self, "Give it with --password-file.", "there is no password for %s: %s",
                 card->accounts[0].name, status_text(st));
        return EXIT_USAGE;
    }
    st = org_make(o, card, password);
    mem_wipe(password, sizeof password);
    if (st == ST_EXISTS) {
        complain(self, NULL, "%s has the keys of a node already; nothing was changed", o->dir);
        return EXIT_USAGE;
    }
    if (st != ST_OK) {
        complain(self, NULL, "%s: %s", o->dir, status_text(st));
        return exit_code_of(st);
    }
    return EXIT_FINE;
}
