/* Goal: scenario files mean what docs/simulator.md says: mistakes are told with their line before
 * anything runs, expectations hold or fail, faults of every kind can be made. */
#include "sim/scenario.h"
#include "support/cmocka_all.h"

static struct scenario_result run(const char *text)
{
    struct scenario_result result;
    struct scenario_options options = {.name = "test.scn", .text = span_text(text)};
    scenario_run(&options, &result);
    return result;
}

static void holds(const char *text)
{
    struct scenario_result r = run(text);
    if (r.outcome != SCENARIO_HOLDS) print_error("%s\n", r.error);
    assert_int_equal(r.outcome, SCENARIO_HOLDS);
}

static void fails(const char *text, const char *why)
{
    struct scenario_result r = run(text);
    assert_int_equal(r.outcome, SCENARIO_FAILS);
    if (strstr(r.error, why) == NULL) print_error("%s\n", r.error);
    assert_non_null(strstr(r.error, why));
}

static void is_refused(const char *text, const char *why)
{
    struct scenario_result r = run(text);
    assert_int_equal(r.outcome, SCENARIO_UNUSABLE);
    if (strstr(r.error, why) == NULL) print_error("%s\n", r.error);
    assert_non_null(strstr(r.error, why));
    assert_int_equal(r.runs, 0);
}

static void tells_mistakes(void **state)
{
    (void)state;
    is_refused("nodes 4\nfly", "test.scn:2: \"fly\" begins no statement");
    is_refused("nodes", "test.scn:1: the line ends");
    is_refused("nodes 99", "1 to 31");
    is_refused("nodes 3\nrun 1s", "bft needs n = 1 or n >= 4");
    is_refused("nodes 4\nf 2\nstart", "n >= 3f+1");
    is_refused("mode paxos", "a mode is expected");
    is_refused("handover 3", "HANDOVER is not built");
    is_refused("config add 4", "a change is a transaction");
    is_refused("tx t config fly 4", "is expected");
    is_refused("run 5", "a duration");
    is_refused("run 5s now", "the end of the line");
    is_refused("run 1s\nnodes 4", "stands before everything");
    is_refused("crash 4", "there are 4 nodes");
    is_refused("crash 0 lose much", "all, some or none");
    is_refused("submit t to 0", "there is no transaction \"t\"");
    is_refused("tx t\ntx t", "already");
    is_refused("send 0 to all propose A", "is honest");
    is_refused("byzantine 0 puppet\nsend 0 to all shout", "propose, vote");
    is_refused("byzantine 0 puppet\nsend 0 to all vote p1 nothing", "a block is expected");
    is_refused("byzantine 0 liar", "puppet, core, twins or lies");
    is_refused("byzantine 0 lies fibs", "a lie is expected");
    is_refused("rule r from 0 explode", "deliver, drop");
    is_refused("rule r kind smoke drop", "a kind is expected");
    is_refused("release r", "there is no rule");
    is_refused("link 0 1 loss 3%", "> is expected");
    is_refused("link 0 > 1 loss 3", "a percentage");
    is_refused("expect miracle", "is expected");
    is_refused("expect evidence E11", "E1 to E10");
    is_refused("expect reject boredom", "a reason is expected");
    is_refused("expect halted on 0 within 1s for 1s", "not both");
    is_refused("restore 0 old", "there is no backup");
    is_refused("fault gremlins", "a planted fault");
}

static void expects(void **state)
{
    (void)state;
    holds("# nothing but a comment\n\n");
    holds("tx t\nsubmit t to 2\nexpect tx t final within 1s\nexpect no evidence\n"
          "expect equal-digests within 100ms\nexpect final height 1 block 0/1\n"
          "name first final/1\nexpect final height 1 block first\nexpect mode bft height 1\n"
          "expect view = 0\nexpect leader 0\nexpect running\nexpect no halted\n");
    fails("tx t\nexpect tx t final within 1s", "test.scn:2: at 1000 ms this does not hold");
    fails("tx t\nsubmit t to 0\nexpect no tx t final for 1s", "does not hold");
    fails("tx t bad-signature\nsubmit t to 0\nexpect tx t executed within 1s", "not executed it");
    fails("expect view >= 1", "is in view 0");
    fails("fault q-1\ntx t\nsubmit t to 0\nrun 2s", "the oracle found");
    holds("fault lock-without-qc\ntx t\nsubmit t to 0\nexpect violation P2\nrun 2s");
    fails("expect violation I1\nrun 1s", "found nothing");
}

/* Whatever ends a run before its expectations were reached makes it fail. */
static void stops_early(void **state)
{
    (void)state;
    holds("fault lock-without-qc\ntx t\nsubmit t to 0\nrun 2s\nexpect violation P2\n");
    fails("fault lock-without-qc\nexpect violation P2\ntx t\nsubmit t to 0\nrun 2s\n"
          "expect tx t final\n",
          "test.scn:5: P2 is broken as expected, and the world stands still: of 1 expectations "
          "only 0 were reached");
    fails("fault lock-without-qc\nexpect violation P2\ntx t\nsubmit t to 0\n"
          "expect tx t final within 2s\n",
          "only 0 were reached");
    fails("fault lock-without-qc\nexpect violation P2\ntx t\nsubmit t to 0\n"
          "expect no tx t final for 2s\n",
          "only 0 were reached");
    fails("fault lock-without-qc\nexpect violation I1\ntx t\nsubmit t to 0\nrun 2s\n",
          "P2 is broken");
    is_refused("expect violation P2\nexpect violation P3", "P2 is expected already");
    is_refused("expect violation P", "an invariant is expected");
    is_refused("expect violation 1", "an invariant is expected");
    is_refused("byzantine 0 puppet\nexpect tx t final on 0", "no transaction \"t\"");
    is_refused("byzantine 0 puppet\nexpect running on 0", "nothing holds on puppets");
    is_refused("byzantine 0 puppet\nexpect no view >= 1 on 0", "nothing holds on puppets");
    holds("byzantine 0 puppet\nexpect running on all\n");
    /* Zeroes at the end of both copies of the journal are a write that never ended. */
    holds("load 5 every 20ms\nexpect all-txs-final within 5s\ncrash 1 lose none\n"
          "cut 1 journal promise copy 1 at 30\ncut 1 journal promise copy 2 at 30\nrestart 1\n"
          "load 5 every 20ms\nexpect all-txs-final within 5s\n");
}

static void rules_decide(void **state)
{
    (void)state;
    holds(
        "tx t\nrule no from 0 kind propose drop\nsubmit t to 0\nexpect no tx t executed for 300ms\n"
        "expect matched no at-least 3\nend no\nexpect tx t final within 5s\n");
    holds("tx t\nrule later kind vote-p2 hold\nsubmit t to 0\nexpect no tx t executed for 300ms\n"
          "end later\nrelease later\nexpect tx t executed within 5s\n");
    holds("tx t\nrule slow from 0 to 1-3 kind propose delay 100ms\nsubmit t to 0\n"
          "expect no tx t executed for 90ms\nexpect tx t final within 1s\n");
    holds("tx t\nrule twice duplicate 2 within 5ms\nsubmit t to 0\nexpect tx t final within 1s\n");
    holds("tx t\nrule tape record\nsubmit t to 0\nexpect tx t final within 1s\nend tape\n"
          "replay tape to 1\nrun 200ms\nexpect no evidence\n");
    holds("rule one kind propose drop times 1\ntx t\nsubmit t to 0\nexpect matched one within 1s\n"
          "expect tx t final within 5s\n");
}

static void machines_fail(void **state)
{
    (void)state;
    holds("tx t\nsubmit t to 0\nexpect tx t final within 1s\ncrash 2 lose all\n"
          "expect no running on 2\nrestart 2\nexpect tx t final on 2 within 5s\n");
    holds("load 5 every 20ms\npower-cut 1 at 5 restart 100ms\nexpect all-txs-final within 10s\n");
    holds("load 5 every 20ms\nsync-fails 3 at 2\nexpect halted on 3 within 2s\nrestart 3\n"
          "expect all-txs-final within 10s\n");
    holds("load 5 every 20ms\nexpect all-txs-final within 5s\ncrash 1 lose none\n"
          "flip 1 journal promise copy 1 at 30\nrestart 1\nexpect running on 1\n"
          "expect all-txs-final within 5s\n");
    holds("load 5 every 20ms\nexpect all-txs-final within 5s\ncrash 1 lose none\n"
          "flip 1 journal promise copy 1 at 30\nflip 1 journal promise copy 2 at 30\nrestart 1\n"
          "run 1s\nexpect non-voter on 1\nexpect all-txs-final within 5s\n");
    holds("load 5 every 20ms\nexpect all-txs-final within 5s\nrun 500ms\nbackup 2 old\n"
          "load 5 every 20ms\nexpect all-txs-final within 5s\ncrash 2 lose none\nrestore 2 old\n"
          "restart 2\nexpect all-txs-final within 10s\n");
    holds(
        "executor 3 delay 50ms\nload 5 every 20ms\nexpect all-txs-final within 5s\n"
        "executor 3 crash at 9 restart 50ms\nload 5 every 20ms\nexpect all-txs-final within 9s\n");
    holds("executor 3 false from 2\nload 5 every 20ms\nexpect all-txs-final on 0-2 within 5s\n"
          "expect alarm diverged on 3 within 2s\nexpect no alarm diverged on 0-2\n");
    holds("clock 2 +300 drift 500\nload 5 every 20ms\nexpect all-txs-final within 5s\n");
    holds("nodes 1\nsweep 0 lose some restart 20ms\ntx t\nsubmit t to 0 retry 50ms\n"
          "expect tx t final within 5s\n");
}

static void byzantine_nodes_speak(void **state)
{
    (void)state;
    holds("byzantine 0 puppet\ntx t\nblock A txs t wrong tx-root\nsend 0 to 1-3 propose A\n"
          "run 1s\nexpect no final height 1 block A\n");
    holds("byzantine 0 puppet\nblock A time +9000\nsend 0 to 1-3 propose A\nrun 50ms\n"
          "expect reject time on 1-3\n");
    holds("byzantine 0 puppet\nblock A by 1 view 0\nsend 0 to 2,3 propose A\nrun 50ms\n"
          "expect reject not-leader on 2,3\n");
    /* High up on the chain, with the certificates that a block there shows. */
    holds("mode adaptive\nbyzantine 0 core\nload 6 every 20ms to 1-3\n"
          "expect all-txs-final within 2s\nrun 400ms\nrule own from 0 kind propose drop\n"
          "tx t\nblock A on 0/7 txs t\nrule votes from 1-3 kind vote-p1 block A record\n"
          "send 0 to 1-3 txs t\nend own\nsend 0 to 1-3 propose A\nrun 50ms\n"
          "expect matched votes at-least 9\nexpect tx t executed on 1-3 within 1s\n");
    holds("byzantine 3 puppet\ntx t\nsubmit t to 0\nexpect tx t final within 1s\n"
          "send 3 to 0 vote p1 0/1 bad-signature\nsend 3 to 0 vote p3 1 false\n"
          "send 3 to 0 status view 7\nsend 3 to 1 bytes 00ff\nrun 100ms\n"
          "expect reject codec on 1\nexpect evidence E8 against 3 on 0\n"
          "expect no evidence E1\nexpect no evidence E2\n");
    holds("byzantine 3 core\nlies 3 wrong-digest\nload 5 every 20ms\n"
          "expect all-txs-final within 5s\nlies 3 none\nrun 100ms\n");
}

static void clients_complain(void **state)
{
    (void)state;
    is_refused("complain loudly", "timeout or conflict is expected");
    is_refused("complain timeout t to all", "there is no transaction \"t\"");
    is_refused("complain timeout new", "to and nodes are expected");
    is_refused("complain timeout new to 0 client 64", "0 to 63");
    is_refused("complain timeout new to 0 times 0", "1 to 100000 times");
    is_refused("complain timeout new to 0 twice", "client, clients, times or over");
    is_refused("complain conflict a b to 0", "there is no reply \"a\"");
    is_refused("tx t\nreply r by 1 tx t", "node 1 is honest");
    is_refused("tx t\nbyzantine 1 core", "stands before everything");
    is_refused("byzantine 1 core\ntx t\nreply r by 1 tx t wrong", "receipt or digest");
    is_refused("expect complaints heard", "taken, refused or baseless");
    /* The leader has never seen it; who is complained to hands it on. */
    holds("tx t\nrule apart from 2 to 0 kind txs drop\nsubmit t to 2\nrun 100ms\n"
          "expect no tx t executed\ncomplain timeout t to 1\nexpect tx t final within 1s\n"
          "expect complaints taken on 1\nexpect no complaints taken on 2\nexpect view = 0\n");
    holds("complain timeout garbage to 0 client 3 times 61\n"
          "expect complaints refused on 0\nexpect no complaints refused at-least 2 on 0\n"
          "complain timeout garbage to 0 client 4\nexpect complaints taken at-least 61 on 0\n");
    holds("byzantine 3 puppet\ntx t\nsubmit t to 0\nexpect tx t final within 1s\n"
          "reply a by 3 tx t\nreply b by 3 tx t height 9\ncomplain conflict a a to 0\n"
          "run 1s\nexpect no evidence\ncomplain conflict a b to 0\n"
          "expect evidence E10 against 3 within 1s\n");
}

static void clients_read(void **state)
{
    (void)state;
    is_refused("read r near 1", "at and a node, or from and nodes, are expected");
    is_refused("read r at 4", "a node");
    is_refused("read 3 at 1", "names begin with a letter");
    is_refused("read r at 1\nread r at 1", "already");
    is_refused("byzantine 1 puppet\nread r at 1", "node 1 is a puppet");
    is_refused("expect read r done", "there is no read \"r\"");
    is_refused("read r at 1\nexpect read r soon", "done, ordered, answered");
    holds("tx t\nsubmit t to 0\nexpect tx t final on 0 within 1s\nread a at 2\n"
          "read b from all\nexpect read a done within 100ms\nexpect read a sees t\n"
          "expect read b done within 100ms\nexpect read b sees t\nexpect read b tries 1\n");
    /* Three of seven are too few for heights; a crash ends what a session waits for. */
    holds("nodes 7\ntx t\nsubmit t to 0\nexpect tx t final within 1s\nread a from 0-2\n"
          "partition 6 | 0-5\nread b at 6\nread c at 5\ncrash 5\nexpect read c failed within 1s\n"
          "expect read b failed within 6s\nexpect read a failed\nexpect no read a answered\n");
    holds("nodes 1\ntx t\nsubmit t to 0\nexpect tx t final within 1s\nread a at 0\n"
          "read b from 0\nexpect read a done within 1s\nexpect read b done within 1s\n"
          "expect read a sees t\nexpect read b sees t\n");
    holds("byzantine 3 core\ntx t\nsubmit t to 0\nexpect tx t final within 1s\nlies 3 false-rows\n"
          "read a from all\nexpect read a done within 1s\nexpect read a tries 2\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_mistakes),   cmocka_unit_test(expects),
        cmocka_unit_test(stops_early),      cmocka_unit_test(rules_decide),
        cmocka_unit_test(clients_complain), cmocka_unit_test(clients_read),
        cmocka_unit_test(machines_fail),    cmocka_unit_test(byzantine_nodes_speak)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
