#include "crypto/passphrase.h"

#include <sodium.h>

#include "base/mem.h"
#include "base/must.h"

static enum status derive(uint8_t key[crypto_secretbox_KEYBYTES],
                          const struct passphrase_box *box,
                          struct span passphrase)
{
    if (box->passes < 1 || box->passes > PASSPHRASE_PASSES_MAX) return ST_LIMIT;
    if (box->memory_kib < PASSPHRASE_MEMORY_KIB_MIN || box->memory_kib > PASSPHRASE_MEMORY_KIB_MAX)
        return ST_LIMIT;
    if (sodium_init() < 0) return ST_UNSUPPORTED;
    must(crypto_pwhash_saltbytes() == PASSPHRASE_SALT_SIZE);
    must(crypto_secretbox_noncebytes() == PASSPHRASE_NONCE_SIZE);
    must(crypto_secretbox_macbytes() == PASSPHRASE_SEALED_SIZE - PASSPHRASE_SECRET_SIZE);
    int failed = crypto_pwhash(key, crypto_secretbox_KEYBYTES, (const char *)passphrase.data,
                               passphrase.size, box->salt, box->passes,
                               (size_t)box->memory_kib * 1024u, crypto_pwhash_ALG_ARGON2ID13);
    return failed == 0 ? ST_OK : ST_NO_MEMORY;
}

enum status passphrase_seal(struct passphrase_box *box,
                            const uint8_t secret[PASSPHRASE_SECRET_SIZE],
                            struct span passphrase)
{
    uint8_t key[crypto_secretbox_KEYBYTES];
    TRY(derive(key, box, passphrase));
    must(crypto_secretbox_easy(box->sealed, secret, PASSPHRASE_SECRET_SIZE, box->nonce, key) == 0);
    mem_wipe(key, sizeof key);
    return ST_OK;
}

enum status passphrase_open(uint8_t secret[PASSPHRASE_SECRET_SIZE],
                            const struct passphrase_box *box,
                            struct span passphrase)
{
    uint8_t key[crypto_secretbox_KEYBYTES];
    uint8_t opened[PASSPHRASE_SECRET_SIZE];
    TRY(derive(key, box, passphrase));
    int failed =
        crypto_secretbox_open_easy(opened, box->sealed, PASSPHRASE_SEALED_SIZE, box->nonce, key);
    mem_wipe(key, sizeof key);
    if (failed != 0) return ST_DENIED;
    memcpy(secret, opened, sizeof opened);
    mem_wipe(opened, sizeof opened);
    return ST_OK;
}
