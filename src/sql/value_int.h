/* value_int.h - Input and output of single types, shared by value.c and the SQL functions. Pure. */
#ifndef TRUSTSQL_SQL_VALUE_INT_H
#define TRUSTSQL_SQL_VALUE_INT_H

#include "sql/value.h"

/* How values of one type are read and shown. A value handed to print, send or is_valid is not null;
 * v->type is set for parse and receive. */
struct sql_codec {
    enum status (*parse)(
        struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d);
    void (*print)(struct buf *out, const struct sql_value *v);
    enum status (*receive)(struct sql_value *v, struct arena *a, struct span bytes, struct diag *d);
    void (*send)(struct buf *out, const struct sql_value *v);
    bool (*is_valid)(const struct sql_value *v); /* A value that may be stored. */
};

extern const struct sql_codec codec_bool, codec_int, codec_float, codec_text, codec_bpchar;
extern const struct sql_codec codec_bytea, codec_numeric, codec_datetime, codec_timestamptz;
extern const struct sql_codec codec_interval, codec_uuid, codec_array;
extern const struct sql_codec codec_json, codec_jsonb;
extern const struct sql_codec codec_oid, codec_reg, codec_vector, codec_record; /* system_value.c */

/* A copy in the arena; 54000 when it is too long. */
NODISCARD enum status sql_value_take(struct sql_value *v,
                                     struct arena *a,
                                     struct span bytes,
                                     struct diag *d);

NODISCARD enum status sql_bool_parse(int64_t *out, struct span text, struct diag *d);

/* SQL_INT2, SQL_INT4 or SQL_INT8. */
NODISCARD enum status sql_int_parse(int64_t *out,
                                    enum sql_type type,
                                    struct span text,
                                    struct diag *d);
void sql_int_print(struct buf *out, int64_t value);

/* Hexadecimal (\x…) or escape form. to has room for text.size bytes. */
NODISCARD enum status sql_bytea_parse(uint8_t *to, size_t *size, struct span text, struct diag *d);
/* The forms alone: digits without \x; *size starts at 0. */
NODISCARD enum status sql_hex_parse(uint8_t *to, size_t *size, struct span text, struct diag *d);
NODISCARD enum status sql_escape_parse(uint8_t *to, size_t *size, struct span text, struct diag *d);
void sql_bytea_print(struct buf *out, struct span bytes);

/* UTF-8 without the character 0; 22021. */
NODISCARD enum status sql_text_check(struct span text, struct diag *d);

/* varchar(n) on assignment: cut blanks beyond n characters, refuse others with 22001. */
NODISCARD enum status sql_text_fit(struct span *text, int32_t typmod, struct diag *d);

/* char(n): cut blanks beyond n characters, or pad with them. is_explicit: a cast, which cuts. */
NODISCARD enum status sql_bpchar_fit(
    struct span *text, struct arena *a, int32_t typmod, bool is_explicit, struct diag *d);

/* Bytes of the character that begins at data, from its first byte; text is valid UTF-8. */
static inline size_t sql_char_size(uint8_t first)
{
    if (first < 0x80) return 1;
    return first < 0xE0 ? 2 : (first < 0xF0 ? 3 : 4);
}

/* Bytes of the first count characters; all when there are fewer. */
size_t sql_text_prefix(struct span text, size_t count);
size_t sql_text_length(struct span text); /* Characters. */

/* Value of a hexadecimal digit; −1: none. */
int sql_hex_digit(uint8_t c);

#endif
