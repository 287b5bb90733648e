"""Goal: a CALL that changes the chain tells beforehand what it does, and what is unsafe is not submitted.

Four nodes: numbers before and after, who is not reachable, versions that are not supported, `force => true`,
and the same for the vote of another organisation."""

import unittest

import psycopg2

import harness
from cluster import Cluster


class PreflightTest(unittest.TestCase):
    def call(self, link, text):
        """(notices, error code or None) of a query string; link.last is the text of the error."""
        del link.notices[:]
        code = None
        try:
            harness.execute(link, text)
        except psycopg2.Error as error:
            code = error.pgcode
            link.last = str(error)
        return "".join(link.notices), code

    def proposals(self, link):
        return harness.execute(link, "SELECT count(*) FROM trustsql.proposals")[0][0]

    def test_preflight(self):
        with Cluster() as cluster:
            first, second = cluster.link(0), cluster.link(1)
            self.every_change_tells(first, second)
            self.unsafe_needs_force(first)
            self.versions(first)
            cluster.kill(3)
            self.who_is_away(cluster, first)

    def every_change_tells(self, first, second):
        said, code = self.call(first, "CALL trustsql.chain_set('batch_age_ms', '20')")
        self.assertIsNone(code)
        for part in ("now: mode adaptive, 4 validators, quorum 3, fast with 4", "after: mode adaptive",
                     "reachable from here now", "ends after 7 days", "has 1 of 3 votes"):
            self.assertIn(part, said)
        (number,), = harness.execute(first, "SELECT id FROM trustsql.proposals WHERE state = 'open'")
        harness.wait_until(lambda: self.proposals(second) > 0, "the second node knows the proposal")
        said, code = self.call(second, f"CALL trustsql.vote({number})")
        self.assertIsNone(code)
        self.assertIn("after: mode adaptive", said)

    def unsafe_needs_force(self, first):
        before = self.proposals(first)
        said, code = self.call(first, "CALL trustsql.chain_set(name => 'consensus.f', value => '0')")
        self.assertEqual(code, "55000")
        self.assertIn("bears 0 lying validators instead of 1", first.last)
        self.assertIn("Nothing was submitted", first.last)
        self.assertEqual(self.proposals(first), before)
        said, code = self.call(
            first, "CALL trustsql.chain_set(name => 'consensus.f', value => '0', force => true)")
        self.assertIsNone(code)
        self.assertIn("unsafe: the chain bears 0 lying", said)
        self.assertEqual(self.proposals(first), before + 1)

    def versions(self, first):
        before = self.proposals(first)
        for force in ("", ", force => true"):  # No force helps.
            _, code = self.call(first, "CALL trustsql.chain_set(name => 'exec_version', value => '9999'"
                                       f"{force})")
            self.assertIsNotNone(code)
        self.assertEqual(self.proposals(first), before)

    def who_is_away(self, cluster, first):
        harness.wait_until(lambda: cluster.value(0, "connected") == "3", "the loss of a node is noticed")
        said, code = self.call(first, "CALL trustsql.chain_set('block_txs_max', '1000')")
        self.assertIsNone(code)
        self.assertIn("not reachable from here now: node3", said)
        self.assertIn("0 more may stop", said)
        cluster.kill(2)
        harness.wait_until(lambda: cluster.value(0, "connected") == "2", "the loss of a node is noticed")
        _, code = self.call(first, "CALL trustsql.chain_set('block_txs_max', '900')")
        self.assertEqual(code, "55000")
        self.assertIn("would stall: 2 of 4", first.last)
        cluster.start_node(2, 3)


if __name__ == "__main__":
    harness.main()
