"""Goal: kill -9 at any moment of an epoch change - while it is proposed, voted for, in the closing block, in the first block
of the new epoch - loses nothing acknowledged, and every node comes to the same epoch.

Each round decides on another value of a chain parameter and kills one node a little later than the round before:
the leader, then a follower. TRUSTSQL_NIGHTLY=1: 40 rounds."""

import time
import unittest

import psycopg2

import harness
from cluster import Cluster
from harness import wait_until

ROUNDS = 40 if harness.IS_NIGHTLY else 3
STEP_S = 0.12 / ROUNDS  # From the proposal to well behind the first block of the new epoch.


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

    def test_killed_while_the_epoch_changes(self):
        with Cluster(4) as cluster:
            cluster.create("kept", "id bigint PRIMARY KEY")
            for number in range(ROUNDS):
                victim = cluster.leader() if number % 2 == 0 else cluster.followers()[0]
                self.decide(cluster, 128 + number + 1, victim, number * STEP_S)
                cluster.start_node(victim)
                for index in cluster.nodes:
                    wait_until(lambda i=index, n=number: int(cluster.value(i, "epoch")) > n,
                               f"epoch {number + 1} at node {index}", 60)
                cluster.wait_for_peers()
                cluster.execute(cluster.leader(), f"INSERT INTO kept VALUES ({number})")
            cluster.settle()
            for index in cluster.nodes:
                with cluster.link(index) as link, link.cursor() as cursor:
                    cursor.execute("SELECT count(*) FROM kept")
                    self.assertEqual(cursor.fetchone()[0], ROUNDS)


if __name__ == "__main__":
    harness.main()
