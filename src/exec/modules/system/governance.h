/* governance.h - Procedures that change the configuration by votes of organisations.
 *
 * One administrator's call is a proposal and its organisation's vote. The same change, called or
 * voted for by more than half of the organisations that have a validator, is decided: the epoch
 * after the present one gets it. Rows: docs/format/catalog.md. */
#ifndef TRUSTSQL_EXEC_MODULES_SYSTEM_GOVERNANCE_H
#define TRUSTSQL_EXEC_MODULES_SYSTEM_GOVERNANCE_H

#include "exec/module.h"

#define GOVERNANCE_LIFE_MS    ((uint64_t)7u * 24u * 3600u * 1000u) /* Of a proposal. */
#define GOVERNANCE_OPEN_MAX   64u   /* Open proposals of one organisation. */
#define GOVERNANCE_VALUE_MAX  1024u /* Bytes of a parameter's name or value. */
#define GOVERNANCE_PROCEDURES 9u

extern const struct module_procedure governance_procedures[GOVERNANCE_PROCEDURES];

#endif
