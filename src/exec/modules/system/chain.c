/* chain.c - Rows of the chain's configuration (docs/format/catalog.md).
 *
 * Invariants
 * N1  The configuration of trustsql.epochs decodes, has its row's number, and config_hash is its
 *     hash; epochs follow one another from 0 without a gap.
 * N2  At most one epoch has no first height: the one after the newest that has begun. */
#include "exec/modules/system/chain.h"

#include "base/must.h"
#include "exec/modules/system/cursor.h"
#include "ledger/change.h"

#define SELECT_EPOCH "SELECT epoch, first_height, config, decided_height FROM \"trustsql.epochs\" "

static enum status read_epoch(struct cursor *r, struct arena *a, struct chain_epoch *out);
static enum status write_nodes(sqlite3 *writer, const struct chain_config *c);
static enum status write_parameters(sqlite3 *writer, const struct chain_config *c);

enum status chain_epoch_at(sqlite3 *connection,
                           struct arena *a,
                           uint64_t epoch,
                           struct chain_epoch *out)
{
    struct cursor r;
    const struct field f = field_int(epoch);
    enum status st = cursor_begin(&r, connection, SELECT_EPOCH "WHERE epoch = ?1", &f, 1);
    if (st == ST_OK) st = read_epoch(&r, a, out);
    cursor_end(&r);
    return st;
}

enum status chain_epoch_newest(sqlite3 *connection, struct arena *a, struct chain_epoch *out)
{
    struct cursor r;
    enum status st = cursor_begin(
        &r, connection, SELECT_EPOCH "WHERE first_height NOTNULL ORDER BY epoch DESC LIMIT 1", NULL,
        0);
    if (st == ST_OK) st = read_epoch(&r, a, out);
    cursor_end(&r);
    return st;
}

static enum status read_epoch(struct cursor *r, struct arena *a, struct chain_epoch *out)
{
    TRY(cursor_next(r));
    *out = (struct chain_epoch){.epoch = cursor_int(r, 0),
                                .first_height = cursor_int(r, 1),
                                .decided_height = cursor_int(r, 3)};
    out->config = arena_copy(a, cursor_bytes(r, 2));
    return out->config.data == NULL ? ST_NO_MEMORY : ST_OK;
}

enum status chain_epoch_decide(sqlite3 *writer,
                               const struct chain_config *config,
                               struct span cause,
                               uint64_t height)
{
    uint8_t bytes[CONFIG_BYTES_MAX];
    struct buf out;
    buf_init_fixed(&out, bytes, sizeof bytes);
    chain_config_encode(&out, config);
    must(buf_status(&out) == ST_OK);                            /* Bounds of config.md. */
    const struct hash hash = chain_config_hash(buf_span(&out)); /* N1 */
    const struct field f[] = {field_int(config->epoch), field_blob(hash_span(&hash)),
                              field_blob(buf_span(&out)), field_text(cause), field_int(height)};
    return cursor_run(writer,
                      "INSERT INTO \"trustsql.epochs\"(epoch, first_height, config_hash, config, "
                      "cause, decided_height) VALUES(?1, NULL, ?2, ?3, ?4, ?5)",
                      f, 5);
}

enum status chain_epoch_begin(sqlite3 *writer,
                              const struct chain_config *config,
                              uint64_t first_height)
{
    const struct field f[] = {field_int(first_height), field_int(config->epoch)};
    must(first_height > 0);
    TRY(cursor_run(writer, "UPDATE \"trustsql.epochs\" SET first_height = ?1 WHERE epoch = ?2", f,
                   2));
    must(sqlite3_changes(writer) == 1); /* N2 */
    TRY(write_nodes(writer, config));
    return write_parameters(writer, config);
}

static enum status write_nodes(sqlite3 *writer, const struct chain_config *c)
{
    TRY(cursor_run(writer, "DELETE FROM \"trustsql.validators\"", NULL, 0));
    for (uint32_t i = 0; i < c->node_count; i++) {
        const struct chain_node *n = &c->nodes[i];
        const char *role = i < c->validator_count ? "validator" : "observer";
        const struct field f[] = {field_int(i),
                                  field_text(n->node_name),
                                  field_text(span_text(role)),
                                  field_text(n->organisation),
                                  field_text(n->address),
                                  field_blob(span_of(n->node_key.bytes, n->node_key.size)),
                                  field_int(n->is_barred ? 1 : 0)};
        TRY(cursor_run(writer,
                       "INSERT INTO \"trustsql.validators\"(\"index\", name, role, organisation, "
                       "address, public_key, is_barred) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                       f, 7));
    }
    return ST_OK;
}

static enum status write_parameters(sqlite3 *writer, const struct chain_config *c)
{
    for (uint32_t i = 0; i < change_parameter_count(); i++) {
        uint8_t bytes[32];
        struct buf value;
        buf_init_fixed(&value, bytes, sizeof bytes);
        change_parameter_text(&value, i, c);
        must(buf_status(&value) == ST_OK);
        const struct field f[] = {field_text(span_text(change_parameter_name(i))),
                                  field_text(buf_span(&value))};
        TRY(cursor_run(writer,
                       "INSERT INTO \"trustsql.parameters\"(name, value) VALUES(?1, ?2) "
                       "ON CONFLICT(name) DO UPDATE SET value = excluded.value",
                       f, 2));
    }
    return ST_OK;
}

static struct field field_key(const struct public_key *key)
{
    return field_blob(span_of(key->bytes, key->size));
}

enum status chain_convict(sqlite3 *writer, const struct chain_node *node, uint64_t height)
{
    const struct field f[] = {field_key(&node->node_key), field_text(node->node_name),
                              field_int(height)};
    return cursor_run(writer,
                      "INSERT INTO \"trustsql.convictions\"(public_key, name, height, is_closed) "
                      "VALUES(?1, ?2, ?3, 0) ON CONFLICT(public_key) DO UPDATE SET is_closed = 0, "
                      "height = excluded.height WHERE is_closed = 1",
                      f, 3);
}

enum status chain_convicted(sqlite3 *writer, const struct chain_config *c, uint32_t *mask)
{
    struct cursor r;
    *mask = 0;
    enum status st = cursor_begin(
        &r, writer, "SELECT public_key FROM \"trustsql.convictions\" WHERE is_closed = 0", NULL, 0);
    while (st == ST_OK && (st = cursor_next(&r)) == ST_OK) {
        struct span key = cursor_bytes(&r, 0);
        for (uint32_t i = 0; i < c->validator_count; i++) {
            const struct public_key *k = &c->nodes[i].node_key;
            bool is_meant = span_equal(span_of(k->bytes, k->size), key);
            if (is_meant && !c->nodes[i].is_barred) *mask |= 1u << i;
        }
    }
    cursor_end(&r);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

enum status chain_pardon(sqlite3 *writer, const struct chain_node *node)
{
    const struct field f = field_key(&node->node_key);
    return cursor_run(
        writer, "UPDATE \"trustsql.convictions\" SET is_closed = 1 WHERE public_key = ?1", &f, 1);
}
