/* Goal: node.conf says what it says and nothing else: every setting is taken and written back, a
 * mistake is refused with its line, and addresses of peers go before those of the genesis. */
#include "node/config.h"

#include "os/fake/fake_os.h"
#include "support/cmocka_all.h"
#include "support/sample_ledger.h"

#define WHAT_SIZE 160u

static enum status read_text(struct node_config *config, const char *text, char *what)
{
    struct fake_os *f = fake_os_new(1);
    struct os *os = fake_os_table(f);
    assert_int_equal(os->make_dir(os, "d"), ST_OK);
    assert_int_equal(os_replace_file(os, "d/node.conf", span_text(text)), ST_OK);
    enum status st = node_config_read(config, os, "d", what);
    fake_os_free(f);
    return st;
}

static struct span address_of(const struct node_config *config,
                              const struct genesis *g,
                              uint32_t member)
{
    const struct genesis_member *m = &g->members[member];
    return node_config_address(config, m->node_name, m->address);
}

static void every_setting_is_taken_and_written_back(void **state)
{
    (void)state;
    static const char text[] = "[p2p]\nhost = 192.0.2.1\nport = 7000\noutbound_only = yes\n"
                               "proxy = socks5://me:pass@word@proxy.example:1080\n"
                               "[peer.node1]\naddress = a:1\n[peer.node2]\naddress =\n"
                               "[pg]\nhost = ::1\nport = 1\nconnections = 2\n"
                               "[threads]\nverify = 3\nread = 4\n[store]\nsegment_bytes = 65537\n";
    char what[WHAT_SIZE];
    struct node_config config;
    struct node_config again;
    struct buf written;
    assert_int_equal(read_text(&config, text, what), ST_OK);
    buf_init(&written, mem_system(), 0);
    node_config_write(&config, &written);
    buf_put_u8(&written, 0);
    assert_int_equal(read_text(&again, (const char *)written.data, what), ST_OK);
    buf_fini(&written);
    const struct node_config *both[] = {&config, &again};
    for (int i = 0; i < 2; i++) {
        assert_string_equal(both[i]->p2p_host, "192.0.2.1");
        assert_int_equal(both[i]->p2p_port, 7000);
        assert_true(both[i]->p2p_is_outbound_only);
        assert_string_equal(both[i]->p2p_proxy, "socks5://me:pass@word@proxy.example:1080");
        assert_int_equal(both[i]->peer_count, 2);
        assert_string_equal(both[i]->peers[0].name, "node1");
        assert_string_equal(both[i]->peers[0].address, "a:1");
        assert_string_equal(both[i]->peers[1].address, "");
        assert_string_equal(both[i]->pg_host, "::1");
        assert_int_equal(both[i]->pg_port, 1);
        assert_int_equal(both[i]->pg_connections_max, 2);
        assert_int_equal(both[i]->verify_threads, 3);
        assert_int_equal(both[i]->read_threads, 4);
        assert_int_equal(both[i]->segment_size, 65537);
    }
}

static void an_empty_file_is_the_defaults(void **state)
{
    (void)state;
    char what[WHAT_SIZE];
    struct node_config config;
    assert_int_equal(read_text(&config, "", what), ST_OK);
    assert_string_equal(config.p2p_host, "0.0.0.0");
    assert_int_equal(config.p2p_port, 5440);
    assert_false(config.p2p_is_outbound_only);
    assert_int_equal(config.peer_count, 0);
    assert_int_equal(config.pg_port, 5442);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *what;
    } cases[] = {
        {"[p2p]\nprot = 1\n", "[p2p] prot is no setting of a node"},
        {"[ppp]\nport = 1\n", "[ppp] port is no setting of a node"},
        {"[p2p]\nport = 65536\n", "[p2p] port: the value \"65536\" does not fit"},
        {"[p2p]\nport = 1x\n", "[p2p] port: the value \"1x\" does not fit"},
        {"[p2p]\noutbound_only = maybe\n", "[p2p] outbound_only: the value \"maybe\" does not fit"},
        {"[p2p]\nproxy = ftp://a:1\n", "[p2p] proxy: the value \"ftp://a:1\" does not fit"},
        {"[p2p]\nproxy = http://a\n", "[p2p] proxy: the value \"http://a\" does not fit"},
        {"[peer.a]\naddress = b\n", "[peer.a] address: the value \"b\" does not fit"},
        {"[peer.a]\nport = 1\n", "[peer.a] port is no setting of a node"},
        {"[peer.]\naddress = b:1\n", "[peer.] address is no setting of a node"},
        {"[pg]\nhost =\n", "[pg] host: the value \"\" does not fit"},
        {"[pg]\nnonsense\n", "line 2 is not \"key = value\""},
        {"[a]\nb = 1\n[p2p]\nport = x\n", "[a] b is no setting of a node"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char what[WHAT_SIZE];
        struct node_config config;
        assert_int_equal(read_text(&config, cases[i].text, what), ST_INVALID);
        assert_string_equal(what, cases[i].what);
    }
}

static void no_more_peers_than_there_can_be(void **state)
{
    (void)state;
    char what[WHAT_SIZE];
    struct node_config config;
    struct buf text;
    buf_init(&text, mem_system(), 0);
    for (uint32_t i = 0; i <= NODES_MAX; i++)
        buf_printf(&text, "[peer.n%u]\naddress = a:1\n", i);
    buf_put_u8(&text, 0);
    assert_int_equal(read_text(&config, (const char *)text.data, what), ST_INVALID);
    assert_string_equal(what, "[peer.n31] address: the value \"a:1\" does not fit");
    buf_fini(&text);
}

static void addresses_of_peers(void **state)
{
    (void)state;
    char what[WHAT_SIZE] = "";
    struct node_config config;
    struct genesis g = sample_genesis();
    assert_int_equal(
        read_text(&config, "[peer.node1]\naddress = a:1\n[peer.node0]\naddress =\n", what), ST_OK);
    assert_int_equal(node_config_check(&config, &g, 3, what), ST_OK);
    assert_true(span_equal(address_of(&config, &g, 1), span_text("a:1")));
    assert_int_equal(address_of(&config, &g, 0).size, 0);
    assert_true(span_equal(address_of(&config, &g, 3), g.members[3].address));
    assert_int_equal(node_config_check(&config, &g, 1, what), ST_INVALID);
    assert_string_equal(what, "[peer.node1]: this is the node itself");
    assert_int_equal(read_text(&config, "[peer.node9]\naddress = a:1\n", what), ST_OK);
    assert_int_equal(node_config_check(&config, &g, 1, what), ST_NOT_FOUND);
    assert_string_equal(what, "[peer.node9]: the genesis has no node of this name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_is_taken_and_written_back),
        cmocka_unit_test(an_empty_file_is_the_defaults),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(no_more_peers_than_there_can_be),
        cmocka_unit_test(addresses_of_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
