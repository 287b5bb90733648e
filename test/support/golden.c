#include "support/golden.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/cmocka_all.h"
#include "support/hex.h"

#define GOLDEN_BYTES_MAX 65536u
#define BYTES_A_LINE     48u

static void write_golden(const char *path, struct span bytes)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < bytes.size; i++) {
        bool is_last = i + 1 == bytes.size || i % BYTES_A_LINE == BYTES_A_LINE - 1;
        fprintf(file, "%02x%s", bytes.data[i], is_last ? "\n" : "");
    }
    assert_int_equal(fclose(file), 0);
}

static struct span read_golden(const char *name, struct span bytes)
{
    char path[256];
    static char text[4 * GOLDEN_BYTES_MAX];
    static uint8_t want[GOLDEN_BYTES_MAX];
    (void)snprintf(path, sizeof path, "test/golden/%s.hex", name);
    const char *mode = getenv("TRUSTSQL_GOLDEN");
    if (mode != NULL && strcmp(mode, "write") == 0) write_golden(path, bytes);
    FILE *file = fopen(path, "r");
    if (file == NULL) fail_msg("cannot open %s (run from the repository's root)", path);
    size_t size = fread(text, 1, sizeof text - 1, file);
    assert_int_equal(fclose(file), 0);
    text[size] = 0;
    return span_of(want, hex_bytes(want, sizeof want, text));
}

void golden_check(const char *name, struct span bytes)
{
    if (!span_equal(bytes, read_golden(name, bytes)))
        fail_msg("test/golden/%s.hex is not what is encoded", name);
}

void golden_read(struct buf *out, const char *name, struct span bytes)
{
    buf_put(out, read_golden(name, bytes));
    assert_int_equal(buf_status(out), ST_OK);
}
