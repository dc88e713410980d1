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

SIZES = (64, 32, *range(16, 0, -1))
"""Rows a statement: few texts, so that each is prepared once, and one for all rows of a small batch."""

_INSERT = re.compile(r"\s*(INSERT INTO .*? VALUES)\s*(\([^()]*\))\s*", re.DOTALL)
_NAMED = re.compile(r":(\w+)")


class Bulk:
    """An INSERT of as many rows as there are. `head` ends with VALUES, `marks` is one row, with `?`."""

    __slots__ = ("_texts",)

    def __init__(self, head: str, marks: str) -> None:
        self._texts = [(size, f"{head} {', '.join([marks] * size)}") for size in SIZES]

    def send(self, cursor: Any, rows: Sequence[Sequence[Value]]) -> None:
        """Insert the rows, in this order. Raises sqlite3.Error."""
        at, left = 0, len(rows)
        for size, text in self._texts:
            while left >= size:
                cursor.execute(text, [*chain.from_iterable(rows[at : at + size])])
                at, left = at + size, left - size


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
