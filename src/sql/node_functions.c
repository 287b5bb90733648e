/* node_functions.c - The functions of schema trustsql that each node answers for itself.
 *
 * The compiler needs their types, the node has their implementations (src/node/functions.c), one
 * for each name in a template. A new one is a line here and a line there. */
#include "sql/functions.h"

#define NODE1(name_, a, result_, sqlite_)                                                          \
    {                                                                                              \
        .name = (name_), .kind = SQL_NODE, .volatility = SQL_STABLE, .arg_count = 1, .args = {a},  \
        .result = (result_), .sqlite = (sqlite_)                                                   \
    }

#define NODE0(name_, result_, sqlite_)                                                             \
    {                                                                                              \
        .name = (name_), .kind = SQL_NODE, .volatility = SQL_STABLE, .result = (result_),          \
        .sqlite = (sqlite_)                                                                        \
    }

#define NODE2(name_, a, b, result_, sqlite_)                                                       \
    {                                                                                              \
        .name = (name_), .kind = SQL_NODE, .volatility = SQL_STABLE, .arg_count = 2,               \
        .args = {a, b}, .any = SQL_ANY_OUTPUT, .result = (result_), .sqlite = (sqlite_)            \
    }
#define NODE3(name_, a, b, c, result_, sqlite_)                                                    \
    {                                                                                              \
        .name = (name_), .kind = SQL_NODE, .volatility = SQL_STABLE, .arg_count = 3,               \
        .args = {a, b, c}, .any = SQL_ANY_OUTPUT, .result = (result_), .sqlite = (sqlite_)         \
    }

/* SQL_UNKNOWN: a value of any type, handed over as its text. */
static const struct sql_function functions[] = {
    NODE1("proof_tx", SQL_BYTEA, SQL_BYTEA, "node_proof_tx(%1)"),
    NODE2("proof_tx", SQL_BYTEA, SQL_TEXT, SQL_BYTEA, "node_proof_tx(%1, %2)"),
    NODE2("proof_row", SQL_TEXT, SQL_UNKNOWN, SQL_BYTEA, "node_proof_row(%1, %2)"),
    NODE3("proof_row", SQL_TEXT, SQL_UNKNOWN, SQL_INT8, SQL_BYTEA, "node_proof_row(%1, %2, %3)"),
    NODE1("proof_absent", SQL_BYTEA, SQL_BYTEA, "node_proof_absent(%1)"),
    NODE3(
        "proof_absent", SQL_BYTEA, SQL_INT8, SQL_INT8, SQL_BYTEA, "node_proof_absent(%1, %2, %3)"),
    NODE0("flush", SQL_INT8, "node_flush()"),
    NODE0("rebuild_indexes", SQL_INT8, "node_rebuild_indexes()"),
    NODE0("scrub", SQL_TEXT, "node_scrub()"),
    NODE1("tx_status", SQL_TEXT, SQL_TEXT, "node_tx_status(%1)"),
    NODE2("tx_status", SQL_TEXT, SQL_TEXT, SQL_TEXT, "node_tx_status(%1, %2)"),
};

const struct sql_function *sql_node_function_at(uint32_t index)
{
    return index < sizeof functions / sizeof functions[0] ? &functions[index] : NULL;
}
