"""How a subscription stands: in one snapshot, and at the end of the changes of one second.

Source: https://docs.stripe.com/api/subscriptions/object. `previous_attributes` of an `.updated` event
tells what a change changed, so changes of one second form a trail from standing to standing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.stripe.facts import encoded
from engine.stripe.read import Data, listed, text, whole

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


def standing_in(thing: Data, status: str | None = None) -> Standing:
    """How this subscription object stands; `status` is what its event's type says of it."""
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


def overlaid(thing: Data, previous: Data) -> dict[str, Any]:
    """The object as it was: objects in previous_attributes hold only what changed, lists all."""
    before = dict(thing)
    for key, old in previous.items():
        now = before.get(key)
        if isinstance(old, Mapping) and isinstance(now, Mapping):
            before[key] = overlaid(now, old)
        else:
            before[key] = old
    return before


def end_of_trail(told: list[dict[str, Any]], begin: dict[str, Any] | None) -> dict[str, Any]:
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
