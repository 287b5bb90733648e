#include "support/sample_ledger.h"

#include "base/must.h"
#include "codec/cbor.h"
#include "support/cmocka_all.h"

static struct hash tagged(const char *text)
{
    return hash_of("sample", span_text(text));
}

struct signer *sample_signer(void)
{
    static struct signer *signer;
    static const uint8_t seed[32] = {1, 2, 3};
    if (signer == NULL) must(signer_new(&signer, seed) == ST_OK);
    return signer;
}

static struct secret_key secret_of(uint8_t scheme, uint32_t i)
{
    struct secret_key secret = {.scheme = scheme};
    memset(secret.bytes, 0x11, sizeof secret.bytes);
    secret.bytes[31] = (uint8_t)(i + 1);
    return secret;
}

struct secret_key sample_account_secret(uint32_t i)
{
    return secret_of(SIGN_SECP256K1, i);
}

struct secret_key sample_node_secret(uint32_t i)
{
    return secret_of(SIGN_ED25519, i);
}

struct public_key sample_public(const struct secret_key *secret)
{
    struct public_key key;
    must(sign_public(sample_signer(), &key, secret) == ST_OK);
    return key;
}

struct genesis sample_genesis(void)
{
    static struct genesis_member members[SAMPLE_NODES];
    static struct genesis_account accounts[2];
    static const char *const names[SAMPLE_NODES] = {"node0", "node1", "node2", "node3"};
    static const char *const addresses[SAMPLE_NODES] = {"node0.bank-a.example:5440",
                                                        "[2001:db8::1]:65535", "", "192.0.2.7:1"};
    for (uint32_t i = 0; i < SAMPLE_NODES; i++) {
        struct secret_key secret = sample_node_secret(i);
        members[i] = (struct genesis_member){.organisation = span_text("Bank A"),
                                             .node_name = span_text(names[i]),
                                             .node_key = sample_public(&secret),
                                             .address = span_text(addresses[i])};
    }
    for (uint32_t i = 0; i < 2; i++) {
        struct secret_key secret = sample_account_secret(i);
        accounts[i] = (struct genesis_account){
            .name = span_text(i == 0 ? "admin@node0" : "auditor"),
            .key = sample_public(&secret),
            .custodian = i == 0 ? span_text("Bank A") : (struct span){0},
            .is_admin = i == 0,
            .organisation = span_text(i == 0 ? "Bank A" : "Aufsicht \xc3\xb6")};
    }
    return (struct genesis){.chain_name = span_text("sample"),
                            .time_ms = SAMPLE_TIME_MS,
                            .suite = GENESIS_SUITE_INTL,
                            .exec_version = 1,
                            .mode = MODE_FAST,
                            .f = 1,
                            .p = 0,
                            .block_txs_max = 500,
                            .batch_age_ms = 10,
                            .fuel_tx = 1000000,
                            .params = consensus_params_default(),
                            .members = members,
                            .accounts = accounts,
                            .member_count = SAMPLE_NODES,
                            .account_count = 2};
}

struct hash sample_chain_id(void)
{
    uint8_t bytes[4096];
    struct buf out;
    struct genesis g = sample_genesis();
    buf_init_fixed(&out, bytes, sizeof bytes);
    genesis_encode(&out, &g);
    must(buf_status(&out) == ST_OK);
    return genesis_chain_id(buf_span(&out));
}

static void sign_all(struct tx *t, const struct secret_key *secrets)
{
    must(tx_hash(t) == ST_OK);
    for (uint32_t i = 0; i < t->signer_count; i++)
        must(sign_hash(sample_signer(), &t->signatures[i], &secrets[i], &t->txid) == ST_OK);
}

static struct tx tx_frame(struct public_key *signers,
                          struct signature *signatures,
                          uint32_t signer_count)
{
    struct tx t = {.chain_id = sample_chain_id(),
                   .ledger = span_text("main"),
                   .account = account_id_of(&signers[0]),
                   .valid_until_ms = SAMPLE_TIME_MS + 60000,
                   .valid_until_height = SAMPLE_HEIGHT + 100,
                   .signers = signers,
                   .signatures = signatures,
                   .signer_count = signer_count};
    memset(t.secret, 0x5a, sizeof t.secret);
    return t;
}

struct tx sample_tx(void)
{
    static struct tx_param params[7];
    static struct tx_auth auths[1];
    static struct tx_op ops[2];
    static struct tx_reserved reserved[2] = {{3, 100, 10}, {9, 1, 1}};
    static struct public_key signers[2];
    static struct signature signatures[2];
    static const struct tx_param values[7] = {
        {.type = 20, .value = {(const uint8_t *)"\x1a\x00\x01\x86\xa0", 5}},
        {.type = 21, .value = {(const uint8_t *)"\x38\x63", 2}},
        {.type = 25, .value = {(const uint8_t *)"\x65gr\xc3\xbcn", 6}},
        {.type = 17, .value = {(const uint8_t *)"\x43\x00\xff\x80", 4}},
        {.type = 16, .value = {(const uint8_t *)"\xf5", 1}},
        {.type = 1184, .value = {(const uint8_t *)"\xf6", 1}},
        {.type = 701, .value = {(const uint8_t *)"\xfb\x3f\xf8\0\0\0\0\0\0", 9}}};
    memcpy(params, values, sizeof params);
    auths[0] = (struct tx_auth){.scheme = 1,
                                .key = span_text("a key of another protocol"),
                                .signed_bytes = span_text("{\"amount\":5}"),
                                .signature = span_text("its signature")};
    ops[0] = (struct tx_op){.kind = TX_OP_SQL,
                            .text = span_text("INSERT INTO t VALUES ($1,$2,$3,$4,$5,$6,$7)"),
                            .params = params,
                            .param_count = 7};
    ops[1] = (struct tx_op){.kind = TX_OP_MODULE,
                            .text = span_text("asset.transfer"),
                            .params = params + 7 - 1,
                            .auths = auths,
                            .param_count = 0,
                            .auth_count = 1};
    struct secret_key secrets[2] = {sample_account_secret(0), sample_node_secret(0)};
    for (int i = 0; i < 2; i++)
        signers[i] = sample_public(&secrets[i]);
    struct tx t = tx_frame(signers, signatures, 2);
    t.nonce = 0x0123456789abcdefu;
    t.now_ms = SAMPLE_TIME_MS - 5;
    t.reserved = reserved;
    t.reserved_count = 2;
    t.idempotency_key = span_text("order-17");
    t.ops = ops;
    t.op_count = 2;
    sign_all(&t, secrets);
    return t;
}

struct tx sample_small_tx(uint64_t number)
{
    static struct tx_op ops[1];
    static struct public_key signers[1];
    static struct signature signatures[1];
    ops[0] = (struct tx_op){.kind = TX_OP_SQL, .text = span_text("DELETE FROM t")};
    struct secret_key secret = sample_account_secret(0);
    signers[0] = sample_public(&secret);
    struct tx t = tx_frame(signers, signatures, 1);
    t.nonce = number;
    t.ops = ops;
    t.op_count = 1;
    sign_all(&t, &secret);
    return t;
}

struct vote sample_vote(uint32_t voter,
                        uint64_t height,
                        const struct hash *block,
                        const struct hash *digest)
{
    struct vote v = {.voter = voter};
    v.parts[VOTE_P1] = (struct statement){.view = 2, .height = height, .hash = *block};
    v.parts[VOTE_P2] = v.parts[VOTE_P1];
    v.parts[VOTE_P3] = (struct statement){.height = height, .hash = *digest};
    struct hash chain_id = sample_chain_id();
    struct hash hash = vote_hash(&v, &chain_id);
    struct secret_key secret = sample_node_secret(voter);
    must(sign_hash(sample_signer(), &v.sig, &secret, &hash) == ST_OK);
    return v;
}

struct certificate sample_certificate(enum vote_part part,
                                      uint64_t height,
                                      const struct hash *statement,
                                      uint32_t count)
{
    struct certificate c = {.part = part, .entry_count = count};
    for (uint32_t i = 0; i < count; i++) {
        struct vote v = sample_vote(i, height, statement, statement);
        c.entries[i] = certificate_cut(&v, part);
        c.statement = v.parts[part];
    }
    return c;
}

struct receipt sample_receipt_ok(void)
{
    static struct op_result ops[2];
    ops[0] = (struct op_result){.row_count = 3};
    ops[1] = (struct op_result){.row_count = 1, .result_hash = tagged("rows")};
    return (struct receipt){.txid = tagged("txid"),
                            .height = SAMPLE_HEIGHT,
                            .index = 2,
                            .status = RECEIPT_OK,
                            .ops = ops,
                            .op_count = 2,
                            .write_root = tagged("writes"),
                            .holder = 1,
                            .holder_name = span_text("Bank A"),
                            .events = span_of("\x82\x01\x61x", 4)};
}

struct receipt sample_receipt_failed(void)
{
    struct receipt r = {.txid = tagged("txid"),
                        .height = SAMPLE_HEIGHT,
                        .index = 2,
                        .status = RECEIPT_FAILED,
                        .failed_op = 1};
    diag_set(&r.diag, "23505", "duplicate key value violates unique constraint \"%s\"", "t_pkey");
    diag_detail(&r.diag, "Key (id)=(%d) already exists.", 5);
    diag_hint(&r.diag, "Use another key.");
    r.diag.position = 13;
    return r;
}

static struct span encoded_tx(const struct tx *t, struct arena *a)
{
    uint8_t bytes[2048];
    struct buf out;
    buf_init_fixed(&out, bytes, sizeof bytes);
    tx_encode(t, &out);
    must(buf_status(&out) == ST_OK);
    struct span copy = arena_copy(a, buf_span(&out));
    must(copy.data != NULL);
    return copy;
}

static uint32_t body_size_of(const struct body *b)
{
    struct buf out;
    buf_init(&out, mem_system(), 0);
    body_encode(&out, b);
    must(buf_status(&out) == ST_OK);
    uint32_t size = (uint32_t)out.size;
    buf_fini(&out);
    return size;
}

/* As if the certificate's entry had come alone. */
static struct late_vote late_of(const struct certificate *c, uint32_t entry)
{
    must(entry < c->entry_count);
    return (struct late_vote){
        .part = c->part, .statement = c->statement, .entry = c->entries[entry]};
}

void sample_block(struct sample_block *b, struct arena *a, uint32_t tx_count)
{
    must(tx_count <= SAMPLE_TXS_MAX);
    struct hash leaves[SAMPLE_TXS_MAX];
    memset(b, 0, sizeof *b);
    b->parent = (struct header){.chain_id = sample_chain_id(),
                                .height = SAMPLE_HEIGHT - 1,
                                .view = 1,
                                .parent = tagged("grandparent"),
                                .exec_version = 1,
                                .time_ms = SAMPLE_TIME_MS - 1,
                                .mode = MODE_FAST};
    b->parent_hash = header_hash(&b->parent);
    for (uint32_t i = 0; i < tx_count; i++) {
        struct tx t = sample_small_tx(i);
        b->encoded[i] = encoded_tx(&t, a);
        must(tx_decode(&b->txs[i], a, b->encoded[i]) == ST_OK);
        leaves[i] = b->txs[i].leaf;
    }
    struct hash digest = tagged("digest");
    struct certificate late_p1 = sample_certificate(VOTE_P1, SAMPLE_HEIGHT - 2, &digest, 4);
    struct certificate late_p3 = sample_certificate(VOTE_P3, SAMPLE_HEIGHT - 3, &digest, 4);
    b->body = (struct body){.has_final_cert = true,
                            .has_res_cert = true,
                            .final_cert =
                                sample_certificate(VOTE_P2, SAMPLE_HEIGHT - 1, &b->parent_hash, 3),
                            .res_cert = sample_certificate(VOTE_P3, SAMPLE_HEIGHT - 2, &digest, 4),
                            .notes = {.late_count = 2,
                                      .late = {late_of(&late_p1, 3), late_of(&late_p3, 2)},
                                      .evidence_count = 1,
                                      .evidence = {span_text("evidence")}},
                            .txs = b->encoded,
                            .tx_count = tx_count};
    b->body.size = body_size_of(&b->body);
    b->header = b->parent;
    b->header.height = SAMPLE_HEIGHT;
    b->header.view = 2;
    b->header.parent = b->parent_hash;
    b->header.history_root = tagged("history");
    b->header.time_ms = SAMPLE_TIME_MS;
    b->header.tx_root = merkle_root(leaves, tx_count);
    b->header.tx_count = tx_count;
    b->header.body_size = b->body.size;
    b->header.proposer = 2;
    b->header.final_height = SAMPLE_HEIGHT - 1;
    b->header.final_cert_hash = certificate_hash(&b->body.final_cert);
    b->header.res_height = SAMPLE_HEIGHT - 2;
    b->header.res_digest = digest;
    b->header.res_cert_hash = certificate_hash(&b->body.res_cert);
    b->header.notes_hash = notes_hash(&b->body.notes);
}

void sample_proof(struct proof *p, struct arena *a, uint32_t later_count)
{
    struct sample_block b;
    struct hash leaves[SAMPLE_TXS_MAX];
    struct hash levels[3 * SAMPLE_TXS_MAX];
    uint8_t bytes[2048];
    struct buf out;
    sample_block(&b, a, SAMPLE_TXS_MAX);
    struct receipt receipt = sample_receipt_ok();
    receipt.txid = b.txs[2].txid;
    buf_init_fixed(&out, bytes, sizeof bytes);
    receipt_encode(&out, &receipt);
    memset(p, 0, sizeof *p);
    struct proof_tx *tx = &p->of.tx;
    p->kind = PROOF_TX;
    tx->receipt = arena_copy(a, buf_span(&out));
    for (uint32_t i = 0; i < SAMPLE_TXS_MAX; i++)
        leaves[i] = merkle_leaf(span_of(&i, 1));
    leaves[2] = receipt_leaf(tx->receipt);
    merkle_levels_build(levels, leaves, SAMPLE_TXS_MAX);
    merkle_levels_path(&tx->path, levels, SAMPLE_TXS_MAX, 2);
    p->block.result = (struct block_result){.height = SAMPLE_HEIGHT,
                                            .block_hash = header_hash(&b.header),
                                            .writeset_root = tagged("write set"),
                                            .receipts_root = merkle_root(leaves, SAMPLE_TXS_MAX)};
    p->block.digest_before = tagged("before");
    buf_reset(&out);
    header_encode(&out, &b.header);
    p->block.header = arena_copy(a, buf_span(&out));
    struct hash digest = block_result_digest(&p->block.result);
    digest = digest_fold(&p->block.digest_before, &digest);
    uint8_t later[8 * HASH_SIZE];
    must(later_count <= 8);
    for (uint32_t i = 0; i < later_count; i++) {
        struct hash next = hash_of("later", span_of(&i, 1));
        memcpy(later + (size_t)i * HASH_SIZE, next.bytes, HASH_SIZE);
        digest = digest_fold(&digest, &next);
    }
    p->block.later = arena_copy(a, span_of(later, (size_t)later_count * HASH_SIZE));
    p->block.final_cert =
        sample_certificate(VOTE_P2, SAMPLE_HEIGHT, &p->block.result.block_hash, 3);
    p->block.res_cert = sample_certificate(VOTE_P3, SAMPLE_HEIGHT + later_count, &digest, 4);
}

void sample_successors(struct proof *p, struct arena *a, uint32_t count)
{
    struct header h;
    struct cbor in = cbor_of(p->block.header);
    must(count <= PROOF_SUCCESSORS_MAX);
    header_decode(&h, &in);
    for (p->block.successor_count = 0; p->block.successor_count < count;
         p->block.successor_count++) {
        uint8_t bytes[512];
        struct buf out;
        h.parent = header_hash(&h);
        h.height++;
        h.time_ms++;
        buf_init_fixed(&out, bytes, sizeof bytes);
        header_encode(&out, &h);
        p->block.successors[p->block.successor_count] = arena_copy(a, buf_span(&out));
    }
    struct hash hash = header_hash(&h);
    p->block.final_cert = sample_certificate(VOTE_P2, h.height, &hash, 3);
}
