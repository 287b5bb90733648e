/* system.h - The module every chain has: accounts, and the rule of idempotency keys. */
#ifndef TRUSTSQL_EXEC_MODULES_SYSTEM_SYSTEM_H
#define TRUSTSQL_EXEC_MODULES_SYSTEM_SYSTEM_H

#include "exec/module.h"

/* create_account(name, public_key [, custodian [, organisation [, is_admin]]]),
 * close_account(name), ping(). */
extern const struct module module_system;

/* Changes of the configuration: governance.h. */
extern const struct module module_governance;

#endif
