"""Goal: whatever is changed in the files of one of four nodes, running or stopped, is found, named, put right and
told on the chain within ten seconds of a scrub, and no read gives what was forged meanwhile."""

import contextlib
import hashlib
import http.server
import json
import os
import shutil
import signal
import sqlite3
import threading
import time
import unittest

import harness
import psycopg2
from cluster import Cluster
from harness import wait_until
from test_cluster_tamper import flip

ROWS = 300
REPAIR_S = 10
FORGED = "forged"


def overwrite(path, source):
    """The bytes of another file in the place of this one, which stays the same file."""
    with open(source, "rb") as file:
        new = file.read()
    with open(path, "r+b") as file:
        file.write(new)
        file.truncate(len(new))


def change_table(connection, text):
    """{t}, {id}, {v}, {f}: what SQLite calls the table t and its columns."""
    table = connection.execute("SELECT sqlite_name FROM \"trustsql.tables\" WHERE name = 't'").fetchone()[0]
    columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
    names = dict(zip(("id", "v", "f"), columns))
    connection.execute(text.format(t=f'"{table}"', **names))
    connection.commit()


def content(path):
    with open(path, "rb") as file:
        return file.read()


def middle(path):
    return os.path.getsize(path) // 2


def tagged(tag, *parts):
    """H(tag ‖ 0 ‖ parts): docs/format/state.md."""
    return hashlib.sha256(tag + b"\0" + b"".join(parts)).digest()


def forge_sums(path):
    """Make main.db.sums say what main.db is now, as whoever knows the format can."""
    pages = content(path)
    with open(path + ".sums", "r+b") as file:
        versions = []
        for slot in range(2):
            file.seek(4096 * slot)
            versions.append(int.from_bytes(file.read(64)[8:16], "little"))
        slot, version = versions.index(max(versions)), max(versions)
        count = len(pages) // 4096
        sums = [tagged(b"page", (n + 1).to_bytes(8, "little"), pages[4096 * n:4096 * n + 4096])[:16]
                if any(pages[4096 * n:4096 * n + 4096]) else bytes(16) for n in range(count)]
        chunks = [b"".join(sums[i:i + 256]).ljust(4096, b"\0") for i in range(0, count, 256)]
        for index, chunk in enumerate(chunks):
            file.seek(12288 + 8192 * index + 4096 * slot)
            file.write(chunk)
        numbers = [version.to_bytes(8, "little"), count.to_bytes(8, "little")]
        head = (b"TSQLSUMS" + numbers[0] + count.to_bytes(4, "little") + bytes(4)
                + tagged(b"sums", *numbers, *chunks))
        file.seek(4096 * slot)
        file.write(head + tagged(b"sumshead", head)[:8])


class Reader:
    """Reads the row that is forged, over and over, and whatever its node says meanwhile."""

    def __init__(self, cluster, node):
        self.cluster, self.node = cluster, node
        self.forged = []
        self.answers = 0
        self.is_over = False
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()

    def run(self):
        while not self.is_over:
            with contextlib.suppress(psycopg2.Error):
                rows = self.cluster.execute(
                    self.node, "SELECT count(*), count(*) FILTER (WHERE v LIKE 'forged%') FROM t")
                self.answers += 1
                if rows != [(ROWS, 0)]:
                    self.forged.append(rows)


class HealTest(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster(settings={("store", "segment_bytes"): 1 << 16}))
        self.cluster.first_write(0, "CREATE TABLE t (id integer PRIMARY KEY, v text, f text)")
        self.cluster.execute(0, "GRANT ALL ON t TO PUBLIC")
        self.cluster.execute(0, "CREATE INDEX t_v ON t (v)")
        with contextlib.closing(self.cluster.link(0)) as link:
            for row in range(ROWS):
                harness.execute(link, f"INSERT INTO t VALUES ({row}, 'v{row}', '{'x' * 900}')")
        self.cluster.settle()
        self.assertGreater(len(self.cluster.blocks(1)), 3)
        self.known = set()
        self.turn = 0

    # --- what is changed -----------------------------------------------------------------------

    def state(self, victim):
        return self.cluster.node(victim) + "/state/main.db"

    def edit(self, victim, text):
        """By the plain sqlite3 library: in place, or, where the running node holds its lock, on a copy."""
        path, copy = self.state(victim), self.cluster.top + "/copy.db"
        shutil.copy2(path, copy)
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            change_table(connection, text)
        overwrite(path, copy)

    def changes(self, victim):
        """Kind of the incident, what is done, a word of the place that is named."""
        def seg(index):
            return self.cluster.blocks(victim)[index]
        old = self.cluster.top + "/old.db"
        folder = self.cluster.node(victim)
        state = self.state(victim)
        return {
            "byte in hot segment": ("block", lambda: flip(seg(-1), middle(seg(-1))), "blocks/"),
            "byte in cold segment": ("block", lambda: flip(seg(1), middle(seg(1))), "blocks/"),
            "truncated file": ("block", lambda: os.truncate(seg(2), middle(seg(2))), "blocks/"),
            "deleted file": ("block", lambda: os.remove(seg(0)), "blocks/"),
            "index file": ("index", lambda: flip(folder + "/blocks/00000002.idx", 20), ".idx"),
            "result": ("result", lambda: flip(self.result(victim), 3000), "results"),
            "row changed": ("state", lambda: self.edit(
                victim, "UPDATE {t} SET {v} = 'forged' WHERE {id} = 7"), "main.db"),
            "row deleted": ("state", lambda: self.edit(
                victim, "DELETE FROM {t} WHERE {id} = 8"), "main.db"),
            "row added": ("state", lambda: self.edit(
                victim, "INSERT INTO {t} VALUES (100000, 'forged', '')"), "main.db"),
            "table dropped": ("state", lambda: self.edit(victim, "DROP TABLE {t}"), "main.db"),
            "digest rows changed": ("state", lambda: self.edit(
                victim, 'UPDATE "trustsql.applied" SET note = zeroblob(40)'), "main.db"),
            "system rows changed": ("state", lambda: self.edit(
                victim, 'UPDATE "trustsql.accounts" SET name = \'mallory\' || id'), "main.db"),
            "older copy": ("state", lambda: overwrite(state, old), "main.db"),
            "database truncated": ("state", lambda: os.truncate(state, 4096 * 9), "main.db"),
            "database deleted": ("state", lambda: os.remove(state), "main.db"),
        }

    def result(self, victim):
        folder = self.cluster.node(victim) + "/results"
        return max((f"{folder}/{name}" for name in os.listdir(folder)), key=os.path.getsize)

    # --- what follows --------------------------------------------------------------------------

    def prepare(self, victim):
        """All rows are in the file of the victim, and an older file lies aside."""
        self.cluster.execute(victim, "SELECT trustsql.flush()")
        shutil.copy2(self.state(victim), self.cluster.top + "/old.db")
        self.turn += 1
        self.cluster.execute(0, f"UPDATE t SET f = 'turn {self.turn}' WHERE id % 7 = 0")
        self.cluster.settle()
        self.cluster.execute(victim, "SELECT trustsql.flush()")

    def incidents(self, victim):
        """Of the victim, as another node has them from the chain: {(time, place): (kind, state)}."""
        rows = self.cluster.execute((victim + 1) % 4, "SELECT found_ms, place, kind, state "
                                    f"FROM trustsql.incidents WHERE node = 'node{victim}'")
        return {(time, place): (kind, state) for time, place, kind, state in rows}

    def news(self, victim, kind, place):
        return [what for what in self.incidents(victim).items()
                if what[0] not in self.known and what[1] == (kind, "repaired") and place in what[0][1]]

    def scrub(self, victim):
        """A restart inside the node ends the connection: then there is somebody to ask again."""
        def done():
            try:
                return self.cluster.execute(victim, "SELECT trustsql.scrub()")[0][0]
            except psycopg2.Error:
                return None
        return wait_until(done, "a scrub", REPAIR_S)

    def check_repaired(self, victim, kind, place):
        began = time.monotonic()
        report = self.scrub(victim)
        wait_until(lambda: self.news(victim, kind, place),
                   f"an incident {kind} {place} on the chain\n{report}\n{self.incidents(victim)}\n"
                   f"{self.cluster.log(victim)[-1500:]}", REPAIR_S)
        self.assertLess(time.monotonic() - began, REPAIR_S)
        self.known |= set(self.incidents(victim))
        report = self.scrub(victim)
        self.assertTrue(report.startswith("0 damaged"), report)
        text = "SELECT id, v, f FROM t ORDER BY id"
        self.assertEqual(self.cluster.execute(victim, text), self.cluster.execute((victim + 1) % 4, text))

    def check_end(self, victim):
        self.cluster.check_equal(self)
        self.cluster.wait_for_voting(victim, True)
        self.assertEqual(self.cluster.value(victim, "damaged"), "no")
        self.cluster.stop()
        for index in self.cluster.nodes:
            code, report = harness.verify(self.cluster.node(index))
            self.assertEqual((code, report["damage"]), (0, []), f"node {index}")

    def test_running(self):
        victim = harness.RANDOM.choice(list(self.cluster.nodes))
        for name, (kind, change, place) in self.changes(victim).items():
            with self.subTest(name):
                self.prepare(victim)
                with Reader(self.cluster, victim) as reader:
                    change()
                    self.check_repaired(victim, kind, place)
                self.assertEqual(reader.forged, [])
                self.assertGreater(reader.answers, 0)
        self.check_end(victim)

    def test_stopped(self):
        victim = harness.RANDOM.choice(list(self.cluster.nodes))
        for name, (kind, change, place) in self.changes(victim).items():
            with self.subTest(name):
                self.prepare(victim)
                self.cluster.signal(signal.SIGTERM, victim)
                change()
                with Reader(self.cluster, victim) as reader:
                    self.cluster.start_node(victim)
                    self.check_repaired(victim, kind, place)
                self.assertEqual(reader.forged, [])
        self.check_end(victim)

    def test_forged_with_sums(self):
        """Database and page sums that agree, but not with the chain: the tree of rows tells."""
        victim = harness.RANDOM.choice(list(self.cluster.nodes))
        forgeries = [
            ("UPDATE {t} SET {v} = 'forged' WHERE {id} = 7", "table public.t key (7): the row is not what"),
            ("DELETE FROM {t} WHERE {id} = 8", "table public.t key (8): the row is missing"),
            ("INSERT INTO {t} VALUES (100000, 'forged', '')", "table public.t key (100000): a row that no"),
            ("DROP TABLE {t}", "table public.t: the table is missing")]
        for text, place in forgeries if harness.IS_NIGHTLY else harness.RANDOM.sample(forgeries, 2):
            with self.subTest(text):
                self.prepare(victim)
                self.cluster.signal(signal.SIGTERM, victim)
                self.edit(victim, text)
                forge_sums(self.state(victim))
                with Reader(self.cluster, victim) as reader:
                    self.cluster.start_node(victim)
                    self.check_repaired(victim, "row", place)
                self.assertEqual(reader.forged, [])
        # An older state with its own page sums: the blocks above it are executed once more, and it is told.
        self.prepare(victim)
        old = self.cluster.top + "/state"
        shutil.copytree(self.cluster.node(victim) + "/state", old)
        count = "SELECT count(*) FROM trustsql.checkpoints"
        before = self.cluster.execute(victim, count)
        self.cluster.execute(0, "CALL trustsql.checkpoint()")
        wait_until(lambda: self.cluster.execute(victim, count) > before, "a checkpoint")
        self.cluster.execute(victim, "SELECT trustsql.flush()")
        self.cluster.signal(signal.SIGTERM, victim)
        shutil.rmtree(self.cluster.node(victim) + "/state")
        shutil.copytree(old, self.cluster.node(victim) + "/state")
        self.cluster.start_node(victim)
        self.check_repaired(victim, "state", "main.db: an older copy")
        # Rows that a start does not come to are the scrub's: it names the one, and the node starts anew.
        self.prepare(victim)
        self.cluster.signal(signal.SIGTERM, victim)
        self.cluster.configure(victim, "scrub", "start_rows", 0)
        self.cluster.configure(victim, "scrub", "cpu_percent", 0)
        self.cluster.configure(victim, "sync", "snapshot_blocks", 16)  # Executing them all would be slower.
        self.edit(victim, "UPDATE {t} SET {v} = 'forged' WHERE {id} = 9")
        forge_sums(self.state(victim))
        self.cluster.start_node(victim)
        self.check_repaired(victim, "row", "table public.t key (9): the row is not what")
        self.assertEqual(self.cluster.log(victim).count("joined by snapshot"), 1)
        if harness.IS_NIGHTLY:
            self.prepare(victim)
            flip(self.state(victim), middle(self.state(victim)))
            self.check_repaired(victim, "state", "main.db")
            self.assertEqual(self.cluster.log(victim).count("joined by snapshot"), 2)
        self.check_end(victim)

    def test_journal_rolled_back(self):
        """Under a running node it is written anew; a stopped one refuses to vote from then on, and says so."""
        victim = harness.RANDOM.choice(list(self.cluster.nodes))
        path, old = self.cluster.node(victim) + "/journal", self.cluster.top + "/journal"
        shutil.copy2(path, old)
        self.prepare(victim)
        overwrite(path, old)
        self.check_repaired(victim, "journal", "journal")
        self.cluster.wait_for_voting(victim, True)
        self.cluster.signal(signal.SIGTERM, victim)
        overwrite(path, old)
        self.cluster.start_node(victim)
        wait_until(lambda: "journal" in self.cluster.value(victim, "not_voting_reason"), "it refuses to vote")
        self.cluster.wait_for_voting(victim, False)
        self.assertIn("the journal is older", self.cluster.log(victim))
        wait_until(lambda: any(state == ("journal", "lost") for state in self.incidents(victim).values()),
                   "the lost journal on the chain", REPAIR_S)

    def test_webhook(self):
        """What is found is posted to the address of [alarm], and doctor is content once it is repaired."""
        taken = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802 (named by the library)
                taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.cluster.stop()
            self.cluster.configure(2, "alarm", "webhook", f"http://127.0.0.1:{server.server_port}/a")
            self.cluster.start()
            self.prepare(2)
            flip(self.state(2), middle(self.state(2)))
            self.check_repaired(2, "state", "main.db")
            wait_until(lambda: any("main.db" in alarm["text"] for alarm in taken), "an alarm", REPAIR_S)
            server.shutdown()

    def test_rows_of_all_kinds(self):
        """No row is taken for damaged, whatever its types and key; nor what came and went since the checkpoint."""
        def compared(chain):
            report = chain.execute("SELECT trustsql.scrub()")[0][0]
            self.assertTrue(report.startswith("0 damaged"), report)
            return int(report.split(" rows of the state")[0].split(" and ")[-1])
        with harness.Chain() as chain:
            chain.execute("CREATE TABLE k (a text, b bytea, n numeric(20, 4), c timestamptz, d boolean, e smallint, "
                          "f bigint, PRIMARY KEY (a, b, n))")
            chain.execute("CREATE TABLE \"no \"\"key\" (rowid text, x numeric)")
            chain.execute("CREATE TABLE i (id integer PRIMARY KEY, v text UNIQUE)")
            chain.execute("CREATE TABLE gone (id integer PRIMARY KEY)")
            chain.execute("INSERT INTO k VALUES ('é', '\\x00ff', 1.50, '2026-01-01 00:00:00+00', true, -1, 1 << 40), "
                          "('', '', -0.0001, NULL, NULL, NULL, NULL)")
            chain.execute("INSERT INTO \"no \"\"key\" VALUES ('a', 1.0), ('a', 1.00), (NULL, NULL)")
            for row in range(200):
                chain.execute(f"INSERT INTO i VALUES ({row}, 'v{row}')")
            chain.execute("INSERT INTO gone VALUES (1), (2)")
            chain.execute("CALL trustsql.checkpoint()")
            wait_until(lambda: chain.execute("SELECT count(*) FROM trustsql.checkpoints")[0][0] >= 2, "a checkpoint")
            count = compared(chain)
            self.assertGreater(count, 207)
            chain.execute("DROP TABLE gone")
            chain.execute("DELETE FROM i WHERE id < 50")
            chain.execute("UPDATE i SET v = 'new' WHERE id = 70")
            chain.execute("INSERT INTO i VALUES (1, 'back'), (-1, 'more')")
            chain.execute("UPDATE \"no \"\"key\" SET x = 7")
            chain.execute("ALTER TABLE i ADD COLUMN w integer DEFAULT 5")
            chain.execute("ALTER TABLE k RENAME TO kk")
            chain.execute("ALTER TABLE kk RENAME COLUMN d TO dd")
            chain.execute("ALTER TABLE kk DROP COLUMN e")
            compared(chain)
            chain.stop()
            chain.start()
            self.assertGreater(compared(chain), 150)
            chain.kill()
            chain.start()
            self.assertGreater(compared(chain), 150)

    def test_without_peers(self):
        """The state needs none: its blocks are here. A damaged block stays down, and nothing is made worse."""
        with harness.Chain(segment_bytes=1 << 16) as chain:
            chain.execute("CREATE TABLE t (id integer PRIMARY KEY, v text)")
            for row in range(60):
                chain.execute(f"INSERT INTO t VALUES ({row}, '{'v' * 1500}')")
            self.assertEqual(chain.execute("SELECT trustsql.flush() > 60"), [(True,)])
            path = chain.node + "/state/main.db"
            chain.stop()
            with contextlib.closing(sqlite3.connect(path)) as connection:
                change_table(connection, "UPDATE {t} SET {v} = 'forged' WHERE {id} = 7")
            chain.start()
            self.assertEqual(chain.execute("SELECT count(*) FROM t WHERE v = 'forged'"), [(0,)])
            chain.execute("SELECT trustsql.flush()")
            flip(path, middle(path))
            self.assertIn("repaired: state/main.db", chain.execute("SELECT trustsql.scrub()")[0][0])
            chain.stop()
            self.assertEqual(harness.verify(chain.node)[0], 0)
            segment = chain.segments()[0]
            before = content(segment)
            flip(segment, 50)
            damaged = content(segment)
            done = harness.run("node", chain.node, timeout=60)
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn("blocks/" + os.path.basename(segment), done.stderr)
            self.assertEqual(content(segment), damaged)
            with open(segment, "wb") as file:
                file.write(before)
            chain.start()
            self.assertEqual(chain.execute("SELECT count(*) FROM t"), [(60,)])


if __name__ == "__main__":
    harness.main()
