"""What a transaction on PostgreSQL knows of rows: those it has read, and those it holds locked.

What is locked cannot change under it, so it need not be asked for again; what was only read must
still be the same when it is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from engine.model import Value
from engine.store.base import RowChanged
from engine.store.postgres_plan import PostgresPlan

Raw = tuple[Value, ...]
Spot = tuple[str, Value]
"""A table and a key in it."""
Mark = tuple[int, int]


class Known:
    """Rows by table and key, as the database has them."""

    def __init__(self) -> None:
        self._seen: dict[Spot, Raw] = {}
        self._held: dict[Spot, Raw] = {}
        self._found: dict[str, dict[str, dict[Value, Value]]] = {}
        """By table and column: the key of the row with a value, None where there is none."""
        self._undo: list[tuple[PostgresPlan, Value, Raw | None]] = []

    def held(self, table: str, key: Value) -> Raw | None:
        """The row, if it is locked."""
        return self._held.get((table, key))

    def saw(self, plan: PostgresPlan, rows: Sequence[Raw]) -> None:
        """Remember what was read. Raises RowChanged if a row is not as it was read before."""
        name, at = plan.codec.table.name, plan.key_at
        for raw in rows:
            spot = (name, raw[at])
            if spot not in self._held and self._seen.setdefault(spot, raw) != raw:
                raise RowChanged(
                    f"{name} {raw[at]!r} was changed by another transaction after it was read here; "
                    "run the same work again."
                )

    def take(self, plan: PostgresPlan, rows: Sequence[Raw]) -> None:
        """These rows are locked now."""
        self.saw(plan, rows)
        for raw in rows:
            self.hold(plan, raw[plan.key_at], raw)

    def hold(self, plan: PostgresPlan, key: Value, raw: Raw | None) -> None:
        """This row, locked or new, is so from now on; None when it was deleted."""
        self._undo.append((plan, key, self._put(plan, key, raw)))

    def expected(
        self, plan: PostgresPlan, column: str, values: Collection[Value], rows: Sequence[Raw]
    ) -> None:
        """All rows with any of these values, locked just now; a value that none has is not there."""
        self._found.setdefault(plan.codec.table.name, {}).setdefault(column, {}).update(
            dict.fromkeys(values)
        )
        self.take(plan, rows)

    def lookup(self, plan: PostgresPlan, column: str, values: Iterable[Value]) -> list[Raw] | None:
        """All rows with any of these values, in key order, if that is known without asking."""
        index = self._found.get(plan.codec.table.name, {}).get(column)
        if index is None:
            return None
        name, at = plan.codec.table.name, plan.key_at
        rows = {}
        for value in values:
            if value not in index:
                return None
            key = index[value]
            raw = None if key is None else self._held.get((name, key))
            if raw is not None:
                rows[raw[at]] = raw
        return [rows[key] for key in sorted(rows)]

    def absent(self, plan: PostgresPlan, column: str, value: Value) -> bool:
        """Whether no row has this value, as far as was asked for."""
        index = self._found.get(plan.codec.table.name, {}).get(column, {})
        return value in index and index[value] is None

    def unknown(self, plan: PostgresPlan) -> None:
        """What was found of this table may be out of date."""
        self._found.pop(plan.codec.table.name, None)

    def count_absent(self, plan: PostgresPlan) -> int:
        """How many rows of this table may well be inserted."""
        indexes = self._found.get(plan.codec.table.name, {}).values()
        return max((sum(key is None for key in index.values()) for index in indexes), default=0)

    # --- savepoints

    def begin(self, *, outermost: bool) -> Mark:
        """A savepoint begins; the outermost begins to read anew."""
        if outermost:
            self._seen.clear()
        return len(self._undo), len(self._seen)

    def roll_back(self, mark: Mark) -> None:
        """Undo what was known since; what was worked out of it is undone as well."""
        undo, seen = mark
        for plan, key, before in reversed(self._undo[undo:]):
            self._put(plan, key, before)
        del self._undo[undo:]
        while len(self._seen) > seen:
            self._seen.popitem()

    def _put(self, plan: PostgresPlan, key: Value, raw: Raw | None) -> Raw | None:
        """Set a row, and where it is found; gives what it was."""
        name = plan.codec.table.name
        spot = (name, key)
        before = self._held.get(spot)
        for column, index in self._found.get(name, {}).items():
            at = plan.codec.names.index(column)
            if before is not None and before[at] in index:
                index[before[at]] = None
            if raw is not None and raw[at] in index:
                index[raw[at]] = key
        if raw is None:
            self._held.pop(spot, None)
        else:
            self._held[spot] = raw
        return before
