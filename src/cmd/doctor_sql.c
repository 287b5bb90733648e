/* doctor_sql.c - A node from the inside: why it does not vote, whom it does not reach, whose votes
 * are missing, whose clock or digest is wrong. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "cmd/doctor_int.h"
#include "cmd/rows.h"
#include "os/process.h"

#define INCIDENTS_SINCE 3u /* exec_version */
#define STATUS_QUERY    "SELECT name, value FROM trustsql.status"
#define OPENING_MS      2000u
#define OPENING_POLL_MS 50u

static PGresult *ask(struct doctor *d, struct patient *p, const char *query)
{
    if (p->is_silent) return NULL;
    PGresult *result = link_query(p->link, query, LINK_PATIENCE_MS);
    if (PQresultStatus(result) == PGRES_TUPLES_OK) return result;
    p->is_silent = true;
    doctor_find(d, p->name, "", "does not answer \"%.60s\": %s", query,
                result == NULL ? "out of patience" : PQresultErrorMessage(result));
    PQclear(result);
    return NULL;
}

/* --- trustsql.status ------------------------------------------------------------------------- */

/* Value of a line of trustsql.status; "" when there is none. */
static const char *line(PGresult *status, const char *name)
{
    for (int i = 0; i < PQntuples(status); i++)
        if (strcmp(rows_get(status, i, "name"), name) == 0) return rows_get(status, i, "value");
    return "";
}

static uint64_t number(PGresult *status, const char *name)
{
    return strtoull(line(status, name), NULL, 10);
}

static void take_status(struct patient *p, PGresult *status)
{
    (void)snprintf(p->name, sizeof p->name, "%s", line(status, "node"));
    p->height = number(status, "height");
    p->view = number(status, "view");
    p->leader = number(status, "leader");
    p->lag = number(status, "lag");
    p->final_height = number(status, "final");
    p->certified_height = number(status, "certified");
    p->validators = number(status, "validators");
    p->faults = number(status, "faults");
    p->quorum = number(status, "quorum");
    p->connected = number(status, "connected");
    p->epoch = number(status, "epoch");
    (void)snprintf(p->mode, sizeof p->mode, "%s", line(status, "mode"));
    (void)snprintf(p->mode_decided, sizeof p->mode_decided, "%s", line(status, "mode_decided"));
    (void)snprintf(p->mode_return, sizeof p->mode_return, "%s", line(status, "mode_return"));
}

static void check_agreement(struct doctor *d, struct patient *p, PGresult *status)
{
    const uint64_t failed_views = number(status, "failed_views");
    const uint64_t waiting_ms = number(status, "oldest_waiting_ms");
    const bool is_open = strcmp(line(status, "anchored"), "yes") == 0;
    if (is_open && strcmp(line(status, "voting"), "no") == 0)
        doctor_find(
            d, p->name,
            "It follows and answers reads, but counts among the faulty: put back the newest "
            "copy of its directory, if there is one; never an older one.",
            "does not vote: %s", line(status, "not_voting_reason"));
    if (p->connected < p->quorum)
        doctor_find(d, p->name, "Bring the missing nodes back; nothing is lost meanwhile.",
                    "is connected with %llu of %llu nodes, itself included; nothing becomes final "
                    "with fewer than %llu",
                    (unsigned long long)p->connected, (unsigned long long)p->validators,
                    (unsigned long long)p->quorum);
    if (!is_open) /* Of views that failed and are over nothing is left to be done. */
        doctor_find(d, p->name, "",
                    "has view %llu, led by node number %llu, not open yet; %llu views failed one "
                    "after the other; it holds %llu of %llu votes for the change",
                    (unsigned long long)p->view, (unsigned long long)p->leader,
                    (unsigned long long)failed_views,
                    (unsigned long long)number(status, "view_changes"),
                    (unsigned long long)(p->validators - p->faults));
    if (waiting_ms > DOCTOR_WAITING_MS_MAX)
        doctor_find(d, p->name, "", "%llu transactions wait, the first for %llu s",
                    (unsigned long long)number(status, "waiting"),
                    (unsigned long long)waiting_ms / 1000);
    if (p->lag > DOCTOR_LAG_MAX)
        doctor_find(d, p->name, "",
                    "is %llu blocks behind what is ordered: it catches up, or its "
                    "machine is too slow",
                    (unsigned long long)p->lag);
}

/* --- trustsql.nodes -------------------------------------------------------------------------- */

/* The reason is told once, where it is known best: at a node whose process does not run. */
static bool is_known_dead(const struct doctor *d, const char *name)
{
    for (uint32_t i = 0; i < d->patient_count; i++)
        if (d->patients[i].is_dead && strcmp(d->patients[i].name, name) == 0) return true;
    return false;
}

static void check_connection(struct doctor *d, struct patient *p, PGresult *nodes, int row)
{
    const char *name = rows_get(nodes, row, "name");
    const char *address = rows_get(nodes, row, "address");
    const char *failure = rows_get(nodes, row, "last_failure");
    if (is_known_dead(d, name)) return;
    doctor_find(d, p->name,
                "See that it runs, that the address is right ([peer.NAME] in node.conf overrides "
                "it) and that no firewall is between.",
                "has no connection with %s (%s): %s", name,
                address[0] != 0 ? address : "it dials, we cannot",
                failure[0] != 0 ? failure : "no attempt has failed yet");
}

static void check_peer(struct doctor *d, struct patient *p, PGresult *nodes, int row)
{
    const char *name = rows_get(nodes, row, "name");
    const long long offset = strtoll(rows_get(nodes, row, "clock_offset_ms"), NULL, 10);
    if (rows_number(nodes, row, "index") == p->leader)
        (void)snprintf(p->leader_name, sizeof p->leader_name, "%s", name);
    if (rows_is_true(nodes, row, "is_self")) return;
    if ((uint64_t)llabs(offset) > p->clock_ms) p->clock_ms = (uint64_t)llabs(offset);
    if (!rows_is_true(nodes, row, "is_connected")) {
        check_connection(d, p, nodes, row);
        return;
    }
    if (!d->has_compared_programs && !rows_is_null(nodes, row, "is_same_program") &&
        !rows_is_true(nodes, row, "is_same_program"))
        doctor_find(
            d, p->name,
            "Install the same release on all nodes; `trustsql version` shows the SHA-256 of "
            "each. While an upgrade rolls this is as it should be.",
            "runs another program than %s (version %s there)", name,
            rows_get(nodes, row, "version"));
    if (rows_is_true(nodes, row, "is_late"))
        doctor_find(d, p->name, "Look at that node with `trustsql doctor` on its own machine.",
                    "%s is connected, but its votes are missing: its last one is for height %s, "
                    "ordered are %llu",
                    name, rows_get(nodes, row, "voted"), (unsigned long long)p->final_height);
    if (llabs(offset) > DOCTOR_CLOCK_MS_MAX)
        doctor_find(d, p->name, "Set the clocks with NTP.",
                    "the clock of %s differs by %lld ms; beyond %d ms blocks are refused", name,
                    offset, DOCTOR_CLOCK_MS_MAX);
}

static void check_peers(struct doctor *d, struct patient *p)
{
    PGresult *nodes = ask(d, p, "SELECT * FROM trustsql.nodes");
    for (int row = 0; nodes != NULL && row < PQntuples(nodes); row++)
        check_peer(d, p, nodes, row);
    d->has_compared_programs = true; /* What one node sees all see. */
    PQclear(nodes);
    /* Executed heights differ from node to node: each is compared where it stands. */
    nodes = ask(d, p,
                "SELECT n.name, n.height FROM trustsql.nodes n JOIN trustsql.blocks b "
                "ON b.height = n.height WHERE n.digest <> b.digest");
    for (int row = 0; nodes != NULL && row < PQntuples(nodes); row++)
        doctor_find(d, rows_get(nodes, row, "name"),
                    "Stop it and prove its files: trustsql verify node DIR.",
                    "has another digest at height %s than %s: one of them has computed wrongly",
                    rows_get(nodes, row, "height"), p->name);
    PQclear(nodes);
}

/* --- trustsql.consensus and trustsql.evidence ------------------------------------------------ */

/* The lowest height that is not certified is the one that all wait for. */
static void check_votes(struct doctor *d, struct patient *p)
{
    PGresult *blocks =
        ask(d, p,
            "SELECT height, view, voted, locked, certified, missing, is_final FROM "
            "trustsql.consensus WHERE NOT is_certified AND height > 0 ORDER BY height LIMIT 1");
    if (blocks != NULL && PQntuples(blocks) == 1 && d->finding_count > 0)
        doctor_find(d, p->name, "",
                    "height %s of view %s is %s: voted %s; locked %s; certified %s; missing %s",
                    rows_get(blocks, 0, "height"), rows_get(blocks, 0, "view"),
                    rows_is_true(blocks, 0, "is_final") ? "ordered, its result not certified"
                                                        : "not ordered yet",
                    rows_get(blocks, 0, "voted"), rows_get(blocks, 0, "locked"),
                    rows_get(blocks, 0, "certified"), rows_get(blocks, 0, "missing"));
    PQclear(blocks);
}

static void check_evidence(struct doctor *d, struct patient *p)
{
    PGresult *evidence =
        ask(d, p, "SELECT kind, node, offender, view, height FROM trustsql.evidence");
    for (int row = 0; evidence != NULL && row < PQntuples(evidence); row++)
        doctor_find(d, rows_get(evidence, row, "node"),
                    "Save the bytes from trustsql.evidence and talk to its organisation.",
                    "has broken the protocol (%s) in view %s at height %s; %s keeps the proof",
                    rows_get(evidence, row, "kind"), rows_get(evidence, row, "view"),
                    rows_get(evidence, row, "height"), p->name);
    PQclear(evidence);
}

/* What its files lost; repaired is well again. */
static void check_damage(struct doctor *d, struct patient *p, PGresult *status)
{
    if (strcmp(line(status, "damaged"), "yes") == 0)
        doctor_find(d, p->name,
                    "It is put right by itself, from the blocks or the other nodes; "
                    "SELECT trustsql.scrub() tells what lacks.",
                    "its stored data are damaged: %s", line(status, "last_find"));
    if (strtoul(line(status, "exec_version"), NULL, 10) < INCIDENTS_SINCE) return;
    PGresult *lost = ask(d, p,
                         "SELECT i.kind, i.place FROM trustsql.incidents i JOIN trustsql.nodes n "
                         "ON n.name = i.node WHERE n.is_self AND i.state = 'lost' "
                         "ORDER BY i.found_ms DESC LIMIT 1");
    for (int row = 0; lost != NULL && row < PQntuples(lost); row++)
        doctor_find(d, p->name, "See docs/self-check.md; a lost journal needs a new key.",
                    "it has lost stored data for good (%s): %s", rows_get(lost, row, "kind"),
                    rows_get(lost, row, "place"));
    PQclear(lost);
}

/* A view opens within a moment after a start or a change: only one that does not is a problem. */
static PGresult *ask_status(struct doctor *d, struct patient *p)
{
    PGresult *status = ask(d, p, STATUS_QUERY);
    for (uint32_t waited = 0; waited < OPENING_MS && status != NULL; waited += OPENING_POLL_MS) {
        if (strcmp(line(status, "anchored"), "yes") == 0) break;
        PQclear(status);
        process_sleep_ms(OPENING_POLL_MS);
        status = ask(d, p, STATUS_QUERY);
    }
    return status;
}

void doctor_ask(struct doctor *d, struct patient *p)
{
    must(p->link != NULL);
    PGresult *status = ask_status(d, p);
    if (status == NULL) return;
    p->is_reachable = true;
    take_status(p, status);
    check_agreement(d, p, status);
    check_damage(d, p, status);
    PQclear(status);
    check_peers(d, p);
    check_votes(d, p);
    check_evidence(d, p);
}

/* --- several at once ------------------------------------------------------------------------- */

static void take_digest(struct doctor *d, struct patient *p)
{
    char query[128];
    (void)snprintf(
        query, sizeof query,
        "SELECT encode(digest, 'hex') AS digest FROM trustsql.blocks WHERE height = %llu",
        (unsigned long long)d->compared_height);
    PGresult *result = ask(d, p, query);
    bool is_found = result != NULL && PQntuples(result) == 1;
    (void)snprintf(p->digest, sizeof p->digest, "%s",
                   is_found ? rows_get(result, 0, "digest") : "");
    PQclear(result);
}

/* At the newest height that all of them have executed. */
void doctor_compare(struct doctor *d)
{
    const struct patient *first = NULL;
    uint64_t height = UINT64_MAX;
    for (uint32_t i = 0; i < d->patient_count; i++)
        if (d->patients[i].is_reachable && d->patients[i].height < height)
            height = d->patients[i].height;
    if (height == UINT64_MAX || height == 0) return;
    d->compared_height = height;
    for (uint32_t i = 0; i < d->patient_count; i++) {
        struct patient *p = &d->patients[i];
        if (!p->is_reachable) continue;
        take_digest(d, p);
        if (first == NULL)
            first = p;
        else if (strcmp(p->digest, first->digest) != 0)
            doctor_find(d, p->name, "Stop it and prove its files: trustsql verify node DIR.",
                        "has digest %.18s... at height %llu, %s has %.18s...", p->digest,
                        (unsigned long long)height, first->name, first->digest);
    }
}
