"""Invoices of subscriptions: what was charged for a period, and through which payment.

Sources: https://docs.stripe.com/billing/invoices/subscription, …/api/invoices/object,
…/api/invoice-payment/object. A paid invoice is told under two names (invoice.paid and
invoice.payment_succeeded); both read the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.stripe.event import Event
from engine.stripe.read import (
    Data,
    currency_of,
    id_of,
    invoice_subscription,
    listed,
    part,
    text,
    whole,
)

Status = Literal["SUCCESSFUL", "FREE", "FAILED", "PENDING", "CANCELLED"]
"""FREE is an invoice that is paid without money: a trial, a full discount, a credit balance."""

_BY_TYPE: Mapping[str, Status] = {
    "invoice.paid": "SUCCESSFUL",
    "invoice.payment_succeeded": "SUCCESSFUL",
    "invoice.payment_failed": "FAILED",
    "invoice.payment_action_required": "PENDING",
    "invoice.created": "PENDING",
    "invoice.finalized": "PENDING",
    "invoice.voided": "CANCELLED",
    "invoice.marked_uncollectible": "FAILED",
}
_BY_STATUS: Mapping[str, Status] = {
    "paid": "SUCCESSFUL",
    "void": "CANCELLED",
    "uncollectible": "FAILED",
}


@dataclass(frozen=True, slots=True)
class InvoiceNews:
    """What one invoice.* event says. Amounts in minor units, times in seconds UTC.

    `amount` is what was paid, or is due where nothing was; `tax` the part of the invoice's total that
    was put on top of its prices. `metadata` is the subscription's, as the
    invoice repeats it. `intent` and `charge` are known up to 2025-02-24.acacia; after that
    invoice_payment.paid tells them.
    """

    at: int
    id: str
    status: Status
    subscription: str | None
    amount: int
    tax: int
    currency: str | None
    reason: str | None
    made: int | None
    period_start: int | None
    period_end: int | None
    intent: str | None
    charge: str | None
    metadata: Data


@dataclass(frozen=True, slots=True)
class InvoicePaymentNews:
    """What invoice_payment.paid says: which payment intent (or charge) paid an invoice."""

    at: int
    invoice: str | None
    intent: str | None
    charge: str | None
    amount: int
    currency: str | None


def invoice_news(event: Event) -> InvoiceNews | None:
    """What an invoice.* event says; None for an invoice without an id (upcoming ones)."""
    thing = event.object
    invoice_id = id_of(thing)
    if invoice_id is None:
        return None
    due = whole(thing.get("amount_due")) or 0
    # amount_paid came in 2018; until then what was due was what was paid.
    paid = whole(thing.get("amount_paid")) if "amount_paid" in thing else due
    status = _status(event, paid or 0)
    start, end = _period(thing)
    return InvoiceNews(
        at=event.created,
        id=invoice_id,
        status=status,
        subscription=invoice_subscription(thing),
        amount=paid or 0 if status in ("SUCCESSFUL", "FREE") else due,
        tax=_tax_on_top(thing),
        currency=currency_of(thing),
        reason=text(thing.get("billing_reason")),
        made=whole(thing.get("created")) or whole(thing.get("date")),
        period_start=start,
        period_end=end,
        intent=id_of(thing.get("payment_intent")),
        charge=id_of(thing.get("charge")),
        metadata=_subscription_metadata(thing),
    )


def _status(event: Event, paid: int) -> Status:
    thing = event.object
    status = None if event.thin else _BY_TYPE.get(event.type)
    if status is None:
        # Invoices had no status before 2018-11-08, but `paid`.
        old = "paid" if thing.get("paid") is True else ""
        status = _BY_STATUS.get(text(thing.get("status")) or old, "PENDING")
    return "FREE" if status == "SUCCESSFUL" and not paid else status


def _tax_on_top(thing: Data) -> int:
    """Exclusive tax. Inclusive tax is part of the price, which was agreed with it."""
    taxes = thing.get("total_taxes")
    if isinstance(taxes, list):
        found = [part(tax) for tax in taxes]
        amounts = [tax.get("amount") for tax in found if tax.get("tax_behavior") == "exclusive"]
    elif isinstance(thing.get("total_tax_amounts"), list):
        found = [part(tax) for tax in thing["total_tax_amounts"]]
        amounts = [tax.get("amount") for tax in found if tax.get("inclusive") is not True]
    else:
        # Until 2019 there was one tax, in per cent of the total, always on top.
        amounts = [thing.get("tax")]
    return sum(max(whole(amount) or 0, 0) for amount in amounts)


def _period(thing: Data) -> tuple[int | None, int | None]:
    """The period that the subscription's line pays for (the invoice's own is the one before)."""
    periods = [part(line.get("period")) for line in _subscription_lines(thing)]
    ends = [(end, whole(p.get("start"))) for p in periods if (end := whole(p.get("end")))]
    if not ends:
        return whole(thing.get("period_start")), whole(thing.get("period_end"))
    end, start = max(ends, key=lambda period: (period[0], period[1] or 0))
    return start, end


def _subscription_lines(thing: Data) -> list[Data]:
    """Lines for a period of the subscription, not its prorations or other items."""
    return [
        line
        for line in listed(thing.get("lines"))
        if line.get("type") == "subscription"
        or part(line.get("parent")).get("type") == "subscription_item_details"
    ]


def _subscription_metadata(thing: Data) -> Data:
    """The subscription's metadata: under `parent`, until 2025 beside it, before that on a line."""
    for details in (
        part(part(thing.get("parent")).get("subscription_details")),
        part(thing.get("subscription_details")),
        *_subscription_lines(thing),
    ):
        found = part(details.get("metadata"))
        if found:
            return found
    return {}


def invoice_payment_news(event: Event) -> InvoicePaymentNews:
    """What an invoice_payment.* event says."""
    thing = event.object
    payment = part(thing.get("payment"))
    return InvoicePaymentNews(
        at=event.created,
        invoice=id_of(thing.get("invoice")),
        intent=id_of(payment.get("payment_intent")),
        charge=id_of(payment.get("charge")),
        amount=whole(thing.get("amount_paid")) or 0,
        currency=currency_of(thing),
    )
