"""What a payment's facts come to: how each refund stands, and how much of the payment is given back."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from engine.stripe.facts import Facts, value
from engine.stripe.payment import settled
from engine.stripe.refund import UNDONE, Status

_OPEN = ("PENDING", "REQUIRES_ACTION")

_TIED = 8
"""Refunds of one second that are told apart by their sums; more wait for a later second's figure."""


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
    if columns["status"] not in UNDONE:
        columns["failure_reason"] = None
    return columns


def total_refunded(facts: Facts, amount: int | None) -> int:
    """How much of the payment is given back or on its way, in minor units; never above `amount`.

    The refunds known one by one, or the charge's cumulative figure (which also counts refunds of
    which no event came) corrected by what it cannot know: refunds made after it, and refunds it
    counted that failed since. The greater of both, as either may not have heard of a refund yet.
    """
    refunds = facts.get("refunds", {}).values()
    live = sum(value(told, "amount") for told in refunds if value(told, "status") not in UNDONE)
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
