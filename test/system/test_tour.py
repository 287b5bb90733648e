"""Goal: a newcomer who types the tour of README.md sees what it promises."""

import os
import re
import subprocess
import tempfile
import unittest

import harness


def tour():
    """The lines of the tour as one shell script: "$ " is a command, "main=> " what is typed into psql."""
    with open(harness.ROOT + "/README.md", encoding="utf-8") as file:
        text = re.search(r"<!-- tour -->\n(.*?)\nSign without", file.read(), re.S).group(1)
    script = []
    for kind, line in re.findall(r"(?m)^    (\$|main=>) (.*)$", text):
        if kind == "$":
            script.append(line)
        else:
            script[-1] += ("" if "<<" in script[-1] else " -X <<'END'") + "\n" + line
    return "\n".join(line + "\nEND" if "<<" in line else line for line in script)


class TourTest(unittest.TestCase):
    def test_tour(self):
        base = harness.free_base_port()
        script = tour().replace("--detach", f"--base-port {base} --detach")
        script = script.replace("5442", str(base + 2))
        with tempfile.TemporaryDirectory(prefix="trustsql-tour-") as folder:
            os.makedirs(folder + "/build")
            os.symlink(harness.PROGRAM, folder + "/build/trustsql")
            done = subprocess.run(["bash", "-c", script], cwd=folder, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=120)
            harness.run("testnet", "--dir", "chain", "--stop", cwd=folder)
        said = done.stdout
        self.assertEqual(done.returncode, 4, said)
        self.assertNotIn("ERROR", said)
        self.assertIn("INSERT 0 2", said)
        self.assertIn("proved from the genesis", said)
        self.assertRegex(said, r"file state/main\.db offset \d+ height \d+: table bills: row 1 was "
                               r"changed: 1, mallory")

    def test_dev(self):
        """`make run` ends in `trustsql dev`: its psql line and its three statements work."""
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
