"""Goal: docs/new-organisation.md: a bare machine becomes an observer with two commands, then a validator.

Four nodes run. Bank E joins with an invitation of node 0, the others vote, its node follows and reads what is
final, becomes a validator and votes. A token serves one node; nobody gets in without."""

import contextlib
import shutil
import subprocess
import tempfile
import unittest

import psycopg2

import harness
from cluster import Cluster
from harness import wait_until

PASSWORD = "a password of bank e"


class JoinTest(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="trustsql-test-")
        self.addCleanup(shutil.rmtree, self.top)
        with open(self.top + "/password", "w", encoding="utf-8") as file:
            file.write(PASSWORD + "\n")
        self.directory = self.top + "/node"
        self.port = harness.free_base_port()
        self.process = None
        self.addCleanup(self.stop)

    def join(self, token, directory=None, name="Bank E", code=0):
        done = harness.run("join", token, "--dir", directory or self.directory, "--name", name,
                           "--port", str(self.port + 2), "--password-file", self.top + "/password")
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def start(self):
        with open(self.top + "/log", "ab") as log:
            self.process = subprocess.Popen([harness.PROGRAM, "node", self.directory], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(harness.WAIT_S)
            self.process = None

    def log(self):
        with open(self.top + "/log", encoding="utf-8") as file:
            return file.read()

    def ask(self, text):
        """On the new node, as its own administrator."""
        with contextlib.closing(psycopg2.connect(
                host="127.0.0.1", port=self.port + 2, user="admin@bank-e", password=PASSWORD,
                dbname="main", connect_timeout=10)) as link:
            link.autocommit = True
            return harness.execute(link, text)

    def asked(self, text, expected):
        with contextlib.suppress(psycopg2.Error):
            return self.ask(text) == expected
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
            done = self.join(token)
            self.assertIn("has 1 of 3 votes", done.stdout)
            self.start()  # It waits for the votes.
            self.decide(cluster)
            wait_until(lambda: self.has_role(cluster, "observer"), "the new node is an observer\n" + self.log())
            self.follows(cluster)
            self.token_serves_one(token)
            self.becomes_validator(cluster)

    def follows(self, cluster):
        cluster.execute(0, "INSERT INTO t VALUES (2)")
        wait_until(lambda: self.asked("SELECT count(*) FROM t", [(2,)]), "the observer executes")
        cluster.execute(0, "INSERT INTO t VALUES (3)")
        rows = self.ask("SET trustsql.read = 'linearizable'; SELECT count(*) FROM t")
        self.assertEqual(rows, [(3,)])
        self.assertEqual(self.ask("SELECT value FROM trustsql.status WHERE name = 'role'"), [("observer",)])

    def token_serves_one(self, token):
        other = self.join(token, self.top + "/other", "Bank F", code=3)
        self.assertIn("no answer", other.stderr)
        broken = self.join(token[:-1] + ("0" if token[-1] != "0" else "1"), self.top + "/third", code=2)
        self.assertIn("no invitation", broken.stderr)

    def becomes_validator(self, cluster):
        with open(self.directory + "/card", encoding="utf-8") as file:
            card = file.read()
        with contextlib.closing(cluster.link(0)) as link, link.cursor() as cursor:
            cursor.execute("CALL trustsql.add_validator(%s)", (card,))
            self.assertIn("after: mode adaptive, 5 validators, quorum 4", "".join(link.notices))
        self.decide(cluster)
        wait_until(lambda: self.has_role(cluster, "validator"), "the new node is a validator\n" + self.log())
        cluster.kill(3)  # Four of five are a quorum, and the new one is needed for it.
        cluster.execute(0, "INSERT INTO t VALUES (4)", 30)
        wait_until(lambda: self.asked("SELECT count(*) FROM t", [(4,)]), "the validator executes")
        self.assertEqual(self.ask("SELECT mode FROM trustsql.mode_history ORDER BY height LIMIT 1"),
                         [("FAST",)])
        cluster.start_node(3)


if __name__ == "__main__":
    harness.main()
