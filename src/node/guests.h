/* guests.h - Nodes that were invited and do not belong to the chain yet, at the replica's side.
 *
 * A guest shows its secret (guests_admit), sends its card, which goes to the doors (FLOW_GUEST),
 * and gets what comes back from there. All else that a guest says is ignored. Replica's thread. */
#ifndef TRUSTSQL_NODE_GUESTS_H
#define TRUSTSQL_NODE_GUESTS_H

#include "node/flow.h"
#include "node/invitations.h"
#include "node/queue.h"
#include "node/wire.h"
#include "p2p/p2p.h"

struct flow_guest {   /* A card on its way to the doors, and the answer on its way back. */
    struct flow flow; /* FLOW_GUEST */
    struct mem *mem;
    struct public_key key; /* Of the guest, proved by TLS. */
    struct hash invitation;
    struct buf card;   /* Text; hostile. */
    struct buf answer; /* Encoded welcome. */
};
void flow_guest_free(struct flow_guest *g); /* Null allowed. */

struct guest { /* Who was admitted lately. */
    bool is_known;
    bool is_asking; /* Its card is at the doors. */
    struct public_key key;
    struct hash invitation;
};

struct guests {
    struct invitations invitations;
    struct mem *mem;
    struct queue *outbox; /* To the doors. */
    struct wire_message wire;
    uint32_t next;                      /* Slot to be given next. */
    struct guest known[P2P_GUESTS_MAX]; /* The newest. */
};

bool guests_admit(struct guests *g, const struct public_key *key, struct span secret);
void guests_message(struct guests *g, struct p2p *p, uint32_t peer, struct span bytes);
/* Takes flow. */
void guests_answer(struct guests *g, struct p2p *p, struct flow_guest *flow);

#endif
