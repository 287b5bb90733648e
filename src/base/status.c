#include "base/status.h"

const char *status_name(enum status st)
{
    switch (st) {
#define STATUS_NAME(name, code, text)                                                              \
    case name: return #name;
        STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    }
    return "ST_UNKNOWN";
}

const char *status_text(enum status st)
{
    switch (st) {
#define STATUS_TEXT(name, code, text)                                                              \
    case name: return text;
        STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "unknown status";
}
