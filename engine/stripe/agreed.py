"""What a subscription costs for one period, as its snapshot says.

Source: https://docs.stripe.com/api/prices/object (up to 2020-08-27 the same under `plan`).
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal, InvalidOperation

from engine.stripe.read import Data, currency_of, id_of, listed, part, text, whole


def agreed(thing: Data) -> tuple[int | None, str | None, str | None]:
    """What one period costs, in which currency, and the (first) price.

    The sum over the items; None if one has no fixed price (metered: what was used; tiers), or is
    told in another currency than it is charged in (a price with currency options).
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
    told_in = {currency_of(price) or currency for price, _ in lines}
    fixed = bool(lines) and len(known) == len(lines) and told_in == {currency}
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
