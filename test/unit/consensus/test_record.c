/* Goal: the promise record survives encoding in every combination of what it may lack, in one form
 * only; reasons and faults have the names that others rely on. */
#include "consensus/record.h"

#include "consensus/fault.h"
#include "consensus/reject.h"
#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/golden.h"
#include "support/sample_consensus.h"

static enum status record_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct consensus_record r;
    TRY(consensus_record_decode(&r, bytes));
    consensus_record_encode(out, &r);
    return buf_status(out);
}

/* Bits of what: has_proposed, is_open, has_lock, has_final_cert, has_hq. */
static struct consensus_record sample_record(uint32_t what)
{
    struct sample_history h = sample_history();
    struct hash blocks[SAMPLE_CHAIN];
    for (uint32_t i = 0; i < SAMPLE_CHAIN; i++)
        blocks[i] = header_hash(&h.blocks[i]);
    struct consensus_record r = {.cur_view = 7, .voted_view = 3};
    if ((what & 1u) != 0) {
        r.has_proposed = true;
        r.proposer_view = 6;
    }
    if ((what & 2u) != 0) {
        r.is_open = true;
        r.anchor_height = 2;
        r.anchor_hash = blocks[1];
    }
    if ((what & 4u) != 0) {
        r.has_lock = true;
        r.lock_view = 2;
        r.lock_height = 2;
        r.lock_hash = blocks[1];
    }
    if ((what & 8u) != 0) {
        r.has_final_cert = true;
        r.final_height = 1;
        r.final_hash = blocks[0];
        r.final_cert = h.final_cert;
        r.chain_count = 2;
        r.chain[0] = blocks[1];
        r.chain[1] = blocks[2];
    }
    if ((what & 16u) != 0) {
        r.has_hq = true;
        r.hq = h.hq;
    }
    if ((what & 32u) != 0) {
        r.has_res_cert = true;
        r.res_cert = h.final_cert;
    }
    return r;
}

static void records_are_encoded_one_way(void **state)
{
    (void)state;
    for (uint32_t what = 0; what < 64; what++) {
        struct consensus_record r = sample_record(what);
        struct consensus_record back;
        struct buf out;
        buf_init(&out, mem_system(), 0);
        consensus_record_encode(&out, &r);
        assert_int_equal(buf_status(&out), ST_OK);
        assert_int_equal(consensus_record_decode(&back, buf_span(&out)), ST_OK);
        assert_int_equal(back.cur_view, r.cur_view);
        assert_int_equal(back.voted_view, r.voted_view);
        assert_int_equal(back.has_proposed, r.has_proposed);
        assert_int_equal(back.proposer_view, r.proposer_view);
        assert_int_equal(back.is_open, r.is_open);
        assert_int_equal(back.anchor_height, r.anchor_height);
        assert_int_equal(back.has_lock, r.has_lock);
        assert_int_equal(back.lock_view, r.lock_view);
        assert_int_equal(back.final_height, r.final_height);
        assert_int_equal(back.has_final_cert, r.has_final_cert);
        assert_int_equal(back.chain_count, r.chain_count);
        assert_memory_equal(back.chain, r.chain, sizeof r.chain);
        assert_int_equal(back.has_hq, r.has_hq);
        if (what == 63) golden_check("record", buf_span(&out));
        codec_sweep(buf_span(&out), record_again);
        buf_fini(&out);
    }
}

static void other_versions_and_long_chains_are_refused(void **state)
{
    (void)state;
    struct consensus_record r = sample_record(0);
    r.chain_count = CONSENSUS_WINDOW;
    uint8_t bytes[2048];
    struct buf out;
    buf_init_fixed(&out, bytes, sizeof bytes);
    consensus_record_encode(&out, &r);
    codec_sweep(buf_span(&out), record_again);
    bytes[1] = 1; /* The version. */
    assert_int_equal(consensus_record_decode(&r, buf_span(&out)), ST_INVALID);
    bytes[1] = 2;
    size_t chain_at = out.size - 3 - (size_t)CONSENSUS_WINDOW * 34 - 1;
    assert_int_equal(bytes[chain_at], 0x80 | CONSENSUS_WINDOW);
    bytes[chain_at]++;
    assert_int_equal(consensus_record_decode(&r, buf_span(&out)), ST_LIMIT);
}

static void names_are_distinct_and_stable(void **state)
{
    (void)state;
    for (int i = 0; i < REJECT_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(consensus_reject_name((enum consensus_reject)i),
                                    consensus_reject_name((enum consensus_reject)j));
    assert_string_equal(consensus_reject_name(REJECT_NONE), "none");
    assert_string_equal(consensus_reject_name(REJECT_NV_ANCHOR), "nv-anchor");
    assert_string_equal(consensus_reject_name(REJECT_HALTED), "halted");
    static const char *const faults[FAULT_COUNT] = {"none",
                                                    "q-1",
                                                    "vote-before-durable",
                                                    "promise-dropped",
                                                    "select-base",
                                                    "journal-nosync",
                                                    "lock-without-qc",
                                                    "p3-before-exec",
                                                    "dedupe-off",
                                                    "fast-1",
                                                    "inexact",
                                                    "select-tie",
                                                    "select-t",
                                                    "select-locks",
                                                    "raft-length",
                                                    "newview-unjudged"};
    for (int i = 0; i < FAULT_COUNT; i++)
        assert_string_equal(consensus_fault_name((enum consensus_fault)i), faults[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_encoded_one_way),
        cmocka_unit_test(other_versions_and_long_chains_are_refused),
        cmocka_unit_test(names_are_distinct_and_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
