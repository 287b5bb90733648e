"""Goal: organisations change a running chain by their votes: behaviour, numbers and who takes part.

Four nodes under load: exec_version rises and with it what a statement means; a decided change survives
that all nodes are killed; nothing acknowledged is lost; `verify` proves each node across the epochs."""

import threading
import time
import unittest

import psycopg2

import harness
from cluster import Cluster

GAP_S = 5


class OldCluster(Cluster):
    """A chain that began before the newest exec_version."""

    def testnet(self, *arguments):
        more = ("--exec-version", "1") if "--nodes" in arguments else ()
        return super().testnet(*arguments, *more)


class Writer(threading.Thread):
    """Writes one row after the other through one node; counts what is acknowledged, and the longest gap."""

    def __init__(self, cluster, index):
        super().__init__()
        self.link = cluster.link(index)
        self.acknowledged = []
        self.gap_s = 0.0
        self.is_over = threading.Event()

    def run(self):
        number, since = 0, time.monotonic()
        while not self.is_over.is_set():
            number += 1
            try:
                harness.execute(self.link, f"INSERT INTO w VALUES ({number})")
            except psycopg2.Error:
                continue
            self.acknowledged.append(number)
            now = time.monotonic()
            self.gap_s, since = max(self.gap_s, now - since), now

    def end(self):
        self.is_over.set()
        self.join()
        self.link.close()


class EpochsTest(unittest.TestCase):
    def test_a_chain_changes_while_it_runs(self):
        with OldCluster() as cluster:
            cluster.create("w", "n integer PRIMARY KEY")
            cluster.create("q", "t text")
            self.version_rises_under_load(cluster)
            self.decided_survives_kills(cluster)
            self.all_nodes_tell_the_same(cluster)
            cluster.stop()
            for index in cluster.nodes:
                code, report = harness.verify(cluster.node(index))
                self.assertEqual(code, 0, report)

    def decide(self, cluster, text):
        for index in range(3):
            cluster.execute(index, text)

    def wait_for_epoch(self, cluster, epoch):
        for index in cluster.nodes:
            harness.wait_until(lambda i=index: cluster.execute(
                i, f"SELECT 1 FROM trustsql.epochs WHERE epoch = {epoch} AND first_height IS NOT NULL"),
                f"epoch {epoch} begins at node {index}")

    def version_rises_under_load(self, cluster):
        quote = "INSERT INTO q VALUES (quote_literal('it''s'))"
        with self.assertRaises(psycopg2.Error) as refused:
            cluster.execute(1, quote)
        self.assertEqual(refused.exception.pgcode, "0A000")
        writer = Writer(cluster, 3)
        writer.start()
        self.decide(cluster, "CALL trustsql.chain_set('exec_version', '2')")
        self.wait_for_epoch(cluster, 1)
        cluster.execute(1, quote)
        writer.end()
        self.assertGreater(len(writer.acknowledged), 0)
        self.assertLess(writer.gap_s, GAP_S)
        rows = {n for n, in cluster.execute(0, "SELECT n FROM w")}
        self.assertEqual([n for n in writer.acknowledged if n not in rows], [])
        versions = cluster.execute(2, "SELECT epoch, min(exec_version), max(exec_version) "
                                      "FROM trustsql.blocks GROUP BY epoch ORDER BY epoch")
        self.assertEqual(versions, [(0, 1, 1), (1, 2, 2)])

    def decided_survives_kills(self, cluster):
        self.decide(cluster, "CALL trustsql.chain_set('consensus.view_ms', value => '700')")
        cluster.kill(*cluster.nodes)
        cluster.start_node(*cluster.nodes)
        cluster.first_write(0)
        self.wait_for_epoch(cluster, 2)
        self.assertEqual(cluster.execute(3, "SELECT value FROM trustsql.parameters "
                                            "WHERE name = 'consensus.view_ms'"), [("700",)])

    def all_nodes_tell_the_same(self, cluster):
        cluster.settle()
        for table in ("epochs", "proposals", "votes", "validators", "parameters", "mode_history"):
            first, *others = [sorted(map(str, cluster.execute(i, f"SELECT * FROM trustsql.{table}")))
                              for i in cluster.nodes]
            for other in others:
                self.assertEqual(other, first, table)


if __name__ == "__main__":
    harness.main()
