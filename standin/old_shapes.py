"""Single steps back to the shapes of older API versions, one change each."""

import copy

from standin.errors import Object
from standin.state import State


def plan(price: Object) -> Object:
    """The plan that stood beside, and once in the place of, a price."""
    rule = price["recurring"] or {}
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "aggregate_usage": None,
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": rule.get("interval"),
        "interval_count": rule.get("interval_count"),
        "livemode": False,
        "metadata": dict(price["metadata"]),
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": rule.get("usage_type"),
    }


def subscription_periods(state: State, item: Object) -> None:
    """Before basil the period stood at the root, with plan and quantity of a single item."""
    entries = item["items"]["data"]
    item |= {
        "current_period_end": entries[0]["current_period_end"],
        "current_period_start": entries[0]["current_period_start"],
        "discount": None,
        "plan": plan(entries[0]["price"]) if len(entries) == 1 else None,
        "quantity": entries[0].get("quantity") if len(entries) == 1 else None,
    }
    for entry in entries:
        del entry["current_period_end"], entry["current_period_start"]
        entry["plan"] = plan(entry["price"])


def product_features(state: State, item: Object) -> None:
    """Until 2024-04-10 marketing_features were called features."""
    item["features"] = item.pop("marketing_features")


def charge_refunds(state: State, item: Object) -> None:
    """Until 2022-11-15 a charge came with its refunds."""
    refunds = [copy.deepcopy(r) for r in state.where("refund", charge=item["id"])][::-1]
    item["refunds"] = _list(refunds, f"/v1/charges/{item['id']}/refunds")


def intent_charges(state: State, item: Object) -> None:
    """Until 2022-11-15 a payment intent came with its charges, newest first."""
    charges = [copy.deepcopy(c) for c in state.where("charge", payment_intent=item["id"])][::-1]
    item["charges"] = _list(charges, f"/v1/charges?payment_intent={item['id']}")


def _list(entries: list[Object], url: str) -> Object:
    return {
        "object": "list",
        "data": entries,
        "has_more": False,
        "total_count": len(entries),
        "url": url,
    }


def customer_lists(state: State, item: Object) -> None:
    """Until 2020-08-27 a customer came with its sources, subscriptions and tax ids."""
    for name in ("sources", "subscriptions", "tax_ids"):
        item.setdefault(name, _list([], f"/v1/customers/{item['id']}/{name}"))


def customer_balance(state: State, item: Object) -> None:
    """Until 2019-10-17 the balance was called account_balance."""
    item["account_balance"] = item.pop("balance")


def subscription_start(state: State, item: Object) -> None:
    """Until 2019-10-17 start_date was start, and collection_method was billing."""
    item["start"] = item["start_date"]
    item["billing"] = item["collection_method"]


def billing(state: State, item: Object) -> None:
    """Until 2019-10-17 collection_method was called billing."""
    item["billing"] = item["collection_method"]


_SOURCES = {
    "requires_payment_method": "requires_source",
    "requires_action": "requires_source_action",
}


def intent_sources(state: State, item: Object) -> None:
    """Until 2019-02-11 payment methods were sources, also in the words for a status."""
    item["status"] = _SOURCES.get(item["status"], item["status"])
    item["allowed_source_types"] = item.pop("payment_method_types")
    item["next_source_action"] = item.pop("next_action")


def invoice_dates(state: State, item: Object) -> None:
    """Until 2018-11-08 an invoice had a date, and flags in the place of a status."""
    item |= {
        "application_fee": item.pop("application_fee_amount", None),
        "closed": item["status"] not in ("draft", "open"),
        "date": item["created"],
        "forgiven": item["status"] == "uncollectible",
    }
