/* One SQLite module serves the three tables: a cursor takes the moment when it is filtered and
 * counts through its rows; every reading is a whole scan of a few rows.
 *
 * I1 a cursor shows one moment: nodes and consensus never ask the replica again. */
#include "node/consensus_tables.h"

#include "base/must.h"
#include "node/status.h"

#define EVIDENCE_SHOWN_MAX (1u << 20) /* As every value of SQL. */

struct rows;

struct table {
    sqlite3_vtab base;
    const struct chain_tables_source *source;
    const struct rows *rows;
};

struct cursor {
    sqlite3_vtab_cursor base;
    const struct chain_tables_source *source;
    const struct rows *rows;
    uint32_t index;
    bool is_at_end;
    struct consensus_view view;
    struct evidence_view evidence;
    struct buf bytes; /* Of the evidence, or text of a column. */
};

struct rows { /* What differs between the tables. */
    const char *declaration;
    /* Stands the cursor on row c->index; false after the last. */
    bool (*load)(struct cursor *c);
    void (*column)(struct cursor *c, sqlite3_context *to, int column);
};

/* --- columns --------------------------------------------------------------------------------- */

static void put_u64(sqlite3_context *to, uint64_t value)
{
    sqlite3_result_int64(to, value > INT64_MAX ? INT64_MAX : (sqlite3_int64)value);
}

static void put_span(sqlite3_context *to, struct span text)
{
    must(text.size <= INT32_MAX);
    const char *data = text.size == 0 ? "" : (const char *)text.data;
    sqlite3_result_text(to, data, (int)text.size, SQLITE_TRANSIENT);
}

static void put_text_or_null(sqlite3_context *to, const char *text)
{
    if (text[0] == 0)
        sqlite3_result_null(to);
    else
        put_span(to, span_text(text));
}

static void put_hash(sqlite3_context *to, const struct hash *hash)
{
    sqlite3_result_blob(to, hash->bytes, HASH_SIZE, SQLITE_TRANSIENT);
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
    NODES_LAST_FAILURE
};

static bool load_node(struct cursor *c)
{
    return c->index < c->view.n;
}

static void put_identity(struct cursor *c, sqlite3_context *to, int column)
{
    const struct consensus_view_member *m = &c->view.members[c->index];
    must(c->index < c->source->genesis->member_count);
    const struct genesis_member *known = &c->source->genesis->members[c->index];
    if (column == NODES_INDEX)
        put_u64(to, c->index);
    else if (column == NODES_NAME)
        put_span(to, known->node_name);
    else if (column == NODES_ORGANISATION)
        put_span(to, known->organisation);
    else
        put_span(to, m->is_self ? known->address : span_text(m->address));
}

/* What it said of itself; unknown as long as it has said nothing. */
static void put_report(struct cursor *c, sqlite3_context *to, int column)
{
    const struct consensus_view_member *m = &c->view.members[c->index];
    if (!m->has_status)
        sqlite3_result_null(to);
    else if (column == NODES_VIEW)
        put_u64(to, m->view);
    else if (column == NODES_TIP)
        put_u64(to, m->tip_height);
    else if (column == NODES_FINAL)
        put_u64(to, m->final_height);
    else if (column == NODES_HEIGHT)
        put_u64(to, m->executed_height);
    else if (column == NODES_DIGEST)
        put_hash(to, &m->executed_digest);
    else
        put_u64(to, consensus_view_lag(&c->view, m->executed_height));
}

static void put_link(struct cursor *c, sqlite3_context *to, int column)
{
    const struct consensus_view_member *m = &c->view.members[c->index];
    bool is_measured = m->rtt_us > 0 && !m->is_self;
    if (column == NODES_LAST_FAILURE)
        put_text_or_null(to, m->last_failure);
    else if (column == NODES_LAST_SEEN && m->last_seen_ms != CONSENSUS_VIEW_NEVER && !m->is_self)
        put_u64(to, m->last_seen_ms);
    else if (column == NODES_RTT && is_measured)
        put_u64(to, m->rtt_us);
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
        put_u64(to, m->voted_height[column - NODES_VOTED]);
    else
        put_link(c, to, column);
}

static const struct rows nodes_rows = {
    "CREATE TABLE x(\"index\" INTEGER, name TEXT, organisation TEXT, address TEXT,"
    " is_self INTEGER, is_connected INTEGER, is_late INTEGER, view INTEGER, tip INTEGER,"
    " final INTEGER, height INTEGER, digest BLOB, lag INTEGER, voted INTEGER, locked INTEGER,"
    " certified INTEGER, rtt_us INTEGER, clock_offset_ms INTEGER, last_seen_ms INTEGER,"
    " last_failure TEXT)",
    load_node, node_column};

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
    CONSENSUS_IS_CERTIFIED
};

static bool load_block(struct cursor *c)
{
    return c->index < c->view.block_count;
}

/* Names by index, with ", " between. */
static void put_names(struct cursor *c, sqlite3_context *to, uint32_t members)
{
    buf_reset(&c->bytes);
    for (uint32_t i = 0; i < c->view.n; i++) {
        if ((members >> i & 1u) == 0) continue;
        if (c->bytes.size > 0) buf_put_text(&c->bytes, ", ");
        buf_put(&c->bytes, c->source->genesis->members[i].node_name);
    }
    if (buf_status(&c->bytes) == ST_OK)
        put_span(to, buf_span(&c->bytes));
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

static void block_column(struct cursor *c, sqlite3_context *to, int column)
{
    const struct consensus_view_block *b = &c->view.blocks[c->index];
    const uint32_t *by = b->signers;
    switch ((enum consensus_column)column) {
    case CONSENSUS_HEIGHT: put_u64(to, b->height); break;
    case CONSENSUS_VIEW: put_u64(to, b->view); break;
    case CONSENSUS_PROPOSER: put_u64(to, b->proposer); break;
    case CONSENSUS_HASH: put_hash(to, &b->hash); break;
    case CONSENSUS_TX_COUNT: put_u64(to, b->tx_count); break;
    case CONSENSUS_VOTED: put_names(c, to, by[VOTE_P1]); break;
    case CONSENSUS_LOCKED: put_names(c, to, by[VOTE_P2]); break;
    case CONSENSUS_CERTIFIED: put_names(c, to, by[VOTE_P3]); break;
    case CONSENSUS_MISSING: put_names(c, to, missing_of(&c->view, b)); break;
    case CONSENSUS_IS_FINAL: sqlite3_result_int(to, b->is_final); break;
    case CONSENSUS_IS_CERTIFIED: sqlite3_result_int(to, b->is_certified); break;
    }
}

static const struct rows consensus_rows = {
    "CREATE TABLE x(height INTEGER, view INTEGER, proposer INTEGER, hash BLOB, tx_count INTEGER,"
    " voted TEXT, locked TEXT, certified TEXT, missing TEXT, is_final INTEGER,"
    " is_certified INTEGER)",
    load_block, block_column};

/* --- trustsql.evidence ----------------------------------------------------------------------- */

enum evidence_column {
    EVIDENCE_KIND,
    EVIDENCE_OFFENDER,
    EVIDENCE_NODE,
    EVIDENCE_VIEW,
    EVIDENCE_HEIGHT,
    EVIDENCE_SIZE,
    EVIDENCE_BYTES
};

static bool load_evidence(struct cursor *c)
{
    buf_reset(&c->bytes);
    return c->source->evidence(c->source->context, c->index, &c->evidence, &c->bytes);
}

static void evidence_column(struct cursor *c, sqlite3_context *to, int column)
{
    const struct evidence_view *e = &c->evidence;
    const struct genesis *genesis = c->source->genesis;
    const struct span bytes = buf_span(&c->bytes);
    switch ((enum evidence_column)column) {
    case EVIDENCE_KIND: put_span(to, span_text(e->kind)); break;
    case EVIDENCE_OFFENDER: put_u64(to, e->offender); break;
    case EVIDENCE_NODE:
        if (e->offender < genesis->member_count)
            put_span(to, genesis->members[e->offender].node_name);
        break;
    case EVIDENCE_VIEW: put_u64(to, e->view); break;
    case EVIDENCE_HEIGHT: put_u64(to, e->height); break;
    case EVIDENCE_SIZE: put_u64(to, bytes.size); break;
    case EVIDENCE_BYTES: /* Null when it is larger than a value may be. */
        if (bytes.size <= EVIDENCE_SHOWN_MAX)
            sqlite3_result_blob(to, bytes.data, (int)bytes.size, SQLITE_TRANSIENT);
        break;
    }
}

static const struct rows evidence_rows = {
    "CREATE TABLE x(kind TEXT, offender INTEGER, node TEXT, view INTEGER, height INTEGER,"
    " size INTEGER, bytes BLOB)",
    load_evidence, evidence_column};

/* --- SQLite's module ------------------------------------------------------------------------- */

static int connect_table(sqlite3 *connection,
                         void *aux,
                         const struct rows *rows,
                         sqlite3_vtab **out)
{
    const struct chain_tables_source *source = aux;
    int code = sqlite3_declare_vtab(connection, rows->declaration);
    if (code != SQLITE_OK) return code;
    struct table *t = mem_alloc_zero(source->mem, 1, sizeof *t);
    if (t == NULL) return SQLITE_NOMEM;
    t->source = source;
    t->rows = rows;
    *out = &t->base;
    return SQLITE_OK;
}

#define CONNECT(name, rows)                                                                        \
    static int name(sqlite3 *connection, void *aux, int argc, const char *const *argv,             \
                    sqlite3_vtab **out, char **error)                                              \
    {                                                                                              \
        (void)argc;                                                                                \
        (void)argv;                                                                                \
        (void)error;                                                                               \
        return connect_table(connection, aux, &(rows), out);                                       \
    }
/* NOLINTBEGIN(readability-function-size): the signature is SQLite's. */
CONNECT(connect_nodes, nodes_rows)
CONNECT(connect_consensus, consensus_rows)
CONNECT(connect_evidence, evidence_rows)
/* NOLINTEND(readability-function-size) */
#undef CONNECT

static int disconnect(sqlite3_vtab *base)
{
    struct table *t = (struct table *)base;
    mem_free(t->source->mem, t);
    return SQLITE_OK;
}

static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    (void)base;
    info->estimatedCost = 100;
    info->estimatedRows = CONSENSUS_VIEW_BLOCKS;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    const struct table *t = (const struct table *)base;
    struct cursor *c = mem_alloc_zero(t->source->mem, 1, sizeof *c);
    if (c == NULL) return SQLITE_NOMEM;
    c->source = t->source;
    c->rows = t->rows;
    buf_init(&c->bytes, t->source->mem, 0);
    *out = &c->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    buf_fini(&c->bytes);
    mem_free(c->source->mem, c);
    return SQLITE_OK;
}

static int load(struct cursor *c)
{
    c->is_at_end = !c->rows->load(c);
    return buf_status(&c->bytes) == ST_OK ? SQLITE_OK : SQLITE_NOMEM;
}

static int filter(
    sqlite3_vtab_cursor *base, int plan, const char *text, int argc, sqlite3_value **argv)
{
    (void)plan;
    (void)text;
    (void)argc;
    (void)argv;
    struct cursor *c = (struct cursor *)base;
    c->index = 0;
    c->source->consensus(c->source->context, &c->view); /* I1 */
    must(c->view.n <= NODES_MAX);
    must(c->view.block_count <= CONSENSUS_VIEW_BLOCKS);
    return load(c);
}

static int next(sqlite3_vtab_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    c->index++;
    return load(c);
}

static int at_end(sqlite3_vtab_cursor *base)
{
    return ((const struct cursor *)base)->is_at_end;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *to, int index)
{
    struct cursor *c = (struct cursor *)base;
    c->rows->column(c, to, index);
    return SQLITE_OK;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = ((const struct cursor *)base)->index;
    return SQLITE_OK;
}

#define MODULE(connect)                                                                            \
    {                                                                                              \
        .iVersion = 1, .xConnect = (connect), .xBestIndex = best_index, .xDisconnect = disconnect, \
        .xOpen = open_cursor, .xClose = close_cursor, .xFilter = filter, .xNext = next,            \
        .xEof = at_end, .xColumn = column, .xRowid = rowid,                                        \
    }
static const sqlite3_module nodes_module = MODULE(connect_nodes);
static const sqlite3_module consensus_module = MODULE(connect_consensus);
static const sqlite3_module evidence_module = MODULE(connect_evidence);
#undef MODULE

enum status consensus_tables_register(sqlite3 *connection, const struct chain_tables_source *source)
{
    static const struct {
        const char *name;
        const sqlite3_module *module;
    } tables[] = {{"trustsql.nodes", &nodes_module},
                  {"trustsql.consensus", &consensus_module},
                  {"trustsql.evidence", &evidence_module}};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        /* SQLite hands the source back unchanged, as const. */
        union {
            const struct chain_tables_source *in;
            void *out;
        } aux = {.in = source};
        int code =
            sqlite3_create_module_v2(connection, tables[i].name, tables[i].module, aux.out, NULL);
        if (code != SQLITE_OK) return ST_NO_MEMORY;
    }
    return ST_OK;
}
