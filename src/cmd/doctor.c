/* doctor.c - `trustsql doctor`: why does it not move, and what can be done. Looks at directories
 * first, so it says something useful of a node that does not run; then asks those that answer. */
#include <stdarg.h>
#include <stdio.h>

#include "base/must.h"
#include "cmd/doctor_int.h"
#include "os/process.h"

#define DOCTOR_ENDING_MS 200u

void doctor_find(struct doctor *d, const char *node, const char *todo, const char *format, ...)
{
    struct finding f = {0};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(f.what, sizeof f.what, format, args);
    va_end(args);
    for (char *c = f.what; *c != 0; c++) /* One line, whatever it quotes; nothing to obey. */
        if ((uint8_t)*c < 0x20 || *c == 0x7f) *c = ' ';
    (void)snprintf(f.node, sizeof f.node, "%s", node);
    (void)snprintf(f.todo, sizeof f.todo, "%s", todo);
    for (uint32_t i = 0; i < d->finding_count; i++)
        if (strcmp(d->findings[i].node, f.node) == 0 && strcmp(d->findings[i].what, f.what) == 0)
            return;
    if (d->finding_count < DOCTOR_FINDINGS_MAX) d->findings[d->finding_count++] = f;
}

/* --- whom to examine ------------------------------------------------------------------------- */

static void unreachable(struct doctor *d, struct patient *p, const PGconn *link)
{
    char process[48] = "";
    if (p->pid != 0) { /* It may be about to end, and its lock with it. */
        process_sleep_ms(DOCTOR_ENDING_MS);
        doctor_look_at_process(d, p);
    }
    if (p->is_dead) return;
    if (p->pid != 0)
        (void)snprintf(process, sizeof process, "process %lld runs, but ", (long long)p->pid);
    doctor_find(d, p->name, p->dir[0] != 0 ? "Its log, or that of its service, tells more." : "",
                "%scannot be asked: %s", process,
                link != NULL ? PQerrorMessage(link) : "there is no password to log in with");
}

static void examine_chain(struct doctor *d, const struct layout *l, uint64_t only)
{
    for (uint32_t i = 0; i < l->node_count; i++) {
        if (only != LINK_NODE_ANY && only != i) continue;
        struct patient *p = &d->patients[d->patient_count++];
        (void)snprintf(p->name, sizeof p->name, "node%u", i);
        if (layout_node_dir(l, i, p->dir) != ST_OK) p->dir[0] = 0;
        (void)snprintf(p->start, sizeof p->start, "trustsql testnet --dir %s --start %u", l->dir,
                       i);
        doctor_look_at_files(d, p);
    }
    for (uint32_t i = 0; i < d->patient_count; i++) {
        struct patient *p = &d->patients[i];
        const uint32_t index = only != LINK_NODE_ANY ? (uint32_t)only : i;
        if (p->is_dead) continue;
        if (link_open_admin(&p->link, l, index) == ST_OK)
            doctor_ask(d, p);
        else
            unreachable(d, p, p->link);
    }
}

/* One node, in a directory or elsewhere. Returns an exit code. */
static int examine_one(struct doctor *d, const struct link_arguments *arguments, bool has_dir)
{
    struct patient *p = &d->patients[d->patient_count++];
    (void)snprintf(p->name, sizeof p->name, "%s", has_dir ? arguments->dir : arguments->host);
    if (has_dir) {
        (void)snprintf(p->dir, sizeof p->dir, "%s", arguments->dir);
        (void)snprintf(p->start, sizeof p->start, "trustsql node %s", arguments->dir);
        doctor_look_at_files(d, p);
        if (p->is_dead) return EXIT_FINE;
    }
    int exit_code = link_connect(&p->link, d->self, arguments);
    if (exit_code == EXIT_USAGE) return exit_code;
    if (exit_code == EXIT_FINE)
        doctor_ask(d, p);
    else
        unreachable(d, p, p->link);
    return EXIT_FINE;
}

static int examine(struct doctor *d, const struct link_arguments *arguments)
{
    char what[160];
    struct layout layout = {.os = d->os, .dir = arguments->dir};
    if (arguments->port != 0) return examine_one(d, arguments, false);
    enum status st = layout_open(&layout, what);
    if (st == ST_NOT_FOUND) {
        struct node_config config;
        if (node_config_read(&config, d->os, arguments->dir, what) != ST_NOT_FOUND)
            return examine_one(d, arguments, true);
    }
    if (st != ST_OK) {
        complain(d->self, "Name a chain or a node with --dir, or one with --host, --port, --user.",
                 "there is no chain and no node in %s: %s", arguments->dir, what);
        return EXIT_USAGE;
    }
    if (arguments->index != LINK_NODE_ANY && arguments->index >= layout.node_count) {
        complain(d->self, NULL, "there is no node%llu in %s", (unsigned long long)arguments->index,
                 arguments->dir);
        return EXIT_USAGE;
    }
    examine_chain(d, &layout, arguments->index);
    return EXIT_FINE;
}

/* --- report ---------------------------------------------------------------------------------- */

static void put_json_patient(struct buf *out, const struct doctor *d, const struct patient *p)
{
    buf_put_text(out, "{\"node\":");
    json_put_text(out, span_text(p->name));
    buf_printf(out, ",\"is_reachable\":%s", p->is_reachable ? "true" : "false");
    if (p->free_bytes > 0)
        buf_printf(out, ",\"free_bytes\":%llu", (unsigned long long)p->free_bytes);
    if (p->is_reachable) {
        buf_printf(out, ",\"height\":%llu,\"view\":%llu,\"leader\":%llu,\"lag\":%llu,",
                   (unsigned long long)p->height, (unsigned long long)p->view,
                   (unsigned long long)p->leader, (unsigned long long)p->lag);
        buf_printf(out, "\"connected\":%llu,\"validators\":%llu,\"quorum\":%llu,",
                   (unsigned long long)p->connected, (unsigned long long)p->validators,
                   (unsigned long long)p->quorum);
        buf_printf(out,
                   "\"epoch\":%llu,\"mode\":\"%s\",\"mode_decided\":", (unsigned long long)p->epoch,
                   p->mode);
        json_put_text(out, span_text(p->mode_decided));
        buf_put_text(out, ",\"mode_return\":");
        json_put_text(out, span_text(p->mode_return));
        buf_printf(out, ",\"clock_offset_ms\":%llu,\"compared_height\":%llu,\"digest\":\"%s\"",
                   (unsigned long long)p->clock_ms, (unsigned long long)d->compared_height,
                   p->digest);
    }
    buf_put_u8(out, '}');
}

static void put_text_patient(struct buf *out, const struct doctor *d, const struct patient *p)
{
    buf_put_text(out, p->name);
    if (p->is_reachable) {
        buf_printf(out, ": height %llu, view %llu led by %s, connected %llu of %llu, lag %llu",
                   (unsigned long long)p->height, (unsigned long long)p->view, p->leader_name,
                   (unsigned long long)p->connected, (unsigned long long)p->validators,
                   (unsigned long long)p->lag);
        buf_printf(out, ", mode %s", p->mode);
        if (p->mode_decided[0] != 0) buf_printf(out, ", %s", p->mode_decided);
        if (p->mode_return[0] != 0) buf_printf(out, " (back to FAST: %s)", p->mode_return);
        buf_printf(out, ", clocks within %llu ms", (unsigned long long)p->clock_ms);
    } else {
        buf_put_text(out, ": does not answer");
    }
    if (p->free_bytes > 0)
        buf_printf(out, ", %llu MB of disk free", (unsigned long long)(p->free_bytes >> 20));
    if (p->digest[0] != 0)
        buf_printf(out, ", digest at %llu: %.18s...", (unsigned long long)d->compared_height,
                   p->digest);
    buf_put_u8(out, '\n');
}

static int print_json(const struct doctor *d)
{
    struct buf out;
    buf_init(&out, mem_system(), 0);
    buf_printf(&out, "{\"is_healthy\":%s,\"nodes\":[", d->finding_count == 0 ? "true" : "false");
    for (uint32_t i = 0; i < d->patient_count; i++) {
        if (i > 0) buf_put_u8(&out, ',');
        put_json_patient(&out, d, &d->patients[i]);
    }
    buf_put_text(&out, "],\"findings\":[");
    for (uint32_t i = 0; i < d->finding_count; i++) {
        buf_put_text(&out, i > 0 ? ",{\"node\":" : "{\"node\":");
        json_put_text(&out, span_text(d->findings[i].node));
        buf_put_text(&out, ",\"what\":");
        json_put_text(&out, span_text(d->findings[i].what));
        buf_put_text(&out, ",\"do\":");
        json_put_text(&out, span_text(d->findings[i].todo));
        buf_put_u8(&out, '}');
    }
    buf_put_text(&out, "]}\n");
    return print_and_free(&out);
}

static int print_text(const struct doctor *d)
{
    struct buf out;
    buf_init(&out, mem_system(), 0);
    for (uint32_t i = 0; i < d->patient_count; i++)
        put_text_patient(&out, d, &d->patients[i]);
    for (uint32_t i = 0; i < d->finding_count; i++) {
        const struct finding *f = &d->findings[i];
        buf_printf(&out, "problem: %s %s\n", f->node, f->what);
        if (f->todo[0] != 0) buf_printf(&out, "    do: %s\n", f->todo);
    }
    if (d->finding_count == 0) buf_put_text(&out, "healthy\n");
    return print_and_free(&out);
}

static int run(const struct command *self, int argc, char **argv)
{
    struct link_arguments arguments;
    bool is_json = false;
    int exit_code;
    struct option_spec specs[LINK_SPECS_MAX + 1];
    uint32_t count = link_specs(&arguments, specs);
    specs[count++] = (struct option_spec){"json", OPTION_FLAG, &is_json, 0, 0};
    if (!options_parse(self, &(struct arguments){argc, argv, specs, count, NULL}, &exit_code))
        return exit_code;
    struct doctor *d = mem_alloc_zero(mem_system(), 1, sizeof *d);
    if (d == NULL) return EXIT_CHECK_FAILED;
    d->self = self;
    d->os = os_posix();
    exit_code = examine(d, &arguments);
    if (exit_code == EXIT_FINE) {
        doctor_compare(d);
        exit_code = is_json ? print_json(d) : print_text(d);
        if (d->finding_count > 0) exit_code = EXIT_CHECK_FAILED;
    }
    for (uint32_t i = 0; i < d->patient_count; i++)
        PQfinish(d->patients[i].link);
    mem_free(mem_system(), d);
    return exit_code;
}

const struct command command_doctor = {
    "doctor", "say why a chain or a node does not move, and what to do",
    "Usage: trustsql doctor [--json] " LINK_USAGE "\n\n"
    "Look at the files, disk, process and log of the nodes in D, ask those that answer, and say "
    "in\n"
    "one line each what is wrong and what to do: nodes that do not run, connections that fail and\n"
    "why, votes that are missing, clocks that differ, disks that are full, digests that are not\n"
    "equal, nodes that broke the protocol. Exit code 0: healthy; 1: something is wrong.\n\n"
    "  --json             for machines\n" LINK_HELP,
    run};
