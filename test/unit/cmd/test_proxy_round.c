/* Goal: a round ends when enough have answered and the others had their time, never later than its
 * limit, and what was not heard then is never taken for an answer to something else. Time is the
 * test's. */
#include "cmd/proxy_int.h"

#include <poll.h>

#include "support/cmocka_all.h"

#define NODES 4u
#define NEVER UINT64_MAX

struct script {            /* How a node behaves. */
    uint64_t takes_ms;     /* Until it answers a command. */
    uint32_t behind;       /* So often it has not executed the height yet. */
    bool is_refusing;      /* To read at a height. */
    bool is_gone;          /* Its connection ends when it is asked. */
    enum link_state state; /* At first. */
    uint64_t due_ms;       /* Of the command under way. */
    bool is_height_asked;  /* That command sets the height. */
    uint32_t heights;      /* Commands that set it. */
    uint32_t asks;         /* Questions. */
    char token;            /* Its address stands for a connection. */
};

static struct {
    uint64_t now_ms;
    struct script nodes[NODES];
    const PGresult *behind[NODES]; /* Results that say so. */
} world;

/* --- in place of libpq, poll and proxy_link.c --------------------------------------------------
 */

static struct script *script_of(const PGconn *pg)
{
    const void *address = pg;
    for (uint32_t i = 0; i < NODES; i++)
        if (address == &world.nodes[i].token) return &world.nodes[i];
    fail();
    return NULL;
}

int PQsendQuery(PGconn *conn, const char *query)
{
    struct script *s = script_of(conn);
    assert_non_null(strstr(query, "SET trustsql.read_height = 7"));
    s->heights++;
    s->is_height_asked = true;
    s->due_ms = world.now_ms;
    return 1;
}

/* NOLINTNEXTLINE(readability-function-size): as many parameters as libpq's. */
int PQsendQueryParams(PGconn *conn,
                      const char *command,
                      int nParams,
                      const Oid *paramTypes,
                      const char *const *paramValues,
                      const int *paramLengths,
                      const int *paramFormats,
                      int resultFormat)
{
    struct script *s = script_of(conn);
    (void)nParams;
    (void)paramTypes;
    (void)paramValues;
    (void)paramLengths;
    (void)paramFormats;
    (void)resultFormat;
    assert_string_equal(command, "SELECT 1");
    s->asks++;
    s->is_height_asked = false;
    s->due_ms = s->takes_ms == NEVER ? NEVER : world.now_ms + s->takes_ms;
    return 1;
}

char *PQresultErrorField(const PGresult *r, int field)
{
    static char state[] = "TQ008";
    assert_int_equal(field, PG_DIAG_SQLSTATE);
    for (uint32_t i = 0; i < NODES; i++)
        if (r == world.behind[i]) return state;
    return NULL;
}

int poll(struct pollfd *fds, nfds_t nfds, int timeout)
{
    (void)fds;
    assert_int_equal(nfds, 0);
    assert_in_range(timeout, 1, 50);
    world.now_ms += (uint64_t)timeout;
    return 0;
}

void proxy_link_close(struct proxy_link *l)
{
    l->state = LINK_DOWN;
}

void proxy_link_dial(struct proxy_link *l, uint64_t now_ms)
{
    (void)l;
    assert_int_equal(now_ms, world.now_ms);
}

int proxy_link_socket(const struct proxy_link *l, bool *wants_write)
{
    (void)l;
    *wants_write = false;
    return -1;
}

bool proxy_link_step(struct proxy_link *l, uint64_t now_ms)
{
    struct script *s = script_of(l->pg);
    if (l->state != LINK_ASKED || s->due_ms > now_ms) return false;
    const size_t i = (size_t)(s - world.nodes);
    if (s->is_gone) {
        l->state = LINK_DOWN;
        return true;
    }
    const bool is_bad = s->is_height_asked ? s->is_refusing : s->behind > 0;
    l->result = PQmakeEmptyPGresult(NULL, is_bad               ? PGRES_FATAL_ERROR
                                          : s->is_height_asked ? PGRES_COMMAND_OK
                                                               : PGRES_TUPLES_OK);
    assert_non_null(l->result);
    for (uint32_t k = 0; k < NODES; k++) /* Its memory may be that of one that is gone. */
        if (world.behind[k] == l->result) world.behind[k] = NULL;
    if (is_bad && !s->is_height_asked) {
        s->behind--;
        world.behind[i] = l->result;
    }
    l->state = LINK_READY;
    return true;
}

/* --- the world ---------------------------------------------------------------------------------
 */

struct rig {
    struct os os;
    struct proxy proxy;
    struct backend_session session;
    struct proxy_round round;
};

static uint64_t now_ns(struct os *os)
{
    (void)os;
    return world.now_ms * 1000000u;
}

static bool are_two(struct proxy_round *r, void *context)
{
    (void)context;
    return __builtin_popcount(r->answered) >= 2;
}

static struct rig *begin(void **state)
{
    static struct rig rig;
    (void)state;
    memset(&rig, 0, sizeof rig);
    memset(&world, 0, sizeof world);
    world.now_ms = 1000;
    rig.os = *os_posix();
    rig.os.monotonic_ns = now_ns;
    rig.proxy.os = &rig.os;
    rig.proxy.node_count = NODES;
    rig.session.proxy = &rig.proxy;
    for (uint32_t i = 0; i < NODES; i++) {
        void *token = &world.nodes[i].token;
        world.nodes[i].takes_ms = 10;
        rig.session.links[i].pg = token;
        rig.session.links[i].state = LINK_READY;
    }
    rig.round = (struct proxy_round){.session = &rig.session,
                                     .mask = 15,
                                     .ask = {.text = "SELECT 1"},
                                     .limit_ms = 1000,
                                     .grace_ms = 250};
    return &rig;
}

/* How long it took. */
static uint64_t run(struct rig *rig)
{
    const uint64_t start = world.now_ms;
    proxy_round_run(&rig->round);
    return world.now_ms - start;
}

static void assert_answered(struct rig *rig, uint32_t mask)
{
    assert_int_equal(rig->round.answered, mask);
    for (uint32_t i = 0; i < NODES; i++)
        assert_int_equal(rig->round.results[i] != NULL, (mask >> i & 1u) != 0);
    proxy_round_fini(&rig->round);
    for (uint32_t i = 0; i < NODES; i++)
        assert_null(rig->round.results[i]);
}

/* --- the tests ---------------------------------------------------------------------------------
 */

static void all_answer(void **state)
{
    struct rig *rig = begin(state);
    assert_true(run(rig) <= 60); /* No longer than they take. */
    assert_answered(rig, 15);
    assert_int_equal(world.nodes[0].asks, 1);
    assert_int_equal(world.nodes[0].heights, 0);
}

static void only_those_of_the_mask(void **state)
{
    struct rig *rig = begin(state);
    rig->round.mask = 5;
    (void)run(rig);
    assert_answered(rig, 5);
    assert_int_equal(world.nodes[1].asks, 0);
}

/* Two are enough: the third is in time, the fourth is not waited for. */
static void enough_and_a_grace(void **state)
{
    struct rig *rig = begin(state);
    rig->round.enough = are_two;
    world.nodes[2].takes_ms = 200;
    world.nodes[3].takes_ms = 500;
    assert_in_range(run(rig), 250, 320);
    assert_answered(rig, 7);
    assert_int_equal(rig->session.links[3].state, LINK_STALE);
}

static void never_enough(void **state)
{
    struct rig *rig = begin(state);
    rig->round.enough = are_two;
    world.nodes[1].takes_ms = world.nodes[2].takes_ms = world.nodes[3].takes_ms = NEVER;
    assert_in_range(run(rig), 1000, 1050);
    assert_answered(rig, 1);
    for (uint32_t i = 1; i < NODES; i++) { /* What comes later answers nothing. */
        assert_int_equal(rig->session.links[i].state, LINK_STALE);
        assert_true(rig->session.links[i].read_height == UINT64_MAX);
    }
    assert_int_equal(rig->session.links[0].state, LINK_READY);
}

/* It owes an answer since long: with enough others nobody waits for it again. */
static void who_was_late_before(void **state)
{
    struct rig *rig = begin(state);
    rig->round.enough = are_two;
    rig->session.links[3].state = LINK_STALE;
    rig->session.links[3].stale_ms = world.now_ms - PROXY_GRACE_MS - 1;
    assert_true(run(rig) <= 60);
    assert_answered(rig, 7);
    assert_int_equal(world.nodes[3].asks, 0);
}

static void who_is_gone(void **state)
{
    struct rig *rig = begin(state);
    rig->session.links[1].state = LINK_DOWN;
    rig->session.links[2].state = LINK_WRONG;
    world.nodes[3].is_gone = true;
    assert_true(run(rig) <= 60);
    assert_answered(rig, 1);
}

/* The height is set first, once; who refuses it is not asked. */
static void at_a_height(void **state)
{
    struct rig *rig = begin(state);
    rig->round.read_height = 7;
    rig->session.links[1].read_height = 7;
    world.nodes[2].is_refusing = true;
    (void)run(rig);
    assert_answered(rig, 15); /* A refusal is an answer. */
    assert_int_equal(world.nodes[0].heights, 1);
    assert_int_equal(world.nodes[0].asks, 1);
    assert_true(rig->session.links[0].read_height == 7);
    assert_int_equal(world.nodes[1].heights, 0);
    assert_int_equal(world.nodes[2].asks, 0);
    assert_true(rig->session.links[2].read_height == 0);
}

/* It has not executed the height yet: that is no answer, and it is asked again. */
static void who_is_behind(void **state)
{
    struct rig *rig = begin(state);
    world.nodes[2].behind = 3;
    assert_true(run(rig) < 300);
    assert_answered(rig, 15);
    assert_int_equal(world.nodes[2].asks, 4);
    rig = begin(state);
    world.nodes[2].behind = UINT32_MAX; /* For ever. */
    assert_in_range(run(rig), 1000, 1050);
    assert_answered(rig, 11);
}

static void a_cancelled_round(void **state)
{
    struct rig *rig = begin(state);
    world.nodes[0].takes_ms = NEVER;
    atomic_store(&rig->session.is_cancelled, true);
    assert_int_equal(run(rig), 0);
    assert_true(rig->round.was_cancelled);
    assert_answered(rig, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_answer),          cmocka_unit_test(only_those_of_the_mask),
        cmocka_unit_test(enough_and_a_grace),  cmocka_unit_test(never_enough),
        cmocka_unit_test(who_was_late_before), cmocka_unit_test(who_is_gone),
        cmocka_unit_test(at_a_height),         cmocka_unit_test(who_is_behind),
        cmocka_unit_test(a_cancelled_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
