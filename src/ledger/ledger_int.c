#include "ledger/ledger_int.h"

#include "base/must.h"

void put_hash_or_null(struct buf *out, const struct hash *h)
{
    if (hash_is_zero(h)) {
        cbor_put_null(out);
    } else {
        put_hash(out, h);
    }
}

struct hash get_hash_or_null(struct cbor *in)
{
    if (cbor_get_null(in)) return (struct hash){{0}};
    struct hash h = get_hash(in);
    if (hash_is_zero(&h)) cbor_fail(in);
    return h;
}

void put_key(struct buf *out, const struct public_key *key)
{
    must(key->size <= SIGN_PUBLIC_MAX);
    cbor_put_uint(out, key->scheme);
    cbor_put_bytes(out, span_of(key->bytes, key->size));
}

struct public_key get_key(struct cbor *in)
{
    struct public_key key = {.scheme = (uint8_t)cbor_get_uint_max(in, UINT8_MAX)};
    struct span bytes = cbor_get_bytes(in);
    if (bytes.size > SIGN_PUBLIC_MAX) {
        cbor_fail(in);
        return key;
    }
    key.size = (uint8_t)bytes.size;
    if (bytes.size > 0) memcpy(key.bytes, bytes.data, bytes.size);
    if (!public_key_is_formed(&key)) cbor_fail(in);
    return key;
}

uint32_t get_items(
    struct cbor *in, struct arena *a, void **items, size_t item_size, uint32_t count_max)
{
    must(item_size > 0);
    *items = NULL;
    uint64_t count = cbor_get_array(in);
    must(count <= (uint64_t)(in->end - in->at));
    if (count == 0) return 0;
    if (count > count_max) {
        cbor_fail_with(in, ST_LIMIT);
        return 0;
    }
    *items = arena_alloc_zero(a, (size_t)count, item_size);
    if (*items != NULL) return (uint32_t)count;
    cbor_fail_with(in, ST_NO_MEMORY);
    return 0;
}

struct span get_text_max(struct cbor *in, size_t size_max)
{
    struct span text = cbor_get_text(in);
    if (text.size <= size_max) return text;
    cbor_fail_with(in, ST_LIMIT);
    return (struct span){0};
}

struct span get_name(struct cbor *in, size_t size_max)
{
    struct span name = get_text_max(in, size_max);
    if (!name_is_formed(name, size_max)) cbor_fail(in);
    return name;
}

bool name_is_formed(struct span name, size_t size_max)
{
    if (name.size == 0 || name.size > size_max) return false;
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < 0x20 || name.data[i] == 0x7f) return false;
    return utf8_valid(name);
}
