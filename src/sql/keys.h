/* keys.h - Foreign keys at work.
 *
 * PostgreSQL looks at foreign keys when a statement ends, and so do we: triggers of SQLite's tables
 * call sql_key_note() for each row whose key appeared, went or changed; the executor then takes the
 * notes in their order and runs, in the dialect, what PostgreSQL's own triggers run. Triggers and
 * statements are made from the catalog alone. A trigger is called "f.<id of its table>.<i, u, d>".
 *
 * Values of notes are as rows hold them. Stateless. */
#ifndef TRUSTSQL_SQL_KEYS_H
#define TRUSTSQL_SQL_KEYS_H

#include "base/buf.h"
#include "sql/sql.h"

/* Steps of DDL that the executor does itself. Both stand behind SQL_STEP_RELOAD. */
#define SQL_STEP_KEYS  "keys "  /* and an id: make the triggers of the table again. */
#define SQL_STEP_CHECK "check " /* and ids of table and key: do its rows keep to the key? */

/* Steps of SET CONSTRAINTS. */
#define SQL_STEP_DEFER     "defer "     /* and the id of a key, 0 for all: */
#define SQL_STEP_IMMEDIATE "immediate " /* the same. */
#define SQL_STEP_RECHECK   "recheck"    /* what waited and need not any more. */

#define SQL_KEY_NOTES_MAX  (64u << 20) /* Bytes of notes of one statement. */
#define SQL_KEY_VALUES_MAX (2 * CATALOG_KEY_COLUMNS_MAX)

enum sql_key_event {
    SQL_KEY_CAME = 'i',  /* A row that refers: its key. */
    SQL_KEY_WENT = 'd',  /* A row that others may refer to is gone: its key. */
    SQL_KEY_MOVED = 'u', /* Its key has changed: the old one and the new one. */
};

struct sql_key { /* A foreign key. */
    const struct catalog_table *table;
    const struct catalog_index *index;
    const struct catalog_table *other; /* That it refers to. */
};

/* False: there is none (any more). */
bool sql_key_find(const struct sql_catalog *c, uint64_t table, uint64_t id, struct sql_key *out);

struct sql_key_note {
    uint64_t table;
    uint64_t key;
    enum sql_key_event event;
    bool has_null;
    uint32_t count;
    struct span values;
    struct span bytes; /* All of it. */
};

/* ST_CORRUPT: no note. rest moves behind it. */
NODISCARD enum status sql_key_note_next(struct span *rest, struct sql_key_note *out);
/* The first count values as parameters ?1 …; they point into the note. */
NODISCARD enum status sql_key_note_bind(const struct sql_key_note *note,
                                        sqlite3_stmt *stmt,
                                        uint32_t count);

enum sql_key_query {
    SQL_KEY_HAS_OTHER,     /* Is there a row that $1… (of the key's types) refers to? */
    SQL_KEY_HAS_OWN,       /* Is there still a row that refers with $1…? */
    SQL_KEY_HAS_REFERRING, /* Does any row refer to $1… (of the other's types)? */
    SQL_KEY_HAS_SAME,      /* Is there again a row of this key, $1…, to refer to? */
    SQL_KEY_ACT_DELETE,    /* What ON DELETE says, to rows that refer to $1…. */
    SQL_KEY_ACT_UPDATE,    /* What ON UPDATE says; the new key follows the old. */
    SQL_KEY_HAS_WRONG,     /* Does any row break the key? */
    SQL_KEY_HAS_MIXED,     /* MATCH FULL: is any row's key null in part? */
};

struct sql_key_text {
    struct buf text; /* Of the dialect. */
    enum sql_type types[SQL_KEY_VALUES_MAX];
    uint32_t type_count;
};
/* out->text is initialized. */
NODISCARD enum status sql_key_text(struct sql_key_text *out,
                                   const struct sql_key *k,
                                   enum sql_key_query query);

enum sql_key_fault { SQL_KEY_NOT_PRESENT, SQL_KEY_MIXED, SQL_KEY_STILL_REFERENCED };
/* 23503, as PostgreSQL words it, without values (docs/sql/differences.md). */
void sql_key_violated(struct diag *d, const struct sql_key *k, enum sql_key_fault fault);

/* SQLite statements, each ended by a 0, that make the triggers of a table anew. */
NODISCARD enum status sql_key_triggers(struct buf *out,
                                       const struct sql_catalog *c,
                                       const struct catalog_table *t);

#endif
