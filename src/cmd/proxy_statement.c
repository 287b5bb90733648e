/* proxy_statement.c - What kind of statement this is, by its first word, and the settings that the
 * proxy keeps itself. Whatever is no write and no setting goes to the nodes as a read: they refuse
 * what they do not support, and f + 1 equal refusals are passed on. */
#include <stdio.h>
#include <strings.h>

#include "base/must.h"
#include "cmd/proxy_int.h"
#include "sql/lex.h"

static const char *const writes[] = {"INSERT",   "UPDATE", "DELETE", "CREATE", "DROP",  "ALTER",
                                     "TRUNCATE", "GRANT",  "REVOKE", "CALL",   "MERGE", "COMMENT"};
static const char *const settings[] = {"SET", "RESET", "SHOW"};
/* They would tie a session to one node, whose word is not enough. */
static const char *const blocks[] = {"BEGIN",   "START",   "COMMIT", "END",      "ROLLBACK",
                                     "ABORT",   "PREPARE", "LOCK",   "DECLARE",  "FETCH",
                                     "RELEASE", "MOVE",    "CLOSE",  "SAVEPOINT"};

static bool is_among(const char *word, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, list[i]) == 0) return true;
    return false;
}

static void take_word(struct proxy_statement *s, struct lex_token token)
{
    for (size_t i = 0; i < token.size && i < sizeof s->word - 1; i++) {
        uint8_t c = s->text.data[token.start + i];
        s->word[i] = (char)(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
    }
}

static void classify(struct proxy_statement *s)
{
    struct lex_token token = lex_next(s->text, 0);
    while (token.kind == LEX_OPEN) /* (SELECT …) */
        token = lex_next(s->text, token.start + token.size);
    s->kind = STATEMENT_READ;
    if (token.kind != LEX_WORD) return;
    take_word(s, token);
    if (is_among(s->word, writes, sizeof writes / sizeof *writes)) s->kind = STATEMENT_WRITE;
    if (is_among(s->word, settings, sizeof settings / sizeof *settings))
        s->kind = STATEMENT_SETTING;
    if (strcmp(s->word, "CREATE") != 0 && strcmp(s->word, "DROP") != 0) return;
    struct lex_token next = lex_next(s->text, token.start + token.size); /* CREATE UNIQUE INDEX */
    while (lex_is(s->text, next, "unique"))
        next = lex_next(s->text, next.start + next.size);
    struct proxy_statement what = {.text = s->text};
    take_word(&what, next);
    (void)snprintf(s->word, sizeof s->word, "%.6s %.8s",
                   strcmp(s->word, "DROP") == 0 ? "DROP" : "CREATE", what.word);
}

static enum status refuse_block(const struct proxy_statement *s, struct diag *d)
{
    diag_set(d, "0A000", "%s is not supported through the proxy", s->word);
    d->position = s->position + 1;
    diag_hint(d, "Send the statements in one query string, separated by semicolons: they are one "
                 "transaction.");
    return ST_UNSUPPORTED;
}

/* It would be signed and read by all. */
static enum status refuse_password(const struct proxy_statement *s, struct diag *d)
{
    diag_set(d, "0A000", "a password cannot be set through the proxy");
    d->position = s->position + 1;
    diag_hint(d, "Connect to the node that shall keep the account's key, or name a key of your "
                 "own: PASSWORD 'TRUSTSQL$$public key'.");
    return ST_UNSUPPORTED;
}

enum status proxy_split(struct arena *a,
                        struct span text,
                        struct proxy_statement **out,
                        uint32_t *count,
                        struct diag *d)
{
    struct sql_text *texts;
    TRY(sql_split(a, text, &texts, count, d));
    struct proxy_statement *made = arena_alloc_zero(a, *count + 1u, sizeof *made);
    if (made == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < *count; i++) {
        made[i].text = arena_copy(a, texts[i].text); /* Ends with 0. */
        made[i].position = texts[i].position;
        if (made[i].text.data == NULL) return ST_NO_MEMORY;
        classify(&made[i]);
        if (is_among(made[i].word, blocks, sizeof blocks / sizeof *blocks))
            return refuse_block(&made[i], d);
        if (sql_sets_password(made[i].text)) return refuse_password(&made[i], d);
    }
    *out = made;
    return ST_OK;
}

/* --- settings ----------------------------------------------------------------------------------
 */

struct setting {
    struct span name;
    struct span value; /* Size 0: to the default. */
};

/* SET [SESSION] name = value | TO value | TO DEFAULT; RESET name; SHOW name. */
static bool read_setting(const struct proxy_statement *s, struct setting *out)
{
    struct lex_token t = lex_next(s->text, 0);
    t = lex_next(s->text, t.start + t.size);
    if (lex_is(s->text, t, "session")) t = lex_next(s->text, t.start + t.size);
    size_t start = t.start;
    size_t end = t.start;
    for (; t.kind != LEX_END; t = lex_next(s->text, t.start + t.size)) {
        bool is_sign = t.size == 1 && s->text.data[t.start] == '=';
        if (is_sign || lex_is(s->text, t, "to")) break;
        if (t.start != end && end != start) return false; /* "a b" */
        end = t.start + t.size;
    }
    out->name = span_of(s->text.data + start, end - start);
    out->value = span_of(NULL, 0);
    if (out->name.size == 0) return false;
    if (strcmp(s->word, "SET") != 0) return t.kind == LEX_END;
    if (t.kind == LEX_END) return false;
    struct lex_token first = lex_next(s->text, t.start + t.size);
    if (first.kind == LEX_END) return false;
    if (lex_is(s->text, first, "default")) return true;
    size_t from = first.start;
    for (t = first; t.kind != LEX_END; t = lex_next(s->text, t.start + t.size))
        end = t.start + t.size;
    bool is_string = first.kind == LEX_STRING && first.start + first.size == end && first.size >= 2;
    if (is_string) { /* Names of settings hold no quotes. */
        from++;
        end--;
    }
    out->value = span_of(s->text.data + from, end - from);
    return true;
}

static void show(struct proxy_call *c, const struct setting *setting)
{
    struct diag d = {.sqlstate = ""};
    struct buf value;
    struct buf row;
    struct exec_rows rows = {.column_count = 1, .returned_count = 1};
    buf_init(&value, c->session->proxy->mem, 0);
    buf_init(&row, c->session->proxy->mem, 0);
    enum status st = settings_show(&c->session->settings, setting->name, &value, &d);
    rows.columns = arena_alloc_zero(&c->arena, 1, sizeof *rows.columns);
    if (st == ST_OK && rows.columns == NULL) st = ST_NO_MEMORY;
    if (st == ST_OK) {
        sql_rowset_put_bytes(&row, buf_span(&value));
        *rows.columns = (struct sql_column){.name = setting->name, .type = SQL_TEXT, .typmod = -1};
        rows.rows = arena_copy(&c->arena, buf_span(&row));
        if (rows.rows.data == NULL) st = ST_NO_MEMORY;
    }
    buf_fini(&value);
    buf_fini(&row);
    if (st == ST_OK) {
        proxy_say_rows(c, &rows);
        proxy_say_complete(c, "SHOW", false, 0);
        return;
    }
    if (d.sqlstate[0] == 0) diag_set(&d, "53200", "out of memory");
    proxy_say_failure(c, &d);
}

/* Our settings but for the one that the proxy itself needs: it names the transactions it signs. */
static bool is_of_nodes(struct span name)
{
    static const char key[] = "trustsql.idempotency_key";
    const char *text = (const char *)name.data;
    if (name.size == sizeof key - 1 && strncasecmp(text, key, sizeof key - 1) == 0) return false;
    return name.size > 9 && strncasecmp(text, "trustsql.", 9) == 0;
}

void proxy_setting(struct proxy_call *c, const struct proxy_statement *s)
{
    struct diag d = {.sqlstate = ""};
    struct setting setting;
    if (!read_setting(s, &setting)) {
        diag_set(&d, "0A000", "this form of %s is not supported", s->word);
        diag_hint(&d, "Write SET name = value, RESET name or SHOW name.");
        proxy_say_failure(c, &d);
    } else if (strcmp(s->word, "SHOW") == 0) {
        show(c, &setting);
    } else if (is_of_nodes(setting.name)) {
        diag_set(&d, "0A000",
                 "the proxy reads linearizably and answers what is final: %.*s is not to choose",
                 (int)setting.name.size, (const char *)setting.name.data);
        proxy_say_failure(c, &d);
    } else if (settings_set(&c->session->settings, setting.name, setting.value, &d) == ST_OK) {
        proxy_say_complete(c, strcmp(s->word, "SET") == 0 ? "SET" : "RESET", false, 0);
    } else {
        proxy_say_failure(c, &d);
    }
}

struct span proxy_setting_name(const struct proxy_statement *s)
{
    struct setting setting;
    return read_setting(s, &setting) ? setting.name : span_text("?column?");
}
