"""The statements of one table on SQLite, and what must be known of a row before its insert can wait."""

from __future__ import annotations

from engine.store.codec import MOST_SHAPES, TableCodec
from engine.store.shapes import Make, Shapes
from engine.store.sqlite_bulk import Bulk
from engine.store.statements import Statements


class SqlitePlan(Statements):
    """The statements of one table, and what must be known of a row before its insert can wait."""

    def __init__(self, codec: TableCodec) -> None:
        super().__init__(codec)
        table, at = codec.table, codec.names.index
        columns = table.columns.values()
        unique = [c.name for c in columns if c.unique and c.name != table.key]
        self.unique_at = [(name, at(name)) for name in unique]
        """Unique columns beside the key, and where each stands in a row."""
        self.named = tuple(name for name in unique if self.codec.types[name] == "text")
        """Unique columns whose values are kept as they are given."""
        self.references_at = [(at(c.name), c.references) for c in columns if c.references]
        """Where references stand, and the tables they refer to."""
        self.plain = frozenset(
            c.name for c in columns if not (c.unique or c.references or c.name == table.key)
        )
        """Columns that can be set without breaking a rule of the database."""
        self.key_at = at(table.key)
        self.shapes = Shapes(self.codec)
        self._settings: dict[tuple[str, ...], Setting] = {}
        head, values, marks = self.insert.partition(" VALUES ")
        self.bulk = Bulk(head + values.rstrip(), marks)
        self.last_number = (
            f"SELECT max(coalesce((SELECT max({self.quoted_key}) FROM {self.name}), 0),"
            " coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0))"
        )

    def setting(self, names: tuple[str, ...]) -> Setting:
        """How these columns, in this order, are set."""
        known = self._settings.get(names)
        if known is None:
            enough = len(self._settings) >= MOST_SHAPES
            known = Setting(self, names, self.shapes.plain_change if enough else None)
            if not enough:
                self._settings[names] = known
        return known


class Setting:
    """How one set of columns of a row is set."""

    __slots__ = ("columns", "key_at", "make", "plain", "seen", "sql")

    def __init__(self, plan: SqlitePlan, names: tuple[str, ...], make: Make | None) -> None:
        codec = plan.codec
        follows = codec.touched and "updated_at" not in names
        self.columns = (*names, "updated_at") if follows else names
        """What is written, `updated_at` included."""
        self.sql = plan.update_by_key(self.columns)
        self.make = make or plan.shapes.change(names)
        self.plain = plan.plain.issuperset(self.columns)
        """Nothing but a fault can keep the database from it."""
        self.key_at = names.index(plan.key) if plan.key in names else None
        self.seen = tuple(
            name for name in codec.names if name in self.columns and name not in plan.hidden
        )
        """Those of the columns that are shown, in the order of the table."""
