"""The HTTP rules around every operation: keys, parameters, idempotency, lists, faults."""

import concurrent.futures
import threading
from typing import Any

import httpx
import pytest
import stripe

from tests.standin.support import KEY, Shop


def _intent(**more: str) -> dict[str, str]:
    return {"amount": "500", "currency": "usd", **more}


@pytest.mark.parametrize("key", ["sk_live_x", "rk_live_x", "pk_live_x"])
def test_live_keys_are_refused(shop: Shop, key: str) -> None:
    answer = httpx.get(f"{shop.url}/v1/customers", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 401
    assert "stand-in" in answer.json()["error"]["message"]


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer nonsense", "Basic !!!"])
def test_other_keys_are_refused_as_stripe_does(shop: Shop, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    answer = httpx.get(f"{shop.url}/v1/customers", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_basic_authentication_and_headers(shop: Shop) -> None:
    answer = httpx.get(f"{shop.url}/v1/customers", auth=(KEY, ""))
    assert answer.status_code == 200
    assert answer.headers["request-id"].startswith("req_")
    assert answer.headers["stripe-stand-in"]


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"amount": "500", "currency": "usd", "colour": "red"}, "parameter_unknown", "colour"),
        ({"amount": "500", "currency": "usd", "shipping[x]": "1"}, "parameter_unknown", None),
        ({"currency": "usd"}, "parameter_missing", "amount"),
        ({"amount": "5.0", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "0", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "49", "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": "100000000", "currency": "usd"}, "amount_too_large", "amount"),
        ({"amount": "12345", "currency": "kwd"}, "parameter_invalid_integer", "amount"),
        ({"amount": "500", "currency": "xxx"}, None, "currency"),
        ({"amount": "500", "currency": "usd", "confirm": "yes"}, None, "confirm"),
        ({"amount": "500", "currency": "usd", "capture_method": "x"}, None, "capture_method"),
        (
            {"amount": "500", "currency": "usd", "customer": "cus_no"},
            "resource_missing",
            "customer",
        ),
        (
            {"amount": "500", "currency": "usd", "payment_method": "pm_no"},
            "resource_missing",
            "payment_method",
        ),
    ],
)
def test_bad_parameters_are_named(
    shop: Shop, given: dict[str, str], code: str | None, param: str | None
) -> None:
    answer = shop.http.post("/v1/payment_intents", data=given)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert error.get("code") == code
    assert param is None or error["param"] == param
    assert shop.state.table("payment_intent") == {}


def test_what_is_not_there_is_404(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.v1.payment_intents.retrieve("pi_no")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    assert shop.http.get("/v1/issuing/cards").status_code == 404


def test_the_same_key_and_parameters_replay_the_answer(shop: Shop) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = shop.http.post("/v1/payment_intents", data=_intent(), headers=headers)
    again = shop.http.post("/v1/payment_intents", data=_intent(), headers=headers)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]
    assert len(shop.state.table("payment_intent")) == 1
    other = shop.http.post("/v1/payment_intents", data=_intent(description="x"), headers=headers)
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")


def test_a_declined_answer_is_replayed_too_and_a_bad_request_is_not_kept(shop: Shop) -> None:
    headers = {"Idempotency-Key": "k2"}
    given = _intent(
        payment_method="pm_card_chargeDeclined", confirm="true", return_url="https://shop.test"
    )
    first = shop.http.post("/v1/payment_intents", data=given, headers=headers)
    again = shop.http.post("/v1/payment_intents", data=given, headers=headers)
    assert (first.status_code, again.status_code) == (402, 402)
    assert len(shop.state.table("payment_intent")) == 1
    headers = {"Idempotency-Key": "k3"}
    bad = shop.http.post("/v1/payment_intents", data={"amount": "500"}, headers=headers)
    good = shop.http.post("/v1/payment_intents", data=_intent(), headers=headers)
    assert (bad.status_code, good.status_code) == (400, 200)


def test_a_key_in_use_is_a_conflict(shop: Shop) -> None:
    shop.control("faults", kind="hang")
    headers = {"Idempotency-Key": "k4"}
    answers: list[httpx.Response] = []

    def first() -> None:
        answers.append(shop.http.post("/v1/customers", data={}, headers=headers))

    thread = threading.Thread(target=first)
    thread.start()
    while not shop.http.get("/_standin/requests").json()["data"]:
        pass
    second = httpx.post(
        f"{shop.url}/v1/customers", headers=headers | {"Authorization": f"Bearer {KEY}"}
    )
    assert second.status_code == 409
    shop.control("faults/release")
    thread.join()
    assert answers[0].status_code == 200
    assert len(shop.state.table("customer")) == 1


@pytest.mark.parametrize(
    ("kind", "made"), [("error", 0), ("error_after", 1), ("drop_before", 0), ("drop_after", 1)]
)
def test_a_retry_under_the_same_key_makes_one_object_whatever_went_wrong(
    shop: Shop, kind: str, made: int
) -> None:
    shop.control("faults", kind=kind)
    headers = {"Idempotency-Key": "k5"}
    if kind.startswith("drop"):
        with pytest.raises(httpx.TransportError):
            shop.http.post("/v1/customers", data={}, headers=headers)
    else:
        assert shop.http.post("/v1/customers", data={}, headers=headers).status_code == 500
    assert len(shop.state.table("customer")) == made
    again = shop.http.post("/v1/customers", data={}, headers=headers)
    assert again.status_code == 200
    assert ("idempotent-replayed" in again.headers) == bool(made)
    assert len(shop.state.table("customer")) == 1


def test_the_sdk_retries_a_lost_answer_by_itself(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *args: 0)
    client = stripe.StripeClient(KEY, base_addresses={"api": shop.url}, max_network_retries=2)
    shop.control("faults", kind="drop_after")
    shop.control("faults", kind="error")
    client.v1.customers.create({"email": "once@example.com"})
    assert len(shop.state.table("customer")) == 1


@pytest.mark.parametrize("kind", ["rate_limit", "lock_timeout"])
def test_too_many_requests(shop: Shop, kind: str) -> None:
    shop.control("faults", kind=kind, method="GET", path="/v1/customers")
    shop.v1.prices.list()
    with pytest.raises(stripe.RateLimitError):
        shop.v1.customers.list()
    assert shop.v1.customers.list().data == []


def test_requests_are_remembered(shop: Shop) -> None:
    shop.v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "mine"})
    [entry] = shop.http.get("/_standin/requests").json()["data"]
    assert (entry["method"], entry["path"], entry["status"]) == ("POST", "/v1/customers", 200)
    assert entry["idempotency_key"] == "mine"
    assert entry["params"] == {"email": "a@example.com"}


def test_lists_come_in_pages_newest_first(shop: Shop) -> None:
    made = [shop.v1.customers.create({"name": str(n)}).id for n in range(5)]
    first = shop.v1.customers.list({"limit": 2})
    assert [c.id for c in first.data] == made[:2:-1]
    assert first.has_more is True
    rest = shop.v1.customers.list({"limit": 3, "starting_after": made[3]})
    assert ([c.id for c in rest.data], rest.has_more) == (made[2::-1], False)
    back = shop.v1.customers.list({"limit": 2, "ending_before": made[0]})
    assert ([c.id for c in back.data], back.has_more) == ([made[2], made[1]], True)
    assert [c.id for c in shop.v1.customers.list({"limit": 2}).auto_paging_iter()] == made[::-1]
    for bad in ({"limit": 0}, {"limit": 101}, {"starting_after": "cus_no"}):
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.customers.list(bad)
    created = shop.state.table("customer")[made[0]]["created"]
    assert len(shop.v1.customers.list({"created": {"gte": created}}).data) == 5
    assert shop.v1.customers.list({"created": {"gt": created}}).data == []


def test_expansion_reaches_into_lists_and_has_its_limits(shop: Shop) -> None:
    intent = shop.pay()
    shop.v1.refunds.create({"payment_intent": intent.id})
    listed = shop.v1.refunds.list({"expand": ["data.charge.payment_intent"]})
    assert listed.data[0].charge.payment_intent.id == intent.id
    for path in ("nothing", "amount", "latest_charge.no", "a.b.c.d.e"):
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.payment_intents.retrieve(intent.id, {"expand": [path]})


def test_metadata_is_merged_and_bounded(shop: Shop) -> None:
    customer = shop.v1.customers.create({"metadata": {"a": "1", "b": "2"}})
    changed = shop.v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})
    assert dict(changed.metadata.to_dict()) == {"b": "2", "c": "3"}
    previous = shop.events()[-1]["data"]["previous_attributes"]
    assert previous == {"metadata": {"a": "1", "c": None}}
    assert shop.v1.customers.update(customer.id, {"metadata": ""}).metadata.to_dict() == {}
    too_many: Any = {f"k{n}": "v" for n in range(51)}
    for bad in ({"k" * 41: "v"}, {"k": "v" * 501}, too_many):
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.customers.update(customer.id, {"metadata": bad})


def test_an_update_that_changes_nothing_makes_no_event(shop: Shop) -> None:
    customer = shop.v1.customers.create({"name": "A"})
    shop.v1.customers.update(customer.id, {"name": "A"})
    assert shop.kinds() == ["customer.created"]


def test_reset_forgets_but_may_keep_the_endpoints(shop: Shop) -> None:
    shop.v1.webhook_endpoints.create({"url": "http://127.0.0.1:1/h", "enabled_events": ["*"]})
    shop.control("delivery", hold=True)
    shop.pay()
    shop.control("reset", keep_webhooks=True)
    assert shop.events() == []
    assert len(shop.v1.webhook_endpoints.list().data) == 1
    shop.control("reset")
    assert shop.v1.webhook_endpoints.list().data == []


def test_control_routes_refuse_nonsense(shop: Shop) -> None:
    intent = shop.pay()
    for path, given in (
        ("delivery", {"speed": 1}),
        ("delivery", {"mode": "sideways"}),
        ("faults", {"kind": "earthquake"}),
        ("faults", {}),
        (f"payment_intents/{intent.id}/settle", {"outcome": "maybe"}),
        (f"payment_intents/{intent.id}/settle", {}),
    ):
        assert shop.http.post(f"/_standin/{path}", json=given).status_code == 400
    assert shop.http.post("/_standin/clock", content=b"{").status_code == 400
    assert shop.http.post("/_standin/refunds/re_no/fail", json={}).status_code == 404


def test_search_finds_by_metadata_and_status(shop: Shop) -> None:
    paid = shop.pay(metadata={"order_id": "42"})
    shop.pay(metadata={"order_id": "43"})
    query = "status:'succeeded' AND metadata['order_id']:'42'"
    assert [i.id for i in shop.v1.payment_intents.search({"query": query}).data] == [paid.id]
    either = 'metadata["order_id"]:"42" OR metadata["order_id"]:"43"'
    assert len(shop.v1.payment_intents.search({"query": either, "limit": 1}).data) == 1
    pages = shop.v1.payment_intents.search({"query": either, "limit": 1})
    assert len(list(pages.auto_paging_iter())) == 2
    assert shop.v1.charges.search({"query": "amount>1000"}).data == []
    assert len(shop.v1.charges.search({"query": "-metadata['order_id']:'42'"}).data) == 1
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.charges.search({"query": "amount>"})


def test_there_is_an_account(shop: Shop) -> None:
    assert shop.v1.accounts.retrieve_current().charges_enabled is True


def test_other_sites_in_the_same_browser_stay_out(shop: Shop) -> None:
    foreign = {"Origin": "https://evil.example"}
    assert shop.http.post("/_standin/reset", headers=foreign, json={}).status_code == 403
    assert shop.http.get("/v1/customers", headers={"Host": "evil.example"}).status_code == 400


def test_the_clock_goes_forward_only(shop: Shop) -> None:
    now = shop.control("clock")["now"]
    assert shop.control("clock", advance=5)["now"] == now + 5
    assert shop.http.post("/_standin/clock", json={"to": now}).status_code == 400
    assert shop.control("clock", freeze=now)["now"] == now


def test_the_same_key_at_once_makes_one_object(shop: Shop) -> None:
    def create(number: int) -> int:
        headers = {"Idempotency-Key": "once"}
        return shop.http.post("/v1/customers", data={"name": "A"}, headers=headers).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(create, range(16))) <= {200, 409}
    assert len(shop.state.table("customer")) == 1


def test_a_person_at_the_root_is_told_what_this_is(shop: Shop) -> None:
    assert "Stand-in for Stripe" in shop.http.get("/").text
