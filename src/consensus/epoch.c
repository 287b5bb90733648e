/* epoch.c - The end of an epoch (1.12), and its first block.
 *
 * Execution tells which configuration waits for the next epoch. The block that certifies a result
 * with one closes the epoch: it names the configuration, and nothing stands above it. When it is
 * final and its result certified, this engine has done its work.
 *
 * A voter judges by its own execution of the height that the header certifies. A quorum has
 * executed that, so a leader that closes too early, too late or with another configuration finds no
 * quorum. Who has not executed it yet waits with its vote for a block that closes, and votes for
 * one that does not. */
#include "consensus/consensus_int.h"

enum knowledge { NEXT_NONE, NEXT_WAITS, NEXT_UNKNOWN };
static enum knowledge next_at(const struct consensus *c, uint64_t height);

void epoch_start(struct consensus *c, const struct consensus_start *start)
{
    must(start->base_height <= start->height);
    c->base_height = start->base_height;
    c->final.is_close =
        start->height > start->base_height && (start->flags & BLOCK_EPOCH_CLOSE) != 0;
    c->next_config = start->next_config;
    c->none_height = start->height;
    if (!hash_is_zero(&start->next_config)) {
        bool is_known = start->next_from > start->base_height && start->next_from <= start->height;
        c->next_from = is_known ? start->next_from : start->height;
        c->none_height = is_known ? start->next_from - 1 : start->base_height;
    }
    const struct certificate *cert = &start->res_cert;
    if (cert->entry_count == 0 || cert->statement.height < c->result_height) return;
    if (cert->statement.height > c->executed_height) return;
    c->res_cert = *cert;
    c->has_res_cert = true;
    c->result_height = cert->statement.height;
    if (c->p3_height < c->result_height) c->p3_height = c->result_height;
}

/* Heights may be skipped: whether something waited there is then not known. */
void epoch_on_executed(struct consensus *c, const struct consensus_event *event)
{
    must(event->height > c->none_height);
    if (c->next_from > 0) return; /* The same waits until the epoch ends. */
    if (hash_is_zero(&event->next_config)) {
        c->none_height = event->height;
        return;
    }
    c->next_from = event->height;
    c->next_config = event->next_config;
}

enum epoch_verdict epoch_judge(const struct consensus *c, const struct header *h)
{
    bool is_close = (h->flags & BLOCK_EPOCH_CLOSE) != 0;
    switch (next_at(c, h->res_height)) {
    case NEXT_NONE: return is_close ? EPOCH_WRONG : EPOCH_RIGHT;
    case NEXT_UNKNOWN: return is_close ? EPOCH_WAIT : EPOCH_RIGHT;
    case NEXT_WAITS: break;
    }
    return hash_equal(&c->next_config, &h->next_config_hash) ? EPOCH_RIGHT : EPOCH_WRONG;
}

/* As a leader: false: it cannot tell what a block that certifies height has to say. */
bool epoch_close(const struct consensus *c, uint64_t height, struct header *h)
{
    enum knowledge known = next_at(c, height);
    if (known == NEXT_WAITS && h != NULL) {
        h->flags |= BLOCK_EPOCH_CLOSE;
        h->next_config_hash = c->next_config;
    }
    return known != NEXT_UNKNOWN;
}

/* A block is due for the epoch's sake: the first one, which shows the certificates of the block
 * before, or the last one. */
bool epoch_is_step_due(const struct consensus *c, const struct tip *tip)
{
    if (tip->is_close) return false;
    if (tip->height == c->base_height) return c->config.epoch > 0;
    return next_at(c, c->result_height) == NEXT_WAITS;
}

void epoch_settle(struct consensus *c)
{
    if (c->is_over || !c->final.is_close || !c->has_final_cert || !c->has_res_cert) return;
    if (c->res_cert.statement.height < c->final.height) return;
    must(c->final_cert.statement.height == c->final.height);
    c->is_over = true;
    struct consensus_effect *end = effect_add(c, CONSENSUS_EPOCH_END);
    end->height = c->final.height;
    end->hash = c->final.hash;
    end->final_cert = &c->final_cert;
    end->res_cert = &c->res_cert;
}

static enum knowledge next_at(const struct consensus *c, uint64_t height)
{
    if (height <= c->none_height) return NEXT_NONE;
    if (c->next_from > 0 && height >= c->next_from && height <= c->executed_height)
        return NEXT_WAITS;
    return NEXT_UNKNOWN;
}
