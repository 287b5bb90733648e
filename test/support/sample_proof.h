/* sample_proof.h - A proof of each kind that verifies against sample_genesis. */
#ifndef TRUSTSQL_TEST_SAMPLE_PROOF_H
#define TRUSTSQL_TEST_SAMPLE_PROOF_H

#include "ledger/proof.h"

/* Subjects of proofs, with what may stand in them or not. */
enum sample_subject {
    SAMPLE_TX,
    SAMPLE_TX_LATER, /* Of epoch 2: one validator is another in each. */
    SAMPLE_TX_SHOWN, /* A transaction whose first parameter is shown and no other. */
    SAMPLE_VERSION,
    SAMPLE_VERSION_GONE, /* A row that the block removed. */
    SAMPLE_ROW,
    SAMPLE_ROW_OF_MANY, /* 200 rows: below branches. */
    SAMPLE_NO_ROW,
    SAMPLE_NO_ROW_OF_NONE, /* The chain has no rows. */
    SAMPLE_NO_TX,          /* In two intervals, between others and at the end. */
    SAMPLE_NO_TX_OF_NONE,  /* No transactions at all; the genesis is before. */
    SAMPLE_SUBJECTS
};

/* With the genesis in it, two later heights and one successor. */
void sample_proof_of(struct proof *p, struct arena *a, enum sample_subject subject);

struct span sample_genesis_bytes(void);

#endif
