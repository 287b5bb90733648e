/* replica_view.c - What other threads see of a replica, and what they may ask of it: copies under
 * its lock, or questions to parts that have threads of their own. */
#include "node/replica_int.h"
#include "rows/rows.h"

bool replica_is_quarantined(const struct replica *r)
{
    return atomic_load(&r->is_quarantined);
}

bool replica_committed(struct replica *r, struct certificate *out)
{
    mutex_lock(r->view_mutex);
    bool is_known = r->voice.committed.entry_count > 0;
    if (is_known) *out = r->voice.committed;
    mutex_unlock(r->view_mutex);
    return is_known;
}

bool replica_certified(struct replica *r, struct certificate *out, uint64_t *executed_height)
{
    mutex_lock(r->view_mutex);
    bool is_known = r->voice.certified.entry_count > 0;
    if (is_known) *out = r->voice.certified;
    *executed_height = r->signed_height;
    mutex_unlock(r->view_mutex);
    return is_known;
}

enum status replica_sign_reply(struct replica *r, struct reply *reply)
{
    struct secret_key key = {0};
    mutex_lock(r->view_mutex);
    const struct core_voice *v = &r->voice;
    bool may_sign = v->self < NODES_MAX && v->epoch == reply->epoch &&
                    reply->height <= v->certified.statement.height;
    if (may_sign) {
        key = v->key;
        reply->node = v->self;
    }
    mutex_unlock(r->view_mutex);
    if (!may_sign) return ST_NOT_FOUND;
    reply->chain_id = r->config.chain_id;
    struct hash hash = reply_hash(reply);
    enum status st = sign_hash(r->config.signer, &reply->sig, &key, &hash);
    mem_wipe(&key, sizeof key);
    return st;
}

void replica_view(struct replica *r, struct replica_view *out)
{
    mutex_lock(r->view_mutex);
    *out = r->view;
    mutex_unlock(r->view_mutex);
}

void replica_consensus(struct replica *r, struct consensus_view *out)
{
    mutex_lock(r->view_mutex);
    *out = r->consensus;
    mutex_unlock(r->view_mutex);
}

const char *replica_why_silent(const struct replica *r)
{
    return r->why_silent;
}

enum status replica_evidence(struct replica *r,
                             uint32_t index,
                             struct evidence_view *out,
                             struct buf *bytes)
{
    return evidence_store_get(r->evidence, index, out, bytes);
}

enum status replica_flush(struct replica *r, uint64_t *height)
{
    return executor_flush(r->executor, height);
}

enum status replica_scrub(struct replica *r,
                          struct buf *report,
                          bool *was_clean,
                          const atomic_bool *is_cancelled)
{
    return heal_scrub(r->heal, report, was_clean, is_cancelled);
}

void replica_heal_view(struct replica *r, struct heal_view *out)
{
    heal_view(r->heal, out);
}

void replica_stop_heal(struct replica *r)
{
    heal_stop(r->heal);
}

uint64_t replica_signatures(const struct replica *r)
{
    return r->verify == NULL ? 0 : verify_signatures(r->verify);
}

void replica_cpu(const struct replica *r, struct replica_cpu *out)
{
    out->verify = r->verify == NULL ? 0 : verify_cpu_ns(r->verify);
    const uint64_t loop = r->thread == NULL ? 0 : thread_cpu_ns(r->thread);
    const uint64_t core = atomic_load(&r->core_ns);
    out->consensus = atomic_load(&r->engine_ns);
    out->pool = core > out->consensus ? core - out->consensus : 0;
    out->net = loop > core ? loop - core : 0;
    out->store = r->storage == NULL ? 0 : storage_cpu_ns(r->storage);
    out->exec = executor_cpu_ns(r->executor);
    out->checkpoint = executor_checkpoint_cpu_ns(r->executor);
    out->heal = r->heal == NULL ? 0 : heal_cpu_ns(r->heal);
    out->tidy = r->repair == NULL ? 0 : repair_cpu_ns(r->repair);
    struct rows_cost rows = {.cpu_ns = 0};
    if (exec_row_tree(r->config.exec) != NULL) rows_cost(exec_row_tree(r->config.exec), &rows);
    out->rows = rows.cpu_ns;
}

bool replica_is_tidying(const struct replica *r)
{
    return !store_is_tidy(r->config.store);
}
