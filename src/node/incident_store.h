/* incident_store.h - Incidents of this node that no final block has yet: files of incidents/.
 *
 * A file holds one encoded incident; its name is made of the time of the find and its place, so a
 * later word on the same find takes the place of the earlier. One thread. */
#ifndef TRUSTSQL_NODE_INCIDENT_STORE_H
#define TRUSTSQL_NODE_INCIDENT_STORE_H

#include "base/buf.h"
#include "ledger/incident.h"
#include "os/os.h"

#define INCIDENT_FILES_MAX 256u

/* Failures leave the incident to the log: they end nothing. */
void incident_store_keep(struct os *os,
                         const char *dir,
                         const struct incident *i,
                         struct span bytes);
void incident_store_drop(struct os *os, const char *dir, const struct incident *i);

/* Each whole one, at most INCIDENT_FILES_MAX, in order of the finds. */
void incident_store_each(struct os *os,
                         const char *dir,
                         void (*visit)(void *context, struct span bytes),
                         void *context);

#endif
