/* account_id.c - Addresses: RIPEMD-160 over SHA-256, written in Base58Check.
 *
 * Text = base58(version ‖ id ‖ first 4 bytes of SHA-256(SHA-256(version ‖ id))). base58 reads the
 * 25 bytes as one big-endian number; each leading zero byte becomes a leading '1'. */
#define OPENSSL_API_COMPAT 0x10100000L
#include "crypto/account_id.h"

#include <openssl/ripemd.h>

#include "base/must.h"

#define PAYLOAD_SIZE      (1u + ACCOUNT_ID_SIZE)
#define CHECKSUM_SIZE     4u
#define RAW_SIZE          (PAYLOAD_SIZE + CHECKSUM_SIZE)

#define VERSION_SECP256K1 0u
#define VERSION_ED25519   33u

_Static_assert(RAW_SIZE * 138 / 100 + 2 <= ACCOUNT_TEXT_MAX, "log(256)/log(58) < 1.38");

static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

static struct hash checksum(const uint8_t payload[PAYLOAD_SIZE]);
static size_t base58_text(char out[ACCOUNT_TEXT_MAX], const uint8_t raw[RAW_SIZE]);
static enum status base58_raw(uint8_t raw[RAW_SIZE], const char *text);

struct account_id account_id_of(const struct public_key *key)
{
    must(public_key_is_formed(key));
    struct hash inner = hash_of("", span_of(key->bytes, key->size));
    struct account_id id = {.version =
                                key->scheme == SIGN_ED25519 ? VERSION_ED25519 : VERSION_SECP256K1};
    RIPEMD160_CTX state;
    must(RIPEMD160_Init(&state) == 1);
    must(RIPEMD160_Update(&state, inner.bytes, HASH_SIZE) == 1);
    must(RIPEMD160_Final(id.bytes, &state) == 1);
    return id;
}

void account_id_text(char out[ACCOUNT_TEXT_MAX], const struct account_id *id)
{
    uint8_t raw[RAW_SIZE];
    raw[0] = id->version;
    memcpy(raw + 1, id->bytes, ACCOUNT_ID_SIZE);
    struct hash sum = checksum(raw);
    memcpy(raw + PAYLOAD_SIZE, sum.bytes, CHECKSUM_SIZE);
    size_t size = base58_text(out, raw);
    must(size < ACCOUNT_TEXT_MAX);
}

enum status account_id_parse(struct account_id *out, const char *text)
{
    uint8_t raw[RAW_SIZE];
    TRY(base58_raw(raw, text));
    if (!account_version_is_known(raw[0])) return ST_INVALID;
    struct hash sum = checksum(raw);
    if (memcmp(raw + PAYLOAD_SIZE, sum.bytes, CHECKSUM_SIZE) != 0) return ST_INVALID;
    out->version = raw[0];
    memcpy(out->bytes, raw + 1, ACCOUNT_ID_SIZE);
    return ST_OK;
}

bool account_version_is_known(uint8_t version)
{
    return version == VERSION_SECP256K1 || version == VERSION_ED25519;
}

static struct hash checksum(const uint8_t payload[PAYLOAD_SIZE])
{
    struct hash once = hash_of("", span_of(payload, PAYLOAD_SIZE));
    return hash_of("", hash_span(&once));
}

/* Length of the text; the text ends with 0. */
static size_t base58_text(char out[ACCOUNT_TEXT_MAX], const uint8_t raw[RAW_SIZE])
{
    uint8_t digits[ACCOUNT_TEXT_MAX] = {0}; /* Base 58, least significant first. */
    size_t count = 0;
    for (size_t i = 0; i < RAW_SIZE; i++) {
        uint32_t carry = raw[i];
        for (size_t j = 0; j < count || carry != 0; j++) {
            must(j < ACCOUNT_TEXT_MAX);
            carry += (uint32_t)digits[j] * 256u;
            digits[j] = (uint8_t)(carry % 58u);
            carry /= 58u;
            if (j >= count) count = j + 1;
        }
    }
    size_t size = 0;
    for (size_t i = 0; i < RAW_SIZE && raw[i] == 0; i++)
        out[size++] = alphabet[0];
    while (count > 0)
        out[size++] = alphabet[digits[--count]];
    out[size] = 0;
    return size;
}

/* ST_INVALID unless text is the one form of exactly RAW_SIZE bytes. */
static enum status base58_raw(uint8_t raw[RAW_SIZE], const char *text)
{
    memset(raw, 0, RAW_SIZE);
    for (size_t at = 0; text[at] != 0; at++) {
        const char *found = strchr(alphabet, text[at]);
        if (found == NULL || at >= ACCOUNT_TEXT_MAX) return ST_INVALID;
        uint32_t carry = (uint32_t)(found - alphabet);
        for (size_t i = RAW_SIZE; i-- > 0;) {
            carry += (uint32_t)raw[i] * 58u;
            raw[i] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry != 0) return ST_INVALID;
    }
    char again[ACCOUNT_TEXT_MAX];
    (void)base58_text(again, raw);
    return strcmp(again, text) == 0 ? ST_OK : ST_INVALID;
}
