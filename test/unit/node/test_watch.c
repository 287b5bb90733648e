/* Goal: what an operator must hear of is said when it becomes so, once, and nothing else is. */
#include "node/watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/cmocka_all.h"

struct world {
    struct watch watch;
    struct consensus_view view;
    char said[2048]; /* Lines, with ";" behind each. */
};

static void say(void *context, const char *text)
{
    struct world *w = context;
    size_t used = strlen(w->said);
    (void)snprintf(w->said + used, sizeof w->said - used, "%.60s;", text);
}

static void expect(struct world *w, const char *said)
{
    w->said[0] = 0;
    watch_look(&w->watch, &w->view, say, w);
    assert_string_equal(w->said, said);
    w->said[0] = 0;
    watch_look(&w->watch, &w->view, say, w);
    assert_string_equal(w->said, "");
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->view = (struct consensus_view){
        .mode = MODE_FAST, .n = 4, .node_count = 5, .is_voting = true, .is_anchored = true};
    for (uint32_t i = 0; i < 5; i++) {
        struct consensus_view_member *m = &w->view.members[i];
        (void)snprintf(m->name, sizeof m->name, "node%u", i);
        memcpy(m->release.version, "1.0", 4);
        memset(m->release.program.bytes, 7, HASH_SIZE);
    }
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void changes(void **state)
{
    struct world *w = *state;
    expect(w, "");
    w->view.mode = MODE_STRICT;
    expect(w, "the chain is in mode STRICT now, after FAST; trustsql.mode_h;");
    w->view.evidence_count = 2;
    expect(w, "2 proofs of misbehaviour are kept now: trustsql.evidence nam;");
    w->view.epoch = 1;
    expect(w, "epoch 1: 4 validators, 1 observers, f = 0, p = 0, exec_versi;");
}

static void the_own_vote(void **state)
{
    struct world *w = *state;
    memcpy(w->view.not_voting_reason, "because", 8);
    expect(w, "");
    w->view.is_anchored = false; /* A change of the view: nothing to worry about. */
    w->view.is_voting = false;
    expect(w, "");
    w->view.is_anchored = true;
    for (uint32_t i = 0; i < WATCH_SILENT_LOOKS / 4; i++)
        expect(w, "");
    w->view.is_voting = true; /* It votes again, and is silent again. */
    expect(w, "");
    w->view.is_voting = false;
    for (uint32_t i = 0; i < WATCH_SILENT_LOOKS - 1; i++)
        watch_look(&w->watch, &w->view, say, w);
    expect(w, "this node does not vote: because;");
    w->view.self = 4; /* Observers never do. */
    for (uint32_t i = 0; i < WATCH_SILENT_LOOKS; i++)
        expect(w, "");
}

static void other_programs(void **state)
{
    struct world *w = *state;
    w->view.members[2].release.program.bytes[0] = 1;
    w->view.members[4].release.program = (struct hash){{0}}; /* Not known. */
    expect(w, "node2 runs another program: version 1.0, SHA-256 01070707070;");
    w->view.members[2].release.program.bytes[0] = 2;
    expect(w, "node2 runs another program: version 1.0, SHA-256 02070707070;");
    w->view.members[2].release.program.bytes[0] = 7;
    expect(w, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changes, setup, teardown),
        cmocka_unit_test_setup_teardown(the_own_vote, setup, teardown),
        cmocka_unit_test_setup_teardown(other_programs, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
