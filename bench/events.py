"""Distinct, correctly signed events of about 4 KB, as Stripe would send them."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

SECRET = "whsec_bench"
CREATED = 1_780_000_000
"""Second (UTC) of the first event."""
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def stripe_id(prefix: str, second: int, number: int) -> str:
    """An id made as Stripe makes them: the time, the account, then chance; 24 characters."""
    chance = hashlib.blake2b(f"{prefix}{number}".encode(), digest_size=8).digest()
    tail = _base62(int.from_bytes(chance, "big"), 8)
    return f"{prefix}_1{_base62(second, 6)}2eZvKYlo2{tail}"


def _base62(number: int, width: int) -> str:
    text = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        text = LETTERS[digit] + text
    return text


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery: the event's id, its order, and the HTTP request to write to a socket."""

    event: str
    order: int
    request: bytes


def body(order: int) -> bytes:
    """A success for an order of its own, indented as Stripe indents (API 2026-05-27.dahlia)."""
    second = CREATED + order // 200
    intent = stripe_id("pi", second, order)
    address = {
        "city": "San Francisco",
        "country": "US",
        "line1": "510 Townsend St",
        "line2": "Floor 3",
        "postal_code": "94103",
        "state": "CA",
    }
    thing = {
        "id": intent,
        "object": "payment_intent",
        "amount": 10_000,
        "amount_capturable": 0,
        "amount_details": {
            "discount_amount": 0,
            "line_items": {
                "object": "list",
                "data": [],
                "has_more": False,
                "url": f"/v1/payment_intents/{intent}/amount_details_line_items",
            },
            "shipping": {"amount": 500, "from_postal_code": "94110", "to_postal_code": "94103"},
            "tax": {"total_tax_amount": 812},
            "tip": {},
        },
        "amount_received": 10_000,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{intent}_secret_{stripe_id('x', second, order)[2:]}",
        "confirmation_method": "automatic",
        "created": second - 20,
        "currency": "usd",
        "customer": stripe_id("cus", second, order),
        "customer_account": None,
        "description": f"Order {order} of the example shop: a notebook, lined, A5",
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": stripe_id("ch", second, order),
        "livemode": False,
        "metadata": {
            "order_id": str(order),
            "actionflow_project": "shop",
            "cart": stripe_id("cart", second, order),
            "campaign": "spring-2026",
            "source": "web",
        },
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": stripe_id("pm", second, order),
        "payment_method_configuration_details": {
            "id": "pmc_1MtwBwLkdIwHu7ix2eZvKYlo",
            "parent": None,
        },
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            },
            "klarna": {"preferred_locale": None},
            "link": {"persistent_token": None},
            "sepa_debit": {},
            "us_bank_account": {"verification_method": "automatic"},
        },
        "payment_method_types": ["card", "klarna", "link", "sepa_debit", "us_bank_account"],
        "processing": None,
        "receipt_email": "ada.lovelace@example.com",
        "review": None,
        "setup_future_usage": "off_session",
        "shipping": {
            "address": address,
            "carrier": "Royal Mail",
            "name": "Ada Lovelace",
            "phone": "+15555550123",
            "tracking_number": None,
        },
        "statement_descriptor": None,
        "statement_descriptor_suffix": "EXAMPLE SHOP",
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": f"group_{order}",
    }
    event = {
        "id": stripe_id("evt", second, order),
        "object": "event",
        "api_version": "2026-05-27.dahlia",
        "created": second,
        "data": {"object": thing},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {
            "id": stripe_id("req", second, order)[:18],
            "idempotency_key": f"5f2c6a1e-7b1d-4c57-9f7a-{order:012d}",
        },
        "type": "payment_intent.succeeded",
    }
    return json.dumps(event, indent=2).encode()


def deliveries(orders: range) -> Iterator[Sent]:
    """Signed deliveries as Stripe's servers send them, for these orders, dated now."""
    now = int(time.time())
    for order in orders:
        payload = body(order)
        signed = f"{now}.".encode() + payload
        signature = hmac.digest(SECRET.encode(), signed, "sha256").hex()
        head = (
            "POST /webhooks/stripe HTTP/1.1\r\n"
            "Host: shop.example.com\r\n"
            "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n"
            "Accept: */*; q=0.5, application/xml\r\n"
            "Cache-Control: no-cache\r\n"
            "Content-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {len(payload)}\r\n"
            f"Stripe-Signature: t={now},v1={signature}\r\n"
            "\r\n"
        )
        event = stripe_id("evt", CREATED + order // 200, order)
        yield Sent(event, order, head.encode() + payload)
