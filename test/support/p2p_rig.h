/* p2p_rig.h - Several nodes' networks on one loop, over real sockets and real TLS, and waiting for
 * what must come.
 *
 *     struct p2p_rig rig;
 *     p2p_rig_init(&rig, 2, mem_system());
 *     p2p_rig_start(&rig, 0);            // Changes to rig.nodes[0] come before.
 *     p2p_rig_start(&rig, 1);
 *     p2p_rig_wait(&rig, all_up);
 *     p2p_rig_fini(&rig); */
#ifndef TRUSTSQL_TEST_SUPPORT_P2P_RIG_H
#define TRUSTSQL_TEST_SUPPORT_P2P_RIG_H

#include "base/buf.h"
#include "p2p/p2p.h"

#define P2P_RIG_MAX     4u
#define P2P_RIG_SECONDS 30u

struct p2p_rig;

struct p2p_rig_node {
    struct p2p_rig *rig;
    struct p2p *p2p;
    uint32_t number;
    uint16_t port;
    struct p2p_config config;
    struct p2p_peer_config peers[P2P_RIG_MAX];
    char addresses[P2P_RIG_MAX][64];
    uint32_t ups[P2P_RIG_MAX];
    uint32_t downs[P2P_RIG_MAX];
    uint64_t received[P2P_CHANNELS];
    struct buf last; /* The last message. */
    enum p2p_channel last_channel;
    /* Besides counting; may be null. */
    void (*message)(struct p2p_rig_node *node,
                    uint32_t peer,
                    enum p2p_channel c,
                    struct span bytes);
    void (*up)(struct p2p_rig_node *node, uint32_t peer);
};

struct p2p_rig {
    struct os os;      /* The real one, with a clock that can be put forward. */
    uint64_t ahead_ms; /* How far. */
    struct loop *loop;
    struct loop_timer *timer;
    char host[32]; /* Of this process alone, so that tests beside each other share no port. */
    uint32_t count;
    struct p2p_rig_node nodes[P2P_RIG_MAX];
    struct public_key keys[P2P_RIG_MAX + 1]; /* The last one: a stranger's. */
    struct secret_key secrets[P2P_RIG_MAX + 1];
    bool (*is_done)(struct p2p_rig *rig);
    bool is_late;
    uint64_t deadline_ms;
    uint64_t number; /* For a test's own use. */
    void *context;
};

/* Everybody knows everybody's address; ports are free ones. */
void p2p_rig_init(struct p2p_rig *rig, uint32_t count, struct mem *mem);
void p2p_rig_fini(struct p2p_rig *rig);
enum status p2p_rig_try(struct p2p_rig *rig, uint32_t number);
void p2p_rig_start(struct p2p_rig *rig, uint32_t number);
void p2p_rig_stop(struct p2p_rig *rig, uint32_t number);

/* Run the loop until is_done; fails the test after P2P_RIG_SECONDS. */
void p2p_rig_wait(struct p2p_rig *rig, bool (*is_done)(struct p2p_rig *rig));
void p2p_rig_run_ms(struct p2p_rig *rig, uint64_t ms);
bool p2p_rig_all_up(struct p2p_rig *rig); /* All started nodes see each other. */

struct p2p_peer_view p2p_rig_view(struct p2p_rig *rig, uint32_t node, uint32_t peer);
/* node's last failure with peer contains text. */
bool p2p_rig_failed(struct p2p_rig *rig, uint32_t node, uint32_t peer, const char *text);

#endif
