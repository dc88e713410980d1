"""Many rows in one INSERT: SQLite takes them for two thirds of what a statement each costs, and the
interpreter's lock is let go once for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from engine.model import Value

SIZES = (64, 32, 16, 8, 4, 2, 1)
"""Rows a statement: few texts, so that each is prepared once."""

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
                if size == 1:
                    params: Iterable[Value] = rows[at]
                else:
                    flat: list[Value] = []
                    for row in rows[at : at + size]:
                        flat += row
                    params = flat
                cursor.execute(text, params)
                at, left = at + size, left - size


class NamedBulk(Bulk):
    """The same of a statement with `:name` parameters."""

    __slots__ = ("_row",)

    def __init__(self, head: str, row: str) -> None:
        names = _NAMED.findall(row)
        self._row = itemgetter(*names, names[0])  # two at least, or it gives no tuple
        super().__init__(head, _NAMED.sub("?", row))

    def send_named(self, cursor: Any, rows: Iterable[Mapping[str, Value]]) -> None:
        """Insert the rows, in this order. Raises sqlite3.Error, KeyError."""
        pick = self._row
        self.send(cursor, [pick(row)[:-1] for row in rows])


@lru_cache(256)
def bulk_of(sql: str) -> NamedBulk | None:
    """The statement as a bulk; None for anything but a plain INSERT of one row."""
    found = _INSERT.fullmatch(sql)
    return NamedBulk(found[1], found[2]) if found and _NAMED.search(found[2]) else None
