"""Goal: a checkpoint's root is that of the rows an independent reader finds in the state file, the same on every node;
an idle chain certifies it by itself; the files of the tree heal."""

import contextlib
import os
import shutil
import sqlite3
import sys
import unittest

import cluster
import harness

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import row_tree  # noqa: E402

CHAIN_TABLES = {"tables": 1, "columns": 2, "indexes": 3, "sequences": 4, "rights": 5, "accounts": 6, "idempotency": 9,
                "proposals": 20, "votes": 21, "epochs": 22, "validators": 23, "parameters": 24, "mode_history": 25,
                "mode_state": 26, "convictions": 27, "checkpoints": 28, "incidents": 29, "retention": 32,
                "schemas": 33, "properties": 34, "pending_transactions": 48, "approvals": 49,
                "roles": 50, "role_members": 51, "grants": 52, "ledgers": 53}
HEADS = "SELECT height, before, row_count, row_root, txid_root FROM trustsql.checkpoints ORDER BY height"


def item(value):
    """One value of SQLite as an item of a write set."""
    def head(major, size):
        for limit, info in ((24, None), (1 << 8, 24), (1 << 16, 25), (1 << 32, 26), (1 << 64, 27)):
            if size < limit:
                if info is None:
                    return bytes([major << 5 | size])
                return bytes([major << 5 | info]) + size.to_bytes(1 << (info - 24), "big")
        raise ValueError(size)
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return head(2, len(value)) + value


def array(values):
    assert len(values) < 24
    return bytes([0x80 | len(values)]) + b"".join(item(value) for value in values)


def places(state, above):
    """Position and leaf of each row in a state file, without the checkpoints above a height."""
    with contextlib.closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as file:
        ids = {f"trustsql.{name}": number for name, number in CHAIN_TABLES.items()}
        ids.update(file.execute('SELECT sqlite_name, id FROM "trustsql.tables"'))
        for name, number in ids.items():
            columns = file.execute(f'PRAGMA table_info("{name}")').fetchall()
            keys = [column[0] for column in sorted(columns, key=lambda c: c[5]) if column[5]]
            for (named,) in file.execute("SELECT columns FROM \"trustsql.indexes\" WHERE table_id = ? AND kind = 'p'",
                                         (number,)):
                keys = [int(column) for column in named.split(",")]  # Not always inside SQLite's table.
            which = "*" if keys else "*, rowid"
            for row in file.execute(f'SELECT {which} FROM "{name}"'):
                if name == "trustsql.checkpoints" and row[0] > above:
                    continue
                key = array([row[k] for k in keys] if keys else [row[-1]])
                entry = b"\x83" + item(number) + key + array(row[:len(columns)])
                yield row_tree.position(number, key), row_tree.sha(b"\0" + entry)


def checkpoints(link):
    return [(height, before, count, bytes(root), bytes(txids))
            for height, before, count, root, txids in harness.execute(link, HEADS)]


def make_checkpoint(link):
    """The newest one, once it is certified: no transaction but the call helps it."""
    known = len(checkpoints(link))
    harness.execute(link, "CALL trustsql.checkpoint()")
    harness.wait_until(lambda: len(checkpoints(link)) > known, "the checkpoint is certified")
    return checkpoints(link)[-1]


class CheckpointsTest(unittest.TestCase):
    def test_the_root_is_that_of_the_rows(self):
        with harness.Chain() as chain:
            with contextlib.closing(chain.connect()) as link:
                harness.execute(link, "CREATE TABLE numbers (a bigint PRIMARY KEY, b text, n numeric, f boolean)")
                harness.execute(link, "CREATE TABLE names (a text, b integer, PRIMARY KEY (b, a))")
                harness.execute(link, "CREATE TABLE plain (a integer)")
                harness.execute(link, "CREATE TABLE gone (a integer PRIMARY KEY)")
                for i in range(40):
                    rows = ", ".join(f"({k * 7919 - 90000}, 'text {k}', {k}.50, {k % 2 == 0})"
                                     for k in range(20 * i, 20 * i + 20))
                    harness.execute(link, f"INSERT INTO numbers VALUES {rows}")
                    harness.execute(link, f"INSERT INTO names VALUES ('name {i}', {i % 5}); "
                                          f"INSERT INTO plain VALUES ({i % 3}); INSERT INTO gone VALUES ({i})")
                harness.execute(link, "DELETE FROM numbers WHERE f; DELETE FROM plain WHERE a = 1")
                harness.execute(link, "DROP TABLE gone")
                txids = [bytes(row[0]) for row in harness.execute(link, "SELECT txid FROM trustsql.transactions")]
                height, before, count, root, txid_root = make_checkpoint(link)
                call = harness.execute(link, f"SELECT txid FROM trustsql.transactions WHERE height = {height}")
            chain.stop()
            found = list(places(chain.node + "/state/main.db", before))
            self.assertEqual(len(found), count)
            self.assertEqual(row_tree.root(found), root)
            leaves = [row_tree.sha(b"\0" + txid) for txid in sorted(set(txids) | {bytes(row[0]) for row in call})]
            self.assertEqual(row_tree.merkle(leaves), txid_root)
            harness.verify(chain.node)

    def test_four_nodes(self):
        with cluster.Cluster() as chain:
            chain.create("t", "id integer PRIMARY KEY, v text")
            chain.execute(0, "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
            with contextlib.closing(chain.link(1)) as link:
                first = make_checkpoint(link)
            for index in range(4):
                with contextlib.closing(chain.link(index)) as link:
                    harness.wait_until(lambda l=link: checkpoints(l)[:1] == [first], f"node {index} has the checkpoint")
            chain.stop()
            shutil.rmtree(chain.node(2) + "/rows")
            folder = chain.node(3) + "/rows"
            runs = [f"{folder}/{name}" for name in os.listdir(folder) if name.startswith("run-")]
            self.assertGreater(len(runs), 0)
            with open(runs[0], "r+b") as file:
                file.seek(60)
                file.write(b"forged")
            done = harness.run("verify", "node", chain.node(3))
            self.assertEqual(done.returncode, 4, done.stdout)
            self.assertIn("the row tree", done.stdout + done.stderr)
            chain.start()
            chain.execute(0, "INSERT INTO t VALUES (4, 'd')")
            with contextlib.closing(chain.link(3)) as link:
                newest = make_checkpoint(link)
            for index in range(4):
                with contextlib.closing(chain.link(index)) as link:
                    harness.wait_until(lambda l=link: newest in checkpoints(l), f"node {index} agrees")
            self.assertIn("rows/", chain.log(3))
            chain.stop()
            for index in (2, 3):
                harness.verify(chain.node(index))


if __name__ == "__main__":
    harness.main()
