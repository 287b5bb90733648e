/* GROUP BY with GROUPING SETS, ROLLUP and CUBE, and GROUPING().
 *
 * SQLite groups by one list. A query with several grouping sets becomes a query over the UNION ALL
 * of one branch for each set: there, grouping expressions that are not in the set are NULL, and
 * GROUPING() is a number. A set is a bit mask over the grouping expressions. */
#include "base/must.h"
#include "sql/bind_int.h"

#define SETS_SINCE 4u  /* exec_version */
#define SETS_MAX   64u /* Branches of one query; SQLite takes 500 in a UNION. */
#define TERMS_MAX  31u /* Grouping expressions: the bits that GROUPING() can show. */

struct sets {
    uint32_t masks[SETS_MAX];
    uint32_t count;
};

static enum status bind_item(struct binder *b,
                             struct query *q,
                             struct sets *out,
                             const PgQuery__Node *n);
static enum status bind_term(struct binder *b,
                             struct query *q,
                             const PgQuery__Node *n,
                             uint32_t *bit);
static enum status add_set(struct binder *b, struct sets *s, uint32_t mask);

/* --- the sets ------------------------------------------------------------------------------ */

static bool is_set(const PgQuery__Node *n)
{
    return n->node_case == PG_QUERY__NODE__NODE_GROUPING_SET || bind_is_row(n);
}

/* GROUP BY a, ROLLUP (b, c): each set of one item with each of the others. */
enum status bind_grouping(struct binder *b, struct query *q, const PgQuery__SelectStmt *s)
{
    bool has_sets = false;
    for (size_t i = 0; i < s->n_group_clause; i++)
        has_sets = has_sets || is_set(s->group_clause[i]);
    if (!has_sets) return bind_plain_groups(b, q, s);
    struct sets all = {.count = 1};
    for (size_t i = 0; i < s->n_group_clause; i++) {
        struct sets item = {0};
        struct sets product = {0};
        TRY(bind_item(b, q, &item, s->group_clause[i]));
        for (uint32_t k = 0; k < all.count; k++)
            for (uint32_t m = 0; m < item.count; m++)
                TRY(add_set(b, &product, all.masks[k] | item.masks[m]));
        all = product;
    }
    q->sets = arena_alloc_zero(b->arena, all.count, sizeof *q->sets);
    if (q->sets == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < all.count; i++) {
        bool is_again = false;
        for (uint32_t k = 0; k < q->set_count; k++)
            is_again = is_again || q->sets[k] == all.masks[i];
        if (!s->group_distinct || !is_again) q->sets[q->set_count++] = all.masks[i];
    }
    return ST_OK;
}

static enum status add_set(struct binder *b, struct sets *s, uint32_t mask)
{
    if (s->count == SETS_MAX) return bind_too_many(b, "grouping sets", SETS_MAX);
    s->masks[s->count++] = mask;
    return ST_OK;
}

/* a, or (a, b): what goes together. */
static enum status bind_unit(struct binder *b,
                             struct query *q,
                             const PgQuery__Node *n,
                             uint32_t *mask)
{
    *mask = 0;
    if (!bind_is_row(n)) return bind_term(b, q, n, mask);
    for (size_t i = 0; i < n->row_expr->n_args; i++) {
        uint32_t bit = 0;
        TRY(bind_term(b, q, n->row_expr->args[i], &bit));
        *mask |= bit;
    }
    return ST_OK;
}

static enum status bind_units(struct binder *b,
                              struct query *q,
                              struct sets *out,
                              const PgQuery__GroupingSet *g)
{
    for (size_t i = 0; i < g->n_content; i++) {
        uint32_t mask = 0;
        TRY(bind_unit(b, q, g->content[i], &mask));
        TRY(add_set(b, out, mask));
    }
    return ST_OK;
}

static enum status bind_rollup(struct binder *b,
                               struct query *q,
                               struct sets *out,
                               const PgQuery__GroupingSet *g)
{
    struct sets units = {0};
    TRY(bind_units(b, q, &units, g));
    for (uint32_t length = units.count + 1; length > 0; length--) {
        uint32_t mask = 0;
        for (uint32_t i = 0; i + 1 < length; i++)
            mask |= units.masks[i];
        TRY(add_set(b, out, mask));
    }
    return ST_OK;
}

static enum status bind_cube(struct binder *b,
                             struct query *q,
                             struct sets *out,
                             const PgQuery__GroupingSet *g)
{
    struct sets units = {0};
    if (g->n_content > 12) return bind_too_many(b, "elements in CUBE", 12);
    TRY(bind_units(b, q, &units, g));
    for (uint32_t choice = 0; choice < (uint32_t)1 << units.count; choice++) {
        uint32_t mask = 0;
        for (uint32_t i = 0; i < units.count; i++)
            if ((choice >> i & 1u) == 0) mask |= units.masks[i];
        TRY(add_set(b, out, mask));
    }
    return ST_OK;
}

static enum status bind_item(struct binder *b,
                             struct query *q,
                             struct sets *out,
                             const PgQuery__Node *n)
{
    uint32_t mask = 0;
    if (n->node_case != PG_QUERY__NODE__NODE_GROUPING_SET) {
        if (bind_is_row(n))
            TRY(bind_needs_or(b, SETS_SINCE, n->row_expr->location, "row values are not supported",
                              "Compare column by column."));
        TRY(bind_unit(b, q, n, &mask));
        return add_set(b, out, mask);
    }
    const PgQuery__GroupingSet *g = n->grouping_set;
    TRY(bind_needs_or(b, SETS_SINCE, g->location,
                      "GROUPING SETS, ROLLUP and CUBE are not supported",
                      "Use UNION ALL of several GROUP BY."));
    switch (g->kind) {
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_EMPTY: return add_set(b, out, 0);
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_ROLLUP: return bind_rollup(b, q, out, g);
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_CUBE: return bind_cube(b, q, out, g);
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_SETS:
        for (size_t i = 0; i < g->n_content; i++) /* The grammar bounds the nesting: lex.h. */
            TRY(bind_item(b, q, out, g->content[i]));
        return ST_OK;
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_SIMPLE:
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_KIND_UNDEFINED:
    case _PG_QUERY__GROUPING_SET_KIND_IS_INT_SIZE: break;
    }
    return bind_unsupported(b, g->location, "this grouping set is not supported", NULL);
}

/* The bit of a grouping expression: that of an equal one that is there, or a new one. */
static enum status bind_term(struct binder *b,
                             struct query *q,
                             const PgQuery__Node *n,
                             uint32_t *bit)
{
    struct expr *e = NULL;
    b->clause = CLAUSE_GROUP;
    TRY(bind_output_term(b, q, n, &e));
    for (uint32_t i = 0; i < q->group_count; i++) {
        bool is_same = false;
        if (!bind_same_text(b, q->groups[i], e, &is_same)) return bind_no_memory(b);
        if (!is_same) continue;
        *bit = (uint32_t)1 << i;
        return ST_OK;
    }
    if (q->group_count == TERMS_MAX)
        return bind_too_many(b, "expressions in grouping sets", TERMS_MAX);
    q->groups = bind_grow(b, q->groups, q->group_count, sizeof(struct expr *));
    if (q->groups == NULL) return bind_no_memory(b);
    *bit = (uint32_t)1 << q->group_count;
    q->groups[q->group_count++] = e;
    return ST_OK;
}

/* --- GROUPING (a, b) ------------------------------------------------------------------------- */

enum status bind_grouping_call(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    const PgQuery__GroupingFunc *g = n->grouping_func;
    TRY(bind_needs_or(b, SETS_SINCE, -1, "this kind of expression is not supported", NULL));
    if (g->n_args > TERMS_MAX)
        return bind_fail(b, g->location, "54023", "GROUPING must have fewer than 32 arguments");
    const bool is_allowed =
        b->query != NULL &&
        (b->clause == CLAUSE_TARGET || b->clause == CLAUSE_HAVING || b->clause == CLAUSE_ORDER);
    if (!is_allowed)
        return bind_fail(b, g->location, "42803",
                         "grouping operations are not allowed in this "
                         "place");
    struct expr *e = bind_new_expr(b, EXPR_GROUPING, SQL_INT4, g->location);
    if (e == NULL) return bind_no_memory(b);
    TRY(bind_expr_list(b, &e->args, g->args, g->n_args));
    e->arg_count = (uint32_t)g->n_args;
    b->query->has_grouping = true;
    *out = e;
    return ST_OK;
}

/* --- branches ------------------------------------------------------------------------------ */

struct branch {
    struct binder *binder;
    const struct query *query;
    uint32_t set;
};

static enum status in_branch(const struct branch *s, struct expr **e);

static enum status find_group(const struct branch *s, const struct expr *e, int *index)
{
    *index = -1;
    if (e->kind == EXPR_CONST || e->kind == EXPR_PARAM) return ST_OK;
    for (uint32_t i = 0; i < s->query->group_count && *index < 0; i++) {
        bool is_same = false;
        if (!bind_same_text(s->binder, s->query->groups[i], e, &is_same))
            return bind_no_memory(s->binder);
        if (is_same) *index = (int)i;
    }
    return ST_OK;
}

static enum status constant(const struct branch *s, struct expr **e, bool is_null, int64_t value)
{
    struct expr *c = bind_new_expr(s->binder, EXPR_CONST, (*e)->type, (*e)->position);
    if (c == NULL) return bind_no_memory(s->binder);
    c->typmod = (*e)->typmod;
    c->scale = (*e)->scale;
    c->value = (struct sql_value){.type = c->type, .is_null = is_null, .integer = value};
    *e = c;
    return ST_OK;
}

static enum status grouping_number(const struct branch *s, struct expr **e)
{
    int64_t number = 0;
    for (uint32_t i = 0; i < (*e)->arg_count; i++) {
        int group = -1;
        TRY(find_group(s, (*e)->args[i], &group));
        if (group < 0)
            return bind_fail(s->binder, (*e)->args[i]->position, "42803",
                             "arguments to GROUPING must be grouping expressions of the "
                             "associated query level");
        number = number << 1u | (s->set >> (uint32_t)group & 1u ? 0 : 1);
    }
    return constant(s, e, false, number);
}

static enum status in_branch_args(const struct branch *s, struct expr **e)
{
    struct expr *copy = arena_alloc(s->binder->arena, sizeof *copy);
    if (copy == NULL) return bind_no_memory(s->binder);
    *copy = **e;
    copy->args = arena_alloc_zero(s->binder->arena, copy->arg_count, sizeof(struct expr *));
    if (copy->args == NULL) return bind_no_memory(s->binder);
    for (uint32_t i = 0; i < copy->arg_count; i++) {
        copy->args[i] = (*e)->args[i];
        TRY(in_branch(s, &copy->args[i]));
    }
    *e = copy;
    return ST_OK;
}

/* What the expression is in the branch; depth is that of the statement's text (lex.h). */
static enum status in_branch(const struct branch *s, struct expr **e)
{
    int group = -1;
    if ((*e)->kind == EXPR_GROUPING) return grouping_number(s, e);
    if ((*e)->kind == EXPR_QUERY || (*e)->kind == EXPR_WINDOW)
        return bind_unsupported(s->binder, (*e)->position,
                                "subqueries and window functions beside grouping sets are not "
                                "supported",
                                "Group in a subquery in FROM.");
    if ((*e)->kind == EXPR_AGGREGATE) return ST_OK;
    TRY(find_group(s, *e, &group));
    if (group >= 0 && (s->set >> (uint32_t)group & 1u) == 0) return constant(s, e, true, 0);
    return group >= 0 || (*e)->arg_count == 0 ? ST_OK : in_branch_args(s, e);
}

static enum status new_branch(struct binder *b,
                              const struct query *q,
                              uint32_t set,
                              struct query **out)
{
    const struct branch s = {.binder = b, .query = q, .set = set};
    struct query *branch = arena_alloc(b->arena, sizeof *branch);
    if (branch == NULL) return bind_no_memory(b);
    *branch = *q;
    branch->group_count = 0;
    branch->groups = arena_alloc_zero(b->arena, q->group_count + 1u, sizeof(struct expr *));
    branch->targets =
        arena_alloc_zero(b->arena, q->target_count + q->sort_count + 1u, sizeof *branch->targets);
    if (branch->groups == NULL || branch->targets == NULL) return bind_no_memory(b);
    branch->target_count = q->target_count + q->sort_count;
    for (uint32_t i = 0; i < branch->target_count; i++) {
        struct expr **e = &branch->targets[i].expr;
        *e = i < q->target_count ? q->targets[i].expr : q->sorts[i - q->target_count].expr;
        TRY(in_branch(&s, e));
    }
    if (q->having != NULL) TRY(in_branch(&s, &branch->having));
    for (uint32_t i = 0; i < q->group_count; i++) {
        if ((set >> i & 1u) == 0) continue;
        struct expr **g = &branch->groups[branch->group_count++];
        *g = q->groups[i];
        TRY(bind_canonical(b, g));
    }
    branch->sort_count = 0;
    branch->is_distinct = false;
    branch->set_count = 0;
    branch->cte_count = 0;
    *out = branch;
    return ST_OK;
}

/* The query's outputs and ORDER BY become columns of the union of the branches. */
static enum status read_from(struct binder *b, struct query *q, struct query *all)
{
    struct source *source = NULL;
    TRY(bind_query_source(b, &source, all));
    struct from *from = arena_alloc_zero(b->arena, 1, sizeof *from);
    if (from == NULL) return bind_no_memory(b);
    from->source = source;
    q->from = arena_alloc_zero(b->arena, 1, sizeof(struct from *));
    if (q->from == NULL) return bind_no_memory(b);
    q->from[0] = from;
    q->from_count = 1;
    const uint32_t own = q->target_count;
    for (uint32_t i = 0; i < own; i++) {
        q->targets[i].expr = bind_field(b, source, i);
        if (q->targets[i].expr == NULL) return bind_no_memory(b);
    }
    for (uint32_t i = 0; i < q->sort_count; i++) {
        struct sort *sort = &q->sorts[i];
        sort->expr =
            q->is_distinct ? q->targets[sort->ordinal - 1].expr : bind_field(b, source, own + i);
        if (sort->expr == NULL) return bind_no_memory(b);
        if (!q->is_distinct) sort->ordinal = 0;
    }
    q->where = q->having = NULL;
    q->group_count = q->set_count = 0;
    q->has_aggregates = false;
    return ST_OK;
}

enum status bind_branches(struct binder *b, struct query *q)
{
    if (q->has_grouping && q->set_count == 0) { /* One set: all, or of HAVING alone, none. */
        if (q->group_count > TERMS_MAX)
            return bind_too_many(b, "expressions beside GROUPING", TERMS_MAX);
        q->sets = arena_alloc(b->arena, sizeof *q->sets);
        if (q->sets == NULL) return bind_no_memory(b);
        q->sets[0] = ((uint32_t)1 << q->group_count) - 1;
        q->set_count = 1;
    }
    if (q->set_count == 0) return ST_OK;
    if (q->distinct_on_count > 0)
        return bind_unsupported(b, -1, "DISTINCT ON beside grouping sets is not supported",
                                "Group in a subquery in FROM.");
    must(q->group_count <= TERMS_MAX);
    TRY(bind_settle_targets(b, q));
    struct query *all = arena_alloc_zero(b->arena, 1, sizeof *all);
    if (all == NULL) return bind_no_memory(b);
    all->branches = arena_alloc_zero(b->arena, q->set_count, sizeof(struct query *));
    if (all->branches == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < q->set_count; i++)
        TRY(new_branch(b, q, q->sets[i], &all->branches[all->branch_count++]));
    all->targets = all->branches[0]->targets;
    all->target_count = all->branches[0]->target_count;
    return read_from(b, q, all);
}
