/* reject.c - Names of the reasons, from the one list. */
#include "consensus/reject.h"

#include "base/must.h"

const char *consensus_reject_name(enum consensus_reject reject)
{
    static const char *const names[] = {
#define REJECT_NAME(name, text) [(name)] = (text),
        REJECT_LIST(REJECT_NAME)
#undef REJECT_NAME
    };
    must((unsigned)reject < REJECT_COUNT);
    return names[reject];
}
