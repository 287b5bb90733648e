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
#define SECTION_MAX        49u /* inih cuts a longer one. */
#define PEER_PREFIX        "peer."
#define PEER_PREFIX_SIZE   (sizeof PEER_PREFIX - 1)

_Static_assert(PEER_PREFIX_SIZE + NODE_PEER_NAME_MAX < SECTION_MAX, "inih shows the whole name");

enum field_kind {
    FIELD_HOST,
    FIELD_PROXY,
    FIELD_DIR,
    FIELD_URL,
    FIELD_BOOL,
    FIELD_U16,
    FIELD_U32,
    FIELD_U64,
    FIELD_READ,
    FIELD_WAIT
};

struct field {
    const char *section;
    const char *name;
    enum field_kind kind;
    size_t offset;
    uint64_t min;
    uint64_t max;
};

static const struct field fields[] = {
    {"p2p", "host", FIELD_HOST, offsetof(struct node_config, p2p_host), 0, 0},
    {"p2p", "port", FIELD_U16, offsetof(struct node_config, p2p_port), 0, 65535},
    {"p2p", "outbound_only", FIELD_BOOL, offsetof(struct node_config, p2p_is_outbound_only), 0, 0},
    {"p2p", "proxy", FIELD_PROXY, offsetof(struct node_config, p2p_proxy), 0, 0},
    {"pg", "host", FIELD_HOST, offsetof(struct node_config, pg_host), 0, 0},
    {"pg", "port", FIELD_U16, offsetof(struct node_config, pg_port), 0, 65535},
    {"pg", "connections", FIELD_U32, offsetof(struct node_config, pg_connections_max), 1, 4096},
    {"pg", "tls_only", FIELD_BOOL, offsetof(struct node_config, pg_is_tls_only), 0, 0},
    {"threads", "verify", FIELD_U32, offsetof(struct node_config, verify_threads), 1,
     VERIFY_THREADS_MAX},
    {"threads", "read", FIELD_U32, offsetof(struct node_config, read_threads), 1,
     READERS_THREADS_MAX},
    {"store", "segment_bytes", FIELD_U64, offsetof(struct node_config, segment_size), 1u << 16,
     1u << 30},
    {"store", "cold", FIELD_DIR, offsetof(struct node_config, store_cold), 0, 0},
    {"store", "hot_segments", FIELD_U32, offsetof(struct node_config, store_hot_segments), 1,
     1000000},
    {"scrub", "cpu_percent", FIELD_U32, offsetof(struct node_config, scrub_cpu_percent), 0, 100},
    {"scrub", "mb_per_second", FIELD_U32, offsetof(struct node_config, scrub_mb_per_second), 1,
     65536},
    {"scrub", "pause_seconds", FIELD_U32, offsetof(struct node_config, scrub_pause_seconds), 1,
     1000000},
    {"scrub", "start_rows", FIELD_U32, offsetof(struct node_config, scrub_start_rows), 0,
     UINT32_MAX},
    {"state", "cache_mb", FIELD_U32, offsetof(struct node_config, state_cache_mb), 16, 1u << 20},
    {"sync", "snapshot_blocks", FIELD_U32, offsetof(struct node_config, snapshot_blocks), 0,
     UINT32_MAX},
    {"alarm", "webhook", FIELD_URL, offsetof(struct node_config, webhook), 0, 0},
    {"session", "read", FIELD_READ, offsetof(struct node_config, session.read), 0, 0},
    {"session", "wait", FIELD_WAIT, offsetof(struct node_config, session.wait), 0, 0},
};

void node_config_defaults(struct node_config *config)
{
    *config = (struct node_config){.p2p_host = "0.0.0.0",
                                   .p2p_port = 5440,
                                   .pg_host = "127.0.0.1",
                                   .pg_port = 5442,
                                   .pg_connections_max = 1500,
                                   .verify_threads = 2,
                                   .read_threads = 2,
                                   .segment_size = STORE_SEGMENT_SIZE,
                                   .store_hot_segments = STORE_HOT_SEGMENTS,
                                   .state_cache_mb = 64,
                                   .scrub_cpu_percent = 2,
                                   .scrub_mb_per_second = 16,
                                   .scrub_pause_seconds = 60,
                                   .scrub_start_rows = 131072,
                                   .snapshot_blocks = NODE_SNAPSHOT_BLOCKS};
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

static bool set_bool(bool *to, const char *value)
{
    bool is_yes = strcmp(value, "yes") == 0;
    if (!is_yes && strcmp(value, "no") != 0) return false;
    *to = is_yes;
    return true;
}

static bool set_text(char *to, size_t room, const char *value)
{
    size_t size = strlen(value);
    if (size >= room) return false;
    memcpy(to, value, size + 1);
    return true;
}

/* A name and a password in front of the address are the proxy's own. */
static bool proxy_is_formed(const char *value)
{
    static const char *const schemes[] = {"http://", "socks5://"};
    if (value[0] == 0) return true;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t size = strlen(schemes[i]);
        if (strncmp(value, schemes[i], size) != 0) continue;
        const char *at = strrchr(value, '@');
        return genesis_address_is_formed(span_text(at != NULL ? at + 1 : value + size));
    }
    return false;
}

static bool url_is_formed(const char *value)
{
    static const char *const schemes[] = {"http://", "https://"};
    if (value[0] == 0) return true;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        const size_t size = strlen(schemes[i]);
        if (strncmp(value, schemes[i], size) == 0) return value[size] != 0;
    }
    return false;
}

static bool set_field(struct node_config *config, const struct field *field, const char *value)
{
    uint8_t *to = (uint8_t *)config + field->offset;
    switch (field->kind) {
    case FIELD_HOST: return value[0] != 0 && set_text((char *)to, NODE_HOST_MAX, value);
    case FIELD_PROXY: return proxy_is_formed(value) && set_text((char *)to, NODE_PROXY_MAX, value);
    case FIELD_DIR: return set_text((char *)to, STORE_COLD_MAX + 1, value);
    case FIELD_URL: return url_is_formed(value) && set_text((char *)to, NODE_WEBHOOK_MAX, value);
    case FIELD_BOOL: return set_bool((bool *)to, value);
    case FIELD_READ: return settings_read_parse(&config->session.read, span_text(value));
    case FIELD_WAIT: return settings_wait_parse(&config->session.wait, span_text(value));
    case FIELD_U16:
    case FIELD_U32:
    case FIELD_U64: break;
    }
    return set_number(to, field, value);
}

/* [peer.NAME] address = …; the last one of a name counts, as with every other key. */
static bool set_peer(struct node_config *config, const char *name, const char *value)
{
    if (value[0] != 0 && !genesis_address_is_formed(span_text(value))) return false;
    uint32_t i = 0;
    while (i < config->peer_count && strcmp(config->peers[i].name, name) != 0)
        i++;
    if (i == NODES_MAX) return false;
    struct node_config_peer *peer = &config->peers[i];
    if (!set_text(peer->name, sizeof peer->name, name)) return false;
    if (!set_text(peer->address, sizeof peer->address, value)) return false;
    if (i == config->peer_count) config->peer_count++;
    return true;
}

static bool is_peer_address(const char *section, const char *name)
{
    return strncmp(section, PEER_PREFIX, PEER_PREFIX_SIZE) == 0 && section[PEER_PREFIX_SIZE] != 0 &&
           strlen(section) < SECTION_MAX && strcmp(name, "address") == 0;
}

static int on_entry(void *context, const char *section, const char *name, const char *value)
{
    struct parse *parse = context;
    bool is_taken = false;
    bool is_known = is_peer_address(section, name);
    if (is_known) is_taken = set_peer(parse->config, section + PEER_PREFIX_SIZE, value);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(fields[i].section, section) != 0 || strcmp(fields[i].name, name) != 0) continue;
        is_known = true;
        is_taken = set_field(parse->config, &fields[i], value);
    }
    if (is_taken) return 1;
    if (parse->what[0] != 0) return 0; /* The first one is told. */
    if (is_known)
        (void)snprintf(parse->what, CONFIG_WHAT_MAX, "[%s] %s: the value \"%.40s\" does not fit",
                       section, name, value);
    else
        (void)snprintf(parse->what, CONFIG_WHAT_MAX, "[%.50s] %.40s is no setting of a node",
                       section, name);
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

enum status node_config_check(const struct node_config *config,
                              const struct genesis *genesis,
                              uint32_t self,
                              char *what)
{
    for (uint32_t i = 0; i < config->peer_count; i++) {
        struct span name = span_text(config->peers[i].name);
        uint32_t member = 0;
        while (member < genesis->member_count &&
               !span_equal(genesis->members[member].node_name, name))
            member++;
        bool is_known = member < genesis->member_count;
        if (is_known && member != self) continue;
        (void)snprintf(what, CONFIG_WHAT_MAX, "[peer.%.63s]: %s", config->peers[i].name,
                       is_known ? "this is the node itself"
                                : "the genesis has no node of this name");
        return is_known ? ST_INVALID : ST_NOT_FOUND;
    }
    return ST_OK;
}

const struct node_config_peer *node_config_peer_of(const struct node_config *config,
                                                   struct span node_name)
{
    for (uint32_t i = 0; i < config->peer_count; i++)
        if (span_equal(span_text(config->peers[i].name), node_name)) return &config->peers[i];
    return NULL;
}

struct span node_config_address(const struct node_config *config,
                                struct span node_name,
                                struct span address)
{
    const struct node_config_peer *told = node_config_peer_of(config, node_name);
    return told != NULL ? span_text(told->address) : address;
}

void node_config_write(const struct node_config *config, struct buf *out)
{
    buf_printf(out, "; Settings of this node. Chain-wide values are in the chain itself.\n");
    buf_printf(out, "[p2p]\nhost = %s\nport = %u\noutbound_only = %s\nproxy = %s\n\n",
               config->p2p_host, (unsigned)config->p2p_port,
               config->p2p_is_outbound_only ? "yes" : "no", config->p2p_proxy);
    for (uint32_t i = 0; i < config->peer_count; i++)
        buf_printf(out, "[peer.%s]\naddress = %s\n\n", config->peers[i].name,
                   config->peers[i].address);
    buf_printf(out, "[pg]\nhost = %s\nport = %u\nconnections = %u\ntls_only = %s\n\n",
               config->pg_host, (unsigned)config->pg_port, config->pg_connections_max,
               config->pg_is_tls_only ? "yes" : "no");
    buf_printf(out, "[threads]\nverify = %u\nread = %u\n\n", config->verify_threads,
               config->read_threads);
    buf_printf(out, "[store]\nsegment_bytes = %llu\nhot_segments = %u\ncold = %s\n\n",
               (unsigned long long)config->segment_size, config->store_hot_segments,
               config->store_cold);
    buf_printf(
        out,
        "[scrub]\ncpu_percent = %u\nmb_per_second = %u\npause_seconds = %u\nstart_rows = %u\n\n",
        config->scrub_cpu_percent, config->scrub_mb_per_second, config->scrub_pause_seconds,
        config->scrub_start_rows);
    buf_printf(out, "[state]\ncache_mb = %u\n\n", config->state_cache_mb);
    buf_printf(out, "[sync]\nsnapshot_blocks = %u\n\n", config->snapshot_blocks);
    buf_printf(out, "[alarm]\nwebhook = %s\n\n", config->webhook);
    buf_printf(out, "[session]\nread = %s\nwait = %s\n", settings_read_text(config->session.read),
               settings_wait_text(config->session.wait));
}
