/* scram.c - The exchange of RFC 5802 section 5, server side.
 *
 *   client-first  = gs2-header client-first-bare     gs2-header = ("n" | "y") "," ","
 *   client-first-bare = "n=" name ",r=" client-nonce [extensions]
 *   server-first  = "r=" client-nonce server-nonce ",s=" base64(salt) ",i=" iterations
 *   client-final  = "c=" base64(gs2-header) ",r=" nonces [extensions] ",p=" base64(proof)
 *   server-final  = "v=" base64(HMAC(server-key, auth-message))
 *   auth-message  = client-first-bare "," server-first "," client-final without ",p=…"
 *
 * The name in client-first is ignored, as PostgreSQL does: the start-up message named the user.
 * All cryptography is OpenSSL's; Base64 and comparison are libsodium's, in constant time. */
#include "custody/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sodium.h>

#include "base/must.h"

#define AUTH_MESSAGE_MAX ((size_t)3 * SCRAM_MESSAGE_MAX)
#define BASE64           sodium_base64_VARIANT_ORIGINAL

enum scram_state { SCRAM_FIRST, SCRAM_FINAL, SCRAM_OVER };

struct scram {
    struct mem *mem;
    struct scram_verifier verifier;
    enum scram_state state;
    bool is_mock;
    char gs2; /* 'n' or 'y', which client-final must repeat. */
    uint8_t nonce_size;
    uint8_t nonce[SCRAM_NONCE_MAX];
    struct buf auth;  /* The auth-message as far as known. */
    size_t nonces_at; /* Both parts of the nonce, inside auth. */
    size_t nonces_size;
};

_Static_assert(SCRAM_KEY_SIZE == SHA256_DIGEST_LENGTH, "keys are SHA-256 sized");
_Static_assert(SCRAM_NONCE_TEXT == SCRAM_NONCE_SIZE / 3 * 4 + 1, "Base64 without padding");

static void hmac(uint8_t out[SCRAM_KEY_SIZE], const uint8_t key[SCRAM_KEY_SIZE], struct span data);
static void put_base64(struct buf *to, struct span bytes);
static enum status step_first(struct scram *s, struct span client, struct buf *reply);
static enum status step_final(struct scram *s, struct span client, struct buf *reply);
static bool take_text(struct span *at, const char *text);
static struct span take_value(struct span *at);
static bool proof_is_right(const struct scram *s, const uint8_t proof[SCRAM_KEY_SIZE]);

enum status scram_verifier_make(struct scram_verifier *out,
                                struct span password,
                                const uint8_t salt[SCRAM_SALT_SIZE])
{
    must(password.size <= INT32_MAX);
    uint8_t salted[SCRAM_KEY_SIZE];
    if (PKCS5_PBKDF2_HMAC((const char *)password.data, (int)password.size, salt, SCRAM_SALT_SIZE,
                          (int)SCRAM_ITERATIONS, EVP_sha256(), sizeof salted, salted) != 1)
        return ST_NO_MEMORY;
    uint8_t client_key[SCRAM_KEY_SIZE];
    hmac(client_key, salted, span_text("Client Key"));
    out->iterations = SCRAM_ITERATIONS;
    memcpy(out->salt, salt, SCRAM_SALT_SIZE);
    (void)SHA256(client_key, sizeof client_key, out->stored_key);
    hmac(out->server_key, salted, span_text("Server Key"));
    mem_wipe(client_key, sizeof client_key);
    mem_wipe(salted, sizeof salted);
    return ST_OK;
}

void scram_verifier_mock(struct scram_verifier *out, const uint8_t secret[32], struct span name)
{
    uint8_t digest[SCRAM_KEY_SIZE];
    hmac(digest, secret, name);
    out->iterations = SCRAM_ITERATIONS;
    memcpy(out->salt, digest, SCRAM_SALT_SIZE);
    hmac(out->stored_key, secret, span_of(digest, sizeof digest));
    hmac(out->server_key, out->stored_key, span_of(digest, sizeof digest));
    mem_wipe(digest, sizeof digest);
}

void scram_nonce_text(char out[SCRAM_NONCE_TEXT], const uint8_t random[SCRAM_NONCE_SIZE])
{
    (void)sodium_bin2base64(out, SCRAM_NONCE_TEXT, random, SCRAM_NONCE_SIZE, BASE64);
}

enum status scram_new(struct scram **out,
                      struct mem *mem,
                      const struct scram_verifier *verifier,
                      bool is_mock,
                      struct span nonce)
{
    must(nonce.size > 0);
    must(nonce.size <= SCRAM_NONCE_MAX);
    must(verifier->iterations > 0);
    struct scram *s = mem_alloc_zero(mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->mem = mem;
    s->verifier = *verifier;
    s->is_mock = is_mock;
    s->nonce_size = (uint8_t)nonce.size;
    memcpy(s->nonce, nonce.data, nonce.size);
    buf_init(&s->auth, mem, AUTH_MESSAGE_MAX);
    *out = s;
    return ST_OK;
}

void scram_free(struct scram *s)
{
    if (s == NULL) return;
    buf_fini(&s->auth);
    struct mem *mem = s->mem;
    mem_wipe(s, sizeof *s);
    mem_free(mem, s);
}

enum status scram_step(struct scram *s, struct span client, struct buf *reply, bool *is_done)
{
    enum scram_state state = s->state;
    s->state = SCRAM_OVER; /* Unless all goes well below. */
    *is_done = false;
    if (client.size > SCRAM_MESSAGE_MAX) return ST_INVALID;
    switch (state) {
    case SCRAM_FIRST:
        TRY(step_first(s, client, reply));
        s->state = SCRAM_FINAL;
        return ST_OK;
    case SCRAM_FINAL:
        TRY(step_final(s, client, reply));
        *is_done = true;
        return ST_OK;
    case SCRAM_OVER: return ST_INVALID;
    }
    return ST_INVALID;
}

static enum status step_first(struct scram *s, struct span client, struct buf *reply)
{
    struct span at = client;
    if (take_text(&at, "n,,")) {
        s->gs2 = 'n';
    } else if (take_text(&at, "y,,")) {
        s->gs2 = 'y';
    } else {
        return ST_INVALID; /* Channel binding, another identity, or nonsense. */
    }
    struct span bare = at;
    if (!take_text(&at, "n=")) return ST_INVALID;
    (void)take_value(&at);
    if (!take_text(&at, ",r=")) return ST_INVALID;
    struct span nonce = take_value(&at);
    if (nonce.size == 0) return ST_INVALID;

    buf_put(&s->auth, bare);
    buf_put_u8(&s->auth, ',');
    size_t first_at = s->auth.size;
    buf_put_text(&s->auth, "r=");
    s->nonces_at = s->auth.size;
    buf_put(&s->auth, nonce);
    buf_put(&s->auth, span_of(s->nonce, s->nonce_size));
    s->nonces_size = s->auth.size - s->nonces_at;
    buf_put_text(&s->auth, ",s=");
    put_base64(&s->auth, span_of(s->verifier.salt, SCRAM_SALT_SIZE));
    buf_printf(&s->auth, ",i=%u", s->verifier.iterations);
    TRY(buf_status(&s->auth));
    buf_put(reply, span_of(s->auth.data + first_at, s->auth.size - first_at));
    return buf_status(reply);
}

static enum status step_final(struct scram *s, struct span client, struct buf *reply)
{
    must(s->nonces_size > s->nonce_size);
    struct span at = client;
    if (!take_text(&at, s->gs2 == 'n' ? "c=biws,r=" : "c=eSws,r=")) return ST_INVALID;
    struct span nonces = take_value(&at);
    if (!span_equal(nonces, span_of(s->auth.data + s->nonces_at, s->nonces_size)))
        return ST_INVALID;
    struct span before_proof = span_of(client.data, client.size - at.size);
    while (at.size > 0 && !take_text(&at, ",p=")) { /* Extensions are part of what is signed. */
        at = span_of(at.data + 1, at.size - 1);
        (void)take_value(&at);
        before_proof.size = client.size - at.size;
    }
    uint8_t proof[SCRAM_KEY_SIZE];
    size_t proof_size = 0;
    if (at.size == 0 || sodium_base642bin(proof, sizeof proof, (const char *)at.data, at.size, NULL,
                                          &proof_size, NULL, BASE64) != 0)
        return ST_INVALID;
    if (proof_size != sizeof proof) return ST_INVALID;

    buf_put_u8(&s->auth, ',');
    buf_put(&s->auth, before_proof);
    TRY(buf_status(&s->auth));
    bool is_right = proof_is_right(s, proof);
    if (!is_right || s->is_mock) return ST_DENIED;
    uint8_t signature[SCRAM_KEY_SIZE];
    hmac(signature, s->verifier.server_key, buf_span(&s->auth));
    buf_put_text(reply, "v=");
    put_base64(reply, span_of(signature, sizeof signature));
    return buf_status(reply);
}

/* client key = proof xor HMAC(stored key, auth-message); right when its hash is the stored key. */
static bool proof_is_right(const struct scram *s, const uint8_t proof[SCRAM_KEY_SIZE])
{
    uint8_t client_key[SCRAM_KEY_SIZE];
    uint8_t stored_key[SCRAM_KEY_SIZE];
    hmac(client_key, s->verifier.stored_key, buf_span(&s->auth));
    for (size_t i = 0; i < SCRAM_KEY_SIZE; i++)
        client_key[i] ^= proof[i];
    (void)SHA256(client_key, sizeof client_key, stored_key);
    bool is_right = sodium_memcmp(stored_key, s->verifier.stored_key, SCRAM_KEY_SIZE) == 0;
    mem_wipe(client_key, sizeof client_key);
    return is_right;
}

static void hmac(uint8_t out[SCRAM_KEY_SIZE], const uint8_t key[SCRAM_KEY_SIZE], struct span data)
{
    unsigned int size = 0;
    const uint8_t *done =
        HMAC(EVP_sha256(), key, (int)SCRAM_KEY_SIZE, data.data, data.size, out, &size);
    must(done != NULL);
    must(size == SCRAM_KEY_SIZE);
}

static void put_base64(struct buf *to, struct span bytes)
{
    size_t size = sodium_base64_encoded_len(bytes.size, BASE64);
    uint8_t *room = buf_extend(to, size);
    if (room == NULL) return;
    (void)sodium_bin2base64((char *)room, size, bytes.data, bytes.size, BASE64);
    to->size -= 1; /* The terminating 0. */
}

static bool take_text(struct span *at, const char *text)
{
    size_t size = strlen(text);
    if (at->size < size || memcmp(at->data, text, size) != 0) return false;
    *at = span_of(at->data + size, at->size - size);
    return true;
}

/* Up to the next comma, which stays. */
static struct span take_value(struct span *at)
{
    size_t size = 0;
    while (size < at->size && at->data[size] != ',')
        size++;
    struct span value = span_of(at->data, size);
    *at = span_of(at->data + size, at->size - size);
    return value;
}
