"""Many rows in one INSERT: SQLite takes them for two thirds of what a statement each costs, and the
interpreter's lock is let go once for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from engine.model import Value

MOST = 64
"""Rows a statement. Up to here one for all: a text for each size is prepared once, a statement is paid
for each time."""

_INSERT = re.compile(r"\s*(INSERT INTO .*? VALUES)\s*(\([^()]*\))\s*", re.DOTALL)
_NAMED = re.compile(r":(\w+)")


class Bulk:
    """An INSERT of as many rows as there are. `head` ends with VALUES, `marks` is one row, with `?`."""

    __slots__ = ("_head", "_marks", "_texts")

    def __init__(self, head: str, marks: str) -> None:
        self._head = head
        self._marks = marks
        self._texts: dict[int, str] = {}

    def send(self, cursor: Any, rows: Sequence[Sequence[Value]]) -> None:
        """Insert the rows, in this order. Raises sqlite3.Error."""
        for at in range(0, len(rows), MOST):
            some = rows[at : at + MOST]
            cursor.execute(self._text(len(some)), [*chain.from_iterable(some)])

    def _text(self, size: int) -> str:
        text = self._texts.get(size)
        if text is None:
            text = self._texts[size] = f"{self._head} {', '.join([self._marks] * size)}"
        return text


class NamedBulk(Bulk):
    """The same of a statement with `:name` parameters, two at least."""

    __slots__ = ("_row", "names")

    def __init__(self, head: str, row: str) -> None:
        self.names = tuple(_NAMED.findall(row))
        self._row = itemgetter(*self.names)
        super().__init__(head, _NAMED.sub("?", row))

    def send_named(self, cursor: Any, rows: Iterable[Mapping[str, Value]]) -> None:
        """Insert the rows, in this order. Raises sqlite3.Error, KeyError."""
        self.send(cursor, [*map(self._row, rows)])


@lru_cache(256)
def bulk_of(sql: str) -> NamedBulk | None:
    """The statement as a bulk; None for anything but a plain INSERT of one row with two parameters
    or more."""
    found = _INSERT.fullmatch(sql)
    return NamedBulk(found[1], found[2]) if found and len(_NAMED.findall(found[2])) > 1 else None
