/* Goal: no bytes from a client, before or after login, harm the door. The entry is the one sockets
 * use: pg_session_data.
 *
 * First byte of the input: bit 0 log in first, bit 1 the backend answers later, bits 2 and 3 how
 * large the portions are in which the rest arrives, bit 4 the client reads slowly. */
#include <stdint.h>

#include "base/must.h"
#include "support/pg_fake.h"

#define LOGGED_IN 1u
#define DEFERRED  2u
#define SLOW      16u

/* NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool admit(void *context)
{
    (void)context;
    return true;
}

static void cancel(void *context, uint32_t process, uint32_t secret)
{
    (void)context;
    (void)process;
    (void)secret;
}

/* Made once: what alice says is the same in every run, as the entropy is. */
static struct span login(void)
{
    static struct buf said;
    if (said.size == 0) {
        buf_init(&said, mem_system(), 0);
        pg_fake_login(&said, "main");
    }
    return buf_span(&said);
}

static size_t portion(uint8_t flags)
{
    static const size_t sizes[] = {65536, 1, 7, 100};
    return sizes[(flags >> 2) & 3u];
}

static void feed(struct pg_session *s, struct pg_fake_link *link, struct span bytes, size_t step)
{
    for (size_t at = 0; at < bytes.size && !link->is_closed && !link->is_paused; at += step) {
        size_t left = bytes.size - at;
        pg_session_data(s, span_of(bytes.data + at, left < step ? left : step));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct pg_fake fake;
    struct pg_fake_link link;
    struct pg_session *s = NULL;
    pg_fake_init(&fake, mem_system());
    fake.rows_max = 10000;
    pg_fake_link_init(&link);
    const struct pg_session_config config = {.mem = mem_system(),
                                             .os = pg_fake_os(),
                                             .backend = &fake.backend,
                                             .house = {.admit = admit, .cancel = cancel}};
    const struct pg_link carrier = pg_fake_link_of(&link);
    must(pg_session_new(&s, &config, &carrier, 1) == ST_OK);
    if ((data[0] & LOGGED_IN) != 0) {
        pg_session_data(s, login());
        must(pg_session_state(s) == PG_SESSION_IDLE);
    }
    fake.is_deferred = (data[0] & DEFERRED) != 0;
    link.queued = (data[0] & SLOW) != 0 ? 2u << 20 : 0;
    feed(s, &link, span_of(data + 1, size - 1), portion(data[0]));
    pg_fake_run(&fake);
    link.queued = 0;
    if (!link.is_closed) pg_session_drained(s);
    pg_fake_run(&fake);
    pg_session_free(s);
    must(fake.running == 0);
    must(fake.sessions == 0);
    pg_fake_link_fini(&link);
    return 0;
}
