"""What a transaction on PostgreSQL says to its connection, and what it makes of a refusal.

Statements that can only fail by a fault are sent ahead (`Link.tell`): the database takes them with
the next question, or with the commit. With `careful` each is answered at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b

from engine.model import Row, Value
from engine.store.base import StoreConflict, StoreError, UniqueViolation
from engine.store.postgres_errors import failed_late, translated
from engine.store.postgres_known import Known, Raw
from engine.store.postgres_link import Gone, Link, Refused
from engine.store.postgres_plan import PostgresPlan, for_rows
from engine.store.postgres_text import array
from engine.store.rows import RowTransaction

LOCK_KEYS = "SELECT pg_advisory_xact_lock(k) FROM unnest(?::bigint[]) AS k"
NOTIFY = "SELECT pg_notify(?, ?)"
LONGEST_MESSAGE = 1000
ROWS_AT_ONCE = (32, 8, 2)
"""Rows of the engine's own that one statement inserts: few texts, each prepared once."""


class Talk(RowTransaction[PostgresPlan]):
    """The part of a transaction that knows of statements, and not of rows."""

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
        self._known = Known()
        self._keys: dict[str, list[int]] = {}
        self._notes: set[tuple[str, str]] = set()

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
        done = 0
        for rows in ROWS_AT_ONCE:
            text = for_rows(sql, rows) or sql
            while text != sql and len(params) - done >= rows:
                some = params[done : done + rows]
                named = (
                    (f"{name}_{n}", v) for n, one in enumerate(some) for name, v in one.items()
                )
                self.execute(text, dict(named))
                done += rows
        for each in params[done:]:
            self.execute(sql, each)

    def insert_rows(self, sql: str, names: Sequence[str], rows: Sequence[Sequence[Value]]) -> None:
        self.execute_many(sql, [dict(zip(names, row, strict=True)) for row in rows])

    def serialize(self, keys: Iterable[str]) -> None:
        self._tell(LOCK_KEYS, (numbers(keys),))

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
            self.lost = failed_late(error.fault)
            return self.lost
        found = translated(error.fault, plan, row, self._plans, deleting=deleting)
        if plan is not None and isinstance(found, UniqueViolation):
            self._known.unknown(plan)  # another transaction has made a row since it was looked for
        return found

    def _go_on(self) -> None:
        if self.lost is not None:
            raise type(self.lost)(str(self.lost))


def numbers(keys: Iterable[str]) -> str:
    """Advisory lock numbers of these keys, in one order for everybody, so that none waits in a ring."""
    return array(
        sorted(
            {
                int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), signed=True)
                for key in keys
            }
        )
    )


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
