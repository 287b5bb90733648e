/* tx.h - The signed transaction: wire form, signed hash, checks that need nothing but its bytes.
 *
 * Format and hashes: docs/format/transaction.md. A decoded transaction borrows the encoded bytes
 * and takes its arrays from an arena. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_TX_H
#define TRUSTSQL_LEDGER_TX_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"
#include "crypto/account_id.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

#define TX_VERSION         1u
#define TX_BYTES_MAX       (16u << 20)
#define TX_OPS_MAX         65536u
#define TX_PARAMS_MAX      65535u /* Per operation; PostgreSQL's own limit. */
#define TX_SIGNERS_MAX     16u
#define TX_AUTHS_MAX       64u        /* Per operation. */
#define TX_ITEMS_MAX       (1u << 18) /* Parameters and auths of all operations together. */
#define TX_RESERVED_MAX    256u
#define TX_LEDGER_MAX      63u
#define TX_IDEMPOTENCY_MAX 255u
#define TX_SPAN_MS_MAX     600000u /* Ten minutes: valid_until_ms - block time at inclusion. */
#define TX_SPAN_BLOCKS_MAX 65536u  /* valid_until_height - height at inclusion. */

enum tx_op_kind { TX_OP_SQL = 1, TX_OP_CONTRACT = 2, TX_OP_MODULE = 3 };

struct tx_param {
    uint32_t type;          /* PostgreSQL type OID; 0 when purged. */
    bool is_purged;         /* Only the commitment is left. */
    struct span value;      /* One CBOR item: null, bool, int, text, bytes or float. */
    struct hash salt;       /* Set by tx_decode and tx_hash; unknown when purged. */
    struct hash commitment; /* H("val" ‖ salt ‖ [type, value]). Set by tx_decode and tx_hash. */
};

struct tx_auth { /* A signature of an end user over bytes of another protocol. */
    uint8_t scheme;
    struct span key;
    struct span signed_bytes; /* Committed like a value; may be purged. */
    bool is_purged;
    struct hash salt;
    struct hash commitment; /* H("auth" ‖ salt ‖ signed bytes). */
    struct span signature;
};

struct tx_op {
    enum tx_op_kind kind;
    struct span text; /* SQL text, or the name of a contract or module call. */
    struct tx_param *params;
    struct tx_auth *auths;
    uint32_t param_count;
    uint32_t auth_count;
};

struct tx_reserved { /* Values of a sequence taken when an interactive transaction began. */
    uint64_t sequence_id;
    uint64_t first;
    uint64_t count;
};

struct tx {
    struct hash chain_id;
    struct span ledger; /* Name, 1…TX_LEDGER_MAX bytes. */
    struct account_id account;
    uint64_t nonce;
    uint64_t valid_until_ms;
    uint64_t valid_until_height;
    uint64_t now_ms; /* 0: now() is the block's time. */
    struct tx_reserved *reserved;
    struct span idempotency_key; /* Size 0: none. */
    struct tx_op *ops;
    struct public_key *signers;   /* The first is the account's key. */
    struct signature *signatures; /* One for each signer, over txid. */
    bool is_redacted;             /* Salts stand beside the values; there is no secret. */
    uint8_t secret[32];           /* Salts derive from it; zero when there are no items. */
    uint32_t reserved_count;
    uint32_t op_count;
    uint32_t signer_count;

    struct span bytes; /* The encoding this was decoded from. */
    struct hash txid;  /* The signed hash. */
    struct hash leaf;  /* tx_root leaf: RFC 9162 leaf over txid ‖ H("sigs" ‖ signatures). */
    struct hash full;  /* H("txfull" ‖ bytes): key of the verification cache. */
};

/* Decode canonical bytes; t borrows them, arrays come from a. Sets txid, leaf, full, salts and
 * commitments. ST_INVALID, ST_TRUNCATED, ST_LIMIT, ST_NO_MEMORY. Signatures are not checked. A
 * redacted transaction decodes too (is_redacted): it proves, but cannot be executed. */
NODISCARD enum status tx_decode(struct tx *t, struct arena *a, struct span bytes);

/* Signed hash (txid) of a transaction under construction: all but signatures set, not redacted.
 * Also sets salts and commitments, and clears a secret that salts nothing. ST_LIMIT or ST_INVALID
 * when it could not be decoded again. */
NODISCARD enum status tx_hash(struct tx *t);

/* Append the canonical encoding; failure sticks in out. After tx_hash or tx_decode. To redact: set
 * is_redacted, and is_purged where a value is to go, then encode. */
void tx_encode(const struct tx *t, struct buf *out);

/* Every signature over txid; the first signer's key belongs to nobody in particular here: whether
 * it is the account's key is chain state. ST_OK, ST_SIGNATURE, ST_INVALID. */
NODISCARD enum status tx_verify(const struct tx *t, const struct signer *signer);

/* The same with a cache of keys of the calling thread; null: none. */
NODISCARD enum status tx_verify_cached(const struct tx *t,
                                       const struct signer *signer,
                                       struct key_cache *cache);

/* Span rule of consensus.md 1.15 at a block of this time and height. ST_OK or ST_EXPIRED. */
NODISCARD enum status tx_check_span(const struct tx *t, uint64_t block_time_ms, uint64_t height);

#endif
