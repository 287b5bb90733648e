/* The preflight of a CALL that changes the chain, at the door (advice.h): the change is applied to
 * the newest configuration that was executed here, what it does is told as notices, and what is
 * refused is not submitted. The chain judges again when it executes the call. */
#include "base/must.h"
#include "ledger/change.h"
#include "node/advice.h"
#include "node/local_int.h"

#define DAY_MS UINT64_C(86400000)

struct flight {
    struct local_call *call;
    const struct sql_statement *statement;
    struct change change;
    bool is_forced;
    struct chain_config *before;
    struct chain_config *after;
};

/* By name, or by its place. False: it is not given, or null. */
static bool find_argument(struct flight *f, const char *name, uint32_t place, struct span *out)
{
    const struct sql_statement *st = f->statement;
    for (uint32_t i = 0; i < st->argument_count; i++) {
        const struct sql_argument *a = &st->arguments[i];
        const bool is_it = a->name.size == 0 ? i == place : span_equal(a->name, span_text(name));
        const struct sql_value *value = NULL;
        if (!is_it) continue;
        if (call_argument(f->call, a, &value) != ST_OK || value->is_null) return false;
        *out = value->bytes;
        return true;
    }
    return false;
}

static bool find_flag(struct flight *f, const char *name, uint32_t place)
{
    const struct sql_statement *st = f->statement;
    for (uint32_t i = 0; i < st->argument_count; i++) {
        const struct sql_argument *a = &st->arguments[i];
        const bool is_it = a->name.size == 0 ? i == place : span_equal(a->name, span_text(name));
        const struct sql_value *value = NULL;
        if (!is_it) continue;
        return call_argument(f->call, a, &value) == ST_OK && !value->is_null && value->integer != 0;
    }
    return false;
}

/* False: the chain will say what is wrong with the arguments. */
static bool take_change(struct flight *f, enum change_kind kind)
{
    const bool is_set = kind == CHANGE_SET;
    const char *first = is_set ? "name" : change_takes_card(kind) ? "card" : "node";
    f->change.kind = kind;
    f->is_forced = find_flag(f, "force", is_set ? 2 : 1);
    if (is_set && !find_argument(f, "value", 1, &f->change.value)) return false;
    return find_argument(f, first, 0, &f->change.subject);
}

static bool find_kind(struct span name, enum change_kind *out)
{
    for (int kind = 0; kind < CHANGE_KINDS; kind++) {
        if (!span_equal(name, span_text(change_kind_name((enum change_kind)kind)))) continue;
        *out = (enum change_kind)kind;
        return true;
    }
    return false;
}

/* A query of one number that gives one row; null: there is none. sqlite3_finalize. */
static sqlite3_stmt *find_row(sqlite3 *connection, const char *text, int64_t number)
{
    sqlite3_stmt *row = NULL;
    if (sqlite3_prepare_v2(connection, text, -1, &row, NULL) == SQLITE_OK &&
        (sqlite3_bind_parameter_count(row) == 0 ||
         sqlite3_bind_int64(row, 1, number) == SQLITE_OK) &&
        sqlite3_step(row) == SQLITE_ROW)
        return row;
    sqlite3_finalize(row);
    return NULL;
}

static struct span text_of(struct arena *a, sqlite3_stmt *row, int column)
{
    const void *text = sqlite3_column_text(row, column);
    const int size = sqlite3_column_bytes(row, column);
    return arena_copy(a, text == NULL ? span_text("") : span_of(text, (size_t)size));
}

/* What a vote is for. */
static bool take_proposal(struct flight *f)
{
    struct local_call *c = f->call;
    const struct sql_value *id = NULL;
    if (f->statement->argument_count != 1) return false;
    if (call_argument(c, &f->statement->arguments[0], &id) != ST_OK || id->is_null) return false;
    sqlite3_stmt *row = find_row(c->session->local->lookup,
                                 "SELECT change, subject, value, is_forced FROM "
                                 "\"trustsql.proposals\" WHERE id = ?1 AND state = 'open'",
                                 id->integer);
    if (row == NULL) return false; /* The chain tells. */
    bool is_found = find_kind(text_of(&c->arena, row, 0), &f->change.kind);
    if (is_found) {
        f->change.subject = text_of(&c->arena, row, change_takes_card(f->change.kind) ? 2 : 1);
        f->change.value = text_of(&c->arena, row, 2);
        f->is_forced = sqlite3_column_int(row, 3) != 0;
        is_found = f->change.subject.data != NULL && f->change.value.data != NULL;
    }
    sqlite3_finalize(row);
    return is_found;
}

static enum status read_config(struct local_call *c, struct chain_config *out)
{
    struct exec_epoch epoch;
    sqlite3 *connection = c->session->local->lookup;
    sqlite3_stmt *row = find_row(connection,
                                 "SELECT max(epoch) FROM \"trustsql.epochs\" "
                                 "WHERE first_height NOTNULL",
                                 0);
    if (row == NULL) return ST_CORRUPT;
    const uint64_t newest = (uint64_t)sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    TRY(exec_config_of(connection, &c->arena, newest, &epoch));
    return chain_config_decode(out, &c->arena, epoch.config);
}

static enum status apply(struct flight *f)
{
    struct local_call *c = f->call;
    f->before = arena_alloc_zero(&c->arena, 1, sizeof *f->before);
    f->after = arena_alloc_zero(&c->arena, 1, sizeof *f->after);
    if (f->before == NULL || f->after == NULL) return ST_NO_MEMORY;
    TRY(read_config(c, f->before));
    return change_apply(f->after, f->before, &f->change, &c->arena, &c->diag);
}

static enum status tell(struct flight *f, const struct consensus_view *view)
{
    struct local_call *c = f->call;
    const struct local_config *config = &c->session->local->config;
    const uint64_t now = config->os->wall_ms(config->os);
    uint64_t last_ms;
    struct advice_case of = {
        .before = f->before, .after = f->after, .view = view, .is_forced = f->is_forced};
    struct advice *advice = arena_alloc_zero(&c->arena, 1, sizeof *advice);
    if (advice == NULL) return ST_NO_MEMORY;
    of.invitations = invitations_open(&config->invitations, now, &last_ms);
    if (of.invitations > 0) of.invited_days = (uint32_t)((last_ms - now) / DAY_MS + 1);
    advice_make(advice, &of);
    for (uint32_t i = 0; i < advice->notice_count; i++)
        call_notice(c, &advice->notices[i]);
    if (advice->refusal.sqlstate[0] == 0) return ST_OK;
    c->diag = advice->refusal;
    return ST_REJECTED;
}

enum status preflight_check(struct local_call *c, const struct sql_statement *statement)
{
    struct flight f = {.call = c, .statement = statement};
    struct local *l = c->session->local;
    enum change_kind kind = CHANGE_SET;
    if (statement->kind != SQL_KIND_CALL) return ST_OK;
    const bool is_vote = span_equal(statement->name, span_text("vote"));
    if (!is_vote && !find_kind(statement->name, &kind)) return ST_OK;
    if (db_view(exec_db(l->config.exec), l->lookup, 0) != ST_OK) return ST_OK;
    if (is_vote ? !take_proposal(&f) : !take_change(&f, kind)) {
        c->diag = (struct diag){0};
        return ST_OK;
    }
    TRY(apply(&f));
    struct consensus_view *view = mem_alloc(l->config.mem, sizeof *view);
    if (view == NULL) return ST_NO_MEMORY;
    replica_consensus(l->config.replica, view);
    enum status st = tell(&f, view);
    mem_free(l->config.mem, view);
    return st;
}
