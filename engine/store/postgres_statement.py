"""A statement prepared on one connection, and how the rows it gives are read."""

from __future__ import annotations

from typing import Any

from engine.model import Value
from engine.store.postgres_text import Loader, loader_of


class Statement:
    """A prepared statement of one connection."""

    __slots__ = ("id", "loaders", "names", "params", "ready", "sql")

    def __init__(self, id: bytes, sql: bytes, params: tuple[str, ...]) -> None:
        self.id = id
        self.sql = sql
        self.params = params
        self.ready = False
        self.names: tuple[str, ...] = ()
        self.loaders: tuple[Loader, ...] = ()

    def read(self, result: Any) -> list[tuple[Value, ...]]:
        """The rows of a result, each column as its type is read."""
        if not self.loaders:
            columns = range(result.nfields)
            self.names = tuple((result.fname(n) or b"").decode() for n in columns)
            self.loaders = tuple(loader_of(result.ftype(n)) for n in columns)
        get = result.get_value
        loaders = tuple(enumerate(self.loaders))
        rows = []
        for number in range(result.ntuples):
            row: list[Value] = []
            for column, load in loaders:
                data = get(number, column)
                row.append(None if data is None else load(data))
            rows.append(tuple(row))
        return rows
