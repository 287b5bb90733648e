/* scenario.c - Lines and words of a scenario file, names in it, and the passes over it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "sim/host.h"
#include "sim/scenario_int.h"

#define PPM            1000000u
#define SWEEP_RUNS_MAX 20000u

static bool run_lines(struct scenario *s);
static bool run_line(struct scenario *s, struct span line);
static void clear(struct scenario *s);

/* --- errors and words ------------------------------------------------------------------------- */

bool scenario_fail(struct scenario *s, const char *format, ...)
{
    char text[384];
    va_list args;
    va_start(args, format);
    must(vsnprintf(text, sizeof text, format, args) >= 0);
    va_end(args);
    struct scenario_result *r = s->result;
    must(snprintf(r->error, sizeof r->error, "%s:%u: %s", s->options->name, s->line, text) >= 0);
    r->outcome = s->is_dry ? SCENARIO_UNUSABLE : SCENARIO_FAILS;
    return false;
}

bool scenario_has_word(const struct scenario *s)
{
    return s->at < s->word_count;
}

const char *scenario_peek(const struct scenario *s)
{
    return s->at < s->word_count ? s->words[s->at] : "";
}

bool scenario_accept(struct scenario *s, const char *word)
{
    if (strcmp(scenario_peek(s), word) != 0) return false;
    s->at++;
    return true;
}

bool scenario_word(struct scenario *s, const char *what, char out[SCENARIO_WORD_MAX])
{
    if (!scenario_has_word(s)) return scenario_fail(s, "the line ends, %s is expected", what);
    memcpy(out, s->words[s->at++], SCENARIO_WORD_MAX);
    return true;
}

static bool wrong(struct scenario *s, const char *what)
{
    if (!scenario_has_word(s)) return scenario_fail(s, "the line ends, %s is expected", what);
    return scenario_fail(s, "\"%s\": %s is expected", scenario_peek(s), what);
}

bool scenario_end(struct scenario *s)
{
    if (!scenario_has_word(s)) return true;
    return scenario_fail(s, "\"%s\": the end of the line is expected", scenario_peek(s));
}

/* Digits at *text; moves behind them. */
static bool digits(const char **text, uint64_t *out)
{
    uint64_t value = 0;
    const char *at = *text;
    if (*at < '0' || *at > '9') return false;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (value > (UINT64_MAX - 9) / 10) return false;
        value = value * 10 + (uint64_t)(*at - '0');
    }
    *text = at;
    *out = value;
    return true;
}

bool scenario_number(struct scenario *s, const char *what, uint64_t *out)
{
    const char *text = scenario_peek(s);
    if (!digits(&text, out) || *text != 0) return wrong(s, what);
    s->at++;
    return true;
}

bool scenario_signed(struct scenario *s, const char *what, int64_t *out)
{
    const char *text = scenario_peek(s);
    bool is_negative = *text == '-';
    uint64_t value = 0;
    if (*text == '-' || *text == '+') text++;
    if (!digits(&text, &value) || *text != 0 || value > INT32_MAX) return wrong(s, what);
    *out = is_negative ? -(int64_t)value : (int64_t)value;
    s->at++;
    return true;
}

bool scenario_range(struct scenario *s, const char *what, uint64_t *low, uint64_t *high)
{
    const char *text = scenario_peek(s);
    if (!digits(&text, low)) return wrong(s, what);
    *high = *low;
    if (strncmp(text, "..", 2) == 0) {
        text += 2;
        *high = UINT64_MAX;
        if (*text != 0 && !digits(&text, high)) return wrong(s, what);
    }
    if (*text != 0 || *high < *low) return wrong(s, what);
    s->at++;
    return true;
}

bool scenario_percent(struct scenario *s, const char *what, uint32_t *ppm)
{
    const char *text = scenario_peek(s);
    uint64_t value = 0;
    if (!digits(&text, &value) || strcmp(text, "%") != 0 || value > 100) return wrong(s, what);
    *ppm = (uint32_t)value * (PPM / 100);
    s->at++;
    return true;
}

static bool duration_at(const char **text, uint64_t *us)
{
    static const struct {
        const char *name;
        uint64_t us;
    } units[] = {{"us", 1}, {"ms", 1000}, {"min", 60000000}, {"s", 1000000}};
    if (!digits(text, us)) return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t size = strlen(units[i].name);
        if (strncmp(*text, units[i].name, size) != 0) continue;
        if (*us > UINT32_MAX) return false;
        *us *= units[i].us;
        *text += size;
        return true;
    }
    return false;
}

bool scenario_duration(struct scenario *s, const char *what, uint64_t *us)
{
    const char *text = scenario_peek(s);
    if (!duration_at(&text, us) || *text != 0) return wrong(s, what);
    s->at++;
    return true;
}

bool scenario_duration_range(struct scenario *s, const char *what, uint64_t *low, uint64_t *high)
{
    const char *text = scenario_peek(s);
    if (!duration_at(&text, low)) return wrong(s, what);
    *high = *low;
    if (strncmp(text, "..", 2) == 0) {
        text += 2;
        if (!duration_at(&text, high)) return wrong(s, what);
    }
    if (*text != 0 || *high < *low) return wrong(s, what);
    s->at++;
    return true;
}

/* --- hosts ------------------------------------------------------------------------------------ */

static uint32_t twin_of(const struct scenario *s, uint32_t node)
{
    uint32_t host = s->set_up.world.nodes + s->set_up.world.spares;
    for (uint32_t i = 0; i < node; i++)
        host += s->set_up.has_twin[i] ? 1u : 0u;
    return host;
}

static bool host_at(const struct scenario *s, const char **text, uint32_t *out)
{
    uint64_t node = 0;
    const uint32_t known = s->set_up.world.nodes + s->set_up.world.spares;
    if (!digits(text, &node) || node >= known) return false;
    *out = (uint32_t)node;
    if (**text != 'b') return true;
    (*text)++;
    if (!s->set_up.has_twin[node]) return false;
    *out = twin_of(s, (uint32_t)node);
    return true;
}

static uint64_t hosts_of_kind(const struct scenario *s, bool is_honest)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < s->set_up.world.nodes; i++)
        if ((s->set_up.parts[i] == PART_HONEST) == is_honest) mask |= UINT64_C(1) << i;
    for (uint32_t i = 0; i < s->set_up.world.nodes; i++)
        if (s->set_up.has_twin[i] && !is_honest) mask |= UINT64_C(1) << twin_of(s, i);
    return mask;
}

static bool hosts_item(const struct scenario *s, const char **text, uint64_t *mask)
{
    uint32_t first = 0;
    uint32_t last = 0;
    if (!host_at(s, text, &first)) return false;
    last = first;
    if (**text == '-') {
        (*text)++;
        if (!host_at(s, text, &last) || last < first) return false;
    }
    for (uint32_t i = first; i <= last; i++)
        *mask |= UINT64_C(1) << i;
    return true;
}

bool scenario_hosts(struct scenario *s, const char *what, uint64_t *out)
{
    const char *text = scenario_peek(s);
    *out = 0;
    if (scenario_accept(s, "all")) {
        *out = hosts_of_kind(s, true) | hosts_of_kind(s, false);
        return true;
    }
    if (scenario_accept(s, "honest")) {
        *out = hosts_of_kind(s, true);
        return true;
    }
    for (;;) {
        if (!hosts_item(s, &text, out)) break;
        if (*text == 0) {
            s->at++;
            return true;
        }
        if (*text++ != ',') break;
    }
    char expected[160];
    must(snprintf(expected, sizeof expected,
                  "%s (nodes as in 0,2 or 0-2, \"all\" or \"honest\"; there are %u nodes)", what,
                  s->set_up.world.nodes) > 0);
    return wrong(s, expected);
}

bool scenario_host(struct scenario *s, const char *what, uint32_t *out)
{
    const char *text = scenario_peek(s);
    if (!host_at(s, &text, out) || *text != 0) return wrong(s, what);
    s->at++;
    return true;
}

/* --- names ------------------------------------------------------------------------------------ */

struct named_block *scenario_find_block(struct scenario *s, const char *name)
{
    for (uint32_t i = 0; i < s->block_count; i++)
        if (strcmp(s->blocks[i].name, name) == 0) return &s->blocks[i];
    return NULL;
}

static bool resolve(struct scenario *s,
                    struct block_ref *out,
                    const struct known_header *known,
                    const char *name)
{
    if (s->is_dry) return true;
    if (known == NULL) return scenario_fail(s, "there is no block \"%s\" yet", name);
    out->known = known;
    out->height = known->height;
    out->hash = known->hash;
    return true;
}

/* V/H, V/H#N, final/H. */
static bool block_by_place(struct scenario *s, const char *word, struct block_ref *out)
{
    uint64_t view = 0;
    uint64_t height = 0;
    uint64_t nth = 1;
    const char *text = word;
    bool is_final = strncmp(text, "final/", 6) == 0;
    if (is_final)
        text += 6;
    else if (!digits(&text, &view) || *text++ != '/')
        return scenario_fail(s,
                             "\"%s\": a block is expected: a name, genesis, VIEW/HEIGHT, "
                             "VIEW/HEIGHT#2 or final/HEIGHT",
                             word);
    if (!digits(&text, &height)) return scenario_fail(s, "\"%s\": a height is expected", word);
    if (!is_final && *text == '#') {
        text++;
        if (!digits(&text, &nth) || nth == 0 || nth > 1000)
            return scenario_fail(s, "\"%s\": a number from 1 is expected behind #", word);
    }
    if (*text != 0) return scenario_fail(s, "\"%s\": a block is expected", word);
    if (s->is_dry) return true;
    const struct oracle *o = s->world->oracle;
    struct hash hash;
    if (is_final)
        return resolve(s, out, oracle_committed(o, height, &hash) ? oracle_header(o, &hash) : NULL,
                       word);
    return resolve(s, out, oracle_proposed(o, view, height, (uint32_t)nth - 1), word);
}

bool scenario_block(struct scenario *s, const char *what, struct block_ref *out)
{
    char word[SCENARIO_WORD_MAX] = "";
    *out = (struct block_ref){0};
    if (!scenario_word(s, what, word)) return false;
    if (strcmp(word, "genesis") == 0) {
        out->is_genesis = true;
        if (!s->is_dry) out->hash = s->world->chain_id;
        return true;
    }
    struct named_block *b = scenario_find_block(s, word);
    if (b == NULL) return block_by_place(s, word, out);
    return resolve(s, out, s->is_dry ? NULL : oracle_header(s->world->oracle, &b->hash), word);
}

bool scenario_tx(struct scenario *s, const char *what, struct client_tx **out)
{
    char name[SCENARIO_WORD_MAX];
    return scenario_word(s, what, name) && scenario_tx_named(s, name, out);
}

bool scenario_tx_named(struct scenario *s, const char *name, struct client_tx **out)
{
    *out = NULL;
    if (!s->is_dry) {
        *out = clients_find(s->world, name);
        must(*out != NULL); /* The dry pass found it. */
        return true;
    }
    for (uint32_t i = 0; i < s->tx_count; i++)
        if (strcmp(s->tx_names[i], name) == 0) return true;
    return scenario_fail(s, "there is no transaction \"%s\": `tx %s` makes one", name, name);
}

bool scenario_is_new_name(struct scenario *s, const char *name)
{
    const bool is_plain = (name[0] >= 'A' && name[0] <= 'Z') || (name[0] >= 'a' && name[0] <= 'z');
    return is_plain || scenario_fail(s, "\"%s\": names begin with a letter", name);
}

/* --- passes ----------------------------------------------------------------------------------- */

static bool report_violation(struct scenario *s)
{
    const struct violation *v = &s->world->violation;
    if (s->expects_violation && strcmp(v->rule, s->expected_rule) == 0) return true;
    return scenario_fail(s, "at %llu.%03llu ms the oracle found that %s is broken: %s",
                         (unsigned long long)(v->at_us / 1000),
                         (unsigned long long)(v->at_us % 1000), v->rule, v->text);
}

bool scenario_pass(struct scenario *s, uint64_t us)
{
    world_run_until(s->world, s->world->now_us + us);
    if (network_is_full(s->world))
        return scenario_fail(s, "rules hold and record more messages than there is room for");
    return !s->world->violation.is_set || report_violation(s);
}

bool scenario_begin(struct scenario *s)
{
    if (s->has_started) return true;
    s->has_started = true;
    struct scenario_set_up *u = &s->set_up;
    if (!u->has_f && u->world.mode != MODE_RAFT)
        u->world.f = (u->world.nodes - 1 - 2 * u->world.p) / 3;
    if (!quorum_bounds_hold(u->world.mode, u->world.nodes, u->world.f, u->world.p))
        return scenario_fail(s,
                             "nodes %u, f %u, p %u: bft needs n = 1 or n >= 4, n >= 3f+1, p = 0; "
                             "adaptive n >= 3f+2p+1; raft f = 0 and p = 0",
                             u->world.nodes, u->world.f, u->world.p);
    if (s->is_dry) return true;
    u->world.has_reject_counts = true;
    s->world = world_new(&u->world);
    for (uint32_t i = 0; i < u->world.nodes; i++) {
        struct host *h = &s->world->hosts[i];
        h->part = u->parts[i];
        if (h->part == PART_LIAR) h->liar = liar_new(u->lies[i], u->chance_ppm[i]);
        if (!u->has_twin[i]) continue;
        h = world_add_host(s->world, i, PART_LIAR);
        h->liar = liar_new(0, 0);
        must(h->id == twin_of(s, i));
    }
    world_begin(s->world);
    return true;
}

uint32_t scenario_index(const struct scenario *s, uint32_t host, uint64_t epoch)
{
    const struct host *h = &s->world->hosts[host];
    uint32_t index = epochs_index_of(h, epoch);
    return index == NODES_MAX ? h->voter % NODES_MAX : index;
}

static bool handle_words(struct scenario *s)
{
    static bool (*const handlers[])(struct scenario * s, bool *is_one) = {
        scenario_set_up_statement, scenario_host_statement, scenario_network_statement,
        scenario_make_statement,   scenario_send_statement, scenario_client_statement,
        scenario_expect_statement};
    bool is_one = false;
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        s->at = 0;
        if (!handlers[i](s, &is_one)) return false;
        if (!is_one) continue;
        return scenario_end(s);
    }
    return scenario_fail(s, "\"%s\" begins no statement; docs/simulator.md has them all",
                         s->words[0]);
}

/* "0/3#2" holds a #: a comment begins where a word could. */
static bool split(struct scenario *s, struct span line)
{
    s->word_count = 0;
    size_t at = 0;
    while (at < line.size) {
        char c = (char)line.data[at];
        if (c == '#') break;
        if (c == ' ' || c == '\t' || c == '\r') {
            at++;
            continue;
        }
        size_t size = 0;
        while (at + size < line.size && strchr(" \t\r", line.data[at + size]) == NULL)
            size++;
        if (size == 0 || size >= SCENARIO_WORD_MAX)
            return scenario_fail(s, "words have at most %u characters", SCENARIO_WORD_MAX - 1);
        if (s->word_count == SCENARIO_WORDS_MAX)
            return scenario_fail(s, "a line has at most %u words", SCENARIO_WORDS_MAX);
        memset(s->words[s->word_count], 0, SCENARIO_WORD_MAX);
        memcpy(s->words[s->word_count++], line.data + at, size);
        at += size;
    }
    return true;
}

/* Nothing happens after a violation (W3), so nothing more can be expected: not even of one that
 * the file wants, and wherever it came from (a restart finds what a disk lost). */
static bool end_early(struct scenario *s)
{
    if (!report_violation(s)) return false;
    if (s->reached == s->expectation_count) return true;
    return scenario_fail(s,
                         "%s is broken as expected, and the world stands still: of %u expectations "
                         "only %u were reached",
                         s->expected_rule, s->expectation_count, s->reached);
}

static bool run_line(struct scenario *s, struct span line)
{
    if (!split(s, line)) return false;
    if (s->word_count == 0) return true;
    if (s->world != NULL && s->world->config.say != NULL) {
        char text[256] = "";
        size_t used = 0;
        for (uint32_t i = 0; i < s->word_count && used + SCENARIO_WORD_MAX + 1 < sizeof text; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, " %s", s->words[i]);
        world_say(s->world, "%u:%s", s->line, text);
    }
    return handle_words(s);
}

static bool run_lines(struct scenario *s)
{
    struct span text = s->options->text;
    size_t at = 0;
    s->line = 0;
    while (at < text.size) {
        const uint8_t *end = memchr(text.data + at, '\n', text.size - at);
        size_t size = end == NULL ? text.size - at : (size_t)(end - (text.data + at));
        s->line++;
        if (!run_line(s, span_of(text.data + at, size))) return false;
        if (s->world != NULL && s->world->violation.is_set) return end_early(s);
        at += size + 1;
    }
    return scenario_begin(s);
}

static void clear(struct scenario *s)
{
    if (s->world != NULL) {
        s->result->trace = s->result->trace * 31 + s->world->trace;
        s->result->events += s->world->event_count;
        s->result->virtual_us += s->world->now_us;
    }
    world_free(s->world);
    s->world = NULL;
    for (uint32_t i = 0; i < s->block_count; i++) {
        buf_fini(&s->blocks[i].body);
        mem_free(mem_system(), s->blocks[i].leaves);
    }
    for (uint32_t i = 0; i < s->backup_count; i++)
        fake_os_free(s->backups[i].os);
    s->block_count = s->certificate_count = s->vc_count = s->backup_count = 0;
    s->reply_count = s->read_count = 0;
    s->tx_count = s->rule_count = 0;
    s->has_started = false;
    s->reached = 0;
    memset(s->cut_copies, 0, sizeof s->cut_copies);
    s->set_up =
        (struct scenario_set_up){.world = {.nodes = 4,
                                           .mode = MODE_BFT,
                                           .seed = s->options->has_seed ? s->options->seed : 1,
                                           .fault = s->options->fault,
                                           .say = s->options->say,
                                           .context = s->options->context}};
}

static bool run_once(struct scenario *s)
{
    clear(s);
    s->result->runs++;
    if (!run_lines(s)) return false;
    must(s->world != NULL);
    if (s->expects_violation && !s->world->violation.is_set)
        return scenario_fail(s, "the oracle was expected to find %s broken, and found nothing",
                             s->expected_rule);
    must(s->reached == s->expectation_count); /* Or a line has failed. */
    if (s->world->anarchy.is_set && !s->expects_anarchy)
        return scenario_fail(s, "there is anarchy: %s", s->world->anarchy.text);
    return true;
}

static bool sweep_goes_on(struct scenario *s)
{
    const struct host *h = &s->world->hosts[s->sweep_host];
    if (!h->is_cut_armed) { /* It struck: one call later next time. */
        s->sweep_call++;
        return true;
    }
    s->sweep_call = 1;
    do {
        s->sweep_host++;
        if (s->sweep_host == HOSTS_MAX) return false;
    } while ((s->sweep_hosts >> s->sweep_host & 1u) == 0);
    return true;
}

static void run_all(struct scenario *s)
{
    do {
        if (!run_once(s)) {
            if (s->has_sweep) {
                char error[SCENARIO_ERROR_MAX];
                memcpy(error, s->result->error, sizeof error);
                (void)snprintf(s->result->error, sizeof s->result->error,
                               "%.440s (sweep: node %u, call %llu)", error, s->sweep_host,
                               (unsigned long long)s->sweep_call);
            }
            return;
        }
        if (s->result->runs == SWEEP_RUNS_MAX) {
            (void)scenario_fail(s, "the sweep takes more than %u runs", SWEEP_RUNS_MAX);
            return;
        }
    } while (s->has_sweep && sweep_goes_on(s));
    s->result->outcome = SCENARIO_HOLDS;
}

void scenario_run(const struct scenario_options *options, struct scenario_result *out)
{
    struct scenario *s = mem_alloc_zero(mem_system(), 1, sizeof *s);
    must(s != NULL);
    *out = (struct scenario_result){.outcome = SCENARIO_UNUSABLE};
    s->options = options;
    s->result = out;
    s->blocks = mem_alloc_zero(mem_system(), SCENARIO_BLOCKS_MAX, sizeof *s->blocks);
    s->certificates = mem_alloc_zero(mem_system(), SCENARIO_CERTS_MAX, sizeof *s->certificates);
    s->vcs = mem_alloc_zero(mem_system(), SCENARIO_VCS_MAX, sizeof *s->vcs);
    must(s->blocks != NULL && s->certificates != NULL && s->vcs != NULL);
    clear(s);
    s->is_dry = true;
    bool is_right = run_lines(s);
    s->is_dry = false;
    s->sweep_call = 1;
    s->sweep_host = 0;
    out->expectations = 0;
    while (s->has_sweep && (s->sweep_hosts >> s->sweep_host & 1u) == 0)
        s->sweep_host++;
    out->seed = s->set_up.world.seed;
    if (is_right) run_all(s);
    clear(s);
    mem_free(mem_system(), s->blocks);
    mem_free(mem_system(), s->certificates);
    mem_free(mem_system(), s->vcs);
    mem_free(mem_system(), s);
}
