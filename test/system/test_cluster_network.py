"""Goal: whatever the lines between four machines do, nothing is lost or acknowledged wrongly, and writes go on."""

import contextlib
import subprocess
import time
import unittest

import harness
import network
from acknowledged import COLUMNS, ClusterWriters
from cluster import Cluster, Stopwatch
from network import Network
from relay import Relay
from spread import SpreadCluster

HEALED_S = 5
SLOW = "1mbit"
PARTED_S = 60 if harness.IS_NIGHTLY else 5
FAULT_WRITES = 400 if harness.IS_NIGHTLY else 30
SAMPLES = 2000 if harness.IS_NIGHTLY else 100
STRANGERS = ({"garbage": 20, "idle": 1000, "hello": 500} if harness.IS_NIGHTLY else
             {"garbage": 4, "idle": 200, "hello": 50})


class NetworkTest(unittest.TestCase):
    def setUp(self):
        self.net = self.enterContext(Network(4))
        self.cluster = self.enterContext(SpreadCluster(self.net))
        self.cluster.create("kept", COLUMNS)
        self.writers = ClusterWriters(self.cluster)
        self.addCleanup(self.writers.stop)

    def go_on(self, what, count=2000):
        self.writers.wait_for_more(count, f"{what}: acknowledgements go on\n{self.cluster.logs()}")

    def finish(self):
        self.writers.stop()
        self.cluster.check_equal(self)
        rows = self.writers.check(self, self.cluster.nodes)
        self.cluster.stop()
        self.cluster.check_proved(self)
        print(f"# {self.id().rpartition('.')[2]}: {rows} acknowledged rows, none lost")

    def write_on(self, what, indexes=None):
        """So many writes through each of these nodes; how long the longest took."""
        longest = 0.0
        for index in self.cluster.nodes if indexes is None else indexes:
            with contextlib.closing(self.cluster.link(index)) as link:
                for _ in range(FAULT_WRITES):
                    started = time.monotonic()
                    harness.execute(link, "CALL trustsql.ping()")
                    longest = max(longest, time.monotonic() - started)
        print(f"# {what}: {FAULT_WRITES} writes at each node, the longest took {longest:.2f} s")

    def test_two_and_two(self):
        """Nothing is acknowledged on either side; within 5 s of healing writes go on everywhere."""
        self.writers.start()
        self.go_on("before")
        leader = self.cluster.leader()
        other = (leader + harness.RANDOM.randrange(1, 4)) % 4
        left = [i for i in self.cluster.nodes if i not in (leader, other)]
        self.net.part([leader, other], left)
        before = self.writers.counts()
        until = time.monotonic() + PARTED_S
        while time.monotonic() < until:
            for index in self.cluster.nodes:
                self.cluster.execute(index, "SELECT count(*) FROM kept")  # Reads answer.
        self.writers.check_silence(self, before)
        self.net.heal()
        watch = Stopwatch()
        for index in self.cluster.nodes:
            self.cluster.first_write(index)
        print(f"# parted for {PARTED_S} s: every node had acknowledged a write {watch.stop():.2f} s "
              "after healing")
        watch.check(self, HEALED_S, "writes after healing")
        self.go_on("after")
        self.finish()

    def test_one_way(self):
        """The leader is heard by nobody, then hears nobody, then one line of it is deaf one way."""
        self.writers.start()
        for what in ("is not heard", "does not hear", "has a line that is deaf one way"):
            leader = self.cluster.leader()
            others = [i for i in self.cluster.nodes if i != leader]
            for other in others[:1] if what.startswith("has") else others:
                self.net.cut(*((other, leader) if what == "does not hear" else (leader, other)))
            self.cluster.first_write(others[1])
            self.write_on(f"the leader {what}", others[1:])
            self.net.heal()
            self.cluster.first_write(leader)
            self.go_on(f"the leader {what}: after")
        self.finish()

    def test_slow_line(self):
        """One node can hardly say its votes: the others go on, and so does it when the line is good again."""
        self.writers.start()
        self.slow((self.cluster.leader() + 1) % 4, "a follower")
        self.slow(self.cluster.leader(), "the leader")
        self.finish()

    def slow(self, slow, who):
        self.net.limit(SLOW, [slow])
        others = [i for i in self.cluster.nodes if i != slow]
        self.write_on(f"{who} sends at {SLOW}", others)
        self.net.heal()
        self.cluster.first_write(slow)
        self.go_on(f"{who} sent at {SLOW}: after")

    def test_loss(self):
        """One packet of ten is lost, on every line, both ways."""
        self.writers.start()
        self.net.lose(10)
        self.write_on("10 % loss")
        self.net.heal()
        self.go_on("after")
        self.finish()

    def test_half_open(self):
        """Established connections fall silent, one pair after the other; nobody is told."""
        self.writers.start()
        self.go_on("before")
        for index in self.cluster.nodes:
            self.mute_connections(index, harness.RANDOM.choice(
                [i for i in self.cluster.nodes if i != index]))
            self.cluster.first_write(index)
        self.write_on("half-open connections")
        leader = self.cluster.leader()
        for index in self.cluster.nodes:
            if index != leader:
                self.mute_connections(leader, index)
        self.cluster.first_write((leader + 1) % 4)
        self.write_on("all of the leader half-open")
        self.go_on("after")
        self.finish()

    def mute_connections(self, one, other):
        """What stands between the peer ports of two machines; new connections work."""
        ports = {self.cluster.p2p_port(index) for index in self.cluster.nodes}
        found = [c for c in self.net.connections(one)
                 if c[2] == self.net.address(other) and {c[1], c[3]} & ports]
        for local, port, remote, remote_port in found:
            self.net.mute(one, remote, remote_port, port)
            self.net.mute(other, local, port, remote_port)

    def test_strangers(self):
        """Strangers at every peer port: writes go on; how much slower is printed."""
        self.cluster.wait_for_peers()
        quiet = self.block_times()
        processes = []
        for index in self.cluster.nodes:
            for kind, count in STRANGERS.items():
                processes.append(subprocess.Popen(
                    ["nice", "/usr/bin/python3", harness.ROOT + "/test/system/strangers.py",
                     self.net.address(index), str(self.cluster.p2p_port(index)), kind,
                     str(count // 4)], stdout=subprocess.PIPE, text=True))
                self.addCleanup(processes[-1].stdout.close)
                self.addCleanup(processes[-1].wait)
                self.addCleanup(processes[-1].kill)
        for process in processes:
            self.assertEqual(process.stdout.readline(), "ready\n")
        time.sleep(2)  # Until all have been turned away once.
        disturbed = self.block_times()
        self.cluster.wait_for_peers()
        self.writers.start()
        self.go_on("among strangers")
        print(f"# {STRANGERS}: block time p50 {quiet[0]:.1f} ms, p99 {quiet[1]:.1f} ms undisturbed; "
              f"p50 {disturbed[0]:.1f} ms, p99 {disturbed[1]:.1f} ms disturbed; p99 ratio "
              f"{disturbed[1] / quiet[1]:.2f}")
        self.finish()

    def block_times(self):
        """(p50, p99) in ms of writes that are a block each, one after the other."""
        times = []
        with contextlib.closing(self.cluster.link(0)) as link:
            for _ in range(SAMPLES):
                started = time.monotonic()
                harness.execute(link, "CALL trustsql.ping()")
                times.append(1000 * (time.monotonic() - started))
        times.sort()
        return times[len(times) // 2], times[len(times) * 99 // 100]


class DiallingCluster(SpreadCluster):
    """Two of its nodes only dial: they have no connection with one another."""

    diallers = (1, 2)

    def move(self, index):
        super().move(index)
        if index in self.diallers:
            self.configure(index, "p2p", "outbound_only", "yes")
            self.net.refuse_dials(index, self.p2p_port(index))

    def knows(self, index, other):
        return self.execute(index, f"SELECT is_connected FROM trustsql.nodes WHERE name = 'node{other}'")[0][0]


@unittest.skipUnless(harness.IS_NIGHTLY, "long; relay.scn is the short form")
class DiallersTest(unittest.TestCase):
    def setUp(self):
        self.net = self.enterContext(Network(4))
        self.cluster = self.enterContext(DiallingCluster(self.net))
        self.cluster.create("kept", COLUMNS)
        self.writers = ClusterWriters(self.cluster)
        self.addCleanup(self.writers.stop)

    def lose(self, victim):
        """The others go on, each of them, and it comes back and votes. The leader is another one then."""
        self.cluster.kill(victim)
        watch = Stopwatch()
        for index in self.cluster.nodes:
            if index != victim:
                self.cluster.first_write(index)
        print(f"# without node {victim}: each of the others had acknowledged a write after {watch.stop():.2f} s")
        watch.check(self, HEALED_S, f"writes without node {victim}")
        self.writers.wait_for_more(500, f"acknowledgements without node {victim}\n{self.cluster.logs()}")
        self.cluster.start_node(victim)
        self.cluster.wait_for_votes(victim)

    def test_two_only_dial(self):
        """The chain goes on, whoever leads, and bears the loss of any one node."""
        self.writers.start()
        one, other = self.cluster.diallers
        self.assertEqual((self.cluster.knows(one, 0), self.cluster.knows(one, 3)), (True, True))
        self.assertEqual((self.cluster.knows(one, other), self.cluster.knows(other, one)), (False, False))
        self.writers.wait_for_more(2000, f"acknowledgements\n{self.cluster.logs()}")
        leaders = set()
        for _ in range(8):
            leader = self.cluster.leader()
            leaders.add(leader)
            self.lose(leader)
        self.assertEqual(leaders, {0, 1, 2, 3})
        self.writers.stop()
        self.cluster.check_equal(self)
        rows = self.writers.check(self, self.cluster.nodes)
        self.assertEqual(self.cluster.execute(0, "SELECT * FROM trustsql.evidence"), [])
        self.cluster.stop()
        self.cluster.check_proved(self)
        print(f"# two that only dial: {rows} acknowledged rows, none lost")


class DelayTest(unittest.TestCase):
    def test_delay(self):
        """Every line takes 40 ms each way; then one of them half a second."""
        with contextlib.ExitStack() as stack:
            cluster = stack.enter_context(Cluster())
            cluster.create("kept", COLUMNS)
            cluster.stop()
            relays = [stack.enter_context(Relay(("127.0.0.1", cluster.base_port + 10 * i), 0.04))
                      for i in cluster.nodes]
            for index in cluster.nodes:
                for peer in cluster.nodes:
                    if peer != index:
                        cluster.configure(index, f"peer.node{peer}", "address",
                                          "{}:{}".format(*relays[peer].address))
            cluster.start()
            writers = ClusterWriters(cluster)
            stack.callback(writers.stop)
            writers.start()
            for delay_s in (0.04, 0.5):
                relays[0].delay_s = delay_s
                writers.wait_for_more(3000, f"acknowledgements with {delay_s} s\n{cluster.logs()}")
            relays[0].delay_s = 0.04
            writers.stop()
            self.assertGreater(sum(relay.relayed["there"] for relay in relays), 10000)
            cluster.check_equal(self)
            writers.check(self, cluster.nodes)
            cluster.stop()
            cluster.check_proved(self)


if __name__ == "__main__":
    network.main()
