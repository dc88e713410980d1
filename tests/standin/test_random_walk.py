"""Random histories: nothing a caller does makes the stand-in fail, or show an unpublished shape."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from standin import cards
from tests.standin import published
from tests.standin.support import NOW, Shop

DAY = 86_400
Step = tuple[str, str, dict[str, Any]]


class NothingYet(Exception):
    """There is no object of the kind that a step is about."""


class Walker:
    """Chooses calls by chance, nearly all of them about objects that exist."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop = shop
        self.random = random.Random(seed)
        self.moves: list[Callable[[], Step]] = [
            self.customer, self.pay, self.intent_call, self.refund, self.refund_event,
            self.subscribe, self.subscription_call, self.invoice_call, self.session,
            self.session_page, self.advance, self.base_clock, self.dispute, self.read,
            self.settle, self.setup,
        ]  # fmt: skip

    def one(self, kind: str) -> str:
        """The id of some object of a kind, now and then of none."""
        found = list(self.shop.state.table(kind))
        if not found:
            raise NothingYet
        return self.random.choice(found) if self.random.random() < 0.97 else "none_1"

    def step(self) -> Step:
        """The next call."""
        while True:
            try:
                return self.random.choice(self.moves)()
            except NothingYet:
                continue

    def method(self) -> str:
        """Some way to pay."""
        return self.random.choice(cards.METHODS).token

    def maybe(self, **given: Any) -> dict[str, Any]:
        """Some of the parameters."""
        return {name: value for name, value in given.items() if self.random.random() < 0.5}

    def customer(self) -> Step:
        """A customer, perhaps with a card and a clock."""
        method = self.method()
        return (
            "POST",
            "/v1/customers",
            {
                "email": "walk@example.com",
                **self.maybe(test_clock=self.one("test_helpers.test_clock")),
                **self.random.choice(
                    [
                        {},
                        {
                            "payment_method": method,
                            "invoice_settings[default_payment_method]": method,
                        },
                    ]
                ),
            },
        )

    def pay(self) -> Step:
        """A payment intent, perhaps confirmed at once."""
        return (
            "POST",
            "/v1/payment_intents",
            {
                "amount": self.random.choice([1, 500, 1000, 12340]),
                "currency": self.random.choice(["usd", "usd", "eur", "jpy", "kwd"]),
                "return_url": "https://shop.test/back",
                "payment_method": self.method(),
                "payment_method_types[0]": "card",
                "payment_method_types[1]": "us_bank_account",
                "payment_method_types[2]": "sepa_debit",
                "confirm": self.random.choice(["true", "true", "false"]),
                **self.maybe(
                    capture_method="manual",
                    setup_future_usage="off_session",
                    **{"metadata[order_id]": "1"},
                ),
            },
        )

    def intent_call(self) -> Step:
        """Something done to a payment intent."""
        base = f"/v1/payment_intents/{self.one('payment_intent')}"
        what = self.random.choice(["/confirm", "/capture", "/cancel", ""])
        given: dict[str, Any] = {}
        if what == "/confirm":
            given = {"payment_method": self.method(), "return_url": "https://shop.test/back"}
        elif what == "/capture":
            given = self.maybe(amount_to_capture=self.random.choice([1, 40, 99999]))
        elif what == "":
            given = self.maybe(amount=777, description="x")
        return "POST", base + what, given

    def settle(self) -> Step:
        """The bank or the buyer answers."""
        what = self.random.choice(["settle", "authenticate"])
        outcome = self.random.choice(["succeed", "fail"])
        path = f"/_standin/payment_intents/{self.one('payment_intent')}/{what}"
        return "CONTROL", path, {"outcome": outcome}

    def refund(self) -> Step:
        """A refund of a charge or an intent."""
        kind = self.random.choice(["charge", "payment_intent"])
        amount = self.random.choice([1, 30, 500, 5000])
        return "POST", "/v1/refunds", {kind: self.one(kind), **self.maybe(amount=amount)}

    def refund_event(self) -> Step:
        """Something happens to a refund."""
        identifier = self.one("refund")
        what = self.random.choice(["fail", "succeed", "require_action", "cancel"])
        if what == "cancel":
            return "POST", f"/v1/refunds/{identifier}/cancel", {}
        return "CONTROL", f"/_standin/refunds/{identifier}/{what}", {}

    def dispute(self) -> Step:
        """A dispute opens or closes."""
        if self.random.random() < 0.5:
            return "CONTROL", f"/_standin/charges/{self.one('charge')}/dispute", {}
        return "POST", f"/v1/disputes/{self.one('dispute')}/close", {}

    def subscribe(self) -> Step:
        """A subscription in one of its many beginnings."""
        behavior = ["allow_incomplete", "default_incomplete", "error_if_incomplete"]
        return (
            "POST",
            "/v1/subscriptions",
            {
                "customer": self.one("customer"),
                "items[0][price]": self.one("price"),
                "payment_behavior": self.random.choice(behavior),
                **self.maybe(
                    trial_period_days=self.random.choice([1, 14]),
                    default_payment_method=self.method(),
                    cancel_at_period_end="true",
                    **self.random.choice([{"collection_method": "send_invoice"}, {}, {}]),
                ),
            },
        )

    def subscription_call(self) -> Step:
        """A change, a pause, a planned or a sudden end."""
        path = f"/v1/subscriptions/{self.one('subscription')}"
        if self.random.random() < 0.15:
            return "DELETE", path, {}
        if self.random.random() < 0.1:
            return "POST", path + "/resume", {}
        return (
            "POST",
            path,
            self.maybe(
                cancel_at_period_end=self.random.choice(["true", "false"]),
                default_payment_method=self.method(),
                trial_end=self.random.choice(["now", NOW + 90 * DAY]),
                pause_collection=self.random.choice(["", None]) or "",
                proration_behavior=self.random.choice(["none", "always_invoice"]),
                **{
                    "items[0][price]": self.one("price"),
                    "metadata[n]": self.random.choice("abc"),
                },
            ),
        )

    def invoice_call(self) -> Step:
        """Something done to an invoice."""
        what = self.random.choice(["finalize", "pay", "void", "mark_uncollectible", "send"])
        given = self.maybe(payment_method=self.method()) if what == "pay" else {}
        return "POST", f"/v1/invoices/{self.one('invoice')}/{what}", given

    def session(self) -> Step:
        """A checkout session in one of its modes."""
        mode = self.random.choice(["payment", "subscription", "setup"])
        given: dict[str, Any] = {"mode": mode, "success_url": "https://shop.test/ok"}
        if mode == "setup":
            given["currency"] = "usd"
        else:
            given |= {"line_items[0][price]": self.one("price"), "line_items[0][quantity]": 1}
        return "POST", "/v1/checkout/sessions", given | self.maybe(customer=self.one("customer"))

    def session_page(self) -> Step:
        """The buyer does something on a hosted page."""
        action = self.random.choice(["pay", "pay", "pay", "expire"])
        given = {"action": action, "method": self.method(), "email": "walk@example.com"}
        return "PAGE", f"/c/pay/{self.one('checkout.session')}", given

    def setup(self) -> Step:
        """A card is saved."""
        given = {"payment_method": self.method(), "confirm": "true"}
        return "POST", "/v1/setup_intents", given | self.maybe(customer=self.one("customer"))

    def advance(self) -> Step:
        """A test clock moves."""
        identifier = self.one("test_helpers.test_clock")
        clock = self.shop.state.test_clocks.get(identifier)
        days = self.random.choice([1, 4, 31])
        target = (clock.now() if clock else NOW) + days * DAY
        path = f"/v1/test_helpers/test_clocks/{identifier}/advance"
        return "POST", path, {"frozen_time": target}

    def base_clock(self) -> Step:
        """Time passes for everybody else."""
        return "CONTROL", "/_standin/clock", {"advance": self.random.choice([5, DAY, 32 * DAY])}

    def read(self) -> Step:
        """A list with something expanded."""
        path, field = self.random.choice(
            [
                ("/v1/payment_intents", "data.latest_charge"),
                ("/v1/charges", "data.refunds"),
                ("/v1/subscriptions", "data.latest_invoice.payments"),
                ("/v1/invoices", "data.confirmation_secret"),
                ("/v1/checkout/sessions", "data.line_items"),
                ("/v1/events", "data.data"),
            ]
        )
        return "GET", path, {"limit": 5, "expand[]": field}


@pytest.mark.parametrize("seed", range(8))
def test_a_random_walk_stays_within_the_published_shapes(shop: Shop, seed: int) -> None:
    walker = Walker(shop, seed)
    shop.v1.test_helpers.test_clocks.create({"frozen_time": NOW})
    for amount, recurring in ((1500, None), (0, "month"), (2000, "month"), (900, "week")):
        price: dict[str, Any] = {"currency": "usd", "unit_amount": amount}
        price["product_data"] = {"name": "Thing"}
        if recurring:
            price["recurring"] = {"interval": recurring}
        shop.v1.prices.create(price)
    refused = 0
    for _ in range(80):
        method, path, given = walker.step()
        if method == "CONTROL":
            answer = shop.http.post(path, json=given)
        elif method == "PAGE":
            answer = shop.http.post(path, data=given)
        else:
            as_query = method in ("GET", "DELETE")
            answer = shop.http.request(
                method, path, params=given if as_query else None, data=None if as_query else given
            )
        assert answer.status_code < 500, (method, path, given, answer.text)
        refused += answer.status_code >= 400
        if published.available() and path.startswith("/v1/"):
            published.check_answer(method, path, answer.status_code, answer.json())
    # Most steps must lead somewhere, or the walk shows nothing.
    assert refused < 55
    for charge in shop.state.table("charge").values():
        assert 0 <= charge["amount_refunded"] <= charge["amount"]
