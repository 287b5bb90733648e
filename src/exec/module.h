/* module.h - What a module of the chain offers: procedures that transactions CALL.
 *
 * A module is one folder under exec/modules and one line in modules.c. Its procedures run on the
 * execution thread inside the transaction's savepoint; what they write is captured, digested and,
 * when the transaction fails, rolled back like any statement. They must be deterministic: the
 * answer depends on the chain's rows and on this call alone. */
#ifndef TRUSTSQL_EXEC_MODULE_H
#define TRUSTSQL_EXEC_MODULE_H

#include "crypto/sign.h"
#include "exec/modules/system/accounts.h"
#include "ledger/config.h"
#include "sql/sql.h"

#define MODULE_ARGUMENTS_MAX 16u

struct module_call {
    sqlite3 *writer;
    struct accounts *accounts;
    const struct signer *signer; /* For checks of keys. */
    const struct account *caller;
    const struct chain_config *config; /* Of the block's epoch. */
    struct arena *arena;               /* Until the transaction ends. */
    uint64_t height;
    uint64_t time_ms; /* Of the block. */
    const struct sql_value *arguments;
    uint32_t argument_count;
    struct diag *diag;
    /* Out: what trustsql.require_signatures and trustsql.approve want (exec/approval.c). */
    bool changes_catalog;
    uint64_t guarded_table; /* 0: none. */
    bool approves;
    struct hash approved;
    bool wants_checkpoint;      /* Out: when the transaction succeeds, its block is one. */
    char notice[DIAG_TEXT_MAX]; /* What the client is told beside success; "": nothing. */
};

/* ST_OK; ST_REJECTED with diag set: the transaction fails; any other status stops the node. */
typedef enum status module_run(struct module_call *call);

struct module_procedure {
    const char *name; /* As in CALL trustsql.NAME(…). */
    uint32_t argument_count_min;
    uint32_t argument_count;
    const enum sql_type *types;        /* argument_count. SQL_TEXT takes an untyped literal too. */
    const char *const *argument_names; /* argument_count, for CALL … (name => value). */
    uint32_t since;                    /* exec_version from which it is there; 0: always. */
    bool touches_epoch;                /* Writes rows that decide the next epoch. */
    module_run *run;
};

struct module {
    const char *name;
    const struct module_procedure *procedures;
    uint32_t procedure_count;
};

/* Null: there is none. */
const struct module_procedure *module_find(struct span name);

#endif
