"""Goal: kill -9 at any moment of an epoch change under load - while it is proposed, voted for, in the closing block, in the
first block of the new epoch - loses nothing acknowledged, writes never rest for long, and every node comes to the same epoch.

Each round decides on another value of a chain parameter and kills one node a little later than the round before:
the leader, then a follower. TRUSTSQL_NIGHTLY=1: 40 rounds."""

import time
import unittest

import psycopg2

import harness
from acknowledged import COLUMNS, ClusterWriters
from cluster import Cluster, Stopwatch
from harness import wait_until
from pulse import Pulse

ROUNDS = 40 if harness.IS_NIGHTLY else 3
STEP_S = 0.12 / ROUNDS  # From the proposal to well behind the first block of the new epoch.
GAP_S = 5


class EpochKillTest(unittest.TestCase):
    def decide(self, cluster, number, victim, delay):
        """Three of four organisations want it; the victim dies in between or soon after."""
        voters = [index for index in cluster.nodes if index != victim][:3]
        started = time.monotonic()
        for index in voters:
            try:
                cluster.execute(index, f"CALL trustsql.chain_set('consensus.return_blocks', '{number}')")
            except psycopg2.Error as refused:  # In doubt, or decided already: the epoch tells.
                print(f"# {refused.diag.message_primary}" if refused.diag else f"# {refused}")
            if index == voters[-1 if number % 2 else 1]:
                time.sleep(max(0.0, delay - (time.monotonic() - started)))
                if victim in cluster.pids():
                    cluster.kill(victim)

    def change(self, cluster, pulse, number):
        """One round. The longest silence in it."""
        victim = cluster.leader() if number % 2 == 0 else cluster.followers()[0]
        pulse.take()
        watch = Stopwatch()
        self.decide(cluster, 128 + number + 1, victim, number * STEP_S)
        pulse.wait_for_beat("writes go on without the victim")
        cluster.start_node(victim)
        for index in cluster.nodes:
            wait_until(lambda i=index: int(cluster.value(i, "epoch")) > number,
                       f"epoch {number + 1} at node {index}", 60)
        cluster.wait_for_peers()
        pulse.wait_for_beat("writes go on with the victim")
        watch.stop()
        watch.seconds = pulse.take()
        watch.check(self, GAP_S, f"round {number}, node {victim} killed")
        return watch.seconds

    def test_killed_while_the_epoch_changes(self):
        with Cluster(4) as cluster:
            cluster.create("kept", COLUMNS)
            writers = ClusterWriters(cluster, count=2)
            self.addCleanup(writers.stop)
            writers.start()
            pulse = Pulse(cluster, cluster.nodes)
            pulse.start()
            self.addCleanup(pulse.stop)
            gaps = [self.change(cluster, pulse, number) for number in range(ROUNDS)]
            pulse.stop()
            writers.stop()
            cluster.check_equal(self)
            rows = writers.check(self, cluster.nodes)
            cluster.stop()
            cluster.check_proved(self)
            print(f"# {ROUNDS} changes with a kill in each: {rows} acknowledged rows, none lost; "
                  f"longest silence {max(gaps):.2f} s")


if __name__ == "__main__":
    harness.main()
