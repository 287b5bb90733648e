#include "exec/modules/system/incidents.h"

#include "exec/modules/system/cursor.h"

/* Of a row that is there. ST_NOT_FOUND. */
static enum status state_of(sqlite3 *writer, const struct field key[3], enum incident_state *out)
{
    struct cursor r;
    enum status st = cursor_begin(&r, writer,
                                  "SELECT state FROM \"trustsql.incidents\" "
                                  "WHERE node = ?1 AND found_ms = ?2 AND place = ?3",
                                  key, 3);
    if (st == ST_OK) st = cursor_next(&r);
    for (uint32_t i = 0; st == ST_OK && i < INCIDENT_STATES; i++)
        if (span_equal(cursor_bytes(&r, 0), span_text(incident_state_text((enum incident_state)i))))
            *out = (enum incident_state)i;
    cursor_end(&r);
    return st;
}

static struct field hash_or_null(const struct hash *h)
{
    const struct field none = {.kind = FIELD_NULL};
    return hash_is_zero(h) ? none : field_blob(hash_span(h));
}

enum status incidents_note(sqlite3 *writer,
                           const struct chain_config *config,
                           uint64_t height,
                           const struct incident *i)
{
    const uint32_t node = chain_config_find_key(config, &i->node);
    enum incident_state known = INCIDENT_FOUND;
    if (node >= config->node_count) return ST_OK;
    const struct field key[] = {field_text(config->nodes[node].node_name), field_int(i->time_ms),
                                field_text(i->place)};
    const struct field state = field_text(span_text(incident_state_text(i->state)));
    enum status st = state_of(writer, key, &known);
    if (st == ST_OK && known >= i->state) return ST_OK;
    if (st == ST_OK) {
        const struct field f[] = {
            key[0], key[1], key[2], state, hash_or_null(&i->old_hash), hash_or_null(&i->new_hash)};
        return cursor_run(writer,
                          "UPDATE \"trustsql.incidents\" SET state = ?4, "
                          "old_hash = coalesce(old_hash, ?5), new_hash = coalesce(new_hash, ?6) "
                          "WHERE node = ?1 AND found_ms = ?2 AND place = ?3",
                          f, 6);
    }
    if (st != ST_NOT_FOUND) return st;
    const struct field f[] = {key[0],
                              key[1],
                              key[2],
                              state,
                              field_int(height),
                              field_text(span_text(incident_kind_text(i->kind))),
                              hash_or_null(&i->old_hash),
                              hash_or_null(&i->new_hash),
                              field_int(i->height)};
    return cursor_run(writer,
                      "INSERT INTO \"trustsql.incidents\"(node, found_ms, place, state, height, "
                      "kind, old_hash, new_hash, concerns) "
                      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                      f, 9);
}
