"""Refunds: what refund objects and refunded charges say, and what of a payment they give back.

Sources: https://docs.stripe.com/refunds (also failed refunds), …/api/refunds/object. One refund is
told by events of two families (charge.refund.updated, refund.*) and by its charge's cumulative
figure; all of it is kept per refund id, so nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from engine.stripe.event import Event
from engine.stripe.facts import Facts, register, value
from engine.stripe.payment import settled
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
_UNDONE = ("FAILED", "CANCELLED")
_OPEN = ("PENDING", "REQUIRES_ACTION")

FIGURE_ALONE = ("2022-11-15", "2024-09-30")
"""API versions where a charge no longer lists its refunds, and refund.* events do not tell of each yet.

Source: https://docs.stripe.com/changelog, 2022-11-15 and 2024-10-28.acacia.
"""

_TIED = 8
"""Refunds of one second that are told apart by their sums; more wait for a later second's figure."""


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
    if news.status in _UNDONE:
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


def statuses(facts: Facts) -> dict[str, Status]:
    """How each refund of a payment stands, by its id at Stripe."""
    return {name: _status(facts, told) for name, told in facts.get("refunds", {}).items()}


def _status(facts: Facts, told: Facts) -> Status:
    """By signed events alone; a refund we asked for is done when the charge's figure counts it."""
    signed: Status | None = value(told, "status")
    if signed is not None:
        return signed
    answered: Status = value(told, "answered")
    if answered in _OPEN:
        return answered
    return "REFUNDED" if answered == "REFUNDED" and _is_counted(facts, told) else "PENDING"


def _is_counted(facts: Facts, told: Facts) -> bool:
    """Whether the charge's newest figure must have counted this refund: all that was made before it,
    and what it takes of those made in the same second."""
    settling = facts.get("settling")
    made = value(told, "made")
    if settling is None or made > settling[0][0]:
        return False
    room: int = settling[1]
    tied: list[Facts] = []
    for other in facts["refunds"].values():
        undone = value(other, "undone")
        if value(other, "made") > made or (undone is not None and undone <= settling[0][0]):
            continue
        if value(other, "made") == made and value(other, "status") is None:
            tied.append(other)
        else:
            room -= value(other, "amount")
    if made < settling[0][0] or len(tied) == 1:
        return bool(sum(value(other, "amount") for other in tied) <= room)
    if len(tied) > _TIED:
        return False
    fitting = [
        chosen
        for size in range(1, len(tied) + 1)
        for chosen in combinations(tied, size)
        if sum(value(other, "amount") for other in chosen) == room
    ]
    return bool(fitting) and all(told in chosen for chosen in fitting)


def refund_columns(facts: Facts, refund_id: str) -> dict[str, Any]:
    """A refund row's columns out of its payment's facts."""
    told = facts["refunds"][refund_id]
    columns: dict[str, Any] = {
        name: value(told, name)
        for name in ("amount", "currency", "reason", "failure_reason")
        if name in told
    }
    columns["status"] = _status(facts, told)
    if columns["status"] not in _UNDONE:
        columns["failure_reason"] = None
    return columns


def total_refunded(facts: Facts, amount: int | None) -> int:
    """How much of the payment is given back or on its way, in minor units; never above `amount`.

    The refunds known one by one, or the charge's cumulative figure (which also counts refunds of
    which no event came) corrected by what it cannot know: refunds made after it, and refunds it
    counted that failed since. The greater of both, as either may not have heard of a refund yet.
    """
    refunds = facts.get("refunds", {}).values()
    live = sum(value(told, "amount") for told in refunds if value(told, "status") not in _UNDONE)
    total: int = live
    counted = facts.get("counted")
    if counted is not None:
        at, known = counted[0][0], counted[1]
        for told in refunds:
            made, undone = value(told, "made"), value(told, "undone")
            if undone is None and made > at:
                known += value(told, "amount")
            elif (
                undone is not None
                and made <= at <= undone
                and (at < undone or _was_counted(facts, told, at))
            ):
                known -= value(told, "amount")
        total = max(live, known)
    return total if amount is None else min(total, amount)


def _was_counted(facts: Facts, told: Facts, at: int) -> bool:
    """Whether the figure of the second in which a refund was undone still counted it: it has to fit
    into what the figure was before, or be what it grew by."""
    before = value(facts, "counted_before")
    amount = value(told, "amount")
    if before is None or before >= amount:
        return True
    grown: int = value(facts, "counted") - before
    return bool(value(told, "made") == at and grown == amount)


def refunded_status(facts: Facts, amount: int | None) -> tuple[str | None, int]:
    """The payment row's status and amount_refunded: its own state, then what refunds make of it.

    Only a successful payment can be refunded: an authorisation let go is CANCELLED, not REFUNDED.
    """
    status = settled(facts)
    if status != "SUCCESSFUL":
        return status, 0
    if "refunds" not in facts and "counted" not in facts:
        return status, 0
    total = total_refunded(facts, amount)
    if any(standing in _OPEN for standing in statuses(facts).values()):
        return "REFUNDING", total
    if total <= 0:
        return status, 0
    whole_amount = amount is not None and total >= amount
    return ("REFUNDED" if whole_amount else "PARTIALLY_REFUNDED"), total


def seed_facts(refund_id: str, status: str, amount: int) -> Facts:
    """A refund row that was put there without news, as facts weaker than any news."""
    rank = next((rank for word, rank in _RANK.items() if word == status), 0)
    told = {"status": register([rank, 0], status), "amount": register([0], amount)}
    if status in _UNDONE:
        told["undone"] = register([0], 0)
    return {"refunds": {refund_id: told | {"made": register([-1], 0)}}}
