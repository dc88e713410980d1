"""Refunds: what refund objects and refunded charges say, and what of a payment they give back.

Sources: https://docs.stripe.com/refunds (also failed refunds), …/api/refunds/object. One refund is
told by events of two families (charge.refund.updated, refund.*) and by its charge's cumulative
figure; all of it is kept per refund id, so nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.stripe.event import Event
from engine.stripe.facts import Facts, register
from engine.stripe.read import Data, currency_of, id_of, listed, part, text, whole

Status = Literal["PENDING", "REQUIRES_ACTION", "REFUNDED", "FAILED", "CANCELLED"]

_RANK: Mapping[Status, int] = {
    "PENDING": 0,
    "REQUIRES_ACTION": 1,
    "REFUNDED": 2,
    "FAILED": 3,
    "CANCELLED": 3,
}
"""A refund only goes up: one that succeeded can still fail, one that failed stays so."""

_BY_STATUS: Mapping[str, Status] = {
    "pending": "PENDING",
    "requires_action": "REQUIRES_ACTION",
    "succeeded": "REFUNDED",
    "failed": "FAILED",
    "canceled": "CANCELLED",
}
UNDONE = ("FAILED", "CANCELLED")

FIGURE_ALONE = ("2022-11-15", "2024-09-30")
"""API versions where a charge no longer lists its refunds, and refund.* events do not tell of each yet.

Source: https://docs.stripe.com/changelog, 2022-11-15 and 2024-10-28.acacia.
"""


@dataclass(frozen=True, slots=True)
class RefundNews:
    """What one event says of one refund. Amounts in minor units; `at` (of the event) and `made` (of
    the refund) in seconds UTC."""

    at: int
    id: str
    status: Status
    amount: int
    currency: str | None
    made: int
    intent: str | None = None
    charge: str | None = None
    reason: str | None = None
    failure_reason: str | None = None
    metadata: Data | None = None


@dataclass(frozen=True, slots=True)
class RefundedCharge:
    """What charge.refunded says: the charge's cumulative figure, the refunds it lists (up to
    2022-08-01), and how much more this event gave back, where it tells."""

    at: int
    total: int
    refunds: tuple[RefundNews, ...]
    more: int | None
    alone: bool
    """Whether no other event will say that a refund went through."""


def refund_news(event: Event) -> RefundNews | None:
    """What charge.refund.updated or refund.* says; None for a refund without an id."""
    failed = event.type == "refund.failed" and not event.thin
    return _read(event.object, event.created, "FAILED" if failed else None)


def refunded_charge(event: Event) -> RefundedCharge:
    """What charge.refunded says."""
    charge = event.object
    total = whole(charge.get("amount_refunded")) or 0
    before = whole(event.previous.get("amount_refunded"))
    listed_here = [_read(entry, event.created) for entry in listed(charge.get("refunds"))]
    refunds = tuple(refund for refund in listed_here if refund)
    newest = max(refunds, key=lambda refund: (refund.made, refund.id), default=None)
    if before is not None:
        more: int | None = total - before
    else:
        more = newest.amount if newest else None
    alone = FIGURE_ALONE[0] <= (event.api_version or "")[:10] <= FIGURE_ALONE[1]
    return RefundedCharge(event.created, max(total - _released(charge), 0), refunds, more, alone)


def _released(charge: Data) -> int:
    """What a partial capture let go: Stripe counts it as refunded though it was never taken."""
    captured, amount = whole(charge.get("amount_captured")), whole(charge.get("amount"))
    if captured is None or amount is None or charge.get("captured") is not True:
        return 0
    return max(amount - captured, 0)


def _read(thing: Data, at: int, status: Status | None = None) -> RefundNews | None:
    refund_id = id_of(thing)
    if refund_id is None:
        return None
    return RefundNews(
        at=at,
        id=refund_id,
        # Refunds had no status before 2015: they were done when they were made.
        status=status or _BY_STATUS.get(text(thing.get("status")) or "succeeded", "PENDING"),
        amount=whole(thing.get("amount")) or 0,
        currency=currency_of(thing),
        made=whole(thing.get("created")) or 0,
        intent=id_of(thing.get("payment_intent")),
        charge=id_of(thing.get("charge")),
        reason=text(thing.get("reason")),
        failure_reason=text(thing.get("failure_reason")),
        metadata=part(thing.get("metadata")),
    )


def facts_of(news: RefundNews) -> Facts:
    """The news as facts of the payment row."""
    told = {
        "status": register([_RANK[news.status], news.at], news.status),
        "amount": register([news.at], news.amount),
        "made": register([0], news.made),
    }
    if news.status in UNDONE:
        # The earliest word of it: what a charge said before did still count this refund.
        told["undone"] = register([-news.at], news.at)
    for name in ("currency", "reason", "failure_reason"):
        known = getattr(news, name)
        if known is not None:
            told[name] = register([news.at], known)
    return {"refunds": {news.id: told}}


def answered_facts(news: RefundNews) -> Facts:
    """What Stripe answered when we asked for this refund, as facts of the payment row.

    It reserves the money and settles nothing: that takes a signed event, about this refund or (from
    2022-11-15 to 2024-09-30, where none tells of a refund that went through) the charge's figure.
    """
    told = facts_of(news)["refunds"][news.id]
    del told["status"]
    told.pop("undone", None)
    return {"refunds": {news.id: told | {"answered": register([0], news.status)}}}


def charge_facts(news: RefundedCharge) -> Facts:
    """The charge's cumulative figure as a fact of the payment row, and what it was before."""
    key = [news.at, news.total]
    facts: Facts = {"counted": register(key, news.total)}
    if news.more is not None:
        facts["counted_before"] = register(key, news.total - news.more)
    if news.alone:
        facts["settling"] = register(key, news.total)
    return facts


def seed_facts(refund_id: str, status: str, amount: int) -> Facts:
    """A refund row that was put there without news, as facts weaker than any news."""
    rank = next((rank for word, rank in _RANK.items() if word == status), 0)
    told = {"status": register([rank, 0], status), "amount": register([0], amount)}
    if status in UNDONE:
        told["undone"] = register([0], 0)
    return {"refunds": {refund_id: told | {"made": register([-1], 0)}}}
