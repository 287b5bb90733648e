/* system.c - Procedures of the accounts: who may make and close them. */
#include "exec/modules/system/system.h"

#include "base/must.h"
#include "exec/modules/system/governance.h"
#include "exec/modules/system/retention.h"
#include "exec/modules/system/signatures.h"
#include "ledger/checkpoint.h"

enum { NAME, PUBLIC_KEY, CUSTODIAN, ORGANISATION, IS_ADMIN, CREATE_ARGUMENTS };

static enum status create_account(struct module_call *call);
static enum status close_account(struct module_call *call);
static enum status ping(struct module_call *call);
static enum status checkpoint(struct module_call *call);
static enum status check_admin(const struct module_call *call);
static enum status take_name(struct module_call *call,
                             uint32_t argument,
                             const char *what,
                             char *out);
static enum status take_key(struct module_call *call, struct public_key *out);

static const enum sql_type create_types[CREATE_ARGUMENTS] = {
    [NAME] = SQL_TEXT,         [PUBLIC_KEY] = SQL_BYTEA, [CUSTODIAN] = SQL_TEXT,
    [ORGANISATION] = SQL_TEXT, [IS_ADMIN] = SQL_BOOL,
};
static const enum sql_type close_types[] = {SQL_TEXT};
static const char *const create_names[CREATE_ARGUMENTS] = {
    [NAME] = "name",           [PUBLIC_KEY] = "public_key",
    [CUSTODIAN] = "custodian", [ORGANISATION] = "organisation",
    [IS_ADMIN] = "is_admin",
};
static const char *const close_names[] = {"name"};

static const struct module_procedure procedures[] = {
    {.name = "create_account",
     .argument_count_min = PUBLIC_KEY + 1,
     .argument_count = CREATE_ARGUMENTS,
     .types = create_types,
     .argument_names = create_names,
     .run = create_account},
    {.name = "close_account",
     .argument_count_min = 1,
     .argument_count = 1,
     .types = close_types,
     .argument_names = close_names,
     .run = close_account},
    {.name = "ping", .run = ping},
    {.name = "set_retention",
     .argument_count_min = 2,
     .argument_count = 2,
     .types = retention_types,
     .argument_names = retention_names,
     .since = RETENTION_EXEC_VERSION,
     .run = retention_set},
    {.name = "require_signatures",
     .argument_count_min = 3,
     .argument_count = 4,
     .types = signatures_types,
     .argument_names = signatures_names,
     .since = SIGNATURES_EXEC_VERSION,
     .run = signatures_require},
    {.name = "approve",
     .argument_count_min = 1,
     .argument_count = 1,
     .types = approve_types,
     .argument_names = approve_names,
     .since = SIGNATURES_EXEC_VERSION,
     .run = signatures_approve},
    {.name = "checkpoint", .since = CHECKPOINT_EXEC_VERSION, .run = checkpoint},
};

const struct module module_system = {
    .name = "system",
    .procedures = procedures,
    .procedure_count = sizeof procedures / sizeof procedures[0],
};

const struct module module_governance = {
    .name = "governance",
    .procedures = governance_procedures,
    .procedure_count = GOVERNANCE_PROCEDURES,
};

static enum status create_account(struct module_call *call)
{
    TRY(check_admin(call));
    struct account account = {0};
    TRY(take_name(call, NAME, "name", account.name));
    if (account.name[0] == 0) {
        diag_set(call->diag, "22023", "an account needs a name");
        return ST_REJECTED;
    }
    if (call->config->exec_version >= 4 && strncmp(account.name, "pg_", 3) == 0) {
        diag_set(call->diag, "42939", "role name \"%s\" is reserved", account.name);
        return ST_REJECTED;
    }
    TRY(take_key(call, &account.key));
    TRY(take_name(call, CUSTODIAN, "custodian", account.custodian));
    TRY(take_name(call, ORGANISATION, "organisation", account.organisation));
    if (call->argument_count > IS_ADMIN && !call->arguments[IS_ADMIN].is_null)
        account.is_admin = call->arguments[IS_ADMIN].integer != 0;
    enum status st = accounts_add(call->accounts, &account, call->height);
    if (st != ST_EXISTS) return st;
    diag_set(call->diag, "42710", "account \"%s\" or its key exists already", account.name);
    return ST_REJECTED;
}

/* The owner and any administrator. What the account owns stays; it can sign nothing any more. */
static enum status close_account(struct module_call *call)
{
    char name[ACCOUNT_NAME_MAX + 1];
    TRY(take_name(call, NAME, "name", name));
    if (strcmp(name, call->caller->name) != 0) TRY(check_admin(call));
    enum status st = accounts_close(call->accounts, span_text(name));
    if (st == ST_DENIED) {
        diag_set(call->diag, "55006", "account \"%s\" is the last administrator", name);
        diag_hint(call->diag, "Create another administrator first.");
        return ST_REJECTED;
    }
    if (st != ST_NOT_FOUND) return st;
    diag_set(call->diag, "42704", "there is no open account \"%s\"", name);
    return ST_REJECTED;
}

static enum status check_admin(const struct module_call *call)
{
    if (call->caller->is_admin) return ST_OK;
    diag_set(call->diag, "42501", "only an administrator may do this");
    return ST_REJECTED;
}

/* Absent or null: "". */
static enum status take_name(struct module_call *call,
                             uint32_t argument,
                             const char *what,
                             char *out)
{
    out[0] = 0;
    if (argument >= call->argument_count || call->arguments[argument].is_null) return ST_OK;
    struct span text = call->arguments[argument].bytes;
    if (text.size == 0) return ST_OK;
    if (!account_name_is_valid(text)) {
        diag_set(call->diag, "22023", "%s must have 1 to %u bytes and no control characters", what,
                 ACCOUNT_NAME_MAX);
        return ST_REJECTED;
    }
    memcpy(out, text.data, text.size);
    out[text.size] = 0;
    return ST_OK;
}

/* The scheme follows from the size: the two have none in common. */
static enum status take_key(struct module_call *call, struct public_key *out)
{
    must(call->argument_count > PUBLIC_KEY);
    const struct sql_value *value = &call->arguments[PUBLIC_KEY];
    struct public_key key = {0};
    if (!value->is_null && (value->bytes.size == 32 || value->bytes.size == 33)) {
        key.size = (uint8_t)value->bytes.size;
        key.scheme = key.size == 33 ? SIGN_SECP256K1 : SIGN_ED25519;
        memcpy(key.bytes, value->bytes.data, key.size);
    }
    if (public_key_is_formed(&key) && public_key_check(call->signer, &key) == ST_OK) {
        *out = key;
        return ST_OK;
    }
    diag_set(call->diag, "22023", "this is not a public key");
    diag_hint(call->diag,
              "Give a compressed secp256k1 key (33 bytes) or an Ed25519 key (32 bytes).");
    return ST_REJECTED;
}

/* Changes nothing: a transaction that shows that the chain moves. */
static enum status ping(struct module_call *call)
{
    must(call->argument_count == 0);
    return ST_OK;
}

/* The block gets a checkpoint: a root over all rows after it, certified eight blocks later. */
static enum status checkpoint(struct module_call *call)
{
    must(call->argument_count == 0);
    call->wants_checkpoint = true;
    return ST_OK;
}
