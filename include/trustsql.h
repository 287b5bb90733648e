/* trustsql.h - libtrustsql: keys, transactions signed offline, and proofs.
 *
 * The library does what a client must not leave to a node: it makes and keeps keys, builds and
 * signs transactions, and checks what became of them against the genesis file of the chain alone.
 * It opens no connection: bytes go to a node and come from it by any way, for example SELECT * FROM
 * trustsql.submit($1::bytea).
 *
 *     struct trustsql *lib;
 *     struct trustsql_key key;
 *     struct trustsql_tx *tx;
 *     struct trustsql_bytes bytes;
 *     uint8_t txid[32];
 *     if (trustsql_new(&lib) != TRUSTSQL_OK) return 1;
 *     if (trustsql_key_new(lib, &key, TRUSTSQL_SECP256K1) != TRUSTSQL_OK) return 1;
 *     if (trustsql_tx_new(lib, &tx, chain_id, "main") != TRUSTSQL_OK) return 1;
 *     trustsql_tx_valid_until(tx, now_ms + 60000, height + 100);
 *     trustsql_tx_add_sql(tx, "INSERT INTO t (id, name) VALUES ($1, $2)");
 *     trustsql_tx_add_int(tx, TRUSTSQL_INT8, 7);
 *     trustsql_tx_add_text(tx, "seven");
 *     if (trustsql_tx_sign(tx, &key, 1, &bytes, txid) == TRUSTSQL_OK) {
 *         send(bytes.data, bytes.size);
 *         trustsql_bytes_free(&bytes);
 *     }
 *     trustsql_tx_free(tx);
 *     trustsql_key_wipe(&key);
 *     trustsql_free(lib);
 *
 * Link with libtrustsql.a (make library), libsecp256k1, libsodium and libcrypto.
 *
 * Rules that hold for every function:
 * - Order of arguments: the object, outputs, inputs; a length follows its array.
 * - Pointers are not null unless said otherwise. On failure outputs are untouched.
 * - Functions that add to a transaction return nothing: the first failure sticks and
 *   trustsql_tx_sign returns it.
 * - A struct trustsql may be shared by threads; any other object belongs to one thread at a time.
 * - Secrets stand in struct trustsql_key only; wipe it after use. */
#ifndef TRUSTSQL_H
#define TRUSTSQL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRUSTSQL_API   __attribute__((visibility("default")))
#define TRUSTSQL_CHECK __attribute__((warn_unused_result))

/* Codes are stable. */
enum trustsql_status {
    TRUSTSQL_OK = 0,
    TRUSTSQL_INVALID = 1,      /* Malformed input, or a call out of order. */
    TRUSTSQL_TRUNCATED = 2,    /* The input ends too early. */
    TRUSTSQL_LIMIT = 3,        /* Longer or more than the format allows. */
    TRUSTSQL_NO_MEMORY = 4,    /* */
    TRUSTSQL_NOT_FOUND = 5,    /* There is no such file. */
    TRUSTSQL_EXISTS = 6,       /* The file exists; it is not overwritten. */
    TRUSTSQL_DENIED = 7,       /* Wrong or missing passphrase, or no access to the file. */
    TRUSTSQL_IO = 8,           /* Reading or writing failed. */
    TRUSTSQL_NO_SPACE = 9,     /* The device is full. */
    TRUSTSQL_UNSUPPORTED = 14, /* */
    TRUSTSQL_SIGNATURE = 15,   /* A signature does not verify. */
    TRUSTSQL_REJECTED = 19     /* The proof does not hold together. */
};

/* A sentence without the point; never null. Static. */
TRUSTSQL_API const char *trustsql_status_text(enum trustsql_status status);

/* --- the library ----------------------------------------------------------------------------- */

struct trustsql;

/* TRUSTSQL_NO_MEMORY, TRUSTSQL_UNSUPPORTED. */
TRUSTSQL_API TRUSTSQL_CHECK enum trustsql_status trustsql_new(struct trustsql **out);

/* lib may be null. Transactions made with it must be freed before. */
TRUSTSQL_API void trustsql_free(struct trustsql *lib);

/* Bytes the library allocated. */
struct trustsql_bytes {
    uint8_t *data;
    size_t size;
};

/* Accepts zeroed bytes. */
TRUSTSQL_API void trustsql_bytes_free(struct trustsql_bytes *bytes);

/* --- keys ------------------------------------------------------------------------------------ */

enum trustsql_scheme { TRUSTSQL_SECP256K1 = 1, TRUSTSQL_ED25519 = 2 };

#define TRUSTSQL_ADDRESS_MAX 48 /* With the terminating 0. */

struct trustsql_key { /* The caller's memory. */
    uint8_t scheme;
    uint8_t public_size; /* 33 (secp256k1, compressed) or 32. */
    uint8_t public_key[33];
    uint8_t secret[32]; /* Secret. */
    char address[TRUSTSQL_ADDRESS_MAX];
};

/* A new random key. */
TRUSTSQL_API TRUSTSQL_CHECK enum trustsql_status trustsql_key_new(const struct trustsql *lib,
                                                                  struct trustsql_key *out,
                                                                  enum trustsql_scheme scheme);

/* The key of these 32 secret bytes (Ed25519: the seed). TRUSTSQL_INVALID: they are none. */
TRUSTSQL_API TRUSTSQL_CHECK enum trustsql_status trustsql_key_from_secret(
    const struct trustsql *lib,
    struct trustsql_key *out,
    enum trustsql_scheme scheme,
    const uint8_t secret[32]);

/* Make the key file path (docs/format/key.md), readable by its owner only. passphrase may be null:
 * then the secret stands in it in the clear. TRUSTSQL_EXISTS, TRUSTSQL_IO, TRUSTSQL_NO_SPACE,
 * TRUSTSQL_DENIED, TRUSTSQL_NO_MEMORY (encryption takes 64 MiB). */
TRUSTSQL_API TRUSTSQL_CHECK enum trustsql_status trustsql_key_write(const struct trustsql *lib,
                                                                    const struct trustsql_key *key,
                                                                    const char *path,
                                                                    const char *passphrase);

/* Read a key file. passphrase may be null; for an encrypted file that, as a wrong one, is
 * TRUSTSQL_DENIED. A passphrase given for a file in the clear is not looked at. */
TRUSTSQL_API TRUSTSQL_CHECK enum trustsql_status trustsql_key_read(const struct trustsql *lib,
                                                                   struct trustsql_key *out,
                                                                   const char *path,
                                                                   const char *passphrase);

/* Overwrite the whole struct. */
TRUSTSQL_API void trustsql_key_wipe(struct trustsql_key *key);

/* --- transactions ---------------------------------------------------------------------------- */

struct trustsql_tx;

/* PostgreSQL's OIDs of the types of parameters. numeric: pass a text and cast in the SQL. */
enum trustsql_type {
    TRUSTSQL_BOOL = 16,
    TRUSTSQL_BYTEA = 17,
    TRUSTSQL_INT8 = 20,
    TRUSTSQL_INT2 = 21,
    TRUSTSQL_INT4 = 23,
    TRUSTSQL_TEXT = 25,
    TRUSTSQL_TIMESTAMPTZ = 1184 /* Microseconds since 2000-01-01 00:00 UTC. */
};

/* An empty transaction for one ledger of a chain, with fresh nonce and secret. lib must live until
 * trustsql_tx_free. TRUSTSQL_NO_MEMORY. */
TRUSTSQL_API TRUSTSQL_CHECK enum trustsql_status trustsql_tx_new(const struct trustsql *lib,
                                                                 struct trustsql_tx **out,
                                                                 const uint8_t chain_id[32],
                                                                 const char *ledger);

/* tx may be null. */
TRUSTSQL_API void trustsql_tx_free(struct trustsql_tx *tx);

/* Last moment (Unix time in milliseconds) and last height at which it may enter a block. At that
 * block neither may be more than 10 minutes or 65,536 blocks ahead. */
TRUSTSQL_API void trustsql_tx_valid_until(struct trustsql_tx *tx,
                                          uint64_t time_ms,
                                          uint64_t height);

/* Of several transactions of an account under one key only the first has an effect. At most 255
 * bytes. */
TRUSTSQL_API void trustsql_tx_idempotency_key(struct trustsql_tx *tx, const void *key, size_t size);

/* Act for this account instead of the one of the first signing key. */
TRUSTSQL_API void trustsql_tx_account(struct trustsql_tx *tx, const char *address);

/* One more SQL statement; the parameters added next are its $1, $2, … */
TRUSTSQL_API void trustsql_tx_add_sql(struct trustsql_tx *tx, const char *text);

TRUSTSQL_API void trustsql_tx_add_null(struct trustsql_tx *tx, enum trustsql_type type);
TRUSTSQL_API void trustsql_tx_add_bool(struct trustsql_tx *tx, int value);
/* INT2, INT4, INT8 or TIMESTAMPTZ. */
TRUSTSQL_API void trustsql_tx_add_int(struct trustsql_tx *tx,
                                      enum trustsql_type type,
                                      int64_t value);
TRUSTSQL_API void trustsql_tx_add_text(struct trustsql_tx *tx, const char *value); /* UTF-8. */
TRUSTSQL_API void trustsql_tx_add_bytes(struct trustsql_tx *tx, const void *value, size_t size);

/* Sign with every key, the account's first, and encode. The transaction may be signed again.
 * Returns the first failure since trustsql_tx_new: TRUSTSQL_INVALID (no statement, bad text, bad
 * key, a key twice), TRUSTSQL_LIMIT, TRUSTSQL_NO_MEMORY. */
TRUSTSQL_API TRUSTSQL_CHECK enum trustsql_status trustsql_tx_sign(struct trustsql_tx *tx,
                                                                  const struct trustsql_key *keys,
                                                                  size_t key_count,
                                                                  struct trustsql_bytes *out,
                                                                  uint8_t txid[32]);

/* --- proofs ---------------------------------------------------------------------------------- */

/* The chain id of a genesis file. */
TRUSTSQL_API void trustsql_chain_id(uint8_t out[32], const void *genesis, size_t size);

struct trustsql_receipt { /* What a proof proves. */
    uint8_t txid[32];
    uint64_t height;
    uint32_t index;     /* In its block. */
    uint32_t op_count;  /* Operations executed; 0 when it failed. */
    uint64_t row_count; /* Rows changed or returned by all of them. */
    int is_ok;          /* 0: it changed nothing, and the next three say why. */
    uint32_t failed_op;
    char sqlstate[6];
    char message[256];
    int is_custodial;   /* 1: an organisation holds the signing key. */
    char custodian[64]; /* Its name. */
};

/* Check the proof of a transaction (CBOR or JSON), trusting the genesis file alone. Compare
 * out->txid with the one you signed. what (may be null) is set to a static text naming the first
 * thing found wrong (docs/format/proof.md lists them), or to null. TRUSTSQL_INVALID,
 * TRUSTSQL_TRUNCATED, TRUSTSQL_LIMIT: one of the files is malformed. TRUSTSQL_REJECTED,
 * TRUSTSQL_SIGNATURE: the proof is well formed and false. */
TRUSTSQL_API TRUSTSQL_CHECK enum trustsql_status trustsql_proof_verify(
    const struct trustsql *lib,
    struct trustsql_receipt *out,
    const char **what,
    const struct trustsql_bytes *genesis,
    const struct trustsql_bytes *proof);

enum trustsql_proof_kind {
    TRUSTSQL_PROOF_TX = 1, /* A transaction stands in the chain and ended as receipt says. */
    TRUSTSQL_PROOF_ROW_VERSION = 2, /* Block height left this version of a row. */
    TRUSTSQL_PROOF_ROW = 3,         /* After block height the row was this. */
    TRUSTSQL_PROOF_NO_ROW = 4,      /* After block height there was no such row. */
    TRUSTSQL_PROOF_NO_TX = 5        /* No block above after up to height holds transaction txid. */
};

struct trustsql_facts { /* What a proof of any kind proves. */
    enum trustsql_proof_kind kind;
    uint8_t chain_id[32];
    uint64_t height;                 /* Of what is proved. */
    uint64_t block_height;           /* Of the block whose certificates prove it. */
    uint64_t epoch;                  /* Of that block. */
    uint64_t time_ms;                /* Of that block, Unix time. */
    uint8_t txid[32];                /* TX, NO_TX. */
    struct trustsql_receipt receipt; /* TX. */
    struct trustsql_bytes shown;     /* TX: the transaction where it is shown, for
                                        trustsql_shown_value. */
    uint64_t table_id;               /* Rows: the table's id in trustsql.tables. */
    struct trustsql_bytes key;       /* Rows: CBOR array of the key's values. */
    struct trustsql_bytes row;       /* Rows: CBOR array of all values; empty: there is no row. */
    uint64_t after;                  /* NO_TX. */
    uint64_t passed_ms; /* NO_TX: the last of those blocks is of this time or later; 0: unknown. */
};

/* Check a proof of any kind (CBOR or JSON) that brings its genesis, trusting the chain id alone,
 * which is the hash of the genesis. As trustsql_proof_verify; free *out with trustsql_facts_free.
 */
TRUSTSQL_API TRUSTSQL_CHECK enum trustsql_status trustsql_proof_check(
    const struct trustsql *lib,
    struct trustsql_facts *out,
    const char **what,
    const uint8_t chain_id[32],
    const struct trustsql_bytes *proof);

/* Accepts zeroed facts. */
TRUSTSQL_API void trustsql_facts_free(struct trustsql_facts *facts);

/* 1: facts (NO_TX) prove that a transaction valid until then is in no block and never will be. */
TRUSTSQL_API int trustsql_facts_never(const struct trustsql_facts *facts,
                                      uint64_t valid_until_ms,
                                      uint64_t valid_until_height);

enum trustsql_value_kind {
    TRUSTSQL_VALUE_NULL,
    TRUSTSQL_VALUE_INT, /* Also boolean, and timestamptz in microseconds since 2000-01-01 UTC. */
    TRUSTSQL_VALUE_FLOAT,
    TRUSTSQL_VALUE_TEXT,
    TRUSTSQL_VALUE_BYTES /* Also numeric: docs/format/row.md. */
};

struct trustsql_value {
    enum trustsql_value_kind kind;
    int64_t integer;
    double real;
    const uint8_t *data; /* Of the facts. */
    size_t size;
};

/* Value index of facts.key or facts.row. TRUSTSQL_NOT_FOUND: there are not so many. */
TRUSTSQL_API TRUSTSQL_CHECK enum trustsql_status trustsql_row_value(
    struct trustsql_value *out, const struct trustsql_bytes *row, uint32_t index);

/* Parameter param of operation op (both from 0) of the transaction shown. TRUSTSQL_NOT_FOUND: no
 * such parameter. TRUSTSQL_DENIED: it is not shown. */
TRUSTSQL_API TRUSTSQL_CHECK enum trustsql_status trustsql_shown_value(
    const struct trustsql *lib,
    struct trustsql_value *out,
    const struct trustsql_facts *facts,
    uint32_t op,
    uint32_t param);

enum trustsql_form { TRUSTSQL_CBOR, TRUSTSQL_JSON };

/* A proof in the form asked for. Does not check it. Free *out with trustsql_bytes_free. */
TRUSTSQL_API TRUSTSQL_CHECK enum trustsql_status trustsql_proof_form(
    const struct trustsql *lib,
    struct trustsql_bytes *out,
    enum trustsql_form form,
    const struct trustsql_bytes *proof);

#ifdef __cplusplus
}
#endif

#endif
