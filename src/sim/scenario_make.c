/* scenario_make.c - Transactions, blocks, certificates and view changes by name. */
#include <stdio.h>

#include "base/must.h"
#include "sim/claims.h"
#include "sim/host.h"
#include "sim/puppet.h"
#include "sim/scenario_int.h"

#define BLOCK_TXS 64u

/* --- transactions ----------------------------------------------------------------------------- */

static bool read_tx_client(struct scenario *s, struct tx_wish *wish)
{
    uint64_t number = 0;
    if (!scenario_number(s, "0 to 3", &number)) return false;
    if (number >= WORLD_CLIENTS) return scenario_fail(s, "clients have numbers 0 to 3");
    wish->client = (uint32_t)number;
    return true;
}

static bool read_tx_option(struct scenario *s, struct tx_wish *wish)
{
    uint64_t us = 0;
    if (scenario_accept(s, "client")) return read_tx_client(s, wish);
    if (scenario_accept(s, "until")) return scenario_number(s, "a height", &wish->valid_blocks);
    if (scenario_accept(s, "bad-signature")) {
        wish->has_bad_signature = true;
    } else if (scenario_accept(s, "other-chain")) {
        wish->is_other_chain = true;
    } else if (scenario_accept(s, "valid")) {
        if (!scenario_duration(s, "a duration", &us)) return false;
        wish->valid_ms = us / 1000;
    } else {
        return scenario_fail(
            s, "\"%s\": bad-signature, other-chain, client, valid, until or config is expected",
            scenario_peek(s));
    }
    return true;
}

/* What is left of the line is the operation: "config add 4 f 1". */
static bool read_operation(struct scenario *s, char out[DECISION_TEXT_MAX])
{
    size_t used = 0;
    while (scenario_has_word(s)) {
        const char *word = s->words[s->at++];
        if (used + strlen(word) + 2 > DECISION_TEXT_MAX)
            return scenario_fail(s, "that change is too long");
        used +=
            (size_t)snprintf(out + used, DECISION_TEXT_MAX - used, used == 0 ? "%s" : " %s", word);
    }
    const char *why = decision_check(span_text(out));
    return why == NULL || scenario_fail(s, "config: %s", why);
}

static bool on_tx(struct scenario *s)
{
    char operation[DECISION_TEXT_MAX] = "";
    char name[SCENARIO_WORD_MAX];
    struct tx_wish wish = {.client = s->tx_count};
    if (!scenario_word(s, "the transaction's name", name) || !scenario_is_new_name(s, name))
        return false;
    if (strlen(name) >= CLIENT_NAME_MAX) return scenario_fail(s, "that name is too long");
    while (scenario_has_word(s) && strcmp(scenario_peek(s), "config") != 0)
        if (!read_tx_option(s, &wish)) return false;
    if (scenario_has_word(s) && !read_operation(s, operation)) return false;
    if (operation[0] != 0) wish.operation = operation;
    if (!scenario_begin(s)) return false;
    if (!s->is_dry) {
        wish.name = name;
        (void)clients_make(s->world, &wish);
        return true;
    }
    for (uint32_t i = 0; i < s->tx_count; i++)
        if (strcmp(s->tx_names[i], name) == 0)
            return scenario_fail(s, "there is a transaction \"%s\" already", name);
    if (s->tx_count == SCENARIO_NAMES_MAX)
        return scenario_fail(s, "there are at most %u named transactions", SCENARIO_NAMES_MAX);
    memcpy(s->tx_names[s->tx_count++], name, CLIENT_NAME_MAX);
    return true;
}

static bool on_submit(struct scenario *s)
{
    struct client_tx *t = NULL;
    uint64_t hosts = 0;
    uint64_t retry = 0;
    if (!scenario_tx(s, "a transaction", &t)) return false;
    if (!scenario_accept(s, "to")) return scenario_fail(s, "to and nodes are expected");
    if (!scenario_hosts(s, "nodes", &hosts)) return false;
    if (scenario_accept(s, "retry") && !scenario_duration(s, "a duration", &retry)) return false;
    if (s->is_dry) return true;
    for (uint32_t i = 0; i < s->world->host_count; i++)
        if (hosts >> i & 1u) clients_submit(s->world, t, i, retry);
    return true;
}

static bool on_load(struct scenario *s)
{
    uint64_t count = 0;
    uint64_t period = 0;
    uint64_t hosts = HOSTS_ALL;
    if (!scenario_number(s, "how many transactions", &count)) return false;
    if (!scenario_accept(s, "every")) return scenario_fail(s, "every and a duration are expected");
    if (!scenario_duration(s, "a duration", &period)) return false;
    if (scenario_accept(s, "to") && !scenario_hosts(s, "nodes", &hosts)) return false;
    if (count > 100000) return scenario_fail(s, "a load has at most 100000 transactions");
    if (!scenario_begin(s)) return false;
    if (!s->is_dry) clients_load(s->world, hosts, (uint32_t)count, period);
    return true;
}

/* --- blocks ----------------------------------------------------------------------------------- */

struct block_wish {
    bool has_by;
    uint32_t by;
    bool has_view;
    uint64_t view;
    bool has_height;
    uint64_t height;
    struct block_ref parent;
    int64_t time_ms; /* After the parent's, or from now: see has_time. */
    bool has_time;
    uint64_t epoch;
    struct client_tx *txs[BLOCK_TXS];
    uint32_t tx_count;
    char wrong[SCENARIO_WORD_MAX];
};

static bool read_txs(struct scenario *s, struct block_wish *wish)
{
    char list[SCENARIO_WORD_MAX];
    if (!scenario_word(s, "transactions, as t1,t2", list)) return false;
    for (char *at = list; at != NULL;) {
        char *comma = strchr(at, ',');
        if (comma != NULL) *comma++ = 0;
        if (wish->tx_count == BLOCK_TXS) return scenario_fail(s, "too many transactions");
        if (!scenario_tx_named(s, at, &wish->txs[wish->tx_count++])) return false;
        at = comma;
    }
    return true;
}

static bool is_wrong_word(const char *word)
{
    static const char *const words[] = {"tx-root", "history", "mode",     "version",
                                        "flags",   "counts",  "parent",   "chain",
                                        "final",   "result",  "body-size"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i], word) == 0) return true;
    return false;
}

static bool read_wrong(struct scenario *s, struct block_wish *w)
{
    if (!scenario_word(s, "what is wrong", w->wrong)) return false;
    if (is_wrong_word(w->wrong)) return true;
    return scenario_fail(s,
                         "\"%s\": tx-root, history, mode, version, flags, counts, parent, chain, "
                         "final, result or body-size is expected",
                         w->wrong);
}

static bool read_block_option(struct scenario *s, struct block_wish *w)
{
    if (scenario_accept(s, "on")) return scenario_block(s, "the parent", &w->parent);
    if (scenario_accept(s, "epoch")) return scenario_number(s, "an epoch", &w->epoch);
    if (scenario_accept(s, "txs")) return read_txs(s, w);
    if (scenario_accept(s, "wrong")) return read_wrong(s, w);
    if (scenario_accept(s, "by")) {
        w->has_by = true;
        return scenario_host(s, "the node that proposes", &w->by);
    }
    if (scenario_accept(s, "view")) {
        w->has_view = true;
        return scenario_number(s, "a view", &w->view);
    }
    if (scenario_accept(s, "height")) {
        w->has_height = true;
        return scenario_number(s, "a height", &w->height);
    }
    if (scenario_accept(s, "time")) {
        w->has_time = true;
        return scenario_signed(s, "milliseconds from now, as +0 or -5000", &w->time_ms);
    }
    return scenario_fail(s, "\"%s\": by, view, height, on, time, txs, epoch or wrong is expected",
                         scenario_peek(s));
}

static bool read_block_wish(struct scenario *s, struct block_wish *w)
{
    while (scenario_has_word(s))
        if (!read_block_option(s, w)) return false;
    return true;
}

/* History over the blocks below: their hashes from the parent down. */
static struct hash history_of(struct scenario *s, const struct block_ref *parent)
{
    const struct oracle *o = s->world->oracle;
    struct merkle_tree tree = {0};
    struct hash *chain = mem_alloc_zero(mem_system(), parent->height + 1, sizeof *chain);
    must(chain != NULL);
    struct hash at = parent->hash;
    for (uint64_t h = parent->height; h > 0; h--) {
        chain[h] = at;
        const struct known_header *known = oracle_header(o, &at);
        if (known == NULL) break;
        at = known->parent;
    }
    for (uint64_t h = 1; h <= parent->height; h++) {
        struct hash leaf = merkle_leaf(hash_span(&chain[h]));
        merkle_tree_add(&tree, &leaf);
    }
    mem_free(mem_system(), chain);
    return merkle_tree_root(&tree);
}

static void make_wrong(struct header *h, const char *wrong)
{
    if (strcmp(wrong, "tx-root") == 0) h->tx_root.bytes[0] ^= 1u;
    if (strcmp(wrong, "history") == 0) h->history_root.bytes[0] ^= 1u;
    if (strcmp(wrong, "mode") == 0) h->mode = h->mode == MODE_FAST ? MODE_STRICT : MODE_FAST;
    if (strcmp(wrong, "version") == 0) h->exec_version++;
    if (strcmp(wrong, "flags") == 0) h->flags |= BLOCK_HANDOVER;
    if (strcmp(wrong, "counts") == 0) h->tx_count = BLOCK_TXS_MAX;
    if (strcmp(wrong, "parent") == 0) h->parent.bytes[0] ^= 1u;
    if (strcmp(wrong, "chain") == 0) h->chain_id.bytes[0] ^= 1u;
    if (strcmp(wrong, "body-size") == 0) h->body_size++;
    if (strcmp(wrong, "final") == 0) {
        h->final_height = 1;
        h->final_cert_hash.bytes[0] = 1;
    }
    if (strcmp(wrong, "result") == 0) {
        h->res_height = 1;
        h->res_digest.bytes[0] = 1;
        h->res_cert_hash.bytes[0] = 1;
    }
}

/* From votes that were sent, of whichever view and epoch. */
static bool find_certificate_of(const struct world *w,
                                enum vote_part part,
                                const struct statement *of,
                                struct certificate *out)
{
    struct statement s = *of;
    for (uint64_t e = w->epoch_count; e-- > 0;) {
        const struct validators *v = &epochs_at(w, e)->validators;
        s.epoch = e;
        if (!oracle_certificate(w->oracle, part, &s, UINT64_MAX, out)) continue;
        enum status st = part == VOTE_P3 ? quorum_check_result(v, out, w->signer, &w->chain_id)
                                         : quorum_check_commit(v, out, w->signer, &w->chain_id);
        if (st == ST_OK) return true;
    }
    return false;
}

/* A body may not show less than its parent's: the same again. */
static void put_certificates(struct scenario *s, const struct header *parent, struct named_block *b)
{
    const struct world *w = s->world;
    struct header *h = &b->proposal.header;
    struct statement of = {.height = parent->final_height};
    (void)oracle_committed(w->oracle, of.height, &of.hash);
    for (of.view = 0; of.height > 0 && of.view <= parent->view && !b->has_final_cert; of.view++)
        b->has_final_cert = find_certificate_of(w, VOTE_P1, &of, &b->final_cert) ||
                            find_certificate_of(w, VOTE_P2, &of, &b->final_cert);
    of = (struct statement){.height = parent->res_height, .hash = parent->res_digest};
    b->has_res_cert = of.height > 0 && find_certificate_of(w, VOTE_P3, &of, &b->res_cert);
    if (b->has_final_cert) {
        h->final_height = parent->final_height;
        h->final_cert_hash = certificate_hash(&b->final_cert);
    }
    if (b->has_res_cert) {
        h->res_height = parent->res_height;
        h->res_digest = parent->res_digest;
        h->res_cert_hash = certificate_hash(&b->res_cert);
    }
}

static void make_body(struct scenario *s, const struct block_wish *wish, struct named_block *b)
{
    struct header *h = &b->proposal.header;
    struct span spans[BLOCK_TXS];
    struct hash scratch[BLOCK_TXS];
    struct body body = {.txs = spans, .tx_count = wish->tx_count};
    if (wish->parent.known != NULL) put_certificates(s, &wish->parent.known->header, b);
    body.has_final_cert = b->has_final_cert;
    body.has_res_cert = b->has_res_cert;
    body.final_cert = b->final_cert;
    body.res_cert = b->res_cert;
    b->leaves = mem_alloc_zero(mem_system(), wish->tx_count + 1u, sizeof *b->leaves);
    must(b->leaves != NULL);
    for (uint32_t i = 0; i < wish->tx_count; i++) {
        spans[i] = wish->txs[i]->bytes;
        scratch[i] = b->leaves[i] = wish->txs[i]->leaf;
    }
    buf_init(&b->body, mem_system(), 0);
    body_encode(&b->body, &body);
    must(buf_status(&b->body) == ST_OK);
    h->tx_root = merkle_root(scratch, wish->tx_count);
    h->tx_count = wish->tx_count;
    h->body_size = (uint32_t)b->body.size;
}

/* So that puppets can answer who asks for it. */
static void keep_whole(struct world *w, const struct named_block *b)
{
    struct buf header;
    struct buf whole;
    buf_init(&header, mem_system(), 0);
    buf_init(&whole, mem_system(), 0);
    header_encode(&header, &b->proposal.header);
    block_encode(&whole, buf_span(&header), buf_span(&b->body));
    must(buf_status(&whole) == ST_OK);
    puppet_keep(w, &b->hash, buf_span(&whole));
    buf_fini(&header);
    buf_fini(&whole);
}

static void make_block(struct scenario *s, const struct block_wish *wish, struct named_block *b)
{
    struct world *w = s->world;
    struct header *h = &b->proposal.header;
    uint64_t parent_time =
        wish->parent.known == NULL ? w->genesis.time_ms : wish->parent.known->time_ms;
    uint64_t now = WORLD_WALL_MS + w->now_us / 1000;
    *h = (struct header){.chain_id = w->chain_id,
                         .epoch = wish->epoch,
                         .height = wish->has_height ? wish->height : wish->parent.height + 1,
                         .view = wish->view,
                         .parent = wish->parent.hash,
                         .exec_version = w->genesis.exec_version,
                         .mode = w->config.mode};
    h->proposer = wish->has_by ? scenario_index(s, wish->by, wish->epoch)
                               : epochs_leader(w, wish->epoch, wish->view);
    if (h->proposer >= NODES_MAX) h->proposer = 0;
    h->history_root = history_of(s, &wish->parent);
    h->time_ms = wish->has_time ? (uint64_t)((int64_t)now + wish->time_ms) : now;
    if (!wish->has_time && h->time_ms <= parent_time) h->time_ms = parent_time + 1;
    make_body(s, wish, b);
    make_wrong(h, wish->wrong);
    b->hash = header_hash(h);
    /* Two of the same content on purpose differ in name: make them differ in time. */
    while (!wish->has_time && oracle_header(w->oracle, &b->hash) != NULL) {
        h->time_ms++;
        b->hash = header_hash(h);
    }
    oracle_learn(w->oracle, h);
    keep_whole(w, b);
    b->is_made = true;
}

static bool new_block(struct scenario *s, struct named_block **out)
{
    char name[SCENARIO_WORD_MAX];
    if (!scenario_word(s, "the block's name", name) || !scenario_is_new_name(s, name)) return false;
    if (scenario_find_block(s, name) != NULL)
        return scenario_fail(s, "there is a block \"%s\" already", name);
    if (s->block_count == SCENARIO_BLOCKS_MAX)
        return scenario_fail(s, "there are at most %u named blocks", SCENARIO_BLOCKS_MAX);
    *out = &s->blocks[s->block_count];
    memset(*out, 0, sizeof **out);
    memcpy((*out)->name, name, sizeof name);
    return true;
}

static bool on_block(struct scenario *s)
{
    struct named_block *b = NULL;
    struct block_wish *wish = mem_alloc_zero(mem_system(), 1, sizeof *wish);
    must(wish != NULL);
    wish->parent.is_genesis = true;
    bool is_right = new_block(s, &b) && scenario_begin(s);
    if (is_right && !s->is_dry) wish->parent.hash = s->world->chain_id;
    is_right = is_right && read_block_wish(s, wish);
    if (is_right) {
        s->block_count++;
        if (!s->is_dry) make_block(s, wish, b);
    }
    mem_free(mem_system(), wish);
    return is_right;
}

/* A name for a block that somebody proposed. */
static bool on_name(struct scenario *s)
{
    struct named_block *b = NULL;
    struct block_ref ref;
    if (!new_block(s, &b) || !scenario_begin(s) || !scenario_block(s, "a block", &ref))
        return false;
    must(b != NULL);
    s->block_count++;
    b->hash = ref.hash;
    return true;
}

/* --- certificates and view changes ------------------------------------------------------------ */

static bool on_certificate(struct scenario *s)
{
    struct named_certificate *c = &s->certificates[s->certificate_count];
    struct statement st = {0};
    enum vote_part part = VOTE_P1;
    uint64_t voters = 0;
    struct block_ref block;
    if (s->certificate_count == SCENARIO_CERTS_MAX)
        return scenario_fail(s, "there are at most %u certificates", SCENARIO_CERTS_MAX);
    memset(c, 0, sizeof *c);
    if (!scenario_word(s, "the certificate's name", c->name)) return false;
    if (scenario_accept(s, "p2"))
        part = VOTE_P2;
    else if (!scenario_accept(s, "p1"))
        return scenario_fail(s, "\"%s\": p1 or p2 is expected", scenario_peek(s));
    if (!scenario_begin(s) || !scenario_block(s, "a block", &block)) return false;
    st.height = block.height;
    st.hash = block.hash;
    st.view = block.known == NULL ? 0 : block.known->view;
    if (scenario_accept(s, "view") && !scenario_number(s, "a view", &st.view)) return false;
    if (!scenario_accept(s, "voters")) return scenario_fail(s, "voters and nodes are expected");
    if (!scenario_hosts(s, "nodes", &voters)) return false;
    bool is_repeated = scenario_accept(s, "repeated");
    bool is_outsider = scenario_accept(s, "outsider");
    s->certificate_count++;
    if (s->is_dry) return true;
    if (!oracle_certificate(s->world->oracle, part, &st, voters, &c->certificate))
        return scenario_fail(s, "none of these nodes has sent that vote");
    struct certificate *cert = &c->certificate;
    if (is_repeated && cert->entry_count < NODES_MAX) {
        cert->entries[cert->entry_count] = cert->entries[cert->entry_count - 1];
        cert->entry_count++;
    }
    if (is_outsider) cert->entries[cert->entry_count - 1].voter = NODES_MAX - 1;
    return true;
}

static struct named_certificate *find_certificate(struct scenario *s, const char *name)
{
    for (uint32_t i = 0; i < s->certificate_count; i++)
        if (strcmp(s->certificates[i].name, name) == 0) return &s->certificates[i];
    return NULL;
}

static bool read_certificate(struct scenario *s, bool *has, struct certificate *out)
{
    char name[SCENARIO_WORD_MAX];
    if (!scenario_word(s, "a certificate's name, or none", name)) return false;
    *has = strcmp(name, "none") != 0;
    if (!*has) return true;
    const struct named_certificate *c = find_certificate(s, name);
    if (c == NULL) return scenario_fail(s, "there is no certificate \"%s\"", name);
    *out = c->certificate;
    return true;
}

/* Headers from above final up to tip, oldest first. */
static bool put_headers(struct scenario *s, struct view_change *vc, const struct block_ref *tip)
{
    vc->header_count = 0;
    if (tip->is_genesis || tip->height <= vc->final_height) return true;
    uint64_t count = tip->height - vc->final_height;
    if (count > CONSENSUS_WINDOW) return scenario_fail(s, "a view change has at most 16 headers");
    const struct known_header *at = tip->known;
    for (uint64_t i = count; i > 0; i--) {
        if (at == NULL) return scenario_fail(s, "an ancestor of that block is unknown");
        vc->headers[i - 1] = at->header;
        at = oracle_header(s->world->oracle, &at->parent);
    }
    vc->header_count = (uint32_t)count;
    return true;
}

/* VIEW [like SENT-VIEW] [final H] [final-cert C] [voted V] [chain BLOCK] [hq C] … */
bool scenario_read_view_change(struct scenario *s, uint32_t host, struct view_change *vc)
{
    struct block_ref tip = {.is_genesis = true};
    bool is_broken = false;
    bool is_tip_bad = false;
    bool has_branch = true;
    bool has_tip = false;
    struct block_ref final;
    memset(vc, 0, sizeof *vc);
    if (!scenario_number(s, "the view that it wants", &vc->to_view)) return false;
    if (!s->is_dry) vc->final_hash = s->world->chain_id;
    while (scenario_has_word(s)) {
        bool is_right = true;
        if (scenario_accept(s, "final")) {
            is_right = scenario_block(s, "a final block", &final);
            vc->final_height = final.height;
            vc->final_hash = final.hash;
        } else if (scenario_accept(s, "final-cert")) {
            is_right = read_certificate(s, &vc->has_final_cert, &vc->final_cert);
        } else if (scenario_accept(s, "voted")) {
            is_right = scenario_number(s, "a view", &vc->voted_view);
        } else if (scenario_accept(s, "chain")) {
            has_tip = true;
            is_right = scenario_block(s, "the newest block voted for", &tip);
        } else if (scenario_accept(s, "hq")) {
            is_right = read_certificate(s, &vc->has_hq, &vc->hq);
        } else if (scenario_accept(s, "epoch")) {
            is_right = scenario_number(s, "an epoch", &vc->epoch);
        } else if (scenario_accept(s, "broken-chain")) {
            is_broken = true;
        } else if (scenario_accept(s, "no-branch")) {
            has_branch = false;
        } else if (scenario_accept(s, "bad-tip")) {
            is_tip_bad = true;
        } else {
            break;
        }
        if (!is_right) return false;
    }
    if (s->is_dry) return true;
    vc->sender = scenario_index(s, host, vc->epoch);
    if (has_tip && !put_headers(s, vc, &tip)) return false;
    claims_complete(s->world, vc);
    if (!has_branch) vc->branch_count = 0;
    if (is_tip_bad) vc->tip_sig.bytes[5] ^= 1u;
    if (is_broken && vc->header_count > 0) vc->headers[vc->header_count - 1].parent.bytes[0] ^= 1u;
    liar_sign_view_change(&s->world->hosts[host], vc);
    return true;
}

static bool on_view_change(struct scenario *s)
{
    uint32_t host = 0;
    struct named_view_change *v = &s->vcs[s->vc_count];
    if (s->vc_count == SCENARIO_VCS_MAX)
        return scenario_fail(s, "there are at most %u view changes", SCENARIO_VCS_MAX);
    memset(v, 0, sizeof *v);
    if (!scenario_word(s, "the view change's name", v->name) || !scenario_is_new_name(s, v->name))
        return false;
    if (!scenario_accept(s, "by")) return scenario_fail(s, "by and a node are expected");
    if (!scenario_host(s, "a node", &host) || !scenario_begin(s)) return false;
    if (s->set_up.parts[s->is_dry ? host % NODES_MAX : s->world->hosts[host].voter] == PART_HONEST)
        return scenario_fail(s, "only Byzantine nodes have their words made up here");
    if (!scenario_read_view_change(s, host, &v->vc)) return false;
    s->vc_count++;
    return true;
}

bool scenario_make_statement(struct scenario *s, bool *is_one)
{
    *is_one = true;
    if (scenario_accept(s, "tx")) return on_tx(s);
    if (scenario_accept(s, "submit")) return on_submit(s);
    if (scenario_accept(s, "load")) return on_load(s);
    if (scenario_accept(s, "block")) return on_block(s);
    if (scenario_accept(s, "name")) return on_name(s);
    if (scenario_accept(s, "certificate")) return on_certificate(s);
    if (scenario_accept(s, "view-change")) return on_view_change(s);
    *is_one = false;
    return true;
}
