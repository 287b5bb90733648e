/* custody.c - The custody file: read at open, replaced at each change.
 *
 *   DIR/custody.key: 32 random bytes.
 *   DIR/custody:
 *     0   8  "TSQLCST1"                              authenticated
 *     8  24  nonce, new at each write                 authenticated
 *    32   n  XChaCha20-Poly1305 of the CBOR item, 16 bytes of tag at the end
 *   CBOR: [ [name, scheme, secret, public, iterations, salt, stored key, server key] … ]
 *
 * Invariants
 *   I1  Entries are sorted by name, strictly ascending.
 *   I2  A table is never changed once `c->table` points to it; a change makes a new one.
 *   I3  The table shown is one that was written durably (or read) first.
 *   I4  `writing` is held from copying the table to showing its successor; `showing` only around
 * reads of `c->table`, so that a lookup never waits for the disk. */
#include "custody/custody.h"

#include <sodium.h>

#include "base/must.h"
#include "codec/cbor.h"
#include "os/thread.h"

#define KEY_SIZE        crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_SIZE      crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE        crypto_aead_xchacha20poly1305_ietf_ABYTES
#define MAGIC_SIZE      8u
#define HEAD_SIZE       (MAGIC_SIZE + NONCE_SIZE)
#define ENTRY_FIELDS    8u
#define ENTRY_BYTES_MAX 320u
#define FILE_MAX        (HEAD_SIZE + TAG_SIZE + 16u + CUSTODY_ENTRIES_MAX * ENTRY_BYTES_MAX)

static const uint8_t magic[MAGIC_SIZE] = {'T', 'S', 'Q', 'L', 'C', 'S', 'T', '1'};

_Static_assert(KEY_SIZE == 32, "the key file holds 32 bytes");

struct entry {
    uint8_t name_size;
    uint8_t name[CUSTODY_NAME_MAX];
    struct secret_key secret;
    struct public_key public;
    struct scram_verifier verifier;
};

struct table {
    uint32_t count;
    struct entry entries[];
};

struct custody {
    struct os *os;
    struct mem *mem;
    const struct signer *signer;
    struct mutex *writing; /* I4. */
    struct mutex *showing; /* I4. */
    struct table *table;   /* I2, I3. */
    char path[OS_PATH_MAX];
    uint8_t key[KEY_SIZE];
    uint8_t mock_secret[32];
};

static enum status key_load(struct custody *c, const char *dir);
static enum status key_make(struct custody *c, const char *path);
static enum status table_load(struct custody *c);
static enum status table_new(struct custody *c, struct table **out, uint32_t count);
static void table_free(struct custody *c, struct table *t);
static enum status table_decode(struct custody *c, struct table **out, struct span plain);
static void entry_decode(struct cbor *in, struct entry *e);
static enum status table_seal(struct custody *c, const struct table *t, struct buf *sealed);
static enum status table_open(struct custody *c, struct span sealed, struct buf *plain);
static bool name_find(const struct table *t, struct span name, uint32_t *index);
static enum status entry_make(struct custody *c,
                              struct entry *e,
                              struct span name,
                              const struct secret_key *secret,
                              struct span password);
static enum status entry_copy(struct custody *c, struct span name, struct entry *out);
static enum status table_show(struct custody *c, struct table *t);

enum status custody_open(struct custody **out,
                         struct os *os,
                         struct mem *mem,
                         const char *dir,
                         const struct signer *signer)
{
    if (sodium_init() < 0) return ST_UNSUPPORTED;
    struct custody *c = mem_alloc_zero(mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    c->os = os;
    c->mem = mem;
    c->signer = signer;
    enum status st = os_path_join(c->path, dir, "custody");
    if (st != ST_OK) goto out;
    st = mutex_new(&c->writing, mem);
    if (st != ST_OK) goto out;
    st = mutex_new(&c->showing, mem);
    if (st != ST_OK) goto out;
    st = key_load(c, dir);
    if (st != ST_OK) goto out;
    st = table_load(c);
    if (st != ST_OK) goto out;
    *out = c;
    return ST_OK;
out:
    custody_close(c);
    return st;
}

void custody_close(struct custody *c)
{
    if (c == NULL) return;
    table_free(c, c->table);
    mutex_free(c->showing);
    mutex_free(c->writing);
    struct mem *mem = c->mem;
    mem_wipe(c, sizeof *c);
    mem_free(mem, c);
}

enum status custody_put(struct custody *c,
                        struct span name,
                        const struct secret_key *secret,
                        struct span password)
{
    struct entry e;
    enum status st = entry_make(c, &e, name, secret, password);
    if (st != ST_OK) goto out;
    mutex_lock(c->writing);
    const struct table *old = c->table;
    uint32_t at = 0;
    uint32_t replaced = name_find(old, name, &at) ? 1 : 0;
    struct table *t = NULL;
    st = table_new(c, &t, old->count + 1 - replaced);
    if (st == ST_OK) {
        memcpy(t->entries, old->entries, at * sizeof e);
        t->entries[at] = e;
        memcpy(t->entries + at + 1, old->entries + at + replaced,
               (old->count - at - replaced) * sizeof e);
        st = table_show(c, t);
    }
    mutex_unlock(c->writing);
out:
    mem_wipe(&e, sizeof e);
    return st;
}

enum status custody_remove(struct custody *c, struct span name)
{
    mutex_lock(c->writing);
    const struct table *old = c->table;
    uint32_t at = 0;
    struct table *t = NULL;
    enum status st = ST_NOT_FOUND;
    if (!name_find(old, name, &at)) goto out;
    st = table_new(c, &t, old->count - 1);
    if (st != ST_OK) goto out;
    memcpy(t->entries, old->entries, at * sizeof *t->entries);
    memcpy(t->entries + at, old->entries + at + 1, (t->count - at) * sizeof *t->entries);
    st = table_show(c, t);
out:
    mutex_unlock(c->writing);
    return st;
}

enum status custody_verifier(struct custody *c, struct span name, struct scram_verifier *out)
{
    struct entry e;
    enum status st = entry_copy(c, name, &e);
    if (st == ST_OK) *out = e.verifier;
    mem_wipe(&e, sizeof e);
    return st;
}

void custody_verifier_or_mock(struct custody *c,
                              struct span name,
                              struct scram_verifier *out,
                              bool *is_mock)
{
    /* Always made, so that the time does not tell whether the name exists. */
    scram_verifier_mock(out, c->mock_secret, name);
    *is_mock = custody_verifier(c, name, out) != ST_OK;
}

void custody_mock(struct custody *c, struct span name, struct scram_verifier *out)
{
    scram_verifier_mock(out, c->mock_secret, name);
}

enum status custody_public(struct custody *c, struct span name, struct public_key *out)
{
    struct entry e;
    enum status st = entry_copy(c, name, &e);
    if (st == ST_OK) *out = e.public;
    mem_wipe(&e, sizeof e);
    return st;
}

enum status custody_sign(struct custody *c,
                         struct span name,
                         const struct hash *hash,
                         struct signature *out)
{
    struct entry e;
    enum status st = entry_copy(c, name, &e);
    if (st == ST_OK) st = sign_hash(c->signer, out, &e.secret, hash);
    mem_wipe(&e, sizeof e);
    return st;
}

/* --- entries
 * -------------------------------------------------------------------------------------*/

static enum status entry_make(struct custody *c,
                              struct entry *e,
                              struct span name,
                              const struct secret_key *secret,
                              struct span password)
{
    memset(e, 0, sizeof *e);
    if (name.size == 0 || name.size > CUSTODY_NAME_MAX) return ST_LIMIT;
    if (password.size == 0 || password.size > CUSTODY_PASSWORD_MAX) return ST_LIMIT;
    if (!utf8_valid(name)) return ST_INVALID;
    e->name_size = (uint8_t)name.size;
    memcpy(e->name, name.data, name.size);
    e->secret = *secret;
    TRY(sign_public(c->signer, &e->public, secret));
    uint8_t salt[SCRAM_SALT_SIZE];
    c->os->entropy(c->os, salt, sizeof salt);
    return scram_verifier_make(&e->verifier, password, salt);
}

static struct span entry_name(const struct entry *e)
{
    return span_of(e->name, e->name_size);
}

/* Where name is, or where it would be put. */
static bool name_find(const struct table *t, struct span name, uint32_t *index)
{
    uint32_t low = 0;
    uint32_t high = t->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = span_compare(entry_name(&t->entries[middle]), name);
        if (order == 0) {
            *index = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return false;
}

static enum status entry_copy(struct custody *c, struct span name, struct entry *out)
{
    uint32_t at = 0;
    mutex_lock(c->showing);
    bool is_found = name_find(c->table, name, &at);
    if (is_found) *out = c->table->entries[at];
    mutex_unlock(c->showing);
    if (!is_found) memset(out, 0, sizeof *out);
    return is_found ? ST_OK : ST_NOT_FOUND;
}

/* --- tables
 * --------------------------------------------------------------------------------------*/

static enum status table_new(struct custody *c, struct table **out, uint32_t count)
{
    if (count > CUSTODY_ENTRIES_MAX) return ST_LIMIT;
    struct table *t = mem_alloc(c->mem, sizeof *t + count * sizeof *t->entries);
    if (t == NULL) return ST_NO_MEMORY;
    memset(t, 0, sizeof *t + count * sizeof *t->entries);
    t->count = count;
    *out = t;
    return ST_OK;
}

static void table_free(struct custody *c, struct table *t)
{
    if (t == NULL) return;
    mem_wipe(t->entries, t->count * sizeof *t->entries);
    mem_free(c->mem, t);
}

/* Takes t: writes it, then shows it, or frees it. */
static enum status table_show(struct custody *c, struct table *t)
{
    struct buf sealed;
    buf_init(&sealed, c->mem, FILE_MAX);
    enum status st = table_seal(c, t, &sealed);
    if (st == ST_OK) st = os_replace_file(c->os, c->path, buf_span(&sealed));
    buf_fini(&sealed);
    if (st == ST_OK) { /* I3 */
        struct table *old = c->table;
        mutex_lock(c->showing);
        c->table = t;
        mutex_unlock(c->showing);
        t = old;
    }
    table_free(c, t);
    return st;
}

static enum status table_load(struct custody *c)
{
    struct buf sealed;
    struct buf plain;
    buf_init(&sealed, c->mem, FILE_MAX);
    buf_init(&plain, c->mem, FILE_MAX);
    enum status st = os_read_file(c->os, c->path, FILE_MAX, &sealed);
    if (st == ST_NOT_FOUND) {
        st = table_new(c, &c->table, 0);
        goto out;
    }
    if (st == ST_LIMIT) st = ST_CORRUPT;
    if (st != ST_OK) goto out;
    st = table_open(c, buf_span(&sealed), &plain);
    if (st != ST_OK) goto out;
    st = table_decode(c, &c->table, buf_span(&plain));
out:
    if (plain.capacity > 0) mem_wipe(plain.data, plain.capacity);
    buf_fini(&plain);
    buf_fini(&sealed);
    return st;
}

/* --- the file
 * ------------------------------------------------------------------------------------*/

static void entry_encode(struct buf *to, const struct entry *e)
{
    cbor_put_array(to, ENTRY_FIELDS);
    cbor_put_text(to, entry_name(e));
    cbor_put_uint(to, e->secret.scheme);
    cbor_put_bytes(to, span_of(e->secret.bytes, SIGN_SECRET_SIZE));
    cbor_put_bytes(to, span_of(e->public.bytes, e->public.size));
    cbor_put_uint(to, e->verifier.iterations);
    cbor_put_bytes(to, span_of(e->verifier.salt, SCRAM_SALT_SIZE));
    cbor_put_bytes(to, span_of(e->verifier.stored_key, SCRAM_KEY_SIZE));
    cbor_put_bytes(to, span_of(e->verifier.server_key, SCRAM_KEY_SIZE));
}

static void entry_decode(struct cbor *in, struct entry *e)
{
    cbor_expect_array(in, ENTRY_FIELDS);
    struct span name = cbor_get_text(in);
    e->secret.scheme = (uint8_t)cbor_get_uint_max(in, SIGN_ED25519);
    cbor_get_fixed(in, e->secret.bytes, SIGN_SECRET_SIZE);
    struct span public = cbor_get_bytes(in);
    e->verifier.iterations = (uint32_t)cbor_get_uint_max(in, INT32_MAX);
    cbor_get_fixed(in, e->verifier.salt, SCRAM_SALT_SIZE);
    cbor_get_fixed(in, e->verifier.stored_key, SCRAM_KEY_SIZE);
    cbor_get_fixed(in, e->verifier.server_key, SCRAM_KEY_SIZE);
    if (name.size == 0 || name.size > CUSTODY_NAME_MAX || public.size > SIGN_PUBLIC_MAX ||
        e->verifier.iterations == 0) {
        cbor_fail(in);
        return;
    }
    e->name_size = (uint8_t)name.size;
    memcpy(e->name, name.data, name.size);
    e->public.scheme = e->secret.scheme;
    e->public.size = (uint8_t) public.size;
    if (public.size > 0) memcpy(e->public.bytes, public.data, public.size);
}

static enum status table_decode(struct custody *c, struct table **out, struct span plain)
{
    struct cbor in = cbor_of(plain);
    uint64_t count = cbor_get_array(&in);
    if (count > CUSTODY_ENTRIES_MAX) return ST_CORRUPT;
    struct table *t = NULL;
    TRY(table_new(c, &t, (uint32_t)count));
    for (uint32_t i = 0; i < t->count && in.status == ST_OK; i++) {
        entry_decode(&in, &t->entries[i]);
        if (i > 0 && span_compare(entry_name(&t->entries[i - 1]), entry_name(&t->entries[i])) >= 0)
            cbor_fail(&in); /* I1 */
    }
    if (cbor_end(&in) != ST_OK) {
        table_free(c, t);
        return ST_CORRUPT;
    }
    *out = t;
    return ST_OK;
}

static enum status table_seal(struct custody *c, const struct table *t, struct buf *sealed)
{
    struct buf plain;
    buf_init(&plain, c->mem, FILE_MAX);
    /* Claimed at once: growing would leave unwiped copies of secrets in the heap. */
    (void)buf_extend(&plain, 16 + t->count * (size_t)ENTRY_BYTES_MAX);
    enum status st = buf_status(&plain);
    if (st != ST_OK) goto out;
    plain.size = 0;
    cbor_put_array(&plain, t->count);
    for (uint32_t i = 0; i < t->count; i++)
        entry_encode(&plain, &t->entries[i]);
    must(buf_status(&plain) == ST_OK);
    must(plain.size <= 16 + t->count * (size_t)ENTRY_BYTES_MAX);

    uint8_t *to = buf_extend(sealed, HEAD_SIZE + plain.size + TAG_SIZE);
    st = buf_status(sealed);
    if (st != ST_OK) goto out;
    memcpy(to, magic, sizeof magic);
    c->os->entropy(c->os, to + MAGIC_SIZE, NONCE_SIZE);
    unsigned long long size = 0;
    int sealed_ok =
        crypto_aead_xchacha20poly1305_ietf_encrypt(to + HEAD_SIZE, &size, plain.data, plain.size,
                                                   to, HEAD_SIZE, NULL, to + MAGIC_SIZE, c->key);
    must(sealed_ok == 0);
    must(size == plain.size + TAG_SIZE);
out:
    if (plain.capacity > 0) mem_wipe(plain.data, plain.capacity);
    buf_fini(&plain);
    return st;
}

static enum status table_open(struct custody *c, struct span sealed, struct buf *plain)
{
    if (sealed.size < HEAD_SIZE + TAG_SIZE + 1) return ST_CORRUPT;
    if (memcmp(sealed.data, magic, sizeof magic) != 0) return ST_CORRUPT;
    size_t size = sealed.size - HEAD_SIZE - TAG_SIZE;
    uint8_t *to = buf_extend(plain, size);
    TRY(buf_status(plain));
    unsigned long long got = 0;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(to, &got, NULL, sealed.data + HEAD_SIZE,
                                                   sealed.size - HEAD_SIZE, sealed.data, HEAD_SIZE,
                                                   sealed.data + MAGIC_SIZE, c->key) != 0)
        return ST_CORRUPT;
    must(got == size);
    return ST_OK;
}

/* --- the key
 * -------------------------------------------------------------------------------------*/

static enum status key_load(struct custody *c, const char *dir)
{
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, dir, "custody.key"));
    struct buf bytes;
    buf_init(&bytes, c->mem, KEY_SIZE);
    enum status st = os_read_file(c->os, path, KEY_SIZE, &bytes);
    if (st == ST_OK && bytes.size == KEY_SIZE) memcpy(c->key, bytes.data, KEY_SIZE);
    if (st == ST_LIMIT || (st == ST_OK && bytes.size != KEY_SIZE)) st = ST_CORRUPT;
    if (bytes.capacity > 0) mem_wipe(bytes.data, bytes.capacity);
    buf_fini(&bytes);
    if (st == ST_NOT_FOUND) st = key_make(c, path);
    TRY(st);
    crypto_generichash(c->mock_secret, sizeof c->mock_secret, (const uint8_t *)"mock", 4, c->key,
                       KEY_SIZE);
    return ST_OK;
}

/* A new key where there is nothing it would have to open. */
static enum status key_make(struct custody *c, const char *path)
{
    struct os_file *file = NULL;
    enum status st = c->os->file_open(c->os, &file, c->path, OS_READ);
    if (st == ST_OK) {
        c->os->file_close(c->os, file);
        return ST_NOT_FOUND;
    }
    if (st != ST_NOT_FOUND) return st;
    c->os->entropy(c->os, c->key, KEY_SIZE);
    return os_replace_file(c->os, path, span_of(c->key, KEY_SIZE));
}
