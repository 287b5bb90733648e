/* key_file.c - The text of a key file (docs/format/key.md).
 *
 *   trustsql key 1
 *   scheme secp256k1 | ed25519
 *   address ADDRESS
 *   public HEX
 *   then   secret HEX
 *   or     sealed argon2id PASSES KIB SALT NONCE BOX
 *
 * One space, one line feed at the end of each line. Reading makes the key from the secret and
 * prints the file again in the clear to compare, so that a damaged address or public key is found.
 */
#include "base/hex.h"
#include "base/must.h"
#include "client/client_int.h"
#include "crypto/passphrase.h"

#define HEX_BYTES_MAX   PASSPHRASE_SEALED_SIZE /* The longest of all. */
#define SEAL_PASSES     3u
#define SEAL_MEMORY_KIB 65536u

struct text { /* What is left to read. */
    struct span left;
    bool failed;
};

static void put_hex(struct buf *out, const uint8_t *bytes, size_t size);
static void put_head(struct buf *out, const struct trustsql_key *key);
static const char *scheme_name(uint8_t scheme);
static void expect(struct text *t, const char *word);
static bool starts(const struct text *t, const char *word);
static void get_hex(struct text *t, uint8_t *to, size_t size);
static uint32_t get_number(struct text *t);
static void skip_lines(struct text *t, int count);
static enum status open_sealed(struct text *t,
                               uint8_t secret[SIGN_SECRET_SIZE],
                               const char *passphrase);

enum status key_file_print(const struct trustsql *lib,
                           struct buf *out,
                           const struct trustsql_key *key,
                           const char *passphrase)
{
    put_head(out, key);
    if (passphrase == NULL) {
        buf_put_text(out, "secret ");
        put_hex(out, key->secret, sizeof key->secret);
        buf_put_text(out, "\n");
        return buf_status(out);
    }
    struct passphrase_box box = {.passes = SEAL_PASSES, .memory_kib = SEAL_MEMORY_KIB};
    lib->os->entropy(lib->os, box.salt, sizeof box.salt);
    lib->os->entropy(lib->os, box.nonce, sizeof box.nonce);
    TRY(passphrase_seal(&box, key->secret, span_text(passphrase)));
    buf_printf(out, "sealed argon2id %u %u ", (unsigned)box.passes, (unsigned)box.memory_kib);
    put_hex(out, box.salt, sizeof box.salt);
    buf_put_text(out, " ");
    put_hex(out, box.nonce, sizeof box.nonce);
    buf_put_text(out, " ");
    put_hex(out, box.sealed, sizeof box.sealed);
    buf_put_text(out, "\n");
    return buf_status(out);
}

enum status key_file_parse(const struct trustsql *lib,
                           struct trustsql_key *out,
                           struct span text,
                           const char *passphrase)
{
    struct text t = {.left = text};
    struct trustsql_key key = {0};
    struct secret_key secret = {0};
    expect(&t, "trustsql key 1\nscheme ");
    secret.scheme = starts(&t, "ed25519") ? SIGN_ED25519 : SIGN_SECP256K1;
    skip_lines(&t, 3);
    size_t head_size = text.size - t.left.size;
    enum status st = ST_OK;
    if (starts(&t, "sealed ")) {
        st = open_sealed(&t, secret.bytes, passphrase);
    } else {
        expect(&t, "secret ");
        get_hex(&t, secret.bytes, sizeof secret.bytes);
        expect(&t, "\n");
    }
    if (st == ST_OK && (t.failed || t.left.size > 0)) st = ST_INVALID;
    if (st == ST_OK) st = client_key_of(lib, &key, &secret);
    uint8_t bytes[KEY_FILE_SIZE_MAX];
    struct buf again;
    buf_init_fixed(&again, bytes, sizeof bytes);
    if (st == ST_OK) put_head(&again, &key);
    if (st == ST_OK && !span_equal(buf_span(&again), span_of(text.data, head_size)))
        st = ST_INVALID;
    if (st == ST_OK) *out = key;
    mem_wipe(&key, sizeof key);
    mem_wipe(&secret, sizeof secret);
    return st;
}

static const char *scheme_name(uint8_t scheme)
{
    return scheme == SIGN_ED25519 ? "ed25519" : "secp256k1";
}

static void put_head(struct buf *out, const struct trustsql_key *key)
{
    must(key->public_size <= sizeof key->public_key);
    buf_put_text(out, "trustsql key 1\nscheme ");
    buf_put_text(out, scheme_name(key->scheme));
    buf_put_text(out, "\naddress ");
    buf_put_text(out, key->address);
    buf_put_text(out, "\npublic ");
    put_hex(out, key->public_key, key->public_size);
    buf_put_text(out, "\n");
}

static void put_hex(struct buf *out, const uint8_t *bytes, size_t size)
{
    char digits[2 * HEX_BYTES_MAX + 1];
    must(size <= HEX_BYTES_MAX);
    hex_encode(digits, span_of(bytes, size));
    buf_put_text(out, digits);
    mem_wipe(digits, sizeof digits);
}

static bool starts(const struct text *t, const char *word)
{
    size_t size = strlen(word);
    return !t->failed && t->left.size >= size && memcmp(t->left.data, word, size) == 0;
}

static void skip(struct text *t, size_t size)
{
    must(size <= t->left.size);
    t->left = span_of(t->left.data + size, t->left.size - size);
}

static void expect(struct text *t, const char *word)
{
    if (starts(t, word)) {
        skip(t, strlen(word));
    } else {
        t->failed = true;
    }
}

static void get_hex(struct text *t, uint8_t *to, size_t size)
{
    bool is_there = !t->failed && t->left.size >= 2 * size;
    if (is_there && hex_decode(to, size, span_of(t->left.data, 2 * size)) == ST_OK) {
        skip(t, 2 * size);
    } else {
        memset(to, 0, size);
        t->failed = true;
    }
}

/* Up to seven digits, no leading zero. */
static uint32_t get_number(struct text *t)
{
    uint32_t value = 0;
    size_t size = 0;
    while (!t->failed && size < 7 && size < t->left.size && t->left.data[size] >= '0' &&
           t->left.data[size] <= '9')
        value = value * 10 + (uint32_t)(t->left.data[size++] - '0');
    if (t->failed || size == 0 || t->left.data[0] == '0') {
        t->failed = true;
        return 0;
    }
    skip(t, size);
    return value;
}

/* What they say is compared with the key later. */
static void skip_lines(struct text *t, int count)
{
    for (int line = 0; line < count && !t->failed; line++) {
        const uint8_t *end = t->left.size == 0 ? NULL : memchr(t->left.data, '\n', t->left.size);
        if (end == NULL) {
            t->failed = true;
        } else {
            skip(t, (size_t)(end - t->left.data) + 1);
        }
    }
}

static enum status open_sealed(struct text *t,
                               uint8_t secret[SIGN_SECRET_SIZE],
                               const char *passphrase)
{
    struct passphrase_box box = {0};
    expect(t, "sealed argon2id ");
    box.passes = get_number(t);
    expect(t, " ");
    box.memory_kib = get_number(t);
    expect(t, " ");
    get_hex(t, box.salt, sizeof box.salt);
    expect(t, " ");
    get_hex(t, box.nonce, sizeof box.nonce);
    expect(t, " ");
    get_hex(t, box.sealed, sizeof box.sealed);
    expect(t, "\n");
    if (t->failed) return ST_INVALID;
    if (passphrase == NULL) return ST_DENIED;
    return passphrase_open(secret, &box, span_text(passphrase));
}
