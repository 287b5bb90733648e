/* org.h - The keys of an organisation's node and administrator, and its public card: for `init org`
 * and `join`. */
#ifndef TRUSTSQL_CMD_ORG_H
#define TRUSTSQL_CMD_ORG_H

#include "cmd/card.h"
#include "cmd/cmd.h"

struct org_options {
    const char *dir;
    const char *name;    /* Of the organisation. */
    const char *node;    /* Null: made of the organisation's. */
    const char *admin;   /* Null: admin@NODE. */
    const char *address; /* "": it only dials. */
    const char *password_file;
    uint64_t port;       /* For PostgreSQL clients. */
    bool is_by_snapshot; /* It joins by snapshot as soon as it can; */
    bool is_by_replay;   /* never. Neither: as far as its default says. */
};

/* All but keys. An exit code; what is wrong is said. */
int org_fill_card(const struct command *self, const struct org_options *o, struct card *card);

/* Draw the keys, write node.conf, custody, card and node.key in o->dir. ST_EXISTS: a node lives
 * there already, nothing was changed. */
NODISCARD enum status org_make(const struct org_options *o,
                               struct card *card,
                               const char *password);

/* Both, with the password asked for. An exit code. */
int org_make_asking(const struct command *self, const struct org_options *o, struct card *card);

#endif
