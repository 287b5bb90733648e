#!/usr/bin/python3
"""Statements of three banks and their supervisor, the same for the same seed.

    generate.py [--statements N] [--seed S]      prints a file for psql, after schema.sql

Each statement stands on a line of its own after a line `\\echo #<number>`; several in one query string are
joined by `\\;`. A third updates, deletes or writes several rows; one in twenty must fail. Every
SELECT has a total ORDER BY; RETURNING stands where at most one order is possible; nothing asks for the
clock: the answers of two servers can be compared line by line."""

import argparse
import random

FIRST = "Ada Björn Chen Dalia Émile Faiza Günther Hana Íñigo Jun Kaya Luca Mira Noor Óscar".split()
LAST = "Ivers Okafor Sato Lindqvist O'Hara Nguyễn Rossi 王 Петров Yıldız Zhou".split()
STATES = ["issued", "accepted", "paid", "protested"]


def text(value):
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


class Bills:
    """What the generator remembers of the ledger: enough that most statements succeed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.accounts = []
        self.bills = []
        self.positions = {}
        self.next_account = 1000
        self.next_bill = 1
        self.next_payment = 1

    # --- values ---

    def pick(self, items, otherwise):
        return self.random.choice(items) if items else otherwise

    def account(self):
        return self.pick(self.accounts, 1)

    def bill(self):
        return self.pick(self.bills, 1)

    def amount(self, most=100000):
        return f"{self.random.randrange(1, most)}.{self.random.randrange(100):02}"

    def time(self):
        r = self.random
        zone = r.choice(["Z", "+00", "+01:00", "-05", "+05:30", ""])
        fraction = r.choice(["", ".5", f".{r.randrange(1000000):06}"])
        return (f"'20{r.randrange(18, 32):02}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02} "
                f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}{fraction}{zone}'")

    def note(self):
        r = self.random
        if r.random() < 0.3:
            return "NULL"
        return text(" ".join(r.choices(FIRST + LAST + ["a\\b", "100%", "_", "tab\there"],
                                       k=r.randrange(5)))[:60])

    def bytes(self):
        size = self.random.choice([0, 1, 4, 20])
        return "NULL" if size == 20 else f"'\\x{self.random.randbytes(size).hex()}'"

    # --- writes of one row ---

    def new_account(self):
        r = self.random
        self.next_account += 1
        self.accounts.append(self.next_account)
        holder = f"{r.choice(FIRST)} {r.choice(LAST)} {self.next_account}"
        return (f"({self.next_account}, {r.randrange(1, 4)}, {text(holder)}, "
                f"{r.choice(['true', 'false', 'DEFAULT'])}, {self.amount()}, {self.bytes()})")

    def insert_account(self):
        tail = self.random.choice(["", " RETURNING id, holder, balance", " RETURNING *"])
        return f"INSERT INTO accounts VALUES {self.new_account()}{tail}"

    def new_bill(self):
        bill = self.next_bill
        self.next_bill += 1
        self.bills.append(bill)
        return (f"({bill}, 'B-{bill:06}', {self.account()}, {self.account()}, {self.amount()}, "
                f"{self.time()}, {self.bytes()}, {self.note()})")

    def insert_bill(self):
        tail = self.random.choice(["", " RETURNING id, number, amount * rate AS interest, state",
                                   " RETURNING due, document, note, rate"])
        return ("INSERT INTO bills (id, number, drawer, holder, amount, due, document, note) "
                f"VALUES {self.new_bill()}{tail}")

    def endorse(self, bill=None):
        bill = bill or self.bill()
        position = self.positions[bill] = self.positions.get(bill, 0) + 1
        giver = self.account()
        taker = self.pick([a for a in self.accounts[-50:] if a != giver], giver + 1)
        return (f"INSERT INTO endorsements VALUES ({bill}, {position}, {giver}, {taker}, "
                f"{self.time()})")

    def pay(self):
        self.next_payment += 1
        return (f"INSERT INTO payments (id, bill, amount, paid_at) VALUES ({self.next_payment}, "
                f"{self.bill()}, {self.amount(5000)}, {self.time()}) RETURNING amount, is_final")

    def copy_payment(self):
        self.next_payment += 1
        return (f"INSERT INTO payments SELECT {self.next_payment}, id, round(amount / 3, 2), due, "
                f"amount < 5000 FROM bills WHERE id = {self.bill()}")

    def keep_or_add(self):
        return (f"INSERT INTO organisations VALUES ({self.random.randrange(1, 9)}, "
                f"'Branch {self.random.randrange(4)}', 'bank') ON CONFLICT DO NOTHING")

    # --- updates, deletes, several rows ---

    def transfer(self):
        giver, taker, amount = self.account(), self.account(), self.amount(900)
        return (f"UPDATE accounts SET balance = balance - {amount} WHERE id = {giver}\\; "
                f"UPDATE accounts SET balance = balance + {amount} WHERE id = {taker}")

    def move_bill(self):
        bill = self.bill()
        return (f"{self.endorse(bill)}\\; UPDATE bills SET holder = {self.account()} WHERE "
                f"id = {bill} RETURNING number, holder")

    def set_state(self):
        return (f"UPDATE bills SET state = '{self.random.choice(STATES)}', note = {self.note()} "
                f"WHERE id = {self.bill()} RETURNING id, state, note, coalesce(length(note), -1)")

    def update_many(self):
        r = self.random
        bill = self.bill()
        return r.choice([
            f"UPDATE bills SET rate = rate * 1.01 + 0.0001 WHERE holder = {self.account()} "
            "AND rate < 0.5",
            f"UPDATE bills SET amount = round(amount * 1.003, 2), state = 'accepted' "
            f"WHERE id BETWEEN {bill} AND {bill + r.randrange(12)} AND state = 'issued'",
            "UPDATE accounts SET can_issue = NOT can_issue, key = key || '\\x7e' WHERE organisation "
            f"= {r.randrange(1, 4)} AND id % 13 = {r.randrange(13)} AND length(key) < 40",
            f"UPDATE payments SET is_final = true WHERE bill IN (SELECT id FROM bills WHERE "
            f"state = 'paid') AND id % 7 = {r.randrange(7)}",
            f"UPDATE bills SET due = {self.time()}, document = NULL WHERE note LIKE "
            f"'%{r.choice(FIRST)}%' AND id > {bill}",
            f"UPDATE accounts SET balance = balance + (SELECT coalesce(sum(amount), 0) FROM payments "
            f"WHERE bill = {bill}) WHERE id = {self.account()}",
            f"UPDATE endorsements SET at = {self.time()} WHERE bill = {bill} AND position <= 3",
        ])

    def delete(self):
        r = self.random
        bill = self.bill()
        if r.random() < 0.4 and len(self.bills) > 20:
            self.bills.remove(bill)
            return (f"DELETE FROM endorsements WHERE bill = {bill}\\; DELETE FROM payments WHERE "
                    f"bill = {bill}\\; DELETE FROM bills WHERE id = {bill} RETURNING number, amount")
        return r.choice([
            f"DELETE FROM payments WHERE amount < 40 AND id % 11 = {r.randrange(11)}",
            f"DELETE FROM endorsements WHERE bill = {bill} AND position > 6",
            "DELETE FROM payments WHERE bill NOT IN (SELECT id FROM bills)",
            f"DELETE FROM organisations WHERE id > 4 AND name = 'Branch {r.randrange(4)}' "
            "RETURNING id, kind",
        ])

    def insert_many(self):
        count = self.random.randrange(2, 7)
        if self.random.random() < 0.5:
            return ("INSERT INTO accounts VALUES " +
                    ", ".join(self.new_account() for _ in range(count)))
        return ("INSERT INTO bills (id, number, drawer, holder, amount, due, document, note) VALUES "
                + ", ".join(self.new_bill() for _ in range(count)) + " RETURNING id, due")

    # --- reads ---

    def select(self):
        r = self.random
        account, bill = self.account(), self.bill()
        low = r.randrange(1, 90000)
        return r.choice([
            f"SELECT * FROM bills WHERE id = {bill} ORDER BY id",
            f"SELECT id, holder, balance, key FROM accounts WHERE id >= {account} ORDER BY id LIMIT 5",
            f"SELECT b.number, a.holder, b.amount FROM bills b JOIN accounts a ON a.id = b.holder "
            f"WHERE b.amount > {low} ORDER BY b.amount DESC, b.id LIMIT 8",
            "SELECT o.name, count(*), sum(a.balance), min(a.balance), max(a.holder) FROM accounts a "
            "JOIN organisations o ON o.id = a.organisation GROUP BY o.name ORDER BY o.name",
            "SELECT o.name, count(a.id) FROM organisations o LEFT JOIN accounts a ON "
            f"a.organisation = o.id AND a.balance > {low} GROUP BY o.id, o.name ORDER BY o.id",
            "SELECT state, count(*), avg(amount), round(avg(rate), 6), max(due) FROM bills GROUP BY "
            f"state HAVING count(*) > {r.randrange(4)} ORDER BY state",
            f"SELECT id, amount * rate AS interest, amount / 7, (amount * 100)::bigint FROM bills "
            f"WHERE holder = {account} ORDER BY id",
            f"SELECT e.bill, e.position, f.holder, t.holder FROM endorsements e JOIN accounts f ON "
            f"f.id = e.from_account JOIN accounts t ON t.id = e.to_account WHERE e.bill = {bill} "
            "ORDER BY e.position",
            f"SELECT number, CASE WHEN amount > 50000 THEN 'large' WHEN amount > 9000 THEN 'middle' "
            f"ELSE 'small' END AS size FROM bills WHERE drawer = {account} ORDER BY number",
            f"SELECT upper(holder), length(holder), substr(holder, 2, 4), holder || '!' FROM accounts "
            f"WHERE holder LIKE '{r.choice(FIRST)[0]}%' AND id % 5 = {r.randrange(5)} ORDER BY id",
            f"SELECT DISTINCT state, holder FROM bills WHERE id < {bill} ORDER BY holder, state LIMIT 9",
            f"SELECT b.id, (SELECT count(*) FROM payments p WHERE p.bill = b.id) AS paid FROM bills b "
            f"WHERE b.id BETWEEN {bill - 5} AND {bill + 5} ORDER BY b.id",
            "SELECT id FROM bills b WHERE NOT EXISTS (SELECT 1 FROM payments p WHERE p.bill = b.id) "
            "AND note IS NOT NULL ORDER BY due DESC, id LIMIT 6",
            f"WITH big AS (SELECT holder, sum(amount) AS total FROM bills GROUP BY holder) SELECT "
            f"holder, total FROM big WHERE total > {low} ORDER BY total DESC, holder LIMIT 7 OFFSET 1",
            "SELECT coalesce(note, '-') AS note, count(*) FROM bills GROUP BY note ORDER BY count(*) "
            "DESC, note NULLS FIRST LIMIT 6",
            f"SELECT sum(amount) FILTER (WHERE is_final), count(DISTINCT bill), bool_or(is_final) "
            f"FROM payments WHERE id % 3 = {r.randrange(3)}",
            f"SELECT due, due < {self.time()} AS early, document FROM bills WHERE id <= {bill} ORDER "
            "BY due, id LIMIT 7",
            f"SELECT id FROM bills WHERE state = 'paid' UNION SELECT bill FROM payments WHERE is_final "
            f"ORDER BY 1 LIMIT {r.randrange(1, 12)}",
            f"SELECT abs(-{low}.5), {low} / 7, -{low} / 7, -{low} % 7, {low}.25 % 3, round({low}.455, 2)"
            ", 7 / 2.0, 1e3::integer",
            f"SELECT {self.amount()}::numeric(14,2) * {self.amount()} / 9, '{low}'::integer + 1, "
            f"{low}::text || '.', {self.time()}::timestamptz, true AND NULL, NULL IS NULL",
            f"SELECT count(*) FROM accounts\\; SELECT count(*), sum(amount) FROM bills",
        ])

    # --- what must fail ---

    def failing(self):
        r = self.random
        account, bill = self.account(), self.bill()
        return r.choice([
            f"INSERT INTO accounts (id, organisation, holder) VALUES ({account}, 1, 'twice {bill}')",
            f"INSERT INTO bills (id, number, drawer, holder, amount, due) SELECT 900000000, number, 1, "
            "2, 5, due FROM bills ORDER BY id LIMIT 1",
            f"UPDATE accounts SET balance = -1 WHERE id = {account}",
            f"UPDATE bills SET state = 'lost' WHERE id = {bill}",
            f"INSERT INTO endorsements VALUES ({bill}, 900, {account}, {account}, {self.time()})",
            f"INSERT INTO payments (id, bill, amount) VALUES (0, {bill}, 1)",
            f"UPDATE bills SET amount = NULL WHERE id = {bill}",
            f"SELECT {r.randrange(100)} / 0",
            f"UPDATE accounts SET balance = balance / (organisation - organisation) WHERE id = {account}",
            "SELECT 'twelve'::integer",
            f"INSERT INTO payments VALUES (0, {bill}, 1, 'yesterweek')",
            f"UPDATE bills SET document = 'zz'::bytea || '\\xg0' WHERE id = {bill}",
            "SELECT colour FROM bills ORDER BY id",
            "SELECT * FROM cheques ORDER BY 1",
            f"DELETE FROM cheques WHERE id = {bill}",
            f"UPDATE bills SET amount = 1e13 WHERE id = {bill}",
            f"UPDATE bills SET rate = rate + 1000 WHERE id = {bill}",
            "SELECT 9223372036854775807 + 1, 2147483647 + 1",
            "SELECT 2147483647::integer * 2::integer",
            f"UPDATE bills SET note = '{'n' * 61}' WHERE id = {bill}",
            "INSERT INTO organisations VALUES (9, 'Other', 'broker')",
            "INSERT INTO organisations (id, name) VALUES (1, 2, 3)",
            f"SELECT sum(holder) FROM accounts",
            f"SELECT holder, count(*) FROM bills ORDER BY 1",
            "SELEC 1",
            "SELECT 1 +",
            f"SELECT id FROM bills WHERE amount = 'much' ORDER BY id",
            "SELECT nothing(1)",
            f"CREATE TABLE bills (id integer)",
            f"DROP TABLE cheques",
            # The first takes effect only when the second does: one query string, one transaction.
            f"UPDATE accounts SET balance = balance + 1 WHERE id = {account}\\; SELECT 1 / 0",
            f"DELETE FROM payments WHERE bill = {bill}\\; INSERT INTO organisations VALUES (1, 'x', 'bank')",
            "SELECT ambiguous.id FROM bills a, bills b ORDER BY 1",
            "SELECT id FROM bills a JOIN bills b ON a.id = b.id ORDER BY 1",
        ])

    def statement(self):
        roll = self.random.random()
        if len(self.accounts) < 20:
            return self.insert_account()
        if len(self.bills) < 20:
            return self.insert_bill()
        for limit, make in ((0.05, self.failing), (0.13, self.update_many), (0.19, self.transfer),
                            (0.25, self.set_state), (0.28, self.move_bill), (0.34, self.delete),
                            (0.39, self.insert_many), (0.43, self.insert_account),
                            (0.52, self.insert_bill), (0.59, self.endorse), (0.66, self.pay),
                            (0.68, self.copy_payment), (0.69, self.keep_or_add)):
            if roll < limit:
                return make()
        return self.select()


def statements(count, seed):
    ledger = Bills(seed)
    return [ledger.statement() for _ in range(count)]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--statements", type=int, default=10000)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    for number, line in enumerate(statements(options.statements, options.seed), 1):
        print(f"\\echo #{number}\n{line};")


if __name__ == "__main__":
    main()
