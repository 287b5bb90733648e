"""Goal: whatever is changed in a stopped node's files, verify names the file and ends with exit code 4."""

import contextlib
import os
import shutil
import signal
import sqlite3
import unittest

import harness

SAMPLES = 60


@contextlib.contextmanager
def flipped(path, offset):
    """One bit of a file is wrong for as long as the block runs."""
    with open(path, "r+b", buffering=0) as file:
        byte = os.pread(file.fileno(), 1, offset)
        os.pwrite(file.fileno(), bytes([byte[0] ^ (1 << harness.RANDOM.randrange(8))]), offset)
        try:
            yield
        finally:
            os.pwrite(file.fileno(), byte, offset)


class TamperTest(unittest.TestCase):
    def assert_named(self, node, name, what):
        code, report = harness.verify(node)
        self.assertEqual(code, 4, f"{what}: exit code {code}")
        self.assertFalse(report["ok"], what)
        files = {damage["file"] for damage in report["damage"]}
        self.assertIn(name, files, f"{what}: {report['damage']}")

    def assert_sound(self, node):
        code, report = harness.verify(node)
        self.assertEqual((code, report["damage"]), (0, []))

    def flip_all(self, chain, samples):
        path = chain.segments()[-1]
        size = os.path.getsize(path)
        offsets = range(size)
        if not harness.IS_NIGHTLY:
            last = range(size - 12, size)  # The last record too, whatever the sample says.
            offsets = sorted({*harness.RANDOM.sample(offsets, samples), 0, 7, *last})
        for offset in offsets:
            with flipped(path, offset):
                self.assert_named(chain.node, "blocks/" + os.path.basename(path),
                                  f"a flipped bit at {offset} of {size}")
        self.assert_sound(chain.node)

    def test_flipped_byte_after_stop(self):
        with harness.Chain() as chain:
            chain.execute("CREATE TABLE t (id integer PRIMARY KEY, v text)")
            chain.execute("INSERT INTO t VALUES (1, 'one'), (2, 'two')")
            chain.execute("UPDATE t SET v = 'three' WHERE id = 2")
            chain.stop()
            self.flip_all(chain, SAMPLES)

    def test_flipped_byte_after_kill(self):
        with harness.Chain() as chain:
            chain.execute("CREATE TABLE t (id integer PRIMARY KEY, v text)")
            chain.execute("INSERT INTO t VALUES (1, 'one'), (2, 'two')")
            chain.kill()
            self.flip_all(chain, SAMPLES // 2)

    def test_segments(self):
        """Truncated, deleted, exchanged: the first, one in the middle, the last."""
        with harness.Chain(segment_bytes=1 << 16) as chain:
            fill(chain, 120)
            chain.stop()
            self.assert_sound(chain.node)
            paths = chain.segments()
            self.assertGreater(len(paths), 3)
            for path in (paths[0], paths[len(paths) // 2], paths[-1]):
                self.truncate(chain.node, path)
                self.delete(chain.node, path)
            self.exchange(chain.node, paths[0], paths[1])
            self.exchange(chain.node, paths[1], paths[-1])
            self.copy_over(chain.node, paths[1], paths[2])
            self.assert_sound(chain.node)

    def truncate(self, node, path):
        size = os.path.getsize(path)
        for cut in (1, 33, size // 2, size):
            shutil.copy2(path, path + ".kept")
            os.truncate(path, size - cut)
            self.assert_named(node, "blocks/" + os.path.basename(path), f"{cut} bytes cut off")
            os.replace(path + ".kept", path)

    def delete(self, node, path):
        os.rename(path, node + "/away")
        self.assert_named(node, "blocks/" + os.path.basename(path), "segment deleted")
        os.rename(node + "/away", path)

    def exchange(self, node, first, second):
        for _ in range(2):  # And back again.
            os.rename(first, node + "/away")
            os.rename(second, first)
            os.rename(node + "/away", second)
            if _ == 0:
                self.assert_named(node, "blocks/" + os.path.basename(first), "exchanged")

    def copy_over(self, node, source, target):
        shutil.copy2(target, node + "/away")
        shutil.copy2(source, target)
        self.assert_named(node, "blocks/" + os.path.basename(target), "segment of another place")
        os.replace(node + "/away", target)

    def test_rows(self):
        """A row changed, added, deleted; a table and an index dropped: by the plain sqlite3 library."""
        changes = [
            ("UPDATE t SET v = 'forged' WHERE id = 7", "t"),
            ("INSERT INTO t VALUES (1000, 'forged')", "t"),
            ("DELETE FROM t WHERE id = 3", "t"),
            ("UPDATE \"trustsql.accounts\" SET name = 'mallory'", "trustsql.accounts"),
            ("DROP TABLE t", "t"),
            ("CREATE TABLE forged (id integer)", "schema"),
            ("DROP INDEX t_v", "t_v"),
        ]
        with harness.Chain() as chain:
            chain.execute("CREATE TABLE t (id integer PRIMARY KEY, v text); CREATE INDEX t_v ON t (v)")
            chain.execute("INSERT INTO t VALUES " + ", ".join(f"({i}, 'v{i}')" for i in range(50)))
            chain.stop()
            path = chain.node + "/state/main.db"
            shutil.copy2(path, chain.top + "/main.db")
            for text, name in changes:
                with contextlib.closing(sqlite3.connect(path)) as connection:
                    connection.execute(text)
                    connection.commit()
                code, report = harness.verify(chain.node)
                self.assertEqual(code, 4, text)
                said = " ".join(damage["what"] for damage in report["damage"]
                                if damage["file"] == "state/main.db")
                self.assertIn(name, said, text)
                shutil.copy2(chain.top + "/main.db", path)
            self.assert_sound(chain.node)

    def test_results(self):
        """The stored results are files of the chain too."""
        with harness.Chain() as chain:
            chain.execute("CREATE TABLE t (id integer PRIMARY KEY)")
            chain.execute("INSERT INTO t VALUES (1)")
            chain.stop()
            path = chain.node + "/results/00000001.res"
            for offset in harness.RANDOM.sample(range(os.path.getsize(path)), 10):
                with flipped(path, offset):
                    self.assert_named(chain.node, "results/00000001.res", f"a bit at {offset}")

    def test_held_blocks(self):
        """What a kill leaves of blocks that were voted for is proved too, though nobody needs it."""
        with harness.Chain() as chain:
            fill(chain, 20, kill=True)
            folder = chain.node + "/pending"
            held = sorted(os.listdir(folder))
            self.assertTrue(held)
            for name in held:
                path = os.path.join(folder, name)
                size = os.path.getsize(path)
                offsets = {0, 17, size - 1, *harness.RANDOM.sample(range(size), 10)}
                for offset in sorted(offsets):
                    with flipped(path, offset):
                        self.assert_named(chain.node, "pending/" + name,
                                          f"a flipped bit at {offset} of {size}")
            self.assert_sound(chain.node)
            chain.start()

    def test_segment_cut_after_kill(self):
        """What the node knew as final is named before it was settled too, and comes back by itself."""
        with harness.Chain() as chain:
            fill(chain, 20, kill=True)
            self.assertTrue(os.listdir(chain.node + "/pending"))
            self.assert_sound(chain.node)
            path = chain.segments()[-1]
            self.truncate(chain.node, path)
            shutil.copy2(path, chain.top + "/kept")
            os.truncate(path, ends_of_blocks(chain.node, path)[-3])
            self.assert_named(chain.node, "blocks/" + os.path.basename(path), "whole blocks cut off")
            shutil.copy2(chain.top + "/kept", path)
            self.delete(chain.node, path)
            os.unlink(path)
            chain.start()
            self.assertEqual(chain.execute("SELECT count(*), max(id) FROM filler"), [(20, 19)])
            chain.stop()
            self.assert_sound(chain.node)

    def test_damaged_node_does_not_start(self):
        with harness.Chain() as chain:
            chain.execute("CREATE TABLE t (id integer PRIMARY KEY)")
            chain.stop()
            path = chain.segments()[0]
            with flipped(path, os.path.getsize(path) - 1):
                done = harness.run("node", chain.node, timeout=60)
                self.assertEqual(done.returncode, 4, done.stderr)
            chain.start()


def fill(chain, count, kill=False):
    """Blocks of a few KB; kill: right after the last, before the node finds time to settle them."""
    pid = chain.pid()
    with contextlib.closing(chain.connect()) as link:
        harness.execute(link, "CREATE TABLE filler (id integer PRIMARY KEY, v text)")
        for i in range(count):
            harness.execute(link, f"INSERT INTO filler VALUES ({i}, '{'x' * 2000}')")
        if kill:
            os.kill(pid, signal.SIGKILL)
    if kill:
        harness.wait_until(lambda: not harness.is_alive(pid), f"process {pid} ends")


def ends_of_blocks(node, path):
    """Where blocks of a segment end: verify names the start of each when its first byte is wrong."""
    done = []
    size = os.path.getsize(path)
    at = size - 1
    while len(done) < 4:
        with flipped(path, at):
            report = harness.verify(node)[1]
        at = min(damage["offset"] for damage in report["damage"])
        done.insert(0, at)
        at -= 1
    return done


if __name__ == "__main__":
    harness.main()
