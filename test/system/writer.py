"""A client in a process of its own that never forgets what it was told (used through acknowledged.py).

    writer.py NAME LOG BYTES [SERVER…]     connection from PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE

Writes rows of table kept (writer, id, value) until the connection breaks: every insert is a
transaction, every third value is updated once more, every seventh row is deleted. After each
acknowledgement it appends "id value" to LOG ("id -" for a deleted row) and syncs it before it goes
on. Before each attempt "? id" tells what is in doubt should the answer never come.

With servers (libpq connection strings) it never gives up: it begins with the first, and when a
connection breaks it leaves the row in doubt and goes on with another row at the next server, until
it is killed."""

import os
import random
import sys
import time

import psycopg2

WORDS = "bill endorse pay settle accept draw protest honour".split()


class Writer:
    def __init__(self, name, log, padding):
        self.name = name
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.padding = padding
        self.cursor = None

    def connect(self, server=""):
        connection = psycopg2.connect(server, connect_timeout=10)
        connection.autocommit = True
        self.cursor = connection.cursor()

    def write(self, text, values, row, value):
        os.write(self.log, f"? {row}\n".encode())
        self.cursor.execute(text, values)
        assert self.cursor.rowcount == 1
        os.write(self.log, f"{row} {value}\n".encode())
        os.fsync(self.log)

    def row(self, row):
        value = self.value(row)
        self.write("INSERT INTO kept VALUES (%s, %s, %s)", (self.name, row, value), row, value)
        if row % 3 == 0:
            value = self.value(-row)
            self.write("UPDATE kept SET value = %s WHERE writer = %s AND id = %s",
                       (value, self.name, row), row, value)
        if row % 7 == 0:
            self.write("DELETE FROM kept WHERE writer = %s AND id = %s", (self.name, row), row, "-")

    def value(self, row):
        words = random.Random(f"{self.name} {row}").choices(WORDS, k=1 + self.padding // 6)
        return "-".join(words)[:max(self.padding, 16)]


def write_until_broken(writer):
    writer.connect()
    writer.cursor.execute("SELECT coalesce(max(id), 0) FROM kept WHERE writer = %s", (writer.name,))
    row = writer.cursor.fetchone()[0]
    row += 8 - row % 7  # Past every row that an earlier run may have left in doubt.
    while True:
        writer.row(row)
        row += 1


def last_row(log):
    """The highest row that an earlier run has tried."""
    with open(log, encoding="utf-8") as file:
        return max((int(line.split()[1]) for line in file if line.startswith("? ")), default=0)


def write_for_ever(writer, servers, row):
    turn = 0
    while True:
        try:
            writer.connect(servers[turn % len(servers)])
            while True:
                row += 1
                writer.row(row)
        except psycopg2.Error as error:
            print(f"row {row}, server {turn % len(servers)}: {error.pgcode} {error}".strip(),
                  file=sys.stderr, flush=True)
            turn += 1
            time.sleep(0.05)  # A refused connection is refused at once.


def main():
    name, log, padding, *servers = sys.argv[1:]
    writer = Writer(name, log, int(padding))
    try:
        if servers:
            write_for_ever(writer, servers, last_row(log))
        write_until_broken(writer)
    except psycopg2.Error as error:
        print(f"{error.pgcode} {error}".strip(), file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
