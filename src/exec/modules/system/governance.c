/* governance.c - Proposals and votes of organisations (docs/format/catalog.md).
 *
 * Invariants
 * G1  Only open accounts that are administrators of an organisation with a validator propose, vote
 *     and withdraw; an organisation has one vote.
 * G2  An open proposal is the only open one of its change, subject and value.
 * G3  A change is judged against the present configuration when it is proposed and again when it is
 *     decided. What costs tolerance is refused unless the proposal says force.
 * G4  While an epoch is pending, a call that would decide another change is refused and leaves no
 *     row: its voter calls again when the epoch has begun. */
#include "exec/modules/system/governance.h"

#include <inttypes.h>

#include "base/must.h"
#include "exec/modules/system/chain.h"
#include "exec/modules/system/cursor.h"
#include "ledger/change.h"
#include "ledger/preflight.h"

#define EPOCH_2000_MS 946684800000u /* PostgreSQL's epoch in Unix time. */
#define CAUSE_MAX     192u

struct motion { /* One call: a proposal, new or known, and a vote for it. */
    struct module_call *call;
    struct change change;
    struct span subject; /* As shown and compared: a parameter's or a node's name. */
    struct span value;   /* The parameter's value; the card as we print it. */
    bool is_forced;
    uint64_t id; /* 0: not known yet. */
    struct chain_config *after;
    struct preflight *preflight;
};

static enum status propose(struct module_call *call, enum change_kind kind);
static enum status vote(struct module_call *call);
static enum status withdraw(struct module_call *call);
static enum status check_voter(struct module_call *call);
static enum status judge(struct motion *m);
static enum status make_canonical(struct motion *m);
static enum status check_accounts(struct motion *m, bool is_decided);
static enum status expire(struct module_call *call);
static enum status find_same(struct motion *m, bool *is_decided);
static enum status tell_decided(struct motion *m);
static enum status add_proposal(struct motion *m);
static enum status add_vote(struct motion *m);
static enum status count_votes(struct motion *m, uint32_t *votes);
static enum status decide(struct motion *m);
static enum status read_proposal(struct motion *m, uint64_t id);
static enum status close_proposal(struct motion *m, const char *state, uint64_t epoch);

/* One run for each kind of change. */
#define PROPOSE(name_, kind_)                                                                      \
    static enum status name_(struct module_call *call)                                             \
    {                                                                                              \
        return propose(call, kind_);                                                               \
    }
PROPOSE(chain_set, CHANGE_SET)
PROPOSE(add_validator, CHANGE_ADD_VALIDATOR)
PROPOSE(drop_validator, CHANGE_DROP_VALIDATOR)
PROPOSE(add_observer, CHANGE_ADD_OBSERVER)
PROPOSE(drop_observer, CHANGE_DROP_OBSERVER)
PROPOSE(rotate_key, CHANGE_ROTATE_KEY)
PROPOSE(reinstate, CHANGE_REINSTATE)

static const enum sql_type set_types[] = {SQL_TEXT, SQL_TEXT, SQL_BOOL};
static const enum sql_type change_types[] = {SQL_TEXT, SQL_BOOL};
static const enum sql_type id_types[] = {SQL_INT8};
static const char *const set_names[] = {"name", "value", "force"};
static const char *const card_names[] = {"card", "force"};
static const char *const node_names[] = {"node", "force"};
static const char *const id_names[] = {"proposal"};

#define CHANGE(name_, names_)                                                                      \
    {                                                                                              \
        .name = #name_, .argument_count_min = 1, .argument_count = 2, .types = change_types,       \
        .argument_names = (names_), .touches_epoch = true, .run = (name_)                          \
    }
const struct module_procedure governance_procedures[GOVERNANCE_PROCEDURES] = {
    {.name = "chain_set",
     .argument_count_min = 2,
     .argument_count = 3,
     .types = set_types,
     .argument_names = set_names,
     .touches_epoch = true,
     .run = chain_set},
    CHANGE(add_validator, card_names),
    CHANGE(drop_validator, node_names),
    CHANGE(add_observer, card_names),
    CHANGE(drop_observer, node_names),
    CHANGE(rotate_key, card_names),
    CHANGE(reinstate, node_names),
    {.name = "vote",
     .argument_count_min = 1,
     .argument_count = 1,
     .types = id_types,
     .argument_names = id_names,
     .touches_epoch = true,
     .run = vote},
    {.name = "withdraw",
     .argument_count_min = 1,
     .argument_count = 1,
     .types = id_types,
     .argument_names = id_names,
     .touches_epoch = true,
     .run = withdraw},
};

/* --- calls ----------------------------------------------------------------------------------- */

static struct span argument_text(const struct module_call *call, uint32_t index)
{
    bool is_given = index < call->argument_count && !call->arguments[index].is_null;
    return is_given ? call->arguments[index].bytes : (struct span){0};
}

static bool argument_is_true(const struct module_call *call, uint32_t index)
{
    return index < call->argument_count && !call->arguments[index].is_null &&
           call->arguments[index].integer != 0;
}

/* Null: there is no such proposal. */
static uint64_t argument_id(const struct module_call *call)
{
    must(call->argument_count == 1);
    return call->arguments[0].is_null ? 0 : (uint64_t)call->arguments[0].integer;
}

/* The vote is counted, and decides if it is the one that was missing. */
static enum status carry(struct motion *m)
{
    struct module_call *call = m->call;
    const uint32_t organisations = m->preflight->before.organisations;
    uint32_t votes = 0;
    TRY(add_vote(m));
    TRY(count_votes(m, &votes));
    if (2 * votes > organisations) return decide(m);
    struct buf notice;
    buf_init_fixed(&notice, call->notice, sizeof call->notice - 1);
    buf_printf(&notice, "proposal %" PRIu64 " has %u of %u votes needed", m->id, votes,
               organisations / 2 + 1);
    must(buf_status(&notice) == ST_OK);
    call->notice[notice.size] = 0;
    return ST_OK;
}

static enum status propose(struct module_call *call, enum change_kind kind)
{
    const bool is_set = kind == CHANGE_SET;
    struct motion m = {.call = call, .is_forced = argument_is_true(call, is_set ? 2 : 1)};
    m.change = (struct change){.kind = kind, .subject = argument_text(call, 0)};
    if (is_set) m.change.value = argument_text(call, 1);
    const size_t size_max = change_takes_card(kind) ? CARD_SIZE_MAX : GOVERNANCE_VALUE_MAX;
    if (m.change.subject.size > size_max || m.change.value.size > GOVERNANCE_VALUE_MAX) {
        diag_set(call->diag, "54000", "an argument of trustsql.%s is too long",
                 change_kind_name(kind));
        return ST_REJECTED;
    }
    TRY(check_voter(call));
    TRY(judge(&m));
    TRY(make_canonical(&m));
    TRY(expire(call));
    bool is_decided = false;
    TRY(find_same(&m, &is_decided));
    if (is_decided) return tell_decided(&m);
    if (m.id == 0) TRY(add_proposal(&m));
    return carry(&m);
}

static enum status vote(struct module_call *call)
{
    struct motion m = {.call = call};
    TRY(check_voter(call));
    TRY(expire(call));
    TRY(read_proposal(&m, argument_id(call)));
    TRY(judge(&m));
    return carry(&m);
}

static enum status withdraw(struct module_call *call)
{
    struct motion m = {.call = call};
    TRY(check_voter(call));
    TRY(expire(call));
    TRY(read_proposal(&m, argument_id(call)));
    const struct field f[] = {field_int(m.id), field_text(span_text(call->caller->organisation))};
    TRY(cursor_run(call->writer,
                   "DELETE FROM \"trustsql.votes\" WHERE proposal = ?1 AND organisation = ?2", f,
                   2));
    if (sqlite3_changes(call->writer) == 0) {
        diag_set(call->diag, "55000", "organisation \"%s\" has no vote for proposal %" PRIu64,
                 call->caller->organisation, m.id);
        return ST_REJECTED;
    }
    struct cursor r;
    enum status st = cursor_begin(
        &r, call->writer, "SELECT 1 FROM \"trustsql.votes\" WHERE proposal = ?1 LIMIT 1", f, 1);
    if (st == ST_OK) st = cursor_next(&r);
    cursor_end(&r);
    return st == ST_NOT_FOUND ? close_proposal(&m, "withdrawn", 0) : st;
}

/* --- judging --------------------------------------------------------------------------------- */

/* G1. The caller's account is open: transactions of closed ones do not run. */
static enum status check_voter(struct module_call *call)
{
    const struct chain_config *c = call->config;
    const struct span organisation = span_text(call->caller->organisation);
    bool has_validator = false;
    for (uint32_t i = 0; i < c->validator_count; i++)
        if (span_equal(c->nodes[i].organisation, organisation)) has_validator = true;
    if (call->caller->is_admin && has_validator) return ST_OK;
    diag_set(call->diag, "42501",
             "only an administrator of an organisation with a validator may do this");
    return ST_REJECTED;
}

/* G3. */
static enum status judge(struct motion *m)
{
    struct module_call *call = m->call;
    m->after = arena_alloc_zero(call->arena, 1, sizeof *m->after);
    m->preflight = arena_alloc_zero(call->arena, 1, sizeof *m->preflight);
    if (m->after == NULL || m->preflight == NULL) return ST_NO_MEMORY;
    TRY(change_apply(m->after, call->config, &m->change, call->arena, call->diag));
    preflight_make(m->preflight, call->config, m->after);
    if (change_takes_card(m->change.kind)) TRY(check_accounts(m, false));
    if (!m->preflight->is_unsafe || m->is_forced) return ST_OK;
    for (uint32_t i = 0; i < m->preflight->warning_count; i++) {
        const struct preflight_warning *w = &m->preflight->warnings[i];
        if (!w->is_unsafe) continue;
        diag_set(call->diag, "55000", "this change is unsafe: %s", w->text);
        break;
    }
    diag_hint(call->diag, "Call it with force => true to take the risk.");
    return ST_REJECTED;
}

/* The same change has the same subject and value, whoever calls it. */
static enum status make_canonical(struct motion *m)
{
    m->subject = m->change.subject;
    m->value = m->change.value;
    if (!change_takes_card(m->change.kind)) return ST_OK;
    struct card *card = NULL;
    struct buf text;
    TRY(change_card(&card, &m->change, m->call->arena, m->call->diag));
    buf_init(&text, m->call->arena->mem, 0);
    card_print(card, &text);
    enum status st = buf_status(&text);
    if (st == ST_OK) {
        m->subject = span_text(card->node);
        m->value = arena_copy(m->call->arena, buf_span(&text));
        if (m->value.data == NULL) st = ST_NO_MEMORY;
    }
    buf_fini(&text);
    return st;
}

static enum status name_taken(struct motion *m, const struct card_account *a)
{
    diag_set(m->call->diag, "42710", "account \"%s\" of the card or its key exists already",
             a->name);
    diag_hint(m->call->diag, "Accounts of other organisations keep their names and keys.");
    return ST_REJECTED;
}

/* ST_OK: the very account exists; ST_NOT_FOUND: name and key are free. */
static enum status find_account(struct motion *m,
                                const struct card *card,
                                const struct card_account *a)
{
    struct account found;
    const struct account_id address = account_id_of(&a->key);
    enum status st = account_by_address(m->call->writer, &address, &found);
    if (st == ST_OK) {
        bool is_same = strcmp(found.name, a->name) == 0 && !found.is_closed &&
                       strcmp(found.organisation, card->organisation) == 0;
        return is_same ? ST_OK : name_taken(m, a);
    }
    if (st != ST_NOT_FOUND) return st;
    st = account_by_name(m->call->writer, span_text(a->name), &found);
    return st == ST_OK ? name_taken(m, a) : st;
}

static enum status add_account(struct motion *m,
                               const struct card *card,
                               const struct card_account *a)
{
    struct account account = {.key = a->key, .is_admin = a->is_admin};
    memcpy(account.name, a->name, sizeof a->name);
    memcpy(account.organisation, card->organisation, sizeof card->organisation);
    if (a->is_kept) memcpy(account.custodian, card->organisation, sizeof card->organisation);
    enum status st = accounts_add(m->call->accounts, &account, m->call->height);
    must(st != ST_EXISTS); /* find_account has looked. */
    return st;
}

/* The accounts of a card are those that speak for its organisation. They are made when the change
 * is decided, unless they exist. */
static enum status check_accounts(struct motion *m, bool is_decided)
{
    struct card *card = NULL;
    TRY(change_card(&card, &m->change, m->call->arena, m->call->diag));
    if (public_key_check(m->call->signer, &card->node_key) != ST_OK) {
        diag_set(m->call->diag, "22023", "the node key of the card is no public key");
        return ST_REJECTED;
    }
    if (m->change.kind == CHANGE_ROTATE_KEY) return ST_OK; /* A node's key alone. */
    for (uint32_t i = 0; i < card->account_count; i++) {
        const struct card_account *a = &card->accounts[i];
        if (public_key_check(m->call->signer, &a->key) != ST_OK) {
            diag_set(m->call->diag, "22023", "the key of account \"%s\" is no public key", a->name);
            return ST_REJECTED;
        }
        enum status st = find_account(m, card, a);
        if (st == ST_NOT_FOUND) st = is_decided ? add_account(m, card, a) : ST_OK;
        TRY(st);
    }
    return ST_OK;
}

/* --- rows ------------------------------------------------------------------------------------ */

static uint64_t block_us(const struct module_call *call)
{
    return (call->time_ms - EPOCH_2000_MS) * 1000;
}

static enum status expire(struct module_call *call)
{
    const struct field f = field_int(block_us(call));
    return cursor_run(call->writer,
                      "UPDATE \"trustsql.proposals\" SET state = 'expired' "
                      "WHERE state = 'open' AND expires <= ?1",
                      &f, 1);
}

/* G2. *is_decided: it waits for the next epoch, and needs no vote any more. */
static enum status find_same(struct motion *m, bool *is_decided)
{
    struct cursor r;
    const struct field f[] = {field_text(span_text(change_kind_name(m->change.kind))),
                              field_text(m->subject), field_text(m->value),
                              field_int(m->call->config->epoch + 1)};
    enum status st = cursor_begin(&r, m->call->writer,
                                  "SELECT id, state = 'decided' FROM \"trustsql.proposals\" "
                                  "WHERE change = ?1 AND subject = ?2 AND value = ?3 "
                                  "AND (state = 'open' OR state = 'decided' AND epoch = ?4) "
                                  "ORDER BY id DESC LIMIT 1",
                                  f, 4);
    if (st == ST_OK) st = cursor_next(&r);
    if (st == ST_OK) {
        m->id = cursor_int(&r, 0);
        *is_decided = cursor_int(&r, 1) != 0;
    }
    cursor_end(&r);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

/* The new proposal's id, and how many its organisation has open. */
static enum status next_id(struct motion *m, uint64_t *open_count)
{
    struct cursor r;
    const struct field f = field_text(span_text(m->call->caller->organisation));
    enum status st = cursor_begin(
        &r, m->call->writer,
        "SELECT (SELECT coalesce(max(id), 0) + 1 FROM \"trustsql.proposals\"), count(*) "
        "FROM \"trustsql.proposals\" WHERE state = 'open' AND organisation = ?1",
        &f, 1);
    if (st == ST_OK) st = cursor_next(&r);
    if (st == ST_OK) {
        m->id = cursor_int(&r, 0);
        *open_count = cursor_int(&r, 1);
    }
    cursor_end(&r);
    return st;
}

static enum status add_proposal(struct motion *m)
{
    const struct module_call *call = m->call;
    uint64_t open_count = 0;
    TRY(next_id(m, &open_count));
    if (open_count >= GOVERNANCE_OPEN_MAX) {
        diag_set(call->diag, "54000", "organisation \"%s\" has %u open proposals",
                 call->caller->organisation, GOVERNANCE_OPEN_MAX);
        diag_hint(call->diag, "Withdraw one: CALL trustsql.withdraw(id).");
        return ST_REJECTED;
    }
    const struct field f[] = {field_int(m->id),
                              field_text(span_text(change_kind_name(m->change.kind))),
                              field_text(m->subject),
                              field_text(m->value),
                              field_int(m->is_forced ? 1 : 0),
                              field_text(span_text(call->caller->organisation)),
                              field_text(span_text(call->caller->name)),
                              field_int(call->height),
                              field_int(block_us(call) + GOVERNANCE_LIFE_MS * 1000)};
    return cursor_run(call->writer,
                      "INSERT INTO \"trustsql.proposals\"(id, change, subject, value, is_forced, "
                      "organisation, account, height, expires, state, epoch) "
                      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'open', NULL)",
                      f, 9);
}

/* A second vote of an organisation changes nothing but may decide: others may have left. */
static enum status add_vote(struct motion *m)
{
    const struct module_call *call = m->call;
    const struct field f[] = {field_int(m->id), field_text(span_text(call->caller->organisation)),
                              field_text(span_text(call->caller->name)), field_int(call->height)};
    TRY(cursor_run(call->writer,
                   "INSERT INTO \"trustsql.votes\"(proposal, organisation, account, height) "
                   "VALUES(?1, ?2, ?3, ?4) ON CONFLICT(proposal, organisation) DO NOTHING",
                   f, 4));
    if (!m->is_forced) return ST_OK;
    return cursor_run(call->writer,
                      "UPDATE \"trustsql.proposals\" SET is_forced = 1 "
                      "WHERE id = ?1 AND is_forced = 0",
                      f, 1);
}

/* Of the organisations that have a validator now. */
static enum status count_votes(struct motion *m, uint32_t *votes)
{
    const struct chain_config *c = m->call->config;
    uint32_t first[NODES_MAX];
    const uint32_t count = preflight_organisations(c, first);
    const struct field f = field_int(m->id);
    struct cursor r;
    *votes = 0;
    enum status st =
        cursor_begin(&r, m->call->writer,
                     "SELECT organisation FROM \"trustsql.votes\" WHERE proposal = ?1", &f, 1);
    while (st == ST_OK && (st = cursor_next(&r)) == ST_OK)
        for (uint32_t i = 0; i < count; i++)
            if (span_equal(c->nodes[first[i]].organisation, cursor_bytes(&r, 0))) (*votes)++;
    cursor_end(&r);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status close_proposal(struct motion *m, const char *state, uint64_t epoch)
{
    const struct field none = {0};
    const struct field f[] = {field_int(m->id), field_text(span_text(state)),
                              epoch == 0 ? none : field_int(epoch)};
    return cursor_run(m->call->writer,
                      "UPDATE \"trustsql.proposals\" SET state = ?2, epoch = ?3 WHERE id = ?1", f,
                      3);
}

static enum status check_none_pending(struct motion *m)
{
    struct chain_epoch pending;
    enum status st =
        chain_epoch_at(m->call->writer, m->call->arena, m->call->config->epoch + 1, &pending);
    if (st == ST_NOT_FOUND) return ST_OK;
    TRY(st);
    diag_set(m->call->diag, "55006",
             "another change is decided and takes effect with epoch %" PRIu64, pending.epoch);
    diag_hint(m->call->diag,
              "Call this again when that epoch has begun: SELECT epoch, first_height "
              "FROM trustsql.epochs.");
    return ST_REJECTED;
}

static enum status decide(struct motion *m)
{
    struct module_call *call = m->call;
    uint8_t bytes[CAUSE_MAX];
    struct buf cause;
    TRY(check_none_pending(m)); /* G4 */
    if (change_takes_card(m->change.kind)) TRY(check_accounts(m, true));
    if (m->change.kind == CHANGE_REINSTATE) {
        uint32_t index = chain_config_find(m->after, m->subject);
        must(index < m->after->validator_count);
        TRY(chain_pardon(call->writer, &m->after->nodes[index]));
    }
    buf_init_fixed(&cause, bytes, sizeof bytes);
    buf_printf(&cause, "%s ", change_kind_name(m->change.kind));
    buf_put(&cause, m->subject);
    must(buf_status(&cause) == ST_OK); /* A name that is known is short. */
    TRY(chain_epoch_decide(call->writer, m->after, buf_span(&cause), call->height));
    TRY(tell_decided(m));
    return close_proposal(m, "decided", m->after->epoch);
}

static enum status tell_decided(struct motion *m)
{
    struct buf notice;
    buf_init_fixed(&notice, m->call->notice, sizeof m->call->notice - 1);
    buf_printf(&notice, "decided: takes effect with epoch %" PRIu64, m->after->epoch);
    must(buf_status(&notice) == ST_OK);
    m->call->notice[notice.size] = 0;
    return ST_OK;
}

static enum change_kind kind_of(struct span name)
{
    enum change_kind kind = CHANGE_SET;
    while (kind < CHANGE_KINDS && !span_equal(span_text(change_kind_name(kind)), name))
        kind = (enum change_kind)(kind + 1);
    return kind;
}

static enum status take_proposal(struct motion *m, const struct cursor *r)
{
    struct arena *a = m->call->arena;
    m->change.kind = kind_of(cursor_bytes(r, 0));
    if (m->change.kind == CHANGE_KINDS) return ST_CORRUPT;
    m->subject = arena_copy(a, cursor_bytes(r, 1));
    m->value = arena_copy(a, cursor_bytes(r, 2));
    if (m->subject.data == NULL || m->value.data == NULL) return ST_NO_MEMORY;
    m->is_forced = cursor_int(r, 3) != 0;
    m->change.subject = change_takes_card(m->change.kind) ? m->value : m->subject;
    m->change.value = m->value;
    return ST_OK;
}

static enum status read_proposal(struct motion *m, uint64_t id)
{
    const struct field f = field_int(id);
    struct cursor r;
    m->id = id;
    enum status st = cursor_begin(&r, m->call->writer,
                                  "SELECT change, subject, value, is_forced "
                                  "FROM \"trustsql.proposals\" WHERE id = ?1 AND state = 'open'",
                                  &f, 1);
    if (st == ST_OK) st = cursor_next(&r);
    if (st == ST_OK) st = take_proposal(m, &r);
    cursor_end(&r);
    if (st != ST_NOT_FOUND) return st;
    diag_set(m->call->diag, "42704", "there is no open proposal %" PRId64, (int64_t)id);
    diag_hint(m->call->diag, "SELECT id, change, subject, state FROM trustsql.proposals.");
    return ST_REJECTED;
}
