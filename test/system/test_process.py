"""Goal: a node is one process that owns its directory, stops cleanly, and comes back quickly."""

import contextlib
import signal
import subprocess
import time
import unittest

import harness


class ProcessTest(unittest.TestCase):
    def test_second_process_is_refused(self):
        with harness.Chain() as chain:
            second = harness.run("node", chain.node)
            self.assertEqual(second.returncode, 1, second.stderr)
            self.assertIn("Stop the other process first", second.stderr)
            self.assertEqual(chain.execute("SELECT 1"), [(1,)])
            checked = harness.run("verify", "node", chain.node)
            self.assertEqual(checked.returncode, 2, "verify of a running node")

    def test_port_taken_is_said(self):
        with harness.Chain() as chain, harness.Chain() as other:
            other.stop()
            other.configure("port", chain.port)
            done = harness.run("node", other.node)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"port {chain.port} of 127.0.0.1 is taken", done.stderr)

    def test_signals_stop_cleanly(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number.name), harness.Chain() as chain:
                chain.execute("CREATE TABLE t (id integer PRIMARY KEY)")
                chain.stop()
                node = subprocess.Popen([harness.PROGRAM, "node", chain.node],
                                        stdout=subprocess.PIPE, text=True)
                self.assertIn("serving", node.stdout.readline())
                with contextlib.closing(chain.connect()) as idle:
                    harness.execute(idle, "INSERT INTO t VALUES (1)")
                    node.send_signal(number)
                    self.assertEqual(node.wait(30), 0)
                node.stdout.close()
                code, report = harness.verify(chain.node)
                self.assertEqual((code, report["damage"]), (0, []))

    def test_second_start(self):
        with harness.Chain() as chain:
            chain.execute("CREATE TABLE t (id integer PRIMARY KEY)")
            chain.execute("INSERT INTO t VALUES (7)")
            chain.stop()
            started = time.monotonic()
            chain.start()
            print(f"# second start: {time.monotonic() - started:.2f} s")
            self.assertEqual(chain.execute("SELECT id FROM t"), [(7,)])

    def test_unknown_setting_is_an_error(self):
        with harness.Chain() as chain:
            chain.stop()
            with open(chain.node + "/node.conf", "a", encoding="utf-8") as file:
                file.write("colour = blue\n")
            done = harness.run("node", chain.node)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("colour", done.stderr)


if __name__ == "__main__":
    harness.main()
