"""Goal: four nodes are one database: whichever node is asked, the same answers, digests and proof."""

import contextlib
import os
import sys
import threading
import unittest

import harness
from cluster import Cluster

sys.path[:0] = [harness.ROOT + "/examples/bills", harness.ROOT + "/test/support"]

import compare  # noqa: E402
import generate  # noqa: E402
from postgres import Postgres  # noqa: E402

STATEMENTS = int(os.environ.get("TRUSTSQL_STATEMENTS", "10000" if harness.IS_NIGHTLY else "600"))
CHUNK = 50


def script_of(lines, first):
    return "".join(f"\n\\echo #{number}\n{line};" for number, line in enumerate(lines, first)) + "\n"


class ClusterTest(unittest.TestCase):
    def test_bills(self):
        """The bills file through psql, every fifty statements at another node; PostgreSQL 15 answers the same."""
        with open(harness.ROOT + "/examples/bills/schema.sql", encoding="utf-8") as file:
            schema = file.read()
        lines = generate.statements(STATEMENTS, harness.SEED)
        with Postgres() as server:
            expected, _ = compare.psql(dict(server.environment(), PGTZ="UTC"),
                                       schema + script_of(lines, 1))
        with Cluster() as cluster:
            found = compare.psql(cluster.environment(0), schema)[0]
            for table in self.tables(cluster):  # Each node has an account of its own.
                cluster.execute(0, f"GRANT ALL ON {table} TO PUBLIC")
            height = cluster.height(0)
            for first in range(0, len(lines), CHUNK):
                index = harness.RANDOM.choice(cluster.nodes)
                cluster.wait_for_height(index, height)
                answers, _ = compare.psql(cluster.environment(index),
                                          script_of(lines[first:first + CHUNK], first + 1))
                found += answers[1:]
                height = cluster.height(index)
            self.assertEqual(len(found), len(expected))
            for number, line in enumerate(["schema.sql", *lines]):
                self.assertEqual(compare.comparable(line, found[number]),
                                 compare.comparable(line, expected[number]),
                                 f"statement {number}: {line}")
            cluster.check_equal(self, queries=self.questions(cluster))
            cluster.stop()
            reports = cluster.check_proved(self)
            self.assertEqual(len({report["digest"] for report in reports}), 1)
            print(f"# {len(lines)} statements at four nodes: answers of PostgreSQL; digest of "
                  f"{reports[0]['height']} blocks equal, {reports[0]['signatures']} signatures")

    @staticmethod
    def tables(cluster):
        return [name for name, in cluster.execute(
            0, "SELECT name FROM trustsql.tables WHERE schema = 'public' ORDER BY name")]

    @staticmethod
    def questions(cluster):
        """Every row of every table, and what groups and joins make of them."""
        return [f"SELECT * FROM {name} ORDER BY 1, 2" for name in ClusterTest.tables(cluster)] + [
            "SELECT state, count(*), sum(amount) FROM bills GROUP BY state ORDER BY state",
            "SELECT a.holder, count(*) FROM bills b JOIN accounts a ON a.id = b.holder "
            "GROUP BY a.holder ORDER BY a.holder"]

    def test_reads_what_it_wrote(self):
        """At each node, on the same connection and on others of this node."""
        with Cluster() as cluster:
            cluster.create("t", "id integer PRIMARY KEY, node integer NOT NULL")
            with contextlib.ExitStack() as stack:
                links = [(stack.enter_context(contextlib.closing(cluster.link(i))),
                          stack.enter_context(contextlib.closing(cluster.link(i))))
                         for i in cluster.nodes]
                for row in range(40):
                    index = harness.RANDOM.choice(cluster.nodes)
                    writer, other = links[index]
                    harness.execute(writer, f"INSERT INTO t VALUES ({row}, {index})")
                    for reader in (writer, other):
                        self.assertEqual(harness.execute(
                            reader, f"SELECT node FROM t WHERE id = {row}"), [(index,)])
            cluster.check_equal(self, queries=["SELECT * FROM t ORDER BY id"])

    def test_writes_of_all_nodes_at_once(self):
        """Clients of every node increment one counter: each acknowledged one counts, once."""
        with Cluster() as cluster:
            cluster.create("c", "id integer PRIMARY KEY, n bigint NOT NULL")
            cluster.execute(0, "INSERT INTO c VALUES (1, 0)")
            cluster.settle()
            seen = [[] for _ in range(8)]

            def increment(number):
                with contextlib.closing(cluster.link(number % 4)) as link:
                    for _ in range(25):
                        seen[number] += harness.execute(
                            link, "UPDATE c SET n = n + 1 WHERE id = 1 RETURNING n")
            clients = [threading.Thread(target=increment, args=(n,)) for n in range(len(seen))]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            values = sorted(n for rows in seen for n, in rows)
            self.assertEqual(values, list(range(1, 201)))
            self.assertTrue(all(rows == sorted(rows) for rows in seen))
            cluster.check_equal(self, queries=["SELECT * FROM c"])


if __name__ == "__main__":
    harness.main()
