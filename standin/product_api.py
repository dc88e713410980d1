"""Products and prices over the API."""

from standin.api import Call, operation
from standin.errors import Object, StripeError, required
from standin.events import emit, updated
from standin.listing import page
from standin.metadata import merge
from standin.money import currency
from standin.products import amount_of, price, product, product_fields
from standin.state import snapshot


@operation("POST", "/v1/products")
def _create_product(call: Call) -> Object:
    identifier = call.text("id")
    if identifier and identifier in call.state.table("product"):
        raise StripeError("Product already exists.", code="resource_already_exists", param="id")
    made = product(call.state, id=identifier, **product_fields(call.params))
    data = call.get("default_price_data")
    if data:
        made_price = price(
            call.state,
            made["id"],
            currency(data["currency"]),
            amount_of(data, "default_price_data"),
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
    item |= product_fields(call.params) | {"metadata": merged, "updated": call.state.now()}
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
    call.refuse(
        "tiers", "transform_quantity", "currency_options", "custom_unit_amount", "recurring.meter"
    )
    params = call.params
    code = currency(params["currency"])
    amount = amount_of(params)
    if call.text("product"):
        product_id = call.state.get("product", params["product"], "product", status=400)["id"]
    elif params.get("product_data"):
        product_id = product(call.state, **product_fields(params["product_data"]))["id"]
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
