"""A node of a new organisation, for the system tests: a bare machine with a token."""

import contextlib
import os
import subprocess

import psycopg2

import harness

PASSWORD = "a password of a new bank"


class Newcomer:
    """Lives in a folder of its own below top; test ends its process."""

    def __init__(self, test, top, name):
        self.name = name
        self.top = f"{top}/{name}"
        os.mkdir(self.top)
        self.directory = self.top + "/node"
        self.port = harness.free_base_port() + 2
        self.process = None
        with open(self.top + "/password", "w", encoding="utf-8") as file:
            file.write(PASSWORD + "\n")
        test.addCleanup(self.stop)

    def try_join(self, token, *options):
        """The finished process of `trustsql join`."""
        return harness.run("join", token, "--dir", self.directory, "--name", self.name,
                           "--port", str(self.port), "--password-file", self.top + "/password", *options)

    def join(self, cluster, *options):
        done = self.try_join(harness.run("invite", "--dir", cluster.directory).stdout.strip(), *options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def start(self):
        with open(self.top + "/log", "ab") as log:
            self.process = subprocess.Popen([harness.PROGRAM, "node", self.directory], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        self.process.wait(harness.WAIT_S)
        self.process = None

    def kill(self):
        """The process ends at once, wherever it is."""
        self.process.kill()
        self.process.wait(harness.WAIT_S)
        self.process = None

    def card(self):
        with open(self.directory + "/card", encoding="utf-8") as file:
            return file.read()

    def log(self, size=2000):
        with open(self.top + "/log", encoding="utf-8", errors="replace") as file:
            return file.read()[-size:]

    def ask(self, text):
        """On the new node, as its own administrator."""
        with contextlib.closing(psycopg2.connect(
                host="127.0.0.1", port=self.port, user=f"admin@{self.name}", password=PASSWORD,
                dbname="main", connect_timeout=10)) as link:
            link.autocommit = True
            return harness.execute(link, text)
