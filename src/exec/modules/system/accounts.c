/* accounts.c - The table "trustsql.accounts" (docs/format/catalog.md).
 *
 * Invariants
 * A1  The cache holds nothing but rows as the writer sees them, until accounts_forget.
 * A2  address is that of the key the account began with; scheme and public_key form a key.
 * A3  A statement is reset before the function that stepped it returns. */
#include "exec/modules/system/accounts.h"

#include "base/must.h"
#include "codec/cbor.h"
#include "exec/sqlite.h"

#define CACHE_SLOTS 8192u /* A power of two. */
#define CACHE_WAYS  4u    /* Neighbours in which an address may stand. */

#define SELECT_ACCOUNT                                                                             \
    "SELECT id, name, address, scheme, public_key, custodian, organisation, is_admin, is_closed "  \
    "FROM \"trustsql.accounts\" "

enum query {
    FIND,
    NEXT_ID,
    IS_TAKEN,
    ADD,
    CLOSE,
    WAS_LAST_ADMIN,
    HAS_ROLES,
    NEXT_ROLE,
    IS_ROLE,
    ADD_ROLE,
    TAKE_ROLE,
    QUERY_COUNT
};

/* Rows are never deleted, so max(id) + 1 has never been given. From exec_version 4 on every account
 * is a role of its id, and ids come from the sequence of roles. */
static const char *const query_text[QUERY_COUNT] = {
    [FIND] = SELECT_ACCOUNT "WHERE address = ?1",
    [NEXT_ID] = "SELECT coalesce(max(id), 0) + 1 FROM \"trustsql.accounts\"",
    [IS_TAKEN] = "SELECT 1 FROM \"trustsql.accounts\" WHERE name = ?1 OR address = ?2",
    [ADD] = "INSERT INTO \"trustsql.accounts\"(id, name, address, scheme, public_key, custodian, "
            "organisation, is_admin, created_height, is_closed) "
            "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)",
    [CLOSE] = "UPDATE \"trustsql.accounts\" SET is_closed = 1 WHERE name = ?1 AND is_closed = 0",
    [WAS_LAST_ADMIN] =
        "SELECT 1 FROM \"trustsql.accounts\" c "
        "WHERE c.name = ?1 AND c.is_admin = 1 AND NOT EXISTS("
        "SELECT 1 FROM \"trustsql.accounts\" o WHERE o.is_admin = 1 AND o.is_closed = 0)",
    [HAS_ROLES] = "SELECT 1 FROM sqlite_master WHERE name = 'trustsql.roles'",
    [NEXT_ROLE] = "SELECT next FROM \"trustsql.sequences\" WHERE name = 'role'",
    [IS_ROLE] = "SELECT 1 FROM \"trustsql.roles\" WHERE name = ?1",
    [ADD_ROLE] = "INSERT INTO \"trustsql.roles\"(id, name, organisation, can_login, inherits, "
                 "creates_roles, creates_ledgers) "
                 "VALUES(?1, ?2, ?4, 1, 1, ?3, ?3)",
    [TAKE_ROLE] = "UPDATE \"trustsql.sequences\" SET next = ?1 WHERE name = 'role'",
};

struct slot {
    uint64_t version; /* Valid while it is the cache's. */
    struct account account;
};

struct accounts {
    struct mem *mem;
    sqlite3 *writer;
    sqlite3_stmt *queries[QUERY_COUNT]; /* Prepared at first use. */
    uint64_t version;                   /* From 1; grows when rows may have changed. */
    struct slot slots[CACHE_SLOTS];
};

static enum status account_where(sqlite3 *connection,
                                 const char *text,
                                 struct span value,
                                 struct account *out);
static enum status query(struct accounts *a, enum query which, sqlite3_stmt **out);
static enum status read_row(sqlite3_stmt *s, struct account *out);
static bool read_text(sqlite3_stmt *s, int column, char *out);
static enum status bind_text(sqlite3_stmt *s, int index, const char *text);
static enum status bind_span(sqlite3_stmt *s, int index, struct span text);
static enum status check_taken(struct accounts *a, const char *name, const char *address);
static enum status check_admin_left(struct accounts *a, struct span name);
static enum status next_id(struct accounts *a, enum query which, uint64_t *id);
static enum status is_there(struct accounts *a, enum query which, const char *name, bool *found);
static enum status add_role(struct accounts *a, const struct account *account);
static enum status bind_row(sqlite3_stmt *s, const struct account *account, const char *address);

/* Where address stands, or where it is to be put: a free place, else one that depends on it. */
static struct slot *slot_of(struct accounts *a, const struct account_id *address)
{
    uint32_t hash = (uint32_t)address->bytes[0] | (uint32_t)address->bytes[1] << 8;
    struct slot *set = &a->slots[hash % CACHE_SLOTS & ~(CACHE_WAYS - 1)];
    struct slot *free_slot = NULL;
    for (uint32_t i = 0; i < CACHE_WAYS; i++) {
        if (set[i].version != a->version)
            free_slot = &set[i];
        else if (account_id_equal(&set[i].account.address, address))
            return &set[i];
    }
    return free_slot != NULL ? free_slot : &set[address->bytes[2] % CACHE_WAYS];
}

enum status accounts_new(struct accounts **out, struct mem *mem, sqlite3 *writer)
{
    struct accounts *a = mem_alloc_zero(mem, 1, sizeof *a);
    if (a == NULL) return ST_NO_MEMORY;
    a->mem = mem;
    a->writer = writer;
    a->version = 1;
    *out = a;
    return ST_OK;
}

void accounts_free(struct accounts *a)
{
    if (a == NULL) return;
    for (int i = 0; i < QUERY_COUNT; i++)
        sqlite3_finalize(a->queries[i]);
    mem_free(a->mem, a);
}

enum status accounts_find(struct accounts *a,
                          const struct account_id *address,
                          const struct account **out)
{
    struct slot *slot = slot_of(a, address);
    if (slot->version == a->version && account_id_equal(&slot->account.address, address)) {
        *out = &slot->account; /* A1 */
        return ST_OK;
    }
    char text[ACCOUNT_TEXT_MAX];
    account_id_text(text, address);
    sqlite3_stmt *s;
    TRY(query(a, FIND, &s));
    struct account found;
    enum status st = bind_text(s, 1, text);
    if (st == ST_OK) st = sqlite_step_status(sqlite3_step(s));
    if (st == ST_OK) st = read_row(s, &found);
    (void)sqlite3_reset(s); /* A3; repeats the code of the step. */
    if (st != ST_OK) return st;
    if (!account_id_equal(&found.address, address)) return ST_CORRUPT;
    slot->version = a->version;
    slot->account = found;
    *out = &slot->account;
    return ST_OK;
}

void accounts_forget(struct accounts *a)
{
    a->version++;
}

uint64_t accounts_version(const struct accounts *a)
{
    return a->version;
}

enum status accounts_add(struct accounts *a, struct account *account, uint64_t height)
{
    must(public_key_is_formed(&account->key)); /* A2 */
    must(account_name_is_valid(span_text(account->name)));
    account->address = account_id_of(&account->key);
    char address[ACCOUNT_TEXT_MAX];
    account_id_text(address, &account->address);
    bool has_roles = false;
    TRY(check_taken(a, account->name, address));
    TRY(is_there(a, HAS_ROLES, NULL, &has_roles));
    TRY(next_id(a, has_roles ? NEXT_ROLE : NEXT_ID, &account->id));
    if (has_roles) TRY(add_role(a, account));
    sqlite3_stmt *s;
    TRY(query(a, ADD, &s));
    enum status st = bind_row(s, account, address);
    if (st == ST_OK) st = sqlite_status(sqlite3_bind_int64(s, 9, (sqlite3_int64)height));
    if (st == ST_OK) st = sqlite_done_status(sqlite3_step(s));
    (void)sqlite3_reset(s);
    accounts_forget(a);
    return st;
}

enum status accounts_close(struct accounts *a, struct span name)
{
    sqlite3_stmt *s;
    TRY(query(a, CLOSE, &s));
    enum status st = bind_span(s, 1, name);
    if (st == ST_OK) st = sqlite_done_status(sqlite3_step(s));
    if (st == ST_OK && sqlite3_changes(a->writer) == 0) st = ST_NOT_FOUND;
    (void)sqlite3_reset(s);
    accounts_forget(a);
    if (st == ST_OK) st = check_admin_left(a, name);
    return st;
}

/* ST_DENIED when name, closed by now, was the last open administrator. */
static enum status check_admin_left(struct accounts *a, struct span name)
{
    sqlite3_stmt *s;
    TRY(query(a, WAS_LAST_ADMIN, &s));
    enum status st = bind_span(s, 1, name);
    if (st == ST_OK) st = sqlite_step_status(sqlite3_step(s));
    (void)sqlite3_reset(s);
    if (st == ST_OK) return ST_DENIED;
    return st == ST_NOT_FOUND ? ST_OK : st;
}

enum status account_by_name(sqlite3 *connection, struct span name, struct account *out)
{
    if (!account_name_is_valid(name)) return ST_NOT_FOUND;
    return account_where(connection, SELECT_ACCOUNT "WHERE name = ?1", name, out);
}

enum status account_by_address(sqlite3 *connection,
                               const struct account_id *address,
                               struct account *out)
{
    char text[ACCOUNT_TEXT_MAX];
    account_id_text(text, address);
    return account_where(connection, SELECT_ACCOUNT "WHERE address = ?1", span_text(text), out);
}

static enum status account_where(sqlite3 *connection,
                                 const char *text,
                                 struct span value,
                                 struct account *out)
{
    sqlite3_stmt *s = NULL;
    enum status st = sqlite_status(sqlite3_prepare_v2(connection, text, -1, &s, NULL));
    if (st == ST_OK) st = bind_span(s, 1, value);
    if (st == ST_OK) st = sqlite_step_status(sqlite3_step(s));
    if (st == ST_OK) st = read_row(s, out);
    (void)sqlite3_finalize(s);
    return st;
}

enum status account_may_login(sqlite3 *connection, uint64_t id, bool *may)
{
    sqlite3_stmt *s = NULL;
    *may = true;
    enum status st =
        sqlite_status(sqlite3_prepare_v2(connection, query_text[HAS_ROLES], -1, &s, NULL));
    if (st == ST_OK) st = sqlite_step_status(sqlite3_step(s));
    (void)sqlite3_finalize(s);
    if (st == ST_NOT_FOUND) return ST_OK; /* Below exec_version 4 whoever has an account may. */
    TRY(st);
    s = NULL;
    static const char text[] = "SELECT can_login FROM \"trustsql.roles\" WHERE id = ?1";
    st = sqlite_status(sqlite3_prepare_v2(connection, text, -1, &s, NULL));
    if (st == ST_OK) st = sqlite_status(sqlite3_bind_int64(s, 1, (sqlite3_int64)id));
    if (st == ST_OK) st = sqlite_step_status(sqlite3_step(s));
    if (st == ST_OK) *may = sqlite3_column_int(s, 0) != 0;
    (void)sqlite3_finalize(s);
    return st;
}

bool account_name_is_valid(struct span name)
{
    if (name.size == 0 || name.size > ACCOUNT_NAME_MAX || !utf8_valid(name)) return false;
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < 0x20 || name.data[i] == 0x7f) return false;
    return true;
}

static enum status query(struct accounts *a, enum query which, sqlite3_stmt **out)
{
    must(which < QUERY_COUNT);
    sqlite3_stmt **s = &a->queries[which];
    const unsigned flags = SQLITE_PREPARE_PERSISTENT;
    if (*s == NULL)
        TRY(sqlite_status(sqlite3_prepare_v3(a->writer, query_text[which], -1, flags, s, NULL)));
    *out = *s;
    return ST_OK;
}

/* Whatever a row cannot hold when we wrote it is damage of the file. */
static enum status read_row(sqlite3_stmt *s, struct account *out)
{
    struct account row = {.id = (uint64_t)sqlite3_column_int64(s, 0)};
    char address[ACCOUNT_NAME_MAX + 1];
    bool is_right = read_text(s, 1, row.name) && read_text(s, 2, address) &&
                    read_text(s, 5, row.custodian) && read_text(s, 6, row.organisation);
    const void *key = sqlite3_column_blob(s, 4);
    int size = sqlite3_column_bytes(s, 4);
    if (!is_right || key == NULL || size > (int)SIGN_PUBLIC_MAX) return ST_CORRUPT;
    row.key.scheme = (uint8_t)sqlite3_column_int(s, 3);
    row.key.size = (uint8_t)size;
    memcpy(row.key.bytes, key, (size_t)size);
    if (!public_key_is_formed(&row.key)) return ST_CORRUPT; /* A2 */
    row.is_admin = sqlite3_column_int(s, 7) != 0;
    row.is_closed = sqlite3_column_int(s, 8) != 0;
    if (account_id_parse(&row.address, address) != ST_OK) return ST_CORRUPT;
    *out = row;
    return ST_OK;
}

static bool read_text(sqlite3_stmt *s, int column, char *out)
{
    const void *text = sqlite3_column_text(s, column);
    int size = sqlite3_column_bytes(s, column);
    if (text == NULL || size > (int)ACCOUNT_NAME_MAX) return false;
    memcpy(out, text, (size_t)size);
    out[size] = 0;
    return true;
}

static enum status bind_text(sqlite3_stmt *s, int index, const char *text)
{
    return sqlite_status(sqlite3_bind_text(s, index, text, -1, SQLITE_STATIC));
}

static enum status bind_span(sqlite3_stmt *s, int index, struct span text)
{
    const char *data = (const char *)text.data;
    return sqlite_status(sqlite3_bind_text(s, index, data, (int)text.size, SQLITE_STATIC));
}

/* ST_EXISTS when name or address has a row. */
static enum status check_taken(struct accounts *a, const char *name, const char *address)
{
    sqlite3_stmt *s;
    TRY(query(a, IS_TAKEN, &s));
    enum status st = bind_text(s, 1, name);
    if (st == ST_OK) st = bind_text(s, 2, address);
    if (st == ST_OK) st = sqlite_step_status(sqlite3_step(s));
    (void)sqlite3_reset(s);
    if (st == ST_OK) return ST_EXISTS;
    return st == ST_NOT_FOUND ? ST_OK : st;
}

/* Has a query without rows of its own (a name may be bound) any row? */
static enum status is_there(struct accounts *a, enum query which, const char *name, bool *found)
{
    sqlite3_stmt *s;
    TRY(query(a, which, &s));
    enum status st = name == NULL ? ST_OK : bind_text(s, 1, name);
    if (st == ST_OK) st = sqlite_step_status(sqlite3_step(s));
    (void)sqlite3_reset(s);
    *found = st == ST_OK;
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status add_role(struct accounts *a, const struct account *account)
{
    sqlite3_stmt *s;
    bool is_taken = false;
    TRY(is_there(a, IS_ROLE, account->name, &is_taken));
    if (is_taken) return ST_EXISTS;
    TRY(query(a, ADD_ROLE, &s));
    enum status st = sqlite_status(sqlite3_bind_int64(s, 1, (sqlite3_int64)account->id));
    if (st == ST_OK) st = bind_text(s, 2, account->name);
    if (st == ST_OK) st = sqlite_status(sqlite3_bind_int(s, 3, account->is_admin));
    if (st == ST_OK) st = bind_text(s, 4, account->organisation);
    if (st == ST_OK) st = sqlite_done_status(sqlite3_step(s));
    (void)sqlite3_reset(s);
    TRY(st);
    TRY(query(a, TAKE_ROLE, &s));
    st = sqlite_status(sqlite3_bind_int64(s, 1, (sqlite3_int64)account->id + 1));
    if (st == ST_OK) st = sqlite_done_status(sqlite3_step(s));
    (void)sqlite3_reset(s);
    return st;
}

static enum status next_id(struct accounts *a, enum query which, uint64_t *id)
{
    sqlite3_stmt *s;
    TRY(query(a, which, &s));
    enum status st = sqlite_step_status(sqlite3_step(s));
    if (st == ST_OK) *id = (uint64_t)sqlite3_column_int64(s, 0);
    (void)sqlite3_reset(s);
    return st;
}

static enum status bind_row(sqlite3_stmt *s, const struct account *account, const char *address)
{
    const struct public_key *key = &account->key;
    TRY(sqlite_status(sqlite3_bind_int64(s, 1, (sqlite3_int64)account->id)));
    TRY(bind_text(s, 2, account->name));
    TRY(bind_text(s, 3, address));
    TRY(sqlite_status(sqlite3_bind_int(s, 4, key->scheme)));
    TRY(sqlite_status(sqlite3_bind_blob(s, 5, key->bytes, key->size, SQLITE_STATIC)));
    TRY(bind_text(s, 6, account->custodian));
    TRY(bind_text(s, 7, account->organisation));
    return sqlite_status(sqlite3_bind_int(s, 8, account->is_admin));
}
