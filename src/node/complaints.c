/* complaints.c - See complaints.h. */
#include "node/complaints.h"

#include "base/must.h"
#include "consensus/evidence.h"
#include "ledger/tx.h"
#include "node/flow.h"

#define WINDOW_MS 60000u

static const char *flaw_of(const struct complaint *complaint);

enum status complaints_judge(struct complaints *c,
                             const struct complaint *complaint,
                             uint64_t now_ms,
                             const char **why)
{
    *why = "too many complaints";
    if (!complaints_take(c, complaint->account, now_ms)) return ST_BUSY;
    *why = flaw_of(complaint);
    if (*why == NULL) return ST_OK;
    complaints_note_baseless(c, complaint->account);
    return ST_INVALID;
}

/* Null: none that shows without looking at signatures. */
static const char *flaw_of(const struct complaint *complaint)
{
    struct evidence e;
    const struct span bytes = complaint->bytes;
    switch (complaint->kind) {
    case COMPLAINT_TIMEOUT:
        if (bytes.size > 0 && bytes.size <= TX_BYTES_MAX) return NULL;
        return "TIMEOUT goes with the bytes of a transaction";
    case COMPLAINT_CONFLICT:
        if (bytes.size <= FLOW_PROOF_SIZE_MAX && evidence_decode(&e, bytes) == ST_OK &&
            e.kind == EVIDENCE_E10)
            return NULL;
        return "CONFLICT goes with evidence of kind E10";
    case COMPLAINT_OTHER: return "a complaint is TIMEOUT or CONFLICT, with bytes";
    }
    must(false);
}

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
