/* evidence_store.h - Proof of misbehaviour, kept in files for ever: DIR/evidence/KIND-….ev.
 *
 * One file for each identity (kind, offender, epoch, view, height), the encoding of
 * docs/format/evidence.md: `trustsql verify evidence FILE` checks it. Written rarely, so at once
 * and durably. evidence_store_keep: one thread; the rest is safe from any thread. */
#ifndef TRUSTSQL_NODE_EVIDENCE_STORE_H
#define TRUSTSQL_NODE_EVIDENCE_STORE_H

#include "base/buf.h"
#include "consensus/evidence.h"
#include "node/consensus_view.h"
#include "os/os.h"

#define EVIDENCE_STORE_MAX 1000u /* Files; more of the same tells nobody anything new. */

struct evidence_store;

/* Makes DIR/evidence if absent and reads what is there. Files that do not decode are left alone. */
NODISCARD enum status evidence_store_new(struct evidence_store **out,
                                         struct os *os,
                                         struct mem *mem,
                                         const char *dir);
void evidence_store_free(struct evidence_store *s); /* Null allowed. */

/* ST_OK also when it is there already, or EVIDENCE_STORE_MAX are. */
NODISCARD enum status evidence_store_keep(struct evidence_store *s, const struct evidence *e);

uint32_t evidence_store_count(struct evidence_store *s);

/* Evidence number index < count, in order of arrival (after a restart: of names). bytes (may be
 * null): its file, appended. */
NODISCARD enum status evidence_store_get(struct evidence_store *s,
                                         uint32_t index,
                                         struct evidence_view *out,
                                         struct buf *bytes);

#endif
