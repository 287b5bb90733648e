/* search_path.c - What names without a schema mean to a session: its search_path, as statements are
 * compiled with it and transactions say it.
 *
 * The canonical form is a list of quoted names: "a", "b". It is empty where it would be "public"
 * alone, which is what a statement means that says nothing; it is "" (an empty name) where there is
 * no schema at all. "$user" is the schema of the account's name, if there is one. */
#include "base/must.h"
#include "node/local_int.h"

struct names {
    struct span text; /* What is left. */
    struct buf
        name; /* The one that was read: unquoted, in small letters where it was not quoted. */
    uint8_t bytes[SETTINGS_PATH_MAX];
};

static void skip_blanks(struct names *n)
{
    while (n->text.size > 0 && (n->text.data[0] == ' ' || n->text.data[0] == '\t'))
        n->text = span_of(n->text.data + 1, n->text.size - 1);
}

static uint8_t take(struct names *n)
{
    const uint8_t c = n->text.data[0];
    n->text = span_of(n->text.data + 1, n->text.size - 1);
    return c;
}

static void read_quoted(struct names *n)
{
    (void)take(n);
    while (n->text.size > 0) {
        const uint8_t c = take(n);
        if (c == '"' && (n->text.size == 0 || n->text.data[0] != '"')) return;
        if (c == '"') (void)take(n);
        buf_put_u8(&n->name, c);
    }
}

static void read_plain(struct names *n)
{
    while (n->text.size > 0 && n->text.data[0] != ',') {
        const uint8_t c = take(n);
        const bool is_large = c >= 'A' && c <= 'Z';
        buf_put_u8(&n->name, is_large ? (uint8_t)(c + ('a' - 'A')) : c);
    }
    while (n->name.size > 0 && n->name.data[n->name.size - 1] == ' ')
        n->name.size--;
}

/* False: no more. */
static bool next_name(struct names *n)
{
    skip_blanks(n);
    if (n->text.size == 0) return false;
    buf_init_fixed(&n->name, n->bytes, sizeof n->bytes);
    if (n->text.data[0] == '"')
        read_quoted(n);
    else
        read_plain(n);
    skip_blanks(n);
    if (n->text.size > 0 && n->text.data[0] == ',') (void)take(n);
    return true;
}

static void put_quoted(struct buf *out, struct span name)
{
    if (out->size > 0) buf_put_text(out, ", ");
    buf_put_u8(out, '"');
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '"') buf_put_u8(out, '"');
        buf_put_u8(out, name.data[i]);
    }
    buf_put_u8(out, '"');
}

static void put_path(const struct backend_session *s,
                     const struct sql_catalog *catalog,
                     struct buf *out)
{
    struct names names = {.text = span_text(s->settings.path)};
    const struct span user = span_text(s->user);
    while (next_name(&names)) {
        const struct span name = buf_span(&names.name);
        if (!span_equal(name, span_text("$user"))) {
            if (name.size > 0) put_quoted(out, name);
        } else if (sql_catalog_schema(catalog, user) != NULL) {
            put_quoted(out, user);
        }
    }
    if (out->size == 0) buf_put_text(out, "\"\"");
}

struct span search_path_of(const struct backend_session *s,
                           const struct sql_catalog *catalog,
                           struct arena *a)
{
    static const char public[] = "\"public\"";
    const bool is_users = sql_catalog_schema(catalog, span_text(s->user)) != NULL;
    struct buf out;
    uint8_t bytes[4 * SETTINGS_PATH_MAX];
    if (!s->settings.has_path && !is_users) return span_of(NULL, 0);
    buf_init_fixed(&out, bytes, sizeof bytes);
    if (s->settings.has_path) {
        put_path(s, catalog, &out);
    } else {
        put_quoted(&out, span_text(s->user));
        put_quoted(&out, span_text("public"));
    }
    must(buf_status(&out) == ST_OK);
    if (span_equal(buf_span(&out), span_text(public))) return span_of(NULL, 0);
    return arena_copy(a, buf_span(&out)); /* No memory: the caller finds it out soon. */
}
