"""stripe.refund: gives money back, never more than is left, each request once.

Stripe's answer only reserves the money: that the refund went through is told by Stripe's signed
event, which runs the builder's refund callback.
"""

from __future__ import annotations

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
from engine.nodes.stripe_rows import tell
from engine.nodes.stripe_scope import Scope, first, update
from engine.stripe import given_back, refund
from engine.stripe.metadata import marked

PAID = ("SUCCESSFUL", "REFUNDING", "PARTIALLY_REFUNDED")
OPEN = ("PENDING", "REQUIRES_ACTION")


@node_type("stripe.refund")
def make_refund(node: Node, compiler: Compiler) -> Step:
    """Reads `to_refund`; inputs and outputs are in schemas/nodes/stripe.refund.yaml."""
    scope = Scope.of(compiler.project)
    inputs = fixed_inputs(node, compiler)

    def step(frame: Frame) -> Value:
        frame.inputs = given = inputs(frame.values)
        plan = journal_of(frame).once(f"{node.id}.plan", lambda: _plan(frame, scope, given))
        row = frame.tx.get("refund", plan["refund_id"])
        assert row is not None
        try:
            thing = asked(frame, node.id, StripeCall.of(plan["call"]))
        except StripeSaidNo as no:
            failed = {"status": "FAILED", "failure_reason": _reason(no)}
            update(frame, "refund", row, failed)
            raise
        news = refund.refund_news(snapshot(thing))
        assert news is not None
        paid = frame.tx.get("payment", row["payment_id"])
        assert paid is not None
        applied = tell(frame, paid, refund.answered_facts(news))
        columns = given_back.refund_columns(applied.facts, news.id)
        row = update(frame, "refund", row, {**columns, "transaction_id": news.id})
        frame.subjects.append(news.id)
        return {
            "refundId": row["id"],
            "paymentId": row["payment_id"],
            "orderId": applied.row["order_id"],
            "status": "PENDING" if row["status"] in OPEN else row["status"],
            "refundAmount": row["amount"],
            "totalRefunded": applied.row["amount_refunded"],
            "left": applied.row["amount"] - applied.row["amount_refunded"],
            "currency": row["currency"],
        }

    return step


def _plan(frame: Frame, scope: Scope, given: Row) -> dict[str, Value]:
    """The pending row and its call. Raises ActionRefused for more than is left."""
    paid = first(frame.tx, "payment", "id", given["paymentId"])
    if paid is None:
        raise ActionRefused(
            f"There is no payment {given['paymentId']!r}.", code="no_such_payment", status=404
        )
    if paid["status"] not in PAID:
        raise ActionRefused(
            f"Payment {paid['id']} is {paid['status']}; only money that came can be given back.",
            code="not_refundable",
        )
    transaction = paid["transaction_id"]
    if transaction is None:
        # A subscription's charge, since 2025-03-31: invoice_payment.paid tells its payment intent.
        raise ActionRefused(
            f"Stripe has not told yet how payment {paid['id']} was paid, so it cannot be asked to "
            "give it back. Ask again in a moment.",
            code="not_refundable",
        )
    left = paid["amount"] - paid["amount_refunded"] - _on_the_way(frame, paid)
    amount = left if given["amount"] is None else given["amount"]
    if type(amount) is not int or amount <= 0 or amount > left:
        raise ActionRefused(
            f"The refund is {amount!r}; expected 1 to {left} (minor units of {paid['currency']}): "
            f"{paid['amount']} were paid, {paid['amount'] - left} are given back or on the way.",
            code="more_than_is_left" if type(amount) is int and amount > left else "bad_amount",
            status=422,
            details={"left": left},
        )
    with frame.tx.system_writes():
        row = frame.tx.insert(
            "refund",
            {
                "payment_id": paid["id"],
                "amount": amount,
                "currency": paid["currency"],
                "reason": given["reason"],
            },
        )
    params = {
        ("payment_intent" if transaction.startswith("pi_") else "charge"): transaction,
        "amount": amount,
        "metadata": marked(
            scope.project, paid["order_id"], payment_id=paid["id"], refund_id=row["id"]
        ),
    }
    if given["reason"]:
        params["reason"] = given["reason"]
    key = new_key(scope.project, "refund", row["id"])
    call = StripeCall("refunds.create", params, idempotency_key=key)
    return {"refund_id": row["id"], "call": call.as_json()}


def _on_the_way(frame: Frame, paid: Row) -> int:
    """Refunds whose Stripe object is not there yet: two at once share what is left."""
    rows = frame.tx.find("refund", {"payment_id": paid["id"], "transaction_id": None})
    return sum(row["amount"] for row in rows if row["status"] in OPEN)


def _reason(no: StripeSaidNo) -> str:
    return str(no.error.get("code") or no.error.get("type") or "refused")
