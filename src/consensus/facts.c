/* facts.c - Evidence counts for the epoch whose validators it accuses. */
#include "consensus/facts.h"

#include "base/must.h"
#include "consensus/evidence.h"

static void count_evidence(struct mode_source *source, uint64_t epoch);

void facts_of_block(struct mode_facts *f,
                    const struct header *header,
                    const struct block_content *content)
{
    struct mode_source source = {.header = header,
                                 .final_cert = content->final_cert,
                                 .res_cert = content->res_cert,
                                 .notes = content->notes};
    if (content->notes != NULL) count_evidence(&source, header->epoch);
    mode_facts_of(f, &source);
}

static void count_evidence(struct mode_source *source, uint64_t epoch)
{
    must(source->notes->evidence_count <= BLOCK_EVIDENCE_MAX);
    for (uint32_t i = 0; i < source->notes->evidence_count; i++) {
        struct evidence e;
        if (evidence_decode(&e, source->notes->evidence[i]) != ST_OK) continue;
        if (e.epoch != epoch || e.offender >= NODES_MAX) continue;
        if (evidence_is_divergence(e.kind))
            source->diverged |= 1u << e.offender;
        else
            source->convicted |= 1u << e.offender;
    }
}
