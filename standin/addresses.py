"""Postal addresses with every field of Stripe's shape."""

from typing import Any

from standin.errors import Object

_FIELDS = ("city", "country", "line1", "line2", "postal_code", "state")


def address(given: Any) -> Object | None:
    """An address with every field, or None where none is given."""
    return {name: given.get(name) or None for name in _FIELDS} if given else None


def empty() -> Object:
    """An address that says nothing."""
    return dict.fromkeys(_FIELDS)


def shipping(given: Any) -> Object | None:
    """Shipping details of a payment."""
    if not given:
        return None
    return {
        "address": address(given.get("address")),
        "carrier": given.get("carrier"),
        "name": given.get("name"),
        "phone": given.get("phone"),
        "tracking_number": given.get("tracking_number"),
    }
