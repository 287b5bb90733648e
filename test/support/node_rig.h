/* node_rig.h - A node of one validator in a directory of its own, driven through its backend.
 *
 *     struct node_rig rig;
 *     node_rig_init(&rig);                          // Makes the directory, opens the node.
 *     … node_run(rig.node, …) …
 *     node_rig_close(&rig); node_rig_open(&rig);    // A restart.
 *     node_rig_fini(&rig);                          // Closes, removes the directory.
 *
 * Whatever fails aborts the test. */
#ifndef TRUSTSQL_TEST_NODE_RIG_H
#define TRUSTSQL_TEST_NODE_RIG_H

#include "node/node.h"

#define NODE_RIG_USER "admin"

struct node_rig {
    char dir[OS_PATH_MAX];
    struct os *os; /* What the next node_rig_open gives to the node; os_posix() at first. */
    struct node *node;
    struct signer *signer;
    struct secret_key admin;
    struct hash chain_id;
    struct loop_timer *timer;
    void (*script)(struct node_rig *rig, void *context);
    void *context;
};

void node_rig_init(struct node_rig *rig);
void node_rig_fini(struct node_rig *rig);
void node_rig_open(struct node_rig *rig);
void node_rig_close(struct node_rig *rig);

/* For a timer on the doors' loop: calls rig->script(rig, rig->context). */
void node_rig_fire(void *context); /* The rig. */

#endif
