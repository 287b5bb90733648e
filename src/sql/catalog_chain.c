/* The chain's own tables: the statements that make them, by the exec_version that brought them, and
 * what the compiler knows of each. */
#include "sql/catalog_int.h"

static const char *const ddl[] = {
    "CREATE TABLE \"trustsql.tables\"(id INTEGER PRIMARY KEY, schema TEXT NOT NULL, "
    "name TEXT NOT NULL, sqlite_name TEXT NOT NULL UNIQUE, owner INTEGER NOT NULL, "
    "UNIQUE(schema, name)) STRICT",
    "CREATE TABLE \"trustsql.columns\"(table_id INTEGER NOT NULL, position INTEGER NOT NULL, "
    "name TEXT NOT NULL, type INTEGER NOT NULL, typmod INTEGER NOT NULL, "
    "is_not_null INTEGER NOT NULL, default_sql TEXT NOT NULL, PRIMARY KEY(table_id, position)) "
    "STRICT",
    "CREATE TABLE \"trustsql.indexes\"(table_id INTEGER NOT NULL, id INTEGER NOT NULL, "
    "kind TEXT NOT NULL, name TEXT NOT NULL, columns TEXT NOT NULL, definition TEXT NOT NULL, "
    "PRIMARY KEY(table_id, id)) STRICT",
    "CREATE TABLE \"trustsql.sequences\"(name TEXT NOT NULL PRIMARY KEY, next INTEGER NOT NULL) "
    "STRICT",
    "CREATE TABLE \"trustsql.rights\"(table_id INTEGER NOT NULL, grantee INTEGER NOT NULL, "
    "rights INTEGER NOT NULL, PRIMARY KEY(table_id, grantee)) STRICT",
    "CREATE TABLE \"trustsql.accounts\"(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
    "address TEXT NOT NULL UNIQUE, scheme INTEGER NOT NULL, public_key BLOB NOT NULL, "
    "custodian TEXT NOT NULL, organisation TEXT NOT NULL, is_admin INTEGER NOT NULL, "
    "created_height INTEGER NOT NULL, is_closed INTEGER NOT NULL) STRICT",
    "CREATE TABLE \"trustsql.idempotency\"(account INTEGER NOT NULL, key BLOB NOT NULL, "
    "txid BLOB NOT NULL, height INTEGER NOT NULL, operations BLOB NOT NULL, "
    "PRIMARY KEY(account, key)) STRICT, WITHOUT ROWID",
    "CREATE TABLE \"trustsql.proposals\"(id INTEGER PRIMARY KEY, change TEXT NOT NULL, "
    "subject TEXT NOT NULL, value TEXT NOT NULL, is_forced INTEGER NOT NULL, "
    "organisation TEXT NOT NULL, account TEXT NOT NULL, height INTEGER NOT NULL, "
    "expires INTEGER NOT NULL, state TEXT NOT NULL, epoch INTEGER) STRICT",
    "CREATE TABLE \"trustsql.votes\"(proposal INTEGER NOT NULL, organisation TEXT NOT NULL, "
    "account TEXT NOT NULL, height INTEGER NOT NULL, PRIMARY KEY(proposal, organisation)) "
    "STRICT, WITHOUT ROWID",
    "CREATE TABLE \"trustsql.epochs\"(epoch INTEGER PRIMARY KEY, first_height INTEGER, "
    "config_hash BLOB NOT NULL, config BLOB NOT NULL, cause TEXT NOT NULL, "
    "decided_height INTEGER NOT NULL) STRICT",
    "CREATE TABLE \"trustsql.validators\"(\"index\" INTEGER PRIMARY KEY, name TEXT NOT NULL, "
    "role TEXT NOT NULL, organisation TEXT NOT NULL, address TEXT NOT NULL, "
    "public_key BLOB NOT NULL, is_barred INTEGER NOT NULL) STRICT",
    "CREATE TABLE \"trustsql.parameters\"(name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) "
    "STRICT, WITHOUT ROWID",
    "CREATE TABLE \"trustsql.mode_history\"(height INTEGER PRIMARY KEY, mode TEXT NOT NULL, "
    "cause TEXT NOT NULL) STRICT",
    "CREATE TABLE \"trustsql.mode_state\"(id INTEGER PRIMARY KEY, state BLOB NOT NULL) STRICT",
    "CREATE TABLE \"trustsql.convictions\"(public_key BLOB NOT NULL PRIMARY KEY, "
    "name TEXT NOT NULL, height INTEGER NOT NULL, is_closed INTEGER NOT NULL) "
    "STRICT, WITHOUT ROWID",
    "INSERT INTO \"trustsql.sequences\"(name, next) VALUES ('catalog', 1), ('object', 1000)",
    NULL,
};

/* What comes with exec_version 3. A catalog that has more tables is another one. */
static const char *const ddl_3[] = {
    "CREATE TABLE \"trustsql.checkpoints\"(height INTEGER PRIMARY KEY, time INTEGER NOT NULL, "
    "row_root BLOB NOT NULL, txid_root BLOB NOT NULL, row_count INTEGER NOT NULL, "
    "before INTEGER NOT NULL) STRICT",
    "CREATE TABLE \"trustsql.incidents\"(height INTEGER NOT NULL, node TEXT NOT NULL, "
    "found_ms INTEGER NOT NULL, kind TEXT NOT NULL, place TEXT NOT NULL, old_hash BLOB, "
    "new_hash BLOB, state TEXT NOT NULL, concerns INTEGER NOT NULL, "
    "PRIMARY KEY(node, found_ms, place)) STRICT, WITHOUT ROWID",
    "CREATE TABLE \"trustsql.retention\"(table_id INTEGER PRIMARY KEY, blocks INTEGER NOT NULL) "
    "STRICT",
    "UPDATE \"trustsql.sequences\" SET next = next + 1 WHERE name = 'catalog'",
    NULL,
};

/* What comes with exec_version 4: schemas, and what is said of objects beside their rows. */
static const char *const ddl_4[] = {
    "CREATE TABLE \"trustsql.schemas\"(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
    "owner INTEGER NOT NULL) STRICT",
    "CREATE TABLE \"trustsql.properties\"(object INTEGER NOT NULL, part INTEGER NOT NULL, "
    "kind TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(object, part, kind)) "
    "STRICT, WITHOUT ROWID",
    "CREATE TABLE \"trustsql.pending_transactions\"(txid BLOB NOT NULL PRIMARY KEY, "
    "account INTEGER NOT NULL, body BLOB, height INTEGER NOT NULL, expires INTEGER NOT NULL, "
    "state TEXT NOT NULL, executed_height INTEGER) STRICT, WITHOUT ROWID",
    "CREATE TABLE \"trustsql.approvals\"(txid BLOB NOT NULL, account INTEGER NOT NULL, "
    "height INTEGER NOT NULL, PRIMARY KEY(txid, account)) STRICT, WITHOUT ROWID",
    "CREATE INDEX \"trustsql.pending_waiting\" ON \"trustsql.pending_transactions\"(expires) "
    "WHERE state = 'waiting'",
    "INSERT INTO \"trustsql.schemas\"(id, name, owner) VALUES (2, 'public', 0)",
    "CREATE TABLE \"trustsql.roles\"(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
    "can_login INTEGER NOT NULL, inherits INTEGER NOT NULL, creates_roles INTEGER NOT NULL, "
    "creates_ledgers INTEGER NOT NULL, organisation TEXT NOT NULL) STRICT",
    "CREATE TABLE \"trustsql.role_members\"(role INTEGER NOT NULL, member INTEGER NOT NULL, "
    "grantor INTEGER NOT NULL, is_admin INTEGER NOT NULL, PRIMARY KEY(role, member)) "
    "STRICT, WITHOUT ROWID",
    "CREATE TABLE \"trustsql.grants\"(object INTEGER NOT NULL, part INTEGER NOT NULL, "
    "grantee INTEGER NOT NULL, grantor INTEGER NOT NULL, rights INTEGER NOT NULL, "
    "options INTEGER NOT NULL, PRIMARY KEY(object, part, grantee, grantor)) "
    "STRICT, WITHOUT ROWID",
    "CREATE TABLE \"trustsql.ledgers\"(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
    "owner INTEGER NOT NULL) STRICT",
    "INSERT INTO \"trustsql.ledgers\"(id, name, owner) VALUES (1, 'main', 0)",
    /* Everybody may connect (1024, 2048: TEMPORARY) and make schemas (512), use schema public (256)
     * and make tables in it (512). */
    "INSERT INTO \"trustsql.grants\"(object, part, grantee, grantor, rights, options) "
    "VALUES (1, 0, 0, 0, 3584, 0), (2, 0, 0, 0, 768, 0)",
    "INSERT INTO \"trustsql.grants\"(object, part, grantee, grantor, rights, options) "
    "SELECT r.table_id, 0, r.grantee, t.owner, r.rights, 0 FROM \"trustsql.rights\" r "
    "JOIN \"trustsql.tables\" t ON t.id = r.table_id",
    "DELETE FROM \"trustsql.rights\"",
    "INSERT INTO \"trustsql.roles\"(id, name, can_login, inherits, creates_roles, "
    "creates_ledgers, organisation) "
    "SELECT id, name, 1, 1, is_admin, is_admin, organisation FROM \"trustsql.accounts\"",
    "INSERT INTO \"trustsql.sequences\"(name, next) "
    "SELECT 'role', coalesce(max(id), 0) + 1 FROM \"trustsql.accounts\"",
    "UPDATE \"trustsql.sequences\" SET next = next + 1 WHERE name = 'catalog'",
    NULL,
};

/* Tables of the chain: what a column is, in the order of the DDL above. */
#define TEXT_OF(s)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(s), sizeof(s) - 1                                                        \
    }
#define COLUMN(name_, type_)                                                                       \
    {                                                                                              \
        .name = TEXT_OF(name_), .type = (type_), .typmod = -1, .is_not_null = true                 \
    }
static const struct catalog_column tables_columns[] = {
    COLUMN("id", SQL_INT8),          COLUMN("schema", SQL_TEXT), COLUMN("name", SQL_TEXT),
    COLUMN("sqlite_name", SQL_TEXT), COLUMN("owner", SQL_INT8),
};
static const struct catalog_column columns_columns[] = {
    COLUMN("table_id", SQL_INT8),    COLUMN("position", SQL_INT4), COLUMN("name", SQL_TEXT),
    COLUMN("type", SQL_INT4),        COLUMN("typmod", SQL_INT4),   COLUMN("is_not_null", SQL_BOOL),
    COLUMN("default_sql", SQL_TEXT),
};
static const struct catalog_column indexes_columns[] = {
    COLUMN("table_id", SQL_INT8), COLUMN("id", SQL_INT8),      COLUMN("kind", SQL_TEXT),
    COLUMN("name", SQL_TEXT),     COLUMN("columns", SQL_TEXT), COLUMN("definition", SQL_TEXT),
};
static const struct catalog_column sequences_columns[] = {
    COLUMN("name", SQL_TEXT),
    COLUMN("next", SQL_INT8),
};
static const struct catalog_column rights_columns[] = {
    COLUMN("table_id", SQL_INT8),
    COLUMN("grantee", SQL_INT8),
    COLUMN("rights", SQL_INT4),
};
static const struct catalog_column accounts_columns[] = {
    COLUMN("id", SQL_INT8),
    COLUMN("name", SQL_TEXT),
    COLUMN("address", SQL_TEXT),
    COLUMN("scheme", SQL_INT4),
    COLUMN("public_key", SQL_BYTEA),
    COLUMN("custodian", SQL_TEXT),
    COLUMN("organisation", SQL_TEXT),
    COLUMN("is_admin", SQL_BOOL),
    COLUMN("created_height", SQL_INT8),
    COLUMN("is_closed", SQL_BOOL),
};
static const struct catalog_column idempotency_columns[] = {
    COLUMN("account", SQL_INT8), COLUMN("key", SQL_BYTEA),        COLUMN("txid", SQL_BYTEA),
    COLUMN("height", SQL_INT8),  COLUMN("operations", SQL_BYTEA),
};
static const struct catalog_column blocks_columns[] = {
    COLUMN("height", SQL_INT8),      COLUMN("hash", SQL_BYTEA),        COLUMN("parent", SQL_BYTEA),
    COLUMN("time", SQL_TIMESTAMPTZ), COLUMN("tx_count", SQL_INT4),     COLUMN("proposer", SQL_INT4),
    COLUMN("view", SQL_INT8),        COLUMN("digest", SQL_BYTEA),      COLUMN("epoch", SQL_INT8),
    COLUMN("mode", SQL_TEXT),        COLUMN("exec_version", SQL_INT4),
};
static const struct catalog_column transactions_columns[] = {
    COLUMN("txid", SQL_BYTEA),
    COLUMN("height", SQL_INT8),
    COLUMN("index", SQL_INT4),
    COLUMN("account", SQL_TEXT),
    COLUMN("status", SQL_TEXT),
    {.name = TEXT_OF("sqlstate"), .type = SQL_TEXT, .typmod = -1},
    {.name = TEXT_OF("message"), .type = SQL_TEXT, .typmod = -1},
    COLUMN("time", SQL_TIMESTAMPTZ),
};

static const struct catalog_column status_columns[] = {
    COLUMN("name", SQL_TEXT),
    COLUMN("value", SQL_TEXT),
};

#define NULLABLE(name_, type_)                                                                     \
    {                                                                                              \
        .name = TEXT_OF(name_), .type = (type_), .typmod = -1                                      \
    }
static const struct catalog_column nodes_columns[] = {
    COLUMN("index", SQL_INT4),
    COLUMN("name", SQL_TEXT),
    COLUMN("organisation", SQL_TEXT),
    COLUMN("address", SQL_TEXT),
    COLUMN("is_self", SQL_BOOL),
    COLUMN("is_connected", SQL_BOOL),
    COLUMN("is_late", SQL_BOOL),
    NULLABLE("view", SQL_INT8),
    NULLABLE("tip", SQL_INT8),
    NULLABLE("final", SQL_INT8),
    NULLABLE("height", SQL_INT8),
    NULLABLE("digest", SQL_BYTEA),
    NULLABLE("lag", SQL_INT8),
    COLUMN("voted", SQL_INT8),
    COLUMN("locked", SQL_INT8),
    COLUMN("certified", SQL_INT8),
    NULLABLE("rtt_us", SQL_INT8),
    NULLABLE("clock_offset_ms", SQL_INT8),
    NULLABLE("last_seen_ms", SQL_INT8),
    NULLABLE("last_failure", SQL_TEXT),
    COLUMN("role", SQL_TEXT),
    COLUMN("epoch", SQL_INT8),
    COLUMN("is_barred", SQL_BOOL),
    COLUMN("is_suspect", SQL_BOOL),
    NULLABLE("version", SQL_TEXT),
    NULLABLE("exec_version_min", SQL_INT4),
    NULLABLE("exec_version_max", SQL_INT4),
    NULLABLE("program", SQL_BYTEA),
    NULLABLE("is_same_program", SQL_BOOL),
};
static const struct catalog_column consensus_columns[] = {
    COLUMN("height", SQL_INT8),
    COLUMN("view", SQL_INT8),
    COLUMN("proposer", SQL_INT4),
    COLUMN("hash", SQL_BYTEA),
    COLUMN("tx_count", SQL_INT4),
    COLUMN("voted", SQL_TEXT),
    COLUMN("locked", SQL_TEXT),
    COLUMN("certified", SQL_TEXT),
    COLUMN("missing", SQL_TEXT),
    COLUMN("is_final", SQL_BOOL),
    COLUMN("is_certified", SQL_BOOL),
    COLUMN("epoch", SQL_INT8),
    COLUMN("mode", SQL_TEXT),
    COLUMN("leader", SQL_INT4),
    COLUMN("f", SQL_INT4),
    COLUMN("p", SQL_INT4),
    COLUMN("quorum", SQL_INT4),
    NULLABLE("fast_quorum", SQL_INT4),
    COLUMN("view_change_quorum", SQL_INT4),
    COLUMN("suspects", SQL_TEXT),
};
static const struct catalog_column evidence_columns[] = {
    COLUMN("kind", SQL_TEXT),           COLUMN("offender", SQL_INT4),
    NULLABLE("node", SQL_TEXT),         COLUMN("view", SQL_INT8),
    COLUMN("height", SQL_INT8),         COLUMN("size", SQL_INT8),
    NULLABLE("bytes", SQL_BYTEA),       COLUMN("is_in_chain", SQL_BOOL),
    NULLABLE("chain_height", SQL_INT8),
};

static const struct catalog_column certified_columns[] = {
    COLUMN("height", SQL_INT8),       COLUMN("digest", SQL_BYTEA),   COLUMN("executed", SQL_INT8),
    COLUMN("certificate", SQL_BYTEA), NULLABLE("epochs", SQL_BYTEA),
};

static const struct catalog_column receipts_columns[] = {
    COLUMN("txid", SQL_BYTEA),    COLUMN("height", SQL_INT8),   COLUMN("index", SQL_INT4),
    COLUMN("receipt", SQL_BYTEA), NULLABLE("proof", SQL_BYTEA), NULLABLE("reply", SQL_BYTEA),
};

static const struct catalog_column proposals_columns[] = {
    COLUMN("id", SQL_INT8),      COLUMN("change", SQL_TEXT),    COLUMN("subject", SQL_TEXT),
    COLUMN("value", SQL_TEXT),   COLUMN("is_forced", SQL_BOOL), COLUMN("organisation", SQL_TEXT),
    COLUMN("account", SQL_TEXT), COLUMN("height", SQL_INT8),    COLUMN("expires", SQL_TIMESTAMPTZ),
    COLUMN("state", SQL_TEXT),   NULLABLE("epoch", SQL_INT8),
};
static const struct catalog_column votes_columns[] = {
    COLUMN("proposal", SQL_INT8),
    COLUMN("organisation", SQL_TEXT),
    COLUMN("account", SQL_TEXT),
    COLUMN("height", SQL_INT8),
};
static const struct catalog_column epochs_columns[] = {
    COLUMN("epoch", SQL_INT8),        NULLABLE("first_height", SQL_INT8),
    COLUMN("config_hash", SQL_BYTEA), COLUMN("config", SQL_BYTEA),
    COLUMN("cause", SQL_TEXT),        COLUMN("decided_height", SQL_INT8),
};
static const struct catalog_column validators_columns[] = {
    COLUMN("index", SQL_INT4),        COLUMN("name", SQL_TEXT),    COLUMN("role", SQL_TEXT),
    COLUMN("organisation", SQL_TEXT), COLUMN("address", SQL_TEXT), COLUMN("public_key", SQL_BYTEA),
    COLUMN("is_barred", SQL_BOOL),
};
static const struct catalog_column parameters_columns[] = {
    COLUMN("name", SQL_TEXT),
    COLUMN("value", SQL_TEXT),
};
static const struct catalog_column mode_history_columns[] = {
    COLUMN("height", SQL_INT8),
    COLUMN("mode", SQL_TEXT),
    COLUMN("cause", SQL_TEXT),
};
static const struct catalog_column mode_state_columns[] = {
    COLUMN("id", SQL_INT8),
    COLUMN("state", SQL_BYTEA),
};
static const struct catalog_column convictions_columns[] = {
    COLUMN("public_key", SQL_BYTEA),
    COLUMN("name", SQL_TEXT),
    COLUMN("height", SQL_INT8),
    COLUMN("is_closed", SQL_BOOL),
};

static const struct catalog_column incidents_columns[] = {
    COLUMN("height", SQL_INT8),      COLUMN("node", SQL_TEXT),  COLUMN("found_ms", SQL_INT8),
    COLUMN("kind", SQL_TEXT),        COLUMN("place", SQL_TEXT), NULLABLE("old_hash", SQL_BYTEA),
    NULLABLE("new_hash", SQL_BYTEA), COLUMN("state", SQL_TEXT), COLUMN("concerns", SQL_INT8),
};

static const struct catalog_column checkpoints_columns[] = {
    COLUMN("height", SQL_INT8),     COLUMN("time", SQL_TIMESTAMPTZ), COLUMN("row_root", SQL_BYTEA),
    COLUMN("txid_root", SQL_BYTEA), COLUMN("row_count", SQL_INT8),   COLUMN("before", SQL_INT8),
};

static const struct catalog_column retention_columns[] = {
    COLUMN("table_id", SQL_INT8),
    COLUMN("blocks", SQL_INT8),
};

static const struct catalog_column schemas_columns[] = {
    COLUMN("id", SQL_INT8),
    COLUMN("name", SQL_TEXT),
    COLUMN("owner", SQL_INT8),
};
static const struct catalog_column properties_columns[] = {
    COLUMN("object", SQL_INT8),
    COLUMN("part", SQL_INT4),
    COLUMN("kind", SQL_TEXT),
    COLUMN("value", SQL_TEXT),
};

static const struct catalog_column pending_columns[] = {
    COLUMN("txid", SQL_BYTEA),
    COLUMN("account", SQL_INT8),
    NULLABLE("body", SQL_BYTEA),
    COLUMN("height", SQL_INT8),
    COLUMN("expires", SQL_TIMESTAMPTZ),
    COLUMN("state", SQL_TEXT),
    NULLABLE("executed_height", SQL_INT8),
};
static const struct catalog_column approvals_columns[] = {
    COLUMN("txid", SQL_BYTEA),
    COLUMN("account", SQL_INT8),
    COLUMN("height", SQL_INT8),
};

static const struct catalog_column roles_columns[] = {
    COLUMN("id", SQL_INT8),
    COLUMN("name", SQL_TEXT),
    COLUMN("can_login", SQL_BOOL),
    COLUMN("inherits", SQL_BOOL),
    COLUMN("creates_roles", SQL_BOOL),
    COLUMN("creates_ledgers", SQL_BOOL),
    COLUMN("organisation", SQL_TEXT),
};
static const struct catalog_column role_members_columns[] = {
    COLUMN("role", SQL_INT8),
    COLUMN("member", SQL_INT8),
    COLUMN("grantor", SQL_INT8),
    COLUMN("is_admin", SQL_BOOL),
};
static const struct catalog_column grants_columns[] = {
    COLUMN("object", SQL_INT8),  COLUMN("part", SQL_INT4),   COLUMN("grantee", SQL_INT8),
    COLUMN("grantor", SQL_INT8), COLUMN("rights", SQL_INT4), COLUMN("options", SQL_INT4),
};
static const struct catalog_column ledgers_columns[] = {
    COLUMN("id", SQL_INT8),
    COLUMN("name", SQL_TEXT),
    COLUMN("owner", SQL_INT8),
};

static const uint32_t first_column[] = {0};
static const uint32_t first_four_columns[] = {0, 1, 2, 3};
static const uint32_t first_three_columns[] = {0, 1, 2};
static const uint32_t first_two_columns[] = {0, 1};
static const uint32_t incidents_key[] = {1, 2, 4};   /* node, found_ms, place */
static const uint32_t evidence_key[] = {0, 1, 3, 4}; /* kind, offender, view, height */

#define CHAIN_TABLE(id_, name_, columns_, key_, key_count_, is_virtual_)                           \
    {                                                                                              \
        .id = (id_), .schema = TEXT_OF("trustsql"), .name = TEXT_OF(name_),                        \
        .sqlite_name = TEXT_OF("trustsql." name_), .columns = (columns_),                          \
        .column_count = sizeof(columns_) / sizeof((columns_)[0]), .key_columns = (key_),           \
        .key_count = (key_count_), .is_virtual = (is_virtual_)                                     \
    }
const struct catalog_table catalog_chain_tables[] = {
    CHAIN_TABLE(1, "tables", tables_columns, first_column, 1, false),
    CHAIN_TABLE(2, "columns", columns_columns, first_two_columns, 2, false),
    CHAIN_TABLE(3, "indexes", indexes_columns, first_two_columns, 2, false),
    CHAIN_TABLE(4, "sequences", sequences_columns, first_column, 1, false),
    CHAIN_TABLE(5, "rights", rights_columns, first_two_columns, 2, false),
    CHAIN_TABLE(6, "accounts", accounts_columns, first_column, 1, false),
    CHAIN_TABLE(7, "blocks", blocks_columns, first_column, 1, true),
    CHAIN_TABLE(8, "transactions", transactions_columns, first_column, 1, true),
    CHAIN_TABLE(9, "idempotency", idempotency_columns, first_two_columns, 2, false),
    CHAIN_TABLE(10, "status", status_columns, first_column, 1, true),
    CHAIN_TABLE(11, "nodes", nodes_columns, first_column, 1, true),
    CHAIN_TABLE(12, "consensus", consensus_columns, first_column, 1, true),
    CHAIN_TABLE(13, "evidence", evidence_columns, evidence_key, 4, true),
    CHAIN_TABLE(20, "proposals", proposals_columns, first_column, 1, false),
    CHAIN_TABLE(21, "votes", votes_columns, first_two_columns, 2, false),
    CHAIN_TABLE(22, "epochs", epochs_columns, first_column, 1, false),
    CHAIN_TABLE(23, "validators", validators_columns, first_column, 1, false),
    CHAIN_TABLE(24, "parameters", parameters_columns, first_column, 1, false),
    CHAIN_TABLE(25, "mode_history", mode_history_columns, first_column, 1, false),
    CHAIN_TABLE(26, "mode_state", mode_state_columns, first_column, 1, false),
    CHAIN_TABLE(27, "convictions", convictions_columns, first_column, 1, false),
    CHAIN_TABLE(28, "checkpoints", checkpoints_columns, first_column, 1, false),
    CHAIN_TABLE(29, "incidents", incidents_columns, incidents_key, 3, false),
    CHAIN_TABLE(30, "certified", certified_columns, first_column, 1, true),
    CHAIN_TABLE(31, "receipts", receipts_columns, first_column, 1, true),
    CHAIN_TABLE(32, "retention", retention_columns, first_column, 1, false),
    CHAIN_TABLE(33, "schemas", schemas_columns, first_column, 1, false),
    CHAIN_TABLE(34, "properties", properties_columns, first_three_columns, 3, false),
    CHAIN_TABLE(48, "pending_transactions", pending_columns, first_column, 1, false),
    CHAIN_TABLE(49, "approvals", approvals_columns, first_two_columns, 2, false),
    CHAIN_TABLE(50, "roles", roles_columns, first_column, 1, false),
    CHAIN_TABLE(51, "role_members", role_members_columns, first_two_columns, 2, false),
    CHAIN_TABLE(52, "grants", grants_columns, first_four_columns, 4, false),
    CHAIN_TABLE(53, "ledgers", ledgers_columns, first_column, 1, false),
};
/* Not there from the genesis on: from which exec_version. */
static const struct {
    uint64_t id;
    uint32_t since;
} late_tables[] = {
    {28, 3}, {29, 3}, {32, 3}, {33, 4}, {34, 4}, {48, 4},
    {49, 4}, {50, 4}, {51, 4}, {52, 4}, {53, 4},
};
const uint32_t catalog_chain_count =
    (uint32_t)(sizeof catalog_chain_tables / sizeof catalog_chain_tables[0]);
_Static_assert(sizeof catalog_chain_tables / sizeof catalog_chain_tables[0] <= CATALOG_CHAIN_MAX,
               "grow the array");

const char *const *sql_catalog_ddl(uint32_t exec_version)
{
    static const char *const none[] = {NULL};
    if (exec_version == 1) return ddl;
    if (exec_version == 3) return ddl_3;
    return exec_version == 4 ? ddl_4 : none;
}

uint32_t sql_catalog_since(uint64_t id)
{
    for (size_t i = 0; i < sizeof late_tables / sizeof late_tables[0]; i++)
        if (late_tables[i].id == id) return late_tables[i].since;
    return 1;
}
