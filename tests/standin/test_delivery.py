"""Webhook delivery: signed, retried, doubled, shuffled, held and lost on demand."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from standin import webhook_endpoints
from tests.standin.support import Shop

SECRET = "whsec_test"


class Receiver:
    """An endpoint that keeps what it gets and answers what it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.came = threading.Semaphore(0)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("content-length", "0")
                self.end_headers()
                receiver.came.release()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self) -> list[dict[str, Any]]:
        """The events received, each checked against its signature by the SDK."""
        for headers, body in self.got:
            signature = next(v for k, v in headers.items() if k.lower() == "stripe-signature")
            stripe.WebhookSignature.verify_header(body.decode(), signature, SECRET, 300)
        return [json.loads(body) for _, body in self.got]

    def kinds(self) -> list[str]:
        """The types received, in order."""
        return [event["type"] for event in self.events()]


@pytest.fixture
def hook(shop: Shop) -> Iterator[Receiver]:
    """A receiver whose events are held until the test delivers them."""
    receiver = Receiver()
    webhook_endpoints.create(shop.state, receiver.url, ["*"], None, SECRET)
    shop.control("delivery", hold=True)
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def test_events_come_signed_and_in_order(shop: Shop, hook: Receiver) -> None:
    shop.pay()
    assert hook.got == []
    report = shop.control("deliver")["data"]
    assert hook.kinds() == shop.kinds()
    assert {entry["status"] for entry in report} == {"delivered"}
    assert shop.control("deliver")["data"] == []
    assert {event["pending_webhooks"] for event in shop.events()} == {0}
    request = hook.events()[0]["request"]
    assert request["id"].startswith("req_")
    assert request["idempotency_key"]


def test_duplicates_are_the_same_bytes(shop: Shop, hook: Receiver) -> None:
    shop.v1.customers.create({})
    shop.control("deliver", duplicates=2)
    bodies = [body for _, body in hook.got]
    assert len(bodies) == 3
    assert len(set(bodies)) == 1


def test_shuffled_reversed_and_all_at_once(shop: Shop, hook: Receiver) -> None:
    shop.pay()
    shop.control("deliver", mode="reverse")
    assert hook.kinds() == shop.kinds()[::-1]
    orders = set()
    for _ in range(6):
        hook.got.clear()
        every = [event["id"] for event in shop.events()]
        shop.control("deliver", events=every, mode="shuffle")
        orders.add(tuple(hook.kinds()))
    assert len(orders) > 1
    hook.got.clear()
    shop.control("deliver", events=[shop.events()[0]["id"]], mode="at_once", duplicates=9)
    assert len(hook.got) == 10


def test_chosen_events_in_a_chosen_order(shop: Shop, hook: Receiver) -> None:
    shop.pay()
    ids = {event["type"]: event["id"] for event in shop.events()}
    wanted = ["payment_intent.succeeded", "payment_intent.created"]
    shop.control("deliver", events=[ids[kind] for kind in wanted])
    assert hook.kinds() == wanted


def test_a_refusal_is_tried_again_and_then_given_up(shop: Shop, hook: Receiver) -> None:
    shop.control("delivery", retry_after=[1, 1])
    shop.v1.customers.create({})
    hook.answers = [500, 503, 400]
    reports = [shop.control("deliver")["data"] for _ in range(4)]
    assert [len(report) for report in reports] == [1, 1, 1, 0]
    assert reports[2][0]["status"] == "failed"
    assert reports[2][0]["answers"] == [500, 503, 400]
    shop.v1.customers.create({})
    hook.answers = [500]
    shop.control("deliver")
    [done] = shop.control("deliver")["data"]
    assert (done["status"], done["answers"]) == ("delivered", [500, 200])


def test_deliveries_can_be_lost(shop: Shop, hook: Receiver) -> None:
    shop.control("delivery", drop=1)
    shop.pay()
    report = shop.control("deliver")["data"]
    assert [entry["status"] for entry in report] == ["dropped", *["delivered"] * 3]
    assert hook.kinds() == shop.kinds()[1:]


def test_an_event_can_overtake_the_answer(shop: Shop, hook: Receiver) -> None:
    shop.control("delivery", hold=False, when="before_answer")
    shop.pay()
    assert hook.kinds() == shop.kinds()


def test_an_endpoint_gets_what_it_asked_for(shop: Shop, hook: Receiver) -> None:
    [first] = shop.v1.webhook_endpoints.list().data
    shop.v1.webhook_endpoints.delete(first.id)
    made = shop.v1.webhook_endpoints.create(
        {"url": hook.url, "enabled_events": ["charge.refunded"], "metadata": {"by": "sync"}}
    )
    assert made.secret.startswith("whsec_")
    shown = shop.v1.webhook_endpoints.retrieve(made.id)
    assert "secret" not in shown
    assert shown.metadata["by"] == "sync"
    intent = shop.pay()
    shop.v1.refunds.create({"payment_intent": intent.id})
    assert [d.type for d in shop.state.deliveries] == ["charge.refunded"]
    shop.v1.webhook_endpoints.update(made.id, {"disabled": True})
    assert shop.control("deliver")["data"][0]["status"] == "dropped"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.v1.webhook_endpoints.create({"url": hook.url, "enabled_events": ["charge.refund"]})
    assert caught.value.param == "enabled_events[0]"
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.webhook_endpoints.create({"url": "shop.test/hook", "enabled_events": ["*"]})


def test_a_rotated_secret_signs_beside_the_old_one(shop: Shop, hook: Receiver) -> None:
    [endpoint] = shop.v1.webhook_endpoints.list().data
    secrets = shop.control(f"webhook_endpoints/{endpoint.id}/rotate", secret="whsec_new")["secrets"]
    assert secrets == ["whsec_new", SECRET]
    shop.v1.customers.create({})
    shop.control("deliver")
    assert len(hook.events()) == 1
    headers, body = hook.got[0]
    signature = next(v for k, v in headers.items() if k.lower() == "stripe-signature")
    assert signature.count("v1=") == 2
    stripe.WebhookSignature.verify_header(body.decode(), signature, "whsec_new", 300)


def test_an_endpoint_ahead_of_the_standin_gets_its_newest_shape(shop: Shop) -> None:
    shop.control("delivery", hold=True)
    webhook_endpoints.create(shop.state, "http://127.0.0.1:1/h", ["*"], "2099-01-01.zebra", SECRET)
    shop.v1.customers.create({})
    [entry] = shop.http.get("/_standin/deliveries", params={"bodies": "1"}).json()["data"]
    assert entry["body"]["api_version"] == "2026-05-27.dahlia"


def test_made_up_events_never_leave_this_machine(shop: Shop) -> None:
    shop.control("delivery", hold=True)
    shop.v1.webhook_endpoints.create({"url": "https://example.com/h", "enabled_events": ["*"]})
    shop.v1.customers.create({})
    [entry] = shop.control("deliver")["data"]
    assert entry["answers"] == ["not sent: example.com is not this machine"]


def test_thin_events_tell_only_where_to_look(shop: Shop, hook: Receiver) -> None:
    made = shop.control(
        "thin_events",
        type="v2.core.event_destination.ping",
        related_object={"id": "ed_1", "type": "event_destination", "url": "/v2/core/x/ed_1"},
        data={"message": "hello"},
    )
    shop.control("deliver")
    [notice] = hook.events()
    assert notice["object"] == "v2.core.event"
    assert "data" not in notice
    fetched = shop.http.get(f"/v2/core/events/{made['id']}").json()
    assert fetched["data"] == {"message": "hello"}
    assert shop.http.get("/v2/core/events").json()["data"] == [fetched]


def test_past_events_can_be_listed_by_type(shop: Shop) -> None:
    intent = shop.pay()
    shop.v1.refunds.create({"payment_intent": intent.id})
    listed = shop.v1.events.list({"types": ["charge.refunded", "payment_intent.succeeded"]})
    assert [event.type for event in listed.data] == ["charge.refunded", "payment_intent.succeeded"]
    assert len(shop.v1.events.list({"type": "charge.*"}).data) == 4
    one = shop.v1.events.retrieve(listed.data[0].id)
    assert one.data.object.amount_refunded == 1000


def test_without_hold_events_and_retries_go_by_themselves(shop: Shop, hook: Receiver) -> None:
    hook.answers = [500]
    shop.control("delivery", hold=False, retry_after=[0])
    shop.v1.customers.create({})
    assert hook.came.acquire(timeout=30)
    assert hook.came.acquire(timeout=30)
    assert hook.kinds() == ["customer.created", "customer.created"]
