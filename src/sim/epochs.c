/* epochs.c - See epochs.h. */
#include "sim/epochs.h"

#include "base/must.h"

void epochs_learn(struct world *w, struct span bytes, uint64_t base)
{
    must(w->epoch_count < WORLD_EPOCHS_MAX);
    struct known_epoch *e = mem_alloc_zero(mem_system(), 1, sizeof *e);
    must(e != NULL);
    e->base = base;
    buf_init(&e->bytes, mem_system(), 0);
    buf_put(&e->bytes, bytes);
    must(buf_status(&e->bytes) == ST_OK);
    arena_init(&e->arena, mem_system(), 0);
    must(chain_config_decode(&e->config, &e->arena, bytes) == ST_OK);
    must(e->config.epoch == w->epoch_count);
    e->validators = chain_config_validators(&e->config);
    for (uint32_t i = 0; i < e->config.node_count; i++)
        e->keys[i] = epochs_key_number(w, &e->config.nodes[i].node_key);
    w->epochs[w->epoch_count++] = e;
}

void epochs_free(struct world *w)
{
    for (uint32_t i = 0; i < w->epoch_count; i++) {
        buf_fini(&w->epochs[i]->bytes);
        arena_fini(&w->epochs[i]->arena);
        mem_free(mem_system(), w->epochs[i]);
    }
    w->epoch_count = 0;
}

const struct known_epoch *epochs_at(const struct world *w, uint64_t epoch)
{
    return epoch < w->epoch_count ? w->epochs[epoch] : NULL;
}

const struct known_epoch *epochs_newest(const struct world *w)
{
    must(w->epoch_count > 0);
    return w->epochs[w->epoch_count - 1];
}

uint32_t epochs_key_number(const struct world *w, const struct public_key *key)
{
    for (uint32_t i = 0; i < w->key_count; i++)
        if (public_key_equal(&w->public_keys[i], key)) return i;
    return WORLD_KEYS_MAX;
}

bool host_owns(const struct host *h, uint32_t key_number)
{
    for (uint32_t i = 0; i < h->key_count; i++)
        if (h->keys[i] == key_number) return true;
    return false;
}

uint32_t epochs_index_of(const struct host *h, uint64_t epoch)
{
    const struct known_epoch *e = epochs_at(h->world, epoch);
    if (e == NULL) return NODES_MAX;
    for (uint32_t i = 0; i < e->validators.count; i++)
        if (host_owns(h, e->keys[i])) return i;
    return NODES_MAX;
}

struct host *epochs_host_at(struct world *w, uint64_t epoch, uint32_t index)
{
    const struct known_epoch *e = epochs_at(w, epoch);
    if (e == NULL || index >= e->validators.count) return NULL;
    for (uint32_t i = 0; i < w->host_count; i++)
        if (host_owns(&w->hosts[i], e->keys[index])) return &w->hosts[i];
    return NULL;
}

uint32_t epochs_leader(const struct world *w, uint64_t epoch, uint64_t view)
{
    const struct known_epoch *e = epochs_at(w, epoch);
    if (e == NULL) return NODES_MAX;
    uint32_t leaders[NODES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->config.validator_count; i++)
        if (!e->config.nodes[i].is_barred) leaders[count++] = i;
    must(e->config.validator_count > 0);
    if (count == 0) return (uint32_t)(view % e->config.validator_count);
    return leaders[view % count];
}
