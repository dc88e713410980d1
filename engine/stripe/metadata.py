"""The metadata that marks a Stripe object as ours.

A pay or recurring action (or the seller's own site) writes it: `order_id`, and optionally
`payment_id`, `recurring_payment_id` or `refund_id` (the pending row that waits for this object) and
`actionflow_project` (several projects on one Stripe account). Stripe keeps metadata as text.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.model import Value
from engine.stripe.read import Data, part

_MOST_DIGITS = 18
_MAX_KEY = 255


@dataclass(slots=True, init=False)  # one that dataclass makes is not compiled
class Mark:
    """What a Stripe object says about our rows. `order_id` is None where it is not ours; then
    `reason` says why."""

    order_id: Value
    reason: str
    payment_id: int | None
    recurring_payment_id: int | None
    refund_id: int | None

    def __init__(
        self,
        order_id: Value = None,
        reason: str = "",
        payment_id: int | None = None,
        recurring_payment_id: int | None = None,
        refund_id: int | None = None,
    ) -> None:
        self.order_id = order_id
        self.reason = reason
        self.payment_id = payment_id
        self.recurring_payment_id = recurring_payment_id
        self.refund_id = refund_id


def mark_of(metadata: object, key_type: str, project: str) -> Mark:
    """Whose object this is, by its metadata (null, absent and empty are all nobody's).

    `order_id` must fit the order table's key, which is kept as `key_type`: 'abc' is no integer.
    """
    found = part(metadata)
    owner = found.get("actionflow_project")
    if owner != project and owner not in (None, ""):
        return Mark(reason=f"it belongs to the project {owner!r:.60}, not to {project!r}")
    raw = found.get("order_id")
    order_id, reason = key_of(raw, key_type), ""
    if order_id is None:
        reason = _no_order(raw, key_type)
    return Mark(
        order_id,
        reason,
        _row_id(found, "payment_id") if "payment_id" in found else None,
        _row_id(found, "recurring_payment_id") if "recurring_payment_id" in found else None,
        _row_id(found, "refund_id") if "refund_id" in found else None,
    )


def marked(project: str, order_id: Value, **rows: int) -> dict[str, str]:
    """The metadata that `mark_of` reads: the order's key, and those of rows by the names of `Mark`."""
    keys = {name: str(key) for name, key in {"order_id": order_id, **rows}.items()}
    return {**keys, "actionflow_project": project}


def _no_order(raw: object, key_type: str) -> str:
    if raw in (None, ""):
        return "its metadata names no order_id"
    return f"its metadata's order_id is {raw!r:.60}, which is no {key_type} key"


def key_of(raw: object, key_type: str) -> Value:
    """The order key that this text means, or None where it cannot be one."""
    if not isinstance(raw, str):
        return None
    if key_type == "integer":
        # One of 1 to 999,999,999,999,999,999, in the one way to write it.
        fits = raw.isascii() and raw.isdigit() and len(raw) <= _MOST_DIGITS and raw[0] != "0"
        return int(raw) if fits else None
    return raw if 0 < len(raw) <= _MAX_KEY and raw.isprintable() else None


def _row_id(found: Data, name: str) -> int | None:
    number: int | None = key_of(found.get(name), "integer")
    return number
