"""stripe.start_recurring and stripe.cancel_recurring: a subscription begins, or ends with its period."""

from __future__ import annotations

from typing import Any

from engine.errors import RunError
from engine.model import Node, Row, Value
from engine.nodes.base import Compiler, Frame, Step, node_type
from engine.nodes.journal import ActionRefused, StripeCall
from engine.nodes.stripe_calls import (
    StripeSaidNo,
    asked,
    beginning,
    begun_by,
    fixed_inputs,
    journal_of,
    new_key,
    snapshot,
)
from engine.nodes.stripe_recurring import recurring_facts
from engine.nodes.stripe_scope import Scope, first, update
from engine.stripe import subscription
from engine.stripe.facts import merge, register, value
from engine.stripe.metadata import marked
from engine.stripe.subscription import ENDED

MOST_PAGES = 20
"""Open pages of one order that are closed before a new one is made; more are closed by asking again."""
RUNNING = ("trialing", "active", "past_due", "unpaid", "paused")


@node_type("stripe.start_recurring")
def start_recurring(node: Node, compiler: Compiler) -> Step:
    """Reads `to_start`; inputs and outputs are in schemas/nodes/stripe.start_recurring.yaml."""
    scope = Scope.of(compiler.project)
    inputs = fixed_inputs(node, compiler)

    def step(frame: Frame) -> Value:
        frame.inputs = given = inputs(frame.values)
        journal = journal_of(frame)
        journal.once(f"{node.id}.free", lambda: _check_free(frame, scope, given))
        price = asked(
            frame, f"{node.id}.price", StripeCall("prices.retrieve", {}, id=given["priceId"])
        )
        closed: list[Value] = []
        for turn in range(MOST_PAGES):
            name = f"{node.id}.{turn}"
            plan = journal.once(f"{name}.plan", lambda: _start(frame, scope, given, price, closed))
            if plan["does"] == "start":
                break
            _close(frame, name, StripeCall.of(plan["call"]))
            closed.append(plan["row_id"])
        else:
            raise _open_page()
        row = frame.tx.get("recurring_payment", plan["row_id"])
        assert row is not None
        try:
            session = asked(frame, node.id, StripeCall.of(plan["call"]))
        except StripeSaidNo:
            update(frame, "recurring_payment", row, {"status": "incomplete_expired"})
            raise
        page = {"page": register([0], session["id"])}
        facts = merge(recurring_facts(row), page)
        row = update(frame, "recurring_payment", row, {"facts": facts})
        return {
            "recurringPaymentId": row["id"],
            "orderId": row["order_id"],
            "status": row["status"],
            "amount": row["amount"],
            "currency": row["currency"],
            "checkoutUrl": session["url"],
        }

    return step


def _check_free(frame: Frame, scope: Scope, given: Row) -> bool:
    """An order has one running subscription at most. Raises ActionRefused, RunError."""
    if not (given["successUrl"] and given["cancelUrl"]):
        raise RunError("Checkout needs a successUrl and a cancelUrl: give both in `to_start`.")
    if not given["priceId"]:
        raise ActionRefused("Say which price: priceId is missing.", code="no_price", status=422)
    if frame.tx.get(scope.order_table, given["orderId"]) is None:
        raise ActionRefused(
            f"There is no order {given['orderId']!r}.", code="no_such_order", status=404
        )
    if running(frame, given["orderId"]) is not None:
        raise ActionRefused("This order has a running subscription.", code="already_recurring")
    return True


def running(frame: Frame, order_id: Value) -> Row | None:
    """The order's subscription that has begun and not ended."""
    rows = frame.tx.find(
        "recurring_payment", {"order_id": order_id, "status": list(RUNNING)}, order_by=("-id",)
    )
    return rows[0] if rows else None


def _close(frame: Frame, name: str, call: StripeCall) -> None:
    """Close the page of an earlier request. Raises ActionRefused where it was paid a moment ago."""
    try:
        asked(frame, name, call)
        return
    except StripeSaidNo as no:
        if no.error.get("code") == "resource_missing":
            return
    seen = asked(frame, f"{name}.seen", StripeCall("checkout.sessions.retrieve", {}, id=call.id))
    if seen["status"] != "expired":
        raise ActionRefused(
            "A subscription of this order begins at this moment.", code="already_recurring"
        )


def _open_page() -> ActionRefused:
    return ActionRefused(
        "Another request to subscribe for this order is being worked on. Ask again in a moment.",
        code="payment_in_progress",
    )


def _page(frame: Frame, row: Row) -> Value:
    """The page that a pending row's customer may still pay on, or None. Raises ActionRefused while
    it is being made."""
    page = value(row["facts"] or {}, "page")
    record = None if page else beginning(frame, row)
    if record is not None and record.answer is None:
        raise _open_page()
    return page


def _start(
    frame: Frame, scope: Scope, given: Row, price: dict[str, Any], closed: list[Value]
) -> dict[str, Value]:
    """The pending row, with the amount now agreed, and the call for the page that asks for it; or the
    call that closes the page of an earlier request first: paid both, they would both be charged."""
    # Held: of two requests at once the second sees the row that the first begins.
    first(frame.tx, scope.order_table, scope.order_key, given["orderId"])
    _check_free(frame, scope, given)
    pending: Row = {"order_id": given["orderId"], "status": "incomplete", "subscription_id": None}
    for row in frame.tx.find("recurring_payment", pending, order_by=("id",), lock=True):
        if row["id"] not in closed and (page := _page(frame, row)):
            key = new_key(scope.project, "close", row["id"])
            close = StripeCall("checkout.sessions.expire", {}, id=page, idempotency_key=key)
            return {"does": "close", "row_id": row["id"], "call": close.as_json()}
    amount = price.get("unit_amount")
    by_use = (price.get("recurring") or {}).get("usage_type") == "metered"
    if (
        price.get("type") != "recurring"
        or by_use
        or price.get("active") is False
        or not isinstance(amount, int)
    ):
        raise ActionRefused(
            f"Price {price['id']} is not a fixed amount a period, or not active; choose a recurring "
            "price.",
            code="bad_price",
            status=422,
        )
    caller = frame.values["caller"] or {}
    with frame.tx.system_writes():
        row = frame.tx.insert(
            "recurring_payment",
            {
                "order_id": given["orderId"],
                "account_id": caller.get("id"),
                "price_id": price["id"],
                "amount": amount,
                "currency": price["currency"],
                "status": "incomplete",
            },
        )
    facts = merge(recurring_facts(row), begun_by(frame))
    update(frame, "recurring_payment", row, {"facts": facts})
    metadata = marked(scope.project, given["orderId"], recurring_payment_id=row["id"])
    params = {
        "mode": "subscription",
        "line_items": [{"price": price["id"], "quantity": 1}],
        "success_url": given["successUrl"],
        "cancel_url": given["cancelUrl"],
        "client_reference_id": str(given["orderId"]),
        "metadata": metadata,
        "subscription_data": {"metadata": metadata},
    }
    key = new_key(scope.project, "recurring", row["id"])
    call = StripeCall("checkout.sessions.create", params, idempotency_key=key)
    return {"does": "start", "row_id": row["id"], "call": call.as_json()}


@node_type("stripe.cancel_recurring")
def cancel_recurring(node: Node, compiler: Compiler) -> Step:
    """Reads `to_cancel`; inputs and outputs are in schemas/nodes/stripe.cancel_recurring.yaml."""
    inputs = fixed_inputs(node, compiler)

    def step(frame: Frame) -> Value:
        frame.inputs = given = inputs(frame.values)
        plan = journal_of(frame).once(f"{node.id}.plan", lambda: _end(frame, given))
        row = frame.tx.get("recurring_payment", plan["row_id"])
        assert row is not None
        stands: Row = row
        if plan["call"] is not None:
            thing = asked(frame, node.id, StripeCall.of(plan["call"]))
            news = subscription.subscription_news(snapshot(thing, frame.now))
            assert news is not None
            # Only shown: the row follows Stripe's event, which runs the builder's callback.
            stands = {**row, **subscription.columns(subscription.facts_of(news))}
        return {
            "recurringPaymentId": row["id"],
            "orderId": row["order_id"],
            "status": stands["status"],
            "cancelAt": stands["cancel_at"],
            "currentPeriodEnd": stands["current_period_end"],
            "alreadyEnding": plan["call"] is None,
        }

    return step


def _end(frame: Frame, given: Row) -> dict[str, Value]:
    """Which subscription ends, and the call for it; none where its end is set already."""
    rows = frame.tx.find("recurring_payment", {"order_id": given["orderId"]}, order_by=("-id",))
    going = [row for row in rows if row["status"] in RUNNING]
    # Of two that run (both pages of an order were paid) the one whose end is not set yet.
    row = next((row for row in going if row["cancel_at"] is None), next(iter(going or rows), None))
    if row is None or row["subscription_id"] is None:
        raise ActionRefused(
            f"Order {given['orderId']!r} has no subscription to cancel.",
            code="not_recurring",
            status=404,
        )
    # Also an end set elsewhere (the customer's portal): asking Stripe again would be refused.
    if row["status"] in ENDED or row["cancel_at"] is not None:
        return {"row_id": row["id"], "call": None}
    call = StripeCall(
        "subscriptions.update",
        {"cancel_at_period_end": True},
        id=row["subscription_id"],
        idempotency_key=new_key("", "cancel", row["id"]),
    )
    return {"row_id": row["id"], "call": call.as_json()}
