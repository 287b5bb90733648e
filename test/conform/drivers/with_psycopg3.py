"""What psycopg 3 does: server-side binding, binary results, pipelines, cursors, COPY."""

import datetime
import decimal
import os
import sys
import traceback

import psycopg

ROWS = [(1, True, -2, 1 << 40, "héllo", b"\x00\xff", decimal.Decimal("12.50"),
         datetime.datetime(2024, 2, 29, 12, 30, 15, 250000, datetime.timezone.utc)),
        (2, None, None, None, None, None, None, None),
        (3, False, 32767, -1, "", b"", decimal.Decimal("-0.01"),
         datetime.datetime(1999, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc))]


def types(c):
    c.execute("create table p_types (id integer primary key, flag boolean, small smallint, big bigint, "
              "name text, data bytea, price numeric(10,2), at timestamptz)")
    with c.cursor() as k:
        k.executemany("insert into p_types values (%s, %s, %s, %s, %s, %s, %s, %s)", ROWS)
    c.commit()
    for binary in (False, True):
        with c.cursor(binary=binary) as k:
            assert k.execute("select * from p_types order by id").fetchall() == ROWS
            assert k.execute("select name from p_types where id = %b", (1,)).fetchone() == ("héllo",)
    for _ in range(8):  # From the fifth on it is prepared by name.
        assert c.execute("select big from p_types where id = %s", (1,)).fetchone() == (1 << 40,)
    c.commit()


def transactions(c):
    with c.transaction():
        c.execute("insert into p_types (id) values (10)")
        assert c.execute("select count(*) from p_types").fetchone() == (4,)
    try:
        with c.transaction():
            c.execute("delete from p_types")
            raise KeyError
    except KeyError:
        pass
    with c.transaction():
        try:
            with c.transaction():
                c.execute("insert into p_types (id) values (1)")
        except psycopg.errors.UniqueViolation as e:
            assert e.diag.constraint_name in (None, "p_types_pkey")
        c.execute("delete from p_types where id = 10")
    assert c.execute("select count(*) from p_types").fetchone() == (3,)
    c.rollback()
    with c.cursor("named") as k:
        k.itersize = 2
        assert [r[0] for r in k.execute("select id from p_types order by id")] == [1, 2, 3]
    c.rollback()


def pipelines(c):
    with c.pipeline():
        a = c.execute("select 1")
        c.execute("insert into p_types (id) values (20)")
        b = c.execute("select count(*) from p_types")
    assert a.fetchone() == (1,) and b.fetchone() == (4,)
    c.rollback()
    assert c.execute("select count(*) from p_types").fetchone() == (3,)
    c.rollback()


def copying(c):
    c.execute("create table p_many (id integer primary key, name text)")
    with c.cursor() as k:
        with k.copy("copy p_many from stdin") as copy:
            for i in range(2000):
                copy.write_row((i, f"na\tme {i}" if i % 3 else None))
        assert k.rowcount == 2000
        with k.copy("copy p_many (id, name) from stdin (format binary)") as copy:
            copy.set_types(["int4", "text"])
            for i in range(2000, 3000):
                copy.write_row((i, "x"))
        with k.copy("copy (select * from p_many where id < 3 order by id) to stdout") as copy:
            copy.set_types(["int4", "text"])
            assert list(copy.rows()) == [(0, None), (1, "na\tme 1"), (2, "na\tme 2")]
    c.commit()
    try:
        with c.cursor().copy("copy p_many from stdin") as copy:
            copy.write("1\n")
        raise AssertionError
    except psycopg.errors.BadCopyFileFormat as e:
        assert e.diag.context == "COPY p_many, line 1: \"1\"", e.diag.context
    c.rollback()


def settings(c):
    assert c.info.parameter_status("integer_datetimes") == "on" and c.info.server_version // 10000 == 15
    c.execute("set application_name to 'here'")
    c.commit()
    assert c.info.parameter_status("application_name") == "here"
    c.execute("set statement_timeout = '5s'; set search_path = public; set extra_float_digits = 3")
    c.execute("set timezone to 'UTC'")
    c.execute("set datestyle to 'ISO'")
    assert c.execute("select set_config('application_name', 'there', false)").fetchone() == ("there",)
    assert c.execute("select current_setting('server_version_num')").fetchone() == ("150008",)
    assert c.execute("select current_schema(), current_database()").fetchone() == ("public", "main")
    c.execute("deallocate all")
    c.commit()
    c.autocommit = True
    c.execute("discard all")
    c.autocommit = False


def main():
    with psycopg.connect() as c:
        c.execute("drop table if exists p_types; drop table if exists p_many")
        c.commit()
        steps = (types, transactions, pipelines, copying, settings)
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


main()
