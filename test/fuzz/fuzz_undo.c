/* fuzz_undo.c - Any bytes in the undo journal: repaired, refused or ignored, never a crash, and a
 * file that was not repaired is untouched. */
#include "base/must.h"
#include "state/undo.h"
#include "support/fake_os.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* NOLINT */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fake_os *disk = fake_os_new(1);
    struct os *os = fake_os_table(disk);
    struct undo_files f = {.os = os, .mem = mem_system()};
    must(os->file_open(os, &f.file, "main.db", OS_WRITE | OS_CREATE) == ST_OK);
    must(os->file_open(os, &f.journal, "main.db-journal", OS_WRITE | OS_CREATE) == ST_OK);
    uint8_t page[PAGE_BYTES] = {1};
    must(os->file_write(os, f.file, span_of(page, sizeof page), 0) == ST_OK);
    if (size > 0) must(os->file_write(os, f.journal, span_of(data, size), 0) == ST_OK);
    bool did_repair = false;
    enum status st = undo_repair(&f, &did_repair);
    must(st == ST_OK || st == ST_CORRUPT);
    uint8_t now[PAGE_BYTES];
    size_t got = 0;
    must(os->file_read(os, f.file, now, sizeof now, 0, &got) == ST_OK);
    if (!did_repair) must(got == sizeof now && memcmp(now, page, sizeof now) == 0);
    os->file_close(os, f.file);
    os->file_close(os, f.journal);
    fake_os_free(disk);
    return 0;
}
