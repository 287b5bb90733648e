"""Runs statements against TrustSQL and PostgreSQL and tells what differs.

A statement is one of four things:
  equal      results, column names, types, tags, SQLSTATE and message are those of PostgreSQL
  refused    TrustSQL says 0A000, with a position or, when it fails while running, a hint; PostgreSQL then runs it in a transaction that is rolled back, so
             that both go on with the same data
  wording    the same answer with another message, detail, hint, position or type modifier
  different  anything else: a defect
"""

import collections
import re

import libpq

NUMBER = re.compile(r"-?[0-9]+\.[0-9]+")

DIFFERENT, WORDING, REFUSED, EQUAL = "different", "wording", "refused", "equal"


class Outcome:
    def __init__(self, kind, text, why="", ours=None, theirs=None):
        self.kind, self.text, self.why = kind, text, why
        self.ours, self.theirs = ours, theirs

    def __str__(self):
        lines = [f"{self.kind}: {self.text}"]
        if self.why:
            lines.append(f"    {self.why}")
        if self.kind != EQUAL:
            lines.append("    trustsql:   " + show(self.ours))
            lines.append("    postgresql: " + show(self.theirs))
        return "\n".join(lines)


class Pair:
    """The two servers."""

    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs

    def run(self, text):
        ours = self.ours.run(text)
        notices = [message for _, message in self.ours.notices]
        if ours and ours[-1].sqlstate == "0A000":
            theirs = self.try_out(text)
            if theirs and theirs[-1].sqlstate == "0A000":
                return compare(text, ours, theirs)
            kind = REFUSED if ours[-1].position is not None or ours[-1].hint else DIFFERENT
            return Outcome(kind, text, "", ours, theirs)
        theirs = self.theirs.run(text)
        outcome = compare(text, ours, theirs)
        if self.ours.block() != self.theirs.block():
            why = f"block {self.ours.block()} and {self.theirs.block()}"
            return Outcome(DIFFERENT, text, why, ours, theirs)
        if outcome.kind == EQUAL and notices != [message for _, message in self.theirs.notices]:
            why = f"notices {notices} and {self.theirs.notices}"
            return Outcome(WORDING, text, why, ours, theirs)
        return outcome


    def try_out(self, text):
        """What PostgreSQL says to a statement that TrustSQL refuses, without its effects. A block has failed at TrustSQL:
        then it fails at PostgreSQL, too."""
        if self.theirs.block() == libpq.FAILED:
            return self.theirs.run(text)
        is_inside = self.theirs.block() == libpq.OPEN
        self.theirs.run("SAVEPOINT sqldiff" if is_inside else "BEGIN")
        results = self.theirs.run(text)
        if not is_inside:
            self.theirs.run("ROLLBACK")
        elif self.theirs.block() == libpq.OPEN:
            self.theirs.run("ROLLBACK TO sqldiff; RELEASE sqldiff; SELECT 1 / 0")
        return results


def compare(text, ours, theirs):
    def different(why):
        return Outcome(DIFFERENT, text, why, ours, theirs)

    if is_failed(ours) and is_failed(theirs):
        ours, theirs = ours[-1:], theirs[-1:]
    if len(ours) != len(theirs):
        return different("number of results")
    is_ordered = "order by" in outside(text)
    is_limited = is_ordered and "limit" in outside(text)
    for mine, other in zip(ours, theirs):
        if mine.sqlstate != other.sqlstate:
            return different("SQLSTATE")
        if mine.is_empty != other.is_empty:
            return different("empty query")
        if not same_columns(mine.columns, other.columns):
            return different("columns")
        if mine.tag != other.tag:
            return different("tag")
        is_same = same_rows(mine.rows, other.rows, is_ordered)
        if not is_same and not (is_limited and same_values(mine.rows, other.rows)):
            return different("rows")
    for mine, other in zip(ours, theirs):
        if [mod for _, _, mod in mine.columns] != [mod for _, _, mod in other.columns]:
            return Outcome(WORDING, text, "type modifiers", ours, theirs)
        for part in ("message", "position", "detail", "hint"):
            if getattr(mine, part) != getattr(other, part):
                return Outcome(WORDING, text, part, ours, theirs)
    return Outcome(EQUAL, text, "", ours, theirs)


TEXT_TYPES = {19: 25, 1043: 25}  # name and varchar are text here.


def same_columns(mine, other):
    """Names and types. varchar without length is text here; so is the type of system names."""
    def plain_type(columns):
        return [(name, TEXT_TYPES.get(oid, oid)) for name, oid, _ in columns]
    return plain_type(mine) == plain_type(other)


def is_failed(results):
    """A string that writes is one transaction: when it fails, TrustSQL answers with the error alone,
    PostgreSQL first tells what it undoes."""
    return bool(results) and results[-1].sqlstate is not None


def same_rows(mine, other, is_ordered):
    """ORDER BY leaves the order of 1.0 and 1.00 open: they are equal, and look different."""
    if mine == other:
        return True
    if is_ordered and not same_values(mine, other):
        return False
    return collections.Counter(mine) == collections.Counter(other)


def same_values(mine, other):
    """Row by row, where 1.0 is 1.00: LIMIT may keep either."""
    return [plain(row) for row in mine] == [plain(row) for row in other]


def outside(text):
    """The text without what stands in brackets."""
    depth, kept = 0, []
    for letter in text.lower():
        depth += letter == "("
        if depth == 0:
            kept.append(letter)
        depth -= letter == ")"
    return "".join(kept)


def plain(row):
    return tuple(value.rstrip("0").rstrip(".") if value and NUMBER.fullmatch(value) else value
                 for value in row)


def show(results):
    return " | ".join(show_one(r) for r in results or [])


def show_one(r):
    if r.sqlstate is not None:
        parts = [f"{r.sqlstate} {r.message}"]
        parts += [f"{name} {value}" for name, value in
                  (("at", r.position), ("DETAIL", r.detail), ("HINT", r.hint)) if value]
        return "; ".join(parts)
    if not r.columns:
        return r.tag
    rows = r.rows if len(r.rows) <= 8 else r.rows[:8] + ["…"]
    return f"{r.tag} {r.columns} {rows}"
