"""POST /webhooks/stripe on a real server: what is answered, and what is there afterwards."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import pytest

from engine.stripe.signature import sign
from tests.acceptance.shop import SECRET, Shop
from tests.acceptance.test_kill import event_for


def post(shop: Shop, body: bytes, secret: str = SECRET, at: float = 0.0) -> httpx.Response:
    """Deliver a body with a signature of `at` seconds from now."""
    header = sign(body, secret, int(time.time() + at))
    return shop.client.post("/webhooks/stripe", content=body, headers={"Stripe-Signature": header})


def changed(body: bytes, **values: Any) -> bytes:
    """An event with other values, by path with double underscores: `data__object__metadata`."""
    event = orjson.loads(body)
    for path, value in values.items():
        *way, last = path.split("__")
        inner = event
        for part in way:
            inner = inner[part]
        inner[last] = value
    return orjson.dumps(event)


def inbox(shop: Shop) -> list[tuple[str, str, str | None]]:
    with shop.service.store.reader() as tx:
        rows = tx.execute("SELECT id, state, reason FROM actionflow_inbox ORDER BY id")
        return [(row["id"], row["state"], row["reason"]) for row in rows]


def test_an_event_is_answered_after_its_commit_and_once(shop: Shop) -> None:
    answers = [post(shop, event_for(1)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.json()["outcome"] for answer in answers] == ["done", "duplicate", "duplicate"]
    assert shop.row("payment")["status"] == "SUCCESSFUL"
    assert shop.row("order", id=1)["status"] == "paid"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"evt_1"',
        b"\xff\xfe\x00",
        b"{}",
        b'{"object": "event"}',
        b'{"object": "charge", "id": "ch_1"}',
        orjson.dumps(
            {"object": "event", "id": "evt_x", "type": "a.b", "created": 1, "livemode": False}
        ),
        b"[" * 100_000,
        b'{"a":' * 50_000,
    ],
    ids=range(12),
)
def test_junk_is_400_before_any_row(shop: Shop, body: bytes) -> None:
    header = {"Stripe-Signature": f"t={int(time.time())},v1=00"}
    try:
        body.decode()
        answer = post(shop, body)
    except UnicodeDecodeError:
        answer = shop.client.post("/webhooks/stripe", content=body, headers=header)
    assert answer.status_code == 400
    assert answer.json()["code"] in ("not_an_event", "signature_refused")
    assert len(answer.json()["detail"]) > 40
    assert inbox(shop) == []


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (None, "No Stripe-Signature"),
        ("", "No Stripe-Signature"),
        ("t=1", "v1"),
        ("t={now},v0={good}", "v1"),
        ("t={now},v1=0000", "None of the header's v1 signatures fits"),
        ("t={old},v1={oldsig}", "seconds old"),
        ("t={ahead},v1={aheadsig}", "ahead"),
    ],
)
def test_unsigned_stale_or_forged_is_400(shop: Shop, header: str | None, said: str) -> None:
    body = event_for(1)
    now = int(time.time())

    def v1(at: int) -> str:
        return sign(body, SECRET, at).partition("v1=")[2]

    headers = {}
    if header is not None:
        headers["Stripe-Signature"] = header.format(
            now=now,
            good=v1(now),
            old=now - 400,
            oldsig=v1(now - 400),
            ahead=now + 86_400,
            aheadsig=v1(now + 86_400),
        )
    answer = shop.client.post("/webhooks/stripe", content=body, headers=headers)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]
    assert inbox(shop) == []
    assert shop.rows("payment") == []


def test_either_of_two_v1_values_will_do(shop: Shop) -> None:
    body = event_for(1)
    at, _, good = sign(body, SECRET, int(time.time())).partition(",v1=")
    for number, header in enumerate([f"{at},v1=bad,v1={good}", f"{at},v1={good},v1=bad"]):
        answer = shop.client.post(
            "/webhooks/stripe", content=body, headers={"Stripe-Signature": header}
        )
        assert answer.status_code == 200, number


def test_a_body_over_the_cap_is_413(shop: Shop) -> None:
    big = changed(event_for(1), data__object__description="x" * (1024 * 1024))
    assert post(shop, big).status_code == 413

    def chunks() -> Any:
        for start in range(0, len(big), 65_536):
            yield big[start : start + 65_536]

    answer = shop.client.post("/webhooks/stripe", content=chunks())
    assert answer.status_code == 413
    assert inbox(shop) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"data__object__metadata": {}}, "not ours"),
        ({"data__object__metadata": None}, "not ours"),
        ({"data__object__metadata": {"order_id": ""}}, "not ours"),
        ({"data__object__metadata": {"order_id": "abc"}}, "not ours"),
        ({"data__object__metadata": {"order_id": "1", "actionflow_project": "other"}}, "other"),
        ({"livemode": True}, "live event"),
        ({"type": "plan.created"}, "no flow handles plan.created"),
    ],
)
def test_what_is_not_ours_is_200_and_touches_no_row(
    shop: Shop, values: dict[str, Any], said: str
) -> None:
    """Case 19: events for objects that are not ours."""
    before = shop.rows("order")
    answer = post(shop, changed(event_for(1), **values))
    assert (answer.status_code, answer.json()["outcome"]) == (200, "ignored")
    [(_, state, reason)] = inbox(shop)
    assert state == "ignored"
    assert said in (reason or "")
    assert shop.rows("payment") == []
    assert shop.rows("order") == before


def test_the_event_beats_the_order_row(shop: Shop) -> None:
    """Case 6: 500 and not recorded as processed; once the order is there, it is paid."""
    body = event_for(42)
    early = post(shop, body)
    assert (early.status_code, early.json()["code"]) == (500, "flow_failed")
    assert inbox(shop)[0][1] == "waiting"
    assert shop.rows("payment") == []

    def make_order(tx: Any) -> None:
        tx.insert(
            "order", {"id": 42, "user_id": "ada", "item": "x", "amount": 10_000, "currency": "usd"}
        )

    shop.service.writer.submit(make_order).result()
    assert post(shop, body).json()["outcome"] == "done"
    assert shop.row("order", id=42)["status"] == "paid"


def test_twenty_copies_at_once_run_once(shop: Shop) -> None:
    """Cases 2 and 3: the second copy neither crashes nor runs."""
    body = event_for(1)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: post(shop, body), range(20)))
    assert {answer.status_code for answer in answers} == {200}
    outcomes = sorted(answer.json()["outcome"] for answer in answers)
    assert outcomes == ["done"] + ["duplicate"] * 19
    assert len(shop.rows("payment")) == 1


def test_three_events_about_one_payment_have_one_effect(shop: Shop) -> None:
    """Case 3, variant: different event ids for one payment intent."""
    bodies = [changed(event_for(1), id=f"evt_{name}") for name in "abc"]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda body: post(shop, body), bodies))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len(shop.rows("payment")) == 1
    with shop.service.store.reader() as tx:
        runs = tx.execute("SELECT trace FROM actionflow_run")
    taken = [note["case"] for run in runs for note in orjson.loads(run["trace"])[1]["notes"]]
    assert sorted(taken) == ["already processed", "already processed", "paid"]


def test_a_database_that_cannot_write_is_503_and_keeps_nothing(shop: Shop) -> None:
    path = shop.project.database_file
    assert path is not None
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    answer = post(shop, event_for(1))
    other.execute("ROLLBACK")
    other.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert answer.headers["retry-after"]
    assert inbox(shop) == []
    assert post(shop, event_for(1)).json()["outcome"] == "done"


def test_health_and_readiness(shop: Shop) -> None:
    assert shop.client.get("/healthz").json() == {"status": "ok"}
    assert shop.client.get("/readyz").json() == {"status": "ready", "missing": []}
    assert shop.client.get("/webhooks/stripe").status_code == 405


def test_actions_are_described(shop: Shop) -> None:
    document = shop.client.get("/openapi.json").json()
    pay = document["paths"]["/actions/pay"]["post"]
    schema = pay["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["orderId"]
    assert schema["properties"]["orderId"] == {"type": "integer"}
    assert schema["properties"]["mode"]["enum"] == ["elements", "checkout", None]
    assert set(document["paths"]) == {"/actions/pay", "/actions/refund", "/actions/recurring"}


def test_a_thin_event_fetches_its_object(shop: Shop) -> None:
    made = shop.act("pay", {"orderId": 1}).json()
    intent = shop.row("payment", id=made["paymentId"])["transaction_id"]
    shop.stripe().payment_intents.confirm(
        intent, {"payment_method": "pm_card_visa", "return_url": "http://127.0.0.1/back"}
    )
    thin = {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": "v1.payment_intent.succeeded",
        "created": "2026-06-01T00:00:00.000Z",
        "livemode": False,
        "reason": None,
        "related_object": {
            "id": intent,
            "type": "payment_intent",
            "url": f"/v1/payment_intents/{intent}",
        },
    }
    answer = post(shop, orjson.dumps(thin))
    assert answer.json()["outcome"] == "done", answer.text
    assert shop.row("payment")["status"] == "SUCCESSFUL"
    assert shop.row("order", id=1)["status"] == "paid"
    assert post(shop, orjson.dumps(thin)).json()["outcome"] == "duplicate"


def test_a_thin_event_whose_object_cannot_be_fetched_is_sent_again(shop: Shop) -> None:
    shop.no_sdk_retries()
    assert shop.service.actions is not None
    shop.service.stripe = shop.service.actions.stripe  # type: ignore[assignment]
    thin = {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": "v1.payment_intent.succeeded",
        "created": "2026-06-01T00:00:00.000Z",
        "livemode": False,
        "related_object": {
            "id": "pi_x",
            "type": "payment_intent",
            "url": "/v1/payment_intents/pi_x",
        },
    }
    answer = post(shop, orjson.dumps(thin))
    assert (answer.status_code, answer.json()["code"]) == (503, "stripe_unreachable")
    assert inbox(shop) == []
    ping = {**thin, "id": "evt_ping", "type": "v2.core.event_destination.ping"}
    assert post(shop, orjson.dumps(ping)).json()["outcome"] == "ignored"
