"""Which of a subscription's charges settles the order it began with: the first that took money.

Mostly that is the invoice it was created with. Where that was free (a trial, a full discount) it is
the first after it, whatever its billing reason; so the free ones are kept with their periods.
"""

from __future__ import annotations

from engine.stripe.facts import Facts, register, value
from engine.stripe.invoice import InvoiceNews

_SAME_MOMENT = 3600


def begins(reason: str | None, made: int | None, began: int | None) -> bool:
    """Whether an invoice is the one its subscription was created with.

    `billing_reason` tells; before 2018-11 (or 'subscription', its old word for all) the invoice made
    within the hour in which the subscription `began` is the first.
    """
    if reason not in (None, "subscription"):
        return reason == "subscription_create"
    if made is None or began is None:
        return False
    return abs(made - began) <= _SAME_MOMENT


def free_facts(news: InvoiceNews) -> Facts:
    """An invoice that took no money, as facts of the recurring_payment row."""
    told = [news.reason, news.made, news.period_end, news.period_start]
    return {"free": {news.id: register([news.at], told)}}


def is_first(facts: Facts, news: InvoiceNews) -> bool | None:
    """Whether this charge of money is the first; None while news that tells it, or tells what was
    agreed at the start, may still come."""
    first = value(facts, "first")
    if first == news.id or (
        first is None and begins(news.reason, news.made, value(facts, "began"))
    ):
        return True
    late = "late" in facts
    if "begun" not in facts and not late:
        return None
    if first is not None:
        return False
    free_until = _free_until(facts)
    if free_until is not None and (news.period_start or 0) <= free_until:
        return True
    sure = "may_be_free" not in facts and free_until is None
    return False if sure or late else None


def decided(facts: Facts, news: InvoiceNews) -> bool:
    """`is_first` by what is known, once it is too late to wait for more."""
    if "first" in facts:
        return False
    if _free_until(facts) is not None:
        # A gap after a free start (a pause, a trial made longer): no money came before this.
        return True
    trial_end = value(facts, "trial_end")
    return trial_end is not None and news.period_start == trial_end


def _free_until(facts: Facts) -> int | None:
    """Until when the subscription was free from its beginning on; None where it was not (so far)."""
    free = [told[1] for told in facts.get("free", {}).values()]
    began = value(facts, "began")
    ends = [end or 0 for reason, made, end, _ in free if begins(reason, made, began)]
    if not ends:
        return None
    until: int = max(ends)
    for _, _, end, start in sorted(free, key=lambda told: told[3] or 0):
        if (start or 0) <= until:
            until = max(until, end or 0)
    return until
