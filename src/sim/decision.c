/* decision.c - See decision.h. A table of words; all take a number, some two. */
#include "sim/decision.h"

#include <stdio.h>

#include "base/must.h"

#define WORD_MAX 24u
#define PREFIX   "config"

struct decision {
    struct chain_config *config;
    struct arena *arena;
    const struct public_key *keys;
    uint32_t key_count;
};

typedef bool decision_step(struct decision *c, uint64_t value, uint64_t second);

static bool take_word(struct span *text, char word[WORD_MAX]);
static bool take_number(struct span *text, uint64_t *out);

/* --- nodes ------------------------------------------------------------------------------------ */

static uint32_t place_of(const struct decision *c, uint64_t key)
{
    if (key >= c->key_count) return CONFIG_NO_NODE;
    return chain_config_find_key(c->config, &c->keys[key]);
}

/* At place at, those behind it move. */
static bool insert(struct decision *c, uint64_t key, uint32_t at)
{
    struct chain_config *k = c->config;
    char name[16];
    if (key >= c->key_count || k->node_count == CONFIG_NODES_MAX) return false;
    must(snprintf(name, sizeof name, "node%u", (unsigned)key) > 0);
    memmove(&k->nodes[at + 1], &k->nodes[at], (k->node_count - at) * sizeof k->nodes[0]);
    k->node_count++;
    struct span text = span_text(arena_text(c->arena, name));
    k->nodes[at] = (struct chain_node){.organisation = text,
                                       .node_name = text,
                                       .node_key = c->keys[key],
                                       .address = span_text("")};
    return true;
}

static void take_out(struct decision *c, uint32_t at)
{
    struct chain_config *k = c->config;
    if (at < k->validator_count) k->validator_count--;
    k->node_count--;
    memmove(&k->nodes[at], &k->nodes[at + 1], (k->node_count - at) * sizeof k->nodes[0]);
}

static bool add(struct decision *c, uint64_t key, uint64_t second)
{
    (void)second;
    uint32_t at = place_of(c, key);
    if (at != CONFIG_NO_NODE && at < c->config->validator_count) return false;
    if (at != CONFIG_NO_NODE) take_out(c, at);
    if (c->config->validator_count == NODES_MAX) return false;
    if (!insert(c, key, c->config->validator_count)) return false;
    c->config->validator_count++;
    return true;
}

static bool observe(struct decision *c, uint64_t key, uint64_t second)
{
    (void)second;
    return place_of(c, key) == CONFIG_NO_NODE && insert(c, key, c->config->node_count);
}

static bool drop(struct decision *c, uint64_t key, uint64_t second)
{
    (void)second;
    uint32_t at = place_of(c, key);
    if (at != CONFIG_NO_NODE) take_out(c, at);
    return at != CONFIG_NO_NODE;
}

static bool rotate(struct decision *c, uint64_t key, uint64_t to)
{
    uint32_t at = place_of(c, key);
    if (at == CONFIG_NO_NODE || to >= c->key_count || place_of(c, to) != CONFIG_NO_NODE)
        return false;
    c->config->nodes[at].node_key = c->keys[to];
    return true;
}

static bool set_barred(struct decision *c, uint64_t key, bool is_barred)
{
    uint32_t at = place_of(c, key);
    if (at == CONFIG_NO_NODE || at >= c->config->validator_count) return false;
    c->config->nodes[at].is_barred = is_barred;
    return true;
}

static bool bar(struct decision *c, uint64_t key, uint64_t second)
{
    (void)second;
    return set_barred(c, key, true);
}

static bool reinstate(struct decision *c, uint64_t key, uint64_t second)
{
    (void)second;
    return set_barred(c, key, false);
}

/* --- numbers ---------------------------------------------------------------------------------- */

#define SETTER(name, field)                                                                        \
    static bool name(struct decision *c, uint64_t value, uint64_t second)                          \
    {                                                                                              \
        (void)second;                                                                              \
        c->config->field = (uint32_t)value;                                                        \
        return value <= UINT32_MAX;                                                                \
    }
SETTER(set_f, f)
SETTER(set_p, p)
SETTER(set_version, exec_version)
SETTER(set_block_txs, block_txs_max)
SETTER(set_batch, batch_age_ms)
SETTER(set_view, params.view_ms)
SETTER(set_window, params.mode_window)
SETTER(set_slow, params.slow_max)
SETTER(set_changes, params.view_changes_max)
SETTER(set_low, params.low_percent)
SETTER(set_high, params.high_percent)
SETTER(set_return, params.return_blocks)

static const struct {
    const char *word;
    uint32_t numbers;
    decision_step *apply;
} words[] = {{"add", 1, add},
             {"observe", 1, observe},
             {"drop", 1, drop},
             {"rotate", 2, rotate},
             {"bar", 1, bar},
             {"reinstate", 1, reinstate},
             {"f", 1, set_f},
             {"p", 1, set_p},
             {"exec-version", 1, set_version},
             {"block-txs", 1, set_block_txs},
             {"batch-ms", 1, set_batch},
             {"view-ms", 1, set_view},
             {"window", 1, set_window},
             {"slow-max", 1, set_slow},
             {"view-changes-max", 1, set_changes},
             {"low", 1, set_low},
             {"high", 1, set_high},
             {"return-blocks", 1, set_return}};
#define WORD_COUNT (sizeof words / sizeof words[0])

static size_t find_word(const char *word)
{
    size_t i = 0;
    while (i < WORD_COUNT && strcmp(words[i].word, word) != 0)
        i++;
    return i;
}

/* The next change of the text. False: none is left, or it is wrong (*why). */
static bool next(struct span *text, size_t *found, uint64_t numbers[2], const char **why)
{
    char word[WORD_MAX];
    *why = NULL;
    if (!take_word(text, word)) return false;
    *found = find_word(word);
    if (*found == WORD_COUNT)
        *why = "add, observe, drop, rotate, bar, reinstate, f, p, exec-version, block-txs, "
               "batch-ms, view-ms, window, slow-max, view-changes-max, low, high or return-blocks "
               "is expected";
    numbers[0] = numbers[1] = 0;
    for (uint32_t i = 0; *why == NULL && i < words[*found].numbers; i++)
        if (!take_number(text, &numbers[i])) *why = "a number is expected";
    return *why == NULL;
}

bool decision_is_one(struct span text)
{
    char word[WORD_MAX];
    return take_word(&text, word) && strcmp(word, PREFIX) == 0;
}

const char *decision_check(struct span text)
{
    char word[WORD_MAX];
    const char *why = NULL;
    size_t found = 0;
    uint64_t numbers[2];
    if (!take_word(&text, word) || strcmp(word, PREFIX) != 0) return "config is expected";
    while (next(&text, &found, numbers, &why))
        continue;
    return why;
}

bool decision_apply(struct chain_config *config,
                    struct arena *a,
                    struct span text,
                    const struct public_key *keys,
                    uint32_t key_count)
{
    struct decision c = {config, a, keys, key_count};
    char word[WORD_MAX];
    char broken[CONFIG_WHY_MAX];
    const char *why = NULL;
    size_t found = 0;
    uint64_t numbers[2];
    if (decision_check(text) != NULL || !take_word(&text, word)) return false;
    config->epoch++;
    while (next(&text, &found, numbers, &why))
        if (!words[found].apply(&c, numbers[0], numbers[1])) return false;
    return why == NULL && chain_config_check(config, broken) == ST_OK;
}

/* --- words ------------------------------------------------------------------------------------ */

static bool take_word(struct span *text, char word[WORD_MAX])
{
    size_t at = 0;
    while (at < text->size && text->data[at] == ' ')
        at++;
    size_t size = 0;
    while (at + size < text->size && text->data[at + size] != ' ')
        size++;
    if (size == 0 || size >= WORD_MAX) return false;
    memset(word, 0, WORD_MAX);
    memcpy(word, text->data + at, size);
    *text = span_of(text->data + at + size, text->size - at - size);
    return true;
}

static bool take_number(struct span *text, uint64_t *out)
{
    char word[WORD_MAX];
    if (!take_word(text, word)) return false;
    *out = 0;
    for (const char *at = word; *at != 0; at++) {
        if (*at < '0' || *at > '9' || *out > UINT32_MAX) return false;
        *out = *out * 10 + (uint64_t)(*at - '0');
    }
    return true;
}
