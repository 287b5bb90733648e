"""Writers under load and what they were told: nothing acknowledged may be missing (writer.py)."""

import os
import subprocess

import harness

TABLE = ("CREATE TABLE kept (writer text NOT NULL, id bigint NOT NULL, value text NOT NULL, "
         "PRIMARY KEY (writer, id))")


class Writers:
    def __init__(self, chain, count, padding=16, folder=None):
        self.chain = chain
        self.folder = folder or chain.top
        self.padding = padding
        self.names = [f"w{i}" for i in range(count)]
        self.processes = []
        self.rounds = 0

    def logs(self, name):
        return [f"{self.folder}/{name}.{i}" for i in range(self.rounds)]

    def start(self):
        self.processes = [
            subprocess.Popen(["/usr/bin/python3", harness.ROOT + "/test/system/writer.py", name,
                              f"{self.folder}/{name}.{self.rounds}", str(self.padding)],
                             env=dict(os.environ, **self.chain.environment()),
                             stderr=subprocess.PIPE, text=True) for name in self.names]
        self.rounds += 1

    def log_bytes(self):
        return sum(os.path.getsize(path) for name in self.names for path in self.logs(name)
                   if os.path.exists(path))

    def finish(self):
        """Wait until all writers have lost their connection; what each was told last."""
        last = [process.communicate(timeout=harness.WAIT_S)[1] for process in self.processes]
        self.processes = []
        return last

    def abandon(self):
        for process in self.processes:
            process.kill()
            process.communicate()

    def expected(self, name):
        """({id: value, or "-" when deleted} of all acknowledged, ids in doubt)."""
        rows, doubtful = {}, set()
        for path in self.logs(name):
            if not os.path.exists(path):
                continue
            with open(path, encoding="utf-8") as file:
                lines = [line.split() for line in file.read().splitlines()]
            for row, value in lines:
                if row != "?":
                    rows[int(row)] = value
            if lines and lines[-1][0] == "?":
                doubtful.add(int(lines[-1][1]))
        return rows, doubtful

    def check(self, test):
        """Compare the table with the logs. Returns the number of acknowledged rows."""
        total = 0
        for name in self.names:
            rows, doubtful = self.expected(name)
            total += len(rows)
            found = dict(self.chain.execute(
                f"SELECT id, value FROM kept WHERE writer = '{name}' ORDER BY id"))
            for row, value in rows.items():
                if row not in doubtful:
                    test.assertEqual(found.get(row, "-"), value, f"{name} row {row}")
            surplus = set(found) - set(rows) - doubtful
            test.assertEqual(surplus, set(), f"{name}: rows that nobody wrote")
        return total
