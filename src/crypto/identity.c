/* identity.c - identity.h over OpenSSL's X509. */
#include "crypto/identity.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/must.h"

#define NAME           "trustsql node"
#define SECONDS_MAX    2524607999u /* End of 2049: UTCTime, the form that dates before 2050 have. */
#define ED25519_PUBLIC 32u

static bool certificate_fill(X509 *x, EVP_PKEY *key, const struct identity_span *valid);
static bool certificate_append(struct buf *out, X509 *x);

enum status identity_certificate_make(struct buf *out,
                                      const struct secret_key *secret,
                                      const struct identity_span *valid)
{
    if (secret->scheme != SIGN_ED25519) return ST_INVALID;
    if (valid->from_s > valid->until_s || valid->until_s > SECONDS_MAX) return ST_INVALID;
    EVP_PKEY *key =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret->bytes, SIGN_SECRET_SIZE);
    X509 *x = X509_new();
    enum status st = ST_NO_MEMORY;
    if (key != NULL && x != NULL && certificate_fill(x, key, valid) && certificate_append(out, x)) {
        st = buf_status(out);
    }
    X509_free(x);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return st;
}

enum status identity_certificate_key(struct public_key *out, struct span der)
{
    if (der.size == 0 || der.size > IDENTITY_CERTIFICATE_MAX) return ST_INVALID;
    struct public_key found = {.scheme = SIGN_ED25519, .size = ED25519_PUBLIC};
    size_t size = ED25519_PUBLIC;
    enum status st = ST_INVALID;
    const unsigned char *at = der.data;
    X509 *x = d2i_X509(NULL, &at, (long)der.size);
    if (x == NULL || at != der.data + der.size) goto out;
    EVP_PKEY *key = X509_get0_pubkey(x);
    if (key == NULL || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) goto out;
    if (EVP_PKEY_get_raw_public_key(key, found.bytes, &size) != 1) goto out;
    must(size == ED25519_PUBLIC);
    *out = found;
    st = ST_OK;
out:
    X509_free(x);
    ERR_clear_error();
    return st;
}

enum status identity_certificate_pem(struct buf *out, struct span der)
{
    const unsigned char *at = der.data;
    if (der.size == 0 || der.size > IDENTITY_CERTIFICATE_MAX) return ST_INVALID;
    X509 *x = d2i_X509(NULL, &at, (long)der.size);
    BIO *bio = BIO_new(BIO_s_mem());
    enum status st = x == NULL ? ST_INVALID : ST_NO_MEMORY;
    char *text = NULL;
    if (x != NULL && bio != NULL && PEM_write_bio_X509(bio, x) == 1) {
        long size = BIO_get_mem_data(bio, &text);
        must(size > 0);
        buf_put(out, span_of(text, (size_t)size));
        st = buf_status(out);
    }
    BIO_free(bio);
    X509_free(x);
    ERR_clear_error();
    return st;
}

/* The serial number is the beginning of validity: a later certificate has a higher one. */
static bool certificate_fill(X509 *x, EVP_PKEY *key, const struct identity_span *valid)
{
    X509_NAME *name = X509_get_subject_name(x);
    return X509_set_version(x, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), valid->from_s + 1) == 1 &&
           ASN1_TIME_set(X509_getm_notBefore(x), (time_t)valid->from_s) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(x), (time_t)valid->until_s) != NULL &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)NAME, -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 &&
           X509_sign(x, key, NULL) > 0;
}

static bool certificate_append(struct buf *out, X509 *x)
{
    int size = i2d_X509(x, NULL);
    if (size <= 0) return false;
    must((size_t)size <= IDENTITY_CERTIFICATE_MAX);
    uint8_t *room = buf_extend(out, (size_t)size);
    if (room == NULL) return true; /* The buffer's status tells. */
    unsigned char *at = room;
    must(i2d_X509(x, &at) == size);
    return true;
}
