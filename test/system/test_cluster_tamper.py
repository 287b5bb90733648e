"""Goal: a node whose files were damaged says so and harms nobody; from the others it becomes equal again."""

import os
import shutil
import signal
import unittest

import harness
from acknowledged import COLUMNS, ClusterWriters
from cluster import Cluster

CHAIN_FILES = ["blocks", "results", "pending", "state", "journal", "journal.lost"]


def flip(path, offset):
    """One bit of a file is another for ever."""
    with open(path, "r+b", buffering=0) as file:
        byte = os.pread(file.fileno(), 1, offset)
        os.pwrite(file.fileno(), bytes([byte[0] ^ (1 << harness.RANDOM.randrange(8))]), offset)


class ClusterTamperTest(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster(settings={("store", "segment_bytes"): 1 << 17}))
        self.cluster.create("kept", COLUMNS)
        self.writers = ClusterWriters(self.cluster)
        self.addCleanup(self.writers.stop)

    def write(self, count, servers=None):
        self.writers.start(servers)
        self.writers.wait_for_more(count, f"acknowledgements\n{self.cluster.logs()}")
        self.writers.stop()

    def assert_found(self, victim, name):
        """verify ends with exit code 4 and names the file."""
        code, report = harness.verify(self.cluster.node(victim))
        self.assertEqual(code, 4)
        self.assertIn(name, {damage["file"] for damage in report["damage"]})

    def test_follower_with_damaged_blocks(self):
        """It gets the blocks from the others; where all of the chain is removed, too, but then it cannot vote."""
        self.write(60000)
        victim = harness.RANDOM.choice(self.cluster.followers())
        others = [i for i in self.cluster.nodes if i != victim]
        for at in (0, -1):
            self.cluster.signal(signal.SIGTERM, victim)
            paths = self.cluster.blocks(victim)
            self.assertGreater(len(paths), 2)
            if at == 0:
                os.remove(paths[at])
            else:
                flip(paths[at], harness.RANDOM.randrange(os.path.getsize(paths[at])))
            self.assert_found(victim, "blocks/" + os.path.basename(paths[at]))
            self.cluster.start_node(victim)
            self.cluster.check_equal(self)
            self.cluster.wait_for_voting(victim, True)
        self.cluster.signal(signal.SIGTERM, victim)
        self.write(4000, others)  # The others do not need it.
        for name in CHAIN_FILES:
            path = f"{self.cluster.node(victim)}/{name}"
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.exists(path):
                os.remove(path)
        self.cluster.start_node(victim)
        height = self.cluster.check_equal(self)
        self.assertGreater(height, 100)
        # What it promised under its key was in its journal: it follows, and must not vote.
        self.cluster.wait_for_voting(victim, False)
        print(f"# {height} blocks from the others; not voting: "
              f"{self.cluster.value(victim, 'not_voting_reason')}")
        self.write(4000)
        self.cluster.check_equal(self)
        self.writers.check(self, self.cluster.nodes)
        self.cluster.stop()
        self.cluster.check_proved(self)

    def test_flipped_byte_in_pending_after_kill(self):
        """verify names it; the node starts, gets from the peers what it lost, and votes again."""
        named = 0
        for _ in range(12 if harness.IS_NIGHTLY else 3):
            self.writers.start()
            self.writers.wait_for_more(3000, f"acknowledgements\n{self.cluster.logs()}")
            victim = harness.RANDOM.choice(list(self.cluster.nodes))
            self.cluster.kill(victim)
            name = self.flip_pending(victim)
            code, report = harness.verify(self.cluster.node(victim))
            damaged = {damage["file"] for damage in report["damage"]}
            self.assertEqual(code, 4 if damaged else 0)
            if damaged:  # Behind what the journal calls durable it is a torn end.
                self.assertIn(name, damaged)
                named += 1
            self.cluster.start_node(victim)
            self.cluster.wait_for_votes(victim)
            self.writers.stop()
            self.cluster.check_equal(self)
        self.assertGreater(named, 0)
        print(f"# {named} flips of held bodies named")
        self.writers.check(self, self.cluster.nodes)
        self.cluster.stop()
        self.cluster.check_proved(self)

    def flip_pending(self, victim):
        folder = self.cluster.node(victim) + "/pending"
        name = sorted(n for n in os.listdir(folder) if n.endswith(".blk"))[-1]
        flip(f"{folder}/{name}", harness.RANDOM.randrange(os.path.getsize(f"{folder}/{name}")))
        return f"pending/{name}"


if __name__ == "__main__":
    harness.main()
