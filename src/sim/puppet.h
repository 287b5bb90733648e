/* puppet.h - A Byzantine host without a core: it says what a scenario says, and nothing else but
 * answers to those who ask for transactions and blocks, for without them its blocks could not be
 * voted for. */
#ifndef TRUSTSQL_SIM_PUPPET_H
#define TRUSTSQL_SIM_PUPPET_H

#include "sim/network.h"

void puppet_on_parcel(struct host *h, uint32_t from, const struct parcel *p);
/* A block that puppets have, encoded. */
void puppet_keep(struct world *w, const struct hash *hash, struct span bytes);
void puppet_free(struct world *w);

#endif
