"""Is a history of operations on registers linearizable? Wing and Gong's search with Lowe's memory of states.

A register is a row: absent, or a value. Clients note when an operation began and ended and what it told
them; one whose end they never saw may have happened at any time after its beginning, or never.

    check(operations) -> None, or the smallest set of operations that has no explanation

Registers are independent, so each is searched alone. The search keeps the set of operations that have
happened (a bit each) and the value; at each step any operation may happen that began before every
one that has not happened yet had ended. A pair of set and value that has failed once is not tried again."""

import collections
import dataclasses
import typing

ABSENT = None
NEVER = float("inf")


@dataclasses.dataclass(frozen=True)
class Operation:
    """What a client asked of a register, and what it was told. end is NEVER, and result unknown, in doubt."""

    key: int
    kind: str  # "read", "write", "swap", "insert", "delete"
    start: float
    end: float
    result: typing.Any = None
    value: typing.Any = None  # The value to be written.
    expected: typing.Any = None  # swap: only when this is the value.
    client: int = 0

    def __str__(self):
        end = "?" if self.end == NEVER else f"{self.end:.6f}"
        wanted = {"write": f"({self.value})", "swap": f"({self.expected} -> {self.value})",
                  "insert": f"({self.value})"}.get(self.kind, "()")
        result = "?" if self.end == NEVER else self.result
        return f"[{self.start:.6f} {end}] client {self.client}: {self.key}.{self.kind}{wanted} = {result}"


def step(operation, value):
    """(result, value after) when the operation happens to a register with this value.

    A write or a swap tells the value that stands there after it: ABSENT when there is no row to change."""
    if operation.kind == "read":
        return value, value
    if operation.kind == "write":
        after = ABSENT if value is ABSENT else operation.value
        return after, after
    if operation.kind == "swap":
        after = operation.value if value is not ABSENT and value == operation.expected else value
        return after, after
    if operation.kind == "insert":
        return value is ABSENT, operation.value if value is ABSENT else value
    if operation.kind == "delete":
        return value is not ABSENT, ABSENT
    raise ValueError(operation.kind)


def is_possible(operations, initial=ABSENT):
    """Whether one register's operations can have happened one after the other."""
    order = sorted(operations, key=lambda o: (o.end, o.start))
    known = sum(1 << i for i, o in enumerate(order) if o.end != NEVER)
    # Candidates by beginning: what is certain first, what is in doubt only when nothing else goes.
    tried = set()
    stack = [(0, initial)]
    while stack:
        done, value = stack.pop()
        if done & known == known:
            return True
        if (done, value) in tried:
            continue
        tried.add((done, value))
        first_end = next(o.end for i, o in enumerate(order) if not done >> i & 1)
        certain, doubtful = [], []
        for i, operation in enumerate(order):
            if done >> i & 1 or operation.start > first_end:
                continue
            result, after = step(operation, value)
            if operation.end == NEVER:
                if after != value:  # What changes nothing need not happen.
                    doubtful.append((done | 1 << i, after))
            elif result == operation.result:
                certain.append((done | 1 << i, after))
        stack += doubtful + certain
    return False


def smallest(operations, initial):
    """The shortest beginning of an impossible history that is impossible itself, to be looked at."""
    ends = sorted({o.end for o in operations if o.end != NEVER})
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high) // 2
        if is_possible(until(operations, ends[middle]), initial):
            low = middle + 1
        else:
            high = middle
    return until(operations, ends[low])


def until(operations, time):
    """The history as it was known at a time: what had begun, and in doubt what had not ended."""
    return [o if o.end <= time else dataclasses.replace(o, end=NEVER, result=None)
            for o in operations if o.start <= time]


def check(operations, initial=ABSENT):
    keys = collections.defaultdict(list)
    for operation in operations:
        if operation.kind != "read" or operation.end != NEVER:
            keys[operation.key].append(operation)
    for of_key in keys.values():
        if not is_possible(of_key, initial):
            return sorted(smallest(of_key, initial), key=lambda o: o.start)
    return None
