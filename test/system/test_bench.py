"""Goal: what `bench` says of four nodes is so: each of them has checked every signature itself, and `verify` counts the
same transactions on each."""

import fcntl
import json
import os
import subprocess
import tempfile
import unittest

import harness

STAGES = ["verify", "net", "exec", "store", "door", "consensus", "pool", "scrub", "digests", "tidy"]


def is_held(node):
    """A process runs on this directory."""
    with open(node + "/lock", "r+b") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


class BenchTest(unittest.TestCase):
    def bench(self, *arguments, code=0):
        done = harness.run("bench", "--base-port", str(harness.free_base_port(4)), *arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_four_nodes(self):
        with tempfile.TemporaryDirectory(prefix="trustsql-bench-") as folder:
            chain = folder + "/chain"
            said = self.bench("--nodes", "4", "--seconds", "2", "--rate", "2000", "--keep", chain,
                              "--json")
            report = json.loads(said.stdout)
            self.assertEqual(report["nodes"], 4)
            self.assertEqual(report["refused"], 0)
            self.assertGreater(report["transactions"], 0)
            self.assertAlmostEqual(
                report["efficiency"],
                report["tx_per_s"] * 4 * report["verify_us"] / (report["cores"] * 1e6), delta=0.002)
            self.assertEqual(report["unproved"], 0)
            answered = report["transactions"]
            self.assertEqual([node["index"] for node in report["per_node"]], list(range(4)))
            for node in report["per_node"]:
                self.assertGreaterEqual(node["signatures_verified"], answered)
                self.assertEqual(list(node["cpu_us_by_stage"]), STAGES)
                self.assertAlmostEqual(sum(node["cpu_us_by_stage"].values()), node["cpu_us_per_tx"],
                                       delta=0.1)
                self.assertGreater(node["idle_rss_mb"], 0)
            for index in range(4):
                code, proved = harness.verify(f"{chain}/node{index}")
                self.assertEqual((code, proved["damage"]), (0, []))
                self.assertEqual(proved["signatures"], answered)

    def test_text_and_traces(self):
        with tempfile.TemporaryDirectory(prefix="trustsql-bench-") as folder:
            done = harness.run("bench", "--base-port", str(harness.free_base_port()), "--seconds", "2",
                               "--rate", "500", environment={"TMPDIR": folder})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"(?m)^full load: \d+ transactions/s, efficiency ")
            self.assertRegex(done.stdout, r"(?m)^  node0: .*consensus .* signatures verified$")
            self.assertEqual(os.listdir(folder), [], "a measurement leaves files")

    def test_killed(self):
        """Its nodes end with it."""
        with tempfile.TemporaryDirectory(prefix="trustsql-bench-") as folder:
            node = folder + "/chain/node0"
            with subprocess.Popen([harness.PROGRAM, "bench", "--base-port", str(harness.free_base_port()),
                                   "--seconds", "60", "--keep", folder + "/chain"],
                                  stdout=subprocess.DEVNULL) as bench:
                harness.wait_until(lambda: os.path.exists(node + "/setup.height"), "the load")
                self.assertTrue(is_held(node))
                bench.kill()
            harness.wait_until(lambda: not is_held(node), "the end of the node")

    def test_impossible(self):
        self.bench("--nodes", "2", code=2)
        self.bench("--nodes", "3", "--mode", "bft", code=2)
        self.bench("--beside", "oracle", code=2)


if __name__ == "__main__":
    harness.main()
