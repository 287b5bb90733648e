/* time_unit.h - The fields that extract, date_part and date_trunc take apart. */
#ifndef TRUSTSQL_SQL_TIME_UNIT_H
#define TRUSTSQL_SQL_TIME_UNIT_H

#include "base/span.h"

enum field {
    FIELD_MICROSECOND,
    FIELD_MILLISECOND,
    FIELD_SECOND,
    FIELD_MINUTE,
    FIELD_HOUR,
    FIELD_DAY,
    FIELD_WEEK,
    FIELD_MONTH,
    FIELD_QUARTER,
    FIELD_YEAR,
    FIELD_DECADE,
    FIELD_CENTURY,
    FIELD_MILLENNIUM,
    FIELD_DOW,
    FIELD_ISODOW,
    FIELD_DOY,
    FIELD_ISOYEAR,
    FIELD_JULIAN,
    FIELD_EPOCH,
    FIELD_ZONE,
    FIELD_ZONE_HOUR,
    FIELD_ZONE_MINUTE,
    FIELD_UNKNOWN
};

/* By its name and PostgreSQL's abbreviations, in any case. */
enum field time_field_of(struct span name);

#endif
