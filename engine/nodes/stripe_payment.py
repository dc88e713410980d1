"""stripe.payment_callback: what an event says of a one-time payment."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model import Node, ProjectFile, Value
from engine.nodes.base import Compiler, Expect, Frame, Step, node_type
from engine.nodes.stripe_rows import Applied, apply_payment
from engine.nodes.stripe_scope import Scope, event_of
from engine.store.base import Transaction
from engine.stripe import payment
from engine.stripe.checkout import session_news
from engine.stripe.event import Event
from engine.stripe.metadata import key_of
from engine.stripe.read import id_of, part
from engine.stripe.routing import EVENTS

KINDS = frozenset(EVENTS["payment"])


def expect(project: ProjectFile) -> Expect:
    """The payments and orders that events of this trigger are about."""
    scope = Scope.of(project)

    def look(tx: Transaction, events: Sequence[Event]) -> None:
        payments: set[Value] = set()
        orders: set[Value] = set()
        for event in events:
            thing = event.object
            kind = thing.get("object")
            if kind == "payment_intent":
                payments.add(id_of(thing))
                payments.add(payment.intent_charge(thing))
            elif kind == "charge":
                payments.add(id_of(thing.get("payment_intent")))
                payments.add(id_of(thing))
            orders.add(key_of(part(thing.get("metadata")).get("order_id"), scope.key_type))
        tx.expect("payment", "transaction_id", payments - {None})
        tx.expect(scope.order_table, scope.order_key, orders - {None})

    return look


@node_type("stripe.payment_callback", expect)
def payment_callback(node: Node, compiler: Compiler) -> Step:
    """Keeps the payment row right. Outputs are in schemas/nodes/stripe.payment_callback.yaml."""
    scope = Scope.of(compiler.project)

    def step(frame: Frame) -> Value:
        event = event_of(frame, KINDS)
        news = news_of(event)
        thing = f"{event.object.get('object', 'object')} {event.object.get('id')}"
        applied = apply_payment(frame, scope, news, payment.facts_of(news), thing)
        row = applied.row
        processed = applied.settled_before == applied.settled and not _took_more(applied)
        return {
            "orderId": row["order_id"],
            "paymentId": row["id"],
            "paymentFound": applied.found,
            "paymentStatus": applied.settled,
            "amount": row["amount"],
            "currency": row["currency"],
            "type": row["type"],
            "failureCode": row["failure_code"],
            "failureMessage": row["failure_message"],
            "callbackProcessed": processed,
            "alreadyProcessed": processed,
        }

    return step


def _took_more(applied: Applied) -> bool:
    """Whether a success is of another amount than was told before: captured in several parts."""
    row, before = applied.row, applied.before
    return applied.settled == "SUCCESSFUL" and (row["amount"], row["currency"]) != (
        before["amount"],
        before["currency"],
    )


def news_of(event: Event) -> payment.PaymentNews:
    """What any event of the payment trigger says."""
    thing = event.object.get("object")
    if thing == "checkout.session":
        return session_news(event)
    if thing == "charge":
        return payment.charge_news(event)
    return payment.intent_news(event)
