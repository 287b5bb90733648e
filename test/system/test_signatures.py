"""Goal: a table that asks for two signatures is changed when two have signed, one of them with a key that no node has."""

import contextlib
import json
import unittest

import psycopg2

import harness


class SignaturesTest(unittest.TestCase):
    def test_four_eyes(self):
        with harness.Chain() as chain:
            def tool(*arguments):
                return harness.run(*arguments, cwd=chain.top, environment=chain.environment())
            done = tool("key", "new", "--out", "carol.key", "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            public = json.loads(done.stdout)["public_key"]
            chain.execute(f"CALL trustsql.create_account('carol', '\\x{public}')")
            chain.execute("CREATE TABLE t (id integer PRIMARY KEY)")
            chain.execute("CALL trustsql.require_signatures('t', 2, 'admin@node0, carol')")
            with contextlib.closing(chain.connect()) as link, link.cursor() as cursor:
                link.autocommit = True
                cursor.execute("INSERT INTO t VALUES (1)")
                self.assertEqual(cursor.statusmessage, "INSERT 0 0")
                self.assertIn("waits for 1 more signature", link.notices[-1])
                cursor.execute("BEGIN")
                with self.assertRaises(psycopg2.Error) as caught:
                    cursor.execute("INSERT INTO t VALUES (2)")
                self.assertEqual(caught.exception.pgcode, "42501")
            self.assertEqual(chain.execute("SELECT count(*) FROM t"), [(0,)])
            [(txid, height)] = chain.execute("SELECT txid, height FROM trustsql.pending_transactions "
                                             "WHERE state = 'waiting'")
            self.assertNotEqual(tool("tx", "cosign", "no txid").returncode, 0)
            done = tool("tx", "cosign", bytes(txid).hex(), "--key", "carol.key", "--out", "approval", "--height", str(height),
                        "--genesis", chain.node + "/genesis", "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(chain.execute("SELECT count(*) FROM t"), [(1,)])
            done = tool("tx", "cosign", bytes(txid).hex())
            self.assertEqual(done.returncode, 1)
            self.assertIn("does not wait any more", done.stderr)
            chain.stop()
            code, report = harness.verify(chain.node)
            self.assertEqual((code, report["damage"]), (0, []), report)


if __name__ == "__main__":
    harness.main()
