/* oracle_votes.c - What follows from the votes that exist: certificates, commits, results.
 *
 * I1, I5, I6 and I8. */
#include "base/must.h"
#include "sim/oracle_int.h"

static void on_count(struct oracle *o, const struct tally *t, uint32_t count);

static uint32_t bits_of(uint64_t mask)
{
    return (uint32_t)__builtin_popcountll(mask);
}

struct oracle_sizes oracle_sizes_of(const struct oracle *o, uint64_t epoch)
{
    const struct known_epoch *e = epochs_at(o->world, epoch);
    if (e == NULL) return (struct oracle_sizes){.certificate = NODES_MAX + 1};
    const uint32_t count = e->config.validator_count;
    if (e->config.mode == MODE_RAFT) {
        uint32_t majority = count / 2 + 1;
        return (struct oracle_sizes){.certificate = majority, .commit_p1 = majority};
    }
    uint32_t quorum = (count + e->config.f) / 2 + 1; /* More than (n + f) / 2. */
    return (struct oracle_sizes){.certificate = quorum,
                                 .commit_p1 = e->config.mode == MODE_FAST ? count - e->config.p : 0,
                                 .commit_p2 = quorum};
}

static void add_entry(struct oracle *o, struct tally *t, const struct certificate_entry *cut)
{
    ORACLE_GROW(o, entries, entry_count, entry_room);
    o->entries[o->entry_count] = (struct entry){.cut = *cut, .next = t->entries};
    t->entries = ++o->entry_count;
    t->voters |= UINT64_C(1) << cut->voter;
    struct tally copy = *t; /* What follows may move the table. */
    on_count(o, &copy, bits_of(t->voters));
}

void oracle_count_vote(struct oracle *o, const struct vote *v)
{
    struct world *w = o->world;
    if (v->voter >= NODES_MAX) return;
    uint64_t bit = UINT64_C(1) << v->voter;
    bool is_checked = false;
    for (int i = 0; i < VOTE_PARTS; i++) {
        if (v->parts[i].is_null) continue;
        const struct known_epoch *e = epochs_at(w, v->parts[i].epoch);
        if (e == NULL || v->voter >= e->validators.count) continue;
        struct tally *t = oracle_tally(o, (enum vote_part)i, &v->parts[i]);
        if (t->voters & bit) continue;
        struct hash hash = vote_hash(v, &w->chain_id);
        if (!is_checked &&
            sign_verify(w->signer, &e->validators.keys[v->voter], &hash, &v->sig) != ST_OK)
            return; /* O2 */
        is_checked = true;
        struct certificate_entry cut = certificate_cut(v, (enum vote_part)i);
        add_entry(o, t, &cut);
    }
}

/* Votes that were never sent on their own: a voter may show them inside a certificate only. */
void oracle_count_certificate(struct oracle *o, const struct certificate *c)
{
    struct world *w = o->world;
    const struct known_epoch *e = epochs_at(w, c->statement.epoch);
    if (e == NULL) return;
    struct tally *t = oracle_tally(o, c->part, &c->statement);
    for (uint32_t i = 0; i < c->entry_count; i++) {
        uint32_t voter = c->entries[i].voter;
        if (voter >= e->validators.count || (t->voters >> voter & 1u)) continue;
        struct certificate one = {.part = c->part, .statement = c->statement, .entry_count = 1};
        one.entries[0] = c->entries[i];
        if (certificate_verify(&one, w->signer, &w->chain_id, &e->validators, 1) != ST_OK) continue;
        oracle_judge_shown(o, c, voter);
        add_entry(o, t, &one.entries[0]); /* O2 */
        t = oracle_tally(o, c->part, &c->statement);
    }
}

bool oracle_certificate(const struct oracle *o,
                        enum vote_part part,
                        const struct statement *statement,
                        uint64_t voters,
                        struct certificate *out)
{
    struct hash id = oracle_tally_id(part, statement);
    uint32_t number = idtable_find(&o->tally_index, id.bytes);
    if (number == IDTABLE_NONE) return false;
    *out = (struct certificate){.part = part, .statement = *statement};
    for (uint32_t voter = 0; voter < NODES_MAX; voter++) {
        if ((voters >> voter & 1u) == 0) continue;
        for (uint32_t at = o->tallies[number].entries; at != 0; at = o->entries[at - 1].next)
            if (o->entries[at - 1].cut.voter == voter)
                out->entries[out->entry_count++] = o->entries[at - 1].cut;
    }
    return out->entry_count > 0;
}

/* --- quorums ---------------------------------------------------------------------------------- */

static const char *block_text(char text[40], uint64_t height, const struct hash *hash)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t used = 0;
    char number[24];
    do {
        number[used++] = (char)('0' + height % 10);
        height /= 10;
    } while (height > 0);
    uint32_t at = 0;
    while (used > 0)
        text[at++] = number[--used];
    text[at++] = ':';
    for (uint32_t i = 0; i < 4; i++) {
        text[at++] = digits[hash->bytes[i] >> 4];
        text[at++] = digits[hash->bytes[i] & 15];
    }
    text[at] = 0;
    return text;
}

static void check_certified(struct oracle *o, const struct statement *s)
{
    char a[40];
    char b[40];
    struct view_mark *mark = NULL;
    const uint64_t round = oracle_round(s->epoch, s->view);
    for (uint32_t i = 0; i < o->certified_count; i++)
        if (o->certified[i].round == round) mark = &o->certified[i];
    if (mark == NULL) {
        ORACLE_GROW(o, certified, certified_count, certified_room);
        mark = &o->certified[o->certified_count++];
        *mark = (struct view_mark){.round = round, .height = s->height, .hash = s->hash};
        return;
    }
    if (!oracle_are_compatible(o, &mark->hash, mark->height, &s->hash, s->height))
        world_violate(o->world, "I6", "view %llu has certificates of %s and %s",
                      (unsigned long long)s->view, block_text(a, mark->height, &mark->hash),
                      block_text(b, s->height, &s->hash));
    if (s->height > mark->height)
        *mark = (struct view_mark){.round = round, .height = s->height, .hash = s->hash};
}

static void commit_chain(struct oracle *o, const struct statement *s)
{
    char a[40];
    char b[40];
    uint64_t low = s->height < o->committed_height ? s->height : o->committed_height;
    struct hash at;
    bool is_known = oracle_ancestor(o, &s->hash, s->height, low, &at);
    if (!is_known || !hash_equal(&at, &o->committed[low])) {
        world_violate(o->world, "I1", "%s is committed in view %llu, and so is %s%s",
                      block_text(a, s->height, &s->hash), (unsigned long long)s->view,
                      block_text(b, low, &o->committed[low]),
                      is_known ? "" : " (a header between is unknown)");
        return;
    }
    while (o->committed_room <= s->height) {
        uint32_t room = (uint32_t)o->committed_room;
        o->committed = oracle_grow(o->committed, room, &room, sizeof *o->committed);
        o->committed_room = room;
    }
    for (uint64_t h = o->committed_height + 1; h <= s->height; h++) {
        bool is_found = oracle_ancestor(o, &s->hash, s->height, h, &o->committed[h]);
        must(is_found); /* The way down was walked above. */
    }
    if (s->height > o->committed_height) o->committed_height = s->height; /* O3 */
}

static bool anchor_is_wrong(const struct oracle *o,
                            const struct seen_anchor *a,
                            const struct view_mark *commit)
{
    if (a->round <= commit->round) return false;
    if (a->height < commit->height) return true;
    return !oracle_are_compatible(o, &a->hash, a->height, &commit->hash, commit->height);
}

static void report_anchor(struct oracle *o,
                          const struct seen_anchor *a,
                          const struct view_mark *commit)
{
    char text[40];
    char other[40];
    world_violate(
        o->world, "I5", "host %u starts view %llu at %s, but %s is committed in view %llu", a->host,
        (unsigned long long)oracle_round_view(a->round), block_text(text, a->height, &a->hash),
        block_text(other, commit->height, &commit->hash),
        (unsigned long long)oracle_round_view(commit->round));
}

static void check_commit(struct oracle *o, const struct statement *s)
{
    const uint64_t round = oracle_round(s->epoch, s->view);
    commit_chain(o, s);
    struct view_mark *mark = NULL;
    for (uint32_t i = 0; i < o->commit_count; i++)
        if (o->commits[i].round == round) mark = &o->commits[i];
    if (mark == NULL) {
        ORACLE_GROW(o, commits, commit_count, commit_room);
        mark = &o->commits[o->commit_count++];
        *mark = (struct view_mark){.round = round};
    }
    if (s->height <= mark->height) return;
    *mark = (struct view_mark){.round = round, .height = s->height, .hash = s->hash};
    for (uint32_t i = 0; i < o->anchor_count; i++)
        if (anchor_is_wrong(o, &o->anchors[i], mark)) report_anchor(o, &o->anchors[i], mark);
}

/* One validator alone sends nothing: its durable lock is the quorum, or its durable first vote. */
void oracle_commit_alone(struct oracle *o, const struct consensus_record *r)
{
    struct statement s = {
        .epoch = r->epoch, .view = r->lock_view, .height = r->lock_height, .hash = r->lock_hash};
    if (r->has_lock) check_commit(o, &s);
    if (oracle_sizes_of(o, r->epoch).commit_p1 == 0 || r->chain_count == 0) return;
    s.view = r->voted_view;
    s.height = r->final_height + r->chain_count;
    s.hash = r->chain[r->chain_count - 1];
    check_commit(o, &s);
}

void oracle_check_anchor(struct oracle *o, const struct seen_anchor *a)
{
    for (uint32_t i = 0; i < o->commit_count; i++)
        if (anchor_is_wrong(o, a, &o->commits[i])) report_anchor(o, a, &o->commits[i]);
}

/* P3 of q voters: one result of a height. */
static void check_result(struct oracle *o, const struct statement *s)
{
    struct hash right;
    if (s->height > o->result_height) o->result_height = s->height;
    if (!oracle_digest(o, s->height, &right) || hash_equal(&right, &s->hash)) return;
    world_violate(o->world, "I8", "a wrong result of height %llu is certified",
                  (unsigned long long)s->height);
}

static void on_count(struct oracle *o, const struct tally *t, uint32_t count)
{
    const struct oracle_sizes sizes = oracle_sizes_of(o, t->statement.epoch);
    switch (t->part) {
    case VOTE_P1:
        if (count == sizes.certificate) check_certified(o, &t->statement);
        if (count == sizes.commit_p1) check_commit(o, &t->statement);
        return;
    case VOTE_P2:
        if (count == sizes.commit_p2) check_commit(o, &t->statement);
        return;
    case VOTE_P3:
        if (count == sizes.certificate) check_result(o, &t->statement);
        return;
    case VOTE_PARTS: break;
    }
    must(false);
}
