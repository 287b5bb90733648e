"""What asyncpg does: prepared statements in binary form, transactions, cursors, COPY."""

import asyncio
import datetime
import decimal
import os
import sys
import traceback

import asyncpg

ROWS = [(1, True, -2, 1 << 40, "héllo", b"\x00\xff", decimal.Decimal("12.50"),
         datetime.datetime(2024, 2, 29, 12, 30, 15, 250000, datetime.timezone.utc)),
        (2, None, None, None, None, None, None, None),
        (3, False, 32767, -1, "", b"", decimal.Decimal("-0.01"),
         datetime.datetime(1999, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc))]
NAMES = ("id", "flag", "small", "big", "name", "data", "price", "at")


async def fails(state, work):
    try:
        await work
    except asyncpg.PostgresError as e:
        assert e.sqlstate == state, (e.sqlstate, state, str(e))
        return e
    raise AssertionError(f"{state} was expected")


async def types(c):
    await c.execute("create table a_types (id integer primary key, flag boolean, small smallint, big bigint, "
                    "name text, data bytea, price numeric(10,2), at timestamptz)")
    await c.executemany("insert into a_types values ($1, $2, $3, $4, $5, $6, $7, $8)", ROWS)
    rows = await c.fetch("select * from a_types order by id")
    assert [tuple(r) for r in rows] == ROWS, rows
    statement = await c.prepare("select name from a_types where id = $1")
    assert await statement.fetchval(1) == "héllo" and await statement.fetchval(9) is None
    assert [p.name for p in statement.get_parameters()] == ["int4"]
    assert [a.name for a in statement.get_attributes()] == ["name"]


async def transactions(c):
    async with c.transaction():
        await c.execute("insert into a_types (id) values (10)")
        assert await c.fetchval("select count(*) from a_types where id = $1", 10) == 1
    try:
        async with c.transaction():
            await c.execute("delete from a_types")
            raise KeyError
    except KeyError:
        pass
    assert await c.fetchval("select count(*) from a_types") == 4
    async with c.transaction():
        async with c.transaction():  # A savepoint.
            await c.execute("delete from a_types where id = $1", 10)
        await fails("23505", nested(c))
        assert await c.fetchval("select count(*) from a_types") == 3
        seen = [r["id"] async for r in c.cursor("select id from a_types order by id", prefetch=2)]
        assert seen == [1, 2, 3], seen


async def nested(c):
    async with c.transaction():
        await c.execute("insert into a_types (id) values (1)")


async def errors(c):
    e = await fails("42P01", c.fetch("select * from nowhere"))
    assert e.position == "15", e.position
    await fails("22012", c.fetchval("select 1 / $1::int", 0))
    await fails("23505", c.execute("insert into a_types (id) values ($1)", 1))
    await fails("42601", c.fetch("selec 1"))
    assert await c.fetchval("select 1") == 1
    try:
        await c.fetchval("select count(*) from a_many a, a_many b, a_many d", timeout=0.5)
        raise AssertionError("it was to be cancelled")
    except asyncio.TimeoutError:
        pass
    assert await c.fetchval("select 2") == 2


async def copying(c):
    await c.execute("create table a_many (id integer primary key, name text, price numeric(10,2))")
    records = [(i, f"name {i}", decimal.Decimal(i) / 4) for i in range(2000)]
    assert await c.copy_records_to_table("a_many", records=records) == "COPY 2000"
    out = bytearray()

    async def sink(data):
        out.extend(data)
    assert await c.copy_from_query("select id, name from a_many where id < 3 order by id", output=sink,
                                   format="csv") == "COPY 3"
    assert bytes(out) == b"0,name 0\n1,name 1\n2,name 2\n", bytes(out)
    out.clear()
    assert await c.copy_from_table("a_many", columns=["id"], output=sink) == "COPY 2000"
    assert len(out.split()) == 2000
    e = await fails("22P04", c.copy_to_table("a_many", source=source([b"1,2,3,4\n"]), format="csv"))
    assert "a_many, line 1" in e.context, e.context


async def source(parts):
    for part in parts:
        yield part


async def settings(c):
    await c.execute("set application_name = 'here'")
    assert await c.fetchval("show application_name") == "here"
    await c.reset()
    assert c.get_server_version()[0] == 15
    assert await c.fetchval("select current_schema()") == "public"
    assert (await c.fetchval("select version()")).startswith("PostgreSQL 15")


async def main():
    c = await asyncpg.connect(host=os.environ["PGHOST"], port=int(os.environ["PGPORT"]), user=os.environ["PGUSER"],
                              database=os.environ["PGDATABASE"], password=os.environ.get("PGPASSWORD"))
    await c.execute("drop table if exists a_types; drop table if exists a_many")
    for number, step in enumerate((types, transactions, copying, errors, settings), 1):
        try:
            await step(c)
        except Exception as e:  # One step that fails says so, the others go on.
            traceback.print_exc(file=sys.stdout)
            print(f"not ok {number} - {step.__name__}: {type(e).__name__} {e}", flush=True)
        else:
            print(f"ok {number} - {step.__name__}", flush=True)
    print("1..5")
    await c.close()

asyncio.run(main())
