"""stripe.dispute_callback: a customer's bank holds a payment back, or lets it go."""

from __future__ import annotations

from engine.model import Node, Value
from engine.nodes.base import Compiler, Frame, NotOurs, Step, node_type
from engine.nodes.stripe_rows import our_payment, tell
from engine.nodes.stripe_scope import event_of
from engine.stripe import dispute
from engine.stripe.routing import DISPUTE

KINDS = frozenset(DISPUTE)


@node_type("stripe.dispute_callback")
def dispute_callback(node: Node, compiler: Compiler) -> Step:
    """Keeps `payment.disputed` right. Outputs are in schemas/nodes/stripe.dispute_callback.yaml."""

    def step(frame: Frame) -> Value:
        event = event_of(frame, KINDS)
        news = dispute.dispute_news(event)
        if news is None:
            raise NotOurs(f"{event.id} carries a dispute without an id")
        found = our_payment(frame, news.intent, news.charge, f"dispute {news.id}")
        applied = tell(frame, found, dispute.facts_of(news))
        status = dispute.status_of(applied.facts, news.id)
        known = dispute.status_of(applied.facts_before, news.id) == status
        processed = known and applied.row["disputed"] == applied.before["disputed"]
        return {
            "orderId": applied.row["order_id"],
            "paymentId": applied.row["id"],
            "disputeId": news.id,
            "status": status,
            "reason": news.reason,
            "amount": news.amount,
            "currency": news.currency or applied.row["currency"],
            "disputed": applied.row["disputed"],
            "callbackProcessed": processed,
            "alreadyProcessed": processed,
        }

    return step
