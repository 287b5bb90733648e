"""The row tree of docs/format/rows.md, with nothing but hashlib: a root from a list of rows.

A row is the bytes of its write-set entry [table id, key, row], or its parts: a table id, the bytes of
the key and a leaf. Written from the format, for tests that compare."""
import hashlib

BUCKET_MAX = 32


def sha(data):
    return hashlib.sha256(data).digest()


def tagged(tag, *parts):
    return sha(tag.encode() + b"\0" + b"".join(parts))


def head(data, at):
    """Major type, argument and size of a CBOR head."""
    major, info = data[at] >> 5, data[at] & 31
    if info < 24:
        return major, info, 1
    size = 1 << (info - 24)
    return major, int.from_bytes(data[at + 1:at + 1 + size], "big"), 1 + size


def skip(data, at):
    """Where the item at `at` ends."""
    if data[at] == 0xfb:
        return at + 9
    major, argument, size = head(data, at)
    at += size
    if major in (2, 3):
        return at + argument
    if major == 4:
        for _ in range(argument):
            at = skip(data, at)
    return at


def integer_key(key):
    """The integer of a key [v], or None."""
    if key[0] != 0x81 or key[1] >> 5 not in (0, 1):
        return None
    major, argument, _ = head(key, 1)
    if argument >= 1 << 63:
        return None
    return argument if major == 0 else -1 - argument


def position(table, key):
    value = integer_key(key)
    if value is None:
        return table.to_bytes(8, "big") + b"\1" + tagged("rowkey", key)[:31]
    return table.to_bytes(8, "big") + b"\0" + (value + (1 << 63)).to_bytes(8, "big") + bytes(23)


def place(entry):
    """Position and leaf of an entry [table id, key, row] whose row is there."""
    major, table, size = head(entry, 1)
    assert entry[0] == 0x83 and major == 0
    end = skip(entry, 1 + size)
    assert entry[end] != 0xf6
    return position(table, entry[1 + size:end]), sha(b"\0" + entry)


def bit_of(where, bit):
    return where[bit // 8] >> (7 - bit % 8) & 1


def first_difference(a, b):
    bit = 0
    while bit_of(a, bit) == bit_of(b, bit):
        bit += 1
    return bit


def root(places):
    """Root over (position, leaf) pairs, in any order."""
    return subtree(sorted(places))


def subtree(places):
    if not places:
        return bytes(32)
    if len(places) <= BUCKET_MAX:
        return tagged("bucket", len(places).to_bytes(4, "little"), *(p + leaf for p, leaf in places))
    bit = first_difference(places[0][0], places[-1][0])
    left = [p for p in places if not bit_of(p[0], bit)]
    return tagged("branch", bit.to_bytes(2, "little"), subtree(left), subtree(places[len(left):]))


def checkpoint(height, before, row_root, txids):
    """Hash of a checkpoint from its rows' root and the ids of the transactions of its blocks."""
    return tagged("checkpoint", height.to_bytes(8, "little"), before.to_bytes(8, "little"), row_root,
                  merkle([sha(b"\0" + txid) for txid in sorted(txids)]))


def merkle(leaves):
    """RFC 9162, by its recursive definition."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha(b"\1" + merkle(leaves[:split]) + merkle(leaves[split:]))
