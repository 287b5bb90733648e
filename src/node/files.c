/* files.c - Small files of a node's directory that are read as a whole: its keys. */
#include "base/hex.h"
#include "node/node.h"

#define NODE_KEY_TEXT_SIZE (2u * SIGN_SECRET_SIZE + 1u)

enum status node_key_read(struct os *os, const char *dir, struct secret_key *out)
{
    return node_key_read_file(os, dir, "node.key", out);
}

enum status node_key_read_file(struct os *os,
                               const char *dir,
                               const char *name,
                               struct secret_key *out)
{
    char path[OS_PATH_MAX];
    struct buf text;
    TRY(os_path_join(path, dir, name));
    buf_init(&text, mem_system(), 0);
    enum status st = os_read_file(os, path, NODE_KEY_TEXT_SIZE, &text);
    if (st == ST_OK && (text.size != NODE_KEY_TEXT_SIZE || text.data[text.size - 1] != '\n'))
        st = ST_CORRUPT;
    if (st == ST_OK) {
        *out = (struct secret_key){.scheme = SIGN_ED25519};
        st = hex_decode(out->bytes, SIGN_SECRET_SIZE, span_of(text.data, text.size - 1));
        if (st != ST_OK) st = ST_CORRUPT;
    }
    if (text.data != NULL) mem_wipe(text.data, text.size);
    buf_fini(&text);
    return st;
}

enum status node_key_write(struct os *os, const char *dir, const struct secret_key *key)
{
    char path[OS_PATH_MAX];
    char text[NODE_KEY_TEXT_SIZE + 1];
    TRY(os_path_join(path, dir, "node.key"));
    hex_encode(text, span_of(key->bytes, SIGN_SECRET_SIZE));
    text[NODE_KEY_TEXT_SIZE - 1] = '\n';
    enum status st = os_replace_file(os, path, span_of(text, NODE_KEY_TEXT_SIZE));
    mem_wipe(text, sizeof text);
    return st;
}

enum status node_genesis_read(struct os *os, const char *dir, struct buf *out)
{
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, dir, "genesis"));
    return os_read_file(os, path, NODE_GENESIS_SIZE_MAX, out);
}
