/* invitation.c - Encoding of invitations.
 *
 *   text       = hexadecimal digits of: invitation ‖ the first 4 bytes of H("invited" ‖ invitation)
 *   invitation = [version, chain id, inviter's scheme, inviter's key, address, expires, secret]
 *
 * The checksum tells a mistyped text from one of another version; it keeps nobody out. */
#include "ledger/invitation.h"

#include "base/hex.h"
#include "base/must.h"
#include "codec/cbor.h"
#include "ledger/genesis.h"
#include "ledger/ledger_int.h"

#define INVITATION_VERSION  1u
#define INVITATION_ITEMS    7u
#define INVITATION_SIZE_MAX (INVITATION_TEXT_MAX / 2u)
#define CHECKSUM_SIZE       4u

struct hash invitation_hash(struct span secret)
{
    return hash_of("invitation", secret);
}

enum status invitation_print(struct buf *out, const struct invitation *i)
{
    uint8_t bytes[INVITATION_SIZE_MAX];
    char text[INVITATION_TEXT_MAX + 1];
    struct buf b;
    buf_init_fixed(&b, bytes, sizeof bytes);
    cbor_put_array(&b, INVITATION_ITEMS);
    cbor_put_uint(&b, INVITATION_VERSION);
    put_hash(&b, &i->chain_id);
    put_key(&b, &i->inviter);
    cbor_put_text(&b, span_text(i->address));
    cbor_put_uint(&b, i->expires_ms);
    cbor_put_bytes(&b, span_of(i->secret, INVITATION_SECRET_SIZE));
    const struct hash checksum = hash_of("invited", buf_span(&b));
    buf_put(&b, span_of(checksum.bytes, CHECKSUM_SIZE));
    must(buf_status(&b) == ST_OK); /* All its parts are of bounded size. */
    hex_encode(text, buf_span(&b));
    buf_put_text(out, text);
    mem_wipe(bytes, sizeof bytes);
    mem_wipe(text, sizeof text);
    return buf_status(out);
}

static enum status decode(struct invitation *out, struct span bytes)
{
    struct invitation got = {.expires_ms = 0};
    struct cbor in = cbor_of(bytes);
    cbor_expect_array(&in, INVITATION_ITEMS);
    if (cbor_get_uint(&in) != INVITATION_VERSION) cbor_fail(&in);
    got.chain_id = get_hash(&in);
    got.inviter = get_key(&in);
    struct span address = cbor_get_text(&in);
    got.expires_ms = cbor_get_uint(&in);
    cbor_get_fixed(&in, got.secret, INVITATION_SECRET_SIZE);
    TRY(cbor_end(&in));
    if (got.inviter.scheme != SIGN_ED25519) return ST_INVALID;
    if (address.size > INVITATION_ADDRESS_MAX || !genesis_address_is_formed(address))
        return ST_INVALID;
    memcpy(got.address, address.data, address.size);
    *out = got;
    return ST_OK;
}

enum status invitation_parse(struct invitation *out, struct span text)
{
    uint8_t bytes[INVITATION_SIZE_MAX];
    if (text.size > INVITATION_TEXT_MAX) return ST_LIMIT;
    if (text.size % 2 != 0 || text.size / 2 <= CHECKSUM_SIZE) return ST_INVALID;
    const size_t size = text.size / 2 - CHECKSUM_SIZE;
    TRY(hex_decode(bytes, text.size / 2, text));
    const struct hash checksum = hash_of("invited", span_of(bytes, size));
    if (memcmp(checksum.bytes, bytes + size, CHECKSUM_SIZE) != 0) return ST_INVALID;
    enum status st = decode(out, span_of(bytes, size));
    mem_wipe(bytes, sizeof bytes);
    return st;
}
