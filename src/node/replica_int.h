/* replica_int.h - Shared by replica*.c alone.
 *
 * The loop's thread works on all of it; what is under view_mutex others read. */
#ifndef TRUSTSQL_NODE_REPLICA_INT_H
#define TRUSTSQL_NODE_REPLICA_INT_H

#include <stdatomic.h>

#include "node/alarm.h"
#include "node/core.h"
#include "node/evidence_store.h"
#include "node/executor.h"
#include "node/finds.h"
#include "node/guests.h"
#include "node/peers.h"
#include "node/repair.h"
#include "node/replica.h"
#include "node/snapshot_server.h"
#include "node/storage.h"
#include "node/verify.h"
#include "node/watch.h"
#include "os/loop.h"
#include "os/thread.h"

struct replica {
    struct replica_config config;
    struct core_ports ports;
    struct core *core;
    struct peers *peers;
    struct public_key told_key; /* Of this node, as the doors know it. */
    struct evidence_store *evidence;
    struct verify *verify;
    struct storage *storage;
    struct executor *executor;
    struct heal *heal;
    struct repair *repair; /* Null: not yet, or no more; as the next one. */
    struct snapshot_server *snapshots;
    struct finds finds;
    bool is_rollback_told;
    struct queue *inbox;
    struct loop *loop;
    struct loop_wake *wake;
    struct loop_timer *timer;
    struct thread *thread;
    struct mutex *view_mutex;
    struct replica_view view;
    struct consensus_view consensus;
    const char *why_silent;     /* It does not vote: static text; else null. */
    uint64_t consensus_mono_ms; /* When it was copied. */
    struct watch watch;
    struct guests *guests;
    uint64_t invited_ms; /* When it last looked for invitations. */
    uint32_t jobs_out;   /* Storage jobs under way. */
    bool is_core_stopped;
    atomic_uint read_count;     /* Asked, not answered. */
    atomic_uint proof_count;    /* Of clients, in the inbox. */
    struct core_voice voice;    /* Under view_mutex. */
    uint64_t signed_height;     /* Under view_mutex: no result above it was ever signed here. */
    _Atomic uint64_t core_ns;   /* CPU time of the loop's thread inside the core … */
    _Atomic uint64_t engine_ns; /* … and, of that, inside the engine. */
    atomic_bool is_stopping;
    atomic_bool has_failed;
    atomic_bool is_quarantined;
};

#endif
