/* host.h - One machine of the simulated world: it starts, runs, dies. */
#ifndef TRUSTSQL_SIM_HOST_H
#define TRUSTSQL_SIM_HOST_H

#include "sim/world.h"

#define HOST_DIR "node"

void host_init(struct host *h, struct world *w, uint32_t id, uint32_t voter, enum host_part part);
void host_fini(struct host *h);

void host_start(struct host *h); /* Down, not a puppet. */
/* The power goes: memory is lost, of what was not synced by mode. */
void host_crash(struct host *h, enum fake_os_crash mode);

/* The place of other among the peers of h; HOST_PLACES_MAX: h knows no key of it. */
uint32_t host_place_of(const struct host *h, const struct host *other);
/* h has another key from now on, beside those it has. */
void host_give_key(struct host *h, uint32_t key_number);

void host_handle(struct host *h, const struct event *e);

/* A client hands a transaction to its door. */
void host_submit(struct host *h, struct span tx_bytes, bool has_ticket);
/* A session reads; the answer comes to reads_on_answer. Borrows r until then, or until h dies. */
void host_read(struct host *h, struct flow_read *r);
/* A client complains at its door, as to trustsql.complain. */
void host_complain(struct host *h, const struct complaint *complaint);

#endif
