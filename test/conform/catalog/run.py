#!/usr/bin/python3
"""Goal: what the system catalogs say of a schema is what those of PostgreSQL 15 say of the same schema.

    run.py          psql's \\d commands and queries.sql beside a PostgreSQL 15 that the test starts
    run.py --show   and what both answer where they differ

Owners, sizes and the widths of psql's columns are not compared."""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(HERE, "..", "sqldiff"))
sys.path.insert(0, os.path.join(ROOT, "test", "support"))

from libpq import Connection  # noqa: E402
from postgres import Postgres  # noqa: E402
from servers import default_program, node  # noqa: E402

COMMANDS = [r"\d", r"\dt", r"\dt *.*item", r"\d account", r"\d+ account", r'\d "Mixed Case"', r"\d shop.line", r"\d rich",
            r"\d account_lower", r"\d counter", r"\di", r"\dv", r"\ds", r"\df", r"\dT", r"\dD", r"\dt shop.*", r"\dy", r"\dp"]
TEXT, VARCHAR = 25, 1043  # varchar without a length is told as text here.
# Refused here, and no error there.
REFUSED = ["INSERT INTO account SELECT 7, relname FROM pg_class"]


def lines(name):
    with open(f"{HERE}/{name}", encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip() and not line.startswith("--")]


def psql(environment, command):
    done = subprocess.run(["psql", "-X", "-A", "-c", command], env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    text = re.sub(r"\b(admin@node0|postgres)\b", "OWNER", done.stdout)
    return re.sub(r"\|\d+ (bytes|kB)\|", "|SIZE|", text)


def answer(connection, query):
    """What a query gives, a line a row: its columns and rows, or its failure."""
    result = connection.run(query)[-1]
    if result.sqlstate is not None:
        return f"{result.sqlstate} {result.message}"
    columns = [(name, TEXT if oid == VARCHAR else oid) for name, oid, _ in result.columns]
    return "\n".join(map(repr, [columns, *result.rows]))


class Report:
    def __init__(self, shows):
        self.count, self.failed, self.shows = 0, 0, shows

    def check(self, name, ours, theirs):
        self.count += 1
        is_equal = ours == theirs
        self.failed += not is_equal
        print(f"{'ok' if is_equal else 'not ok'} {self.count} - {name}", flush=True)
        if is_equal:
            return
        for title, text in (("ours", ours), ("theirs", theirs)):
            for line in text.splitlines()[: None if self.shows else 12]:
                print(f"# {title}: {line}")


def main():
    report = Report("--show" in sys.argv)
    program = os.environ.get("TRUSTSQL_PROGRAM", default_program())
    with Postgres() as postgres, node(program) as parameters:
        named = dict(part.split("=", 1) for part in parameters.split())
        ours = {**os.environ, "PGHOST": named["host"], "PGPORT": named["port"], "PGUSER": named["user"],
                "PGDATABASE": named["dbname"], "PGPASSWORD": named["password"]}
        theirs = postgres.environment()
        first = Connection(parameters)
        second = Connection(f"host={postgres.directory} user=postgres dbname=postgres client_encoding=UTF8")
        for statement in lines("schema.sql"):
            for connection in (first, second):
                connection.run(statement)
        for command in COMMANDS:
            report.check("psql " + command, psql(ours, command), psql(theirs, command))
        for query in lines("queries.sql"):
            if query in REFUSED:
                report.check(query, "0A000" if "0A000" in answer(first, query) else "accepted", "0A000")
            else:
                report.check(query, answer(first, query), answer(second, query))
        first.close()
        second.close()
    print(f"1..{report.count}")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
