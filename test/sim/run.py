#!/usr/bin/python3
"""The simulator as a test: fresh seeds, planted faults, scenarios, twins, compilers.

    test/sim/run.py seeds FIRST COUNT | faults | scenarios | twins FIRST COUNT | compilers [COUNT]

FIRST is a number, or "fresh" with an optional offset as in fresh+1500: a base that differs from run to
run and is printed; TRUSTSQL_SEED repeats it. Output: Test Anything Protocol. What is asserted by the
program itself shows as a run that ends without a last line; the seed is then searched for, one by one."""

import glob
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("TRUSTSQL_SIM", ROOT + "/build/release/trustsql")
FAULT_SEEDS = 2000
MODES = "all"
SUBTLE = ("select-tie", "select-t", "select-locks", "raft-length",  # A scenario fails under each.
          "newview-unjudged")
CHUNK = 100
OTHER_BUILDS = {"debug": ["PROFILE=debug"], "debug-clang": ["PROFILE=debug", "CC=clang"]}
if os.environ.get("TRUSTSQL_NIGHTLY"):
    OTHER_BUILDS["release-clang"] = ["PROFILE=release", "CC=clang"]
OTHER_SEEDS = 40  # A state after each event is hashed for every one: slow. The nightly run takes more.
count = failed = 0


def say(is_ok, name, text=""):
    global count, failed
    count += 1
    failed += 0 if is_ok else 1
    for line in text.strip().splitlines():
        print("# " + line)
    print(f"{'ok' if is_ok else 'not ok'} {count} - {name}", flush=True)


def sim(*arguments, program=PROGRAM):
    """Exit code and output; a negative code is a signal."""
    done = subprocess.run([program, "sim", *map(str, arguments)], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=550)
    return done.returncode, done.stdout


def base_seed(text):
    """Fresh: of the clock, so that every run sees others."""
    if not text.startswith("fresh"):
        return int(text)
    known = os.environ.get("TRUSTSQL_SEED")
    base = int(known) if known and known.isdigit() else int(time.time()) * 10000 % 10**12
    return base + int(text[5:] or 0)


def find_abort(first, number, *arguments):
    """The program asserted something: which seed was it?"""
    for seed in range(first, first + number):
        code, output = sim("--seed", seed, "--seeds", 1, *arguments)
        if code != 0:
            return f"{output}\nrepeat: trustsql sim --seed {seed} --seeds 1 {' '.join(arguments)}"
    return "no seed alone does it"


def seeds(first, number, *arguments):
    first = base_seed(first)
    print(f"# seeds {first} to {first + int(number) - 1}", flush=True)
    started, commits = time.monotonic(), 0
    for at in range(first, first + int(number), CHUNK):
        code, output = sim("--seed", at, "--seeds", CHUNK, "--mode", MODES, *arguments)
        if code not in (0, 1):
            output += find_abort(at, CHUNK, "--mode", MODES, *arguments)
        if code != 0:
            say(False, f"seeds from {at}", output)
            return
        commits += sum(int(found) for found in re.findall(r"(\d+) blocks", output))
    say(True, f"{number} seeds", f"{commits} blocks in {time.monotonic() - started:.0f} s")


def faults():
    listed = sim("--fault", "list")[1]
    for fault in listed.split("one of:")[1].split():
        if fault in SUBTLE:
            continue
        code, output = sim("--seed", base_seed("fresh"), "--seeds", FAULT_SEEDS, "--mode", MODES,
                           "--fault", fault)
        lines = output.strip().splitlines()
        is_caught = code == 1 and lines[-1].startswith("repeat: trustsql sim")
        say(is_caught, f"planted fault {fault} is caught", "\n".join(lines[-2:]))


def scenarios():
    """Each holds; and each fails under the fault that its comment names, and that is why it is here."""
    for path in sorted(glob.glob(f"{ROOT}/test/sim/*.scn")):
        name = os.path.basename(path)
        code, output = sim("--scenario", path)
        say(code == 0, name, output)
        with open(path, encoding="utf-8") as file:
            fault = re.search(r"^# Fails under: (\S+)$", file.read(), re.MULTILINE)
        if fault is None:
            say(False, f"{name} names the fault under which it fails")
            continue
        code, output = sim("--scenario", path, "--fault", fault.group(1))
        say(code == 1, f"{name} fails under {fault.group(1)}", "" if code == 1 else output)


def twins(first, number):
    first = base_seed(first)
    for nodes, share in ((4, int(number)), (7, int(number) // 8)):
        code, output = sim("--twins", "--nodes", nodes, "--seed", first, "--seeds", share)
        say(code == 0, f"{share} schedules of twins, {nodes} nodes", output)


def compilers(number=OTHER_SEEDS):
    """The same seed gives the same trace, byte for byte, with every compiler and optimisation."""
    first = base_seed("fresh")
    scenario = f"{ROOT}/test/sim/s26.scn"

    def traces(program):
        listed = sim("--seed", first, "--seeds", number, "--mode", MODES, "--digests", "--json",
                     program=program)[1]
        found = re.search(r'"trace":"(\w+)"', listed)
        told = subprocess.run([program, "sim", "--scenario", scenario, "--trace"], check=False,
                              stdout=subprocess.PIPE).stdout
        return found and found.group(1), told

    mine, told = traces(PROGRAM)
    for build, arguments in OTHER_BUILDS.items():
        subprocess.run(["make", "--no-print-directory", "-s", "-j2", "-C", ROOT, *arguments, "program"],
                       check=True, stdout=subprocess.DEVNULL)
        theirs, other = traces(f"{ROOT}/build/{build}/trustsql")
        say(mine is not None and mine == theirs,
            f"{number} seeds from {first} give the same trace with {build}")
        say(told == other and len(told) > 100000, f"s26.scn gives the same trace with {build}")


def main():
    parts = {"seeds": seeds, "faults": faults, "scenarios": scenarios, "twins": twins,
             "compilers": compilers}
    if len(sys.argv) < 2 or sys.argv[1] not in parts:
        sys.exit(__doc__)
    parts[sys.argv[1]](*sys.argv[2:])
    print(f"1..{count}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
