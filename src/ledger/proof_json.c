/* proof_json.c - One description of a proof's fields, followed in both directions.
 *
 * A shape is a number, bytes, a record of named fields (CBOR: an array), a list, or one of them or
 * null. Shapes contain each other without a cycle, so following them ends. What only stands inside
 * bytes (headers, receipts, entries) stays bytes: their hashes are over those. */
#include "ledger/proof_json.h"

#include "base/must.h"
#include "codec/cbor.h"
#include "ledger/proof.h"

enum shape_kind { SHAPE_NUMBER, SHAPE_BYTES, SHAPE_RECORD, SHAPE_LIST, SHAPE_OPTION };

struct shape {
    enum shape_kind kind;
    uint32_t count; /* Of a record's fields. */
    const struct field *fields;
    const struct shape *item; /* Of a list, of an option. */
};

struct field {
    const char *name;
    const struct shape *shape;
};

#define RECORD(list)                                                                               \
    {                                                                                              \
        .kind = SHAPE_RECORD, .count = sizeof(list) / sizeof(list)[0], .fields = (list)            \
    }
#define LIST(of)                                                                                   \
    {                                                                                              \
        .kind = SHAPE_LIST, .item = (of)                                                           \
    }
#define OPTION(of)                                                                                 \
    {                                                                                              \
        .kind = SHAPE_OPTION, .item = (of)                                                         \
    }

static const struct shape number = {.kind = SHAPE_NUMBER};
static const struct shape bytes_shape = {.kind = SHAPE_BYTES};
static const struct shape hashes = LIST(&bytes_shape);
static const struct shape numbers = LIST(&number);

static const struct field result_fields[] = {{"height", &number},
                                             {"block_hash", &bytes_shape},
                                             {"writeset_root", &bytes_shape},
                                             {"receipts_root", &bytes_shape},
                                             {"checkpoint", &bytes_shape}};
static const struct shape result = RECORD(result_fields);

static const struct field entry_fields[] = {{"voter", &number},
                                            {"sibling_1", &bytes_shape},
                                            {"sibling_2", &bytes_shape},
                                            {"signature", &bytes_shape}};
static const struct shape entry = RECORD(entry_fields);
static const struct shape entries = LIST(&entry);

static const struct field commit_fields[] = {
    {"epoch", &number}, {"view", &number}, {"height", &number}, {"block_hash", &bytes_shape}};
static const struct shape commit = RECORD(commit_fields);
static const struct field executed_fields[] = {
    {"epoch", &number}, {"height", &number}, {"digest", &bytes_shape}};
static const struct shape executed = RECORD(executed_fields);

static const struct field commit_cert_fields[] = {
    {"part", &number}, {"statement", &commit}, {"entries", &entries}, {"links", &numbers}};
static const struct shape commit_cert = RECORD(commit_cert_fields);
static const struct field result_cert_fields[] = {
    {"part", &number}, {"statement", &executed}, {"entries", &entries}, {"links", &numbers}};
static const struct shape result_cert = RECORD(result_cert_fields);

static const struct field block_fields[] = {{"result", &result},
                                            {"digest_before", &bytes_shape},
                                            {"header", &bytes_shape},
                                            {"successors", &hashes},
                                            {"commit_certificate", &commit_cert},
                                            {"execution_certificate", &result_cert},
                                            {"later", &bytes_shape},
                                            {"epochs", &bytes_shape}};
static const struct shape block = RECORD(block_fields);

static const struct field shown_fields[] = {{"transaction", &bytes_shape}, {"path", &hashes}};
static const struct shape shown_record = RECORD(shown_fields);
static const struct shape shown = OPTION(&shown_record);
static const struct field tx_fields[] = {
    {"receipt", &bytes_shape}, {"path", &hashes}, {"shown", &shown}};

static const struct field version_fields[] = {
    {"entry", &bytes_shape}, {"sides", &number}, {"path", &hashes}};

static const struct field checkpoint_fields[] = {{"height", &number},
                                                 {"before", &number},
                                                 {"row_root", &bytes_shape},
                                                 {"txid_root", &bytes_shape}};
static const struct shape checkpoint = RECORD(checkpoint_fields);
static const struct field step_fields[] = {{"bit", &number}, {"sibling", &bytes_shape}};
static const struct shape step = RECORD(step_fields);
static const struct shape steps = LIST(&step);
static const struct field place_fields[] = {{"position", &bytes_shape}, {"leaf", &bytes_shape}};
static const struct shape place = RECORD(place_fields);
static const struct shape places = LIST(&place);
static const struct field row_path_fields[] = {{"branches", &steps}, {"bucket", &places}};
static const struct shape row_path = RECORD(row_path_fields);
static const struct field row_fields[] = {
    {"checkpoint", &checkpoint}, {"entry", &bytes_shape}, {"path", &row_path}};
static const struct field no_row_fields[] = {{"checkpoint", &checkpoint},
                                             {"table_id", &number},
                                             {"key", &bytes_shape},
                                             {"path", &row_path},
                                             {"claim", &bytes_shape}};

static const struct field neighbour_fields[] = {
    {"txid", &bytes_shape}, {"sides", &number}, {"path", &hashes}};
static const struct shape neighbour_record = RECORD(neighbour_fields);
static const struct shape neighbour = OPTION(&neighbour_record);
static const struct field interval_fields[] = {
    {"checkpoint", &checkpoint}, {"left", &neighbour}, {"right", &neighbour}};
static const struct shape interval = RECORD(interval_fields);
static const struct field older_fields[] = {{"interval", &interval}, {"block", &block}};
static const struct shape older_record = RECORD(older_fields);
static const struct shape older = LIST(&older_record);
static const struct field no_tx_fields[] = {
    {"txid", &bytes_shape}, {"interval", &interval}, {"older", &older}, {"claim", &bytes_shape}};

static const struct shape subjects[] = {
    [PROOF_TX] = RECORD(tx_fields),       [PROOF_ROW_VERSION] = RECORD(version_fields),
    [PROOF_ROW] = RECORD(row_fields),     [PROOF_NO_ROW] = RECORD(no_row_fields),
    [PROOF_NO_TX] = RECORD(no_tx_fields),
};

/* --- to JSON ---------------------------------------------------------------------------------- */

struct printer {
    struct buf *out;
    struct cbor in;
    uint32_t depth;
};

static void print(struct printer *p, const struct shape *s);

static void new_line(struct printer *p)
{
    buf_put_u8(p->out, '\n');
    for (uint32_t i = 0; i < p->depth; i++)
        buf_put_text(p->out, "  ");
}

static void print_hex(struct buf *out, struct span bytes)
{
    static const char digits[] = "0123456789abcdef";
    buf_put_u8(out, '"');
    for (size_t i = 0; i < bytes.size; i++) {
        buf_put_u8(out, (uint8_t)digits[bytes.data[i] >> 4]);
        buf_put_u8(out, (uint8_t)digits[bytes.data[i] & 15]);
    }
    buf_put_u8(out, '"');
}

static void print_name(struct printer *p, const char *name, bool is_first)
{
    if (!is_first) buf_put_u8(p->out, ',');
    new_line(p);
    buf_printf(p->out, "\"%s\": ", name);
}

static void print_record(struct printer *p, const struct shape *s)
{
    cbor_expect_array(&p->in, s->count);
    buf_put_u8(p->out, '{');
    p->depth++;
    for (uint32_t i = 0; i < s->count; i++) {
        print_name(p, s->fields[i].name, i == 0);
        print(p, s->fields[i].shape);
    }
    p->depth--;
    new_line(p);
    buf_put_u8(p->out, '}');
}

static void print_list(struct printer *p, const struct shape *s)
{
    const uint64_t count = cbor_get_array(&p->in);
    buf_put_u8(p->out, '[');
    p->depth++;
    for (uint64_t i = 0; i < count && p->in.status == ST_OK; i++) {
        if (i > 0) buf_put_u8(p->out, ',');
        new_line(p);
        print(p, s->item);
    }
    p->depth--;
    if (count > 0) new_line(p);
    buf_put_u8(p->out, ']');
}

static void print(struct printer *p, const struct shape *s)
{
    if (p->in.status != ST_OK) return;
    switch (s->kind) {
    case SHAPE_NUMBER: buf_printf(p->out, "%llu", (unsigned long long)cbor_get_uint(&p->in)); break;
    case SHAPE_BYTES: print_hex(p->out, cbor_get_bytes(&p->in)); break;
    case SHAPE_RECORD: print_record(p, s); break;
    case SHAPE_LIST: print_list(p, s); break;
    case SHAPE_OPTION:
        if (cbor_get_null(&p->in))
            buf_put_text(p->out, "null");
        else
            print(p, s->item);
        break;
    }
}

enum status proof_to_json(struct buf *out, struct span bytes)
{
    struct printer p = {.out = out, .in = cbor_of(bytes), .depth = 1};
    cbor_expect_array(&p.in, 5);
    buf_put_u8(out, '{');
    print_name(&p, "version", true);
    print(&p, &number);
    print_name(&p, "genesis", false);
    print(&p, &bytes_shape);
    const uint64_t kind = cbor_get_uint(&p.in);
    if (p.in.status != ST_OK) return p.in.status;
    if (kind < PROOF_TX || kind > PROOF_NO_TX) return ST_INVALID;
    print_name(&p, "kind", false);
    buf_printf(out, "\"%s\"", proof_kind_text((enum proof_kind)kind));
    print_name(&p, "subject", false);
    print(&p, &subjects[kind]);
    print_name(&p, "block", false);
    print(&p, &block);
    buf_put_text(out, "\n}\n");
    TRY(cbor_end(&p.in));
    return buf_status(out);
}

/* --- from JSON -------------------------------------------------------------------------------- */

struct scanner { /* The first failure sticks. */
    const uint8_t *at;
    const uint8_t *end;
    enum status status;
    struct buf *out;
};

static void scan(struct scanner *s, const struct shape *shape);

static void fail(struct scanner *s)
{
    if (s->status == ST_OK) s->status = s->at == s->end ? ST_TRUNCATED : ST_INVALID;
}

static void skip_space(struct scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
}

/* The next character that is no white space; 0: none. */
static uint8_t look(struct scanner *s)
{
    skip_space(s);
    return s->at < s->end ? *s->at : 0;
}

static void expect(struct scanner *s, char c)
{
    if (look(s) == (uint8_t)c)
        s->at++;
    else
        fail(s);
}

static void expect_text(struct scanner *s, const char *text)
{
    const size_t size = strlen(text);
    skip_space(s);
    if ((size_t)(s->end - s->at) < size || memcmp(s->at, text, size) != 0) {
        fail(s);
        return;
    }
    s->at += size;
}

static void expect_name(struct scanner *s, const char *name, bool is_first)
{
    if (!is_first) expect(s, ',');
    expect(s, '"');
    if (s->status == ST_OK) expect_text(s, name);
    if (s->at == s->end || *s->at != '"') {
        fail(s);
        return;
    }
    s->at++;
    expect(s, ':');
}

static void scan_number(struct scanner *s)
{
    uint64_t value = 0;
    skip_space(s);
    const uint8_t *from = s->at;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        const uint64_t digit = (uint64_t)(*s->at - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            fail(s);
            return;
        }
        value = 10 * value + digit;
    }
    if (s->at == from || (*from == '0' && s->at - from > 1)) {
        fail(s);
        return;
    }
    cbor_put_uint(s->out, value);
}

static bool is_digit(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static uint32_t digit_of(uint8_t c)
{
    must(is_digit(c));
    return c <= '9' ? (uint32_t)c - '0' : (uint32_t)c - 'a' + 10u;
}

static void scan_bytes(struct scanner *s)
{
    expect(s, '"');
    const uint8_t *from = s->at;
    while (s->at < s->end && is_digit(*s->at))
        s->at++;
    const size_t digits = (size_t)(s->at - from);
    if (s->at == s->end || *s->at != '"' || digits % 2 != 0) {
        fail(s);
        return;
    }
    s->at++;
    cbor_put_bytes_head(s->out, digits / 2);
    for (size_t i = 0; i < digits; i += 2)
        buf_put_u8(s->out, (uint8_t)(16u * digit_of(from[i]) + digit_of(from[i + 1])));
}

static void scan_record(struct scanner *s, const struct shape *shape)
{
    cbor_put_array(s->out, shape->count);
    expect(s, '{');
    for (uint32_t i = 0; i < shape->count && s->status == ST_OK; i++) {
        expect_name(s, shape->fields[i].name, i == 0);
        scan(s, shape->fields[i].shape);
    }
    expect(s, '}');
}

/* Items of the list whose bracket was read: commas outside of inner brackets. Strings hold
 * hexadecimal digits and names only. */
static uint64_t count_items(struct scanner *s)
{
    if (look(s) == ']') return 0;
    uint64_t count = 1;
    uint32_t depth = 0;
    for (const uint8_t *at = s->at; at < s->end; at++) {
        if (*at == '[' || *at == '{') depth++;
        if (*at == ',' && depth == 0) count++;
        if (*at != ']' && *at != '}') continue;
        if (depth == 0) return count;
        depth--;
    }
    s->at = s->end;
    fail(s);
    return 0;
}

static void scan_list(struct scanner *s, const struct shape *shape)
{
    expect(s, '[');
    const uint64_t count = s->status == ST_OK ? count_items(s) : 0;
    cbor_put_array(s->out, count);
    for (uint64_t i = 0; i < count && s->status == ST_OK; i++) {
        if (i > 0) expect(s, ',');
        scan(s, shape->item);
    }
    expect(s, ']');
}

static void scan(struct scanner *s, const struct shape *shape)
{
    if (s->status != ST_OK) return;
    switch (shape->kind) {
    case SHAPE_NUMBER: scan_number(s); break;
    case SHAPE_BYTES: scan_bytes(s); break;
    case SHAPE_RECORD: scan_record(s, shape); break;
    case SHAPE_LIST: scan_list(s, shape); break;
    case SHAPE_OPTION:
        if (look(s) == 'n') {
            expect_text(s, "null");
            cbor_put_null(s->out);
        } else {
            scan(s, shape->item);
        }
        break;
    }
}

static enum proof_kind scan_kind(struct scanner *s)
{
    expect(s, '"');
    const uint8_t *from = s->at;
    while (s->at < s->end && *s->at != '"')
        s->at++;
    const struct span text = span_of(from, (size_t)(s->at - from));
    expect(s, '"');
    for (uint32_t kind = PROOF_TX; kind <= PROOF_NO_TX; kind++)
        if (span_equal(text, span_text(proof_kind_text((enum proof_kind)kind))))
            return (enum proof_kind)kind;
    s->status = s->status == ST_OK ? ST_INVALID : s->status;
    return PROOF_TX;
}

enum status proof_from_json(struct buf *out, struct span text)
{
    struct scanner s = {.at = text.data, .end = text.data + text.size, .status = ST_OK, .out = out};
    cbor_put_array(out, 5);
    expect(&s, '{');
    expect_name(&s, "version", true);
    scan(&s, &number);
    expect_name(&s, "genesis", false);
    scan(&s, &bytes_shape);
    expect_name(&s, "kind", false);
    const enum proof_kind kind = scan_kind(&s);
    cbor_put_uint(out, (uint64_t)kind);
    expect_name(&s, "subject", false);
    scan(&s, &subjects[kind]);
    expect_name(&s, "block", false);
    scan(&s, &block);
    expect(&s, '}');
    skip_space(&s);
    if (s.at != s.end) fail(&s);
    return s.status != ST_OK ? s.status : buf_status(out);
}
