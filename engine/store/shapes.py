"""Checks of one set of columns as one generated function, where `TableCodec` asks column by column.

What is nearly always given is taken by a look at its type; for all else the column's own encoder is
asked, so values and errors are those of `TableCodec.new_row`, `new_values` and `as_read`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.generated import function
from engine.model import Row, Value
from engine.store.codec import MOST_SHAPES, TableCodec
from engine.store.encoders import as_it_is

Made = tuple[Row, list[Value]]
Make = Callable[[Mapping[str, Value], str], Made]
"""From values (of this shape) and the time now: the row as the engine sees it, and the same columns
as the database keeps them, both in order. Raises BadValue."""


class _Text:
    """The text of one such function."""

    def __init__(self, codec: TableCodec, names: tuple[str, ...]) -> None:
        self.codec = codec
        self.decoders = dict(codec.decoders)
        self.given: dict[str, Any] = {}
        self.lines: list[str] = []
        self.kept: dict[str, str] = {}
        """By column the Python text of what the database keeps."""
        self.read: dict[str, str] = {}
        """By column the Python text of what the engine sees."""
        if names:
            targets = "".join(f"v{at}, " for at in range(len(names)))
            self.lines.append(f"    {targets}= values.values()")
        for at, name in enumerate(names):
            self._check(at, name)

    def _check(self, at: int, name: str) -> None:
        codec = self.codec
        column, kind = codec.table.columns[name], codec.types[name]
        value, kept = f"v{at}", f"k{at}"
        self.given[f"e{at}"] = codec.encoders[name]
        if kind == "boolean" and name in codec.wired and not column.one_of:
            yes, no = codec.encoders[name](True), codec.encoders[name](False)
            self.lines.append(
                f"    {kept} = {yes!r} if {value} is True else {no!r} if {value} is False "
                f"else e{at}({value})"
            )
            self.kept[name], self.read[name] = kept, value
            return
        test = as_it_is(column, kind, name in codec.wired, value)
        if test and name not in self.decoders:
            self.lines.append(f"    if not ({test}):")
            self.lines.append(f"        {value} = e{at}({value})")
            self.kept[name] = self.read[name] = value
            return
        self.lines.append(f"    {kept} = e{at}({value})")
        self.kept[name] = kept
        self.read[name] = value if name in codec.internal else self._decoded(name, kept)

    def _decoded(self, name: str, kept: str) -> str:
        decoder = self.decoders.get(name)
        if decoder is None:
            return kept
        at = f"d{self.codec.names.index(name)}"
        self.given[at] = decoder
        return f"None if {kept} is None else {at}({kept})"

    def fixed(self, name: str, value: Value) -> None:
        """A column with the same value in each row."""
        at = f"b{self.codec.names.index(name)}"
        self.given[at] = value
        self.kept[name] = at
        self.read[name] = at if value is None else self._decoded(name, at)

    def now(self, name: str) -> None:
        """A column with the time."""
        self.kept[name] = self.read[name] = "now"

    def function(self, about: str, order: tuple[str, ...]) -> Make:
        """The function; it gives the columns that are kept, in this order."""
        read = ", ".join(f"{name!r}: {self.read[name]}" for name in order)
        kept = ", ".join(self.kept[name] for name in order)
        body = "\n".join(
            ["def make(values, now):", *self.lines, f"    return {{{read}}}, [{kept}]"]
        )
        return function("make", body + "\n", self.given, about)


def row_maker(codec: TableCodec, names: tuple[str, ...]) -> Make:
    """A new row of these columns, in the order they are given: as `TableCodec.new_row`.

    They must be enough to make a row. The key is None where the database is to give it.
    """
    text = _Text(codec, names)
    table = codec.table
    for name in codec.names:
        if name in names:
            continue
        if name in codec.stamps:
            text.now(name)
        else:
            text.fixed(name, codec.blank[name])
    if not codec.auto_key:
        text.given["missing"] = codec.missing
        text.lines.append(f"    if {text.kept[table.key]} is None:")
        text.lines.append("        missing(values)")
    return text.function(f"a row of {table.name} with {', '.join(names)}", codec.names)


def change_maker(codec: TableCodec, names: tuple[str, ...]) -> Make:
    """New values of these columns, one at least: as `TableCodec.new_values`."""
    text = _Text(codec, names)
    order = names
    if codec.touched and "updated_at" not in names:
        text.now("updated_at")
        order = (*names, "updated_at")
    return text.function(f"a change of {codec.table.name}: {', '.join(names)}", order)


class Shapes:
    """The functions of one table, made when a set of columns first comes."""

    def __init__(self, codec: TableCodec) -> None:
        self._codec = codec
        self._rows: dict[tuple[str, ...], Make] = {}

    def row(self, values: Mapping[str, Value], now: str) -> Made:
        """A new row, whole. Raises UnknownColumn, BadValue."""
        make = self._rows.get(tuple(values))
        if make is None:
            make = self._new_row(tuple(values))
        return make(values, now)

    def change(self, names: tuple[str, ...]) -> Make:
        """The function for new values of these columns; it raises what `new_values` does."""
        known = self._codec.table.columns
        if names and all(name in known for name in names):
            return change_maker(self._codec, names)
        return self.plain_change

    def _new_row(self, names: tuple[str, ...]) -> Make:
        self._codec.require(names)
        if len(self._rows) >= MOST_SHAPES:
            return self.plain_row
        make = self._rows[names] = row_maker(self._codec, names)
        return make

    def plain_row(self, values: Mapping[str, Value], now: str) -> Made:
        """As `row`, without a function of its own."""
        row = self._codec.new_row(values, now)
        kept = list(row.values())
        return self._codec.as_read(row, values), kept

    def plain_change(self, values: Mapping[str, Value], now: str) -> Made:
        """As a function that `change` gives."""
        new = self._codec.new_values(values, now)
        kept = list(new.values())
        return self._codec.as_read(new, values), kept
