"""Spans tell of events when the SDK is there, and hold nothing of a customer."""

from __future__ import annotations

from typing import Any

import pytest

from engine.metrics import MOST_TYPES, Metrics
from engine.outbox import Outcome
from engine.spans import Spans
from engine.store.outbox import Call
from engine.stripe.event import decode
from tests.acceptance.shop import Shop
from tests.acceptance.test_kill import event_for


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Where spans end up."""
    trace = pytest.importorskip("opentelemetry.trace", reason="OpenTelemetry is not installed")
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="its SDK is not installed")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    found = InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(found))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return found


def test_a_span_has_ids_and_the_time(exporter: Any) -> None:
    Spans().event(decode(event_for(7)), "done", "payment_callback", 0.25, "evt_7/1")
    [span] = exporter.get_finished_spans()
    assert span.name == "stripe event payment_intent.succeeded"
    assert span.end_time - span.start_time == 250_000_000
    assert dict(span.attributes) == {
        "actionflow.event.id": "evt_7",
        "actionflow.event.type": "payment_intent.succeeded",
        "actionflow.outcome": "done",
        "actionflow.flow": "payment_callback",
        "actionflow.run": "evt_7/1",
    }


def test_actions_and_calls_have_spans_of_their_own(shop: Shop, exporter: Any) -> None:
    shop.service.spans = Spans()
    assert shop.act("pay", {"orderId": 1}).status_code == 200
    assert shop.act("steal", {"orderId": 1}).status_code == 403
    call = Call(
        id=3,
        key="k",
        origin="evt_1",
        flow="payment_callback",
        flow_digest="d",
        node="tell",
        event_id="evt_1",
        state="waiting",
        call={"method": "POST", "url": "https://user:secret@warehouse.example/ada?token=secret"},
        retry={"tries": 8},
        kept=None,
        tries=2,
        block_tries=0,
        block_reason=None,
        next_try_at=None,
        status=None,
        reason=None,
        created_at="",
        finished_at=None,
        gave_up_at=None,
        lease_until=None,
    )
    shop.service.tell_of_call(call, Outcome(False, None, "no answer"), 1.5)
    pay, steal, told = exporter.get_finished_spans()
    assert (pay.name, pay.status.is_ok or pay.status.is_unset) == ("action pay", True)
    assert dict(pay.attributes) == {
        "actionflow.action": "pay",
        "actionflow.outcome": 200,
        "actionflow.run": "action 1",
    }
    assert steal.name == "action other"
    assert (told.name, told.status.is_ok) == ("POST payment_callback/tell", False)
    assert told.end_time - told.start_time == 1_500_000_000
    assert dict(told.attributes) == {
        "actionflow.event.id": "evt_1",
        "actionflow.flow": "payment_callback",
        "actionflow.run": "call 3",
        "http.request.method": "POST",
        "server.address": "warehouse.example",
        "http.request.resend_count": 2,
    }
    assert shop.service.metrics.calls == {"failed": 1}
    assert shop.service.metrics.actions == {("pay", "200"): 1, ("other", "403"): 1}


def test_types_of_events_cannot_make_numbers_without_end() -> None:
    counted = Metrics()
    for number in range(MOST_TYPES + 50):
        counted.event(f"made.up.{number}", "ignored")
    counted.event("made.up.1", "ignored")
    assert len(counted.events) == MOST_TYPES + 1
    assert counted.events["other", "ignored"] == 50
    assert counted.events["made.up.1", "ignored"] == 2


def test_without_a_provider_nothing_is_told() -> None:
    spans = Spans()
    assert spans._tracer is None
    spans.event(decode(event_for(7)), "done", None, 0.1)
