#include "store/journal_mark.h"

#include "base/endian.h"

#define MARK_NAME "journal.mark"
#define MARK_SIZE 20u
#define MARK_CRC  16u

static const uint8_t magic[8] = {'T', 'S', 'Q', 'L', 'M', 'A', 'R', 'K'};

enum status journal_mark_write(const struct env *env, uint64_t seq)
{
    uint8_t bytes[MARK_SIZE];
    struct os_file *file = NULL;
    memcpy(bytes, magic, sizeof magic);
    put_u64_le(bytes + 8, seq);
    put_u32_le(bytes + MARK_CRC, crc32c_add(&env->crc, 0, span_of(bytes, MARK_CRC)));
    TRY(env_open(env, &file, MARK_NAME, OS_WRITE | OS_CREATE));
    enum status st = env->os->file_write(env->os, file, span_of(bytes, sizeof bytes), 0);
    env->os->file_close(env->os, file);
    return st;
}

enum status journal_mark_read(const struct env *env, uint64_t *seq)
{
    uint8_t bytes[MARK_SIZE];
    struct os_file *file = NULL;
    *seq = 0;
    enum status st = env_open(env, &file, MARK_NAME, OS_READ);
    if (st == ST_NOT_FOUND) return ST_OK;
    TRY(st);
    st = env_read(env, file, bytes, sizeof bytes, 0);
    env->os->file_close(env->os, file);
    if (st == ST_TRUNCATED) return ST_OK;
    TRY(st);
    const uint32_t crc = crc32c_add(&env->crc, 0, span_of(bytes, MARK_CRC));
    const bool is_whole =
        memcmp(bytes, magic, sizeof magic) == 0 && get_u32_le(bytes + MARK_CRC) == crc;
    if (is_whole) *seq = get_u64_le(bytes + 8);
    return ST_OK;
}

enum status journal_mark_remove(const struct env *env)
{
    return env_remove(env, MARK_NAME);
}
