/* passwords.h - CREATE ROLE … PASSWORD and ALTER ROLE … PASSWORD at the door.
 *
 * A password never leaves this node, nor this file. The door makes a new key for the account, keeps
 * it in custody under the password, and signs a statement that has the public key in the password's
 * place. An entry of custody is named by the address of its key, so a key that the chain does not
 * take in the end harms nobody; it is removed when the transaction has failed. Entries named by the
 * user were made by `init` and `testnet`, and count while the account has their key.
 *
 * Invariants
 * W1  A key is kept durably before anything is signed that names it.
 * W2  An entry is used only while its key is the present one of the account.
 *
 * The doors' loop. */
#ifndef TRUSTSQL_NODE_PASSWORDS_H
#define TRUSTSQL_NODE_PASSWORDS_H

#include "crypto/account_id.h"
#include "custody/custody.h"
#include "exec/exec.h"
#include "ledger/tx.h"

#define PASSWORDS_MAX 8u /* Of one transaction. */

struct password_pending {
    char made[CUSTODY_NAME_MAX + 1]; /* Entry of the new key. */
    char old[CUSTODY_NAME_MAX + 1];  /* Of the one it replaces; "": none here. */
    struct account_id account;       /* Whose. */
};

struct passwords { /* Of the transaction that a session has under way. */
    struct password_pending items[PASSWORDS_MAX];
    uint32_t count;
};

struct local_call;
struct backend_session;
struct compiled;

/* The name of the custody entry that has this account's present key. ST_NOT_FOUND: none here. */
NODISCARD enum status passwords_entry(struct custody *c,
                                      const struct exec_account *account,
                                      char out[CUSTODY_NAME_MAX + 1]);

/* The operation of a statement with a password: c->diag says why not. Text in a. */
NODISCARD enum status passwords_op(struct local_call *c,
                                   struct arena *a,
                                   const struct compiled *statement,
                                   struct tx_op *op);

/* The transaction has ended: of each pair of keys the one that the account does not have is
 * forgotten. Both stay when it is not known how it ended. */
void passwords_settle(struct backend_session *s, bool is_known);

/* Overwrite a text that had one. */
void passwords_wipe(struct span text);

#endif
