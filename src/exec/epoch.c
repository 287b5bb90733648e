/* epoch.c - Epochs and mode of the chain as blocks are applied.
 *
 * After the transactions of a block, and before its digest: the block's facts step the mode, its
 * convictions are written down, and if it closes its epoch, the pending configuration becomes the
 * present one. Only chains in mode adaptive keep a state of the mode that changes; theirs is one
 * row for each block. */
#include "base/must.h"
#include "exec/apply.h"
#include "exec/modules/system/cursor.h"

#define CAUSE_MAX 64u

static enum status read_next(struct epoch *epoch, struct exec *e);
static struct mode_rules rules_of(const struct chain_config *c);
static enum status write_switch(struct exec *e, uint64_t height, const char *mode, const char *why);
static enum status write_mode(struct exec *e, const struct mode_state *s);
static enum status step_mode(struct apply *a);
static enum status convict(struct apply *a);
static enum status close_epoch(struct apply *a);
static enum status bar_convicted(struct apply *a);
static enum status tell(struct apply *a, bool is_close);

/* --- what the rows say ----------------------------------------------------------------------- */

enum status epoch_load(struct epoch **out, struct exec *e)
{
    struct epoch *epoch = mem_alloc_zero(e->mem, 1, sizeof *epoch);
    if (epoch == NULL) return ST_NO_MEMORY;
    epoch->mem = e->mem;
    arena_init(&epoch->arena, e->mem, 0);
    enum status st = chain_epoch_newest(e->writer, &epoch->arena, &epoch->now);
    if (st == ST_OK) st = chain_config_decode(&epoch->config, &epoch->arena, epoch->now.config);
    if (st == ST_OK && epoch->config.epoch != epoch->now.epoch) st = ST_CORRUPT;
    if (st == ST_OK) st = read_next(epoch, e);
    if (st != ST_OK) {
        epoch_free(epoch);
        return st == ST_NO_MEMORY || st == ST_IO ? st : ST_CORRUPT;
    }
    *out = epoch;
    return ST_OK;
}

static enum status read_next(struct epoch *epoch, struct exec *e)
{
    enum status st = chain_epoch_at(e->writer, &epoch->arena, epoch->now.epoch + 1, &epoch->next);
    if (st == ST_NOT_FOUND) return ST_OK;
    TRY(st);
    if (epoch->next.first_height != 0) return ST_CORRUPT;
    epoch->next_hash = chain_config_hash(epoch->next.config);
    return ST_OK;
}

void epoch_free(struct epoch *epoch)
{
    if (epoch == NULL) return;
    arena_fini(&epoch->arena);
    mem_free(epoch->mem, epoch);
}

enum status epoch_mode_read(struct exec *e)
{
    struct cursor r;
    const struct mode_rules rules = rules_of(&e->epoch->config);
    if (rules.mode != MODE_FAST) {
        e->mode = (struct mode_state){.mode = MODE_BFT, .rules.mode = MODE_BFT};
        mode_begin(&e->mode, &rules, e->epoch->now.first_height);
        e->mode.height = e->height;
        return ST_OK;
    }
    enum status st = cursor_begin(
        &r, e->writer, "SELECT state FROM \"trustsql.mode_state\" WHERE id = 1", NULL, 0);
    if (st == ST_OK) st = cursor_next(&r);
    if (st == ST_OK) st = mode_decode(&e->mode, cursor_bytes(&r, 0));
    cursor_end(&r);
    if (st == ST_OK && e->mode.height != e->height) st = ST_CORRUPT;
    return st == ST_OK || st == ST_NO_MEMORY || st == ST_IO ? st : ST_CORRUPT;
}

/* --- height 0 -------------------------------------------------------------------------------- */

static struct mode_rules rules_of(const struct chain_config *c)
{
    const struct validators v = chain_config_validators(c);
    return mode_rules_of(&v, &c->params);
}

enum status epoch_genesis(struct exec *e, const struct genesis *genesis)
{
    struct chain_config config;
    chain_config_of_genesis(&config, genesis);
    TRY(chain_epoch_decide(e->writer, &config, span_text("genesis"), 0));
    TRY(chain_epoch_begin(e->writer, &config, 1));
    const struct mode_rules rules = rules_of(&config);
    struct mode_state mode = {.mode = MODE_BFT, .rules.mode = MODE_BFT};
    mode_begin(&mode, &rules, 1);
    TRY(write_switch(e, 1, block_mode_text(mode.mode), "genesis"));
    return rules.mode == MODE_FAST ? write_mode(e, &mode) : ST_OK;
}

static enum status write_switch(struct exec *e, uint64_t height, const char *mode, const char *why)
{
    const struct field f[] = {field_int(height), field_text(span_text(mode)),
                              field_text(span_text(why))};
    return cursor_run(e->writer,
                      "INSERT INTO \"trustsql.mode_history\"(height, mode, cause) "
                      "VALUES(?1, ?2, ?3) ON CONFLICT(height) DO UPDATE SET mode = excluded.mode, "
                      "cause = excluded.cause",
                      f, 3);
}

static enum status write_mode(struct exec *e, const struct mode_state *s)
{
    uint8_t bytes[MODE_ENCODED_SIZE];
    struct buf out;
    buf_init_fixed(&out, bytes, sizeof bytes);
    mode_encode(&out, s);
    must(buf_status(&out) == ST_OK);
    const struct field f = field_blob(buf_span(&out));
    return cursor_run(e->writer,
                      "INSERT INTO \"trustsql.mode_state\"(id, state) VALUES(1, ?1) "
                      "ON CONFLICT(id) DO UPDATE SET state = excluded.state",
                      &f, 1);
}

/* --- the end of a block ---------------------------------------------------------------------- */

enum status epoch_finish(struct apply *a)
{
    struct exec *e = a->exec;
    const bool is_close = (a->in->header->flags & BLOCK_EPOCH_CLOSE) != 0;
    TRY(step_mode(a));
    TRY(convict(a));
    if (is_close)
        TRY(close_epoch(a));
    else
        TRY(bar_convicted(a));
    if (a->mode.rules.mode == MODE_FAST) TRY(write_mode(e, &a->mode));
    if (is_close || e->is_epoch_touched) TRY(epoch_load(&a->epoch, e));
    return tell(a, is_close);
}

static enum status step_mode(struct apply *a)
{
    const struct header *h = a->in->header;
    struct mode_facts facts = {.height = h->height, .view = h->view};
    struct mode_switch decided;
    char cause[MODE_CAUSE_SIZE];
    if (a->in->facts != NULL) facts = *a->in->facts;
    if (facts.height != h->height) return ST_INVALID;
    a->mode = a->exec->mode;
    if (!mode_step(&a->mode, &facts, &decided)) return ST_OK;
    (void)mode_cause_text(cause, &decided);
    return write_switch(a->exec, decided.height, block_mode_text(decided.mode), cause);
}

/* Divergence is no proof of malice: it bars nobody. */
static enum status convict(struct apply *a)
{
    if (a->in->facts == NULL) return ST_OK;
    const struct chain_config *c = &a->exec->epoch->config;
    for (uint32_t i = 0; i < c->validator_count; i++)
        if ((a->in->facts->convicted >> i & 1u) != 0)
            TRY(chain_convict(a->exec->writer, &c->nodes[i], a->in->header->height));
    return ST_OK;
}

/* Whoever is convicted and may still lead makes the next epoch, when none is pending. */
static enum status bar_convicted(struct apply *a)
{
    struct exec *e = a->exec;
    const struct chain_config *c = &e->epoch->config;
    const bool may_be_new = a->in->facts != NULL && a->in->facts->convicted != 0;
    const bool is_begun = a->in->header->height == e->epoch->now.first_height;
    struct chain_epoch pending;
    uint32_t mask = 0;
    if (!may_be_new && !is_begun) return ST_OK;
    TRY(chain_convicted(e->writer, c, &mask));
    if (mask == 0) return ST_OK;
    enum status st = chain_epoch_at(e->writer, &e->arena, c->epoch + 1, &pending);
    if (st != ST_NOT_FOUND) return st; /* They wait for the block after its first. */
    struct chain_config *next = arena_alloc_zero(&e->arena, 1, sizeof *next);
    if (next == NULL) return ST_NO_MEMORY;
    uint8_t bytes[CAUSE_MAX];
    struct buf cause;
    buf_init_fixed(&cause, bytes, sizeof bytes);
    buf_put_text(&cause, "bar");
    *next = *c;
    next->epoch++;
    for (uint32_t i = 0; i < c->validator_count; i++) {
        if ((mask >> i & 1u) == 0) continue;
        next->nodes[i].is_barred = true;
        buf_printf(&cause, " %u", i);
    }
    must(buf_status(&cause) == ST_OK);
    a->exec->is_epoch_touched = true;
    return chain_epoch_decide(e->writer, next, buf_span(&cause), a->in->header->height);
}

/* The mode goes on from where it is. */
static enum status close_epoch(struct apply *a)
{
    struct exec *e = a->exec;
    struct chain_config *next = arena_alloc_zero(&e->arena, 1, sizeof *next);
    if (next == NULL) return ST_NO_MEMORY;
    must(e->epoch->next.config.size > 0); /* exec_apply has looked. */
    enum status st = chain_config_decode(next, &e->arena, e->epoch->next.config);
    if (st != ST_OK) return st == ST_NO_MEMORY ? st : ST_CORRUPT;
    const uint64_t first = a->in->header->height + 1;
    const struct mode_rules rules = rules_of(next);
    const enum block_mode before = a->mode.rules.mode;
    TRY(chain_epoch_begin(e->writer, next, first));
    if (next->exec_version > e->epoch->config.exec_version) {
        const uint32_t from = e->epoch->config.exec_version + 1;
        TRY(schema_make(e, from, next->exec_version, SCHEMA_TABLES));
        TRY(schema_reload(e)); /* E3: the rows are captured. */
        TRY(schema_make(e, from, next->exec_version, SCHEMA_ROWS));
        TRY(schema_reload(e));
    }
    mode_begin(&a->mode, &rules, first);
    if (rules.mode == before) return ST_OK;
    return write_switch(e, first, block_mode_text(a->mode.mode), "configured");
}

static enum status tell(struct apply *a, bool is_close)
{
    struct exec_outcome *out = a->out;
    out->next_config = (struct span){0};
    out->begun_config = (struct span){0};
    if (a->epoch->next.config.size > 0) {
        out->next_config = arena_copy(&out->arena, a->epoch->next.config);
        if (out->next_config.data == NULL) return ST_NO_MEMORY;
    }
    if (!is_close) return ST_OK;
    out->begun_config = arena_copy(&out->arena, a->epoch->now.config);
    return out->begun_config.data == NULL ? ST_NO_MEMORY : ST_OK;
}
