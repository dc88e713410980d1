"""Disputes: whether a customer's bank holds a payment back.

Source: https://docs.stripe.com/disputes/how-disputes-work, …/api/disputes/object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.stripe.event import Event
from engine.stripe.facts import Facts, register, value
from engine.stripe.read import Data, currency_of, id_of, part, text, whole

_RANK: Mapping[str, int] = {
    "warning_needs_response": 1,
    "warning_under_review": 2,
    "needs_response": 3,
    "under_review": 4,
    "warning_closed": 5,
    "prevented": 6,
    "lost": 7,
    "won": 8,
}
_CLEARED = ("warning_closed", "prevented", "won")
"""The money stays with the seller (again)."""


@dataclass(frozen=True, slots=True)
class DisputeNews:
    """What one charge.dispute.* event says. `status` in Stripe's words; amount in minor units."""

    at: int
    id: str
    status: str
    reason: str
    amount: int
    currency: str | None
    charge: str | None
    intent: str | None
    metadata: Data


def dispute_news(event: Event) -> DisputeNews | None:
    """What a charge.dispute.* event says; None for a dispute without an id."""
    thing = event.object
    dispute_id = id_of(thing)
    if dispute_id is None:
        return None
    return DisputeNews(
        at=event.created,
        id=dispute_id,
        status=text(thing.get("status")) or "needs_response",
        reason=text(thing.get("reason")) or "general",
        amount=whole(thing.get("amount")) or 0,
        currency=currency_of(thing),
        charge=id_of(thing.get("charge")),
        intent=id_of(thing.get("payment_intent")),
        metadata=part(thing.get("metadata")),
    )


def facts_of(news: DisputeNews) -> Facts:
    """The news as facts of the payment row: the newest word counts, of one second the later step."""
    key = [news.at, _RANK.get(news.status, 0)]
    return {"disputes": {news.id: {"status": register(key, news.status)}}}


def disputed(facts: Facts) -> bool:
    """True from a dispute's first event on; a dispute counts no more once it is won, prevented or
    an inquiry closed without one. A lost one stays."""
    told = facts.get("disputes")
    return told is not None and any(value(one, "status") not in _CLEARED for one in told.values())


def status_of(facts: Facts, dispute_id: str) -> str | None:
    """How this dispute stands by all that was told, in Stripe's words; None before any word."""
    told = facts.get("disputes", {}).get(dispute_id)
    return None if told is None else str(value(told, "status"))
