"""Goal: a member of the chain that sends nonsense, or others' words again, is kept away and changes nothing."""

import contextlib
import struct
import sys
import time
import unittest

import harness
from acknowledged import COLUMNS, ClusterWriters
from cluster import Cluster

sys.path.append(harness.ROOT + "/test/support")

import member  # noqa: E402

SELF = 3  # The highest index: the others adopt its connections.
OTHERS = [0, 1, 2]
GARBAGE, KEPT_AWAY = 6, 8  # Reasons of BYE.
ROUNDS = 15 if harness.IS_NIGHTLY else 3


class MemberTest(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster())
        self.cluster.create("kept", COLUMNS)
        self.writers = ClusterWriters(self.cluster, count=2)
        self.addCleanup(self.writers.stop)
        self.cluster.kill(SELF)
        self.writers.start(OTHERS)
        self.writers.wait_for_more(500, "acknowledgements without node 3")
        chain_id = bytes.fromhex(self.cluster.value(0, "chain_id"))
        self.member = self.enterContext(
            member.Member(self.cluster.node(SELF), chain_id, SELF))

    def dial(self, index):
        """As soon as the node lets us: who has sent nonsense is kept away for some seconds."""
        def adopted():
            try:
                self.member.dial("127.0.0.1", self.cluster.base_port + 10 * index)
                return True
            except (OSError, member.SaidBye):
                time.sleep(0.2)
                return False
        harness.wait_until(adopted, f"node {index} adopts the connection", 300)

    def outcome(self, index, data):
        """Send raw bytes after ADOPT; how the node ends the connection."""
        self.dial(index)
        try:
            self.member.link.sendall(data)
            self.member.receive(20)
        except member.SaidBye as bye:
            return bye.reason
        except OSError:
            return "closed"
        return "still open"

    def assert_kept_away(self, index, what):
        try:
            self.member.dial("127.0.0.1", self.cluster.base_port + 10 * index)
        except member.SaidBye as bye:
            self.assertEqual(bye.reason, KEPT_AWAY, what)
        except OSError:
            pass  # Hung up on: as good.
        else:
            self.fail(f"{what}: welcome again at once")

    def finish(self):
        """The others went on, accuse nobody, and take node 3 back."""
        self.member.close()
        self.writers.wait_for_more(500, f"acknowledgements go on\n{self.cluster.logs()}")
        self.cluster.start_node(SELF)
        self.cluster.wait_for_votes(SELF, 300)
        self.writers.stop()
        self.cluster.check_equal(self)
        for index in self.cluster.nodes:
            self.assertEqual(self.cluster.execute(index, "SELECT * FROM trustsql.evidence"), [])
        self.writers.check(self, self.cluster.nodes)
        self.cluster.stop()
        self.cluster.check_proved(self)

    def test_garbage(self):
        """What is no frame, or none that may come now, ends the connection; for a while there is no other."""
        draw = harness.RANDOM
        garbage = {
            "unknown type": member.frame(99, b"x"),
            "flags of a control frame": member.frame(member.PING, bytes(8), 3),
            "PING of another size": member.frame(member.PING, bytes(7)),
            "a second HELLO": member.frame(member.HELLO, bytes(60)),
            "a piece without a beginning": member.frame(member.CONSENSUS, b"x", 0),
            "a message beyond the limit": member.frame(
                member.CONSENSUS, struct.pack("<I", 1 << 30), member.FIRST),
            "a payload beyond the limit": struct.pack("<BBH", 0, 3, 16381) + bytes(16381),
            "random bytes": bytes([200]) + draw.randbytes(4096),
            **{f"random message, channel {channel}": member.message_frames(channel, draw.randbytes(50000))
               for channel in (member.CONSENSUS, member.TRANSACTIONS, member.BULK)},
        }
        # Each time at the same node it is kept away for twice as long: one each, all in the long runs.
        chosen = draw.sample(sorted(garbage), len(garbage) if harness.IS_NIGHTLY else len(OTHERS))
        for number, what in enumerate(chosen):
            index = OTHERS[number % len(OTHERS)]
            self.assertIn(self.outcome(index, garbage[what]), (GARBAGE, KEPT_AWAY, "closed"), what)
            self.assert_kept_away(index, what)
        print(f"# {len(chosen)} kinds of garbage from a member")
        self.finish()

    def test_words_of_others(self):
        """What a node said, sent to another one: as it was, and with a bit flipped."""
        self.dial(0)
        heard = self.member.receive(3)
        self.assertIn(member.CONSENSUS, {channel for channel, _ in heard})
        sent = 0
        for number in range(ROUNDS):
            self.dial(OTHERS[number % len(OTHERS)])
            with contextlib.suppress(OSError, member.SaidBye):
                for channel, message in heard:
                    self.member.send(channel, message)
                self.member.receive(1)
                for _ in range(100):
                    self.member.send(*self.mutant(heard))
                    sent += 1
                    self.member.receive(0.01)
        print(f"# {ROUNDS} times {len(heard)} messages replayed, {sent} with a flipped bit")
        self.finish()

    @staticmethod
    def mutant(heard):
        channel, message = harness.RANDOM.choice(heard)
        mutant = bytearray(message)
        mutant[harness.RANDOM.randrange(len(mutant))] ^= 1 << harness.RANDOM.randrange(8)
        return channel, bytes(mutant)


if __name__ == "__main__":
    harness.main()
