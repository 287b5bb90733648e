"""Goal: an adaptive chain falls to STRICT when a node stops and returns to FAST when it is back and equal, loaded
or idle; every node tells the same of it, and the chain itself names the causes."""

import contextlib
import unittest

import harness
from acknowledged import COLUMNS, ClusterWriters
from cluster import Cluster, Stopwatch
from harness import wait_until

FALL_S = 15
RETURN_S = 90


class ClusterModesTest(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster())
        self.cluster.create("kept", COLUMNS)
        self.writers = ClusterWriters(self.cluster)
        self.addCleanup(self.writers.stop)

    def wait_for_mode(self, mode, indexes, seconds):
        """Until these nodes are in the mode. Returns how long it took."""
        watch = Stopwatch()
        for index in indexes:
            with contextlib.closing(self.cluster.link(index)) as link:
                wait_until(lambda: harness.execute(
                    link, "SELECT value FROM trustsql.status WHERE name = 'mode'")[0][0] == mode,
                    f"node {index} is in mode {mode}: {self.cluster.consensus()}", seconds)
        return watch.stop()

    def history(self, index, height):
        return self.cluster.execute(index, "SELECT height, mode, cause FROM trustsql.mode_history "
                                           f"WHERE height <= {height} ORDER BY height")

    def headers(self, index, height):
        return self.cluster.execute(index, "SELECT height, mode, view, proposer FROM trustsql.blocks "
                                           f"WHERE height <= {height} ORDER BY height")

    def check_told_alike(self):
        """Mode, view and leader of every header, and every switch with its cause, are equal on all nodes."""
        height = self.cluster.check_equal(self)
        history = self.history(0, height)
        headers = self.headers(0, height)
        for index in self.cluster.nodes:
            self.assertEqual(self.history(index, height), history, f"node {index}")
            self.assertEqual(self.headers(index, height), headers, f"node {index}")
        self.assertEqual(history[0][1:], ("FAST", "genesis"))
        mode, switches = "FAST", []
        for at, now, _, _ in headers:
            if now != mode:
                switches.append((at, now))
                mode = now
        self.assertEqual([(at, now) for at, now, _ in history[1:] if at <= height], switches)
        self.assertTrue(all(cause for _, _, cause in history))
        return history

    def fall_and_return(self, victim):
        others = [i for i in self.cluster.nodes if i != victim]
        self.cluster.kill(victim)
        fall = self.wait_for_mode("STRICT", others, FALL_S)
        self.cluster.start_node(victim)
        back = self.wait_for_mode("FAST", self.cluster.nodes, RETURN_S)
        print(f"# node {victim} stopped: STRICT after {fall:.1f} s; back: FAST after {back:.1f} s")

    def test_under_load(self):
        self.writers.start()
        self.wait_for_mode("FAST", self.cluster.nodes, FALL_S)
        leader = self.cluster.leader()
        for victim in (next(i for i in self.cluster.nodes if i != leader), leader):
            self.fall_and_return(victim)
        self.writers.stop()
        history = self.check_told_alike()
        self.assertGreaterEqual(len(history), 5)
        print("# " + "; ".join(f"{height} {mode} ({cause})" for height, mode, cause in history))
        rows = self.writers.check(self, self.cluster.nodes)
        self.assertGreater(rows, 0)
        self.cluster.stop()
        self.cluster.check_proved(self)

    def test_on_an_idle_chain(self):
        self.wait_for_mode("FAST", self.cluster.nodes, FALL_S)
        self.fall_and_return(self.cluster.followers()[0])
        self.cluster.first_write(0)  # The mode of the next block is known before there is one.
        self.assertGreaterEqual(len(self.check_told_alike()), 3)


if __name__ == "__main__":
    harness.main()
