"""Goal: a node takes another key while it runs and while it is away. Its door shows the certificate of the new key at
once, without a restart; who was connected stays so; a node that comes back votes with the key that the chain
knows by then; what a key signed in an earlier epoch still convicts, shown to somebody with the genesis alone."""

import contextlib
import shutil
import signal
import socket
import ssl
import struct
import unittest

import psycopg2

import harness
from cluster import Cluster
from harness import wait_until
from newcomer import PASSWORD

TLS_REQUEST = struct.pack("!II", 8, 80877103)


def shown(port):
    """The certificate that a door shows, DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as link:
        link.sendall(TLS_REQUEST)
        assert link.recv(1) == b"S"
        with context.wrap_socket(link) as secure:
            return secure.getpeercert(binary_form=True)


def written(directory):
    """The certificate in sql.crt, DER."""
    with open(directory + "/sql.crt", encoding="ascii") as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


class KeysTest(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster())
        self.cluster.create("kept", "id bigint PRIMARY KEY")

    def new_card(self, index):
        """Another key beside that of a node; the card that names it."""
        made = f"{self.cluster.top}/made{index}"
        with open(self.cluster.top + "/password", "w", encoding="utf-8") as file:
            file.write(PASSWORD + "\n")
        done = harness.run("init", "org", "--dir", made, "--name", f"org{index}", "--node", f"node{index}",
                           "--address", f"127.0.0.1:{self.cluster.base_port + 10 * index}",
                           "--password-file", self.cluster.top + "/password")
        self.assertEqual(done.returncode, 0, done.stderr)
        shutil.copy(made + "/node.key", self.cluster.node(index) + "/next.key")
        with open(made + "/card", encoding="utf-8") as file:
            return file.read()

    def rotate(self, index, voters):
        epoch = int(self.cluster.value(voters[0], "epoch"))
        card = self.new_card(index)
        for voter in voters:
            with contextlib.suppress(psycopg2.Error):  # Decided by the others, meanwhile.
                self.cluster.execute(voter, f"CALL trustsql.rotate_key('{card}', force => true)")
        for voter in voters:
            wait_until(lambda i=voter: int(self.cluster.value(i, "epoch")) > epoch,
                       f"node {voter} goes by the new key\n{self.cluster.log(voter)[-600:]}")

    def test_the_door_shows_the_new_key(self):
        cluster, port = self.cluster, self.cluster.base_port + 22
        before = shown(port)
        self.assertEqual(before, written(cluster.node(2)))
        with contextlib.closing(cluster.link(2)) as old:
            self.rotate(2, [0, 1, 3])
            wait_until(lambda: shown(port) != before, f"another certificate\n{cluster.log(2)[-600:]}")
            harness.execute(old, "INSERT INTO kept VALUES (1)")  # It was connected and stays so.
        now = shown(port)
        wait_until(lambda: written(cluster.node(2)) == now, "sql.crt holds it")
        pinned = f"{cluster.server(2)} sslmode=verify-ca sslrootcert={cluster.node(2)}/sql.crt"
        with contextlib.closing(psycopg2.connect(pinned)) as link:
            link.autocommit = True
            self.assertEqual(harness.execute(link, "SELECT id FROM kept"), [(1,)])
        cluster.kill(2)
        cluster.start_node(2)
        wait_until(lambda: shown(port) == now, "the node knows its key again, once it has executed the blocks")

    def test_a_key_changes_while_its_owner_is_away(self):
        cluster = self.cluster
        cluster.kill(3)
        self.rotate(3, [0, 1, 2])
        cluster.first_write(0, "INSERT INTO kept VALUES (1)")
        cluster.start_node(3)
        cluster.settle()
        cluster.kill(0)  # The others are a quorum with it alone.
        cluster.first_write(3, "INSERT INTO kept VALUES (2)")
        cluster.start_node(0)
        cluster.check_equal(self, queries=["SELECT id FROM kept ORDER BY id"])
        cluster.signal(signal.SIGTERM, 3)
        cluster.start_node(3)  # Its files are renamed: the next key is the key.
        cluster.settle()
        with open(cluster.node(3) + "/node.key", "rb") as key, \
                open(cluster.top + "/made3/node.key", "rb") as made:
            self.assertEqual(key.read(), made.read())
        cluster.stop()
        cluster.check_proved(self)


if __name__ == "__main__":
    harness.main()
