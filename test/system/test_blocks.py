"""Goal: BEGIN … COMMIT mean what they mean in PostgreSQL, to drivers that know nothing of chains: snapshots, savepoints,
errors inside, cursors, pipelines; who comes second with results that are no longer true gets 40001; and nothing of it
is lost or left by a restart."""

import contextlib
import threading
import unittest

import psycopg2
import psycopg2.extensions

import harness

IDLE = psycopg2.extensions.TRANSACTION_STATUS_IDLE
OPEN = psycopg2.extensions.TRANSACTION_STATUS_INTRANS
FAILED = psycopg2.extensions.TRANSACTION_STATUS_INERROR


class BlocksTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.chain = cls.stack.enter_context(harness.Chain())
        cls.chain.execute("CREATE TABLE t (id integer PRIMARY KEY, n integer NOT NULL)")

    @classmethod
    def tearDownClass(cls):
        try:
            cls.chain.stop()
            code, report = harness.verify(cls.chain.node)
            assert (code, report["damage"]) == (0, []), report
        finally:
            cls.stack.close()

    def setUp(self):
        self.chain.execute("DELETE FROM t; INSERT INTO t VALUES (1, 10), (2, 20)")
        self.links = contextlib.ExitStack()
        self.addCleanup(self.links.close)

    def link(self, is_plain=False):
        """A connection with psycopg2's own BEGIN and COMMIT; plain: what is sent is what the test says."""
        link = self.links.enter_context(contextlib.closing(self.chain.connect()))
        link.autocommit = is_plain
        return link

    @staticmethod
    def ask(link, text, values=None):
        with link.cursor() as cursor:
            cursor.execute(text, values)
            return cursor.fetchall() if cursor.description else cursor.statusmessage

    def refused(self, link, text, state):
        with self.assertRaises(psycopg2.Error, msg=text) as caught:
            self.ask(link, text)
        self.assertEqual(caught.exception.pgcode, state, text)
        return caught.exception

    def rows(self):
        return self.chain.execute("SELECT id, n FROM t ORDER BY id")

    # --- one session ---

    def test_its_own_writes(self):
        link = self.link()
        self.assertEqual(self.ask(link, "INSERT INTO t VALUES (3, 30) RETURNING n"), [(30,)])
        self.assertEqual(self.ask(link, "UPDATE t SET n = n + 1"), "UPDATE 3")
        self.assertEqual(self.ask(link, "SELECT sum(n) FROM t"), [(63,)])
        self.assertEqual(self.ask(link, "CREATE TABLE inside (a integer)"), "CREATE TABLE")
        self.assertEqual(self.ask(link, "INSERT INTO inside SELECT n FROM t"), "INSERT 0 3")
        self.assertEqual(self.rows(), [(1, 10), (2, 20)])
        before = self.ask(link, "SELECT now()")
        self.assertEqual(self.ask(link, "SELECT now()"), before)
        link.rollback()
        self.assertEqual(self.rows(), [(1, 10), (2, 20)])
        self.refused(link, "SELECT * FROM inside", "42P01")
        link.rollback()
        self.ask(link, "DELETE FROM t WHERE id = 2")
        link.commit()
        self.assertEqual(self.rows(), [(1, 10)])

    def test_savepoints_and_errors(self):
        link = self.link()
        self.ask(link, "INSERT INTO t VALUES (3, 30)")
        self.assertEqual(link.get_transaction_status(), OPEN)
        self.ask(link, "SAVEPOINT a")
        self.ask(link, "INSERT INTO t VALUES (4, 40)")
        self.refused(link, "INSERT INTO t VALUES (4, 41)", "23505")
        self.assertEqual(link.get_transaction_status(), FAILED)
        self.refused(link, "SELECT 1", "25P02")
        self.ask(link, "ROLLBACK TO a")
        self.ask(link, "SAVEPOINT b; INSERT INTO t VALUES (5, 50); RELEASE b")
        self.refused(link, "ROLLBACK TO b", "3B001")
        self.ask(link, "ROLLBACK TO a")
        self.ask(link, "INSERT INTO t VALUES (6, 60)")
        link.commit()
        self.assertEqual(self.rows(), [(1, 10), (2, 20), (3, 30), (6, 60)])

    def test_commit_of_what_failed(self):
        link = self.link(is_plain=True)
        self.ask(link, "BEGIN")
        self.ask(link, "DELETE FROM t")
        self.refused(link, "SELECT nothing", "42703")
        self.assertEqual(self.ask(link, "COMMIT"), "ROLLBACK")
        self.assertEqual(link.get_transaction_status(), IDLE)
        self.assertEqual(self.rows(), [(1, 10), (2, 20)])

    def test_words(self):
        link = self.link(is_plain=True)
        self.ask(link, "BEGIN")
        self.ask(link, "BEGIN")
        self.ask(link, "ROLLBACK")
        self.ask(link, "COMMIT")
        self.assertEqual(link.notices, ["WARNING:  there is already a transaction in progress\n",
                                        "WARNING:  there is no transaction in progress\n"])
        self.refused(link, "SAVEPOINT a", "25P01")
        self.refused(link, "COMMIT AND CHAIN", "25P01")
        self.ask(link, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        self.assertEqual(self.ask(link, "SHOW transaction_isolation"), [("repeatable read",)])
        self.refused(link, "UPDATE t SET n = 0", "25006")
        self.ask(link, "ROLLBACK AND CHAIN")
        self.assertEqual(link.get_transaction_status(), OPEN)
        self.assertEqual(self.ask(link, "SHOW transaction_read_only"), [("on",)])
        self.ask(link, "END")
        self.assertEqual(self.ask(link, "SHOW transaction_isolation"), [("serializable",)])

    def test_settings_go_back(self):
        link = self.link(is_plain=True)
        self.ask(link, "SET application_name = 'before'")
        self.ask(link, "BEGIN")
        self.ask(link, "SET application_name = 'inside'")
        self.ask(link, "ROLLBACK")
        self.assertEqual(self.ask(link, "SHOW application_name"), [("before",)])
        self.ask(link, "BEGIN; SET LOCAL application_name = 'local'")
        self.assertEqual(self.ask(link, "SHOW application_name"), [("local",)])
        self.ask(link, "COMMIT")
        self.assertEqual(self.ask(link, "SHOW application_name"), [("before",)])

    def test_query_strings(self):
        link = self.link(is_plain=True)
        self.ask(link, "BEGIN; INSERT INTO t VALUES (3, 30); COMMIT; SELECT 1")
        self.refused(link, "INSERT INTO t VALUES (4, 40); COMMIT; INSERT INTO t VALUES (5, 50); SELECT 1 / 0", "22012")
        self.assertEqual(link.get_transaction_status(), IDLE)
        self.assertEqual(self.rows(), [(1, 10), (2, 20), (3, 30), (4, 40)])
        self.ask(link, "INSERT INTO t VALUES (6, 60); BEGIN; INSERT INTO t VALUES (7, 70)")
        self.assertEqual(link.get_transaction_status(), OPEN)
        self.ask(link, "ROLLBACK")  # What was before BEGIN in the same string is part of it.
        self.assertEqual(len(self.rows()), 4)

    def test_cursors(self):
        link = self.link()
        self.ask(link, "INSERT INTO t SELECT a.id + 2 * b.id + 10, 0 FROM t a, t b")
        with link.cursor("named") as cursor:
            cursor.itersize = 2
            cursor.execute("SELECT id FROM t WHERE id < %s ORDER BY id", (16,))
            self.assertEqual([row[0] for row in cursor], [1, 2, 13, 14, 15])
        self.ask(link, "DECLARE c SCROLL CURSOR FOR SELECT id FROM t ORDER BY id")
        self.assertEqual(self.ask(link, "FETCH 2 FROM c"), [(1,), (2,)])
        self.ask(link, "DELETE FROM t")  # The cursor does not see it.
        self.assertEqual(self.ask(link, "FETCH RELATIVE 2 FROM c"), [(14,)])
        self.assertEqual(self.ask(link, "FETCH BACKWARD 5 FROM c"), [(13,), (2,), (1,)])
        self.assertEqual(self.ask(link, "FETCH LAST FROM c"), [(16,)])
        self.assertEqual(self.ask(link, "MOVE BACKWARD ALL FROM c"), "MOVE 5")
        self.assertEqual(self.ask(link, "FETCH ABSOLUTE -2 FROM c"), [(15,)])
        self.ask(link, "CLOSE c")
        self.refused(link, "FETCH 1 FROM c", "34000")
        link.rollback()

    def test_what_only_this_node_can_say(self):
        link = self.link()
        self.ask(link, "UPDATE t SET n = n + 1")
        self.assertEqual(self.ask(link, "SELECT sum(n::float8 / 2) FROM t"), [(16.0,)])
        self.assertGreater(self.ask(link, "SELECT max(height) FROM trustsql.blocks")[0][0], 0)
        self.assertEqual(self.ask(link, "SELECT count(*) FROM trustsql.status WHERE name = 'height'"), [(1,)])
        link.commit()  # None of that is the same later.
        self.assertEqual(self.rows(), [(1, 11), (2, 21)])

    # --- two sessions ---

    def test_snapshot(self):
        a, b = self.link(), self.link()
        self.assertEqual(self.ask(a, "SELECT sum(n) FROM t"), [(30,)])
        self.ask(b, "UPDATE t SET n = n + 100")
        b.commit()
        self.assertEqual(self.ask(a, "SELECT sum(n) FROM t"), [(30,)])
        a.commit()  # It wrote nothing: no conflict.
        self.assertEqual(self.ask(a, "SELECT sum(n) FROM t"), [(230,)])

    def test_conflict(self):
        a, b = self.link(), self.link()
        seen = self.ask(a, "SELECT n FROM t WHERE id = 1")[0][0]
        self.assertEqual(self.ask(b, "UPDATE t SET n = n + 1 WHERE id = 1 RETURNING n"), [(11,)])
        b.commit()
        self.ask(a, "UPDATE t SET n = %s WHERE id = 1", (seen + 5,))
        with self.assertRaises(psycopg2.errors.SerializationFailure) as caught:
            a.commit()
        self.assertIn("retried", caught.exception.diag.message_hint)
        self.assertEqual(a.get_transaction_status(), IDLE)
        self.assertEqual(self.rows(), [(1, 11), (2, 20)])

    def test_write_skew(self):
        a, b = self.link(), self.link()
        for link, row in ((a, 1), (b, 2)):
            self.ask(link, "SELECT sum(n) FROM t")
            self.ask(link, f"UPDATE t SET n = 0 WHERE id = {row}")
        a.commit()
        with self.assertRaises(psycopg2.errors.SerializationFailure):
            b.commit()

    def test_read_committed(self):
        a, b = self.link(), self.link()
        a.set_session(isolation_level="READ COMMITTED")
        self.ask(a, "SELECT n FROM t WHERE id = 1")
        self.ask(b, "UPDATE t SET n = n + 1 WHERE id = 1")
        b.commit()
        self.ask(a, "UPDATE t SET n = n + 1 WHERE id = 1")
        a.commit()
        self.assertEqual(self.rows()[0], (1, 12))
        self.ask(a, "SELECT n FROM t WHERE id = 1 FOR UPDATE")
        self.ask(b, "UPDATE t SET n = n + 1 WHERE id = 1")
        b.commit()
        self.ask(a, "UPDATE t SET n = 0 WHERE id = 2")
        with self.assertRaises(psycopg2.errors.SerializationFailure):
            a.commit()

    def test_counters(self):
        """Read, add, write, from several sessions at once: with retries none is lost."""
        def add(count, tries):
            link = self.chain.connect()
            link.autocommit = False
            while count > 0:
                tries.append(1)
                n = self.ask(link, "SELECT n FROM t WHERE id = 1")[0][0]
                self.ask(link, "UPDATE t SET n = %s WHERE id = 1", (n + 1,))
                with contextlib.suppress(psycopg2.errors.SerializationFailure):
                    link.commit()
                    count -= 1
            link.close()
        tries = []
        threads = [threading.Thread(target=add, args=(10, tries)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.rows()[0], (1, 50))

    # --- ends ---

    def test_a_lost_session_leaves_nothing(self):
        link = self.link()
        self.ask(link, "DELETE FROM t")
        link.close()
        self.assertEqual(len(self.rows()), 2)

    def test_a_cancelled_statement(self):
        link = self.link()
        self.ask(link, "INSERT INTO t SELECT a.id + 2 * b.id + 10, 0 FROM t a, t b")
        timer = threading.Timer(0.3, link.cancel)
        timer.start()
        self.refused(link, "SELECT count(*) FROM t a, t b, t c, t d, t e, t f, t g, t h, t i, t j, t k, t l", "57014")
        timer.join()
        self.assertEqual(link.get_transaction_status(), FAILED)
        link.rollback()
        self.assertEqual(len(self.ask(link, "SELECT id FROM t")), 2)

    def test_more_than_there_are(self):
        """256 transactions have a place; the idle ones give way to those that come."""
        links = [self.link() for _ in range(257)]
        for link in links[:256]:
            self.ask(link, "SELECT n FROM t")
        def fits():
            with contextlib.suppress(psycopg2.errors.ConfigurationLimitExceeded):
                return self.ask(links[256], "SELECT count(*) FROM t") or True
            links[256].rollback()
            return False
        harness.wait_until(fits, "a place")
        self.refused(links[0], "COMMIT", "25P03")
        self.assertEqual(self.ask(links[0], "SELECT count(*) FROM t"), [(2,)])

    def test_restart(self):
        link = self.link()
        self.ask(link, "UPDATE t SET n = n + 5")
        link.commit()
        self.ask(link, "DELETE FROM t")
        self.chain.kill()
        self.chain.start()
        with self.assertRaises(psycopg2.Error):
            link.commit()
        self.assertEqual(self.rows(), [(1, 15), (2, 25)])


if __name__ == "__main__":
    harness.main()
