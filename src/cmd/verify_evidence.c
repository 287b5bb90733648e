/* verify_evidence.c - A proof of misbehaviour, checked against the genesis alone. */
#include <stdio.h>

#include "base/hex.h"
#include "base/must.h"
#include "cmd/verify_int.h"
#include "consensus/evidence.h"
#include "node/node.h"

#define FILE_SIZE_MAX (2u * EVIDENCE_SIZE_MAX + 16u) /* As text it has two digits for a byte. */

struct court { /* What the check is made of. */
    struct buf genesis_bytes;
    struct buf file;
    struct arena arena;
    struct genesis genesis;
    struct evidence evidence;
    struct signer *signer;
};

/* psql writes bytea as "\x" and digits: such a file is taken as what it means. */
static enum status from_hex(struct buf *file)
{
    if (file->size < 2 || file->data[0] != '\\' || file->data[1] != 'x') return ST_OK;
    while (file->size > 2 && file->data[file->size - 1] == '\n')
        file->size--;
    const size_t size = (file->size - 2) / 2;
    TRY(hex_decode(file->data, size, span_of(file->data + 2, file->size - 2)));
    file->size = size;
    return ST_OK;
}

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
    if (from_hex(&c->file) == ST_OK && evidence_decode(&c->evidence, buf_span(&c->file)) == ST_OK)
        return EXIT_FINE;
    complain(self, NULL, "%s is no evidence", path);
    return EXIT_CHECK_FAILED;
}

static enum status check(struct court *c)
{
    uint8_t seed[32];
    const struct hash chain_id = genesis_chain_id(buf_span(&c->genesis_bytes));
    const struct validators v = genesis_validators(&c->genesis);
    if (c->evidence.epoch != 0) return ST_UNSUPPORTED; /* Other keys than those of the genesis. */
    os_posix()->entropy(os_posix(), seed, sizeof seed);
    TRY(signer_new(&c->signer, seed));
    return evidence_verify(&c->evidence, &v, c->signer, &chain_id, mem_system());
}

static int show(const struct court *c, bool is_json)
{
    struct buf out;
    const struct evidence *e = &c->evidence;
    must(e->offender < c->genesis.member_count);
    const struct genesis_member *m = &c->genesis.members[e->offender];
    buf_init(&out, mem_system(), 0);
    if (is_json) {
        buf_printf(&out,
                   "{\"ok\":true,\"kind\":\"%s\",\"offender\":%u,\"node\":", evidence_name(e->kind),
                   e->offender);
        json_put_text(&out, m->node_name);
        buf_put_text(&out, ",\"organisation\":");
        json_put_text(&out, m->organisation);
        buf_printf(&out, ",\"view\":%llu,\"height\":%llu}\n", (unsigned long long)e->view,
                   (unsigned long long)e->height);
    } else {
        buf_printf(
            &out, "proved from the genesis: node %.*s of %.*s has broken the protocol (%s) in ",
            (int)m->node_name.size, (const char *)m->node_name.data, (int)m->organisation.size,
            (const char *)m->organisation.data, evidence_name(e->kind));
        buf_printf(&out, "view %llu at height %llu\n", (unsigned long long)e->view,
                   (unsigned long long)e->height);
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
