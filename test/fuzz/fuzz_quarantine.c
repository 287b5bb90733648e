/* Goal: whatever stands in the file quarantine, a start and a refuted state end with a status; a
 * file that is taken is what we write, its height is never forgotten, and after two rebuilds the
 * state is not removed again. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/must.h"
#include "node/quarantine.h"
#include "os/fake/fake_os.h"

#define DIR        "node"
#define STATE_FILE DIR "/state/main.db"
#define HEIGHT     77u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void begin(struct os *os, struct span text)
{
    must(os->make_dir(os, DIR) == ST_OK);
    must(os->make_dir(os, DIR "/state") == ST_OK);
    must(os->make_dir(os, DIR "/results") == ST_OK);
    must(os_replace_file(os, STATE_FILE, span_text("rows")) == ST_OK);
    must(os_replace_file(os, DIR "/" QUARANTINE_FILE, text) == ST_OK);
}

static bool has_state(struct os *os)
{
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    enum status st = os_read_file(os, STATE_FILE, 100, &bytes);
    buf_fini(&bytes);
    must(st == ST_OK || st == ST_NOT_FOUND);
    return st == ST_OK;
}

static void start(struct os *os, const struct quarantine *before, enum status taken)
{
    struct quarantine after;
    bool was_due = false;
    enum status st = quarantine_settle(os, DIR, &was_due);
    must(was_due == !has_state(os));
    if (st != ST_OK) return;
    must(taken == ST_OK && was_due == before->is_due);
    must(quarantine_read(&after, os, DIR) == ST_OK);
    must(after.height == before->height && !after.is_due);
    must(after.rebuilds == before->rebuilds + (was_due ? 1u : 0u));
}

static void refute(struct os *os, const struct quarantine *before, enum status taken)
{
    struct quarantine after;
    bool is_due = false;
    must(quarantine_note(os, DIR, HEIGHT, &is_due) == ST_OK);
    must(quarantine_read(&after, os, DIR) == ST_OK);
    must(after.height >= HEIGHT && after.is_due == is_due);
    must(taken != ST_OK || after.height >= before->height);
    must(!is_due || after.rebuilds < QUARANTINE_REBUILDS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fake_os *f = fake_os_new(1);
    must(f != NULL);
    struct os *os = fake_os_table(f);
    struct quarantine q = {.height = 0};
    begin(os, span_of(data, size));
    enum status taken = quarantine_read(&q, os, DIR);
    must(taken == ST_OK || taken == ST_CORRUPT);
    start(os, &q, taken);
    refute(os, &q, taken);
    fake_os_free(f);
    return 0;
}
