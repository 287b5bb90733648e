/* Goal: an incident has one encoding and survives it, and its signature covers every field. */
#include "ledger/incident.h"

#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/golden.h"
#include "support/sample_ledger.h"

static void sign(struct incident *i)
{
    struct secret_key secret = sample_node_secret(2);
    struct hash hash = incident_hash(i);
    assert_int_equal(sign_hash(sample_signer(), &i->sig, &secret, &hash), ST_OK);
}

static struct incident sample(void)
{
    struct secret_key secret = sample_node_secret(2);
    struct incident i = {.chain_id = sample_chain_id(),
                         .node = sample_public(&secret),
                         .kind = INCIDENT_STATE,
                         .state = INCIDENT_REPAIRED,
                         .place = span_text("state/main.db page 7: a page is not what was written"),
                         .height = 70000,
                         .old_hash = hash_of("test", span_text("old")),
                         .new_hash = hash_of("test", span_text("new")),
                         .time_ms = SAMPLE_TIME_MS};
    sign(&i);
    return i;
}

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct incident i;
    TRY(incident_decode(&i, bytes));
    incident_encode(out, &i);
    return buf_status(out);
}

static void encodings(void **state)
{
    (void)state;
    uint8_t bytes[INCIDENT_SIZE_MAX];
    struct buf out;
    struct incident i = sample();
    buf_init_fixed(&out, bytes, sizeof bytes);
    incident_encode(&out, &i);
    golden_check("incident", buf_span(&out));
    codec_sweep(buf_span(&out), again);
    i.old_hash = i.new_hash = (struct hash){{0}};
    buf_reset(&out);
    incident_encode(&out, &i);
    codec_sweep(buf_span(&out), again);
}

static void the_largest_fits(void **state)
{
    (void)state;
    static uint8_t place[INCIDENT_PLACE_MAX];
    uint8_t bytes[INCIDENT_SIZE_MAX];
    struct buf out;
    struct incident got;
    struct incident i = sample();
    memset(place, 'x', sizeof place);
    i.place = span_of(place, sizeof place);
    i.height = i.time_ms = INT64_MAX;
    buf_init_fixed(&out, bytes, sizeof bytes);
    incident_encode(&out, &i);
    assert_int_equal(buf_status(&out), ST_OK);
    assert_int_equal(incident_decode(&got, buf_span(&out)), ST_OK);
    assert_true(incident_is_same(&got, &i));
    i.height = (uint64_t)INT64_MAX + 1; /* No integer of a row. */
    buf_reset(&out);
    incident_encode(&out, &i);
    assert_int_equal(incident_decode(&got, buf_span(&out)), ST_INVALID);
}

static void the_signature_covers_every_field(void **state)
{
    (void)state;
    const struct hash chain_id = sample_chain_id();
    struct secret_key other = sample_node_secret(1);
    struct incident i = sample();
    assert_int_equal(incident_verify(&i, sample_signer(), &chain_id), ST_OK);
    struct incident changed[8];
    for (int k = 0; k < 8; k++)
        changed[k] = i;
    changed[0].node = sample_public(&other);
    changed[1].kind = INCIDENT_BLOCK;
    changed[2].state = INCIDENT_FOUND;
    changed[3].place = span_text("state/main.db");
    changed[4].height++;
    changed[5].old_hash.bytes[0] ^= 1;
    changed[6].new_hash.bytes[31] ^= 1;
    changed[7].time_ms++;
    for (int k = 0; k < 8; k++)
        assert_int_equal(incident_verify(&changed[k], sample_signer(), &chain_id), ST_SIGNATURE);
    i.chain_id.bytes[0] ^= 1;
    assert_int_equal(incident_verify(&i, sample_signer(), &chain_id), ST_WRONG_CHAIN);
}

/* Every kind and state has a name; the codes are on the chain. */
static void names(void **state)
{
    (void)state;
    for (uint32_t k = 1; k <= INCIDENT_KINDS; k++)
        assert_non_null(incident_kind_text((enum incident_kind)k));
    for (uint32_t k = 0; k < INCIDENT_STATES; k++)
        assert_non_null(incident_state_text((enum incident_state)k));
    assert_int_equal(INCIDENT_STATE, 1);
    assert_int_equal(INCIDENT_ROW, INCIDENT_KINDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings),
        cmocka_unit_test(the_largest_fits),
        cmocka_unit_test(the_signature_covers_every_field),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
