"""Goal: kill -9 under load loses nothing that was acknowledged, and every replay gives the same state."""

import contextlib
import os
import unittest

import harness
from acknowledged import TABLE, Writers

ROUNDS = int(os.environ.get("TRUSTSQL_ROUNDS", "50" if harness.IS_NIGHTLY else "8"))
WRITERS = 3


class KillTest(unittest.TestCase):
    def test_kill_under_load(self):
        with harness.Chain(segment_bytes=1 << 17) as chain:
            chain.execute(TABLE)
            writers = Writers(chain, WRITERS)
            self.addCleanup(writers.abandon)
            for number in range(ROUNDS):
                target = writers.log_bytes() + harness.RANDOM.randrange(200, 20000)
                writers.start()
                harness.wait_until(lambda: writers.log_bytes() >= target,
                                   f"round {number}: {target} bytes of acknowledgements")
                chain.kill()
                writers.finish()
                if number % 4 == 0:  # What kill -9 leaves is sound before anything repairs it.
                    code, report = harness.verify(chain.node)
                    self.assertEqual((code, report["damage"]), (0, []), f"round {number}")
                chain.start()
                rows = writers.check(self)
            print(f"# {ROUNDS} rounds, {rows} acknowledged rows")
            chain.stop()
            code, report = harness.verify(chain.node)
            self.assertEqual((code, report["damage"]), (0, []))
            self.assertTrue(report["certified"])

    def test_restart_at_every_height(self):
        with harness.Chain() as chain:
            chain.execute(TABLE)
            digests = {}
            for row in range(12):
                chain.execute(f"INSERT INTO kept VALUES ('w', {row}, 'v{row}')")
                if row % 2:
                    chain.kill()
                else:
                    chain.stop()
                code, report = harness.verify(chain.node)
                self.assertEqual((code, report["damage"]), (0, []), f"row {row}")
                chain.start()
                with contextlib.closing(chain.connect()) as link:
                    blocks = dict(harness.execute(
                        link, "SELECT height, digest FROM trustsql.blocks"))
                for height, digest in digests.items():
                    self.assertEqual(bytes(blocks[height]), digest, f"height {height}")
                digests = {height: bytes(digest) for height, digest in blocks.items()}
                self.assertEqual(len(digests), max(digests))


if __name__ == "__main__":
    harness.main()
