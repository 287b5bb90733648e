#!/usr/bin/python3
"""Roles and rights beside PostgreSQL 15: a script whose lines are run by their users at both servers.

    run.py [PROGRAM]     ok or "not ok" for each part of the script; exit code 1 when one differs

Compared: rows, SQLSTATE, message, command tag, DETAIL of what depends on a role. A line that says
`# refused` answers 0A000 here, on purpose. Superusers differ by design: the scripts are run by an
administrator here and by the owner of the database there, who has CREATEROLE and CREATEDB.
"""

import contextlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "sqldiff"))

import servers  # noqa: E402
from libpq import Connection  # noqa: E402
from servers import Postgres  # noqa: E402

ADMIN = "admin@node0"
SETUP = [f'CREATE ROLE "{ADMIN}" LOGIN CREATEROLE CREATEDB', f'CREATE DATABASE main OWNER "{ADMIN}"']
SETUP_MAIN = ["GRANT CREATE ON SCHEMA public TO PUBLIC", "GRANT CREATE ON DATABASE main TO PUBLIC"]


class Side:
    """One server: a connection for each user, kept."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.links = {}

    def run(self, user, text):
        if user not in self.links:
            self.links[user] = Connection(self.parameters(user))
        link = self.links[user]
        results = link.run(text)
        return results, list(link.notices)

    def close(self):
        for link in self.links.values():
            link.close()
        self.links = {}


def answer(results, notices):
    """What is compared."""
    out = []
    for r in results:
        if r.sqlstate is None:
            out.append((r.tag, tuple(c[0] for c in r.columns), tuple(r.rows)))
        else:
            detail = sorted((r.detail or "").splitlines()) if r.sqlstate == "2BP01" else None
            out.append((r.sqlstate, r.message, tuple(detail) if detail is not None else None))
    return out, [text for _, text in notices]


def parts():
    """[name, [(user, text, is_refused)]] of script.sql: "-- part", "user: statement"."""
    found = []
    with open(os.path.join(HERE, "script.sql"), encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line.startswith("-- "):
                found.append((line[3:], []))
            elif line:
                user, text = line.split(": ", 1)
                is_refused = text.endswith("# refused")
                text = text.removesuffix("# refused").rstrip()
                found[-1][1].append((ADMIN if user == "admin" else user, text, is_refused))
    return found


def differences(ours, theirs, lines):
    for user, text, is_refused in lines:
        us, them = answer(*ours.run(user, text)), answer(*theirs.run(user, text))
        if is_refused:
            if us[0][-1][0] != "0A000":
                yield f"{user}: {text}\n# is not refused: {us}"
        elif us != them:
            yield f"{user}: {text}\n# TrustSQL   {us}\n# PostgreSQL {them}"


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else servers.default_program()
    failed = 0
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        node = stack.enter_context(servers.node(program))
        for text in SETUP:
            first = Connection(f"host={postgres.directory} user=postgres dbname=postgres")
            first.run(text)
            first.close()
        owner = Connection(f"host={postgres.directory} user=postgres dbname=main")
        for text in SETUP_MAIN:
            owner.run(text)
        owner.close()
        place = " ".join(word for word in node.split()
                         if not word.startswith(("user=", "password=")))
        ours = Side(lambda user: node if user == ADMIN else f"{place} user={user} password=pw-{user}")
        theirs = Side(lambda user: f"host={postgres.directory} user={user} dbname=main client_encoding=UTF8")
        for number, (name, lines) in enumerate(parts(), 1):
            found = list(differences(ours, theirs, lines))
            failed += bool(found)
            print(("not ok " if found else "ok ") + f"{number} - {name}")
            for text in found:
                print("# " + text.replace("\n", "\n# "))
            sys.stdout.flush()
        print(f"1..{len(parts())}")
        ours.close()
        theirs.close()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
