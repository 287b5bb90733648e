/* admission.h - Is there an account that this transaction may act for, as far as this node has
 * executed?
 *
 * Keeps transactions of strangers out of blocks: a refusal here leaves no trace. Execution decides
 * again, on the state of its block; so an account found once may be remembered, one not found is
 * not. One object a thread, on a reader connection of its own. */
#ifndef TRUSTSQL_NODE_ADMISSION_H
#define TRUSTSQL_NODE_ADMISSION_H

#include "exec/exec.h"

struct admission;

NODISCARD enum status admission_new(struct admission **out, struct mem *mem, struct exec *exec);
void admission_free(struct admission *a); /* Null allowed. */

/* ST_OK, or ST_DENIED with 28000 in d. Also ST_OK when the state cannot be asked: execution will.
 */
NODISCARD enum status admission_check(struct admission *a, const struct tx *tx, struct diag *d);

#endif
