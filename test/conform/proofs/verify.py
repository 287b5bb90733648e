#!/usr/bin/python3
"""A verifier of proofs (docs/format/proof.md), written from docs/format and from nothing else.

    verify.py FILE HASH     checks a proof in CBOR or JSON against the hash of its genesis

Needs Debian's python3-cryptography for Ed25519. Exit code 0: it holds, 1: it does not."""

import hashlib
import json
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MALFORMED = "the proof is malformed"
U64 = 2 ** 64 - 1


class Refused(Exception):
    """The reason of docs/format/proof.md."""


class BadForm(Exception):
    """Bytes that are no value of their format."""


def need(is_so, reason):
    if not is_so:
        raise Refused(reason)


def form(is_so):
    if not is_so:
        raise BadForm()


# --- docs/format/cbor.md ------------------------------------------------------------------------

class Text(str):
    """A text string, told from the bytes and numbers of Python."""


def read_argument(data, at):
    form(at < len(data))
    low = data[at] & 31
    if low < 24:
        return low, at + 1
    form(low <= 27)
    size = 1 << (low - 24)
    form(at + 1 + size <= len(data))
    value = int.from_bytes(data[at + 1:at + 1 + size], "big")
    form(value >= (24 if size == 1 else 1 << (4 * size)))
    return value, at + 1 + size


def read_item(data, at, depth):
    """The item at an offset and the offset behind it."""
    form(at < len(data))
    first = data[at]
    if first in (0xF4, 0xF5, 0xF6):
        return {0xF4: False, 0xF5: True, 0xF6: None}[first], at + 1
    if first == 0xFB:
        form(at + 9 <= len(data))
        bits = int.from_bytes(data[at + 1:at + 9], "big")
        is_nan = bits >> 52 & 0x7FF == 0x7FF and bits & ((1 << 52) - 1) != 0
        form(not is_nan or bits == 0x7FF8 << 48)
        return ("float", bits), at + 9
    major = first >> 5
    form(major in (0, 1, 2, 3, 4))
    value, at = read_argument(data, at)
    if major == 0:
        return value, at
    if major == 1:
        form(value < 2 ** 63)
        return -1 - value, at
    form(value <= len(data) - at)
    if major in (2, 3):
        raw = data[at:at + value]
        if major == 2:
            return raw, at + value
        try:
            return Text(raw.decode("utf-8")), at + value
        except UnicodeDecodeError:
            raise BadForm() from None
    form(depth > 0)
    items = []
    for _ in range(value):
        item, at = read_item(data, at, depth - 1)
        items.append(item)
    return items, at


def decode(data, depth=16):
    value, at = read_item(data, 0, depth)
    form(at == len(data))
    return value


def is_uint(value, most=U64):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def uint(value, most=U64):
    form(is_uint(value, most))
    return value


def octets(value, size=None, most=None):
    form(isinstance(value, bytes))
    form(size is None or len(value) == size)
    form(most is None or len(value) <= most)
    return value


def array(value, count=None, most=None):
    form(isinstance(value, list))
    form(count is None or len(value) == count)
    form(most is None or len(value) <= most)
    return value


def hashes(value, most=64):
    return [octets(item, 32) for item in array(value, most=most)]


def name(value, most=63, least=1):
    form(isinstance(value, Text))
    raw = value.encode()
    form(least <= len(raw) <= most)
    form(all(byte >= 32 and byte != 127 for byte in raw))
    return value


def hash_or_null(value):
    if value is None:
        return bytes(32)
    octets(value, 32)
    form(value != bytes(32))
    return value


def u64(value):
    return value.to_bytes(8, "little")


def u32(value):
    return value.to_bytes(4, "little")


def sha(data):
    return hashlib.sha256(data).digest()


def tagged(tag, *parts):
    return sha(tag.encode() + b"\0" + b"".join(parts))


def leaf(data):
    return sha(b"\0" + data)


def node(left, right):
    return sha(b"\1" + left + right)


# --- docs/format/certificate.md -----------------------------------------------------------------

class Certificate:
    def __init__(self, value):
        part, statement, entries, links = array(value, 4)
        self.part = uint(part, 2)
        if self.part == 2:
            self.epoch, self.height, digest = array(statement, 3)
            self.view = 0
        else:
            self.epoch, self.view, self.height, digest = array(statement, 4)
        for number in (self.epoch, self.view, self.height):
            uint(number)
        self.hash = octets(digest, 32)
        form(1 <= len(array(entries, most=31)))
        self.entries = []
        for entry in entries:
            voter, first, second, signature = array(entry, 4)
            form(not self.entries or self.entries[-1][0] < uint(voter))
            self.entries.append((uint(voter, 30), octets(first, 32), octets(second, 32),
                                 octets(signature, 64)))
        form(array(links) == [])

    def shown(self):
        if self.part == 2:
            return tagged("p3", u64(self.epoch), u64(self.height), self.hash)
        return tagged("p1" if self.part == 0 else "p2", u64(self.epoch), u64(self.view),
                      u64(self.height), self.hash)

    def verify(self, validators, chain_id, quorum):
        """All entries must verify, and be enough."""
        if len(self.entries) < quorum:
            return False
        for voter, first, second, signature in self.entries:
            if voter >= len(validators.keys):
                return False
            siblings = [first, second]
            siblings.insert(self.part, self.shown())
            signed = tagged("vote", chain_id, *siblings)
            try:
                Ed25519PublicKey.from_public_bytes(validators.keys[voter]).verify(signature, signed)
            except (InvalidSignature, ValueError):
                return False
        return True


class Validators:
    def __init__(self, mode, f, p, keys):
        n = len(keys)
        form(1 <= n <= 31 and n != 2)
        if mode == 1:
            form(n >= 3 * f + 2 * p + 1 and n > 1)
        elif mode == 3:
            form(p == 0 and n >= 3 * f + 1)
        else:
            form(mode == 4 and f == 0 and p == 0)
        form(n != 1 or mode == 3)
        form(n != 3 or mode == 4)
        self.mode, self.f, self.p, self.keys = mode, f, p, keys

    def quorum(self):
        n = len(self.keys)
        return n // 2 + 1 if self.mode == 4 else (n + self.f + 2) // 2

    def commits(self, certificate, chain_id):
        if certificate.part == 0:
            needed = {1: len(self.keys) - self.p, 4: self.quorum()}.get(self.mode)
            return needed is not None and certificate.verify(self, chain_id, needed)
        return (certificate.part == 1 and self.mode != 4 and
                certificate.verify(self, chain_id, self.quorum()))

    def certifies(self, certificate, chain_id):
        return certificate.part == 2 and certificate.verify(self, chain_id, self.quorum())


# --- docs/format/genesis.md, config.md ----------------------------------------------------------

def check_numbers(version, txs_max, age_ms, fuel, params):
    form(uint(version, 2 ** 32 - 1) >= 1 and 1 <= uint(txs_max, 65536) and uint(fuel) >= 1)
    uint(age_ms, 60000)
    view_ms, window, slow, changes, low, high, blocks, halts = array(params, 8)
    form(10 <= uint(view_ms) <= 30000 and 8 <= uint(window) <= 256)
    form(1 <= uint(slow) <= window and 1 <= uint(changes) <= window)
    form(1 <= uint(low) <= uint(high) <= 100 and 1 <= uint(blocks) <= 65536)
    form(isinstance(halts, bool))


ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([1-9][0-9]{0,4})")


def check_address(value):
    form(isinstance(value, Text) and len(value) <= 127)
    if value:
        found = ADDRESS.fullmatch(value)
        form(found is not None and int(found[2]) <= 65535)


def distinct(names, keys):
    form(len(set(names)) == len(names) and len(set(keys)) == len(keys))


def genesis_validators(data):
    form(len(data) <= 1 << 20)
    items = array(decode(data), 14)
    form(items[0] == 1)
    name(items[1])
    for number in items[2:8]:
        uint(number)
    form(items[3] == 1)
    check_numbers(items[4], items[8], items[9], items[10], items[11])
    keys, names = [], []
    for member in array(items[12], most=31):
        organisation, node_name, scheme, key, address = array(member, 5)
        name(organisation)
        name(node_name)
        form(scheme == 2)
        check_address(address)
        names.append(node_name)
        keys.append(octets(key, 32))
    distinct(names, keys)
    array(items[13], most=1024)
    return Validators(items[5], items[6], items[7], keys)


def config_validators(data):
    """Epoch and validators of a configuration."""
    form(len(data) <= 32 * 1024)
    items = array(decode(data), 12)
    form(items[0] == 1)
    for number in items[1:5]:
        uint(number)
    check_numbers(*items[5:10])
    count = uint(items[10], 31)
    nodes = array(items[11], most=62)
    form(1 <= count <= len(nodes))
    keys, names = [], []
    for each in nodes:
        organisation, node_name, scheme, key, address, is_barred = array(each, 6)
        name(organisation)
        name(node_name)
        form(scheme == 2 and isinstance(is_barred, bool))
        check_address(address)
        names.append(node_name)
        keys.append(octets(key, 32))
    distinct(names, keys)
    return items[1], Validators(items[2], items[3], items[4], keys[:count])


# --- docs/format/block.md -----------------------------------------------------------------------

class Header:
    def __init__(self, data):
        items = array(decode(data), 21)
        (chain_id, self.epoch, self.height, self.view, parent, version, history, self.time_ms,
         tx_root, self.tx_count, body_size, proposer, final_height, final_hash, result_height,
         result_digest, result_hash, notes, mode, self.flags, next_config) = items
        for number in (self.epoch, self.height, self.view, self.time_ms, final_height,
                       result_height):
            uint(number)
        uint(version, 2 ** 32 - 1)
        uint(self.tx_count, 65536)
        uint(body_size, 64 << 20)
        uint(proposer, 30)
        uint(self.flags, 7)
        form(self.height >= 1 and mode in (1, 2, 3, 4))
        self.chain_id = octets(chain_id, 32)
        self.parent = octets(parent, 32)
        self.tx_root = octets(tx_root, 32)
        self.next_config = next_config
        for each in (history, final_hash, result_digest, result_hash, notes, next_config):
            octets(each, 32)
        zero = bytes(32)
        form((final_height == 0) == (final_hash == zero))
        form((result_height == 0) == (result_digest == zero) == (result_hash == zero))
        form((self.flags & 2 == 0) == (next_config == zero))
        form(final_height < self.height and result_height < self.height)
        self.hash = tagged("hdr", data)


# --- docs/format/transaction.md -----------------------------------------------------------------

def raw_items(data, at=0):
    """The encodings of an array's items."""
    count, at = read_argument(data, at)
    raws = []
    for _ in range(count):
        _, end = read_item(data, at, 16)
        raws.append(data[at:end])
        at = end
    return raws


def parameter_commitment(raw, secret, op, index):
    value = decode(raw)
    if secret is None and len(array(value)) == 1:
        return octets(value[0], 32)
    parts = raw_items(raw)
    if secret is None:
        array(value, 3)
        salt = octets(value[2], 32)
    else:
        array(value, 2)
        salt = tagged("salt", secret, u32(op), u32(index), b"\0")
    form(uint(value[0], 2 ** 32 - 1) > 0 and not isinstance(value[1], list))
    return tagged("val", salt, b"\x82", parts[0], parts[1])


def auth_commitment(value, secret, op, index):
    if secret is None and array(value, 5)[3] is None:
        return octets(value[4], 32)
    if secret is None:
        salt = octets(value[4], 32)
    else:
        array(value, 4)
        salt = tagged("salt", secret, u32(op), u32(index), b"\1")
    return tagged("auth", salt, octets(value[3]))


def operation_hash(raw, secret, number):
    kind_raw, text_raw, params_raw, auths_raw = raw_items(raw)
    kind, text = decode(kind_raw), decode(text_raw)
    form(kind in (1, 2, 3) and isinstance(text, Text))
    params, auths = raw_items(params_raw), raw_items(auths_raw)
    parts = [u64(kind), tagged("text", text.encode()), u64(len(params)), u64(len(auths))]
    parts += [parameter_commitment(each, secret, number, i) for i, each in enumerate(params)]
    for i, each in enumerate(auths):
        value = decode(each)
        parts += [u64(uint(value[0])), tagged("key", octets(value[1])),
                  auth_commitment(value, secret, number, i), tagged("sig", octets(value[2]))]
    return tagged("op", *parts)


def tree_root(leaves):
    """RFC 9162 section 2.1."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node(tree_root(leaves[:split]), tree_root(leaves[split:]))


ACCOUNT_VERSIONS = (0, 33)  # secp256k1, Ed25519.


def check_signer(value):
    scheme, key = array(value, 2)
    form(scheme in (1, 2))
    octets(key, 33 if scheme == 1 else 32)
    form(scheme == 2 or key[0] in (2, 3))
    return scheme, key


def check_envelope(value):
    """How many sign."""
    chain_id, ledger, account, *numbers, reserved, idempotency, signers = array(value, 10)
    octets(chain_id, 32)
    name(ledger)
    form(octets(account, 21)[0] in ACCOUNT_VERSIONS)
    for number in numbers + [each for one in array(reserved, most=256) for each in array(one, 3)]:
        uint(number)
    octets(idempotency, most=255)
    keys = [check_signer(each) for each in array(signers, most=16)]
    form(len(keys) > 0 and len(set(keys)) == len(keys))
    return len(keys)


def transaction_hashes(data):
    """txid and tx_root leaf of a whole or redacted transaction."""
    version, envelope, secret_raw, operations, signatures = raw_items(data)
    array(decode(data), 5)
    array(decode(signatures), check_envelope(decode(envelope)))
    form(decode(version) == 1)
    secret = decode(secret_raw)
    form(secret is None or (isinstance(secret, bytes) and len(secret) == 32))
    leaves = [leaf(operation_hash(raw, secret, i)) for i, raw in enumerate(raw_items(operations))]
    form(len(leaves) > 0)
    txid = tagged("tx", u64(1), tagged("env", envelope), tree_root(leaves))
    signed = b"".join(octets(each, 64) for each in array(decode(signatures)))
    return txid, leaf(txid + tagged("sigs", signed))


# --- docs/format/receipt.md ---------------------------------------------------------------------

def short_text(value, most=255):
    form(isinstance(value, Text))
    form(len(value.encode()) <= most and "\0" not in value)


def check_outcome(status, outcome):
    if status == 0:
        for each in array(outcome, most=65536):
            row_count, result = array(each, 2)
            uint(row_count)
            hash_or_null(result)
        return
    form(status == 1 and is_uint(status))
    operation, sqlstate, position, *texts = array(outcome, 6)
    form(uint(operation, 65535) >= 0 and isinstance(sqlstate, Text))
    form(re.fullmatch("[0-9A-Z]{5}", sqlstate) is not None)
    uint(position, 2 ** 32 - 1)
    for text in texts:
        short_text(text)


def read_receipt(data):
    items = array(decode(data), 9)
    txid, height, index, status, outcome, write_root, holder, holder_name, events = items
    octets(txid, 32)
    form(uint(height) > 0)
    uint(index, 2 ** 32 - 1)
    form(is_uint(status, 1) and is_uint(holder, 1) and isinstance(events, list))
    check_outcome(status, outcome)
    hash_or_null(write_root)
    form(isinstance(holder_name, Text) and len(holder_name.encode()) <= 63)
    return txid, height, index


# --- docs/format/rows.md ------------------------------------------------------------------------

def row_position(table_id, key_raw):
    key = array(decode(key_raw))
    head = table_id.to_bytes(8, "big")
    if len(key) == 1 and isinstance(key[0], int) and not isinstance(key[0], bool):
        form(-2 ** 63 <= key[0] < 2 ** 63)
        return head + b"\0" + (key[0] + 2 ** 63).to_bytes(8, "big") + bytes(23)
    return head + b"\1" + tagged("rowkey", key_raw)[:31]


def bit_of(position, bit):
    return position[bit // 8] >> (7 - bit % 8) & 1


def row_path(path, root, position):
    """The leaf at a position, None: there is none. Refuses a path that does not lead there."""
    reason = "the path does not lead to the row"
    steps, bucket = path
    if not bucket:
        need(not steps and root == bytes(32), reason)
        return None
    bits = [bit for bit, _ in steps]
    need(all(a < b for a, b in zip(bits, bits[1:])), reason)
    positions = [each for each, _ in bucket]
    need(all(a < b for a, b in zip(positions, positions[1:])), reason)
    for bit in bits:
        need(all(bit_of(each, bit) == bit_of(position, bit) for each in positions), reason)
    value = tagged("bucket", u32(len(bucket)), *(each + a_leaf for each, a_leaf in bucket))
    for bit, sibling in reversed(steps):
        pair = (sibling, value) if bit_of(position, bit) else (value, sibling)
        value = tagged("branch", bit.to_bytes(2, "little"), *pair)
    need(value == root, reason)
    return dict(bucket).get(position)


# --- docs/format/proof.md: form -----------------------------------------------------------------

class Block:
    def __init__(self, value):
        (result, self.before, self.header, self.successors, commit, execution, self.later,
         self.epochs) = array(value, 8)
        height, block_hash, writes, receipts, checkpoint = array(result, 5)
        self.height = uint(height)
        self.block_hash, self.writes, self.receipts, self.checkpoint = (
            octets(each, 32) for each in (block_hash, writes, receipts, checkpoint))
        octets(self.before, 32)
        octets(self.header)
        for each in array(self.successors, most=16):
            octets(each)
        self.commit, self.execution = Certificate(commit), Certificate(execution)
        octets(self.later, most=32 * 256)
        form(len(self.later) % 32 == 0)
        octets(self.epochs, most=16 << 20)

    def check(self, chain_id):
        """What follows from hashes: 5 to 11."""
        try:
            header = Header(self.header)
        except BadForm:
            raise Refused("the header is malformed") from None
        need(header.chain_id == chain_id, "the header is of another chain")
        need(header.hash == self.block_hash, "the result is of another block")
        need(header.height == self.height, "the result is of another height")
        last = self.check_successors(header)
        commit, execution = self.commit, self.execution
        need((commit.height, commit.epoch, commit.hash) == (last.height, last.epoch, last.hash),
             "the commit certificate is of another block")
        need(commit.view >= last.view, "the commit certificate is of an earlier view")
        need(execution.height == header.height + len(self.later) // 32,
             "the execution certificate is of another height")
        need(execution.epoch == header.epoch, "the execution certificate is of another epoch")
        d = tagged("exec", u64(self.height), self.block_hash, self.writes, self.receipts,
                   self.checkpoint)
        digest = tagged("chain", self.before, d)
        for at in range(0, len(self.later), 32):
            digest = tagged("chain", digest, self.later[at:at + 32])
        need(execution.hash == digest, "the execution certificate is of another result")
        return header

    def check_successors(self, last):
        for data in self.successors:
            try:
                following = Header(data)
            except BadForm:
                raise Refused("a successor's header is malformed") from None
            need(following.chain_id == last.chain_id, "a successor is of another chain")
            need(following.epoch == last.epoch, "a successor is of another epoch")
            need(following.height == last.height + 1, "a successor is of another height")
            need(following.view >= last.view, "a successor is of an earlier view")
            need(following.parent == last.hash, "a successor is the child of another block")
            last = following
        return last

    def check_signatures(self, header, chain_id, validators):
        """13 to 17."""
        if header.epoch == 0:
            need(self.epochs == b"", "a block of epoch 0 needs no chain of epochs")
        else:
            validators, base = follow_epochs(self.epochs, header.epoch, chain_id, validators)
            need(header.height > base,
                 "the header is not above the last block of the epoch before")
        need(validators.commits(self.commit, chain_id), "the commit certificate does not verify")
        need(validators.certifies(self.execution, chain_id),
             "the execution certificate does not verify")


def follow_epochs(data, epoch, chain_id, validators):
    try:
        links = []
        for link in array(decode(data), most=1024):
            header, certificate, config = array(link, 3)
            links.append((octets(header), Certificate(certificate), octets(config)))
        form(len(links) == epoch)
    except BadForm:
        raise Refused("the block is of another epoch: its validators are unknown") from None
    base = 0
    for number, (data, certificate, config) in enumerate(links):
        try:
            header = Header(data)
        except BadForm:
            raise Refused("the header of a closing block is malformed") from None
        need(header.chain_id == chain_id, "a closing block is of another chain")
        need(header.epoch == number, "a closing block is of another epoch")
        need(header.height > base, "a closing block is not above the one before")
        need(header.flags & 2, "a block does not close its epoch")
        need((certificate.epoch, certificate.height, certificate.hash) ==
             (header.epoch, header.height, header.hash),
             "the certificate is not of the closing block")
        need(validators.commits(certificate, chain_id),
             "the certificate of a closing block does not verify")
        try:
            of_epoch, validators = config_validators(config)
        except BadForm:
            raise Refused("the configuration of an epoch is malformed") from None
        need(tagged("config", config) == header.next_config,
             "a configuration is not the one that the closing block names")
        need(of_epoch == number + 1, "a configuration is of another epoch")
        base = header.height
    return validators, base


def read_checkpoint(value):
    height, before, row_root, txid_root = array(value, 4)
    form(uint(before) < uint(height, U64 - 8))
    return height, before, octets(row_root, 32), octets(txid_root, 32)


def read_row_path(value):
    steps, bucket = array(value, 2)
    steps = [array(each, 2) for each in array(steps, most=320)]
    bucket = [array(each, 2) for each in array(bucket, most=32)]
    return ([(uint(bit, 319), octets(sibling, 32)) for bit, sibling in steps],
            [(octets(position, 40), octets(a_leaf, 32)) for position, a_leaf in bucket])


def read_sides(sides, path):
    path = hashes(path)
    form(uint(sides) >> len(path) == 0)
    return sides, path


def read_neighbour(value):
    if value is None:
        return None
    txid, sides, path = array(value, 3)
    return octets(txid, 32), *read_sides(sides, path)


def read_interval(value):
    checkpoint, left, right = array(value, 3)
    return read_checkpoint(checkpoint), read_neighbour(left), read_neighbour(right)


def side_root(value, sides, path):
    for i, other in enumerate(path):
        value = node(other, value) if sides >> i & 1 else node(value, other)
    return value


class Proof:
    def __init__(self, data):
        form(len(data) <= 48 << 20)
        version, self.genesis, self.kind, subject, block = array(decode(data), 5)
        form(is_uint(version) and version == 3)
        octets(self.genesis, most=1 << 20)
        form(is_uint(self.kind, 5) and self.kind > 0)
        readers = [self.read_tx, self.read_version, self.read_row, self.read_no_row,
                   self.read_no_tx]
        readers[self.kind - 1](subject)
        self.block = Block(block)

    def read_tx(self, value):
        receipt, path, shown = array(value, 3)
        self.receipt, self.path = octets(receipt), hashes(path)
        self.shown = None
        if shown is not None:
            transaction, shown_path = array(shown, 2)
            self.shown = octets(transaction), hashes(shown_path)

    def read_version(self, value):
        entry, sides, path = array(value, 3)
        self.entry = octets(entry)
        self.sides, self.path = read_sides(sides, path)

    def read_row(self, value):
        checkpoint, entry, path = array(value, 3)
        self.checkpoint, self.entry = read_checkpoint(checkpoint), octets(entry)
        self.path = read_row_path(path)

    def read_no_row(self, value):
        checkpoint, table_id, key, path, claim = array(value, 5)
        self.checkpoint, self.table_id = read_checkpoint(checkpoint), uint(table_id)
        self.key, self.path = octets(key), read_row_path(path)
        form(octets(claim, 32) == tagged("no row", u64(table_id), key))

    def read_no_tx(self, value):
        txid, interval, older, claim = array(value, 4)
        self.txid, self.interval = octets(txid, 32), read_interval(interval)
        self.older = []
        for each in array(older, most=1023):
            older_interval, block = array(each, 2)
            self.older.append((read_interval(older_interval), Block(block)))
        form(octets(claim, 32) == tagged("no tx", txid))


# --- docs/format/proof.md: checking -------------------------------------------------------------

def list_root(value, index, count, path):
    """RFC 9162 section 2.1.3.2; None: the path has another length."""
    fn, sn = index, count - 1
    if not 0 <= fn <= sn:
        return None
    for other in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            value = node(other, value)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            value = node(value, other)
        fn, sn = fn >> 1, sn >> 1
    return value if sn == 0 else None


def read_entry(data):
    try:
        table_id, key, row = array(decode(data), 3)
        uint(table_id)
        return table_id, raw_items(data)[1], row
    except BadForm:
        raise Refused("the row is malformed") from None


def check_checkpoint(checkpoint, block):
    height, before, row_root, txid_root = checkpoint
    need(block.height == height + 8, "the checkpoint is of another height")
    need(tagged("checkpoint", u64(height), u64(before), row_root, txid_root) == block.checkpoint,
         "the checkpoint is not the one that the block certifies")


def check_tx(proof, header):
    try:
        txid, height, index = read_receipt(proof.receipt)
    except BadForm:
        raise Refused("the receipt is malformed") from None
    need(height == header.height, "the receipt is of another height")
    need(list_root(leaf(proof.receipt), index, header.tx_count, proof.path) ==
         proof.block.receipts, "the receipt is not under the receipts root")
    if proof.shown is None:
        return
    data, path = proof.shown
    try:
        shown, tx_leaf = transaction_hashes(data)
    except (BadForm, ValueError, TypeError, IndexError):
        raise Refused("the transaction shown is malformed") from None
    need(shown == txid, "the transaction shown is another one")
    need(list_root(tx_leaf, index, header.tx_count, path) == header.tx_root,
         "the transaction shown is not under the root of transactions")


def check_version(proof, _):
    read_entry(proof.entry)
    need(side_root(leaf(proof.entry), proof.sides, proof.path) == proof.block.writes,
         "the row is not under the root of the write set")


def check_row(proof, _):
    check_checkpoint(proof.checkpoint, proof.block)
    table_id, key, row = read_entry(proof.entry)
    try:
        form(row is not None)
        position = row_position(table_id, key)
    except BadForm:
        raise Refused("the row is malformed") from None
    found = row_path(proof.path, proof.checkpoint[2], position)
    need(found == leaf(proof.entry), "the row is another one at the checkpoint")


def check_no_row(proof, _):
    check_checkpoint(proof.checkpoint, proof.block)
    try:
        position = row_position(proof.table_id, proof.key)
    except BadForm:
        raise Refused("the key is malformed") from None
    need(row_path(proof.path, proof.checkpoint[2], position) is None, "the row is there")


def way(neighbour):
    """Directions from the root: True is right."""
    _, sides, path = neighbour
    return [bool(sides >> i & 1) for i in reversed(range(len(path)))]


def leaves_no_room(left, right, root):
    if left is None and right is None:
        return root == sha(b"")
    if left is None:
        return not any(way(right))
    if right is None:
        return all(way(left))
    a, b = way(left), way(right)
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    return bool(a) and bool(b) and not a[0] and b[0] and all(a[1:]) and not any(b[1:])


def check_interval(txid, interval):
    checkpoint, left, right = interval
    for each in (left, right):
        need(each is None or side_root(leaf(each[0]), each[1], each[2]) == checkpoint[3],
             "a neighbour is not under the root of transaction ids")
    need((left is None or left[0] < txid) and (right is None or txid < right[0]),
         "the transaction is not between its neighbours")
    need(leaves_no_room(left, right, checkpoint[3]),
         "other transactions are between the neighbours")


def check_no_tx(proof, _, chain_id, validators):
    check_checkpoint(proof.interval[0], proof.block)
    check_interval(proof.txid, proof.interval)
    before = proof.interval[0][1]
    for interval, block in proof.older:
        need(interval[0][0] == before, "blocks between two checkpoints are left out")
        header = block.check(chain_id)
        check_checkpoint(interval[0], block)
        check_interval(proof.txid, interval)
        block.check_signatures(header, chain_id, validators)
        before = interval[0][1]


def check(data, chain_id, genesis=b""):
    """Check a proof in CBOR; raises Refused with the reason."""
    try:
        proof = Proof(data)
    except BadForm:
        raise Refused(MALFORMED) from None
    held = genesis or proof.genesis
    need(held != b"", "the proof does not contain the genesis: give its file")
    need(tagged("genesis", held) == chain_id and
         (not proof.genesis or tagged("genesis", proof.genesis) == chain_id),
         "the genesis in the proof is of another chain")
    try:
        validators = genesis_validators(held)
    except BadForm:
        raise Refused("the genesis is malformed") from None
    header = proof.block.check(chain_id)
    if proof.kind == 5:
        check_no_tx(proof, header, chain_id, validators)
    else:
        [check_tx, check_version, check_row, check_no_row][proof.kind - 1](proof, header)
    proof.block.check_signatures(header, chain_id, validators)
    return proof


def why(data, chain_id, genesis=b""):
    """None when the proof holds, else the reason."""
    try:
        check(data, chain_id, genesis)
        return None
    except Refused as refused:
        return str(refused)


def main():
    data = open(sys.argv[1], "rb").read()
    if data.lstrip()[:1] == b"{":
        data = from_json(data.decode())
    reason = why(data, bytes.fromhex(sys.argv[2]))
    print(reason or "it holds")
    sys.exit(0 if reason is None else 1)


# --- docs/format/proof.md: JSON -----------------------------------------------------------------

KINDS = ["tx", "row version", "row", "no row", "no tx"]


def head(major, value):
    for low, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 24:
            return bytes([major << 5 | value])
        if value < 1 << (8 * size):
            return bytes([major << 5 | low]) + value.to_bytes(size, "big")
    raise BadForm()


def encode(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, str):
        raw = bytes.fromhex(value)
        return head(2, len(raw)) + raw
    items = list(value.values()) if isinstance(value, dict) else value
    return head(4, len(items)) + b"".join(encode(item) for item in items)


def from_json(text):
    proof = json.loads(text)
    proof["kind"] = KINDS.index(proof["kind"]) + 1
    return encode(proof)


if __name__ == "__main__":
    main()
