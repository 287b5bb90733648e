#include "crypto/sealed_stream.h"

#include <sodium.h>

#include "base/mem.h"
#include "base/must.h"

_Static_assert(sizeof(crypto_secretstream_xchacha20poly1305_state) == SEALED_STATE_SIZE, "state");
_Static_assert(crypto_secretstream_xchacha20poly1305_ABYTES == SEALED_OVERHEAD, "overhead");
_Static_assert(crypto_secretstream_xchacha20poly1305_HEADERBYTES == SEALED_HEADER_SIZE, "header");
_Static_assert(crypto_pwhash_SALTBYTES == SEALED_SALT_SIZE, "salt");

#define KEY_SIZE crypto_secretstream_xchacha20poly1305_KEYBYTES

static enum status derive(uint8_t key[KEY_SIZE],
                          const struct sealed_head *head,
                          struct span passphrase)
{
    if (head->passes < 1 || head->passes > SEALED_PASSES_MAX) return ST_LIMIT;
    if (head->memory_kib < 8 || head->memory_kib > SEALED_MEMORY_KIB_MAX) return ST_LIMIT;
    if (sodium_init() < 0) return ST_UNSUPPORTED;
    int failed =
        crypto_pwhash(key, KEY_SIZE, (const char *)passphrase.data, passphrase.size, head->salt,
                      head->passes, (size_t)head->memory_kib * 1024u, crypto_pwhash_ALG_ARGON2ID13);
    return failed == 0 ? ST_OK : ST_NO_MEMORY;
}

static void load(crypto_secretstream_xchacha20poly1305_state *to, const struct sealed_stream *s)
{
    memcpy(to, s->state, sizeof *to);
}

static void keep(struct sealed_stream *s, crypto_secretstream_xchacha20poly1305_state *from)
{
    memcpy(s->state, from, sizeof *from);
    mem_wipe(from, sizeof *from);
}

enum status sealed_begin(struct sealed_stream *s, struct sealed_head *head, struct span passphrase)
{
    uint8_t key[KEY_SIZE];
    crypto_secretstream_xchacha20poly1305_state state;
    TRY(derive(key, head, passphrase));
    int failed = crypto_secretstream_xchacha20poly1305_init_push(&state, head->header, key);
    must(failed == 0);
    mem_wipe(key, sizeof key);
    keep(s, &state);
    return ST_OK;
}

enum status sealed_open(struct sealed_stream *s,
                        const struct sealed_head *head,
                        struct span passphrase)
{
    uint8_t key[KEY_SIZE];
    crypto_secretstream_xchacha20poly1305_state state;
    TRY(derive(key, head, passphrase));
    int failed = crypto_secretstream_xchacha20poly1305_init_pull(&state, head->header, key);
    mem_wipe(key, sizeof key);
    if (failed != 0) return ST_DENIED;
    keep(s, &state);
    return ST_OK;
}

void sealed_push(struct sealed_stream *s, uint8_t *out, struct span piece, bool is_last)
{
    crypto_secretstream_xchacha20poly1305_state state;
    const uint8_t tag = is_last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                                : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
    load(&state, s);
    int failed = crypto_secretstream_xchacha20poly1305_push(&state, out, NULL, piece.data,
                                                            piece.size, NULL, 0, tag);
    must(failed == 0);
    keep(s, &state);
}

enum status sealed_pull(struct sealed_stream *s, uint8_t *out, struct span sealed, bool *is_last)
{
    crypto_secretstream_xchacha20poly1305_state state;
    uint8_t tag = 0;
    if (sealed.size < SEALED_OVERHEAD) return ST_DENIED;
    load(&state, s);
    int failed = crypto_secretstream_xchacha20poly1305_pull(&state, out, NULL, &tag, sealed.data,
                                                            sealed.size, NULL, 0);
    if (failed == 0)
        keep(s, &state);
    else
        mem_wipe(&state, sizeof state);
    if (failed != 0) return ST_DENIED;
    *is_last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    return ST_OK;
}

void sealed_wipe(struct sealed_stream *s)
{
    mem_wipe(s, sizeof *s);
}
