/* Goal: a change of the configuration gives exactly the next one or a stable refusal, a card is
 * read as it was printed and strictly, and preflight tells what a change costs. */
#include "ledger/change.h"
#include "ledger/preflight.h"

#include "base/must.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/sample_ledger.h"

struct fixture {
    struct arena arena;
    struct diag diag;
    struct chain_config before;
    struct chain_config after;
    struct preflight preflight;
};

/* The sample chain, grown to n validators. */
static void begin(struct fixture *f, enum block_mode mode, uint32_t n, uint32_t faults)
{
    static const char *const names[] = {"node4", "node5", "node6", "node7"};
    struct genesis g = sample_genesis();
    char why[CONFIG_WHY_MAX];
    *f = (struct fixture){0};
    arena_init(&f->arena, mem_system(), 0);
    chain_config_of_genesis(&f->before, &g);
    for (uint32_t i = f->before.validator_count; i < n; i++) {
        must(i - SAMPLE_NODES < 4);
        struct secret_key secret = sample_node_secret(i);
        f->before.nodes[i] = (struct chain_node){.organisation = span_text("Bank B"),
                                                 .node_name = span_text(names[i - 4]),
                                                 .node_key = sample_public(&secret)};
    }
    f->before.mode = mode;
    f->before.f = faults;
    f->before.validator_count = f->before.node_count = n;
    assert_int_equal(chain_config_check(&f->before, why), ST_OK);
}

static void end(struct fixture *f)
{
    arena_fini(&f->arena);
}

static enum status apply(struct fixture *f,
                         enum change_kind kind,
                         const char *subject,
                         const char *value)
{
    struct change change = {.kind = kind, .subject = span_text(subject), .value = span_text(value)};
    f->diag = (struct diag){0};
    enum status st = change_apply(&f->after, &f->before, &change, &f->arena, &f->diag);
    assert_true(st == ST_OK || f->diag.sqlstate[0] != 0);
    if (st == ST_OK) preflight_make(&f->preflight, &f->before, &f->after);
    return st;
}

static void expect_refused(struct fixture *f,
                           enum change_kind kind,
                           const char *subject,
                           const char *value,
                           const char *sqlstate)
{
    assert_int_equal(apply(f, kind, subject, value), ST_REJECTED);
    assert_string_equal(f->diag.sqlstate, sqlstate);
}

static const char *card_of(struct fixture *f, const char *node, uint32_t key, const char *org)
{
    struct secret_key secret = sample_node_secret(key);
    struct secret_key account = sample_account_secret(key);
    struct card card = {.node_key = sample_public(&secret), .made_ms = 7, .account_count = 1};
    struct buf text;
    buf_init(&text, mem_system(), 0);
    memcpy(card.organisation, org, strlen(org) + 1);
    memcpy(card.node, node, strlen(node) + 1);
    memcpy(card.address, "host:1", 7);
    memcpy(card.accounts[0].name, "admin", 6);
    card.accounts[0].key = sample_public(&account);
    card.accounts[0].is_admin = true;
    card_print(&card, &text);
    const char *out = (const char *)arena_copy(&f->arena, buf_span(&text)).data;
    buf_fini(&text);
    return out;
}

static void parameters_change_by_name(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, MODE_FAST, 4, 1);
    f.before.epoch = 6;
    assert_int_equal(apply(&f, CHANGE_SET, "consensus.view_ms", "250"), ST_OK);
    assert_int_equal(f.after.params.view_ms, 250);
    assert_int_equal(f.after.epoch, 7);
    assert_false(f.preflight.is_unsafe);
    assert_int_equal(apply(&f, CHANGE_SET, "fuel_tx", "5000000000"), ST_OK);
    assert_true(f.after.fuel_tx == 5000000000u);
    assert_int_equal(apply(&f, CHANGE_SET, "consensus.mode", "bft"), ST_OK);
    assert_int_equal(f.after.mode, MODE_BFT);
    assert_int_equal(apply(&f, CHANGE_SET, "exec_version", "2"), ST_OK);
    assert_int_equal(f.after.exec_version, 2);
    expect_refused(&f, CHANGE_SET, "exec_version", "3", "22023");
    expect_refused(&f, CHANGE_SET, "consensus.speed", "3", "42704");
    expect_refused(&f, CHANGE_SET, "consensus.view_ms", "05", "22023");
    expect_refused(&f, CHANGE_SET, "consensus.view_ms", "-5", "22023");
    expect_refused(&f, CHANGE_SET, "consensus.view_ms", "5", "22023");
    expect_refused(&f, CHANGE_SET, "consensus.view_ms", "4294967396", "22023");
    expect_refused(&f, CHANGE_SET, "consensus.f", "2", "22023");
    expect_refused(&f, CHANGE_SET, "consensus.mode", "raft", "0A000");
    expect_refused(&f, CHANGE_SET, "consensus.evidence_halts", "yes", "22023");
    end(&f);
}

/* A parameter that has the value already does not change, and shows what it took. */
static void parameters_show_what_they_take(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, MODE_FAST, 4, 1);
    for (uint32_t i = 0; i < change_parameter_count(); i++) {
        struct buf text;
        buf_init(&text, mem_system(), 0);
        change_parameter_text(&text, i, &f.before);
        buf_put_u8(&text, 0);
        expect_refused(&f, CHANGE_SET, change_parameter_name(i), (const char *)text.data, "55000");
        buf_fini(&text);
        if (strcmp(change_parameter_name(i), "consensus.slow_max") != 0) continue;
        assert_int_equal(apply(&f, CHANGE_SET, change_parameter_name(i), "17"), ST_OK);
        buf_init(&text, mem_system(), 0);
        change_parameter_text(&text, i, &f.after);
        assert_true(span_equal(buf_span(&text), span_text("17")));
        buf_fini(&text);
    }
    end(&f);
}

static void validators_come_and_go(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, MODE_FAST, 4, 1);
    const char *fifth = card_of(&f, "node4", 4, "Bank B");
    assert_int_equal(apply(&f, CHANGE_ADD_OBSERVER, fifth, ""), ST_OK);
    assert_int_equal(f.after.validator_count, 4);
    assert_int_equal(f.after.node_count, 5);
    f.before = f.after;
    expect_refused(&f, CHANGE_ADD_OBSERVER, fifth, "", "42710");
    assert_int_equal(apply(&f, CHANGE_ADD_VALIDATOR, fifth, ""), ST_OK); /* Promoted. */
    assert_int_equal(f.after.validator_count, 5);
    assert_int_equal(f.after.node_count, 5);
    assert_int_equal(f.preflight.after.quorum, 4);
    assert_int_equal(f.preflight.after.organisations, 2);
    f.before = f.after;
    expect_refused(&f, CHANGE_ADD_VALIDATOR, fifth, "", "42710");
    expect_refused(&f, CHANGE_ADD_VALIDATOR, card_of(&f, "other", 4, "Bank B"), "", "42710");
    assert_int_equal(apply(&f, CHANGE_DROP_VALIDATOR, "node1", ""), ST_OK);
    assert_int_equal(f.after.validator_count, 4);
    assert_int_equal(chain_config_find(&f.after, span_text("node4")), 3);
    assert_false(f.preflight.is_unsafe);
    f.before = f.after;
    expect_refused(&f, CHANGE_DROP_VALIDATOR, "node2", "", "22023"); /* Three are raft. */
    expect_refused(&f, CHANGE_DROP_VALIDATOR, "nobody", "", "42704");
    expect_refused(&f, CHANGE_DROP_OBSERVER, "node2", "", "42704");
    expect_refused(&f, CHANGE_ADD_VALIDATOR, "organisation = x", "", "22023");
    end(&f);
}

static void dropping_lowers_what_cannot_stay(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, MODE_FAST, 7, 2);
    assert_int_equal(apply(&f, CHANGE_DROP_VALIDATOR, "node1", ""), ST_OK);
    assert_int_equal(f.after.f, 1);
    assert_true(f.preflight.is_unsafe);
    assert_non_null(strstr(f.preflight.warnings[0].text, "1 lying validators instead of 2"));
    end(&f);
    begin(&f, MODE_FAST, 6, 1);
    f.before.p = 1;
    assert_int_equal(apply(&f, CHANGE_DROP_VALIDATOR, "node1", ""), ST_OK);
    assert_int_equal(f.after.f, 1);
    assert_int_equal(f.after.p, 0);
    assert_false(f.preflight.is_unsafe);
    assert_int_equal(f.preflight.warning_count, 1); /* The fast path needs all. */
    end(&f);
    begin(&f, MODE_BFT, 1, 0);
    expect_refused(&f, CHANGE_DROP_VALIDATOR, "node0", "", "55006");
    end(&f);
}

static void what_costs_tolerance_is_unsafe(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, MODE_FAST, 4, 1);
    assert_int_equal(apply(&f, CHANGE_SET, "consensus.f", "0"), ST_OK);
    assert_true(f.preflight.is_unsafe);
    end(&f);
    begin(&f, MODE_RAFT, 5, 0);
    assert_int_equal(apply(&f, CHANGE_DROP_VALIDATOR, "node0", ""), ST_OK);
    assert_true(f.preflight.is_unsafe); /* Of four, two are too many to lose. */
    assert_int_equal(apply(&f, CHANGE_SET, "consensus.evidence_halts", "false"), ST_OK);
    assert_true(f.preflight.is_unsafe);
    end(&f);
    begin(&f, MODE_FAST, 6, 1);
    assert_int_equal(apply(&f, CHANGE_ADD_VALIDATOR, card_of(&f, "node6", 6, "C"), ""), ST_OK);
    assert_false(f.preflight.is_unsafe);
    assert_non_null(strstr(f.preflight.warnings[0].text, "7 validators could bear f = 2"));
    end(&f);
}

static void keys_rotate_and_barred_return(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, MODE_FAST, 4, 1);
    f.before.nodes[1].is_barred = true;
    assert_int_equal(apply(&f, CHANGE_ROTATE_KEY, card_of(&f, "node1", 9, "Bank A"), ""), ST_OK);
    assert_true(f.after.nodes[1].is_barred);
    assert_false(public_key_equal(&f.after.nodes[1].node_key, &f.before.nodes[1].node_key));
    assert_true(span_equal(f.after.nodes[1].address, span_text("host:1")));
    expect_refused(&f, CHANGE_ROTATE_KEY, card_of(&f, "node1", 9, "Bank B"), "", "22023");
    expect_refused(&f, CHANGE_ROTATE_KEY, card_of(&f, "node1", 1, "Bank A"), "", "42710");
    expect_refused(&f, CHANGE_ROTATE_KEY, card_of(&f, "other", 9, "Bank A"), "", "42704");
    assert_int_equal(apply(&f, CHANGE_REINSTATE, "node1", ""), ST_OK);
    assert_false(f.after.nodes[1].is_barred);
    expect_refused(&f, CHANGE_REINSTATE, "node0", "", "55000");
    expect_refused(&f, CHANGE_REINSTATE, "nobody", "", "42704");
    end(&f);
}

static void expect_bad_card(const char *text, const char *word)
{
    struct card card;
    char what[CARD_WHAT_MAX];
    assert_int_equal(card_parse(&card, span_text(text), what), ST_INVALID);
    if (strstr(what, word) == NULL) fail_msg("\"%s\" does not say \"%s\"", what, word);
}

static void cards_are_read_as_printed(void **state)
{
    (void)state;
    struct fixture f;
    struct card card;
    char what[CARD_WHAT_MAX];
    struct buf again;
    begin(&f, MODE_FAST, 4, 1);
    const char *text = card_of(&f, "node 9; x", 9, "\xc3\x84 & B");
    buf_init(&again, mem_system(), 0);
    assert_int_equal(card_parse(&card, span_text(text), what), ST_OK);
    card_print(&card, &again);
    assert_true(span_equal(buf_span(&again), span_text(text)));
    buf_fini(&again);
    for (size_t size = 0; size + 1 < strlen(text); size++) /* A cut card is no card. */
        if (card_parse(&card, span_of(text, size), what) == ST_OK)
            assert_true(size > strlen(text) - 8); /* But for letters of the last name. */
    expect_bad_card("version = 2\n", "\"version\" does not fit");
    expect_bad_card("version = 1\nversion = 1\n", "stands twice");
    expect_bad_card("node = a ; b\n", "does not fit");
    expect_bad_card("[card]\n", "\"card\" is no section");
    expect_bad_card("version = 1\nnonsense\n", "line 2");
    expect_bad_card("colour = 1\n", "\"colour\" is no key");
    expect_bad_card("version = 1\n", "\"organisation\" is missing");
    expect_bad_card("organisation = a\x1b[31m\n", "does not fit");
    expect_bad_card("\x1b[31m = a\n", "\"?\"");
    end(&f);
}

static void memory_may_fail_at_any_call(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, MODE_FAST, 4, 1);
    struct change change = {.kind = CHANGE_ADD_VALIDATOR,
                            .subject = span_text(card_of(&f, "node4", 4, "Bank B"))};
    for (uint64_t n = 1;; n++) {
        struct fail_mem memory;
        struct arena a;
        fail_mem_init(&memory, n);
        arena_init(&a, &memory.mem, 0);
        enum status st = change_apply(&f.after, &f.before, &change, &a, &f.diag);
        arena_fini(&a);
        assert_int_equal(memory.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_change_by_name),
        cmocka_unit_test(parameters_show_what_they_take),
        cmocka_unit_test(validators_come_and_go),
        cmocka_unit_test(dropping_lowers_what_cannot_stay),
        cmocka_unit_test(what_costs_tolerance_is_unsafe),
        cmocka_unit_test(keys_rotate_and_barred_return),
        cmocka_unit_test(cards_are_read_as_printed),
        cmocka_unit_test(memory_may_fail_at_any_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
