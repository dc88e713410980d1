"""stripe.payment_callback: what an event says of a one-time payment."""

from __future__ import annotations

from engine.model import Node, Value
from engine.nodes.base import Compiler, Frame, Step, node_type
from engine.nodes.stripe_rows import Scope, apply_payment, event_of
from engine.stripe import payment
from engine.stripe.checkout import session_news
from engine.stripe.event import Event
from engine.stripe.routing import EVENTS

KINDS = frozenset(EVENTS["payment"])


@node_type("stripe.payment_callback")
def payment_callback(node: Node, compiler: Compiler) -> Step:
    """Keeps the payment row right. Outputs are in schemas/nodes/stripe.payment_callback.yaml."""
    scope = Scope.of(compiler.project)

    def step(frame: Frame) -> Value:
        event = event_of(frame, KINDS)
        news = news_of(event)
        thing = f"{event.object.get('object', 'object')} {event.object.get('id')}"
        applied = apply_payment(frame, scope, news, payment.facts_of(news), thing)
        row = applied.row
        processed = applied.settled_before == applied.settled
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


def news_of(event: Event) -> payment.PaymentNews:
    """What any event of the payment trigger says."""
    thing = event.object.get("object")
    if thing == "checkout.session":
        return session_news(event)
    if thing == "charge":
        return payment.charge_news(event)
    return payment.intent_news(event)
