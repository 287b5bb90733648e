#include "node/passwords.h"

#include <sqlite3.h>

#include "base/hex.h"
#include "base/must.h"
#include "node/local_int.h"

static enum status check(struct local_call *c, const struct compiled *statement, struct span text);
static enum status keep(struct local_call *c,
                        const struct sql_password *password,
                        struct public_key *key);
static enum status put_text(struct local_call *c,
                            struct arena *a,
                            const struct sql_password *password,
                            const struct public_key *key,
                            struct span *out);

static void entry_of_key(const struct public_key *key, char out[CUSTODY_NAME_MAX + 1])
{
    char text[ACCOUNT_TEXT_MAX];
    _Static_assert(ACCOUNT_TEXT_MAX <= CUSTODY_NAME_MAX + 1, "an address is a name of custody");
    const struct account_id id = account_id_of(key);
    account_id_text(text, &id);
    memcpy(out, text, sizeof text);
}

enum status passwords_entry(struct custody *c,
                            const struct exec_account *account,
                            char out[CUSTODY_NAME_MAX + 1])
{
    struct public_key key;
    char name[CUSTODY_NAME_MAX + 1];
    entry_of_key(&account->key, name);
    enum status st = custody_public(c, span_text(name), &key);
    if (st == ST_NOT_FOUND) {
        memcpy(name, account->name, sizeof name);
        st = custody_public(c, span_text(name), &key);
    }
    if (st == ST_OK && !public_key_equal(&key, &account->key)) st = ST_NOT_FOUND; /* W2 */
    if (st == ST_OK) memcpy(out, name, sizeof name);
    return st;
}

enum status passwords_op(struct local_call *c,
                         struct arena *a,
                         const struct compiled *statement,
                         struct tx_op *op)
{
    const struct sql_password *password = statement->statement.password;
    must(password != NULL);
    struct public_key key = {.scheme = SIGN_SECP256K1, .size = SIGN_PUBLIC_MAX, .bytes = {2}};
    struct span text = {0};
    /* First with a key that is none, for what is refused anyway shall leave no trace. */
    TRY(put_text(c, a, password, &key, &text));
    TRY(check(c, statement, text));
    TRY(keep(c, password, &key)); /* W1 */
    TRY(put_text(c, a, password, &key, &text));
    *op = (struct tx_op){.kind = TX_OP_SQL, .text = text};
    op->params = arena_alloc_zero(a, 1, sizeof *op->params);
    return op->params == NULL ? ST_NO_MEMORY : ST_OK;
}

/* As execution will see it, on the newest state. A block may have made the role itself. */
static enum status check(struct local_call *c, const struct compiled *statement, struct span text)
{
    struct local *l = c->session->local;
    if (c->is_block) return ST_OK;
    TRY(db_view(exec_db(l->config.exec), l->lookup, 0));
    const struct sql_compile in = {.catalog = statement->catalog,
                                   .text = text,
                                   .account = c->session->account.id,
                                   .state = l->lookup};
    struct sql_statement checked;
    return sql_compile(&checked, &c->arena, &in, &c->diag);
}

/* --- the key -------------------------------------------------------------------------------- */

static enum status draw(struct local *l, struct secret_key *secret, struct public_key *key)
{
    struct os *os = l->config.os;
    secret->scheme = SIGN_SECP256K1;
    for (int i = 0; i < 16; i++) { /* Nearly every number is a key. */
        os->entropy(os, secret->bytes, sizeof secret->bytes);
        if (sign_public(l->config.signer, key, secret) == ST_OK) return ST_OK;
    }
    return ST_INVALID;
}

/* The account that gets the key, and the entry of the one that it has, if it is kept here. */
static void find_old(struct local_call *c, struct span role, struct password_pending *item)
{
    struct local *l = c->session->local;
    struct exec_account account = c->session->account;
    item->old[0] = 0;
    if (role.size > 0 && exec_account_by_name(l->lookup, role, &account) != ST_OK) return;
    item->account = account.address;
    if (passwords_entry(l->config.custody, &account, item->old) != ST_OK) item->old[0] = 0;
}

static enum status explain(struct local_call *c, enum status st)
{
    if (st == ST_LIMIT)
        diag_set(&c->diag, "22023", "a password has 1 to %u bytes", CUSTODY_PASSWORD_MAX);
    else if (st == ST_NO_MEMORY)
        diag_set(&c->diag, "53200", "out of memory");
    else if (st != ST_OK)
        diag_set(&c->diag, "58030", "the key cannot be kept: %s", status_text(st));
    return st;
}

static enum status keep(struct local_call *c,
                        const struct sql_password *password,
                        struct public_key *key)
{
    struct local *l = c->session->local;
    struct passwords *p = &c->session->passwords;
    struct secret_key secret;
    if (p->count == PASSWORDS_MAX) {
        diag_set(&c->diag, "54000", "a transaction sets at most %u passwords", PASSWORDS_MAX);
        return ST_LIMIT;
    }
    struct password_pending *item = &p->items[p->count];
    *item = (struct password_pending){.made = ""};
    enum status st = draw(l, &secret, key);
    if (st == ST_OK) {
        entry_of_key(key, item->made);
        item->account = account_id_of(key); /* Of a new account. */
        if (!password->is_new) find_old(c, password->role, item);
        st = custody_put(l->config.custody, span_text(item->made), &secret, password->value);
    }
    mem_wipe(&secret, sizeof secret);
    if (st == ST_OK) p->count++;
    return explain(c, st);
}

/* The organisation of this node keeps the key. */
static enum status put_custodian(struct local *l, struct buf *out)
{
    sqlite3_stmt *s = NULL;
    static const char query[] =
        "SELECT organisation FROM \"trustsql.validators\" WHERE public_key = ?1";
    const struct public_key *key = &l->config.node_key;
    TRY(db_view(exec_db(l->config.exec), l->lookup, 0));
    int code = sqlite3_prepare_v2(l->lookup, query, -1, &s, NULL);
    if (code == SQLITE_OK) code = sqlite3_bind_blob(s, 1, key->bytes, key->size, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    if (code == SQLITE_ROW) {
        struct span name = span_of(sqlite3_column_text(s, 0), (size_t)sqlite3_column_bytes(s, 0));
        for (size_t i = 0; i < name.size; i++) { /* Inside of a literal. */
            if (name.data[i] == '\'') buf_put_u8(out, '\'');
            buf_put_u8(out, name.data[i]);
        }
    }
    (void)sqlite3_finalize(s); /* Repeats the code of the step. */
    return code == SQLITE_ROW || code == SQLITE_DONE ? ST_OK : ST_IO;
}

static enum status put_text(struct local_call *c,
                            struct arena *a,
                            const struct sql_password *password,
                            const struct public_key *key,
                            struct span *out)
{
    struct buf text;
    char hex[2 * SIGN_PUBLIC_MAX + 1];
    hex_encode(hex, span_of(key->bytes, key->size));
    buf_init(&text, c->session->local->config.mem, SQL_TEXT_MAX);
    buf_put(&text, password->before);
    buf_put_text(&text, "'" SQL_KEY_PREFIX);
    enum status st = put_custodian(c->session->local, &text);
    buf_printf(&text, "$%s'", hex);
    buf_put(&text, password->after);
    if (st == ST_OK) st = buf_status(&text);
    if (st == ST_OK) {
        *out = arena_copy(a, buf_span(&text));
        if (out->data == NULL) st = ST_NO_MEMORY;
    }
    buf_fini(&text);
    return st;
}

/* --- the end -------------------------------------------------------------------------------- */

static void forget(struct local *l, const char *name)
{
    if (name[0] == 0) return;
    const enum status st = custody_remove(l->config.custody, span_text(name));
    if (st != ST_OK) return; /* An entry that nothing refers to: W2. */
}

/* The session's own account may have another key and another name. */
static void refresh(struct backend_session *s)
{
    struct local *l = s->local;
    struct exec_account account = s->account;
    enum status st = db_view(exec_db(l->config.exec), l->lookup, 0);
    if (st == ST_OK) st = exec_account_by_address(l->lookup, &s->account.address, &account);
    if (st == ST_OK) s->account = account; /* Else it keeps the old one, as find_entry can tell. */
}

static bool is_taken(struct local *l, const struct password_pending *item)
{
    struct exec_account account;
    char name[CUSTODY_NAME_MAX + 1];
    if (exec_account_by_address(l->lookup, &item->account, &account) != ST_OK) return false;
    entry_of_key(&account.key, name);
    return strcmp(name, item->made) == 0;
}

void passwords_settle(struct backend_session *s, bool is_known)
{
    struct passwords *p = &s->passwords;
    if (p->count == 0) return;
    if (db_view(exec_db(s->local->config.exec), s->local->lookup, 0) != ST_OK) is_known = false;
    for (uint32_t i = 0; is_known && i < p->count; i++)
        forget(s->local, is_taken(s->local, &p->items[i]) ? p->items[i].old : p->items[i].made);
    refresh(s);
    *p = (struct passwords){.count = 0};
}

void passwords_wipe(struct span text)
{
    uint8_t *bytes = NULL; /* Nobody else may change them: the text is its caller's own. */
    memcpy(&bytes, &text.data, sizeof bytes);
    if (text.size > 0) mem_wipe(bytes, text.size);
}
