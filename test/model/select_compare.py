#!/usr/bin/python3
"""Goal: select_anchor (src/consensus/select.c) answers like the slow reference on random view changes.

    test/model/select_compare.py [--seed S] [--program P] [CASES]      (default: 50000 cases)
    test/model/select_compare.py --mutants [CASES]

Cases: n in 4…10 with every valid f and p, bft and adaptive; raft with 3…9 and any majority; a random tree of
blocks around a trunk; final blocks on the trunk and beside it; chains that end below the base; certificates of
any view on blocks of the tree, above the claims, on forks of them and below; many equal views, heights, tips.

--mutants changes one thing in a copy of select.c at a time and shows that the comparison finds each: see
MUTANTS. Ends with 0 when all agree (every mutant is found)."""

import argparse
import os
import random
import subprocess
import sys
import tempfile

from select_reference import ADAPTIVE, BFT, RAFT, ViewChange, select

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WINDOW = 16
BATCH = 5000

# What is changed: (why it is wrong, text in select.c, text instead).
MUTANTS = [
    ("certificates beat claims of any view", "level > s->hq->hq_view) return true",
     "level > s->hq->hq_view) return false"),
    ("claims beat certificates of any view", "level < s->hq->hq_view || s->fault", "s->fault"),
    ("a tie goes to the claims, compatible or not",
     "if (block->height <= s->hq->hq_height) return is_below_hq(s, block);", "return true;"),
    ("a tie goes to the certificate",
     "if (block->height <= s->hq->hq_height) return is_below_hq(s, block);", "return false;"),
    ("tie: only blocks below the certificate's", "return is_above_hq(s, chain);", "return false;"),
    ("tie: every block above the certificate's", "return is_above_hq(s, chain);", "return true;"),
    ("tie: every block below the certificate's",
     "if (block->height <= s->hq->hq_height) return is_below_hq(s, block);",
     "if (block->height <= s->hq->hq_height) return true;"),
    ("T + 1", "find_supported(&s, quorum_fast_support(v))",
     "find_supported(&s, quorum_fast_support(v) + 1)"),
    ("T - 1", "if (count < support) return false;\n    *level = views[support - 1];",
     "if (count < support - 1) return false;\n    *level = views[support - 2];"),
    ("T of n with p = 0", "find_supported(&s, quorum_fast_support(v))",
     "find_supported(&s, quorum_fast_support(v) + v->p)"),
    ("level: the largest claim", "*level = views[support - 1];", "*level = views[0];"),
    ("level: the smallest claim", "*level = views[support - 1];", "*level = views[count - 1];"),
    ("claims on a tip are none on its ancestors", "if (!is_in_chain(s, &s->chains[i], block)) continue;\n"
     "        uint32_t place",
     "if (!is_in_chain(s, &s->chains[i], block)) continue;\n"
     "        if (block->height != s->base.height + s->chains[i].count) continue;\n"
     "        uint32_t place"),
    ("the certificate wins without descent from g", "if (s.hq != NULL && is_below_hq(&s, &x))",
     "if (s.hq != NULL)"),
    ("the certificate never wins", "if (s.hq != NULL && is_below_hq(&s, &x))", "if (false)"),
    ("base: the first, not the highest", "if (is_higher || is_greater)", "if (false)"),
    ("base: the lowest", "if (is_higher || is_greater)", "if (c->final_height < base.height)"),
    ("claims on forks of the base count", "if (!hash_equal(own, &base->hash)) return none;", ""),
    ("certificates beside the base count", "!c->has_hq || !is_on_base(s, c)", "!c->has_hq"),
    ("certificates on blocks that are no claim are dropped", "!c->has_hq || !is_on_base(s, c)",
     "!c->has_hq || c->branch_count > 0 || !is_on_base(s, c)"),
    ("certificates above the base are on it", "at = hq_path_at(claim, s->base.height);",
     "at = &s->base.hash;"),
    ("the base's own certificate is dropped", "if (claim->hq_height < s->base.height) return false;",
     "if (claim->hq_height <= s->base.height) return false;"),
    ("raft: the longest wins, whatever its view",
     "if (claim->voted_view != best->voted_view) return claim->voted_view > best->voted_view;", ""),
    ("raft: of one view any", "if (tip->height != best_tip->height) return tip->height > best_tip->height;",
     ""),
    ("raft: the shortest of a view",
     "if (tip->height != best_tip->height) return tip->height > best_tip->height;",
     "if (tip->height != best_tip->height) return tip->height < best_tip->height;"),
    ("raft: the earliest view wins", "return claim->voted_view > best->voted_view;",
     "return claim->voted_view < best->voted_view;"),
    ("raft: the base", "if (v->mode == MODE_RAFT) x =", "if (false) x ="),
    ("raft: certificates win", "if (v->mode != MODE_RAFT) s.hq = find_hq(&s);", "s.hq = find_hq(&s);"),
    ("certificate: height before view",
     "if (c->hq_view < best->hq_view) continue;\n            if (c->hq_view == best->hq_view && "
     "c->hq_height < best->hq_height) continue;",
     "if (c->hq_height < best->hq_height) continue;\n            if (c->hq_height == best->hq_height && "
     "c->hq_view < best->hq_view) continue;"),
    ("certificate: height does not matter",
     "if (c->hq_view == best->hq_view && c->hq_height < best->hq_height) continue;", ""),
    ("g: the shallowest", "if (block.height <= deepest.height) continue;",
     "if (deepest.height > s->base.height && block.height >= deepest.height) continue;"),
    ("bft counts claims", "if (v->mode == MODE_FAST) x =",
     "struct validators w = *v; w.mode = MODE_FAST; v = &w; x ="),
]


def sizes(rng):
    if rng.random() < 0.2:
        return rng.randint(3, 9), 0, 0, RAFT
    while True:
        n, f, p = rng.randint(4, 10), rng.randint(0, 3), rng.randint(0, 4)
        if n >= 3 * f + 2 * p + 1:
            return n, f, p, BFT if p == 0 and rng.random() < 0.3 else ADAPTIVE


class Tree:
    """Blocks as (height, id); children of the trunk grow anywhere."""

    def __init__(self, rng):
        self.rng = rng
        self.parents = {}
        self.ids = set()
        height = rng.choice((0, 0, 1, 7, 1000, 2**40))
        self.root = self.new(height, None)
        self.trunk = [self.root]
        for _ in range(rng.choice((1, 2, 3, 4, 6, 20, 28))):
            self.trunk.append(self.new(self.trunk[-1][0] + 1, self.trunk[-1]))
        self.blocks = list(self.trunk)
        for _ in range(rng.choice((0, 1, 2, 3, 6, 12))):
            tip = rng.choice(self.blocks)
            for _ in range(rng.randint(1, 4)):
                tip = self.new(tip[0] + 1, tip)
                self.blocks.append(tip)

    def new(self, height, parent):
        while True:
            number = self.rng.randrange(1, 1 << self.rng.choice((8, 12, 63)))
            if number not in self.ids:
                break
        self.ids.add(number)
        self.parents[(height, number)] = parent
        return height, number

    def path(self, block):
        """From the root's child to block."""
        found = []
        while block != self.root:
            found.append(block)
            block = self.parents[block]
        return found[::-1]


def view_change(rng, tree, tips, views, low):
    tip = rng.choice(tips) if rng.random() < 0.9 else rng.choice(tree.blocks)
    whole = [tree.root] + tree.path(tip)
    if rng.random() < 0.85:
        on_trunk = [i for i, b in enumerate(whole) if b in tree.trunk]
        at = min(rng.choice(on_trunk), low + rng.choice((0, 0, 0, 1, 2)))
    else:
        at = rng.randrange(len(whole))
    headers = whole[at + 1:at + 1 + WINDOW]
    certified = None
    kind = rng.random()
    if kind < 0.50:
        certified = rng.choice(whole)
    elif kind < 0.70:
        certified = rng.choice(tree.blocks)
    elif kind < 0.78:
        parent = rng.choice(tree.blocks)  # Nobody else shows this block.
        certified = tree.new(parent[0] + 1, parent)
    hq, branch = None, []
    if certified is not None and certified[0] > 0:
        path = [tree.root] + tree.path(certified)
        above = path[certified[0] - tree.root[0] - (certified[0] - whole[at][0]):][1:]
        is_below = certified[0] <= whole[at][0]
        if is_below or (whole[at] in path and len(above) <= WINDOW):
            hq = rng.choice(views), certified
            branch = [] if is_below else [b for b in above if b not in headers]
    if hq is not None and len(branch) > 0 and branch[0][0] - whole[at][0] - 1 > len(headers):
        hq, branch = None, []
    return ViewChange(whole[at], rng.choice(views), headers, hq, branch)


def case(rng):
    n, f, p, mode = sizes(rng)
    tree = Tree(rng)
    tips = [rng.choice(tree.blocks) for _ in range(rng.choice((1, 2, 2, 3, 5)))]
    views = [rng.choice((0, 1, 2, 3, 2**63)) for _ in range(rng.choice((1, 2, 3)))]
    low = rng.choice((0, 0, 1, 3, 17))
    count = rng.randint(n // 2 + 1, n) if mode == RAFT else n - f
    return n, f, p, mode, [view_change(rng, tree, tips, views, low) for _ in range(count)]


def line(n, f, p, mode, vcs):
    words = [mode, n, f, p, len(vcs)]
    for vc in vcs:
        words += [*vc.final, vc.voted_view, len(vc.headers), *(b[1] for b in vc.headers)]
        words += [0, 0, 0, 0] if vc.hq is None else [1, vc.hq[0], *vc.hq[1]]
        words += [len(vc.branch), *(b[1] for b in vc.branch)]
    return " ".join(map(str, words))


def answers(program, cases):
    text = "".join(line(*c) + "\n" for c in cases)
    done = subprocess.run([program], input=text, stdout=subprocess.PIPE, text=True, check=True)
    return [tuple(map(int, row.split())) for row in done.stdout.splitlines()]


def compare(program, seed, count):
    """The first case on which they differ, or None."""
    rng = random.Random(seed)
    for start in range(0, count, BATCH):
        cases = [case(rng) for _ in range(min(BATCH, count - start))]
        got = answers(program, cases)
        assert len(got) == len(cases)
        for c, row in zip(cases, got):
            n, f, p, mode, vcs = c
            base, x = select(vcs, n, f, p, mode)
            if row != (*base, *x):
                return f"case: {line(*c)}\nreference: {base} {x}\nselect_anchor: {row}"
    return None


def make(target, *arguments):
    subprocess.run(["make", "--no-print-directory", "-s", "-C", ROOT, *arguments, target], check=True,
                   stdout=subprocess.DEVNULL)
    return f"{ROOT}/{target}"


def compile_mutant(folder, text, was, instead):
    assert text.count(was) == 1, f"select.c has not once: {was}"
    with open(f"{folder}/select.c", "w", encoding="utf-8") as file:
        file.write(text.replace(was, instead).replace("must(2 * support > s->count);", ""))
    out, library = f"{folder}/cases", f"{ROOT}/build/release"
    subprocess.run(["gcc", "-std=c11", "-O1", "-w", f"-I{ROOT}/src", f"{folder}/select.c",
                    f"{library}/obj/test/model/select_cases.o", "-Wl,--start-group",
                    *(f"{library}/lib/{name}.a" for name in ("ledger", "codec", "crypto", "base")),
                    "-Wl,--end-group", "-lsecp256k1", "-lsodium", "-lcrypto", "-o", out], check=True)
    return out


def run_mutants(seed, count):
    make("build/release/test/model/select_cases", "PROFILE=release")
    with open(f"{ROOT}/src/consensus/select.c", encoding="utf-8") as file:
        text = file.read()
    alive = 0
    with tempfile.TemporaryDirectory() as folder:
        for what, was, instead in MUTANTS:
            program = compile_mutant(folder, text, was, instead)
            try:
                is_found = compare(program, seed, count) is not None
            except (subprocess.CalledProcessError, AssertionError):
                is_found = True  # Its own assertions stopped it.
            alive += not is_found
            print(f"{'found' if is_found else 'ALIVE'}: {what}", flush=True)
    print(f"{len(MUTANTS) - alive} of {len(MUTANTS)} mutants of select found")
    return 1 if alive else 0


def main():
    options = argparse.ArgumentParser(description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("cases", nargs="?", type=int, default=50000)
    options.add_argument("--seed", type=int, default=int(os.environ.get("TRUSTSQL_SEED", "1")))
    options.add_argument("--program", help="of test/model/select_cases.c (default: made)")
    options.add_argument("--mutants", action="store_true")
    given = options.parse_args()
    if given.mutants:
        sys.exit(run_mutants(given.seed, given.cases))
    program = given.program or make("build/release/test/model/select_cases", "PROFILE=release")
    wrong = compare(program, given.seed, given.cases)
    if wrong is not None:
        print(wrong)
        sys.exit(1)
    print(f"select_anchor: {given.cases} random cases as the reference, seed {given.seed}")


if __name__ == "__main__":
    main()
