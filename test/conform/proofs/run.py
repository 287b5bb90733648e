#!/usr/bin/python3
"""Goal: two readings of docs/format/proof.md agree: libtrustsql and verify.py give the same verdict on
each of many proofs, good and bad, and the same reason.

Proofs are made anew (build.py), and spoiled: bits, bytes, cut ends, parts of other proofs in place of their
own, numbers changed, items left out or said twice, in the proof and in what stands in it as bytes.
TRUSTSQL_PROOFS: how many (default 2,000); TRUSTSQL_SEED. Prints the Test Anything Protocol."""

import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, HERE)

import build  # noqa: E402
import verify  # noqa: E402

LINK = [f"{ROOT}/build/release/libtrustsql.a", "-lsecp256k1", "-lsodium", "-lcrypto", "-pthread"]


def places(value, at=()):
    """Every item of nested lists, by its place."""
    yield at
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from places(item, at + (i,))


def look(value, at):
    for i in at:
        value = value[i]
    return value


def put(value, at, new):
    """A copy with another item at a place."""
    if not at:
        return new
    items = list(value)
    items[at[0]] = put(items[at[0]], at[1:], new)
    return items


def spoil_item(pick, proof, other):
    """One item changed, left out, said twice, or taken from another proof."""
    at = pick.choice(list(places(proof))[1:])
    value = look(proof, at)
    how = pick.randrange(4)
    if how == 0:
        try:
            return put(proof, at, look(other, at))
        except (IndexError, TypeError):
            return put(proof, at, None)
    if how == 1 and isinstance(value, int) and not isinstance(value, bool):
        return put(proof, at, max(0, value + pick.choice((-1, 1, 8, 256))))
    if how == 1 and isinstance(value, bytes) and value:
        i = pick.randrange(len(value))
        return put(proof, at, value[:i] + bytes([value[i] ^ 1 << pick.randrange(8)]) + value[i + 1:])
    if how == 2 and isinstance(value, list) and value:
        i = pick.randrange(len(value))
        return put(proof, at, value[:i] + value[i + 1:])
    if how == 3 and isinstance(value, list) and value:
        i = pick.randrange(len(value))
        return put(proof, at, value[:i] + [value[i]] + value[i:])
    return put(proof, at, pick.choice((None, 0, b"", [], bytes(32))))


def spoil(pick, proof, other):
    """A file that may be anything but the proof; its bytes."""
    how = pick.randrange(10)
    if how < 6:
        return build.encode(spoil_item(pick, proof, other))
    data = bytearray(build.encode(proof))
    if how == 6:
        return bytes(data[:pick.randrange(len(data))])
    if how == 7:
        return bytes(data) + pick.randbytes(1)
    i = pick.randrange(len(data))
    data[i] ^= 1 << pick.randrange(8) if how == 8 else pick.randrange(1, 256)
    return bytes(data)


def judge(program, chain_id, proofs):
    """What libtrustsql says of each."""
    given = chain_id + b"".join(len(each).to_bytes(4, "big") + each for each in proofs)
    done = subprocess.run([program], input=given, stdout=subprocess.PIPE, timeout=600, check=True)
    return done.stdout.decode().splitlines()


def compare(program, pick, seed, count):
    """Counts of good and of reasons, and the first differences, of count proofs of one chain."""
    chain = build.Chain(seed)
    values = [chain.proof(1 + i % 5) for i in range(max(10, count // 8))]
    proofs = [build.encode(value) for value in values]
    while len(proofs) < count:
        value, other = pick.sample(values, 2)
        proofs.append(spoil(pick, value, other))
    said = judge(program, chain.chain_id, proofs)
    told = [verify.why(each, chain.chain_id) or "ok" for each in proofs]
    differences = [f"{a!r} but verify.py {b!r}: {proof.hex()}"
                   for a, b, proof in zip(said, told, proofs) if a != b]
    good = sum(each == "ok" for each in said[:len(values)])
    return {"good": good, "made": len(values), "reasons": set(said), "differences": differences,
            "verdicts": [d for d in differences if d.startswith("'ok'") or "'ok':" in d]}


def golden_files(program):
    """Files that tests of the C code made: verify.py takes them, too, and their JSON."""
    with open(f"{ROOT}/test/golden/genesis-chain-id.hex", encoding="ascii") as file:
        chain_id = bytes.fromhex(file.read().strip())
    for name in sorted(os.listdir(f"{ROOT}/test/golden")):
        if not name.startswith("proof-") or name == "proof-successors.hex":
            continue
        with open(f"{ROOT}/test/golden/{name}", encoding="ascii") as file:
            data = bytes.fromhex("".join(file.read().split()))
        assert verify.why(data, chain_id) is None, name
        assert judge(program, chain_id, [data]) == ["ok"], name


def main():
    count = int(os.environ.get("TRUSTSQL_PROOFS", "2000"))
    seed = int(os.environ.get("TRUSTSQL_SEED", "0")) or random.randrange(1, 10 ** 6)
    pick = random.Random(seed)
    print(f"1..2\n# TRUSTSQL_SEED={seed}")
    with tempfile.TemporaryDirectory() as directory:
        program = f"{directory}/check"
        subprocess.run(["gcc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include",
                        f"{HERE}/check.c", *LINK, "-o", program], check=True, timeout=120)
        golden_files(program)
        print("ok 1 - golden_files")
        good, made, reasons, differences, verdicts = 0, 0, set(), [], []
        for part in range(0, count, 500):
            got = compare(program, pick, seed + part, min(500, count - part))
            good, made = good + got["good"], made + got["made"]
            reasons |= got["reasons"]
            differences += got["differences"]
            verdicts += got["verdicts"]
    print(f"# {count} proofs, {made} of them good, {len(reasons) - 1} reasons; "
          f"{len(verdicts)} other verdicts, {len(differences)} other reasons")
    for each in (verdicts + differences)[:5]:
        print("# " + each[:2000])
    is_fine = good == made and not differences
    print(f"{'ok' if is_fine else 'not ok'} 2 - both_agree")
    sys.exit(0 if is_fine else 1)


if __name__ == "__main__":
    main()
