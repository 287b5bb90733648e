"""What psycopg2 does: values in the text, transactions, named cursors, COPY."""

import datetime
import decimal
import io
import os
import sys
import traceback

import psycopg2
import psycopg2.extensions
import psycopg2.extras

ROWS = [(1, True, -2, 1 << 40, "héllo", b"\x00\xff", decimal.Decimal("12.50"),
         datetime.datetime(2024, 2, 29, 12, 30, 15, 250000, datetime.timezone.utc)),
        (2, None, None, None, None, None, None, None)]


def fetch(c, text, values=None):
    with c.cursor() as k:
        k.execute(text, values)
        return k.fetchall()


def types(c):
    with c.cursor() as k:
        k.execute("create table q_types (id integer primary key, flag boolean, small smallint, big bigint, "
                  "name text, data bytea, price numeric(10,2), at timestamptz)")
        psycopg2.extras.execute_values(k, "insert into q_types values %s", ROWS)
    c.commit()
    rows = [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
            for row in fetch(c, "select * from q_types order by id")]
    assert rows == ROWS, rows
    c.commit()


def transactions(c):
    fetch(c, "insert into q_types (id) values (10) returning id")
    c.rollback()
    assert fetch(c, "select count(*) from q_types") == [(2,)]
    try:
        fetch(c, "insert into q_types (id) values (1) returning id")
        raise AssertionError
    except psycopg2.errors.UniqueViolation:
        pass
    try:
        fetch(c, "select 1")
        raise AssertionError
    except psycopg2.errors.InFailedSqlTransaction:
        c.rollback()
    with c.cursor("named") as k:
        k.itersize = 1
        k.execute("select id from q_types order by id")
        assert [r[0] for r in k] == [1, 2]
    c.rollback()
    assert c.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_IDLE


def copying(c):
    with c.cursor() as k:
        k.execute("create table q_many (id integer primary key, name text)")
        k.copy_expert("copy q_many from stdin csv", io.StringIO("".join(f"{i},name {i}\n" for i in range(1000))))
        assert k.rowcount == 1000
        k.copy_from(io.StringIO("1000\tx\n1001\t\\N\n"), "q_many")
        out = io.StringIO()
        k.copy_to(out, "q_many", columns=("name",))
        assert len(out.getvalue().splitlines()) == 1002
    c.commit()


def settings(c):
    assert c.server_version // 10000 == 15 and c.encoding == "UTF8"
    assert c.get_parameter_status("standard_conforming_strings") == "on"
    c.set_session(isolation_level="REPEATABLE READ", readonly=True)
    assert fetch(c, "select 1") == [(1,)]
    c.rollback()
    c.set_session(isolation_level="DEFAULT", readonly=False)
    c.reset()


def main():
    c = psycopg2.connect("")
    with c.cursor() as k:
        k.execute("drop table if exists q_types; drop table if exists q_many")
    c.commit()
    steps = (types, transactions, copying, settings)
    for number, step in enumerate(steps, 1):
        try:
            step(c)
        except Exception as e:  # One step that fails says so, the others go on.
            traceback.print_exc(file=sys.stdout)
            print(f"not ok {number} - {step.__name__}: {type(e).__name__} {e}", flush=True)
            c.rollback()
        else:
            print(f"ok {number} - {step.__name__}", flush=True)
    print(f"1..{len(steps)}")
    c.close()


main()
