"""Goal: docs/join.md: a new node joins by snapshot while others write, through kill -9 at any moment; who gives false
chunks is named and left; afterwards the node is whole: it proves itself from the genesis, and becomes a validator.

The long form (TRUSTSQL_NIGHTLY=1) has more rows and blocks."""

import contextlib
import glob
import os
import shutil
import tempfile
import threading
import time
import unittest

import psycopg2

import harness
from cluster import Cluster
from harness import wait_until
from newcomer import Newcomer

BLOCKS = 3000 if os.environ.get("TRUSTSQL_NIGHTLY") == "1" else 180
ROWS = 120  # In a block; a chunk has at most 4,096.
KILLS = 8


class SnapshotTest(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="trustsql-test-")
        self.addCleanup(shutil.rmtree, self.top)

    def fill(self, cluster):
        cluster.create("t", "a integer PRIMARY KEY, b text")
        cluster.create("words", "w text PRIMARY KEY, n bigint UNIQUE")
        cluster.execute(0, "CREATE INDEX t_b ON t (b)")
        with contextlib.closing(cluster.link(0)) as link, link.cursor() as cursor:
            cursor.execute("SET trustsql.wait = 'executed'")
            for block in range(BLOCKS):
                rows = ",".join(f"({block * ROWS + k}, 'row {k % 7}')" for k in range(ROWS))
                cursor.execute(f"INSERT INTO t VALUES {rows}")
                if block % 3 == 0:
                    cursor.execute("INSERT INTO words VALUES (%s, %s)", (f"w{block * 7919 % 10007}", block))
                if block % 50 == 7:
                    cursor.execute("DELETE FROM words WHERE n % 5 = 2")
            cursor.execute("CALL trustsql.checkpoint()")

    def accept(self, cluster, new):
        new.join(cluster, "--by", "snapshot")
        self.decide(cluster)

    def decide(self, cluster):
        (number,), = cluster.execute(1, "SELECT id FROM trustsql.proposals WHERE state = 'open'")
        for index in (1, 2):
            cluster.execute(index, f"CALL trustsql.vote({number})")

    def answers(self, new, text, expected):
        with contextlib.suppress(psycopg2.Error):
            return new.ask(text) == expected
        return False

    def has_all(self, cluster, new):
        """What the new node reads is what the old ones read, and its results are theirs."""
        def is_there():
            text = "SELECT count(*), sum(a) FROM t"
            return self.answers(new, text, cluster.execute(0, text))
        wait_until(is_there, "the new node has all rows\n" + new.log())
        (height,), = new.ask("SELECT max(height) FROM trustsql.blocks")
        text = f"SELECT height, digest FROM trustsql.blocks WHERE height IN (1, {height // 2}, {height}) ORDER BY 1"
        wait_until(lambda: new.ask(text) == cluster.execute(0, text), "the digests are equal")
        text = "SELECT * FROM words ORDER BY n"
        self.assertEqual(new.ask(text), cluster.execute(0, text))

    def proves_itself(self, new):
        done = harness.run("verify", "node", new.directory)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("every stored result", done.stdout)

    def test_it_joins_through_kills_and_liars(self):
        with Cluster() as cluster:
            self.fill(cluster)
            first = Newcomer(self, self.top, "bank-e")
            self.accept(cluster, first)
            self.joins_through_kills(cluster, first)
            self.becomes_validator(cluster, first)
            first.stop()
            self.proves_itself(first)
            cluster.start_node(3)
            self.leaves_a_liar(cluster)

    def joins_through_kills(self, cluster, new):
        is_over = threading.Event()
        writer = threading.Thread(target=self.write, args=(cluster, is_over))
        writer.start()
        try:
            for number in range(KILLS):
                new.start()
                time.sleep(0.1 + 0.09 * number)
                new.kill()
            new.start()
            wait_until(lambda: "joined by snapshot" in new.log(100000), "the new node has joined\n" + new.log())
        finally:
            is_over.set()
            writer.join()
        self.has_all(cluster, new)
        (count,), = new.ask("SELECT count(*) FROM trustsql.history('t') WHERE a = 5")
        self.assertEqual(count, 1)
        self.assertFalse(os.path.exists(new.directory + "/joining"))

    def write(self, cluster, is_over):
        number = 0
        while not is_over.is_set():
            number -= 1
            cluster.execute(0, f"INSERT INTO t VALUES ({number}, 'meanwhile')")
            time.sleep(0.02)

    def becomes_validator(self, cluster, new):
        cluster.execute(0, f"CALL trustsql.add_validator('{new.card()}')")
        self.decide(cluster)
        wait_until(lambda: cluster.execute(0, "SELECT role FROM trustsql.nodes WHERE name = 'bank-e' AND is_connected")
                   == [("validator",)], "the new node is a validator\n" + new.log())
        cluster.kill(3)  # Four of five are a quorum, and the new one is needed for it.
        cluster.execute(0, "INSERT INTO t VALUES (-1000000, 'voted for')", 30)
        wait_until(lambda: self.answers(new, "SELECT b FROM t WHERE a = -1000000", [("voted for",)]),
                   "the new validator executes")

    def leaves_a_liar(self, cluster):
        """The snapshot of node 1 is another than the one it names."""
        paths = glob.glob(cluster.node(1) + "/snapshot/*.chunks")
        self.assertEqual(len(paths), 1)
        with open(paths[0], "r+b") as file:
            data = bytearray(file.read())
            for at in range(100, len(data), 5000):
                data[at] ^= 1
            file.seek(0)
            file.write(data)
        new = Newcomer(self, self.top, "bank-f")
        self.accept(cluster, new)
        new.start()
        wait_until(lambda: "joined by snapshot" in new.log(100000), "the new node has joined\n" + new.log())
        self.assertIn("node1 gave a chunk", new.log(100000))
        for honest in ("node0", "node2", "node3", "bank-e"):
            self.assertNotIn(f"{honest} gave", new.log(100000))
        self.has_all(cluster, new)
        new.stop()
        self.proves_itself(new)


if __name__ == "__main__":
    harness.main()
