"""stripe.recurring_charge_callback: a subscription was, or could not be, charged for a period."""

from __future__ import annotations

from engine.errors import RunError
from engine.model import Node, Row, Value
from engine.nodes.base import Compiler, Frame, NotOurs, NotOursYet, NotYet, Step, node_type
from engine.nodes.stripe_recurring import AGREED, recurring_facts
from engine.nodes.stripe_rows import find_payment, tell
from engine.nodes.stripe_scope import Scope, event_of, first, update
from engine.stripe.event import Event, second_of, when
from engine.stripe.facts import Facts, greater, merge, register, value
from engine.stripe.first_charge import begins, decided, free_facts, is_first
from engine.stripe.invoice import InvoiceNews, invoice_news, invoice_payment_news
from engine.stripe.routing import EVENTS

KINDS = frozenset(EVENTS["recurring_charge"])
_FINAL = ("SUCCESSFUL", "FREE", "CANCELLED")
_SOON = 3600
"""Seconds after the last news of a subscription in which the rest of its beginning may still come."""
_RANK = {"PENDING": 0, "FAILED": 1, "CANCELLED": 2, "FREE": 3, "SUCCESSFUL": 4}


@node_type("stripe.recurring_charge_callback")
def recurring_charge_callback(node: Node, compiler: Compiler) -> Step:
    """Says what was charged; writes no payment. Outputs: schemas/nodes/stripe.recurring_….yaml."""
    scope = Scope.of(compiler.project)

    def step(frame: Frame) -> Value:
        event = event_of(frame, KINDS)
        if event.object.get("object") == "invoice_payment":
            return _link(frame, event)
        return _invoice(frame, scope, event)

    return step


def _invoice(frame: Frame, scope: Scope, event: Event) -> Value:
    news, row = charged(frame, scope, event)
    paid = first(frame.tx, "payment", "invoice_id", news.id)
    facts = recurring_facts(row)
    told = register([int(news.status in _FINAL), news.at, _RANK[news.status]], news.status)
    known = facts.get("invoices", {}).get(news.id)
    overtaken = known is not None and greater(known, told) == known
    first_charge, more = _first_charge(frame, row, facts, news)
    if not overtaken:
        more["invoices"] = {news.id: told}
    if more:
        update(frame, "recurring_payment", row, {"facts": merge(facts, more)})
    # A success is processed once its payment is there; what says less, once more was said.
    processed = paid is not None or (overtaken and news.status != "SUCCESSFUL")
    return _outputs(
        row,
        news.id,
        status=news.status,
        amount=news.amount,
        currency=news.currency or row["currency"],
        maxAmount=max_amount(row, facts, news),
        billingReason=news.reason,
        firstCharge=first_charge,
        periodStart=when(news.period_start),
        periodEnd=when(news.period_end),
        callbackProcessed=processed,
    )


def charged(frame: Frame, scope: Scope, event: Event) -> tuple[InvoiceNews, Row]:
    """The invoice and the recurring_payment row it is charged for. Raises NotOurs, NotYet."""
    news = invoice_news(event)
    if news is None or news.subscription is None:
        raise NotOurs(f"invoice {news.id if news else event.id} belongs to no subscription")
    row = first(frame.tx, "recurring_payment", "subscription_id", news.subscription)
    if row is not None:
        return news, row
    mark = scope.mark(news.metadata)
    if mark.order_id is None:
        raise NotOurs(
            f"invoice {news.id} is of subscription {news.subscription}, which is none of ours (so "
            f"far): {mark.reason}"
        )
    raise NotYet(
        f"invoice {news.id} is of subscription {news.subscription}, of which no event came yet"
    )


def _first_charge(frame: Frame, row: Row, facts: Facts, news: InvoiceNews) -> tuple[bool, Facts]:
    """Whether this charge settles the order the subscription began with, and what to keep of that.

    Raises NotYet where that, or what was agreed, depends on news that should be here soon.
    """
    if news.status != "SUCCESSFUL":
        starts = begins(news.reason, news.made, value(facts, "began"))
        if news.status == "FREE" and row["subscription_id"] is not None:
            frame.subjects.append(row["subscription_id"])
        return starts, free_facts(news) if news.status == "FREE" else {}
    first_charge = is_first(facts, news)
    more: Facts = {}
    if first_charge is None or not _agreed(facts):
        if second_of(frame.now) - second_of(row["updated_at"]) < _SOON:
            raise NotYet(
                f"invoice {news.id} is of subscription {news.subscription}, of whose beginning "
                "(customer.subscription.created, its first invoice) not all came yet"
            )
        if first_charge is None:
            first_charge = decided(facts, news)
        more["late"] = register([0], True)
    if first_charge and "first" not in facts:
        more["first"] = register([0], news.id)
        frame.subjects.append(row["subscription_id"])
    return first_charge, more


def _agreed(facts: Facts) -> bool:
    """Whether the row tells what was agreed at the start, and not what a later snapshot says: our
    action did, the beginning is known, or it is too late to wait for that."""
    by_action = "amount" in facts and facts["amount"][0][0] == AGREED
    return by_action or "begun" in facts or "late" in facts


def max_amount(row: Row, facts: Facts, news: InvoiceNews) -> int:
    """What the charge's order may cost: the amount agreed at the start, and tax on top of it.

    What the subscription was created with was agreed then as well, a fee for setting up included.
    Where use or tiers decide, nothing was agreed, and what Stripe charged is the most; so where it
    charges in another currency than the one agreed in, as prices with currency options are.
    """
    agreed: int = row["amount"]
    unknown = not agreed and "amount" not in facts
    if unknown or news.currency not in (None, row["currency"]):
        return news.amount
    most = agreed + news.tax
    return max(most, news.amount) if begins(news.reason, None, None) else most


def _link(frame: Frame, event: Event) -> Value:
    """invoice_payment.paid: the payment row learns its payment intent; nothing else happens."""
    news = invoice_payment_news(event)
    paid = first(frame.tx, "payment", "invoice_id", news.invoice)
    if paid is None:
        raise NotOursYet(f"invoice {news.invoice} is no payment of ours (so far)")
    row = frame.tx.get("recurring_payment", paid["recurring_payment_id"])
    if row is None:
        raise RunError(f"payment {paid['id']} has an invoice but no recurring payment.")
    # Another row may have this payment intent, where the seller marked it with metadata of ours.
    if find_payment(frame.tx, news.intent, news.charge) is None:
        ids = {"transaction_id": news.intent or news.charge, "charge_id": news.charge}
        paid = tell(frame, paid, {}, ids).row
    return _outputs(
        row,
        str(news.invoice),
        status="SUCCESSFUL",
        amount=paid["amount"],
        currency=paid["currency"],
        maxAmount=row["amount"] or paid["amount"],
        billingReason=None,
        firstCharge=False,
        periodStart=None,
        periodEnd=None,
        callbackProcessed=True,
    )


def _outputs(row: Row, invoice_id: str, **more: Value) -> Value:
    return {
        "orderId": row["order_id"],
        "recurringPaymentId": row["id"],
        "subscriptionId": row["subscription_id"],
        "invoiceId": invoice_id,
        **more,
        "alreadyProcessed": more["callbackProcessed"],
    }
