"""The example project under whole histories: what happens to four orders, and the rows at the end."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from engine.project import Project
from engine.receive import Receiver, drain
from engine.store.base import Store
from tests.stripe.histories import START, Payment, Subscription

FLOWS = Path(__file__).resolve().parents[2] / "flows"
MONTH = 2_592_000
ROUNDS = 8
TABLES = ("order", "payment", "refund", "recurring_payment", "membership")
HIDDEN = (
    "id",
    "created_at",
    "updated_at",
    "facts",
    "order_id",
    "payment_id",
    "recurring_payment_id",
)
BOTH = ("paid", "payment_succeeded")
Events = list[dict[str, Any]]


@cache
def project() -> Project:
    return Project.open(FLOWS)


def paid(version: str) -> Events:
    """Order 1: declined, then paid in the same second; refunded in two parts, the first of which
    fails later; disputed, and the dispute won."""
    history = Payment(version, metadata={"order_id": "1"})
    history.create(START)
    history.fail(START)
    history.succeed(START + 1)
    first = history.refund(START + 2, 4_000)
    history.refund(START + 3, 6_000)
    history.move_refund(START + 4, first, "failed")
    history.dispute("created", START + 5, "needs_response")
    history.dispute("funds_withdrawn", START + 5, "needs_response")
    history.dispute("closed", START + 6, "won")
    history.dispute("funds_reinstated", START + 6, "won")
    return history.events


def called_off(version: str) -> Events:
    """Order 2: a checkout paid days later; a refund that is canceled, then one of a part."""
    history = Payment(version, metadata={"order_id": "2"}, number=2)
    history.session("completed", START, "unpaid")
    history.process(START)
    history.succeed(START + 9)
    history.session("async_payment_succeeded", START + 9, "paid")
    refund = history.refund(START + 10, 3_000, "requires_action")
    history.move_refund(START + 11, refund, "canceled")
    history.refund(START + 11, 1_000)
    history.dispute("created", START + 12, "warning_needs_response")
    return history.events


def member(version: str) -> Events:
    """Order 3: renewed, past due and paid late, an end that is planned and taken back, then ended;
    replaced by another subscription of the same order."""
    history = Subscription(version, {"order_id": "3"})
    history.create(START)
    history.update(START, status="active")
    history.invoice(BOTH, START, 2_000, first=True)
    history.update(START + MONTH, start=START + MONTH, end=START + 2 * MONTH)
    history.invoice(BOTH, START + MONTH, 2_000)
    history.update(START + 2 * MONTH, status="past_due")
    history.invoice(("payment_failed", *BOTH), START + 2 * MONTH + 5, 2_000)
    failed = next(one for one in history.events if one["type"] == "invoice.payment_failed")
    failed["data"]["object"] |= {"amount_paid": 0, "status": "open"}
    history.update(START + 2 * MONTH + 5, status="active")
    history.update(START + 2 * MONTH + 9, cancel_at_period_end=True, canceled_at=START + 9)
    history.update(START + 2 * MONTH + 9, cancel_at_period_end=False, canceled_at=None)
    history.end(START + 2 * MONTH + 10)
    new = Subscription(version, {"order_id": "3"}, number=2, began=START + 2 * MONTH + 10)
    new.create(START + 2 * MONTH + 10, "active")
    new.update(START + 2 * MONTH + 11, cancel_at_period_end=True, canceled_at=START)
    return history.events + new.events


def on_trial(version: str) -> Events:
    """Order 4: a trial, its first money, a renewal."""
    history = Subscription(version, {"order_id": "4"}, number=4)
    history.create(START, "trialing", trial_end=START + 900)
    history.invoice(BOTH, START, 0, first=True, until=START + 900)
    history.remind(START + 3)
    history.update(START + 900, status="active")
    history.invoice(BOTH, START + 900, 2_000)
    history.invoice(BOTH, START + 900 + MONTH, 2_000)
    return history.events


STORIES = {"paid": paid, "called off": called_off, "member": member, "on trial": on_trial}


def everything(version: str) -> Events:
    return [event for tell in STORIES.values() for event in tell(version)]


def seed(store: Store) -> None:
    """The orders, one for each story."""
    with store.transaction() as tx:
        for user, amount in (("ada", 10_000), ("bo", 10_000), ("lin", 2_000), ("may", 2_000)):
            tx.insert("order", {"user_id": user, "item": "x", "amount": amount, "currency": "usd"})


def ticking(begin: float = 1_800_000_000.0) -> tuple[Receiver, list[float]]:
    """A receiver of test events and the clock it goes by."""
    clock = [begin]
    return Receiver(project(), "test", now=lambda: clock[0]), clock


def settle(store: Store, receiver: Receiver, clock: list[float]) -> None:
    """Hours go by, in which what waits is tried again."""
    for _ in range(ROUNDS):
        clock[0] += 4_000
        with store.transaction() as tx:
            drain(receiver, tx)


def picture(store: Store) -> dict[str, Any]:
    """All rows without what may differ from one order of delivery to another; which order each
    payment is of, by its user; and how events ended."""
    with store.transaction() as tx:
        orders = {row["id"]: row for row in tx.find("order", {})}
        found: dict[str, Any] = {
            table: sorted(_shown(row, orders) for row in tx.find(table, {})) for table in TABLES
        }
        states = {row["state"] for row in tx.execute("SELECT state FROM actionflow_inbox")}
    return found | {"states": states}


def _shown(row: dict[str, Any], orders: dict[Any, dict[str, Any]]) -> str:
    return repr([*_columns(row), *_order(row, orders)])


def _columns(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in sorted(row):
        if name == "renewal_of":
            yield name, row[name] is not None
        elif name not in HIDDEN:
            yield name, row[name]


def _order(row: dict[str, Any], orders: dict[Any, dict[str, Any]]) -> Iterator[Any]:
    """An order's key depends on when it was made; whose it is, and whether a renewal's, does not."""
    order = orders.get(row.get("order_id"))
    if order is not None:
        yield order["user_id"], order["renewal_of"] is not None
