"""Goal: rows written and read through all nodes while nodes die and freeze are like registers on one machine.

Clients insert, write, compare-and-set, delete and read rows through random nodes. A read is ordered by the
chain, in a query string that writes (`CALL trustsql.ping(); SELECT …`), or, in half of the sessions, a SELECT
with `SET trustsql.read = 'linearizable'`. The history of each row must be linearizable (linear.py). A plain
SELECT answers from the height that its node has executed: in a session it must never go back, must see
what the session wrote, and all nodes must tell the same past."""

import contextlib
import os
import random
import threading
import time
import unittest

import psycopg2
from psycopg2 import errorcodes

import harness
import linear
from cluster import Cluster

SECONDS = int(os.environ.get("TRUSTSQL_SECONDS", "600" if harness.IS_NIGHTLY else "15"))
CLIENTS = 6
REGISTERS = 4  # Rows that always stand and count their changes: n.
FLEETING = 4  # Rows that come and go.
PATIENCE_S = 8
REFUSED = {errorcodes.CONFIGURATION_LIMIT_EXCEEDED, errorcodes.TOO_MANY_CONNECTIONS}
FAR_READ = "SELECT v, n FROM r WHERE id = {key}"
READ = "CALL trustsql.ping(); " + FAR_READ
BUMP = "UPDATE r SET v = {value}, n = n + 1 WHERE id = {key} RETURNING v, n"
SWAP = ("UPDATE r SET v = {value}, n = n + 1 WHERE id = {key} AND v = {expected}; "
        "SELECT v, n FROM r WHERE id = {key}")


class Client(threading.Thread):
    """One after the other: an operation, what it said, and what the session may conclude from it."""

    def __init__(self, cluster, number, stop):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.number = number
        self.stop = stop
        self.random = random.Random(f"{harness.SEED} {number}")
        self.operations = []
        self.seen = []  # (key, n, v), from any kind of read.
        self.wrong = []
        self.codes = {}
        self.link = None
        self.is_far = False  # This session's SELECTs are linearizable.
        self.far_reads = 0
        self.written = 0
        self.newest = {}  # Of a register: the highest n of this session.
        self.value = {}  # Of a row: the value known last, to compare with.

    def run(self):
        try:
            while not self.stop.is_set():
                self.one()
        except Exception as error:  # A client that dies silently would prove anything.
            self.wrong.append(repr(error))
        finally:
            self.hang_up()

    def hang_up(self):
        if self.link is not None:
            self.link.close()
        self.link, self.newest = None, {}

    def connect(self):
        index = self.random.choice(self.cluster.nodes)
        try:
            self.link = self.cluster.link(index, PATIENCE_S)
            self.is_far = self.random.random() < 0.5
            if self.is_far:
                harness.execute(self.link, "SET trustsql.read = 'linearizable'")
        except psycopg2.Error:
            time.sleep(0.02)  # A dead node refuses at once.

    def one(self):
        if self.link is None or self.random.random() < 0.05:
            self.hang_up()
            self.connect()
        if self.link is None:
            return
        key = self.random.randrange(REGISTERS + FLEETING)
        if key < REGISTERS and not self.is_far and self.random.random() < 0.3:
            self.look(key)
        elif key < REGISTERS:
            self.operate(key, self.random.choice(["read", "write", "swap"]))
        else:
            self.operate(key, self.random.choice(["read", "write", "swap", "insert", "delete"]))

    def look(self, key):
        """A plain SELECT: the past is allowed, going back is not."""
        try:
            (value, n), = harness.execute(self.link, f"SELECT v, n FROM r WHERE id = {key}")
        except psycopg2.Error as error:
            self.failed(error)
            return
        self.note(key, n, value, "SELECT")

    def note(self, key, n, value, what):
        self.seen.append((key, n, value))
        self.value[key] = value
        if key < REGISTERS:
            if n < self.newest.get(key, 0):
                self.wrong.append(f"client {self.number}: {what} of row {key} went back from "
                                  f"{self.newest[key]} to {n}")
            self.newest[key] = n

    def failed(self, error):
        """The session is over. True when the chain cannot have seen the operation."""
        self.codes[error.pgcode] = self.codes.get(error.pgcode, 0) + 1
        self.hang_up()
        return error.pgcode in REFUSED

    def operate(self, key, kind):
        self.written += 1
        value = self.number + CLIENTS * self.written  # No value is written twice.
        expected = self.value.get(key, 0)
        is_far = self.is_far and kind == "read"
        text = {"read": FAR_READ if is_far else READ, "write": BUMP, "swap": SWAP, "insert": "INSERT INTO r VALUES ({key}, {value}, 0)",
                "delete": "DELETE FROM r WHERE id = {key} RETURNING v"}[kind].format(
                    key=key, value=value, expected=expected)
        start = time.monotonic()
        end, result = linear.NEVER, None
        try:
            rows = harness.execute(self.link, text)
            end, result = time.monotonic(), self.result(key, kind, rows)
            self.far_reads += is_far
        except psycopg2.errors.UniqueViolation:
            end, result = time.monotonic(), False
        except psycopg2.Error as error:
            if self.failed(error):
                return
        self.operations.append(linear.Operation(key, kind, start, end, result, value=value,
                                                expected=expected, client=self.number))

    def result(self, key, kind, rows):
        if kind == "insert":
            return True
        if kind == "delete":
            return len(rows) == 1
        if not rows:
            return linear.ABSENT
        (value, n), = rows
        if key < REGISTERS:
            self.note(key, n, value, kind)
        self.value[key] = value
        return value


class Faults:
    """One fault after the other; never does the chain stand still for long."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.counts = {}

    def run(self, seconds):
        kinds = [self.kill_leader, self.kill_follower, self.freeze, self.kill_two, self.kill_all]
        until, turn = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            kind = kinds[turn] if turn < len(kinds) else harness.RANDOM.choice(kinds)
            self.counts[kind.__name__] = self.counts.get(kind.__name__, 0) + 1
            kind()
            self.cluster.first_write(harness.RANDOM.choice(self.cluster.nodes))
            self.pause(0.5)
            turn += 1

    def pause(self, most=2.0):
        time.sleep(harness.RANDOM.random() * most)  # The time that a fault lasts, not a wait.

    def kill(self, *victims):
        self.cluster.kill(*victims)
        self.pause()
        self.cluster.start_node(*victims)

    def kill_leader(self):
        self.kill(self.cluster.leader())

    def kill_follower(self):
        self.kill(harness.RANDOM.choice(self.cluster.followers()))

    def kill_two(self):
        self.kill(*harness.RANDOM.sample(list(self.cluster.nodes), 2))

    def kill_all(self):
        self.cluster.kill(*self.cluster.nodes)
        self.cluster.start()

    def freeze(self):
        """The leader is only slow: it comes back and believes that it leads."""
        with self.cluster.frozen(self.cluster.leader()):
            self.pause(3)


class LinearTest(unittest.TestCase):
    def test_registers(self):
        with Cluster() as cluster:
            cluster.create("r", "id integer PRIMARY KEY, v bigint NOT NULL, n bigint NOT NULL")
            for key in range(REGISTERS):
                cluster.execute(0, f"INSERT INTO r VALUES ({key}, 0, 0)")
            cluster.settle()
            faults, stop = Faults(cluster), threading.Event()
            clients = [Client(cluster, number, stop) for number in range(CLIENTS)]
            for client in clients:
                client.start()
            try:
                faults.run(SECONDS)
            finally:
                stop.set()
                for client in clients:
                    client.join(harness.WAIT_S)
            self.judge(cluster, clients)
            print("# faults:", ", ".join(f"{count} {name}" for name, count in faults.counts.items()))

    def judge(self, cluster, clients):
        cluster.check_running(self)
        self.assertEqual([wrong for client in clients for wrong in client.wrong], [])
        operations = [operation for client in clients for operation in client.operations]
        for number, key in enumerate(range(REGISTERS + FLEETING)):  # What is left has to fit, too.
            (value, n), = cluster.execute(number % 4, READ.format(key=key)) or [(None, None)]
            operations.append(linear.Operation(key, "read", time.monotonic(), time.monotonic() + 1,
                                               value, client=-1))
        started = time.monotonic()
        for registers in (True, False):
            anomaly = linear.check([o for o in operations if (o.key < REGISTERS) == registers],
                                   0 if registers else linear.ABSENT)
            if anomaly is not None:
                self.fail("no explanation:\n" + "\n".join(map(str, anomaly[-60:])))
        self.assertGreater(sum(client.far_reads for client in clients), 0)
        past = {}
        for key, n, value in (seen for client in clients for seen in client.seen):
            if key < REGISTERS:
                self.assertEqual(past.setdefault((key, n), value), value, f"row {key}, change {n}")
        cluster.check_equal(self, queries=["SELECT * FROM r ORDER BY id"])
        doubtful = sum(o.end == linear.NEVER for o in operations)
        codes = {}
        for client in clients:
            for code, count in client.codes.items():
                codes[code] = codes.get(code, 0) + count
        print(f"# {len(operations)} operations, {doubtful} in doubt, "
              f"{sum(client.far_reads for client in clients)} linearizable SELECTs, "
              f"{sum(len(client.seen) for client in clients)} sights, no anomaly "
              f"(checked in {time.monotonic() - started:.1f} s); errors {codes}")


if __name__ == "__main__":
    harness.main()
