"""Goal: proofs of a running chain, by program and by SQL, hold for whoever has the hash of its genesis and nothing else,
in both readings of the format; what is changed in them, or of another chain, is refused with its reason."""

import json
import os
import random
import sys
import unittest

import harness

sys.path.insert(0, os.path.join(harness.ROOT, "test", "conform", "proofs"))
import verify  # noqa: E402


class ProofTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chain = harness.Chain()
        cls.chain.__enter__()
        execute = cls.chain.execute
        execute("CREATE TABLE t (id integer PRIMARY KEY, name text, secret text)")
        execute("CREATE TABLE bag (v text)")
        execute("CREATE TABLE pairs (a integer, b text, PRIMARY KEY (a, b))")
        cls.txid = cls.write("INSERT INTO t VALUES (1, 'one', 'hidden')")
        execute("INSERT INTO t VALUES (2, 'two', 'gone'); DELETE FROM t WHERE id = 3")
        execute("INSERT INTO pairs VALUES (7, 'x, y')")
        cls.genesis = execute("SELECT value FROM trustsql.status WHERE name = 'chain_id'")[0][0]
        cls.file = os.path.join(cls.chain.directory, "proof")

    @classmethod
    def tearDownClass(cls):
        cls.chain.__exit__(None, None, None)

    @classmethod
    def write(cls, text):
        cls.chain.execute(text)
        return cls.chain.execute("SELECT encode(txid, 'hex') FROM trustsql.transactions "
                                 "ORDER BY height DESC, index DESC LIMIT 1")[0][0]

    def checkpoint(self):
        """One that can be proved."""
        newest = "SELECT max(height) FROM trustsql.blocks"
        before = self.chain.execute(newest)[0][0]
        self.chain.execute("CALL trustsql.checkpoint()")
        return harness.wait_until(lambda: self.chain.execute(
            f"SELECT max(height) FROM trustsql.checkpoints WHERE height > {before}")[0][0],
            "the checkpoint is certified")

    def fetch(self, *words):
        done = harness.run("proof", *words, "--dir", self.chain.directory, "--out", self.file)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.judge(self.file, self.genesis)

    def judge(self, path, genesis):
        """What the program says of a file; the other verifier says the same."""
        done = harness.run("verify", "proof", path, "--genesis", genesis, "--json")
        told = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0 if told["ok"] else 1)
        with open(path, "rb") as file:
            data = file.read()
        if data[:1] == b"{":
            data = verify.from_json(data.decode())
        self.assertEqual(verify.why(data, bytes.fromhex(genesis)), told.get("reason"))
        return told

    def test_transaction(self):
        told = self.fetch("tx", self.txid)
        self.assertEqual((told["kind"], told["txid"], told["status"], told["row_count"]),
                         ("tx", self.txid, "ok", 1))
        self.assertNotIn("shown", told)
        told = self.fetch("tx", self.txid, "--show", "0.2", "--json")
        self.assertEqual(told["shown"], [{"operation": 0, "parameter": 2, "value": "one"}])
        with open(self.file, "rb") as file:
            self.assertNotIn(b"hidden".hex().encode(), file.read())

    def test_values_are_shown_to_their_account_only(self):
        connection = self.chain.connect()
        self.assertEqual(harness.sqlstate_of(
            connection, f"SELECT trustsql.proof_tx('\\x{self.txid}', '0.9')"), "22023")
        self.assertEqual(harness.sqlstate_of(
            connection, f"SELECT trustsql.proof_tx('\\x{self.txid}', 'x')"), "22023")
        connection.close()

    def test_rows(self):
        told = self.fetch("row", "t", "1")
        self.assertEqual((told["key"], told["row"]), ([1], [1, "one", "hidden"]))
        self.assertEqual(self.fetch("row", "pairs", '(7,"x, y")')["row"], [7, "x, y"])
        height = self.checkpoint()
        told = self.fetch("row", "t", "1")
        self.assertEqual((told["kind"], told["height"] >= height), ("row", True))
        told = self.fetch("row", "t", "99")
        self.assertEqual((told["kind"], told["key"], told["row"]), ("no row", [99], None))
        self.chain.execute("UPDATE t SET name = 'uno' WHERE id = 2")
        self.assertEqual(self.fetch("row", "t", "2")["row"], [2, "uno", "gone"])
        told = self.fetch("row", "t", "2", "--height", str(height))
        self.assertEqual(told["row"], [2, "two", "gone"])

    def test_absence(self):
        height = self.checkpoint()
        missing = "ab" * 32
        told = self.fetch("absent", missing, "--from", "1", "--to", str(height))
        self.assertEqual((told["kind"], told["txid"], told["after"]), ("no tx", missing, 0))
        self.assertGreaterEqual(told["height"], height)
        done = harness.run("proof", "absent", self.txid, "--dir", self.chain.directory)
        self.assertIn("stands in the chain", done.stderr)
        self.assertEqual(done.returncode, 1)

    def test_changed_and_foreign_ones_are_refused(self):
        self.fetch("tx", self.txid, "--show", "0.1")
        with open(self.file, "rb") as file:
            data = bytearray(file.read())
        other = self.genesis[:-1] + ("0" if self.genesis[-1] != "0" else "1")
        self.assertEqual(self.judge(self.file, other)["reason"],
                         "the genesis in the proof is of another chain")
        for _ in range(40):
            bit = random.randrange(8 * len(data))
            data[bit // 8] ^= 1 << bit % 8
            with open(self.file, "wb") as file:
                file.write(data)
            self.assertFalse(self.judge(self.file, self.genesis)["ok"], f"bit {bit}")
            data[bit // 8] ^= 1 << bit % 8

    def test_in_sql(self):
        told = self.chain.execute(f"SELECT trustsql.proof_tx('\\x{self.txid}'), "
                                  "trustsql.proof_row('t', 1), trustsql.proof_row('t', '1')")[0]
        for proof in told:
            with open(self.file, "wb") as file:
                file.write(bytes(proof))
            self.assertTrue(self.judge(self.file, self.genesis)["ok"])
        connection = self.chain.connect()
        for text, state in (("SELECT trustsql.proof_row('nothing', 1)", "42P01"),
                            ("SELECT trustsql.proof_row('pairs', 1)", "22P02"),
                            ("SELECT trustsql.proof_row('trustsql.blocks', 1)", "0A000"),
                            ("SELECT trustsql.proof_row('bag', 1)", "0A000"),
                            ("SELECT trustsql.proof_row('t', 1, 0)", "22023"),
                            ("SELECT trustsql.proof_row('t', 1, 1000000)", "TQ008"),
                            ("INSERT INTO t(id) VALUES (length(trustsql.proof_row('t', 1)))", "0A000")):
            self.assertEqual(harness.sqlstate_of(connection, text), state, text)
        connection.close()


if __name__ == "__main__":
    harness.main()
