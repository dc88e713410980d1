"""The seller's side of a recording: Stripe's SDK against the stand-in, and the events it tells."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import stripe

from standin.state import State

PROJECT = "shop"
KEY = "sk_test_standin"
DAY = 86_400

Event = dict[str, Any]


class Numbered(stripe.RequestsClient):
    """The SDK's HTTP client with counted idempotency keys: its own are new at each run."""

    count = 0

    def request(
        self, method: str, url: str, headers: Any, post_data: Any = None
    ) -> tuple[Any, int, Any]:
        self.count += 1
        headers = {**headers, "Idempotency-Key": f"recorded-{self.count}"}
        return super().request(method, url, headers, post_data)


@dataclass
class Shop:
    """The seller's side: the SDK, hosted pages, and the events kept so far by file name."""

    state: State
    v1: Any
    pages: httpx.Client
    kept: dict[str, Event] = field(default_factory=dict)

    @classmethod
    @contextlib.contextmanager
    def of(cls, state: State, url: str) -> Iterator[Shop]:
        """A shop that talks to the stand-in at `url`."""
        client = stripe.StripeClient(
            KEY, base_addresses={"api": url}, http_client=Numbered(), max_network_retries=0
        )
        # The proxy of the environment is for the outside, not for loopback.
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=url, headers=headers, trust_env=False) as pages:
            yield cls(state, client.v1, pages)

    def keep(self, **names: str) -> None:
        """Keeps the newest event of each type; `charge__refunded="x"` writes charge.refunded.x."""
        for kind, suffix in names.items():
            kind = kind.replace("__", ".")
            found = [d for d in self.state.deliveries if d.type == kind]
            assert found, f"no {kind} came: {[d.type for d in self.state.deliveries]}"
            name = f"{kind}.{suffix}" if suffix else kind
            assert name not in self.kept, name
            self.kept[name] = json.loads(found[-1].body)

    def pass_time(self, seconds: int = 60) -> None:
        """The clock goes on; what is due happens."""
        self.control("clock", advance=seconds)

    def control(self, route: str, **given: Any) -> None:
        """Does to the stand-in what a bank or a buyer does."""
        answer = self.pages.post(f"/_standin/{route}", json=given)
        assert answer.status_code == 200, answer.text

    def fill_in(self, page: str, **form: str) -> None:
        """A buyer sends the form of a hosted page."""
        data = {"email": "ada@example.com", "action": "pay", **form}
        answer = self.pages.post(urlsplit(page).path, data=data)
        assert answer.status_code in (200, 303, 402), answer.text

    # What the product's actions ask for

    def pay(self, order: int | None, amount: int, currency: str, method: str) -> Any:
        """A payment intent as the pay action makes it, confirmed with this payment method."""
        asked = {
            "amount": amount,
            "currency": currency,
            "payment_method_types": ["card", "sepa_debit"],
            "metadata": marked(order),
        }
        intent = self.v1.payment_intents.create(asked)
        self.pass_time(20)
        return self.confirm(intent, method)

    def confirm(self, intent: Any, method: str) -> Any:
        """What the buyer's browser does; a decline is part of the story."""
        asked = {"payment_method": method, "return_url": "https://shop.example/thanks"}
        with contextlib.suppress(stripe.CardError):
            self.v1.payment_intents.confirm(intent.id, asked)
        return self.v1.payment_intents.retrieve(intent.id)

    def checkout(self, order: int, amount: int, currency: str, mode: str = "payment") -> Any:
        """A checkout session; what it makes carries the same metadata."""
        price: dict[str, Any] = {"currency": currency, "unit_amount": amount}
        price["product_data"] = {"name": "Pencil case" if mode == "payment" else "Tea for a month"}
        if mode == "subscription":
            price["recurring"] = {"interval": "month"}
        inner = "payment_intent_data" if mode == "payment" else "subscription_data"
        return self.v1.checkout.sessions.create(
            {
                "mode": mode,
                "line_items": [{"quantity": 1, "price_data": price}],
                "success_url": "https://shop.example/thanks",
                "cancel_url": "https://shop.example/cart",
                "metadata": marked(order),
                inner: {"metadata": marked(order)},
            }
        )

    def subscribe(self, order: int | None, amount: int = 2000, **more: Any) -> Any:
        """A monthly subscription of a new customer with a good card."""
        customer = self.v1.customers.create(
            {
                "name": "Lin Example",
                "email": "lin@example.com",
                "payment_method": "pm_card_visa",
                "invoice_settings": {"default_payment_method": "pm_card_visa"},
            }
        )
        return self.v1.subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": self.price(amount)}],
                "metadata": marked(order),
                **more,
            }
        )

    def price(self, amount: int) -> str:
        """A monthly price of so many cents."""
        made = self.v1.prices.create(
            {
                "currency": "usd",
                "unit_amount": amount,
                "recurring": {"interval": "month"},
                "product_data": {"name": "Tea for a month"},
            }
        )
        return str(made.id)

    def use_card(self, subscription: Any, method: str) -> None:
        """The customer pays with another card from now on."""
        card = self.v1.payment_methods.attach(method, {"customer": subscription.customer})
        self.v1.subscriptions.update(subscription.id, {"default_payment_method": card.id})


def marked(order: int | None) -> dict[str, str]:
    """The metadata which says that an object is for this order of the example shop."""
    return {} if order is None else {"order_id": str(order), "actionflow_project": PROJECT}
