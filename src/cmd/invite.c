/* invite.c - `trustsql invite`: a one-time token with which a new organisation's node can come. */
#include <stdio.h>

#include "base/must.h"
#include "cmd/cmd.h"
#include "cmd/layout.h"
#include "node/invitations.h"
#include "node/node.h"

#define HOURS_DEFAULT 24u
#define HOURS_MAX     720u

struct invite {
    const struct command *self;
    struct os *os;
    char dir[OS_PATH_MAX]; /* Of the node. */
    struct buf genesis_bytes;
    struct arena arena;
    struct genesis genesis;
    struct public_key own;
};

/* DIR itself, or one of the nodes of a testnet. */
static enum status find_node(struct invite *v, const char *dir, uint64_t index)
{
    struct secret_key key;
    const struct layout l = {.os = v->os, .dir = dir};
    (void)snprintf(v->dir, sizeof v->dir, "%s", dir);
    enum status st = node_key_read(v->os, v->dir, &key);
    if (st == ST_NOT_FOUND) {
        TRY(layout_node_dir(&l, index == UINT64_MAX ? 0 : (uint32_t)index, v->dir));
        st = node_key_read(v->os, v->dir, &key);
    }
    TRY(st);
    uint8_t seed[32];
    struct signer *signer = NULL;
    v->os->entropy(v->os, seed, sizeof seed);
    st = signer_new(&signer, seed);
    if (st == ST_OK) st = sign_public(signer, &v->own, &key);
    signer_free(signer);
    mem_wipe(&key, sizeof key);
    if (st == ST_OK) st = node_genesis_read(v->os, v->dir, &v->genesis_bytes);
    if (st == ST_OK) st = genesis_decode(&v->genesis, &v->arena, buf_span(&v->genesis_bytes));
    return st;
}

static const struct genesis_member *own_member(const struct invite *v)
{
    for (uint32_t i = 0; i < v->genesis.member_count; i++)
        if (public_key_equal(&v->genesis.members[i].node_key, &v->own))
            return &v->genesis.members[i];
    return NULL;
}

/* Told, or as the genesis has them: the address of this node, the administrator of its
 * organisation. */
static bool choose(const struct invite *v, struct span *address, struct span *account)
{
    const struct genesis_member *own = own_member(v);
    if (address->size == 0 && own != NULL) *address = own->address;
    for (uint32_t i = 0; i < v->genesis.account_count && account->size == 0 && own != NULL; i++) {
        const struct genesis_account *a = &v->genesis.accounts[i];
        if (a->is_admin && span_equal(a->organisation, own->organisation)) *account = a->name;
    }
    if (account->size == 0 || account->size > GENESIS_NAME_MAX) {
        complain(v->self, NULL, "name the administrator who invites with --account");
        return false;
    }
    if (address->size <= INVITATION_ADDRESS_MAX && genesis_address_is_formed(*address)) return true;
    complain(v->self, NULL, "say with --address HOST:PORT where the new node reaches this one");
    return false;
}

static int make(const struct invite *v, struct span address, struct span account, uint64_t hours)
{
    const uint64_t now = v->os->wall_ms(v->os);
    struct invitation i = {.chain_id = genesis_chain_id(buf_span(&v->genesis_bytes)),
                           .inviter = v->own,
                           .expires_ms = now + hours * UINT64_C(3600000)};
    struct invitation_kept kept = {.expires_ms = i.expires_ms};
    const struct invitations where = {.os = v->os, .mem = mem_system(), .dir = v->dir};
    struct buf text;
    memcpy(i.address, address.data, address.size);
    memcpy(kept.account, account.data, account.size);
    v->os->entropy(v->os, i.secret, sizeof i.secret);
    const struct hash hash = invitation_hash(span_of(i.secret, sizeof i.secret));
    enum status st = invitations_put(&where, &hash, &kept);
    if (st != ST_OK) {
        complain(v->self, NULL, "the invitation cannot be kept in %s: %s", v->dir, status_text(st));
        return exit_code_of(st);
    }
    buf_init(&text, mem_system(), 0);
    st = invitation_print(&text, &i);
    mem_wipe(&i, sizeof i);
    buf_put_u8(&text, '\n');
    if (st == ST_OK) return print_and_free(&text);
    buf_fini(&text);
    return exit_code_of(st);
}

static int run(const struct command *self, int argc, char **argv)
{
    const char *dir = LAYOUT_DIR;
    const char *address = "";
    const char *account = "";
    uint64_t node = UINT64_MAX;
    uint64_t hours = HOURS_DEFAULT;
    int exit_code;
    const struct option_spec specs[] = {
        {"dir", OPTION_TEXT, &dir, 0, 0},
        {"node", OPTION_NUMBER, &node, 0, LAYOUT_NODES_MAX - 1},
        {"address", OPTION_TEXT, &address, 0, 0},
        {"account", OPTION_TEXT, &account, 0, 0},
        {"hours", OPTION_NUMBER, &hours, 1, HOURS_MAX},
    };
    if (!options_parse(self,
                       &(struct arguments){argc, argv, specs, sizeof specs / sizeof specs[0], NULL},
                       &exit_code))
        return exit_code;
    struct invite v = {.self = self, .os = os_posix()};
    struct span where = span_text(address);
    struct span who = span_text(account);
    buf_init(&v.genesis_bytes, mem_system(), 0);
    arena_init(&v.arena, mem_system(), 0);
    enum status st = find_node(&v, dir, node);
    exit_code = exit_code_of(st);
    if (st != ST_OK)
        complain(self, "Run it where the node is: --dir names its directory.",
                 "there is no node in %s: %s", dir, status_text(st));
    else
        exit_code = choose(&v, &where, &who) ? make(&v, where, who, hours) : EXIT_USAGE;
    arena_fini(&v.arena);
    buf_fini(&v.genesis_bytes);
    return exit_code;
}

const struct command command_invite = {
    "invite", "invite a new organisation's node to the chain",
    "Usage: trustsql invite [--dir D] [--node I] [--address HOST:PORT] [--account ADMIN]\n"
    "                       [--hours H]\n\n"
    "Print a one-time token for `trustsql join`. It names the chain and this node, where it is\n"
    "reached and until when it is good. Whoever has it may show one card: keep it to those who\n"
    "are meant. The node of D need not be restarted; the card is proposed to the chain in the\n"
    "name of an administrator whose key this node keeps, and the other organisations vote.\n\n"
    "  --dir D              directory of the node, or of a testnet (default: chain)\n"
    "  --node I             of a testnet: which node (default: 0)\n"
    "  --address HOST:PORT  where the new node reaches this one (default: as in the genesis)\n"
    "  --account ADMIN      in whose name (default: the organisation's first administrator)\n"
    "  --hours H            how long it is good, 1 to 720 (default: 24)\n",
    run};
