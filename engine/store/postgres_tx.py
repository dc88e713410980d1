"""One transaction on PostgreSQL: rows in and out, savepoints, and what changed.

READ COMMITTED. What is written is locked first and compared with what this transaction has read of
it (RowChanged), so that a flow that reads a row and writes what it computed from it is right beside
others. Statements that can only fail by a fault are sent ahead (`Link.tell`): the database takes
them with the next question, or with the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from types import TracebackType

from engine.model import Change, Row, Value
from engine.store.base import RowChanged, StoreConflict, StoreError, Where
from engine.store.codec import TableCodec
from engine.store.postgres_errors import translated
from engine.store.postgres_link import Gone, Link, Refused
from engine.store.rows import RowTransaction, read_only
from engine.store.statements import Statements, literal, quoted

Raw = tuple[Value, ...]
Spot = tuple[str, Value]
"""A table and a key in it."""

LOCK = " FOR NO KEY UPDATE"
"""Enough to keep others from changing a row (keys never change), and new rows may refer to it."""
LOCK_TO_DELETE = " FOR UPDATE"
LOCK_KEYS = "SELECT pg_advisory_xact_lock(k) FROM unnest(?::bigint[]) AS k"
NOTIFY = "SELECT pg_notify(?, ?)"
LONGEST_MESSAGE = 1000


class PostgresPlan(Statements):
    """The statements of one table, and what this connector must know of it besides."""

    def __init__(self, codec: TableCodec) -> None:
        super().__init__(codec)
        table = codec.table
        self.key_at = codec.names.index(table.key)
        self.insert_without_key += f" RETURNING {quoted(table.key)}"
        self.plain = frozenset(
            column.name
            for column in table.columns.values()
            if not (column.unique or column.references or column.name == table.key)
        )
        """Columns that can be set without breaking a rule of the database."""
        numbers = f"pg_get_serial_sequence({literal(self.name)}, {literal(table.key)})::regclass"
        self.pass_by = (
            "SELECT setval(s, $1::bigint) FROM "
            f"(SELECT {numbers} AS s) AS numbers WHERE s IS NOT NULL "
            "AND $1::bigint > coalesce(pg_sequence_last_value(s), 0)"
        )


class PostgresTransaction(RowTransaction[PostgresPlan]):
    """See `engine.store.base.Transaction`. Made by a store, used by one thread."""

    shared = True
    for_update = "FOR UPDATE"
    skip_locked = "FOR UPDATE SKIP LOCKED"
    next_seq = "(pg_current_xact_id()::text::bigint << 20) + :n"
    settled = "seq < (pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 20)"
    strange = "seq >= (pg_snapshot_xmax(pg_current_snapshot())::text::bigint << 20)"

    def __init__(
        self,
        link: Link,
        plans: Mapping[str, PostgresPlan],
        now: str,
        *,
        channel: Callable[[str], str],
        careful: bool = False,
    ) -> None:
        super().__init__(plans, now)
        self._link = link
        self._channel = channel
        self._careful = careful
        self._seen: dict[Spot, Raw] = {}
        self._held: dict[Spot, Raw] = {}
        self._undo: list[tuple[Spot, Raw | None]] = []
        self._notes: set[tuple[str, str]] = set()

    # --- rows

    def get(self, table: str, key: Value) -> Row | None:
        plan = self._plans.get(table) or self._unknown(table)
        found = self._ask(plan.select_by_key, (plan.codec.encoders[plan.key](key),))
        if not found:
            return None
        self._saw(plan, found)
        return _row(plan, found[0])

    def find(
        self,
        table: str,
        where: Where,
        *,
        limit: int | None = None,
        order_by: Sequence[str] = (),
        lock: bool = False,
    ) -> list[Row]:
        plan = self._plans.get(table) or self._unknown(table)
        return [_row(plan, raw) for raw in self._select(plan, where, limit, order_by, LOCK * lock)]

    def insert(self, table: str, values: Row) -> Row:
        plan = self._writable(table)
        codec, key = plan.codec, plan.key
        row = codec.new_row(values, self.now)
        if row[key] is None:
            params = [value for name, value in row.items() if name != key]
            row[key] = self._ask(plan.insert_without_key, params, plan, row)[0][0]
        else:
            self._ask(plan.insert, list(row.values()), plan, row)
            if codec.auto_key:
                self._pass_by(plan, row[key])
        self._hold((table, row[key]), tuple(row.values()))
        row = codec.decode(row)
        self.changes.append(Change(table, row[key], None, row))
        return row

    def update(self, table: str, where: Where, values: Row) -> list[Change]:
        plan = self._writable(table)
        codec, key = plan.codec, plan.key
        new = codec.new_values(values, self.now)
        sql = plan.update_by_key(tuple(new))
        changes = []
        for raw in self._matching(plan, where, LOCK):
            before = _row(plan, raw)
            key_value = before[key]
            if new.get(key, key_value) != key_value:
                self._key_change(plan, key_value, new[key])
            params = (*new.values(), key_value)
            if plan.plain.issuperset(new) and not self._careful:
                self._tell(sql, params)
            else:
                self._ask(sql, params, plan, new)
            after = {**before, **codec.decode_some(dict(new))}
            kept = dict(zip(codec.names, raw, strict=True))
            self._hold((table, key_value), tuple({**kept, **new}.values()))
            changes.append(Change(table, key_value, before, after))
        self.changes += changes
        return changes

    def delete(self, table: str, where: Where) -> list[Change]:
        plan = self._writable(table)
        changes = []
        for raw in self._matching(plan, where, LOCK_TO_DELETE):
            before = _row(plan, raw)
            key_value = before[plan.key]
            self._ask(plan.delete_by_key, (key_value,), plan, before, deleting=True)
            self._hold((table, key_value), None)
            changes.append(Change(table, key_value, before, None))
        self.changes += changes
        return changes

    def _select(
        self,
        plan: PostgresPlan,
        where: Where,
        limit: int | None,
        order_by: Sequence[str],
        lock: str,
    ) -> list[Raw]:
        condition, params = plan.where(where)
        sql = plan.select + condition + plan.order(order_by)
        if limit is not None:
            sql += " LIMIT ?"
            params.append(limit)
        found = self._ask(sql + lock, params)
        if lock:
            self._take(plan, found)
        else:
            self._saw(plan, found)
        return found

    def _matching(self, plan: PostgresPlan, where: Where, lock: str) -> list[Raw]:
        """The rows to write, locked; one that is ours already need not be asked for."""
        key = where.get(plan.key)
        if len(where) == 1 and type(key) in (int, str):
            name = plan.codec.table.name
            held = self._held.get((name, plan.codec.encoders[plan.key](key)))
            if held is not None:
                return [held]
        return self._select(plan, where, None, (), lock)

    def _saw(self, plan: PostgresPlan, rows: Sequence[Raw]) -> None:
        """Remember what was read. Raises RowChanged if a row is not as it was read before."""
        name, at = plan.codec.table.name, plan.key_at
        for raw in rows:
            spot = (name, raw[at])
            if spot not in self._held and self._seen.setdefault(spot, raw) != raw:
                raise RowChanged(
                    f"{name} {raw[at]!r} was changed by another transaction after it was read here; "
                    "run the same work again."
                )

    def _take(self, plan: PostgresPlan, rows: Sequence[Raw]) -> None:
        """These rows are locked now."""
        self._saw(plan, rows)
        name, at = plan.codec.table.name, plan.key_at
        for raw in rows:
            self._hold((name, raw[at]), raw)

    def _hold(self, spot: Spot, raw: Raw | None) -> None:
        self._undo.append((spot, self._held.get(spot)))
        if raw is None:
            self._held.pop(spot, None)
        else:
            self._held[spot] = raw

    def _pass_by(self, plan: PostgresPlan, key: Value) -> None:
        """Have the numbers the database gives begin after this one, which was given by hand."""
        # One at a time: a smaller number set after a larger one would go back.
        name = plan.codec.table.name
        self._tell(LOCK_KEYS, (_array([f"numbers of {name}"]),))
        self._tell(plan.pass_by, (key,))

    # --- the rest

    def savepoint(self) -> _Savepoint:
        return _Savepoint(self)

    def execute(self, sql: str, params: Mapping[str, Value] | None = None) -> list[Row]:
        self._go_on()
        try:
            if not self._careful and _gives_nothing(sql):
                self._link.tell_named(sql, params or {})
                return []
            return self._link.ask_named(sql, params or {})
        except (Refused, Gone) as error:
            raise self._failed(error) from error

    def execute_many(self, sql: str, params: Sequence[Mapping[str, Value]]) -> None:
        for each in params:
            self.execute(sql, each)

    def serialize(self, keys: Iterable[str]) -> None:
        self._tell(LOCK_KEYS, (_array(keys),))

    def notify(self, channel: str, message: str = "") -> None:
        if len(message) > LONGEST_MESSAGE:
            raise StoreError(f"a message of {len(message)} characters is too long to notify.")
        if (channel, message) not in self._notes:
            self._notes.add((channel, message))
            self._tell(NOTIFY, (self._channel(channel), message))

    def end(self, why: str) -> None:
        """Let nothing more through."""
        if self.lost is None:
            self.lost = StoreError(why)

    def _ask(
        self,
        sql: str,
        params: Sequence[Value],
        plan: PostgresPlan | None = None,
        row: Row | None = None,
        *,
        deleting: bool = False,
    ) -> list[Raw]:
        self._go_on()
        try:
            return self._link.ask(sql, params)
        except (Refused, Gone) as error:
            raise self._failed(error, plan, row, deleting) from error

    def _tell(self, sql: str, params: Sequence[Value] = ()) -> None:
        self._go_on()
        try:
            if self._careful:
                self._link.ask(sql, params)
            else:
                self._link.tell(sql, params)
        except (Refused, Gone) as error:
            raise self._failed(error) from error

    def _failed(
        self,
        error: Refused | Gone,
        plan: PostgresPlan | None = None,
        row: Row | None = None,
        deleting: bool = False,
    ) -> StoreError:
        if isinstance(error, Gone):
            # Not committed for certain: the commit itself is not sent from here.
            self.lost = StoreConflict(f"This transaction is rolled back as a whole: {error}")
            return self.lost
        if error.early:
            self.lost = StoreConflict(
                "This transaction is rolled back as a whole: an earlier statement of it failed. "
                f"({error.fault.text})"
            )
            return self.lost
        return translated(error.fault, plan, row, self._plans, deleting=deleting)

    def _go_on(self) -> None:
        if self.lost is not None:
            raise type(self.lost)(str(self.lost))


class PostgresReader(PostgresTransaction):
    """A transaction that only reads, on one moment of the database."""

    _writable = read_only

    def _saw(self, plan: PostgresPlan, rows: Sequence[Raw]) -> None:
        """Nothing is written, so nothing has to be compared."""


class _Savepoint:
    __slots__ = ("_held", "_kept", "_name", "_read", "_tx")

    def __init__(self, tx: PostgresTransaction) -> None:
        self._tx = tx

    def __enter__(self) -> None:
        tx = self._tx
        tx._depth += 1
        if tx._depth == 1:
            tx._seen.clear()
        self._name = f"s{tx._depth}"
        self._kept = len(tx.changes)
        self._held = len(tx._undo)
        self._read = len(tx._seen)
        tx._tell(f"SAVEPOINT {self._name}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tx = self._tx
        tx._depth -= 1
        if kind is None:
            tx._tell(f"RELEASE {self._name}")
            return
        del tx.changes[self._kept :]
        for spot, before in reversed(tx._undo[self._held :]):
            if before is None:
                tx._held.pop(spot, None)
            else:
                tx._held[spot] = before
        del tx._undo[self._held :]
        # What was worked out of these is undone, and run again it reads them as they are then.
        while len(tx._seen) > self._read:
            tx._seen.popitem()
        if tx.lost is None:
            tx._tell(f"ROLLBACK TO {self._name}")
            tx._tell(f"RELEASE {self._name}")


def _row(plan: PostgresPlan, raw: Raw) -> Row:
    return plan.codec.decode(dict(zip(plan.codec.names, raw, strict=True)))


def _array(keys: Iterable[str]) -> str:
    """Advisory lock numbers of these keys, in one order for everybody, so that none waits in a ring."""
    numbers = {
        int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), signed=True) for key in keys
    }
    return "{" + ",".join(str(number) for number in sorted(numbers)) + "}"


def _gives_nothing(sql: str) -> bool:
    """Whether a statement of the engine's has no rows to give, so that nobody waits for it."""
    known = _NOTHING.get(sql)
    if known is None:
        words = sql.upper().split()
        known = words[0] in ("INSERT", "UPDATE", "DELETE") and "RETURNING" not in words
        if len(_NOTHING) < 1000:
            _NOTHING[sql] = known
    return known


_NOTHING: dict[str, bool] = {}
