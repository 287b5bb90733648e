/* format.h - The patterns of to_char, to_date and to_timestamp, taken apart into keywords and text.
 *
 * As PostgreSQL reads them: FM, TM before a keyword, TH, th, SP behind it; text in double quotes,
 * where a backslash takes what follows as it is; everything else stands for itself. */
#ifndef TRUSTSQL_SQL_FORMAT_H
#define TRUSTSQL_SQL_FORMAT_H

#include "base/span.h"

#define FORMAT_JULIAN_2000 2451545 /* Julian day of 2000-01-01. */

#define FORMAT_FILL        1u /* FM */
#define FORMAT_LOCAL       2u /* TM */
#define FORMAT_TH_UPPER    4u
#define FORMAT_TH_LOWER    8u
#define FORMAT_SPELL       16u /* SP: read, and without effect. */

/* In groups: of the clock, the day, the month, the year, and others. */
enum format_key {
    FORMAT_TEXT,
    FORMAT_A_M,
    FORMAT_AM,
    FORMAT_HH12,
    FORMAT_HH24,
    FORMAT_MI,
    FORMAT_SS,
    FORMAT_SSSS,
    FORMAT_FF1,
    FORMAT_FF2,
    FORMAT_FF3,
    FORMAT_FF4,
    FORMAT_FF5,
    FORMAT_FF6,
    FORMAT_MS,
    FORMAT_US,
    FORMAT_TZ,
    FORMAT_TZH,
    FORMAT_TZM,
    FORMAT_OF,
    FORMAT_DAY,
    FORMAT_DY,
    FORMAT_DDD,
    FORMAT_IDDD,
    FORMAT_DD,
    FORMAT_D,
    FORMAT_ID,
    FORMAT_WW,
    FORMAT_IW,
    FORMAT_W,
    FORMAT_J,
    FORMAT_MM,
    FORMAT_RM,
    FORMAT_Q,
    FORMAT_MONTH,
    FORMAT_MON,
    FORMAT_YYYY,
    FORMAT_YYY,
    FORMAT_YY,
    FORMAT_Y,
    FORMAT_IYYY,
    FORMAT_IYY,
    FORMAT_IY,
    FORMAT_I,
    FORMAT_CC,
    FORMAT_Y_YYY,
    FORMAT_A_D,
    FORMAT_AD,
    FORMAT_FX
};

struct format_node {
    enum format_key key;
    unsigned flags;
    const char *text;    /* The keyword as the table has it. */
    struct span literal; /* FORMAT_TEXT: one character. */
    bool is_quoted;
};

struct format_reader {
    struct span text;
    size_t at;
    bool is_inside; /* Of double quotes. */
};

/* False: the end. */
bool format_next(struct format_reader *r, struct format_node *out);

/* ST, ND, RD or TH of the digits of a number. */
const char *format_ordinal(struct span number, bool is_upper);

#endif
