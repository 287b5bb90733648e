"""Goal: kill -9 of nodes, whichever and however many, loses nothing acknowledged; a majority goes on by itself."""

import unittest

import psycopg2

import harness
from acknowledged import COLUMNS, ClusterWriters
from cluster import Cluster, Stopwatch

ROUNDS = 40 if harness.IS_NIGHTLY else 6
ALL_ROUNDS = 20 if harness.IS_NIGHTLY else 2
WRITES_GO_ON_S = 3
SILENCE_S = 4


class ClusterKillTest(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster())
        self.cluster.create("kept", COLUMNS)
        self.writers = ClusterWriters(self.cluster)
        self.addCleanup(self.writers.stop)

    def go_on(self, what):
        self.writers.wait_for_more(harness.RANDOM.randrange(100, 4000),
                                   f"{what}: acknowledgements go on\n{self.cluster.logs()}")

    def finish(self):
        """Nothing is lost, all are equal, everything is proved. Returns the number of acknowledged rows."""
        self.writers.stop()
        self.cluster.check_equal(self)
        rows = self.writers.check(self, self.cluster.nodes)
        self.cluster.stop()
        self.cluster.check_proved(self)
        return rows

    def test_leader_and_followers_under_load(self):
        """Writes go on within 3 s; who comes back catches up and votes, so that the next may go."""
        times, alone = {"leader": [], "follower": [], "return": []}, 0
        self.writers.start()
        for number in range(ROUNDS):
            self.go_on(f"round {number}")
            leader = self.cluster.leader()
            followers = [i for i in self.cluster.nodes if i != leader]
            kind = "follower" if number % 2 else "leader"
            victim = leader if kind == "leader" else harness.RANDOM.choice(followers)
            other = harness.RANDOM.choice([i for i in self.cluster.nodes if i != victim])
            self.cluster.kill(victim)
            watch = Stopwatch()
            self.cluster.first_write(other)
            times[kind].append(watch.stop())
            watch.check(self, WRITES_GO_ON_S, f"round {number}: kill of {kind} {victim}")
            self.go_on(f"round {number}, without node {victim}")
            self.cluster.start_node(victim)
            watch = Stopwatch()
            alone += self.cluster.wait_for_votes(victim)
            times["return"].append(watch.stop())
        rows = self.finish()
        for kind, what in (("leader", "kills of a leader: writes went on after"),
                           ("follower", "kills of a follower: writes went on after"),
                           ("return", "returns: all votes for a new block after")):
            seconds = sorted(times[kind])
            print(f"# {len(seconds)} {what} {seconds[len(seconds) // 2]:.2f} s (median), "
                  f"{seconds[-1]:.2f} s (longest)")
        print(f"# {rows} acknowledged rows, none lost; {alone} returned nodes gave up a view alone")

    def test_two_of_four(self):
        """Nothing is acknowledged, reads answer, and with a third node writes resume."""
        self.writers.start()
        self.go_on("before")
        leader = self.cluster.leader()
        other = harness.RANDOM.choice([i for i in self.cluster.nodes if i != leader])
        left = [i for i in self.cluster.nodes if i not in (leader, other)]
        self.cluster.kill(leader, other)
        before = self.writers.counts()
        height = self.cluster.height(left[0])
        with self.assertRaises(psycopg2.OperationalError):  # Out of patience: it waits for the others.
            self.cluster.execute(left[0], "INSERT INTO kept VALUES ('probe', 1, 'v')", SILENCE_S)
        for index in left:
            self.cluster.execute(index, "SELECT count(*) FROM kept")
            self.assertLessEqual(self.cluster.height(index), height + 16)
        self.writers.check_silence(self, before)
        self.cluster.start_node(other)
        watch = Stopwatch()
        self.cluster.first_write(left[0])
        print(f"# writes went on {watch.stop():.2f} s after the third node answered")
        self.go_on("with three")
        self.cluster.start_node(leader)
        self.cluster.wait_for_votes(leader)
        print(f"# {self.finish()} acknowledged rows, none lost")

    def test_all_at_once(self):
        for number in range(ALL_ROUNDS):
            self.writers.start()
            self.go_on(f"round {number}")
            self.cluster.kill(*self.cluster.nodes)
            self.writers.stop()
            if number % 4 == 0:  # What kill -9 leaves is sound before anything repairs it.
                self.cluster.check_proved(self)
            self.cluster.start()
            self.cluster.settle()
            self.writers.check(self, self.cluster.nodes)
        print(f"# {ALL_ROUNDS} times all four: {self.finish()} acknowledged rows, none lost")


if __name__ == "__main__":
    harness.main()
