"""Random statements over dates, intervals, floating point, arrays and JSON: expressions, windows, aggregates in an order, queries
in WITH, LATERAL, functions that give rows; the same for the same seed. Like generate.py, they avoid failures that
depend on which row is looked at first, and sums whose last digits depend on the order of rows.
"""

import random

COLUMNS = {"k": "int", "d": "date", "ts": "ts", "tz": "tz", "tm": "time", "iv": "iv", "f": "float", "ia": "ints", "ta": "texts",
           "j": "json", "s": "text"}
SETUP = [
    "create table v (k integer primary key, d date, ts timestamp, tz timestamptz, tm time, iv interval, f double precision, "
    "ia integer[], ta text[], j jsonb, s text)",
    "create index v_d on v (d, ts)",
]
TYPES = {"int": "integer", "date": "date", "ts": "timestamp", "tz": "timestamptz", "time": "time", "iv": "interval",
         "float": "double precision", "ints": "integer[]", "texts": "text[]", "json": "jsonb", "text": "text"}
VALUES = {
    "date": ["2020-01-01", "2020-02-29", "1999-12-31", "0044-03-15 BC", "infinity", "2024-07-04"],
    "ts": ["2020-01-02 03:04:05", "1999-12-31 23:59:59.999999", "2020-02-29 12:00", "2024-07-04 00:00:00.5", "-infinity"],
    "tz": ["2020-01-02 03:04:05+00", "2020-06-30 23:00:00-05", "1970-01-01 00:00:00+00"],
    "time": ["00:00", "03:04:05.678", "23:59:59.999999", "12:30"],
    "iv": ["1 day", "-1 mon", "1 year 2 mons -3 days 04:05:06.5", "00:00", "36 hours", "-00:00:01", "1 mon 30 days"],
    "float": ["0", "1.5", "-2.25", "1e10", "0.1", "3", "-1e-3", "12345.678"],
    "ints": ["{}", "{1,2,3}", "{3,null,1}", "{7}", "{1,1}"],
    "texts": ["{}", "{a,b}", "{\"x y\",null}", "{\"q\\\"\",B}"],
    "json": ['{"a": 1, "b": [1, 2]}', "[1, \"x\", null]", "{}", "3", '{"a": {"c": true}, "b": "t"}', "null"],
    "text": ["", "a", "ab1", "B b", "x-y", "12"],
}
UNITS = ["year", "quarter", "month", "week", "day", "hour", "minute"]
FIELDS = ["year", "month", "day", "dow", "doy", "week", "isoyear", "quarter", "decade", "century"]
FORMATS = ["YYYY-MM-DD HH24:MI:SS", "FMMonth DDth, YYYY", "Day Dy D ID", "IYYY-IW", "HH12:MI AM", "Q WW W J", "CC YY Y,YYY BC", "MS US"]
NUMBERS = ["999.99", "FM990.09", "S9999", "9,999.9PR", "0000", "RN", "99th", "9.9EEEE", "MI999", "999V9"]
PATTERNS = ["(.)(.)", "([a-z]+)([0-9]*)", "(a|b)*", "\\\\w+?", "(x)?-?(y)?", "[^a]", "(.*?)(.)$"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.key = 0
        self.alias = "x"

    def pick(self, items):
        return self.random.choice(items)

    def number(self, low, high):
        return self.random.randint(low, high)

    def constant(self, kind):
        if self.random.randrange(9) == 0:
            return f"null::{TYPES[kind]}"
        if kind == "int":
            return str(self.number(-3, 9))
        value = self.pick(VALUES[kind]).replace("'", "''")
        return f"'{value}'" if kind == "text" else f"'{value}'::{TYPES[kind]}"

    def column(self, kind):
        names = [name for name, its in COLUMNS.items() if its == kind]
        return f"{self.alias}.{self.pick(names)}" if names and self.alias and self.random.randrange(4) else self.constant(kind)

    def expression(self, kind, depth):
        if depth <= 0 or self.random.randrange(4) == 0:
            return self.column(kind)
        if self.random.randrange(9) == 0:
            return f"coalesce({self.expression(kind, depth - 1)}, {self.column(kind)})"
        if self.random.randrange(9) == 0:
            return f"case when {self.condition(depth - 1)} then {self.expression(kind, depth - 1)} else {self.column(kind)} end"
        return getattr(self, kind + "_of")(depth - 1)

    def finite(self, kind):
        """Without the infinities, whose arithmetic and fields fail or are refused."""
        return {"date": f"nullif(nullif({self.column('date')}, 'infinity'), '-infinity')",
                "ts": f"nullif(nullif({self.column('ts')}, '-infinity'), 'infinity')"}[kind]

    def int_of(self, depth):
        return self.pick([
            f"extract({self.pick(FIELDS)} from {self.finite('date')})::int", f"length({self.expression('text', depth)})",
            f"cardinality({self.expression('ints', depth)})", f"array_length({self.expression('texts', depth)}, 1)",
            f"({self.finite('date')} - date '2000-01-01')", f"({self.column('ints')})[{self.number(0, 3)}]",
            f"array_position({self.column('ints')}, {self.number(0, 3)})", f"({self.column('int')} % 4)",
            f"regexp_count({self.expression('text', depth)}, '[a-z]')", f"num_nulls({self.column('json')}, {self.column('iv')})"])

    def date_of(self, depth):
        return self.pick([f"({self.finite('date')} + {self.number(-40, 400)})", f"{self.finite('ts')}::date",
                          f"make_date({self.number(1990, 2030)}, {self.number(1, 12)}, {self.number(1, 28)})",
                          f"greatest({self.column('date')}, {self.expression('date', depth)})"])

    def ts_of(self, depth):
        return self.pick([f"({self.finite('ts')} + {self.expression('iv', depth)})", f"date_trunc('{self.pick(UNITS)}', {self.finite('ts')})",
                          f"({self.finite('date')} + {self.column('time')})", f"{self.column('date')}::timestamp",
                          f"({self.column('tz')} at time zone '{self.pick(['UTC', 'EST', '+3', '-5:30'])}')",
                          f"({self.finite('ts')} - {self.column('iv')})"])

    def tz_of(self, depth):
        return self.pick([f"({self.column('tz')} + {self.column('iv')})", f"({self.finite('ts')} at time zone 'PST')",
                          f"date_trunc('{self.pick(UNITS)}', {self.column('tz')})", self.expression("tz", depth)])

    def time_of(self, depth):
        return self.pick([f"({self.column('time')} + {self.expression('iv', depth)})", f"{self.column('tz')}::time"])

    def iv_of(self, depth):
        return self.pick([f"({self.finite('ts')} - {self.finite('ts')})", f"({self.column('iv')} + {self.expression('iv', depth)})",
                          f"({self.column('iv')} * {self.number(-3, 3)})", f"age({self.finite('ts')}, {self.finite('ts')})",
                          f"justify_{self.pick(['hours', 'days', 'interval'])}({self.column('iv')})", f"(- {self.column('iv')})",
                          f"make_interval(days => {self.number(-9, 9)})", f"({self.column('iv')} / {self.pick(['2', '3', '-4'])})"])

    def float_of(self, depth):
        return self.pick([f"({self.column('float')} {self.pick('+-')} {self.expression('float', depth)})", f"abs({self.column('float')})",
                          f"({self.column('float')} * {self.pick(['2', '0.5', '-3'])})", f"round({self.expression('float', depth)})",
                          f"date_part('{self.pick(FIELDS)}', {self.finite('ts')})", f"{self.column('int')}::float8",
                          f"sqrt(abs({self.column('float')}))"])

    def ints_of(self, depth):
        return self.pick([f"({self.column('ints')} || {self.column('int')})", f"({self.column('ints')} || {self.expression('ints', depth)})",
                          f"array_remove({self.column('ints')}, {self.number(1, 3)})", f"({self.column('ints')})[1:{self.number(1, 3)}]",
                          f"array[{self.column('int')}, {self.number(0, 5)}]", f"array_replace({self.column('ints')}, 1, {self.number(4, 6)})",
                          f"array(select z + {self.column('int')} from generate_series(1, 3) z order by 1)"])

    def texts_of(self, depth):
        return self.pick([f"({self.column('texts')} || {self.expression('text', depth)})", f"string_to_array({self.expression('text', depth)}, '{self.pick(['a', '-', ''])}')",
                          f"regexp_match({self.expression('text', depth)}, '{self.pick(PATTERNS)}')",
                          f"regexp_split_to_array({self.expression('text', depth)}, '{self.pick(PATTERNS)}')"])

    def json_of(self, depth):
        return self.pick([f"to_jsonb({self.expression(self.pick(list(TYPES)), depth)})", f"({self.column('json')} -> '{self.pick('abc')}')",
                          f"jsonb_build_object('q', {self.expression(self.pick(['int', 'text', 'json', 'ts']), depth)})",
                          f"jsonb_build_array({self.column('int')}, {self.column('texts')})", f"({self.column('json')} -> {self.number(-1, 2)})",
                          f"jsonb_strip_nulls({self.column('json')})"])

    def text_of(self, depth):
        kind = self.pick(["date", "ts", "tz", "time", "iv", "float", "ints", "texts", "json", "int"])
        return self.pick([
            f"({self.expression(kind, depth)})::text", f"({self.expression(kind, depth)})::text",
            f"to_char({self.expression('ts', depth)}, '{self.pick(FORMATS)}')", f"to_char({self.column('tz')}, '{self.pick(FORMATS)}')",
            f"to_char({self.pick(['', '-'])}{self.number(0, 5000) / 100}, '{self.pick(NUMBERS)}')", f"to_char({self.column('int')}, '{self.pick(NUMBERS)}')",
            f"array_to_string({self.expression('ints', depth)}, ',', '*')", f"({self.column('json')} ->> '{self.pick('abc')}')",
            f"regexp_replace({self.expression('text', depth)}, '{self.pick(PATTERNS)}', '[\\\\1\\\\&]'{self.pick(['', chr(44) + chr(39) + 'g' + chr(39)])})",
            f"substring({self.expression('text', depth)} from '{self.pick(PATTERNS)}')", f"({self.column('json')} #>> '{{b,0}}')"])

    def condition(self, depth):
        kind = self.pick(list(TYPES))
        operator = self.pick(["=", "<>"] if kind == "json" else ["=", "<>", "<", "<=", ">", ">="])
        return self.pick([
            f"{self.expression(kind, depth)} {operator} {self.column(kind)}", f"{self.column(kind)} is {self.pick(['', 'not '])}null",
            f"{self.column(kind)} is distinct from {self.expression(kind, depth)}",
            f"{self.column('int')} {self.pick(['=', '<', '>='])} {self.pick(['any', 'all'])} ({self.expression('ints', depth)})",
            f"{self.column('ints')} {self.pick(['@>', '<@', '&&'])} {self.column('ints')}", f"{self.column('json')} {self.pick(['@>', '<@'])} {self.column('json')}",
            f"{self.column('json')} ? '{self.pick('abq')}'", f"{self.expression('text', depth)} similar to '{self.pick(['a%', '(a|B)%', '_+', '%[0-9]'])}'",
            f"{self.expression('text', depth)} ~ '{self.pick(PATTERNS)}'",
            f"({self.column('date')}, {self.column('date')}) overlaps ({self.column('date')}, {self.column('date')})"])

    # --- statements ---

    def insert(self):
        rows = []
        for _ in range(self.number(1, 3)):
            self.key += 1
            self.alias = ""
            rows.append(f"({self.key}, " + ", ".join(self.constant(kind) for kind in list(COLUMNS.values())[1:]) + ")")
        return f"insert into v values {', '.join(rows)}"

    def update(self):
        self.alias = "v"
        name, kind = self.pick(list(COLUMNS.items())[1:-1])
        if kind == "float":
            return f"update v set f = {self.column('float')} where k % 5 = {self.number(0, 4)}"
        return f"update v set {name} = {self.expression(kind, 1)} where {self.condition(1)} and k % 3 = {self.number(0, 2)} returning k, {name}"

    def items(self, depth, count):
        return [self.expression(self.pick(list(TYPES)), depth) for _ in range(count)]

    def select(self):
        self.alias = "x"
        return f"select x.k, {', '.join(self.items(2, self.number(1, 4)))} from v x where {self.condition(1)} order by x.k"

    def select_constants(self):
        self.alias = ""
        return f"select {', '.join(self.items(2, 2))}"

    def sorted(self):
        self.alias = "x"
        kind = self.pick(["date", "ts", "tz", "time", "iv", "float", "ints", "texts", "json", "text"])
        return f"select {self.expression(kind, 1)} as o, x.k from v x order by o {self.pick(['', 'desc', 'nulls first'])}, x.k limit {self.number(1, 9)}"

    def aggregate(self):
        self.alias = "x"
        kind = self.pick(["date", "ts", "tz", "time", "int", "text"])  # Of 0 and -0 either may be the minimum.
        group = self.pick(["x.k % 3", "x.d", "x.s", "x.ia", "extract(year from x.tz)"])
        return (f"select {group}, count(*), min({self.expression(kind, 1)}), max({self.column(kind)}), "
                f"{self.pick(['array_agg', 'jsonb_agg', 'json_agg'])}({self.expression(self.pick(['int', 'date', 'ts', 'text']), 1)} order by x.k), "
                f"string_agg({self.expression('text', 1)}, ',' order by x.k desc) from v x where {self.condition(1)} group by {group} order by {group}")

    def window(self):
        self.alias = "x"
        frame = self.pick(["", f"rows between {self.number(0, 2)} preceding and current row", "rows between current row and unbounded following",
                           "range between 1 preceding and 1 following", "groups between 1 preceding and current row exclude ties"])
        function = self.pick([f"count({self.column('iv')})", f"min({self.column('date')})", f"max({self.column('ts')})", f"sum({self.column('int')})",
                              "row_number()", "rank()", "percent_rank()", "cume_dist()", f"lag({self.column('ts')})", f"lead({self.column('text')}, 2, 'z')",
                              f"first_value({self.column('iv')})", f"last_value({self.column('ints')})", f"nth_value({self.column('date')}, 2)", "ntile(3)"])
        return (f"select x.k, {function} over (partition by x.k % {self.number(1, 3)} order by x.k {frame}) from v x "
                f"where {self.condition(1)} order by x.k")

    def lateral(self):
        self.alias = "x"
        value = self.expression(self.pick(["date", "iv", "text", "json", "ints"]), 1)
        inner = self.pick([f"(select {value} as o, x.k + z.k as n from v z where z.k between x.k and x.k + 2)",
                           f"(select {value} as o, count(*) as n from v z where z.d < x.d)", f"(values ({value}, x.k), (null, {self.number(1, 4)}))"])
        join = self.pick([f"cross join lateral {inner} l(o, n)", f"left join lateral {inner} l(o, n) on l.n > {self.number(1, 4)}"])
        return f"select x.k, l.o, l.n from v x {join} order by 1, 3, l.o::text"

    def rows(self):
        self.alias = "x"
        return self.pick([
            f"select x.k, unnest({self.expression('ints', 1)}) from v x where x.k < 9 order by x.k",
            f"select x.k, e.o, e.n from v x, unnest({self.expression('texts', 1)}) with ordinality e(o, n) order by 1, 3",
            f"select x.k, g from v x, generate_series(1, {self.int_of(0)}) g where x.k < 5 order by 1, 2 limit 50",
            f"select x.k, regexp_matches({self.expression('text', 1)}, '{self.pick(PATTERNS)}', 'g') from v x where x.k < 9 order by x.k",
            f"select x.k, row_to_json(x) from v x where {self.condition(1)} order by x.k",
            "select x.k, p.key, p.value from v x, jsonb_each(case when jsonb_typeof(x.j) = 'object' then x.j end) p order by 1, 2"])

    def recursive(self):
        self.alias = ""
        step = self.pick([("date", "o + 1"), ("ts", "o + interval '1 day'"), ("ints", "o || n"), ("iv", "o * 2"), ("float", "o / 2")])
        return (f"with recursive w(n, o) as (select 1, {self.constant(step[0])} union all select n + 1, {step[1]} from w where n < {self.number(2, 6)}) "
                f"select n, o from w order by n")


def statements(seed, count):
    generator = Generator(seed)
    yield from SETUP
    for _ in range(10):
        yield generator.insert()
    makers = [generator.select] * 6 + [generator.select_constants] * 4 + [generator.sorted] * 3 + [generator.aggregate] * 3 + \
             [generator.window] * 3 + [generator.lateral] * 2 + [generator.rows] * 3 + [generator.recursive] + [generator.insert, generator.update]
    for number in range(count):
        yield generator.pick(makers)()
        if number % 100 == 99:
            yield "select * from v order by k"
