"""Takes personal data out of events and rows: the same value becomes the same placeholder everywhere.

Replaced are names, e-mail and postal addresses, telephone numbers, IP addresses, card and bank
details, tax numbers, secrets and links with a token, and the ids of customers. What Stripe objects
are called (pi_…, in_…), amounts, times and the country stay: flows go by them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from engine.model import Value

OURS = frozenset(
    {"order_id", "payment_id", "recurring_payment_id", "refund_id", "actionflow_project"}
)
"""Metadata that says whose an object is."""
_PEOPLE = frozenset(
    {"billing_details", "shipping", "customer_details", "customer_shipping", "owner", "individual"}
    | {"collected_information", "shipping_details", "address", "sender", "receiver"}
)
"""Keys of objects that tell of a person; the name in one is his, a product's is not."""
_SIGNS = frozenset({"email", "phone", "address", "line1"})
"""What stands beside a person's name."""
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(\.[\w-]+)+")
_IP = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b|\b(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}\b")
_LINK = re.compile(r"https://[\w.-]*stripe\.(?:com|network)/\S+")
_CUSTOMER = re.compile(r"\b(?:cus|gcus|acct|cuacct)_\w+")
_LEAST = 4
"""Letters a value must have to be looked for inside other texts."""

_KINDS: dict[str, str] = {
    **dict.fromkeys(("email", "receipt_email", "customer_email", "instructions_email"), "email"),
    **dict.fromkeys(("phone", "customer_phone", "phone_number", "mobile"), "phone"),
    **dict.fromkeys(("ip", "ip_address", "client_ip"), "ip"),
    **dict.fromkeys(("line1", "line2", "street", "address_line1", "address_line2"), "street"),
    **dict.fromkeys(("city", "town", "address_city"), "city"),
    **dict.fromkeys(("postal_code", "zip", "postcode", "address_zip"), "postal code"),
    **dict.fromkeys(("state", "address_state"), "state"),
    **dict.fromkeys(("customer_name", "first_name", "last_name", "full_name"), "name"),
    **dict.fromkeys(("business_name", "individual_name", "account_holder_name"), "name"),
    **dict.fromkeys(("user_id", "account_id", "customer_id", "client_reference_id"), "customer"),
    **dict.fromkeys(("tax_id", "vat_id", "tax_number"), "tax number"),
    **dict.fromkeys(("comment", "customer_note", "user_agent"), "text"),
    **dict.fromkeys(("last4", "dynamic_last4", "iban_last4"), "last4"),
    **dict.fromkeys(("fingerprint", "network_transaction_id", "authorization_code"), "reference"),
    **dict.fromkeys(("iban", "account_number", "routing_number", "bank_name", "bic"), "reference"),
    **dict.fromkeys(("bank_code", "branch_code", "sort_code", "iin", "reference"), "reference"),
    **dict.fromkeys(("client_secret", "secret", "access_token"), "secret"),
    **dict.fromkeys(("receipt_url", "hosted_invoice_url", "invoice_pdf", "hosted_url"), "link"),
}
_MAKE: dict[str, Callable[[int], str]] = {
    "email": lambda n: f"person{n}@example.com",
    "phone": lambda n: f"+1555000{n:04}",
    "ip": lambda n: f"192.0.2.{n % 256}",
    "last4": lambda n: f"{n:04}",
    "link": lambda n: f"https://stripe.example/{n}",
    "customer id": lambda n: f"cus_recorded{n}",
}


class Personal:
    """Remembers what stands for what, over any number of events and rows."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self._inside: dict[str, str] = {}

    def learn(self, data: Value) -> None:
        """Meet all personal values, so that `replaced` finds them in other texts as well."""
        self.replaced(data)

    def replaced(self, data: Value) -> Any:
        """The same data without what is personal."""
        return self._walk(data, "", person=False, metadata=False)

    def _walk(self, data: Value, key: str, *, person: bool, metadata: bool) -> Any:
        if isinstance(data, dict):
            about = person or key in _PEOPLE or not _SIGNS.isdisjoint(data)
            ours = metadata or key == "metadata"
            return {
                name: self._walk(value, name, person=about, metadata=ours)
                for name, value in data.items()
            }
        if isinstance(data, list):
            return [self._walk(one, key, person=person, metadata=metadata) for one in data]
        if key in ("exp_month", "exp_year") and isinstance(data, int):
            return 12 if key == "exp_month" else 2034
        if not isinstance(data, str) or not data or (metadata and key in OURS):
            return data
        return self._text(data, key, person=person)

    def _text(self, data: str, key: str, *, person: bool) -> str:
        kind = "name" if key == "name" and person else _KINDS.get(key)
        if kind == "state" and not person:  # a word of many meanings
            kind = None
        if kind is not None and not (kind == "customer" and _CUSTOMER.fullmatch(data)):
            return self._placeholder(kind, data)
        if data in self._inside:
            return self._inside[data]
        for value, placeholder in self._inside.items():
            data = data.replace(value, placeholder)
        data = _LINK.sub(lambda found: self._placeholder("link", found[0]), data)
        data = _EMAIL.sub(lambda found: self._placeholder("email", found[0]), data)
        data = _IP.sub(lambda found: self._placeholder("ip", found[0]), data)
        return _CUSTOMER.sub(lambda found: self._placeholder("customer id", found[0]), data)

    def _placeholder(self, kind: str, value: str) -> str:
        """What stands for this value; a placeholder stands for itself."""
        if value in self._known.values():
            return value
        found = self._known.get((kind, value))
        if found is None:
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            made = _MAKE.get(kind)
            found = made(count) if made else f"{kind} {count}"
            self._known[kind, value] = found
            if len(value) >= _LEAST and kind in ("name", "email", "phone", "customer", "street"):
                self._inside[value] = found
        return found
