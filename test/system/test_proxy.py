"""Goal: through `trustsql proxy` a user sees what is true, whatever one node of four says; the lie is found, the liar
named, and what it signed convicts it. One node may be down, slow, of another chain or nobody's."""

import ctypes
import json
import os
import signal
import subprocess
import unittest

import psycopg2

import harness
from cluster import Cluster
from liar import Liar

LIAR = 0
HONEST = [1, 2, 3]
PQ = ctypes.CDLL("libpq.so.5")
for name in ("PQconnectdb", "PQexecParams", "PQprepare", "PQexecPrepared", "PQgetvalue",
             "PQerrorMessage", "PQresultErrorMessage", "PQcmdTuples", "PQfname"):
    getattr(PQ, name).restype = ctypes.c_char_p if name in (
        "PQgetvalue", "PQerrorMessage", "PQresultErrorMessage", "PQcmdTuples", "PQfname") else ctypes.c_void_p


class Proxy:
    """The program; its address is port."""

    def __init__(self, test, key, genesis, ports, *options):
        arguments = [harness.PROGRAM, "proxy", "--key", key, "--genesis", genesis, "--listen",
                     "127.0.0.1:0", *options]
        for port in ports:
            arguments += ["--node", f"127.0.0.1:{port}"]
        self.errors = os.path.join(os.path.dirname(key), f"proxy-{id(self)}.log")
        log = open(self.errors, "w", encoding="utf-8")
        test.addCleanup(log.close)
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=log, text=True)
        test.addCleanup(self.stop)
        line = self.process.stdout.readline().split()
        test.assertIn("-p", line, self.log())
        self.port = int(line[line.index("-p") + 1])

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
        self.process.stdout.close()
        return self.process.returncode

    def log(self):
        with open(self.errors, encoding="utf-8") as file:
            return file.read()

    def connect(self):
        link = psycopg2.connect(host="127.0.0.1", port=self.port, user="carol", dbname="main",
                                connect_timeout=10)
        link.autocommit = True
        return link


class ProxyTest(unittest.TestCase):
    epoch = 0

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(Cluster())
        cls.key = cls.cluster.top + "/carol.key"
        done = harness.run("key", "new", "--out", cls.key, "--json")
        public = json.loads(done.stdout)["public_key"]
        cls.cluster.execute(1, f"CALL trustsql.create_account('carol', '\\x{public}')")
        cls.genesis = cls.cluster.node(1) + "/genesis"
        cls.tables = 0

    def setUp(self):
        self.liar = self.enterContext(Liar(self.cluster.node(LIAR), self.port(LIAR)))

    def port(self, index):
        return self.cluster.base_port + 10 * index + 2

    def proxy(self, *options):
        return Proxy(self, self.key, self.genesis,
                     [self.liar.port, *[self.port(index) for index in HONEST]], *options)

    def link(self, proxy):
        link = proxy.connect()
        self.addCleanup(link.close)
        return link

    def run_sql(self, link, text):
        with link.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall() if cursor.description else cursor.statusmessage

    def table(self, link):
        type(self).tables += 1
        name = f"t{self.tables}"
        self.run_sql(link, f"CREATE TABLE {name} (id integer PRIMARY KEY, v text)")
        self.run_sql(link, f"INSERT INTO {name} VALUES (1, 'true'), (2, 'true too')")
        return name

    def assert_named(self, proxy, link, what):
        self.assertIn("node0 (", proxy.log())
        self.assertIn(what, proxy.log())
        self.assertTrue(any("node0" in notice and what in notice for notice in link.notices), link.notices)
        for other in ("node1", "node2", "node3"):
            self.assertNotIn(other, proxy.log())

    # --- no lies ---

    def test_as_at_a_node(self):
        proxy = self.proxy()
        link = self.link(proxy)
        table = self.table(link)
        self.assertEqual(self.run_sql(link, f"SELECT * FROM {table} ORDER BY id"),
                         [(1, "true"), (2, "true too")])
        self.assertEqual(self.run_sql(link, f"INSERT INTO {table} VALUES (3, 'x') RETURNING id, v"), [(3, "x")])
        self.assertEqual(self.run_sql(link, f"UPDATE {table} SET v = 'y' WHERE id > 1"), "UPDATE 2")
        both = f"INSERT INTO {table} VALUES (4, 'z'); INSERT INTO {table} VALUES (1, 'twice')"
        for text, state in ((both, "23505"), ("SELECT nothing", "42703"), ("SELEC 1", "42601"),
                            (f"COPY {table} FROM STDIN", "0A000"), ("BEGIN", "0A000"),
                            ("SET trustsql.read = 'local'", "0A000"),
                            ("SELECT * FROM trustsql.status", "0A000")):
            with self.assertRaises(psycopg2.Error, msg=text) as caught:
                self.run_sql(link, text)
            self.assertEqual(caught.exception.pgcode, state, text)
        self.assertEqual(self.run_sql(link, f"SELECT count(*) FROM {table}"), [(3,)])  # All or nothing.
        self.assertEqual(self.run_sql(link, "SHOW server_version"), [("15.8 (TrustSQL)",)])
        self.assertEqual(self.run_sql(link, "SELECT current_user"), [("carol",)])
        self.assertEqual(link.notices, [])
        self.assertEqual([line for line in proxy.log().splitlines() if "the chain is in epoch" not in line], [])
        self.assertEqual(proxy.stop(), 0)

    def test_idempotency_key(self):
        """The proxy signs under the key of its session: a retry changes nothing, wherever it comes from."""
        proxy = self.proxy()
        table = self.table(self.link(proxy))
        for _ in range(2):
            link = self.link(proxy)
            self.run_sql(link, "SET trustsql.idempotency_key = 'proxied'")
            self.run_sql(link, f"INSERT INTO {table} VALUES (7, 'once')")
        with self.assertRaises(psycopg2.Error) as caught:
            self.run_sql(link, f"INSERT INTO {table} VALUES (8, 'other')")
        self.assertEqual(caught.exception.pgcode, "23505")
        self.run_sql(link, "RESET trustsql.idempotency_key")
        self.assertEqual(self.run_sql(link, f"SELECT count(*) FROM {table} WHERE id >= 7"), [(1,)])
        self.assertEqual(proxy.stop(), 0)

    def test_extended_protocol(self):
        proxy = self.proxy()
        table = self.table(self.link(proxy))
        link = PQ.PQconnectdb(f"host=127.0.0.1 port={proxy.port} user=carol dbname=main".encode())
        self.addCleanup(PQ.PQfinish, ctypes.c_void_p(link))

        def values(*texts):
            return (ctypes.c_char_p * len(texts))(*texts)

        def check(result, status):
            self.assertEqual(PQ.PQresultStatus(ctypes.c_void_p(result)), status,
                             PQ.PQresultErrorMessage(ctypes.c_void_p(result)))
            return ctypes.c_void_p(result)

        insert = f"INSERT INTO {table} VALUES ($1, $2)".encode()
        check(PQ.PQexecParams(ctypes.c_void_p(link), insert, 2, None, values(b"7", b"seven"), None, None, 0), 1)
        check(PQ.PQprepare(ctypes.c_void_p(link), b"find",
                           f"SELECT v FROM {table} WHERE id = $1".encode(), 1, None), 1)
        for number, word in ((b"7", b"seven"), (b"1", b"true")):
            found = check(PQ.PQexecPrepared(ctypes.c_void_p(link), b"find", 1, values(number), None, None, 0), 2)
            self.assertEqual(PQ.PQgetvalue(found, 0, 0), word)
            self.assertEqual(PQ.PQfname(found, 0), b"v")
        wrong = PQ.PQprepare(ctypes.c_void_p(link), b"", b"SELECT nothing", 0, None)
        check(wrong, 7)

    # --- lies ---

    def test_a_lie_about_rows(self):
        proxy = self.proxy()
        link = self.link(proxy)
        table = self.table(link)
        self.liar.lies = {"rows"}
        for _ in range(5):
            self.assertEqual(self.run_sql(link, f"SELECT v FROM {table} WHERE id = 1"), [("true",)])
        self.assertIn("rows", self.liar.told)
        self.assert_named(proxy, link, "is not that of 3 others")

    def test_a_lie_about_finality(self):
        proxy = self.proxy()
        link = self.link(proxy)
        table = self.table(link)
        self.liar.lies = {"final"}
        for number in range(10, 15):
            self.assertEqual(self.run_sql(link, f"INSERT INTO {table} VALUES ({number}, 'true')"), "INSERT 0 1")
        self.liar.lies = set()
        self.assertEqual(self.run_sql(link, f"SELECT count(*) FROM {table}"), [(7,)])
        if "final" in self.liar.told:  # The proxy asks the leader's node first; the proof came from a store.
            self.assert_named(proxy, link, "lies or is damaged")

    def test_a_lie_about_returned_rows(self):
        proxy = self.proxy()
        link = self.link(proxy)
        table = self.table(link)
        self.liar.lies = {"results"}
        for number in range(20, 24):
            with link.cursor() as cursor:
                cursor.execute(f"INSERT INTO {table} VALUES ({number}, 'true') RETURNING v")
                rows = cursor.fetchall() if cursor.description else []
            self.assertIn(rows, ([("true",)], []))
        if "results" in self.liar.told:
            self.assert_named(proxy, link, "are not those that the receipt proves")

    def test_a_signed_lie_convicts(self):
        proxy = self.proxy()
        link = self.link(proxy)
        table = self.table(link)
        self.liar.lies = {"receipt"}
        self.assertEqual(self.run_sql(link, f"INSERT INTO {table} VALUES (30, 'true')"), "INSERT 0 1")
        self.assert_named(proxy, link, "E10")

        def convicted(index):
            return self.cluster.execute(
                index, "SELECT offender, node FROM trustsql.evidence WHERE kind = 'E10'")

        for index in HONEST:
            harness.wait_until(lambda at=index: convicted(at), f"node{index} holds the evidence")
            self.assertEqual({row for row in convicted(index)}, {(0, "node0")})
        folder = self.cluster.node(1) + "/evidence"
        for name in os.listdir(folder):
            if name.startswith("E10"):
                self.check_kept(f"{folder}/{name}")
        shown = self.cluster.execute(1, "SELECT bytes FROM trustsql.evidence WHERE kind = 'E10'")
        with open(self.cluster.top + "/evidence", "wb") as file:
            file.write(bytes(shown[0][0]))
        self.check_evidence(self.cluster.top + "/evidence")

    def check_kept(self, path):
        """What a node keeps leads nowhere by itself, beyond the validators of the genesis."""
        if self.epoch == 0:
            self.check_evidence(path)
            return
        done = harness.run("verify", "evidence", path, "--genesis", self.genesis)
        self.assertEqual(done.returncode, 1)
        self.assertIn("trustsql.evidence", done.stderr)

    def check_evidence(self, path):
        """It convicts for somebody who has the genesis and nothing else; changed it convicts nobody else."""
        def verify(genesis):
            return harness.run("verify", "evidence", path, "--genesis", genesis, "--json")

        done = verify(self.genesis)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual((said["epoch"], said["kind"]), (self.epoch, "E10"), said)
        self.assertNotEqual(verify(self.other_genesis()).returncode, 0)
        with open(path, "rb") as file:
            good = file.read()
        try:
            for at in range(0, len(good), len(good) // 20):
                with open(path, "wb") as file:
                    file.write(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
                done = verify(self.genesis)  # Links that the proof inside repeats are not needed twice.
                if self.epoch == 0 or done.returncode != 0:
                    self.assertNotEqual(done.returncode, 0, f"one bit of byte {at} is flipped")
                else:
                    self.assertEqual(json.loads(done.stdout), said, f"one bit of byte {at} is flipped")
        finally:
            with open(path, "wb") as file:
                file.write(good)

    def other_genesis(self):
        """Of another chain, which never runs."""
        made = self.cluster.top + "/another"
        if not os.path.exists(made):
            done = harness.run("testnet", "--dir", made, "--nodes", "1", "--base-port",
                               str(harness.free_base_port()), "--detach", "--quiet")
            self.assertEqual(done.returncode, 0, done.stderr)
            harness.run("testnet", "--dir", made, "--stop")
        return made + "/node0/genesis"

    def test_a_false_height(self):
        proxy = self.proxy()
        link = self.link(proxy)
        table = self.table(link)
        self.liar.lies = {"height"}

        def is_named():
            self.assertEqual(self.run_sql(link, f"SELECT count(*) FROM {table}"), [(2,)])
            return "does not verify" in proxy.log()

        harness.wait_until(is_named, "the false certificate comes before those of three others")
        self.assert_named(proxy, link, "does not verify")

    # --- other troubles ---

    def test_a_slow_node(self):
        proxy = self.proxy("--request-ms", "300")
        link = self.link(proxy)
        table = self.table(link)
        self.liar.slow_s = 20
        self.liar.lies = {"slow"}
        self.assertEqual(self.run_sql(link, f"INSERT INTO {table} VALUES (40, 'true')"), "INSERT 0 1")
        self.assertEqual(self.run_sql(link, f"SELECT count(*) FROM {table}"), [(3,)])

    def test_a_node_that_is_down(self):
        proxy = Proxy(self, self.key, self.genesis,
                      [harness.free_base_port(), *[self.port(index) for index in HONEST]])
        link = self.link(proxy)
        table = self.table(link)
        self.assertEqual(self.run_sql(link, f"SELECT count(*) FROM {table}"), [(2,)])
        self.assertIn("does not answer", proxy.log())
        alone = Proxy(self, self.key, self.genesis,
                      [self.port(1), *[harness.free_base_port(4) + i for i in range(3)]])
        with self.assertRaises(psycopg2.Error) as caught:
            self.run_sql(self.link(alone), f"SELECT count(*) FROM {table}")
        self.assertEqual(caught.exception.pgcode, "08006")

    def test_another_chain(self):
        """Nodes of another chain are told nothing."""
        other = self.cluster.top + "/other"
        done = harness.run("testnet", "--dir", other, "--nodes", "1", "--base-port",
                           str(harness.free_base_port()), "--detach", "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.addCleanup(harness.run, "testnet", "--dir", other, "--stop")
        proxy = Proxy(self, self.key, other + "/node0/genesis", [self.port(1)])
        with self.assertRaises(psycopg2.Error) as caught:
            self.run_sql(self.link(proxy), "SELECT 1")
        self.assertEqual(caught.exception.pgcode, "08006")
        self.assertIn("shows no key that the genesis names", proxy.log())

    def test_a_key_without_account(self):
        key = self.cluster.top + "/stranger.key"
        self.assertEqual(harness.run("key", "new", "--out", key).returncode, 0)
        self.addCleanup(os.remove, key)
        proxy = Proxy(self, key, self.genesis, [self.port(index) for index in HONEST])
        with self.assertRaises(psycopg2.Error) as caught:
            self.run_sql(self.link(proxy), "SELECT 1")
        self.assertEqual(caught.exception.pgcode, "08006")
        self.assertIn("password authentication failed", caught.exception.diag.message_detail)

    def test_a_password(self):
        path = self.cluster.top + "/password"
        with open(path, "w", encoding="utf-8") as file:
            file.write("open sesame\n")
        proxy = self.proxy("--password-file", path)
        with self.assertRaises(psycopg2.OperationalError):
            psycopg2.connect(host="127.0.0.1", port=proxy.port, user="carol", dbname="main", password="no")
        link = psycopg2.connect(host="127.0.0.1", port=proxy.port, user="carol", dbname="main",
                                password="open sesame")
        link.autocommit = True
        self.addCleanup(link.close)
        self.assertEqual(self.run_sql(link, "SELECT 1"), [(1,)])

    def test_usage(self):
        for arguments in (["--key", self.key], ["--genesis", self.genesis],
                          ["--key", self.key, "--genesis", self.genesis, "--node", "127.0.0.1:1"],
                          ["--key", self.key, "--genesis", self.key, "--node", "127.0.0.1:1"],
                          ["--key", self.key, "--dir", self.cluster.directory, "--listen", "0.0.0.0:0"]):
            done = harness.run("proxy", *arguments)
            self.assertEqual(done.returncode, 2, f"{arguments}: {done.stdout}{done.stderr}")


class LaterEpochTest(ProxyTest):
    """The same in an epoch that the genesis does not know: the proxy, proofs and evidence lead there from it."""

    epoch = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for epoch in range(1, cls.epoch + 1):
            for index in range(3):
                cls.cluster.execute(index, f"CALL trustsql.chain_set('consensus.view_ms', '{500 + epoch}')")
            for index in cls.cluster.nodes:
                harness.wait_until(lambda i=index, e=epoch: int(cls.cluster.value(i, "epoch")) == e,
                                   f"epoch {epoch} at node {index}")


if __name__ == "__main__":
    harness.main()
