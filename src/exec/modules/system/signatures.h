/* signatures.h - Rows of transactions that wait for signatures, and the rule of a table.
 *
 * The rule stands in trustsql.properties (kind "signatures") as "NEEDED:HOURS:ID,ID,…", so it is
 * part of the catalog. Rows: docs/format/catalog.md. */
#ifndef TRUSTSQL_EXEC_MODULES_SYSTEM_SIGNATURES_H
#define TRUSTSQL_EXEC_MODULES_SYSTEM_SIGNATURES_H

#include "exec/module.h"
#include "ledger/tx.h"

#define SIGNATURES_EXEC_VERSION 4u
#define SIGNATURES_ACCOUNTS_MAX 32u
#define SIGNATURES_BODY_MAX     (1u << 20) /* Bytes of a transaction that waits. */
#define SIGNATURES_HOURS_MAX    8760u
#define SIGNATURES_HOURS        72u
#define SIGNATURES_KIND         "signatures"

struct signature_rule {
    uint32_t needed; /* 0: no rule. */
    uint32_t hours;
    uint32_t count;
    uint64_t accounts[SIGNATURES_ACCOUNTS_MAX]; /* Row ids, ascending. */
};

/* text size 0: no rule. ST_CORRUPT: it is none of ours. */
NODISCARD enum status signature_rule_read(struct signature_rule *rule, struct span text);
/* Signers (row ids) that the rule names, each counted once. */
uint32_t signature_rule_count(const struct signature_rule *rule,
                              const uint64_t *signers,
                              uint32_t count);

/* require_signatures(table, needed, accounts [, hours]); approve(txid). */
extern const enum sql_type signatures_types[4];
extern const char *const signatures_names[4];
extern const enum sql_type approve_types[1];
extern const char *const approve_names[1];
module_run signatures_require;
module_run signatures_approve;

struct waiting_tx {
    uint64_t account; /* Row id of who sent it. */
    struct span body; /* Encoded; in the arena. */
    uint64_t expires_us;
    bool is_waiting;
};
NODISCARD enum status waiting_find(sqlite3 *writer,
                                   struct arena *a,
                                   const struct hash *txid,
                                   struct waiting_tx *out);
struct waiting_new {
    const struct tx *tx;
    uint64_t account;
    uint64_t height;
    uint64_t now_us;
    uint64_t expires_us;
};
/* What has expired by now goes. */
NODISCARD enum status waiting_add(sqlite3 *writer, const struct waiting_new *p);
NODISCARD enum status waiting_executed(sqlite3 *writer, const struct hash *txid, uint64_t height);
/* ST_EXISTS: it has approved already. */
NODISCARD enum status approval_add(sqlite3 *writer,
                                   const struct hash *txid,
                                   uint64_t account,
                                   uint64_t height);
/* Who has, at most SIGNATURES_ACCOUNTS_MAX of them. */
NODISCARD enum status approvals_read(sqlite3 *writer,
                                     const struct hash *txid,
                                     uint64_t *accounts,
                                     uint32_t *count);

#endif
