"""Goal: what the cluster tests lean on works: the checker finds anomalies, the relay delays, logs are read right."""

import itertools
import os
import socket
import tempfile
import threading
import time
import unittest

import acknowledged
import harness
import linear
from linear import ABSENT, NEVER, Operation
from relay import Relay


def history(*operations):
    """("write 3", start, end, result) …: on one register; end "?" is in doubt."""
    made = []
    for words, start, end, result in operations:
        kind, *values = words.split()
        values = [int(value) for value in values]
        made.append(Operation(
            1, kind, start, NEVER if end == "?" else end, result,
            value=values[-1] if values else None, expected=values[0] if kind == "swap" else None))
    return made


def is_possible_slowly(operations):
    """The definition, tried out: some order of some of those in doubt and all others."""
    certain = [o for o in operations if o.end != NEVER]
    doubtful = [o for o in operations if o.end == NEVER]
    for count in range(len(doubtful) + 1):
        for chosen in itertools.combinations(doubtful, count):
            for order in itertools.permutations(certain + list(chosen)):
                if is_explained(order):
                    return True
    return False


def is_explained(order):
    value = ABSENT
    for i, operation in enumerate(order):
        if any(later.end < operation.start for later in order[i + 1:]):
            return False
        result, value = linear.step(operation, value)
        if operation.end != NEVER and result != operation.result:
            return False
    return True


def random_history(draw, count, doubt):
    """Operations that happen each at a moment of their own between their beginning and their end."""
    value, made = ABSENT, []
    for moment in range(count):
        kind = draw.choice(["read", "write", "swap", "insert", "delete", "read"])
        operation = Operation(1, kind, moment - draw.random() * 3, moment + draw.random() * 3,
                              value=draw.randrange(3), expected=draw.randrange(3))
        result, after = linear.step(operation, value)
        if draw.random() < doubt:
            happens = draw.random() < 0.5
            value = after if happens else value
            made.append(linear.dataclasses.replace(operation, end=NEVER))
        else:
            value = after
            made.append(linear.dataclasses.replace(operation, result=result))
    return made


class CheckerTest(unittest.TestCase):
    def assert_anomaly(self, *operations):
        self.assertIsNotNone(linear.check(history(*operations)))

    def assert_fine(self, *operations):
        self.assertIsNone(linear.check(history(*operations)))

    def test_planted_anomalies(self):
        first = ("insert 1", 0, 1, True)
        self.assert_anomaly(first, ("write 2", 2, 3, 2), ("read", 4, 5, 1))  # Stale.
        self.assert_anomaly(first, ("read", 2, 3, 7))  # From nowhere.
        self.assert_anomaly(first, ("insert 2", 2, 3, True))  # Two winners.
        self.assert_anomaly(first, ("swap 1 2", 2, 4, 2), ("swap 1 3", 2, 4, 3))  # Both swapped.
        self.assert_anomaly(first, ("swap 1 2", 2, 3, 2), ("read", 4, 5, 1))  # Lost update.
        self.assert_anomaly(first, ("write 2", 2, 9, 2), ("read", 3, 4, 2), ("read", 5, 6, 1))
        self.assert_anomaly(first, ("write 2", 2, "?", None), ("read", 3, 4, 2), ("read", 5, 6, 1))
        self.assert_anomaly(first, ("read", 2, 3, 2), ("write 2", 4, "?", None))  # From the future.
        self.assert_anomaly(first, ("read", 2, 3, ABSENT))
        self.assert_anomaly(first, ("delete", 2, 3, True), ("delete", 4, 5, True))

    def test_sound_histories(self):
        first = ("insert 1", 0, 1, True)
        self.assert_fine(first, ("write 2", 2, 9, 2), ("read", 3, 4, 1), ("read", 5, 6, 2))
        self.assert_fine(first, ("write 2", 2, "?", None), ("read", 3, 4, 1), ("read", 90, 91, 2))
        self.assert_fine(first, ("write 2", 2, "?", None), ("read", 3, 4, 1))
        self.assert_fine(first, ("insert 2", 2, 3, False), ("swap 2 3", 4, 5, 1))
        self.assert_fine(("insert 1", 0, "?", None), ("insert 2", 5, 6, False), ("read", 7, 8, 1))

    def test_against_the_definition(self):
        draw, impossible = harness.RANDOM, 0
        for _ in range(1500):
            made = random_history(draw, draw.randrange(2, 8), draw.choice([0, 0.2, 0.5]))
            self.assertIsNone(linear.check(made), made)
            victim = draw.randrange(len(made))
            if made[victim].end != NEVER:
                made[victim] = linear.dataclasses.replace(
                    made[victim], result=draw.choice([ABSENT, 0, 1, 2, True, False]))
            expected = is_possible_slowly(made)
            impossible += not expected
            self.assertEqual(linear.check(made) is None, expected, made)
        self.assertGreater(impossible, 100)

    def test_one_stale_read_among_many(self):
        """Four clients at once, one operation in forty in doubt, 2,000 in all."""
        made, value = [Operation(1, "insert", 0, 1, True, value=0)], 0
        for number in range(1, 2000):
            start, end = number - harness.RANDOM.random() * 2, number + harness.RANDOM.random() * 2
            kind = harness.RANDOM.choice(["read", "write", "swap"])
            operation = Operation(1, kind, start, end, value=number,
                                  expected=harness.RANDOM.choice([value, number - 5]))
            result, after = linear.step(operation, value)
            in_doubt = number % 40 == 0
            if not in_doubt or harness.RANDOM.random() < 0.5:
                value = after
            made.append(linear.dataclasses.replace(operation, end=NEVER) if in_doubt else
                        linear.dataclasses.replace(operation, result=result))
        self.assertIsNone(linear.check(made))
        stale = next(i for i in range(1500, 1990) if made[i].kind == "read" and made[i].end != NEVER)
        made[stale] = linear.dataclasses.replace(made[stale], result=made[801].value)
        found = linear.check(made)
        self.assertIsNotNone(found)
        self.assertLessEqual(max(o.start for o in found), made[stale].end)


class LogTest(unittest.TestCase):
    def test_rows_in_doubt(self):
        with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
            log.write("? 1\n1 a\n? 2\n? 3\n3 c\n? 3\n3 d\n? 4\n4 e\n? 4\n4 -\n? 3\n? 5\n5 f\n? 6")
            log.flush()
            rows, doubtful = acknowledged.read_log(log.name)
        self.assertEqual(rows, {1: "a", 3: "d", 4: "-", 5: "f"})
        self.assertEqual(doubtful, {2, 3})

    def test_losses_are_found(self):
        rows, doubtful = {1: "a", 2: "-", 3: "c"}, {3, 4}
        acknowledged.check_rows(self, "w", {1: "a", 3: "x", 4: "y"}, rows, doubtful)
        for found in ({}, {1: "b"}, {1: "a", 2: "z"}, {1: "a", 9: "surplus"}):
            with self.assertRaises(AssertionError):
                acknowledged.check_rows(unittest.TestCase(), "w", found, rows, doubtful)


def echo(listener):
    connection, _ = listener.accept()
    with connection:
        while chunk := connection.recv(65536):
            connection.sendall(chunk)


class RelayTest(unittest.TestCase):
    def test_delays_and_keeps_order(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=echo, args=(listener,), daemon=True).start()
            with Relay(listener.getsockname(), delay_s=0.05) as relay, \
                    socket.create_connection(relay.address, timeout=20) as link:
                for size in (1, 100, 300000):
                    sent, received = os.urandom(size), b""
                    started = time.monotonic()
                    link.sendall(sent)
                    while len(received) < size:
                        received += link.recv(65536)
                    self.assertGreaterEqual(time.monotonic() - started, 0.1)
                    self.assertEqual(received, sent)
                link.shutdown(socket.SHUT_WR)
                self.assertEqual(link.recv(1), b"")  # The end is handed on too.

    def test_target_that_refuses(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            target = listener.getsockname()
        with Relay(target, delay_s=0) as relay, \
                socket.create_connection(relay.address, timeout=20) as link:
            self.assertEqual(link.recv(1), b"")


if __name__ == "__main__":
    harness.main()
