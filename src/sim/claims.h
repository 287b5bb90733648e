/* claims.h - What a made-up view change needs beside its claim so that others take it for valid:
 * the chain to its certificate, and in raft its leader's word for the newest block. */
#ifndef TRUSTSQL_SIM_CLAIMS_H
#define TRUSTSQL_SIM_CLAIMS_H

#include "sim/oracle.h"

/* Fills branch and tip_sig from what was ever seen; a Byzantine leader gives its word for anything.
 * What cannot be had stays out. Not signed. */
void claims_complete(struct world *w, struct view_change *vc);

/* Replaces hq by the certificate of an older view, if one was ever complete. */
bool claims_take_old_hq(struct world *w, struct view_change *vc, uint64_t draw);

#endif
