/* schedule.h - What will happen in the simulated world, in one total order: time, then sequence.
 *
 * Two things due at the same microsecond happen in the order in which they were planned, so a run
 * depends on its seed alone. One thread. */
#ifndef TRUSTSQL_SIM_SCHEDULE_H
#define TRUSTSQL_SIM_SCHEDULE_H

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

enum happening {
    HAPPENS_TICK,     /* Of a host. */
    HAPPENS_MESSAGE,  /* item: struct parcel, arrives at a host. */
    HAPPENS_VERIFIED, /* item: struct flow_tx. */
    HAPPENS_SYNC,     /* Its sync ends. */
    HAPPENS_EXECUTED, /* item: struct flow_block. */
    HAPPENS_PEER,     /* number: host; flag: it is up. */
    HAPPENS_CONNECT,  /* host and host number try again. */
    HAPPENS_RESTART,
    HAPPENS_CLIENT, /* number: of a client's transaction: submit it again. */
    HAPPENS_LOAD,   /* The next transaction of a stream. */
    HAPPENS_READ    /* number: of a read: ask again. */
};

struct event {
    uint64_t at_us;
    uint64_t seq;
    enum happening kind;
    uint32_t host;
    uint32_t life; /* Of host when it was planned: what a crash outlives is not its business. */
    uint64_t number;
    uint32_t connection; /* HAPPENS_MESSAGE: the one it was sent on; see network.h. */
    bool flag;
    void *item;
};

struct schedule {
    struct event *heap;
    uint32_t count;
    uint32_t room;
    uint64_t seq;
};

void schedule_init(struct schedule *s);
void schedule_fini(struct schedule *s);                       /* Items belong to others. */
void schedule_add(struct schedule *s, const struct event *e); /* seq is set here. */

/* Time of the next; UINT64_MAX: nothing is planned. */
uint64_t schedule_next_us(const struct schedule *s);
bool schedule_take(struct schedule *s, struct event *out); /* False: empty. */

#endif
