"""stripe.process_recurring_payment: a subscription's charge becomes a payment of an order."""

from __future__ import annotations

from engine.catalogue import catalogue
from engine.errors import RunError
from engine.expressions import compile_value
from engine.model import Node, Row, Value
from engine.nodes.base import Compiler, Frame, Step, node_type
from engine.nodes.stripe_charge import KINDS, charged, max_amount
from engine.nodes.stripe_recurring import recurring_facts
from engine.nodes.stripe_rows import announce, find_payment, payment_columns, tell
from engine.nodes.stripe_scope import Scope, event_of, first, insert
from engine.stripe.facts import Facts
from engine.stripe.invoice import InvoiceNews
from engine.stripe.payment import INVOICE, SUCCEEDED, PaymentNews, facts_of

NAME = "stripe.process_recurring_payment"


@node_type(NAME)
def process_recurring_payment(node: Node, compiler: Compiler) -> Step:
    """Records the payment once, under whatever name the charge came. Reads the fixed inputs that
    schemas/nodes/stripe.process_recurring_payment.yaml names; outputs are there as well."""
    scope = Scope.of(compiler.project)
    place = compiler.place(node)
    inputs = compile_value(dict(catalogue()[NAME].inputs), lambda path: place)

    def step(frame: Frame) -> Value:
        frame.inputs = given = inputs(frame.values)
        event = event_of(frame, KINDS)
        news, recurring = charged(frame, scope, event)
        if news.status != "SUCCESSFUL":
            raise RunError(
                f"Invoice {news.id} is {news.status}. Expected SUCCESSFUL: no money moved, so "
                "there is no payment. Have the flow stop before this node unless "
                "callback.status is 'SUCCESSFUL'."
            )
        most = max_amount(recurring, recurring_facts(recurring), news)
        order_id = _checked(frame, scope, given, most, news)
        row = first(frame.tx, "payment", "invoice_id", news.id)
        made = row is None
        if row is None:
            row = _record(frame, recurring, news, order_id)
        return {
            "paymentId": row["id"],
            "orderId": row["order_id"],
            "amount": row["amount"],
            "currency": row["currency"],
            "recurringPaymentId": recurring["id"],
            "callbackProcessed": not made,
            "alreadyProcessed": not made,
        }

    return step


def _checked(frame: Frame, scope: Scope, given: Row, most: int, news: InvoiceNews) -> Value:
    """The order that `create_order` gave, if it and its amount can be. Raises RunError."""
    order_id, amount = given["orderId"], given["amount"]
    wanted = int if scope.key_type == "integer" else str
    if type(order_id) is not wanted or frame.tx.get(scope.order_table, order_id) is None:
        raise RunError(
            f"create_order gave orderId {order_id!r:.60}. Expected the key of a row of "
            f"'{scope.order_table}', for which the charge of invoice {news.id} pays. Have "
            "create_order insert that row and give its key."
        )
    if type(amount) is not int or amount < 0:
        raise RunError(
            f"create_order gave amount {amount!r:.60} ({type(amount).__name__}). Expected an "
            "integer of minor units, 0 or more. Give what the order costs, such as "
            "`{{ callback.amount }}`."
        )
    if amount > most:
        raise RunError(
            f"create_order gave amount {amount}. Expected at most {most}, the amount agreed at the "
            "start (callback.maxAmount, with tax on top), both in minor units. Lower it; for a higher "
            "price the customer has to agree to a new subscription."
        )
    return order_id


def _record(frame: Frame, recurring: Row, news: InvoiceNews, order_id: Value) -> Row:
    """The payment row: what Stripe charged, which may be more than the order's amount."""
    told = PaymentNews(
        at=news.at,
        source=INVOICE,
        state=SUCCEEDED,
        intent=news.intent,
        charge=news.charge,
        amount=news.amount,
        currency=news.currency or recurring["currency"],
    )
    facts: Facts = facts_of(told)
    own: Row = {
        "order_id": order_id,
        "type": "recurring",
        "recurring_payment_id": recurring["id"],
        "invoice_id": news.id,
    }
    there = find_payment(frame.tx, news.intent, news.charge)
    if there is not None:
        # The seller marked the charge's own payment intent as ours, and it came first.
        return tell(frame, there, facts, own=own).row
    ids = {"transaction_id": news.intent or news.charge, "account_id": recurring["account_id"]}
    made = insert(frame, "payment", {**payment_columns(facts, None), **own, **ids, "facts": facts})
    if made is None:
        raise RunError(
            f"Invoice {news.id} was recorded by another run a moment ago. The event is tried again "
            "and will find it."
        )
    announce(frame, None, made)
    return made
