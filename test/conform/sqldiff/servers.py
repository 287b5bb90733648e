"""A TrustSQL node and a PostgreSQL 15 for the length of a `with` block, in temporary directories."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "test", "support"))

from postgres import Postgres  # noqa: E402
from compare import Pair  # noqa: E402
from libpq import Connection  # noqa: E402

PORTS = 3  # A node uses base … base + 2.


def default_program():
    for profile in ("release", "debug"):
        program = os.path.join(ROOT, "build", profile, "trustsql")
        if os.path.exists(program):
            return program
    return os.path.join(ROOT, "build", "trustsql")


def free_base_port():
    """A base port whose neighbours are free, below the range that the system gives to clients."""
    for base in range(20000 + os.getpid() % 1000 * 10, 32700, 10):
        with contextlib.ExitStack() as held:
            try:
                for port in range(base, base + PORTS):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
                return base
            except OSError:
                continue
    sys.exit("sqldiff: no free ports")


@contextlib.contextmanager
def node(program):
    """The parameters of a connection to a new node."""
    directory = tempfile.mkdtemp(prefix="trustsql-sqldiff-")
    base = free_base_port()
    process = None
    try:
        process = subprocess.Popen(
            [program, "testnet", "--dir", directory + "/net", "--base-port", str(base)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in process.stdout:
            if "psql" in line:
                break
        else:
            sys.exit("sqldiff: the node did not start")
        with open(directory + "/net/admin.password") as file:
            password = file.read().strip()
        yield (f"host=127.0.0.1 port={base + 2} user=admin@node0 dbname=main "
               f"password={password} client_encoding=UTF8")
    finally:
        if process is not None:
            process.terminate()
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def pair(program):
    with Postgres() as postgres, node(program) as parameters:
        ours = Connection(parameters)
        theirs = Connection(f"host={postgres.directory} user=postgres dbname=postgres "
                            "client_encoding=UTF8")
        try:
            yield Pair(ours, theirs)
        finally:
            ours.close()
            theirs.close()
