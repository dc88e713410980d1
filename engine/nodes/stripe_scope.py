"""What the locked nodes share: the event, whose object it is about, and writing system rows."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import RunError
from engine.model import ProjectFile, Row, Value
from engine.nodes.base import Frame, NotOurs, NotYet
from engine.store.base import Transaction, UniqueViolation
from engine.store.codec import stored_type
from engine.stripe.event import Event, of
from engine.stripe.metadata import Mark, mark_of


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose objects are ours: worked out once, when a node is compiled."""

    project: str
    order_table: str
    order_key: str
    key_type: str

    @classmethod
    def of(cls, project: ProjectFile) -> Scope:
        """The scope of this project."""
        order = project.order
        key_type = stored_type(order.columns[order.key], project.tables)
        return cls(project.name, order.name, order.key, key_type)

    def mark(self, metadata: object) -> Mark:
        """What an object's metadata says of our rows."""
        return mark_of(metadata, self.key_type, self.project)

    def order(self, tx: Transaction, mark: Mark, thing: str) -> Value:
        """The key of the order this object is marked with. Raises NotOurs, NotYet."""
        if mark.order_id is None:
            raise NotOurs(f"{thing} is not ours: {mark.reason}")
        if tx.get(self.order_table, mark.order_id) is None:
            raise NotYet(
                f"{thing} is for {self.order_table} {mark.order_id!r}, which does not exist yet"
            )
        return mark.order_id


def event_of(frame: Frame, kinds: frozenset[str]) -> Event:
    """The run's event, which must be of one of these types. Raises RunError, NotOurs, NotYet.

    An event with `account` tells of another account, one connected to this one
    (https://docs.stripe.com/connect/webhooks): who runs that account writes its metadata as he likes.
    """
    data = frame.values.get("event")
    if data is None:
        raise RunError(
            "This node reads a Stripe event, and the run has none. Have the flow started by a "
            "Stripe trigger."
        )
    event = frame.parsed or of(data)
    if event.type not in kinds and event.type.removeprefix("v1.") not in kinds:
        raise RunError(
            f"This node cannot read {event.type}. It reads {', '.join(sorted(kinds))}; take other "
            "types out of the flow's trigger."
        )
    if event.account is not None:
        raise NotOurs(
            f"{event.type} is of the connected account {event.account}, and orders are paid on the "
            "account of the secret key only"
        )
    if event.thin and not event.object:
        raise NotYet(
            f"{event.id} is a thin event whose object was not fetched yet; that needs the secret "
            "key in the environment"
        )
    return event


def changed(row: Row, values: Row) -> Row:
    """Those of the values that the row does not have already."""
    return {name: value for name, value in values.items() if row[name] != value}


def update(frame: Frame, table: str, row: Row, values: Row) -> Row:
    """The row with these values; written only where they differ."""
    new = changed(row, values)
    if not new:
        return row
    with frame.tx.system_writes():
        after = frame.tx.update(table, {"id": row["id"]}, new)[0].after
    assert after is not None
    return after


def insert(frame: Frame, table: str, values: Row) -> Row | None:
    """The new row, or None where another run made it a moment ago (a unique column says so)."""
    tx = frame.tx
    try:
        if not tx.shared:  # nobody makes it between the look and the insert
            with tx.system_writes():
                return tx.insert(table, values)
        with tx.savepoint(), tx.system_writes():
            return tx.insert(table, values)
    except UniqueViolation:
        return None


def first(tx: Transaction, table: str, column: str, value: Value) -> Row | None:
    """The row with this value in a unique column, held against others until commit."""
    if value is None:
        return None
    found = tx.find(table, {column: value}, limit=1, lock=True)
    return found[0] if found else None
