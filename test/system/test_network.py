"""Goal: the lines of network.py fail as they are told: what the cluster tests see is what they asked for."""

import socket
import subprocess
import time
import unittest

import harness
import network
from network import Network

PORT = 7000
ECHO = """
import socketserver
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while chunk := self.request.recv(65536):
            self.request.sendall(chunk)
socketserver.ThreadingTCPServer.allow_reuse_address = True
with socketserver.ThreadingTCPServer(("0.0.0.0", 7000), Echo) as server:
    print("ready", flush=True)
    server.serve_forever()
"""
ASK = """
import socket, sys
with socket.create_connection((sys.argv[1], 7000), timeout=1) as link:
    link.sendall(b"x")
    assert link.recv(1) == b"x"
"""


class NetworkTest(unittest.TestCase):
    def setUp(self):
        self.net = self.enterContext(Network(3))
        for index in self.net.machines:
            server = subprocess.Popen(self.net.command(index, ["/usr/bin/python3", "-c", ECHO]),
                                      stdout=subprocess.PIPE, text=True)
            self.addCleanup(self.end, server)
            self.assertEqual(server.stdout.readline(), "ready\n")

    @staticmethod
    def end(server):
        server.kill()
        server.communicate()

    def ask(self, source, target):
        """Whether machine target answers machine source."""
        words = ["/usr/bin/python3", "-c", ASK, self.net.address(target)]
        return subprocess.run(self.net.command(source, words),
                              stderr=subprocess.DEVNULL).returncode == 0

    def link(self, target):
        link = socket.create_connection((self.net.address(target), PORT), timeout=10)
        self.addCleanup(link.close)
        return link

    def test_cut_and_heal(self):
        pairs = [(0, 1), (1, 0), (0, 2), (1, 2)]
        self.assertEqual([self.ask(*pair) for pair in pairs], [True] * 4)
        self.net.part([0, 1], [2])
        self.assertEqual([self.ask(*pair) for pair in pairs], [True, True, False, False])
        self.link(2)  # The test itself still reaches everyone.
        self.net.heal()
        self.assertEqual([self.ask(*pair) for pair in pairs], [True] * 4)

    def test_one_way(self):
        """Machine 1 sends, hears nothing: what it says arrives."""
        receive = ("import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', 9)); "
                   "s.settimeout(1); print('ready', flush=True); print(s.recv(9))")
        send = "import socket, sys; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', (sys.argv[1], 9))"
        self.net.cut(0, 1)
        for source, target, arrives in ((1, 0, True), (0, 1, False)):
            server = subprocess.Popen(
                self.net.command(target, ["/usr/bin/python3", "-c", receive]),
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self.assertEqual(server.stdout.readline(), "ready\n")
            self.net.run(source, "/usr/bin/python3", "-c", send, self.net.address(target))
            self.assertEqual(server.communicate(timeout=10)[0] == "b'x'\n", arrives)

    def test_slow_line(self):
        link = self.link(1)
        self.net.limit("1mbit", [1])
        started = time.monotonic()
        link.sendall(bytes(250000))
        left = 250000
        while left > 0:
            left -= len(link.recv(65536))
        self.assertGreater(time.monotonic() - started, 1)  # Two megabits.

    def test_mute_connection(self):
        """One established connection falls silent; a new one works."""
        link = self.link(1)
        link.sendall(b"a")
        self.assertEqual(link.recv(1), b"a")
        port = link.getsockname()[1]
        self.assertIn((self.net.address(1), PORT, network.SWITCH, port), self.net.connections(1))
        self.net.mute(1, network.SWITCH, port, PORT)
        link.sendall(b"b")
        link.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            link.recv(1)
        other = self.link(1)
        other.sendall(b"c")
        self.assertEqual(other.recv(1), b"c")

    def test_loss(self):
        """Of 1,000 datagrams about a tenth does not arrive."""
        count = ("import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', 9)); "
                 "s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22); "
                 "print('ready', flush=True); n = 0\n"
                 "while s.recv(9) != b'end': n += 1\nprint(n)")
        send = ("import socket, sys; s = socket.socket(type=socket.SOCK_DGRAM); to = (sys.argv[1], 9)\n"
                "for _ in range(1000): s.sendto(b'x', to)\n"
                "for _ in range(100): s.sendto(b'end', to)")
        self.net.lose(10)
        server = subprocess.Popen(self.net.command(0, ["/usr/bin/python3", "-c", count]),
                                  stdout=subprocess.PIPE, text=True)
        self.assertEqual(server.stdout.readline(), "ready\n")
        self.net.run(1, "/usr/bin/python3", "-c", send, self.net.address(0))
        arrived = int(server.communicate(timeout=10)[0])
        self.assertTrue(800 < arrived < 980, arrived)


if __name__ == "__main__":
    network.main()
