"""Goal: a ledger of bills gets the same answers from TrustSQL as from PostgreSQL 15, and is proved after it."""

import os
import subprocess
import unittest

import harness

STATEMENTS = "10000" if harness.IS_NIGHTLY else "1500"


class BillsTest(unittest.TestCase):
    def test_same_answers(self):
        done = subprocess.run(["/usr/bin/python3", harness.ROOT + "/examples/bills/compare.py",
                               "--statements", STATEMENTS, "--seed", str(harness.SEED)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=500,
                              env=dict(os.environ, TRUSTSQL_PROGRAM=harness.PROGRAM))
        print("# " + done.stdout.replace("\n", "\n# "))
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    harness.main()
