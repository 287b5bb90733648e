/* sql.h - PostgreSQL's dialect to checked, typed, deterministic SQLite SQL.
 *
 * Text is parsed by libpg_query, bound against a catalog, typed, and emitted as SQLite SQL. What is
 * not supported is refused with 0A000, position and hint; never silently different. Design:
 * src/sql/README.md; what is supported: docs/sql/. Arena memory of the caller; thread-safe. */
#ifndef TRUSTSQL_SQL_SQL_H
#define TRUSTSQL_SQL_SQL_H

#include "sql/catalog.h"
#include "sql/value.h"

#define SQL_TEXT_MAX       (1u << 20) /* Bytes of one query string. */
#define SQL_STATEMENTS_MAX 1024u      /* Statements of one query string. */
#define SQL_DEPTH_MAX      200u       /* Nesting of parentheses and expressions. */
#define SQL_COLUMNS_MAX    1600u
#define SQL_STEP_RELOAD    ""
#define SQL_PATH_SINCE     4u      /* exec_version of operations that may say their search_path. */
#define SQL_STEP_ROWS      "rows " /* and a statement: its rows are counted. */
#define SQL_LIFT_MAX       4096u   /* Literals; a statement with more keeps all of them. */

/* One statement of a query string. */
struct sql_text {
    struct span text;  /* Without the semicolon. */
    uint32_t position; /* Characters before it in the query string, for error positions. */
};

enum sql_kind {
    SQL_KIND_EMPTY,
    SQL_KIND_SELECT,
    SQL_KIND_INSERT,
    SQL_KIND_UPDATE,
    SQL_KIND_DELETE,
    SQL_KIND_CREATE_TABLE,
    SQL_KIND_DROP_TABLE,
    SQL_KIND_CREATE_INDEX,
    SQL_KIND_DROP_INDEX,
    SQL_KIND_GRANT,
    SQL_KIND_REVOKE,
    SQL_KIND_DDL,    /* Any other change of the catalog: steps, as the kinds above. */
    SQL_KIND_CALL,   /* CALL trustsql.procedure(arguments): a module of the chain. */
    SQL_KIND_SUBMIT, /* SELECT * FROM trustsql.submit($1::bytea [, true]): with results and reply */
    SQL_KIND_COMPLAIN, /* SELECT * FROM trustsql.complain('TIMEOUT' | 'CONFLICT', $1::bytea) */
    SQL_KIND_SET,      /* SET / RESET of a session setting. */
    SQL_KIND_SHOW,
    SQL_KIND_CONTROL, /* Steers the session's transaction: struct sql_control. */
    SQL_KIND_COPY_IN, /* COPY … FROM STDIN: sqlite is the INSERT of one row, ?1…?n its columns. */
    SQL_KIND_COPY_OUT, /* COPY … TO STDOUT: a SELECT whose rows go out in another form. */
    SQL_KIND_FORGET    /* DEALLOCATE, DISCARD, UNLISTEN: of the prepared statement `name`, of all
                        * (size 0), or of what there never is (is_no_op). */
};

enum sql_verb {
    SQL_VERB_BEGIN,
    SQL_VERB_COMMIT,
    SQL_VERB_ROLLBACK,
    SQL_VERB_SAVEPOINT,
    SQL_VERB_RELEASE,
    SQL_VERB_ROLLBACK_TO,
    SQL_VERB_SET_TRANSACTION,
    SQL_VERB_SET_SESSION, /* SET SESSION CHARACTERISTICS AS TRANSACTION */
    SQL_VERB_LOCK,
    SQL_VERB_DECLARE,
    SQL_VERB_FETCH,
    SQL_VERB_MOVE,
    SQL_VERB_CLOSE
};

enum sql_isolation {
    SQL_ISOLATION_UNSET,
    SQL_READ_UNCOMMITTED,
    SQL_READ_COMMITTED,
    SQL_REPEATABLE_READ,
    SQL_SERIALIZABLE
};

enum sql_choice { SQL_CHOICE_UNSET, SQL_CHOICE_OFF, SQL_CHOICE_ON };

enum sql_direction {
    SQL_FETCH_FORWARD,
    SQL_FETCH_BACKWARD,
    SQL_FETCH_ABSOLUTE,
    SQL_FETCH_RELATIVE
};

#define SQL_FETCH_ALL INT64_MAX

struct sql_control {
    enum sql_verb verb;
    enum sql_isolation isolation;
    enum sql_choice read_only;
    enum sql_choice deferrable;
    bool is_chain;     /* COMMIT AND CHAIN, ROLLBACK AND CHAIN. */
    struct span name;  /* Of a savepoint or cursor; CLOSE ALL: size 0. */
    struct span query; /* DECLARE: the text of its SELECT. */
    bool is_scroll;
    enum sql_direction direction;
    int64_t count; /* FETCH, MOVE; SQL_FETCH_ALL. */
};

struct sql_copy; /* sql/copy.h */

struct sql_column {
    struct span name;
    enum sql_type type;
    int32_t typmod;
};

enum sql_right {
    SQL_RIGHT_SELECT = 1u,
    SQL_RIGHT_INSERT = 2u,
    SQL_RIGHT_UPDATE = 4u,
    SQL_RIGHT_DELETE = 8u,
    SQL_RIGHT_OWNER = 16u,
    SQL_RIGHT_REFERENCES = 32u, /* As all of the next, from exec_version 4 on. */
    SQL_RIGHT_TRUNCATE = 64u,
    SQL_RIGHT_TRIGGER = 128u,
    SQL_RIGHT_USAGE = 256u, /* Of a schema, a sequence. */
    SQL_RIGHT_CREATE = 512u,
    SQL_RIGHT_CONNECT = 1024u,
    SQL_RIGHT_TEMPORARY = 2048u,
    /* Of sequences, never granted by themselves: what USAGE with UPDATE or SELECT comes to. */
    SQL_RIGHT_NEXT = 1u << 16,
    SQL_RIGHT_CURRENT = 1u << 17,
    SQL_RIGHT_RULE = 1u << 18 /* Its rights are changed; who may is asked when that is compiled. */
};
#define SQL_RIGHTS_ALL ((1u << 19) - 1u)

struct sql_access { /* What the statement needs on a table. */
    uint64_t table_id;
    uint32_t rights; /* enum sql_right bits. */
    /* Those of them that are needed on the whole table; the others may be had on columns alone. */
    uint32_t whole;
    /* One byte for each column: SELECT, INSERT, UPDATE that it is used with. Null: whole counts for
     * all rights. */
    uint8_t *columns;
    uint32_t column_count;
};

struct sql_schema_access { /* Of schemas that not everybody may use. */
    uint64_t id;
    uint32_t rights;
};

/* What stands in CREATE ROLE or ALTER ROLE and must not leave the door: docs/sql/rights.md. */
struct sql_password {
    struct span role;   /* Whose; size 0: the session's. */
    struct span value;  /* In the clear. */
    struct span before; /* The statement around the literal. */
    struct span after;
    bool is_new; /* CREATE. */
};
/* The literal that stands in a transaction instead of a password: the account's public key, and
 * who keeps the secret one. */
#define SQL_KEY_PREFIX "TRUSTSQL$"

/* A compiled statement. */
struct sql_statement {
    enum sql_kind kind;
    bool is_write;   /* Must be ordered by the chain. */
    const char *tag; /* Command tag without count: "INSERT 0", "SELECT", "CREATE TABLE". */
    bool tag_has_count;
    /* SELECT, INSERT, UPDATE, DELETE, SUBMIT: one SQLite text with ?1…?n for the parameters. */
    const char *sqlite;
    /* DDL, GRANT, REVOKE: statements to run in order on the writer, catalog rows included. ?1 in a
     * step is the row id of the account that runs it (the owner of what it makes). */
    const char **steps; /* SQL_STEP_RELOAD: what was made so far takes part from here on. */
    uint32_t step_count;
    enum sql_type *param_types;
    uint32_t param_count;
    struct sql_column *columns; /* Result columns; 0: returns no rows. */
    uint32_t column_count;
    struct sql_access *access;
    uint32_t access_count;
    struct sql_schema_access *schemas;
    uint32_t schema_count;
    const struct sql_password *password; /* Null: none. What is signed has none (sql_lift). */
    const struct public_key *key;        /* That the statement gives to an account; null: none. */
    bool changes_accounts;               /* Rows of trustsql.accounts. */
    /* CALL: procedure name (without "trustsql.") and arguments (constants or parameters). SET,
     * SHOW: name and value. */
    struct span name;
    struct sql_argument *arguments;
    uint32_t argument_count;
    const struct sql_control *control; /* SQL_KIND_CONTROL */
    const char *locks;                 /* "FOR UPDATE" … of a SELECT; null: none. */
    bool is_local;                     /* SET LOCAL */
    const struct sql_copy *copy;       /* COPY_IN, COPY_OUT. */
    bool is_inexact; /* Its last digits may differ between machines: no operation of a transaction.
                      */
    bool calls_node; /* A function that the node answers for itself (node_functions.c). */
    bool is_no_op;   /* IF EXISTS / IF NOT EXISTS found nothing to do; notice says so. */
    const char *notice; /* Null, or a notice for the client. */
};

struct sql_argument {
    struct span name; /* Of CALL p(name => value); size 0: by position. Those come first. */
    bool is_param;    /* value is unused; param is the 1-based parameter. */
    uint32_t param;
    struct sql_value value;
};

/* Split a query string; empty statements are dropped. 42601 with position on a syntax error. */
NODISCARD enum status sql_split(
    struct arena *a, struct span text, struct sql_text **out, uint32_t *count, struct diag *d);

struct sql_compile {
    const struct sql_catalog *catalog;
    /* One statement. From SQL_PATH_SINCE on SET LOCAL search_path = …; may stand before it, and
     * counts for it. */
    struct span text;
    const enum sql_type *param_types; /* Declared types of $1…; SQL_UNKNOWN: to be inferred. */
    uint32_t param_count;
    uint32_t exec_version;   /* Whose functions there are; 0: the newest. */
    uint64_t account;        /* Row id of the account that will own what the statement creates. */
    struct span search_path; /* "a", "b": quoted names; size 0: public. */
    /* The state the statement will run on, which knows the roles; null: what depends on them is not
     * checked (a door: the nodes that execute it do). */
    sqlite3 *state;
    uint64_t height; /* Of the block; 0: none. */
};

/* May the account (row id) do what is listed? ST_DENIED: 42501 in d. */
NODISCARD enum status sql_check_tables(const struct sql_catalog *c,
                                       const struct sql_access *list,
                                       uint32_t count,
                                       uint64_t account,
                                       struct diag *d);
NODISCARD enum status sql_check_schemas(const struct sql_catalog *c,
                                        const struct sql_schema_access *list,
                                        uint32_t count,
                                        uint64_t account,
                                        struct diag *d);
const char *sql_relation_kind(const struct catalog_table *t); /* "table", "view", "sequence". */

/* Does the text say PASSWORD anywhere outside of a literal? Then it is kept nowhere, and no message
 * repeats its literals. */
bool sql_may_have_password(struct span text);
/* Is the statement a CREATE or ALTER ROLE with a password in the clear? */
bool sql_sets_password(struct span text);

/* Compile one statement. The result lives in a. On failure d says why; ST_INVALID for a wrong
 * statement, ST_UNSUPPORTED for 0A000, ST_LIMIT, ST_NO_MEMORY. */
NODISCARD enum status sql_compile(struct sql_statement *out,
                                  struct arena *a,
                                  const struct sql_compile *in,
                                  struct diag *d);

struct sql_lifted {
    struct span text;         /* The new statement. */
    struct sql_value *values; /* The lifted literals, typed as binding found them. */
    uint32_t count;
};

/* The same statement with its literals lifted into parameters appended after the given ones, so
 * that equal shapes have equal texts. A statement that cannot be lifted (DDL) comes back unchanged
 * with count 0. */
NODISCARD enum status sql_lift(struct sql_lifted *out,
                               struct arena *a,
                               const struct sql_compile *in,
                               struct diag *d);

/* Both at once, from one parse tree: lifted parameters come behind all of the statement's. */
NODISCARD enum status sql_compile_and_lift(struct sql_statement *out,
                                           struct sql_lifted *lifted,
                                           struct arena *a,
                                           const struct sql_compile *in,
                                           struct diag *d);

#define SQL_DRAWN_MAX 32u

struct sql_drawn { /* A value of a sequence. */
    uint64_t id;
    int64_t value;
};

/* What functions may know while a statement runs; set by the caller before each statement. */
struct sql_context {
    int64_t now_us;              /* now(): microseconds since 2000-01-01 UTC. */
    uint64_t fuel;               /* Left; functions charge for bytes. 0: reached. */
    struct span user;            /* current_user. */
    struct span ledger;          /* current_database(). */
    struct sql_catalog *catalog; /* Of a statement that reads the system catalogs; null: none. */
    /* What the transaction drew from sequences, for currval and lastval. */
    struct sql_drawn drawn[SQL_DRAWN_MAX];
    uint32_t drawn_count;
    uint64_t drawn_last;
    struct buf *key_notes; /* Where triggers of foreign keys put what they see (sql/keys.h); null:
                            * nowhere. */
    struct diag *diag;     /* Where a function puts its error; sqlstate "" before. */
};

/* Register the function library on a connection; ctx outlives it. */
NODISCARD enum status sql_functions_register(sqlite3 *connection, struct sql_context *ctx);

/* Translate the failure of sqlite3_step into PostgreSQL's terms: a function's own diag, unique, not
 * null, check, foreign key violations with constraint and column names, interrupt as 54000. */
void sql_error(struct diag *d,
               sqlite3 *connection,
               int code,
               const struct sql_catalog *catalog,
               const struct sql_context *ctx);

#endif
