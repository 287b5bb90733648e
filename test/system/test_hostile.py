"""Goal: a statement that is long, deep, wide or endless costs its own session alone: meanwhile another gets its answers.

In CI answers are counted while the hostile statement runs; the nightly run prints how long the longest of them took."""

import contextlib
import threading
import time
import unittest

import harness
import psycopg2

ANSWERS = 20
STALL_S = 0.1  # What nobody else may wait for longer, at night.
ENDLESS_READS = 36 if harness.IS_NIGHTLY else 14
WORDS = "x" * 1000
ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"

# Name, statement, what its session may get.
STATEMENTS = [
    ("numbers in a list", "SELECT 1 WHERE 1 IN (" + ",".join(map(str, range(140000))) + ")", None),
    ("rows of VALUES", "SELECT count(*) FROM (VALUES " + ",".join(f"({i},'a')" for i in range(70000)) + ") v(a, b)", None),
    ("a long string", "SELECT length('" + "x" * 1000000 + "')", None),
    ("many statements", ";".join(["SELECT 1"] * 1000), None),
    ("many long statements", ";".join(["SELECT '" + WORDS + "'"] * 1000), None),
    ("brackets", "SELECT " + "(" * 500000 + "1" + ")" * 500000, "54001"),
    ("operators", "SELECT " + "1+" * 500000 + "1", "54001"),
    ("columns", "SELECT " + ",".join(["1"] * 300000), None),
    ("bad UTF-8", b"SELECT '" + b"\xff" * 1000000 + b"'", "22021"),
    ("no statement", "SELECT 1" + " SELECT" * 140000, "42601"),
]


class HostileTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chain = harness.Chain()
        cls.chain.__enter__()
        with contextlib.closing(cls.chain.connect()) as c, c.cursor() as k:
            k.execute("CREATE TABLE t (a integer PRIMARY KEY, b text)")
            k.execute("INSERT INTO t VALUES (1, 'one')")

    @classmethod
    def tearDownClass(cls):
        cls.chain.__exit__(None, None, None)

    def send(self, text, ended):
        """The SQLSTATE of a hostile statement; ended is set when its session has an answer."""
        try:
            with contextlib.closing(self.chain.connect()) as c, c.cursor() as k:
                k.execute(text)
        except psycopg2.Error as error:
            return error.pgcode
        finally:
            ended.set()
        return None

    def beside(self, text):
        """What others get while it runs: (its SQLSTATE, number of answers, longest wait)."""
        ended = threading.Event()
        found = []
        thread = threading.Thread(target=lambda: found.append(self.send(text, ended)))
        count, longest = 0, 0.0
        with contextlib.closing(self.chain.connect()) as c, c.cursor() as k:
            k.execute("SELECT b FROM t WHERE a = 1")
            thread.start()
            while not ended.is_set():
                start = time.monotonic()
                k.execute("SELECT b FROM t WHERE a = 1")
                k.fetchall()
                longest = max(longest, time.monotonic() - start)
                count += 1
        thread.join()
        return found[0], count, longest

    def test_statements(self):
        for name, text, expected in STATEMENTS:
            with self.subTest(name):
                found, count, longest = self.beside(text)
                print(f"# {name}: {found}, {count} answers, longest {longest * 1000:.0f} ms", flush=True)
                if expected is not None:
                    self.assertEqual(found, expected)
                if harness.IS_NIGHTLY:
                    self.assertLess(longest, STALL_S)

    def test_long_one_is_not_waited_for(self):
        """While the longest text that there may be is compiled, another session gets many answers."""
        for _ in range(3 if harness.IS_NIGHTLY else 1):
            _, count, _ = self.beside(STATEMENTS[0][1])
            self.assertGreaterEqual(count, ANSWERS)

    def test_endless(self):
        with contextlib.closing(self.chain.connect()) as c, c.cursor() as k:
            k.execute("SET statement_timeout = '500ms'")
            with self.assertRaises(psycopg2.errors.QueryCanceled) as caught:
                k.execute(ENDLESS)
            self.assertIn("statement timeout", str(caught.exception))
        endless = "SET statement_timeout = '500ms'; " + ENDLESS
        found, count, _ = self.beside(endless)
        self.assertEqual(found, "57014")
        self.assertGreaterEqual(count, ANSWERS // 4)  # In half a second, whatever else the machine does.

    def test_many_endless(self):
        """More endless reads than there are threads for them: a short one still gets its answer."""
        threads = []
        for _ in range(ENDLESS_READS):
            c = self.chain.connect()
            threads.append((c, threading.Thread(target=self.ignore, args=(c, ENDLESS))))
            threads[-1][1].start()
        with contextlib.closing(self.chain.connect()) as c, c.cursor() as k:
            longest = 0.0
            for _ in range(ANSWERS):
                start = time.monotonic()
                k.execute("SELECT b FROM t WHERE a = 1")
                self.assertEqual(k.fetchall(), [("one",)])
                longest = max(longest, time.monotonic() - start)
        print(f"# beside {ENDLESS_READS} endless reads: longest {longest * 1000:.0f} ms", flush=True)
        for c, thread in threads:
            c.cancel()
            thread.join()
            c.close()

    def test_cancel_and_leave(self):
        """A client that cancels, or goes, while its statement is compiled is let go, and nothing is left of it."""
        text = STATEMENTS[0][1]
        with contextlib.closing(self.chain.connect()) as c, c.cursor() as k:
            timer = threading.Timer(0.05, c.cancel)
            timer.start()
            try:
                k.execute(text)
            except psycopg2.errors.QueryCanceled:
                pass
            timer.join()
            k.execute("SELECT 1")
            self.assertEqual(k.fetchall(), [(1,)])
        for _ in range(4):
            c = self.chain.connect()
            thread = threading.Thread(target=self.ignore, args=(c, text))
            thread.start()
            time.sleep(0.02)  # Any moment will do.
            c.cancel()
            thread.join()
            c.close()
        self.chain.execute("SELECT 1")

    @staticmethod
    def ignore(c, text):
        with contextlib.suppress(psycopg2.Error):
            c.cursor().execute(text)


if __name__ == "__main__":
    harness.main()
