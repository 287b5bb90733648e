"""Good proofs, made of random trees, blocks, epochs and keys: the formats read once more, forwards.

A Chain has four validators whose last one is another in each epoch; proof(kind) makes one of its proofs."""

import random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import verify
from verify import bit_of, leaf, node, row_position, tagged, u32, u64


class Str(str):
    """A text string: encode of verify.py takes other strings for hexadecimal digits."""


def encode(value):
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value]
    if isinstance(value, int):
        return verify.head(0, value) if value >= 0 else verify.head(1, -1 - value)
    if isinstance(value, Str):
        return verify.head(3, len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return verify.head(2, len(value)) + value
    return verify.head(4, len(value)) + b"".join(encode(item) for item in value)


def key(number):
    return Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))


def public(number):
    return key(number).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def levels(leaves):
    """Each level of an RFC 9162 tree, an odd last one carried up."""
    rows = [leaves]
    while len(rows[-1]) > 1:
        row = rows[-1]
        rows.append([node(*row[i:i + 2]) if i + 1 < len(row) else row[i]
                     for i in range(0, len(row), 2)])
    return rows


def path(leaves, index):
    """Root, nodes and sides."""
    rows = levels(leaves)
    nodes, sides = [], 0
    for row in rows[:-1]:
        other = index ^ 1
        if other < len(row):
            sides |= (index & 1) << len(nodes)
            nodes.append(row[other])
        index //= 2
    return rows[-1][0], nodes, sides


def row_tree(places):
    if not places:
        return bytes(32)
    if len(places) <= 32:
        return tagged("bucket", u32(len(places)), *(a + b for a, b in places))
    bit, left, right = split(places)
    return tagged("branch", bit.to_bytes(2, "little"), row_tree(left), row_tree(right))


def split(places):
    first, last = places[0][0], places[-1][0]
    bit = next(i for i in range(320) if bit_of(first, i) != bit_of(last, i))
    at = next(i for i, (position, _) in enumerate(places) if bit_of(position, bit))
    return bit, places[:at], places[at:]


def row_path(places, position):
    steps = []
    while len(places) > 32:
        bit, left, right = split(places)
        is_right = bit_of(position, bit)
        steps.append([bit, row_tree(left if is_right else right)])
        places = right if is_right else left
    return [steps, [list(place) for place in places]]


class Chain:
    def __init__(self, seed):
        self.random = random.Random(seed)
        base = 1 + 1000 * seed
        self.keys = {epoch: [base, base + 1, base + 2, base + 10 + epoch] for epoch in range(5)}
        members = [[Str("org"), Str(f"n{i}"), 2, public(number), Str("")]
                   for i, number in enumerate(self.keys[0])]
        params = [1000, 64, 8, 4, 20, 80, 16, False]
        self.params = params
        self.genesis = encode([1, Str(f"chain {seed}"), 1, 1, 1, 3, 1, 0, 10, 10, 1000000, params,
                               members, []])
        self.chain_id = tagged("genesis", self.genesis)

    def hash(self):
        return self.random.randbytes(32)

    def header(self, epoch, height, **more):
        items = {"chain": self.chain_id, "epoch": epoch, "height": height, "view": 0,
                 "parent": self.hash(), "version": 1, "history": self.hash(),
                 "time": 1700000000000 + height, "tx_root": self.hash(), "tx_count": 1,
                 "body": 500, "proposer": self.random.randrange(4), "final": 0,
                 "final_hash": bytes(32), "result": 0, "digest": bytes(32),
                 "result_hash": bytes(32), "notes": bytes(32), "mode": 3, "flags": 0,
                 "next": bytes(32)}
        items.update(more)
        return encode(list(items.values()))

    def certificate(self, part, statement):
        epoch = statement[0]
        tags = {0: "p1", 1: "p2", 2: "p3"}
        shown = tagged(tags[part], *(u64(n) for n in statement[:-1]), statement[-1])
        voters = sorted(self.random.sample(range(4), self.random.choice((3, 3, 4))))
        entries = []
        for voter in voters:
            siblings = [self.hash(), self.hash()]
            signed = list(siblings)
            signed.insert(part, shown)
            signature = key(self.keys[epoch][voter]).sign(
                tagged("vote", self.chain_id, *signed))
            entries.append([voter, *siblings, signature])
        return [part, statement, entries, []]

    def epochs(self, epoch, base):
        """Links that close the epochs below, at heights up to base."""
        links = []
        for number in range(epoch):
            nodes = [[Str("org"), Str(f"n{i}"), 2, public(each), Str(""), False]
                     for i, each in enumerate(self.keys[number + 1])]
            config = encode([1, number + 1, 3, 1, 0, 1, 10, 10, 1000000, self.params, 4, nodes])
            height = base - epoch + number + 1
            header = self.header(number, height, flags=2, next=tagged("config", config))
            statement = [number, 0, height, tagged("hdr", header)]
            links.append([header, self.certificate(1, statement), config])
        return encode(links) if epoch > 0 else b""

    def block(self, height, roots, **more):
        """The block part: roots are those of write set, receipts, and the checkpoint."""
        pick = self.random
        epoch = pick.randrange(4) if height > 10 else 0
        header = self.header(epoch, height, **more)
        block_hash = tagged("hdr", header)
        result = [height, block_hash, *roots]
        before = self.hash()
        digest = tagged("chain", before, tagged("exec", u64(height), block_hash, *roots))
        later = [self.hash() for _ in range(pick.choice((0, 0, 1, 3)))]
        for each in later:
            digest = tagged("chain", digest, each)
        successors, last = [], block_hash
        for i in range(pick.choice((0, 0, 1, 4))):
            successors.append(self.header(epoch, height + 1 + i, parent=last))
            last = tagged("hdr", successors[-1])
        commit = self.certificate(1, [epoch, 0, height + len(successors), last])
        execution = self.certificate(2, [epoch, height + len(later), digest])
        return [result, before, header, successors, commit, execution, b"".join(later),
                self.epochs(epoch, height - 1)]

    def certified(self, height, before, row_root, txid_root):
        """A checkpoint and the block that certifies it."""
        value = tagged("checkpoint", u64(height), u64(before), row_root, txid_root)
        return ([height, before, row_root, txid_root],
                self.block(height + 8, [self.hash(), self.hash(), value]))

    def entry(self, number, is_gone=False):
        row = None if is_gone else [number, Str(f"value {number}"), self.random.randbytes(5), None]
        return encode([1000, [number], row])

    def transaction(self):
        """Redacted, and its id and leaf."""
        params = []
        for _ in range(3):
            salt = self.hash()
            shown = [23, self.random.randrange(1000), salt]
            purged = [tagged("val", salt, b"\x82", encode(23), encode(shown[1]))]
            params.append(self.random.choice((shown, purged)))
        envelope = [self.chain_id, Str("main"), bytes(21), self.random.randrange(2 ** 60), 1, 2, 0,
                    [], b"", [[2, public(7)]]]
        data = encode([1, envelope, None, [[1, Str("SELECT $1, $2, $3"), params, []]],
                       [self.random.randbytes(64)]])
        return (data, *verify.transaction_hashes(data))

    def tx(self):
        pick = self.random
        height, count = pick.randrange(1, 10 ** 6), pick.randrange(1, 40)
        index = pick.randrange(count)
        shown, txid, tx_leaf = self.transaction()
        receipt = encode([txid, height, index, 0, [[1, None]], None, 0, Str(""), []])
        leaves = [leaf(self.hash()) for _ in range(count)]
        leaves[index] = leaf(receipt)
        root, nodes, _ = path(leaves, index)
        leaves[index] = tx_leaf
        tx_root, shown_nodes, _ = path(leaves, index)
        block = self.block(height, [self.hash(), root, bytes(32)], tx_count=count, tx_root=tx_root)
        return [receipt, nodes, pick.choice((None, [shown, shown_nodes]))], block

    def version(self):
        pick = self.random
        count = pick.randrange(1, 40)
        index = pick.randrange(count)
        entries = [self.entry(i, pick.random() < 0.2) for i in range(count)]
        root, nodes, sides = path([leaf(each) for each in entries], index)
        block = self.block(pick.randrange(1, 10 ** 6), [root, self.hash(), bytes(32)])
        return [entries[index], sides, nodes], block

    def rows(self, count):
        """Entries by key and places by position: even keys."""
        entries = {2 * i: self.entry(2 * i) for i in range(count)}
        places = [(row_position(1000, encode([number])), leaf(entry))
                  for number, entry in entries.items()]
        return entries, sorted(places)

    def row(self):
        entries, places = self.rows(self.random.choice((1, 30, 32, 33, 300)))
        number = self.random.choice(list(entries))
        checkpoint, block = self.certified(128, 0, row_tree(places), self.hash())
        position = row_position(1000, encode([number]))
        return [checkpoint, entries[number], row_path(places, position)], block

    def no_row(self):
        _, places = self.rows(self.random.choice((0, 1, 30, 32, 33, 300)))
        number = encode([2 * self.random.randrange(400) + 1])
        checkpoint, block = self.certified(256, 128, row_tree(places), self.hash())
        path_to = row_path(places, row_position(1000, number))
        return [checkpoint, 1000, number, path_to, tagged("no row", u64(1000), number)], block

    def interval(self, txid, height, before):
        ids = sorted(self.hash() for _ in range(self.random.choice((0, 1, 2, 7, 20))))
        root = path([leaf(each) for each in ids], 0)[0] if ids else verify.sha(b"")
        at = sum(each < txid for each in ids)
        sides = []
        for index in (at - 1, at):
            if not 0 <= index < len(ids):
                sides.append(None)
                continue
            _, nodes, turns = path([leaf(each) for each in ids], index)
            sides.append([ids[index], turns, nodes])
        checkpoint, block = self.certified(height, before, self.hash(), root)
        return [checkpoint, *sides], block

    def no_tx(self):
        txid = self.hash()
        count = self.random.choice((1, 1, 2, 5))
        heights = [128 * i for i in range(count, -1, -1)]
        made = [self.interval(txid, *pair) for pair in zip(heights, heights[1:])]
        return [txid, made[0][0], [list(each) for each in made[1:]], tagged("no tx", txid)], made[0][1]

    def proof(self, kind):
        makers = [self.tx, self.version, self.row, self.no_row, self.no_tx]
        subject, block = makers[kind - 1]()
        return [3, self.genesis, kind, subject, block]
