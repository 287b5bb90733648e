"""Goal: many clients, slow clients and rude clients cost a node little memory and stop nobody else."""

import contextlib
import io
import os
import socket
import struct
import threading
import time
import unittest

import harness
import psycopg2

IDLE, ACTIVE, SECONDS = (1000, 200, 20) if harness.IS_NIGHTLY else (300, 60, 3)
MEMORY_MB = 500
ROWS = 30000
SLOW = 20


def memory_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) // 1024


def sendable(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body


class ClientsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chain = harness.Chain()
        cls.chain.__enter__()
        cls.pid = cls.chain.pid()
        with contextlib.closing(cls.chain.connect()) as c, c.cursor() as k:
            k.execute("create table m (a integer primary key, b text)")
            k.copy_expert("copy m from stdin", io.StringIO("".join(f"{i}\t{'x' * 200}\n" for i in range(ROWS))))

    @classmethod
    def tearDownClass(cls):
        cls.chain.__exit__(None, None, None)

    def work(self, number, stop, done):
        with contextlib.closing(self.chain.connect()) as c, c.cursor() as k:
            while time.monotonic() < stop:
                if number % 2:
                    k.execute("select * from m where a between %s and %s", (number * 10, number * 10 + 50))
                    k.fetchall()
                else:
                    k.execute("insert into m values (%s, 'y')", (ROWS + number * 100000 + done[number],))
                done[number] += 1

    def test_many(self):
        idle = [self.chain.connect() for _ in range(IDLE)]
        done = [0] * ACTIVE
        stop = time.monotonic() + SECONDS
        threads = [threading.Thread(target=self.work, args=(n, stop, done)) for n in range(ACTIVE)]
        for thread in threads:
            thread.start()
        peak = 0
        while any(thread.is_alive() for thread in threads):
            peak = max(peak, memory_mb(self.pid))
            time.sleep(0.1)  # A pause between two looks, not a wait for anything.
        for c in idle:
            c.close()
        print(f"# {IDLE} idle, {ACTIVE} active: {peak} MB, {sum(done)} calls", flush=True)
        self.assertTrue(all(done))
        self.assertLess(peak, MEMORY_MB)

    def test_slow_readers(self):
        """Each asks for everything in three ways, and reads nothing."""
        before = memory_mb(self.pid)
        slow = []
        for text in ("select * from m a, m b", "copy (select * from m a, m b) to stdout", "select * from m") * SLOW:
            c = self.chain.connect()
            slow.append(c)
            with socket.socket(fileno=os.dup(c.fileno())) as raw:
                raw.setblocking(True)
                raw.sendall(sendable(b"Q", text.encode() + b"\0"))
        with contextlib.closing(self.chain.connect()) as c, c.cursor() as k:
            stop = time.monotonic() + SECONDS
            while time.monotonic() < stop:
                k.execute("select count(*) from m")
        after = memory_mb(self.pid)
        print(f"# {len(slow)} slow readers: {before} MB before, {after} MB after", flush=True)
        for c in slow:
            c.close()
        self.assertLess(after, MEMORY_MB)

    def test_row_that_goes_on(self):
        """One row of 40 MiB is refused when it is too long; the session lives, the memory comes back."""
        with contextlib.closing(self.chain.connect()) as c, c.cursor() as k:
            with self.assertRaises(psycopg2.Error) as caught:
                k.copy_expert("copy m from stdin", io.BytesIO(b"x" * (40 << 20)))
            self.assertEqual(caught.exception.pgcode, "54000")
            k.execute("select 1")
        self.assertLess(memory_mb(self.pid), MEMORY_MB)


if __name__ == "__main__":
    harness.main()
