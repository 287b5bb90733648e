/* trustsql.status, nodes, consensus and evidence: each reading is a whole scan of a few rows, of
 * one moment.
 *
 * I1 a cursor shows one moment: nodes and consensus never ask the replica again. */
#include "node/consensus_tables.h"

#include "base/must.h"
#include "node/status.h"
#include "node/vtable.h"

#define EVIDENCE_SHOWN_MAX (1u << 20) /* As every value of SQL. */

struct cursor {
    struct vtable_cursor base;
    uint32_t index;
    struct consensus_view view;
    struct evidence_view evidence;
    const char *name; /* Of the line of status. */
    struct buf bytes; /* Its value, or the evidence, or the text of a column. */
};

static const struct chain_tables_source *source_of(const struct cursor *c)
{
    return c->base.source;
}

/* --- trustsql.status ------------------------------------------------------------------------- */

static bool load_line(struct cursor *c)
{
    const struct chain_tables_source *source = source_of(c);
    buf_reset(&c->bytes);
    return source->status(source->context, c->index, &c->name, &c->bytes);
}

static void line_column(struct cursor *c, sqlite3_context *to, int column)
{
    vtable_put_text(to, column == 0 ? span_text(c->name) : buf_span(&c->bytes));
}

/* --- trustsql.nodes -------------------------------------------------------------------------- */

enum nodes_column {
    NODES_INDEX,
    NODES_NAME,
    NODES_ORGANISATION,
    NODES_ADDRESS,
    NODES_IS_SELF,
    NODES_IS_CONNECTED,
    NODES_IS_LATE,
    NODES_VIEW,
    NODES_TIP,
    NODES_FINAL,
    NODES_HEIGHT,
    NODES_DIGEST,
    NODES_LAG,
    NODES_VOTED,
    NODES_LOCKED,
    NODES_CERTIFIED,
    NODES_RTT,
    NODES_CLOCK_OFFSET,
    NODES_LAST_SEEN,
    NODES_LAST_FAILURE,
    NODES_ROLE,
    NODES_EPOCH,
    NODES_IS_BARRED,
    NODES_IS_SUSPECT,
    NODES_VERSION,
    NODES_EXEC_MIN,
    NODES_EXEC_MAX,
    NODES_PROGRAM,
    NODES_IS_SAME_PROGRAM
};

static bool load_node(struct cursor *c)
{
    return c->index < c->view.node_count;
}

static void put_identity(struct cursor *c, sqlite3_context *to, int column)
{
    const struct consensus_view_member *m = &c->view.members[c->index];
    if (column == NODES_INDEX)
        vtable_put_u64(to, c->index);
    else if (column == NODES_NAME)
        vtable_put_text(to, span_text(m->name));
    else if (column == NODES_ORGANISATION)
        vtable_put_text(to, span_text(m->organisation));
    else
        vtable_put_text(to, span_text(m->address));
}

static void put_standing(const struct cursor *c, sqlite3_context *to, int column)
{
    const struct consensus_view_member *m = &c->view.members[c->index];
    if (column == NODES_ROLE)
        vtable_put_text(to, span_text(m->is_validator ? "validator" : "observer"));
    else if (column == NODES_EPOCH)
        vtable_put_u64(to, c->view.epoch);
    else if (column == NODES_IS_BARRED)
        sqlite3_result_int(to, m->is_barred);
    else
        sqlite3_result_int(to, m->is_suspect);
}

static const struct release *own_release(const struct consensus_view *v)
{
    return v->self < v->node_count ? &v->members[v->self].release : NULL;
}

/* Null as long as nothing is known of it, and a comparison as long as one of both is unknown. */
static void put_release(const struct cursor *c, sqlite3_context *to, int column)
{
    const struct release *r = &c->view.members[c->index].release;
    const struct release *own = own_release(&c->view);
    const bool is_known = r->version[0] != 0 && !hash_is_zero(&r->program);
    const bool is_comparable = is_known && own != NULL && !hash_is_zero(&own->program);
    if (r->version[0] != 0 && column == NODES_VERSION)
        vtable_put_text(to, span_text(r->version));
    else if (r->version[0] != 0 && column == NODES_EXEC_MIN)
        vtable_put_u64(to, r->exec_version_min);
    else if (r->version[0] != 0 && column == NODES_EXEC_MAX)
        vtable_put_u64(to, r->exec_version_max);
    else if (is_known && column == NODES_PROGRAM)
        vtable_put_hash(to, &r->program);
    else if (is_comparable && column == NODES_IS_SAME_PROGRAM)
        sqlite3_result_int(to, hash_equal(&own->program, &r->program));
    else
        sqlite3_result_null(to);
}

/* What it said of itself; unknown as long as it has said nothing. */
static void put_report(struct cursor *c, sqlite3_context *to, int column)
{
    const struct consensus_view_member *m = &c->view.members[c->index];
    if (!m->has_status)
        sqlite3_result_null(to);
    else if (column == NODES_VIEW)
        vtable_put_u64(to, m->view);
    else if (column == NODES_TIP)
        vtable_put_u64(to, m->tip_height);
    else if (column == NODES_FINAL)
        vtable_put_u64(to, m->final_height);
    else if (column == NODES_HEIGHT)
        vtable_put_u64(to, m->executed_height);
    else if (column == NODES_DIGEST)
        vtable_put_hash(to, &m->executed_digest);
    else
        vtable_put_u64(to, consensus_view_lag(&c->view, m->executed_height));
}

static void put_link(struct cursor *c, sqlite3_context *to, int column)
{
    const struct consensus_view_member *m = &c->view.members[c->index];
    bool is_measured = m->rtt_us > 0 && !m->is_self;
    if (column == NODES_LAST_FAILURE)
        vtable_put_text_or_null(to, m->last_failure);
    else if (column == NODES_LAST_SEEN && m->last_seen_ms != CONSENSUS_VIEW_NEVER && !m->is_self)
        vtable_put_u64(to, m->last_seen_ms);
    else if (column == NODES_RTT && is_measured)
        vtable_put_u64(to, m->rtt_us);
    else if (column == NODES_CLOCK_OFFSET && is_measured)
        sqlite3_result_int64(to, m->clock_offset_ms);
    else
        sqlite3_result_null(to);
}

static void node_column(struct cursor *c, sqlite3_context *to, int column)
{
    const struct consensus_view_member *m = &c->view.members[c->index];
    if (column <= NODES_ADDRESS)
        put_identity(c, to, column);
    else if (column == NODES_IS_SELF)
        sqlite3_result_int(to, m->is_self);
    else if (column == NODES_IS_CONNECTED)
        sqlite3_result_int(to, m->is_connected || m->is_self);
    else if (column == NODES_IS_LATE)
        sqlite3_result_int(to, m->is_late);
    else if (column <= NODES_LAG)
        put_report(c, to, column);
    else if (column <= NODES_CERTIFIED)
        vtable_put_u64(to, m->voted_height[column - NODES_VOTED]);
    else if (column <= NODES_LAST_FAILURE)
        put_link(c, to, column);
    else if (column <= NODES_IS_SUSPECT)
        put_standing(c, to, column);
    else
        put_release(c, to, column);
}

/* --- trustsql.consensus ---------------------------------------------------------------------- */

enum consensus_column {
    CONSENSUS_HEIGHT,
    CONSENSUS_VIEW,
    CONSENSUS_PROPOSER,
    CONSENSUS_HASH,
    CONSENSUS_TX_COUNT,
    CONSENSUS_VOTED,
    CONSENSUS_LOCKED,
    CONSENSUS_CERTIFIED,
    CONSENSUS_MISSING,
    CONSENSUS_IS_FINAL,
    CONSENSUS_IS_CERTIFIED,
    CONSENSUS_EPOCH,
    CONSENSUS_MODE,
    CONSENSUS_LEADER,
    CONSENSUS_F,
    CONSENSUS_P,
    CONSENSUS_QUORUM,
    CONSENSUS_FAST_QUORUM,
    CONSENSUS_VIEW_CHANGE_QUORUM,
    CONSENSUS_SUSPECTS
};

/* There is always a row, for what holds now: without blocks that of the genesis. */
static bool load_block(struct cursor *c)
{
    return c->index < c->view.block_count || c->index == 0;
}

/* Names by index, with ", " between. */
static void put_names(struct cursor *c, sqlite3_context *to, uint32_t members)
{
    buf_reset(&c->bytes);
    for (uint32_t i = 0; i < c->view.n; i++) {
        if ((members >> i & 1u) == 0) continue;
        if (c->bytes.size > 0) buf_put_text(&c->bytes, ", ");
        buf_put_text(&c->bytes, c->view.members[i].name);
    }
    if (buf_status(&c->bytes) == ST_OK)
        vtable_put_text(to, buf_span(&c->bytes));
    else
        sqlite3_result_error_nomem(to);
}

/* Whose vote the block waits for in the first phase that is not complete; when all are, who has
 * taken part in none: votes that come after a quorum need not be kept. */
static uint32_t missing_of(const struct consensus_view *v, const struct consensus_view_block *b)
{
    const uint32_t all = (uint32_t)((UINT64_C(1) << v->n) - 1);
    uint32_t votes = 0;
    for (uint32_t i = 0; i < v->n; i++)
        votes += b->signers[VOTE_P1] >> i & 1u;
    if (b->is_certified)
        return all & ~(b->signers[VOTE_P1] | b->signers[VOTE_P2] | b->signers[VOTE_P3]);
    if (b->is_final) return all & ~b->signers[VOTE_P3];
    return all & ~b->signers[votes < v->quorum ? VOTE_P1 : VOTE_P2];
}

static uint32_t suspects_of(const struct consensus_view *v)
{
    uint32_t suspects = 0;
    for (uint32_t i = 0; i < v->n; i++)
        if (v->members[i].is_suspect) suspects |= 1u << i;
    return suspects;
}

/* The same in every row: what holds now. */
static void present_column(struct cursor *c, sqlite3_context *to, enum consensus_column column)
{
    const struct consensus_view *v = &c->view;
    if (column == CONSENSUS_EPOCH)
        vtable_put_u64(to, v->epoch);
    else if (column == CONSENSUS_MODE)
        vtable_put_text(to, span_text(block_mode_text(v->mode)));
    else if (column == CONSENSUS_LEADER)
        vtable_put_u64(to, v->leader);
    else if (column == CONSENSUS_F)
        vtable_put_u64(to, v->f);
    else if (column == CONSENSUS_P)
        vtable_put_u64(to, v->p);
    else if (column == CONSENSUS_QUORUM)
        vtable_put_u64(to, v->quorum);
    else if (column == CONSENSUS_VIEW_CHANGE_QUORUM)
        vtable_put_u64(to, v->view_change_quorum);
    else if (column == CONSENSUS_SUSPECTS)
        put_names(c, to, suspects_of(v));
    else if (v->fast_quorum > 0)
        vtable_put_u64(to, v->fast_quorum);
    else
        sqlite3_result_null(to);
}

static void block_column(struct cursor *c, sqlite3_context *to, int column)
{
    static const struct consensus_view_block none = {.height = 0};
    const struct consensus_view_block *b =
        c->view.block_count == 0 ? &none : &c->view.blocks[c->index];
    const uint32_t *by = b->signers;
    switch ((enum consensus_column)column) {
    case CONSENSUS_HEIGHT: vtable_put_u64(to, b->height); break;
    case CONSENSUS_VIEW: vtable_put_u64(to, b->view); break;
    case CONSENSUS_PROPOSER: vtable_put_u64(to, b->proposer); break;
    case CONSENSUS_HASH: vtable_put_hash(to, &b->hash); break;
    case CONSENSUS_TX_COUNT: vtable_put_u64(to, b->tx_count); break;
    case CONSENSUS_VOTED: put_names(c, to, by[VOTE_P1]); break;
    case CONSENSUS_LOCKED: put_names(c, to, by[VOTE_P2]); break;
    case CONSENSUS_CERTIFIED: put_names(c, to, by[VOTE_P3]); break;
    case CONSENSUS_MISSING: put_names(c, to, missing_of(&c->view, b)); break;
    case CONSENSUS_IS_FINAL: sqlite3_result_int(to, b->is_final); break;
    case CONSENSUS_IS_CERTIFIED: sqlite3_result_int(to, b->is_certified); break;
    case CONSENSUS_EPOCH:
    case CONSENSUS_MODE:
    case CONSENSUS_LEADER:
    case CONSENSUS_F:
    case CONSENSUS_P:
    case CONSENSUS_QUORUM:
    case CONSENSUS_FAST_QUORUM:
    case CONSENSUS_VIEW_CHANGE_QUORUM:
    case CONSENSUS_SUSPECTS: present_column(c, to, (enum consensus_column)column); break;
    }
}

/* --- trustsql.evidence ----------------------------------------------------------------------- */

enum evidence_column {
    EVIDENCE_KIND,
    EVIDENCE_OFFENDER,
    EVIDENCE_NODE,
    EVIDENCE_VIEW,
    EVIDENCE_HEIGHT,
    EVIDENCE_SIZE,
    EVIDENCE_BYTES,
    EVIDENCE_IS_IN_CHAIN,
    EVIDENCE_CHAIN_HEIGHT
};

static bool load_evidence(struct cursor *c)
{
    buf_reset(&c->bytes);
    return source_of(c)->evidence(source_of(c)->context, c->index, &c->evidence, &c->bytes);
}

/* Where a proof against this node stands in the chain, as of the height that is read; 0: nowhere.
 */
static uint64_t conviction_height(const struct cursor *c)
{
    sqlite3_stmt *row = NULL;
    uint64_t height = 0;
    if (c->evidence.offender >= c->view.n) return 0;
    const char *name = c->view.members[c->evidence.offender].name;
    if (sqlite3_prepare_v2(c->base.connection,
                           "SELECT height FROM \"trustsql.convictions\" WHERE name = ?1", -1, &row,
                           NULL) == SQLITE_OK &&
        sqlite3_bind_text(row, 1, name, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW)
        height = (uint64_t)sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return height;
}

static void evidence_column(struct cursor *c, sqlite3_context *to, int column)
{
    const struct evidence_view *e = &c->evidence;
    const struct span bytes = buf_span(&c->bytes);
    switch ((enum evidence_column)column) {
    case EVIDENCE_KIND: vtable_put_text(to, span_text(e->kind)); break;
    case EVIDENCE_OFFENDER: vtable_put_u64(to, e->offender); break;
    case EVIDENCE_NODE:
        if (e->offender < c->view.n)
            vtable_put_text(to, span_text(c->view.members[e->offender].name));
        break;
    case EVIDENCE_VIEW: vtable_put_u64(to, e->view); break;
    case EVIDENCE_HEIGHT: vtable_put_u64(to, e->height); break;
    case EVIDENCE_SIZE: vtable_put_u64(to, bytes.size); break;
    case EVIDENCE_BYTES: /* Null when it is larger than a value may be. */
        if (bytes.size <= EVIDENCE_SHOWN_MAX)
            sqlite3_result_blob(to, bytes.data, (int)bytes.size, SQLITE_TRANSIENT);
        break;
    case EVIDENCE_IS_IN_CHAIN: sqlite3_result_int(to, conviction_height(c) > 0); break;
    case EVIDENCE_CHAIN_HEIGHT: {
        const uint64_t height = conviction_height(c);
        if (height > 0) vtable_put_u64(to, height);
        break;
    }
    }
}

/* --- the tables ------------------------------------------------------------------------------ */

static void open_cursor(struct vtable_cursor *base)
{
    buf_init(&((struct cursor *)base)->bytes, base->mem, 0);
}

static void close_cursor(struct vtable_cursor *base)
{
    buf_fini(&((struct cursor *)base)->bytes);
}

static void range(struct vtable_cursor *base, int plan, sqlite3_value **argv)
{
    (void)plan;
    (void)argv;
    struct cursor *c = (struct cursor *)base;
    source_of(c)->consensus(source_of(c)->context, &c->view); /* I1 */
    must(c->view.n <= NODES_MAX);
    must(c->view.node_count <= CONFIG_NODES_MAX);
    must(c->view.block_count <= CONSENSUS_VIEW_BLOCKS);
}

struct live_table {                 /* What differs between the tables. */
    struct vtable vtable;           /* First: a table is its vtable. */
    bool (*load)(struct cursor *c); /* Stands on row c->index; false after the last. */
    void (*column)(struct cursor *c, sqlite3_context *to, int column);
};

static enum status step(struct vtable_cursor *base, bool is_first)
{
    struct cursor *c = (struct cursor *)base;
    const struct live_table *t = (const struct live_table *)base->table;
    c->index = is_first ? 0 : c->index + 1;
    base->rowid = c->index;
    base->is_at_end = !t->load(c);
    return buf_status(&c->bytes);
}

static enum status column(struct vtable_cursor *base, sqlite3_context *to, int index)
{
    ((const struct live_table *)base->table)->column((struct cursor *)base, to, index);
    return ST_OK;
}

#define VTABLE(name_, declaration_)                                                                \
    {                                                                                              \
        .name = (name_), .declaration = (declaration_), .cursor_size = sizeof(struct cursor),      \
        .open = open_cursor, .close = close_cursor, .range = range, .step = step, .column = column \
    }
static const struct live_table tables[] = {
    {VTABLE("trustsql.status", "CREATE TABLE x(name TEXT, value TEXT)"), load_line, line_column},
    {VTABLE(
         "trustsql.nodes",
         "CREATE TABLE x(\"index\" INTEGER, name TEXT, organisation TEXT, address TEXT,"
         " is_self INTEGER, is_connected INTEGER, is_late INTEGER, view INTEGER, tip INTEGER,"
         " final INTEGER, height INTEGER, digest BLOB, lag INTEGER, voted INTEGER, locked INTEGER,"
         " certified INTEGER, rtt_us INTEGER, clock_offset_ms INTEGER, last_seen_ms INTEGER,"
         " last_failure TEXT, role TEXT, epoch INTEGER, is_barred INTEGER, is_suspect INTEGER,"
         " version TEXT, exec_version_min INTEGER, exec_version_max INTEGER, program BLOB,"
         " is_same_program INTEGER)"),
     load_node, node_column},
    {VTABLE("trustsql.consensus",
            "CREATE TABLE x(height INTEGER, view INTEGER, proposer INTEGER, hash BLOB,"
            " tx_count INTEGER, voted TEXT, locked TEXT, certified TEXT, missing TEXT,"
            " is_final INTEGER, is_certified INTEGER, epoch INTEGER, mode TEXT, leader INTEGER,"
            " f INTEGER, p INTEGER, quorum INTEGER, fast_quorum INTEGER,"
            " view_change_quorum INTEGER, suspects TEXT)"),
     load_block, block_column},
    {VTABLE("trustsql.evidence",
            "CREATE TABLE x(kind TEXT, offender INTEGER, node TEXT, view INTEGER, height INTEGER,"
            " size INTEGER, bytes BLOB, is_in_chain INTEGER, chain_height INTEGER)"),
     load_evidence, evidence_column},
};
#undef VTABLE

enum status consensus_tables_register(sqlite3 *connection, const struct chain_tables_source *source)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        TRY(vtable_register(connection, &tables[i].vtable, source, source->mem));
    return ST_OK;
}
