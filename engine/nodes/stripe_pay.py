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
from engine.nodes.stripe_calls import StripeSaidNo, asked, fixed_inputs, journal_of, snapshot
from engine.nodes.stripe_pay_plan import plan_of
from engine.nodes.stripe_rows import Applied, tell
from engine.nodes.stripe_scope import Scope
from engine.stripe import payment
from engine.stripe.amounts import BadAmount, check_amount
from engine.stripe.checkout import session_news

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
                f"{name}.plan", lambda: plan_of(frame, scope, wanted, hosted, not_closed)
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
