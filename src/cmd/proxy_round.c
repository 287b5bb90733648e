/* proxy_round.c - The same question to several nodes at once, until enough have answered. */
#include <poll.h>
#include <stdio.h>

#include "base/must.h"
#include "cmd/proxy_int.h"

#define POLL_MS_MAX 50 /* How late a cancel is noticed. */
#define BEHIND_MS   5u /* Until a node that is behind is asked again. */

enum stage { STAGE_WAIT, STAGE_HEIGHT, STAGE_PREPARE, STAGE_ASK, STAGE_DONE };

struct turn { /* What has become of the round at each link. */
    enum stage stages[PROXY_NODES_MAX];
    uint64_t again_ms[PROXY_NODES_MAX]; /* Ask again then: the height is not there yet. */
    uint32_t left;                      /* Mask of those that may still answer. */
    uint32_t late; /* Mask: they owe an answer from before: not worth a grace. */
};

static uint64_t now_of(const struct proxy *p)
{
    return p->os->monotonic_ns(p->os) / 1000000u;
}

static bool send_height(struct proxy_link *l, uint64_t height)
{
    char text[64];
    (void)snprintf(text, sizeof text, "SET trustsql.read_height = %llu",
                   (unsigned long long)height);
    return PQsendQuery(l->pg, text) == 1;
}

static bool send_ask(struct proxy_link *l, const struct proxy_ask *a)
{
    return PQsendQueryParams(l->pg, a->text, a->value_count, a->types, a->values, a->lengths,
                             a->formats, a->is_binary ? 1 : 0) == 1;
}

/* Send what comes next at a link that is ready. */
static void advance(struct proxy_round *r, struct turn *t, uint32_t i)
{
    struct proxy_link *l = &r->session->links[i];
    bool is_sent = false;
    if (t->stages[i] == STAGE_WAIT && l->read_height != r->read_height) {
        is_sent = send_height(l, r->read_height);
        t->stages[i] = STAGE_HEIGHT;
    } else if (r->ask.is_describe && t->stages[i] < STAGE_PREPARE) {
        is_sent = PQsendPrepare(l->pg, "", r->ask.text, r->ask.value_count, r->ask.types) == 1;
        t->stages[i] = STAGE_PREPARE;
    } else if (r->ask.is_describe) {
        is_sent = PQsendDescribePrepared(l->pg, "") == 1;
        t->stages[i] = STAGE_ASK;
    } else {
        is_sent = send_ask(l, &r->ask);
        t->stages[i] = STAGE_ASK;
    }
    if (is_sent) {
        l->state = LINK_ASKED;
        return;
    }
    proxy_link_close(l);
    t->stages[i] = STAGE_DONE;
    t->left &= ~(1u << i);
}

static void finish(struct proxy_round *r, struct turn *t, uint32_t i, PGresult *result)
{
    r->results[i] = result;
    r->answered |= 1u << i;
    t->stages[i] = STAGE_DONE;
    t->left &= ~(1u << i);
}

/* The node has not executed the height yet that it is to read at. */
static bool is_behind(const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    return state != NULL && strcmp(state, "TQ008") == 0;
}

/* A command was answered. */
static void take(struct proxy_round *r, struct turn *t, uint32_t i)
{
    struct proxy_link *l = &r->session->links[i];
    PGresult *result = l->result;
    l->result = NULL;
    bool is_good = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (is_behind(result)) {
        PQclear(result);
        t->stages[i] = STAGE_WAIT;
        t->again_ms[i] = now_of(r->session->proxy) + BEHIND_MS;
        return;
    }
    bool is_last = t->stages[i] == STAGE_ASK || !is_good;
    if (t->stages[i] == STAGE_HEIGHT && is_good) l->read_height = r->read_height;
    if (is_last) {
        finish(r, t, i, result);
        return;
    }
    PQclear(result);
    advance(r, t, i);
}

static void step(struct proxy_round *r, struct turn *t, uint32_t i, uint64_t now)
{
    struct proxy_link *l = &r->session->links[i];
    proxy_link_dial(l, now);
    enum link_state before = l->state;
    (void)proxy_link_step(l, now);
    if (l->state == LINK_READY && t->stages[i] == STAGE_WAIT) {
        if (now >= t->again_ms[i]) advance(r, t, i);
    } else if (l->state == LINK_READY && before == LINK_ASKED) {
        take(r, t, i);
    } else if (l->state == LINK_DOWN || l->state == LINK_WRONG) {
        t->stages[i] = STAGE_DONE; /* Not in this round. */
        t->left &= ~(1u << i);
    }
}

static bool is_one_behind(const struct proxy_round *r, const struct turn *t)
{
    for (uint32_t i = 0; i < r->session->proxy->node_count; i++)
        if ((t->left >> i & 1u) != 0 && t->again_ms[i] > 0 && t->stages[i] == STAGE_WAIT)
            return true;
    return false;
}

static void wait(const struct proxy_round *r, const struct turn *t, uint64_t ms)
{
    struct pollfd fds[PROXY_NODES_MAX];
    nfds_t count = 0;
    if (r->session->proxy->node_count > 0 && is_one_behind(r, t) && ms > BEHIND_MS) ms = BEHIND_MS;
    for (uint32_t i = 0; i < r->session->proxy->node_count; i++) {
        bool wants_write = false;
        if ((t->left >> i & 1u) == 0) continue;
        int fd = proxy_link_socket(&r->session->links[i], &wants_write);
        if (fd < 0) continue;
        fds[count++] =
            (struct pollfd){.fd = fd, .events = (short)(wants_write ? POLLIN | POLLOUT : POLLIN)};
    }
    (void)poll(fds, count, ms < POLL_MS_MAX ? (int)ms : POLL_MS_MAX);
}

/* What was not answered is not heard of any more. */
static void leave(struct proxy_round *r, const struct turn *t)
{
    for (uint32_t i = 0; i < r->session->proxy->node_count; i++) {
        struct proxy_link *l = &r->session->links[i];
        if ((r->mask >> i & 1u) == 0 || l->state != LINK_ASKED) continue;
        must(t->stages[i] != STAGE_DONE);
        l->state = LINK_STALE;
        l->stale_ms = now_of(r->session->proxy);
        l->read_height = UINT64_MAX; /* Whatever it is. */
    }
}

/* It owes an answer for so long that it is not worth waiting for it again. */
static bool is_late(const struct proxy_link *l, uint64_t now)
{
    if (l->state == LINK_DIALING) return now - l->dialed_ms > PROXY_GRACE_MS;
    return l->state == LINK_STALE && now - l->stale_ms > PROXY_GRACE_MS;
}

void proxy_round_run(struct proxy_round *r)
{
    const struct proxy *p = r->session->proxy;
    struct turn t = {.left = r->mask};
    uint64_t until = now_of(p) + r->limit_ms;
    for (uint32_t i = 0; i < p->node_count; i++)
        if (is_late(&r->session->links[i], now_of(p))) t.late |= 1u << i;
    bool is_enough = false;
    for (uint64_t now = now_of(p);; now = now_of(p)) {
        for (uint32_t i = 0; i < p->node_count; i++)
            if ((t.left >> i & 1u) != 0) step(r, &t, i, now);
        if (!is_enough && r->enough != NULL && r->enough(r, r->context)) {
            is_enough = true;
            if (until > now + r->grace_ms) until = now + r->grace_ms;
        }
        if (is_enough) {
            t.left &= ~t.late;
        }
        r->was_cancelled = atomic_load(&r->session->is_cancelled);
        if (t.left == 0 || now >= until || r->was_cancelled) break;
        wait(r, &t, until - now);
    }
    leave(r, &t);
}

void proxy_round_fini(struct proxy_round *r)
{
    for (uint32_t i = 0; i < PROXY_NODES_MAX; i++) {
        PQclear(r->results[i]);
        r->results[i] = NULL;
    }
}
