#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"

/* Drop a UTF-8 character that vsnprintf cut in two. */
static void trim_partial(char *text)
{
    size_t size = strlen(text);
    size_t start = size;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0u) == 0x80u)
        start--;
    if (start == 0) return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t need = lead >= 0xF0u ? 3 : lead >= 0xE0u ? 2 : lead >= 0xC0u ? 1 : 0;
    if (size - start < need) text[start - 1] = 0;
}

__attribute__((format(printf, 2, 0))) static void format_into(char *to,
                                                              const char *format,
                                                              va_list args)
{
    (void)vsnprintf(to, DIAG_TEXT_MAX, format, args);
    trim_partial(to);
}

void diag_set(struct diag *d, const char *sqlstate, const char *format, ...)
{
    must(strlen(sqlstate) == 5);
    memset(d, 0, sizeof *d);
    memcpy(d->sqlstate, sqlstate, 6);
    va_list args;
    va_start(args, format);
    format_into(d->message, format, args);
    va_end(args);
}

void diag_detail(struct diag *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    format_into(d->detail, format, args);
    va_end(args);
}

void diag_hint(struct diag *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    format_into(d->hint, format, args);
    va_end(args);
}

void diag_context(struct diag *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    format_into(d->context, format, args);
    va_end(args);
}
