"""Real chains for the system tests: one process per node, a directory and ports of their own.

    class Test(unittest.TestCase): …       ordinary unittest cases
    if __name__ == "__main__": harness.main()

main() prints one line of the Test Anything Protocol per case, which tools/test counts. A chain is used in
a `with` block: its processes end and its directory goes, whatever happens. Nothing sleeps for a
fixed time: wait_until() polls a condition until a deadline.

TRUSTSQL_PROGRAM names another build of the program; TRUSTSQL_NIGHTLY=1 asks for the long form."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import psycopg2

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("TRUSTSQL_PROGRAM", ROOT + "/build/release/trustsql")
IS_NIGHTLY = os.environ.get("TRUSTSQL_NIGHTLY") == "1"
WAIT_S = 60
SEED = int(os.environ.get("TRUSTSQL_SEED", str(random.SystemRandom().randrange(1 << 32))))
RANDOM = random.Random(SEED)


def wait_until(condition, what, seconds=WAIT_S):
    """The first true value of condition(), or a failure that says what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.005)


def is_free(port):
    with contextlib.closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


RESERVED = {}  # Of this process: {base: a socket with a name that others cannot take}.


def reserve(base):
    """A block of ports for this process, until it ends: other tests that run now choose other ones."""
    if base not in RESERVED:
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0trustsql-ports-{base}")  # No file; per network namespace, as ports are.
        except OSError:
            mark.close()
            return False
        RESERVED[base] = mark
    return True


def free_base_port(nodes=1):
    """A base port P whose ports P + 10 i and P + 10 i + 2 are free; below those that the system hands out.

    Blocks of 100 ports: two tests that look at the same time never take the same ones. One that has taken half of
    them takes its own again."""
    for turn in range(400):
        base = 100 * random.SystemRandom().randrange(110, 320)
        if base in RESERVED and turn < 200:
            continue
        ports = [base + 10 * i + j for i in range(nodes) for j in (0, 1, 2)]
        if nodes <= 10 and all(map(is_free, ports)) and reserve(base):
            return base
    raise AssertionError("no free port")


def run(*arguments, program=None, environment=None, cwd=None, timeout=300):
    """Run the program; returns the finished process with text output."""
    return subprocess.run([program or PROGRAM, *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd,
                          timeout=timeout, env=dict(os.environ, **(environment or {})))


def verify(node, program=None, environment=None):
    """`trustsql verify node` on a directory: (exit code, report)."""
    done = run("verify", "node", node, "--json", program=program, environment=environment)
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        raise AssertionError(f"verify: exit code {done.returncode}: {done.stderr}") from None


class Chain:
    """A testnet of one node in a temporary directory."""

    def __init__(self, segment_bytes=None, parent=None):
        self.top = tempfile.mkdtemp(prefix="trustsql-test-", dir=parent)
        self.directory = self.top + "/chain"
        self.node = self.directory + "/node0"
        self.base_port = free_base_port()
        self.port = self.base_port + 2
        self.segment_bytes = segment_bytes

    def __enter__(self):
        try:
            self.start()
            if self.segment_bytes is not None:
                self.stop()
                self.configure("segment_bytes", self.segment_bytes)
                self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.top, ignore_errors=True)

    def configure(self, name, value):
        path = self.node + "/node.conf"
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        with open(path, "w", encoding="utf-8") as file:
            for line in lines:
                file.write((f"{name} = {value}" if line.startswith(name + " ") else line) + "\n")

    def start(self):
        done = run("testnet", "--dir", self.directory, "--nodes", "1", "--base-port",
                   str(self.base_port), "--detach")
        if done.returncode != 0:
            raise AssertionError(f"testnet: exit code {done.returncode}: {done.stderr}{self.log()}")

    def stop(self):
        done = run("testnet", "--dir", self.directory, "--stop")
        if done.returncode != 0:
            raise AssertionError(f"testnet --stop: {done.stderr}")

    def pid(self):
        return self.status()["pid"]

    def status(self):
        done = run("testnet", "--dir", self.directory, "--status", "--json")
        return json.loads(done.stdout)["nodes"][0] if done.returncode == 0 else {"pid": None}

    def signal(self, number):
        """Send a signal to the node and wait until its process is gone."""
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, number)
        wait_until(lambda: not is_alive(pid), f"process {pid} ends")

    def kill(self):
        self.signal(signal.SIGKILL)

    def log(self):
        try:
            with open(self.node + "/log", encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def password(self):
        with open(self.directory + "/admin.password", encoding="utf-8") as file:
            return file.read().strip()

    def connect(self, user="admin@node0", password=None, database="main"):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user=user,
                                      password=password or self.password(), dbname=database)
        connection.autocommit = True
        return connection

    def execute(self, text):
        """The rows of one query string, or None, on a connection of its own."""
        with contextlib.closing(self.connect()) as connection:
            return execute(connection, text)

    def environment(self):
        """For psql and other programs of libpq."""
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "admin@node0",
                "PGDATABASE": "main", "PGPASSWORD": self.password()}

    def segments(self):
        folder = self.node + "/blocks"
        return [f"{folder}/{name}" for name in sorted(os.listdir(folder)) if name.endswith(".seg")]


class Node:
    """`trustsql node` on a directory that the test has made. close() kills it when it still runs."""

    def __init__(self, directory, port, program=None, prefix=()):
        self.directory = directory
        self.port = port
        with open(directory + "/log", "ab") as log:
            self.process = subprocess.Popen([*prefix, program or PROGRAM, "node", directory],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self):
        with open(self.directory + "/log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def connect(self, user, password):
        """A connection, as soon as the node serves."""
        def attempt():
            if self.process.poll() is not None:
                raise AssertionError(f"the node has ended: {self.log()}")
            try:
                return psycopg2.connect(host="127.0.0.1", port=self.port, user=user,
                                        password=password, dbname="main")
            except psycopg2.OperationalError:
                return None
        connection = wait_until(attempt, f"{self.directory} serves")
        connection.autocommit = True
        return connection

    def close(self):
        self.process.kill()
        self.process.wait()


def execute(connection, text):
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall() if cursor.description else None


def sqlstate_of(connection, text):
    """The SQLSTATE with which a query string is refused; None when it is not."""
    try:
        execute(connection, text)
    except psycopg2.Error as error:
        return error.pgcode
    return None


def is_alive(pid):
    """One of its threads runs: a killed one that waits for the disk still holds files and locks."""
    try:
        return any(is_running(f"/proc/{pid}/task/{task}/stat") for task in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return False


def is_running(path):
    """Neither gone nor a zombie that waits for its parent."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Tap(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = 0

    def _line(self, verdict, test, note=""):
        self.count += 1
        print(f"{verdict} {self.count} - {test.id().rpartition('.')[2]}{note}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._line("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._line("not ok", test)
        print("# " + self.failures[-1][1].replace("\n", "\n# "), flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        self._line("not ok", test)
        print("# " + self.errors[-1][1].replace("\n", "\n# "), flush=True)

    def addSubTest(self, test, subtest, err):
        """One part of a test; unittest tells a test with a failed part by this call alone."""
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._line("not ok", subtest)
            failed = self.failures if issubclass(err[0], test.failureException) else self.errors
            print("# " + failed[-1][1].replace("\n", "\n# "), flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line("ok", test, f" # SKIP {reason}")


def cases():
    """The tests of the program that runs, or those that its arguments name."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    wanted = sys.argv[1:]
    return [test for group in suite for test in group
            if not wanted or any(name in test.id() for name in wanted)]


def skip_all(reason):
    """End the program without running a test."""
    result = Tap()
    for test in cases():
        result.addSkip(test, reason)
    print(f"1..{result.count}")
    sys.exit(0)


def main():
    print(f"# TRUSTSQL_SEED={SEED}", flush=True)
    result = Tap()
    unittest.TestSuite(cases()).run(result)
    print(f"1..{result.count}")
    sys.exit(0 if result.wasSuccessful() else 1)
