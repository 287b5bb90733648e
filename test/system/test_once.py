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


def status(link, key):
    return harness.execute(link, f"SELECT trustsql.tx_status('{key}')")[0][0]


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

    def test_status(self):
        """What became of a key: for ever, through a restart, and without a doubt about what is under way."""
        with harness.Chain() as chain:
            with contextlib.closing(chain.connect()) as link:
                self.assertEqual(status(link, "nobody"), "never")
                harness.execute(link, "CREATE TABLE t (id integer PRIMARY KEY)")
                harness.execute(link, "SET trustsql.idempotency_key = 'one'; INSERT INTO t VALUES (1)")
                self.assertEqual(status(link, "one"), "committed")
                known = harness.wait_until(lambda: harness.execute(
                    link, "SELECT * FROM trustsql.tx_status('one') WHERE proof IS NOT NULL"),
                    "later blocks have the certificates")[0]
                proved = harness.execute(
                    link, "SELECT r.receipt, trustsql.proof_tx(r.txid), x.height, x.time FROM trustsql.receipts r JOIN "
                          "trustsql.transactions x ON x.txid = r.txid WHERE r.txid = "
                          f"'\\x{bytes(known[1]).hex()}'")[0]
                self.assertEqual((bytes(known[4]), bytes(known[5])), (bytes(proved[0]), bytes(proved[1])))
                self.assertEqual(known[2:4], proved[2:4])
                self.assertEqual(known[6], None)
                self.assertEqual(harness.sqlstate_of(
                    link, "SET trustsql.idempotency_key = 'two'; INSERT INTO t VALUES (1)"), "23505")
                self.assertEqual(status(link, "two"), "never")  # It failed: the key is free.
                failed = harness.execute(link, "SELECT txid, receipt FROM trustsql.tx_status('two')")[0]
                self.assertEqual(len(bytes(failed[0])), 32)
                self.assertEqual(harness.sqlstate_of(link, "SELECT trustsql.tx_status('x', 'nobody')"), "42704")
                self.assertEqual(harness.execute(
                    link, "SELECT trustsql.tx_status('one', 'admin@node0'), trustsql.tx_status(NULL)"),
                    [("committed", None)])
                self.assertEqual(harness.sqlstate_of(
                    link, "INSERT INTO t SELECT 5 WHERE trustsql.tx_status('x') = 'never'"), "0A000")
            chain.kill()
            chain.start()
            with contextlib.closing(chain.connect()) as link:
                self.assertEqual(status(link, "one"), "committed")
                # Until what was signed before the kill is out of date, nobody can know.
                word, until, now = harness.execute(
                    link, "SELECT status, until, now() FROM trustsql.tx_status('three')")[0]
                self.assertEqual(word, "pending")
                self.assertLess((until - now).total_seconds(), 125)
                harness.execute(link, "SET trustsql.idempotency_key = 'three'; INSERT INTO t VALUES (3)")
                self.assertEqual(status(link, "three"), "committed")

    def test_never_is_proved(self):
        """A checkpoint later than all that is known under a key proves that no row of it is there."""
        with harness.Chain() as chain, contextlib.closing(chain.connect()) as link:
            harness.execute(link, "CREATE TABLE t (id integer PRIMARY KEY)")
            harness.execute(link, "SET trustsql.idempotency_key = 'other'; INSERT INTO t VALUES (1)")
            harness.execute(link, "RESET trustsql.idempotency_key; CALL trustsql.checkpoint()")
            rows = harness.wait_until(lambda: harness.execute(
                link, "SELECT status, proof FROM trustsql.tx_status('none') WHERE proof IS NOT NULL"), "the proof")
            self.assertEqual(rows[0][0], "never")
            with open(chain.top + "/proof", "wb") as file:
                file.write(bytes(rows[0][1]))
            chain_id = harness.execute(link, "SELECT value FROM trustsql.status WHERE name = 'chain_id'")[0][0]
            done = harness.run("verify", "proof", chain.top + "/proof", "--genesis", chain_id, "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn('"kind":"no row"', done.stdout)

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
