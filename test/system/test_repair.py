"""Goal: whatever happens to the block files of a node, running or stopped, it gets from the others what it lost,
stays quiet about it until then, and its files are what they were. Alone it stays down and changes nothing."""

import contextlib
import os
import shutil
import signal
import unittest

import harness
from cluster import Cluster
from harness import wait_until
from test_cluster_tamper import flip

ROWS = 500
DAMAGES = {
    "byte": lambda path, _: flip(path, harness.RANDOM.randrange(100, os.path.getsize(path))),
    "head": lambda path, _: flip(path, harness.RANDOM.randrange(0, 64)),
    "cut": lambda path, _: os.truncate(path, harness.RANDOM.randrange(0, os.path.getsize(path))),
    "deleted": lambda path, _: os.remove(path),
    "replaced": lambda path, other: shutil.copy2(other, path),
}


def content(path):
    with open(path, "rb") as file:
        return file.read()


class RepairTest(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster(settings={
            ("store", "segment_bytes"): 1 << 17, ("store", "hot_segments"): 2}))
        self.cluster.first_write(0, "CREATE TABLE t (id integer PRIMARY KEY, v text)")
        with contextlib.closing(self.cluster.link(0)) as link, link.cursor() as cursor:
            for row in range(ROWS):
                cursor.execute(f"INSERT INTO t VALUES ({row}, '{'x' * 1000}')")
        self.cluster.settle()
        for index in self.cluster.nodes:
            wait_until(lambda i=index: len(self.cluster.blocks(i)) == 3 and self.cold(i),
                       "old segments are cold")

    def cold(self, index):
        """Paths of the cold segments of a node."""
        folder = self.cluster.node(index) + "/blocks/cold"
        if not os.path.isdir(folder):
            return []
        return [f"{folder}/{name}" for name in sorted(os.listdir(folder)) if name.endswith(".seg")]

    def pick(self, victim, kind):
        """A file of this kind now, and another one."""
        paths = self.cluster.blocks(victim)
        path = {"cold": self.cold(victim)[0], "hot": paths[0], "current": paths[-1]}[kind]
        return path, paths[1]

    def is_again(self, victim, path, before):
        """The file, wherever it is now, has the bytes it had (and more, if it still grows)."""
        name = os.path.basename(path)
        found = [p for p in self.cluster.blocks(victim) + self.cold(victim) if p.endswith(name)]
        with contextlib.suppress(OSError):  # It may be on its way from one place to the other.
            return bool(found) and content(found[0])[:len(before)] == before
        return False

    def each_damage(self, victim):
        for kind in ("cold", "hot", "current"):
            for name, damage in DAMAGES.items():
                yield kind, name, damage

    def check_reads(self, victim):
        """Every block can be read, and is that of the others."""
        other = (victim + 1) % 4
        height = min(self.cluster.height(victim), self.cluster.height(other))
        text = f"SELECT height, hash, digest FROM trustsql.blocks WHERE height <= {height} ORDER BY 1"
        self.assertEqual(self.cluster.execute(victim, text), self.cluster.execute(other, text))

    def check_all(self):
        self.cluster.settle()
        self.cluster.stop()
        self.cluster.check_proved(self)

    def test_stopped(self):
        victim = harness.RANDOM.choice(self.cluster.followers())
        for kind, name, damage in self.each_damage(victim):
            what = f"{name} of a {kind} segment of node {victim}"
            self.cluster.signal(signal.SIGTERM, victim)
            path, other = self.pick(victim, kind)
            before = content(path)
            damage(path, other)
            code, report = harness.verify(self.cluster.node(victim))
            self.assertEqual(code, 4, what)
            self.assertIn(os.path.basename(path), " ".join(d["file"] for d in report["damage"]), what)
            self.cluster.start_node(victim)
            self.check_reads(victim)
            if kind != "current":  # It may have grown and been sealed.
                wait_until(lambda p=path, b=before: self.is_again(victim, p, b), what, 30)
        self.check_all()

    def test_running(self):
        victim = harness.RANDOM.choice(self.cluster.followers())
        for kind, name, damage in self.each_damage(victim):
            path, other = self.pick(victim, kind)
            before = content(path)
            damage(path, other)
            said = str(self.cluster.execute(victim, "SELECT trustsql.scrub()"))
            self.assertIn(os.path.basename(path), said)
            wait_until(lambda p=path, b=before: self.is_again(victim, p, b),
                       f"{name} of a {kind} segment of node {victim}: {said}", 30)
            self.check_reads(victim)
        self.check_all()

    def test_indexes(self):
        """Removed ones are made again when asked; a wrong byte is found by the scrub."""
        folder = self.cluster.node(2) + "/blocks/"
        names = sorted(name for name in os.listdir(folder) if name.endswith(".idx"))
        before = {name: content(folder + name) for name in names}
        os.remove(folder + names[0])
        self.assertEqual(self.cluster.execute(2, "SELECT trustsql.rebuild_indexes()")[0][0], len(names))
        flip(folder + names[1], harness.RANDOM.randrange(len(before[names[1]])))
        self.assertIn(names[1], str(self.cluster.execute(2, "SELECT trustsql.scrub()")))
        self.assertEqual({name: content(folder + name) for name in names}, before)

    def test_nobody_else(self):
        """The others are down: the node says what it lacks and stays down, and later it is repaired."""
        self.cluster.stop()
        path, _ = self.pick(1, "hot")
        before = content(path)
        flip(path, 50)
        damaged = content(path)
        done = harness.run("node", self.cluster.node(1), timeout=120)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn("blocks/" + os.path.basename(path), done.stdout + done.stderr)
        self.assertIn("no other node", done.stdout + done.stderr)
        self.assertEqual(content(path), damaged)
        self.cluster.start()
        wait_until(lambda: self.is_again(1, path, before), "repair", 30)
        self.check_reads(1)


if __name__ == "__main__":
    harness.main()
