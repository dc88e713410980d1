"""Products and their prices as objects; amounts are minor units."""

from typing import Any

from standin.errors import Object, StripeError, required
from standin.events import emit
from standin.metadata import merge
from standin.money import currency
from standin.state import State


def product(state: State, name: str, **fields: Any) -> Object:
    """A new product and its event."""
    now = state.now()
    item: Object = {
        "id": fields.pop("id", None) or state.ids.new("prod"),
        "object": "product",
        "active": True,
        "created": now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "unit_label": None,
        "updated": now,
        "url": None,
    } | fields
    state.add(item)
    emit(state, "product.created", item)
    return item


def price(
    state: State,
    product_id: str,
    code: str,
    amount: int | None,
    recurring: Any = None,
    **fields: Any,
) -> Object:
    """A new price in minor units; `recurring` holds interval and interval_count."""
    item: Object = {
        "id": state.ids.new("price"),
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": state.now(),
        "currency": code,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product_id,
        "recurring": {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count", 1),
            "meter": None,
            "usage_type": recurring.get("usage_type", "licensed"),
        }
        if recurring
        else None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": None if amount is None else str(amount),
    } | fields
    state.add(item)
    emit(state, "price.created", item)
    return item


def from_data(state: State, given: Any, param: str) -> Object:
    """A price from inline `price_data`, with an inline product where it names none."""
    amount = amount_of(given, param)
    product_id = given.get("product")
    if product_id:
        state.get("product", product_id, f"{param}[product]", status=400)
    elif given.get("product_data"):
        product_id = product(state, **product_fields(given["product_data"]))["id"]
    else:
        raise required(f"{param}[product]")
    return price(
        state,
        product_id,
        currency(given["currency"], f"{param}[currency]"),
        amount,
        given.get("recurring"),
        active=False,
    )


def amount_of(given: Any, param: str = "") -> int:
    """The amount that parameters give, in minor units."""
    field = f"{param}[unit_amount]" if param else "unit_amount"
    amount = given.get("unit_amount")
    if amount is None and given.get("unit_amount_decimal") is not None:
        decimal = float(given["unit_amount_decimal"])
        if decimal != int(decimal):
            raise StripeError("The stand-in knows whole minor units only.", param=field)
        amount = int(decimal)
    if amount is None:
        raise required(field)
    if amount < 0:
        raise StripeError(
            "This value must be greater than or equal to 0.",
            code="parameter_invalid_integer",
            param=field,
        )
    return int(amount)


def product_fields(given: Any) -> dict[str, Any]:
    """The product fields that parameters set."""
    plain = (
        "name",
        "description",
        "images",
        "statement_descriptor",
        "tax_code",
        "unit_label",
        "active",
        "shippable",
        "url",
        "marketing_features",
    )
    fields = {name: given[name] for name in plain if name in given}
    for name in ("description", "url", "unit_label", "images", "marketing_features"):
        if fields.get(name) == "":
            fields[name] = [] if name in ("images", "marketing_features") else None
    return fields | {"metadata": merge({}, given.get("metadata"))}
