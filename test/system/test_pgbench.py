"""Goal: pgbench, as PostgreSQL ships it, initialises its tables and runs its three standard scripts in all three -M modes; no transaction fails but
for a serialization that is retried, and the balances add up."""

import re
import shutil
import subprocess
import unittest

import harness

SECONDS = "20" if harness.IS_NIGHTLY else "1"


class PgbenchTest(unittest.TestCase):
    @unittest.skipIf(shutil.which("pgbench") is None, "there is no pgbench")
    def test_standard_runs(self):
        with harness.Chain() as chain:
            def pgbench(*arguments):
                done = subprocess.run(["pgbench", *arguments], env=chain.environment(), text=True, stdin=subprocess.DEVNULL,
                                      capture_output=True, timeout=300, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                return done.stdout
            pgbench("-i")
            self.assertEqual(chain.execute("SELECT count(*) FROM pgbench_accounts"), [(100000,)])
            for mode in ("simple", "extended", "prepared"):
                for script in ("tpcb-like", "simple-update", "select-only"):
                    said = pgbench("-M", mode, "-b", script, "-c", "4", "-T", SECONDS, "--max-tries=100")
                    self.assertIn("number of failed transactions: 0 (0.000%)", said)
                    self.assertGreater(int(re.search(r"actually processed: (\d+)", said)[1]), 0, said)
                accounts, tellers, branches = (chain.execute(f"SELECT sum({column}) FROM pgbench_{table}")[0][0] for column, table in
                                               (("abalance", "accounts"), ("tbalance", "tellers"), ("bbalance", "branches")))
                self.assertEqual(tellers, branches)  # simple-update leaves them as they are.
                self.assertIsNotNone(accounts)
            chain.stop()
            code, report = harness.verify(chain.node)
            self.assertEqual((code, report["damage"]), (0, []), report)


if __name__ == "__main__":
    harness.main()
