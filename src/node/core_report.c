/* Which program every node runs: told to a peer when it comes up and again now and then, for a full
 * queue loses a message. Shown and compared; nothing is decided by it. */
#include "node/core_int.h"

#define REPORT_MS 10000u

void core_report_to(struct core *c, uint32_t peer)
{
    const struct release *own = &c->config.release;
    if (own->version[0] == 0) return; /* A core without a program: in tests. */
    struct wire_message *m = c->answer;
    m->kind = WIRE_REPORT;
    m->report = release_to_report(own);
    buf_reset(&c->out);
    wire_encode(&c->out, m);
    core_send(c, peer, CORE_BULK);
}

void core_reports_tick(struct core *c)
{
    if (c->mono_ms - c->report_ms < REPORT_MS) return;
    c->report_ms = c->mono_ms;
    for (uint32_t i = 0; i < CORE_PEERS_MAX; i++)
        if (core_is_usable(c, i)) core_report_to(c, i);
}

void core_on_report(struct core *c, uint32_t peer, const struct wire_report *report)
{
    must(peer < CORE_PEERS_MAX);
    release_of_report(&c->peers[peer].release, report);
}
