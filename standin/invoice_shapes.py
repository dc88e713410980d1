"""The invoice's shape before 2025-03-31.basil, which moved its links to `parent` and `payments`."""

from standin import old_shapes
from standin.errors import Object
from standin.state import State


def invoice(state: State, item: Object) -> None:
    """Puts the subscription, the payment intent and the charge back at the root."""
    parent = item.pop("parent")
    details = parent["subscription_details"] if parent else None
    linked = state.where("invoice_payment", invoice=item["id"], is_default=True)
    wanted = linked[-1]["payment"]["payment_intent"] if linked else ""
    intent = state.table("payment_intent").get(wanted)
    elsewhere = item.pop("amount_paid_off_stripe")
    for name in ("payments", "confirmation_secret", "amount_overpaid", "total_taxes"):
        item.pop(name, None)
    item |= {
        "application_fee_amount": None,
        "charge": intent["latest_charge"] if intent else None,
        "discount": None,
        "paid": item["status"] == "paid",
        "paid_out_of_band": elsewhere > 0,
        "payment_intent": intent["id"] if intent else None,
        "quote": None,
        "subscription": details["subscription"] if details else None,
        "subscription_details": {"metadata": details["metadata"] if details else None},
        "tax": None,
        "total_tax_amounts": [],
        "transfer_data": None,
    }


def line_item(state: State, item: Object) -> None:
    """Puts the price and the subscription back on the line."""
    parent = item.pop("parent") or {}
    details = parent.get("subscription_item_details") or {}
    pricing = item.pop("pricing") or {}
    price = state.table("price").get(pricing.get("price_details", {}).get("price", ""))
    for name in ("taxes", "subtotal", "quantity_decimal"):
        item.pop(name, None)
    item |= {
        "amount_excluding_tax": item["amount"],
        "plan": old_shapes.plan(price) if price else None,
        "price": dict(price) if price else None,
        "proration": details.get("proration", False),
        "proration_details": {"credited_items": None},
        "subscription": details.get("subscription"),
        "subscription_item": details.get("subscription_item"),
        "tax_amounts": [],
        "tax_rates": [],
        "type": "subscription" if details else "invoiceitem",
        "unit_amount_excluding_tax": pricing.get("unit_amount_decimal"),
    }


def link(state: State, item: Object) -> None:
    """Puts the invoice back on a charge or a payment intent."""
    intent = item["id"] if item["object"] == "payment_intent" else item["payment_intent"]
    intent = intent["id"] if isinstance(intent, dict) else intent
    item["invoice"] = state.hidden(intent).get("invoice") if intent else None
