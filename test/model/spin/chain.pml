/* chain.pml - MC2: two heights in flight. Can two blocks commit that are not on one chain?
 *
 * What slot.pml leaves out of consensus.md 1.6: a vote is for a block and says nothing exact of its
 * ancestors; a claim on a tip is one on its ancestors; the certificate and the fast commit of a view
 * may be at different heights; a view change carries the chain to its certificate, so it is known
 * how that stands to each claim; view changes name final blocks.
 *
 * Honest members, liars and leaders are as in slot.pml, and so is what is left out: members have no
 * names, letters come in order, one view after the other, certificates in view changes may be late. A
 * block is its view, its letter and its parent. In a view a member adopts an anchor, with a first vote
 * on exactly it, then votes for blocks of this view, each on the one before; it locks any block of
 * its line, also below the anchor, that has a certificate of this view. A commit certificate that
 * exists can be in any view change: it makes its block the base.
 *
 * MC3, MODE_RAFT (1.18): nobody lies, a leader shows all the same blocks and one anchor, a majority of
 * first votes of a view commits, a majority or more of view changes opens a view and the longest chain
 * of the latest voted view wins. Votes are said after the sync of their record, so a crash and a restart
 * is a member that says nothing for a while, or a leader that proposes no more. A journal that loses
 * what was said is a mutant.
 *
 * Checked: all commits, by votes that were sent, are on one chain.
 *
 * Parameters: N F P VIEWS, LETTERS of blocks at height 2, LOWS: of blocks at height 1 in views above 0;
 * MODE_BFT: no fast path; MODE_RAFT (F=0). Mutants: MUTANT_NAME, see run.py. */
#ifndef N
#define N 4
#endif
#ifndef F
#define F 1
#endif
#ifndef P
#define P 0
#endif
#ifndef VIEWS
#define VIEWS 2
#endif
#ifndef LETTERS
#define LETTERS 1
#endif
#ifndef LOWS
#define LOWS 2
#endif

#define HONEST (N - F)
#define Q ((N + F + 2) / 2)
#if defined(MODE_RAFT) && defined(MUTANT_CHANGES_MINUS_1)
#define CHANGES (N / 2)
#elif defined(MODE_RAFT)
#define CHANGES (N / 2 + 1)
#else
#define CHANGES (N - F)
#endif
#if defined(MODE_RAFT) && defined(MUTANT_MAJORITY_MINUS_1)
#define FAST (N / 2)
#elif defined(MODE_RAFT)
#define FAST (N / 2 + 1)
#elif defined(MODE_BFT)
#define FAST (N + 1)
#else
#define FAST (N - P)
#endif
#if defined(MUTANT_T_MINUS_1)
#define T (N - P - 2 * F - 1)
#else
#define T (N - P - 2 * F)
#endif

/* Blocks: the genesis; two of each view at height 1; LETTERS of each view on each of those that
 * are not of a later view. */
#define GENESIS 0
#define LOW(view, letter) (1 + 2 * (view) + (letter))
#define HIGH(view, letter, parent) \
    (1 + 2 * VIEWS + LETTERS * ((view) * ((view) + 1)) + (letter) * 2 * ((view) + 1) + (parent) - 1)
#define BLOCKS HIGH(VIEWS, 0, 1)
#define NONE 63

typedef Member {
    byte anchor;      /* In the present view; NONE: none yet. */
    byte tip;         /* Newest vote. */
    byte said;        /* The same, as others heard it. */
    byte locked;      /* Bit h - 1: the block of its line at height h. */
    byte voted_view;  /* Of its last vote before: view + 1. */
    byte voted_tip;
    byte lock_view;   /* Of its highest lock before: view + 1. */
    byte lock_block;
};

Member m[HONEST];
int certified[VIEWS]; /* Bit b: a QC of that view, which is over, on block b exists. */
int anchors;          /* Bit b: NEWVIEW(view) can lead to block b. */
byte view;
byte committed;       /* The deepest. */
bool is_forked;
byte i, x;            /* Scratch; zero between steps. */
bool is_true;

c_code {
#define BIT(block) (1 << (block))

static int parents[64], views[64], heights[64], letters[64];

static void name_blocks(void)
{
    int view, letter, parent;
    for (view = 0; view < VIEWS; view++)
        for (letter = 0; letter < 2; letter++) {
            views[LOW(view, letter)] = view;
            heights[LOW(view, letter)] = 1;
            letters[LOW(view, letter)] = letter;
        }
    for (view = 0; view < VIEWS; view++)
        for (letter = 0; letter < LETTERS; letter++)
            for (parent = 1; parent <= LOW(view, 1); parent++) {
                int block = HIGH(view, letter, parent);
                parents[block] = parent;
                views[block] = view;
                heights[block] = 2;
                letters[block] = letter;
            }
}

/* Or equal. */
static int is_below(int ancestor, int block)
{
    return ancestor == GENESIS || ancestor == block || (heights[block] == 2 && parents[block] == ancestor);
}

/* The block of the line to tip at height 1 or 2. */
static int at_height(int tip, int height)
{
    return height == heights[tip] ? tip : height == 1 && heights[tip] == 2 ? parents[tip] : GENESIS;
}

/* First vote of a member in the present view. */
static int has_said(const struct Member *member, int block)
{
    if (member->anchor == NONE || block == GENESIS) return 0;
#if defined(MUTANT_INEXACT)
    return is_below(block, member->said);
#endif
    return block == member->anchor || (views[block] == now.view && is_below(block, member->said));
}

static int has_locked(const struct Member *member, int block)
{
    return member->anchor != NONE && is_below(block, member->tip) &&
           (member->locked >> (heights[block] - 1) & 1);
}

static int votes(int block)
{
    int k, count = 0;
    for (k = 0; k < HONEST; k++)
        count += has_said(&now.m[k], block);
    return count;
}

static int locks(int block)
{
    int k, count = 0;
    for (k = 0; k < HONEST; k++)
        count += has_locked(&now.m[k], block);
    return count;
}

static int has_qc(int block)
{
    return votes(block) + F >= Q;
}

/* What the present view commits must be on one chain with all that is committed. */
static void check(void)
{
    int block;
    for (block = 1; block < BLOCKS; block++) {
        if (votes(block) + F < FAST && locks(block) + F < Q) continue;
        if (!is_below(block, now.committed) && !is_below(now.committed, block)) now.is_forked = 1;
        if (is_below(now.committed, block)) now.committed = block;
    }
}

static void settle(void)
{
    int k, l;
    check();
    for (k = 1; k < HONEST; k++)
        for (l = k; l > 0 && memcmp(&now.m[l - 1], &now.m[l], sizeof now.m[l]) > 0; l--) {
            struct Member hold = now.m[l];
            now.m[l] = now.m[l - 1];
            now.m[l - 1] = hold;
        }
}

/* --- A new view ------------------------------------------------------------------------------ */

struct claim {
    int view; /* View + 1 of the last vote. */
    int tip;
};

struct gathered {
    struct claim claims[N];
    int count;
    int lock_view; /* Highest lock of the honest among them. */
    int lock_block;
    int base;
};

/* Block stands in the chain of the claim, above the base. */
static int is_in(const struct gathered *g, int k, int block)
{
    int tip = g->claims[k].tip;
    return heights[block] > heights[g->base] && is_below(g->base, tip) && is_below(block, tip);
}

static int is_compatible(int block, int other)
{
    return is_below(block, other) || is_below(other, block);
}

/* The block of a certificate is the base or descends from it. */
static int is_on_base(const struct gathered *g, int block)
{
#if defined(MUTANT_UNSHOWN_DROPPED)
    int k, is_shown = block == g->base;
    for (k = 0; k < g->count; k++)
        is_shown = is_shown || is_in(g, k, block);
    return is_shown;
#else
    return is_below(g->base, block);
#endif
}

static int level_of(const struct gathered *g, int block)
{
    int level, k;
    for (level = VIEWS; level > 0; level--) {
        int count = 0;
        for (k = 0; k < g->count; k++)
#if defined(MUTANT_TIP_ONLY)
            count += g->claims[k].tip == block && is_in(g, k, block) && g->claims[k].view >= level;
#else
            count += is_in(g, k, block) && g->claims[k].view >= level;
#endif
        if (count >= T) return level;
    }
    return 0;
}

static int is_candidate(int block, int level, int hq_view, int hq_block)
{
#if defined(MUTANT_CERTIFICATE_WINS)
    if (hq_view > 0) return is_compatible(block, hq_block);
#endif
#if defined(MUTANT_CLAIMS_WIN)
    return 1;
#endif
    if (level != hq_view) return level > hq_view;
#if defined(MUTANT_TIE_DROPPED)
    return block == hq_block;
#elif defined(MUTANT_TIE_TO_CLAIMS)
    return 1;
#elif defined(MUTANT_TIE_ONLY_BELOW)
    return is_below(block, hq_block);
#else
    return is_compatible(block, hq_block);
#endif
}

#if defined(MODE_RAFT)
/* The longest chain of the latest voted view; who voted for nothing says nothing. */
static void choose(const struct gathered *g, int hq_view, int hq_block)
{
    int k, best = -1;
    for (k = 0; k < g->count; k++) {
        const struct claim *c = &g->claims[k], *b = &g->claims[best < 0 ? 0 : best];
        if (c->tip == GENESIS || !is_below(g->base, c->tip)) continue;
#if defined(MUTANT_LONGEST)
        if (best < 0 || heights[c->tip] > heights[b->tip]) best = k;
#else
        if (best < 0 || c->view > b->view || (c->view == b->view && heights[c->tip] > heights[b->tip]))
            best = k;
#endif
    }
    now.anchors |= BIT(best < 0 ? g->base : g->claims[best].tip);
}
#else
/* select of 1.6; hq_view 0: there is no certificate. */
static void choose(const struct gathered *g, int hq_view, int hq_block)
{
    int best = g->base;
#if !defined(MODE_BFT)
    int block;
    for (block = 1; block < BLOCKS; block++) {
        int level = heights[block] > heights[best] ? level_of(g, block) : 0;
        if (level > 0 && is_candidate(block, level, hq_view, hq_block)) best = block;
    }
#endif
#if defined(MUTANT_DESCENDANT_DROPPED)
    if (hq_view > 0 && best == g->base) best = hq_block;
#else
    if (hq_view > 0 && is_below(best, hq_block)) best = hq_block;
#endif
    now.anchors |= BIT(best);
}
#endif

#if defined(MUTANT_HEIGHT_BEFORE_VIEW)
#define IS_HIGHER(va, ba, vb, bb) \
    (heights[ba] > heights[bb] || (heights[ba] == heights[bb] && (va) > (vb)))
#else
#define IS_HIGHER(va, ba, vb, bb) ((va) > (vb) || ((va) == (vb) && heights[ba] > heights[bb]))
#endif

/* The highest certificate shown: the highest lock, or any higher one that exists. What is beside
 * the base does not count. */
static void choose_all(struct gathered *g, int view)
{
    int u, block;
    int lock_view = is_on_base(g, g->lock_block) ? g->lock_view : 0;
    choose(g, lock_view, g->lock_block);
    for (u = 0; u < view; u++)
        for (block = 1; block < BLOCKS; block++)
            if ((now.certified[u] & BIT(block)) && is_on_base(g, block) &&
                (lock_view == 0 || IS_HIGHER(u + 1, block, lock_view, g->lock_block)))
                choose(g, u + 1, block);
}

/* Any committed block may be the base. */
static void choose_bases(struct gathered *g, int view)
{
    int block;
    for (block = GENESIS; block < BLOCKS; block++) {
#if defined(MUTANT_FINAL_UNVERIFIED)
        if (block != GENESIS && views[block] >= view) continue;
#else
        if (!is_below(block, now.committed)) continue;
#endif
        g->base = block;
        choose_all(g, view);
    }
}

static void add_liars(struct gathered *g, int view, int liars, int from)
{
    int at = 0, u, block;
    if (g->count >= CHANGES) {
        choose_bases(g, view);
        return;
    }
    if (liars == 0) return;
    for (u = 0; u < view; u++)
        for (block = GENESIS; block < BLOCKS; block++) {
            if (block != GENESIS && views[block] > u) continue;
            if (at++ < from) continue;
            g->claims[g->count].view = u + 1;
            g->claims[g->count].tip = block;
            g->count++;
            add_liars(g, view, liars - 1, at - 1);
            g->count--;
        }
}

static void add_honest(struct gathered *g, int view, int k)
{
    struct gathered with = *g;
    const struct Member *member = &now.m[k];
    if (k == HONEST) {
        add_liars(g, view, F, 0);
        return;
    }
    add_honest(g, view, k + 1);
#if !defined(MODE_RAFT)
    if (g->count == CHANGES) return;
#endif
    with.claims[with.count].view = member->voted_view;
    with.claims[with.count].tip = member->voted_tip;
    with.count++;
    if (member->lock_view > 0 && (with.lock_view == 0 ||
        IS_HIGHER(member->lock_view, member->lock_block, with.lock_view, with.lock_block))) {
        with.lock_view = member->lock_view;
        with.lock_block = member->lock_block;
    }
    add_honest(&with, view, k + 1);
}

/* The present view is over; where can the next one begin? */
static void turn_view(void)
{
    struct gathered none = {{{0, 0}}, 0, 0, GENESIS, GENESIS};
    int k, block, height;
    for (block = 1; block < BLOCKS; block++)
        if (has_qc(block)) now.certified[now.view] |= BIT(block);
    for (k = 0; k < HONEST; k++) {
        struct Member *member = &now.m[k];
        if (member->anchor != NONE) {
#if defined(MUTANT_ANCHOR_KEEPS_VIEW)
            if (member->tip != member->anchor)
#endif
                member->voted_view = now.view + 1;
            member->voted_tip = member->tip;
        }
        for (height = 1; height <= 2; height++)
            if (member->locked >> (height - 1) & 1) {
                member->lock_view = now.view + 1;
                member->lock_block = at_height(member->tip, height);
            }
        member->anchor = NONE;
        member->tip = member->said = GENESIS;
        member->locked = 0;
    }
    now.anchors = 0;
    now.view++;
    add_honest(&none, now.view, 0);
}

static int child(int parent, int letter)
{
    return heights[parent] == 0 ? LOW(now.view, letter) : HIGH(now.view, letter, parent);
}

/* The member may vote for block next. */
static int may_extend(const struct Member *member, int block)
{
    if (block == GENESIS || views[block] != now.view || member->anchor == NONE) return 0;
    if (heights[block] != heights[member->tip] + 1 || parents[block] != (heights[block] == 2 ? member->tip : 0))
        return 0;
    if (heights[block] == 1 && now.view > 0 && letters[block] >= LOWS) return 0;
#if defined(MODE_RAFT)
    if (letters[block] > 0) return 0;
#endif
    return letters[block] == 0 || votes(child(member->tip, letters[block] - 1)) > 0;
}

/* The member may lock block. */
static int may_lock(const struct Member *member, int block)
{
    return member->anchor != NONE && block != GENESIS && is_below(block, member->tip) &&
           !has_locked(member, block) && has_qc(block);
}
}

inline pick_block()
{
    x = 0;
    do
    :: x + 1 < BLOCKS -> x++
    :: break
    od
}

inline vote()
{
    pick_block();
    c_code { now.is_true = may_extend(&now.m[now.i], now.x); };
    if
    :: is_true -> m[i].tip = x; m[i].said = x
    :: else
    fi
}

inline lock()
{
    pick_block();
    c_code { now.is_true = may_lock(&now.m[now.i], now.x); };
    if
    :: is_true -> c_code { now.m[now.i].locked |= 1 << (heights[now.x] - 1); }
    :: else
    fi
}

inline adopt()
{
    pick_block();
    if
    :: m[i].anchor == NONE && (anchors & (1 << x)) ->
        m[i].anchor = x;
        m[i].tip = x;
        m[i].said = x
#if defined(MODE_RAFT)
        ;
        anchors = 1 << x /* The leader's one choice. */
#endif
#if defined(MUTANT_ANCHOR_IGNORED)
    :: m[i].anchor == NONE && view > 0 -> m[i].anchor = m[i].voted_tip; m[i].tip = m[i].voted_tip; m[i].said = m[i].tip
#endif
    :: else
    fi
}

#if defined(MUTANT_RESTART_FORGETS)
/* It comes back without the vote that it has said. */
inline restart()
{
    if
    :: m[i].anchor != NONE && m[i].tip != m[i].anchor -> m[i].tip = m[i].anchor
    :: else
    fi
}
#endif

init
{
    d_step {
        c_code { name_blocks(); };
        anchors = 1;
        do
        :: i < HONEST -> m[i].anchor = NONE; i++
        :: else -> break
        od;
        i = 0
    };
end:
    do
    :: atomic {
        i = 0;
        do
        :: i + 1 < HONEST -> i++
        :: break
        od;
        if
        :: true -> vote()
#if !defined(MODE_RAFT)
        :: true -> lock()
#endif
        :: true -> adopt()
#if defined(MUTANT_RESTART_FORGETS)
        :: true -> restart()
#endif
        :: view + 1 < VIEWS -> c_code { turn_view(); }
        fi;
        c_code { settle(); };
        assert(!is_forked);
        i = 0; x = 0; is_true = 0
    }
    od
}
