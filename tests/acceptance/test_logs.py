"""Every line about a run names it and its event, and none holds what a hostile payload brought."""

from __future__ import annotations

import contextlib
import io
import logging
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from engine.logs import Json, Text
from engine.outbox import AT_ONCE
from tests.acceptance.shop import Shop
from tests.acceptance.test_kill import event_for
from tests.acceptance.test_reload import edit
from tests.acceptance.test_webhook import changed, post

CARD = "4242 4242 4242 4242"
SECRETS = (CARD, "sk_live_51H0abcDEF", "whsec_5f2c6a1e7b1d4c57", "pi_3_secret_YrKJUKribc")
HOSTILE = " ".join((*SECRETS, "\r\nlevel=error\n{{ event }} \x1b[31m"))

NOISY = """\
  - {id: callback, type: stripe.payment_callback, locked: true}
  - {id: heard, type: log, message: "{{ event.data.object.description }}"}
  - id: tell
    type: http
    url: "https://10.0.0.{{ callback.orderId }}/{{ event.data.object.description | urlencode }}"
    json: {}
  - id: odd
    type: branch
    cases:
      - name: refused
        when: "{{ event.data.object.description | length > 200 }}"
        do: [{id: no, type: fail, reason: "{{ event.data.object.description }}"}]
      - {name: taken, else: true, do: []}
"""


@contextlib.contextmanager
def heard(form: logging.Formatter) -> Iterator[io.StringIO]:
    """What the server writes to its log, as `actionflow serve` has it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(form)
    log = logging.getLogger("actionflow")
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield written
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def hostile(order: int, description: str = HOSTILE) -> bytes:
    event = orjson.loads(event_for(order))
    event["data"]["object"]["description"] = description
    event["data"]["object"]["client_secret"] = SECRETS[-1]
    return orjson.dumps(event)


@pytest.fixture
def noisy(shop: Shop) -> Shop:
    """The shop with a flow that logs, calls and fails with what the event says."""
    shop.service.reloader.stop()
    locked = "  - {id: callback, type: stripe.payment_callback, locked: true}\n"
    assert edit(shop, "payment_callback.yaml", locked, NOISY)
    return shop


def settle(shop: Shop) -> None:
    """Have the calls that are due made."""
    outbox = shop.service.deliverer.outbox
    shop.service.deliverer.stop()
    while calls := outbox.lease(AT_ONCE):
        for call in calls:
            outbox.deliver(call)


def test_lines_name_the_run_and_hide_what_a_payload_brings(noisy: Shop) -> None:
    long = HOSTILE * 3
    with heard(Json()) as written:
        assert post(noisy, hostile(1)).json()["outcome"] == "done"
        assert post(noisy, hostile(2, long)).status_code == 500
        assert post(noisy, hostile(2, long)).status_code == 500
        post(noisy, hostile(3), secret="whsec_other")
        settle(noisy)
    text = written.getvalue()
    assert [secret for secret in SECRETS if secret in text] == []
    lines: list[dict[str, Any]] = [orjson.loads(line) for line in text.splitlines()]
    said: dict[str, list[str]] = {}
    for line in lines:
        # The process's other tests may have had more refused than it logs.
        earlier = line["message"].endswith("were refused and not logged")
        if line["logger"] != "actionflow.reload" and not earlier:
            said.setdefault(line.get("run", ""), []).append(line["logger"].rpartition(".")[2])
    assert said == {
        "evt_1/1": ["flow", "webhook"],
        "evt_2/1": ["receive", "webhook"],
        "evt_2/2": ["receive", "webhook"],
        "": ["webhook"],
        "call 1": ["outbox", "outbox"],
    }
    assert {line.get("event") for line in lines if "run" in line} == {"evt_1", "evt_2"}
    flows = {line["flow"] for line in lines if line.get("event") == "evt_1"}
    assert flows == {"payment_callback"}


def test_text_lines_name_the_run_too_and_are_one_line_each(noisy: Shop) -> None:
    with heard(Text("%(levelname)s %(message)s")) as written:
        post(noisy, hostile(1))
    text = written.getvalue()
    assert [secret for secret in SECRETS if secret in text] == []
    assert "\x1b" not in text
    assert all(line.endswith("[evt_1/1]") for line in text.splitlines()), text


def test_a_retry_by_the_engine_says_which_it_was(noisy: Shop) -> None:
    with heard(Json()) as written:
        assert post(noisy, changed(hostile(42, "tea"), id="evt_early")).status_code == 500
        row = {"id": 42, "user_id": "ada", "item": "x", "amount": 10_000, "currency": "usd"}
        noisy.service.writer.submit(lambda tx: tx.insert("order", row)).result()
        noisy.service.writer.submit(
            lambda tx: tx.execute("UPDATE actionflow_inbox SET next_try_at = :now", {"now": tx.now})
        ).result()
        noisy.service.writer.look()
        until = time.monotonic() + 60
        while not noisy.rows("payment", order_id=42) and time.monotonic() < until:
            noisy.service.writer.submit(lambda tx: None).result()
        noisy.service.writer.submit(lambda tx: None).result()
    lines = [orjson.loads(line) for line in written.getvalue().splitlines()]
    again = [line for line in lines if "tried again" in line["message"]]
    assert [(line["run"], line["outcome"]) for line in again] == [("evt_early/2", "done")]


def test_lines_of_an_action_name_it(shop: Shop) -> None:
    shop.no_sdk_retries()
    with heard(Json()) as written:
        assert shop.act("pay", {"orderId": 1}).status_code == 200
        shop.control("faults", kind="drop_after", path="/v1/payment_intents")
        assert shop.act("pay", {"orderId": 2}).status_code == 503
    lines = [orjson.loads(line) for line in written.getvalue().splitlines()]
    runs = {line["run"] for line in lines if line["logger"] == "actionflow.actions"}
    assert runs == {"action 1", "action 2"}
