"""Goal: a transaction with a bad signature, pushed by a real member of the chain, never executes; proof is kept.

Node 3 runs `credulous`, the same program but for one fault: it believes every client's signature
(credulous.c). It takes what nobody signed, spreads it, and as a leader puts it into a block."""

import json
import os
import subprocess
import threading
import unittest

import psycopg2

import harness
from cluster import Cluster

CREDULOUS = os.path.dirname(harness.PROGRAM) + "/credulous"
LIAR = 3
HONEST = [0, 1, 2]
PATIENCE_S = 10


class ForgedTest(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster())
        self.cluster.create("t", "id integer PRIMARY KEY, v text NOT NULL")
        self.make_client()
        self.replace(CREDULOUS)

    def replace(self, program):
        """Node 3 goes on under another program, with its key."""
        self.cluster.kill(LIAR)
        with open(self.cluster.node(LIAR) + "/log", "a", encoding="utf-8") as log:
            process = subprocess.Popen([program, "node", self.cluster.node(LIAR)],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        harness.wait_until(lambda: self.answers(LIAR), f"{program} serves\n{self.cluster.log(LIAR)}")

    def answers(self, index):
        try:
            return self.cluster.execute(index, "SELECT 1") == [(1,)]
        except psycopg2.Error:
            return False

    # --- transactions ---

    def tool(self, *arguments):
        done = harness.run(*arguments, cwd=self.cluster.top)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def make_client(self):
        public = json.loads(self.tool("key", "new", "--out", "client.key", "--json"))["public_key"]
        self.cluster.execute(0, f"CALL trustsql.create_account('client', '\\x{public}')")

    def sign(self, text):
        height = self.cluster.height(0)
        self.tool("tx", "sign", "--key", "client.key", "--sql", text, "--out", "tx", "--height",
                  str(height), "--genesis", self.cluster.node(0) + "/genesis")
        with open(self.cluster.top + "/tx", "rb") as file:
            return file.read()

    def submit(self, index, body, patience_s=PATIENCE_S):
        """The SQLSTATE of a refusal; "" when it was executed; None when no answer came."""
        try:
            link = self.cluster.link(index, patience_s)
            with link.cursor() as cursor:
                cursor.execute("SELECT * FROM trustsql.submit(%s::bytea)", (psycopg2.Binary(body),))
            return ""
        except psycopg2.Error as error:
            return error.pgcode

    def test_forged_transactions(self):
        good = self.sign("INSERT INTO t VALUES (1, 'signed')")
        flipped = self.sign("INSERT INTO t VALUES (2, 'bit')")
        flipped = flipped[:-1] + bytes([flipped[-1] ^ 1])  # It ends with its last signature.
        changed = self.sign("INSERT INTO t VALUES (3, 'forged')").replace(b"forged", b"Forged")
        self.assertEqual(self.submit(0, good), "")
        for body in (flipped, changed):
            for index in HONEST:
                self.assertEqual(self.submit(index, body), "TQ004")
        height = self.cluster.height(0)
        pushers = [threading.Thread(target=self.submit, args=(LIAR, body, harness.WAIT_S), daemon=True)
                   for body in (flipped, changed)]
        for pusher in pushers:  # Whoever leads now: it spreads them, and keeps them for its own turn.
            pusher.start()
        harness.wait_until(lambda: int(self.cluster.value(LIAR, "waiting")) == 2,
                           "the liar has taken both")
        self.let_it_lead()
        for index in HONEST:
            harness.wait_until(lambda i=index: self.proofs(i), f"node {index} has proof of it\n"
                               f"{self.cluster.logs()}")
        self.cluster.first_write(0)
        self.assertGreater(self.cluster.height(0), height)
        self.assert_never_executed()
        kinds = self.proofs(0)
        self.cluster.kill(0)
        self.cluster.start_node(0)
        self.assertEqual(self.proofs(0)[:len(kinds)], kinds)  # It is kept.
        self.replace(harness.PROGRAM)
        self.cluster.check_equal(self, queries=["SELECT * FROM t ORDER BY id"])
        self.assert_never_executed()
        self.cluster.stop()
        self.cluster.check_proved(self)
        print(f"# proofs: {kinds}")

    def let_it_lead(self):
        """Leaders freeze until it has had its turn: what it proposes ends it at once, with a proof."""
        while not self.proofs(0):
            if self.cluster.leader() != LIAR:
                self.cluster.change_leader()

    def proofs(self, index):
        """(kind, view, height) of what a node keeps against the liar; against nobody else is there any."""
        rows = self.cluster.execute(index, "SELECT kind, offender, view, height, size, bytes FROM "
                                           "trustsql.evidence ORDER BY view, height")
        self.assertEqual({row[1] for row in rows} - {LIAR}, set(), "evidence against an honest node")
        for row in rows:
            self.assertEqual(row[4], len(bytes(row[5])))
        return [(row[0], row[2], row[3]) for row in rows]

    def assert_never_executed(self):
        for index in HONEST:
            self.assertEqual(self.cluster.execute(index, "SELECT * FROM t ORDER BY id"),
                             [(1, "signed")])
            self.assertEqual(self.cluster.execute(
                index, "SELECT count(*) FROM trustsql.transactions WHERE status <> 'ok'"), [(0,)])


if __name__ == "__main__":
    harness.main()
