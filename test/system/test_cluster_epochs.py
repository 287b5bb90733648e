"""Goal: a chain under load changes while it runs: it gains a fifth and a sixth validator, loses one, one takes another key,
and what blocks mean changes. Nothing acknowledged is lost, and writes never rest for long."""

import contextlib
import json
import os
import shutil
import sys
import threading
import time
import unittest

import psycopg2

import harness
from acknowledged import COLUMNS, ClusterWriters
from cluster import Cluster, Stopwatch
from harness import wait_until
from newcomer import PASSWORD, Newcomer
from pulse import Pulse

sys.path.insert(0, os.path.join(harness.ROOT, "test", "conform", "proofs"))
import verify  # noqa: E402 (found by the line above)

GAP_S = 5
VOTE_S = 5
KILL_S = 0.3  # A change takes about as long, from its proposal to the first block of the next epoch.
OTHERS = [0, 1, 2, 3]
STAYING = [0, 1, 2]


class ClusterEpochsTest(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster(exec_version=1))
        self.cluster.create("kept", COLUMNS)
        self.cluster.create("quoted", "word text PRIMARY KEY")
        self.writers = ClusterWriters(self.cluster)
        self.addCleanup(self.writers.stop)
        self.pulse = Pulse(self.cluster, STAYING)
        self.addCleanup(setattr, self.pulse, "is_ending", True)
        self.gaps = {}
        self.victims = []

    def row(self, text, index=0):
        return self.cluster.execute(index, text)[0][0]

    def epoch(self):
        return int(self.cluster.value(0, "epoch"))

    def decide(self, call, proposer=0):
        """One organisation proposes, others vote until it is decided; then the next epoch begins. Notes the gap."""
        before = self.epoch()
        self.pulse.take()
        watch = Stopwatch()
        if call is not None:
            self.cluster.execute(proposer, call)
        voters = [index for index in OTHERS if index != proposer]

        def has_changed():
            found = self.cluster.execute(0, "SELECT id FROM trustsql.proposals WHERE state = 'open'")
            if found and voters:
                with contextlib.suppress(psycopg2.Error):  # Decided by the others, meanwhile; or it is down, or out.
                    self.cluster.execute(voters[0], f"CALL trustsql.vote({found[0][0]})", VOTE_S)
                voters.append(voters.pop(0))
            return self.epoch() > before
        wait_until(has_changed, f"another epoch than {before}\n{self.cluster.consensus()}")
        self.writers.wait_for_more(300, f"acknowledgements go on\n{self.cluster.consensus()}")
        return watch

    def change(self, what, call, proposer=0):
        with self.kill():
            watch = self.decide(call, proposer)
            self.pulse.wait_for_beat(f"{what}: the pulse goes on")
        watch.stop()
        watch.seconds = self.gaps[what] = self.pulse.take()
        watch.check(self, GAP_S, what)

    @contextlib.contextmanager
    def kill(self):
        """One of the victims, the leader first, dies at some moment of what happens inside, and comes back."""
        if not self.victims:
            yield
            return
        leader = self.cluster.leader()
        victim = leader if leader in self.victims else harness.RANDOM.choice(self.victims)
        dying = threading.Thread(target=self.die, args=(victim, harness.RANDOM.uniform(0, KILL_S)))
        dying.start()
        yield
        dying.join()
        self.cluster.wait_for_votes(victim)

    def die(self, victim, delay):
        time.sleep(delay)
        self.cluster.kill(victim)
        self.pulse.wait_for_beat(f"writes go on without node {victim}")
        self.cluster.start_node(victim)

    def validators(self):
        return self.cluster.execute(0, "SELECT name FROM trustsql.nodes WHERE role = 'validator' ORDER BY name")

    def add(self, newcomer):
        newcomer.join(self.cluster)
        newcomer.start()
        self.change(f"observer {newcomer.name}", None)
        wait_until(lambda: self.cluster.execute(
            0, f"SELECT is_connected FROM trustsql.nodes WHERE name = '{newcomer.name}'") == [(True,)],
            f"{newcomer.name} is connected\n{newcomer.log()}")
        self.change(f"validator {newcomer.name}",
                    f"CALL trustsql.add_validator('{newcomer.card()}', force => true)")

    def rotate(self, index):
        """Another key for the node of an organisation: made beside, its card voted for."""
        made = f"{self.cluster.top}/rotated"
        with open(self.cluster.top + "/password", "w", encoding="utf-8") as file:
            file.write(PASSWORD + "\n")
        done = harness.run("init", "org", "--dir", made, "--name", f"org{index}", "--node", f"node{index}",
                           "--address", f"127.0.0.1:{self.cluster.base_port + 10 * index}",
                           "--password-file", self.cluster.top + "/password")
        self.assertEqual(done.returncode, 0, done.stderr)
        shutil.copy(made + "/node.key", self.cluster.node(index) + "/next.key")
        with open(made + "/card", encoding="utf-8") as file:
            self.change(f"key of node{index}",
                        f"CALL trustsql.rotate_key('{file.read()}', force => true)")

    def has_version_2(self):
        """A write may use what version 2 brings."""
        try:
            self.cluster.execute(0, "INSERT INTO quoted VALUES (quote_literal('x'))")
            return True
        except psycopg2.errors.FeatureNotSupported:
            return False

    def prove(self, key):
        """A proof of the row, which its node gives as soon as later blocks show the certificates."""
        def proof():
            return self.row(f"SELECT trustsql.proof_row('proved', '{key}')")
        return bytes(wait_until(proof, f"a proof of row {key}"))

    def check_proofs(self, proofs):
        """They hold by the hash of the genesis alone, whoever has been a validator since."""
        genesis = self.cluster.value(0, "chain_id")
        for name, proof in proofs.items():
            path = f"{self.cluster.top}/proof"
            with open(path, "wb") as file:
                file.write(proof)
            done = harness.run("verify", "proof", path, "--genesis", genesis, "--json")
            self.assertEqual((done.returncode, json.loads(done.stdout)["ok"]), (0, True), f"{name}: {done.stdout}")
            self.assertIsNone(verify.why(proof, bytes.fromhex(genesis)), name)

    def test_changes_under_load(self):
        self.cluster.create("proved", "id integer PRIMARY KEY, v text")
        self.cluster.execute(0, "INSERT INTO proved VALUES (1, 'before')")
        proofs = {"old": self.prove(1)}
        self.writers.start()
        self.pulse.start()
        newcomers = [Newcomer(self, self.cluster.top, name) for name in ("fifth", "sixth")]
        for newcomer in newcomers:
            self.add(newcomer)
        self.assertEqual(len(self.validators()), 6)
        self.change("drop of node3", "CALL trustsql.drop_validator('node3', force => true)")
        self.assertNotIn(("node3",), self.validators())
        self.rotate(2)
        self.assertFalse(self.has_version_2())
        self.change("exec_version 2", "CALL trustsql.chain_set('exec_version', '2', force => true)")
        wait_until(self.has_version_2, "blocks mean what version 2 says")
        self.cluster.wait_for_votes(2)
        self.pulse.stop()
        self.writers.stop()
        self.cluster.execute(0, "INSERT INTO proved VALUES (2, 'after')")
        proofs |= {"old, made later": self.prove(1), "new": self.prove(2)}
        self.check_proofs(proofs)
        print("# longest silence: " + ", ".join(f"{what} {gap:.2f} s" for what, gap in self.gaps.items()))
        self.finish(newcomers)

    @unittest.skipUnless(harness.IS_NIGHTLY, "long")
    def test_changes_while_nodes_die(self):
        """The same, and in each change one node is killed and comes back."""
        self.victims = [1, 2]
        self.test_changes_under_load()

    def finish(self, newcomers):
        height = self.cluster.check_equal(self, STAYING)  # Who was dropped has heard of its end, no more.
        epochs = self.cluster.execute(0, "SELECT epoch, first_height FROM trustsql.epochs ORDER BY epoch")
        self.assertEqual(len(epochs), len(self.gaps) + 1)
        for index in STAYING:
            self.assertEqual(self.cluster.execute(
                index, "SELECT epoch, first_height FROM trustsql.epochs ORDER BY epoch"), epochs)
        rows = self.writers.check(self, STAYING)
        print(f"# {len(epochs)} epochs up to height {height}, {rows} acknowledged rows, none lost")
        for newcomer in newcomers:
            newcomer.stop()
        self.cluster.stop()
        self.cluster.check_proved(self)
        for newcomer in newcomers:
            code, report = harness.verify(newcomer.directory)
            self.assertEqual((code, report["damage"]), (0, []), newcomer.name)


if __name__ == "__main__":
    harness.main()
