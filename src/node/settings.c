#include "node/settings.h"

#include <strings.h>

#include "base/must.h"
#include "node/guc.h"

static bool equals(struct span a, const char *b)
{
    return guc_name_is(a, b);
}

/* --- our own ---------------------------------------------------------------------------------- */

const char *settings_read_text(enum settings_read value)
{
    return value == SETTINGS_READ_LINEARIZABLE ? "linearizable" : "local";
}

const char *settings_wait_text(enum settings_wait value)
{
    return value == SETTINGS_WAIT_EXECUTED ? "executed" : "final";
}

bool settings_read_parse(enum settings_read *out, struct span word)
{
    const bool is_far = equals(word, settings_read_text(SETTINGS_READ_LINEARIZABLE));
    if (!is_far && !equals(word, settings_read_text(SETTINGS_READ_LOCAL))) return false;
    *out = is_far ? SETTINGS_READ_LINEARIZABLE : SETTINGS_READ_LOCAL;
    return true;
}

bool settings_wait_parse(enum settings_wait *out, struct span word)
{
    const bool is_early = equals(word, settings_wait_text(SETTINGS_WAIT_EXECUTED));
    if (!is_early && !equals(word, settings_wait_text(SETTINGS_WAIT_FINAL))) return false;
    *out = is_early ? SETTINGS_WAIT_EXECUTED : SETTINGS_WAIT_FINAL;
    return true;
}

void settings_init(struct settings *s, const struct settings_choice *defaults)
{
    *s = (struct settings){.chosen = *defaults,
                           .reset = *defaults,
                           .modes = {.isolation = SQL_SERIALIZABLE},
                           .default_modes = {.isolation = SQL_SERIALIZABLE}};
}

/* --- modes of transactions ---------------------------------------------------------------------
 */

static const char *const isolations[] = {[SQL_READ_UNCOMMITTED] = "read uncommitted",
                                         [SQL_READ_COMMITTED] = "read committed",
                                         [SQL_REPEATABLE_READ] = "repeatable read",
                                         [SQL_SERIALIZABLE] = "serializable"};

const char *settings_isolation_text(enum sql_isolation value)
{
    must(value != SQL_ISOLATION_UNSET);
    return isolations[value];
}

/* "transaction_read_only" or "default_transaction_read_only"; *is_default says which. */
static bool is_mode(struct span name, const char *mode, bool *is_default)
{
    static const struct span prefix = {(const uint8_t *)"default_", 8};
    *is_default = name.size > prefix.size &&
                  strncasecmp((const char *)name.data, "default_", prefix.size) == 0;
    if (*is_default) name = span_of(name.data + prefix.size, name.size - prefix.size);
    return equals(name, mode);
}

bool settings_is_mode(struct span name)
{
    return equals(name, "transaction_isolation") || equals(name, "transaction_read_only") ||
           equals(name, "transaction_deferrable");
}

/* False: it is none of them. value size 0: to the default. */
static bool set_mode(struct settings *s, struct span name, struct span value, bool *is_good)
{
    bool is_default = false;
    const struct settings_modes reset = {.isolation = SQL_SERIALIZABLE};
    struct settings_modes *to = &s->modes;
    if (is_mode(name, "transaction_isolation", &is_default)) {
        const struct settings_modes *from = is_default ? &reset : &s->default_modes;
        if (is_default) to = &s->default_modes;
        if (value.size == 0) to->isolation = from->isolation;
        *is_good = value.size == 0;
        for (int i = SQL_READ_UNCOMMITTED; i <= SQL_SERIALIZABLE && !*is_good; i++) {
            *is_good = equals(value, isolations[i]);
            if (*is_good) to->isolation = (enum sql_isolation)i;
        }
        return true;
    }
    const bool is_read_only = is_mode(name, "transaction_read_only", &is_default);
    if (!is_read_only && !is_mode(name, "transaction_deferrable", &is_default)) return false;
    if (is_default) to = &s->default_modes;
    bool choice = false;
    *is_good = value.size == 0 || guc_parse_bool(value, &choice);
    if (*is_good && is_read_only) to->is_read_only = choice;
    if (*is_good && !is_read_only) to->is_deferrable = choice;
    return true;
}

static const char *show_mode(const struct settings *s, struct span name)
{
    bool is_default = false;
    const char *text = NULL;
    if (is_mode(name, "transaction_isolation", &is_default)) {
        text =
            settings_isolation_text(is_default ? s->default_modes.isolation : s->modes.isolation);
    } else if (is_mode(name, "transaction_read_only", &is_default)) {
        const bool is_on = is_default ? s->default_modes.is_read_only : s->modes.is_read_only;
        text = is_on ? "on" : "off";
    } else if (is_mode(name, "transaction_deferrable", &is_default)) {
        const bool is_on = is_default ? s->default_modes.is_deferrable : s->modes.is_deferrable;
        text = is_on ? "on" : "off";
    }
    return text;
}

/* A height: decimal digits, not 0 but for "none". */
static bool set_height(uint64_t *to, struct span value)
{
    uint64_t height = 0;
    if (value.size > 18) return false;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') return false;
        height = height * 10 + (uint64_t)(value.data[i] - '0');
    }
    *to = height;
    return true;
}

/* Nothing: off. */
static bool set_flag(bool *to, struct span value)
{
    const bool is_on = equals(value, "on") || equals(value, "true") || equals(value, "1");
    if (!is_on && value.size > 0 && !equals(value, "off") && !equals(value, "false") &&
        !equals(value, "0"))
        return false;
    *to = is_on;
    return true;
}

static bool set_key(struct settings *s, struct span value)
{
    if (value.size > SETTINGS_KEY_MAX) return false;
    if (value.size > 0) memcpy(s->key, value.data, value.size);
    s->key_size = (uint32_t)value.size;
    return true;
}

struct span settings_key(const struct settings *s)
{
    return span_of(s->key, s->key_size);
}

bool settings_is_height(struct span name)
{
    return equals(name, "trustsql.height") || equals(name, "all");
}

/* False: it is none of ours. */
static bool set_own(struct settings *s, struct span name, struct span value, bool *is_good)
{
    if (equals(name, "trustsql.read_height")) {
        *is_good = set_height(&s->read_height, value);
        return true;
    }
    if (equals(name, "trustsql.height")) {
        *is_good = set_height(&s->height, value);
        return true;
    }
    if (equals(name, "trustsql.idempotency_key")) {
        *is_good = set_key(s, value);
        return true;
    }
    if (equals(name, "trustsql.copy_split")) {
        *is_good = set_flag(&s->is_copy_split, value);
        return true;
    }
    const bool is_read = equals(name, "trustsql.read");
    if (!is_read && !equals(name, "trustsql.wait")) return false;
    *is_good = true;
    if (value.size == 0 && is_read)
        s->chosen.read = s->reset.read;
    else if (value.size == 0)
        s->chosen.wait = s->reset.wait;
    else if (is_read)
        *is_good = settings_read_parse(&s->chosen.read, value);
    else
        *is_good = settings_wait_parse(&s->chosen.wait, value);
    return true;
}

static const char *show_own(const struct settings *s, struct span name)
{
    if (equals(name, "trustsql.copy_split")) return s->is_copy_split ? "on" : "off";
    if (equals(name, "trustsql.read")) return settings_read_text(s->chosen.read);
    if (equals(name, "trustsql.wait")) return settings_wait_text(s->chosen.wait);
    return NULL;
}

static enum status refuse_own(struct span name, struct span value, struct diag *d)
{
    const bool is_read = equals(name, "trustsql.read");
    if (equals(name, "trustsql.copy_split")) {
        diag_set(d, "22023", "parameter \"trustsql.copy_split\" requires a Boolean value");
        return ST_INVALID;
    }
    const bool is_past = equals(name, "trustsql.height");
    if (is_past || equals(name, "trustsql.read_height")) {
        diag_set(d, "22023", "parameter \"trustsql.%s\" takes a height",
                 is_past ? "height" : "read_height");
        diag_hint(d, "0: the newest.");
        return ST_INVALID;
    }
    if (equals(name, "trustsql.idempotency_key")) {
        diag_set(d, "22023", "parameter \"trustsql.idempotency_key\" takes at most %u bytes",
                 SETTINGS_KEY_MAX);
        return ST_INVALID;
    }
    diag_set(d, "22023", "invalid value for parameter \"%s\": \"%.*s\"",
             is_read ? "trustsql.read" : "trustsql.wait", (int)(value.size < 64 ? value.size : 64),
             (const char *)value.data);
    diag_hint(d, is_read ? "Available values: local, linearizable."
                         : "Available values: executed, final.");
    return ST_INVALID;
}

/* --- PostgreSQL's ------------------------------------------------------------------------------
 */

static enum status unknown(struct span name, struct diag *d)
{
    diag_set(d, "42704", "unrecognized configuration parameter \"%.*s\"", (int)name.size,
             (const char *)name.data);
    return ST_NOT_FOUND;
}

/* "a.b", and not ours. */
static bool is_custom(struct span name)
{
    static const char own[] = "trustsql.";
    const bool is_own = name.size >= sizeof own - 1 &&
                        strncasecmp((const char *)name.data, own, sizeof own - 1) == 0;
    return !is_own && name.size > 0 && memchr(name.data, '.', name.size) != NULL;
}

static const struct settings_custom *find_custom(const struct settings *s, struct span name)
{
    for (uint32_t i = 0; i < s->custom_count; i++)
        if (equals(name, s->custom[i].name)) return &s->custom[i];
    return NULL;
}

static enum status set_custom(struct settings *s,
                              struct span name,
                              struct span value,
                              struct diag *d)
{
    const struct settings_custom *old = find_custom(s, name);
    uint32_t i = old == NULL ? s->custom_count : (uint32_t)(old - s->custom);
    if (name.size >= SETTINGS_NAME_MAX || value.size >= SETTINGS_VALUE_MAX ||
        i == SETTINGS_CUSTOM_MAX) {
        diag_set(d, "54000",
                 "this session keeps %u parameters of your own, names and values of "
                 "up to %u and %u bytes",
                 SETTINGS_CUSTOM_MAX, SETTINGS_NAME_MAX - 1, SETTINGS_VALUE_MAX - 1);
        return ST_LIMIT;
    }
    struct settings_custom *c = &s->custom[i];
    memset(c, 0, sizeof *c);
    memcpy(c->name, name.data, name.size);
    if (value.size > 0) memcpy(c->value, value.data, value.size);
    if (old == NULL) s->custom_count++;
    return ST_OK;
}

/* --- those that guc.c knows
 * --------------------------------------------------------------------------- */

static const struct settings_kept *find_kept(const struct settings *s, uint32_t index)
{
    for (uint32_t i = 0; i < s->kept_count; i++)
        if (s->kept[i].index == index) return &s->kept[i];
    return NULL;
}

static void apply(struct settings *s, const struct guc *g, const char *value, int64_t number)
{
    static const char *const timeouts[SETTINGS_TIMEOUTS] = {
        [SETTINGS_STATEMENT_TIMEOUT] = "statement_timeout",
        [SETTINGS_LOCK_TIMEOUT] = "lock_timeout",
        [SETTINGS_IDLE_BLOCK_TIMEOUT] = "idle_in_transaction_session_timeout",
        [SETTINGS_IDLE_TIMEOUT] = "idle_session_timeout"};
    for (uint32_t i = 0; i < SETTINGS_TIMEOUTS; i++)
        if (strcmp(g->name, timeouts[i]) == 0) s->timeout_ms[i] = (uint32_t)number;
    if (strcmp(g->name, "client_min_messages") != 0) return;
    s->says = SETTINGS_SAYS_ALL;
    if (strcmp(value, "warning") == 0) s->says = SETTINGS_SAYS_WARNINGS;
    if (strcmp(value, "error") == 0) s->says = SETTINGS_SAYS_ERRORS;
}

static enum status set_guc(
    struct settings *s, const struct guc *g, uint32_t index, struct span value, struct diag *d)
{
    char shown[GUC_KEPT_MAX] = "";
    int64_t number = 0;
    TRY(guc_parse(g, value, shown, &number, d));
    if (g->kind == GUC_FIXED) return ST_OK;
    const struct settings_kept *old = find_kept(s, index);
    const uint32_t at = old == NULL ? s->kept_count : (uint32_t)(old - s->kept);
    must(at < SETTINGS_KEPT); /* There are not more that can be changed. */
    s->kept[at].index = (uint8_t)index;
    memcpy(s->kept[at].value, shown, sizeof shown);
    if (old == NULL) s->kept_count++;
    apply(s, g, shown, number);
    return ST_OK;
}

static enum status set_path(struct settings *s, struct span value, struct diag *d)
{
    s->has_path = value.data != NULL;
    if (!s->has_path) return ST_OK;
    if (value.size >= SETTINGS_PATH_MAX) {
        diag_set(d, "54000", "search_path may have up to %u bytes", SETTINGS_PATH_MAX - 1);
        return ST_LIMIT;
    }
    memset(s->path, 0, sizeof s->path);
    memcpy(s->path, value.data, value.size);
    return ST_OK;
}

static void reset_all(struct settings *s)
{
    const struct settings_choice reset = s->reset;
    const struct settings_modes modes = s->modes;
    settings_init(s, &reset);
    s->modes = modes;
}

static enum status refuse_mode(struct span name, struct span value, struct diag *d)
{
    diag_set(d, "22023", "invalid value for parameter \"%.*s\": \"%.*s\"", (int)name.size,
             (const char *)name.data, (int)(value.size < 64 ? value.size : 64),
             (const char *)value.data);
    if (name.size > 9 && equals(span_of(name.data + name.size - 9, 9), "isolation"))
        diag_hint(d, "Available values: serializable, repeatable read, read committed, read "
                     "uncommitted.");
    return ST_INVALID;
}

enum status settings_set(struct settings *s, struct span name, struct span value, struct diag *d)
{
    if (equals(name, "application_name")) {
        size_t size = value.size < SETTINGS_VALUE_MAX - 1 ? value.size : SETTINGS_VALUE_MAX - 1;
        if (size > 0) memcpy(s->application_name, value.data, size);
        s->application_name[size] = 0;
        return ST_OK;
    }
    if (value.size == 0 && equals(name, "all")) { /* RESET ALL */
        reset_all(s);
        return ST_OK;
    }
    if (equals(name, "search_path")) return set_path(s, value, d);
    bool is_good = true;
    if (set_own(s, name, value, &is_good)) return is_good ? ST_OK : refuse_own(name, value, d);
    if (set_mode(s, name, value, &is_good)) return is_good ? ST_OK : refuse_mode(name, value, d);
    uint32_t index = 0;
    const struct guc *g = guc_find(name, &index);
    if (g == NULL && is_custom(name)) return set_custom(s, name, value, d);
    if (g == NULL || g->kind == GUC_OWN) return unknown(name, d);
    return set_guc(s, g, index, value, d);
}

/* Null: settings_show knows no such name. */
static const char *show_text(const struct settings *s, struct span name)
{
    if (equals(name, "application_name")) return s->application_name;
    const char *own = show_own(s, name);
    if (own == NULL) own = show_mode(s, name);
    if (own != NULL) return own;
    const struct settings_custom *custom = find_custom(s, name);
    if (custom != NULL) return custom->value;
    uint32_t index = 0;
    const struct guc *g = guc_find(name, &index);
    if (g == NULL) return NULL;
    const struct settings_kept *kept = find_kept(s, index);
    return kept != NULL ? kept->value : g->value;
}

enum status settings_show(const struct settings *s,
                          struct span name,
                          struct buf *out,
                          struct diag *d)
{
    if (equals(name, "trustsql.height")) {
        buf_printf(out, "%llu", (unsigned long long)s->height);
        return buf_status(out);
    }
    if (equals(name, "trustsql.read_height")) {
        buf_printf(out, "%llu", (unsigned long long)s->read_height);
        return buf_status(out);
    }
    if (equals(name, "trustsql.idempotency_key")) {
        buf_put(out, settings_key(s));
        return buf_status(out);
    }
    const char *text = equals(name, "search_path") && s->has_path ? s->path : show_text(s, name);
    if (text == NULL) return unknown(name, d);
    buf_put_text(out, text);
    return buf_status(out);
}

bool settings_at(uint32_t index, const char **name, const char **what)
{
    const struct guc *g = guc_at(index);
    if (g == NULL) return false;
    *name = g->name;
    *what = g->what;
    return true;
}

bool settings_says(const struct settings *s, const char *sqlstate)
{
    const bool is_notice = memcmp(sqlstate, "00", 2) == 0;
    switch (s->says) {
    case SETTINGS_SAYS_ALL: return true;
    case SETTINGS_SAYS_WARNINGS: return !is_notice;
    case SETTINGS_SAYS_ERRORS: break;
    }
    return false;
}
