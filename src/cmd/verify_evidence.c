/* verify_evidence.c - A proof of misbehaviour, checked against the genesis alone. */
#include <stdio.h>

#include "base/must.h"
#include "cmd/verify_int.h"
#include "consensus/evidence.h"
#include "ledger/epochs.h"
#include "node/node.h"

#define FILE_SIZE_MAX (2u * EVIDENCE_SIZE_MAX + 16u) /* As text it has two digits for a byte. */

struct court { /* What the check is made of. */
    struct buf genesis_bytes;
    struct buf file;
    struct arena arena;
    struct genesis genesis;
    struct evidence evidence;
    struct span chain;    /* Of epochs, encoded. */
    struct epoch_end end; /* Where it leads. */
    struct signer *signer;
};

static int read_files(const struct command *self,
                      struct court *c,
                      const char *path,
                      const char *genesis)
{
    struct os *os = os_posix();
    enum status st = os_read_file(os, genesis, NODE_GENESIS_SIZE_MAX, &c->genesis_bytes);
    if (st == ST_OK) st = genesis_decode(&c->genesis, &c->arena, buf_span(&c->genesis_bytes));
    if (st != ST_OK) {
        complain(self, NULL, "the genesis %s: %s", genesis, status_text(st));
        return EXIT_USAGE;
    }
    st = os_read_file(os, path, FILE_SIZE_MAX, &c->file);
    if (st != ST_OK) {
        complain(self, NULL, "%s: %s", path, status_text(st));
        return EXIT_USAGE;
    }
    struct span bytes;
    if (verify_from_hex(&c->file) == ST_OK &&
        epoch_case_decode(&bytes, &c->chain, buf_span(&c->file)) == ST_OK &&
        evidence_decode(&c->evidence, bytes) == ST_OK)
        return EXIT_FINE;
    complain(self, NULL, "%s is no evidence", path);
    return EXIT_CHECK_FAILED;
}

/* The validators of its epoch: from the genesis, link by link. */
static enum status follow_epochs(struct court *c, const struct hash *chain_id)
{
    const char *what = NULL;
    const struct validators first = genesis_validators(&c->genesis);
    struct epoch_chain chain = {.count = 0};
    struct epoch_trust trust = {.validators = &first, .chain_id = chain_id, .signer = c->signer};
    if (c->chain.size > 0) TRY(epoch_chain_decode(&chain, &c->arena, c->chain));
    if (chain.count != c->evidence.epoch) return ST_UNSUPPORTED; /* Keys that nothing shows. */
    return epoch_chain_verify(&chain, &trust, &c->arena, &c->end, &what);
}

static enum status check(struct court *c)
{
    uint8_t seed[32];
    const struct hash chain_id = genesis_chain_id(buf_span(&c->genesis_bytes));
    os_posix()->entropy(os_posix(), seed, sizeof seed);
    TRY(signer_new(&c->signer, seed));
    TRY(follow_epochs(c, &chain_id));
    return evidence_verify(&c->evidence, &c->end.validators, c->signer, &chain_id, mem_system());
}

static int show(const struct court *c, bool is_json)
{
    struct buf out;
    const struct evidence *e = &c->evidence;
    must(e->offender < c->end.validators.count); /* evidence_verify has seen to it. */
    struct chain_config first;
    const struct chain_config *config = c->end.config;
    if (config == NULL) {
        chain_config_of_genesis(&first, &c->genesis);
        config = &first;
    }
    const struct chain_node *m = &config->nodes[e->offender];
    buf_init(&out, mem_system(), 0);
    if (is_json) {
        buf_printf(&out,
                   "{\"ok\":true,\"kind\":\"%s\",\"offender\":%u,\"node\":", evidence_name(e->kind),
                   e->offender);
        json_put_text(&out, m->node_name);
        buf_put_text(&out, ",\"organisation\":");
        json_put_text(&out, m->organisation);
        buf_printf(&out, ",\"epoch\":%llu,\"view\":%llu,\"height\":%llu}\n",
                   (unsigned long long)e->epoch, (unsigned long long)e->view,
                   (unsigned long long)e->height);
    } else {
        buf_printf(
            &out, "proved from the genesis: node %.*s of %.*s has broken the protocol (%s) in ",
            (int)m->node_name.size, (const char *)m->node_name.data, (int)m->organisation.size,
            (const char *)m->organisation.data, evidence_name(e->kind));
        buf_printf(&out, "epoch %llu, view %llu at height %llu\n", (unsigned long long)e->epoch,
                   (unsigned long long)e->view, (unsigned long long)e->height);
    }
    return print_and_free(&out);
}

int verify_evidence(const struct command *self, const char *path, const char *genesis, bool is_json)
{
    struct court *c = mem_alloc_zero(mem_system(), 1, sizeof *c);
    if (c == NULL) return EXIT_CHECK_FAILED;
    buf_init(&c->genesis_bytes, mem_system(), 0);
    buf_init(&c->file, mem_system(), 0);
    arena_init(&c->arena, mem_system(), 0);
    int exit_code = read_files(self, c, path, genesis);
    if (exit_code == EXIT_FINE) {
        enum status st = check(c);
        if (st == ST_OK)
            exit_code = show(c, is_json);
        else if (st == ST_UNSUPPORTED)
            complain(self, "Take the bytes of trustsql.evidence: they lead there from the genesis.",
                     "%s is of epoch %llu and does not show its validators", path,
                     (unsigned long long)c->evidence.epoch);
        else
            complain(self, NULL, "%s proves nothing: %s", path, status_text(st));
        if (st != ST_OK) exit_code = EXIT_CHECK_FAILED;
    }
    signer_free(c->signer);
    arena_fini(&c->arena);
    buf_fini(&c->file);
    buf_fini(&c->genesis_bytes);
    mem_free(mem_system(), c);
    return exit_code;
}
