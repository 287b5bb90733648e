"""The fuzzers: which there are, where their seeds are, which files they are to reach.

A fuzzer is test/fuzz/fuzz_NAME.c; its seeds are test/fuzz/corpus/NAME/*, its dictionary, if any,
test/fuzz/NAME.dict. What a run finds is kept in build/fuzz-corpus/NAME and used by the next one."""

import glob
import os

from tally import ROOT, Job, read_exit_code

BUILD = ["make", "--no-print-directory", "-j2", "PROFILE=fuzz", "CC=clang", "fuzzers"]

# The files that read the bytes from outside. Tests measure the rest.
DECODERS = {
    "block": ["src/codec/cbor.c", "src/ledger/block.c", "src/ledger/vote.c", "src/ledger/receipt.c",
              "src/ledger/genesis.c"],
    "consensus": ["src/consensus/" + name + ".c" for name in (
        "message", "record", "check", "evidence_verify", "evidence_content")],
    "core": ["src/node/wire.c", "src/node/core_body.c", "src/node/core_fetch.c",
             "src/node/core_sync.c", "src/node/core_gossip.c"],
    "epochs": ["src/ledger/epochs.c", "src/ledger/config.c"],
    "p2p": ["src/p2p/frame.c", "src/p2p/inbox.c", "src/p2p/proxy.c", "src/crypto/identity.c"],
    "pg": ["src/pg/wire.c", "src/pg/session.c", "src/pg/query.c", "src/pg/pipeline.c",
           "src/pg/prepared.c"],
    "proof": ["src/ledger/" + name + ".c" for name in (
        "proof", "proof_block", "proof_json", "proof_verify", "side_path", "row_path", "epochs")],
    "quarantine": ["src/node/quarantine.c"],
    "result": ["src/exec/record.c"],
    "segment": ["src/store/segment.c", "src/store/scan.c", "src/store/log_open.c",
                "src/store/journal_open.c", "src/store/index.c"],
    "sql": ["src/sql/" + name + ".c" for name in (
        "lex", "parse", "compile", "bind", "expr", "operator", "call", "resolve", "types", "from",
        "query", "group", "dml", "ddl", "ddl_table", "ddl_index", "utility", "emit")],
    "tx": ["src/codec/cbor.c", "src/ledger/tx_decode.c", "src/ledger/tx_hash.c"],
    "undo": ["src/state/undo.c"],
    "value": ["src/sql/value.c", "src/sql/value_text.c", "src/sql/numeric.c", "src/sql/time.c"],
}


def names():
    found = [os.path.basename(path)[5:-2] for path in glob.glob(f"{ROOT}/test/fuzz/fuzz_*.c")]
    return sorted(found)


def program(name):
    return f"build/fuzz-clang/fuzz/fuzz_{name}"


def job(name, seconds, profile="/dev/null", needs=()):
    """One fuzzer for so many seconds. profile: where the coverage goes."""
    found = f"build/fuzz-corpus/{name}"
    seeds = f"test/fuzz/corpus/{name}"
    words = f"test/fuzz/{name}.dict"
    os.makedirs(f"{ROOT}/{found}", exist_ok=True)
    command = [program(name), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
               "-max_len=10000", f"-artifact_prefix={ROOT}/build/fuzz-{name}-"]
    if os.path.exists(f"{ROOT}/{words}"):
        command.append(f"-dict={words}")
    return Job(f"fuzz/{name}", [*command, found, seeds], read_exit_code, timeout=seconds + 120, needs=needs,
               environment={"ASAN_OPTIONS": "detect_leaks=1", "LLVM_PROFILE_FILE": profile,
                            "UBSAN_OPTIONS": "print_stacktrace=1"})
