/* fault.c - Names of the planted faults, as `trustsql sim --fault` takes them. */
#include "consensus/fault.h"

#include "base/must.h"

const char *consensus_fault_name(enum consensus_fault fault)
{
    static const char *const names[FAULT_COUNT] = {
        [FAULT_NONE] = "none",
        [FAULT_Q_MINUS_1] = "q-1",
        [FAULT_VOTE_BEFORE_DURABLE] = "vote-before-durable",
        [FAULT_PROMISE_DROPPED] = "promise-dropped",
        [FAULT_SELECT_BASE] = "select-base",
        [FAULT_JOURNAL_NOSYNC] = "journal-nosync",
        [FAULT_LOCK_WITHOUT_QC] = "lock-without-qc",
        [FAULT_P3_BEFORE_EXEC] = "p3-before-exec",
        [FAULT_DEDUPE_OFF] = "dedupe-off",
        [FAULT_FAST_MINUS_1] = "fast-1",
        [FAULT_INEXACT] = "inexact",
        [FAULT_SELECT_TIE] = "select-tie",
        [FAULT_SELECT_T] = "select-t",
        [FAULT_SELECT_LOCKS] = "select-locks",
        [FAULT_RAFT_LENGTH] = "raft-length",
        [FAULT_NEWVIEW_UNJUDGED] = "newview-unjudged",
    };
    must((unsigned)fault < FAULT_COUNT);
    return names[fault];
}
