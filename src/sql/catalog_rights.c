/* Who may do what, from grants and memberships of a catalog.
 *
 * A role has its own grants, those of PUBLIC, and those of every role that it inherits from. What
 * such a set is, is found anew at each question: nearly all roles are members of nothing, and then
 * the set is the role itself. */
#include <stdlib.h>

#include "base/must.h"
#include "sql/catalog_int.h"
#include "sql/sql.h"

struct roles { /* That somebody acts as. */
    uint64_t ids[CATALOG_ROLES_MAX + 1];
    uint32_t count;
};

static void add_role(struct roles *set, uint64_t id)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (set->ids[i] == id) return;
    if (set->count <= CATALOG_ROLES_MAX) set->ids[set->count++] = id; /* GRANT sees to it. */
}

static uint32_t first_membership(const struct catalog_rights *r, uint64_t member)
{
    uint32_t low = 0;
    uint32_t high = r->member_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (r->members[middle].member < member)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Breadth first: the set is its own queue. */
static void collect(const struct catalog_rights *r,
                    struct roles *set,
                    uint64_t account,
                    bool only_inherited)
{
    set->count = 0;
    add_role(set, account);
    for (uint32_t at = 0; at < set->count && r->member_count > 0; at++) {
        const uint64_t id = set->ids[at];
        for (uint32_t i = first_membership(r, id);
             i < r->member_count && r->members[i].member == id; i++)
            if (r->members[i].is_inherited || !only_inherited) add_role(set, r->members[i].role);
    }
}

static bool is_in(const struct roles *set, uint64_t id)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (set->ids[i] == id) return true;
    return false;
}

bool sql_catalog_acts_as(const struct sql_catalog *c, uint64_t account, uint64_t role)
{
    struct roles set;
    if (account == role) return true;
    collect(catalog_rights_of(c), &set, account, true);
    return is_in(&set, role);
}

bool sql_catalog_is_member(const struct sql_catalog *c, uint64_t account, uint64_t role)
{
    struct roles set;
    if (account == role) return true;
    collect(catalog_rights_of(c), &set, account, false);
    return is_in(&set, role);
}

static int compare_grant(const struct catalog_grant *g, const struct catalog_grant *key)
{
    if (g->object != key->object) return g->object < key->object ? -1 : 1;
    if (g->part != key->part) return g->part < key->part ? -1 : 1;
    if (g->grantee != key->grantee) return g->grantee < key->grantee ? -1 : 1;
    return 0;
}

/* The first that is not before key. */
static uint32_t first_grant(const struct catalog_rights *r, const struct catalog_grant *key)
{
    uint32_t low = 0;
    uint32_t high = r->grant_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_grant(&r->grants[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t granted_to(const struct catalog_rights *r, const struct catalog_grant *key)
{
    uint32_t rights = 0;
    for (uint32_t i = first_grant(r, key);
         i < r->grant_count && compare_grant(&r->grants[i], key) == 0; i++)
        rights |= r->grants[i].rights;
    return rights;
}

static uint32_t rights_of(const struct catalog_rights *r,
                          const struct roles *set,
                          uint64_t object,
                          uint32_t part)
{
    struct catalog_grant key = {.object = object, .part = part, .grantee = CATALOG_GRANTEE_ALL};
    uint32_t rights = granted_to(r, &key);
    for (uint32_t i = 0; i < set->count; i++) {
        key.grantee = set->ids[i];
        rights |= granted_to(r, &key);
    }
    return rights;
}

uint32_t sql_catalog_granted(const struct sql_catalog *c, uint64_t table_id, uint64_t grantee)
{
    const struct catalog_grant key = {.object = table_id, .grantee = grantee};
    return granted_to(catalog_rights_of(c), &key);
}

const struct catalog_grant *sql_catalog_grants(const struct sql_catalog *c,
                                               uint64_t object,
                                               uint32_t *count)
{
    const struct catalog_rights *r = catalog_rights_of(c);
    const struct catalog_grant key = {.object = object};
    const uint32_t first = first_grant(r, &key);
    uint32_t end = first;
    while (end < r->grant_count && r->grants[end].object == object)
        end++;
    *count = end - first;
    return r->grants == NULL ? NULL : r->grants + first;
}

const struct catalog_grant *sql_catalog_all_grants(const struct sql_catalog *c, uint32_t *count)
{
    *count = catalog_rights_of(c)->grant_count;
    return catalog_rights_of(c)->grants;
}

const struct catalog_member *sql_catalog_members(const struct sql_catalog *c, uint32_t *count)
{
    *count = catalog_rights_of(c)->member_count;
    return catalog_rights_of(c)->members;
}

const struct catalog_ledger *sql_catalog_ledger(const struct sql_catalog *c, struct span name)
{
    const struct catalog_rights *r = catalog_rights_of(c);
    for (uint32_t i = 0; i < r->ledger_count; i++)
        if (span_equal(r->ledgers[i].name, name)) return &r->ledgers[i];
    return NULL;
}

/* nextval wants USAGE or UPDATE, currval USAGE or SELECT. */
static uint32_t of_sequence(uint32_t rights)
{
    if ((rights & (SQL_RIGHT_USAGE | SQL_RIGHT_UPDATE)) != 0) rights |= SQL_RIGHT_NEXT;
    if ((rights & (SQL_RIGHT_USAGE | SQL_RIGHT_SELECT)) != 0) rights |= SQL_RIGHT_CURRENT;
    return rights;
}

uint32_t sql_catalog_rights(const struct sql_catalog *c, uint64_t table_id, uint64_t account)
{
    const struct catalog_table *t = sql_catalog_by_id(c, table_id);
    if (t == NULL) return 0;
    if (table_id < CATALOG_FIRST_ID) return SQL_RIGHT_SELECT;
    if (t->owner == account) return SQL_RIGHTS_ALL;
    struct roles set;
    collect(catalog_rights_of(c), &set, account, true);
    if (is_in(&set, t->owner)) return SQL_RIGHTS_ALL;
    const uint32_t rights = rights_of(catalog_rights_of(c), &set, table_id, 0);
    return t->relation == CATALOG_SEQUENCE ? of_sequence(rights) : rights;
}

uint32_t sql_catalog_column_rights(const struct sql_catalog *c,
                                   uint64_t table_id,
                                   uint32_t column,
                                   uint64_t account)
{
    struct roles set;
    collect(catalog_rights_of(c), &set, account, true);
    return rights_of(catalog_rights_of(c), &set, table_id, column + 1);
}

uint32_t sql_catalog_object_rights(const struct sql_catalog *c,
                                   uint64_t object,
                                   uint64_t owner,
                                   uint64_t account)
{
    struct roles set;
    collect(catalog_rights_of(c), &set, account, true);
    if (owner != 0 && is_in(&set, owner)) return SQL_RIGHTS_ALL;
    return rights_of(catalog_rights_of(c), &set, object, 0);
}

/* --- what a statement needs ---------------------------------------------------------------- */

/* Those rights of r that are not had on every column that is used with them; with none in
 * particular, on no column at all. */
static uint32_t missing_on_columns(const struct sql_catalog *c,
                                   const struct sql_access *a,
                                   uint64_t account,
                                   uint32_t rights)
{
    uint32_t missing = 0;
    uint32_t named = 0;
    uint32_t found = 0;
    for (uint32_t i = 0; i < a->column_count; i++) {
        const uint32_t has = sql_catalog_column_rights(c, a->table_id, i, account);
        missing |= a->columns[i] & ~has;
        named |= a->columns[i];
        found |= has;
    }
    return (missing | ~(named | found)) & rights;
}

static uint32_t missing_on_table(const struct sql_catalog *c,
                                 const struct sql_access *a,
                                 uint64_t account)
{
    const uint32_t has = sql_catalog_rights(c, a->table_id, account) | SQL_RIGHT_RULE;
    const uint32_t missing = a->rights & ~has;
    if (missing == 0 || a->columns == NULL || (missing & a->whole) != 0) return missing;
    return missing_on_columns(c, a, account, missing);
}

const char *sql_relation_kind(const struct catalog_table *t)
{
    if (t == NULL || t->relation == CATALOG_TABLE) return "table";
    return t->relation == CATALOG_VIEW ? "view" : "sequence";
}

static enum status deny_table(const struct sql_catalog *c,
                              const struct sql_access *a,
                              uint32_t missing,
                              struct diag *d)
{
    const struct catalog_table *t = sql_catalog_by_id(c, a->table_id);
    const struct span name = t == NULL ? span_text("?") : t->name;
    const char *what = missing == SQL_RIGHT_OWNER ? "must be owner of" : "permission denied for";
    diag_set(d, "42501", "%s %s %.*s", what, sql_relation_kind(t), (int)name.size,
             (const char *)name.data);
    return ST_DENIED;
}

enum status sql_check_schemas(const struct sql_catalog *c,
                              const struct sql_schema_access *list,
                              uint32_t count,
                              uint64_t account,
                              struct diag *d)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct catalog_schema *s = sql_catalog_schema_by_id(c, list[i].id);
        const uint64_t owner = s == NULL ? 0 : s->owner;
        const uint32_t has = sql_catalog_object_rights(c, list[i].id, owner, account);
        if ((list[i].rights & ~has) == 0) continue;
        const struct span name = s == NULL ? span_text("?") : s->name;
        diag_set(d, "42501", "permission denied for schema %.*s", (int)name.size,
                 (const char *)name.data);
        return ST_DENIED;
    }
    return ST_OK;
}

enum status sql_check_tables(const struct sql_catalog *c,
                             const struct sql_access *list,
                             uint32_t count,
                             uint64_t account,
                             struct diag *d)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t missing = missing_on_table(c, &list[i], account);
        if (missing != 0) return deny_table(c, &list[i], missing, d);
    }
    return ST_OK;
}
