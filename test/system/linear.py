"""Is a history of operations on registers linearizable? Wing and Gong's search with Lowe's memory of states.

A register is a row: absent, or a value. Clients note when an operation began and ended and what it told
them; one whose end they never saw may have happened at any time after its beginning, or never.

    check(operations) -> None, or the smallest set of operations that has no explanation

Registers are independent, so each is searched alone. The search keeps the set of operations that have
happened and the value; at each step any operation may happen that began before every one that has
not happened yet had ended. A pair of set and value that has failed once is not tried again."""

import collections
import dataclasses
import typing

ABSENT = None
NEVER = float("inf")
NO_DOUBT = "no doubt"
STATES_MAX = 5_000_000


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


class Search:
    """One register. A state is (first certain operation that has not happened, those after it that have,
    those in doubt that have, the value, the value before when an operation in doubt happened last).

    What is in doubt happens only when the next operation feels it: one whose effect nobody sees can be
    left out of any explanation. That keeps the search small however much is in doubt."""

    def __init__(self, operations):
        self.certain = sorted((o for o in operations if o.end != NEVER), key=lambda o: (o.end, o.start))
        self.doubtful = sorted((o for o in operations if o.end == NEVER), key=lambda o: o.start)
        self.earliest = [o.start for o in self.certain]  # Of an operation and all after it.
        for i in range(len(self.earliest) - 2, -1, -1):
            self.earliest[i] = min(self.earliest[i], self.earliest[i + 1])

    def run(self, initial):
        tried = set()
        stack = [(0, 0, 0, initial, NO_DOUBT)]
        while stack:
            state = stack.pop()
            if state[0] == len(self.certain):
                return True
            if state in tried:
                continue
            if len(tried) == STATES_MAX:
                raise RuntimeError(f"no answer after {STATES_MAX} states")
            tried.add(state)
            stack += self.doubtful_next(state)
            stack += self.certain_next(state)  # Tried first.
        return False

    def certain_next(self, state):
        first, done, doubted, value, before = state
        found = []
        for i in range(first, len(self.certain)):
            if self.earliest[i] > self.certain[first].end:
                break
            operation = self.certain[i]
            if operation.start > self.certain[first].end or done >> (i - first) & 1:
                continue
            result, after = step(operation, value)
            if result != operation.result:
                continue
            if before is not NO_DOUBT and step(operation, before) == (result, after):
                continue
            found.append((*advance(first, done | 1 << (i - first)), doubted, after, NO_DOUBT))
        return reversed(found)  # What ended first is the likeliest to have been first.

    def doubtful_next(self, state):
        first, done, doubted, value, before = state
        has_delete = False
        for i, operation in enumerate(self.doubtful):
            if operation.start > self.certain[first].end:
                break
            if doubted >> i & 1 or operation.kind == "delete" and has_delete:
                continue
            has_delete |= operation.kind == "delete"  # One is as good as another.
            after = step(operation, value)[1]
            if after == value or before is not NO_DOUBT and step(operation, before)[1] == after:
                continue
            yield first, done, doubted | 1 << i, after, value


def advance(first, done):
    while done & 1:
        first, done = first + 1, done >> 1
    return first, done


def is_possible(operations, initial=ABSENT):
    """Whether one register's operations can have happened one after the other."""
    return Search(operations).run(initial)


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
