/* func_bytea.c - Functions of bytea: encodings, bytes, hash. */
#include "base/must.h"
#include "crypto/hash.h"
#include "sql/function_int.h"
#include "sql/md5.h"
#include "sql/value_int.h"

#define BASE64_LINE 76u

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct base64 { /* Decoding. */
    uint8_t *out;
    size_t size;
    uint32_t group; /* Bits of the characters so far. */
    uint32_t count; /* Characters of the group. */
    uint32_t end;   /* Bytes of a group that = ends early; 0: none seen. */
};

static void encode_hex(sqlite3_context *c, struct span bytes);
static void encode_base64(sqlite3_context *c, struct span bytes);
static void encode_escape(sqlite3_context *c, struct span bytes);
static void decode_base64(sqlite3_context *c, struct span text);
static bool base64_take(struct base64 *s, uint8_t character);
static void decode_text(sqlite3_context *c, struct span text, bool is_hex);
static int base64_value(uint8_t character);
static bool byte_index(sqlite3_context *c, struct span bytes, int32_t index);

static void bytea_length(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 1);
    if (sqlite3_value_type(args[0]) == SQLITE_NULL) return;
    sqlite3_result_int64(c, sqlite3_value_bytes(args[0]));
}

static void bytea_cat(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct span a = function_bytes(args[0]);
    const struct span b = function_bytes(args[1]);
    uint8_t *out = function_alloc(c, a.size + b.size);
    if (out == NULL) return;
    memcpy(out, a.data, a.size);
    memcpy(out + a.size, b.data, b.size);
    function_take_bytea(c, out, a.size + b.size);
}

static void bytea_encode(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct span bytes = function_bytes(args[0]);
    const struct span name = function_bytes(args[1]);
    if (function_has_name(name, "hex"))
        encode_hex(c, bytes);
    else if (function_has_name(name, "base64"))
        encode_base64(c, bytes);
    else if (function_has_name(name, "escape"))
        encode_escape(c, bytes);
    else
        function_fail(c, "22023", "unrecognized encoding: \"%.*s\"", (int)name.size,
                      (const char *)name.data);
}

static void bytea_decode(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    const struct span name = function_bytes(args[1]);
    if (function_has_name(name, "base64"))
        decode_base64(c, text);
    else if (function_has_name(name, "hex") || function_has_name(name, "escape"))
        decode_text(c, text, function_has_name(name, "hex"));
    else
        function_fail(c, "22023", "unrecognized encoding: \"%.*s\"", (int)name.size,
                      (const char *)name.data);
}

static void bytea_get_byte(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct span bytes = function_bytes(args[0]);
    const int32_t index = function_int4(args[1]);
    if (byte_index(c, bytes, index)) sqlite3_result_int(c, bytes.data[index]);
}

static void bytea_set_byte(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct span bytes = function_bytes(args[0]);
    const int32_t index = function_int4(args[1]);
    if (!byte_index(c, bytes, index)) return;
    uint8_t *out = function_alloc(c, bytes.size);
    if (out == NULL) return;
    memcpy(out, bytes.data, bytes.size);
    out[index] = (uint8_t)sqlite3_value_int64(args[2]);
    function_take_bytea(c, out, bytes.size);
}

static void bytea_sha256(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct hash h = hash_of("", function_bytes(args[0]));
    function_return_bytea(c, hash_span(&h));
}

static void bytea_md5(sqlite3_context *c, int count, sqlite3_value **args)
{
    uint8_t digest[MD5_SIZE];
    if (!function_begin(c, count, args)) return;
    md5_of(digest, function_bytes(args[0]));
    encode_hex(c, span_of(digest, sizeof digest));
}

const struct native function_byteas[] = {
    {.name = "bytea_md5", .args = 1, .call = bytea_md5},
    {.name = "bytea_length", .args = 1, .call = bytea_length},
    {.name = "bytea_cat", .args = 2, .call = bytea_cat},
    {.name = "bytea_encode", .args = 2, .call = bytea_encode},
    {.name = "bytea_decode", .args = 2, .call = bytea_decode},
    {.name = "bytea_get_byte", .args = 2, .call = bytea_get_byte},
    {.name = "bytea_set_byte", .args = 3, .call = bytea_set_byte},
    {.name = "bytea_sha256", .args = 1, .call = bytea_sha256},
    {.name = NULL},
};

static void encode_hex(sqlite3_context *c, struct span bytes)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *out = function_alloc(c, 2 * bytes.size);
    if (out == NULL) return;
    for (size_t i = 0; i < bytes.size; i++) {
        out[2 * i] = (uint8_t)hex[bytes.data[i] >> 4];
        out[2 * i + 1] = (uint8_t)hex[bytes.data[i] & 15];
    }
    function_take_text(c, out, 2 * bytes.size);
}

/* Lines of 76 characters, each full one ended by a line feed. */
static void encode_base64(sqlite3_context *c, struct span bytes)
{
    const size_t quads = (bytes.size + 2) / 3;
    uint8_t *out = function_alloc(c, 4 * quads + 4 * quads / BASE64_LINE);
    if (out == NULL) return;
    size_t size = 0;
    size_t line = 0;
    for (size_t at = 0; at < bytes.size; at += 3) {
        const size_t left = bytes.size - at;
        uint32_t group = (uint32_t)bytes.data[at] << 16;
        if (left > 1) group |= (uint32_t)bytes.data[at + 1] << 8;
        if (left > 2) group |= bytes.data[at + 2];
        out[size++] = (uint8_t)base64_digits[group >> 18];
        out[size++] = (uint8_t)base64_digits[group >> 12 & 63];
        out[size++] = left > 1 ? (uint8_t)base64_digits[group >> 6 & 63] : '=';
        out[size++] = left > 2 ? (uint8_t)base64_digits[group & 63] : '=';
        line += 4;
        if (line == BASE64_LINE && left >= 3) {
            out[size++] = '\n';
            line = 0;
        }
    }
    function_take_text(c, out, size);
}

/* Bytes 0 and above 127 as \ooo, the backslash doubled. */
static void encode_escape(sqlite3_context *c, struct span bytes)
{
    size_t size = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        const uint8_t b = bytes.data[i];
        size += b == 0 || b > 127 ? 4 : (b == '\\' ? 2 : 1);
    }
    uint8_t *out = function_alloc(c, size);
    if (out == NULL) return;
    size = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        const uint8_t b = bytes.data[i];
        const bool is_octal = b == 0 || b > 127;
        if (is_octal || b == '\\') out[size++] = '\\';
        if (is_octal) {
            out[size++] = (uint8_t)('0' + (b >> 6));
            out[size++] = (uint8_t)('0' + (b >> 3 & 7));
            out[size++] = (uint8_t)('0' + (b & 7));
        } else {
            out[size++] = b;
        }
    }
    function_take_text(c, out, size);
}

static void decode_base64(sqlite3_context *c, struct span text)
{
    struct base64 s = {.out = function_alloc(c, text.size / 4 * 3 + 3)};
    if (s.out == NULL) return;
    size_t at = 0;
    while (at < text.size && base64_take(&s, text.data[at]))
        at++;
    if (at == text.size && s.count == 0) {
        function_take_bytea(c, s.out, s.size);
        return;
    }
    sqlite3_free(s.out);
    struct diag d;
    if (at == text.size) {
        diag_set(&d, "22023", "invalid base64 end sequence");
        diag_hint(&d, "Input data is missing padding, is truncated, or is otherwise corrupted.");
    } else if (text.data[at] == '=') {
        diag_set(&d, "22023", "unexpected \"=\" while decoding base64 sequence");
    } else {
        diag_set(&d, "22023", "invalid symbol \"%.*s\" found while decoding base64 sequence",
                 (int)sql_char_size(text.data[at]), (const char *)text.data + at);
    }
    function_fail_with(c, &d);
}

/* One character; false: it may not stand here. */
static bool base64_take(struct base64 *s, uint8_t character)
{
    const bool is_end = character == '=';
    if (character == ' ' || character == '\t' || character == '\n' || character == '\r')
        return true;
    const int value = is_end ? 0 : base64_value(character);
    if (value < 0 || (is_end && s->end == 0 && s->count < 2)) return false;
    if (is_end && s->end == 0) s->end = s->count - 1;
    s->group = s->group << 6 | (uint32_t)value;
    if (++s->count < 4) return true;
    s->out[s->size++] = (uint8_t)(s->group >> 16);
    if (s->end != 1) s->out[s->size++] = (uint8_t)(s->group >> 8);
    if (s->end == 0) s->out[s->size++] = (uint8_t)s->group;
    s->group = 0;
    s->count = 0;
    return true;
}

/* hex (without \x) or escape form. */
static void decode_text(sqlite3_context *c, struct span text, bool is_hex)
{
    struct diag d;
    size_t size = 0;
    uint8_t *out = function_alloc(c, text.size);
    if (out == NULL) return;
    const enum status st =
        is_hex ? sql_hex_parse(out, &size, text, &d) : sql_escape_parse(out, &size, text, &d);
    if (st == ST_OK) {
        function_take_bytea(c, out, size);
        return;
    }
    sqlite3_free(out);
    function_fail_with(c, &d);
}

static int base64_value(uint8_t character)
{
    const char *at = character == 0 ? NULL : strchr(base64_digits, character);
    return at == NULL ? -1 : (int)(at - base64_digits);
}

static bool byte_index(sqlite3_context *c, struct span bytes, int32_t index)
{
    if (index >= 0 && (size_t)index < bytes.size) return true;
    function_fail(c, "2202E", "index %d out of valid range, 0..%lld", (int)index,
                  (long long)bytes.size - 1);
    return false;
}
