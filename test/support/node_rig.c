#include "support/node_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hex.h"
#include "base/must.h"
#include "custody/custody.h"

static void put_file(struct node_rig *rig, const char *name, struct span bytes)
{
    char path[OS_PATH_MAX];
    must(os_path_join(path, rig->dir, name) == ST_OK);
    must(os_replace_file(os_posix(), path, bytes) == ST_OK);
}

static void write_genesis(struct node_rig *rig, const struct secret_key *node_key)
{
    struct genesis_member member = {.organisation = span_text("org"),
                                    .node_name = span_text("node0")};
    struct genesis_account account = {.name = span_text(NODE_RIG_USER),
                                      .custodian = span_text("org"),
                                      .organisation = span_text("org"),
                                      .is_admin = true};
    struct buf bytes;
    must(sign_public(rig->signer, &member.node_key, node_key) == ST_OK);
    must(sign_public(rig->signer, &account.key, &rig->admin) == ST_OK);
    struct genesis g = {.chain_name = span_text("test"),
                        .time_ms = 1767225600000u,
                        .suite = GENESIS_SUITE_INTL,
                        .exec_version = EXEC_VERSION_MAX,
                        .mode = MODE_BFT,
                        .block_txs_max = 100,
                        .batch_age_ms = 5,
                        .fuel_tx = 10000000,
                        .params = consensus_params_default(),
                        .members = &member,
                        .accounts = &account,
                        .member_count = 1,
                        .account_count = 1};
    buf_init(&bytes, mem_system(), 0);
    genesis_encode(&bytes, &g);
    must(buf_status(&bytes) == ST_OK);
    rig->chain_id = genesis_chain_id(buf_span(&bytes));
    put_file(rig, "genesis", buf_span(&bytes));
    buf_fini(&bytes);
}

static void write_custody(struct node_rig *rig)
{
    struct custody *custody = NULL;
    must(custody_open(&custody, os_posix(), mem_system(), rig->dir, rig->signer) == ST_OK);
    must(custody_put(custody, span_text(NODE_RIG_USER), &rig->admin, span_text("secret")) == ST_OK);
    custody_close(custody);
}

void node_rig_init(struct node_rig *rig)
{
    struct os *os = os_posix();
    uint8_t random[8];
    char digits[2 * sizeof random + 1];
    const uint8_t seed[32] = {3};
    const struct secret_key node_key = {.scheme = SIGN_ED25519, .bytes = {9}};
    *rig = (struct node_rig){.os = os, .admin = {.scheme = SIGN_SECP256K1, .bytes = {5}}};
    os->entropy(os, random, sizeof random);
    hex_encode(digits, span_of(random, sizeof random));
    (void)snprintf(rig->dir, sizeof rig->dir, "/tmp/trustsql-node-%s", digits);
    must(os->make_dir(os, rig->dir) == ST_OK);
    must(signer_new(&rig->signer, seed) == ST_OK);
    must(node_key_write(os, rig->dir, &node_key) == ST_OK);
    put_file(rig, "node.conf", span_text("[pg]\nport = 0\n[threads]\nverify = 2\nread = 2\n"));
    write_genesis(rig, &node_key);
    write_custody(rig);
    node_rig_open(rig);
}

void node_rig_open(struct node_rig *rig)
{
    char what[NODE_WHAT_MAX] = "";
    struct node_open open = {.os = rig->os, .mem = mem_system(), .dir = rig->dir};
    enum status st = node_open(&rig->node, &open, what);
    if (st != ST_OK) fprintf(stderr, "node_rig: %s\n", what);
    must(st == ST_OK);
}

void node_rig_close(struct node_rig *rig)
{
    node_close(rig->node);
    rig->node = NULL;
}

static enum status remove_entry(void *context, const char *name)
{
    char path[OS_PATH_MAX];
    struct os *os = os_posix();
    must(os_path_join(path, context, name) == ST_OK);
    if (os->remove(os, path) == ST_OK) return ST_OK;
    must(os->list_dir(os, path, remove_entry, path) == ST_OK);
    return os->remove(os, path);
}

void node_rig_fini(struct node_rig *rig)
{
    struct os *os = os_posix();
    node_rig_close(rig);
    signer_free(rig->signer);
    must(os->list_dir(os, rig->dir, remove_entry, rig->dir) == ST_OK);
    must(os->remove(os, rig->dir) == ST_OK);
}

void node_rig_fire(void *context)
{
    struct node_rig *rig = context;
    rig->script(rig, rig->context);
}
