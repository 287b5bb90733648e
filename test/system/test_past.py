"""Goal: SET trustsql.height shows the whole ledger as it was at any height: rows, tables, columns, rights, as a model
that remembers everything tells it; whether the page store still has the height or it is made again."""

import contextlib
import unittest

import harness

KINDS = {"integer": lambda n: str(n), "text": lambda n: f"'text {n}'", "numeric(9,2)": lambda n: f"{n}.5"}


class Ledger:
    """Tables without and with keys that come, change and go; the dump of each height is remembered."""

    def __init__(self, chain):
        self.chain = chain
        self.dumps = {}  # height: {table: rows as text}
        self.tables = {}  # name: kind of its second column
        self.number = 0

    def step(self, link, rng):
        self.number += 1
        name = f"t{rng.randrange(4)}"
        if name not in self.tables:
            self.tables[name] = kind = rng.choice(sorted(KINDS))
            key = rng.choice(["", " PRIMARY KEY"])
            harness.execute(link, f"CREATE TABLE {name} (id integer{key}, v {kind}); INSERT INTO {name} "
                                  f"VALUES ({self.number}, {KINDS[kind](self.number)})")
        elif rng.randrange(12) == 0:
            harness.execute(link, f"DROP TABLE {name}")
            del self.tables[name]
        elif rng.randrange(4) == 0:
            harness.execute(link, f"DELETE FROM {name} WHERE id % 3 = {rng.randrange(3)}")
        elif rng.randrange(3) == 0:
            harness.execute(link, f"UPDATE {name} SET v = NULL WHERE id % 2 = {rng.randrange(2)}")
        else:
            harness.execute(link, f"INSERT INTO {name} SELECT {self.number} * 10 + n, "
                                  f"{KINDS[self.tables[name]](self.number)} FROM (VALUES (1), (2)) AS x(n)")
        height = harness.execute(link, "SELECT max(height) FROM trustsql.transactions")[0][0]
        self.dumps[height] = self.dump(link)

    @staticmethod
    def dump(link):
        names = [row[0] for row in harness.execute(
            link, "SELECT name FROM trustsql.tables WHERE schema = 'public' ORDER BY name")]
        dump = {name: harness.execute(link, f"SELECT * FROM {name} ORDER BY id, v") for name in names}
        dump["accounts"] = harness.execute(link, "SELECT name, address FROM trustsql.accounts ORDER BY id")
        dump["blocks"] = harness.execute(link, "SELECT count(*) >= 0, max(height) > 0 FROM trustsql.blocks")
        return dump

    def check(self, test, link, heights):
        for height in heights:
            harness.execute(link, f"SET trustsql.height = {height}")
            test.assertEqual(self.dump(link), self.dumps[height], f"height {height}")
        harness.execute(link, "RESET trustsql.height")
        test.assertEqual(self.dump(link), self.dumps[max(self.dumps)])


class PastTest(unittest.TestCase):
    def test_against_a_model(self):
        with harness.Chain() as chain:
            ledger = Ledger(chain)
            with contextlib.closing(chain.connect()) as link:
                for _ in range(120 if harness.IS_NIGHTLY else 50):
                    ledger.step(link, harness.RANDOM)
                ledger.check(self, link, harness.RANDOM.sample(sorted(ledger.dumps), 25))  # Kept by the page store.
            chain.stop()
            chain.start()  # It keeps nothing of what was before.
            with contextlib.closing(chain.connect()) as link:
                ledger.check(self, link, harness.RANDOM.sample(sorted(ledger.dumps), 25))
                for _ in range(10):
                    ledger.step(link, harness.RANDOM)
                ledger.check(self, link, harness.RANDOM.sample(sorted(ledger.dumps), 25))

    def test_session(self):
        with harness.Chain() as chain:
            with contextlib.closing(chain.connect()) as link:
                harness.execute(link, "CREATE TABLE t (id integer PRIMARY KEY, v text)")
                first = harness.execute(link, "SELECT max(height) FROM trustsql.transactions")[0][0]
                harness.execute(link, "INSERT INTO t VALUES (1, 'a')")
                second = harness.execute(link, "SELECT max(height) FROM trustsql.transactions")[0][0]
                harness.execute(link, "SET trustsql.idempotency_key = 'k'; DELETE FROM t")
                harness.execute(link, "RESET trustsql.idempotency_key; DROP TABLE t")
            for restart in (False, True):
                with self.subTest(restart=restart):
                    if restart:
                        chain.kill()
                        chain.start()
                    with contextlib.closing(chain.connect()) as link:
                        self.check_session(link, first, second)

    def check_session(self, link, first, second):
        self.assertEqual(harness.sqlstate_of(link, "SELECT * FROM t"), "42P01")
        harness.execute(link, f"SET trustsql.height = {second}")
        self.assertEqual(harness.execute(link, "SHOW trustsql.height"), [(str(second),)])
        self.assertEqual(harness.execute(link, "SELECT * FROM t"), [(1, "a")])
        self.assertEqual(harness.execute(link, "SELECT max(height) FROM trustsql.blocks"), [(second,)])
        self.assertEqual(harness.execute(
            link, f"SELECT now() = time FROM trustsql.blocks WHERE height = {second}"), [(True,)])
        self.assertEqual(harness.execute(link, "SELECT op, id FROM trustsql.history('t')"), [("insert", 1)])
        self.assertEqual(harness.execute(link, "SELECT count(*) FROM trustsql.idempotency"), [(0,)])
        for text in ("INSERT INTO t VALUES (2, 'b')", "CREATE TABLE u (id integer)", "DROP TABLE t",
                     "SELECT * FROM trustsql.submit('\\x00'::bytea)"):
            self.assertEqual(harness.sqlstate_of(link, text), "25006", text)
        with link.cursor() as cursor:  # Statements of one query string see what stands before them.
            cursor.execute(f"SET trustsql.height = {first}; SELECT count(*) FROM t; SET trustsql.height = {second}; "
                           "SELECT count(*) FROM t")
            self.assertEqual(cursor.fetchall(), [(1,)])
            cursor.execute(f"SET trustsql.height = {first}; SELECT count(*) FROM t")
            self.assertEqual(cursor.fetchall(), [(0,)])
        self.assertEqual(harness.sqlstate_of(link, "SET trustsql.height = 1000000"), "TQ008")
        self.assertEqual(harness.execute(link, "SHOW trustsql.height"), [(str(first),)])
        self.assertEqual(harness.sqlstate_of(link, "SET trustsql.height = 'yesterday'"), "22023")
        self.assertEqual(harness.sqlstate_of(link, "SET trustsql.height = 1; SELECT * FROM t"),
                         None if first == 1 else "42P01")
        harness.execute(link, "RESET trustsql.height; CREATE TABLE u (id integer)")
        harness.execute(link, "DROP TABLE u")
        self.assertEqual(harness.sqlstate_of(link, "SELECT * FROM t"), "42P01")


    def test_retention(self):
        """Versions older than the owner allows are not answered, neither one by one nor by going back."""
        with harness.Chain() as chain:
            with contextlib.closing(chain.connect()) as link:
                harness.execute(link, "CREATE TABLE t (id integer PRIMARY KEY)")
                harness.execute(link, "CREATE TABLE free (id integer PRIMARY KEY)")
                for number in range(12):
                    harness.execute(link, f"INSERT INTO t VALUES ({number}); INSERT INTO free VALUES ({number})")
                old = harness.execute(link, "SELECT max(height) FROM trustsql.transactions")[0][0] - 6
                for text, state in [("CALL trustsql.set_retention('nowhere', 5)", "42P01"),
                                    ("CALL trustsql.set_retention('t', 0)", "22023"),
                                    ("CALL trustsql.set_retention(NULL, 5)", "22023"),
                                    ("CALL trustsql.set_retention('t')", "42883")]:
                    self.assertEqual(harness.sqlstate_of(link, text), state, text)
                harness.execute(link, "CALL trustsql.set_retention('t', 5)")
            for restart in (False, True):
                with self.subTest(restart=restart):
                    if restart:
                        chain.stop()
                        chain.start()
                    with contextlib.closing(chain.connect()) as link:
                        self.check_retention(link, old)
            with contextlib.closing(chain.connect()) as link:
                harness.execute(link, "CALL trustsql.set_retention('t', NULL)")
                self.assertEqual(harness.execute(link, "SELECT count(*) FROM trustsql.history('t')"), [(12,)])
                harness.execute(link, f"SET trustsql.height = {old}")
                self.assertEqual(len(harness.execute(link, "SELECT * FROM t")), 6)

    def check_retention(self, link, old):
        newest = harness.execute(link, "SELECT max(height) FROM trustsql.blocks")[0][0]
        heights = [row[0] for row in harness.execute(link, "SELECT height FROM trustsql.history('t')")]
        everything = [row[0] for row in harness.execute(link, "SELECT height FROM trustsql.history('free')")]
        self.assertEqual(len(everything), 12)
        self.assertEqual(heights, [height for height in everything if height > newest - 5])
        harness.execute(link, f"SET trustsql.height = {old}")
        self.assertEqual(harness.sqlstate_of(link, "SELECT * FROM t"), "TQ010")
        self.assertEqual(harness.sqlstate_of(link, "SELECT * FROM trustsql.history('t')"), "TQ010")
        self.assertEqual(len(harness.execute(link, "SELECT * FROM free")), 6)
        harness.execute(link, "RESET trustsql.height")
        self.assertEqual(len(harness.execute(link, "SELECT * FROM t")), 12)


if __name__ == "__main__":
    harness.main()
