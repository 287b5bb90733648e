/* Goal: a linearizable read sees all that any client was told is final before it began, whatever
 * one member of four says; it is answered once; an early answer comes with the execution. */
#include "node/core.h"
#include "node/wire.h"
#include "support/cmocka_all.h"
#include "support/core_rig.h"
#include "support/sample_ledger.h"

#define LIAR 3u

static uint64_t wanted; /* Of the clients. */
static struct core_rig_read reads[64];
static uint32_t read_count;

static bool is_done(struct core_rig *rig)
{
    return rig->clients[wanted].outcome == RIG_DONE;
}

static bool is_early(struct core_rig *rig)
{
    return rig->clients[wanted].outcome == RIG_EARLY;
}

static bool are_answered(struct core_rig *rig)
{
    (void)rig;
    for (uint32_t i = 0; i < read_count; i++)
        if (reads[i].answers == 0) return false;
    return true;
}

static uint64_t write_at(struct core_rig *rig, uint32_t node)
{
    wanted++;
    core_rig_submit(rig, node, wanted);
    assert_true(core_rig_until(rig, 3000, is_done));
    return rig->clients[wanted].height;
}

static void read_at(struct core_rig *rig, uint32_t node)
{
    read_count = 1;
    core_rig_read(rig, node, &reads[0]);
}

/* It is answered and sees height. */
static void check_sees(struct core_rig *rig, uint64_t height)
{
    assert_true(core_rig_until(rig, 3000, are_answered));
    for (uint32_t i = 0; i < read_count; i++) {
        assert_int_equal(reads[i].read.status, ST_OK);
        assert_true(reads[i].read.height >= height);
    }
}

static struct core_rig *begin(uint32_t n, uint64_t seed)
{
    wanted = 0;
    return core_rig_new(n, seed);
}

static void test_a_read_sees_what_was_final(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 4; n += 3) {
        struct core_rig *rig = begin(n, 31);
        read_at(rig, 0);
        check_sees(rig, 0);
        for (uint32_t i = 0; i < 40; i++) {
            uint64_t height = write_at(rig, i % n);
            read_at(rig, (i / n) % n);
            check_sees(rig, height);
            assert_true(reads[0].read.height <= core_rig_executed(rig, (i / n) % n));
        }
        core_rig_free(rig);
    }
}

static uint32_t questions;

static bool count_questions(struct core_rig *rig, const struct core_rig_message *m)
{
    (void)rig;
    questions += m->bytes.data[0] == WIRE_GET_HEIGHT;
    return true;
}

static void test_a_burst_is_one_round(void **state)
{
    (void)state;
    struct core_rig *rig = begin(4, 32);
    uint64_t height = write_at(rig, 1);
    rig->filter = count_questions;
    questions = 0;
    read_count = 64;
    for (uint32_t i = 0; i < read_count; i++)
        core_rig_read(rig, 2, &reads[i]);
    check_sees(rig, height);
    assert_int_equal(questions, 3);
    core_rig_free(rig);
}

/* A follower that hears nothing waits; when the others are back it sees what they wrote. */
static void test_a_follower_behind_waits(void **state)
{
    (void)state;
    struct core_rig *rig = begin(4, 33);
    write_at(rig, 1);
    core_rig_cut(rig, 2, true);
    uint64_t height = write_at(rig, 1);
    read_at(rig, 2);
    core_rig_run(rig, 1000);
    assert_int_equal(reads[0].answers, 0);
    core_rig_cut(rig, 2, false);
    check_sees(rig, height);
    core_rig_free(rig);
}

static void test_without_a_quorum_a_read_ends(void **state)
{
    (void)state;
    struct core_rig *rig = begin(4, 34);
    write_at(rig, 1);
    core_rig_cut(rig, 2, true);
    core_rig_cut(rig, 3, true);
    read_at(rig, 1);
    core_rig_run(rig, 4900);
    assert_int_equal(reads[0].answers, 0);
    core_rig_run(rig, 200);
    assert_int_equal(reads[0].answers, 1);
    assert_int_equal(reads[0].read.status, ST_TIMEOUT);
    read_at(rig, 1);
    core_rig_run(rig, 100);
    atomic_store(&reads[0].read.is_cancelled, true); /* Its client has gone. */
    core_rig_run(rig, 2);
    assert_int_equal(reads[0].answers, 1);
    assert_int_equal(reads[0].read.status, ST_CLOSED);
    read_at(rig, 1);
    core_rig_free(rig);
    assert_int_equal(reads[0].answers, 1); /* The node ended. */
}

static uint64_t lie_height;
static struct wire_message lie;

/* The liar answers at once, before everybody else. */
static bool lie_about_heights(struct core_rig *rig, const struct core_rig_message *m)
{
    static struct wire_message question;
    if (m->from == LIAR && m->bytes.data[0] == WIRE_HEIGHT) return false;
    if (m->to != LIAR || m->bytes.data[0] != WIRE_GET_HEIGHT) return true;
    assert_int_equal(wire_decode(&question, m->bytes), ST_OK);
    struct buf out;
    buf_init(&out, mem_system(), 0);
    lie.kind = WIRE_HEIGHT;
    lie.height.id = question.get_height.id;
    lie.height.height = lie_height;
    wire_encode(&out, &lie);
    (void)core_rig_inject(rig, LIAR, m->from, CORE_URGENT, buf_span(&out));
    buf_fini(&out);
    return false;
}

static void test_a_liar_cannot_hide_a_write(void **state)
{
    (void)state;
    struct core_rig *rig = begin(4, 35);
    rig->filter = lie_about_heights;
    lie_height = 0;
    for (uint32_t i = 0; i < 10; i++) {
        uint64_t height = write_at(rig, 0);
        read_at(rig, 1 + i % 2);
        check_sees(rig, height);
    }
    core_rig_free(rig);
}

/* Neither without a certificate, nor with one that nobody, or not enough, has signed. */
static void test_a_liar_cannot_make_others_wait(void **state)
{
    (void)state;
    struct core_rig *rig = begin(4, 36);
    uint64_t height = write_at(rig, 0);
    struct hash hash = hash_of("test", span_text("no block"));
    rig->filter = lie_about_heights;
    lie_height = 1000;
    for (uint32_t kind = 0; kind < 3; kind++) {
        lie.height.has_cert = kind > 0;
        if (kind > 0) lie.height.cert = sample_certificate(VOTE_P2, 1000, &hash, kind == 1 ? 4 : 2);
        if (kind == 1) lie.height.cert.entries[0].sig.bytes[5] ^= 1;
        uint64_t lies = core_lies(rig->nodes[1].core, LIAR);
        read_at(rig, 1);
        check_sees(rig, height);
        assert_true(core_lies(rig->nodes[1].core, LIAR) > lies);
    }
    core_rig_free(rig);
}

static struct buf kept; /* An answer to an older round. */

static bool repeat_old_answers(struct core_rig *rig, const struct core_rig_message *m)
{
    if (m->bytes.data[0] != WIRE_HEIGHT) return true;
    if (kept.size == 0) {
        buf_put(&kept, m->bytes);
        return true;
    }
    for (uint32_t from = 0; from < rig->n; from++)
        if (from != m->to) (void)core_rig_inject(rig, from, m->to, CORE_URGENT, buf_span(&kept));
    return false; /* The true one is lost. */
}

/* R1: what was said before a read began does not count for it. */
static void test_answers_of_an_older_round_do_not_count(void **state)
{
    (void)state;
    struct core_rig *rig = begin(4, 37);
    buf_init(&kept, mem_system(), 0);
    rig->filter = repeat_old_answers;
    read_at(rig, 1);
    core_rig_run(rig, 1);
    assert_true(core_rig_until(rig, 6000, are_answered)); /* The first answer alone is true. */
    read_at(rig, 1);
    core_rig_run(rig, 2000);
    assert_int_equal(reads[0].answers, 0);
    rig->filter = NULL;
    check_sees(rig, 0);
    buf_fini(&kept);
    core_rig_free(rig);
}

/* The client is told when its node has executed, though no quorum can sign the result. */
static void test_early_answers(void **state)
{
    (void)state;
    struct core_rig *rig = begin(4, 38);
    rig->nodes[2].is_slow_to_execute = true;
    rig->nodes[3].is_slow_to_execute = true;
    wanted = 2;
    core_rig_submit(rig, 1, 1);
    core_rig_submit_early(rig, 1, 2);
    assert_true(core_rig_until(rig, 3000, is_early));
    assert_true(rig->clients[2].has_rows);
    assert_int_equal(rig->clients[1].outcome, RIG_WAITING);
    rig->nodes[2].is_slow_to_execute = false;
    wanted = 1;
    assert_true(core_rig_until(rig, 3000, is_done));
    core_rig_free(rig);
}

/* A read waits for the certificate, not only for the execution. */
static void test_what_is_not_certified_is_not_read(void **state)
{
    (void)state;
    struct core_rig *rig = begin(4, 39);
    rig->nodes[2].is_slow_to_execute = true;
    rig->nodes[3].is_slow_to_execute = true;
    wanted = 1;
    core_rig_submit_early(rig, 1, 1);
    assert_true(core_rig_until(rig, 3000, is_early));
    read_at(rig, 1);
    core_rig_run(rig, 1000);
    assert_int_equal(reads[0].answers, 0);
    rig->nodes[2].is_slow_to_execute = false;
    check_sees(rig, rig->clients[1].height);
    core_rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_read_sees_what_was_final),
        cmocka_unit_test(test_a_burst_is_one_round),
        cmocka_unit_test(test_a_follower_behind_waits),
        cmocka_unit_test(test_without_a_quorum_a_read_ends),
        cmocka_unit_test(test_a_liar_cannot_hide_a_write),
        cmocka_unit_test(test_a_liar_cannot_make_others_wait),
        cmocka_unit_test(test_answers_of_an_older_round_do_not_count),
        cmocka_unit_test(test_early_answers),
        cmocka_unit_test(test_what_is_not_certified_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
