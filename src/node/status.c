/* Lines come from a table of names, each with the function that prints its value. */
#include "node/status.h"

#include "base/hex.h"
#include "base/must.h"

struct look { /* One moment; made for each line, which is cheap enough for people. */
    const struct node_status *node;
    struct replica_view replica;
    struct consensus_view consensus;
    struct heal_view heal;
};

struct line {
    const char *name;
    void (*put)(const struct look *l, struct buf *out);
};

static void put_number(struct buf *out, uint64_t value)
{
    buf_printf(out, "%llu", (unsigned long long)value);
}

static void put_hash(struct buf *out, const struct hash *hash)
{
    char text[2 * HASH_SIZE + 1];
    hex_encode(text, hash_span(hash));
    buf_put_text(out, text);
}

uint64_t consensus_view_lag(const struct consensus_view *v, uint64_t executed_height)
{
    uint64_t newest = v->final_height;
    for (uint32_t i = 0; i < v->n; i++)
        if (v->members[i].has_status && v->members[i].final_height > newest)
            newest = v->members[i].final_height;
    return newest > executed_height ? newest - executed_height : 0;
}

/* --- lines ----------------------------------------------------------------------------------- */

static void put_chain_id(const struct look *l, struct buf *out)
{
    put_hash(out, &l->node->chain_id);
}

static void put_node(const struct look *l, struct buf *out)
{
    const struct consensus_view *v = &l->consensus;
    if (v->self < v->node_count) buf_put_text(out, v->members[v->self].name);
}

static void put_organisation(const struct look *l, struct buf *out)
{
    const struct consensus_view *v = &l->consensus;
    if (v->self < v->node_count) buf_put_text(out, v->members[v->self].organisation);
}

static void put_index(const struct look *l, struct buf *out)
{
    if (l->consensus.self < l->consensus.node_count) put_number(out, l->consensus.self);
}

static void put_height(const struct look *l, struct buf *out)
{
    put_number(out, l->replica.executed_height);
}

static void put_proposed(const struct look *l, struct buf *out)
{
    put_number(out, l->replica.height);
}

static void put_view(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.view);
}

static void put_leader(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.leader);
}

static void put_mode(const struct look *l, struct buf *out)
{
    buf_put_text(out, block_mode_text(l->consensus.mode));
}

static void put_digest(const struct look *l, struct buf *out)
{
    put_hash(out, &l->replica.digest);
}

static void put_lag(const struct look *l, struct buf *out)
{
    put_number(out, consensus_view_lag(&l->consensus, l->replica.executed_height));
}

static void put_waiting(const struct look *l, struct buf *out)
{
    put_number(out, l->replica.waiting);
}

static void put_block_time(const struct look *l, struct buf *out)
{
    put_number(out, l->replica.time_ms);
}

static void put_height_min(const struct look *l, struct buf *out)
{
    put_number(out, db_height_min(exec_db(l->node->exec)));
}

static void put_file_height(const struct look *l, struct buf *out)
{
    put_number(out, db_file_height(exec_db(l->node->exec)));
}

static void put_exec_version(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.exec_version);
}

static void put_epoch(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.epoch);
}

static void put_role(const struct look *l, struct buf *out)
{
    const struct consensus_view *v = &l->consensus;
    buf_put_text(out, v->self < v->n ? "validator" : v->self < v->node_count ? "observer" : "none");
}

static void put_slack(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.p);
}

static void put_fast_quorum(const struct look *l, struct buf *out)
{
    if (l->consensus.fast_quorum > 0) put_number(out, l->consensus.fast_quorum);
}

static void put_view_change_quorum(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.view_change_quorum);
}

/* Names with ", " between. */
static void put_names(const struct look *l, struct buf *out, uint32_t nodes)
{
    const char *separator = "";
    for (uint32_t i = 0; i < l->consensus.n; i++) {
        if ((nodes >> i & 1u) == 0) continue;
        buf_printf(out, "%s%s", separator, l->consensus.members[i].name);
        separator = ", ";
    }
}

static void put_suspects(const struct look *l, struct buf *out)
{
    uint32_t suspects = 0;
    for (uint32_t i = 0; i < l->consensus.n; i++)
        if (l->consensus.members[i].is_suspect) suspects |= 1u << i;
    put_names(l, out, suspects);
}

static void put_mode_decided(const struct look *l, struct buf *out)
{
    const struct consensus_view_mode *m = &l->consensus.change;
    if (m->decided_height > 0)
        buf_printf(out, "%s at height %llu", block_mode_text(m->decided),
                   (unsigned long long)m->decided_height);
}

static void put_reason(const struct look *l, struct buf *out, const char *what, uint32_t nodes)
{
    if (nodes == 0) return;
    if (out->size > 0) buf_put_text(out, "; ");
    buf_printf(out, "%s: ", what);
    put_names(l, out, nodes);
}

/* Why the chain is not FAST, and what is pending for the return. */
static void put_mode_return(const struct look *l, struct buf *out)
{
    const struct consensus_view_mode *m = &l->consensus.change;
    if (m->decided != MODE_STRICT) return;
    put_reason(l, out, "convicted", m->convicted);
    put_reason(l, out, "diverged", m->diverged);
    put_reason(l, out, "votes are missing of", m->absent);
    if (out->size > 0) buf_put_text(out, "; ");
    buf_printf(out, "%llu of %llu blocks in a row were well", (unsigned long long)m->well_blocks,
               (unsigned long long)m->well_needed);
}

static void put_program(const struct look *l, struct buf *out)
{
    const struct consensus_view *v = &l->consensus;
    if (v->self < v->node_count) put_hash(out, &v->members[v->self].release.program);
}

static void put_validators(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.n);
}

static void put_faults(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.f);
}

static void put_quorum(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.quorum);
}

static void put_connected(const struct look *l, struct buf *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < l->consensus.n; i++)
        if (l->consensus.members[i].is_connected) count++;
    put_number(out, count);
}

static void put_final(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.final_height);
}

static void put_certified(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.result_height);
}

static void put_failed_views(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.failed_views);
}

static void put_anchored(const struct look *l, struct buf *out)
{
    buf_put_text(out, l->consensus.is_anchored ? "yes" : "no");
}

static void put_voting(const struct look *l, struct buf *out)
{
    buf_put_text(out, l->consensus.is_voting ? "yes" : "no");
}

static void put_not_voting_reason(const struct look *l, struct buf *out)
{
    buf_put_text(out, l->consensus.not_voting_reason);
}

static void put_view_timer(const struct look *l, struct buf *out)
{
    if (l->consensus.view_timer_ms != CONSENSUS_VIEW_NEVER)
        put_number(out, l->consensus.view_timer_ms);
}

static void put_view_changes(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.view_change_held);
}

static void put_oldest_waiting(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.oldest_waiting_ms);
}

static void put_evidence(const struct look *l, struct buf *out)
{
    put_number(out, l->consensus.evidence_count);
}

static void put_signatures(const struct look *l, struct buf *out)
{
    put_number(out, replica_signatures(l->node->replica));
}

static void put_memory(const struct look *l, struct buf *out)
{
    put_number(out, l->node->os->process_memory(l->node->os));
}

static void put_cpu_total(const struct look *l, struct buf *out)
{
    put_number(out, l->node->os->process_cpu_ns(l->node->os) / 1000u);
}

static void put_cpu_history(const struct look *l, struct buf *out)
{
    put_number(out, historian_cpu_ns(l->node->historian) / 1000u);
}

static void put_history_height(const struct look *l, struct buf *out)
{
    put_number(out, historian_height(l->node->historian));
}

static void put_tidying(const struct look *l, struct buf *out)
{
    buf_put_text(out, replica_is_tidying(l->node->replica) ? "yes" : "no");
}

static void put_cpu_read(const struct look *l, struct buf *out)
{
    put_number(out, readers_cpu_ns(l->node->readers) / 1000u);
}

static void put_finds(const struct look *l, struct buf *out)
{
    put_number(out, l->heal.finds);
}

static void put_last_find(const struct look *l, struct buf *out)
{
    buf_put_text(out, l->heal.last_find);
}

static void put_damaged(const struct look *l, struct buf *out)
{
    buf_put_text(out, l->heal.is_damaged ? "yes" : "no");
}

static void put_scrubbed(const struct look *l, struct buf *out)
{
    if (l->heal.round_ms > 0) put_number(out, l->heal.round_ms);
}

/* The threads of the replica. */
#define PUT_CPU(name, field)                                                                       \
    static void name(const struct look *l, struct buf *out)                                        \
    {                                                                                              \
        struct replica_cpu cpu;                                                                    \
        replica_cpu(l->node->replica, &cpu);                                                       \
        put_number(out, cpu.field / 1000u);                                                        \
    }
PUT_CPU(put_cpu_verify, verify)
PUT_CPU(put_cpu_net, net)
PUT_CPU(put_cpu_consensus, consensus)
PUT_CPU(put_cpu_pool, pool)
PUT_CPU(put_cpu_store, store)
PUT_CPU(put_cpu_exec, exec)
PUT_CPU(put_cpu_checkpoint, checkpoint)
PUT_CPU(put_cpu_heal, heal)
PUT_CPU(put_cpu_tidy, tidy)
PUT_CPU(put_cpu_rows, rows)
#undef PUT_CPU

static const struct line lines[] = {
    {"chain_id", put_chain_id},
    {"node", put_node},
    {"organisation", put_organisation},
    {"index", put_index},
    {"height", put_height},
    {"proposed", put_proposed},
    {"view", put_view},
    {"leader", put_leader},
    {"mode", put_mode},
    {"digest", put_digest},
    {"lag", put_lag},
    {"waiting", put_waiting},
    {"block_time_ms", put_block_time},
    {"height_min", put_height_min},
    {"file_height", put_file_height},
    {"exec_version", put_exec_version},
    {"epoch", put_epoch},
    {"role", put_role},
    {"mode_decided", put_mode_decided},
    {"mode_return", put_mode_return},
    {"suspects", put_suspects},
    {"program", put_program},
    {"validators", put_validators},
    {"faults", put_faults},
    {"quorum", put_quorum},
    {"p", put_slack},
    {"fast_quorum", put_fast_quorum},
    {"view_change_quorum", put_view_change_quorum},
    {"connected", put_connected},
    {"final", put_final},
    {"certified", put_certified},
    {"failed_views", put_failed_views},
    {"anchored", put_anchored},
    {"voting", put_voting},
    {"not_voting_reason", put_not_voting_reason},
    {"view_timer_ms", put_view_timer},
    {"view_changes", put_view_changes},
    {"oldest_waiting_ms", put_oldest_waiting},
    {"evidence", put_evidence},
    {"signatures_verified", put_signatures},
    {"rss_bytes", put_memory},
    {"cpu_us_total", put_cpu_total}, /* The doors' own share is the total less the stages. */
    {"cpu_us_verify", put_cpu_verify},
    {"cpu_us_net", put_cpu_net},
    {"cpu_us_consensus", put_cpu_consensus},
    {"cpu_us_pool", put_cpu_pool},
    {"cpu_us_store", put_cpu_store},
    {"cpu_us_exec", put_cpu_exec},
    {"cpu_us_checkpoint", put_cpu_checkpoint},
    {"cpu_us_read", put_cpu_read},
    {"cpu_us_heal", put_cpu_heal},
    {"cpu_us_rows", put_cpu_rows},
    {"cpu_us_history", put_cpu_history},
    {"cpu_us_tidy", put_cpu_tidy},
    {"history_height", put_history_height},
    {"tidying", put_tidying},
    {"finds", put_finds},
    {"last_find", put_last_find},
    {"damaged", put_damaged},
    {"scrubbed_ms", put_scrubbed},
};

bool node_status_line(const struct node_status *s,
                      uint32_t index,
                      const char **name,
                      struct buf *value)
{
    if (index >= sizeof lines / sizeof lines[0]) return false;
    struct look look = {.node = s};
    replica_view(s->replica, &look.replica);
    s->consensus(s->context, &look.consensus);
    replica_heal_view(s->replica, &look.heal);
    *name = lines[index].name;
    lines[index].put(&look, value);
    return true;
}
