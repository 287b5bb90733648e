"""Goal: organisations make a chain together without anybody holding another's key: cards, one genesis for all, refusals
that say why."""

import contextlib
import json
import os
import shutil
import tempfile
import unittest

import harness


class InitTest(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="trustsql-init-")
        self.addCleanup(shutil.rmtree, self.top)
        with open(self.top + "/password", "w", encoding="utf-8") as file:
            file.write("open sesame\n")

    def run_program(self, *arguments, code=0):
        done = harness.run(*arguments, cwd=self.top)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def organisation(self, name, *arguments, code=0):
        folder = name.lower().replace(" ", "-")
        self.run_program("init", "org", "--dir", folder, "--name", name, "--password-file", "password",
                         *arguments, code=code)
        return f"{folder}/card"

    def cards(self, count):
        return [self.organisation(f"Bank {chr(65 + i)}", "--address", f"bank-{i}.example:5440")
                for i in range(count)]

    def read(self, path):
        with open(f"{self.top}/{path}", "rb") as file:
            return file.read()

    def edit(self, path, old, new):
        text = self.read(path).decode()
        self.assertIn(old, text)
        with open(f"{self.top}/{path}", "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    def refused(self, expected, *arguments, code=1):
        done = self.run_program("init", "genesis", *arguments, code=code)
        self.assertIn(expected, done.stderr)
        self.assertFalse(os.path.exists(self.top + "/genesis"))

    def test_everyone_gets_the_same_genesis(self):
        cards = self.cards(7)
        expected = None
        for card in list(cards):
            harness.RANDOM.shuffle(cards)
            folder = os.path.dirname(card)
            done = self.run_program("init", "genesis", "--dir", folder, "--chain", "bills", "--json",
                                    *cards)
            said = json.loads(done.stdout)
            self.assertEqual(said["organisations"], 7)
            made = self.read(folder + "/genesis"), said["chain_id"]
            expected = expected or made
            self.assertEqual(made, expected)
        self.assertIn(b"bank-3.example:5440", expected[0])

    def test_shapes(self):
        cards = self.cards(6)
        self.refused("observer", *cards[:2])
        self.refused("observer", "--mode", "raft", *cards[:2])
        self.refused("n >= 3f + 1", "--mode", "bft", *cards[:3])
        self.refused("n >= 3f + 1", "--mode", "adaptive", *cards[:3])
        self.refused("raft needs 3", "--mode", "raft", cards[0])
        self.refused("raft, bft or adaptive", "--mode", "paxos", *cards[:4])
        self.refused("n >= 3f + 2p + 1", "--f", "2", *cards[:4])
        self.refused("n >= 3f + 2p + 1", "--f", "0", *cards[:4])
        self.refused("n >= 3f + 2p + 1", "--p", "2", *cards[:6])
        self.refused("has no p", "--mode", "bft", "--p", "1", *cards[:6])
        self.refused("no lies", "--mode", "raft", "--f", "1", *cards[:3])
        for count, options, says in (
                (1, (), "mode bft, one validator"),
                (3, (), "mode raft, 3 validators: bears 1 crashed, no lies"),
                (4, (), "mode adaptive, 4 validators: bears 1 faulty or lying, fast while 4 answer"),
                (6, (), "mode adaptive, 6 validators: bears 1 faulty or lying, fast while 5 answer"),
                (6, ("--p", "0"), "mode adaptive, 6 validators: bears 1 faulty or lying, fast while 6 answer"),
                (4, ("--mode", "bft", "--faults", "1"), "mode bft, 4 validators: bears 1 faulty or lying"),
                (4, ("--mode", "raft"), "mode raft, 4 validators: bears 1 crashed, no lies")):
            done = self.run_program("init", "genesis", "--out", f"of{count}", *options, *cards[:count])
            self.assertIn(says, done.stdout)
            os.remove(f"{self.top}/of{count}")

    def test_what_exists_is_not_overwritten(self):
        cards = self.cards(4)
        self.run_program("init", "genesis", *cards)
        self.run_program("init", "genesis", "--out", "one", cards[0])
        done = self.run_program("init", "genesis", *cards, code=2)
        self.assertIn("exists already", done.stderr)

    def test_own_card_must_be_there(self):
        cards = self.cards(5)
        for arguments in (("--dir", "bank-e"), ("--out", "bank-e/genesis")):
            self.refused("on none of these cards", *arguments, *cards[:4])
        self.run_program("init", "genesis", "--dir", "bank-e", *cards)

    def test_cards_that_clash(self):
        cards = self.cards(3)
        cards.append(self.organisation("Bank D", "--node", "bank-a"))
        self.refused("same name of a node: bank-a", *cards)
        cards[3] = self.organisation("Bank E", "--address", "bank-0.example:5440")
        self.refused("same address: bank-0.example:5440", *cards)
        cards[3] = self.organisation("Bank F", "--admin", "admin@bank-a")
        self.refused("same name of an account: admin@bank-a", *cards)
        self.refused("same name of a node", *cards[:3], cards[0])

    def test_cards_that_are_wrong(self):
        cards = self.cards(4)
        good = self.read(cards[0]).decode()
        for old, new, expected in (
                ("version = 1", "version = 2", '"version" does not fit'),
                ("version = 1\n", "", '"version" is missing'),
                ("organisation", "organization", '"organization" is no key of a card'),
                ("node = bank-a", "node = bank-a\nnode = bank-x", '"node" stands twice'),
                ("node_key = ", "node_key = 0", '"node_key" does not fit'),
                ("bank-0.example:5440", "bank-0.example", '"address" does not fit'),
                (" admin node ", " owner node ", '"account" does not fit'),
                (" admin node ", " admin ", '"account" does not fit'),
                ("made_ms", "[x]\nmade_ms", '"x" is no section of a card')):
            self.edit(cards[0], old, new)
            self.refused(expected, *cards)
            self.edit(cards[0], self.read(cards[0]).decode(), good)
        self.refused("no-such-card: ", *cards[:3], "no-such-card")

    def test_cards_of_the_hostile(self):
        """Whatever stands in the card of another: a genesis that a node can read, or a refusal."""
        cards = self.cards(4)
        good = self.read(cards[0])
        for attempt in range(150):
            text = bytearray(good)
            if attempt % 3 == 0:
                del text[harness.RANDOM.randrange(len(text)):]
            else:
                for _ in range(attempt % 3):
                    text[harness.RANDOM.randrange(len(text))] = harness.RANDOM.choice(b"\0\n =[];\xff0a")
            with open(f"{self.top}/{cards[0]}", "wb") as file:
                file.write(text)
            done = harness.run("init", "genesis", *cards, cwd=self.top)
            self.assertIn(done.returncode, (0, 1), (bytes(text), done.stderr))
            if done.returncode == 0:
                os.remove(self.top + "/genesis")
            else:
                self.assertFalse(os.path.exists(self.top + "/genesis"))

    def test_nothing_is_overwritten(self):
        card = self.organisation("Bank A")
        before = self.read(card), self.read("bank-a/node.key"), self.read("bank-a/custody")
        self.organisation("Bank A", code=2)
        self.assertEqual((self.read(card), self.read("bank-a/node.key"), self.read("bank-a/custody")),
                         before)

    def test_names_and_addresses_that_do_not_fit(self):
        for arguments in (("--address", "nowhere"), ("--address", "a:0"), ("--address", "a:5442"),
                          ("--node", "n" * 41), ("--node", ""), ("--admin", "a" * 64),
                          ("--admin", "a ; b"), ("--node", " a")):
            self.organisation("Bank Z", *arguments, code=2)
        self.organisation("银行", code=2)
        self.organisation("Bank ; Z", code=2)
        self.assertFalse(os.path.exists(self.top + "/bank-z"))
        self.organisation("银行", "--node", "yinhang")

    def test_card_holds_no_secret(self):
        card = self.read(self.organisation("Bank A"))
        self.assertNotIn(self.read("bank-a/node.key").strip(), card)
        self.assertEqual(os.stat(self.top + "/bank-a/node.key").st_mode & 0o777, 0o600)

    def test_a_chain_of_one_runs(self):
        base = harness.free_base_port()
        card = self.organisation("Bank A", "--address", f"127.0.0.1:{base}", "--port", str(base + 2))
        done = self.run_program("key", "new", "--out", "owner.key", "--json")
        public = json.loads(done.stdout)["public_key"]
        with open(f"{self.top}/{card}", "a", encoding="utf-8") as file:
            file.write(f"account = {public} user self Olga the owner\n")
        self.run_program("init", "genesis", "--dir", "bank-a", card)
        with contextlib.closing(harness.Node(self.top + "/bank-a", base + 2)) as node:
            with contextlib.closing(node.connect("admin@bank-a", "open sesame")) as link:
                harness.execute(link, "CREATE TABLE t (id integer PRIMARY KEY)")
                self.assertEqual(harness.execute(
                    link, "SELECT name, organisation, custodian, is_admin FROM trustsql.accounts "
                          "ORDER BY name"),
                    [("Olga the owner", "Bank A", "", False), ("admin@bank-a", "Bank A", "Bank A", True)])


if __name__ == "__main__":
    harness.main()
