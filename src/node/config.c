#include "node/config.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "node/readers.h"
#include "node/verify.h"
#include "store/store.h"

#define NODE_CONF_SIZE_MAX (64u << 10)
#define CONFIG_WHAT_MAX    160u

enum field_kind { FIELD_HOST, FIELD_U16, FIELD_U32, FIELD_U64 };

struct field {
    const char *section;
    const char *name;
    enum field_kind kind;
    size_t offset;
    uint64_t min;
    uint64_t max;
};

static const struct field fields[] = {
    {"pg", "host", FIELD_HOST, offsetof(struct node_config, pg_host), 0, 0},
    {"pg", "port", FIELD_U16, offsetof(struct node_config, pg_port), 0, 65535},
    {"pg", "connections", FIELD_U32, offsetof(struct node_config, pg_connections_max), 1, 4096},
    {"threads", "verify", FIELD_U32, offsetof(struct node_config, verify_threads), 1,
     VERIFY_THREADS_MAX},
    {"threads", "read", FIELD_U32, offsetof(struct node_config, read_threads), 1,
     READERS_THREADS_MAX},
    {"store", "segment_bytes", FIELD_U64, offsetof(struct node_config, segment_size), 1u << 16,
     1u << 30},
};

void node_config_defaults(struct node_config *config)
{
    *config = (struct node_config){.pg_host = "127.0.0.1",
                                   .pg_port = 5442,
                                   .pg_connections_max = 1200,
                                   .verify_threads = 2,
                                   .read_threads = 2,
                                   .segment_size = STORE_SEGMENT_SIZE};
}

struct parse {
    struct node_config *config;
    char *what;
};

static bool set_number(uint8_t *to, const struct field *field, const char *value)
{
    char *end;
    if (value[0] < '0' || value[0] > '9') return false;
    unsigned long long number = strtoull(value, &end, 10);
    if (*end != 0 || number < field->min || number > field->max) return false;
    if (field->kind == FIELD_U16) {
        uint16_t narrow = (uint16_t)number;
        memcpy(to, &narrow, sizeof narrow);
    } else if (field->kind == FIELD_U32) {
        uint32_t narrow = (uint32_t)number;
        memcpy(to, &narrow, sizeof narrow);
    } else {
        uint64_t wide = number;
        memcpy(to, &wide, sizeof wide);
    }
    return true;
}

static bool set_field(struct node_config *config, const struct field *field, const char *value)
{
    uint8_t *to = (uint8_t *)config + field->offset;
    if (field->kind != FIELD_HOST) return set_number(to, field, value);
    size_t size = strlen(value);
    if (size == 0 || size >= NODE_HOST_MAX) return false;
    memcpy(to, value, size + 1);
    return true;
}

static int on_entry(void *context, const char *section, const char *name, const char *value)
{
    struct parse *parse = context;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(fields[i].section, section) != 0 || strcmp(fields[i].name, name) != 0) continue;
        if (set_field(parse->config, &fields[i], value)) return 1;
        (void)snprintf(parse->what, CONFIG_WHAT_MAX, "[%s] %s: the value \"%.40s\" does not fit",
                       section, name, value);
        return 0;
    }
    (void)snprintf(parse->what, CONFIG_WHAT_MAX, "[%.40s] %.40s is no setting of a node", section,
                   name);
    return 0;
}

enum status node_config_read(struct node_config *config, struct os *os, const char *dir, char *what)
{
    char path[OS_PATH_MAX];
    struct buf text;
    what[0] = 0;
    node_config_defaults(config);
    TRY(os_path_join(path, dir, "node.conf"));
    buf_init(&text, mem_system(), 0);
    enum status st = os_read_file(os, path, NODE_CONF_SIZE_MAX, &text);
    buf_put_u8(&text, 0);
    if (st == ST_OK) st = buf_status(&text);
    if (st == ST_OK) {
        struct parse parse = {.config = config, .what = what};
        int line = ini_parse_string((const char *)text.data, on_entry, &parse);
        if (line != 0) st = ST_INVALID;
        if (line != 0 && what[0] == 0)
            (void)snprintf(what, CONFIG_WHAT_MAX, "line %d is not \"key = value\"", line);
    } else {
        (void)snprintf(what, CONFIG_WHAT_MAX, "%s", status_text(st));
    }
    buf_fini(&text);
    return st;
}

void node_config_write(const struct node_config *config, struct buf *out)
{
    buf_printf(out, "; Settings of this node. Chain-wide values are in the chain itself.\n");
    buf_printf(out, "[pg]\nhost = %s\nport = %u\nconnections = %u\n\n", config->pg_host,
               (unsigned)config->pg_port, config->pg_connections_max);
    buf_printf(out, "[threads]\nverify = %u\nread = %u\n\n", config->verify_threads,
               config->read_threads);
    buf_printf(out, "[store]\nsegment_bytes = %llu\n", (unsigned long long)config->segment_size);
}
