"""Invoice lines: what a subscription item costs for a period, or a part of one."""

from standin.errors import Object
from standin.state import State


def for_item(
    state: State,
    item: Object,
    start: int,
    end: int,
    *,
    trial: bool = False,
    amount: int | None = None,
    description: str | None = None,
) -> Object:
    """A line for the item and period; `amount` (minor units) makes it a proration."""
    price = item["price"]
    quantity = item.get("quantity", 1)
    cost = 0 if trial else price["unit_amount"] * quantity
    product = state.table("product").get(price["product"], {}).get("name", "Product")
    if description is None:
        description = f"Trial period for {product}" if trial else f"{quantity} × {product}"
    return {
        "id": state.ids.new("il"),
        "object": "line_item",
        "amount": cost if amount is None else amount,
        "currency": price["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": amount is None,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": dict(item["metadata"]),
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": amount is not None,
                "proration_details": {"credited_items": None},
                "subscription": item["subscription"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"end": end, "start": start},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": "0" if trial else price["unit_amount_decimal"],
        },
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "subtotal": cost if amount is None else amount,
        "taxes": [],
    }


def proration(state: State, item: Object, now: int, sign: int) -> Object | None:
    """The unused part of the running period: given back (-1) or asked for (+1)."""
    start, end = item["current_period_start"], item["current_period_end"]
    full = item["price"]["unit_amount"] * item.get("quantity", 1)
    # Whole minor units, rounded half up, so that an exchange of equal prices comes to nothing.
    share = (2 * full * (end - now) + (end - start)) // (2 * (end - start)) if end > start else 0
    if share == 0:
        return None
    what = "Unused time" if sign < 0 else "Remaining time"
    return for_item(state, item, now, end, amount=sign * share, description=f"{what} on item")
