#!/usr/bin/python3
"""Compares TrustSQL with PostgreSQL 15, statement by statement: what works means exactly the same.

    run.py [--program P] [--seed S] [--random N] [--show KIND]… [FILE…]

Without FILE: all of statements/*.sql, then N random statements. Each file starts with an empty
schema. In a file, a line that starts in the first column starts a statement string (which may be
several statements: one transaction), an indented line continues it, and "--" opens a comment line.
Prints the counts and exits 1 when an answer is different. What counts as equal: compare.py.
"""

import argparse
import collections
import glob
import os
import sys
import time

import compare
import generate
import generate_types
import servers


def read_statements(path):
    statements = []
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file.read().split("\n"):
            if line.startswith("--") or not line.strip():
                continue
            if line[0] in " \t" and statements:
                statements[-1] += "\n" + line
            else:
                statements.append(line)
    return statements


def clear(pair):
    """Both schemas empty, also after a statement that only one of them took."""
    for connection in (pair.theirs, pair.ours):
        if connection.block() != 0:
            connection.run("rollback")
    names = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
    for (name,) in pair.theirs.run(names)[0].rows:
        quoted = name.replace('"', '""')
        for connection in (pair.ours, pair.theirs):
            connection.run(f'drop table if exists "{quoted}" cascade')


def run_all(pair, statements, show, counts):
    for text in statements:
        outcome = pair.run(text)
        counts[outcome.kind] += 1
        if outcome.kind in show:
            print(outcome, flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--program", default=servers.default_program())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--random", type=int, help="random statements, half over each generator (1000; with FILE: 0)")
    parser.add_argument("--show", action="append", default=[],
                        choices=[compare.EQUAL, compare.REFUSED, compare.WORDING])
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    if options.random is None:
        options.random = 0 if options.files else 1000
    return options


def main():
    options = arguments()
    show = set(options.show) | {compare.DIFFERENT}
    files = options.files or sorted(glob.glob(os.path.join(servers.HERE, "statements", "*.sql")))
    total = collections.Counter()
    start = time.monotonic()
    with servers.pair(options.program) as pair:
        for path in files:
            counts = collections.Counter()
            run_all(pair, read_statements(path), show, counts)
            clear(pair)
            report(os.path.basename(path), counts)
            total += counts
        if options.random:
            for maker in (generate, generate_types):
                counts = collections.Counter()
                run_all(pair, maker.statements(options.seed, options.random // 2), show, counts)
                clear(pair)
                report(f"random ({maker.__name__}), seed {options.seed}", counts)
                total += counts
    report(f"all, {time.monotonic() - start:.0f} s", total)
    failed = total[compare.DIFFERENT]
    print(f"{total.total() - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def report(name, counts):
    kinds = (compare.EQUAL, compare.REFUSED, compare.WORDING, compare.DIFFERENT)
    print(f"sqldiff: {name}: {counts.total()} statements, " +
          ", ".join(f"{counts[kind]} {kind}" for kind in kinds), flush=True)


if __name__ == "__main__":
    main()
