/* reads.c - See reads.h. */
#include "sim/reads.h"

#include "base/must.h"
#include "ledger/reading.h"
#include "sim/epochs.h"
#include "sim/host.h"
#include "sim/liar.h"
#include "sim/oracle.h"

#define READS_MAX 4096u
#define LOOK_US   5000u    /* Between two questions to those that have not answered. */
#define TRY_US    5000000u /* For heights, and for rows, of one try. */
#define GRACE_US  250000u  /* For those that have not answered when enough have. */
#define ORDER_US  30000000u

enum read_step { STEP_NODE, STEP_HEIGHTS, STEP_ROWS, STEP_ORDER, STEP_END };

struct read {
    enum read_step step;
    struct read_outcome outcome;
    uint64_t hosts;
    uint32_t host; /* STEP_NODE. */
    uint32_t life;
    uint64_t floor; /* Certified when it began, or seen by a read that had ended. */
    uint64_t until_us;
    struct reading_heights heights;
    struct reading_rows rows;
    const struct client_tx *tx;
    struct flow_read flow;
};

struct reads {
    struct read *reads[READS_MAX];
    uint32_t count;
    uint64_t seen; /* Highest that a read saw. */
};

static void ask(struct world *w, struct read *r);

struct reads *reads_new(void)
{
    struct reads *r = mem_alloc_zero(mem_system(), 1, sizeof *r);
    must(r != NULL);
    return r;
}

void reads_free(struct reads *r)
{
    if (r == NULL) return;
    for (uint32_t i = 0; i < r->count; i++)
        mem_free(mem_system(), r->reads[i]);
    mem_free(mem_system(), r);
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* A lone validator sends no votes: what it certifies it knows itself. */
static uint64_t certified_height(const struct world *w)
{
    uint64_t height = oracle_result_height(w->oracle);
    for (uint32_t i = 0; w->config.nodes == 1 && i < w->host_count; i++)
        if (host_is_honest(&w->hosts[i]) && host_result_height(&w->hosts[i]) > height)
            height = host_result_height(&w->hosts[i]);
    return height;
}

static void plan(struct world *w, uint32_t number)
{
    struct event e = {.at_us = w->now_us + LOOK_US, .kind = HAPPENS_READ, .number = number};
    schedule_add(&w->schedule, &e);
}

static struct read *begin(struct world *w)
{
    struct reads *all = w->reads;
    must(all->count < READS_MAX);
    struct read *r = mem_alloc_zero(mem_system(), 1, sizeof *r);
    must(r != NULL);
    r->floor = certified_height(w);
    if (r->floor < all->seen) r->floor = all->seen;
    all->reads[all->count] = r;
    plan(w, all->count++);
    return r;
}

static void end(struct world *w, struct read *r, enum read_state state, uint64_t height)
{
    must(r->step != STEP_END);
    r->step = STEP_END;
    r->outcome.state = state;
    r->outcome.height = height;
    world_mix(w, (uint64_t)state << 60 | height);
    if (state == READ_FAILED) {
        world_say(w, "a read fails");
        return;
    }
    world_say(w, "a read ends at %llu%s", (unsigned long long)height,
              state == READ_ORDERED ? ", ordered" : "");
    if (height < r->floor)
        world_violate(w, "R1", "a read saw height %llu, but %llu was certified before it began",
                      (unsigned long long)height, (unsigned long long)r->floor);
    if (height > w->reads->seen) w->reads->seen = height;
}

uint32_t reads_begin_at(struct world *w, uint32_t host)
{
    struct read *r = begin(w);
    struct host *h = &w->hosts[host];
    r->step = STEP_NODE;
    r->host = host;
    r->flow.flow.kind = FLOW_HEIGHT;
    r->flow.owner = r;
    if (h->is_up) {
        r->life = h->life;
        host_read(h, &r->flow);
    } else {
        end(w, r, READ_FAILED, 0);
    }
    return w->reads->count - 1;
}

uint32_t reads_begin_from(struct world *w, uint64_t hosts)
{
    struct read *r = begin(w);
    r->hosts = hosts;
    r->step = STEP_HEIGHTS;
    r->until_us = w->now_us + TRY_US;
    r->outcome.tries = 1;
    ask(w, r);
    return w->reads->count - 1;
}

struct read_outcome reads_outcome(const struct world *w, uint32_t number)
{
    must(number < w->reads->count);
    return w->reads->reads[number]->outcome;
}

/* Not of a host that lies about itself. */
void reads_on_answer(struct world *w, const struct flow_read *read)
{
    struct read *r = read->owner;
    const bool is_done = read->status == ST_OK;
    if (r->step != STEP_NODE) return;
    if (is_done && !host_is_honest(&w->hosts[r->host]))
        r->floor = 0; /* It may say what it likes. */
    end(w, r, is_done ? READ_DONE : READ_FAILED, is_done ? read->height : 0);
}

/* --- a client's ------------------------------------------------------------------------------- */

/* Its place among the validators that the client knows; NODES_MAX: it is not asked. */
static uint32_t place_of(const struct world *w, const struct read *r, uint32_t host)
{
    const struct host *h = &w->hosts[host];
    if ((r->hosts >> host & 1u) == 0 || !h->is_up || h->part == PART_PUPPET) return NODES_MAX;
    return epochs_index_of(h, w->epoch_count - 1);
}

/* The node's certificate and what it has executed, if the certificate holds. */
static bool look_at_height(struct world *w, struct host *h, uint64_t *certified, uint64_t *executed)
{
    struct core_voice voice;
    core_voice(h->core, &voice);
    *executed = core_signed_height(h->core);
    if (h->liar != NULL) liar_twist_height(h, &voice.certified, executed);
    const struct certificate *cert = &voice.certified;
    const struct known_epoch *e = epochs_at(w, cert->statement.epoch);
    if (cert->entry_count == 0 || e == NULL) return false;
    *certified = cert->statement.height;
    return quorum_check_result(&e->validators, cert, w->signer, &w->chain_id) == ST_OK;
}

static void ask_heights(struct world *w, struct read *r)
{
    const struct validators *v = &epochs_newest(w)->validators;
    for (uint32_t i = 0; i < w->host_count; i++) {
        uint64_t certified = 0;
        uint64_t executed = 0;
        const uint32_t place = place_of(w, r, i);
        if (place == NODES_MAX || (r->heights.proven >> place & 1u) != 0) continue;
        if (!look_at_height(w, &w->hosts[i], &certified, &executed)) continue;
        reading_on_height(&r->heights, place, certified, executed);
    }
    if (!reading_has_height(&r->heights, quorum_view_change(v))) return;
    r->step = STEP_ROWS;
    r->until_us = w->now_us + TRY_US;
    r->rows = (struct reading_rows){.needed = v->f + 1};
}

static void believe(struct world *w, struct read *r, const struct hash *rows)
{
    struct hash right;
    const uint64_t height = r->heights.height;
    if (height > 0 && (!oracle_digest(w->oracle, height, &right) || !hash_equal(&right, rows)))
        world_violate(w, "R1", "a client believes false rows of height %llu",
                      (unsigned long long)height);
    end(w, r, READ_DONE, height);
}

static void ask_rows(struct world *w, struct read *r)
{
    const uint64_t height = r->heights.height;
    for (uint32_t i = 0; i < w->host_count; i++) {
        struct host *h = &w->hosts[i];
        const uint32_t place = place_of(w, r, i);
        if (place == NODES_MAX || (r->rows.counted >> place & 1u) != 0) continue;
        const struct machine *m = &h->machine;
        bool is_here = height <= m->height && m->height - height < CONSENSUS_LAG_MAX &&
                       (height <= core_certified_height(h->core) || h->part != PART_HONEST);
        if (!is_here) continue;
        struct hash rows = m->digests[height % CONSENSUS_LAG_MAX];
        if (h->liar != NULL) liar_twist_rows(h, &rows);
        reading_on_rows(&r->rows, place, &rows);
    }
    if (r->rows.winner == 0) return;
    if (reading_is_settled(&r->rows, r->outcome.tries == READING_TRIES))
        believe(w, r, &r->rows.hashes[__builtin_ctz(r->rows.winner)]);
    else if (r->until_us > w->now_us + GRACE_US)
        r->until_us = w->now_us + GRACE_US; /* Somebody says otherwise: then all are asked again. */
}

/* R2: as a transaction, whose receipt proves what it saw. */
static void order(struct world *w, struct read *r)
{
    const struct tx_wish wish = {.client = w->reads->count};
    r->step = STEP_ORDER;
    r->until_us = w->now_us + ORDER_US;
    r->tx = clients_make(w, &wish);
    world_say(w, "a read is ordered");
    for (uint32_t i = 0; i < w->host_count; i++)
        if (r->hosts >> i & 1u) clients_submit(w, r->tx, i, 0);
}

static void look_for_order(struct world *w, struct read *r)
{
    for (uint32_t i = 0; i < w->host_count; i++) {
        const struct host *h = &w->hosts[i];
        if (place_of(w, r, i) == NODES_MAX || !host_is_honest(h)) continue;
        if (!clients_is_final(r->tx, h)) continue;
        end(w, r, READ_ORDERED, machine_find(&h->machine, &r->tx->txid));
        return;
    }
}

static void give_up(struct world *w, struct read *r)
{
    if (r->step == STEP_HEIGHTS || r->step == STEP_ORDER) {
        end(w, r, READ_FAILED, 0);
    } else if (r->outcome.tries == READING_TRIES) {
        order(w, r);
    } else {
        r->outcome.tries++;
        r->step = STEP_HEIGHTS;
        r->until_us = w->now_us + TRY_US;
        r->heights = (struct reading_heights){0};
    }
}

static void ask(struct world *w, struct read *r)
{
    if (r->step == STEP_HEIGHTS) ask_heights(w, r);
    if (r->step == STEP_ROWS) ask_rows(w, r);
    if (r->step == STEP_ORDER) look_for_order(w, r);
    if (r->step != STEP_END && w->now_us >= r->until_us) give_up(w, r);
}

void reads_on_event(struct world *w, const struct event *e)
{
    struct read *r = w->reads->reads[e->number];
    if (r->step == STEP_END) return;
    if (r->step != STEP_NODE)
        ask(w, r);
    else if (w->hosts[r->host].life != r->life)
        end(w, r, READ_FAILED, 0); /* The node died, and the session with it. */
    if (r->step != STEP_END) plan(w, (uint32_t)e->number);
}
