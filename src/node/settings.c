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
    {"default_transaction_isolation", "serializable", RULE_FIXED},
    {"default_transaction_read_only", "off", RULE_FIXED},
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
    {"transaction_isolation", "serializable", RULE_FIXED},
    {"transaction_read_only", "off", RULE_FIXED},
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
        return ST_OK;
    }
    const struct setting *found = find(name);
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
    if (equals(name, "application_name")) {
        buf_put_text(out, s->application_name);
        return buf_status(out);
    }
    const struct setting *found = find(name);
    if (found == NULL) return unknown(name, d);
    buf_put_text(out, found->value);
    return buf_status(out);
}
