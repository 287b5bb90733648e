"""A chain whose nodes live on machines of their own: cluster.py over network.py.

    with Network(4) as net, SpreadCluster(net) as cluster: …

The directories are those of a testnet; node.conf then says where the others are. Everything of Cluster
works, only that processes are started here and asked for their state over SQL."""

import signal
import subprocess

import psycopg2

import harness
from cluster import Cluster
from harness import wait_until


class SpreadCluster(Cluster):
    def __init__(self, net, settings=None):
        super().__init__(len(net.machines), settings)
        self.net = net
        self.processes = {}
        self.is_spread = False

    def __enter__(self):
        try:
            super().start()
            super().stop()
            for index in self.nodes:
                self.move(index)
            self.is_spread = True
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def p2p_port(self, index):
        return self.base_port + 10 * index

    def move(self, index):
        self.configure(index, "p2p", "host", "0.0.0.0")
        self.configure(index, "pg", "host", "0.0.0.0")
        for peer in self.nodes:
            if peer != index:
                self.configure(index, f"peer.node{peer}", "address",
                               f"{self.net.address(peer)}:{self.p2p_port(peer)}")
        for (section, name), value in self.settings.items():
            self.configure(index, section, name, value)

    def environment(self, index):
        words = super().environment(index)
        return dict(words, PGHOST=self.net.address(index)) if self.is_spread else words

    # --- processes ---

    def launch(self, index):
        with open(self.node(index) + "/log", "a", encoding="utf-8") as log:
            self.processes[index] = subprocess.Popen(
                self.net.command(index, [harness.PROGRAM, "node", self.node(index)]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def is_serving(self, index):
        if self.processes[index].poll() is not None:
            raise AssertionError(f"node {index} has ended: {self.log(index)[-2000:]}")
        try:
            self.execute(index, "SELECT 1")
            return True
        except psycopg2.Error:
            return False

    def start_node(self, *indexes):
        for index in indexes:
            self.launch(index)
        for index in indexes:
            wait_until(lambda i=index: self.is_serving(i), f"node {index} serves")

    def start(self):
        if not self.is_spread:
            super().start()
            return
        self.start_node(*self.nodes)
        self.first_write(0)

    def stop(self):
        self.signal(signal.SIGTERM, *self.nodes)

    def pids(self):
        if not self.is_spread:
            return super().pids()
        return {index: process.pid for index, process in self.processes.items()
                if process.poll() is None}

    def signal(self, number, *indexes):
        for index in indexes:
            if index in self.pids():
                self.processes[index].send_signal(number)
        for index in indexes:
            if index in self.processes:
                self.processes[index].wait(harness.WAIT_S)

    def status(self):
        running, nodes = self.pids(), []
        for index in self.nodes:
            node = {"index": index, "pid": running.get(index), "height": None, "view": None,
                    "leader": None, "digest": None}
            try:
                if node["pid"] is not None:
                    said = dict(self.execute(index, "SELECT name, value FROM trustsql.status"))
                    node.update({name: int(said[name]) for name in ("height", "view", "leader")},
                                digest=said["digest"])
            except psycopg2.Error:
                pass  # It does not answer.
            nodes.append(node)
        return nodes
