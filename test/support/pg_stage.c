#include "support/pg_stage.h"

#include <stdio.h>
#include <string.h>

#include "base/endian.h"
#include "support/cmocka_all.h"

static bool admit(void *context)
{
    const struct stage *t = context;
    return !t->is_full;
}

static void cancel(void *context, uint32_t process, uint32_t secret)
{
    struct stage *t = context;
    t->cancel_process = process;
    t->cancel_secret = secret;
}

enum status stage_open(struct stage *t, struct mem *mem)
{
    memset(t, 0, sizeof *t);
    pg_fake_init(&t->fake, mem);
    pg_fake_link_init(&t->link);
    buf_init(&t->say, mem_system(), 0);
    const struct pg_session_config config = {
        .mem = mem,
        .os = pg_fake_os(),
        .backend = &t->fake.backend,
        .house = {.admit = admit, .cancel = cancel, .context = t}};
    const struct pg_link link = pg_fake_link_of(&t->link);
    return pg_session_new(&t->session, &config, &link, 7);
}

void stage_close(struct stage *t)
{
    pg_session_free(t->session);
    assert_int_equal(t->fake.running, 0);
    assert_int_equal(t->fake.sessions, 0);
    pg_fake_link_fini(&t->link);
    buf_fini(&t->say);
}

const char *stage_heard(struct stage *t)
{
    size_t count = 0;
    size_t at = 0;
    const struct buf *out = &t->link.out;
    while (at < out->size) {
        assert_true(at + 5 <= out->size);
        assert_true(count + 1 < sizeof t->types);
        t->types[count++] = (char)out->data[at];
        at += 1 + get_u32_be(out->data + at + 1);
    }
    assert_int_equal(at, out->size);
    t->types[count] = 0;
    buf_reset(&t->link.out);
    return t->types;
}

bool stage_holds(const struct stage *t, const char *text)
{
    size_t size = strlen(text);
    for (size_t at = 0; at + size <= t->link.out.size; at++)
        if (memcmp(t->link.out.data + at, text, size) == 0) return true;
    return false;
}

void stage_send(struct stage *t)
{
    pg_session_data(t->session, buf_span(&t->say));
    buf_reset(&t->say);
}

void stage_log_in(struct stage *t)
{
    assert_int_equal(stage_open(t, mem_system()), ST_OK);
    pg_fake_login(&t->say, "main");
    stage_send(t);
    assert_string_equal(stage_heard(t), "RRRRSSSSSSSSSSSSSKZ");
    assert_int_equal(pg_session_state(t->session), PG_SESSION_IDLE);
}

/* --- the client's messages ------------------------------------------------------------------- */

size_t say_begin(struct stage *t, char type)
{
    size_t at = t->say.size;
    buf_put_u8(&t->say, (uint8_t)type);
    buf_put_u32_be(&t->say, 0);
    return at;
}

void say_end(struct stage *t, size_t at)
{
    put_u32_be(t->say.data + at + 1, (uint32_t)(t->say.size - at - 1));
}

void say_string(struct stage *t, const char *text)
{
    buf_put(&t->say, span_of(text, strlen(text) + 1));
}

void say_query(struct stage *t, const char *text)
{
    size_t at = say_begin(t, 'Q');
    say_string(t, text);
    say_end(t, at);
}

void say_parse(struct stage *t, const char *name, const char *text)
{
    size_t at = say_begin(t, 'P');
    say_string(t, name);
    say_string(t, text);
    buf_put_u16_be(&t->say, 0);
    say_end(t, at);
}

void say_bind(struct stage *t, const char *portal, const char *name, const char *value)
{
    size_t at = say_begin(t, 'B');
    say_string(t, portal);
    say_string(t, name);
    buf_put_u16_be(&t->say, 1);
    buf_put_u16_be(&t->say, 1);
    buf_put_u16_be(&t->say, value == NULL ? 0 : 1);
    if (value != NULL) {
        buf_put_u32_be(&t->say, (uint32_t)strlen(value));
        buf_put_text(&t->say, value);
    }
    buf_put_u16_be(&t->say, 0);
    say_end(t, at);
}

void say_execute(struct stage *t, const char *portal, uint32_t row_max)
{
    size_t at = say_begin(t, 'E');
    say_string(t, portal);
    buf_put_u32_be(&t->say, row_max);
    say_end(t, at);
}

void say_target(struct stage *t, char type, char target, const char *name)
{
    size_t at = say_begin(t, type);
    buf_put_u8(&t->say, (uint8_t)target);
    say_string(t, name);
    say_end(t, at);
}

void say_empty(struct stage *t, char type)
{
    say_end(t, say_begin(t, type));
}

void say_submit(struct stage *t, const char *bytes)
{
    say_bind(t, "", "s", bytes);
    say_execute(t, "", 0);
}

void say_statement(struct stage *t, const char *text)
{
    say_parse(t, "", text);
    say_bind(t, "", "", NULL);
    say_execute(t, "", 0);
}
