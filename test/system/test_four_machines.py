"""Goal: who types docs/four-machines.md on four machines has a chain of four organisations; afterwards all of them have
the same digests and each proves its files."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
import network

BANKS = ["bank-a", "bank-b", "bank-c", "bank-d"]
LINE = re.compile(r"(?m)^    (?:(bank-[a-d])\$|(main)=>) (.*)$")


def page():
    """What is typed, in order: (index of the bank, one shell command)."""
    with open(harness.ROOT + "/docs/four-machines.md", encoding="utf-8") as file:
        text = re.search(r"<!-- machines -->\n(.*?)<!-- end -->", file.read(), re.S).group(1)
    typed = []
    for bank, prompt, line in LINE.findall(text):
        if prompt:
            joiner = "\n" if "<<" in typed[-1][1] else " -X -v ON_ERROR_STOP=1 <<'END'\n"
            typed[-1][1] += joiner + line
        else:
            typed.append([BANKS.index(bank), line])
    return [(index, command + "\nEND" if "<<'END'" in command else command)
            for index, command in typed]


class Machine:
    """One shell, in its own directory and namespace, to which commands are typed."""

    def __init__(self, net, index, folder):
        self.folder = folder
        os.makedirs(folder)
        environment = dict(os.environ, PATH=os.path.dirname(folder) + "/bin:" + os.environ["PATH"])
        self.shell = subprocess.Popen(net.command(index, ["bash"]), cwd=folder, env=environment,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, bufsize=1)

    def type(self, command):
        """Exit code and output. What runs in the background writes into node/log."""
        command = re.sub(r"(trustsql node node) &$", r"\1 >> node/log 2>&1 &", command)
        self.shell.stdin.write(command + "\necho \"@done $?\"\n")
        said = ""
        for line in self.shell.stdout:
            done = re.match(r"@done (\d+)$", line)
            if done:
                return int(done.group(1)), said
            said += line
        raise AssertionError("the shell has ended: " + said)

    def log(self):
        with open(self.folder + "/node/log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self):
        if self.shell.poll() is None:
            self.shell.stdin.write("kill $(jobs -p) 2>/dev/null; wait; exit\n")
            self.shell.communicate(timeout=60)


class FourMachinesTest(unittest.TestCase):
    def setUp(self):
        self.net = self.enterContext(network.Network(4))
        self.top = tempfile.mkdtemp(prefix="trustsql-four-")
        self.addCleanup(shutil.rmtree, self.top)
        os.makedirs(self.top + "/bin")
        os.symlink(os.path.abspath(harness.PROGRAM), self.top + "/bin/trustsql")
        self.machines = []
        for index, bank in enumerate(BANKS):
            self.machines.append(Machine(self.net, index, f"{self.top}/{bank}"))
            self.addCleanup(self.machines[index].close)

    def exchange_cards(self):
        for machine in self.machines:
            os.makedirs(machine.folder + "/cards")
            for bank in BANKS:
                shutil.copy(f"{self.top}/{bank}/node/card", f"{machine.folder}/cards/{bank}")

    def addressed(self, command):
        for index, bank in enumerate(BANKS):
            command = command.replace(bank + ".example", self.net.address(index))
        return command

    def type(self, index, command, patience_s=0):
        """Type it; with patience, again until it succeeds."""
        command = self.addressed(command)
        last = []

        def attempt():
            last[:] = self.machines[index].type(command)
            return last[0] == 0
        if patience_s:
            harness.wait_until(attempt, command, patience_s)
        else:
            attempt()
        self.assertEqual(last[0], 0, f"{BANKS[index]}$ {command}\n{last[1]}")
        self.assertNotIn("ERROR", last[1])
        return last[1]

    def status(self, index):
        said = self.type(index, "trustsql status --dir node --password-file password --json", 60)
        return json.loads(said)

    def digests(self, height):
        return [self.type(index, "trustsql sql --dir node --password-file password --json "
                                 f"'SELECT digest FROM trustsql.blocks WHERE height = {height}'")
                for index in range(4)]

    def test_page(self):
        ids = set()
        for index, command in page():
            if "init genesis" in command and not ids:
                self.exchange_cards()
            # What asks a node waits until it serves; what asks the chain, until it moves.
            is_asking = re.search(r"psql|doctor|trustsql (sql|status)", command)
            said = self.type(index, command, 60 if is_asking else 0)
            if "init genesis" in command:
                ids.add(re.search(r"id ([0-9a-f]{64})", said).group(1))
            if "carol" in command:
                self.assertRegex(said, r"2 \| carol +\| +80\.00")
        self.assertEqual(len(ids), 1, "the organisations have different chains")
        self.check_level()
        self.check_proofs()

    def check_level(self):
        """All four are connected with one another, and equal."""
        for index in range(4):
            harness.wait_until(lambda at=index: self.status(at)["connected"] == 4,
                               f"{BANKS[index]} is connected with everybody")
        target = max(self.status(index)["height"] for index in range(4))
        for index in range(4):
            harness.wait_until(lambda at=index: self.status(at)["height"] >= target,
                               f"{BANKS[index]} catches up to {target}")
        found = self.digests(target)
        self.assertEqual(found, [found[0]] * 4)
        self.assertIn("\\\\x", found[0])
        rows = [self.type(index, "trustsql sql --dir node --password-file password "
                                 "'SELECT * FROM bills ORDER BY id'") for index in range(4)]
        self.assertEqual(rows, [rows[0]] * 4)

    def check_proofs(self):
        for index in range(4):
            self.type(index, "kill %1; wait")
        reports = [json.loads(self.type(index, "trustsql verify node node --json"))
                   for index in range(4)]
        self.assertEqual([report["damage"] for report in reports], [[]] * 4)
        self.assertEqual(len({report["chain_id"] for report in reports}), 1)


if __name__ == "__main__":
    network.main()
