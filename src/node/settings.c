#include "node/settings.h"

#include <strings.h>

#include "base/must.h"

enum rule {
    RULE_FIXED, /* Has this value and no other. */
    RULE_ANY    /* Accepted and ignored: it changes nothing that this server does. */
};

struct setting {
    const char *name;
    const char *value;
    enum rule rule;
};

static const struct setting table[] = {
    {"bytea_output", "hex", RULE_FIXED},
    {"client_encoding", "UTF8", RULE_FIXED},
    {"client_min_messages", "notice", RULE_ANY},
    {"datestyle", "ISO, MDY", RULE_FIXED},
    {"extra_float_digits", "1", RULE_ANY},
    {"idle_in_transaction_session_timeout", "0", RULE_ANY},
    {"integer_datetimes", "on", RULE_FIXED},
    {"intervalstyle", "postgres", RULE_FIXED},
    {"is_superuser", "off", RULE_FIXED},
    {"lc_collate", "C", RULE_FIXED},
    {"lc_ctype", "C", RULE_FIXED},
    {"lock_timeout", "0", RULE_ANY},
    {"max_identifier_length", "63", RULE_FIXED},
    {"search_path", "\"$user\", public", RULE_FIXED},
    {"server_encoding", "UTF8", RULE_FIXED},
    {"server_version", "15.8 (TrustSQL)", RULE_FIXED},
    {"server_version_num", "150008", RULE_FIXED},
    {"standard_conforming_strings", "on", RULE_FIXED},
    {"statement_timeout", "0", RULE_ANY},
    {"timezone", "UTC", RULE_FIXED},
};

static bool equals(struct span a, const char *b)
{
    return a.size == strlen(b) && strncasecmp((const char *)a.data, b, a.size) == 0;
}

static const struct setting *find(struct span name)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (equals(name, table[i].name)) return &table[i];
    return NULL;
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

static bool parse_bool(struct span value, bool *out)
{
    static const char *const yes[] = {"on", "true", "yes", "1", "t", "y"};
    static const char *const no[] = {"off", "false", "no", "0", "f", "n"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (!equals(value, yes[i]) && !equals(value, no[i])) continue;
        *out = equals(value, yes[i]);
        return true;
    }
    return false;
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
    *is_good = value.size == 0 || parse_bool(value, &choice);
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
    if (equals(name, "application_name")) return s->application_name;
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

/* "UTC" has more names than one; encodings are compared without their dashes. */
static bool is_same_value(const struct setting *s, struct span value)
{
    if (equals(value, s->value)) return true;
    if (strcmp(s->name, "timezone") == 0) return equals(value, "Etc/UTC") || equals(value, "GMT");
    if (strcmp(s->name, "client_encoding") == 0)
        return equals(value, "UTF-8") || equals(value, "unicode");
    if (strcmp(s->name, "search_path") == 0) return equals(value, "public");
    if (strcmp(s->name, "datestyle") == 0) return equals(value, "ISO");
    return false;
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

enum status settings_set(struct settings *s, struct span name, struct span value, struct diag *d)
{
    if (equals(name, "application_name")) {
        size_t size = value.size < SETTINGS_VALUE_MAX - 1 ? value.size : SETTINGS_VALUE_MAX - 1;
        if (size > 0) memcpy(s->application_name, value.data, size);
        s->application_name[size] = 0;
        return ST_OK;
    }
    if (value.size == 0 && equals(name, "all")) { /* RESET ALL */
        s->application_name[0] = 0;
        s->chosen = s->reset;
        s->read_height = 0;
        s->height = 0;
        s->key_size = 0;
        s->default_modes = (struct settings_modes){.isolation = SQL_SERIALIZABLE};
        s->is_copy_split = false;
        s->custom_count = 0;
        return ST_OK;
    }
    bool is_good = true;
    if (set_own(s, name, value, &is_good)) return is_good ? ST_OK : refuse_own(name, value, d);
    if (set_mode(s, name, value, &is_good)) {
        if (is_good) return ST_OK;
        diag_set(d, "22023", "invalid value for parameter \"%.*s\": \"%.*s\"", (int)name.size,
                 (const char *)name.data, (int)(value.size < 64 ? value.size : 64),
                 (const char *)value.data);
        if (name.size > 9 && equals(span_of(name.data + name.size - 9, 9), "isolation"))
            diag_hint(d, "Available values: serializable, repeatable read, read committed, read "
                         "uncommitted.");
        return ST_INVALID;
    }
    const struct setting *found = find(name);
    if (found == NULL && is_custom(name)) return set_custom(s, name, value, d);
    if (found == NULL) return unknown(name, d);
    if (value.size == 0 || found->rule == RULE_ANY || is_same_value(found, value)) return ST_OK;
    diag_set(d, "22023", "parameter \"%s\" cannot be changed to \"%.*s\"", found->name,
             (int)(value.size < 64 ? value.size : 64), (const char *)value.data);
    diag_hint(d, "This server always uses \"%s\".", found->value);
    return ST_INVALID;
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
    const char *own = show_own(s, name);
    if (own == NULL) own = show_mode(s, name);
    if (own != NULL) {
        buf_put_text(out, own);
        return buf_status(out);
    }
    const struct settings_custom *custom = find_custom(s, name);
    if (custom != NULL) {
        buf_put_text(out, custom->value);
        return buf_status(out);
    }
    const struct setting *found = find(name);
    if (found == NULL) return unknown(name, d);
    buf_put_text(out, found->value);
    return buf_status(out);
}
