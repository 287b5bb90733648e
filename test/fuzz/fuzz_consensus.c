/* fuzz_consensus.c - What other validators send: messages, the record in the journal, evidence.
 *
 * The first byte chooses the decoder. What decodes must encode to the same bytes; then it is used
 * as its receiver would: view changes and new views are checked, evidence is verified. */
#include <stddef.h>
#include <stdint.h>

#include "base/must.h"
#include "consensus/evidence.h"
#include "consensus/record.h"
#include "support/sample_consensus.h"

static struct consensus_message message;

static void use_message(void)
{
    struct check_context context = sample_check_context();
    struct select_claim claim;
    switch (message.kind) {
    case CONSENSUS_PROPOSAL: {
        struct hash block = header_hash(&message.proposal.header);
        (void)proposal_hash(&block);
        return;
    }
    case CONSENSUS_VOTE: (void)vote_hash(&message.vote, context.chain_id); return;
    case CONSENSUS_VIEW_CHANGE:
        (void)view_change_check(&message.view_change, &context);
        select_claim_of(&claim, &message.view_change);
        return;
    case CONSENSUS_NEW_VIEW: (void)new_view_check(&message.new_view, &context, NULL); return;
    case CONSENSUS_STATUS: (void)status_report_hash(&message.status, context.chain_id); return;
    }
}

static enum status message_again(struct span bytes, struct buf *out)
{
    TRY(consensus_message_decode(&message, bytes));
    use_message();
    consensus_message_encode(out, &message);
    return ST_OK;
}

static enum status record_again(struct span bytes, struct buf *out)
{
    struct consensus_record r;
    TRY(consensus_record_decode(&r, bytes));
    consensus_record_encode(out, &r);
    return ST_OK;
}

static enum status evidence_again(struct span bytes, struct buf *out)
{
    struct evidence e;
    TRY(evidence_decode(&e, bytes));
    struct check_context context = sample_check_context();
    enum status st =
        evidence_verify(&e, context.validators, context.signer, context.chain_id, mem_system());
    must(st == ST_OK || st == ST_INVALID || st == ST_SIGNATURE);
    evidence_encode(out, &e);
    return ST_OK;
}

typedef enum status decoder(struct span bytes, struct buf *out);

static decoder *const decoders[] = {message_again, record_again, evidence_again};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct buf out;
    buf_init(&out, mem_system(), 64u << 20);
    struct span bytes = span_of(data + 1, size - 1);
    if (decoders[data[0] % (sizeof decoders / sizeof decoders[0])](bytes, &out) == ST_OK) {
        must(buf_status(&out) == ST_OK);
        must(span_equal(buf_span(&out), bytes));
    }
    buf_fini(&out);
    return 0;
}
