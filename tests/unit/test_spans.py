"""Spans tell of events when the SDK is there, and hold nothing of a customer."""

from __future__ import annotations

import pytest

from engine.spans import Spans
from engine.stripe.event import decode
from tests.acceptance.test_kill import event_for


def test_a_span_has_ids_and_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = pytest.importorskip("opentelemetry.trace", reason="OpenTelemetry is not installed")
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="its SDK is not installed")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    Spans().event(decode(event_for(7)), "done", "payment_callback", 0.25)
    [span] = exporter.get_finished_spans()
    assert span.name == "stripe event payment_intent.succeeded"
    assert span.end_time - span.start_time == 250_000_000
    assert dict(span.attributes) == {
        "actionflow.event.id": "evt_7",
        "actionflow.event.type": "payment_intent.succeeded",
        "actionflow.outcome": "done",
        "actionflow.flow": "payment_callback",
    }


def test_without_a_provider_nothing_is_told() -> None:
    spans = Spans()
    assert spans._tracer is None
    spans.event(decode(event_for(7)), "done", None, 0.1)
