/* Goal: organisations change the configuration of the chain by their votes, each refusal is stable,
 * the change begins with the epoch after the closing block and not before, convictions bar whoever
 * they name, and all of it survives a restart at any height. */
#include <stdio.h>

#include "ledger/change.h"
#include "support/cmocka_all.h"
#include "support/exec_rig.h"

#define CALL(text)  "CALL trustsql." text
#define VIEW_MS_250 CALL("chain_set('consensus.view_ms', '250')")
#define WINDOW_32   CALL("chain_set('consensus.mode_window', '32')")

static const struct chain_options four = {
    .mode = MODE_BFT, .validators = 4, .f = 1, .account_count = 6};
static const struct chain_options adaptive = {
    .mode = MODE_FAST, .validators = 4, .f = 1, .account_count = 6};

static void close_epoch(struct exec_rig *rig, uint32_t exec_version)
{
    struct exec_epoch epoch;
    exec_epoch(rig->exec, &epoch);
    assert_true(epoch.next_config.size > 0);
    struct hash hash = chain_config_hash(epoch.next_config);
    chain_epoch_close(rig->chain, &hash, exec_version);
    (void)exec_rig_apply(rig);
    assert_true(rig->outcome.begun_config.size > 0);
}

static void decide(struct exec_rig *rig, const char *sql)
{
    for (uint32_t account = 0; account < 3; account++)
        exec_rig_do(rig, account, sql);
}

static void expect_call(struct exec_rig *rig, uint32_t account, const char *sql, const char *state)
{
    (void)exec_rig_sql(rig, account, sql);
    exec_rig_expect(rig, 0, state);
}

static struct chain_config present(struct exec_rig *rig)
{
    struct exec_epoch epoch;
    struct chain_config c;
    exec_epoch(rig->exec, &epoch);
    assert_int_equal(chain_config_decode(&c, &rig->arena, epoch.config), ST_OK);
    assert_int_equal(c.epoch, epoch.epoch);
    return c;
}

static void majority_of_organisations_decides(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &four);
    exec_rig_do(&rig, 0, VIEW_MS_250);
    assert_string_equal(rig.outcome.txs[0].ops[0].notice, "proposal 1 has 1 of 3 votes needed");
    exec_rig_do(&rig, 0, VIEW_MS_250); /* The same organisation again. */
    assert_string_equal(rig.outcome.txs[0].ops[0].notice, "proposal 1 has 1 of 3 votes needed");
    exec_rig_do(&rig, 1, CALL("vote(1)"));
    assert_int_equal(rig.outcome.next_config.size, 0);
    exec_rig_do(&rig, 2, CALL("chain_set(value => '250', name => 'consensus.view_ms')"));
    assert_string_equal(rig.outcome.txs[0].ops[0].notice, "decided: takes effect with epoch 1");
    assert_true(rig.outcome.next_config.size > 0);
    struct exec_epoch epoch;
    exec_epoch(rig.exec, &epoch);
    assert_int_equal(epoch.next_from, exec_height(rig.exec));
    exec_rig_do(&rig, 3, VIEW_MS_250); /* Late, and not a new proposal. */
    assert_string_equal(rig.outcome.txs[0].ops[0].notice, "decided: takes effect with epoch 1");
    assert_int_equal(exec_rig_int(&rig, "SELECT count(*) FROM \"trustsql.proposals\""), 1);
    (void)exec_rig_apply(&rig); /* It goes on being told until its epoch begins. */
    assert_true(rig.outcome.next_config.size > 0);
    assert_int_equal(present(&rig).params.view_ms, 500);
    close_epoch(&rig, 1);
    assert_int_equal(rig.outcome.next_config.size, 0);
    assert_int_equal(present(&rig).params.view_ms, 250);
    assert_int_equal(exec_rig_int(&rig, "SELECT first_height FROM \"trustsql.epochs\" "
                                        "WHERE epoch = 1"),
                     (int64_t)exec_height(rig.exec) + 1);
    assert_int_equal(exec_rig_int(&rig, "SELECT value + 0 FROM \"trustsql.parameters\" "
                                        "WHERE name = 'consensus.view_ms'"),
                     250);
    assert_int_equal(exec_rig_int(&rig, "SELECT count(*) FROM \"trustsql.proposals\" "
                                        "WHERE state = 'decided' AND epoch = 1"),
                     1);
    expect_call(&rig, 3, VIEW_MS_250, "55000"); /* It is so now. */
    exec_rig_fini(&rig);
}

static void one_change_waits_at_a_time(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &four);
    decide(&rig, VIEW_MS_250);
    exec_rig_do(&rig, 0, WINDOW_32);
    exec_rig_do(&rig, 1, WINDOW_32);
    expect_call(&rig, 2, WINDOW_32, "55006");
    assert_int_equal(exec_rig_int(&rig, "SELECT count(*) FROM \"trustsql.votes\" "
                                        "WHERE proposal = 2"),
                     2);
    close_epoch(&rig, 1);
    exec_rig_do(&rig, 2, WINDOW_32); /* The votes from before still count. */
    close_epoch(&rig, 1);
    assert_int_equal(present(&rig).params.view_ms, 250);
    assert_int_equal(present(&rig).params.mode_window, 32);
    assert_int_equal(present(&rig).epoch, 2);
    exec_rig_fini(&rig);
}

static void refusals_are_stable(void **state)
{
    (void)state;
    static const struct {
        uint32_t account;
        const char *sql;
        const char *sqlstate;
    } cases[] = {{4, VIEW_MS_250, "42501"}, /* No administrator. */
                 {0, CALL("chain_set('consensus.view_ms')"), "42883"},
                 {0, CALL("chain_set('a', 'b', true, 4)"), "42883"},
                 {0, CALL("chain_set('a', wert => 'b')"), "42883"},
                 {0, CALL("chain_set('a', name => 'b')"), "42883"},
                 {0, CALL("chain_set(name => 'a', name => 'b')"), "42601"},
                 {0, CALL("chain_set(name => 'a', 'b')"), "42601"},
                 {0, CALL("chain_set('consensus.view_ms', '1')"), "22023"},
                 {0, CALL("chain_set('consensus.view_ms', NULL)"), "22023"},
                 {0, CALL("chain_set('nothing', '1')"), "42704"},
                 {0, CALL("chain_set('consensus.f', '2')"), "22023"},
                 {0, CALL("chain_set('consensus.f', '0')"), "55000"},
                 {0, CALL("chain_set('consensus.f', '0', force => false)"), "55000"},
                 {0, CALL("drop_validator('node1')"), "22023"},
                 {0, CALL("drop_validator('nobody')"), "42704"},
                 {0, CALL("drop_observer('node1')"), "42704"},
                 {0, CALL("reinstate('node1')"), "55000"},
                 {0, CALL("add_validator('no card')"), "22023"},
                 {0, CALL("vote(7)"), "42704"},
                 {0, CALL("vote(NULL)"), "42704"},
                 {0, CALL("withdraw(7)"), "42704"}};
    struct exec_rig rig;
    exec_rig_init(&rig, &four);
    struct hash before = exec_rig_contents(&rig);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_call(&rig, cases[i].account, cases[i].sql, cases[i].sqlstate);
    struct hash after = exec_rig_contents(&rig);
    assert_true(hash_equal(&before, &after));
    exec_rig_fini(&rig);
}

static void force_takes_the_risk(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &four);
    exec_rig_do(&rig, 0, CALL("chain_set('consensus.f', '0', force => true)"));
    expect_call(&rig, 1, CALL("chain_set('consensus.f', '0')"), "55000");
    struct receipt r = exec_rig_receipt(&rig, 0);
    assert_non_null(strstr(r.diag.message, "0 lying validators instead of 1"));
    assert_non_null(strstr(r.diag.hint, "force => true"));
    exec_rig_do(&rig, 1, CALL("vote(1)")); /* The proposal says force. */
    exec_rig_do(&rig, 2, CALL("vote(proposal => 1)"));
    close_epoch(&rig, 1);
    assert_int_equal(present(&rig).f, 0);
    exec_rig_fini(&rig);
}

static void votes_are_taken_back_and_expire(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &four);
    exec_rig_do(&rig, 0, VIEW_MS_250);
    exec_rig_do(&rig, 1, VIEW_MS_250);
    exec_rig_do(&rig, 0, CALL("withdraw(1)"));
    expect_call(&rig, 0, CALL("withdraw(1)"), "55000");
    exec_rig_do(&rig, 2, CALL("vote(1)"));
    assert_int_equal(rig.outcome.next_config.size, 0);
    exec_rig_do(&rig, 1, CALL("withdraw(1)"));
    exec_rig_do(&rig, 2, CALL("withdraw(1)"));
    expect_call(&rig, 2, CALL("vote(1)"), "42704");
    exec_rig_do(&rig, 0, VIEW_MS_250);
    chain_time_skip(rig.chain, 604800000u); /* Seven days. */
    expect_call(&rig, 1, CALL("vote(2)"), "42704");
    exec_rig_do(&rig, 1, VIEW_MS_250); /* A new one. */
    assert_string_equal(rig.outcome.txs[0].ops[0].notice, "proposal 3 has 1 of 3 votes needed");
    assert_int_equal(exec_rig_int(&rig, "SELECT count(*) FROM \"trustsql.proposals\" "
                                        "WHERE state = 'expired' OR state = 'withdrawn'"),
                     2);
    exec_rig_fini(&rig);
}

static void open_proposals_are_limited(void **state)
{
    (void)state;
    struct exec_rig rig;
    char sql[96];
    exec_rig_init(&rig, &four);
    for (uint32_t i = 0; i < 65; i++) {
        (void)snprintf(sql, sizeof sql, CALL("chain_set('fuel_tx', '%u')"), 1000 + i);
        expect_call(&rig, 0, sql, i < 64 ? "" : "54000");
    }
    exec_rig_do(&rig, 1, sql);
    exec_rig_fini(&rig);
}

static const char *card_call(struct exec_rig *rig, const char *procedure, const char *node)
{
    struct card card = {.made_ms = 1, .account_count = 1};
    struct secret_key secret = {.scheme = SIGN_ED25519};
    struct buf text;
    memset(secret.bytes, 77, sizeof secret.bytes);
    assert_int_equal(sign_public(chain_signer(rig->chain), &card.node_key, &secret), ST_OK);
    (void)snprintf(card.organisation, sizeof card.organisation, "org9");
    (void)snprintf(card.node, sizeof card.node, "%s", node);
    (void)snprintf(card.accounts[0].name, sizeof card.accounts[0].name, "admin9");
    card.accounts[0].key = chain_new_key(rig->chain, CHAIN_ACCOUNTS_MAX + 9);
    card.accounts[0].is_admin = true;
    buf_init(&text, mem_system(), 0);
    buf_printf(&text, "CALL trustsql.%s('", procedure);
    card_print(&card, &text);
    buf_put_text(&text, "')");
    buf_put_u8(&text, 0);
    const char *out = (const char *)arena_copy(&rig->arena, buf_span(&text)).data;
    buf_fini(&text);
    return out;
}

/* A stranger's node becomes observer, then validator; its administrator then has a vote. */
static void nodes_join_and_vote(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &four);
    const uint32_t stranger = CHAIN_ACCOUNTS_MAX + 9;
    decide(&rig, card_call(&rig, "add_observer", "node9"));
    close_epoch(&rig, 1);
    assert_int_equal(present(&rig).node_count, 5);
    expect_call(&rig, stranger, VIEW_MS_250, "42501"); /* It has an account and no vote. */
    expect_call(&rig, 0, card_call(&rig, "add_observer", "node9"), "42710");
    decide(&rig, card_call(&rig, "add_validator", "node9"));
    close_epoch(&rig, 1);
    assert_int_equal(present(&rig).validator_count, 5);
    exec_rig_do(&rig, stranger, VIEW_MS_250);
    exec_rig_do(&rig, 0, VIEW_MS_250);
    exec_rig_do(&rig, 1, VIEW_MS_250);
    assert_true(rig.outcome.next_config.size > 0);
    close_epoch(&rig, 1);
    decide(&rig, CALL("drop_validator('node0')")); /* org0 votes for the last time. */
    close_epoch(&rig, 1);
    expect_call(&rig, 0, VIEW_MS_250, "42501");
    assert_int_equal(exec_rig_int(&rig, "SELECT count(*) FROM \"trustsql.validators\" "
                                        "WHERE role = 'validator'"),
                     4);
    exec_rig_fini(&rig);
}

static void account_names_stay_with_their_owners(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &four);
    exec_rig_do(&rig, 0,
                CALL("create_account(name => 'admin9', public_key => "
                     "'\\xd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')"));
    expect_call(&rig, 0, card_call(&rig, "add_validator", "node9"), "42710");
    exec_rig_fini(&rig);
}

/* Blocks close their epoch only with what is decided, and belong to the present one. */
static void wrong_blocks_are_refused(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &four);
    for (int n = 0; n < 5; n++) {
        if (n == 1) decide(&rig, VIEW_MS_250);
        struct exec_epoch epoch;
        exec_epoch(rig.exec, &epoch);
        struct header h = {.height = exec_height(rig.exec) + 1,
                           .exec_version = 1,
                           .flags = BLOCK_EPOCH_CLOSE,
                           .next_config_hash = chain_config_hash(epoch.next_config)};
        if (n == 2) h.next_config_hash.bytes[0] ^= 1;
        if (n == 3) h.epoch = 1;
        if (n == 4) h.exec_version = 2;
        struct exec_block in = {.header = &h};
        enum status st = n == 1 ? ST_OK : exec_apply(rig.exec, &in, &rig.outcome);
        assert_int_equal(st, n == 1 ? ST_OK : ST_INVALID);
    }
    close_epoch(&rig, 1);
    exec_rig_fini(&rig);
}

/* What a member of the genesis says of itself. */
static void put_incident(struct exec_rig *rig,
                         uint8_t room[INCIDENT_SIZE_MAX],
                         enum incident_state state,
                         uint64_t time_ms)
{
    static struct span bytes;
    struct exec_epoch epoch;
    struct chain_config config;
    struct buf out;
    exec_epoch(rig->exec, &epoch);
    assert_int_equal(chain_config_decode(&config, &rig->arena, epoch.config), ST_OK);
    struct incident i = {.chain_id = *chain_id(rig->chain),
                         .node = config.nodes[1].node_key,
                         .kind = INCIDENT_BLOCK,
                         .state = state,
                         .place = span_text("blocks/00000001.seg offset 92"),
                         .height = 3,
                         .time_ms = time_ms};
    if (state == INCIDENT_REPAIRED) i.old_hash.bytes[0] = 7;
    if (time_ms == 0) i.node.bytes[0] ^= 1; /* Of no member. */
    buf_init_fixed(&out, room, INCIDENT_SIZE_MAX);
    incident_encode(&out, &i);
    bytes = buf_span(&out);
    rig->incidents = &bytes;
    rig->incident_count = 1;
    (void)exec_rig_apply(rig);
}

/* One row for each find, its state only goes forward; strangers have none; older versions refuse.
 */
static void incidents_become_rows(void **state)
{
    (void)state;
    static const struct chain_options third = {
        .mode = MODE_BFT, .validators = 4, .f = 1, .exec_version = 3};
    static const char count[] = "INSERT INTO seen SELECT count(*), max(length(old_hash)), "
                                "max(state) FROM trustsql.incidents";
    uint8_t room[INCIDENT_SIZE_MAX];
    struct exec_rig rig;
    exec_rig_init(&rig, &third);
    put_incident(&rig, room, INCIDENT_FOUND, 0);
    put_incident(&rig, room, INCIDENT_FOUND, 5);
    put_incident(&rig, room, INCIDENT_REPAIRED, 5);
    put_incident(&rig, room, INCIDENT_FOUND, 5); /* Late: it is repaired already. */
    put_incident(&rig, room, INCIDENT_REPAIRED, 6);
    exec_rig_do(&rig, 0, "CREATE TABLE seen (n bigint PRIMARY KEY, l bigint, s text)");
    exec_rig_do(&rig, 0, count);
    exec_rig_do(&rig, 0, "DELETE FROM seen WHERE n = 2 AND l = 32 AND s = 'repaired'");
    exec_rig_do(&rig, 0, "INSERT INTO seen VALUES (2, 0, '')"); /* It was that row. */
    exec_rig_fini(&rig);

    exec_rig_init(&rig, &four);
    struct span bytes = span_of(room, 1);
    struct header h = {.height = 1, .exec_version = 1};
    struct exec_block in = {.header = &h, .incidents = &bytes, .incident_count = 1};
    assert_int_equal(exec_apply(rig.exec, &in, &rig.outcome), ST_INVALID);
    exec_rig_fini(&rig);
}

static void convict(struct exec_rig *rig, uint32_t mask, uint32_t diverged)
{
    struct mode_facts facts = {
        .height = exec_height(rig->exec) + 1, .convicted = mask, .diverged = diverged};
    rig->facts = &facts;
    (void)exec_rig_apply(rig);
}

static void the_convicted_never_lead(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &four);
    convict(&rig, 0, 1u << 2); /* Divergence bars nobody. */
    assert_int_equal(rig.outcome.next_config.size, 0);
    convict(&rig, 1u << 2, 0);
    assert_true(rig.outcome.next_config.size > 0);
    convict(&rig, 1u << 1, 0); /* Has to wait for the next epoch. */
    close_epoch(&rig, 1);
    struct chain_config c = present(&rig);
    assert_int_equal(chain_config_validators(&c).barred, 1u << 2);
    (void)exec_rig_apply(&rig); /* The first block of the epoch. */
    assert_true(rig.outcome.next_config.size > 0);
    close_epoch(&rig, 1);
    c = present(&rig);
    assert_int_equal(chain_config_validators(&c).barred, 1u << 2 | 1u << 1);
    decide(&rig, CALL("reinstate('node2')"));
    close_epoch(&rig, 1);
    c = present(&rig);
    assert_int_equal(chain_config_validators(&c).barred, 1u << 1);
    (void)exec_rig_apply(&rig);
    assert_int_equal(rig.outcome.next_config.size, 0); /* And stays pardoned. */
    exec_rig_fini(&rig);
}

/* A block that shows that the one before was committed by three of four. */
static void apply_slow(struct exec_rig *rig)
{
    const uint64_t height = exec_height(rig->exec) + 1;
    struct mode_facts facts = {
        .height = height, .final_height = height - 1, .final_signers = 7, .res_signers = 7};
    rig->facts = &facts;
    (void)exec_rig_apply(rig);
}

/* Nothing is committed fast: the chain falls to STRICT, and an epoch keeps the mode. */
static void mode_has_a_history(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &adaptive);
    assert_int_equal(exec_rig_int(&rig, "SELECT height FROM \"trustsql.mode_history\" "
                                        "WHERE mode = 'FAST' AND cause = 'genesis'"),
                     1);
    const char *count = "SELECT count(*) FROM \"trustsql.mode_history\"";
    while (exec_rig_int(&rig, count) == 1 && exec_height(rig.exec) < 200)
        apply_slow(&rig);
    assert_int_equal(exec_rig_int(&rig, count), 2);
    assert_true(exec_rig_int(&rig, "SELECT height FROM \"trustsql.mode_history\" "
                                   "WHERE mode = 'STRICT'") > (int64_t)exec_height(rig.exec));
    decide(&rig, VIEW_MS_250);
    close_epoch(&rig, 1);
    assert_int_equal(mode_decided(exec_mode(rig.exec)), MODE_STRICT);
    exec_rig_reopen(&rig, true);
    assert_int_equal(mode_decided(exec_mode(rig.exec)), MODE_STRICT);
    assert_int_equal(exec_mode(rig.exec)->height, exec_height(rig.exec));
    decide(&rig, CALL("chain_set('consensus.mode', 'bft')"));
    close_epoch(&rig, 1);
    assert_int_equal(exec_rig_int(&rig, "SELECT height FROM \"trustsql.mode_history\" "
                                        "WHERE mode = 'BFT' AND cause = 'configured'"),
                     (int64_t)exec_height(rig.exec) + 1);
    exec_rig_reopen(&rig, true);
    (void)exec_rig_apply(&rig);
    exec_rig_fini(&rig);
}

/* Restart after each block: what is decided and what was voted stays. */
static void all_of_it_survives_a_restart(void **state)
{
    (void)state;
    struct hash contents[2];
    struct hash digests[2];
    for (int with_restarts = 0; with_restarts < 2; with_restarts++) {
        struct exec_rig rig;
        exec_rig_init(&rig, &adaptive);
        for (uint32_t h = 1; h <= 12; h++) {
            const uint32_t step = (h - 1) % 6;
            if (step < 3) chain_tx(rig.chain, step, h < 6 ? VIEW_MS_250 : WINDOW_32);
            if (h == 5 || h == 11)
                close_epoch(&rig, 1);
            else
                (void)exec_rig_apply(&rig);
            if (with_restarts) exec_rig_reopen(&rig, true);
        }
        assert_int_equal(present(&rig).epoch, 2);
        digests[with_restarts] = exec_digest(rig.exec);
        contents[with_restarts] = exec_rig_contents(&rig);
        exec_rig_fini(&rig);
    }
    assert_true(hash_equal(&digests[0], &digests[1]));
    assert_true(hash_equal(&contents[0], &contents[1]));
}

/* What version 2 added is unknown before its epoch, also to a statement that was cached. */
static void behaviour_changes_with_the_version(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &four);
    const char *insert = "INSERT INTO q VALUES (quote_literal('it''s'))";
    exec_rig_do(&rig, 0, "CREATE TABLE q (t text)");
    expect_call(&rig, 0, insert, "0A000");
    decide(&rig, CALL("chain_set('exec_version', '2')"));
    expect_call(&rig, 0, insert, "0A000");
    chain_tx(rig.chain, 0, insert);
    close_epoch(&rig, 2);
    exec_rig_expect(&rig, 0, "0A000"); /* The last block of the old epoch. */
    exec_rig_do(&rig, 0, insert);
    exec_rig_do(&rig, 0, "INSERT INTO q VALUES (quote_literal(42)), (quote_literal('a\\b'))");
    assert_int_equal(exec_rig_int(&rig, "SELECT count(*) FROM q WHERE t IN "
                                        "('''it''''s''', '''42''', 'E''a\\\\b''')"),
                     3);
    expect_call(&rig, 0, CALL("chain_set('exec_version', '2')"), "55000");
    expect_call(&rig, 0, CALL("chain_set('exec_version', '1')"), "22023");
    exec_rig_reopen(&rig, true);
    exec_rig_do(&rig, 0, insert);
    exec_rig_fini(&rig);
}

/* Version 3 brings tables and checkpoints; the rows of the blocks before are in them. */
static void checkpoints_begin_with_their_version(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &four);
    exec_rig_do(&rig, 0, "CREATE TABLE q (t text)");
    for (uint32_t version = 2; version <= 3; version++) {
        char raise[64];
        (void)snprintf(raise, sizeof raise, CALL("chain_set('exec_version', '%u')"), version);
        expect_call(&rig, 0, "SELECT count(*) FROM trustsql.checkpoints", "42P01");
        expect_call(&rig, 0, CALL("checkpoint()"), "42883");
        decide(&rig, raise);
        exec_rig_reopen(&rig, true);
        close_epoch(&rig, version);
    }
    const int64_t last = (int64_t)exec_height(rig.exec); /* Of the versions before. */
    exec_rig_reopen(&rig, true);
    exec_rig_do(&rig, 0, "INSERT INTO q SELECT sqlite_name FROM trustsql.tables");
    exec_rig_do(&rig, 0, CALL("checkpoint()"));
    for (uint32_t i = 0; i < 8; i++) {
        if (i % 3 == 1) exec_rig_reopen(&rig, true);
        (void)exec_rig_apply(&rig);
    }
    assert_false(hash_is_zero(&rig.outcome.result.checkpoint));
    assert_int_equal(exec_rig_int(&rig, "SELECT before FROM \"trustsql.checkpoints\""), last);
    exec_rig_do(&rig, 0, "SELECT count(*) FROM trustsql.checkpoints");
    exec_rig_fini(&rig);
}

static void epochs_are_found_by_number(void **state)
{
    (void)state;
    struct exec_rig rig;
    struct exec_epoch epoch;
    exec_rig_init(&rig, &four);
    decide(&rig, VIEW_MS_250);
    sqlite3 *writer = db_writer(exec_db(rig.exec));
    assert_int_equal(exec_config_of(writer, &rig.arena, 0, &epoch), ST_OK);
    assert_int_equal(epoch.first_height, 1);
    assert_int_equal(exec_config_of(writer, &rig.arena, 1, &epoch), ST_OK);
    assert_int_equal(epoch.first_height, 0);
    assert_int_equal(exec_config_of(writer, &rig.arena, 2, &epoch), ST_NOT_FOUND);
    exec_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(majority_of_organisations_decides),
        cmocka_unit_test(one_change_waits_at_a_time),
        cmocka_unit_test(refusals_are_stable),
        cmocka_unit_test(force_takes_the_risk),
        cmocka_unit_test(votes_are_taken_back_and_expire),
        cmocka_unit_test(open_proposals_are_limited),
        cmocka_unit_test(nodes_join_and_vote),
        cmocka_unit_test(account_names_stay_with_their_owners),
        cmocka_unit_test(wrong_blocks_are_refused),
        cmocka_unit_test(the_convicted_never_lead),
        cmocka_unit_test(incidents_become_rows),
        cmocka_unit_test(mode_has_a_history),
        cmocka_unit_test(all_of_it_survives_a_restart),
        cmocka_unit_test(behaviour_changes_with_the_version),
        cmocka_unit_test(checkpoints_begin_with_their_version),
        cmocka_unit_test(epochs_are_found_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
