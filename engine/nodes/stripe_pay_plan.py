"""What stripe.pay does next for an order: make a payment, or look at, close or see the one there is.

Each plan names a payment's row and the call to Stripe about it. It is kept in the journal, so that
an action that was cut off goes on with the same call.
"""

from __future__ import annotations

from typing import Any

from engine.model import Row, Value
from engine.nodes.base import Frame
from engine.nodes.journal import ActionRefused, StripeCall
from engine.nodes.stripe_calls import beginning, begun_by, new_key
from engine.nodes.stripe_scope import Scope, first
from engine.stripe.metadata import marked

PAID = ("SUCCESSFUL", "REFUNDING", "PARTIALLY_REFUNDED")


def plan_of(
    frame: Frame, scope: Scope, wanted: Row, hosted: bool, not_closed: set[int]
) -> dict[str, Value]:
    """What to do next: make a new payment, look at an open one like it, close one unlike it, or
    see why that one would not be closed.

    `not_closed` are the payments whose closing Stripe refused. Raises ActionRefused where there is
    nothing to pay.
    """
    order_id = wanted["orderId"]
    # Held: of two requests at once the second sees the payment that the first begins.
    if first(frame.tx, scope.order_table, scope.order_key, order_id) is None:
        raise ActionRefused(f"There is no order {order_id!r}.", code="no_such_order", status=404)
    rows = frame.tx.find(
        "payment", {"order_id": order_id, "type": "one_time"}, order_by=("-id",), lock=True
    )
    for row in rows:
        if row["status"] in PAID:
            raise ActionRefused("This order is paid already.", code="already_paid")
        if row["status"] == "PROCESSING":
            raise ActionRefused(
                "A payment of this order is being processed; its result comes by itself.",
                code="payment_processing",
            )
    for row in rows:
        if row["status"] not in ("PENDING", "FAILED"):
            continue
        intent, session = row["transaction_id"], row["checkout_session_id"]
        if not intent and not session:
            began = _unfinished(frame, row)
            if began is not None:
                return {"does": "make", "payment_id": row["id"], "call": began}
            continue
        alike = (row["amount"], row["currency"], session is not None) == (
            wanted["amount"],
            wanted["currency"],
            hosted,
        )
        thing = "checkout.sessions" if session else "payment_intents"
        if alike or row["id"] in not_closed:
            does, key = "look" if alike else "see", None
            operation = f"{thing}.retrieve"
        else:
            does, key = "close", new_key(scope.project, "close", row["id"])
            operation = f"{thing}.{'expire' if session else 'cancel'}"
        call = StripeCall(operation, {}, id=session or intent, idempotency_key=key)
        return {"does": does, "payment_id": row["id"], "call": call.as_json()}
    return _make(frame, scope, wanted, hosted)


def _unfinished(frame: Frame, row: Row) -> Value:
    """The call under way for a row without a Stripe id; None where its action came to an end.

    Raises ActionRefused while another request is at it.
    """
    record = beginning(frame, row)
    if record is None or record.call is None or record.answer is not None:
        return None
    if record.lease_until is not None and record.lease_until > frame.tx.now:
        raise ActionRefused(
            "Another request to pay this order is being worked on. Ask again in a moment.",
            code="payment_in_progress",
        )
    return record.call


def _make(frame: Frame, scope: Scope, wanted: Row, hosted: bool) -> dict[str, Value]:
    """The pending row, and the call that gives it its Stripe object; both are kept before it is made."""
    caller = frame.values["caller"] or {}
    with frame.tx.system_writes():
        row = frame.tx.insert(
            "payment",
            {
                "order_id": wanted["orderId"],
                "account_id": caller.get("id"),
                "amount": wanted["amount"],
                "currency": wanted["currency"],
                "description": wanted["description"],
                "facts": begun_by(frame),
            },
        )
    metadata = marked(scope.project, wanted["orderId"], payment_id=row["id"])
    call = StripeCall(
        "checkout.sessions.create" if hosted else "payment_intents.create",
        _session(wanted, metadata) if hosted else _intent(wanted, metadata),
        idempotency_key=new_key(scope.project, "pay", row["id"]),
    )
    return {"does": "make", "payment_id": row["id"], "call": call.as_json()}


def _intent(wanted: Row, metadata: dict[str, str]) -> dict[str, Any]:
    params = {
        "amount": wanted["amount"],
        "currency": wanted["currency"],
        "automatic_payment_methods": {"enabled": True},
        "metadata": metadata,
    }
    return params | ({"description": wanted["description"]} if wanted["description"] else {})


def _session(wanted: Row, metadata: dict[str, str]) -> dict[str, Any]:
    name = wanted["description"] or f"Order {wanted['orderId']}"
    price = {
        "currency": wanted["currency"],
        "unit_amount": wanted["amount"],
        "product_data": {"name": name},
    }
    return {
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": price}],
        "success_url": wanted["successUrl"],
        "cancel_url": wanted["cancelUrl"],
        "client_reference_id": str(wanted["orderId"]),
        "metadata": metadata,
        "payment_intent_data": {"description": name, "metadata": metadata},
    }
