"""stripe.recurring_management_callback: a subscription started, changed or ended."""

from __future__ import annotations

from engine.errors import RunError
from engine.model import Node, Row, Value
from engine.nodes.base import Compiler, Frame, NotOurs, NotOursYet, Step, node_type
from engine.nodes.stripe_scope import Scope, event_of, first, insert, update
from engine.stripe import subscription
from engine.stripe.checkout import subscription_session
from engine.stripe.event import Event
from engine.stripe.facts import Facts, register
from engine.stripe.read import Data
from engine.stripe.routing import EVENTS

KINDS = frozenset(EVENTS["recurring_management"])
_SHOWN = {
    "status": "status",
    "cancelAt": "cancel_at",
    "canceledAt": "canceled_at",
    "endedAt": "ended_at",
    "currentPeriodStart": "current_period_start",
    "currentPeriodEnd": "current_period_end",
    "amount": "amount",
    "currency": "currency",
    "subscriptionId": "subscription_id",
}
"""Outputs and their columns; a change of any of them is news."""
AGREED = 2
"""How much the word of the row's own action counts on what was agreed: more than any snapshot's."""


@node_type("stripe.recurring_management_callback")
def recurring_management_callback(node: Node, compiler: Compiler) -> Step:
    """Keeps the recurring_payment row right. Outputs: schemas/nodes/stripe.recurring_….yaml."""
    scope = Scope.of(compiler.project)

    def step(frame: Frame) -> Value:
        event = event_of(frame, KINDS)
        subscription_id, told, metadata, thing = _told(event)
        before = first(frame.tx, "recurring_payment", "subscription_id", subscription_id)
        if before is None:
            before = _waiting_row(frame, scope, subscription_id, metadata, thing)
        if before is None:
            row, made = _new_row(frame, scope, subscription_id, told, metadata, thing)
        else:
            row, made = tell_recurring(frame, before, subscription_id, told), False
        processed = not made and all(
            row[column] == (before or row)[column] for column in _SHOWN.values()
        )
        return {
            "orderId": row["order_id"],
            "recurringPaymentId": row["id"],
            **{name: row[column] for name, column in _SHOWN.items()},
            "callbackProcessed": processed,
            "alreadyProcessed": processed,
        }

    return step


def recurring_facts(row: Row) -> Facts:
    """What was told of a recurring_payment row. What an action (or a test's given row) wrote there
    was agreed before any snapshot."""
    known: Facts | None = row["facts"]
    if known is not None:
        return known
    seed: Facts = {}
    for name, column in (("amount", "amount"), ("currency", "currency"), ("price", "price_id")):
        if row[column]:
            seed[name] = register([AGREED, 0, 0], row[column])
    if row["subscription_id"] is not None:
        seed["begun"] = register([0], True)
    return seed


def _told(event: Event) -> tuple[str | None, Facts, Data, str]:
    """The subscription's id, the facts, its metadata, and what to call it."""
    if event.object.get("object") == "checkout.session":
        session = subscription_session(event)
        if session.subscription is None and not session.expired:
            raise NotOursYet(f"checkout session {session.id} made no subscription (so far)")
        facts = subscription.session_facts(session)
        return session.subscription, facts, session.metadata, f"checkout session {session.id}"
    news = subscription.subscription_news(event)
    if news is None:
        raise NotOurs(f"{event.id} carries a subscription without an id")
    return news.id, subscription.facts_of(news), news.metadata, f"subscription {news.id}"


def _waiting_row(
    frame: Frame, scope: Scope, subscription_id: str | None, metadata: Data, thing: str
) -> Row | None:
    """The pending row an action made for this subscription: of the same order, and still free."""
    mark = scope.mark(metadata)
    order_id = scope.order(frame.tx, mark, thing)
    row = first(frame.tx, "recurring_payment", "id", mark.recurring_payment_id)
    if row is None or row["order_id"] != order_id:
        return None
    return row if row["subscription_id"] in (None, subscription_id) else None


def tell_recurring(frame: Frame, row: Row, subscription_id: str | None, told: Facts) -> Row:
    """Merge news into a recurring_payment row; a subscription id it did not know is announced."""
    facts = subscription.merge(recurring_facts(row), told)
    values = subscription.columns(facts)
    if facts != row["facts"]:
        values["facts"] = facts
        if "begun" in facts and "begun" not in (row["facts"] or {}):
            frame.subjects.append(subscription_id or row["subscription_id"])
    if subscription_id is not None and row["subscription_id"] is None:
        values["subscription_id"] = subscription_id
        frame.subjects.append(subscription_id)
    return update(frame, "recurring_payment", row, values)


def _new_row(
    frame: Frame,
    scope: Scope,
    subscription_id: str | None,
    told: Facts,
    metadata: Data,
    thing: str,
) -> tuple[Row, bool]:
    """The row of a subscription that is ours and has none; True where this run made it."""
    order_id = scope.order(frame.tx, scope.mark(metadata), thing)
    columns = subscription.columns(told)
    if subscription_id is None or columns.get("currency") is None:
        raise NotOursYet(f"{thing} is of no subscription with a price (so far)")
    # Until the subscription itself tells its status, it has not begun.
    base: Row = {"order_id": order_id, "amount": 0, "status": "incomplete", "facts": told}
    made = insert(frame, "recurring_payment", base | columns | {"subscription_id": subscription_id})
    if made is not None:
        frame.subjects.append(subscription_id)
        return made, True
    there = first(frame.tx, "recurring_payment", "subscription_id", subscription_id)
    if there is None:
        raise RunError(f"{thing}: the row another run made for it is gone. Try the event again.")
    return tell_recurring(frame, there, subscription_id, told), False
