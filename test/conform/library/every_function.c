/* Goal: a program that knows include/trustsql.h alone links with libtrustsql.a alone and can call
 * every function of it. What the functions must do is tested in test/unit/client.
 *
 * Arguments: the files genesis and proof, in binary, a path for a new key file, and proofs that
 * bring their genesis: of a transaction of which one value is shown, of a row, of the absence of a
 * transaction. */
#include <trustsql.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 65536

static void check(int is_true, const char *what)
{
    if (is_true) return;
    fprintf(stderr, "failed: %s\n", what);
    exit(1);
}

static struct trustsql_bytes read_file(const char *path)
{
    struct trustsql_bytes b = {malloc(FILE_MAX), 0};
    FILE *file = fopen(path, "rb");
    check(b.data != NULL && file != NULL, path);
    b.size = fread(b.data, 1, FILE_MAX, file);
    (void)fclose(file);
    return b;
}

static void use_keys(const struct trustsql *lib, struct trustsql_key *key, const char *path)
{
    struct trustsql_key again;
    check(trustsql_key_new(lib, key, TRUSTSQL_SECP256K1) == TRUSTSQL_OK, "key_new");
    check(trustsql_key_from_secret(lib, &again, TRUSTSQL_SECP256K1, key->secret) == TRUSTSQL_OK,
          "key_from_secret");
    check(strcmp(again.address, key->address) == 0, "address");
    check(trustsql_key_write(lib, key, path, NULL) == TRUSTSQL_OK, "key_write");
    check(trustsql_key_read(lib, &again, path, NULL) == TRUSTSQL_OK, "key_read");
    check(memcmp(again.secret, key->secret, sizeof again.secret) == 0, "secret");
    trustsql_key_wipe(&again);
    check(again.scheme == 0, "key_wipe");
}

static void use_transaction(const struct trustsql *lib, const struct trustsql_key *key)
{
    struct trustsql_tx *tx = NULL;
    struct trustsql_bytes bytes;
    uint8_t chain_id[32] = {1};
    uint8_t txid[32] = {0};
    check(trustsql_tx_new(lib, &tx, chain_id, "main") == TRUSTSQL_OK, "tx_new");
    trustsql_tx_valid_until(tx, 1700000000000u, 100);
    trustsql_tx_idempotency_key(tx, "order 7", 7);
    trustsql_tx_account(tx, key->address);
    trustsql_tx_add_sql(tx, "INSERT INTO t VALUES ($1, $2, $3, $4, $5)");
    trustsql_tx_add_int(tx, TRUSTSQL_INT8, 7);
    trustsql_tx_add_text(tx, "seven");
    trustsql_tx_add_bytes(tx, "\1\2", 2);
    trustsql_tx_add_bool(tx, 1);
    trustsql_tx_add_null(tx, TRUSTSQL_TIMESTAMPTZ);
    check(trustsql_tx_sign(tx, key, 1, &bytes, txid) == TRUSTSQL_OK, "tx_sign");
    check(bytes.size > 100, "the encoding");
    trustsql_bytes_free(&bytes);
    trustsql_tx_free(tx);
}

static void use_proof(const struct trustsql *lib, const char *genesis_path, const char *proof_path)
{
    struct trustsql_bytes genesis = read_file(genesis_path);
    struct trustsql_bytes proof = read_file(proof_path);
    struct trustsql_receipt receipt;
    const char *what = "";
    uint8_t id[32] = {0};
    const uint8_t zero[32] = {0};
    trustsql_chain_id(id, genesis.data, genesis.size);
    check(memcmp(id, zero, sizeof id) != 0, "chain_id");
    check(trustsql_proof_verify(lib, &receipt, &what, &genesis, &proof) == TRUSTSQL_OK,
          "proof_verify");
    check(what == NULL, "nothing wrong");
    proof.data[proof.size - 1] ^= 1;
    check(trustsql_proof_verify(lib, &receipt, &what, &genesis, &proof) != TRUSTSQL_OK,
          "a damaged proof is refused");
    free(genesis.data);
    free(proof.data);
}

static void check_file(const struct trustsql *lib, struct trustsql_facts *out, const char *path)
{
    struct trustsql_bytes proof = read_file(path);
    struct trustsql_bytes json = {0};
    struct trustsql_bytes back = {0};
    struct trustsql_receipt receipt;
    uint8_t id[32];
    const char *what = "";
    size_t at = 2; /* After the head of the proof and its version: a byte string, the genesis. */
    size_t size = (size_t)proof.data[at + 1] << 8 | proof.data[at + 2];
    struct trustsql_bytes genesis = {proof.data + at + 3, size};
    check(proof.data[at] == 0x59, "the genesis is in the proof");
    trustsql_chain_id(id, genesis.data, genesis.size);
    check(trustsql_proof_check(lib, out, &what, id, &proof) == TRUSTSQL_OK, what);
    check(memcmp(out->chain_id, id, sizeof id) == 0, "chain_id of the facts");
    check((trustsql_proof_verify(lib, &receipt, &what, &genesis, &proof) == TRUSTSQL_OK) ==
              (out->kind == TRUSTSQL_PROOF_TX),
          "proof_verify takes transactions");
    check(trustsql_proof_form(lib, &json, TRUSTSQL_JSON, &proof) == TRUSTSQL_OK, "to JSON");
    check(trustsql_proof_form(lib, &back, TRUSTSQL_CBOR, &json) == TRUSTSQL_OK, "from JSON");
    check(back.size == proof.size && memcmp(back.data, proof.data, back.size) == 0, "the same");
    id[0] ^= 1;
    trustsql_facts_free(out);
    check(trustsql_proof_check(lib, out, &what, id, &json) == TRUSTSQL_REJECTED, "another chain");
    id[0] ^= 1;
    check(trustsql_proof_check(lib, out, &what, id, &json) == TRUSTSQL_OK, "in JSON");
    trustsql_bytes_free(&json);
    trustsql_bytes_free(&back);
    free(proof.data);
}

static void use_facts(const struct trustsql *lib, char **paths)
{
    struct trustsql_facts facts;
    struct trustsql_value value;
    check_file(lib, &facts, paths[0]);
    check(facts.receipt.is_ok && facts.shown.size > 0, "a transaction is shown");
    check(trustsql_shown_value(lib, &value, &facts, 0, 0) == TRUSTSQL_OK, "shown_value");
    check(trustsql_shown_value(lib, &value, &facts, 0, 1) == TRUSTSQL_DENIED, "not shown");
    check(trustsql_shown_value(lib, &value, &facts, 9, 0) == TRUSTSQL_NOT_FOUND, "no operation");
    trustsql_facts_free(&facts);
    check_file(lib, &facts, paths[1]);
    check(trustsql_row_value(&value, &facts.row, 1) == TRUSTSQL_OK, "row_value");
    check(value.kind == TRUSTSQL_VALUE_TEXT && value.size == 5, "a text");
    check(trustsql_row_value(&value, &facts.key, 0) == TRUSTSQL_OK, "key");
    check(value.kind == TRUSTSQL_VALUE_INT && value.integer == 14, "a number");
    check(trustsql_row_value(&value, &facts.row, 2) == TRUSTSQL_NOT_FOUND, "two values");
    check(!trustsql_facts_never(&facts, 0, 0), "not of a transaction");
    trustsql_facts_free(&facts);
    check_file(lib, &facts, paths[2]);
    check(trustsql_facts_never(&facts, UINT64_MAX, 256), "never");
    check(!trustsql_facts_never(&facts, UINT64_MAX, 257), "not yet");
    trustsql_facts_free(&facts);
}

int main(int argc, char **argv)
{
    struct trustsql *lib = NULL;
    struct trustsql_key key;
    check(argc == 7, "usage: every_function GENESIS PROOF KEY SHOWN ROW NO-TX");
    check(trustsql_new(&lib) == TRUSTSQL_OK, "new");
    check(strlen(trustsql_status_text(TRUSTSQL_OK)) > 0, "status_text");
    use_keys(lib, &key, argv[3]);
    use_transaction(lib, &key);
    use_proof(lib, argv[1], argv[2]);
    use_facts(lib, argv + 4);
    trustsql_key_wipe(&key);
    trustsql_free(lib);
    return 0;
}
