/* scenario_hosts.c - What happens to a machine: crashes, its disk, its clock, its executor. */
#include <stdio.h>

#include "base/must.h"
#include "sim/host.h"
#include "sim/scenario_int.h"

#define FILE_SIZE_MAX (64u << 20)

/* --- crashes ---------------------------------------------------------------------------------- */

static bool read_loss(struct scenario *s, enum fake_os_crash *mode)
{
    *mode = FAKE_OS_LOSE_SOME;
    if (!scenario_accept(s, "lose")) return true;
    if (scenario_accept(s, "all"))
        *mode = FAKE_OS_LOSE_ALL;
    else if (scenario_accept(s, "none"))
        *mode = FAKE_OS_KEEP_ALL;
    else if (!scenario_accept(s, "some"))
        return scenario_fail(s, "\"%s\": all, some or none is expected behind lose",
                             scenario_peek(s));
    return true;
}

static bool read_restart(struct scenario *s, uint64_t *us)
{
    *us = 0;
    return !scenario_accept(s, "restart") || scenario_duration(s, "a duration", us);
}

static bool on_crash(struct scenario *s)
{
    uint64_t hosts = 0;
    uint64_t restart = 0;
    enum fake_os_crash mode;
    if (!scenario_hosts(s, "nodes", &hosts) || !read_loss(s, &mode) || !read_restart(s, &restart))
        return false;
    if (!scenario_begin(s)) return false;
    if (s->is_dry) return true;
    for (uint32_t i = 0; i < s->world->host_count; i++) {
        if ((hosts >> i & 1u) == 0) continue;
        s->world->hosts[i].restart_us = restart;
        host_crash(&s->world->hosts[i], mode);
    }
    return true;
}

static bool on_restart(struct scenario *s)
{
    uint64_t hosts = 0;
    if (!scenario_hosts(s, "nodes", &hosts) || !scenario_begin(s)) return false;
    if (s->is_dry) return true;
    for (uint32_t i = 0; i < s->world->host_count; i++) {
        struct host *h = &s->world->hosts[i];
        if ((hosts >> i & 1u) == 0 || h->is_up || h->part == PART_PUPPET) continue;
        host_start(h);
        s->cut_copies[i] = 0; /* The start wrote both anew. */
    }
    return true;
}

static bool on_power_cut(struct scenario *s)
{
    uint32_t host = 0;
    uint64_t call = 1;
    uint64_t restart = 0;
    enum fake_os_crash mode;
    if (!scenario_host(s, "a node", &host)) return false;
    if (scenario_accept(s, "at") && !scenario_number(s, "which change of its disk", &call))
        return false;
    if (call == 0) return scenario_fail(s, "the first change of the disk has number 1");
    if (!read_loss(s, &mode) || !read_restart(s, &restart) || !scenario_begin(s)) return false;
    if (s->is_dry) return true;
    struct host *h = &s->world->hosts[host];
    h->crash_mode = mode;
    h->restart_us = restart;
    h->is_cut_armed = h->is_up;
    if (h->is_up) fake_os_cut_power(h->os, call);
    return true;
}

static bool on_sweep(struct scenario *s)
{
    uint64_t hosts = 0;
    uint64_t restart = 0;
    enum fake_os_crash mode;
    if (!scenario_hosts(s, "nodes", &hosts) || !read_loss(s, &mode) || !read_restart(s, &restart))
        return false;
    if (!scenario_begin(s)) return false;
    if (restart == 0) return scenario_fail(s, "restart and a duration are expected");
    s->has_sweep = true;
    s->sweep_hosts = hosts;
    if (s->is_dry) return true;
    struct host *h = &s->world->hosts[s->sweep_host];
    if (!h->is_up) return scenario_fail(s, "node %u is not up", s->sweep_host);
    h->crash_mode = mode;
    h->restart_us = restart;
    h->is_cut_armed = true;
    fake_os_cut_power(h->os, s->sweep_call);
    return true;
}

/* --- faults of the disk ----------------------------------------------------------------------- */

static bool on_sync_fails(struct scenario *s)
{
    uint32_t host = 0;
    uint64_t nth = 1;
    uint64_t restart = 0;
    if (!scenario_host(s, "a node", &host)) return false;
    if (scenario_accept(s, "at") && !scenario_number(s, "which sync", &nth)) return false;
    if (nth == 0) return scenario_fail(s, "the first sync has number 1");
    if (!read_restart(s, &restart) || !scenario_begin(s)) return false;
    if (s->is_dry) return true;
    s->world->hosts[host].restart_us = restart;
    fake_os_fail(s->world->hosts[host].os, FAKE_OS_SYNC, nth, ST_IO);
    return true;
}

static bool on_disk(struct scenario *s)
{
    uint64_t hosts = 0;
    uint64_t low = 0;
    uint64_t high = 0;
    uint64_t space = UINT64_C(1) << 40;
    bool has_space = false;
    if (!scenario_hosts(s, "nodes", &hosts)) return false;
    if (scenario_accept(s, "full")) {
        has_space = true;
        space = 0;
    } else if (scenario_accept(s, "space")) {
        has_space = true;
        if (!scenario_accept(s, "free") && !scenario_number(s, "bytes, or free", &space))
            return false;
    } else if (!scenario_accept(s, "delay") ||
               !scenario_duration_range(s, "a duration, as 5ms or 1ms..20ms", &low, &high)) {
        return s->result->error[0] != 0 ||
               scenario_fail(s, "\"%s\": delay, full or space is expected", scenario_peek(s));
    }
    if (!scenario_begin(s)) return false;
    if (s->is_dry) return true;
    for (uint32_t i = 0; i < s->world->host_count; i++) {
        struct host *h = &s->world->hosts[i];
        if ((hosts >> i & 1u) == 0) continue;
        if (has_space) {
            fake_os_set_capacity(h->os, space);
        } else {
            h->disk_low_us = low;
            h->disk_high_us = high;
        }
    }
    return true;
}

static bool wants_down(struct scenario *s, uint32_t host)
{
    if (s->is_dry || !s->world->hosts[host].is_up) return true;
    return scenario_fail(s, "node %u is up: crash it first", host);
}

static bool on_backup(struct scenario *s)
{
    uint32_t host = 0;
    char name[SCENARIO_WORD_MAX];
    if (!scenario_host(s, "a node", &host) || !scenario_word(s, "a name", name)) return false;
    if (!scenario_begin(s)) return false;
    if (s->backup_count == SCENARIO_BACKUPS_MAX)
        return scenario_fail(s, "there are at most %u backups", SCENARIO_BACKUPS_MAX);
    struct backup *b = &s->backups[s->backup_count++];
    *b = (struct backup){.host = host};
    memcpy(b->name, name, sizeof name);
    if (s->is_dry) return true;
    b->os = fake_os_copy(s->world->hosts[host].os, s->set_up.world.seed);
    fake_os_crash(b->os, FAKE_OS_KEEP_ALL);
    return true;
}

static bool on_restore(struct scenario *s)
{
    uint32_t host = 0;
    char name[SCENARIO_WORD_MAX];
    if (!scenario_host(s, "a node", &host) || !scenario_word(s, "a backup", name)) return false;
    const struct backup *found = NULL;
    for (uint32_t i = 0; i < s->backup_count; i++)
        if (strcmp(s->backups[i].name, name) == 0) found = &s->backups[i];
    if (found == NULL) return scenario_fail(s, "there is no backup \"%s\"", name);
    if (!wants_down(s, host)) return false;
    if (s->is_dry) return true;
    struct host *h = &s->world->hosts[host];
    fake_os_free(h->os);
    h->os = fake_os_copy(found->os, s->set_up.world.seed);
    h->was_restored = true;
    return true;
}

static bool on_wipe(struct scenario *s)
{
    uint32_t host = 0;
    if (!scenario_host(s, "a node", &host) || !scenario_begin(s) || !wants_down(s, host))
        return false;
    if (s->is_dry) return true;
    struct host *h = &s->world->hosts[host];
    fake_os_free(h->os);
    h->os = fake_os_new(s->set_up.world.seed + host);
    h->was_restored = true;
    return true;
}

/* --- damage ----------------------------------------------------------------------------------- */

struct damaged_place {
    char path[OS_PATH_MAX];
    uint64_t offset; /* Where the piece begins; 0 for a whole file. */
    uint64_t size;   /* Of the piece. */
    bool is_file;
    uint32_t copy; /* Of the journal: 1 or 2; else 0. */
};

/* The last place of what, from there on. */
static bool find_bytes(
    struct scenario *s, struct span in, struct span what, size_t from, uint64_t *offset)
{
    for (size_t at = in.size; at > from; at--) {
        if (what.size == 0 || what.size > in.size - (at - 1)) continue;
        if (memcmp(in.data + at - 1, what.data, what.size) != 0) continue;
        *offset = at - 1;
        return true;
    }
    return scenario_fail(s, "that record is not on the disk");
}

static bool read_file(struct scenario *s, struct host *h, const char *path, struct buf *out)
{
    enum status st = os_read_file(fake_os_table(h->os), path, FILE_SIZE_MAX, out);
    return st == ST_OK || scenario_fail(s, "%s: %s", path, status_text(st));
}

/* What the store of a host that is down holds: a slot of the journal, or a block. */
static bool read_store(
    struct scenario *s, struct host *h, bool is_slot, uint64_t number, struct buf *out)
{
    struct store *store = NULL;
    struct damage damage;
    struct store_config config = {.os = fake_os_table(h->os),
                                  .mem = mem_system(),
                                  .dir = HOST_DIR,
                                  .chain_id = s->world->chain_id,
                                  .is_read_only = true};
    enum status st = store_open(&store, &config, &damage);
    if (st == ST_OK)
        st = is_slot ? store_journal_read(store, (uint32_t)number, out)
                     : store_read_block(store, number, out, NULL);
    store_close(store);
    if (st == ST_OK) return true;
    return scenario_fail(s, "node %u does not have it: %s", h->id, status_text(st));
}

static bool find_record(
    struct scenario *s, struct host *h, uint32_t slot, uint64_t copy, struct damaged_place *out)
{
    struct buf record;
    struct buf file;
    buf_init(&record, mem_system(), 0);
    buf_init(&file, mem_system(), 0);
    must(snprintf(out->path, sizeof out->path, "%s/journal", HOST_DIR) > 0);
    bool is_found = read_store(s, h, true, slot, &record) && read_file(s, h, out->path, &file);
    if (is_found) { /* The second copy fills the second half of the file. */
        struct span half = buf_span(&file);
        if (copy == 1) half.size /= 2;
        is_found =
            find_bytes(s, half, buf_span(&record), copy == 1 ? 0 : file.size / 2, &out->offset);
    }
    out->size = record.size;
    buf_fini(&record);
    buf_fini(&file);
    return is_found;
}

static bool find_block(struct scenario *s,
                       struct host *h,
                       uint64_t height,
                       struct damaged_place *out)
{
    struct buf block;
    struct buf file;
    bool is_found = false;
    buf_init(&block, mem_system(), 0);
    buf_init(&file, mem_system(), 0);
    bool is_readable = read_store(s, h, false, height, &block);
    for (uint32_t number = 1; is_readable && !is_found; number++) {
        must(snprintf(out->path, sizeof out->path, "%s/blocks/%08u.seg", HOST_DIR, number) > 0);
        buf_reset(&file);
        is_readable = read_file(s, h, out->path, &file);
        for (size_t at = 0; is_readable && at + block.size <= file.size && !is_found; at++) {
            is_found = memcmp(file.data + at, block.data, block.size) == 0;
            out->offset = at;
        }
    }
    out->size = block.size;
    buf_fini(&block);
    buf_fini(&file);
    return is_found;
}

/* journal promise|vc copy 1|2, block HEIGHT, file PATH. */
static bool read_place(struct scenario *s, uint32_t *host, struct damaged_place *out)
{
    uint64_t number = 0;
    uint64_t copy = 1;
    char path[SCENARIO_WORD_MAX];
    *out = (struct damaged_place){.size = UINT64_MAX};
    if (!scenario_host(s, "a node", host) || !scenario_begin(s) || !wants_down(s, *host))
        return false;
    struct host *h = s->is_dry ? NULL : &s->world->hosts[*host];
    if (scenario_accept(s, "journal")) {
        uint32_t slot = CONSENSUS_SLOT_PROMISE;
        if (scenario_accept(s, "vc"))
            slot = CONSENSUS_SLOT_VIEW_CHANGE;
        else if (!scenario_accept(s, "promise"))
            return scenario_fail(s, "\"%s\": promise or vc is expected", scenario_peek(s));
        if (scenario_accept(s, "copy") && !scenario_number(s, "1 or 2", &copy)) return false;
        if (copy != 1 && copy != 2) return scenario_fail(s, "copy 1 or 2 is expected");
        out->copy = (uint32_t)copy;
        return h == NULL || find_record(s, h, slot, copy, out);
    }
    if (scenario_accept(s, "block")) {
        if (!scenario_number(s, "a height", &number)) return false;
        return h == NULL || find_block(s, h, number, out);
    }
    if (!scenario_accept(s, "file"))
        return scenario_fail(s, "\"%s\": journal, block or file is expected", scenario_peek(s));
    if (!scenario_word(s, "a path below the node's directory", path)) return false;
    if (strstr(path, "..") != NULL) return scenario_fail(s, "paths have no ..");
    must(snprintf(out->path, sizeof out->path, "%s/%s", HOST_DIR, path) > 0);
    out->is_file = true;
    return true;
}

static bool change_file(struct scenario *s,
                        struct host *h,
                        const struct damaged_place *place,
                        uint64_t offset,
                        uint32_t bit)
{
    struct os *os = fake_os_table(h->os);
    struct os_file *file = NULL;
    uint8_t byte = 0;
    size_t got = 0;
    enum status st = os->file_open(os, &file, place->path, OS_WRITE);
    if (st == ST_OK) st = os->file_read(os, file, &byte, 1, place->offset + offset, &got);
    if (st == ST_OK && got == 0) st = ST_NOT_FOUND;
    byte ^= (uint8_t)(1u << bit);
    if (st == ST_OK) st = os->file_write(os, file, span_of(&byte, 1), place->offset + offset);
    if (st == ST_OK) st = os->file_sync(os, file);
    os->file_close(os, file);
    return st == ST_OK || scenario_fail(s, "%s: %s", place->path, status_text(st));
}

static bool on_flip(struct scenario *s)
{
    uint32_t host = 0;
    uint64_t offset = 0;
    uint64_t bit = 0;
    struct damaged_place place;
    if (!read_place(s, &host, &place)) return false;
    if (scenario_accept(s, "at") && !scenario_number(s, "an offset", &offset)) return false;
    if (scenario_accept(s, "bit") && !scenario_number(s, "0 to 7", &bit)) return false;
    if (bit > 7) return scenario_fail(s, "bits have numbers 0 to 7");
    if (s->is_dry) return true;
    if (offset >= place.size)
        return scenario_fail(s, "the record has %llu bytes", (unsigned long long)place.size);
    return change_file(s, &s->world->hosts[host], &place, offset, (uint32_t)bit);
}

/* A record whose end is zero in both copies looks as if the power had gone while it was written: no
 * store can tell, so the node goes back without knowing it, as with a restored directory. */
static void note_lost_copy(struct scenario *s, uint32_t host, const struct damaged_place *place)
{
    if (place->copy == 0) return;
    s->cut_copies[host] |= (uint8_t)place->copy;
    if (s->cut_copies[host] == 3) s->world->hosts[host].was_restored = true;
}

/* A file ends there. Of a record: its bytes from there on are zero, for the journal has one size.
 */
static bool on_cut(struct scenario *s)
{
    uint32_t host = 0;
    uint64_t offset = 0;
    struct damaged_place place;
    if (!read_place(s, &host, &place)) return false;
    if (scenario_accept(s, "at") && !scenario_number(s, "an offset", &offset)) return false;
    if (s->is_dry) return true;
    if (offset >= place.size)
        return scenario_fail(s, "the record has %llu bytes", (unsigned long long)place.size);
    note_lost_copy(s, host, &place);
    struct os *os = fake_os_table(s->world->hosts[host].os);
    struct os_file *file = NULL;
    static const uint8_t zeroes[4096];
    enum status st = os->file_open(os, &file, place.path, OS_WRITE);
    bool is_journal = !place.is_file && strstr(place.path, "/journal") != NULL;
    if (st == ST_OK && !is_journal) st = os->file_truncate(os, file, place.offset + offset);
    while (st == ST_OK && is_journal && offset < place.size) {
        uint64_t size = place.size - offset < sizeof zeroes ? place.size - offset : sizeof zeroes;
        st = os->file_write(os, file, span_of(zeroes, (size_t)size), place.offset + offset);
        offset += size;
    }
    if (st == ST_OK) st = os->file_sync(os, file);
    os->file_close(os, file);
    return st == ST_OK || scenario_fail(s, "%s: %s", place.path, status_text(st));
}

/* --- clock, executor -------------------------------------------------------------------------- */

static bool on_clock(struct scenario *s)
{
    uint64_t hosts = 0;
    int64_t skew = 0;
    int64_t drift = 0;
    if (!scenario_hosts(s, "nodes", &hosts)) return false;
    if (!scenario_signed(s, "milliseconds off, as -300 or +2000", &skew)) return false;
    if (scenario_accept(s, "drift") && !scenario_signed(s, "parts in a million", &drift))
        return false;
    if (!scenario_begin(s)) return false;
    if (s->is_dry) return true;
    for (uint32_t i = 0; i < s->world->host_count; i++) {
        if ((hosts >> i & 1u) == 0) continue;
        host_set_clock(&s->world->hosts[i], skew, drift);
    }
    return true;
}

struct executor_change {
    bool has_delay;
    bool has_false;
    bool has_crash;
    uint64_t delay_us;
    uint64_t height;
};

static void change_executor(struct host *h, const struct executor_change *c)
{
    if (c->has_delay) h->execute_us = c->delay_us;
    if (c->has_crash) {
        h->crash_at_height = c->height;
        h->crash_mode = FAKE_OS_KEEP_ALL;
    }
    if (!c->has_false) return;
    h->false_from = c->height;
    if (c->height > 0) h->was_false = true;
    h->machine.false_from = c->height;
}

static bool on_executor(struct scenario *s)
{
    uint64_t hosts = 0;
    uint64_t restart = 0;
    struct executor_change c = {0};
    if (!scenario_hosts(s, "nodes", &hosts)) return false;
    if (scenario_accept(s, "delay")) {
        c.has_delay = true;
        if (!scenario_duration(s, "a duration", &c.delay_us)) return false;
    } else if (scenario_accept(s, "false")) {
        c.has_false = true;
        if (!scenario_accept(s, "from") || !scenario_number(s, "a height", &c.height))
            return scenario_fail(s, "from and a height are expected behind false");
    } else if (scenario_accept(s, "right")) {
        c.has_false = true;
    } else if (scenario_accept(s, "crash")) {
        c.has_crash = true;
        if (!scenario_accept(s, "at") || !scenario_number(s, "a height", &c.height))
            return scenario_fail(s, "at and a height are expected behind crash");
        if (!read_restart(s, &restart)) return false;
    } else {
        return scenario_fail(s, "\"%s\": delay, false, right or crash is expected",
                             scenario_peek(s));
    }
    if (!scenario_begin(s)) return false;
    if (s->is_dry) return true;
    for (uint32_t i = 0; i < s->world->host_count; i++) {
        if ((hosts >> i & 1u) == 0) continue;
        change_executor(&s->world->hosts[i], &c);
        if (c.has_crash) s->world->hosts[i].restart_us = restart;
    }
    return true;
}

static bool on_lies(struct scenario *s)
{
    uint64_t hosts = 0;
    uint32_t lies = 0;
    uint32_t chance = 1000000;
    if (!scenario_hosts(s, "nodes", &hosts)) return false;
    if (!scenario_accept(s, "none") && !scenario_lies(s, &lies)) return false;
    if (scenario_accept(s, "chance") && !scenario_percent(s, "a percentage", &chance)) return false;
    if (!scenario_begin(s)) return false;
    for (uint32_t i = 0; i < s->set_up.world.nodes; i++)
        if ((hosts >> i & 1u) && s->set_up.parts[i] != PART_LIAR)
            return scenario_fail(s, "node %u is not Byzantine: `byzantine %u core` says so", i, i);
    if (s->is_dry) return true;
    for (uint32_t i = 0; i < s->world->host_count; i++) {
        struct host *h = &s->world->hosts[i];
        if ((hosts >> i & 1u) == 0 || h->part != PART_LIAR) continue;
        liar_free(h->liar);
        h->liar = liar_new(lies, chance);
    }
    return true;
}

/* give NODE key NUMBER: it owns it beside its first one. */
static bool on_give(struct scenario *s)
{
    uint32_t host = 0;
    uint64_t key = 0;
    const struct world_config *c = &s->set_up.world;
    if (!scenario_host(s, "a node", &host)) return false;
    if (!scenario_accept(s, "key") || !scenario_number(s, "the number of a key", &key))
        return s->result->error[0] != 0 || scenario_fail(s, "key and a number are expected");
    const uint32_t first = c->nodes + c->spares;
    if (key < first || key >= first + WORLD_ROTATIONS)
        return scenario_fail(s, "keys that nobody has yet are %u to %u", first,
                             first + WORLD_ROTATIONS - 1);
    if (!scenario_begin(s)) return false;
    if (!s->is_dry) host_give_key(&s->world->hosts[host], (uint32_t)key);
    return true;
}

bool scenario_host_statement(struct scenario *s, bool *is_one)
{
    *is_one = true;
    if (scenario_accept(s, "crash")) return on_crash(s);
    if (scenario_accept(s, "restart")) return on_restart(s);
    if (scenario_accept(s, "power-cut")) return on_power_cut(s);
    if (scenario_accept(s, "sweep")) return on_sweep(s);
    if (scenario_accept(s, "sync-fails")) return on_sync_fails(s);
    if (scenario_accept(s, "disk")) return on_disk(s);
    if (scenario_accept(s, "backup")) return on_backup(s);
    if (scenario_accept(s, "restore")) return on_restore(s);
    if (scenario_accept(s, "wipe")) return on_wipe(s);
    if (scenario_accept(s, "flip")) return on_flip(s);
    if (scenario_accept(s, "cut")) return on_cut(s);
    if (scenario_accept(s, "clock")) return on_clock(s);
    if (scenario_accept(s, "executor")) return on_executor(s);
    if (scenario_accept(s, "lies")) return on_lies(s);
    if (scenario_accept(s, "give")) return on_give(s);
    *is_one = false;
    return true;
}
