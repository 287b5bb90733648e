/* epoch.pml - MC4: an epoch ends and another begins. Can two blocks of one height commit?
 *
 * consensus.md 1.12. Four members of epoch 0: honest 0, 1, 2 and a liar; four of epoch 1: honest 1, 2, 3
 * and a liar. Member 0 is dropped: once epoch 1 works, its key may be in anybody's hands.
 *
 * Inside an epoch and height an honest member votes once: how views keep to that is slot.pml's and
 * chain.pml's matter. At height 1 the change of configuration is due: block P with the result that
 * tells so is certified. The leader proposes all it likes: two blocks that close the epoch, and one
 * that should and does not. A voter that has executed P wants the close; one that has not takes
 * the open block, and waits for the result before it votes for a close. Nothing is voted for above
 * a close in its epoch. When the close is final and its result is certified the member begins epoch 1
 * there. Height 2 is voted for in epoch 0 above the open block, in epoch 1 above the close.
 *
 * A member may crash at any time; what it voted for and which epoch it is in are in its journal.
 *
 * Checked: the committed blocks are on one chain; epoch 1 has one first block; a block that must close
 * the epoch and does not is never committed.
 * Mutants: MUTANT_NAME, see run.py. */
#define MEMBERS 4 /* Honest: 0 … 2 in epoch 0, 1 … 3 in epoch 1. */
#define Q 3
#define LIARS 1
#define NONE 0
#define OPEN 1     /* Height 1, without the flag that it must have. */
#define CLOSE 2    /* Height 1, … and another one. */
#define CLOSE_B 3

typedef Member {
    bool has_executed; /* P: it knows that the change is due. */
    byte vote;         /* Height 1, epoch 0. */
    byte above;        /* Height 2, epoch 0: the block it voted above. */
    byte closed;       /* The close that is final here and executed. */
    byte base;         /* Of epoch 1, once begun. */
    byte first;        /* Height 2, epoch 1: 1 or 2, two blocks of a leader. */
    byte said_base;    /* As others heard it. */
    byte said_first;
};

Member m[MEMBERS];
byte i, x, count; /* Scratch; zero between steps. */
byte committed;   /* At height 1 … */
byte parent;      /* … and at height 2: its parent, its epoch + 1, which one. */
byte epoch;
byte which;

#define VOTES(b) ((m[0].vote == b) + (m[1].vote == b) + (m[2].vote == b) + LIARS)
#define ABOVE(b) ((m[0].above == b) + (m[1].above == b) + (m[2].above == b) + LIARS)
#define FIRST(k, b, c) (m[k].said_base == b && m[k].said_first == c)
#define FIRSTS(b, c) (FIRST(1, b, c) + FIRST(2, b, c) + FIRST(3, b, c) + LIARS)
#define HAS_BEGUN ((m[1].base != NONE) + (m[2].base != NONE) + (m[3].base != NONE) >= Q - LIARS)
#define IS_DUE (m[0].has_executed + m[1].has_executed + m[2].has_executed + LIARS >= Q)
#define RESULT(b) ((m[0].closed == b) + (m[1].closed == b) + (m[2].closed == b) + LIARS >= Q)
#define IS_FINAL(b) (VOTES(b) >= Q)

inline commit(p, e, c)
{
    assert(parent == NONE || (parent == p && epoch == e && which == c));
    parent = p;
    epoch = e;
    which = c
}

inline check()
{
    d_step {
        x = OPEN;
        do
        :: x <= CLOSE_B ->
            if
            :: IS_FINAL(x) -> 
                assert(x != OPEN && (committed == NONE || committed == x));
                committed = x
            :: else
            fi;
            count = ABOVE(x);
#if defined(MUTANT_EPOCHS_MIXED)
            /* Votes of epoch 1 are checked with the keys of epoch 0, of which one is free now. */
            count = count + HAS_BEGUN + (m[1].said_base == x && m[1].said_first == 2) +
                    (m[2].said_base == x && m[2].said_first == 2);
#endif
            if
            :: count >= Q -> commit(x, 1, 2)
            :: else
            fi;
            if
            :: FIRSTS(x, 1) >= Q -> commit(x, 2, 1)
            :: else
            fi;
            if
            :: FIRSTS(x, 2) >= Q -> commit(x, 2, 2)
            :: else
            fi;
            x++
        :: else -> break
        od;
        assert(parent == NONE || committed == NONE || parent == committed);
        i = 0;
        x = 0;
        count = 0
    }
}

inline pick()
{
    i = 0;
    do
    :: i + 1 < MEMBERS -> i++
    :: break
    od;
    if
    :: x = OPEN
    :: x = CLOSE
    :: x = CLOSE_B
    fi
}

init
{
end:
    do
    :: atomic {
        pick();
        if
        /* Execution of P; its result is certified when a quorum has it. */
        :: i < 3 -> m[i].has_executed = true
        /* Height 1: the header shows the certified result. */
#if defined(MUTANT_FLAG_UNCHECKED)
        :: i < 3 && m[i].vote == NONE && IS_DUE -> m[i].vote = x
#else
        :: i < 3 && m[i].vote == NONE && IS_DUE && ((x == OPEN) != m[i].has_executed) -> m[i].vote = x
#endif
        /* Height 2 in epoch 0, above what it voted for; not above a close. */
#if defined(MUTANT_VOTE_ABOVE_CLOSE)
        :: i < 3 && m[i].above == NONE && m[i].vote == x -> m[i].above = x
#else
        :: i < 3 && m[i].above == NONE && m[i].vote == x && x == OPEN -> m[i].above = x
#endif
        /* The close is final and executed here. */
        :: x != OPEN && m[i].closed == NONE && IS_FINAL(x) -> m[i].closed = x
        /* Epoch 1 begins. */
#if defined(MUTANT_BEGINS_WHEN_SEEN)
        :: i > 0 && x != OPEN && m[i].base == NONE && VOTES(x) > LIARS -> m[i].base = x
#else
        :: i > 0 && x != OPEN && m[i].base == NONE && m[i].closed == x && RESULT(x) -> m[i].base = x
#endif
        /* Its first block, of a leader that shows two. */
        :: i > 0 && m[i].base == x && m[i].first == NONE ->
            if
            :: m[i].first = 1
            :: m[i].first = 2
            fi;
            m[i].said_base = x;
            m[i].said_first = m[i].first
#if defined(MUTANT_RESTART_FORGETS)
        /* It begins epoch 1 once more, without the record of what it said there. */
        :: i > 0 && m[i].first == 1 && HAS_BEGUN -> m[i].first = NONE
#endif
        :: true
        fi;
        check()
    }
    od
}
