/* client.c - The library object, keys and key files. */
#include "base/must.h"
#include "client/client_int.h"
#include "crypto/account_id.h"

#define KEY_DRAWS_MAX   16 /* A random secret is no secp256k1 key once in 2^127. */

#define SAME_CODE(name) _Static_assert((int)TRUSTSQL_##name == (int)ST_##name, "codes are the same")
SAME_CODE(OK);
SAME_CODE(INVALID);
SAME_CODE(TRUNCATED);
SAME_CODE(LIMIT);
SAME_CODE(NO_MEMORY);
SAME_CODE(NOT_FOUND);
SAME_CODE(EXISTS);
SAME_CODE(DENIED);
SAME_CODE(IO);
SAME_CODE(NO_SPACE);
SAME_CODE(UNSUPPORTED);
SAME_CODE(SIGNATURE);
SAME_CODE(REJECTED);
_Static_assert(TRUSTSQL_ADDRESS_MAX == ACCOUNT_TEXT_MAX, "an address fits");

static enum status write_new_file(const struct trustsql *lib, const char *path, struct span text);
static enum status sync_parent(const struct trustsql *lib, const char *path);

const char *trustsql_status_text(enum trustsql_status status)
{
    return status_text((enum status)status);
}

enum trustsql_status trustsql_new(struct trustsql **out)
{
    return client_status(client_new(out, os_posix(), mem_system()));
}

enum status client_new(struct trustsql **out, struct os *os, struct mem *mem)
{
    uint8_t seed[32];
    struct trustsql *lib = mem_alloc_zero(mem, 1, sizeof *lib);
    if (lib == NULL) return ST_NO_MEMORY;
    lib->os = os;
    lib->mem = mem;
    os->entropy(os, seed, sizeof seed);
    enum status st = signer_new(&lib->signer, seed);
    mem_wipe(seed, sizeof seed);
    if (st == ST_OK) {
        must(lib->signer != NULL);
        *out = lib;
    } else {
        trustsql_free(lib);
    }
    return st;
}

void trustsql_free(struct trustsql *lib)
{
    if (lib == NULL) return;
    signer_free(lib->signer);
    mem_free(lib->mem, lib);
}

void trustsql_bytes_free(struct trustsql_bytes *bytes)
{
    mem_free(mem_system(), bytes->data);
    *bytes = (struct trustsql_bytes){0};
}

enum trustsql_status trustsql_key_new(const struct trustsql *lib,
                                      struct trustsql_key *out,
                                      enum trustsql_scheme scheme)
{
    struct secret_key secret = {.scheme = (uint8_t)scheme};
    enum status st = ST_INVALID;
    for (int draw = 0; draw < KEY_DRAWS_MAX && st == ST_INVALID; draw++) {
        lib->os->entropy(lib->os, secret.bytes, sizeof secret.bytes);
        st = client_key_of(lib, out, &secret);
    }
    mem_wipe(&secret, sizeof secret);
    return client_status(st);
}

enum trustsql_status trustsql_key_from_secret(const struct trustsql *lib,
                                              struct trustsql_key *out,
                                              enum trustsql_scheme scheme,
                                              const uint8_t secret[32])
{
    struct secret_key key = {.scheme = (uint8_t)scheme};
    memcpy(key.bytes, secret, sizeof key.bytes);
    enum status st = client_key_of(lib, out, &key);
    mem_wipe(&key, sizeof key);
    return client_status(st);
}

enum status client_key_of(const struct trustsql *lib,
                          struct trustsql_key *out,
                          const struct secret_key *secret)
{
    struct public_key public;
    TRY(sign_public(lib->signer, &public, secret));
    must(public.size <= sizeof out->public_key);
    memset(out, 0, sizeof *out);
    out->scheme = secret->scheme;
    out->public_size = public.size;
    memcpy(out->public_key, public.bytes, public.size);
    memcpy(out->secret, secret->bytes, sizeof out->secret);
    struct account_id id = account_id_of(&public);
    account_id_text(out->address, &id);
    return ST_OK;
}

enum trustsql_status trustsql_key_write(const struct trustsql *lib,
                                        const struct trustsql_key *key,
                                        const char *path,
                                        const char *passphrase)
{
    uint8_t bytes[KEY_FILE_SIZE_MAX];
    struct buf text;
    buf_init_fixed(&text, bytes, sizeof bytes);
    enum status st = key_file_print(lib, &text, key, passphrase);
    if (st == ST_OK) st = write_new_file(lib, path, buf_span(&text));
    mem_wipe(bytes, sizeof bytes);
    return client_status(st);
}

enum trustsql_status trustsql_key_read(const struct trustsql *lib,
                                       struct trustsql_key *out,
                                       const char *path,
                                       const char *passphrase)
{
    uint8_t bytes[KEY_FILE_SIZE_MAX];
    struct buf text;
    buf_init_fixed(&text, bytes, sizeof bytes);
    enum status st = os_read_file(lib->os, path, sizeof bytes, &text);
    if (st == ST_OK) st = key_file_parse(lib, out, buf_span(&text), passphrase);
    mem_wipe(bytes, sizeof bytes);
    return client_status(st);
}

void trustsql_key_wipe(struct trustsql_key *key)
{
    mem_wipe(key, sizeof *key);
}

/* A key file that could not be written whole is taken away again. */
static enum status write_new_file(const struct trustsql *lib, const char *path, struct span text)
{
    struct os *os = lib->os;
    struct os_file *file = NULL;
    TRY(os->file_open(os, &file, path, (uint32_t)OS_WRITE | OS_CREATE | OS_EXCLUSIVE));
    enum status st = os->file_write(os, file, text, 0);
    if (st == ST_OK) st = os->file_sync(os, file);
    os->file_close(os, file);
    if (st == ST_OK) st = sync_parent(lib, path);
    if (st != ST_OK) (void)os->remove(os, path);
    return st;
}

static enum status sync_parent(const struct trustsql *lib, const char *path)
{
    char parent[OS_PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        size_t size = slash == path ? 1 : (size_t)(slash - path);
        if (size >= sizeof parent) return ST_LIMIT;
        must(size > 0);
        memcpy(parent, path, size);
        parent[size] = 0;
    }
    return lib->os->sync_dir(lib->os, parent);
}
