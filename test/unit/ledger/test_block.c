/* Goal: headers and bodies have one encoding, and block_check names each way in which a block does
 * not fit its parent or its own header. */
#include "ledger/block.h"

#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/fail_mem.h"
#include "support/golden.h"
#include "support/sample_ledger.h"

struct fixture {
    struct arena arena;
    struct sample_block block;
};

static int set_up(void **state)
{
    static struct fixture f;
    arena_init(&f.arena, mem_system(), 0);
    sample_block(&f.block, &f.arena, 3);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_fini(&f->arena);
    return 0;
}

static enum status header_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct header h;
    struct cbor in = cbor_of(bytes);
    header_decode(&h, &in);
    TRY(cbor_end(&in));
    header_encode(out, &h);
    return buf_status(out);
}

static enum status body_again(struct span bytes, struct arena *a, struct buf *out)
{
    struct body b;
    TRY(body_decode(&b, a, bytes));
    body_encode(out, &b);
    return buf_status(out);
}

static enum status block_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct span header;
    struct span body;
    TRY(block_split(bytes, &header, &body));
    block_encode(out, header, body);
    return buf_status(out);
}

static void encodings(void **state)
{
    struct fixture *f = *state;
    struct buf header;
    struct buf body;
    struct buf block;
    buf_init(&header, mem_system(), 0);
    buf_init(&body, mem_system(), 0);
    buf_init(&block, mem_system(), 0);
    header_encode(&header, &f->block.header);
    golden_check("header", buf_span(&header));
    codec_sweep(buf_span(&header), header_again);
    struct hash hash = header_hash(&f->block.header);
    golden_check("header-hash", hash_span(&hash));
    struct hash direct = hash_of("hdr", buf_span(&header));
    assert_true(hash_equal(&hash, &direct));
    body_encode(&body, &f->block.body);
    golden_check("body", buf_span(&body));
    codec_sweep(buf_span(&body), body_again);
    block_encode(&block, buf_span(&header), buf_span(&body));
    codec_sweep(buf_span(&block), block_again);
    buf_reset(&body);
    struct body empty = {0};
    body_encode(&body, &empty);
    codec_sweep(buf_span(&body), body_again);
    buf_fini(&header);
    buf_fini(&body);
    buf_fini(&block);
}

static enum status check(struct fixture *f, const char **what)
{
    struct sample_block *b = &f->block;
    struct block_parts parts = {.header = &b->header, .body = &b->body, .txs = b->txs};
    *what = NULL;
    return block_check(&parts, &b->parent, &b->parent_hash, &f->arena, what);
}

static void refuse(struct fixture *f, const char *part_of_what)
{
    const char *what;
    assert_int_equal(check(f, &what), ST_REJECTED);
    assert_non_null(what);
    if (strstr(what, part_of_what) == NULL) fail_msg("said: %s", what);
    sample_block(&f->block, &f->arena, 3);
}

static void the_sample_fits(void **state)
{
    struct fixture *f = *state;
    const char *what;
    for (uint32_t count = 0; count <= SAMPLE_TXS_MAX; count++) {
        sample_block(&f->block, &f->arena, count);
        assert_int_equal(check(f, &what), ST_OK);
        assert_null(what);
    }
}

static void links_are_checked(void **state)
{
    struct fixture *f = *state;
    struct header *h = &f->block.header;
    h->parent.bytes[0] ^= 1;
    refuse(f, "parent hash");
    h->chain_id.bytes[0] ^= 1;
    refuse(f, "another chain");
    h->height++;
    refuse(f, "height");
    h->time_ms = f->block.parent.time_ms;
    refuse(f, "time");
    h->epoch++;
    refuse(f, "epoch");
    h->view = 0;
    refuse(f, "view");
    h->exec_version++;
    refuse(f, "exec_version");
    f->block.parent.flags = BLOCK_EPOCH_CLOSE;
    refuse(f, "epoch");
}

static void content_is_checked(void **state)
{
    struct fixture *f = *state;
    struct header *h = &f->block.header;
    h->tx_root.bytes[0] ^= 1;
    refuse(f, "tx_root");
    h->body_size++;
    refuse(f, "size");
    h->tx_count--;
    refuse(f, "count");
    f->block.txs[1].chain_id.bytes[0] ^= 1;
    refuse(f, "another chain");
    f->block.txs[1].is_redacted = true;
    refuse(f, "redacted");
    f->block.txs[1].valid_until_height = SAMPLE_HEIGHT - 1;
    refuse(f, "span");
    f->block.txs[2].leaf.bytes[0] ^= 1;
    refuse(f, "tx_root");
    struct tx kept = f->block.txs[0];
    f->block.txs[0] = f->block.txs[1];
    f->block.txs[1] = kept;
    refuse(f, "tx_root");
}

static void certificates_are_checked(void **state)
{
    struct fixture *f = *state;
    struct header *h = &f->block.header;
    f->block.body.final_cert.entries[0].sig.bytes[0] ^= 1;
    refuse(f, "commit certificate");
    f->block.body.has_final_cert = false;
    refuse(f, "commit certificate");
    h->final_height--;
    refuse(f, "commit certificate");
    f->block.body.res_cert.statement.height--;
    refuse(f, "execution certificate");
    h->res_digest.bytes[0] ^= 1;
    refuse(f, "execution certificate");
    h->res_height--;
    refuse(f, "execution certificate");
    f->block.body.final_cert = f->block.body.res_cert;
    f->block.header.final_cert_hash = certificate_hash(&f->block.body.final_cert);
    f->block.header.final_height = f->block.body.final_cert.statement.height;
    refuse(f, "commit certificate");
}

static void notes_are_checked(void **state)
{
    struct fixture *f = *state;
    struct body_notes *n = &f->block.body.notes;
    n->late[1].entry.sig.bytes[0] ^= 1;
    refuse(f, "notes");
    n->evidence[0] = span_text("other");
    refuse(f, "notes");
    n->late_count = 1;
    refuse(f, "notes");
    n->late_count = n->evidence_count = 0;
    refuse(f, "notes");
    f->block.header.notes_hash = (struct hash){{0}};
    refuse(f, "notes");
}

static enum status notes_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    static struct body_notes n;
    struct cbor in = cbor_of(bytes);
    notes_decode(&n, &in);
    TRY(cbor_end(&in));
    notes_encode(out, &n);
    return buf_status(out);
}

static enum status decoded(const struct body_notes *n)
{
    struct buf out;
    static struct body_notes back;
    buf_init(&out, mem_system(), 0);
    notes_encode(&out, n);
    assert_int_equal(buf_status(&out), ST_OK);
    struct cbor in = cbor_of(buf_span(&out));
    notes_decode(&back, &in);
    enum status st = cbor_end(&in);
    buf_fini(&out);
    return st;
}

/* Encoded into room. */
static struct span sample_incident(uint8_t room[INCIDENT_SIZE_MAX], uint64_t time_ms)
{
    struct secret_key secret = sample_node_secret(1);
    struct buf out;
    struct incident i = {.chain_id = sample_chain_id(),
                         .node = sample_public(&secret),
                         .kind = INCIDENT_BLOCK,
                         .place = span_text("blocks/00000001.seg offset 5"),
                         .time_ms = time_ms};
    buf_init_fixed(&out, room, INCIDENT_SIZE_MAX);
    incident_encode(&out, &i);
    assert_int_equal(buf_status(&out), ST_OK);
    return buf_span(&out);
}

static void notes_have_one_encoding(void **state)
{
    struct fixture *f = *state;
    struct buf out;
    uint8_t rooms[2][INCIDENT_SIZE_MAX];
    buf_init(&out, mem_system(), 0);
    for (uint32_t kinds = 0; kinds < 8; kinds++) {
        struct body_notes n = f->block.body.notes;
        n.incident_count = kinds < 4 ? 0 : 2;
        n.incidents[0] = sample_incident(rooms[0], 1);
        n.incidents[1] = sample_incident(rooms[1], 2);
        if ((kinds & 1u) == 0) n.late_count = 0;
        if ((kinds & 2u) == 0) n.evidence_count = 0;
        buf_reset(&out);
        notes_encode(&out, &n);
        codec_sweep(buf_span(&out), notes_again);
        struct hash want = hash_of("notes", buf_span(&out));
        struct hash hash = notes_hash(&n);
        if (kinds == 0)
            assert_true(hash_is_zero(&hash));
        else
            assert_true(hash_equal(&hash, &want));
    }
    struct body_notes *n = &f->block.body.notes;
    struct late_vote first = n->late[0];
    n->late[0] = n->late[1];
    n->late[1] = first;
    assert_int_equal(decoded(n), ST_INVALID); /* Not ascending. */
    n->late[1] = n->late[0];
    assert_int_equal(decoded(n), ST_INVALID); /* Twice. */
    n->late_count = 1;
    n->evidence[0] = span_of(NULL, 0);
    assert_int_equal(decoded(n), ST_INVALID);
    static uint8_t large[BLOCK_EVIDENCE_BYTES_MAX + 1];
    n->evidence[0] = span_of(large, sizeof large - 1);
    assert_int_equal(decoded(n), ST_OK);
    n->evidence[0] = span_of(large, sizeof large);
    assert_int_equal(decoded(n), ST_LIMIT);
    n->evidence_count = 0;
    n->incident_count = BLOCK_INCIDENTS_MAX;
    for (uint32_t i = 0; i < BLOCK_INCIDENTS_MAX; i++)
        n->incidents[i] = sample_incident(rooms[0], 1);
    assert_int_equal(decoded(n), ST_OK);
    n->incidents[3].size--;
    assert_int_equal(decoded(n), ST_INVALID);
    n->incident_count = 0;
    n->evidence_count = 1;
    static const uint8_t two_empty[] = {0x82, 0x80, 0x80};
    struct cbor in = cbor_of(span_of(two_empty, sizeof two_empty));
    notes_decode(n, &in);
    assert_int_equal(cbor_end(&in), ST_INVALID);
    buf_fini(&out);
    sample_block(&f->block, &f->arena, 3);
}

static void a_copy_of_notes_stands_alone(void **state)
{
    struct fixture *f = *state;
    for (uint64_t n = 1;; n++) {
        struct fail_mem memory;
        struct body_notes *copy;
        fail_mem_init(&memory, n);
        enum status st = notes_copy(&copy, &memory.mem, &f->block.body.notes);
        if (st == ST_OK) {
            struct hash hash = notes_hash(copy);
            assert_true(hash_equal(&hash, &f->block.header.notes_hash));
            assert_ptr_not_equal(copy->evidence[0].data, f->block.body.notes.evidence[0].data);
            mem_free(&memory.mem, copy);
            break;
        }
        assert_int_equal(st, ST_NO_MEMORY);
        assert_null(copy);
    }
    struct body_notes none = {0};
    struct body_notes *copy = &none;
    assert_int_equal(notes_copy(&copy, mem_system(), &none), ST_OK);
    assert_null(copy);
}

static void duplicates_are_found_anywhere(void **state)
{
    struct fixture *f = *state;
    const char *what;
    for (uint32_t count = 2; count <= SAMPLE_TXS_MAX; count++)
        for (uint32_t i = 1; i < count; i++)
            for (uint32_t j = 0; j < i; j++) {
                sample_block(&f->block, &f->arena, count);
                f->block.txs[i].txid = f->block.txs[j].txid; /* The leaf stays another. */
                assert_int_equal(check(f, &what), ST_REJECTED);
                assert_non_null(strstr(what, "twice"));
                arena_reset(&f->arena);
            }
    sample_block(&f->block, &f->arena, 3);
}

static void the_first_block_follows_the_chain_id(void **state)
{
    struct fixture *f = *state;
    struct sample_block *b = &f->block;
    struct block_parts parts = {.header = &b->header, .body = &b->body, .txs = b->txs};
    const char *what;
    struct hash chain_id = sample_chain_id();
    b->header.height = 1;
    b->header.parent = chain_id;
    b->header.final_height = 0;
    b->header.res_height = 0;
    b->body.has_final_cert = false;
    b->body.has_res_cert = false;
    assert_int_equal(block_check(&parts, NULL, &chain_id, &f->arena, &what), ST_OK);
    b->header.height = 2;
    assert_int_equal(block_check(&parts, NULL, &chain_id, &f->arena, &what), ST_REJECTED);
    b->header.height = 1;
    b->header.epoch = 1;
    assert_int_equal(block_check(&parts, NULL, &chain_id, &f->arena, &what), ST_REJECTED);
    b->header.epoch = 0;
    b->header.parent = b->parent_hash;
    assert_int_equal(block_check(&parts, NULL, &b->parent_hash, &f->arena, &what), ST_REJECTED);
}

static void impossible_headers_are_refused(void **state)
{
    struct fixture *f = *state;
    for (int n = 0; n < 9; n++) {
        struct header h = f->block.header;
        if (n == 1) h.height = 0;
        if (n == 2) h.final_height = h.height;
        if (n == 3) h.res_height = h.height;
        if (n == 4) h.final_height = 0;
        if (n == 5) h.res_digest = (struct hash){{0}};
        if (n == 6) h.flags = BLOCK_EPOCH_CLOSE;
        if (n == 7) h.next_config_hash = h.parent;
        if (n == 8) h.proposer = NODES_MAX;
        uint8_t bytes[1024];
        struct buf out;
        buf_init_fixed(&out, bytes, sizeof bytes);
        header_encode(&out, &h);
        struct cbor in = cbor_of(buf_span(&out));
        header_decode(&h, &in);
        assert_int_equal(cbor_end(&in), n == 0 ? ST_OK : ST_INVALID);
    }
}

static void memory_may_fail_at_any_call(void **state)
{
    struct fixture *f = *state;
    struct buf body;
    buf_init(&body, mem_system(), 0);
    body_encode(&body, &f->block.body);
    struct sample_block *b = &f->block;
    struct block_parts parts = {.header = &b->header, .body = &b->body, .txs = b->txs};
    for (uint64_t n = 1;; n++) {
        struct fail_mem memory;
        struct arena a;
        struct body got;
        const char *what = NULL;
        fail_mem_init(&memory, n);
        arena_init(&a, &memory.mem, 0);
        enum status st = block_check(&parts, &b->parent, &b->parent_hash, &a, &what);
        if (st == ST_OK) {
            arena_fini(&a);
            st = body_decode(&got, &a, buf_span(&body));
        }
        arena_fini(&a);
        assert_int_equal(memory.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
        assert_null(what);
    }
    buf_fini(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(encodings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_sample_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_are_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(content_is_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(certificates_are_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(notes_are_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(notes_have_one_encoding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_of_notes_stands_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(duplicates_are_found_anywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_block_follows_the_chain_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(impossible_headers_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_may_fail_at_any_call, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
