"""Goal: docs/new-organisation.md: a bare machine becomes an observer with two commands, then a validator.

Four nodes run. Bank E joins with an invitation of node 0, the others vote, its node follows and reads what is
final, becomes a validator and votes. A token serves one node; nobody gets in without."""

import contextlib
import shutil
import tempfile
import unittest

import psycopg2

import harness
from cluster import Cluster
from harness import wait_until
from newcomer import Newcomer


class JoinTest(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="trustsql-test-")
        self.addCleanup(shutil.rmtree, self.top)
        self.new = Newcomer(self, self.top, "bank-e")

    def asked(self, text, expected):
        with contextlib.suppress(psycopg2.Error):
            return self.new.ask(text) == expected
        return False

    def decide(self, cluster):
        """Two other organisations vote for what is open."""
        (number,), = cluster.execute(1, "SELECT id FROM trustsql.proposals WHERE state = 'open'")
        for index in (1, 2):
            cluster.execute(index, f"CALL trustsql.vote({number})")

    def has_role(self, cluster, role):
        return cluster.execute(0, "SELECT role FROM trustsql.nodes WHERE name = 'bank-e' "
                                  "AND is_connected") == [(role,)]

    def test_from_a_bare_machine_to_a_validator(self):
        with Cluster() as cluster:
            cluster.create("t", "a integer PRIMARY KEY")
            cluster.execute(0, "INSERT INTO t VALUES (1)")
            token = harness.run("invite", "--dir", cluster.directory).stdout.strip()
            done = self.new.try_join(token)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("has 1 of 3 votes", done.stdout)
            self.new.start()  # It waits for the votes.
            self.decide(cluster)
            wait_until(lambda: self.has_role(cluster, "observer"), "the new node is an observer\n" + self.new.log())
            self.follows(cluster)
            self.token_serves_one(token)
            self.becomes_validator(cluster)

    def follows(self, cluster):
        cluster.execute(0, "INSERT INTO t VALUES (2)")
        wait_until(lambda: self.asked("SELECT count(*) FROM t", [(2,)]), "the observer executes")
        cluster.execute(0, "INSERT INTO t VALUES (3)")
        rows = self.new.ask("SET trustsql.read = 'linearizable'; SELECT count(*) FROM t")
        self.assertEqual(rows, [(3,)])
        wait_until(lambda: self.asked("SELECT value FROM trustsql.status WHERE name = 'role'", [("observer",)]),
                   "its epoch has begun")

    def token_serves_one(self, token):
        other = Newcomer(self, self.top, "bank-f").try_join(token)
        self.assertEqual(other.returncode, 3, other.stdout + other.stderr)
        self.assertIn("no answer", other.stderr)
        spoilt = token[:-1] + ("0" if token[-1] != "0" else "1")
        broken = Newcomer(self, self.top, "bank-g").try_join(spoilt)
        self.assertEqual(broken.returncode, 2, broken.stdout + broken.stderr)
        self.assertIn("no invitation", broken.stderr)

    def becomes_validator(self, cluster):
        card = self.new.card()
        with contextlib.closing(cluster.link(0)) as link, link.cursor() as cursor:
            cursor.execute("CALL trustsql.add_validator(%s)", (card,))
            self.assertIn("after: mode adaptive, 5 validators, quorum 4", "".join(link.notices))
        self.decide(cluster)
        wait_until(lambda: self.has_role(cluster, "validator"), "the new node is a validator\n" + self.new.log())
        cluster.kill(3)  # Four of five are a quorum, and the new one is needed for it.
        cluster.execute(0, "INSERT INTO t VALUES (4)", 30)
        wait_until(lambda: self.asked("SELECT count(*) FROM t", [(4,)]), "the validator executes")
        self.assertEqual(self.new.ask("SELECT mode FROM trustsql.mode_history ORDER BY height LIMIT 1"),
                         [("FAST",)])
        cluster.start_node(3)


if __name__ == "__main__":
    harness.main()
