/* sim.c - `trustsql sim`: whole clusters in a simulated world, from seeds or from a scenario file.
 */
#include <stdio.h>

#include "cmd/cmd.h"
#include "os/os.h"
#include "os/process.h"
#include "sim/chaos.h"
#include "sim/scenario.h"
#include "sim/twins.h"

#define SHOW_MS 500u /* Progress on a terminal: this often. */

static int run_sim(const struct command *self, int argc, char **argv);

static const char help_text[] =
    "Usage: trustsql sim [--nodes N] [--mode MODE] [--seed S] [--seeds COUNT] [OPTIONS]\n"
    "       trustsql sim --scenario FILE [--seed S] [OPTIONS]\n"
    "       trustsql sim --twins [--nodes N] [--seed S] [--seeds COUNT]\n"
    "\n"
    "Runs the production engine and node over a simulated network, disk and clock. A seed decides\n"
    "everything: the same seed or scenario gives the same run, byte for byte. The invariants of "
    "the\n"
    "protocol are checked after every event. Stops at the first violation; the last line then "
    "says\n"
    "how to repeat it.\n"
    "\n"
    "  --seed S         First seed (default 1)\n"
    "  --seeds COUNT    Runs S ... S+COUNT-1 (default 100; with --scenario 1)\n"
    "  --nodes N        Nodes; default: the seed chooses, most often 4\n"
    "  --f F, --p P     Byzantine nodes tolerated, slack of the fast path; default: by the seed\n"
    "  --mode MODE      bft, adaptive, raft, or all: by the seed (default all)\n"
    "  --scenario FILE  Run this file (docs/simulator.md has the language)\n"
    "  --twins          Sweep over partitions and leaders with duplicated nodes\n"
    "  --fault NAME     Plant a fault, to see it found; --fault list names them\n"
    "  --phases MASK    Of the phases of a seed only these, as bits (a shrunk run says which)\n"
    "  --digests        Fold the digest of every engine into the trace after every step\n"
    "  --trace          Print every event\n"
    "  --json           One JSON object at the end\n"
    "  --help           This text\n"
    "\n"
    "Exit codes: 0 nothing was violated, 1 something was, 2 wrong usage or a wrong file.\n";

const struct command command_sim = {
    .name = "sim",
    .summary = "run clusters in a simulated world and check every rule of the protocol",
    .help = help_text,
    .run = run_sim};

struct sim_arguments {
    uint64_t seed;
    uint64_t seeds;
    uint64_t nodes;
    uint64_t f;
    uint64_t p;
    uint64_t phases;
    const char *mode;
    const char *scenario;
    const char *fault_name;
    bool is_twins;
    bool has_trace;
    bool has_digests;
    bool is_json;
    enum consensus_fault fault;
    uint32_t modes; /* Bits. */
};

struct sim_totals {
    uint64_t runs;
    uint64_t events;
    uint64_t blocks;
    uint64_t commits;
    uint64_t virtual_us;
    uint64_t anarchies;
    uint64_t trace;
    uint64_t started_ms;
    uint64_t shown_ms;
};

static uint64_t now_ms(void)
{
    struct os *os = os_posix();
    return os->monotonic_ns(os) / 1000000u;
}

static void say(void *context, const char *line)
{
    (void)context;
    puts(line);
}

static void show(struct sim_totals *t, uint64_t of)
{
    uint64_t now = now_ms();
    if (!terminal_is(2) || now - t->shown_ms < SHOW_MS) return;
    t->shown_ms = now;
    fprintf(stderr, "\r%llu of %llu runs, %llu blocks ", (unsigned long long)t->runs,
            (unsigned long long)of, (unsigned long long)t->blocks);
}

static void print_totals(const struct sim_arguments *a, const struct sim_totals *t)
{
    uint64_t wall = now_ms() - t->started_ms;
    if (a->is_json) {
        printf("{\"ok\":true,\"runs\":%llu,\"seed\":%llu,\"events\":%llu,\"blocks\":%llu,"
               "\"commits\":%llu,\"virtual_ms\":%llu,\"wall_ms\":%llu,\"trace\":\"%016llx\"}\n",
               (unsigned long long)t->runs, (unsigned long long)a->seed,
               (unsigned long long)t->events, (unsigned long long)t->blocks,
               (unsigned long long)t->commits, (unsigned long long)(t->virtual_us / 1000),
               (unsigned long long)wall, (unsigned long long)t->trace);
        return;
    }
    printf("%llu runs from seed %llu: no violation; %llu events, %llu blocks, %llu s virtual\n"
           "trace %016llx\n",
           (unsigned long long)t->runs, (unsigned long long)a->seed, (unsigned long long)t->events,
           (unsigned long long)t->blocks, (unsigned long long)(t->virtual_us / 1000000),
           (unsigned long long)t->trace);
    if (wall > 0)
        fprintf(stderr, "%llu ms, %llu block commits a second\n", (unsigned long long)wall,
                (unsigned long long)(t->commits * 1000 / wall));
}

static void print_violation(const struct sim_arguments *a,
                            const char *repeat,
                            const struct violation *v)
{
    if (terminal_is(2)) fputc('\n', stderr);
    if (a->is_json) {
        struct buf out;
        buf_init(&out, mem_system(), 0);
        buf_printf(&out, "{\"ok\":false,\"rule\":\"%s\",\"at_us\":%llu,\"text\":", v->rule,
                   (unsigned long long)v->at_us);
        json_put_text(&out, span_text(v->text));
        buf_put_text(&out, ",\"repeat\":");
        json_put_text(&out, span_text(repeat));
        buf_put_text(&out, "}\n");
        (void)print_and_free(&out);
        return;
    }
    printf("violation of %s at %llu.%03llu ms: %s\n%s\n", v->rule,
           (unsigned long long)(v->at_us / 1000), (unsigned long long)(v->at_us % 1000), v->text,
           repeat);
}

/* --- seeds ------------------------------------------------------------------------------------ */

static int report_seed(const struct sim_arguments *a,
                       struct chaos_options *options,
                       const struct chaos_result *result)
{
    char repeat[256];
    char fault[64] = "";
    char shape[96] = "";
    options->phases = chaos_shrink(options, &result->violation);
    if (a->fault != FAULT_NONE)
        (void)snprintf(fault, sizeof fault, " --fault %s", consensus_fault_name(a->fault));
    (void)snprintf(shape, sizeof shape, " --nodes %u --mode %s --f %u --p %u", result->nodes,
                   world_mode_name(result->mode), result->f, result->p);
    (void)snprintf(repeat, sizeof repeat,
                   "repeat: trustsql sim --seed %llu --seeds 1%s%s --phases %u --trace",
                   (unsigned long long)options->seed, shape, fault, options->phases);
    print_violation(a, repeat, &result->violation);
    return EXIT_CHECK_FAILED;
}

static struct chaos_options options_of(const struct sim_arguments *a)
{
    return (struct chaos_options){.nodes = (uint32_t)a->nodes,
                                  .f = (uint32_t)a->f,
                                  .p = (uint32_t)a->p,
                                  .modes = a->modes,
                                  .phases = (uint32_t)a->phases,
                                  .fault = a->fault,
                                  .has_step_digests = a->has_digests,
                                  .say = a->has_trace ? say : NULL};
}

static int run_seeds(const struct sim_arguments *a)
{
    struct sim_totals totals = {.started_ms = now_ms()};
    struct chaos_options options = options_of(a);
    for (uint64_t i = 0; i < a->seeds; i++) {
        struct chaos_result result;
        options.seed = a->seed + i;
        chaos_run(&options, &result);
        if (result.violation.is_set) return report_seed(a, &options, &result);
        totals.runs++;
        totals.events += result.events;
        totals.blocks += result.blocks;
        totals.commits += result.commits;
        totals.virtual_us += result.virtual_us;
        totals.anarchies += result.has_anarchy ? 1 : 0;
        totals.trace = totals.trace * 31 + result.trace;
        show(&totals, a->seeds);
    }
    if (terminal_is(2)) fputc('\r', stderr);
    print_totals(a, &totals);
    return EXIT_FINE;
}

/* --- twins ------------------------------------------------------------------------------------ */

static int run_twins(const struct sim_arguments *a)
{
    struct sim_totals totals = {.started_ms = now_ms()};
    for (uint64_t i = 0; i < a->seeds; i++) {
        struct twins_result result;
        struct twins_options options = {.number = a->seed + i,
                                        .nodes = a->nodes == 0 ? 4 : (uint32_t)a->nodes,
                                        .fault = a->fault,
                                        .say = a->has_trace ? say : NULL};
        twins_run(&options, &result);
        if (result.violation.is_set) {
            char repeat[160];
            (void)snprintf(repeat, sizeof repeat,
                           "repeat: trustsql sim --twins --nodes %u --seed %llu --seeds 1 --trace",
                           options.nodes, (unsigned long long)options.number);
            print_violation(a, repeat, &result.violation);
            return EXIT_CHECK_FAILED;
        }
        totals.runs++;
        totals.events += result.events;
        totals.blocks += result.blocks;
        totals.commits += result.blocks;
        totals.virtual_us += result.virtual_us;
        totals.trace = totals.trace * 31 + result.trace;
        show(&totals, a->seeds);
    }
    print_totals(a, &totals);
    return EXIT_FINE;
}

/* --- scenarios -------------------------------------------------------------------------------- */

static void print_scenario(const struct sim_arguments *a, const struct scenario_result *r)
{
    if (a->is_json) {
        struct buf out;
        buf_init(&out, mem_system(), 0);
        buf_printf(&out,
                   "{\"ok\":%s,\"expectations\":%u,\"runs\":%u,\"seed\":%llu,\"events\":%llu,"
                   "\"virtual_ms\":%llu,\"trace\":\"%016llx\",\"error\":",
                   r->outcome == SCENARIO_HOLDS ? "true" : "false", r->expectations, r->runs,
                   (unsigned long long)r->seed, (unsigned long long)r->events,
                   (unsigned long long)(r->virtual_us / 1000), (unsigned long long)r->trace);
        json_put_text(&out, span_text(r->error));
        buf_put_text(&out, "}\n");
        (void)print_and_free(&out);
        return;
    }
    if (r->outcome == SCENARIO_HOLDS)
        printf("%s: %u expectations hold; %u runs, %llu events, %llu ms virtual\ntrace %016llx\n",
               a->scenario, r->expectations, r->runs, (unsigned long long)r->events,
               (unsigned long long)(r->virtual_us / 1000), (unsigned long long)r->trace);
    else
        printf("%s\n", r->error);
}

static int run_scenario(const struct command *self, const struct sim_arguments *a, bool has_seed)
{
    struct os *os = os_posix();
    struct buf text;
    struct scenario_result result;
    buf_init(&text, mem_system(), 0);
    enum status st = os_read_file(os, a->scenario, SCENARIO_SIZE_MAX, &text);
    if (st != ST_OK) {
        complain(self, NULL, "%s: %s", a->scenario, status_text(st));
        buf_fini(&text);
        return EXIT_USAGE;
    }
    int code = EXIT_FINE;
    for (uint64_t i = 0; i < a->seeds && code == EXIT_FINE; i++) {
        struct scenario_options options = {.name = a->scenario,
                                           .text = buf_span(&text),
                                           .has_seed = has_seed,
                                           .seed = a->seed + i,
                                           .fault = a->fault,
                                           .say = a->has_trace ? say : NULL};
        scenario_run(&options, &result);
        print_scenario(a, &result);
        if (result.outcome == SCENARIO_FAILS) {
            code = EXIT_CHECK_FAILED;
            if (!a->is_json)
                printf("repeat: trustsql sim --scenario %s --seed %llu --trace\n", a->scenario,
                       (unsigned long long)result.seed);
        } else if (result.outcome == SCENARIO_UNUSABLE) {
            code = EXIT_USAGE;
        }
    }
    buf_fini(&text);
    return code;
}

/* --- arguments -------------------------------------------------------------------------------- */

static bool find_fault(const struct command *self, struct sim_arguments *a)
{
    a->fault = FAULT_NONE;
    if (a->fault_name == NULL) return true;
    for (uint32_t i = 0; i < FAULT_COUNT; i++)
        if (strcmp(consensus_fault_name((enum consensus_fault)i), a->fault_name) == 0) {
            a->fault = (enum consensus_fault)i;
            return true;
        }
    char names[512];
    size_t used = 0;
    for (int i = FAULT_NONE + 1; i < FAULT_COUNT; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, " %s",
                                 consensus_fault_name((enum consensus_fault)i));
    complain(self, NULL, "--fault takes one of:%s", names);
    return false;
}

static bool find_modes(const struct command *self, struct sim_arguments *a)
{
    enum block_mode mode = MODE_BFT;
    if (a->mode == NULL || strcmp(a->mode, "all") == 0) {
        a->modes = 1u << MODE_BFT | 1u << MODE_FAST | 1u << MODE_RAFT;
        return true;
    }
    if (!world_mode_of(a->mode, &mode)) {
        complain(self, NULL, "mode %s: bft, adaptive, raft or all is expected", a->mode);
        return false;
    }
    a->modes = 1u << mode;
    return true;
}

static bool are_right(const struct command *self, struct sim_arguments *a)
{
    if (!find_modes(self, a)) return false;
    const struct chaos_options options = options_of(a);
    const bool is_seeded = a->scenario == NULL && !a->is_twins;
    if (is_seeded && !chaos_is_possible(&options)) {
        complain(
            self, NULL,
            "there is no such cluster: bft needs --nodes 1, or 4 and more, of at least 3f + 1; "
            "adaptive 3f + 2p + 1; raft 3 and more");
        return false;
    }
    return find_fault(self, a);
}

static int run_sim(const struct command *self, int argc, char **argv)
{
    struct sim_arguments a = {.seed = UINT64_MAX,
                              .seeds = UINT64_MAX,
                              .f = UINT32_MAX,
                              .p = UINT32_MAX,
                              .phases = CHAOS_ALL_PHASES};
    struct option_spec specs[] = {
        {"seed", OPTION_NUMBER, &a.seed, 0, UINT64_MAX / 2},
        {"seeds", OPTION_NUMBER, &a.seeds, 1, UINT32_MAX},
        {"nodes", OPTION_NUMBER, &a.nodes, 1, NODES_MAX},
        {"f", OPTION_NUMBER, &a.f, 0, 10},
        {"p", OPTION_NUMBER, &a.p, 0, 15},
        {"mode", OPTION_TEXT, &a.mode, 0, 0},
        {"scenario", OPTION_TEXT, &a.scenario, 0, 0},
        {"twins", OPTION_FLAG, &a.is_twins, 0, 0},
        {"fault", OPTION_TEXT, &a.fault_name, 0, 0},
        {"phases", OPTION_NUMBER, &a.phases, 0, CHAOS_ALL_PHASES},
        {"digests", OPTION_FLAG, &a.has_digests, 0, 0},
        {"trace", OPTION_FLAG, &a.has_trace, 0, 0},
        {"json", OPTION_FLAG, &a.is_json, 0, 0},
    };
    struct arguments given = {
        .argc = argc, .argv = argv, .specs = specs, .spec_count = sizeof specs / sizeof specs[0]};
    int code;
    if (!options_parse(self, &given, &code)) return code;
    if (!are_right(self, &a)) return EXIT_USAGE;
    bool has_seed = a.seed != UINT64_MAX;
    if (!has_seed) a.seed = 1;
    if (a.seeds == UINT64_MAX) a.seeds = a.scenario != NULL ? 1 : 100;
    if (a.scenario != NULL) return run_scenario(self, &a, has_seed);
    return a.is_twins ? run_twins(&a) : run_seeds(&a);
}
