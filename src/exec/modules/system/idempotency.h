/* idempotency.h - Exactly once by name: rows (account, key) → transaction that used the key first.
 *
 * Only a transaction that succeeded writes its row. */
#ifndef TRUSTSQL_EXEC_MODULES_SYSTEM_IDEMPOTENCY_H
#define TRUSTSQL_EXEC_MODULES_SYSTEM_IDEMPOTENCY_H

#include <sqlite3.h>

#include "ledger/tx.h"

struct idempotency_row {
    struct hash txid;
    uint64_t height;
    struct hash operations;
};

/* H("ops" ‖ operations as plain values): equal for a retry, whose salts differ. */
struct hash idempotency_operations(const struct tx *tx);

/* ST_NOT_FOUND. */
NODISCARD enum status idempotency_find(sqlite3 *writer,
                                       uint64_t account,
                                       struct span key,
                                       struct idempotency_row *out);
NODISCARD enum status idempotency_add(sqlite3 *writer,
                                      uint64_t account,
                                      struct span key,
                                      const struct idempotency_row *row);

#endif
