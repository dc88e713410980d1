"""No secret reaches a log, in whatever form it is written."""

from __future__ import annotations

import logging
import sys

import orjson
import pytest

from engine import logs
from engine.access.keys import new_key
from engine.eventlog import EventLog
from engine.logs import Json, Seldom, Text

SECRETS = [
    "sk_live_51H0abcDEF",
    "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "rk_live_abc123",
    "whsec_5f2c6a1e7b1d4c57",
    "af_-Zp2gHR0mA9auev6-QPWTOiBv2yKxsOH5FUxy6hyrY_",
    new_key(),
    "pi_3MtwBw_secret_YrKJUKribcBjcG8HVhfZluoGH",
    "Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc-_def",
    "postgresql://shop:hunter2@db/shop",
    "t=1,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd",
    "4242424242424242",
    "4000 0027 6000 3184",
    "3782-822463-10005",
    "x4242424242424242y",
    "4242%204242%204242%204242",
    "%20sk_live_51H0abcDEF",
]
HARMLESS = [
    "event evt_1NG8Du2eZvKYlo2CUI79vXWy (payment_intent.succeeded): done",
    "order 1234567890123456 is paid",
    "2026-01-01T00:00:00Z took 1234 us",
    "the key 5f2c6a1e-7b1d-4c57-9f7a-000000000012 of half_a_day",
]


def record(message: str, **carried: object) -> logging.LogRecord:
    try:
        raise ValueError(message)
    except ValueError:
        caught = sys.exc_info()
    made = logging.LogRecord("actionflow.x", logging.INFO, "", 0, "said: %s", (message,), caught)
    made.__dict__.update(carried)
    return made


@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))
def test_secrets_are_hidden_in_messages_tracebacks_and_what_is_carried(secret: str) -> None:
    hidden = secret.removeprefix("Bearer ").removeprefix("postgresql://").removesuffix("@db/shop")
    hidden = hidden.removeprefix("t=1,v1=").removeprefix("%20").strip("xy")
    for form in (Text("%(levelname)s %(message)s"), Json()):
        said = form.format(record(secret, reason=f"because of {secret}"))
        assert hidden not in said
        assert said.count("[hidden]") >= 2


@pytest.mark.parametrize("harmless", HARMLESS)
def test_the_rest_stays(harmless: str) -> None:
    assert harmless in Text("%(message)s").format(record(harmless))


def test_json_lines_carry_the_ids() -> None:
    line = Json().format(record("x", event="evt_1", flow="payment_callback", outcome="done"))
    found = orjson.loads(line)
    assert "\n" not in line
    assert found["event"] == "evt_1"
    assert (found["flow"], found["outcome"], found["level"]) == ("payment_callback", "done", "info")
    assert "ValueError" in found["error"]


TOLD = [
    (
        "evt_1NG8Du2eZvKYlo2CUI79vXWy",
        "payment_intent.succeeded",
        "done",
        "payment_callback",
        "evt_1NG8Du2eZvKYlo2CUI79vXWy/2",
    ),
    ("evt_1NG8Du2eZvKYlo2CUI79vXWz", "payout.paid", "ignored", None, None),
    ("4242424242424242", "payout.paid", "ignored", None, None),
    ("evt_x4242424242424242x", "payout.paid", "ignored", None, None),
    ("evt_1", "whsec_5f2c6a1e7b1d4c57", "ignored", None, "evt_1/1"),
    ("evt_1", 'so "called"', "ignored", "sk_live_51H0abcDEF", "evt_1/1"),
]


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_events_line_is_the_one_a_record_would_give(
    form: logs.Form, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_srcfile", "logThreads", "logProcesses", "logMultiprocessing"):
        monkeypatch.setattr(logging, name, getattr(logging, name))
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.5)
    log = logging.getLogger("actionflow.webhook")
    root = logging.root
    level, handlers = root.level, root.handlers[:]
    theirs = logging.NullHandler()
    try:
        logs.set_up(form)
        written = []
        for others in ([], [theirs]):
            root.handlers[1:] = others
            lines = EventLog(log)
            for told in TOLD:
                lines.add(*told)
            assert capsys.readouterr().err == ""
            lines.write()
            written.append(capsys.readouterr().err)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.getLogger("actionflow").setLevel(logging.NOTSET)
    assert written[0] == written[1]
    assert written[0].count("\n") == len(TOLD)
    assert written[0].count("[hidden]") >= 3


def test_a_flood_of_warnings_is_counted_not_written(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0] * 50 + [111.0])
    monkeypatch.setattr("engine.logs.time.monotonic", lambda: next(clock))
    seldom = Seldom(logging.getLogger("actionflow.flood"), most=3, seconds=10)
    for number in range(51):
        seldom.warning("refused: %d", number)
    assert [one.getMessage() for one in caplog.records] == [
        "refused: 0",
        "refused: 1",
        "refused: 2",
        "47 more were refused and not logged",
        "refused: 50",
    ]
