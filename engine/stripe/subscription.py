"""A subscription: what its snapshots say, and the row that follows whatever order they come in.

Sources: https://docs.stripe.com/billing/subscriptions/overview (statuses),
…/api/subscriptions/object. Snapshots are ordered by the second of their event. Within one second
`previous_attributes` tells each change's before and after, so the changes form a trail whose end
is how things stand; of the newest seconds kept the older ones give the trail its beginning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

from engine.stripe import facts as _facts
from engine.stripe.checkout import SubscriptionSession
from engine.stripe.event import Event, when
from engine.stripe.facts import Facts, encoded, register, value
from engine.stripe.read import Data, currency_of, id_of, listed, part, text, whole

ENDED = ("canceled", "incomplete_expired")
"""Stripe's final statuses: nothing undoes them."""

_RANK: Mapping[str, int] = {
    "incomplete": 0,
    "trialing": 1,
    "active": 2,
    "paused": 3,
    "past_due": 4,
    "unpaid": 5,
    "incomplete_expired": 6,
    "canceled": 7,
}
"""The last resort between news of one second that do not tell which of them came first."""

_KEPT_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subscription stands in one snapshot; seconds UTC, `status` in Stripe's words."""

    status: str
    cancel_at: int | None
    cancel_at_period_end: bool
    canceled_at: int | None
    ended_at: int | None
    period_start: int | None
    period_end: int | None


@dataclass(frozen=True, slots=True)
class SubscriptionNews:
    """What one event says of a subscription.

    `before` is how it stood before this change, where the event is about a change. `amount` is what
    one period costs, in minor units, without tax and discounts; None where use or tiers decide.
    """

    event: str
    at: int
    id: str
    created: bool
    standing: Standing
    before: Standing | None
    amount: int | None
    currency: str | None
    price: str | None
    customer: str | None
    began: int | None
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
    amount, currency, price = _agreed(thing)
    return SubscriptionNews(
        event=event.id,
        at=event.created,
        id=subscription_id,
        created=event.type == "customer.subscription.created" and not event.thin,
        standing=_standing(thing, status),
        before=_standing(_overlaid(thing, event.previous)) if change else None,
        amount=amount,
        currency=currency,
        price=price,
        customer=id_of(thing.get("customer")) or text(thing.get("customer_account")),
        began=whole(thing.get("created")) or whole(thing.get("start")),
        metadata=part(thing.get("metadata")),
    )


def _standing(thing: Data, status: str | None = None) -> Standing:
    found = text(thing.get("status")) or "incomplete"
    # A subscription that ran out before it began is deleted under its own word.
    status = found if status is None or found in ENDED else status
    start, end = period_of(thing)
    return Standing(
        status,
        whole(thing.get("cancel_at")),
        thing.get("cancel_at_period_end") is True,
        whole(thing.get("canceled_at")),
        whole(thing.get("ended_at")),
        start,
        end,
    )


def period_of(thing: Data) -> tuple[int | None, int | None]:
    """The current period, from the root or (since 2025-03-31.basil) from the items.

    Of items with different ends the one that ends first counts: it is charged next, so nothing that
    is paid until then is given away. (policy)
    """
    start, end = whole(thing.get("current_period_start")), whole(thing.get("current_period_end"))
    if end is not None:
        return start, end
    periods = [
        (item_end, whole(item.get("current_period_start")))
        for item in listed(thing.get("items"))
        if (item_end := whole(item.get("current_period_end"))) is not None
    ]
    if not periods:
        return start, None
    end, item_start = min(periods, key=lambda period: (period[0], period[1] or 0))
    return item_start, end


def _agreed(thing: Data) -> tuple[int | None, str | None, str | None]:
    """What one period costs, in which currency, and the (first) price.

    The sum over the items; None if one has no fixed price (metered: what was used; tiers).
    """
    items = listed(thing.get("items"))
    lines = [(part(item.get("price")) or part(item.get("plan")), item) for item in items]
    if not lines and part(thing.get("plan")):
        # Up to 2015-10-01 a subscription had one plan and no items.
        lines = [(part(thing.get("plan")), thing)]
    amounts = [_line_amount(price, item) for price, item in lines]
    known = [amount for amount in amounts if amount is not None]
    first = lines[0][0] if lines else {}
    currency = currency_of(thing) or currency_of(first)
    fixed = bool(lines) and len(known) == len(lines)
    return (whole(sum(known)) if fixed else None), currency, id_of(first)


def _line_amount(price: Data, item: Data) -> int | None:
    usage = price.get("usage_type") or part(price.get("recurring")).get("usage_type")
    if usage == "metered":
        return None
    quantity = _billed(whole(item.get("quantity")), price)
    for name in ("unit_amount", "amount"):
        unit = whole(price.get(name))
        if unit is not None:
            return unit * quantity
        # Prices below a minor unit ('0.5') have only this; Stripe rounds the line, so round up.
        try:
            exact = Decimal(text(price.get(f"{name}_decimal")) or "x") * quantity
        except InvalidOperation:
            continue
        return whole(int(exact.to_integral_value(ROUND_CEILING))) if exact.is_finite() else None
    return None


def _billed(quantity: int | None, price: Data) -> int:
    """The quantity that is billed: prices per package divide it."""
    quantity = 1 if quantity is None else quantity
    package = part(price.get("transform_quantity")) or part(price.get("transform_usage"))
    size = whole(package.get("divide_by")) or 1
    return -(-quantity // size) if package.get("round") == "up" else quantity // size


def _overlaid(thing: Data, previous: Data) -> dict[str, Any]:
    """The object as it was: objects in previous_attributes hold only what changed, lists all."""
    before = dict(thing)
    for key, old in previous.items():
        now = before.get(key)
        if isinstance(old, Mapping) and isinstance(now, Mapping):
            before[key] = _overlaid(now, old)
        else:
            before[key] = old
    return before


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
        standing = _end_of_trail(told, standing)
    return standing


def _end_of_trail(told: list[dict[str, Any]], begin: dict[str, Any] | None) -> dict[str, Any]:
    """Where the changes of one second lead, from where things stood before it.

    Each change goes from one standing to another. All steps made, the last standing is the one
    more steps lead to than away from. Where every step was undone (or the second's end is open) it
    is the beginning. News that are no change (a reminder, a snapshot alone) tell only where steps
    do not; `.created` is where the trail begins and never its end when there is other news.
    """
    changes = [news for news in told if "created" not in news]
    for news in told:
        if "created" in news:
            begin = news["after"]
    steps = [(news["before"], news["after"]) for news in changes if "before" in news]
    if not steps:
        ends = [news["after"] for news in changes]
        return _last(ends) if ends or begin is None else begin
    balance: Counter[bytes] = Counter()
    standings = {encoded(standing): standing for step in steps for standing in step}
    for before, after in steps:
        balance[encoded(before)] -= 1
        balance[encoded(after)] += 1
    most = max(balance.values())
    if most <= 0 and begin is not None and encoded(begin) in standings:
        return begin
    return _last([standings[name] for name, count in balance.items() if count == most])


def _last(standings: list[dict[str, Any]]) -> dict[str, Any]:
    return max(standings, key=lambda one: (_RANK.get(one["status"], -1), encoded(one)))


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
