/* signatures.c - See signatures.h. Who may change a rule: the owner of the table, and when there is
 * one already, as many as it asks for (exec/approval.c). */
#include "exec/modules/system/signatures.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hex.h"
#include "base/must.h"
#include "exec/modules/system/cursor.h"
#include "exec/modules/system/owned_table.h"

#define RULE_TEXT_MAX (32u + SIGNATURES_ACCOUNTS_MAX * 21u)

const enum sql_type signatures_types[4] = {SQL_TEXT, SQL_INT8, SQL_TEXT, SQL_INT8};
const char *const signatures_names[4] = {"name", "needed", "accounts", "hours"};
const enum sql_type approve_types[1] = {SQL_TEXT};
const char *const approve_names[1] = {"txid"};

/* --- the rule ---------------------------------------------------------------------------------
 */

static bool read_number(struct span text, size_t *at, uint64_t *out)
{
    const size_t start = *at;
    *out = 0;
    while (*at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9' && *at - start < 19)
        *out = *out * 10 + (uint64_t)(text.data[(*at)++] - '0');
    return *at > start;
}

enum status signature_rule_read(struct signature_rule *rule, struct span text)
{
    uint64_t value = 0;
    size_t at = 0;
    *rule = (struct signature_rule){0};
    if (text.size == 0) return ST_OK;
    if (!read_number(text, &at, &value) || value == 0 || value > SIGNATURES_ACCOUNTS_MAX)
        return ST_CORRUPT;
    rule->needed = (uint32_t)value;
    if (at == text.size || text.data[at++] != ':' || !read_number(text, &at, &value))
        return ST_CORRUPT;
    if (value == 0 || value > SIGNATURES_HOURS_MAX) return ST_CORRUPT;
    rule->hours = (uint32_t)value;
    char separator = ':';
    while (at < text.size) {
        if (text.data[at++] != (uint8_t)separator || rule->count == SIGNATURES_ACCOUNTS_MAX)
            return ST_CORRUPT;
        if (!read_number(text, &at, &rule->accounts[rule->count++])) return ST_CORRUPT;
        separator = ',';
    }
    return rule->count >= rule->needed ? ST_OK : ST_CORRUPT;
}

uint32_t signature_rule_count(const struct signature_rule *rule,
                              const uint64_t *signers,
                              uint32_t count)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < rule->count; i++) {
        bool is_there = false;
        for (uint32_t k = 0; k < count && !is_there; k++)
            is_there = signers[k] == rule->accounts[i];
        found += is_there;
    }
    return found;
}

/* --- trustsql.require_signatures --------------------------------------------------------------
 */

static enum status refuse(struct module_call *call, const char *what)
{
    diag_set(call->diag, "22023", "%s", what);
    diag_hint(call->diag, "CALL trustsql.require_signatures('table', 2, 'alice,bob,carol'); 0 "
                          "signatures: no rule.");
    return ST_REJECTED;
}

/* Row ids in order; none twice. */
static void insert_account(struct signature_rule *rule, uint64_t id)
{
    uint32_t at = rule->count;
    while (at > 0 && rule->accounts[at - 1] > id)
        at--;
    if (at > 0 && rule->accounts[at - 1] == id) return;
    for (uint32_t i = rule->count++; i > at; i--)
        rule->accounts[i] = rule->accounts[i - 1];
    rule->accounts[at] = id;
}

static enum status add_account(struct module_call *call,
                               struct signature_rule *rule,
                               struct span name)
{
    struct account account;
    if (rule->count == SIGNATURES_ACCOUNTS_MAX) return refuse(call, "too many accounts are named");
    enum status st = account_by_name(call->writer, name, &account);
    if (st == ST_NOT_FOUND || (st == ST_OK && account.is_closed)) {
        diag_set(call->diag, "42704", "role \"%.*s\" does not exist", (int)name.size,
                 (const char *)name.data);
        return ST_REJECTED;
    }
    TRY(st);
    insert_account(rule, account.id);
    return ST_OK;
}

/* "alice, bob": names between commas, blanks around them. */
static enum status read_accounts(struct module_call *call,
                                 struct signature_rule *rule,
                                 struct span text)
{
    size_t at = 0;
    while (at <= text.size) {
        size_t end = at;
        while (end < text.size && text.data[end] != ',')
            end++;
        size_t first = at;
        size_t last = end;
        while (first < last && text.data[first] == ' ')
            first++;
        while (last > first && text.data[last - 1] == ' ')
            last--;
        if (first == last) return refuse(call, "an account has no name");
        TRY(add_account(call, rule, span_of(text.data + first, last - first)));
        at = end + 1;
    }
    return ST_OK;
}

static enum status read_rule(struct module_call *call, struct signature_rule *rule)
{
    const struct sql_value *needed = &call->arguments[1];
    const struct sql_value *accounts = &call->arguments[2];
    const bool has_hours = call->argument_count > 3 && !call->arguments[3].is_null;
    const int64_t hours = has_hours ? call->arguments[3].integer : (int64_t)SIGNATURES_HOURS;
    *rule = (struct signature_rule){0};
    if (needed->is_null || needed->integer < 0 || needed->integer > SIGNATURES_ACCOUNTS_MAX)
        return refuse(call, "the number of signatures is none");
    if (hours < 1 || hours > SIGNATURES_HOURS_MAX)
        return refuse(call, "hours must be from 1 to 8760");
    rule->needed = (uint32_t)needed->integer;
    rule->hours = (uint32_t)hours;
    if (rule->needed == 0) return ST_OK;
    if (accounts->is_null) return refuse(call, "no accounts are named");
    TRY(read_accounts(call, rule, accounts->bytes));
    if (rule->count < rule->needed) return refuse(call, "more signatures than accounts");
    return ST_OK;
}

static enum status write_rule(struct module_call *call,
                              uint64_t table,
                              const struct signature_rule *rule)
{
    char text[RULE_TEXT_MAX];
    struct buf out;
    const struct field id = field_int(table);
    buf_init_fixed(&out, (uint8_t *)text, sizeof text);
    buf_printf(&out, "%u:%u", rule->needed, rule->hours);
    for (uint32_t i = 0; i < rule->count; i++)
        buf_printf(&out, "%c%" PRIu64, i == 0 ? ':' : ',', rule->accounts[i]);
    must(buf_status(&out) == ST_OK);
    TRY(cursor_run(call->writer,
                   "DELETE FROM \"trustsql.properties\" "
                   "WHERE object = ?1 AND part = 0 AND kind = 'signatures'",
                   &id, 1));
    const struct field f[2] = {id, field_text(buf_span(&out))};
    if (rule->needed > 0)
        TRY(cursor_run(call->writer,
                       "INSERT INTO \"trustsql.properties\"(object, part, kind, value) "
                       "VALUES (?1, 0, 'signatures', ?2)",
                       f, 2));
    call->changes_catalog = true;
    return cursor_run(call->writer,
                      "UPDATE \"trustsql.sequences\" SET next = next + 1 WHERE name = 'catalog'",
                      NULL, 0);
}

enum status signatures_require(struct module_call *call)
{
    must(call->argument_count >= 3);
    struct signature_rule rule;
    uint64_t table = 0;
    if (call->arguments[0].is_null) return refuse(call, "no table is named");
    TRY(owned_table(call, call->arguments[0].bytes, &table));
    TRY(read_rule(call, &rule));
    call->guarded_table = table;
    return write_rule(call, table, &rule);
}

enum status signatures_approve(struct module_call *call)
{
    must(call->argument_count == 1);
    const struct sql_value *text = &call->arguments[0];
    if (text->is_null || text->bytes.size != 2 * (size_t)HASH_SIZE ||
        hex_decode(call->approved.bytes, HASH_SIZE, text->bytes) != ST_OK) {
        diag_set(call->diag, "22023", "a txid has 64 hexadecimal digits");
        return ST_REJECTED;
    }
    call->approves = true;
    return ST_OK;
}

/* --- rows -------------------------------------------------------------------------------------
 */

enum status waiting_find(sqlite3 *writer,
                         struct arena *a,
                         const struct hash *txid,
                         struct waiting_tx *out)
{
    struct cursor r;
    const struct field f = field_blob(hash_span(txid));
    *out = (struct waiting_tx){0};
    enum status st = cursor_begin(&r, writer,
                                  "SELECT account, body, expires, state "
                                  "FROM \"trustsql.pending_transactions\" WHERE txid = ?1",
                                  &f, 1);
    if (st == ST_OK) st = cursor_next(&r);
    if (st == ST_OK) {
        out->account = cursor_int(&r, 0);
        out->expires_us = cursor_int(&r, 2);
        out->is_waiting = span_equal(cursor_bytes(&r, 3), span_text("waiting"));
        if (out->is_waiting) out->body = arena_copy(a, cursor_bytes(&r, 1));
        if (out->is_waiting && out->body.data == NULL) st = ST_NO_MEMORY;
    }
    cursor_end(&r);
    return st;
}

enum status waiting_add(sqlite3 *writer, const struct waiting_new *p)
{
    const struct field now = field_int(p->now_us);
    TRY(cursor_run(writer,
                   "UPDATE \"trustsql.pending_transactions\" SET state = 'expired', body = NULL "
                   "WHERE state = 'waiting' AND expires < ?1",
                   &now, 1));
    const struct field f[5] = {field_blob(hash_span(&p->tx->txid)), field_int(p->account),
                               field_blob(p->tx->bytes), field_int(p->height),
                               field_int(p->expires_us)};
    return cursor_run(writer,
                      "INSERT INTO \"trustsql.pending_transactions\""
                      "(txid, account, body, height, expires, state, executed_height) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, 'waiting', NULL)",
                      f, 5);
}

enum status waiting_executed(sqlite3 *writer, const struct hash *txid, uint64_t height)
{
    const struct field f[2] = {field_blob(hash_span(txid)), field_int(height)};
    return cursor_run(writer,
                      "UPDATE \"trustsql.pending_transactions\" SET state = 'executed', "
                      "body = NULL, executed_height = ?2 WHERE txid = ?1",
                      f, 2);
}

enum status approval_add(sqlite3 *writer,
                         const struct hash *txid,
                         uint64_t account,
                         uint64_t height)
{
    uint64_t known[SIGNATURES_ACCOUNTS_MAX];
    uint32_t count = 0;
    TRY(approvals_read(writer, txid, known, &count));
    for (uint32_t i = 0; i < count; i++)
        if (known[i] == account) return ST_EXISTS;
    if (count == SIGNATURES_ACCOUNTS_MAX) return ST_LIMIT;
    const struct field f[3] = {field_blob(hash_span(txid)), field_int(account), field_int(height)};
    return cursor_run(writer,
                      "INSERT INTO \"trustsql.approvals\"(txid, account, height) "
                      "VALUES (?1, ?2, ?3)",
                      f, 3);
}

enum status approvals_read(sqlite3 *writer,
                           const struct hash *txid,
                           uint64_t *accounts,
                           uint32_t *count)
{
    struct cursor r;
    const struct field f = field_blob(hash_span(txid));
    *count = 0;
    enum status st = cursor_begin(&r, writer,
                                  "SELECT account FROM \"trustsql.approvals\" WHERE txid = ?1 "
                                  "ORDER BY account",
                                  &f, 1);
    while (st == ST_OK && *count < SIGNATURES_ACCOUNTS_MAX) {
        st = cursor_next(&r);
        if (st == ST_OK) accounts[(*count)++] = cursor_int(&r, 0);
    }
    cursor_end(&r);
    return st == ST_NOT_FOUND ? ST_OK : st;
}
