/* parameter.c - Parameters by name: what CHANGE_SET takes and what people are shown.
 *
 * A number lies at an offset of struct chain_config. Bounds are those of chain_config_check, but
 * for what must not go back or change its kind while the chain runs. */
#include "base/must.h"
#include "ledger/change_int.h"

#define DIGITS_MAX 19u

enum form { FORM_U32, FORM_U64, FORM_BOOL, FORM_MODE };

struct parameter {
    const char *name;
    enum form form;
    size_t offset;
};

#define AT(member) offsetof(struct chain_config, member)
static const struct parameter parameters[] = {
    {"batch_age_ms", FORM_U32, AT(batch_age_ms)},
    {"block_txs_max", FORM_U32, AT(block_txs_max)},
    {"consensus.evidence_halts", FORM_BOOL, AT(params.evidence_halts)},
    {"consensus.f", FORM_U32, AT(f)},
    {"consensus.high_percent", FORM_U32, AT(params.high_percent)},
    {"consensus.low_percent", FORM_U32, AT(params.low_percent)},
    {"consensus.mode", FORM_MODE, AT(mode)},
    {"consensus.mode_window", FORM_U32, AT(params.mode_window)},
    {"consensus.p", FORM_U32, AT(p)},
    {"consensus.return_blocks", FORM_U32, AT(params.return_blocks)},
    {"consensus.slow_max", FORM_U32, AT(params.slow_max)},
    {"consensus.view_changes_max", FORM_U32, AT(params.view_changes_max)},
    {"consensus.view_ms", FORM_U32, AT(params.view_ms)},
    {"exec_version", FORM_U32, AT(exec_version)},
    {"fuel_tx", FORM_U64, AT(fuel_tx)},
};
#define PARAMETER_COUNT ((uint32_t)(sizeof parameters / sizeof parameters[0]))

static enum status set_mode(struct step *s);
static enum status check_version(struct step *s, uint64_t value);
static bool read_number(struct span text, uint64_t *out);
static enum status refuse_value(struct step *s, const char *wanted);

uint32_t change_parameter_count(void)
{
    return PARAMETER_COUNT;
}

const char *change_parameter_name(uint32_t index)
{
    must(index < PARAMETER_COUNT);
    return parameters[index].name;
}

static const char *mode_name(enum block_mode mode)
{
    switch (mode) {
    case MODE_FAST: return "adaptive";
    case MODE_BFT: return "bft";
    case MODE_RAFT: return "raft";
    case MODE_STRICT: break;
    }
    must(false); /* A state of adaptive, no mode of a chain. */
    return "";
}

void change_parameter_text(struct buf *out, uint32_t index, const struct chain_config *c)
{
    must(index < PARAMETER_COUNT);
    const uint8_t *at = (const uint8_t *)c + parameters[index].offset;
    uint32_t small;
    uint64_t large;
    switch (parameters[index].form) {
    case FORM_U32:
        memcpy(&small, at, sizeof small);
        buf_printf(out, "%u", small);
        return;
    case FORM_U64:
        memcpy(&large, at, sizeof large);
        buf_printf(out, "%llu", (unsigned long long)large);
        return;
    case FORM_BOOL: buf_put_text(out, c->params.evidence_halts ? "true" : "false"); return;
    case FORM_MODE: buf_put_text(out, mode_name(c->mode)); return;
    }
}

static const struct parameter *find(struct span name)
{
    for (uint32_t i = 0; i < PARAMETER_COUNT; i++)
        if (span_equal(span_text(parameters[i].name), name)) return &parameters[i];
    return NULL;
}

/* A vote that comes late finds the change made. */
static enum status check_new(struct step *s)
{
    uint8_t bytes[DIGITS_MAX + 1];
    for (uint32_t i = 0; i < PARAMETER_COUNT; i++) {
        struct buf text;
        buf_init_fixed(&text, bytes, sizeof bytes);
        if (!span_equal(span_text(parameters[i].name), s->change->subject)) continue;
        change_parameter_text(&text, i, &s->config);
        must(buf_status(&text) == ST_OK);
        if (!span_equal(buf_span(&text), s->change->value)) continue;
        diag_set(s->diag, "55000", "parameter \"%s\" has this value already", parameters[i].name);
        return ST_REJECTED;
    }
    return ST_OK;
}

static enum status set_number(struct step *s, const struct parameter *p)
{
    uint64_t value;
    bool is_version = p->offset == AT(exec_version);
    if (!read_number(s->change->value, &value)) return refuse_value(s, "a number");
    if (is_version) TRY(check_version(s, value));
    uint8_t *at = (uint8_t *)&s->config + p->offset;
    if (p->form == FORM_U64) {
        memcpy(at, &value, sizeof value);
        return ST_OK;
    }
    if (value > UINT32_MAX) return refuse_value(s, "a smaller number");
    uint32_t small = (uint32_t)value;
    memcpy(at, &small, sizeof small);
    return ST_OK;
}

enum status parameter_set(struct step *s)
{
    const struct parameter *p = find(s->change->subject);
    if (p == NULL) {
        diag_set(s->diag, "42704", "the chain has no parameter \"%.*s\"",
                 (int)s->change->subject.size, (const char *)s->change->subject.data);
        diag_hint(s->diag, "SELECT name, value FROM trustsql.parameters shows them.");
        return ST_REJECTED;
    }
    TRY(check_new(s));
    switch (p->form) {
    case FORM_U32:
    case FORM_U64: return set_number(s, p);
    case FORM_MODE: return set_mode(s);
    case FORM_BOOL: break;
    }
    bool is_true = span_equal(s->change->value, span_text("true"));
    if (!is_true && !span_equal(s->change->value, span_text("false")))
        return refuse_value(s, "true or false");
    s->config.params.evidence_halts = is_true;
    return ST_OK;
}

/* Between modes that bear lying validators. Raft's certificates prove less, so a chain does not
 * turn from it or to it while it runs. */
static enum status set_mode(struct step *s)
{
    static const enum block_mode modes[] = {MODE_FAST, MODE_BFT, MODE_RAFT};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (!span_equal(s->change->value, span_text(mode_name(modes[i])))) continue;
        if (modes[i] != s->config.mode && (modes[i] == MODE_RAFT || s->config.mode == MODE_RAFT)) {
            diag_set(s->diag, "0A000", "a running chain does not change between raft and %s",
                     mode_name(modes[i] == MODE_RAFT ? s->config.mode : modes[i]));
            diag_hint(s->diag, "Make a new chain and carry the data over.");
            return ST_REJECTED;
        }
        s->config.mode = modes[i];
        if (modes[i] == MODE_BFT) s->config.p = 0;
        return ST_OK;
    }
    return refuse_value(s, "adaptive, bft or raft");
}

/* Every program that runs version v knows that v + 1 is the next one, whichever it can run: so all
 * nodes judge alike. Whether they can run it is looked at before the call is signed. */
static enum status check_version(struct step *s, uint64_t value)
{
    if (value == (uint64_t)s->config.exec_version + 1) return ST_OK;
    diag_set(s->diag, "22023", "exec_version rises by one: from %u to %u", s->config.exec_version,
             s->config.exec_version + 1);
    return ST_REJECTED;
}

static bool read_number(struct span text, uint64_t *out)
{
    *out = 0;
    if (text.size == 0 || text.size > DIGITS_MAX) return false;
    if (text.data[0] == '0' && text.size > 1) return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        *out = *out * 10 + (uint64_t)(text.data[i] - '0');
    }
    return *out <= INT64_MAX;
}

static enum status refuse_value(struct step *s, const char *wanted)
{
    diag_set(s->diag, "22023", "parameter \"%.*s\" takes %s", (int)s->change->subject.size,
             (const char *)s->change->subject.data, wanted);
    return ST_REJECTED;
}
