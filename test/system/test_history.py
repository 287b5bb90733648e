"""Goal: every version of each row can be asked for, as a model that remembers everything tells it: on every node,
after restarts, after the index is gone, through DROP and CREATE of a table of the same name."""

import contextlib
import os
import shutil
import unittest

import harness
from cluster import Cluster

HEAD = "height, op, id, v, note"


class Model:
    """A table and all that ever was in it; applies the statements that it makes."""

    def __init__(self, link, name):
        self.link = link
        self.name = name
        self.rows = {}      # id: (v, note)
        self.versions = []  # (height, op, id, v, note), in order of height and id
        self.number = 0
        self.height = 0

    def height_now(self):
        """Of the block that holds the newest transaction."""
        return harness.execute(self.link, "SELECT max(height) FROM trustsql.transactions")[0][0]

    def send(self, statements, after):
        harness.execute(self.link, "; ".join(statements))
        self.height = self.height_now()
        for row in sorted(set(self.rows) | set(after)):
            old, new = self.rows.get(row), after.get(row)
            if old == new:
                continue
            op = "insert" if old is None else "delete" if new is None else "update"
            self.versions.append((self.height, op, row, *(old if new is None else new)))
        self.rows = after

    def create(self):
        self.send([f"CREATE TABLE {self.name} (id integer PRIMARY KEY, v bigint, note text)"], {})

    def drop(self):
        self.send([f"DROP TABLE {self.name}"], {})

    def step(self, rng):
        after = dict(self.rows)
        statements = []
        for _ in range(rng.randrange(1, 5)):
            row = rng.randrange(12)
            self.number += 1
            note = None if self.number % 7 == 0 else f"note {self.number} é"
            if row not in after:
                statements.append(f"INSERT INTO {self.name} VALUES ({row}, {self.number}, {quote(note)})")
                after[row] = (self.number, note)
            elif rng.randrange(3) == 0:
                statements.append(f"DELETE FROM {self.name} WHERE id = {row}")
                del after[row]
            elif rng.randrange(4) == 0 and 100 + row not in after:
                statements.append(f"UPDATE {self.name} SET id = id + 100 WHERE id = {row}")
                after[100 + row] = after.pop(row)
            else:
                statements.append(f"UPDATE {self.name} SET v = v + 1, note = {quote(note)} WHERE id = {row}")
                after[row] = (after[row][0] + 1, note)
        self.send(statements, after)

    def check(self, test, link):
        """All of it, and parts by height and key."""
        query = f"SELECT {HEAD} FROM trustsql.history('{self.name}')"
        test.assertEqual(harness.execute(link, query + " ORDER BY height, id"), self.versions)
        low, high = self.height // 3, self.height * 2 // 3
        test.assertEqual(
            harness.execute(link, query + f" WHERE height BETWEEN {low} AND {high} ORDER BY height, id"),
            [version for version in self.versions if low <= version[0] <= high])
        for row in (3, 103):
            test.assertEqual(
                harness.execute(link, query + f" WHERE id = {row} AND height > {low} ORDER BY height"),
                [version for version in self.versions if version[2] == row and version[0] > low])
        heights = [version[0] for version in harness.execute(link, query)]
        test.assertEqual(heights, sorted(heights), "the order without ORDER BY")


def quote(text):
    return "NULL" if text is None else f"'{text}'"


class ClusterTest(unittest.TestCase):
    def test_every_node(self):
        """All nodes tell the same history, the same past and the same of a key; so does one that was away."""
        with Cluster() as cluster:
            cluster.create("t", "id integer PRIMARY KEY, v integer")
            away = cluster.followers()[0]
            others = [index for index in range(4) if index != away]
            for number in range(20):
                cluster.execute(number % 4, f"INSERT INTO t VALUES ({number}, 0)")
            cluster.kill(away)
            for number in range(20):
                cluster.execute(others[number % 3], f"UPDATE t SET v = v + 1 WHERE id = {number}")
            cluster.execute(others[0], "SET trustsql.idempotency_key = 'k'; DELETE FROM t WHERE id < 5")
            cluster.start_node(away)
            cluster.settle()
            history = [cluster.execute(index, "SELECT * FROM trustsql.history('t') ORDER BY height, id")
                       for index in range(4)]
            self.assertEqual([row[3] for row in history[0]], ["insert"] * 20 + ["update"] * 20 + ["delete"] * 5)
            self.assertEqual(history[1:], history[:1] * 3)
            middle = history[0][30][0]
            past = [cluster.execute(index, f"SET trustsql.height = {middle}; SELECT * FROM t ORDER BY id")
                    for index in range(4)]
            self.assertEqual(sum(row[1] for row in past[0]), 11)
            self.assertEqual(past[1:], past[:1] * 3)
            owner = f"admin@node{others[0]}"
            for index in range(4):
                self.assertEqual(cluster.execute(index, f"SELECT trustsql.tx_status('k', '{owner}')"),
                                 [("committed",)])
                own = cluster.execute(index, "SELECT trustsql.tx_status('k')")
                self.assertEqual(own[0][0] == "committed", index == others[0])


class HistoryTest(unittest.TestCase):
    def test_against_a_model(self):
        rounds = 8 if harness.IS_NIGHTLY else 3
        with harness.Chain() as chain:
            with contextlib.closing(chain.connect()) as link:
                model = Model(link, "things")
                model.create()
            for number in range(rounds):
                with contextlib.closing(chain.connect()) as link:
                    model.link = link
                    for _ in range(25):
                        model.step(harness.RANDOM)
                    model.check(self, link)
                    model.drop()
                    model.create()
                    model.step(harness.RANDOM)
                    model.check(self, link)
                if number % 2:
                    chain.kill()
                else:
                    chain.stop()
                if number == rounds - 1:
                    shutil.rmtree(chain.node + "/history")
                chain.start()
                with contextlib.closing(chain.connect()) as link:
                    model.check(self, link)
            chain.stop()
            self.check_damage(chain, model)

    def check_damage(self, chain, model):
        """Bytes of the index that were changed are never an answer: it is made again."""
        folder = chain.node + "/history"
        for name in os.listdir(folder):
            with open(f"{folder}/{name}", "r+b") as file:
                file.seek(os.path.getsize(f"{folder}/{name}") // 2)
                file.write(b"wrong")
        chain.start()
        with contextlib.closing(chain.connect()) as link:
            model.check(self, link)

    def test_columns(self):
        """Typed as the table's; joined, grouped, aliased; who changed it and when."""
        with harness.Chain() as chain, contextlib.closing(chain.connect()) as link:
            harness.execute(link, "CREATE TABLE typed (a bigint, b text, n numeric(8,2), t timestamptz, "
                                  "x bytea, f boolean, PRIMARY KEY (b, a))")
            harness.execute(link, "INSERT INTO typed VALUES (-5, 'one', 12.30, '2026-02-03 04:05:06+00', "
                                  "'\\x00ff', true), (6, '', 0, NULL, '', false)")
            harness.execute(link, "UPDATE typed SET n = n * 2, f = NULL WHERE a = -5")
            rows = harness.execute(link, "SELECT op, a, b, n, t, x, f FROM trustsql.history('typed') "
                                         "WHERE a = -5 AND b = 'one' ORDER BY height")
            plain = harness.execute(link, "SELECT a, b, n, t, x, f FROM typed WHERE a = -5")
            self.assertEqual([row[0] for row in rows], ["insert", "update"])
            self.assertEqual([bytes(row[5]) for row in rows], [b"\x00\xff"] * 2)
            self.assertEqual([(str(row[3]), row[6]) for row in rows], [("12.30", True), ("24.60", None)])
            self.assertEqual(rows[1][4], plain[0][3])
            joined = harness.execute(
                link, "SELECT h.op, h.height = x.height, h.time = x.time, x.account FROM "
                      "trustsql.history('typed') AS h JOIN trustsql.transactions x ON h.txid = x.txid "
                      "WHERE h.a = -5 ORDER BY h.height")
            self.assertEqual([row[:3] for row in joined], [("insert", True, True), ("update", True, True)])
            self.assertEqual(
                harness.execute(link, "SELECT op, count(*), max(n) FROM trustsql.history('typed') GROUP BY op "
                                      "ORDER BY op"), [("insert", 2, plain[0][2] / 2), ("update", 1, plain[0][2])])
            with link.cursor() as cursor:
                cursor.execute("SELECT * FROM trustsql.history('typed') WHERE a = %s", (6,))
                self.assertEqual([column.name for column in cursor.description],
                                 ["height", "time", "txid", "op", "a", "b", "n", "t", "x", "f"])
                self.assertEqual([column.type_code for column in cursor.description],
                                 [20, 1184, 17, 25, 20, 25, 1700, 1184, 17, 16])
            self.assertEqual(harness.execute(
                link, "SELECT count(*) FROM trustsql.history('typed') a, trustsql.history('typed') b"), [(9,)])

    def test_refusals(self):
        with harness.Chain() as chain, contextlib.closing(chain.connect()) as link:
            harness.execute(link, "CREATE TABLE t (id integer PRIMARY KEY)")
            for text, state in [
                    ("SELECT * FROM trustsql.history('nowhere')", "42P01"),
                    ("SELECT * FROM trustsql.history('trustsql.blocks')", "42809"),
                    ("SELECT * FROM trustsql.history(1)", "0A000"),
                    ("SELECT * FROM trustsql.history()", "42883"),
                    ("INSERT INTO t SELECT id FROM trustsql.history('t')", "0A000"),
                    ("INSERT INTO t VALUES (1); SELECT * FROM trustsql.history('t')", "0A000"),
                    ("SELECT nothing FROM trustsql.history('t')", "42703")]:
                self.assertEqual(harness.sqlstate_of(link, text), state, text)
            self.assertEqual(harness.execute(link, "SELECT * FROM trustsql.history('T')"), [])
            self.assertGreater(len(harness.execute(link, "SELECT * FROM trustsql.history('trustsql.tables')")), 0)


if __name__ == "__main__":
    harness.main()
