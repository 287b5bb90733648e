#include "cmd/layout.h"

#include <stdio.h>

#include "base/must.h"
#include "custody/custody.h"
#include "node/node.h"

#define WHAT_MAX  160u
#define NAME_SIZE 32u

struct fresh_node {               /* One node of a chain being made. */
    char name[NAME_SIZE];         /* "node0" */
    char organisation[NAME_SIZE]; /* "org0" */
    char admin[NAME_SIZE];        /* "admin@node0" */
    char address[NAME_SIZE];      /* "127.0.0.1:5440" */
    struct secret_key node_key;
    struct secret_key admin_key;
};

static enum status draw_node(const struct layout *l,
                             const struct signer *signer,
                             uint32_t index,
                             struct fresh_node *out);
static enum status write_node(const struct layout *l,
                              const struct signer *signer,
                              uint32_t index,
                              const struct fresh_node *node,
                              struct span genesis);
static enum status encode_genesis(const struct layout *l,
                                  const struct signer *signer,
                                  const struct fresh_node *nodes,
                                  struct buf *out);

uint16_t layout_port(const struct layout *l, uint32_t index, enum layout_port which)
{
    return (uint16_t)(l->base_port + LAYOUT_PORT_STEP * index + (uint32_t)which);
}

enum status layout_node_dir(const struct layout *l, uint32_t index, char *out)
{
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof name, "node%u", index);
    return os_path_join(out, l->dir, name);
}

static enum status read_node_config(const struct layout *l,
                                    uint32_t index,
                                    struct node_config *out,
                                    char *what)
{
    char dir[OS_PATH_MAX];
    TRY(layout_node_dir(l, index, dir));
    return node_config_read(out, l->os, dir, what);
}

enum status layout_open(struct layout *l, char *what)
{
    struct node_config config;
    struct buf bytes;
    struct arena arena;
    struct genesis genesis;
    char dir[OS_PATH_MAX];
    TRY(read_node_config(l, 0, &config, what));
    l->base_port = (uint16_t)(config.pg_port - PORT_SQL);
    TRY(layout_node_dir(l, 0, dir));
    buf_init(&bytes, mem_system(), 0);
    arena_init(&arena, mem_system(), 0);
    enum status st = node_genesis_read(l->os, dir, &bytes);
    if (st == ST_OK) st = genesis_decode(&genesis, &arena, buf_span(&bytes));
    if (st == ST_OK) {
        l->node_count = genesis.member_count;
        l->shape = (struct shape){.mode = genesis.mode,
                                  .f = genesis.f,
                                  .p = genesis.p,
                                  .exec_version = genesis.exec_version};
    } else
        (void)snprintf(what, WHAT_MAX, "the genesis of node0: %s", status_text(st));
    arena_fini(&arena);
    buf_fini(&bytes);
    return st;
}

enum status layout_password(const struct layout *l, char *out)
{
    char path[OS_PATH_MAX];
    struct buf text;
    TRY(os_path_join(path, l->dir, "admin.password"));
    buf_init(&text, mem_system(), 0);
    enum status st = os_read_file(l->os, path, LAYOUT_PASSWORD_SIZE + 1, &text);
    if (st == ST_OK && text.size < LAYOUT_PASSWORD_SIZE) st = ST_CORRUPT;
    if (st == ST_OK) {
        memcpy(out, text.data, LAYOUT_PASSWORD_SIZE);
        out[LAYOUT_PASSWORD_SIZE] = 0;
    }
    if (text.data != NULL) mem_wipe(text.data, text.size);
    buf_fini(&text);
    return st;
}

enum status layout_draw_key(struct os *os,
                            const struct signer *signer,
                            enum sign_scheme scheme,
                            struct secret_key *out)
{
    struct public_key public_key;
    enum status st = ST_INVALID;
    while (st == ST_INVALID) { /* One draw in 2^128 is no key. */
        *out = (struct secret_key){.scheme = (uint8_t)scheme};
        os->entropy(os, out->bytes, sizeof out->bytes);
        st = sign_public(signer, &public_key, out);
    }
    return st;
}

struct genesis layout_genesis(struct span chain_name, uint64_t time_ms, const struct shape *shape)
{
    return (struct genesis){.chain_name = chain_name,
                            .time_ms = time_ms,
                            .suite = GENESIS_SUITE_INTL,
                            .exec_version = shape->exec_version,
                            .mode = shape->mode,
                            .f = shape->f,
                            .p = shape->p,
                            .block_txs_max = LAYOUT_BLOCK_TXS,
                            .batch_age_ms = LAYOUT_BATCH_AGE_MS,
                            .fuel_tx = LAYOUT_FUEL,
                            .params = consensus_params_default()};
}

/* --- making a chain -------------------------------------------------------------------------- */

static enum status make_dir(struct os *os, const char *path)
{
    enum status st = os->make_dir(os, path);
    return st == ST_EXISTS ? ST_OK : st;
}

static enum status draw_node(const struct layout *l,
                             const struct signer *signer,
                             uint32_t index,
                             struct fresh_node *out)
{
    (void)snprintf(out->name, NAME_SIZE, "node%u", index);
    (void)snprintf(out->organisation, NAME_SIZE, "org%u", index);
    (void)snprintf(out->admin, NAME_SIZE, "admin@node%u", index);
    (void)snprintf(out->address, NAME_SIZE, "127.0.0.1:%u",
                   (unsigned)layout_port(l, index, PORT_P2P));
    TRY(layout_draw_key(l->os, signer, SIGN_ED25519, &out->node_key));
    return layout_draw_key(l->os, signer, SIGN_SECP256K1, &out->admin_key);
}

static enum status encode_genesis(const struct layout *l,
                                  const struct signer *signer,
                                  const struct fresh_node *nodes,
                                  struct buf *out)
{
    struct genesis_member members[LAYOUT_NODES_MAX] = {0};
    struct genesis_account accounts[LAYOUT_NODES_MAX] = {0};
    struct genesis g = layout_genesis(span_text("dev"), l->os->wall_ms(l->os), &l->shape);
    for (uint32_t i = 0; i < l->node_count; i++) {
        struct span organisation = span_text(nodes[i].organisation);
        members[i].organisation = organisation;
        members[i].node_name = span_text(nodes[i].name);
        members[i].address = span_text(nodes[i].address);
        TRY(sign_public(signer, &members[i].node_key, &nodes[i].node_key));
        accounts[i].name = span_text(nodes[i].admin);
        accounts[i].custodian = organisation;
        accounts[i].organisation = organisation;
        accounts[i].is_admin = true;
        TRY(sign_public(signer, &accounts[i].key, &nodes[i].admin_key));
    }
    g.members = members;
    g.member_count = l->node_count;
    g.accounts = accounts;
    g.account_count = l->node_count;
    genesis_encode(out, &g);
    return buf_status(out);
}

static enum status write_custody(const struct layout *l,
                                 const struct signer *signer,
                                 const char *dir,
                                 const struct fresh_node *node)
{
    struct custody *custody = NULL;
    char password[LAYOUT_PASSWORD_SIZE + 1];
    TRY(layout_password(l, password));
    enum status st = custody_open(&custody, l->os, mem_system(), dir, signer);
    if (st == ST_OK)
        st = custody_put(custody, span_text(node->admin), &node->admin_key, span_text(password));
    custody_close(custody);
    mem_wipe(password, sizeof password);
    return st;
}

static enum status write_node(const struct layout *l,
                              const struct signer *signer,
                              uint32_t index,
                              const struct fresh_node *node,
                              struct span genesis)
{
    char dir[OS_PATH_MAX];
    char path[OS_PATH_MAX];
    struct node_config config;
    struct buf text;
    TRY(layout_node_dir(l, index, dir));
    TRY(make_dir(l->os, dir));
    TRY(node_key_write(l->os, dir, &node->node_key));
    TRY(write_custody(l, signer, dir, node));
    TRY(os_path_join(path, dir, "genesis"));
    TRY(os_replace_file(l->os, path, genesis));
    node_config_defaults(&config);
    (void)snprintf(config.p2p_host, sizeof config.p2p_host, "127.0.0.1");
    config.p2p_port = layout_port(l, index, PORT_P2P);
    config.pg_port = layout_port(l, index, PORT_SQL);
    buf_init(&text, mem_system(), 0);
    node_config_write(&config, &text);
    enum status st = os_path_join(path, dir, "node.conf");
    if (st == ST_OK) st = os_replace_file(l->os, path, buf_span(&text));
    buf_fini(&text);
    return st;
}

static enum status write_password(const struct layout *l)
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
    _Static_assert(sizeof letters - 1 == 32, "a letter per 5 bits: 120 bits in all");
    uint8_t random[LAYOUT_PASSWORD_SIZE];
    char text[LAYOUT_PASSWORD_SIZE + 1];
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, l->dir, "admin.password"));
    l->os->entropy(l->os, random, sizeof random);
    for (uint32_t i = 0; i < LAYOUT_PASSWORD_SIZE; i++)
        text[i] = letters[random[i] & 31u];
    text[LAYOUT_PASSWORD_SIZE] = '\n';
    enum status st = os_replace_file(l->os, path, span_of(text, LAYOUT_PASSWORD_SIZE + 1));
    mem_wipe(text, sizeof text);
    return st;
}

static enum status make_nodes(const struct layout *l,
                              const struct signer *signer,
                              struct fresh_node *nodes)
{
    struct buf genesis;
    for (uint32_t i = 0; i < l->node_count; i++)
        TRY(draw_node(l, signer, i, &nodes[i]));
    buf_init(&genesis, mem_system(), 0);
    enum status st = encode_genesis(l, signer, nodes, &genesis);
    for (uint32_t i = l->node_count; i > 0 && st == ST_OK;
         i--) /* node0 last: it marks the chain. */
        st = write_node(l, signer, i - 1, &nodes[i - 1], buf_span(&genesis));
    buf_fini(&genesis);
    return st;
}

enum status layout_make(struct layout *l, char *what)
{
    uint8_t seed[32];
    struct signer *signer = NULL;
    struct layout existing = *l;
    enum status st = layout_open(&existing, what);
    if (st == ST_OK) {
        *l = existing;
        return ST_EXISTS;
    }
    if (st != ST_NOT_FOUND) return st;
    must(l->node_count > 0 && l->node_count <= LAYOUT_NODES_MAX);
    struct fresh_node *nodes = mem_alloc_zero(mem_system(), l->node_count, sizeof *nodes);
    if (nodes == NULL) return ST_NO_MEMORY;
    st = make_dir(l->os, l->dir);
    l->os->entropy(l->os, seed, sizeof seed);
    if (st == ST_OK) st = signer_new(&signer, seed);
    if (st == ST_OK) st = write_password(l);
    if (st == ST_OK) st = make_nodes(l, signer, nodes);
    if (st != ST_OK) (void)snprintf(what, WHAT_MAX, "%s", status_text(st));
    signer_free(signer);
    mem_wipe(nodes, l->node_count * sizeof *nodes);
    mem_free(mem_system(), nodes);
    return st;
}
