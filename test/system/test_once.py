"""Goal: a transaction under an idempotency key takes effect once, whatever is killed between submit and answer."""

import contextlib
import os
import signal
import threading
import unittest

import psycopg2

import harness


def notices(link):
    return [line for line in link.notices if "idempotency key" in line]


class OnceTest(unittest.TestCase):
    def test_key_of_a_session(self):
        with harness.Chain() as chain, contextlib.closing(chain.connect()) as link:
            harness.execute(link, "CREATE TABLE t (id integer PRIMARY KEY, v integer)")
            harness.execute(link, "INSERT INTO t VALUES (1, 0), (2, 0)")
            harness.execute(link, "SET trustsql.idempotency_key = 'pay 1'")
            self.assertEqual(harness.execute(link, "SHOW trustsql.idempotency_key"), [("pay 1",)])
            with link.cursor() as cursor:
                for attempt in range(3):
                    cursor.execute("UPDATE t SET v = v + 1")
                    self.assertEqual((cursor.rowcount, cursor.statusmessage), (2, "UPDATE 2"))
                    self.assertEqual(len(notices(link)), attempt)
            self.assertEqual(harness.sqlstate_of(link, "UPDATE t SET v = v + 2"), "23505")
            harness.execute(link, "SET trustsql.idempotency_key = 'pay 2'")
            harness.execute(link, "UPDATE t SET v = v + 1 WHERE id = 1 RETURNING v")
            with link.cursor() as cursor:
                cursor.execute("UPDATE t SET v = v + 1 WHERE id = 1 RETURNING v")
                self.assertEqual((cursor.fetchall(), cursor.statusmessage), ([], "UPDATE 1"))
            harness.execute(link, "RESET trustsql.idempotency_key")
            harness.execute(link, "UPDATE t SET v = v + 10 WHERE id = 1")
            harness.execute(link, "UPDATE t SET v = v + 10 WHERE id = 1")
            self.assertEqual(harness.execute(link, "SELECT * FROM t ORDER BY id"), [(1, 22), (2, 1)])

    def test_set_in_front(self):
        """SET before the transaction in one query string counts for it, and goes back when it fails."""
        with harness.Chain() as chain, contextlib.closing(chain.connect()) as link:
            harness.execute(link, "CREATE TABLE t (id integer PRIMARY KEY)")
            for _ in range(2):
                harness.execute(link, "SET trustsql.idempotency_key = 'a'; INSERT INTO t VALUES (1)")
            harness.execute(link, "RESET trustsql.idempotency_key")
            self.assertEqual(harness.sqlstate_of(
                link, "SET trustsql.idempotency_key = 'b'; INSERT INTO t VALUES (1)"), "23505")
            self.assertEqual(harness.execute(link, "SHOW trustsql.idempotency_key"), [("",)])
            self.assertEqual(harness.sqlstate_of(
                link, "INSERT INTO t VALUES (2); SET trustsql.idempotency_key = 'c'"), "0A000")
            self.assertEqual(harness.execute(link, "SELECT * FROM t"), [(1,)])

    def test_kill_between_submit_and_answer(self):
        """Many clients pay under keys of their own while the node is killed; each pays once."""
        with harness.Chain() as chain:
            chain.execute("CREATE TABLE paid (who integer, what integer)")
            rounds = 12 if harness.IS_NIGHTLY else 4

            def pay(who, what):
                """Retries until it is answered, as a careful client does."""
                def attempt():
                    try:
                        with contextlib.closing(chain.connect()) as link:
                            harness.execute(link, f"SET trustsql.idempotency_key = '{who}/{what}'")
                            harness.execute(link, f"INSERT INTO paid VALUES ({who}, {what})")
                            return True
                    except psycopg2.Error:
                        return False
                harness.wait_until(attempt, f"{who} has paid {what}")

            errors = []

            def client(who):
                try:
                    for what in range(5 * rounds):
                        pay(who, what)
                except BaseException as error:  # pylint: disable=broad-except
                    errors.append(error)

            threads = [threading.Thread(target=client, args=(who,)) for who in range(4)]
            for thread in threads:
                thread.start()
            for number in range(rounds):
                at_least = (number + 1) * 4
                harness.wait_until(lambda: self.count(chain) >= at_least, "some have paid")
                os.kill(chain.pid(), signal.SIGKILL)
                harness.wait_until(lambda: chain.pid() is None, "the node is gone")
                chain.start()
            for thread in threads:
                thread.join()
            self.assertEqual(errors, [])
            rows = chain.execute("SELECT who, what, count(*) FROM paid GROUP BY who, what")
            self.assertEqual(sorted(rows),
                             [(who, what, 1) for who in range(4) for what in range(5 * rounds)])

    @staticmethod
    def count(chain):
        try:
            return chain.execute("SELECT count(*) FROM paid")[0][0]
        except psycopg2.Error:
            return 0


if __name__ == "__main__":
    harness.main()
