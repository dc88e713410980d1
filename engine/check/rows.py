"""Rows that are written down (a file of rows, test cases), against the project's tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.check.near import did_you_mean
from engine.check.reading_codes import register
from engine.check.registry import Related
from engine.check.types import of_column, words
from engine.errors import Place, Problem
from engine.model import Column, Path, ProjectFile, Row, Table, Value
from engine.shape import kind, shown
from engine.store.base import BadValue
from engine.store.codec import TableCodec
from engine.store.values import CHECKS, Unfit
from engine.yamlfile import Document

Rows = Mapping[str, list[Row]]
"""Rows by table."""
MOST_SHOWN = 6
"""Keys of rows that a mend lists."""
ROWS = {
    "table": "A table that is not there|Rows are written by table: those of project.yaml, and the "
    "system tables.",
    "column": "A column that the table does not have|A row has the columns of its table in "
    "project.yaml, no others.",
    "value": "A value that does not fit its column|The database would refuse it, or keep another.",
    "missing": "A row without a value it must have|A column that cannot be empty and has no default "
    "needs a value in every row.",
    "unique": "Two rows with one key|A key, or another unique column, tells rows apart: the "
    "database would refuse the second one.",
    "reference": "A reference to a row that is not there|These rows are all there is to begin with, "
    "so the database would refuse one that refers to another.",
}
"""What can be wrong with rows, whichever file they stand in."""
register("seed.", ROWS, "check")
register("case.", ROWS, "tests")
_MENDS = {
    "integer": "Write a whole number, without quotes or decimal point.",
    "amount": "Write minor units as a plain whole number: 10 USD is 1000.",
    "text": "Put quotes around it.",
    "boolean": "Write true or false.",
    "timestamp": "Write it like 2026-01-31T12:00:00Z.",
    "currency": "Write the code of ISO 4217, such as usd.",
}


def check_rows(
    rows: Rows,
    project: ProjectFile,
    document: Document,
    at: Path = (),
    *,
    code: str = "case",
    whole: bool = True,
    alone: bool = False,
) -> Iterator[Problem]:
    """Every mistake in rows that stand at `at`, with codes that begin with `code`.

    `whole` rows are to be inserted, others are compared. Those that are `alone` are all there is,
    so a key is there once and a reference finds its row. Values become what the database keeps
    (USD is usd, a time is UTC), in place.
    """
    checker = _Checker(project.tables, document, code)
    for name, listed in rows.items():
        table = project.tables.get(name)
        if table is not None:
            yield from checker.table(table, listed, (*at, name), whole)
            continue
        yield checker.problem(
            "table",
            document.key_place((*at, name)),
            f"there is no table '{name}'.{did_you_mean(name, project.tables)}",
            f"Tables: {', '.join(project.tables)}.",
        )
    if alone:
        yield from checker.clashes()
        yield from checker.lost()


@dataclass(slots=True)
class _Checker:
    tables: Mapping[str, Table]
    document: Document
    code: str
    sound: list[tuple[Table, Row, Path]] = field(default_factory=list)
    """The rows whose own values are right."""
    odd: set[str] = field(default_factory=set)
    """Tables of which some row is not."""

    def problem(
        self, kind: str, place: Place, message: str, mend: str, related: Related = ()
    ) -> Problem:
        return Problem(f"{self.code}.{kind}", place, message, mend, related=related)

    def table(self, table: Table, listed: list[Row], at: Path, whole: bool) -> Iterator[Problem]:
        codec = TableCodec(table, self.tables, {}, {})
        for index, row in enumerate(listed):
            path = (*at, index)
            wrong = list(self.values(row, table, codec, path))
            if whole and not wrong:
                wrong = list(self.missing(row, table, codec, path))
            yield from wrong
            if wrong:
                self.odd.add(table.name)
            else:
                self.sound.append((table, row, path))

    def values(self, row: Row, table: Table, codec: TableCodec, at: Path) -> Iterator[Problem]:
        known = [column.name for column in table.visible]
        for name, value in row.items():
            path = (*at, name)
            if name not in known:
                near = did_you_mean(name, known, key=(table.name, table.key))
                yield self.problem(
                    "column",
                    self.document.key_place(path),
                    f"table '{table.name}' has no column '{name}'.{near}",
                    f"Its columns: {', '.join(known)}.",
                )
                continue
            try:
                kept = codec.encoders[name](value)
            except BadValue:
                message, mend = self.unfit(value, table.columns[name], table, codec)
                yield self.problem("value", self.document.place(path), message, mend)
                continue
            if codec.types[name] != "json":  # compared as data, kept as text
                row[name] = kept

    def unfit(
        self, value: Value, column: Column, table: Table, codec: TableCodec
    ) -> tuple[str, str]:
        """Why a column does not take this value, and the mend."""
        what = f"column '{column.name}' of '{table.name}'"
        if value is None:
            mend = "Give it a value." if column.name in codec.required else "Leave it out."
            return f"{what} is null; expected {words(of_column(column, self.tables))}.", mend
        kept_as = codec.types[column.name]
        try:
            CHECKS[kept_as](value)
        except Unfit as unfit:
            told = f"{what} is {shown(value)} ({kind(value)}); expected {unfit.expected}."
            return told, _MENDS.get(kept_as, f"{unfit.mend[:1].upper()}{unfit.mend[1:]}.")
        return (
            f"{what} is {shown(value)}, which is not one of its choices."
            f"{did_you_mean(value, column.one_of)}",
            f"Choose one of: {', '.join(column.one_of)}.",
        )

    def missing(self, row: Row, table: Table, codec: TableCodec, at: Path) -> Iterator[Problem]:
        names = [name for name in codec.names if name in codec.required and name not in row]
        if names:
            mend = "Give each a value" if len(names) > 1 else "Give it a value"
            own = ", or in project.yaml a `default` or `optional: true`" * (not table.system)
            yield self.problem(
                "missing",
                self.document.place(at),
                f"this row of '{table.name}' has no value for {', '.join(map(repr, names))}.",
                f"{mend}{own}.",
                ((table.place, f"'{table.name}' is defined here"),) if table.place else (),
            )

    def clashes(self) -> Iterator[Problem]:
        """Rows that have the value of another one where each is there once."""
        seen: dict[tuple[str, str, Value], Path] = {}
        for table, row, at in self.sound:
            for column in table.visible:
                value = row.get(column.name)
                if value is None or not (column.unique or column.name == table.key):
                    continue
                path = (*at, column.name)
                first = seen.setdefault((table.name, column.name, value), path)
                if first != path:
                    yield self.problem(
                        "unique",
                        self.document.place(path),
                        f"there is a row of '{table.name}' with the {column.name} "
                        f"{shown(value)} already; each has its own.",
                        "Give one of them another value, or take it out.",
                        ((self.document.place(first), "the first one"),),
                    )

    def lost(self) -> Iterator[Problem]:
        """References to rows that are not there."""
        keys: dict[str, list[Value]] = {}
        for table, row, _ in self.sound:
            keys.setdefault(table.name, []).append(row.get(table.key))
        there = {name: set(found) for name, found in keys.items()}
        for table, row, at in self.sound:
            for column in table.visible:
                value, target = row.get(column.name), column.references
                if target is None or value is None or value in there.get(target, ()):
                    continue
                if target in self.odd or None in there.get(target, ()):
                    continue  # a row with a mistake may be it, or one whose key the database gives
                known = ", ".join(shown(one) for one in keys.get(target, [])[:MOST_SHOWN])
                more = ", …" * (len(keys.get(target, [])) > MOST_SHOWN)
                yield self.problem(
                    "reference",
                    self.document.place((*at, column.name)),
                    f"column '{column.name}' of '{table.name}' is {shown(value)}, but there is no "
                    f"row of '{target}' with that {self.tables[target].key}.",
                    f"Add that row, or give one that is there: {known}{more}."
                    if known
                    else f"Add that row to '{target}'.",
                )
