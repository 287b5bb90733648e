"""Goal: a full disk stops the node with a clear message; with space again nothing acknowledged is missing."""

import errno
import os
import subprocess
import tempfile
import unittest

import harness
from acknowledged import TABLE, Writers

SMALL = "16m"
LARGE = "128m"


class Tmpfs:
    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="trustsql-tmpfs-")

    def mount(self, options):
        return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.path],
                              stderr=subprocess.PIPE, text=True)

    def close(self):
        subprocess.run(["umount", "-l", self.path], stderr=subprocess.DEVNULL)
        os.rmdir(self.path)


class DiskTest(unittest.TestCase):
    def setUp(self):
        self.disk = Tmpfs()
        self.addCleanup(self.disk.close)
        mounted = self.disk.mount(f"size={SMALL}")
        if mounted.returncode != 0:
            self.skipTest("a tmpfs cannot be mounted here: " + mounted.stderr.strip())

    def fill(self):
        """To the last byte: the node may have stopped for want of more than a start needs."""
        with open(self.disk.path + "/filler", "wb", buffering=0) as filler:
            try:
                while filler.write(bytes(4096)) > 0:
                    pass
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC)

    def test_full_disk(self):
        with harness.Chain(parent=self.disk.path) as chain, \
                tempfile.TemporaryDirectory() as logs:
            chain.execute(TABLE)
            pid = chain.pid()
            writers = Writers(chain, 2, padding=20000, folder=logs)
            self.addCleanup(writers.abandon)
            writers.start()
            harness.wait_until(lambda: not harness.is_alive(pid), "the node stops on a full disk")
            writers.finish()
            self.assertRegex(chain.log(), "(?i)space|full")
            self.fill()
            try:  # Still full: refused, or stops, or stands idle until there is something to write.
                again = harness.run("node", chain.node, timeout=10)
                self.assertEqual(again.returncode, 1, "a full disk is no damage: " + again.stderr)
            except subprocess.TimeoutExpired:
                pass
            os.remove(self.disk.path + "/filler")
            self.disk.mount(f"remount,size={LARGE}")
            chain.start()
            self.assertGreater(writers.check(self), 10)
            chain.execute("INSERT INTO kept VALUES ('after', 1, 'space')")
            chain.stop()
            code, report = harness.verify(chain.node)
            self.assertEqual((code, report["damage"]), (0, []))


if __name__ == "__main__":
    harness.main()
