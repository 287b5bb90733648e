"""Goal: status and doctor say what is: of a node that runs, one that does not, and one that never can."""

import json
import os
import signal
import socket
import unittest

import harness


class DoctorTest(unittest.TestCase):
    def doctor(self, chain, code):
        done = harness.run("doctor", "--dir", chain.directory, "--json")
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["is_healthy"], code == 0)
        text = harness.run("doctor", "--dir", chain.directory)
        self.assertEqual(text.returncode, code)
        for finding in report["findings"]:
            self.assertNotIn("\n", finding["what"])
            self.assertIn(f"problem: {finding['node']} {finding['what']}\n", text.stdout)
        return report

    def test_healthy(self):
        with harness.Chain() as chain:
            chain.execute("CREATE TABLE t (id integer PRIMARY KEY)")
            report = self.doctor(chain, 0)
            node = report["nodes"][0]
            self.assertEqual((node["node"], node["connected"], node["quorum"]), ("node0", 1, 1))
            self.assertEqual(node["digest"], chain.execute(
                "SELECT encode(digest, 'hex') FROM trustsql.blocks WHERE height = "
                f"{node['compared_height']}")[0][0])
            self.assertGreater(node["free_bytes"], 0)
            self.assertEqual(node["clock_offset_ms"], 0)

    def test_dead(self):
        with harness.Chain() as chain:
            chain.signal(signal.SIGKILL)
            report = self.doctor(chain, 1)
            self.assertEqual(len(report["findings"]), 1, report)
            self.assertIn("no process runs", report["findings"][0]["what"])
            self.assertIn("--start 0", report["findings"][0]["do"])
            done = harness.run(*report["findings"][0]["do"].split()[1:])
            self.assertEqual(done.returncode, 0, "what it advises does not work: " + done.stderr)
            self.doctor(chain, 0)

    def test_ended_by_itself(self):
        """What ended it is told, not the program's advice behind that; a start alone mends nothing."""
        with harness.Chain() as chain:
            chain.execute("CREATE TABLE t (id integer PRIMARY KEY)")
            chain.stop()
            with open(chain.segments()[0], "r+b") as file:
                file.seek(300)
                byte = file.read(1)[0]
                file.seek(300)
                file.write(bytes([byte ^ 1]))
            harness.run("testnet", "--dir", chain.directory, "--start", "0")
            finding = self.doctor(chain, 1)["findings"][0]
            self.assertIn("file blocks/00000001.seg offset ", finding["what"])
            self.assertTrue(finding["do"].startswith("When that is mended: trustsql testnet"),
                            finding["do"])

    def test_port_taken_and_settings_wrong(self):
        with harness.Chain() as chain:
            chain.stop()
            with harness.Chain() as other:
                chain.configure("port", other.port)
                with open(chain.node + "/node.conf", "a", encoding="utf-8") as file:
                    file.write("[peer.nobody]\naddress = a:1\n")
                what = " | ".join(f["what"] for f in self.doctor(chain, 1)["findings"])
        self.assertIn(f"another program listens on its port {other.port}", what)
        self.assertIn("[peer.nobody]: the genesis has no node of this name", what)

    def test_files_missing(self):
        with harness.Chain() as chain:
            chain.stop()
            os.rename(chain.node + "/node.key", chain.node + "/away")
            what = " | ".join(f["what"] for f in self.doctor(chain, 1)["findings"])
            self.assertIn("node.key cannot be used: not found", what)

    def test_nobody_there(self):
        done = harness.run("doctor", "--dir", "/nonexistent")
        self.assertEqual(done.returncode, 2)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            done = harness.run("doctor", "--host", "127.0.0.1", "--user", "x", "--json", "--port",
                               str(probe.getsockname()[1]), environment={"PGPASSWORD": "x"})
        self.assertEqual(done.returncode, 1)
        self.assertIn("Connection refused", json.loads(done.stdout)["findings"][0]["what"])

    def test_status(self):
        with harness.Chain() as chain:
            def settled():
                """Its parts are asked one after the other; between them a block may come."""
                done = harness.run("status", "--dir", chain.directory, "--json")
                self.assertEqual(done.returncode, 0, done.stderr)
                status = json.loads(done.stdout)
                return status if status["nodes"][0]["height"] == status["height"] else None
            status = harness.wait_until(settled, "no block comes")
            self.assertEqual((status["node"], status["leader"], status["mode"], status["quorum"]),
                             ("node0", 0, "BFT", 1))
            self.assertEqual(status["nodes"][0]["digest"], "\\x" + status["digest"])
            self.assertIsNone(status["nodes"][0]["rtt_us"])
            self.assertIsInstance(status["consensus"], list)
            chain.stop()
            self.assertEqual(harness.run("status", "--dir", chain.directory).returncode, 3)

    def test_tables_are_no_part_of_the_state(self):
        with harness.Chain() as chain:
            chain.execute("CREATE TABLE t (name text)")
            link = chain.connect()
            for name in ("nodes", "consensus", "evidence", "status"):
                harness.execute(link, f"SELECT * FROM trustsql.{name}")
                self.assertEqual(harness.sqlstate_of(
                    link, f"INSERT INTO t SELECT count(*)::text FROM trustsql.{name}"), "0A000")
                self.assertEqual(harness.sqlstate_of(link, f"DELETE FROM trustsql.{name}"), "42501")
            link.close()


if __name__ == "__main__":
    harness.main()
