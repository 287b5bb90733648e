#!/usr/bin/python3
"""The bills through psql, on TrustSQL and on PostgreSQL 15: every answer must be the same.

    compare.py [--statements N] [--seed S] [--differences N]

Starts both servers in temporary directories, sends schema.sql and the same generated file over one psql
connection each, and compares rows, command tags and SQLSTATEs of every statement. Then the node is
stopped and `trustsql verify` must prove it. Exit code 0: no difference, and proved."""

import argparse
import os
import re
import subprocess
import sys
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [FOLDER + "/../../test/support", FOLDER + "/../../test/system", FOLDER]

import generate  # noqa: E402
import harness  # noqa: E402
from postgres import Postgres  # noqa: E402

PSQL = ["psql", "-X", "-A", "-P", "null=NULL", "-v", "ON_ERROR_STOP=0", "-v", "VERBOSITY=sqlstate",
        "-f", "-"]


def comparable(line, answer):
    """A query string that fails half way has had no effect. PostgreSQL has by then told the tags of what it
    rolls back; TrustSQL, where the string is one transaction, answers with the error alone."""
    if "\\;" in line and "ERROR:" in answer:
        return answer[answer.index("ERROR:"):]
    return answer


def psql(environment, script):
    """The answers in order: one text per `\\echo #N`, the first is that of the schema."""
    started = time.monotonic()
    done = subprocess.run(PSQL, input=script.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=dict(os.environ, **environment))
    output = re.sub(r"(?m)^psql:<stdin>:\d+: ", "", done.stdout.decode(errors="replace"))
    return re.split(r"(?m)^#\d+\n", output), time.monotonic() - started


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--statements", type=int, default=10000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--differences", type=int, default=10, help="how many to show")
    options = arguments.parse_args()

    lines = generate.statements(options.statements, options.seed)
    with open(FOLDER + "/schema.sql", encoding="utf-8") as file:
        script = file.read()
    script += "".join(f"\n\\echo #{number}\n{line};" for number, line in enumerate(lines, 1)) + "\n"

    with Postgres() as server:
        expected, postgres_s = psql(dict(server.environment(), PGTZ="UTC"), script)
    with harness.Chain() as chain:
        found, ours_s = psql(chain.environment(), script)
        log = chain.log()
        chain.stop()
        code, report = harness.verify(chain.node)

    lines.insert(0, "schema.sql")
    found += ["no answer\n"] * (len(expected) - len(found))
    differences = [n for n, line in enumerate(lines)
                   if comparable(line, expected[n]) != comparable(line, found[n])]
    for number in differences[:options.differences]:
        print(f"--- statement {number}: {lines[number]}\nPostgreSQL:\n{expected[number]}TrustSQL:\n"
              f"{found[number]}")
    failing = sum("ERROR:" in answer for answer in expected)
    print(f"{len(lines) - 1} statements ({failing} of them fail, seed {options.seed}): "
          f"{len(differences)} differences; PostgreSQL {postgres_s:.1f} s, TrustSQL {ours_s:.1f} s")
    print(f"verify: exit code {code}, {report['blocks']} blocks, {report['signatures']} signatures, "
          f"{report['rows']} rows, {report['damage_count']} findings")
    if "no answer\n" in found:
        print(log)
    sys.exit(0 if not differences and code == 0 else 1)


if __name__ == "__main__":
    main()
