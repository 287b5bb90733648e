/* proxy_write.c - A transaction: built and signed here, sent to one node, then to f + 1 more when
 * it is slow or lies, and believed when a proof says what became of it (consensus.md 1.20).
 *
 * The rows that it returned are believed when their hash is that of the receipt; names and types of
 * their columns when f + 1 nodes describe the statement so. Everything else a node says about a
 * transaction is a hint. */
#include <stdio.h>

#include "base/hex.h"
#include "base/must.h"
#include "cmd/proxy_int.h"
#include "ledger/tx.h"

#define VALID_MS     UINT64_C(300000)
#define VALID_BLOCKS 60000u
#define SUBMIT_SQL   "SELECT * FROM trustsql.submit($1::bytea, true)"
#define RECEIPT_SQL  "SELECT proof, reply FROM trustsql.receipts WHERE txid = $1"
#define COMPLAIN_SQL "SELECT * FROM trustsql.complain('TIMEOUT', $1::bytea)"
#define SUBMIT_PROOF 4
#define SUBMIT_ROWS  5
#define SUBMIT_REPLY 6

struct fate { /* Of one transaction, as far as is known. */
    struct proxy_call *call;
    struct hash txid;
    struct buf bytes;
    struct proxy_proof proven;
    bool is_proven;
    struct span proof;
    struct exec_rows *ops; /* Null: no node gave what it returned. */
    uint32_t op_count;
    uint32_t seen;       /* Mask: answers of this round that were looked at. */
    uint32_t liars;      /* Mask: not asked again. */
    uint32_t refused;    /* Mask. */
    struct diag refusal; /* Of the newest. */
    struct hash refusals[PROXY_NODES_MAX];
};

static enum status build(struct fate *f, const struct proxy_statement *statements, uint32_t count);
static void send_all(struct fate *f);
static void say(struct fate *f, const struct proxy_statement *statements, uint32_t count);

/* --- building ----------------------------------------------------------------------------------
 */

static enum status put_params(struct proxy_call *c, struct tx_op *op)
{
    op->param_count = c->param_count;
    op->params = arena_alloc_zero(&c->arena, c->param_count + 1u, sizeof *op->params);
    if (op->params == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < c->param_count; i++) {
        struct buf item;
        buf_init(&item, c->session->proxy->mem, TX_BYTES_MAX);
        sql_value_to_cbor(&item, &c->params[i]);
        enum status st = buf_status(&item);
        if (st == ST_OK) {
            op->params[i].type = (uint32_t)c->params[i].type;
            op->params[i].value = arena_copy(&c->arena, buf_span(&item));
            if (op->params[i].value.data == NULL) st = ST_NO_MEMORY;
        }
        buf_fini(&item);
        TRY(st);
    }
    return ST_OK;
}

static enum status sign(struct proxy *p, struct tx *tx)
{
    TRY(tx_hash(tx));
    struct secret_key secret = {.scheme = p->key.scheme};
    memcpy(secret.bytes, p->key.secret, sizeof secret.bytes);
    enum status st = sign_hash(p->trust.signer, &tx->signatures[0], &secret, &tx->txid);
    mem_wipe(&secret, sizeof secret);
    return st;
}

static enum status build(struct fate *f, const struct proxy_statement *statements, uint32_t count)
{
    struct proxy_call *c = f->call;
    struct proxy *p = c->session->proxy;
    struct signature signature;
    struct tx_op *ops = arena_alloc_zero(&c->arena, count, sizeof *ops);
    if (ops == NULL) return ST_NO_MEMORY;
    struct tx tx = {.chain_id = p->trust.chain_id,
                    .ledger = span_text("main"),
                    .account = p->account,
                    .idempotency_key = settings_key(&c->session->settings),
                    .valid_until_ms = p->os->wall_ms(p->os) + VALID_MS,
                    .valid_until_height = atomic_load(&p->height) + VALID_BLOCKS,
                    .ops = ops,
                    .op_count = count,
                    .signers = &p->account_key,
                    .signatures = &signature,
                    .signer_count = 1};
    p->os->entropy(p->os, &tx.nonce, sizeof tx.nonce);
    p->os->entropy(p->os, tx.secret, sizeof tx.secret);
    for (uint32_t i = 0; i < count; i++) {
        ops[i].kind = TX_OP_SQL;
        ops[i].text = statements[i].text;
        if (c->param_count > 0) TRY(put_params(c, &ops[i]));
    }
    enum status st = sign(p, &tx);
    if (st == ST_OK) tx_encode(&tx, &f->bytes);
    mem_wipe(tx.secret, sizeof tx.secret);
    f->txid = tx.txid;
    return st == ST_OK ? buf_status(&f->bytes) : st;
}

/* --- what nodes answer -------------------------------------------------------------------------
 */

static struct span cell(const PGresult *r, int column)
{
    if (PQgetisnull(r, 0, column) == 1) return span_of(NULL, 0);
    return span_of(PQgetvalue(r, 0, column), (size_t)PQgetlength(r, 0, column));
}

static void note_lie(struct fate *f, uint32_t i, const char *what)
{
    f->liars |= 1u << i;
    proxy_say_lie(f->call, f->call->session->links[i].node, "%s", what);
}

/* Rows are what the receipt says, or the node lied; none at all is no lie. */
static void take_results(struct fate *f, uint32_t i, struct span bytes)
{
    struct proxy_call *c = f->call;
    struct exec_rows *ops;
    uint32_t count = 0;
    const struct receipt *receipt = &f->proven.receipt;
    if (bytes.size == 0 || f->ops != NULL || receipt->status != RECEIPT_OK) return;
    struct span kept = arena_copy(&c->arena, bytes);
    if (kept.data == NULL) return;
    if (results_decode(&ops, &count, &c->arena, kept) != ST_OK || count != receipt->op_count) {
        note_lie(f, i, "what it says was returned is malformed");
        return;
    }
    for (uint32_t k = 0; k < count; k++) {
        struct hash hash = {{0}};
        if (ops[k].column_count > 0) hash = hash_of("rows", ops[k].rows);
        if (hash_equal(&hash, &receipt->ops[k].result_hash)) continue;
        note_lie(f, i, "the rows it gave are not those that the receipt proves");
        return;
    }
    f->ops = ops;
    f->op_count = count;
}

static bool take_proof(struct fate *f, uint32_t i, struct span bytes)
{
    struct proxy_call *c = f->call;
    if (bytes.size == 0) return false;
    if (f->is_proven) return true;
    enum status st =
        proxy_trust_proof(&c->session->proxy->trust, &c->arena, bytes, &f->txid, &f->proven);
    if (st == ST_OK) {
        f->is_proven = true;
        f->proof = arena_copy(&c->arena, bytes);
        return true;
    }
    if (st != ST_NO_MEMORY) note_lie(f, i, f->proven.what);
    return false;
}

static void take_refusal(struct fate *f, uint32_t i, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (state != NULL && strcmp(state, "TQ003") == 0) return; /* Known there: a proof will come. */
    if (!proxy_answer_hash(r, &f->refusals[i])) return;
    f->refused |= 1u << i;
    proxy_answer_diag(r, &f->refusal);
}

/* What a node answered to SUBMIT_SQL or RECEIPT_SQL. */
static void take(struct fate *f, uint32_t i, const PGresult *r)
{
    bool is_submit = PQnfields(r) == SUBMIT_REPLY + 1;
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        take_refusal(f, i, r);
        return;
    }
    if (PQntuples(r) != 1 || (!is_submit && PQnfields(r) != 2)) return;
    if (!take_proof(f, i, cell(r, is_submit ? SUBMIT_PROOF : 0))) return;
    if (is_submit) take_results(f, i, cell(r, SUBMIT_ROWS));
    proxy_judge_reply(f->call, i, &f->proven, cell(r, is_submit ? SUBMIT_REPLY : 1), f->proof);
}

/* f + 1 nodes refuse it for one reason: it is true of one honest node at least. */
static bool is_refused(const struct fate *f)
{
    uint32_t needed = proxy_trust_equal(&f->call->session->proxy->trust);
    for (uint32_t i = 0; i < PROXY_NODES_MAX; i++) {
        uint32_t equal = 0;
        for (uint32_t k = 0; k < PROXY_NODES_MAX && (f->refused >> i & 1u) != 0; k++)
            if ((f->refused >> k & 1u) != 0 && hash_equal(&f->refusals[i], &f->refusals[k]))
                equal++;
        if (equal >= needed) return true;
    }
    return false;
}

static bool is_settled(struct proxy_round *r, void *context)
{
    struct fate *f = context;
    for (uint32_t i = 0; i < PROXY_NODES_MAX; i++) {
        uint32_t bit = 1u << i;
        if ((r->answered & bit) == 0 || (f->seen & bit) != 0) continue;
        f->seen |= bit;
        take(f, i, r->results[i]);
    }
    return f->is_proven || is_refused(f);
}

/* --- sending -----------------------------------------------------------------------------------
 */

static uint64_t now_of(const struct proxy *p)
{
    return p->os->monotonic_ns(p->os) / 1000000u;
}

/* The node of the leader, as proven headers name it, else the first that is there. */
static uint32_t first_choice(struct proxy *p)
{
    mutex_lock(p->mutex);
    const struct public_key leader = p->leader;
    mutex_unlock(p->mutex);
    for (uint32_t i = 0; i < p->node_count && leader.scheme != 0; i++) {
        const struct public_key key = proxy_node_key(p, &p->nodes[i]);
        if (public_key_equal(&key, &leader)) return i;
    }
    return 0;
}

/* f + 1 that were not asked, or all that do not lie when there are not so many. */
static uint32_t more(const struct fate *f, uint32_t asked)
{
    const struct proxy *p = f->call->session->proxy;
    uint32_t needed = proxy_trust_equal(&p->trust);
    uint32_t mask = 0;
    for (uint32_t i = 0; i < p->node_count && needed > 0; i++) {
        if (((asked | f->liars) >> i & 1u) != 0) continue;
        mask |= 1u << i;
        needed--;
    }
    if (mask != 0) return mask;
    for (uint32_t i = 0; i < p->node_count; i++)
        if ((f->liars >> i & 1u) == 0) mask |= 1u << i;
    return mask;
}

static struct proxy_round round_of(struct fate *f, const char *text, uint32_t mask)
{
    return (struct proxy_round){.session = f->call->session,
                                .mask = mask,
                                .ask = {.text = text, .value_count = 1, .is_binary = true},
                                .enough = is_settled,
                                .context = f};
}

/* One statement with one binary value to the nodes of mask. False: cancelled. */
static bool ask(struct fate *f, const char *text, uint32_t mask, uint32_t limit_ms)
{
    struct span value = strcmp(text, RECEIPT_SQL) == 0 ? hash_span(&f->txid) : buf_span(&f->bytes);
    const char *const values[1] = {(const char *)value.data};
    const int lengths[1] = {(int)value.size};
    const int formats[1] = {1};
    const Oid types[1] = {(Oid)SQL_BYTEA};
    struct proxy_round r = round_of(f, text, mask);
    r.ask.types = types;
    r.ask.values = values;
    r.ask.lengths = lengths;
    r.ask.formats = formats;
    r.limit_ms = limit_ms;
    f->seen = 0;
    if (strcmp(text, COMPLAIN_SQL) == 0) r.enough = NULL;
    proxy_round_run(&r);
    if (r.enough != NULL) (void)is_settled(&r, f);
    bool was_cancelled = r.was_cancelled;
    proxy_round_fini(&r);
    return !was_cancelled;
}

/* The submitted transaction goes on whether its client waits or not. */
static void send_all(struct fate *f)
{
    struct proxy *p = f->call->session->proxy;
    uint64_t until = now_of(p) + PROXY_FINAL_MS;
    uint32_t first = first_choice(p);
    uint32_t asked = 1u << first;
    bool goes_on = ask(f, SUBMIT_SQL, asked, p->request_ms);
    while (goes_on && !f->is_proven && !is_refused(f) && now_of(p) < until) {
        uint32_t mask = more(f, asked);
        if (mask == 0) break;
        if ((asked & mask) == 0 && f->refused == 0 && (f->liars >> first & 1u) == 0)
            (void)ask(f, COMPLAIN_SQL, mask, p->request_ms); /* They arm their own timers. */
        asked |= mask;
        goes_on = ask(f, SUBMIT_SQL, mask, p->request_ms);
        if (goes_on && !f->is_proven) goes_on = ask(f, RECEIPT_SQL, mask, p->request_ms);
    }
}

/* --- telling -----------------------------------------------------------------------------------
 */

static const char *tag_of(const struct proxy_statement *s, bool *has_count)
{
    static const char *const counted[][2] = {
        {"INSERT", "INSERT 0"}, {"UPDATE", "UPDATE"}, {"DELETE", "DELETE"}, {"SELECT", "SELECT"}};
    *has_count = true;
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        if (strcmp(s->word, counted[i][0]) == 0) return counted[i][1];
    *has_count = false;
    return s->word;
}

/* A tag is the node's word: believed as far as it begins like the statement. */
static bool is_tag_of(const struct exec_rows *op, const struct proxy_statement *s)
{
    size_t size = strlen(s->word);
    if (strcmp(s->word, "WITH") == 0 || strcmp(s->word, "VALUES") == 0 ||
        strcmp(s->word, "TABLE") == 0)
        return strcmp(op->tag, "SELECT") == 0 || strncmp(op->tag, "INSERT", 6) == 0;
    return strncmp(op->tag, s->word, size) == 0 && strlen(op->tag) < 40;
}

/* Names and types as f + 1 nodes describe them. False: they cannot be had. */
static bool is_described(struct fate *f, const struct proxy_statement *s, struct exec_rows *op)
{
    struct diag d;
    struct proxy_call *c = f->call;
    struct proxy_ask a = {.text = (const char *)s->text.data, .is_describe = true};
    PGresult *r = proxy_describe(c->session, &a, NULL, &d);
    bool is_equal = r != NULL && PQnfields(r) == (int)op->column_count;
    for (uint32_t k = 0; is_equal && k < op->column_count; k++) {
        const struct sql_column *column = &op->columns[k];
        Oid type = PQftype(r, (int)k) == 1043 ? (Oid)SQL_TEXT : PQftype(r, (int)k);
        is_equal = span_equal(column->name, span_text(PQfname(r, (int)k))) &&
                   (Oid)column->type == type && column->typmod == PQfmod(r, (int)k);
    }
    PQclear(r);
    return is_equal;
}

static void say_operation(struct fate *f, const struct proxy_statement *s, uint32_t k)
{
    struct diag d;
    const struct op_result *proven = &f->proven.receipt.ops[k];
    struct exec_rows *op = f->ops == NULL ? NULL : &f->ops[k];
    bool has_count = false;
    const char *tag = tag_of(s, &has_count);
    if (op != NULL && is_tag_of(op, s)) {
        tag = op->tag;
        has_count = op->tag_has_count;
    }
    if (op != NULL && op->notice != NULL) {
        diag_set(&d, "00000", "%s", op->notice);
        proxy_say_notice(f->call, &d);
    }
    if (op != NULL && op->column_count > 0 && is_described(f, s, op)) {
        proxy_say_rows(f->call, op);
    } else if (!hash_is_zero(&proven->result_hash)) {
        diag_set(&d, "01000", "the statement was executed, but no node gave the rows it returned");
        diag_hint(&d, "Read them with SELECT.");
        proxy_say_notice(f->call, &d);
    }
    proxy_say_complete(f->call, tag, has_count, proven->row_count);
}

static void say(struct fate *f, const struct proxy_statement *statements, uint32_t count)
{
    struct proxy_call *c = f->call;
    const struct receipt *receipt = &f->proven.receipt;
    struct diag d;
    if (!f->is_proven && is_refused(f)) {
        proxy_say_failure(c, &f->refusal);
        return;
    }
    if (!f->is_proven) {
        char txid[2 * HASH_SIZE + 1];
        hex_encode(txid, hash_span(&f->txid));
        diag_set(&d, "40003", "no node proves what became of the transaction");
        diag_detail(&d, "Its txid is %s.", txid);
        diag_hint(&d, "It may still be executed within five minutes: look for the txid in "
                      "trustsql.transactions.");
        proxy_say_failure(c, &d);
        return;
    }
    if (receipt->status == RECEIPT_FAILED) {
        d = receipt->diag;
        if (d.position > 0 && receipt->failed_op < count)
            d.position += statements[receipt->failed_op].position;
        proxy_say_failure(c, &d);
        return;
    }
    for (uint32_t k = 0; k < count && k < receipt->op_count; k++)
        say_operation(f, &statements[k], k);
}

static void note_leader(struct proxy *p, const struct public_key *proposer)
{
    mutex_lock(p->mutex);
    p->leader = *proposer;
    mutex_unlock(p->mutex);
}

void proxy_write(struct proxy_call *c, const struct proxy_statement *statements, uint32_t count)
{
    struct proxy *p = c->session->proxy;
    struct fate f = {.call = c};
    struct diag d;
    uint64_t height = atomic_load(&p->height);
    if (height == 0 && !proxy_read_height(c, &height, &d)) { /* For the span of validity. */
        proxy_say_failure(c, &d);
        return;
    }
    buf_init(&f.bytes, p->mem, TX_BYTES_MAX);
    enum status st = build(&f, statements, count);
    if (st != ST_OK) {
        diag_set(&d, st == ST_LIMIT ? "54000" : "53200", "the transaction cannot be made: %s",
                 status_text(st));
        proxy_say_failure(c, &d);
    } else {
        send_all(&f);
        if (f.is_proven) {
            note_leader(p, &f.proven.proposer);
            if (f.proven.receipt.height > atomic_load(&p->height))
                atomic_store(&p->height, f.proven.receipt.height);
            proxy_judge(c, &f.proven, f.proof);
        }
        say(&f, statements, count);
    }
    buf_fini(&f.bytes);
}
