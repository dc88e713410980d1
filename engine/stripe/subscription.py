"""A subscription: what its snapshots say, and the row that follows whatever order they come in.

Sources: https://docs.stripe.com/billing/subscriptions/overview (statuses),
…/api/subscriptions/object. Snapshots are ordered by the second of their event. Within one second
`previous_attributes` tells each change's before and after, so the changes form a trail whose end
is how things stand; of the newest seconds kept the older ones give the trail its beginning.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from engine.stripe import facts as _facts
from engine.stripe.agreed import agreed
from engine.stripe.checkout import SubscriptionSession
from engine.stripe.event import Event, when
from engine.stripe.facts import Facts, register, value
from engine.stripe.read import Data, id_of, part, text, whole
from engine.stripe.standing import ENDED as ENDED
from engine.stripe.standing import Standing, end_of_trail, overlaid, standing_in

_KEPT_SECONDS = 3


@dataclass(frozen=True, slots=True)
class SubscriptionNews:
    """What one event says of a subscription.

    `before` is how it stood before this change, where the event is about a change. `amount` is what
    one period cost before it, in minor units, without tax and discounts; None where use or tiers
    decide. `free` is a subscription whose first charges may be of nothing: a trial, a discount.
    """

    event: str
    at: int
    id: str
    created: bool
    begins: bool
    standing: Standing
    before: Standing | None
    amount: int | None
    currency: str | None
    price: str | None
    customer: str | None
    began: int | None
    trial_end: int | None
    free: bool
    metadata: Data


def subscription_news(event: Event) -> SubscriptionNews | None:
    """What a customer.subscription.* event says; None for a subscription without an id."""
    thing = event.object
    subscription_id = id_of(thing)
    if subscription_id is None:
        return None
    deleted = event.type == "customer.subscription.deleted" and not event.thin
    status = "canceled" if deleted else None
    # Only .updated is a step from one standing to the next; .paused and others repeat its news.
    change = event.type == "customer.subscription.updated" and event.previous
    before = overlaid(thing, event.previous) if change else thing
    # A price raised before any other snapshot came is not what was agreed; the one before it is.
    amount, currency, price = agreed(before)
    trial_end = whole(thing.get("trial_end"))
    begins = event.type == "customer.subscription.created"
    return SubscriptionNews(
        event=event.id,
        at=event.created,
        id=subscription_id,
        created=begins and not event.thin,
        begins=begins,
        standing=standing_in(thing, status),
        before=standing_in(before) if change else None,
        amount=amount,
        currency=currency,
        price=price,
        customer=id_of(thing.get("customer")) or text(thing.get("customer_account")),
        began=whole(thing.get("created")) or whole(thing.get("start")),
        trial_end=trial_end,
        free=bool(trial_end or thing.get("discount") or thing.get("discounts")),
        metadata=part(thing.get("metadata")),
    )


def facts_of(news: SubscriptionNews) -> Facts:
    """The news as facts of the recurring_payment row."""
    told: dict[str, Any] = {"after": asdict(news.standing)}
    if news.created:
        told["created"] = True
    elif news.before is not None and news.before != news.standing:
        told["before"] = asdict(news.before)
    kept = "ended" if news.standing.status in ENDED else "news"
    facts: Facts = {kept: {str(news.at): {news.event: register([0], told)}}}
    standing = news.standing
    if standing.period_end is not None:
        # Where the newest news tells no period the last one told holds; periods go forward.
        period = [standing.period_start, standing.period_end]
        facts["period"] = register([news.at, standing.period_end], period)
    # What was agreed at the start: a later price rise does not change it.
    oldest = [1, -news.at, int(news.created)]
    agreed = {"amount": news.amount, "currency": news.currency, "price": news.price}
    for fact, known in agreed.items():
        if known is not None:
            facts[fact] = register(oldest, known)
    if news.customer is not None:
        facts["customer"] = register([news.at], news.customer)
    if news.began is not None:
        facts["began"] = register([0], news.began)
    if news.begins:
        facts["begun"] = register([0], True)
    if news.trial_end is not None:
        facts["trial_end"] = register([news.at], news.trial_end)
    if news.free:
        facts["may_be_free"] = register([0], True)
    return facts


def session_facts(session: SubscriptionSession) -> Facts:
    """What a checkout session tells, weaker than any word of the subscription itself."""
    facts: Facts = {}
    for fact, known in (("amount", session.total), ("currency", session.currency)):
        # A total of 0 is a trial's or a coupon's, not what was agreed.
        if known:
            facts[fact] = register([0, -session.at, 0], known)
    if session.customer is not None:
        facts["customer"] = register([0], session.customer)
    if session.expired:
        facts["expired"] = register([session.at], True)
    return facts


def merge(facts: Facts, more: Facts) -> Facts:
    """Facts of one subscription joined; only the newest seconds of its news are kept."""
    merged = _facts.merge(facts, more)
    for kept in ("news", "ended"):
        seconds = merged.get(kept)
        if seconds and len(seconds) > _KEPT_SECONDS:
            newest = sorted(seconds, key=int)[-_KEPT_SECONDS:]
            merged[kept] = {second: seconds[second] for second in newest}
    return merged


def standing_of(facts: Facts) -> dict[str, Any] | None:
    """How the subscription stands by all that was told (a Standing as JSON); None before any word.

    Once it ended only news of its end count.
    """
    seconds = facts.get("ended") or facts.get("news")
    standing: dict[str, Any] | None = None
    if not seconds:
        return standing
    for second in sorted(seconds, key=int):
        told = [news[1] for news in seconds[second].values()]
        standing = end_of_trail(told, standing)
    return standing


def columns(facts: Facts) -> dict[str, Any]:
    """The recurring_payment columns that follow from the facts; untold ones are left out.

    Timestamps in the engine's text form; amounts in minor units.
    """
    found: dict[str, Any] = {
        column: value(facts, name)
        for name, column in (
            ("amount", "amount"),
            ("currency", "currency"),
            ("price", "price_id"),
            ("customer", "customer_id"),
        )
        if name in facts
    }
    standing = standing_of(facts)
    if standing is None:
        if "expired" in facts:
            # The checkout ran out; there never was a subscription.
            found["status"] = "incomplete_expired"
        return found
    found["status"] = standing["status"]
    period = value(facts, "period") or [None, None]
    if standing["period_end"] is not None:
        period = [standing["period_start"], standing["period_end"]]
    if period[1] is not None:
        found["current_period_start"], found["current_period_end"] = map(when, period)
    cancel_at = standing["cancel_at"]
    if cancel_at is None and standing["cancel_at_period_end"]:
        cancel_at = period[1]
    found["cancel_at"] = when(cancel_at)
    found["canceled_at"], found["ended_at"] = map(
        when, (standing["canceled_at"], standing["ended_at"])
    )
    return found
