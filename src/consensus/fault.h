/* fault.h - Planted faults: each takes one rule out of the engine or its runtime.
 *
 * They exist to show that the simulator's checks bite (`trustsql sim --fault NAME`); a node always
 * runs with FAULT_NONE. */
#ifndef TRUSTSQL_CONSENSUS_FAULT_H
#define TRUSTSQL_CONSENSUS_FAULT_H

enum consensus_fault {
    FAULT_NONE,
    FAULT_Q_MINUS_1,           /* q-1: certificates of one vote too few. */
    FAULT_VOTE_BEFORE_DURABLE, /* vote-before-durable: votes leave before their record is safe. */
    FAULT_PROMISE_DROPPED,     /* promise-dropped: votes again in views that it left. */
    FAULT_SELECT_BASE,         /* select-base: new views build on the base, whatever is locked. */
    FAULT_JOURNAL_NOSYNC,      /* journal-nosync: the journal is reported durable without a sync. */
    FAULT_LOCK_WITHOUT_QC,     /* lock-without-qc: P2 as soon as P1 is out. */
    FAULT_P3_BEFORE_EXEC,      /* p3-before-exec: votes for a result that it did not compute. */
    FAULT_DEDUPE_OFF,          /* dedupe-off: a transaction id may come twice. */
    FAULT_FAST_MINUS_1,        /* fast-1: one equal P1 less than n - p commits. */
    FAULT_INEXACT,             /* inexact: a P1 counts for the block's ancestors too. */
    FAULT_SELECT_TIE,          /* select-tie: claims of the certificate's own view count nothing. */
    FAULT_SELECT_T,            /* select-t: support takes one claim more than T. */
    FAULT_SELECT_LOCKS,        /* select-locks: new views see locks, not the first votes. */
    FAULT_RAFT_LENGTH,         /* raft-length: the longest chain wins, whatever its view. */
    FAULT_NEWVIEW_UNJUDGED,    /* newview-unjudged: view changes that only a NEWVIEW brings are held
                                  against nothing. */
    FAULT_COUNT
};

const char *consensus_fault_name(enum consensus_fault fault); /* "none", "q-1", … */

#endif
