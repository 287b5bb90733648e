"""Goal: whatever happens to the block files of a node, running or stopped, it gets from the others what it lost,
stays quiet about it until then, and its files are what they were. Alone it stays down and changes nothing."""

import contextlib
import os
import shutil
import signal
import unittest

import harness
import psycopg2
from cluster import Cluster
from harness import wait_until
from test_cluster_tamper import flip

ROWS = 500


def size(path):
    return os.path.getsize(path)


def content(path):
    with open(path, "rb") as file:
        return file.read()


class RepairTest(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster(settings={("store", "segment_bytes"): 1 << 17}))
        self.cluster.first_write(0, "CREATE TABLE t (id integer PRIMARY KEY, v text)")
        with contextlib.closing(self.cluster.link(0)) as link, link.cursor() as cursor:
            for row in range(ROWS):
                cursor.execute(f"INSERT INTO t VALUES ({row}, '{'x' * 1000}')")
        self.cluster.settle()
        self.assertGreater(len(self.cluster.blocks(0)), 3)

    def damages(self, victim):
        """Name, what it does, the file."""
        paths = self.cluster.blocks(victim)
        old, last = paths[len(paths) // 2], paths[-1]
        for path in (old, last):
            yield "byte", lambda p=path: flip(p, harness.RANDOM.randrange(100, size(p))), path
            yield "head", lambda p=path: flip(p, harness.RANDOM.randrange(0, 92)), path
            yield "cut", lambda p=path: os.truncate(p, harness.RANDOM.randrange(0, size(p))), path
            yield "deleted", lambda p=path: os.remove(p), path
            yield "replaced", lambda p=path: shutil.copy2(paths[0], p), path

    def check_reads(self, victim):
        """Every block can be read, and is that of the others."""
        other = (victim + 1) % 4
        height = min(self.cluster.height(victim), self.cluster.height(other))
        text = f"SELECT height, hash, digest FROM trustsql.blocks WHERE height <= {height} ORDER BY 1"
        self.assertEqual(self.cluster.execute(victim, text), self.cluster.execute(other, text))

    def test_stopped(self):
        victim = harness.RANDOM.choice(self.cluster.followers())
        for name, damage, path in list(self.damages(victim)):
            with self.subTest(name=name, path=path):
                self.cluster.signal(signal.SIGTERM, victim)
                before = content(path)
                damage()
                code, _ = harness.verify(self.cluster.node(victim))
                self.assertEqual(code, 4)
                self.cluster.start_node(victim)
                self.check_reads(victim)
                wait_until(lambda: content(path)[:len(before)] == before, f"{name} of {path}", 20)
                self.cluster.execute(0, f"INSERT INTO t VALUES ({-size(path) - hash(name) % 10**9}, 'y')")
        self.cluster.settle()
        self.cluster.stop()
        self.cluster.check_proved(self)

    def test_running(self):
        victim = harness.RANDOM.choice(self.cluster.followers())
        for name, damage, path in list(self.damages(victim)):
            with self.subTest(name=name, path=path):
                before = content(path)
                damage()
                self.scrub(victim)
                wait_until(lambda: os.path.exists(path) and content(path)[:len(before)] == before,
                           f"{name} of {path}\n{self.cluster.log(victim)}", 20)
                self.check_reads(victim)
        self.cluster.settle()
        self.cluster.stop()
        self.cluster.check_proved(self)

    def scrub(self, victim):
        with contextlib.suppress(psycopg2.Error):
            self.cluster.execute(victim, "SELECT height, hash FROM trustsql.blocks")

    def test_nobody_else(self):
        """The others are down: the node says what it lacks and stays down, and later it is repaired."""
        self.cluster.stop()
        path = self.cluster.blocks(1)[1]
        before = content(path)
        flip(path, 50)
        damaged = content(path)
        done = harness.run("node", self.cluster.node(1), timeout=120)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn("blocks/" + os.path.basename(path), done.stdout + done.stderr)
        self.assertIn("no other node", done.stdout + done.stderr)
        self.assertEqual(content(path), damaged)
        self.cluster.start()
        wait_until(lambda: content(path) == before, "repair", 20)
        self.check_reads(1)


if __name__ == "__main__":
    harness.main()
