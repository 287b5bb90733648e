#include "node/release.h"

#include <stdio.h>

#include "base/must.h"
#include "exec/exec.h"

#define PIECE_SIZE (256u << 10)

static enum status hash_file(struct os *os, struct os_file *file, uint8_t *piece, struct hash *out)
{
    uint64_t size = 0;
    struct hasher h;
    TRY(os->file_size(os, file, &size));
    hash_init(&h, "");
    for (uint64_t at = 0; at < size; at += PIECE_SIZE) {
        size_t got = 0;
        TRY(os->file_read(os, file, piece, PIECE_SIZE, at, &got));
        hash_add(&h, span_of(piece, got));
    }
    *out = hash_final(&h);
    return ST_OK;
}

void release_of_program(struct release *out, struct os *os, struct mem *mem, const char *path)
{
    struct os_file *file = NULL;
    *out = (struct release){.exec_version_min = EXEC_VERSION_MIN,
                            .exec_version_max = EXEC_VERSION_MAX,
                            .version = RELEASE_VERSION};
    uint8_t *piece = mem_alloc(mem, PIECE_SIZE);
    enum status st = piece == NULL ? ST_NO_MEMORY : ST_OK;
    if (st == ST_OK) st = os->file_open(os, &file, path, OS_READ);
    if (st == ST_OK) st = hash_file(os, file, piece, &out->program);
    if (st != ST_OK) out->program = (struct hash){{0}};
    if (file != NULL) os->file_close(os, file);
    mem_free(mem, piece);
}

struct wire_report release_to_report(const struct release *r)
{
    return (struct wire_report){.program = r->program,
                                .exec_version_min = r->exec_version_min,
                                .exec_version_max = r->exec_version_max,
                                .version = span_text(r->version)};
}

void release_of_report(struct release *out, const struct wire_report *report)
{
    must(report->version.size <= WIRE_VERSION_MAX);
    *out = (struct release){.program = report->program,
                            .exec_version_min = report->exec_version_min,
                            .exec_version_max = report->exec_version_max};
    (void)snprintf(out->version, sizeof out->version, "%.*s", (int)report->version.size,
                   (const char *)report->version.data);
    if (out->version[0] == 0) (void)snprintf(out->version, sizeof out->version, "?");
}
