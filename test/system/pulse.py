"""One client that writes to a cluster all the time, and the longest that it had to wait.

    pulse = Pulse(cluster, [0, 1, 2])     the nodes that it goes to in turn when one fails
    pulse.start(); … pulse.take(); … pulse.stop()"""

import contextlib
import threading
import time

import psycopg2

import harness

PATIENCE_S = 2


class Pulse(threading.Thread):
    def __init__(self, cluster, nodes):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.targets = list(nodes)
        self.is_ending = False
        self.longest = 0.0
        self.count = 0
        self.last = time.monotonic()

    def run(self):
        turn = 0
        while not self.is_ending:
            with contextlib.suppress(psycopg2.Error):
                target = self.targets[turn % len(self.targets)]
                with contextlib.closing(self.cluster.link(target, PATIENCE_S)) as link, link.cursor() as cursor:
                    while not self.is_ending:
                        cursor.execute("CALL trustsql.ping()")
                        self.beat()
            turn += 1

    def beat(self):
        now = time.monotonic()
        self.longest = max(self.longest, now - self.last)
        self.last = now
        self.count += 1

    def take(self):
        """The longest silence since the last call, the present one included."""
        longest = max(self.longest, time.monotonic() - self.last)
        self.longest = 0.0
        return longest

    def wait_for_beat(self, what):
        count = self.count
        harness.wait_until(lambda: self.count > count, what)

    def stop(self):
        self.is_ending = True
        self.join(harness.WAIT_S)
