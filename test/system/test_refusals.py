"""Goal: whatever is refused has its own SQLSTATE, and leaves no trace: height, files and rows stay as they were."""

import contextlib
import json
import os
import time
import unittest

import psycopg2

import harness

# Statement, SQLSTATE. All of them are refused before or by the chain; none may change a row.
STATEMENTS = [
    ("SELEC 1", "42601"),
    ("SELECT * FROM nowhere", "42P01"),
    ("SELECT colour FROM t", "42703"),
    ("SELECT nothing(1)", "42883"),
    ("CREATE TABLE t (id integer)", "42P07"),
    ("PREPARE TRANSACTION 'x'", "0A000"),
    ("SAVEPOINT x", "25P01"),
    ("CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f()", "0A000"),
    ("CREATE TABLE f (x money)", "0A000"),
    ("SELECT random()", None),
    ("SELECT 1 / 0", "22012"),
    ("SELECT 'x'::integer", "22P02"),
    ("SELECT 9223372036854775807 + 1", "22003"),
]
FAILING_WRITES = [
    ("INSERT INTO t VALUES (1, 'again')", "23505"),
    ("INSERT INTO t VALUES (2, NULL)", "23502"),
    ("INSERT INTO t VALUES (3, 'much too long')", "23514"),
    ("UPDATE t SET id = id / 0", "22012"),
    ("INSERT INTO t VALUES (4, 'ok'); INSERT INTO t VALUES (1, 'twice')", "23505"),
]


class RefusalsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.chain = cls.stack.enter_context(harness.Chain())
        cls.chain.execute("CREATE TABLE t (id integer PRIMARY KEY, v text NOT NULL CHECK "
                          "(length(v) < 8))")
        cls.chain.execute("INSERT INTO t VALUES (1, 'one')")
        cls.link = cls.stack.enter_context(contextlib.closing(cls.chain.connect()))

    @classmethod
    def tearDownClass(cls):
        try:
            cls.chain.stop()
            code, report = harness.verify(cls.chain.node)
            assert (code, report["damage"]) == (0, []), report
        finally:
            cls.stack.close()

    def height(self):
        """Of the chain at rest: an empty block may still certify the last."""
        def settled():
            before = harness.execute(self.link, "SELECT max(height) FROM trustsql.blocks")
            time.sleep(0.1)
            after = harness.execute(self.link, "SELECT max(height) FROM trustsql.blocks")
            return before == after and after
        return harness.wait_until(settled, "the chain rests")[0][0]

    def transactions(self):
        return harness.execute(self.link, "SELECT count(*) FROM trustsql.transactions")[0][0]

    @contextlib.contextmanager
    def no_trace(self):
        before = self.height(), self.transactions()
        yield
        self.assertEqual((self.height(), self.transactions()), before, "a refusal left a trace")

    def test_statements(self):
        with self.no_trace():
            for text, expected in STATEMENTS:
                found = harness.sqlstate_of(self.link, text)
                self.assertIsNotNone(found, text)
                if expected is not None:
                    self.assertEqual(found, expected, text)

    def test_unsupported_has_position_and_hint(self):
        with self.assertRaises(psycopg2.Error) as caught:
            harness.execute(self.link, "SELECT id, v::point FROM t")
        self.assertIsNotNone(caught.exception.diag.statement_position)
        with self.assertRaises(psycopg2.Error) as caught:
            harness.execute(self.link, "CREATE TABLE f (a integer, x money)")
        diagnosis = caught.exception.diag
        self.assertEqual(diagnosis.sqlstate, "0A000")
        self.assertEqual(diagnosis.statement_position, "30")
        self.assertTrue(diagnosis.message_hint)

    def test_failing_writes_change_nothing(self):
        for text, expected in FAILING_WRITES:
            self.assertEqual(harness.sqlstate_of(self.link, text), expected, text)
        self.assertEqual(harness.execute(self.link, "SELECT * FROM t"), [(1, "one")])

    def test_oversized(self):
        with self.no_trace():
            text = "SELECT '" + "x" * (1 << 20) + "'"
            self.assertIn(harness.sqlstate_of(self.link, text), ("54000", "54001"))
            link = self.chain.connect()
            with contextlib.closing(link), self.assertRaises(psycopg2.Error):
                harness.execute(link, "SELECT '" + "x" * (40 << 20) + "'")
        self.assertEqual(harness.execute(self.link, "SELECT 1"), [(1,)])

    def test_login(self):
        with self.no_trace():
            for arguments, expected in (
                    ({"password": "wrong"}, "password authentication failed"),
                    ({"user": "nobody"}, "password authentication failed"),
                    ({"database": "elsewhere"}, 'database "elsewhere" does not exist')):
                with self.assertRaises(psycopg2.OperationalError) as caught:
                    self.chain.connect(**arguments).close()
                self.assertIn(expected, str(caught.exception))

    # --- transactions of clients with their own key ---

    def tx(self, *arguments, code=0):
        done = harness.run("tx", *arguments, cwd=self.chain.top)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def send(self, file, code):
        return self.tx("send", file, "--dir", self.chain.directory, "--json", code=code)

    def sign(self, out, text, *arguments, key="client.key"):
        self.tx("sign", "--key", key, "--sql", text, "--out", out, "--height", str(self.height()),
                *(arguments or ("--genesis", self.chain.node + "/genesis")))

    def test_signed_transactions(self):
        done = harness.run("key", "new", "--out", "client.key", "--json", cwd=self.chain.top)
        self.assertEqual(done.returncode, 0, done.stderr)
        public = json.loads(done.stdout)["public_key"]
        harness.execute(self.link, f"CALL trustsql.create_account('client', '\\x{public}')")
        harness.execute(self.link, "GRANT INSERT ON t TO client")
        self.sign("good", "INSERT INTO t VALUES (50, 'signed')")
        self.send("good", 0)
        self.assertEqual(harness.execute(self.link, "SELECT v FROM t WHERE id = 50"), [("signed",)])
        self.addCleanup(harness.execute, self.link, "DELETE FROM t WHERE id = 50")
        self.sign("other", "INSERT INTO t VALUES (51, 'x')", "--chain", "00" * 32)
        self.sign("late", "INSERT INTO t VALUES (52, 'x')", "--genesis",
                  self.chain.node + "/genesis", "--valid-for", "1")
        self.sign("forged", "INSERT INTO t VALUES (53, 'forged')")
        forge(self.chain.top + "/forged")
        signed_at = time.monotonic()
        states = {}
        with self.no_trace():
            for file in ("good", "other", "forged"):
                states[file] = self.refusal(file)
            harness.wait_until(lambda: time.monotonic() - signed_at > 1.5, "the span has ended")
            states["late"] = self.refusal("late")
        self.assertEqual(states, {"good": "TQ003", "other": "TQ001", "forged": "TQ004",
                                  "late": "TQ002"})

    def test_key_without_account(self):
        harness.run("key", "new", "--out", "stranger.key", cwd=self.chain.top)
        self.sign("stranger", "INSERT INTO t VALUES (54, 'x')", key="stranger.key")
        with self.no_trace():
            self.assertEqual(self.refusal("stranger"), "28000")
            self.send("stranger", 1)
        self.assertEqual(harness.execute(self.link, "SELECT * FROM t"), [(1, "one")])

    def refusal(self, file):
        with open(f"{self.chain.top}/{file}", "rb") as content:
            body = content.read()
        with self.link.cursor() as cursor, self.assertRaises(psycopg2.Error) as caught:
            cursor.execute("SELECT * FROM trustsql.submit(%s::bytea)", (psycopg2.Binary(body),))
        return caught.exception.pgcode


def forge(path):
    """Another text under the same signature."""
    with open(path, "rb") as file:
        body = file.read()
    assert body.count(b"forged") == 1
    with open(path, "wb") as file:
        file.write(body.replace(b"forged", b"Forged"))


if __name__ == "__main__":
    harness.main()
