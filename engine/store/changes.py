"""The change log: every row change of the project's tables, written in the transaction that made it.

A change is kept as the row it left (`row`, null after a delete) and what was different before
(`before`, null for an insert), so that a reader can tell whether a row came into sight or went out
of it. Internal columns are left out. `seq` grows in the order of commits, with gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import orjson

from engine.model import Row, Value
from engine.store import meta
from engine.store.base import StoreError, Transaction
from engine.store.seen import row_text, seen, was

Op = Literal["insert", "update", "delete"]

LINE = ("table_name", "row_key", "op", "row", "before", "at")
RECORD = f"""
    INSERT INTO actionflow_change (seq, {", ".join(LINE)})
    VALUES ([seq], {", ".join(f":{name}" for name in LINE)})
"""
AFTER = """
    SELECT seq, table_name, op, row, before, at FROM actionflow_change
    WHERE seq > :after AND [settled] ORDER BY seq LIMIT :limit
"""
BEFORE = """
    SELECT seq, table_name, op, row, before, at FROM actionflow_change
    WHERE seq <= :up_to ORDER BY seq DESC LIMIT :limit
"""
POSITION = "SELECT max(seq) AS seq FROM actionflow_change WHERE [settled]"
OLDEST_KEPT = """
    SELECT seq FROM actionflow_change WHERE [settled] ORDER BY seq DESC LIMIT 1 OFFSET :keep
"""
OLD = """
    SELECT max(seq) AS seq FROM (
        SELECT seq, at FROM actionflow_change WHERE [settled] ORDER BY seq LIMIT :limit
    ) AS oldest WHERE at < :older_than
"""
UNSETTLED = "SELECT seq FROM actionflow_change WHERE seq > :after AND NOT ([settled]) LIMIT 1"
STRANGE = "SELECT seq FROM actionflow_change WHERE [strange] LIMIT 1"
CUT = """
    SELECT max(seq) AS seq FROM (
        SELECT seq FROM actionflow_change WHERE seq <= :up_to ORDER BY seq LIMIT :limit
    ) AS oldest
"""
PRUNE = "DELETE FROM actionflow_change WHERE seq <= :up_to"
PRUNED = "changes_pruned"
"""Key in actionflow_meta: the last seq that was taken away."""
PRUNE_AT_ONCE = 5_000
"""Changes taken away in one transaction, some ten milliseconds of it."""
MOST_IN_ONE = 1 << 20
"""Changes that the seqs of one transaction have room for (see `Transaction.next_seq`)."""


@dataclass(frozen=True)
class Logged:
    """One change as the log has it; `row` and `before` are JSON text."""

    seq: int
    table: str
    op: Op
    row: str | None
    before: str | None
    at: str

    @cached_property
    def now(self) -> Row | None:
        """The row as it became, None once it is deleted."""
        found: Row | None = None if self.row is None else orjson.loads(self.row)
        return found

    @cached_property
    def was(self) -> Row | None:
        """The row as it had been, None for a new one."""
        if self.before is None:
            return None
        return {**(self.now or {}), **orjson.loads(self.before)}

    @property
    def size(self) -> int:
        """Characters of its rows."""
        return len(self.row or "") + len(self.before or "")

    def values(self, column: str) -> set[Value]:
        """What this column was before and after."""
        return {row[column] for row in (self.now, self.was) if row is not None}


class Recorder:
    """Writes the log of one store; a connector calls `record` once, just before the commit."""

    def __init__(self) -> None:
        self._sql = ""

    def record(self, tx: Transaction) -> None:
        """Write down the changes of this transaction."""
        now = tx.now
        lines: list[tuple[Value, ...]] = []
        for change in tx.changes:
            before, after = change.before, change.after
            if before is None:
                op, old = "insert", None
            elif after is None:
                op, old = "delete", orjson.dumps(seen(before, change.hidden)).decode()
            elif different := was(change):
                op, old = "update", orjson.dumps(different).decode()
            else:
                continue  # nothing that anybody may see
            row = None if after is None else row_text(change).decode()
            lines.append((change.table, str(change.key), op, row, old, now))
        if len(lines) >= MOST_IN_ONE:
            raise StoreError(
                f"One transaction changed {len(lines)} rows; expected fewer than {MOST_IN_ONE}. "
                "Change them in several."
            )
        if not lines:
            return
        self._sql = self._sql or RECORD.replace("[seq]", tx.next_seq)
        if ":n" in tx.next_seq:
            numbered = [(number, *line) for number, line in enumerate(lines)]
            tx.insert_rows(self._sql, ("n", *LINE), numbered)
        else:
            tx.insert_rows(self._sql, LINE, lines)


def after(tx: Transaction, seq: int, *, limit: int) -> list[Logged]:
    """The changes after this one, in order; fewer than `limit` means that there are no more."""
    return _logged(tx.execute(_settled(tx, AFTER), {"after": seq, "limit": limit}))


def up_to(tx: Transaction, seq: int, *, limit: int) -> tuple[int, list[Logged]]:
    """The latest changes up to a seq that others have seen, in order, and the seq they begin after."""
    found = _logged(reversed(tx.execute(BEFORE, {"up_to": seq, "limit": limit})))
    return (found[0].seq - 1 if len(found) == limit else pruned_to(tx)), found


def unsettled(tx: Transaction, seq: int) -> bool:
    """Whether changes after this seq are committed that others, still open, may come before."""
    return tx.shared and bool(tx.execute(_settled(tx, UNSETTLED), {"after": seq}))


def disown(tx: Transaction) -> None:
    """Empty a log that came with a dump from another PostgreSQL cluster, whose transactions counted
    on from elsewhere: its seqs would come again, and stand before those of today."""
    if not tx.execute(STRANGE.replace("[strange]", tx.strange)):
        return
    tx.execute("DELETE FROM actionflow_change")
    [now] = tx.execute(f"SELECT {tx.next_seq} AS seq", {"n": 0})
    meta.write(tx, PRUNED, str(now["seq"]))


def position(tx: Transaction) -> int:
    """The seq of the latest change, 0 before the first."""
    found: int | None = tx.execute(_settled(tx, POSITION))[0]["seq"]
    return pruned_to(tx) if found is None else found


def pruned_to(tx: Transaction) -> int:
    """The last seq that is no longer in the log, 0 while it is whole."""
    return int(meta.read(tx, PRUNED) or 0)


def prune(tx: Transaction, *, older_than: str, keep: int, limit: int = PRUNE_AT_ONCE) -> bool:
    """Forget changes made before `older_than` (timestamp text), and all but the latest `keep`.

    The latest one always stays: SQLite would give its seq out again. True when there is more to do.
    """
    by_count = _first(tx, _settled(tx, OLDEST_KEPT), {"keep": max(keep, 1)})
    by_age = _first(tx, _settled(tx, OLD), {"older_than": older_than, "limit": limit})
    latest = _first(tx, _settled(tx, OLDEST_KEPT), {"keep": 1})
    wanted = min(max(by_count, by_age), latest)
    if not wanted:
        return False
    up_to = _first(tx, CUT, {"up_to": wanted, "limit": limit})
    if not up_to:
        return False
    tx.execute(PRUNE, {"up_to": up_to})
    meta.write(tx, PRUNED, str(up_to))
    return up_to < wanted or by_age == up_to


def _logged(found: Iterable[Row]) -> list[Logged]:
    return [
        Logged(one["seq"], one["table_name"], one["op"], one["row"], one["before"], one["at"])
        for one in found
    ]


def _first(tx: Transaction, sql: str, params: Mapping[str, Value]) -> int:
    found: Sequence[Row] = tx.execute(sql, params)
    return (found[0]["seq"] or 0) if found else 0


def _settled(tx: Transaction, sql: str) -> str:
    return sql.replace("[settled]", tx.settled)
