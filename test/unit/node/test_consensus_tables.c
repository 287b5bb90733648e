/* Goal: trustsql.nodes, consensus and evidence show exactly what the replica says at one moment:
 * who is connected, who signed, who is missing; and unknown things are null. */
#include "node/consensus_tables.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/sample_ledger.h"

struct world { /* What the callbacks answer. */
    struct consensus_view view;
    uint32_t asked; /* How often the view was taken. */
    uint32_t evidence_count;
    size_t evidence_size;
    struct chain_tables_source source;
    sqlite3 *db;
};

static void give_view(void *context, struct consensus_view *out)
{
    struct world *w = context;
    w->asked++;
    *out = w->view;
}

static bool give_evidence(void *context,
                          uint32_t index,
                          struct evidence_view *out,
                          struct buf *bytes)
{
    struct world *w = context;
    if (index >= w->evidence_count) return false;
    *out = (struct evidence_view){.kind = "E2", .offender = index, .view = 7, .height = 40 + index};
    for (size_t i = 0; i < w->evidence_size; i++)
        buf_put_u8(bytes, 0xab);
    return true;
}

static void fill_view(struct consensus_view *v)
{
    *v = (struct consensus_view){.mode = MODE_BFT,
                                 .epoch = 3,
                                 .n = 4,
                                 .node_count = 5,
                                 .f = 1,
                                 .quorum = 3,
                                 .view_change_quorum = 3,
                                 .self = 1,
                                 .leader = 2,
                                 .view = 6,
                                 .tip_height = 12,
                                 .final_height = 11,
                                 .executed_height = 10,
                                 .block_count = 2};
    for (uint32_t i = 0; i < 4; i++) {
        struct consensus_view_member *m = &v->members[i];
        *m = (struct consensus_view_member){.is_self = i == 1,
                                            .organisation = "Bank A",
                                            .is_validator = true,
                                            .is_barred = i == 2,
                                            .is_connected = i != 3,
                                            .is_late = i == 3,
                                            .is_suspect = i >= 2,
                                            .has_status = i != 3,
                                            .rtt_us = 200 + i,
                                            .clock_offset_ms = -5,
                                            .last_seen_ms = i == 3 ? CONSENSUS_VIEW_NEVER : 30,
                                            .view = 6,
                                            .tip_height = 12,
                                            .final_height = 11,
                                            .executed_height = 9 + i,
                                            .voted_height = {12, 11, 9 + i}};
        memset(m->executed_digest.bytes, (int)i, HASH_SIZE);
        (void)snprintf(m->name, sizeof m->name, "node%u", i);
        if (i == 3) continue;
        m->release =
            (struct release){.exec_version_min = 1, .exec_version_max = 1 + i, .version = "1.0"};
        memset(m->release.program.bytes, i == 2 ? 9 : 8, HASH_SIZE);
    }
    v->members[4] = (struct consensus_view_member){
        .name = "reader", .organisation = "Bank B", .last_seen_ms = CONSENSUS_VIEW_NEVER};
    memcpy(v->members[1].address, "[2001:db8::1]:65535", 20);
    v->members[3].rtt_us = 0;
    memcpy(v->members[3].address, "198.51.100.3:1", 15);
    memcpy(v->members[3].last_failure, "refused", 8);
    v->blocks[0] = (struct consensus_view_block){.height = 11,
                                                 .view = 6,
                                                 .proposer = 2,
                                                 .tx_count = 3,
                                                 .signers = {7, 7, 5},
                                                 .is_final = true};
    v->blocks[1] = (struct consensus_view_block){
        .height = 12, .view = 6, .proposer = 2, .signers = {15, 0, 0}};
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    fill_view(&w->view);
    w->source = (struct chain_tables_source){
        .mem = mem_system(), .consensus = give_view, .evidence = give_evidence, .context = w};
    assert_int_equal(sqlite3_open(":memory:", &w->db), SQLITE_OK);
    assert_int_equal(consensus_tables_register(w->db, &w->source), ST_OK);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    assert_int_equal(sqlite3_close(w->db), SQLITE_OK);
    free(w);
    return 0;
}

/* All values of a query: columns with "|", rows with ";", null as "-". */
static int query(struct world *w, const char *text, char *out, size_t room)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(w->db, text, -1, &statement, NULL);
    out[0] = 0;
    size_t used = 0;
    while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        code = SQLITE_OK;
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            const char *value = (const char *)sqlite3_column_text(statement, i);
            used += (size_t)snprintf(out + used, room - used, "%s%s",
                                     i > 0      ? "|"
                                     : used > 0 ? ";"
                                                : "",
                                     value != NULL ? value : "-");
        }
    }
    (void)sqlite3_finalize(statement);
    return code;
}

static void expect(struct world *w, const char *text, const char *expected)
{
    char got[2048];
    assert_int_equal(query(w, text, got, sizeof got), SQLITE_DONE);
    assert_string_equal(got, expected);
}

static void nodes(void **state)
{
    struct world *w = *state;
    expect(w,
           "SELECT \"index\", name, organisation, address, is_self, is_connected, is_late "
           "FROM \"trustsql.nodes\"",
           "0|node0|Bank A||0|1|0;" /* Settings say that it is not dialled. */
           "1|node1|Bank A|[2001:db8::1]:65535|1|1|0;2|node2|Bank A||0|1|0;"
           "3|node3|Bank A|198.51.100.3:1|0|0|1;4|reader|Bank B||0|0|0");
    expect(w,
           "SELECT view, tip, final, height, hex(substr(digest, 1, 2)), lag, voted, locked, "
           "certified FROM \"trustsql.nodes\" WHERE \"index\" IN (0, 2, 3)",
           "6|12|11|9|0000|2|12|11|9;6|12|11|11|0202|0|12|11|11;-|-|-|-||-|12|11|12");
    expect(w, "SELECT rtt_us, clock_offset_ms, last_seen_ms, last_failure FROM \"trustsql.nodes\"",
           "200|-5|30|-;-|-|-|-;202|-5|30|-;-|-|-|refused;-|-|-|-");
    expect(w,
           "SELECT name, role, epoch, is_barred, is_suspect, version, exec_version_min, "
           "exec_version_max, hex(substr(program, 1, 2)), is_same_program FROM \"trustsql.nodes\"",
           "node0|validator|3|0|0|1.0|1|1|0808|1;node1|validator|3|0|0|1.0|1|2|0808|1;"
           "node2|validator|3|1|1|1.0|1|3|0909|0;node3|validator|3|0|1|-|-|-||-;"
           "reader|observer|3|0|0|-|-|-||-");
}

static void votes(void **state)
{
    struct world *w = *state;
    expect(w,
           "SELECT height, view, proposer, tx_count, voted, locked, certified, missing, is_final, "
           "is_certified FROM \"trustsql.consensus\"",
           "11|6|2|3|node0, node1, node2|node0, node1, node2|node0, node2|node1, node3|1|0;"
           "12|6|2|0|node0, node1, node2, node3|||node0, node1, node2, node3|0|0");
    w->view.blocks[1].signers[VOTE_P1] = 6;
    expect(w, "SELECT missing FROM \"trustsql.consensus\" WHERE height = 12", "node0, node3");
    w->view.blocks[0].is_certified = true;
    expect(w, "SELECT missing FROM \"trustsql.consensus\" WHERE height = 11", "node3");
    const char *present = "SELECT DISTINCT epoch, mode, leader, f, p, quorum, fast_quorum, "
                          "view_change_quorum, suspects FROM \"trustsql.consensus\"";
    expect(w, present, "3|BFT|2|1|0|3|-|3|node2, node3");
    w->view.mode = MODE_STRICT;
    w->view.fast_quorum = 4;
    w->view.block_count = 0; /* Before the first block there is a row all the same. */
    expect(w, present, "3|STRICT|2|1|0|3|4|3|node2, node3");
    expect(w, "SELECT height, voted FROM \"trustsql.consensus\"", "0|");
}

static void one_reading_is_one_moment(void **state)
{
    struct world *w = *state;
    expect(w, "SELECT count(*) FROM \"trustsql.nodes\"", "5");
    assert_int_equal(w->asked, 1);
}

static void evidence(void **state)
{
    struct world *w = *state;
    expect(w, "SELECT * FROM \"trustsql.evidence\"", "");
    w->evidence_count = 2;
    w->evidence_size = 2;
    expect(w,
           "SELECT kind, offender, node, view, height, size, hex(bytes) FROM \"trustsql.evidence\"",
           "E2|0|node0|7|40|2|ABAB;E2|1|node1|7|41|2|ABAB");
    expect(w, "SELECT is_in_chain, chain_height FROM \"trustsql.evidence\"", "0|-;0|-");
    assert_int_equal(
        sqlite3_exec(w->db,
                     "CREATE TABLE \"trustsql.convictions\"(name TEXT, height INTEGER);"
                     "INSERT INTO \"trustsql.convictions\" VALUES ('node1', 45)",
                     NULL, NULL, NULL),
        SQLITE_OK);
    expect(w, "SELECT is_in_chain, chain_height FROM \"trustsql.evidence\"", "0|-;1|45");
    w->evidence_size = (1u << 20) + 1; /* Larger than a value of SQL. */
    expect(w, "SELECT size, bytes FROM \"trustsql.evidence\"", "1048577|-;1048577|-");
    w->evidence_size = 0;
    w->evidence_count = 6; /* An offender who is no member is shown by number alone. */
    expect(w, "SELECT offender, node FROM \"trustsql.evidence\" WHERE offender > 2",
           "3|node3;4|-;5|-");
}

static void memory_may_fail_at_any_call(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {"SELECT * FROM \"trustsql.nodes\"",
                                        "SELECT * FROM \"trustsql.consensus\"",
                                        "SELECT * FROM \"trustsql.evidence\""};
    w->evidence_count = 1;
    w->evidence_size = 10;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int code = SQLITE_ERROR;
        for (uint64_t n = 1; code != SQLITE_DONE; n++) {
            char got[4096];
            struct fail_mem memory;
            fail_mem_init(&memory, n);
            w->source.mem = &memory.mem;
            assert_int_equal(sqlite3_close(w->db), SQLITE_OK);
            assert_int_equal(sqlite3_open(":memory:", &w->db), SQLITE_OK);
            enum status st = consensus_tables_register(w->db, &w->source);
            assert_true(st == ST_OK || st == ST_NO_MEMORY);
            code = st == ST_OK ? query(w, texts[i], got, sizeof got) : SQLITE_NOMEM;
            assert_true(code == SQLITE_DONE || code == SQLITE_NOMEM);
            assert_int_equal(sqlite3_close(w->db), SQLITE_OK);
            w->db = NULL;
            assert_int_equal(memory.live, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nodes, setup, teardown),
        cmocka_unit_test_setup_teardown(votes, setup, teardown),
        cmocka_unit_test_setup_teardown(one_reading_is_one_moment, setup, teardown),
        cmocka_unit_test_setup_teardown(evidence, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_may_fail_at_any_call, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
