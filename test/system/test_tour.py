"""Goal: a newcomer who types the tour of README.md sees what it promises."""

import json
import os
import re
import signal
import subprocess
import tempfile
import unittest

import harness


def tour(begin, end):
    """The lines of a tour as one shell script: "$ " is a command, "main=> " what is typed into psql."""
    with open(harness.ROOT + "/README.md", encoding="utf-8") as file:
        text = re.search(f"<!-- {begin} -->\n(.*?)\n{end}", file.read(), re.S).group(1)
    script = []
    for kind, line in re.findall(r"(?m)^    (\$|main=>) (.*)$", text):
        if kind == "$":
            script.append(line)
        else:
            script[-1] += ("" if "<<" in script[-1] else " -X <<'END'") + "\n" + line
    return "\n".join(line + "\nEND" if "<<" in line else line for line in script)


def type_in(folder, script, timeout=120):
    os.makedirs(folder + "/build")
    os.symlink(os.path.abspath(harness.PROGRAM), folder + "/build/trustsql")
    return subprocess.run(["bash", "-c", script], cwd=folder, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout)


class TourTest(unittest.TestCase):
    def test_tour(self):
        base = harness.free_base_port()
        script = tour("tour", "Sign without").replace("--detach", f"--base-port {base} --detach")
        script = script.replace("5442", str(base + 2))
        with tempfile.TemporaryDirectory(prefix="trustsql-tour-") as folder:
            done = type_in(folder, script)
            harness.run("testnet", "--dir", "chain", "--stop", cwd=folder)
        said = done.stdout
        self.assertEqual(done.returncode, 4, said)
        self.assertNotIn("ERROR", said)
        self.assertIn("INSERT 0 2", said)
        self.assertIn("proved from the genesis", said)
        self.assertRegex(said, r"file state/main\.db offset \d+ height \d+: table bills: row 1 was "
                               r"changed: 1, mallory")

    def test_four_nodes(self):
        script = "set -e\n" + tour("four", "<!-- end -->")
        script = script.replace("6440", str(harness.free_base_port(4)))
        with tempfile.TemporaryDirectory(prefix="trustsql-four-") as folder:
            try:
                done = type_in(folder, script, timeout=300)
            finally:
                harness.run("testnet", "--dir", "four", "--stop", cwd=folder)
        said = done.stdout
        self.assertEqual(done.returncode, 0, said)
        self.assertNotIn("ERROR", said)
        self.assertRegex(said, "problem: node0 no process runs in four/node0")
        self.assertIn("proved from the genesis", said)

    def test_make_run(self):
        """What `make run` starts: its psql lines work, and Ctrl-C ends all of it."""
        with open(harness.ROOT + "/Makefile", encoding="utf-8") as file:
            words = re.search(r"\nrun: build .*\n\t@build/trustsql (.*)\n", file.read()).group(1)
        base = harness.free_base_port(4)
        with tempfile.TemporaryDirectory(prefix="trustsql-run-") as folder:
            command = [harness.PROGRAM, *words.split(), "--base-port", str(base)]
            testnet = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True,
                                       start_new_session=True)
            try:
                lines = []
                while len(lines) < 4:
                    line = testnet.stdout.readline()
                    self.assertTrue(line, lines)
                    lines += re.findall(r"^node\d: (PGPASSWORD=.*)$", line)
                for index, line in enumerate(lines):
                    text = f"CREATE TABLE t{index} (id integer PRIMARY KEY)"
                    done = subprocess.run(["bash", "-c", f"{line} -X -c '{text}'"], cwd=folder,
                                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                    self.assertEqual(done.returncode, 0, done.stdout)
                os.killpg(testnet.pid, signal.SIGINT)  # As the terminal does.
                self.assertEqual(testnet.wait(60), 0)
                status = harness.run("testnet", "--dir", "testnet", "--status", "--json", cwd=folder)
                pids = [node["pid"] for node in json.loads(status.stdout)["nodes"]]
                self.assertEqual(pids, [None] * 4)
            finally:
                harness.run("testnet", "--dir", "testnet", "--stop", cwd=folder)
                testnet.kill()
                testnet.communicate()

    def test_dev(self):
        """`trustsql dev`: its psql line and its three statements work."""
        base = harness.free_base_port()
        with tempfile.TemporaryDirectory(prefix="trustsql-dev-") as folder:
            for start in ("first", "second"):
                node = subprocess.Popen([harness.PROGRAM, "dev", "--base-port", str(base)],
                                        cwd=folder, stdout=subprocess.PIPE, text=True)
                said = ""
                while "trustsql.blocks" not in said:
                    line = node.stdout.readline()
                    self.assertTrue(line, said)
                    said += line
                psql = re.search(r"^ +(PGPASSWORD=.*psql.*)$", said, re.M).group(1)
                statements = re.findall(r"^ +((?:CREATE|INSERT|SELECT).*;)$", said, re.M)
                self.assertEqual(len(statements), 3)
                for text in statements if start == "first" else statements[2:]:
                    done = subprocess.run(["bash", "-c", f"{psql} -X -v ON_ERROR_STOP=1 <<< \"$0\"",
                                           text], cwd=folder, stdout=subprocess.PIPE,
                                          stderr=subprocess.STDOUT, text=True)
                    self.assertEqual(done.returncode, 0, done.stdout)
                node.terminate()
                self.assertEqual(node.wait(30), 0)
                node.stdout.close()


if __name__ == "__main__":
    harness.main()
