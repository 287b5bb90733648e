/* Goal: what libtrustsql says of proofs, for run.py: reads a chain id (32 bytes) and then proofs,
 * each behind its size (4 bytes, big-endian), and prints a line for each: "ok", or the reason. */
#include <trustsql.h>

#include <stdio.h>
#include <stdlib.h>

static int read_exactly(uint8_t *to, size_t size)
{
    return fread(to, 1, size, stdin) == size;
}

int main(void)
{
    struct trustsql *lib = NULL;
    uint8_t chain_id[32];
    uint8_t head[4];
    if (trustsql_new(&lib) != TRUSTSQL_OK || !read_exactly(chain_id, sizeof chain_id)) return 1;
    while (read_exactly(head, sizeof head)) {
        const char *what = NULL;
        struct trustsql_facts facts;
        struct trustsql_bytes proof = {NULL, (size_t)head[0] << 24 | (size_t)head[1] << 16 |
                                                 (size_t)head[2] << 8 | head[3]};
        proof.data = malloc(proof.size + 1);
        if (proof.data == NULL || !read_exactly(proof.data, proof.size)) return 1;
        enum trustsql_status st = trustsql_proof_check(lib, &facts, &what, chain_id, &proof);
        if (st == TRUSTSQL_OK) trustsql_facts_free(&facts);
        printf("%s\n", st == TRUSTSQL_OK ? "ok" : what);
        free(proof.data);
    }
    trustsql_free(lib);
    return 0;
}
