/* regex_int.h - What the files of regular expressions share: the graph of states, and the tree of
 * what has groups in it. */
#ifndef TRUSTSQL_SQL_REGEX_INT_H
#define TRUSTSQL_SQL_REGEX_INT_H

#include "sql/regex.h"

#define REGEX_NONE UINT32_MAX

enum op {
    OP_CHAR,
    OP_ANY,
    OP_SET,
    OP_SPLIT,
    OP_JUMP,
    OP_BEGIN,
    OP_END,
    OP_WORD_BEGIN,
    OP_WORD_END,
    OP_WORD_EDGE,
    OP_WORD_INSIDE,
    OP_MATCH
};

struct range {
    uint32_t low;
    uint32_t high;
};

struct state {
    enum op op;
    uint32_t code; /* OP_CHAR; OP_SET: the first range. */
    uint32_t count;
    bool is_not;
    bool is_text; /* \A and \Z: of the whole text, whatever the flags say. */
    uint32_t next;
    uint32_t other; /* OP_SPLIT */
};

struct part { /* A piece of the graph: where it begins, and its only open end. */
    uint32_t start;
    uint32_t end; /* A state whose next is open. */
};

/* What a piece prefers, and what is in it (PostgreSQL's LONGER, SHORTER, MIXED, CAP). */
#define PREFER_LONGER  1u
#define PREFER_SHORTER 2u
#define PREFER_MIXED   4u
#define HAS_GROUP      8u

enum tree_op { TREE_PLAIN, TREE_PAIR, TREE_CHOICE, TREE_REPEAT, TREE_GROUP };

struct tree { /* Of pieces that must be looked into to say what groups matched. */
    enum tree_op op;
    unsigned flags;
    uint32_t group;    /* 1-based; 0: it is none. */
    uint32_t most;     /* TREE_REPEAT; REGEX_NONE: without end. At least none. */
    struct part part;  /* Its end is reached when it has matched. */
    struct tree *left; /* Or the first of TREE_CHOICE, which are linked by next. */
    struct tree *right;
    struct tree *next;
};

struct regex {
    struct state *states;
    struct range *ranges;
    uint32_t state_count;
    uint32_t range_count;
    uint32_t range_room;
    uint32_t start;
    uint32_t end; /* OP_MATCH */
    uint32_t group_count;
    unsigned flags_of_tree;
    struct tree *tree; /* Null: no groups. */
    struct regex_flags flags;
    uint32_t *list[2]; /* States at a character. */
    uint32_t *mark;
    uint32_t stamp;
    uint64_t left;
};

uint32_t regex_decode(struct span s, size_t *at);
uint32_t regex_lower(uint32_t code);
/* A match that begins at from and ends in [least, most]: the longest of them, or the shortest. */
struct reach {
    size_t from;
    size_t least;
    size_t most;
    bool is_shortest;
};
bool regex_part(
    struct regex *r, struct part part, struct span text, const struct reach *reach, size_t *end);

#endif
