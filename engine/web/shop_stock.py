"""What the demo shop sells, and what it keeps for that: API keys by role, Stripe's prices."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any

from engine.access.demo import CALLERS, demo_keys
from engine.model import ProjectFile, Row
from engine.stripe.client import StripeUnreachable
from engine.web.service import Service

PRODUCTS: tuple[Row, ...] = (
    {"id": "notebook", "item": "Notebook", "amount": 10000, "currency": "usd", "every": None},
    {"id": "pencils", "item": "Pencil case", "amount": 2500, "currency": "eur", "every": None},
    {"id": "tea", "item": "Tea for a month", "amount": 2000, "currency": "usd", "every": "month"},
)
NEEDED = ("user_id", "item", "amount", "currency")
"""Columns of the order table that the shop writes; the example project's has them."""


@dataclass(slots=True)
class Shop:
    """What the shop keeps on the server's side."""

    keys: dict[str, str]
    """API keys by role."""
    prices: dict[str, str]
    """Stripe's price ids by product."""
    secret: bytes
    """What makes a session's token out of its cookie; the same after a restart."""

    @classmethod
    def of(cls, service: Service) -> Shop:
        """Keys and prices, made where they are missing. Raises StoreError, StripeUnreachable."""
        project = service.project
        keys = demo_keys(project.folder, project.file, service.store, CALLERS)
        prices = {}
        for product in PRODUCTS:
            if product["every"] and service.actions is not None:
                prices[product["id"]] = _price(service.actions.stripe, project.file.name, product)
        return cls(keys, prices, hmac.digest(service.tickets.key, b"shop", "sha256"))

    def token(self, cookie: str) -> str:
        """The token that goes with a session's cookie."""
        return hmac.new(self.secret, cookie.encode(), "sha256").hexdigest()


def _price(stripe: Any, project: str, product: Row) -> str:
    """The recurring price of a product, found by its lookup key or made."""
    key = f"{project}_demo_{product['id']}_{product['amount']}_{product['currency']}"
    found = stripe.perform("prices.list", {"lookup_keys": [key], "active": True, "limit": 1})
    if found.get("ok", {}).get("data"):
        return str(found["ok"]["data"][0]["id"])
    made = stripe.perform(
        "prices.create",
        {
            "currency": product["currency"],
            "unit_amount": product["amount"],
            "recurring": {"interval": product["every"]},
            "product_data": {"name": product["item"]},
            "lookup_key": key,
        },
    )
    if "error" in made:
        raise StripeUnreachable(f"The demo's price was refused: {made['error']['message']}")
    return str(made["ok"]["id"])


def shop_fits(project: ProjectFile) -> bool:
    """Whether this project has what the shop sells with: the example's order columns and roles."""
    return all(name in project.order.columns for name in NEEDED) and all(
        role in project.roles for role in CALLERS
    )
