/* Cards of guests at the doors: each becomes `CALL trustsql.add_observer(card)` in the name of the
 * administrator who invited, in a session of its own; the guest hears what the chain says.
 *
 * J1 a guest's card is proposed only when its node key is the one that the guest has proved.
 * J2 an invitation serves one key: it is marked when its card was accepted. */
#include <stdio.h>

#include "base/must.h"
#include "ledger/card.h"
#include "node/guests.h"
#include "node/local_int.h"
#include "node/node.h"

struct join {
    struct join *next;
    struct local *local;
    struct flow_guest *guest;
    struct backend_session *session; /* Null: it did not come so far. */
    struct invitation_kept kept;
    bool is_done;
    bool has_failed;
    char said[WIRE_SAID_MAX];
};

static void add_text(struct join *j, const char *text)
{
    const size_t used = strlen(j->said);
    (void)snprintf(j->said + used, sizeof j->said - used, "%s%s", used > 0 ? "; " : "", text);
    while (j->said[0] != 0 && ((uint8_t)j->said[strlen(j->said) - 1] & 0xC0u) == 0x80u &&
           strlen(j->said) + 1 == sizeof j->said)
        j->said[strlen(j->said) - 1] = 0; /* Not in the middle of a character. */
}

/* The last of them is what became of it; the others are the preflight, which is the inviter's. */
static void on_diag(void *context, const struct diag *d)
{
    struct join *j = context;
    j->said[0] = 0;
    add_text(j, d->message);
}

/* Who belongs to the chain already is as welcome as before. */
static void on_failed(void *context, const struct diag *d)
{
    struct join *j = context;
    j->has_failed = strcmp(d->sqlstate, "42710") != 0;
    add_text(j, d->message);
    if (d->hint[0] != 0) add_text(j, d->hint);
}

static void on_columns(void *context, const struct sql_column *columns, uint32_t count)
{
    (void)context;
    (void)columns;
    (void)count;
}

static void on_rows(void *context,
                    const struct sql_column *columns,
                    uint32_t count,
                    struct span rows,
                    uint64_t row_count)
{
    on_columns(context, columns, count);
    (void)rows;
    (void)row_count;
}

static void on_complete(void *context, const char *tag, bool has_count, uint64_t count)
{
    (void)context;
    (void)tag;
    (void)has_count;
    (void)count;
}

static void on_done(void *context)
{
    ((struct join *)context)->is_done = true;
}

static void give_up(struct join *j, const char *text)
{
    j->has_failed = true;
    j->is_done = true;
    add_text(j, text);
}

static void call(struct join *j)
{
    struct local *l = j->local;
    const enum sql_type type = SQL_TEXT;
    const struct sql_value value = {.type = SQL_TEXT, .bytes = buf_span(&j->guest->card)};
    const struct backend_call wanted = {.text = span_text("CALL trustsql.add_observer($1)"),
                                        .param_types = &type,
                                        .params = &value,
                                        .param_count = 1,
                                        .is_single = true};
    const struct backend_reply reply = {.columns = on_columns,
                                        .rows = on_rows,
                                        .complete = on_complete,
                                        .notice = on_diag,
                                        .failed = on_failed,
                                        .done = on_done,
                                        .context = j};
    l->backend.table->execute(&l->backend, j->session, &wanted, &reply);
}

static void begin(struct join *j)
{
    struct local *l = j->local;
    struct card card;
    char what[CARD_WHAT_MAX];
    struct diag d = {0};
    if (invitations_get(&l->config.invitations, &j->guest->invitation, &j->kept) != ST_OK) {
        give_up(j, "the invitation is withdrawn");
    } else if (card_parse(&card, buf_span(&j->guest->card), what) != ST_OK) {
        give_up(j, what);
    } else if (!public_key_equal(&card.node_key, &j->guest->key)) { /* J1 */
        give_up(j, "the card is that of another node");
    } else if (l->backend.table->session_open(&l->backend, &j->session, span_text(j->kept.account),
                                              span_text("main"), &d) != ST_OK) {
        give_up(j, d.message);
    } else {
        call(j);
    }
}

void join_begin(struct local *l, struct flow_guest *guest)
{
    struct join *j = mem_alloc_zero(l->config.mem, 1, sizeof *j);
    if (j == NULL) {
        flow_guest_free(guest); /* The guest asks again. */
        return;
    }
    j->local = l;
    j->guest = guest;
    j->next = l->joins;
    l->joins = j;
    begin(j);
}

static void encode_welcome(struct join *j)
{
    struct local *l = j->local;
    struct buf genesis;
    buf_init(&genesis, l->config.mem, NODE_GENESIS_SIZE_MAX);
    struct wire_message *m = mem_alloc_zero(l->config.mem, 1, sizeof *m);
    enum status st = node_genesis_read(l->config.os, l->config.invitations.dir, &genesis);
    if (st == ST_OK && m != NULL) {
        m->kind = WIRE_WELCOME;
        m->welcome = (struct wire_welcome){.genesis = buf_span(&genesis),
                                           .is_accepted = !j->has_failed,
                                           .said = span_text(j->said)};
        wire_encode(&j->guest->answer, m);
    }
    mem_free(l->config.mem, m);
    buf_fini(&genesis);
}

/* J2. A mark that cannot be written keeps the invitation open until it expires: no harm. */
static void mark(struct join *j)
{
    if (j->has_failed) return;
    j->kept.is_used = true;
    j->kept.node_key = j->guest->key;
    (void)!invitations_put(&j->local->config.invitations, &j->guest->invitation, &j->kept);
}

static void finish(struct join *j)
{
    struct local *l = j->local;
    if (j->session != NULL) l->backend.table->session_close(&l->backend, j->session);
    mark(j);
    encode_welcome(j);
    if (j->guest->answer.size == 0 || replica_guest(l->config.replica, j->guest) != ST_OK)
        flow_guest_free(j->guest);
    mem_free(l->config.mem, j);
}

void joins_sweep(struct local *l)
{
    struct join **at = &l->joins;
    while (*at != NULL) {
        struct join *j = *at;
        if (!j->is_done) {
            at = &j->next;
            continue;
        }
        *at = j->next;
        finish(j);
    }
}
