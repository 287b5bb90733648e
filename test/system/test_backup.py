"""Goal: a backup, made while the node runs or stopped, brings the node back with its keys; nothing but what was written
comes out of it; a restored validator does not vote."""

import contextlib
import json
import os
import shutil
import signal
import threading
import unittest

import psycopg2

import harness
from cluster import Cluster

SECRET = {"TRUSTSQL_PASSPHRASE": "correct horse"}


def backup(node, file):
    done = harness.run("backup", node, file, "--json", environment=SECRET)
    if done.returncode != 0:
        raise AssertionError(f"backup: exit code {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def restore(file, node, environment=None):
    return harness.run("restore", file, node, "--json", environment=environment or SECRET)


class BackupTest(unittest.TestCase):
    def test_one_node(self):
        with harness.Chain(segment_bytes=1 << 17) as chain:
            chain.execute("CREATE TABLE t (id integer PRIMARY KEY, v text)")
            for number in range(40):
                chain.execute(f"INSERT INTO t VALUES ({number}, repeat('x', 20000))")
            chain.stop()
            made = backup(chain.node, chain.top + "/cold")
            whole = harness.run("backup", "--check", chain.top + "/cold", "--json", environment=SECRET)
            self.assertEqual(json.loads(whole.stdout)["height"], made["height"])
            rows = self.replace(chain, chain.top + "/cold")
            self.assertEqual(rows, 40)
            # Its keys came along: the password works, and what it signs is taken.
            chain.execute("INSERT INTO t VALUES (100, 'after')")
            self.assertEqual(chain.execute("SELECT count(*) FROM trustsql.history('t')"), [(41,)])
            chain.stop()
            code, report = harness.verify(chain.node)
            self.assertEqual((code, report["damage"]), (0, []))

    def replace(self, chain, file):
        """The node's directory goes; the backup takes its place."""
        chain.stop()
        shutil.rmtree(chain.node)
        done = restore(file, chain.node)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(json.loads(done.stdout)["verified"])
        self.assertTrue(json.loads(done.stdout)["votes"])
        chain.start()
        return chain.execute("SELECT count(*) FROM t")[0][0]

    def test_under_load(self):
        """Backups of a node that writes hold all that was acknowledged before they began."""
        with harness.Chain(segment_bytes=1 << 17) as chain:
            chain.execute("CREATE TABLE t (id integer PRIMARY KEY, v text)")
            acknowledged = [0]
            is_over = threading.Event()

            def write():
                with contextlib.closing(chain.connect()) as link:
                    while not is_over.is_set():
                        harness.execute(link, f"INSERT INTO t VALUES ({acknowledged[0]}, repeat('y', 500))")
                        acknowledged[0] += 1

            writer = threading.Thread(target=write)
            writer.start()
            known = []
            for number in range(12 if harness.IS_NIGHTLY else 4):
                harness.wait_until(lambda: acknowledged[0] > 60 * (number + 1), "it writes")
                known.append(acknowledged[0])
                backup(chain.node, f"{chain.top}/b{number}")
            is_over.set()
            writer.join()
            doctor = harness.run("doctor", "--dir", chain.directory)
            self.assertEqual(doctor.returncode, 0, doctor.stdout)
            for number in (0, len(known) - 1):
                self.assertGreaterEqual(self.replace(chain, f"{chain.top}/b{number}"), known[number])

    def test_what_is_refused(self):
        with harness.Chain() as chain:
            chain.execute("CREATE TABLE t (id integer)")
            file = chain.top + "/b"
            backup(chain.node, file)
            target = chain.top + "/restored"
            with open(file, "rb") as source:
                good = source.read()
            self.assertNotIn(b"custody", good)
            self.assertEqual(restore(file, chain.node).returncode, 1)  # It is not empty.
            self.assertEqual(harness.run("backup", chain.node, file, environment=SECRET).returncode, 1)
            self.assertEqual(restore(file, target, {"TRUSTSQL_PASSPHRASE": "wrong"}).returncode, 4)
            spoilt = [good[:-1], good[:len(good) // 2], good[:56], good[:5], good + b"x", b""]
            for at in harness.RANDOM.sample(range(8, len(good)), 12) + [0, 9, 17, 40, 57]:
                spoilt.append(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
            for number, content in enumerate(spoilt):
                shutil.rmtree(target, ignore_errors=True)
                with open(file, "wb") as changed:
                    changed.write(content)
                done = restore(file, target)
                self.assertEqual(done.returncode, 4, f"case {number}: {done.stdout}{done.stderr}")
            doctor = harness.run("doctor", "--dir", chain.directory)
            self.assertEqual(doctor.returncode, 1)
            self.assertIn("newest backup was changed", doctor.stdout)
            os.remove(file)
            self.assertIn("newest backup is not at", harness.run("doctor", "--dir", chain.directory).stdout)
            backup(chain.node, file)
            self.assertEqual(harness.run("doctor", "--dir", chain.directory).returncode, 0)

    def test_validator(self):
        """Restored, it follows the others to the newest block, answers reads, and never votes."""
        with Cluster() as cluster:
            cluster.create("t", "id integer PRIMARY KEY")
            for number in range(10):
                cluster.execute(0, f"INSERT INTO t VALUES ({number})")
            victim = cluster.followers()[0]
            other = next(index for index in range(4) if index != victim)
            file = cluster.node(victim) + ".backup"
            made = backup(cluster.node(victim), file)
            for number in range(10, 20):
                cluster.execute(other, f"INSERT INTO t VALUES ({number})")
            cluster.kill(victim)
            shutil.rmtree(cluster.node(victim))
            done = harness.run("restore", file, cluster.node(victim), environment=SECRET)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("does NOT VOTE", done.stdout)
            cluster.start_node(victim)
            for number in range(20, 30):
                cluster.execute(other, f"INSERT INTO t VALUES ({number})")
            cluster.wait_for_height(victim, cluster.height(other))
            self.assertGreater(cluster.height(victim), made["height"])
            self.assertEqual(cluster.execute(victim, "SELECT count(*) FROM t"), [(30,)])
            self.assertEqual(cluster.execute(victim, "SELECT count(*) FROM trustsql.history('t')"), [(30,)])
            self.assertIn("does not vote", cluster.log(victim))
            self.assertFalse(cluster.has_voted(other, victim, cluster.height(other) - 10))
            self.vote_again(cluster, victim, other)
            self.assertEqual(cluster.execute(other, "SELECT * FROM trustsql.evidence"), [])

    def vote_again(self, cluster, victim, other):
        """As docs/backup.md says: another key, and then the mark of the lost journal goes."""
        made = cluster.top + "/rotated"
        with open(cluster.top + "/password", "w", encoding="utf-8") as file:
            file.write("a password\n")
        done = harness.run("init", "org", "--dir", made, "--name", f"org{victim}", "--node", f"node{victim}",
                           "--address", f"127.0.0.1:{cluster.base_port + 10 * victim}",
                           "--password-file", cluster.top + "/password")
        self.assertEqual(done.returncode, 0, done.stderr)
        shutil.copy(made + "/node.key", cluster.node(victim) + "/next.key")
        with open(made + "/card", encoding="utf-8") as file:
            cluster.execute(other, f"CALL trustsql.rotate_key('{file.read()}', force => true)")
        for index in range(4):
            found = cluster.execute(other, "SELECT id FROM trustsql.proposals WHERE state = 'open'")
            if found and index != other:
                with contextlib.suppress(psycopg2.Error):
                    cluster.execute(index, f"CALL trustsql.vote({found[0][0]})")
        harness.wait_until(lambda: int(cluster.value(other, "epoch")) > 0, "the epoch of the new key")
        cluster.wait_for_height(victim, cluster.height(other))
        cluster.signal(signal.SIGTERM, victim)
        os.remove(cluster.node(victim) + "/journal.lost")
        cluster.start_node(victim)
        is_over = threading.Event()

        def load():
            while not is_over.is_set():
                cluster.execute(other, "CALL trustsql.ping()")

        pulse = threading.Thread(target=load)
        pulse.start()
        try:
            cluster.wait_for_votes(victim)
        finally:
            is_over.set()
            pulse.join()


if __name__ == "__main__":
    harness.main()
