#include "node/complaints.h"

#define WINDOW_MS 60000u

bool complaints_take(struct complaints *c, uint64_t account, uint64_t now_ms)
{
    struct complaints_place *p = &c->places[account % COMPLAINTS_PLACES];
    if (now_ms - p->since_ms >= WINDOW_MS) *p = (struct complaints_place){.since_ms = now_ms};
    if (p->used >= COMPLAINTS_MINUTE) return false;
    p->used++;
    return true;
}

void complaints_note_baseless(struct complaints *c, uint64_t account)
{
    c->places[account % COMPLAINTS_PLACES].used += COMPLAINTS_BASELESS - 1;
}
