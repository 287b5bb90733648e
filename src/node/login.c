#include "node/login.h"

#include "ledger/token.h"

static enum status find_by_address(const struct login *l,
                                   struct span user,
                                   struct exec_account *out);
static void explain(struct diag *d, enum status st);

enum status login_find(const struct login *l,
                       struct span user,
                       struct exec_account *out,
                       struct diag *d)
{
    enum status st = login_account(l, user, out);
    if (st == ST_NOT_FOUND) {
        diag_set(d, "28000", "there is no account \"%.*s\" on this chain", (int)user.size,
                 (const char *)user.data);
        diag_hint(d, "An administrator creates it: CALL trustsql.create_account(…).");
    } else if (st != ST_OK) {
        diag_set(d, "58000", "the account cannot be read: %s", status_text(st));
    }
    return st;
}

enum status login_account(const struct login *l, struct span user, struct exec_account *out)
{
    TRY(db_view(exec_db(l->exec), l->lookup, 0));
    enum status st = exec_account_by_name(l->lookup, user, out);
    return st == ST_NOT_FOUND ? find_by_address(l, user, out) : st;
}

static enum status check_connect(const struct login *l,
                                 const struct exec_account *account,
                                 struct span ledger,
                                 struct diag *d)
{
    struct sql_catalog *catalog = exec_catalog(l->exec);
    const struct catalog_ledger *found = sql_catalog_ledger(catalog, ledger);
    enum status st = ST_OK;
    const struct span name = span_of(ledger.data, ledger.size < 63 ? ledger.size : 63);
    if (found == NULL) {
        diag_set(d, "3D000", "database \"%.*s\" does not exist", (int)name.size,
                 (const char *)name.data);
        diag_hint(d, "The ledger of this chain is \"main\".");
        st = ST_NOT_FOUND;
    } else if ((sql_catalog_object_rights(catalog, found->id, found->owner, account->id) &
                SQL_RIGHT_CONNECT) == 0 &&
               !account->is_admin) {
        diag_set(d, "42501", "permission denied for database \"%.*s\"", (int)name.size,
                 (const char *)name.data);
        diag_detail(d, "User does not have CONNECT privilege.");
        st = ST_DENIED;
    }
    sql_catalog_unref(catalog);
    return st;
}

enum status login_enter(const struct login *l,
                        const struct exec_account *account,
                        struct span ledger,
                        struct diag *d)
{
    bool may = false;
    TRY(check_connect(l, account, ledger, d));
    enum status st = exec_account_may_login(l->lookup, account->id, &may);
    if (st != ST_OK) {
        diag_set(d, "58000", "the account cannot be read: %s", status_text(st));
    } else if (!may) {
        diag_set(d, "28000", "role \"%s\" is not permitted to log in", account->name);
        st = ST_DENIED;
    }
    return st;
}

static enum status find_by_address(const struct login *l,
                                   struct span user,
                                   struct exec_account *out)
{
    char text[ACCOUNT_TEXT_MAX];
    struct account_id id;
    if (user.size == 0 || user.size >= sizeof text) return ST_NOT_FOUND;
    memcpy(text, user.data, user.size);
    text[user.size] = 0;
    if (strlen(text) != user.size || account_id_parse(&id, text) != ST_OK) return ST_NOT_FOUND;
    return exec_account_by_address(l->lookup, &id, out);
}

enum status login_token(const struct login *l, struct span user, struct span token, struct diag *d)
{
    struct token t;
    struct exec_account account;
    const struct token_check check = {.chain_id = l->chain_id,
                                      .node = l->node_key,
                                      .now_ms = l->os->wall_ms(l->os),
                                      .signer = l->signer};
    enum status st = token_parse(&t, token);
    if (st == ST_OK) st = token_check(&t, &check);
    if (st != ST_OK) {
        explain(d, st);
        return st;
    }
    TRY(login_find(l, user, &account, d));
    if (public_key_equal(&account.key, &t.account)) return ST_OK;
    diag_set(d, "28P01", "the token was signed with the key of another account");
    return ST_DENIED;
}

static void explain(struct diag *d, enum status st)
{
    diag_set(d, "28P01", "the password is no token of a key");
    diag_hint(d, "This node keeps no password for the account: trustsql key token makes one, and "
                 "trustsql proxy logs in with the key itself.");
    if (st == ST_WRONG_CHAIN) diag_set(d, "28P01", "the token is for another chain");
    if (st == ST_DENIED) diag_set(d, "28P01", "the token is for another node");
    if (st == ST_SIGNATURE) diag_set(d, "28P01", "the signature of the token does not verify");
    if (st == ST_EXPIRED) {
        diag_set(d, "28P01", "the token is not valid now");
        diag_hint(d, "Make a new one, and compare the clocks of both machines.");
    }
}
