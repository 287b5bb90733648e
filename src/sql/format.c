/* format.c - Patterns of to_char and the like: see format.h. */
#include "sql/format.h"

#include "base/must.h"
#include "sql/value_int.h"

struct keyword {
    const char *text;
    enum format_key key;
};

/* Of those that begin alike, the longer one first. */
static const struct keyword keywords[] = {
    {"A.D.", FORMAT_A_D},    {"A.M.", FORMAT_A_M},    {"AD", FORMAT_AD},
    {"AM", FORMAT_AM},       {"B.C.", FORMAT_A_D},    {"BC", FORMAT_AD},
    {"CC", FORMAT_CC},       {"DAY", FORMAT_DAY},     {"DDD", FORMAT_DDD},
    {"DD", FORMAT_DD},       {"DY", FORMAT_DY},       {"Day", FORMAT_DAY},
    {"Dy", FORMAT_DY},       {"D", FORMAT_D},         {"FF1", FORMAT_FF1},
    {"FF2", FORMAT_FF2},     {"FF3", FORMAT_FF3},     {"FF4", FORMAT_FF4},
    {"FF5", FORMAT_FF5},     {"FF6", FORMAT_FF6},     {"FX", FORMAT_FX},
    {"HH24", FORMAT_HH24},   {"HH12", FORMAT_HH12},   {"HH", FORMAT_HH12},
    {"IDDD", FORMAT_IDDD},   {"ID", FORMAT_ID},       {"IW", FORMAT_IW},
    {"IYYY", FORMAT_IYYY},   {"IYY", FORMAT_IYY},     {"IY", FORMAT_IY},
    {"I", FORMAT_I},         {"J", FORMAT_J},         {"MI", FORMAT_MI},
    {"MM", FORMAT_MM},       {"MONTH", FORMAT_MONTH}, {"MON", FORMAT_MON},
    {"MS", FORMAT_MS},       {"Month", FORMAT_MONTH}, {"Mon", FORMAT_MON},
    {"OF", FORMAT_OF},       {"P.M.", FORMAT_A_M},    {"PM", FORMAT_AM},
    {"Q", FORMAT_Q},         {"RM", FORMAT_RM},       {"SSSSS", FORMAT_SSSS},
    {"SSSS", FORMAT_SSSS},   {"SS", FORMAT_SS},       {"TZH", FORMAT_TZH},
    {"TZM", FORMAT_TZM},     {"TZ", FORMAT_TZ},       {"US", FORMAT_US},
    {"WW", FORMAT_WW},       {"W", FORMAT_W},         {"Y,YYY", FORMAT_Y_YYY},
    {"YYYY", FORMAT_YYYY},   {"YYY", FORMAT_YYY},     {"YY", FORMAT_YY},
    {"Y", FORMAT_Y},         {"a.d.", FORMAT_A_D},    {"a.m.", FORMAT_A_M},
    {"ad", FORMAT_AD},       {"am", FORMAT_AM},       {"b.c.", FORMAT_A_D},
    {"bc", FORMAT_AD},       {"cc", FORMAT_CC},       {"day", FORMAT_DAY},
    {"ddd", FORMAT_DDD},     {"dd", FORMAT_DD},       {"dy", FORMAT_DY},
    {"d", FORMAT_D},         {"ff1", FORMAT_FF1},     {"ff2", FORMAT_FF2},
    {"ff3", FORMAT_FF3},     {"ff4", FORMAT_FF4},     {"ff5", FORMAT_FF5},
    {"ff6", FORMAT_FF6},     {"fx", FORMAT_FX},       {"hh24", FORMAT_HH24},
    {"hh12", FORMAT_HH12},   {"hh", FORMAT_HH12},     {"iddd", FORMAT_IDDD},
    {"id", FORMAT_ID},       {"iw", FORMAT_IW},       {"iyyy", FORMAT_IYYY},
    {"iyy", FORMAT_IYY},     {"iy", FORMAT_IY},       {"i", FORMAT_I},
    {"j", FORMAT_J},         {"mi", FORMAT_MI},       {"mm", FORMAT_MM},
    {"month", FORMAT_MONTH}, {"mon", FORMAT_MON},     {"ms", FORMAT_MS},
    {"of", FORMAT_OF},       {"p.m.", FORMAT_A_M},    {"pm", FORMAT_AM},
    {"q", FORMAT_Q},         {"rm", FORMAT_RM},       {"sssss", FORMAT_SSSS},
    {"ssss", FORMAT_SSSS},   {"ss", FORMAT_SS},       {"tzh", FORMAT_TZH},
    {"tzm", FORMAT_TZM},     {"tz", FORMAT_TZ},       {"us", FORMAT_US},
    {"ww", FORMAT_WW},       {"w", FORMAT_W},         {"y,yyy", FORMAT_Y_YYY},
    {"yyyy", FORMAT_YYYY},   {"yyy", FORMAT_YYY},     {"yy", FORMAT_YY},
    {"y", FORMAT_Y},
};

static bool is_ahead(const struct format_reader *r, const char *text)
{
    const size_t size = strlen(text);
    return r->text.size - r->at >= size && memcmp(r->text.data + r->at, text, size) == 0;
}

static const struct keyword *find_keyword(const struct format_reader *r)
{
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (is_ahead(r, keywords[i].text)) return &keywords[i];
    return NULL;
}

static unsigned take_affix(struct format_reader *r, bool is_prefix)
{
    static const struct {
        const char *text;
        unsigned flag;
        bool is_prefix;
    } affixes[] = {{"FM", FORMAT_FILL, true},      {"fm", FORMAT_FILL, true},
                   {"TM", FORMAT_LOCAL, true},     {"tm", FORMAT_LOCAL, true},
                   {"TH", FORMAT_TH_UPPER, false}, {"th", FORMAT_TH_LOWER, false},
                   {"SP", FORMAT_SPELL, false}};
    for (size_t i = 0; i < sizeof affixes / sizeof affixes[0]; i++) {
        if (affixes[i].is_prefix != is_prefix || !is_ahead(r, affixes[i].text)) continue;
        r->at += strlen(affixes[i].text);
        return affixes[i].flag;
    }
    return 0;
}

static void take_char(struct format_reader *r, struct format_node *out, unsigned flags)
{
    const size_t size = sql_char_size(r->text.data[r->at]);
    must(size <= r->text.size - r->at);
    *out = (struct format_node){.key = FORMAT_TEXT,
                                .flags = flags,
                                .literal = span_of(r->text.data + r->at, size),
                                .is_quoted = r->is_inside};
    r->at += size;
}

/* A keyword; false: there is none here, and flags are those of a character. */
static bool take_keyword(struct format_reader *r, struct format_node *out, unsigned flags)
{
    const struct keyword *k = find_keyword(r);
    if (k == NULL) return false;
    r->at += strlen(k->text);
    *out = (struct format_node){.key = k->key, .flags = flags, .text = k->text};
    out->flags |= take_affix(r, false);
    return true;
}

bool format_next(struct format_reader *r, struct format_node *out)
{
    while (r->at < r->text.size) {
        unsigned flags = 0;
        if (!r->is_inside) {
            flags = take_affix(r, true);
            if (r->at == r->text.size) return false;
            if (take_keyword(r, out, flags)) return true;
        }
        if (r->text.data[r->at] == '"') {
            r->at++;
            r->is_inside = !r->is_inside;
            continue;
        }
        const bool is_escape = r->is_inside ? r->text.data[r->at] == '\\' : is_ahead(r, "\\\"");
        if (is_escape && r->at + 1 < r->text.size) r->at++;
        take_char(r, out, flags);
        return true;
    }
    return false;
}

const char *format_ordinal(struct span number, bool is_upper)
{
    static const char *const upper[] = {"TH", "ST", "ND", "RD"};
    static const char *const lower[] = {"th", "st", "nd", "rd"};
    uint8_t last = number.size > 0 ? number.data[number.size - 1] : '0';
    if (number.size > 1 && number.data[number.size - 2] == '1') last = '0';
    const size_t which = last >= '1' && last <= '3' ? (size_t)(last - '0') : 0;
    return is_upper ? upper[which] : lower[which];
}
