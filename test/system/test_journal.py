"""Goal: a damaged journal is told to the operator: mended from its other copy, or lost, and then the node follows without a vote."""

import os
import unittest

import harness
from cluster import Cluster


class JournalTest(unittest.TestCase):
    def test_one_copy_is_mended(self):
        with harness.Chain() as chain:
            chain.execute("CREATE TABLE t (id integer PRIMARY KEY)")
            chain.stop()
            path = chain.node + "/journal"
            with open(path, "r+b") as file:
                byte = os.pread(file.fileno(), 1, 40)
                os.pwrite(file.fileno(), bytes([byte[0] ^ 4]), 40)
            code, report = harness.verify(chain.node)
            self.assertEqual(code, 4)
            self.assertEqual({damage["file"] for damage in report["damage"]}, {"journal"})
            chain.start()
            self.assertIn("warning: file journal offset ", chain.log())
            chain.stop()
            self.assertEqual(harness.verify(chain.node)[0], 0)

    def test_lost_journal_ends_votes(self):
        with Cluster() as cluster:
            cluster.execute(0, "CREATE TABLE t (id integer PRIMARY KEY)")
            cluster.kill(3)
            os.unlink(cluster.node(3) + "/journal")
            cluster.start_node(3)
            cluster.execute(0, "INSERT INTO t VALUES (1)")
            cluster.settle()
            cluster.check_equal(self)
            self.assertIn("lost", cluster.value(3, "not_voting_reason"))
            self.assertEqual(cluster.value(0, "not_voting_reason"), "")
            self.assertIn("warning: file journal", cluster.log(3))
            self.assertIn("follows the others and does not vote", cluster.log(3))


if __name__ == "__main__":
    harness.main()
