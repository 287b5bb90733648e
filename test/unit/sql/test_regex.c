/* Goal: a regular expression finds the leftmost and longest match that PostgreSQL finds, refuses
 * what it does not know, and ends in time on patterns made to be slow. */
#include "sql/regex.h"

#include <stdio.h>

#include "support/cmocka_all.h"

static struct arena arena;

static enum status compile(struct regex **out,
                           const char *pattern,
                           bool ignores_case,
                           struct diag *d)
{
    *d = (struct diag){.sqlstate = ""};
    arena_reset(&arena);
    const struct regex_flags flags = {.ignores_case = ignores_case};
    const enum status st = regex_compile(out, &arena, span_text(pattern), flags, d);
    if (st == ST_OK) regex_set_left(*out, 1u << 20);
    return st;
}

static void matches_are_leftmost_and_longest(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *text;
        int start; /* −1: no match. */
        int end;
    } cases[] = {
        {"b", "abc", 1, 2},
        {"^b", "abc", -1, 0},
        {"c$", "abc", 2, 3},
        {"a|ab", "abc", 0, 2},
        {"(a|ab)(c|bcd)", "abcd", 0, 4},
        {"x*", "abc", 0, 0},
        {"a{2,3}", "aaaa", 0, 3},
        {"a{0}b", "ab", 1, 2},
        {"[^a-c]+", "abxyc", 2, 4},
        {"[]a]+", "x]a", 1, 3},
        {"\\d+", "a12b", 1, 3},
        {"\\.", "a.b", 1, 2},
        {"(?:ab)+", "xababy", 1, 5},
        {"\xc3\xa9.", "\xc3\xa9x", 0, 3},
        {"", "abc", 0, 0},
        {"[[:digit:]x]+", "a1x2", 1, 4},
        {"\\A\\w+\\Z", "ab_1", 0, 4},
        {"a+b", "aaac", -1, 0},
        {"a+?", "aaa", 0, 1},
        {"x.*?y|x", "xaay", 0, 4},
        {"(?i)B", "abc", 1, 2},
        {"\\mb\\w*\\M", "ab bc", 3, 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct regex *r = NULL;
        struct diag d;
        size_t start = 0;
        size_t end = 0;
        const struct span text = span_text(cases[i].text);
        assert_int_equal(compile(&r, cases[i].pattern, false, &d), ST_OK);
        assert_int_equal(regex_test(r, text), cases[i].start >= 0);
        const bool found = regex_find(r, text, 0, &start, &end);
        assert_int_equal(found, cases[i].start >= 0);
        if (!found) continue;
        assert_int_equal(start, cases[i].start);
        assert_int_equal(end, cases[i].end);
    }
}

static void case_is_ignored_where_asked(void **state)
{
    (void)state;
    struct regex *r = NULL;
    struct diag d;
    assert_int_equal(compile(&r, "^a[b-d]Z$", true, &d), ST_OK);
    assert_true(regex_test(r, span_text("AcZ")));
    assert_true(regex_test(r, span_text("aDz")));
    assert_false(regex_test(r, span_text("aez")));
}

static void wrong_and_unknown_patterns_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *sqlstate;
    } cases[] = {{"(", "2201B"},
                 {")", "2201B"},
                 {"[a", "2201B"},
                 {"*a", "2201B"},
                 {"a**", "2201B"},
                 {"a{2", "2201B"},
                 {"a{3,2}", "2201B"},
                 {"a{999}", "2201B"},
                 {"[z-a]", "2201B"},
                 {"a\\", "2201B"},
                 {"(a)\\1", "0A000"},
                 {"(?=a)", "0A000"},
                 {"[[.a.]]", "0A000"},
                 {"(?i", "2201B"},
                 {"(?x)a", "0A000"},
                 {"***a", "0A000"},
                 {"((((a{9}){9}){9}){9}){9}", "54000"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct regex *r = NULL;
        struct diag d;
        assert_int_not_equal(compile(&r, cases[i].pattern, false, &d), ST_OK);
        assert_string_equal(d.sqlstate, cases[i].sqlstate);
    }
}

/* As PostgreSQL 15 answers; "-" is a group that took no part. */
static void groups_are_those_of_postgresql(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *text;
        const char *groups;
    } cases[] = {
        {"(a|ab)(c|bcd)(d*)", "abcd", "ab,c,d"},
        {"(a*)(a*)", "aaaa", "aaaa,"},
        {"(a*?)(a*)", "aaaa", ","},
        {"(.*?)(\\d+)(.*)", "abc01234xyz", "abc,0,"},
        {"(?:(.*?)(\\d+)(.*)){1,1}", "abc01234xyz", "abc,01234,xyz"},
        {"(a)(x)?(b)", "abc", "a,-,b"},
        {"((x)|(y))*", "xyz", "y,-,y"},
        {"(ab)*", "abab", "ab"},
        {"(x){0}x", "xx", "-"},
        {"((a+)b)+", "aabaab", "aab,aa"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct regex *r = NULL;
        struct diag d;
        struct regex_group groups[4];
        char shown[64] = "";
        size_t used = 0;
        size_t start = 0;
        size_t end = 0;
        const struct span text = span_text(cases[i].text);
        assert_int_equal(compile(&r, cases[i].pattern, false, &d), ST_OK);
        assert_in_range(regex_group_count(r), 1, 4);
        assert_true(regex_find(r, text, 0, &start, &end));
        assert_true(regex_groups(r, text, start, end, groups));
        for (uint32_t g = 0; g < regex_group_count(r); g++) {
            const bool is_there = groups[g].start != REGEX_NO_MATCH;
            const int size = is_there ? (int)(groups[g].end - groups[g].start) : 1;
            used += (size_t)snprintf(shown + used, sizeof shown - used, "%s%.*s", g > 0 ? "," : "",
                                     size, is_there ? cases[i].text + groups[g].start : "-");
        }
        assert_string_equal(shown, cases[i].groups);
    }
}

/* Backtracking would take 2^30 steps. */
static void work_is_bounded(void **state)
{
    (void)state;
    struct regex *r = NULL;
    struct diag d;
    size_t start = 0;
    size_t end = 0;
    const struct span text = span_text("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaX");
    assert_int_equal(compile(&r, "^(a|aa)+$", false, &d), ST_OK);
    assert_false(regex_test(r, text));
    assert_true(regex_left(r) > (1u << 20) - 2000);
    regex_set_left(r, 5);
    assert_false(regex_find(r, text, 0, &start, &end));
    assert_int_equal(regex_left(r), 0);
    struct regex_group groups[2];
    const struct span many = span_text("aaaaaaaaaaaaaaaaaaaa");
    assert_int_equal(compile(&r, "((a|aa)*)*", false, &d), ST_OK);
    assert_true(regex_find(r, many, 0, &start, &end));
    assert_true(regex_groups(r, many, start, end, groups));
    assert_true(regex_left(r) > (1u << 20) - 50000);
    regex_set_left(r, 5);
    assert_false(regex_groups(r, many, start, end, groups));
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, mem_system(), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_are_leftmost_and_longest),
        cmocka_unit_test(case_is_ignored_where_asked),
        cmocka_unit_test(wrong_and_unknown_patterns_are_told_apart),
        cmocka_unit_test(groups_are_those_of_postgresql),
        cmocka_unit_test(work_is_bounded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
