#!/usr/bin/env python3
"""Compute the hashes of the golden files again, with nothing but hashlib.

A second reading of docs/format: if this file and the C code disagree, one of them does not do what
the format says. Signatures are not checked. Exit 0 when all agree.
"""
import hashlib
import pathlib
import sys

import row_tree

HERE = pathlib.Path(__file__).parent


def golden(name):
    return bytes.fromhex((HERE / f"{name}.hex").read_text().replace("\n", ""))


def sha(data):
    return hashlib.sha256(data).digest()


def tagged(tag, *parts):
    return sha(tag.encode() + b"\0" + b"".join(parts))


def u64(n):
    return n.to_bytes(8, "little")


def u32(n):
    return n.to_bytes(4, "little")


def leaf(data):
    return sha(b"\0" + data)


def root(leaves):
    """RFC 9162, by its recursive definition."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha(b"\1" + root(leaves[:split]) + root(leaves[split:]))


class Item:
    """One CBOR item: its value (bytes, str, int, list, None, bool, float's bytes) and its encoding."""

    def __init__(self, value, raw):
        self.value = value
        self.raw = raw

    def __getitem__(self, index):
        return self.value[index]

    def __len__(self):
        return len(self.value)


def parse(data, at=0):
    """The item at an offset, and the offset after it."""
    first, start = data[at], at
    at += 1
    simple = {0xF4: False, 0xF5: True, 0xF6: None}
    if first in simple:
        return Item(simple[first], data[start:at]), at
    if first == 0xFB:
        return Item(data[at:at + 8], data[start:at + 8]), at + 8
    major, argument = first >> 5, first & 31
    if argument >= 24:
        size = 1 << (argument - 24)
        argument = int.from_bytes(data[at:at + size], "big")
        at += size
    if major == 0:
        return Item(argument, data[start:at]), at
    if major == 1:
        return Item(-1 - argument, data[start:at]), at
    if major in (2, 3):
        value = data[at:at + argument]
        at += argument
        return Item(value if major == 2 else value.decode(), data[start:at]), at
    assert major == 4, f"byte {first:02x}"
    items = []
    for _ in range(argument):
        item, at = parse(data, at)
        items.append(item)
    return Item(items, data[start:at]), at


def whole(data):
    item, end = parse(data)
    assert end == len(data), "bytes are left over"
    return item


def commitment_of_param(param, secret, op, index):
    if len(param) == 1:
        return param[0].value
    salt = param[2].value if secret is None else tagged("salt", secret, u32(op), u32(index), b"\0")
    return tagged("val", salt, b"\x82", param[0].raw, param[1].raw)


def commitment_of_auth(auth, secret, op, index):
    if auth[3].value is None:
        return auth[4].value
    salt = auth[4].value if secret is None else tagged("salt", secret, u32(op), u32(index), b"\1")
    return tagged("auth", salt, auth[3].value)


def op_hash(op, secret, number):
    kind, text, params, auths = op.value
    parts = [u64(kind.value), tagged("text", text.value.encode()), u64(len(params)), u64(len(auths))]
    parts += [commitment_of_param(p, secret, number, i) for i, p in enumerate(params.value)]
    for i, auth in enumerate(auths.value):
        parts += [u64(auth[0].value), tagged("key", auth[1].value),
                  commitment_of_auth(auth, secret, number, i), tagged("sig", auth[2].value)]
    return tagged("op", *parts)


def tx_hashes(data):
    version, envelope, secret, ops, signatures = whole(data).value
    items = sum(len(op.value[2].value) + len(op.value[3].value) for op in ops.value)
    if items == 0 and secret.value is not None and any(secret.value):
        raise ValueError("a secret that salts nothing is not zero")
    leaves = [leaf(op_hash(op, secret.value, i)) for i, op in enumerate(ops.value)]
    txid = tagged("tx", u64(version.value), tagged("env", envelope.raw), root(leaves))
    return txid, leaf(txid + tagged("sigs", *[s.value for s in signatures.value]))


def path_root(node, index, count, path):
    """Root of a tree of count leaves, by the recursive definition."""
    if count == 1:
        assert not path
        return node
    split = 1
    while split * 2 < count:
        split *= 2
    if index < split:
        return sha(b"\1" + path_root(node, index, split, path[:-1]) + path[-1])
    return sha(b"\1" + path[-1] + path_root(node, index - split, count - split, path[:-1]))


def check_proof(data):
    version, genesis, kind, subject, block = whole(data).value
    assert (version.value, genesis.value, kind.value) == (3, b"", 1)
    receipt, path, shown = subject.value
    result, before, header, successors, commit, execution, later, epochs = block.value
    assert epochs.value == b"" and shown.value is None  # Of epoch 0.
    index, count = whole(receipt.value)[2], whole(header.value)[9]
    height, block_hash, writes, receipts, checkpoint = (i.value for i in result.value)
    assert tagged("hdr", header.value) == block_hash
    nodes = [n.value for n in path.value]
    assert path_root(leaf(receipt.value), index.value, count.value, nodes) == receipts
    d = tagged("exec", u64(height), block_hash, writes, receipts, checkpoint)
    digest = tagged("chain", before.value, d)
    for at in range(0, len(later.value), 32):
        digest = tagged("chain", digest, later.value[at:at + 32])
    for successor in successors.value:
        assert whole(successor.value)[4].value == block_hash
        block_hash = tagged("hdr", successor.value)
    assert commit[1][2].value == height + len(successors)
    assert commit[1][3].value == block_hash
    assert execution[1][2].value == digest
    assert execution[1][1].value == height + len(later.value) // 32


def check_body():
    header, body = whole(golden("header")), whole(golden("body"))
    assert header[13].value == tagged("cert", body[0].raw)
    assert header[16].value == tagged("cert", body[1].raw)
    assert header[10].value == len(golden("body"))
    assert header[9].value == len(body[3])
    assert header[8].value == root([tx_hashes(tx.value)[1] for tx in body[3].value])
    assert header[17].value == tagged("notes", body[2].raw)
    assert [late[0].value for late in body[2][0].value] == [0, 2]


def unsigned(item):
    """The items of an array but the last, as they are encoded."""
    return item.raw[:1] + b"".join(i.raw for i in item.value[:-1])


def check_messages():
    chain = golden("genesis-chain-id")
    said = {name: whole(golden("message-" + name))
            for name in ("proposal", "vote", "view-change", "new-view", "status")}
    kinds = [item[0].value for item in said.values()]
    assert kinds == [1, 2, 3, 4, 5]
    hashes = [tagged("proposal", tagged("hdr", said["proposal"][1][0].raw))]
    hashes += [tagged(name, chain, unsigned(said[name][1]))
               for name in ("view-change", "new-view", "status")]
    assert b"".join(hashes) == golden("message-hashes")
    change = said["view-change"][1]
    assert change[4].value == change[7][0][4].value  # The first header's parent is final.
    assert said["new-view"][1][5].value == tagged("hdr", change[7][0].raw)
    record = whole(golden("record"))
    assert record[0].value == 2 and len(record) == 14


def check_evidence():
    """Identity and order of the items, and what binds them."""
    def block(header):
        return tagged("hdr", header.raw)

    for number, names in enumerate((("e1",), ("e2", "e2-branches"), ("e3", "e3-lock"), ("e4",),
                                    ("e5",), ("e6", "e6-duplicate", "e6-time"), ("e7",), ("e8",),
                                    ("e9", "e9-branches")), 1):
        for name in names:
            kind, epoch, offender, view, height, packed = whole(golden("evidence-" + name)).value
            assert kind.value == number and epoch.value == 0
            items = whole(packed.value)
            if number == 1:
                assert block(items[0][0]) < block(items[1][0])
                assert [p[0][11].value for p in items.value] == [offender.value] * 2
            elif number == 2:
                low, high, headers = items[0][0], items[1][0], items[2]
                assert low[1].value == high[1].value == view.value
                assert low[2].value == height.value <= high[2].value
                assert len(headers) == high[2].value - low[2].value
                if len(headers):
                    assert headers[0][4].value != low[3].value
                    assert block(headers[len(headers) - 1]) == high[3].value
                else:
                    assert low[3].value < high[3].value
            elif number == 3:
                assert items[0][3].value == items[1][2].value == offender.value
                assert items[1][1].value == view.value
            elif number == 4:
                signed = [tagged("view-change", bytes(32), unsigned(vc)) for vc in items.value]
                assert signed[0] < signed[1]
            elif number == 5:
                assert items[2].value == offender.value and height.value == 0
            elif number == 7:
                low, high = items[0][2], items[1][2]
                assert [v[3].value for v in items.value] == [offender.value] * 2
                assert low[1].value == high[1].value == height.value
                assert low[2].value < high[2].value
            elif number == 8:
                assert items[0][3].value == offender.value
                assert items[0][2][1].value == items[1][1][1].value == height.value
                assert items[0][2][2].value != items[1][1][2].value
            elif number == 9:
                low, high, headers = items[0][1], items[1][1], items[2]
                assert low[1].value == high[1].value == view.value
                assert low[2].value == height.value
                assert all(offender.value in [e[0].value for e in c[2].value]
                           for c in items.value[:2])
                assert len(headers) == high[2].value - low[2].value
                if len(headers):
                    assert headers[0][4].value != low[3].value
                    assert block(headers[len(headers) - 1]) == high[3].value
                else:
                    assert low[3].value < high[3].value
            elif name != "e6-time":
                header = items[1][0]
                for index, tx, path in (item.value for item in items[2].value):
                    leaf_hash, nodes = tx_hashes(tx.value)[1], [n.value for n in path.value]
                    assert path_root(leaf_hash, index.value, header[9].value, nodes) == header[8].value
            else:
                parent = items[2][0][1].value
                assert tagged("hdr", parent) == items[1][0][4].value
                assert whole(parent)[7].value >= items[1][0][7].value


def check_rows():
    """The roots of test/unit/ledger/test_row_path.c."""
    def place(i):
        value = 3 * i
        key = b"\x81" + (bytes([value]) if value < 24 else b"\x18" + bytes([value]) if value < 256
                         else b"\x19" + value.to_bytes(2, "big"))
        return row_tree.position(1000 if i % 7 == 0 else 1, key), leaf(key)

    roots = [row_tree.root([place(i) for i in range(count)]) for count in (0, 1, 2, 32, 33, 1000)]
    assert b"".join(roots) == golden("row-roots")
    txids = [bytes([i]) * 32 for i in range(3)]
    assert row_tree.checkpoint(300, 256, bytes([7]) * 32, txids) == golden("checkpoint")


def main():
    txid, tx_leaf = tx_hashes(golden("tx"))
    assert txid == golden("tx-txid")
    assert tx_leaf == golden("tx-leaf")
    assert tagged("txfull", golden("tx")) == golden("tx-full")
    assert tx_hashes(golden("tx-redacted")) == (txid, tx_leaf)
    assert tagged("hdr", golden("header")) == golden("header-hash")
    assert tagged("genesis", golden("genesis")) == golden("genesis-chain-id")
    check_body()
    check_proof(golden("proof"))
    check_proof(golden("proof-successors"))
    check_messages()
    check_evidence()
    check_rows()
    mode = whole(golden("mode"))
    assert len(mode) == 17 and len(mode[0]) == 10
    assert len(mode[16]) == min(mode[2].value - mode[1].value + 1, mode[0][4].value + 32)
    for name in ("vote", "certificate-p1", "certificate-p2", "certificate-p3", "receipt-ok",
                 "receipt-failed"):
        whole(golden(name))
    print("golden files agree with the formats")


if __name__ == "__main__":
    sys.exit(main())
