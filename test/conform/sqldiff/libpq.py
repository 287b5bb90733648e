"""The little of libpq that a comparison needs, by ctypes: every result of a query string with its
column names, type oids and modifiers, rows in text form, command tag, error fields and notices.

psycopg2 shows only the last result of a query string, and psql hides oids, so neither is enough.
"""

import ctypes

LIB = ctypes.CDLL("libpq.so.5")
for _name, _result, _arguments in (
    ("PQconnectdb", ctypes.c_void_p, [ctypes.c_char_p]),
    ("PQstatus", ctypes.c_int, [ctypes.c_void_p]),
    ("PQerrorMessage", ctypes.c_char_p, [ctypes.c_void_p]),
    ("PQfinish", None, [ctypes.c_void_p]),
    ("PQsendQuery", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p]),
    ("PQgetResult", ctypes.c_void_p, [ctypes.c_void_p]),
    ("PQresultStatus", ctypes.c_int, [ctypes.c_void_p]),
    ("PQresultErrorField", ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_int]),
    ("PQcmdStatus", ctypes.c_char_p, [ctypes.c_void_p]),
    ("PQntuples", ctypes.c_int, [ctypes.c_void_p]),
    ("PQnfields", ctypes.c_int, [ctypes.c_void_p]),
    ("PQfname", ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_int]),
    ("PQftype", ctypes.c_uint, [ctypes.c_void_p, ctypes.c_int]),
    ("PQfmod", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int]),
    ("PQgetvalue", ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]),
    ("PQgetisnull", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]),
    ("PQtransactionStatus", ctypes.c_int, [ctypes.c_void_p]),
    ("PQputCopyEnd", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p]),
    ("PQgetCopyData", ctypes.c_int, [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_int]),
    ("PQfreemem", None, [ctypes.c_void_p]),
    ("PQclear", None, [ctypes.c_void_p]),
    ("PQsetNoticeReceiver", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]),
):
    _function = getattr(LIB, _name)
    _function.restype = _result
    _function.argtypes = _arguments

EMPTY_QUERY, COPY_OUT, COPY_IN = 0, 3, 4
IDLE, OPEN, FAILED = 0, 2, 3  # Of a transaction.
RECEIVER = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


class Result:
    """One result: rows or an error."""

    def __init__(self, handle):
        self.sqlstate = field(handle, "C")
        self.message = field(handle, "M")
        self.detail = field(handle, "D")
        self.hint = field(handle, "H")
        self.position = field(handle, "P")
        self.tag = LIB.PQcmdStatus(handle).decode()
        width = LIB.PQnfields(handle)
        self.columns = [((LIB.PQfname(handle, c) or b"").decode(), LIB.PQftype(handle, c),
                         LIB.PQfmod(handle, c)) for c in range(width)]
        self.rows = [tuple(None if LIB.PQgetisnull(handle, r, c)
                           else LIB.PQgetvalue(handle, r, c).decode()
                           for c in range(width)) for r in range(LIB.PQntuples(handle))]
        self.is_empty = LIB.PQresultStatus(handle) == EMPTY_QUERY


def field(handle, letter):
    value = LIB.PQresultErrorField(handle, ord(letter))
    return None if value is None else value.decode()


class Connection:
    def __init__(self, parameters):
        self.handle = LIB.PQconnectdb(parameters.encode())
        if LIB.PQstatus(self.handle) != 0:
            raise SystemExit("sqldiff: " + LIB.PQerrorMessage(self.handle).decode())
        self.notices = []
        self.receiver = RECEIVER(lambda _, handle: self.notices.append(
            (field(handle, "C"), field(handle, "M"))))
        LIB.PQsetNoticeReceiver(self.handle, self.receiver, None)

    def run(self, text):
        """All results of a query string; the notices it gave are in self.notices."""
        self.notices.clear()
        results = []
        if LIB.PQsendQuery(self.handle, text.encode()) != 1:
            raise SystemExit("sqldiff: " + LIB.PQerrorMessage(self.handle).decode())
        while True:
            handle = LIB.PQgetResult(self.handle)
            if not handle:
                break
            results.append(Result(handle))
            status = LIB.PQresultStatus(handle)
            LIB.PQclear(handle)
            if status == COPY_IN:
                LIB.PQputCopyEnd(self.handle, None)
            elif status == COPY_OUT:
                results[-1].rows = self.copied()
        if LIB.PQstatus(self.handle) != 0:
            raise SystemExit("sqldiff: connection lost by: " + text)
        return results

    def copied(self):
        """The lines of COPY TO STDOUT."""
        lines, line = [], ctypes.c_void_p()
        while (size := LIB.PQgetCopyData(self.handle, ctypes.byref(line), 0)) > 0:
            lines.append((ctypes.string_at(line, size).decode(),))
            LIB.PQfreemem(line)
        return lines

    def block(self):
        """Where the connection is: IDLE, OPEN or FAILED."""
        return LIB.PQtransactionStatus(self.handle)

    def close(self):
        LIB.PQfinish(self.handle)
