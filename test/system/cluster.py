"""Real chains of four nodes for the system tests: one process per node, killed and started at will.

    with Cluster() as cluster:
        cluster.kill(cluster.leader())
        cluster.execute(1, "SELECT …")

A node is named by its index. link() is a connection that gives up after a while: what it was doing then
is in doubt, as after a broken connection. within() judges the bounds of time that the product
promises, on machines that have other things to do as well."""

import configparser
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2
import psycopg2.extensions

import harness
from harness import wait_until

PATIENCE_S = 60
START_S = 100
ALONE_S = 10
IS_KEPT = os.environ.get("TRUSTSQL_KEEP") == "1"  # The directories, to look at them.


class Link(psycopg2.extensions.connection):
    """A connection whose calls end with psycopg2.OperationalError after patience_s."""

    patience_s = PATIENCE_S


def wait_patiently(connection):
    deadline = time.monotonic() + getattr(connection, "patience_s", PATIENCE_S)
    events = {psycopg2.extensions.POLL_READ: select.POLLIN,
              psycopg2.extensions.POLL_WRITE: select.POLLOUT}
    while True:
        state = connection.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        poller = select.poll()
        poller.register(connection.fileno(), events[state])
        left = deadline - time.monotonic()
        if left <= 0 or not poller.poll(left * 1000):
            raise psycopg2.OperationalError("out of patience")


psycopg2.extensions.set_wait_callback(wait_patiently)


def open_link(environment, patience_s=PATIENCE_S):
    """A Link to the server that PGHOST, PGPORT … of an environment name."""
    link = psycopg2.connect(
        host=environment["PGHOST"], port=environment["PGPORT"], user=environment["PGUSER"],
        password=environment["PGPASSWORD"], dbname=environment["PGDATABASE"],
        connect_timeout=10, connection_factory=Link)
    link.patience_s = patience_s
    link.autocommit = True
    return link


def cpu_stall_us():
    """Time that processes of this machine have waited for a processor, or 0 when the kernel does not say."""
    try:
        with open("/proc/pressure/cpu", encoding="utf-8") as file:
            return int(file.readline().rpartition("total=")[2])
    except OSError:
        return 0


class Stopwatch:
    """How long something took, and for which share of it this machine kept processes waiting."""

    def __init__(self):
        self.started = time.monotonic()
        self.stall = cpu_stall_us()
        self.seconds = None

    def stop(self):
        self.seconds = time.monotonic() - self.started
        self.stalled = min(1.0, (cpu_stall_us() - self.stall) / 1e6 / max(self.seconds, 1e-3))
        return self.seconds

    def check(self, test, bound_s, what):
        """Fails beyond the bound; on a machine where processes wait for each other only far beyond it."""
        if self.seconds is None:
            self.stop()
        limit = bound_s * (1 if self.stalled < 0.5 else 5)
        test.assertLess(self.seconds, limit,
                        f"{what}: {self.seconds:.1f} s (processors short for {self.stalled:.0%})")


class Cluster:
    """A testnet in a temporary directory."""

    def __init__(self, nodes=4, settings=None, exec_version=None):
        self.top = tempfile.mkdtemp(prefix="trustsql-test-")
        self.directory = self.top + "/chain"
        self.nodes = range(nodes)
        self.base_port = harness.free_base_port(nodes)
        self.settings = settings or {}
        self.options = [] if exec_version is None else ["--exec-version", str(exec_version)]
        self.secret = None

    def __enter__(self):
        try:
            self.start()
            if self.settings:
                self.stop()
                for (section, name), value in self.settings.items():
                    for index in self.nodes:
                        self.configure(index, section, name, value)
                self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self.kill(*self.nodes)
        if not IS_KEPT:
            shutil.rmtree(self.top, ignore_errors=True)

    # --- files ---

    def node(self, index):
        return f"{self.directory}/node{index}"

    def blocks(self, index):
        """Paths of the block segments of a node."""
        folder = self.node(index) + "/blocks"
        return [f"{folder}/{name}" for name in sorted(os.listdir(folder)) if name.endswith(".seg")]

    def configure(self, index, section, name, value):
        path = self.node(index) + "/node.conf"
        settings = configparser.ConfigParser(interpolation=None)
        settings.read(path, encoding="utf-8")
        if not settings.has_section(section):
            settings.add_section(section)
        settings.set(section, name, str(value))
        with open(path, "w", encoding="utf-8") as file:
            settings.write(file)

    def log(self, index):
        try:
            with open(self.node(index) + "/log", encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def logs(self):
        """The ends of all logs, for the message of a failure."""
        return "\n".join(f"node{i}: ...{self.log(i)[-600:]}" for i in self.nodes)

    def password(self):
        if self.secret is None:
            with open(self.directory + "/admin.password", encoding="utf-8") as file:
                self.secret = file.read().strip()
        return self.secret

    # --- processes ---

    def testnet(self, *arguments):
        try:
            return harness.run("testnet", "--dir", self.directory, *arguments, timeout=START_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"testnet {' '.join(arguments)}: nothing after {START_S} s: "
                                 f"{self.consensus()}\n{self.logs()}") from None

    def start(self):
        done = self.testnet("--nodes", str(len(self.nodes)), "--base-port", str(self.base_port),
                            "--detach", "--quiet", *self.options)
        if done.returncode != 0:
            raise AssertionError(f"testnet: exit code {done.returncode}: {done.stderr}{self.logs()}")

    def start_node(self, *indexes):
        for index in indexes:
            done = self.testnet("--start", str(index))
            if done.returncode != 0:
                raise AssertionError(f"testnet --start {index}: exit code {done.returncode}: "
                                     f"{done.stderr}{self.log(index)[-2000:]}")

    def stop(self):
        done = self.testnet("--stop")
        if done.returncode != 0:
            raise AssertionError(f"testnet --stop: {done.stderr}{self.logs()}")

    def status(self):
        done = self.testnet("--status", "--json")
        if done.returncode != 0:
            raise AssertionError(f"testnet --status: exit code {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)["nodes"]

    def pids(self):
        """{index: pid} of those that run."""
        return {node["index"]: node["pid"] for node in self.status() if node["pid"] is not None}

    def signal(self, number, *indexes):
        """Send a signal to some nodes at once and wait until their processes are gone."""
        known = self.pids()
        pids = [known[index] for index in indexes if index in known]
        for pid in pids:
            os.kill(pid, number)
        for pid in pids:
            wait_until(lambda p=pid: not harness.is_alive(p), f"process {pid} ends")

    def kill(self, *indexes):
        self.signal(signal.SIGKILL, *indexes)

    def leader(self):
        """The node that most running nodes of the highest view take for the leader."""
        def named():
            nodes = [n for n in self.status() if n["pid"] is not None and n["view"] is not None]
            view = max((n["view"] for n in nodes), default=None)
            leaders = {n["leader"] for n in nodes if n["view"] == view}
            return [*leaders] if len(leaders) == 1 else None
        return wait_until(named, "the nodes agree about the leader")[0]

    def followers(self):
        leader = self.leader()
        return [index for index in self.pids() if index != leader]

    # --- clients ---

    def environment(self, index):
        """For psql and other programs of libpq: the door of one node."""
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.base_port + 10 * index + 2),
                "PGUSER": f"admin@node{index}", "PGDATABASE": "main",
                "PGPASSWORD": self.password()}

    def server(self, index):
        """The same as libpq's connection string."""
        words = self.environment(index)
        return " ".join(f"{name}={words[key]}" for name, key in (
            ("host", "PGHOST"), ("port", "PGPORT"), ("user", "PGUSER"), ("dbname", "PGDATABASE"),
            ("password", "PGPASSWORD")))

    def link(self, index, patience_s=PATIENCE_S):
        return open_link(self.environment(index), patience_s)

    def execute(self, index, text, patience_s=PATIENCE_S):
        """The rows of one query string, or None, on a connection of its own."""
        with contextlib.closing(self.link(index, patience_s)) as link:
            return harness.execute(link, text)

    def create(self, table, columns):
        """A table for the accounts of all nodes, known to all."""
        self.execute(0, f"CREATE TABLE {table} ({columns})")
        self.execute(0, f"GRANT ALL ON {table} TO PUBLIC")
        self.settle()

    def first_write(self, index, text="CALL trustsql.ping()", seconds=60):
        """Repeat a write on one node until it is acknowledged."""
        def acknowledged():
            try:
                self.execute(index, text, patience_s=seconds)
                return True
            except psycopg2.Error:
                return False
        try:
            wait_until(acknowledged, f"a write through node {index}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.consensus()}\n{self.logs()}") from None

    # --- agreement ---

    def height(self, index):
        """Of the newest block that a node has executed."""
        return self.execute(index, "SELECT coalesce(max(height), 0) FROM trustsql.blocks")[0][0]

    def wait_for_height(self, index, height, seconds=harness.WAIT_S):
        with contextlib.closing(self.link(index)) as link:
            wait_until(lambda: harness.execute(
                link, "SELECT coalesce(max(height), 0) FROM trustsql.blocks")[0][0] >= height,
                f"node {index} executes height {height}", seconds)

    def digests(self, index):
        """{height: digest}, as the node tells."""
        rows = self.execute(index, "SELECT height, digest FROM trustsql.blocks")
        return {height: bytes(digest) for height, digest in rows}

    def settle(self, indexes=None, seconds=harness.WAIT_S):
        """Wait until these nodes (default: all) run and have, all with one digest, the newest height that any had when
        this began; a chain on its way back to FAST goes on meanwhile. Returns a height that all have."""
        wanted = list(self.nodes if indexes is None else indexes)
        aims = []

        def equal():
            nodes = [node for node in self.status() if node["index"] in wanted]
            heights = [node["height"] for node in nodes]
            if len({(node["height"], node["digest"]) for node in nodes}) == 1 and heights[0]:
                return heights[0]
            if not aims and all(heights):
                aims.append(max(heights))
            if not aims or not all(heights) or min(heights) < aims[0]:
                return None
            return aims[0] if len({self.digest(index, aims[0]) for index in wanted}) == 1 else None
        try:
            return wait_until(equal, "equal heights and digests", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.status()}\n{self.logs()}") from None

    def digest(self, index, height):
        """At a height that the node has executed, or None."""
        rows = self.execute(index, f"SELECT digest FROM trustsql.blocks WHERE height = {height}")
        return bytes(rows[0][0]) if rows else None

    def value(self, index, name):
        """What trustsql.status of a node says of one thing."""
        rows = self.execute(index, f"SELECT value FROM trustsql.status WHERE name = '{name}'")
        return rows[0][0] if rows else None

    def has_voted(self, observer, index, height):
        """Another node holds this one's first vote for a certified block above height.

        What four first votes commit needs no locks, and a result rides with a later vote: it may come
        when a quorum of results is long there."""
        rows = self.execute(observer, "SELECT voted FROM trustsql.consensus "
                                      f"WHERE height > {height} AND is_certified")
        return any(f"node{index}" in row[0] for row in rows)

    def wait_for_votes(self, index, seconds=harness.WAIT_S):
        """Until votes of a node are seen for blocks newer than all are now. Needs load.

        A node that has given up a view alone can vote only when the others give it up as well: then
        their leader is frozen. Returns whether that was so."""
        observer = next(i for i in self.pids() if i != index)
        newest, is_alone = self.height(observer), False
        deadline = time.monotonic() + seconds
        while not self.has_voted(observer, index, newest):
            if time.monotonic() > deadline:
                raise AssertionError(f"node {index} does not vote for blocks above {newest}: "
                                     f"{self.consensus()}\n{self.logs()}")
            if not is_alone and time.monotonic() > deadline - seconds + ALONE_S:
                is_alone = self.view(index) > self.view(observer)
                if is_alone:
                    self.change_leader()
            time.sleep(0.02)
        return is_alone

    def view(self, index):
        return int(self.value(index, "view"))

    @contextlib.contextmanager
    def frozen(self, index):
        """The process of a node stands still and believes afterwards that no time has passed."""
        pid = self.pids()[index]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def change_leader(self):
        """Freeze the leader until the others have another view, with something to do for them."""
        leader = self.leader()
        observer = next(i for i in self.pids() if i != leader)
        view = self.view(observer)
        with self.frozen(leader):
            def has_moved():
                with contextlib.suppress(psycopg2.Error):
                    self.execute(observer, "CALL trustsql.ping()", 0.5)
                return self.view(observer) > view
            try:
                wait_until(has_moved, "the view changes")
            except AssertionError as error:
                raise AssertionError(f"{error}: {self.consensus()}") from None

    def wait_for_voting(self, index, is_voting, seconds=harness.WAIT_S):
        """A node that has just started waits for answers of the others before it votes."""
        wanted = "yes" if is_voting else "no"
        wait_until(lambda: self.value(index, "voting") == wanted,
                   f"node {index}: voting {wanted}\n{self.log(index)[-600:]}", seconds)

    def wait_for_peers(self, seconds=harness.WAIT_S):
        """Until every node is connected to all others."""
        for index in self.nodes:
            wait_until(lambda i=index: self.value(i, "connected") == str(len(self.nodes)),
                       f"node {index} is connected to all others\n{self.log(index)[-600:]}", seconds)

    def consensus(self):
        """What each node says of the agreement, for the message of a failure."""
        said = {}
        for index in self.nodes:
            try:
                said[index] = (dict(self.execute(index, "SELECT * FROM trustsql.status", 5)), self.execute(
                    index, "SELECT height, view, voted, locked, certified, is_final, is_certified "
                           "FROM trustsql.consensus ORDER BY height DESC LIMIT 4", 5))
            except psycopg2.Error as error:
                said[index] = str(error)
        return "".join(f"\n{index}: {what}" for index, what in said.items())

    def check_running(self, test, indexes=None):
        """None of these processes has ended by itself."""
        ended = set(self.nodes if indexes is None else indexes) - set(self.pids())
        test.assertEqual(ended, set(), f"nodes have ended\n{self.logs()}")

    def check_equal(self, test, indexes=None, queries=()):
        """Every height has one digest, every query one answer, on all these nodes. Returns the height."""
        wanted = list(self.nodes if indexes is None else indexes)
        self.check_running(test, wanted)
        height = self.settle(wanted)
        first = self.digests(wanted[0])
        answers = [self.execute(wanted[0], query) for query in queries]
        for index in wanted[1:]:
            for at, digest in self.digests(index).items():
                if at <= height:
                    test.assertEqual(digest, first.get(at), f"digest of node {index} at height {at}")
            for query, answer in zip(queries, answers):
                test.assertEqual(self.execute(index, query), answer, f"node {index}: {query}")
        return height

    def check_proved(self, test, indexes=None):
        """`trustsql verify node` finds nothing in these stopped nodes. Returns their reports."""
        reports = []
        for index in self.nodes if indexes is None else indexes:
            code, report = harness.verify(self.node(index))
            test.assertEqual((code, report["damage"]), (0, []), f"node {index}")
            reports.append(report)
        return reports
