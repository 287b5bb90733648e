"""Random statements over two small tables, the same for the same seed.

Expressions are typed, so most statements run. Those over rows avoid failures that depend on which
row is looked at first (overflow, division by zero): servers may differ there and both be right.
Statements without rows (SELECT of constants) try the failures. Rows without ORDER BY are compared
as a multiset.
"""

import random

TABLES = {
    "t": {"k": "int", "a": "int", "b": "big", "n": "num2", "m": "num", "s": "text", "f": "bool",
          "d": "time", "y": "bytea"},
    "u": {"id": "int", "k": "int", "v": "num2", "w": "text", "g": "bool", "e": "time"},
}
SETUP = [
    "create table t (k integer primary key, a integer, b bigint, n numeric(8,2), m numeric, s text, "
    "f boolean, d timestamptz, y bytea)",
    "create table u (id integer primary key, k integer, v numeric(6,3), w text, g boolean, "
    "e timestamptz)",
    "create index t_a on t (a, s)",
    "create index u_k on u (k)",
]
TEXTS = ["", "a", "A", "b", "ab", "abc", "B_c", "a%b", "é", "zz", "10", "9", " x ", "it''s"]
TIMES = ["2026-01-01", "2026-01-01 12:00:00+00", "2025-12-31 23:59:59.999999", "2026-02-28 01:02:03",
         "1999-01-01", "2026-01-01 14:00:00+02"]
BYTES = ["\\x", "\\x00", "\\x01ff", "\\xff", "\\x6162"]
NUMERIC = ("int", "big", "num2", "num")
CASTS = {"int": "integer", "big": "bigint", "num": "numeric", "num2": "numeric(10,2)",
         "text": "text", "bool": "boolean", "time": "timestamptz", "bytea": "bytea"}


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.key = 0
        self.columns = {}

    def pick(self, items):
        return self.random.choice(items)

    def chance(self, one_in):
        return self.random.randrange(one_in) == 0

    def constant(self, kind):
        if self.chance(9):
            return f"null::{CASTS[kind]}" if self.chance(2) else "null"
        if kind == "int":
            return str(self.random.randint(-3, 12))
        if kind == "big":
            return self.pick(["0", "1", "-1", "7", "3000000000", "-5000000000"])
        if kind == "num2":
            return f"{self.random.randint(-500, 999) / 100:.2f}"
        if kind == "num":
            return self.pick(["0", "1.5", "1.50", "-0.001", "2.005", "100", "1e3", "0.333", "12.0"])
        if kind == "text":
            return f"'{self.pick(TEXTS)}'"
        if kind == "bool":
            return self.pick(["true", "false"])
        if kind == "time":
            return f"timestamptz '{self.pick(TIMES)}'"
        return f"'{self.pick(BYTES)}'::bytea"

    def value(self, kind):
        """A constant for VALUES and SET: untyped text sometimes."""
        text = self.constant(kind)
        return text.replace("timestamptz ", "").replace("::bytea", "") if self.chance(2) else text

    def leaf(self, kind):
        names = [name for name, its in self.columns.items()
                 if its == kind or (kind == "num" and its in NUMERIC and self.chance(3))]
        return self.pick(names) if names and not self.chance(4) else self.constant(kind)

    def expression(self, kind, depth):
        if depth <= 0 or self.chance(4):
            return self.leaf(kind)
        if self.chance(8):
            return (f"case when {self.condition(depth - 1)} then {self.expression(kind, depth - 1)} "
                    f"else {self.expression(kind, depth - 1)} end")
        if self.chance(8):
            return f"coalesce({self.expression(kind, depth - 1)}, {self.leaf(kind)})"
        if self.chance(14):
            return f"nullif({self.expression(kind, depth - 1)}, {self.leaf(kind)})"
        if self.chance(14):
            return (f"{self.pick(['greatest', 'least'])}({self.expression(kind, depth - 1)}, "
                    f"{self.leaf(kind)})")
        if self.chance(16) and kind in ("int", "text", "num2", "time", "big"):
            return self.scalar(kind)
        if kind == "bool":
            return f"({self.condition(depth - 1)})"
        if kind == "text":
            return self.text(depth - 1)
        if kind in NUMERIC:
            return self.number(kind, depth - 1)
        return self.leaf(kind)

    def number(self, kind, depth):
        left, right = self.expression(kind, 0), self.expression(kind, depth)
        which = self.random.randrange(9)
        if which < 5:
            operator = self.pick(["+", "-", "*"] if depth == 0 and kind != "big" else ["+", "-"])
            return f"({left} {operator} {right})"
        if which == 5:
            return f"({left} / {self.pick(['2', '3', '7', '-4'])})"
        if which == 6:
            return f"({left} % {self.pick(['2', '3', '-4'])})"
        if which == 7:
            return f"abs({right})"
        if kind == "int":
            return f"length({self.expression('text', depth)})"
        if kind in ("num", "num2"):
            return f"{self.pick(['round', 'trunc'])}({right}, {self.pick(['0', '1', '2', '-1'])})"
        return f"(- {left})"

    def scalar(self, kind):
        """A subquery with one value, the same whatever the order of rows."""
        name, column = self.pick([(table, column) for table, columns in TABLES.items()
                                  for column, its in columns.items()
                                  if its == kind and its not in ("num", "bool", "bytea")]
                                 or [("t", "k")])
        outer = self.leaf("int")
        return (f"(select {self.pick(['min', 'max'])}(z.{column}) from {name} z where z.k "
                f"{self.pick(['=', '<', '<>'])} {outer})")

    def text(self, depth):
        inner = self.expression("text", depth)
        kind = self.pick(["int", "num2", "bool", "text", "num"])
        return self.pick([
            f"({inner} || {self.leaf('text')})", f"upper({inner})", f"lower({inner})",
            f"substr({inner}, {self.random.randint(-1, 3)})", f"trim({inner})",
            f"replace({inner}, 'a', 'Q')", f"left({inner}, {self.random.randint(-2, 2)})",
            f"({self.expression(kind, depth)})::text", f"reverse({inner})",
            f"lpad({inner}, 4, '*')", f"concat({inner}, {self.leaf(kind)})"])

    def condition(self, depth):
        if depth > 0 and self.chance(2):
            if self.chance(5):
                return f"not ({self.condition(depth - 1)})"
            return (f"({self.condition(depth - 1)} {self.pick(['and', 'or'])} "
                    f"{self.condition(depth - 1)})")
        kind = self.pick(["int", "int", "num2", "num", "text", "text", "bool", "time", "big", "bytea"])
        left = self.leaf(kind) if self.chance(2) else self.expression(kind, depth)
        which = self.random.randrange(10)
        if which == 0:
            return f"{left} is {self.pick(['', 'not '])}null"
        if which == 1:
            items = ", ".join(self.constant(kind) for _ in range(self.random.randint(1, 4)))
            return f"{left} {self.pick(['', 'not '])}in ({items})"
        if which == 2:
            return (f"{left} {self.pick(['', 'not '])}between {self.constant(kind)} and "
                    f"{self.constant(kind)}")
        if which == 3:
            return f"{left} is {self.pick(['', 'not '])}distinct from {self.leaf(kind)}"
        if which == 4:
            pattern = self.pick(["a%", "%b%", "_", "%", "", "a\\%b", "A_", "%é"])
            return f"{self.expression('text', depth)} {self.pick(['', 'not '])}" \
                   f"{self.pick(['like', 'ilike'])} '{pattern}'"
        if which == 5 and self.columns:
            return self.subquery_condition()
        if which == 6 and kind in NUMERIC:
            other = self.pick(NUMERIC)
            return f"{left} {self.pick(['=', '<>', '<', '>='])} {self.leaf(other)}"
        return f"{left} {self.pick(['=', '<>', '<', '<=', '>', '>='])} {self.leaf(kind)}"

    def subquery_condition(self):
        name = self.pick(["t", "u"])
        if self.chance(2):
            column = self.leaf("int")
            return f"exists (select 1 from {name} z where z.k = {column})"
        return f"{self.leaf('int')} {self.pick(['', 'not '])}in " \
               f"(select z.k from {name} z where z.k is not null and z.k < {self.random.randint(0, 30)})"

    def use(self, *tables):
        self.columns = {f"{alias}.{column}": kind for alias, name in tables
                        for column, kind in TABLES[name].items()}

    # --- statements ---

    def insert(self):
        name = self.pick(["t", "t", "u"])
        self.columns = {}
        rows = []
        for _ in range(self.random.randint(1, 4)):
            self.key += 1
            key = self.random.randint(1, self.key) if self.chance(25) else self.key
            kinds = list(TABLES[name].values())[1:]
            rows.append(f"({key}, " + ", ".join(
                "default" if self.chance(20) else self.value(kind) for kind in kinds) + ")")
        text = f"insert into {name} values {', '.join(rows)}"
        if self.chance(8):
            key = list(TABLES[name])[0]
            text += f" on conflict ({key}) do " + self.pick(
                ["nothing", "update set k = excluded.k where false"])
        return text + self.pick(["", "", " returning *"])

    def update(self):
        name = self.pick(["t", "u"])
        self.use((name, name))
        columns = list(TABLES[name].items())[1:]
        chosen = self.random.sample(columns, self.random.randint(1, 3))
        settings = ", ".join(f"{column} = " + (self.expression(kind, 1) if kind not in ("int", "big")
                                               else self.leaf(kind)) for column, kind in chosen)
        text = f"update {name} set {settings} where {self.condition(2)}"
        if not self.chance(3):
            text += f" and {name}.{list(TABLES[name])[0]} % 3 = {self.random.randrange(3)}"
        return text + self.pick(["", " returning *"])

    def delete(self):
        name = self.pick(["t", "u"])
        self.use((name, name))
        key = list(TABLES[name])[0]
        return (f"delete from {name} where {name}.{key} % 5 = {self.random.randrange(5)} and "
                f"({self.condition(2)})" + self.pick(["", f" returning {name}.{key}"]))

    def some(self, depth, count):
        kinds = [self.pick(list(CASTS)) for _ in range(count)]
        return [self.expression(kind, depth) for kind in kinds]

    def exact_items(self, depth, count):
        """Items whose equal values look the same: DISTINCT keeps any of 1.0 and 1.00."""
        kinds = [self.pick([k for k in CASTS if k not in ("num", "num2")]) for _ in range(count)]
        return [self.expression(kind, depth) for kind in kinds]

    def source(self):
        if self.chance(2):
            name = self.pick(["t", "u"])
            self.use(("x", name))
            return f"{name} x"
        left, right = self.pick([("t", "u"), ("u", "t"), ("t", "t"), ("u", "u")])
        self.use(("x", left), ("y", right))
        kind = self.pick(["join", "left join", "right join", "full join", "left join"])
        condition = "x.k = y.k"
        if kind != "full join" and self.chance(3):
            condition += f" and {self.condition(1)}"
        return f"{left} x {kind} {right} y on {condition}"

    def derived(self):
        """A subquery or a CTE as the source, with the columns of the table that it reads."""
        name = self.pick(["t", "u"])
        self.use((name, name))
        inner = f"select * from {name} where {self.condition(1)}"
        if self.chance(3):
            key = list(TABLES[name])[0]
            inner += f" order by {key} {self.pick(['', 'desc'])} limit {self.random.randint(0, 9)}"
        self.use(("x", name))
        if self.chance(2):
            return f"with w as ({inner}) ", "w x"
        return "", f"({inner}) x"

    def insert_select(self):
        self.columns = {}
        self.use(("x", "t"))
        shift = self.random.randint(1, 9) * 1000 + self.random.randrange(1000)
        return (f"insert into u select x.k + {shift}, {self.leaf('int')}, {self.constant('num2')}, "
                f"{self.expression('text', 1)}, {self.leaf('bool')}, {self.leaf('time')} from t x "
                f"where {self.condition(1)} and x.k % 7 = {self.random.randrange(7)} "
                f"{self.pick(['', 'returning id', 'returning *'])}")

    def select(self):
        prefix, source = ("", self.source()) if not self.chance(5) else self.derived()
        items = self.some(2, self.random.randint(1, 4))
        distinct = ""
        if self.chance(6):
            distinct = "distinct "
            items = self.exact_items(2, len(items))
        text = f"{prefix}select {distinct}{', '.join(items)} from {source}"
        if not self.chance(4):
            text += f" where {self.condition(2)}"
        if not self.chance(3):
            order = ", ".join(f"{i + 1}{self.pick(['', ' desc', ' nulls first', ' desc nulls last'])}"
                              for i in range(len(items)))
            text += f" order by {order}"
            if self.chance(3):
                text += f" limit {self.random.randint(0, 6)}"
            if self.chance(4):
                text += f" offset {self.random.randint(0, 3)}"
        return text

    def aggregate(self):
        source = self.source()
        items = []
        for _ in range(self.random.randint(1, 3)):
            kind = self.pick(NUMERIC)
            function = self.pick(["sum", "avg", "min", "max", "count"])
            if function in ("min", "max", "count"):  # Of 1.0 and 1.00 either may be the maximum.
                kind = self.pick(["text", "time", "int", "big"])
            argument = self.expression(kind, 1)
            word = "distinct " if self.chance(5) else ""
            tail = f" filter (where {self.condition(1)})" if self.chance(5) else ""
            items.append(f"{function}({word}{argument}){tail}")
        items.append("count(*)")
        exact = [name for name, kind in self.columns.items() if kind != "num"]
        keys = [self.pick(exact) for _ in range(self.random.randint(0, 2))]
        keys = list(dict.fromkeys(keys))
        text = f"select {', '.join(keys + items)} from {source}"
        if self.chance(2):
            text += f" where {self.condition(1)}"
        if keys:
            text += f" group by {', '.join(keys)}"
            if self.chance(3):
                text += f" having count(*) > {self.random.randint(0, 2)}"
            text += " order by " + ", ".join(
                str(i + 1) + self.pick(["", " desc", " nulls first"]) for i in range(len(keys)))
        return text

    def setop(self):
        exact = [kind for kind in CASTS if kind not in ("num", "num2")]
        kinds = [self.pick(exact) for _ in range(self.random.randint(1, 2))]
        parts = []
        for _ in range(2):
            name = self.pick(["t", "u"])
            self.use((name, name))
            parts.append("select " + ", ".join(self.expression(kind, 1) for kind in kinds) +
                         f" from {name}" + (f" where {self.condition(1)}" if self.chance(2) else ""))
        word = self.pick(["union", "union all", "intersect", "except"])
        return f"{parts[0]} {word} {parts[1]} order by " + ", ".join(
            str(i + 1) for i in range(len(kinds)))

    def constants(self):
        self.columns = {}
        kind = self.pick(NUMERIC)
        wild = [self.number(kind, 1), f"{self.constant(kind)} / {self.constant(self.pick(NUMERIC))}",
                f"{self.constant('big')} * {self.constant('big')}",
                f"({self.constant('num')})::{self.pick(['integer', 'numeric(3,1)', 'bigint', 'text'])}",
                f"{self.constant('text')}::{self.pick(['integer', 'numeric', 'boolean', 'timestamptz'])}",
                f"{self.constant(self.pick(list(CASTS)))} = {self.constant(self.pick(list(CASTS)))}",
                f"{self.constant(self.pick(list(CASTS)))} || {self.constant(self.pick(list(CASTS)))}",
                f"{self.constant(self.pick(list(CASTS)))} + {self.constant(self.pick(list(CASTS)))}"]
        return f"select {self.pick(wild)}"


def statements(seed, count):
    generator = Generator(seed)
    yield from SETUP
    for _ in range(12):
        yield generator.insert()
    makers = [generator.select] * 8 + [generator.aggregate] * 5 + [generator.setop] * 2 + \
             [generator.constants] * 4 + [generator.insert] * 2 + [generator.update] * 2 + \
             [generator.delete, generator.insert_select]
    for number in range(count):
        yield generator.pick(makers)()
        if number % 100 == 99:
            yield "select * from t order by k"
            yield "select * from u order by id"
