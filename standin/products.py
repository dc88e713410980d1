"""Products and their prices."""

from typing import Any

from standin.api import Call, operation
from standin.errors import Object, StripeError, required
from standin.events import emit, updated
from standin.listing import page
from standin.metadata import merge
from standin.money import currency
from standin.state import State, snapshot


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
    amount = _amount(given, param)
    product_id = given.get("product")
    if product_id:
        state.get("product", product_id, f"{param}[product]", status=400)
    elif given.get("product_data"):
        product_id = product(state, **_product_fields(given["product_data"]))["id"]
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


def _amount(given: Any, param: str = "") -> int:
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


def _product_fields(given: Any) -> dict[str, Any]:
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


@operation("POST", "/v1/products")
def _create_product(call: Call) -> Object:
    identifier = call.text("id")
    if identifier and identifier in call.state.table("product"):
        raise StripeError("Product already exists.", code="resource_already_exists", param="id")
    made = product(call.state, id=identifier, **_product_fields(call.params))
    data = call.get("default_price_data")
    if data:
        made_price = price(
            call.state,
            made["id"],
            currency(data["currency"]),
            _amount(data, "default_price_data"),
            data.get("recurring"),
        )
        made["default_price"] = made_price["id"]
    return made


@operation("GET", "/v1/products")
def _list_products(call: Call) -> Object:
    items = call.state.table("product").values()
    if "active" in call.params:
        items = [item for item in items if item["active"] == call.params["active"]]  # type: ignore[assignment]
    return page(items, call.params, call.url)


@operation("GET", "/v1/products/{id}")
def _retrieve_product(call: Call) -> Object:
    return call.state.get("product", call.path["id"], "id")


@operation("POST", "/v1/products/{id}")
def _update_product(call: Call) -> Object:
    item = _retrieve_product(call)
    before = snapshot(item)
    if call.text("default_price"):
        item["default_price"] = call.state.get(
            "price", call.params["default_price"], "default_price", status=400
        )["id"]
    merged = merge(item["metadata"], call.get("metadata"))
    item |= _product_fields(call.params) | {"metadata": merged, "updated": call.state.now()}
    updated(call.state, "product.updated", item, before)
    return item


@operation("DELETE", "/v1/products/{id}")
def _delete_product(call: Call) -> Object:
    item = _retrieve_product(call)
    if call.state.where("price", product=item["id"]):
        raise StripeError("This product cannot be deleted because it has one or more prices.")
    del call.state.table("product")[item["id"]]
    emit(call.state, "product.deleted", item)
    return {"id": item["id"], "object": "product", "deleted": True}


@operation("POST", "/v1/prices")
def _create_price(call: Call) -> Object:
    params = call.params
    code = currency(params["currency"])
    amount = _amount(params)
    if call.text("product"):
        product_id = call.state.get("product", params["product"], "product", status=400)["id"]
    elif params.get("product_data"):
        product_id = product(call.state, **_product_fields(params["product_data"]))["id"]
    else:
        raise required("product")
    return price(
        call.state,
        product_id,
        code,
        amount,
        params.get("recurring"),
        active=params.get("active", True),
        lookup_key=call.text("lookup_key"),
        nickname=call.text("nickname"),
        tax_behavior=params.get("tax_behavior", "unspecified"),
        metadata=merge({}, params.get("metadata")),
    )


@operation("GET", "/v1/prices")
def _list_prices(call: Call) -> Object:
    wanted = {
        n: call.params[n] for n in ("active", "product", "type", "currency") if n in call.params
    }
    items = call.state.where("price", **wanted)
    keys = call.get("lookup_keys")
    if keys:
        items = [item for item in items if item["lookup_key"] in keys]
    return page(items, call.params, call.url)


@operation("GET", "/v1/prices/{price}")
def _retrieve_price(call: Call) -> Object:
    return call.state.get("price", call.path["price"], "price")


@operation("POST", "/v1/prices/{price}")
def _update_price(call: Call) -> Object:
    item = _retrieve_price(call)
    before = snapshot(item)
    for name in ("active", "nickname", "lookup_key", "tax_behavior"):
        if name in call.params:
            item[name] = call.params[name]
    item["metadata"] = merge(item["metadata"], call.get("metadata"))
    updated(call.state, "price.updated", item, before)
    return item
