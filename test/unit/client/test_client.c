/* Goal: keys survive their files and nothing else opens them; what the library signs a node
 * accepts; a proof is believed only when it holds together; every failure of disk and memory is
 * reported and leaves nothing behind. */
#include "trustsql.h"

#include "client/client_int.h"
#include "ledger/tx.h"
#include "os/fake/fake_os.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/hex.h"
#include "support/sample_ledger.h"

struct fixture {
    struct fake_os *fake;
    struct trustsql *lib;
};

static int set_up(void **state)
{
    static struct fixture f;
    f.fake = fake_os_new(7);
    *state = &f;
    return client_new(&f.lib, fake_os_table(f.fake), mem_system()) == ST_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    trustsql_free(f->lib);
    trustsql_free(NULL);
    fake_os_free(f->fake);
    return 0;
}

static struct trustsql_key key_of(const struct trustsql *lib, enum trustsql_scheme scheme)
{
    struct trustsql_key key;
    assert_int_equal(trustsql_key_new(lib, &key, scheme), TRUSTSQL_OK);
    return key;
}

static void keys_are_made(void **state)
{
    struct fixture *f = *state;
    struct trustsql_key a = key_of(f->lib, TRUSTSQL_SECP256K1);
    struct trustsql_key b = key_of(f->lib, TRUSTSQL_SECP256K1);
    assert_memory_not_equal(a.secret, b.secret, sizeof a.secret);
    struct trustsql_key again;
    assert_int_equal(trustsql_key_from_secret(f->lib, &again, TRUSTSQL_SECP256K1, a.secret),
                     TRUSTSQL_OK);
    assert_memory_equal(&again, &a, sizeof a);
    uint8_t one[32] = {0};
    assert_int_equal(trustsql_key_from_secret(f->lib, &again, TRUSTSQL_SECP256K1, one),
                     TRUSTSQL_INVALID);
    one[31] = 1;
    assert_int_equal(trustsql_key_from_secret(f->lib, &again, TRUSTSQL_SECP256K1, one),
                     TRUSTSQL_OK);
    assert_string_equal(again.address, "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH");
    assert_int_equal(trustsql_key_from_secret(f->lib, &again, (enum trustsql_scheme)5, one),
                     TRUSTSQL_INVALID);
    assert_int_equal(trustsql_key_new(f->lib, &again, (enum trustsql_scheme)5), TRUSTSQL_INVALID);
    trustsql_key_wipe(&again);
    struct trustsql_key zero;
    memset(&zero, 0, sizeof zero);
    assert_memory_equal(&again, &zero, sizeof zero);
}

static void files_keep_keys(void **state)
{
    struct fixture *f = *state;
    for (int n = 0; n < 4; n++) {
        const char *passphrase = n % 2 == 0 ? NULL : "correct horse";
        struct trustsql_key key =
            key_of(f->lib, n / 2 == 0 ? TRUSTSQL_SECP256K1 : TRUSTSQL_ED25519);
        char path[] = "key0";
        path[3] = (char)('0' + n);
        assert_int_equal(trustsql_key_write(f->lib, &key, path, passphrase), TRUSTSQL_OK);
        assert_int_equal(trustsql_key_write(f->lib, &key, path, passphrase), TRUSTSQL_EXISTS);
        struct trustsql_key got;
        assert_int_equal(trustsql_key_read(f->lib, &got, path, passphrase), TRUSTSQL_OK);
        assert_memory_equal(&got, &key, sizeof key);
        if (passphrase != NULL) {
            assert_int_equal(trustsql_key_read(f->lib, &got, path, NULL), TRUSTSQL_DENIED);
            assert_int_equal(trustsql_key_read(f->lib, &got, path, "wrong"), TRUSTSQL_DENIED);
        }
    }
    struct trustsql_key got;
    assert_int_equal(trustsql_key_read(f->lib, &got, "none", NULL), TRUSTSQL_NOT_FOUND);
}

static void the_text_of_a_key_file(void **state)
{
    struct fixture *f = *state;
    uint8_t one[32] = {0};
    uint8_t bytes[KEY_FILE_SIZE_MAX];
    struct trustsql_key key;
    struct buf text;
    one[31] = 1;
    assert_int_equal(trustsql_key_from_secret(f->lib, &key, TRUSTSQL_SECP256K1, one), TRUSTSQL_OK);
    buf_init_fixed(&text, bytes, sizeof bytes);
    assert_int_equal(key_file_print(f->lib, &text, &key, NULL), ST_OK);
    static const char want[] =
        "trustsql key 1\n"
        "scheme secp256k1\n"
        "address 1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH\n"
        "public 0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798\n"
        "secret 0000000000000000000000000000000000000000000000000000000000000001\n";
    assert_int_equal(text.size, sizeof want - 1);
    assert_memory_equal(text.data, want, text.size);
    static const char sealed[] =
        "trustsql key 1\n"
        "scheme secp256k1\n"
        "address 1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH\n"
        "public 0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798\n"
        "sealed argon2id 3 65536 8c0b96bb0b40be548b8f01ef8a483c98 "
        "667c1ee81895a17a2f0883d9ec145147fff5060f8c3de5de "
        "28def9b150c3a2ae848023b6ad5da4ac8b2be401ed07a7dd"
        "5cf9d680b33f37e9fecfa90d95929c6d048a71896e5159a8\n";
    struct trustsql_key got;
    assert_int_equal(key_file_parse(f->lib, &got, span_text(sealed), "correct horse"), ST_OK);
    assert_memory_equal(&got, &key, sizeof key);
}

/* Cut at each length, and each bit flipped: never a crash, and never another key than the one. */
static void damaged_key_files_are_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[KEY_FILE_SIZE_MAX];
    struct trustsql_key key = key_of(f->lib, TRUSTSQL_SECP256K1);
    struct trustsql_key got;
    struct buf text;
    buf_init_fixed(&text, bytes, sizeof bytes);
    assert_int_equal(key_file_print(f->lib, &text, &key, NULL), ST_OK);
    for (size_t size = 0; size < text.size; size++)
        assert_int_not_equal(key_file_parse(f->lib, &got, span_of(bytes, size), NULL), ST_OK);
    for (size_t bit = 0; bit < 8 * text.size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (key_file_parse(f->lib, &got, buf_span(&text), NULL) == ST_OK)
            assert_memory_equal(&got, &key, sizeof key); /* A digit in upper case. */
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    bytes[text.size] = '\n';
    assert_int_not_equal(key_file_parse(f->lib, &got, span_of(bytes, text.size + 1), NULL), ST_OK);
}

/* Without a passphrase a sealed file is read up to the box. */
static void damaged_sealed_files_are_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[KEY_FILE_SIZE_MAX];
    struct trustsql_key key = key_of(f->lib, TRUSTSQL_SECP256K1);
    struct trustsql_key got;
    struct buf text;
    buf_init_fixed(&text, bytes, sizeof bytes);
    assert_int_equal(key_file_print(f->lib, &text, &key, "x"), ST_OK);
    for (size_t size = 0; size < text.size; size++)
        assert_int_not_equal(key_file_parse(f->lib, &got, span_of(bytes, size), NULL), ST_OK);
    static const char *const costs[] = {
        "argon2id 9 1048577",  "argon2id 17 65536",  "argon2id 0 65536",   "argon2id 03 6553",
        "argon2id 3 00008   ", "argon2id 3 9999999", "argon2id 3 99999999"};
    uint8_t *at = NULL;
    for (size_t i = 0; i + 8 < text.size; i++)
        if (memcmp(bytes + i, "argon2id", 8) == 0) at = bytes + i;
    assert_non_null(at);
    size_t head = (size_t)(at - bytes);
    size_t tail = head + strlen("argon2id 3 65536");
    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
        uint8_t bad[KEY_FILE_SIZE_MAX];
        struct buf out;
        buf_init_fixed(&out, bad, sizeof bad);
        buf_put(&out, span_of(bytes, head));
        buf_put_text(&out, costs[i]);
        buf_put(&out, span_of(bytes + tail, text.size - tail));
        enum status st = key_file_parse(f->lib, &got, buf_span(&out), "x");
        assert_true(st == ST_LIMIT || st == ST_INVALID);
    }
    bytes[text.size - 2] ^= 1; /* A digit of the box. */
    enum status st = key_file_parse(f->lib, &got, buf_span(&text), "x");
    assert_true(st == ST_DENIED || st == ST_INVALID);
}

static void failing_disks_leave_no_key_file(void **state)
{
    struct fixture *f = *state;
    struct trustsql_key key = key_of(f->lib, TRUSTSQL_SECP256K1);
    struct trustsql_key got;
    for (uint64_t n = 1;; n++) {
        fake_os_fail(f->fake, FAKE_OS_CHANGES, n, ST_IO);
        enum trustsql_status st = trustsql_key_write(f->lib, &key, "key", NULL);
        bool has_failed = fake_os_has_failed(f->fake);
        fake_os_heal(f->fake);
        if (!has_failed) {
            assert_int_equal(st, TRUSTSQL_OK);
            break;
        }
        assert_int_equal(st, TRUSTSQL_IO);
        assert_int_equal(trustsql_key_read(f->lib, &got, "key", NULL), TRUSTSQL_NOT_FOUND);
    }
    assert_int_equal(trustsql_key_read(f->lib, &got, "key", NULL), TRUSTSQL_OK);
}

static void build(struct trustsql_tx *tx)
{
    trustsql_tx_valid_until(tx, SAMPLE_TIME_MS + 60000, SAMPLE_HEIGHT + 100);
    trustsql_tx_idempotency_key(tx, "order-1", 7);
    trustsql_tx_add_sql(tx, "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6)");
    trustsql_tx_add_int(tx, TRUSTSQL_INT8, INT64_MIN);
    trustsql_tx_add_int(tx, TRUSTSQL_INT4, 7);
    trustsql_tx_add_text(tx, "gr\xc3\xbcn");
    trustsql_tx_add_bytes(tx, "\0\xff", 2);
    trustsql_tx_add_bool(tx, 5);
    trustsql_tx_add_null(tx, TRUSTSQL_TIMESTAMPTZ);
    for (int i = 0; i < 9; i++)
        trustsql_tx_add_sql(tx, "DELETE FROM t");
    trustsql_tx_add_text(tx, "");
}

static void a_node_accepts_what_is_signed(void **state)
{
    struct fixture *f = *state;
    struct hash chain_id = sample_chain_id();
    struct trustsql_key keys[2] = {key_of(f->lib, TRUSTSQL_SECP256K1),
                                   key_of(f->lib, TRUSTSQL_ED25519)};
    struct trustsql_tx *tx;
    struct trustsql_bytes bytes;
    uint8_t txid[32];
    assert_int_equal(trustsql_tx_new(f->lib, &tx, chain_id.bytes, "main"), TRUSTSQL_OK);
    build(tx);
    assert_int_equal(trustsql_tx_sign(tx, keys, 2, &bytes, txid), TRUSTSQL_OK);
    trustsql_tx_free(tx);
    struct arena a;
    struct tx got;
    arena_init(&a, mem_system(), 0);
    assert_int_equal(tx_decode(&got, &a, span_of(bytes.data, bytes.size)), ST_OK);
    assert_int_equal(tx_verify(&got, sample_signer()), ST_OK);
    assert_memory_equal(got.txid.bytes, txid, 32);
    assert_true(hash_equal(&got.chain_id, &chain_id));
    assert_true(span_equal(got.ledger, span_text("main")));
    char address[ACCOUNT_TEXT_MAX];
    account_id_text(address, &got.account);
    assert_string_equal(address, keys[0].address);
    assert_int_equal(got.op_count, 10);
    assert_int_equal(got.ops[0].param_count, 6);
    static const char *const values[6] = {
        "3b7fffffffffffffff", "07", "656772c3bc6e", "4200ff", "f5", "f6"};
    static const uint32_t types[6] = {20, 23, 25, 17, 16, 1184};
    for (int i = 0; i < 6; i++) {
        hex_assert_equal(got.ops[0].params[i].value, values[i]);
        assert_int_equal(got.ops[0].params[i].type, types[i]);
    }
    assert_int_equal(got.ops[9].param_count, 1);
    assert_true(span_equal(got.idempotency_key, span_text("order-1")));
    arena_fini(&a);
    trustsql_bytes_free(&bytes);
    trustsql_bytes_free(&bytes);
}

static enum trustsql_status sign_after(struct fixture *f,
                                       void (*add)(struct trustsql_tx *tx),
                                       size_t key_count)
{
    struct trustsql_key keys[2] = {key_of(f->lib, TRUSTSQL_SECP256K1)};
    keys[1] = keys[0];
    struct trustsql_tx *tx;
    struct trustsql_bytes bytes = {0};
    uint8_t txid[32];
    uint8_t chain_id[32] = {1};
    assert_int_equal(trustsql_tx_new(f->lib, &tx, chain_id, "main"), TRUSTSQL_OK);
    add(tx);
    enum trustsql_status st = trustsql_tx_sign(tx, keys, key_count, &bytes, txid);
    trustsql_bytes_free(&bytes);
    trustsql_tx_free(tx);
    return st;
}

static void add_nothing(struct trustsql_tx *tx)
{
    (void)tx;
}

static void add_param_first(struct trustsql_tx *tx)
{
    trustsql_tx_add_bool(tx, 1);
    trustsql_tx_add_sql(tx, "SELECT 1");
}

static void add_bad_text(struct trustsql_tx *tx)
{
    trustsql_tx_add_sql(tx, "SELECT $1");
    trustsql_tx_add_text(tx, "\xff");
}

static void add_bad_account(struct trustsql_tx *tx)
{
    trustsql_tx_add_sql(tx, "SELECT 1");
    trustsql_tx_account(tx, "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMh");
}

static void add_long_key(struct trustsql_tx *tx)
{
    static const uint8_t key[256] = {0};
    trustsql_tx_add_sql(tx, "SELECT 1");
    trustsql_tx_idempotency_key(tx, key, sizeof key);
}

static void add_account(struct trustsql_tx *tx)
{
    trustsql_tx_add_sql(tx, "SELECT 1");
    trustsql_tx_account(tx, "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH");
}

static void bad_calls_come_out_at_signing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(sign_after(f, add_account, 1), TRUSTSQL_OK);
    assert_int_equal(sign_after(f, add_account, 0), TRUSTSQL_INVALID);
    assert_int_equal(sign_after(f, add_account, 2), TRUSTSQL_INVALID); /* One key twice. */
    assert_int_equal(sign_after(f, add_nothing, 1), TRUSTSQL_INVALID);
    assert_int_equal(sign_after(f, add_param_first, 1), TRUSTSQL_INVALID);
    assert_int_equal(sign_after(f, add_bad_text, 1), TRUSTSQL_INVALID);
    assert_int_equal(sign_after(f, add_bad_account, 1), TRUSTSQL_INVALID);
    assert_int_equal(sign_after(f, add_long_key, 1), TRUSTSQL_LIMIT);
}

static void encode_files(struct buf *genesis, struct buf *proof)
{
    struct arena a;
    struct proof p;
    struct genesis g = sample_genesis();
    arena_init(&a, mem_system(), 0);
    sample_proof(&p, &a, 1);
    buf_init(genesis, mem_system(), 0);
    buf_init(proof, mem_system(), 0);
    genesis_encode(genesis, &g);
    proof_encode(proof, &p);
    arena_fini(&a);
}

static void proofs_are_checked(void **state)
{
    struct fixture *f = *state;
    struct buf genesis;
    struct buf proof;
    const char *what = "unset";
    encode_files(&genesis, &proof);
    struct trustsql_bytes g = {genesis.data, genesis.size};
    struct trustsql_bytes p = {proof.data, proof.size};
    struct trustsql_receipt receipt;
    assert_int_equal(trustsql_proof_verify(f->lib, &receipt, &what, &g, &p), TRUSTSQL_OK);
    assert_null(what);
    assert_int_equal(receipt.height, SAMPLE_HEIGHT);
    assert_int_equal(receipt.is_ok, 1);
    assert_int_equal(receipt.row_count, 4);
    assert_string_equal(receipt.custodian, "Bank A");
    uint8_t chain_id[32];
    struct hash want = sample_chain_id();
    trustsql_chain_id(chain_id, g.data, g.size);
    assert_memory_equal(chain_id, want.bytes, 32);
    p.size--;
    assert_int_equal(trustsql_proof_verify(f->lib, &receipt, &what, &g, &p), TRUSTSQL_TRUNCATED);
    assert_string_equal(what, "the proof is malformed");
    p.size++;
    g.size--;
    assert_int_equal(trustsql_proof_verify(f->lib, &receipt, &what, &g, &p), TRUSTSQL_TRUNCATED);
    assert_string_equal(what, "the genesis is malformed");
    g.size++;
    g.data[5] ^= 1; /* A letter of the name: another chain. */
    assert_int_equal(trustsql_proof_verify(f->lib, &receipt, NULL, &g, &p), TRUSTSQL_REJECTED);
    buf_fini(&genesis);
    buf_fini(&proof);
}

/* One run of everything that takes memory; the first failure. */
static enum trustsql_status run_all(struct os *os, struct mem *mem)
{
    struct trustsql *lib;
    enum status made = client_new(&lib, os, mem);
    if (made != ST_OK) return client_status(made);
    struct trustsql_key key = key_of(lib, TRUSTSQL_SECP256K1);
    struct trustsql_bytes bytes = {0};
    struct trustsql_tx *tx = NULL;
    uint8_t txid[32];
    uint8_t chain_id[32] = {1};
    enum trustsql_status st = trustsql_tx_new(lib, &tx, chain_id, "main");
    if (st == TRUSTSQL_OK) {
        build(tx);
        st = trustsql_tx_sign(tx, &key, 1, &bytes, txid);
        trustsql_tx_free(tx);
    }
    trustsql_bytes_free(&bytes);
    struct buf genesis;
    struct buf proof;
    encode_files(&genesis, &proof);
    struct trustsql_bytes g = {genesis.data, genesis.size};
    struct trustsql_bytes p = {proof.data, proof.size};
    struct trustsql_receipt receipt;
    if (st == TRUSTSQL_OK) st = trustsql_proof_verify(lib, &receipt, NULL, &g, &p);
    buf_fini(&genesis);
    buf_fini(&proof);
    trustsql_free(lib);
    return st;
}

static void memory_may_fail_at_any_call(void **state)
{
    struct fixture *f = *state;
    for (uint64_t n = 1;; n++) {
        struct fail_mem memory;
        fail_mem_init(&memory, n);
        enum trustsql_status st = run_all(fake_os_table(f->fake), &memory.mem);
        assert_int_equal(memory.live, 0);
        if (st == TRUSTSQL_OK) break;
        assert_int_equal(st, TRUSTSQL_NO_MEMORY);
    }
}

static void the_real_library_works(void **state)
{
    (void)state;
    struct trustsql *lib;
    assert_int_equal(trustsql_new(&lib), TRUSTSQL_OK);
    struct trustsql_key key = key_of(lib, TRUSTSQL_ED25519);
    assert_int_equal(key.address[0], 'E');
    trustsql_free(lib);
    assert_string_equal(trustsql_status_text(TRUSTSQL_EXISTS), "it exists already");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_keep_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_text_of_a_key_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_key_files_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_sealed_files_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failing_disks_leave_no_key_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_node_accepts_what_is_signed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_calls_come_out_at_signing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(proofs_are_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_may_fail_at_any_call, set_up, tear_down),
        cmocka_unit_test(the_real_library_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
