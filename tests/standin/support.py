"""What the tests of the stand-in share: a checked client, and a shop that wants to be paid."""

import json
from typing import Any

import httpx
import stripe

from standin import form
from standin.server import Running
from standin.state import State
from tests.standin import published

KEY = "sk_test_standin"
NOW = 1_780_272_000


class Checked(stripe.RequestsClient):
    """The SDK's HTTP client, with every request and answer checked against the published shapes."""

    def request(
        self, method: str, url: str, headers: Any, post_data: Any = None, **more: Any
    ) -> tuple[Any, int, Any]:
        content, status, answered = super().request(method, url, headers, post_data, **more)
        path = httpx.URL(url).path
        if published.available() and path.startswith("/v1/"):
            published.check_answer(method.upper(), path, status, json.loads(content))
            operation = published.find(method, path)
            if operation is not None and status < 400 and post_data:
                assert set(form.decode(post_data)) <= _names(operation), (path, post_data)
        return content, status, answered


def _names(operation: dict[str, Any]) -> set[str]:
    content = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]
    return set(content["schema"]["properties"])


class Shop:
    """What a test needs: the client, the state behind it, and the control routes."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.state: State = server.state
        self.url = server.url
        self.client = stripe.StripeClient(
            KEY,
            base_addresses={"api": server.url},
            http_client=Checked(),
            max_network_retries=0,
        )
        self.v1 = self.client.v1
        self.http = httpx.Client(
            base_url=server.url,
            headers={"Authorization": f"Bearer {KEY}"},
            trust_env=False,
            verify=False,  # no TLS is spoken here; reading the certificates takes its time
        )

    def control(self, route: str, **given: Any) -> Any:
        """Calls a control route."""
        answer = self.http.post(f"/_standin/{route}", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def events(self, since: int = 0) -> list[dict[str, Any]]:
        """All events so far, oldest first."""
        return list(self.state.table("event").values())[since:]

    def kinds(self, since: int = 0) -> list[str]:
        """The types of the events so far."""
        return [event["type"] for event in self.events(since)]

    def pay(self, amount: int = 1000, method: str = "pm_card_visa", **more: Any) -> Any:
        """A confirmed payment intent."""
        return self.v1.payment_intents.create(
            {
                "amount": amount,
                "currency": "usd",
                "payment_method": method,
                "payment_method_types": ["card", "sepa_debit", "us_bank_account"],
                "confirm": True,
                **more,
            }
        )
