/* options.c - Arguments of all subcommands through getopt_long: one table of long options, one way
 * to say what is wrong with them. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "cmd/cmd.h"

#define OPTIONS_MAX  32u
#define OPTION_FIRST 256 /* Above every character. */
#define OPTION_HELP  255

void complain(const struct command *self, const char *hint, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "trustsql %s: ", self->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    if (hint != NULL) fprintf(stderr, "%s\n", hint);
}

int exit_code_of(enum status st)
{
    if (st == ST_OK) return EXIT_FINE;
    if (st == ST_CORRUPT) return EXIT_CORRUPT;
    if (st == ST_UNREACHABLE || st == ST_TIMEOUT) return EXIT_UNREACHABLE;
    return EXIT_CHECK_FAILED;
}

static bool take_value(const struct command *self,
                       const struct option_spec *spec,
                       const char *value)
{
    if (spec->kind == OPTION_FLAG) {
        *(bool *)spec->to = true;
        return true;
    }
    if (spec->kind == OPTION_TEXT) {
        *(const char **)spec->to = value;
        return true;
    }
    char *end;
    unsigned long long number = strtoull(value, &end, 10);
    bool is_number = value[0] >= '0' && value[0] <= '9' && *end == 0;
    if (!is_number || number < spec->min || number > spec->max) {
        complain(self, NULL, "--%s must be a number from %llu to %llu, not \"%s\"", spec->name,
                 (unsigned long long)spec->min, (unsigned long long)spec->max, value);
        return false;
    }
    *(uint64_t *)spec->to = number;
    return true;
}

static void fill_table(struct option *table, const struct option_spec *specs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        table[i] = (struct option){.name = specs[i].name,
                                   .has_arg = specs[i].kind == OPTION_FLAG ? no_argument
                                                                           : required_argument,
                                   .val = OPTION_FIRST + (int)i};
    table[count] = (struct option){.name = "help", .has_arg = no_argument, .val = OPTION_HELP};
    table[count + 1] = (struct option){0};
}

static bool take_words(const struct command *self, int argc, char **argv, struct words *words)
{
    for (int i = optind; i < argc; i++) {
        if (words == NULL || words->count == words->max) {
            complain(self, NULL, "unexpected argument \"%s\"", argv[i]);
            return false;
        }
        words->items[words->count++] = argv[i];
    }
    return true;
}

bool options_parse(const struct command *self, const struct arguments *given, int *exit_code)
{
    struct option table[OPTIONS_MAX + 2];
    must(given->spec_count <= OPTIONS_MAX);
    fill_table(table, given->specs, given->spec_count);
    *exit_code = EXIT_USAGE;
    optind = 1;
    opterr = 0;
    for (;;) {
        int at = optind;
        int got = getopt_long(given->argc, given->argv, ":h", table, NULL);
        if (got == -1) break;
        if (got == 'h' || got == OPTION_HELP) {
            fputs(self->help, stdout);
            *exit_code = EXIT_FINE;
            return false;
        }
        if (got < OPTION_FIRST) {
            const char *what = got == ':' ? "needs a value" : "is no option of this command";
            complain(self, "Try --help.", "%s %s", given->argv[at], what);
            return false;
        }
        if (!take_value(self, &given->specs[got - OPTION_FIRST], optarg)) return false;
    }
    return take_words(self, given->argc, given->argv, given->words);
}

void json_put_text(struct buf *out, struct span text)
{
    buf_put_u8(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '"' || c == '\\') {
            buf_put_u8(out, '\\');
            buf_put_u8(out, c);
        } else if (c < 0x20u) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_put_u8(out, c);
        }
    }
    buf_put_u8(out, '"');
}

int print_and_free(struct buf *out)
{
    bool is_good = buf_status(out) == ST_OK &&
                   fwrite(out->data, 1, out->size, stdout) == out->size && fflush(stdout) == 0;
    buf_fini(out);
    return is_good ? EXIT_FINE : EXIT_CHECK_FAILED;
}
