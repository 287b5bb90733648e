#!/usr/bin/env python3
"""A real PostgreSQL for comparing answers, alive as long as a command or a `with` block.

    test/support/postgres.py COMMAND ARGUMENT…    runs COMMAND with PGHOST, PGUSER, PGDATABASE set

    with Postgres() as server:                    server.directory is PGHOST: a Unix socket, no TCP
        subprocess.run(["psql", "-c", "select 1"], env=server.environment())

Everything is in a temporary directory that is removed at the end. Encoding UTF8, locale C, time zone
UTC. PostgreSQL refuses to run as root, so root runs it as the user postgres.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile

PROGRAMS = "/usr/lib/postgresql/15/bin"
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "bytea_output": "hex",
    "max_connections": "40",
    "log_min_messages": "fatal",
}


class Postgres:
    """settings: changes of those above."""

    def __init__(self, settings=None):
        self.settings = settings or {}
        self.directory = tempfile.mkdtemp(prefix="trustsql-postgres-")
        self.prefix = []
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.directory, user.pw_uid, user.pw_gid)
            self.prefix = ["runuser", "-u", "postgres", "--"]

    def __enter__(self):
        try:
            self._run("initdb", "-D", self._data(), "-U", "postgres", "-E", "UTF8", "--locale=C",
                      "-A", "trust", "--no-sync", "--no-instructions")
            settings = dict(SETTINGS, unix_socket_directories=self.directory) | self.settings
            with open(self.directory + "/settings", "w") as out:
                out.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
            os.chmod(self.directory + "/settings", 0o644)
            self._run("pg_ctl", "-D", self._data(), "-w", "-t", "60", "-l",
                      self.directory + "/log", "-o",
                      f"-c config_file={self.directory}/settings "
                      f"-c hba_file={self._data()}/pg_hba.conf "
                      f"-c ident_file={self._data()}/pg_ident.conf -D {self._data()}", "start")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        if os.path.exists(self._data() + "/postmaster.pid"):
            self._run("pg_ctl", "-D", self._data(), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.directory, ignore_errors=True)

    def environment(self):
        return dict(os.environ, PGHOST=self.directory, PGUSER="postgres", PGDATABASE="postgres",
                    PGCLIENTENCODING="UTF8")

    def _data(self):
        return self.directory + "/data"

    def _run(self, program, *arguments):
        done = subprocess.run(self.prefix + [f"{PROGRAMS}/{program}", *arguments],
                              cwd=self.directory, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            sys.exit(f"postgres.py: {program} failed:\n{done.stdout.decode()}")


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: postgres.py COMMAND ARGUMENT…")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with Postgres() as server:
        code = subprocess.run(sys.argv[1:], env=server.environment()).returncode
    sys.exit(code if code >= 0 else 1)


if __name__ == "__main__":
    main()
