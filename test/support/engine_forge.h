/* engine_forge.h - Messages that no engine of a rig would send, signed by its keys all the same. */
#ifndef TRUSTSQL_TEST_SUPPORT_ENGINE_FORGE_H
#define TRUSTSQL_TEST_SUPPORT_ENGINE_FORGE_H

#include "support/engine_rig.h"

/* A valid empty first block of view, by its leader; variant tells forks apart. */
struct header forge_first(struct engine_rig *r, uint64_t view, uint8_t variant);
/* A child of parent, valid but for its history root when parent is not the first block. */
struct header forge_child(struct engine_rig *r,
                          const struct header *parent,
                          uint64_t view,
                          uint8_t variant);

struct proposal forge_proposal(struct engine_rig *r, const struct header *h);
struct statement forge_statement(uint64_t view, const struct header *h);
struct vote forge_vote(struct engine_rig *r,
                       uint32_t voter,
                       enum vote_part part,
                       const struct statement *s);
/* Of voters first … first + count - 1. */
struct certificate forge_certificate(struct engine_rig *r,
                                     enum vote_part part,
                                     const struct statement *s,
                                     uint32_t first,
                                     uint32_t count);
/* From the genesis, voted for nothing, knows nothing. */
struct view_change forge_view_change(struct engine_rig *r, uint32_t sender, uint64_t to_view);
/* Of such view changes of validators 0 … n - f - 1, by its leader; X is the genesis. */
void forge_new_view(struct engine_rig *r, struct new_view *out, uint64_t view);

void forge_sign_vote(struct engine_rig *r, struct vote *v);
void forge_sign_view_change(struct engine_rig *r, struct view_change *vc);
void forge_sign_new_view(struct engine_rig *r, struct new_view *nv);

/* One message to one node, the status of its step. */
enum status forge_tell_proposal(struct engine_rig *r, uint32_t to, const struct proposal *p);
enum status forge_tell_vote(struct engine_rig *r, uint32_t to, const struct vote *v);
enum status forge_tell_view_change(struct engine_rig *r, uint32_t to, const struct view_change *vc);
enum status forge_tell_new_view(struct engine_rig *r, uint32_t to, const struct new_view *nv);

/* How often node refused something for that reason. */
uint64_t forge_refused(struct engine_rig *r, uint32_t node, enum consensus_reject reason);

#endif
