"""Writers under load and what they were told: nothing acknowledged may be missing (writer.py)."""

import os
import subprocess

import harness

COLUMNS = "writer text NOT NULL, id bigint NOT NULL, value text NOT NULL, PRIMARY KEY (writer, id)"
TABLE = f"CREATE TABLE kept ({COLUMNS})"


def read_log(path):
    """({id: value, or "-" when deleted} of all acknowledged, ids in doubt) of one writer's log."""
    rows, doubtful, asked = {}, set(), None
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")[:-1]  # A writer that was killed may leave half a line.
    for row, value in map(str.split, lines):
        if row == "?":
            if asked is not None:
                doubtful.add(asked)
            asked = int(value)
        else:
            rows[int(row)] = value
            asked = None
    if asked is not None:
        doubtful.add(asked)
    return rows, doubtful


def check_rows(test, name, found, rows, doubtful):
    """What a table holds of one writer against what the writer was told."""
    for row, value in rows.items():
        if row not in doubtful:
            test.assertEqual(found.get(row, "-"), value, f"{name} row {row}")
    surplus = set(found) - set(rows) - doubtful
    test.assertEqual(surplus, set(), f"{name}: rows that nobody wrote")


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
            if os.path.exists(path):
                more, unknown = read_log(path)
                rows.update(more)
                doubtful |= unknown
        return rows, doubtful

    def check(self, test):
        """Compare the table with the logs. Returns the number of acknowledged rows."""
        total = 0
        for name in self.names:
            rows, doubtful = self.expected(name)
            total += len(rows)
            found = dict(self.chain.execute(
                f"SELECT id, value FROM kept WHERE writer = '{name}' ORDER BY id"))
            check_rows(test, name, found, rows, doubtful)
        return total


class ClusterWriters:
    """Writers at all nodes of a cluster, each beginning at another one, until stop(): they outlive nodes."""

    def __init__(self, cluster, count=4, padding=16):
        self.cluster = cluster
        self.padding = padding
        self.names = [f"w{i}" for i in range(count)]
        self.processes = []

    def path(self, name):
        return f"{self.cluster.top}/{name}.log"

    def start(self, servers=None):
        """servers: indexes of the nodes to write to, default all."""
        indexes = list(self.cluster.nodes if servers is None else servers)
        for number, name in enumerate(self.names):
            turn = number % len(indexes)
            order = indexes[turn:] + indexes[:turn]
            with open(f"{self.cluster.top}/{name}.err", "a", encoding="utf-8") as errors:
                self.processes.append(subprocess.Popen(
                    ["/usr/bin/python3", harness.ROOT + "/test/system/writer.py", name,
                     self.path(name), str(self.padding), *map(self.cluster.server, order)], stderr=errors))

    def stop(self):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
        self.processes = []

    def log_bytes(self):
        return sum(os.path.getsize(self.path(name)) for name in self.names
                   if os.path.exists(self.path(name)))

    def wait_for_more(self, count, what, seconds=harness.WAIT_S):
        """Until so many bytes of acknowledgements have been added."""
        target = self.log_bytes() + count
        harness.wait_until(lambda: self.log_bytes() >= target, what, seconds)

    def counts(self):
        """{name: (attempts begun, attempts acknowledged)}"""
        counts = {}
        for name in self.names:
            with open(self.path(name), encoding="utf-8") as file:
                lines = file.readlines()
            begun = sum(line.startswith("?") for line in lines)
            counts[name] = (begun, len(lines) - begun)
        return counts

    def check_silence(self, test, before):
        """Nothing that was begun after `before`, the counts of a moment, has been acknowledged."""
        for name, (_, acknowledged) in self.counts().items():
            test.assertLessEqual(acknowledged, before[name][0], f"{name}: {before} -> {self.counts()}")

    def check(self, test, indexes):
        """Compare the tables of these nodes with the logs. Returns the number of acknowledged rows."""
        total = 0
        for name in self.names:
            rows, doubtful = read_log(self.path(name))
            total += len(rows)
            for index in indexes:
                found = dict(self.cluster.execute(
                    index, f"SELECT id, value FROM kept WHERE writer = '{name}' ORDER BY id"))
                check_rows(test, f"node {index}, {name}", found, rows, doubtful)
        return total
