#!/usr/bin/python3
"""Goal: include/trustsql.h and libtrustsql.a serve a program of others as they are.

The header compiles alone as C11 and as C++; every function that it declares is called by
every_function.c; that program and the example in the header's opening comment build with the
library alone and run. Compiles with all warnings; prints lines of the Test Anything Protocol."""

import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
HEADER = f"{ROOT}/include/trustsql.h"
LIBRARY = f"{ROOT}/build/release/libtrustsql.a"
# As the header's opening comment says.
LINK = [LIBRARY, "-lsecp256k1", "-lsodium", "-lcrypto", "-pthread"]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT}/include"]
C11 = ["gcc", "-std=c11", *WARNINGS, "-Wstrict-prototypes"]

EXAMPLE = """#include <trustsql.h>
static uint8_t chain_id[32];
static uint64_t now_ms = 1700000000000u, height = 7;
static size_t sent;
static void send(const uint8_t *data, size_t size) {{ sent = data == 0 ? 0 : size; }}
int main(void)
{{
{example}
    return sent > 100 ? 0 : 1;
}}
"""


def header():
    with open(HEADER, encoding="utf-8") as file:
        return file.read()


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stdout


def compiles_alone(directory):
    for name, compiler in (("a.c", C11), ("a.c", ["clang", *C11[1:]]),
                           ("a.cpp", ["g++", "-std=c++11", *WARNINGS]),
                           ("a.cpp", ["clang++", "-std=c++17", *WARNINGS])):
        source = f"{directory}/{name}"
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <trustsql.h>\nint main() { return TRUSTSQL_OK; }\n"
                       if name.endswith("pp") else
                       "#include <trustsql.h>\nint main(void) { return TRUSTSQL_OK; }\n")
        run(*compiler, "-c", source, "-o", source + ".o")


def every_function_is_called(_):
    declared = set(re.findall(r"^TRUSTSQL_API[^;(]*?\b(trustsql_\w+)\(", header(), re.M))
    with open(f"{HERE}/every_function.c", encoding="utf-8") as file:
        called = set(re.findall(r"\b(trustsql_\w+)\(", file.read()))
    assert len(declared) > 20, declared
    assert declared == called, declared ^ called


def every_function_runs(directory):
    files = ["genesis", "proof", "proof-tx-shown", "proof-row", "proof-no-tx"]
    for name in files:
        with open(f"{ROOT}/test/golden/{name}.hex", encoding="ascii") as file:
            data = bytes.fromhex("".join(file.read().split()))
        with open(f"{directory}/{name}", "wb") as file:
            file.write(data)
    program = f"{directory}/every_function"
    run(*C11, f"{HERE}/every_function.c", *LINK, "-o", program)
    paths = [f"{directory}/{name}" for name in files]
    run(program, *paths[:2], f"{directory}/key", *paths[2:])


def example_runs(directory):
    comment = header().split("*/", 1)[0]
    example = "\n".join(re.findall(r"^ \*     (.*)$", comment, re.M))
    assert "trustsql_tx_sign" in example, example
    with open(f"{directory}/example.c", "w", encoding="utf-8") as file:
        file.write(EXAMPLE.format(example=example))
    run(*C11, f"{directory}/example.c", *LINK, "-o", f"{directory}/example")
    run(f"{directory}/example")


def main():
    cases = [compiles_alone, every_function_is_called, every_function_runs, example_runs]
    failed = 0
    print(f"1..{len(cases)}")
    for number, case in enumerate(cases, 1):
        with tempfile.TemporaryDirectory() as directory:
            try:
                case(directory)
                print(f"ok {number} - {case.__name__}")
            except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"not ok {number} - {case.__name__}\n# " + str(error).replace("\n", "\n# "))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
