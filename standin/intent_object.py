"""The payment intent as an object: what it holds from the start."""

from typing import Any

from standin.errors import Object
from standin.events import emit
from standin.state import State


def create(state: State, amount: int, code: str, **fields: Any) -> Object:
    """A new payment intent that waits for a payment method, and its event."""
    identifier = state.ids.new("pi")
    intent: Object = {
        "id": identifier,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{identifier}_secret_{state.ids.text(25)}",
        "confirmation_method": "automatic",
        "created": 0,
        "currency": code,
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    } | fields
    intent["created"] = state.now(intent["customer"])
    state.add(intent)
    emit(state, "payment_intent.created", intent)
    return intent


def automatic_types(code: str) -> list[str]:
    """The ways to pay that are on by default for a currency."""
    return ["card", *({"eur": ["sepa_debit"], "usd": ["us_bank_account"]}.get(code, []))]
