/* join.c - `trustsql join`: from a token and a bare machine to a node that follows the chain.
 *
 * Keys are made here. The token says whom to dial; that node proves its key by TLS, gets the new
 * node's card and sends the genesis, whose hash the token names. */
#include <stdio.h>

#include "base/must.h"
#include "cmd/org.h"
#include "ledger/invitation.h"
#include "node/node.h"
#include "node/wire.h"
#include "os/loop.h"
#include "p2p/p2p.h"

#define JOIN_PATIENCE_MS 20000u
#define JOIN_AGAIN_MS    5000u
#define INVITER          0u

struct visit { /* To the inviter. */
    struct loop *loop;
    struct loop_timer *timer;
    struct p2p *p2p;
    struct buf question;
    struct buf genesis;
    struct wire_message *wire;
    uint64_t waited_ms;
    bool is_up;
    bool is_answered;
    bool is_accepted;
    char said[WIRE_SAID_MAX + 1];
};

static void ask(const struct visit *v)
{
    (void)!p2p_send(v->p2p, INVITER, P2P_BULK, buf_span(&v->question)); /* Asked again. */
}

static void on_up(void *context, uint32_t peer)
{
    struct visit *v = context;
    if (peer != INVITER) return;
    v->is_up = true;
    ask(v);
}

static void on_down(void *context, uint32_t peer)
{
    (void)context;
    (void)peer;
}

static void on_message(void *context, uint32_t peer, enum p2p_channel channel, struct span bytes)
{
    struct visit *v = context;
    if (peer != INVITER || channel != P2P_BULK || v->is_answered) return;
    if (wire_decode(v->wire, bytes) != ST_OK || v->wire->kind != WIRE_WELCOME) return;
    const struct wire_welcome *w = &v->wire->welcome;
    buf_put(&v->genesis, w->genesis);
    v->is_answered = true;
    v->is_accepted = w->is_accepted;
    memcpy(v->said, w->said.data, w->said.size);
    v->said[w->said.size] = 0;
    for (size_t i = 0; i < w->said.size; i++) /* It goes to a terminal. */
        if ((uint8_t)v->said[i] < ' ' || v->said[i] == 0x7f) v->said[i] = ' ';
    loop_stop(v->loop);
}

static void on_timer(void *context)
{
    struct visit *v = context;
    v->waited_ms += JOIN_AGAIN_MS;
    if (v->waited_ms >= JOIN_PATIENCE_MS)
        loop_stop(v->loop);
    else if (v->is_up)
        ask(v);
}

static enum status open_visit(struct visit *v,
                              const struct invitation *i,
                              const struct secret_key *key,
                              const char *proxy)
{
    const struct p2p_peer_config inviter = {.key = i->inviter,
                                            .name = "inviter",
                                            .address = i->address,
                                            .token = span_of(i->secret, INVITATION_SECRET_SIZE)};
    struct p2p_config config = {
        .os = os_posix(),
        .mem = mem_system(),
        .chain_id = i->chain_id,
        .node_key = *key,
        .peers = &inviter,
        .peer_count = 1,
        .listen_host = "",
        .proxy = proxy,
        .events = {.up = on_up, .down = on_down, .message = on_message, .context = v}};
    v->wire = mem_alloc_zero(mem_system(), 1, sizeof *v->wire);
    enum status st = v->wire == NULL ? ST_NO_MEMORY : loop_new(&v->loop, mem_system());
    if (st == ST_OK) st = loop_timer_new(&v->timer, v->loop, on_timer, v);
    config.loop = v->loop;
    if (st == ST_OK) st = p2p_new(&v->p2p, &config);
    mem_wipe(&config.node_key, sizeof config.node_key);
    return st;
}

static enum status put_question(struct visit *v, const struct card *card)
{
    struct buf text;
    buf_init(&text, mem_system(), CARD_SIZE_MAX);
    card_print(card, &text);
    v->wire->kind = WIRE_JOIN;
    v->wire->card = buf_span(&text);
    enum status st = buf_status(&text);
    if (st == ST_OK) wire_encode(&v->question, v->wire);
    buf_fini(&text);
    return st == ST_OK ? buf_status(&v->question) : st;
}

static void close_visit(struct visit *v)
{
    p2p_free(v->p2p);
    if (v->timer != NULL) loop_timer_free(v->timer);
    if (v->loop != NULL) loop_free(v->loop);
    mem_free(mem_system(), v->wire);
    buf_fini(&v->question);
    buf_fini(&v->genesis);
}

struct join {
    const struct command *self;
    struct org_options org;
    const char *proxy;
    const char *by;
    bool is_json;
    struct invitation invitation;
    struct card card;
};

static int unreachable(const struct join *j, const struct visit *v)
{
    struct p2p_peer_view peer;
    p2p_view(v->p2p, INVITER, &peer);
    complain(j->self, "The keys are made; run the same command again when it is reachable.",
             "no answer from %s%s%s", j->invitation.address, peer.last_failure[0] != 0 ? ": " : "",
             peer.last_failure);
    return EXIT_UNREACHABLE;
}

static int take_genesis(const struct join *j, const struct visit *v)
{
    char path[OS_PATH_MAX];
    const struct hash id = genesis_chain_id(buf_span(&v->genesis));
    if (!hash_equal(&id, &j->invitation.chain_id)) {
        complain(j->self, "Ask for another invitation, and compare chain ids.",
                 "%s sent the genesis of another chain; nothing of it was kept",
                 j->invitation.address);
        return EXIT_CHECK_FAILED;
    }
    enum status st = os_path_join(path, j->org.dir, "genesis");
    if (st == ST_OK) st = os_replace_file(os_posix(), path, buf_span(&v->genesis));
    if (st == ST_OK) return EXIT_FINE;
    complain(j->self, NULL, "%s: %s", path, status_text(st));
    return exit_code_of(st);
}

static int report(const struct join *j, const struct visit *v)
{
    if (j->is_json) {
        struct buf out;
        buf_init(&out, mem_system(), 0);
        buf_put_text(&out, "{\"dir\":");
        json_put_text(&out, span_text(j->org.dir));
        buf_put_text(&out, ",\"node\":");
        json_put_text(&out, span_text(j->card.node));
        buf_printf(&out, ",\"is_accepted\":%s,\"said\":", v->is_accepted ? "true" : "false");
        json_put_text(&out, span_text(v->said));
        buf_put_text(&out, "}\n");
        int exit_code = print_and_free(&out);
        return v->is_accepted ? exit_code : EXIT_CHECK_FAILED;
    }
    if (!v->is_accepted) {
        complain(j->self, NULL, "the chain did not take the card of %s: %s", j->card.node, v->said);
        return EXIT_CHECK_FAILED;
    }
    if (v->said[0] != 0) printf("%s\n", v->said);
    printf("%s has keys, card and genesis of %s. Now:  trustsql node %s\n"
           "It follows the chain as soon as it is an observer (trustsql.nodes).\n"
           "To become a validator:  CALL trustsql.add_validator('<text of %s/card>')\n",
           j->org.dir, j->card.node, j->org.dir, j->org.dir);
    return EXIT_FINE;
}

static int visit_inviter(const struct join *j, const struct secret_key *key)
{
    struct visit v = {.is_up = false};
    int exit_code;
    buf_init(&v.question, mem_system(), 0);
    buf_init(&v.genesis, mem_system(), 0);
    enum status st = open_visit(&v, &j->invitation, key, j->proxy);
    if (st == ST_OK) st = put_question(&v, &j->card);
    if (st != ST_OK) {
        complain(j->self, NULL, "%s cannot be dialled: %s", j->invitation.address, status_text(st));
        exit_code = exit_code_of(st);
    } else {
        loop_timer_start(v.timer, JOIN_AGAIN_MS, JOIN_AGAIN_MS);
        loop_run(v.loop);
        exit_code = v.is_answered ? take_genesis(j, &v) : unreachable(j, &v);
        if (exit_code == EXIT_FINE) exit_code = report(j, &v);
    }
    close_visit(&v);
    return exit_code;
}

/* The directory may be there from an attempt before: then its keys and card are used. */
static int prepare(struct join *j)
{
    struct secret_key key;
    char path[OS_PATH_MAX];
    char what[CARD_WHAT_MAX] = "";
    enum status st = node_key_read(os_posix(), j->org.dir, &key);
    mem_wipe(&key, sizeof key);
    if (st == ST_NOT_FOUND) {
        if (j->org.name != NULL) return org_make_asking(j->self, &j->org, &j->card);
        complain(j->self, "Try --help.", "join needs --name, that of the organisation");
        return EXIT_USAGE;
    }
    if (st == ST_OK) st = os_path_join(path, j->org.dir, "card");
    if (st == ST_OK) st = card_read(&j->card, os_posix(), path, what);
    if (st == ST_OK) return EXIT_FINE;
    complain(j->self, NULL, "%s: %s", j->org.dir, what[0] != 0 ? what : status_text(st));
    return exit_code_of(st);
}

static int join(struct join *j, const char *token)
{
    struct secret_key key;
    enum status st = invitation_parse(&j->invitation, span_text(token));
    if (st != ST_OK) {
        complain(j->self, "Copy all of what `trustsql invite` printed.",
                 "this is no invitation (%s)", status_text(st));
        return EXIT_USAGE;
    }
    if (os_posix()->wall_ms(os_posix()) >= j->invitation.expires_ms) {
        complain(j->self, "Ask for another one.", "the invitation has expired");
        return EXIT_CHECK_FAILED;
    }
    if (j->proxy[0] != 0 && p2p_proxy_check(j->proxy) != ST_OK) {
        complain(j->self, NULL, "--proxy is http://host:port or socks5://host:port");
        return EXIT_USAGE;
    }
    j->org.is_by_snapshot = strcmp(j->by, "snapshot") == 0;
    j->org.is_by_replay = strcmp(j->by, "replay") == 0;
    if (j->by[0] != 0 && !j->org.is_by_snapshot && !j->org.is_by_replay) {
        complain(j->self, "Try --help.", "--by is snapshot or replay");
        return EXIT_USAGE;
    }
    int exit_code = prepare(j);
    if (exit_code != EXIT_FINE) return exit_code;
    st = node_key_read(os_posix(), j->org.dir, &key);
    if (st == ST_OK) exit_code = visit_inviter(j, &key);
    mem_wipe(&key, sizeof key);
    return st == ST_OK ? exit_code : exit_code_of(st);
}

static int run(const struct command *self, int argc, char **argv)
{
    struct join j = {.self = self, .org = {.address = "", .port = 5442}, .proxy = "", .by = ""};
    const char *items[1];
    struct words words = {.items = items, .max = 1};
    int exit_code;
    const struct option_spec specs[] = {
        {"dir", OPTION_TEXT, &j.org.dir, 0, 0},
        {"name", OPTION_TEXT, &j.org.name, 0, 0},
        {"address", OPTION_TEXT, &j.org.address, 0, 0},
        {"node", OPTION_TEXT, &j.org.node, 0, 0},
        {"admin", OPTION_TEXT, &j.org.admin, 0, 0},
        {"port", OPTION_NUMBER, &j.org.port, 1, 65535},
        {"password-file", OPTION_TEXT, &j.org.password_file, 0, 0},
        {"proxy", OPTION_TEXT, &j.proxy, 0, 0},
        {"by", OPTION_TEXT, &j.by, 0, 0},
        {"json", OPTION_FLAG, &j.is_json, 0, 0},
    };
    if (!options_parse(
            self, &(struct arguments){argc, argv, specs, sizeof specs / sizeof specs[0], &words},
            &exit_code))
        return exit_code;
    if (words.count != 1 || j.org.dir == NULL) {
        complain(self, "Try --help.", "join needs the token of an invitation and --dir");
        return EXIT_USAGE;
    }
    exit_code = join(&j, items[0]);
    mem_wipe(&j.invitation, sizeof j.invitation);
    return exit_code;
}

const struct command command_join = {
    "join", "bring a new organisation's node to a chain, with an invitation",
    "Usage: trustsql join TOKEN --dir D --name ORGANISATION [--address HOST:PORT] [--node NAME]\n"
    "                     [--admin ACCOUNT] [--port P] [--password-file F] [--proxy URL]\n"
    "                     [--by snapshot|replay] [--json]\n\n"
    "Make the keys of the organisation's node and administrator in D, show its card to the node\n"
    "that invited, and fetch the genesis from there. The card is proposed to the chain: with the\n"
    "votes it takes the node becomes an observer, and `trustsql node D` follows the chain.\n"
    "Connections out are enough. Run it again with the same D after a failure.\n\n"
    "  --dir D              directory of the new node\n"
    "  --name ORGANISATION  name of the organisation\n"
    "  --address HOST:PORT  where other nodes reach this one; without it the node only dials\n"
    "  --node NAME          name of its node (default: made of the organisation's)\n"
    "  --admin ACCOUNT      account of its administrator (default: admin@NAME of the node)\n"
    "  --port P             port for PostgreSQL clients (default: 5442)\n"
    "  --password-file F    the administrator's password; asked for otherwise\n"
    "  --proxy URL          dial through http://host:port or socks5://host:port\n"
    "  --by snapshot        fetch the state at a certified checkpoint, whatever the chain's "
    "length;\n"
    "  --by replay          execute all blocks (default: by snapshot when it is 4096 blocks "
    "behind)\n"
    "  --json               for machines\n",
    run};
