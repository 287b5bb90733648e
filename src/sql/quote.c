/* quote.c - One pass, a piece between two quotes at a time. */
#include "sql/quote.h"

static void put_quoted(struct buf *out, struct span text, char quote);

void sql_put_name(struct buf *out, struct span name)
{
    put_quoted(out, name, '"');
}

void sql_put_text(struct buf *out, struct span text)
{
    put_quoted(out, text, '\'');
}

static void put_quoted(struct buf *out, struct span text, char quote)
{
    buf_put_u8(out, (uint8_t)quote);
    size_t start = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != (uint8_t)quote) continue;
        buf_put(out, span_of(text.data + start, i + 1 - start));
        buf_put_u8(out, (uint8_t)quote);
        start = i + 1;
    }
    if (start < text.size) buf_put(out, span_of(text.data + start, text.size - start));
    buf_put_u8(out, (uint8_t)quote);
}
