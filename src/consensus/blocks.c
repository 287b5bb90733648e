/* blocks.c - Headers that are known, and the line they form above the root.
 *
 * The table is small and shared: what the line, the anchor's path, a commit certificate or the
 * highest quorum certificate needs stays, of the rest the oldest view goes first. What went is
 * asked for again by whoever needs it.
 *
 * line[0 … voted_count) is the voted chain of the promise record; line[voted_count … line_count)
 * are valid proposals whose bodies or votes are still to come. */
#include "consensus/consensus_int.h"

static bool is_pinned(const struct consensus *c,
                      const struct branch *branch,
                      const struct block *b);
static struct block *free_block(struct consensus *c);

struct block *block_find(struct consensus *c, const struct hash *hash)
{
    for (uint32_t i = 0; i < c->block_count; i++)
        if (hash_equal(&c->blocks[i].hash, hash)) return &c->blocks[i];
    return NULL;
}

bool block_is_whole(const struct consensus *c, const struct block *b)
{
    return b->has_body && (b->has_facts || !c->is_adapting);
}

/* The header proposed by its leader for (view, height), signature known. */
struct block *block_proposed(struct consensus *c, uint64_t view, uint64_t height)
{
    for (uint32_t i = 0; i < c->block_count; i++) {
        struct block *b = &c->blocks[i];
        if (c->block_heights[i] == height && b->has_sig && b->header.view == view) return b;
    }
    return NULL;
}

/* Null: no room, everything there is needed. */
struct block *block_add(struct consensus *c, const struct header *header, const struct hash *hash)
{
    struct block *b = block_find(c, hash);
    if (b != NULL) return b;
    b = free_block(c);
    if (b == NULL) return NULL;
    *b = (struct block){.hash = *hash, .header = *header, .from = NODES_MAX, .wall_ms = c->wall_ms};
    c->block_heights[b - c->blocks] = header->height;
    return b;
}

struct tip tip_of(const struct header *header, const struct hash *hash)
{
    return (struct tip){.height = header->height,
                        .hash = *hash,
                        .time_ms = header->time_ms,
                        .view = header->view,
                        .final_height = header->final_height,
                        .res_height = header->res_height,
                        .is_close = (header->flags & BLOCK_EPOCH_CLOSE) != 0};
}

uint64_t line_tip_height(const struct consensus *c)
{
    uint64_t height = c->root_height + c->line_count;
    return height > c->final.height ? height : c->final.height;
}

uint64_t voted_tip_height(const struct consensus *c)
{
    return c->root_height + c->voted_count;
}

/* Of the final block while nothing known stands above it. */
struct tip line_tip(const struct consensus *c)
{
    uint64_t height = c->root_height + c->line_count;
    if (c->is_dead || height <= c->final.height) return c->final;
    const struct line_item *item = &c->line[c->line_count - 1];
    if (item->block != NULL) return tip_of(&item->block->header, &item->hash);
    return (struct tip){.height = height, .hash = item->hash};
}

struct line_item *line_at(struct consensus *c, uint64_t height)
{
    if (height <= c->root_height || height > c->root_height + c->line_count) return NULL;
    return &c->line[height - c->root_height - 1];
}

struct line_item *line_add(struct consensus *c, const struct hash *hash, struct block *block)
{
    must(c->line_count < W); /* I1 */
    uint64_t height = c->root_height + c->line_count + 1;
    must(block == NULL || block->header.height == height);
    struct line_item *item = &c->line[c->line_count++];
    *item = (struct line_item){.hash = *hash, .block = block};
    if (height > c->final.height) {
        struct merkle_tree *tree = &c->trees[height % TREES_MAX];
        *tree = *tree_below(c, height);
        struct hash leaf = merkle_leaf(hash_span(hash));
        merkle_tree_add(tree, &leaf);
        must(tree->count == height);
    }
    return item;
}

const struct merkle_tree *tree_below(const struct consensus *c, uint64_t height)
{
    must(height > c->final.height);
    if (height == c->final.height + 1) return &c->final_tree;
    return &c->trees[(height - 1) % TREES_MAX];
}

void line_cut(struct consensus *c, uint32_t count)
{
    for (uint32_t i = count; i < c->line_count; i++) {
        uint64_t height = c->root_height + i + 1;
        if (height <= c->final.height) continue;
        struct consensus_effect *drop = effect_add(c, CONSENSUS_DROP);
        drop->height = height;
        drop->hash = c->line[i].hash;
    }
    if (c->line_count > count) c->line_count = count;
    if (c->voted_count > count) c->voted_count = count;
}

void line_trim(struct consensus *c, uint64_t height)
{
    must(height > c->root_height && height <= c->root_height + c->line_count);
    uint32_t gone = (uint32_t)(height - c->root_height);
    c->root_height = height;
    c->root_hash = c->line[gone - 1].hash;
    c->line_count -= gone;
    c->voted_count = c->voted_count > gone ? c->voted_count - gone : 0;
    memmove(c->line, c->line + gone, c->line_count * sizeof c->line[0]);
}

enum path path_find(struct consensus *c,
                    const struct statement *to,
                    struct block **path,
                    uint32_t *count,
                    struct statement *missing)
{
    must(to->height > c->final.height);
    if (to->height - c->final.height > PATH_BLOCKS_MAX) return PATH_FAR;
    uint32_t length = (uint32_t)(to->height - c->final.height);
    struct statement at = *to;
    for (uint32_t i = length; i > 0; i--) {
        struct block *b = block_find(c, &at.hash);
        if (b == NULL) {
            *missing = at;
            return PATH_MISSING;
        }
        if (b->header.height != at.height) return PATH_FORK;
        path[i - 1] = b;
        at.hash = b->header.parent;
        at.height--;
    }
    if (!hash_equal(&at.hash, &c->final.hash)) return PATH_FORK;
    *count = length;
    return PATH_WHOLE;
}

bool branch_find(struct consensus *c, struct branch *out, struct statement *missing)
{
    const struct statement *hq = &c->hq.statement;
    out->count = 0;
    *missing = *hq;
    if (!c->has_hq || hq->height <= c->root_height) return true;
    const struct statement *root = &c->root_cert.statement; /* Of this epoch, or of its base. */
    if (c->has_root_cert && root->epoch == hq->epoch && root->view > hq->view) return true;
    while (missing->height > c->root_height) {
        const struct line_item *item = line_at(c, missing->height);
        bool is_on_chain = item != NULL && missing->height <= voted_tip_height(c) &&
                           hash_equal(&item->hash, &missing->hash);
        if (is_on_chain) break;
        struct block *b = block_find(c, &missing->hash);
        if (b == NULL || out->count == W) return false;
        for (uint32_t i = out->count; i > 0; i--)
            out->blocks[i] = out->blocks[i - 1];
        out->blocks[0] = b;
        out->count++;
        missing->hash = b->header.parent;
        missing->height--;
    }
    if (missing->height > c->root_height || hash_equal(&missing->hash, &c->root_hash)) return true;
    missing->height = 0; /* More than f are lying. */
    return false;
}

bool tip_word(const struct consensus *c, struct signature *out)
{
    must(c->voted_count > 0);
    const struct line_item *tip = &c->line[c->voted_count - 1];
    const struct consensus_record *r = &c->record;
    bool is_proposed = tip->block != NULL && tip->block->header.view == c->voted_view;
    if (is_proposed && tip->block->has_sig) {
        *out = tip->block->sig;
        return true;
    }
    if (!is_proposed && c->has_anchor_word) {
        *out = c->anchor_word;
        return true;
    }
    bool is_written = r->has_tip_sig && hash_equal(&r->chain[r->chain_count - 1], &tip->hash);
    if (is_written) *out = r->tip_sig;
    return is_written;
}

static bool is_pinned(const struct consensus *c, const struct branch *branch, const struct block *b)
{
    for (uint32_t i = 0; i < c->line_count; i++)
        if (c->line[i].block == b) return true;
    for (uint32_t i = 0; i < branch->count; i++)
        if (branch->blocks[i] == b) return true;
    if (b->header.height <= c->final.height) return false;
    if (c->is_ahead && b->header.height <= c->ahead.statement.height && b->has_body) return true;
    if (c->phase == PHASE_ANCHORING && b->header.height <= c->anchor.height) return true;
    return false;
}

static struct block *free_block(struct consensus *c)
{
    struct block *worst = NULL;
    struct branch branch;
    struct statement missing;
    if (c->block_count < BLOCKS_MAX) return &c->blocks[c->block_count++];
    (void)branch_find(c, &branch, &missing); /* What is known of it stays. */
    for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
        struct block *b = &c->blocks[i];
        if (is_pinned(c, &branch, b)) continue;
        bool is_worse =
            worst == NULL || b->header.height <= c->final.height ||
            (worst->header.height > c->final.height && b->header.view < worst->header.view);
        if (is_worse) worst = b;
    }
    return worst;
}
