#!/usr/bin/python3
"""Goal: the drivers of PostgreSQL work unchanged: connecting, types both ways, transactions, COPY, errors.

    run.py                  psycopg2 (Debian's) and asyncpg
    run.py --all            psycopg 3, node-postgres, pgx and pgjdbc, too
    run.py NAME…            those named

A driver comes from the registry of its language, by name and version, into build/drivers; it is fetched once. One
that cannot be had is skipped, and the run says so. Each program prints lines of the Test Anything Protocol, which
are joined here to one list."""

import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(HERE, "..", "sqldiff"))

from servers import default_program, node  # noqa: E402

BUILD = ROOT + "/build/drivers"
PYTHON = "/usr/bin/python3"
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>drivers</groupId><artifactId>drivers</artifactId><version>1</version><dependencies><dependency>
<groupId>org.postgresql</groupId><artifactId>postgresql</artifactId><version>42.7.3</version></dependency></dependencies>
</project>
"""


def run(*command, cwd=BUILD, seconds=240):
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=seconds)
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-2000:])


def from_pypi(module, package):
    """The folder with a package of PyPI. Not a virtual environment: only files, for Debian's Python."""
    folder = f"{BUILD}/python-{package}"
    if not os.path.isdir(f"{folder}/{module}"):
        run(PYTHON if shutil.which("pip") is None else "pip", *([] if shutil.which("pip") else ["-m", "pip"]), "install",
            "-q", "--python-version", "3.11", "--only-binary=:all:", "--target", folder, package)
    return folder


def python(name, module=None, package=None):
    environment = {"PYTHONPATH": from_pypi(module, package)} if module else {}
    return [PYTHON, f"{HERE}/with_{name}.py"], environment


def javascript():
    folder = BUILD + "/js"
    os.makedirs(folder, exist_ok=True)
    if not os.path.isdir(folder + "/node_modules/pg-copy-streams"):
        run("npm", "install", "--no-audit", "--no-fund", "pg@8.13.1", "pg-cursor@2.12.1", "pg-copy-streams@6.0.6", cwd=folder)
    shutil.copy(HERE + "/node_postgres.js", folder)
    return ["node", folder + "/node_postgres.js"], {}


def go():
    folder = BUILD + "/go"
    os.makedirs(folder, exist_ok=True)
    shutil.copy(HERE + "/pgx.go", folder + "/main.go")
    if not os.path.exists(folder + "/go.sum"):
        with open(folder + "/go.mod", "w", encoding="utf-8") as file:
            file.write("module drivers\n\ngo 1.21\n")
        run("go", "get", "github.com/jackc/pgx/v5@v5.5.5", cwd=folder)
    run("go", "build", "-o", "pgx", ".", cwd=folder)
    return [folder + "/pgx"], {}


def java():
    folder = BUILD + "/java"
    os.makedirs(folder, exist_ok=True)
    if not os.path.isdir(folder + "/lib"):
        with open(folder + "/pom.xml", "w", encoding="utf-8") as file:
            file.write(POM)
        run("mvn", "-q", "dependency:copy-dependencies", "-DoutputDirectory=lib", cwd=folder)
    run("javac", "-cp", folder + "/lib/*", "-d", folder, HERE + "/PgjdbcTest.java")
    return ["java", "-cp", f"{folder}/lib/*:{folder}", "PgjdbcTest"], {}


DRIVERS = {"psycopg2": lambda: python("psycopg2"),
           "asyncpg": lambda: python("asyncpg", "asyncpg", "asyncpg==0.30.0"),
           "psycopg3": lambda: python("psycopg3", "psycopg", "psycopg[binary]==3.2.3"),
           "node-postgres": javascript, "pgx": go, "pgjdbc": java}
FEW = ["psycopg2", "asyncpg"]


def settings_of(parameters):
    named = dict(part.split("=", 1) for part in parameters.split())
    return {"PGHOST": named["host"], "PGPORT": named["port"], "PGUSER": named["user"], "PGDATABASE": named["dbname"],
            "PGPASSWORD": named["password"]}


def results(name, environment):
    """(verdict, text, lines of explanation) for each step of a driver's program."""
    try:
        command, more = DRIVERS[name]()
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as e:
        return [("ok", f"{name} # SKIP it cannot be had", [str(e)])]
    done = subprocess.run(command, env={**os.environ, **environment, **more}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, cwd=BUILD)
    found, said = [], []
    for line in done.stdout.splitlines():
        match = re.match(r"(ok|not ok) \d+ - (.*)", line)
        if match:
            found.append((match[1], f"{name} {match[2]}", said))
            said = []
        elif not re.match(r"1\.\.\d+$", line):
            said.append(line)
    if not re.search(r"^1\.\.\d+$", done.stdout, re.M) or not found:
        found.append(("not ok", f"{name} came to an end", said))
    return found


def main():
    wanted = list(DRIVERS) if sys.argv[1:] == ["--all"] else sys.argv[1:] or FEW
    os.makedirs(BUILD, exist_ok=True)
    count, is_good = 0, True
    with node(os.environ.get("TRUSTSQL_PROGRAM", default_program())) as parameters:
        for name in wanted:
            for verdict, text, said in results(name, settings_of(parameters)):
                count += 1
                is_good = is_good and verdict == "ok"
                print(f"{verdict} {count} - {text}", flush=True)
                for line in said if verdict != "ok" or "# SKIP" in text else []:
                    print("# " + line, flush=True)
    print(f"1..{count}")
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
