/* slot.pml - MC1: one height, every behaviour of the liars, worst leaders. Can two blocks commit?
 *
 * consensus.md 1.6 without heights. F of N members lie. They are not processes but a free set: each of
 * their votes, locks and view changes is there whenever it is wanted, for both of two blocks, too. A
 * leader is as bad as can be: it shows each honest member the block, and the n - f view changes, that
 * it likes. Certificates cannot be forged: a QC needs Q - F honest votes.
 *
 * A block is named by the view that proposed it and a letter, for its header, and so its hash, says
 * its view. What does not matter is left out, so that more can be searched:
 *   - honest members have no names: after each step they are put in order;
 *   - the letter that is voted for first in a view is 0;
 *   - one view after the other. What is said in a view depends on nothing that is said in a later one,
 *     so every run can be put into this order. A member that stays behind says nothing more;
 *   - the certificate in a view change is its own highest lock or any higher one that exists: it may
 *     have come late. (More than the engine can do: there a view change is frozen.)
 *
 * Checked: never two blocks of which each has, counting the liars, a fast quorum of votes of one view
 * or a quorum of locks of one view. Votes count when they are sent, whether anybody saw them or not.
 *
 * Parameters: N F P VIEWS; MODE_BFT: no fast path. Mutants: MUTANT_NAME, see run.py. */
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
#define VIEWS 3
#endif

#define HONEST (N - F)
#if defined(MUTANT_Q_MINUS_1)
#define Q ((N + F + 2) / 2 - 1)
#else
#define Q ((N + F + 2) / 2)
#endif
#if defined(MUTANT_FAST_N_MINUS_1)
#define FAST (N - P - 1)
#elif defined(MODE_BFT)
#define FAST (N + 1)
#else
#define FAST (N - P)
#endif
#if defined(MUTANT_VC_QUORUM_MINUS_1)
#define CHANGES (N - F - 1)
#else
#define CHANGES (N - F)
#endif
#if defined(MUTANT_T_PLUS_1)
#define T (N - P - 2 * F + 1)
#elif defined(MUTANT_T_MINUS_1)
#define T (N - P - 2 * F - 1)
#elif defined(MUTANT_T_OF_P_0)
#define T (N - 2 * F)
#else
#define T (N - P - 2 * F)
#endif

/* What a member did in a view: nothing, anchored on the base with no vote yet, or a block. */
#define NONE 0
#define BASE 1
#define FIRST 2
#define BLOCK(view, letter) (FIRST + 2 * (view) + (letter))
#define END BLOCK(VIEWS, 0)
#define BIT(block) (1 << (block))

typedef Member {
    byte vote;           /* In the present view, and whether it has locked that. */
    bool is_locked;
    byte voted_view;     /* Of its last vote before: view + 1. */
    byte voted_block;
    byte lock_view;      /* Of its highest lock before: view + 1. */
    byte lock_block;
    short said[VIEWS];   /* What it said in a view, a bit per block: first votes, */
    short locked[VIEWS]; /* and locks. Of a view that is over the certificates are enough. */
};

Member m[HONEST];
byte view;     /* No vote and no lock in a lower one: the promise. */
short certified[VIEWS]; /* Bit x: a QC of that view on block x exists. */
short anchors; /* Bit x: NEWVIEW(view) can lead to block x. */
byte committed;
byte i, v, x;  /* Scratch; zero between steps. */
bool is_true;

c_code {
static int votes(int view, int block)
{
    int k, count = 0;
    for (k = 0; k < HONEST; k++)
        count += now.m[k].said[view] >> block & 1;
    return count;
}

static int locks(int view, int block)
{
    int k, count = 0;
    for (k = 0; k < HONEST; k++)
        count += now.m[k].locked[view] >> block & 1;
    return count;
}

static int has_qc(int view, int block)
{
    return votes(view, block) + F >= Q || now.certified[view] >> block & 1;
}

static int is_committed(int view, int block)
{
    return votes(view, block) + F >= FAST || locks(view, block) + F >= Q;
}

/* Members in order of their bytes. */
static void settle(void)
{
    int k, l;
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
    int block;
};

struct gathered {
    struct claim claims[N];
    int count;
    int lock_view; /* Highest lock of the honest among them. */
    int lock_block;
};

/* The T-th largest view + 1 among the claims on block; 0: fewer than T claims. */
static int level_of(const struct gathered *g, int block)
{
    int level, k;
    for (level = VIEWS; level > 0; level--) {
        int count = 0, largest = 0;
        for (k = 0; k < g->count; k++) {
            if (g->claims[k].block != block) continue;
            if (g->claims[k].view > largest) largest = g->claims[k].view;
#if defined(MUTANT_LEVEL_IS_LARGEST)
            count++;
#else
            count += g->claims[k].view >= level;
#endif
        }
#if defined(MUTANT_LEVEL_IS_LARGEST)
        if (count >= T) return largest;
#endif
        if (count >= T) return level;
    }
    return 0;
}

/* select of 1.6, for the highest certificate (hq_view, hq_block); hq_view 0: there is none. */
static void choose(const struct gathered *g, int hq_view, int hq_block)
{
    int best = BASE, block;
    for (block = FIRST; block < END; block++) {
        int level = level_of(g, block);
        int is_candidate;
        if (level == 0) continue;
#if defined(MUTANT_CERTIFICATE_WINS)
        is_candidate = hq_view == 0 || block == hq_block;
#elif defined(MUTANT_CLAIMS_WIN)
        is_candidate = 1;
#elif defined(MUTANT_TIE_TO_CLAIMS)
        is_candidate = level >= hq_view;
#else
        is_candidate = level > hq_view || (level == hq_view && block == hq_block);
#endif
        if (is_candidate) best = block;
    }
#if defined(MUTANT_VC_WITHOUT_VOTES) || defined(MODE_BFT)
    best = BASE;
#endif
    if (best == BASE && hq_view > 0) best = hq_block;
    now.anchors |= BIT(best);
}

/* The highest certificate shown: the highest lock, or any higher one of a view below v. */
static void choose_all(const struct gathered *g, int view)
{
    int u, block;
    choose(g, g->lock_view, g->lock_block);
    for (u = 0; u < view; u++)
        for (block = FIRST; block < BLOCK(u + 1, 0); block++) {
#if !defined(MUTANT_CERTIFICATE_UNVERIFIED)
            if (!has_qc(u, block)) continue;
#endif
            if (u + 1 > g->lock_view) choose(g, u + 1, block);
        }
}

/* The liars' inventions, in order: any block of any view that could have been voted for. */
static void add_liars(struct gathered *g, int view, int liars, int from)
{
    int at = 0, u, block;
    if (g->count == CHANGES) {
        choose_all(g, view);
        return;
    }
    if (liars == 0) return;
    for (u = 0; u < view; u++)
        for (block = BASE; block < BLOCK(u + 1, 0); block++, at++) {
            if (at < from) continue;
            g->claims[g->count].view = u + 1;
            g->claims[g->count].block = block;
            g->count++;
            add_liars(g, view, liars - 1, at);
            g->count--;
        }
}

/* Members from k on: each view change may be among the n - f or not. */
static void add_honest(struct gathered *g, int view, int k)
{
    struct gathered with = *g;
    const struct Member *member = &now.m[k];
    if (k == HONEST) {
        add_liars(g, view, F, 0);
        return;
    }
    add_honest(g, view, k + 1);
    if (g->count == CHANGES) return;
    with.claims[with.count].view = member->voted_view;
    with.claims[with.count].block = member->voted_block;
    with.count++;
#if !defined(MUTANT_VC_WITHOUT_LOCK)
    if (member->lock_view > with.lock_view) {
        with.lock_view = member->lock_view;
        with.lock_block = member->lock_block;
    }
#endif
    add_honest(&with, view, k + 1);
}

/* What others can still show of a view that is over. */
static void end_view(int view)
{
    int k, block;
    for (block = FIRST; block < END; block++)
        if (has_qc(view, block)) now.certified[view] |= BIT(block);
    for (k = 0; k < HONEST; k++) {
        struct Member *member = &now.m[k];
        if (member->vote != NONE) {
            member->voted_view = view + 1;
            member->voted_block = member->vote;
        }
        if (member->is_locked) {
            member->lock_view = view + 1;
            member->lock_block = member->vote;
        }
        member->vote = NONE;
        member->is_locked = 0;
#if !defined(MUTANT_PROMISE_DROPPED)
        member->said[view] = member->locked[view] = 0;
#endif
    }
}

/* Where some NEWVIEW of view can lead. */
static void find_anchors(int view)
{
    struct gathered none = {{{0, 0}}, 0, 0, 0};
    now.anchors = 0;
#if defined(MUTANT_NEWVIEW_BELIEVED)
    now.anchors = BIT(BLOCK(view, 0)) - BIT(BASE);
#else
    add_honest(&none, view, 0);
#endif
}
}

/* Agreement, after something was said about block x in view v. */
inline check()
{
    c_code { now.is_true = is_committed(now.v, now.x); };
    if
    :: is_true ->
        assert(committed == NONE || committed == x);
        committed = x
    :: else
    fi
}

/* --- What an honest member does ------------------------------------------------------------- */

inline pick_member()
{
    i = 0;
    do
    :: i + 1 < HONEST -> i++
    :: break
    od
}

#if defined(MUTANT_PROMISE_DROPPED)
inline pick_view()
{
    v = 0;
    do
    :: v + 1 < view -> v++
    :: break
    od
}
#endif

inline say_vote()
{
    if
    :: x >= FIRST ->
        m[i].said[v] = m[i].said[v] | BIT(x);
        check()
    :: else
    fi
}

/* The leader proposes something new on the base. */
inline vote_fresh()
{
    if
    :: m[i].vote == BASE ->
        x = BLOCK(v, 0);
        c_code { now.is_true = votes(now.v, now.x) > 0; };
        if
        :: true
        :: is_true -> x = BLOCK(v, 1)
        fi;
        d_step { m[i].vote = x; say_vote() }
    :: else
    fi
}

inline lock_it()
{
    m[i].is_locked = 1;
    m[i].locked[v] = m[i].locked[v] | BIT(x);
    check()
}

/* A certificate of what it voted for, in the view it is in: it says that it holds it. */
inline lock_certified()
{
    x = m[i].vote;
    c_code { now.is_true = now.x >= FIRST && has_qc(now.v, now.x); };
    if
#if defined(MUTANT_LOCK_WITHOUT_QC)
    :: x >= FIRST && !m[i].is_locked -> d_step { lock_it() }
#else
    :: is_true && !m[i].is_locked -> d_step { lock_it() }
#endif
    :: else
    fi
}

/* The leader's NEWVIEW. */
inline adopt()
{
    if
    :: m[i].vote == NONE ->
        x = NONE;
        do
        :: x + 1 < END -> x++
        :: break
        od;
        if
        :: anchors & BIT(x) -> d_step { m[i].vote = x; say_vote() }
        :: else
        fi
    :: else
    fi
}

/* Nothing more happens in this view. */
inline next_view()
{
    if
    :: view + 1 < VIEWS -> d_step { c_code { end_view(now.view); find_anchors(now.view + 1); }; view++ }
    :: else
    fi
}

#if defined(MUTANT_PROMISE_DROPPED)
/* It votes and locks in a view that it has left; its view change did not tell. */
inline break_promise()
{
    pick_view();
    x = FIRST;
    do
    :: x + 1 < BLOCK(v, 1) -> x++
    :: break
    od;
    c_code { now.is_true = has_qc(now.v, now.x); };
    if
    :: v < view && m[i].said[v] == 0 && x >= BLOCK(v, 0) -> d_step { say_vote() }
    :: v < view && (m[i].said[v] & BIT(x)) && is_true ->
        d_step { m[i].locked[v] = m[i].locked[v] | BIT(x); check() }
    :: else
    fi
}
#endif

#if defined(MUTANT_RESTART_FORGETS)
/* It comes back without what the last sync of its journal should have held. */
inline restart()
{
    if
    :: m[i].vote >= FIRST ->
        m[i].vote = (view == 0 -> BASE : NONE);
        m[i].is_locked = 0
    :: else
    fi
}
#endif

init
{
    atomic {
        do
        :: i < HONEST -> m[i].vote = BASE; i++
        :: else -> break
        od;
        i = 0
    };
end:
    do
    :: atomic {
        pick_member();
        v = view;
        if
        :: true -> vote_fresh()
        :: true -> lock_certified()
        :: true -> adopt()
        :: true -> next_view()
#if defined(MUTANT_PROMISE_DROPPED)
        :: true -> break_promise()
#endif
#if defined(MUTANT_RESTART_FORGETS)
        :: true -> restart()
#endif
        fi;
        c_code { settle(); };
        i = 0; v = 0; x = 0; is_true = 0
    }
    od
}
