/* tls.c - See tls.h. The BIO of a connection reads from the span of tls_input and writes to output:
 * no buffer of OpenSSL's lies between. */
#include "p2p/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "base/must.h"

#define SUITES               "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS               "X25519"
#define SUITES_DOOR          SUITES ":TLS_AES_256_GCM_SHA384"
#define GROUPS_DOOR          "X25519:P-256" /* For clients that may use nothing else. */
#define SIGNATURES           "ed25519"
#define CERTIFICATES_MAX     4096 /* Bytes of a peer's certificates in its message. */
#define RECORDS_PER_KEY      (1u << 22)
#define ALERT_OF_REASON(why) ((why)-SSL_AD_REASON_OFFSET)

struct tls_context {
    struct mem *mem;
    uint32_t refs; /* Its owner's and one of each connection. */
    SSL_CTX *ssl;
    BIO_METHOD *bio;
    struct secret_key key;
    bool is_door; /* Clients show no certificate. */
};

struct tls {
    struct mem *mem;
    struct tls_context *context;
    SSL *ssl;
    struct tls_events events;
    struct span input;
    uint32_t records; /* Written with this key. */
    bool is_failed;   /* OpenSSL must not be called again. */
    char failure[TLS_TEXT_MAX];
};

static enum status context_new(struct tls_context **out,
                               struct mem *mem,
                               const struct secret_key *key,
                               const struct identity_span *valid,
                               bool is_door);
static bool context_settle(struct tls_context *c);
static bool bio_method_make(struct tls_context *c);
static bool connection_settle(struct tls *t, struct tls_context *c, bool is_client);
static int verify(X509_STORE_CTX *store, void *unused);
static bool certificate_is_welcome(struct tls *t, X509 *certificate);
static int bio_write(BIO *bio, const char *bytes, int size);
static int bio_read(BIO *bio, char *to, int size);
static long bio_control(BIO *bio, int command, long number, void *pointer);
static enum status outcome(struct tls *t, int result);
static void failure_note(struct tls *t);
static void text_set(struct tls *t, const char *first, const char *second);

/* --- context ------------------------------------------------------------------------------- */

enum status tls_context_new(struct tls_context **out,
                            struct mem *mem,
                            const struct secret_key *key,
                            const struct identity_span *valid)
{
    return context_new(out, mem, key, valid, false);
}

enum status tls_context_new_door(struct tls_context **out,
                                 struct mem *mem,
                                 const struct secret_key *key,
                                 const struct identity_span *valid)
{
    return context_new(out, mem, key, valid, true);
}

static enum status context_new(struct tls_context **out,
                               struct mem *mem,
                               const struct secret_key *key,
                               const struct identity_span *valid,
                               bool is_door)
{
    /* No configuration file of the machine decides what is accepted here. */
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) return ST_NO_MEMORY;
    struct tls_context *c = mem_alloc_zero(mem, 1, sizeof(*c));
    if (c == NULL) return ST_NO_MEMORY;
    c->mem = mem;
    c->refs = 1;
    c->key = *key;
    c->is_door = is_door;
    c->ssl = SSL_CTX_new(TLS_method());
    enum status st = ST_NO_MEMORY;
    if (c->ssl == NULL || !bio_method_make(c) || !context_settle(c)) goto out;
    st = tls_context_renew(c, valid);
    if (st != ST_OK) goto out;
    *out = c;
    return ST_OK;
out:
    tls_context_free(c);
    ERR_clear_error();
    return st;
}

void tls_context_free(struct tls_context *c)
{
    if (c == NULL) return;
    must(c->refs > 0);
    if (--c->refs > 0) return;
    SSL_CTX_free(c->ssl);
    BIO_meth_free(c->bio);
    mem_wipe(&c->key, sizeof(c->key));
    mem_free(c->mem, c);
}

enum status tls_context_renew(struct tls_context *c, const struct identity_span *valid)
{
    uint8_t bytes[IDENTITY_CERTIFICATE_MAX];
    struct buf der;
    buf_init_fixed(&der, bytes, sizeof(bytes));
    TRY(identity_certificate_make(&der, &c->key, valid));
    bool is_set = SSL_CTX_use_certificate_ASN1(c->ssl, (int)der.size, der.data) == 1;
    ERR_clear_error();
    return is_set ? ST_OK : ST_NO_MEMORY;
}

static bool context_settle(struct tls_context *c)
{
    char groups[] = GROUPS; /* Not changed, but the calls want them so. */
    char groups_door[] = GROUPS_DOOR;
    char signatures[] = SIGNATURES;
    EVP_PKEY *key =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, c->key.bytes, SIGN_SECRET_SIZE);
    bool is_set = key != NULL && SSL_CTX_use_PrivateKey(c->ssl, key) == 1 &&
                  SSL_CTX_set_min_proto_version(c->ssl, TLS1_3_VERSION) == 1 &&
                  SSL_CTX_set_max_proto_version(c->ssl, TLS1_3_VERSION) == 1 &&
                  SSL_CTX_set_ciphersuites(c->ssl, c->is_door ? SUITES_DOOR : SUITES) == 1 &&
                  SSL_CTX_set1_groups_list(c->ssl, c->is_door ? groups_door : groups) == 1 &&
                  SSL_CTX_set1_sigalgs_list(c->ssl, signatures) == 1 &&
                  SSL_CTX_set_num_tickets(c->ssl, 0) == 1;
    EVP_PKEY_free(key);
    if (!is_set) return false;
    (void)SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_cert_list(c->ssl, CERTIFICATES_MAX);
    if (c->is_door) return true;
    SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(c->ssl, verify, NULL);
    return true;
}

static bool bio_method_make(struct tls_context *c)
{
    c->bio = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "trustsql");
    return c->bio != NULL && BIO_meth_set_write(c->bio, bio_write) == 1 &&
           BIO_meth_set_read(c->bio, bio_read) == 1 && BIO_meth_set_ctrl(c->bio, bio_control) == 1;
}

/* --- connection ---------------------------------------------------------------------------- */

enum status tls_new(struct tls **out,
                    struct tls_context *c,
                    const struct tls_events *events,
                    bool is_client)
{
    must(events->output != NULL);
    must(events->key != NULL || c->is_door);
    struct tls *t = mem_alloc_zero(c->mem, 1, sizeof(*t));
    if (t == NULL) return ST_NO_MEMORY;
    t->mem = c->mem;
    t->context = c;
    c->refs++;
    t->events = *events;
    if (!connection_settle(t, c, is_client)) {
        tls_free(t);
        ERR_clear_error();
        return ST_NO_MEMORY;
    }
    *out = t;
    return ST_OK;
}

void tls_free(struct tls *t)
{
    if (t == NULL) return;
    SSL_free(t->ssl);
    tls_context_free(t->context);
    mem_free(t->mem, t);
}

void tls_input(struct tls *t, struct span bytes)
{
    must(t->input.size == 0);
    t->input = bytes;
}

enum status tls_handshake(struct tls *t)
{
    if (t->is_failed) return ST_REJECTED;
    ERR_clear_error();
    return outcome(t, SSL_do_handshake(t->ssl));
}

enum status tls_read(struct tls *t, void *to, size_t size, size_t *got)
{
    if (t->is_failed) return ST_REJECTED;
    ERR_clear_error();
    return outcome(t, SSL_read_ex(t->ssl, to, size, got));
}

enum status tls_write(struct tls *t, struct span bytes)
{
    size_t written = 0;
    if (t->is_failed) return ST_REJECTED;
    ERR_clear_error();
    /* Far below what one key of AES-GCM may seal. */
    if (++t->records % RECORDS_PER_KEY == 0)
        (void)SSL_key_update(t->ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
    enum status st = outcome(t, SSL_write_ex(t->ssl, bytes.data, bytes.size, &written));
    if (st == ST_OK) must(written == bytes.size);
    return st == ST_OK ? ST_OK : ST_REJECTED;
}

void tls_end(struct tls *t)
{
    if (t->is_failed || !SSL_is_init_finished(t->ssl)) return;
    (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}

const char *tls_failure(const struct tls *t)
{
    return t->failure;
}

static bool connection_settle(struct tls *t, struct tls_context *c, bool is_client)
{
    t->ssl = SSL_new(c->ssl);
    BIO *bio = BIO_new(c->bio);
    if (t->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio); /* Owned by the connection now. */
    if (SSL_set_app_data(t->ssl, t) != 1) return false;
    if (is_client)
        SSL_set_connect_state(t->ssl);
    else
        SSL_set_accept_state(t->ssl);
    return true;
}

/* --- whom we talk to ----------------------------------------------------------------------- */

/* Instead of OpenSSL's verification of chains. That the other side holds the key is proved by its
 * signature over the handshake, which OpenSSL checks after this. */
static int verify(X509_STORE_CTX *store, void *unused)
{
    (void)unused;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    must(ssl != NULL);
    if (certificate_is_welcome(SSL_get_app_data(ssl), X509_STORE_CTX_get0_cert(store))) return 1;
    X509_STORE_CTX_set_error(store,
                             X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT); /* Alert: unknown CA. */
    return 0;
}

static bool certificate_is_welcome(struct tls *t, X509 *certificate)
{
    unsigned char der[IDENTITY_CERTIFICATE_MAX];
    unsigned char *end = der;
    struct public_key key;
    int size = i2d_X509(certificate, NULL);
    if (size <= 0 || (size_t)size > sizeof(der) || i2d_X509(certificate, &end) != size)
        return false;
    if (identity_certificate_key(&key, span_of(der, (size_t)size)) != ST_OK) return false;
    return t->events.key(t->events.context, &key);
}

/* --- bytes --------------------------------------------------------------------------------- */

static int bio_write(BIO *bio, const char *bytes, int size)
{
    struct tls *t = BIO_get_data(bio);
    must(size > 0);
    BIO_clear_retry_flags(bio);
    return t->events.output(t->events.context, span_of(bytes, (size_t)size)) ? size : -1;
}

static int bio_read(BIO *bio, char *to, int size)
{
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (t->input.size == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t part = t->input.size < (size_t)size ? t->input.size : (size_t)size;
    memcpy(to, t->input.data, part);
    t->input = span_of(t->input.data + part, t->input.size - part);
    return (int)part;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/* --- what went wrong ----------------------------------------------------------------------- */

static enum status outcome(struct tls *t, int result)
{
    if (result == 1) return ST_OK;
    int why = SSL_get_error(t->ssl, result);
    if (why == SSL_ERROR_WANT_READ) return ST_BUSY;
    t->is_failed = true;
    t->input = span_of(NULL, 0);
    if (why == SSL_ERROR_ZERO_RETURN) {
        text_set(t, "the other side ended the connection", "");
        return ST_CLOSED;
    }
    failure_note(t);
    ERR_clear_error();
    return ST_REJECTED;
}

static void failure_note(struct tls *t)
{
    unsigned long error = ERR_peek_error();
    int why = ERR_GET_REASON(error);
    if (error == 0) {
        text_set(t, "TLS: the connection broke", "");
    } else if (ERR_GET_LIB(error) == ERR_LIB_SSL && why > SSL_AD_REASON_OFFSET) {
        int alert = ALERT_OF_REASON(why);
        if (alert == SSL_AD_UNKNOWN_CA) {
            text_set(t, "the other side does not know our key", " (TLS alert unknown CA)");
        } else {
            text_set(t, "the other side sent TLS alert ", SSL_alert_desc_string_long(alert));
        }
    } else {
        const char *reason = ERR_reason_error_string(error);
        text_set(t, "TLS: ", reason != NULL ? reason : "unknown failure");
    }
}

static void text_set(struct tls *t, const char *first, const char *second)
{
    struct buf text;
    buf_init_fixed(&text, t->failure, sizeof(t->failure) - 1);
    buf_put_text(&text, first);
    buf_put_text(&text, second);
    t->failure[text.size] = '\0';
}
