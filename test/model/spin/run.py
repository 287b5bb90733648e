#!/usr/bin/python3
"""The protocol's models, searched by Spin: the right model holds, every mutant of it does not.

    test/model/spin/run.py ci|nightly [--write] [MODEL…]

ci       the sizes that are small enough for every test run, and all mutants (a minute at most)
nightly  the large ones as well
--write  puts the figures of this run into the table of docs/models.md

A model is checked with every assertion in it; a search is exhaustive, or "bitstate" where memory does not suffice:
states are told apart by hash functions, so some may be missed, and it ends after half an hour, "cut" if it was not
through. Output: Test Anything Protocol."""

import datetime
import os
import re
import subprocess
import sys
import tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(FOLDER)))
PAGE = ROOT + "/docs/models.md"
MEMORY_MB = 9000
SECONDS = 7200
BITSTATE_MINUTES = 30

# Model: (parameters, "ci" or "nightly", "exhaustive" or "bitstate").
RIGHT = {
    "slot": [
        ("N=4 F=1 P=0 VIEWS=3", "ci", "exhaustive"),
        ("N=4 F=1 P=0 VIEWS=3 MODE_BFT", "ci", "exhaustive"),
        ("N=5 F=1 P=0 VIEWS=3", "ci", "exhaustive"),
        ("N=6 F=1 P=1 VIEWS=2", "ci", "exhaustive"),
        ("N=7 F=2 P=0 VIEWS=2", "ci", "exhaustive"),
        ("N=4 F=1 P=0 VIEWS=4", "nightly", "exhaustive"),
        ("N=6 F=1 P=1 VIEWS=3", "nightly", "exhaustive"),
        ("N=7 F=2 P=0 VIEWS=3", "nightly", "bitstate"),
    ],
    "chain": [
        ("N=4 F=1 P=0 VIEWS=2", "ci", "exhaustive"),
        ("N=4 F=1 P=0 VIEWS=2 MODE_BFT", "ci", "exhaustive"),
        ("N=3 F=0 VIEWS=3 MODE_RAFT", "ci", "exhaustive"),
        ("N=3 F=0 VIEWS=4 MODE_RAFT", "nightly", "exhaustive"),
        ("N=5 F=0 VIEWS=3 MODE_RAFT", "nightly", "exhaustive"),
        ("N=4 F=1 P=0 VIEWS=2 LETTERS=2", "nightly", "exhaustive"),
        ("N=5 F=1 P=0 VIEWS=2", "nightly", "exhaustive"),
        ("N=6 F=1 P=1 VIEWS=2", "nightly", "bitstate"),
        ("N=4 F=1 P=0 VIEWS=3 LOWS=1", "nightly", "bitstate"),
    ],
    "epoch": [("", "ci", "exhaustive")],
}

RAFT = "MODE_RAFT N=3 F=0 VIEWS=3"

# Model: (mutant, parameters under which it must be found, what is wrong with it).
WRONG = {
    "slot": [
        ("CERTIFICATE_WINS", "", "a certificate beats claims of any view"),
        ("CLAIMS_WIN", "", "claims beat a certificate of any view"),
        ("TIE_TO_CLAIMS", "", "in one view claims beat the certificate of another block"),
        ("T_PLUS_1", "", "one claim more than a fast commit leaves"),
        ("T_MINUS_1", "", "one claim fewer: liars and slow members suffice"),
        ("T_OF_P_0", "N=6 P=1 VIEWS=2", "T without p"),
        ("LEVEL_IS_LARGEST", "", "one claim of a late view lifts all others"),
        ("VC_WITHOUT_VOTES", "", "a fast path on top of view changes that show certificates alone"),
        ("VC_WITHOUT_LOCK", "", "view changes that show votes alone"),
        ("VC_QUORUM_MINUS_1", "", "n - f - 1 view changes open a view"),
        ("FAST_N_MINUS_1", "", "n - 1 votes commit at n = 3f + 1"),
        ("Q_MINUS_1", "", "certificates of one vote too few"),
        ("NEWVIEW_BELIEVED", "", "followers take the leader's word for the anchor"),
        ("CERTIFICATE_UNVERIFIED", "", "certificates in view changes are not verified"),
        ("LOCK_WITHOUT_QC", "", "a lock without a certificate"),
        ("PROMISE_DROPPED", "", "votes and locks in views that were left"),
        ("RESTART_FORGETS", "", "the vote leaves before the journal is synced"),
    ],
    "chain": [
        ("TIE_DROPPED", "", "claims of the certificate's own view do not count"),
        ("TIE_TO_CLAIMS", "", "… or count against its block"),
        ("TIE_ONLY_BELOW", "", "… or only below its block"),
        ("DESCENDANT_DROPPED", "", "a certificate never wins over an ancestor of its block"),
        ("TIP_ONLY", "", "a claim on a tip is none on its ancestors"),
        ("CLAIMS_WIN", "", "claims beat a certificate of any view"),
        ("FINAL_UNVERIFIED", "", "final blocks in view changes need no certificate"),
        ("T_MINUS_1", "", "one claim fewer: liars and slow members suffice"),
        ("MAJORITY_MINUS_1", RAFT, "raft: half of the members commit"),
        ("CHANGES_MINUS_1", RAFT, "raft: half of the members open a view"),
        ("LONGEST", RAFT, "raft: the longest chain wins, whatever its view"),
        ("ANCHOR_KEEPS_VIEW", RAFT, "raft: an anchor is adopted with the view of its last vote"),
        ("RESTART_FORGETS", RAFT, "raft: the vote leaves before the journal is synced"),
    ],
    "epoch": [
        ("FLAG_UNCHECKED", "", "voters that know of the change do not ask for the close"),
        ("VOTE_ABOVE_CLOSE", "", "votes above the close in its epoch"),
        ("BEGINS_WHEN_SEEN", "", "the new epoch begins when the close is seen, not when it is final"),
        ("EPOCHS_MIXED", "", "votes of the new epoch are checked with the members of the old one"),
        ("RESTART_FORGETS", "", "a restart begins the new epoch without its record"),
    ],
}

count = failed = 0
rows = []


def say(is_ok, name, text=""):
    global count, failed
    count += 1
    failed += 0 if is_ok else 1
    for line in text.strip().splitlines():
        print("# " + line)
    print(f"{'ok' if is_ok else 'not ok'} {count} - {name}", flush=True)


def search(model, parameters, kind):
    """Figures of one search, or the text of what went wrong."""
    defines = ["-D" + word for word in parameters.split()]
    compile_as = ["-DBITSTATE"] if kind == "bitstate" else []
    run_as = ["-w33", "-k3", f"-Q{BITSTATE_MINUTES}"] if kind == "bitstate" else ["-w22"]
    with tempfile.TemporaryDirectory() as folder:
        def call(*command):
            return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
        made = call("spin", "-a", *defines, f"{FOLDER}/{model}.pml")
        if made.returncode == 0:
            made = call("gcc", "-O1" if "MUTANT" in parameters else "-O2", "-w", "-DSAFETY", "-DNOREDUCE", f"-DMEMLIM={MEMORY_MB}",
                        *compile_as, "-o", "pan", "pan.c")
        if made.returncode != 0:
            return None, made.stdout
        try:
            output = call("./pan", "-m1000000", "-E", *run_as).stdout
        except subprocess.TimeoutExpired:
            return None, f"not through after {SECONDS} s"
    found = {name: re.search(pattern, output) for name, pattern in (
        ("errors", r"errors: (\d+)"), ("states", r"([\d.e+]+) states, stored"),
        ("depth", r"depth reached (\d+)"), ("memory", r"([\d.]+)\s+total actual memory"),
        ("seconds", r"elapsed time ([\d.e+]+)"))}
    if any(match is None for match in found.values()) or "out of memory" in output:
        return None, output
    figures = {name: float(match.group(1)) for name, match in found.items()}
    return figures, output


def words(figures):
    return (f"{figures['states']:,.0f} states, depth {figures['depth']:.0f}, "
            f"{figures['memory']:.0f} MB, {figures['seconds']:.1f} s")


def hold(model, parameters, kind):
    figures, output = search(model, parameters, kind)
    if figures is None or figures["errors"] != 0 or "depth exceeded" in output:
        say(False, f"{model} {parameters} holds", output)
        return
    if kind == "bitstate" and "Search not completed" in output:
        kind += ", cut"
    say(True, f"{model} {parameters}".rstrip() + f" holds ({kind}): {words(figures)}")
    rows.append((model, parameters, kind, "holds", figures))


def find(model, mutant, parameters, what):
    figures, output = search(model, f"MUTANT_{mutant} {parameters}", "exhaustive")
    if figures is None or figures["errors"] == 0:
        say(False, f"{model} {mutant} is found: {what}", output)
        return
    say(True, f"{model} {mutant} is found after {figures['states']:,.0f} states: {what}")
    rows.append((model, f"{mutant} {parameters}".strip(), what, "found", figures))


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    return f"{os.cpu_count()} × {model.group(1) if model else 'CPU'}"


def table():
    """The part of docs/models.md between its two marks."""
    version = subprocess.run(["spin", "-V"], check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = [f"`test/model/spin/run.py {' '.join(sys.argv[1:])}`, "
             f"{datetime.date.today().isoformat()}, {machine()}, {version.split(' -- ')[0]}.", "",
             "| model | parameters | search | states | depth | MB | s |",
             "|---|---|---|---|---|---|---|"]
    for model, parameters, kind, result, f in rows:
        if result == "holds":
            lines.append(f"| {model} | {parameters} | {kind} | {f['states']:,.0f} | {f['depth']:.0f} "
                         f"| {f['memory']:.0f} | {f['seconds']:.1f} |")
    lines += ["", "| model | mutant | what is wrong | states until it is found |", "|---|---|---|---|"]
    for model, parameters, what, result, f in rows:
        if result == "found":
            lines.append(f"| {model} | {parameters} | {what} | {f['states']:,.0f} |")
    return "\n".join(lines)


def write():
    with open(PAGE, encoding="utf-8") as file:
        before, rest = file.read().split("<!-- figures -->\n", 1)
        after = rest.split("<!-- end of figures -->\n", 1)[1]
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(f"{before}<!-- figures -->\n{table()}\n<!-- end of figures -->\n{after}")


def main():
    given = [word for word in sys.argv[1:] if word != "--write"]
    if not given or given[0] not in ("ci", "nightly") or any(m not in RIGHT for m in given[1:]):
        sys.exit(__doc__)
    for model in given[1:] or RIGHT:
        for parameters, part, kind in RIGHT[model]:
            if part == "ci" or given[0] == "nightly":
                hold(model, parameters, kind)
        for mutant, parameters, what in WRONG[model]:
            find(model, mutant, parameters, what)
    if "--write" in sys.argv and failed == 0:
        write()
    print(f"1..{count}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
