"""Value selection, slowly: consensus.md sections 1.6 and 1.18 read sentence by sentence, over sets of blocks.

Written without a look at src/consensus/select.c. A block is (height, id); what is known of descent is the
set of (parent, child) pairs that the view changes show: their headers, and what leads to their certificates."""

ADAPTIVE, BFT, RAFT = 1, 3, 4


class ViewChange:
    def __init__(self, final, voted_view, headers, hq, branch=()):
        self.final = final            # Block.
        self.voted_view = voted_view
        self.headers = headers        # Blocks above final, each the parent of the next.
        self.hq = hq                  # (view, block) or None.
        self.branch = branch          # Blocks up to hq's that are not headers; the first on final or a header.


def ancestors_or_self(block, parents):
    found = set()
    while block is not None and block not in found:
        found.add(block)
        block = parents.get(block)
    return found


def select(vcs, n, f, p, mode):
    """(base, X)."""
    parents = {}
    for vc in vcs:
        below = vc.final
        for block in vc.headers:
            parents[block] = below
            below = block
        if vc.branch:
            at = vc.branch[0][0] - vc.final[0] - 1
            parents[vc.branch[0]] = vc.final if at == 0 else vc.headers[at - 1]
        for below, block in zip(vc.branch, vc.branch[1:]):
            parents[block] = below

    # base = highest VC.final
    base = max(vc.final for vc in vcs)

    def descends_or_is(block, ancestor):
        return ancestor in ancestors_or_self(block, parents)

    if mode == RAFT:
        claims = [(vc.voted_view, *vc.headers[-1]) for vc in vcs
                  if vc.headers and vc.headers[-1] != base and descends_or_is(vc.headers[-1], base)]
        return base, max(claims)[1:] if claims else base

    # drop from consideration every block/QC that is not base or a descendant of base
    blocks = {b for b in parents if b != base and descends_or_is(b, base)}
    certificates = [vc.hq for vc in vcs if vc.hq is not None and descends_or_is(vc.hq[1], base)]

    # hq = max over VC.hq by (view, height); none -> hq.view = -1
    hq = max(certificates, key=lambda c: (c[0], c[1][0], c[1][1]), default=None)
    hq_view = -1 if hq is None else hq[0]

    def compatible(b):
        return descends_or_is(b, hq[1]) or descends_or_is(hq[1], b)

    # F, lvl
    support = n - p - 2 * f
    lvl = {}
    if mode == ADAPTIVE:
        for b in blocks:
            claims = sorted((vc.voted_view for vc in vcs if b in vc.headers), reverse=True)
            if len(claims) >= support:
                lvl[b] = claims[support - 1]

    # G, g
    in_g = {b for b in lvl if lvl[b] > hq_view}
    in_g |= {b for b in lvl if lvl[b] == hq_view and compatible(b)}
    g = max(in_g, default=base)

    if hq is None:
        return base, g
    if descends_or_is(g, hq[1]):
        return base, g
    if descends_or_is(hq[1], g):
        return base, hq[1]
    return base, g
