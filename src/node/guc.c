#include "node/guc.h"

#include <stdio.h>
#include <strings.h>

#include "base/must.h"

#define INT32_LARGEST INT64_C(2147483647)
#define DIGITS_MAX    18u

#define LEVELS        "debug5, debug4, debug3, debug2, debug1, log, notice, warning, error"

/* Sorted by name without regard to case. */
static const struct guc table[] = {
    {"application_name", "", GUC_OWN, 0, 0, NULL,
     "Sets the application name to be reported in statistics and logs."},
    {"array_nulls", "on", GUC_FIXED, 0, 0, NULL, "Enable input of NULL elements in arrays."},
    {"backslash_quote", "safe_encoding", GUC_FIXED, 0, 0, NULL,
     "Sets whether \"\\'\" is allowed in string literals."},
    {"block_size", "8192", GUC_INTERNAL, 0, 0, NULL, "Shows the size of a disk block."},
    {"bytea_output", "hex", GUC_FIXED, 0, 0, NULL, "Sets the output format for bytea."},
    {"check_function_bodies", "on", GUC_BOOL, 0, 0, NULL,
     "Check routine bodies during CREATE FUNCTION and CREATE PROCEDURE."},
    {"client_encoding", "UTF8", GUC_FIXED, 0, 0, NULL, "Sets the client's character set encoding."},
    {"client_min_messages", "notice", GUC_ENUM, 0, 0, LEVELS,
     "Sets the message levels that are sent to the client."},
    {"constraint_exclusion", "partition", GUC_ENUM, 0, 0, "partition, on, off",
     "Enables the planner to use constraints to optimize queries."},
    {"DateStyle", "ISO, MDY", GUC_FIXED, 0, 0, NULL,
     "Sets the display format for date and time values."},
    {"default_statistics_target", "100", GUC_INT, 1, 10000, NULL,
     "Sets the default statistics target."},
    {"default_table_access_method", "heap", GUC_FIXED, 0, 0, NULL,
     "Sets the default table access method for new tables."},
    {"default_tablespace", "", GUC_FIXED, 0, 0, NULL,
     "Sets the default tablespace to create tables and indexes in."},
    {"default_text_search_config", "pg_catalog.simple", GUC_FIXED, 0, 0, NULL,
     "Sets default text search configuration."},
    {"default_transaction_deferrable", "off", GUC_OWN, 0, 0, NULL,
     "Sets the default deferrable status of new transactions."},
    {"default_transaction_isolation", "serializable", GUC_OWN, 0, 0, NULL,
     "Sets the transaction isolation level of each new transaction."},
    {"default_transaction_read_only", "off", GUC_OWN, 0, 0, NULL,
     "Sets the default read-only status of new transactions."},
    {"effective_cache_size", "4GB", GUC_KB, 1, INT32_LARGEST, NULL,
     "Sets the planner's assumption about the total size of the data caches."},
    {"enable_bitmapscan", "on", GUC_BOOL, 0, 0, NULL,
     "Enables the planner's use of bitmap-scan plans."},
    {"enable_hashagg", "on", GUC_BOOL, 0, 0, NULL,
     "Enables the planner's use of hashed aggregation plans."},
    {"enable_hashjoin", "on", GUC_BOOL, 0, 0, NULL,
     "Enables the planner's use of hash join plans."},
    {"enable_indexonlyscan", "on", GUC_BOOL, 0, 0, NULL,
     "Enables the planner's use of index-only-scan plans."},
    {"enable_indexscan", "on", GUC_BOOL, 0, 0, NULL,
     "Enables the planner's use of index-scan plans."},
    {"enable_material", "on", GUC_BOOL, 0, 0, NULL,
     "Enables the planner's use of materialization."},
    {"enable_mergejoin", "on", GUC_BOOL, 0, 0, NULL,
     "Enables the planner's use of merge join plans."},
    {"enable_nestloop", "on", GUC_BOOL, 0, 0, NULL,
     "Enables the planner's use of nested-loop join plans."},
    {"enable_seqscan", "on", GUC_BOOL, 0, 0, NULL,
     "Enables the planner's use of sequential-scan plans."},
    {"enable_sort", "on", GUC_BOOL, 0, 0, NULL,
     "Enables the planner's use of explicit sort steps."},
    {"escape_string_warning", "on", GUC_BOOL, 0, 0, NULL,
     "Warn about backslash escapes in ordinary string literals."},
    {"extra_float_digits", "1", GUC_INT, 1, 3, NULL,
     "Sets the number of digits displayed for floating-point values."},
    {"from_collapse_limit", "8", GUC_INT, 1, INT32_LARGEST, NULL,
     "Sets the FROM-list size beyond which subqueries are not collapsed."},
    {"geqo", "on", GUC_BOOL, 0, 0, NULL, "Enables genetic query optimization."},
    {"gin_fuzzy_search_limit", "0", GUC_INT, 0, INT32_LARGEST, NULL,
     "Sets the maximum allowed result for exact search by GIN."},
    {"idle_in_transaction_session_timeout", "0", GUC_MS, 0, INT32_LARGEST, NULL,
     "Sets the maximum allowed idle time between queries, when in a transaction."},
    {"idle_session_timeout", "0", GUC_MS, 0, INT32_LARGEST, NULL,
     "Sets the maximum allowed idle time between queries, when not in a transaction."},
    {"in_hot_standby", "off", GUC_INTERNAL, 0, 0, NULL,
     "Shows whether hot standby is currently active."},
    {"integer_datetimes", "on", GUC_INTERNAL, 0, 0, NULL,
     "Shows whether datetimes are integer based."},
    {"IntervalStyle", "postgres", GUC_FIXED, 0, 0, NULL,
     "Sets the display format for interval values."},
    {"is_superuser", "off", GUC_INTERNAL, 0, 0, NULL,
     "Shows whether the current user is a superuser."},
    {"jit", "off", GUC_BOOL, 0, 0, NULL, "Allow JIT compilation."},
    {"join_collapse_limit", "8", GUC_INT, 1, INT32_LARGEST, NULL,
     "Sets the FROM-list size beyond which JOIN constructs are not flattened."},
    {"lc_collate", "C", GUC_INTERNAL, 0, 0, NULL, "Shows the collation order locale."},
    {"lc_ctype", "C", GUC_INTERNAL, 0, 0, NULL,
     "Shows the character classification and case conversion locale."},
    {"lc_messages", "C", GUC_FIXED, 0, 0, NULL,
     "Sets the language in which messages are displayed."},
    {"lc_monetary", "C", GUC_FIXED, 0, 0, NULL, "Sets the locale for formatting monetary amounts."},
    {"lc_numeric", "C", GUC_FIXED, 0, 0, NULL, "Sets the locale for formatting numbers."},
    {"lc_time", "C", GUC_FIXED, 0, 0, NULL, "Sets the locale for formatting date and time values."},
    {"lo_compat_privileges", "off", GUC_FIXED, 0, 0, NULL,
     "Enables backward compatibility mode for privilege checks on large objects."},
    {"lock_timeout", "0", GUC_MS, 0, INT32_LARGEST, NULL,
     "Sets the maximum allowed duration of any wait for a lock."},
    {"log_min_messages", "warning", GUC_FIXED, 0, 0, NULL,
     "Sets the message levels that are logged."},
    {"log_statement", "none", GUC_FIXED, 0, 0, NULL, "Sets the type of statements logged."},
    {"maintenance_work_mem", "64MB", GUC_KB, 1024, INT32_LARGEST, NULL,
     "Sets the maximum memory to be used for maintenance operations."},
    {"max_connections", "1000", GUC_INTERNAL, 0, 0, NULL,
     "Sets the maximum number of concurrent connections."},
    {"max_function_args", "100", GUC_INTERNAL, 0, 0, NULL,
     "Shows the maximum number of function arguments."},
    {"max_identifier_length", "63", GUC_INTERNAL, 0, 0, NULL,
     "Shows the maximum identifier length."},
    {"max_index_keys", "32", GUC_INTERNAL, 0, 0, NULL, "Shows the maximum number of index keys."},
    {"max_parallel_workers_per_gather", "0", GUC_INT, 0, 1024, NULL,
     "Sets the maximum number of parallel processes per executor node."},
    {"plan_cache_mode", "auto", GUC_ENUM, 0, 0, "auto, force_generic_plan, force_custom_plan",
     "Controls the planner's selection of custom or generic plan."},
    {"quote_all_identifiers", "off", GUC_BOOL, 0, 0, NULL,
     "When generating SQL fragments, quote all identifiers."},
    {"row_security", "on", GUC_BOOL, 0, 0, NULL, "Enable row security."},
    {"search_path", "\"$user\", public", GUC_OWN, 0, 0, NULL,
     "Sets the schema search order for names that are not schema-qualified."},
    {"server_encoding", "UTF8", GUC_INTERNAL, 0, 0, NULL,
     "Shows the server (database) character set encoding."},
    {"server_version", "15.8 (TrustSQL)", GUC_INTERNAL, 0, 0, NULL, "Shows the server version."},
    {"server_version_num", "150008", GUC_INTERNAL, 0, 0, NULL,
     "Shows the server version as an integer."},
    {"session_replication_role", "origin", GUC_FIXED, 0, 0, NULL,
     "Sets the session's behavior for triggers and rewrite rules."},
    {"standard_conforming_strings", "on", GUC_FIXED, 0, 0, NULL,
     "Causes '...' strings to treat backslashes literally."},
    {"statement_timeout", "0", GUC_MS, 0, INT32_LARGEST, NULL,
     "Sets the maximum allowed duration of any statement."},
    {"synchronize_seqscans", "on", GUC_BOOL, 0, 0, NULL, "Enable synchronized sequential scans."},
    {"synchronous_commit", "on", GUC_ENUM, 0, 0, "local, remote_write, remote_apply, on, off",
     "Sets the current transaction's synchronization level."},
    {"tcp_keepalives_idle", "0", GUC_INT, 0, INT32_LARGEST, NULL,
     "Time between issuing TCP keepalives."},
    {"temp_buffers", "8MB", GUC_KB, 800, INT32_LARGEST, NULL,
     "Sets the maximum number of temporary buffers used by each session."},
    {"TimeZone", "UTC", GUC_FIXED, 0, 0, NULL,
     "Sets the time zone for displaying and interpreting time stamps."},
    {"transaction_deferrable", "off", GUC_OWN, 0, 0, NULL,
     "Whether to defer a read-only serializable transaction until it can be executed with no "
     "possible serialization failures."},
    {"transaction_isolation", "serializable", GUC_OWN, 0, 0, NULL,
     "Sets the current transaction's isolation level."},
    {"transaction_read_only", "off", GUC_OWN, 0, 0, NULL,
     "Sets the current transaction's read-only status."},
    {"transform_null_equals", "off", GUC_FIXED, 0, 0, NULL,
     "Treats \"expr=NULL\" as \"expr IS NULL\"."},
    {"trustsql.copy_split", "off", GUC_OWN, 0, 0, NULL,
     "Lets one COPY FROM be several transactions."},
    {"trustsql.height", "0", GUC_OWN, 0, 0, NULL,
     "The height whose tables and rows are seen; 0: the newest."},
    {"trustsql.idempotency_key", "", GUC_OWN, 0, 0, NULL,
     "The name under which a transaction takes effect once."},
    {"trustsql.read", "", GUC_OWN, 0, 0, NULL,
     "Whether reads see what this node has, or all that is final."},
    {"trustsql.read_height", "0", GUC_OWN, 0, 0, NULL,
     "The height whose rows are read; 0: the newest."},
    {"trustsql.wait", "", GUC_OWN, 0, 0, NULL, "When a write is answered."},
    {"work_mem", "4MB", GUC_KB, 64, INT32_LARGEST, NULL,
     "Sets the maximum memory to be used for query workspaces."},
    {"xmlbinary", "base64", GUC_ENUM, 0, 0, "base64, hex",
     "Sets how binary values are to be encoded in XML."},
    {"xmloption", "content", GUC_ENUM, 0, 0, "content, document",
     "Sets whether XML data is to be considered as documents or content fragments."},
};

_Static_assert(sizeof table / sizeof table[0] <= GUC_MAX, "every setting has a place");

struct unit {
    const char *name;
    int64_t factor;  /* Of the setting's own unit… */
    int64_t divisor; /* …or a part of it. */
};

/* The largest first, as SHOW tries them. */
static const struct unit times[] = {{"d", 86400000, 1}, {"h", 3600000, 1}, {"min", 60000, 1},
                                    {"s", 1000, 1},     {"ms", 1, 1},      {"us", 1, 1000}};
static const struct unit sizes[] = {{"TB", INT64_C(1073741824), 1},
                                    {"GB", 1048576, 1},
                                    {"MB", 1024, 1},
                                    {"kB", 1, 1},
                                    {"B", 1, 1024}};

#define UNITS 5u /* Of either, that are shown or read; times have one more. */

bool guc_name_is(struct span a, const char *b)
{
    return a.size == strlen(b) &&
           (a.size == 0 || strncasecmp((const char *)a.data, b, a.size) == 0);
}

const struct guc *guc_find(struct span name, uint32_t *index)
{
    for (uint32_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (!guc_name_is(name, table[i].name)) continue;
        *index = i;
        return &table[i];
    }
    return NULL;
}

const struct guc *guc_at(uint32_t index)
{
    return index < sizeof table / sizeof table[0] ? &table[index] : NULL;
}

/* As PostgreSQL: a beginning of the word is enough, when it can be no other. */
bool guc_parse_bool(struct span value, bool *out)
{
    static const struct {
        const char *word;
        size_t least;
        bool is_true;
    } words[] = {{"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false},
                 {"on", 2, true},   {"off", 2, false},   {"1", 1, true},   {"0", 1, false}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (value.size < words[i].least || value.size > strlen(words[i].word)) continue;
        if (strncasecmp((const char *)value.data, words[i].word, value.size) != 0) continue;
        *out = words[i].is_true;
        return true;
    }
    return false;
}

/* --- refusals --------------------------------------------------------------------------------- */

static enum status refuse(const struct guc *g, struct span value, struct diag *d)
{
    diag_set(d, "22023", "invalid value for parameter \"%s\": \"%.*s\"", g->name,
             (int)(value.size < 64 ? value.size : 64), (const char *)value.data);
    return ST_INVALID;
}

static enum status refuse_change(const struct guc *g, struct span value, struct diag *d)
{
    if (g->kind == GUC_INTERNAL) {
        diag_set(d, "55P02", "parameter \"%s\" cannot be changed", g->name);
        return ST_INVALID;
    }
    diag_set(d, "22023", "parameter \"%s\" cannot be changed to \"%.*s\"", g->name,
             (int)(value.size < 64 ? value.size : 64), (const char *)value.data);
    diag_hint(d, "This server always uses \"%s\".", g->value);
    return ST_INVALID;
}

/* --- words ------------------------------------------------------------------------------------ */

/* The word of "a, b, c" that it is, as it is written there. */
static enum status parse_word(const struct guc *g,
                              struct span value,
                              char to[GUC_KEPT_MAX],
                              struct diag *d)
{
    for (const char *at = g->words; *at != 0;) {
        const char *end = strchr(at, ',');
        const size_t size = end == NULL ? strlen(at) : (size_t)(end - at);
        must(size < GUC_KEPT_MAX);
        if (value.size == size && strncasecmp((const char *)value.data, at, size) == 0) {
            memcpy(to, at, size);
            to[size] = 0;
            return ST_OK;
        }
        at += end == NULL ? size : size + 2;
    }
    enum status st = refuse(g, value, d);
    diag_hint(d, "Available values: %s.", g->words);
    return st;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static struct span trim(struct span text)
{
    while (text.size > 0 && is_space(text.data[0]))
        text = span_of(text.data + 1, text.size - 1);
    while (text.size > 0 && is_space(text.data[text.size - 1]))
        text.size--;
    return text;
}

static const struct unit *find_unit(const struct guc *g, struct span name)
{
    const struct unit *units = g->kind == GUC_MS ? times : sizes;
    const size_t count =
        g->kind == GUC_MS ? sizeof times / sizeof times[0] : sizeof sizes / sizeof sizes[0];
    for (size_t i = 0; i < count && g->kind != GUC_INT; i++)
        if (span_equal(name, span_text(units[i].name))) return &units[i];
    return NULL;
}

/* Thousandths of "12.5". False: it is no such number, or too large. */
static bool take_number(struct span *text, int64_t *thousandths)
{
    int64_t value = 0;
    int64_t fraction = 0;
    int64_t place = 100;
    uint32_t digits = 0;
    const bool is_negative = text->size > 0 && text->data[0] == '-';
    size_t at = text->size > 0 && (is_negative || text->data[0] == '+') ? 1 : 0;
    for (; at < text->size && text->data[at] >= '0' && text->data[at] <= '9'; at++) {
        if (++digits > DIGITS_MAX - 6) return false;
        value = value * 10 + (text->data[at] - '0');
    }
    if (at < text->size && text->data[at] == '.')
        for (at++; at < text->size && text->data[at] >= '0' && text->data[at] <= '9'; at++) {
            fraction += (text->data[at] - '0') * place;
            place /= 10;
            digits++;
        }
    if (digits == 0) return false;
    *thousandths = value * 1000 + fraction;
    if (is_negative) *thousandths = -*thousandths;
    *text = trim(span_of(text->data + at, text->size - at));
    return true;
}

static enum status refuse_unit(const struct guc *g, struct span value, struct diag *d)
{
    enum status st = refuse(g, value, d);
    if (g->kind == GUC_MS)
        diag_hint(d,
                  "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and "
                  "\"d\".");
    if (g->kind == GUC_KB)
        diag_hint(d,
                  "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".");
    return st;
}

static enum status parse_number(const struct guc *g,
                                struct span value,
                                int64_t *number,
                                struct diag *d)
{
    struct span rest = trim(value);
    int64_t thousandths = 0;
    if (!take_number(&rest, &thousandths)) return refuse(g, value, d);
    struct unit unit = {"", 1, 1};
    if (rest.size > 0) {
        const struct unit *named = find_unit(g, rest);
        if (named == NULL) return refuse_unit(g, value, d);
        unit = *named;
    }
    const int64_t limit = INT64_MAX / unit.factor - 1000;
    const bool fits = thousandths <= limit && thousandths >= -limit;
    const int64_t scaled = fits ? thousandths * unit.factor / unit.divisor : INT64_MAX;
    *number = scaled >= 0 ? (scaled + (fits ? 500 : 0)) / 1000 : (scaled - 500) / 1000;
    if (*number >= g->min && *number <= g->max) return ST_OK;
    const char *own = g->kind == GUC_MS ? " ms" : g->kind == GUC_KB ? " kB" : "";
    diag_set(d, "22023", "%lld%s is outside the valid range for parameter \"%s\" (%lld .. %lld)",
             (long long)*number, own, g->name, (long long)g->min, (long long)g->max);
    return ST_INVALID;
}

/* In the largest unit that it is a multiple of. */
static void show_number(const struct guc *g, int64_t number, char to[GUC_KEPT_MAX])
{
    const struct unit *units = g->kind == GUC_MS ? times : sizes;
    const char *name = "";
    int64_t shown = number;
    for (uint32_t i = 0; i < UNITS && g->kind != GUC_INT && number > 0 && name[0] == 0; i++) {
        if (units[i].divisor != 1 || number % units[i].factor != 0) continue;
        shown = number / units[i].factor;
        name = units[i].name;
    }
    (void)snprintf(to, GUC_KEPT_MAX, "%lld%s", (long long)shown, name);
}

/* --- fixed ------------------------------------------------------------------------------------ */

/* "UTC" has more names than one; encodings are compared without their dashes. */
static bool is_same_value(const struct guc *g, struct span value)
{
    static const struct {
        const char *name;
        const char *value;
    } others[] = {{"TimeZone", "Etc/UTC"},
                  {"TimeZone", "GMT"},
                  {"TimeZone", "Etc/GMT"},
                  {"TimeZone", "UCT"},
                  {"TimeZone", "Zulu"},
                  {"TimeZone", "Universal"},
                  {"TimeZone", "0"},
                  {"TimeZone", "default"},
                  {"client_encoding", "UTF-8"},
                  {"client_encoding", "unicode"},
                  {"DateStyle", "ISO"},
                  {"DateStyle", "ISO,MDY"},
                  {"DateStyle", "ISO, US"},
                  {"DateStyle", "MDY"},
                  {"lc_messages", "POSIX"},
                  {"lc_messages", ""},
                  {"lc_monetary", "POSIX"},
                  {"lc_numeric", "POSIX"},
                  {"lc_time", "POSIX"},
                  {"IntervalStyle", "default"}};
    if (guc_name_is(value, g->value)) return true;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(others[i].name, g->name) == 0 && guc_name_is(value, others[i].value))
            return true;
    bool is_on = false;
    const bool is_flag = strcmp(g->value, "on") == 0 || strcmp(g->value, "off") == 0;
    return is_flag && guc_parse_bool(value, &is_on) && is_on == (strcmp(g->value, "on") == 0);
}

enum status guc_parse(
    const struct guc *g, struct span value, char to[GUC_KEPT_MAX], int64_t *number, struct diag *d)
{
    bool is_on = false;
    if (value.data == NULL) value = span_text(g->value);
    switch (g->kind) {
    case GUC_INTERNAL: return refuse_change(g, value, d);
    case GUC_FIXED: return is_same_value(g, value) ? ST_OK : refuse_change(g, value, d);
    case GUC_BOOL:
        if (!guc_parse_bool(value, &is_on)) {
            diag_set(d, "22023", "parameter \"%s\" requires a Boolean value", g->name);
            return ST_INVALID;
        }
        memcpy(to, is_on ? "on" : "off", is_on ? sizeof "on" : sizeof "off");
        return ST_OK;
    case GUC_ENUM: return parse_word(g, value, to, d);
    case GUC_INT:
    case GUC_MS:
    case GUC_KB:
        TRY(parse_number(g, value, number, d));
        show_number(g, *number, to);
        return ST_OK;
    case GUC_OWN: break;
    }
    must(false);
    return ST_INVALID;
}
