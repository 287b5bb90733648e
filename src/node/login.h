/* login.h - Who a client is: accounts by name or address, and the tokens that stand for a key.
 *
 * On the doors' loop; lookup is its reader connection. */
#ifndef TRUSTSQL_NODE_LOGIN_H
#define TRUSTSQL_NODE_LOGIN_H

#include "base/diag.h"
#include "exec/exec.h"
#include "os/os.h"

struct login {
    struct os *os;
    struct exec *exec;
    sqlite3 *lookup;
    const struct hash *chain_id;
    const struct public_key *node_key;
    const struct signer *signer;
};

/* The open account that user names, by name or by address. 28000, 58000 in d. */
NODISCARD enum status login_find(const struct login *l,
                                 struct span user,
                                 struct exec_account *out,
                                 struct diag *d);

/* The same without words: ST_NOT_FOUND. */
NODISCARD enum status login_account(const struct login *l,
                                    struct span user,
                                    struct exec_account *out);

/* May the account enter this ledger? 3D000, 42501, 28000 in d. */
NODISCARD enum status login_enter(const struct login *l,
                                  const struct exec_account *account,
                                  struct span ledger,
                                  struct diag *d);

/* May the bearer of token (ledger/token.h) be user? d says why not, in words for the client. */
NODISCARD enum status login_token(const struct login *l,
                                  struct span user,
                                  struct span token,
                                  struct diag *d);

#endif
