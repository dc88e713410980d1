"""stripe.pay: a payment intent or a hosted checkout for an order, one open payment at a time.

Stripe's answer never settles the payment: that is for its signed event, which runs the builder's
payment callback. Only an end without money is taken from an answer, so that a new payment can begin.
"""

from __future__ import annotations

from typing import Any

from engine.errors import RunError
from engine.model import Node, Row, Value
from engine.nodes.base import Compiler, Frame, Step, node_type
from engine.nodes.journal import ActionRefused, StripeCall
from engine.nodes.stripe_calls import (
    StripeSaidNo,
    asked,
    fixed_inputs,
    journal_of,
    new_key,
    snapshot,
)
from engine.nodes.stripe_rows import Applied, tell
from engine.nodes.stripe_scope import Scope, first
from engine.store import actions
from engine.stripe import payment
from engine.stripe.amounts import BadAmount, check_amount
from engine.stripe.checkout import session_news
from engine.stripe.facts import Facts, register, value

PAID = ("SUCCESSFUL", "REFUNDING", "PARTIALLY_REFUNDED")
MOST_ROUNDS = 20
"""Open payments of one order looked at before giving up; each is settled or closed on the way."""


@node_type("stripe.pay")
def pay(node: Node, compiler: Compiler) -> Step:
    """Reads `to_pay`; inputs and outputs are in schemas/nodes/stripe.pay.yaml."""
    scope = Scope.of(compiler.project)
    inputs = fixed_inputs(node, compiler)

    def step(frame: Frame) -> Value:
        frame.inputs = given = inputs(frame.values)
        try:
            amount, currency = check_amount(given["amount"], given["currency"])
        except BadAmount as error:
            raise ActionRefused(str(error), code="bad_amount", status=422) from error
        wanted = {**given, "amount": amount, "currency": currency}
        hosted = given["mode"] == "checkout"
        if hosted and not (given["successUrl"] and given["cancelUrl"]):
            raise RunError("Checkout needs a successUrl and a cancelUrl: give both in `to_pay`.")
        journal = journal_of(frame)
        not_closed: set[int] = set()
        for turn in range(MOST_ROUNDS):
            name = f"{node.id}.{turn}"
            plan = journal.once(
                f"{name}.plan", lambda: _plan(frame, scope, wanted, hosted, not_closed)
            )
            row = frame.tx.get("payment", plan["payment_id"])
            assert row is not None
            call = StripeCall.of(plan["call"])
            try:
                thing = asked(frame, name, call)
            except StripeSaidNo as no:
                if plan["does"] == "make":
                    _failed(frame, row, no)
                    raise
                if no.error.get("code") == "resource_missing":
                    _gone(frame, row)
                # Closing is refused where it was paid a moment ago: looking at it tells.
                not_closed.add(row["id"])
                continue
            if plan["does"] == "make":
                return _output(frame, _told(frame, row, thing, None), thing, reused=False)
            if _open(thing) and plan["does"] == "look":
                return _output(frame, row, thing, reused=True)
            if thing["status"] not in ("canceled", "expired"):
                raise ActionRefused(
                    "Stripe has the money, or is about to; its event settles the order in a moment.",
                    code="payment_processing",
                )
            _told(frame, row, thing, frame.now)
        raise ActionRefused(
            "The open payments of this order could not be settled. Try again in a moment.",
            code="payment_in_progress",
        )

    return step


def _plan(
    frame: Frame, scope: Scope, wanted: Row, hosted: bool, not_closed: set[int]
) -> dict[str, Value]:
    """What to do next: make a new payment, look at an open one like it, close one unlike it, or
    see why that one would not be closed."""
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
    record = actions.show(frame.tx, value(row["facts"] or {}, "action") or 0)
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
    facts: Facts = {"action": register([0], journal_of(frame).action_id)}
    with frame.tx.system_writes():
        row = frame.tx.insert(
            "payment",
            {
                "order_id": wanted["orderId"],
                "account_id": caller.get("id"),
                "amount": wanted["amount"],
                "currency": wanted["currency"],
                "description": wanted["description"],
                "facts": facts,
            },
        )
    metadata = {
        "order_id": str(wanted["orderId"]),
        "payment_id": str(row["id"]),
        "actionflow_project": scope.project,
    }
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


def _told(frame: Frame, row: Row, thing: dict[str, Any], at: str | None) -> Row:
    """The row with what Stripe's answer says; webhooks may have said it before."""
    event = snapshot(thing, at)
    hosted = thing["object"] == "checkout.session"
    news = session_news(event) if hosted else payment.intent_news(event)
    ids = {"transaction_id": news.intent, "checkout_session_id": news.session}
    applied: Applied = tell(frame, row, payment.facts_of(news), ids)
    return applied.row


def _failed(frame: Frame, row: Row, no: StripeSaidNo) -> None:
    """Stripe made nothing: the row says why and is done with."""
    news = payment.PaymentNews(
        at=snapshot({}, frame.now).created,
        source=payment.INTENT,
        state=payment.FAILED,
        failure_code=no.error.get("code") or no.error.get("type"),
        failure_message=no.error.get("message"),
    )
    tell(frame, row, payment.facts_of(news))


def _gone(frame: Frame, row: Row) -> None:
    """Stripe does not know this object any more: it can never be paid."""
    at = snapshot({}, frame.now).created
    tell(frame, row, payment.facts_of(payment.PaymentNews(at, payment.INTENT, payment.CANCELED)))


def _open(thing: dict[str, Any]) -> bool:
    """Whether this object can still be paid."""
    if thing["object"] == "checkout.session":
        return bool(thing["status"] == "open")
    return thing["status"] in (
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
    )


def _output(frame: Frame, row: Row, thing: dict[str, Any], *, reused: bool) -> Value:
    hosted = thing["object"] == "checkout.session"
    return {
        "paymentId": row["id"],
        "orderId": row["order_id"],
        "status": row["status"],
        "amount": row["amount"],
        "currency": row["currency"],
        "clientSecret": None if hosted else thing["client_secret"],
        "publishableKey": None if hosted else frame.values["run"].get("publishable_key"),
        "checkoutUrl": thing["url"] if hosted else None,
        "reused": reused,
    }
