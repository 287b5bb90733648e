/* Goal: before a change is submitted it is told what it does, and what would stall the chain is
 * refused without force; a version that too few support is refused in any case. */
#include "node/advice.h"

#include <stdio.h>
#include <stdlib.h>

#include "ledger/change.h"

#include "support/cmocka_all.h"
#include "support/sample_ledger.h"

struct world {
    struct arena arena;
    struct genesis genesis;
    struct chain_config before;
    struct chain_config after;
    struct consensus_view view;
    struct advice_case c;
    struct advice advice;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    arena_init(&w->arena, mem_system(), 0);
    w->genesis = sample_genesis();
    chain_config_of_genesis(&w->before, &w->genesis);
    w->after = w->before;
    w->view.n = w->view.node_count = w->before.validator_count;
    for (uint32_t i = 0; i < w->view.n; i++) {
        struct consensus_view_member *m = &w->view.members[i];
        const struct span name = w->before.nodes[i].node_name;
        (void)snprintf(m->name, sizeof m->name, "%.*s", (int)name.size, (const char *)name.data);
        m->is_connected = true;
        m->release = (struct release){.exec_version_min = 1, .exec_version_max = 2, .version = "1"};
    }
    w->c = (struct advice_case){.before = &w->before, .after = &w->after, .view = &w->view};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    arena_fini(&w->arena);
    free(w);
    return 0;
}

static bool is_said(const struct world *w, const char *part)
{
    for (uint32_t i = 0; i < w->advice.notice_count; i++)
        if (strstr(w->advice.notices[i].message, part) != NULL) return true;
    return false;
}

static void change(struct world *w, enum change_kind kind, const char *subject, const char *value)
{
    struct diag d = {0};
    const struct change c = {
        .kind = kind, .subject = span_text(subject), .value = span_text(value)};
    assert_int_equal(change_apply(&w->after, &w->before, &c, &w->arena, &d), ST_OK);
    advice_make(&w->advice, &w->c);
}

static void numbers_are_told(void **state)
{
    struct world *w = *state;
    change(w, CHANGE_SET, "batch_age_ms", "20");
    assert_string_equal(w->advice.refusal.sqlstate, "");
    assert_true(
        is_said(w, "now: mode adaptive, 4 validators, quorum 3, fast with 4; bears 1 lying and "
                   "1 stopped"));
    assert_true(is_said(w, "after: mode adaptive, 4 validators"));
    assert_true(is_said(w, "all validators that follow the chain are reachable"));
    assert_true(is_said(w, "1 more may stop"));
    assert_true(is_said(w, "ends after 7 days"));
    w->c.invitations = 2;
    w->c.invited_days = 3;
    advice_make(&w->advice, &w->c);
    assert_true(is_said(w, "2 open invitations of this node, the last ends in 3 days"));
}

static void what_would_stall_needs_force(void **state)
{
    struct world *w = *state;
    w->view.members[3].is_connected = false;
    change(w, CHANGE_SET, "batch_age_ms", "20");
    assert_string_equal(w->advice.refusal.sqlstate, "");
    assert_true(is_said(w, "not reachable from here now: node3"));
    assert_true(is_said(w, "0 more may stop"));
    w->view.members[1].is_connected = false;
    advice_make(&w->advice, &w->c);
    assert_string_equal(w->advice.refusal.sqlstate, "55000");
    assert_non_null(strstr(w->advice.refusal.message, "would stall: 2 of 4"));
    assert_non_null(strstr(w->advice.refusal.hint, "Nothing was submitted"));
    w->c.is_forced = true;
    advice_make(&w->advice, &w->c);
    assert_string_equal(w->advice.refusal.sqlstate, "");
    assert_true(is_said(w, "unsafe: the chain would stall"));
}

static void a_stranger_counts_as_stopped(void **state)
{
    struct world *w = *state;
    w->after.nodes[4] = w->before.nodes[3];
    w->after.nodes[4].node_name = span_text("fresh");
    w->after.validator_count = w->after.node_count = 5;
    advice_make(&w->advice, &w->c);
    assert_true(is_said(w, "does not follow the chain yet: fresh"));
    assert_string_equal(w->advice.refusal.sqlstate, ""); /* Four of five are enough. */
    w->view.members[0].is_connected = false;
    advice_make(&w->advice, &w->c);
    assert_string_equal(w->advice.refusal.sqlstate, "55000");
}

static void versions(void **state)
{
    struct world *w = *state;
    w->after.exec_version = 2;
    advice_make(&w->advice, &w->c);
    assert_string_equal(w->advice.refusal.sqlstate, "");
    assert_true(is_said(w, "all validators report a program that supports it"));
    w->view.members[2].release.exec_version_max = 1;
    advice_make(&w->advice, &w->c);
    assert_string_equal(w->advice.refusal.sqlstate, "");
    assert_true(is_said(w, "not supported, as far as is reported here, by node2"));
    w->view.members[3].release.version[0] = 0; /* It has said nothing. */
    w->c.is_forced = true;
    advice_make(&w->advice, &w->c);
    assert_string_equal(w->advice.refusal.sqlstate, "55000");
    assert_non_null(strstr(w->advice.refusal.message, "supported by 2 of 4 validators, 3 are"));
    assert_non_null(strstr(w->advice.refusal.detail, "node2, node3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(what_would_stall_needs_force, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stranger_counts_as_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(versions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
