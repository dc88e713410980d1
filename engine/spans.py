"""OpenTelemetry spans, where its SDK is installed and set up; nothing at all where it is not."""

from __future__ import annotations

import importlib
import os
import time
from typing import Any

from engine.stripe.event import Event

EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


def set_up() -> None:
    """Export by OTLP when OTEL_EXPORTER_OTLP_ENDPOINT is set and the exporter is installed.

    Not needed under `opentelemetry-instrument`, which sets up its own.
    """
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        otlp = importlib.import_module(EXPORTER)
    except ImportError:
        return
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(otlp.OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


class Spans:
    """Tells of each event, after it was answered, so that spans cost nothing before that."""

    def __init__(self) -> None:
        self._tracer: Any = None
        try:
            from opentelemetry import trace
            from opentelemetry.sdk.trace import TracerProvider
        except ImportError:
            return
        provider = trace.get_tracer_provider()
        if isinstance(provider, TracerProvider):
            self._tracer = provider.get_tracer("actionflow")

    def event(self, event: Event, outcome: str, flow: str | None, seconds: float) -> None:
        """One delivered event that took so long; ids and words only, nothing of its object."""
        if self._tracer is None:
            return
        ended = time.time_ns()
        span = self._tracer.start_span(
            f"stripe event {event.type}",
            start_time=ended - int(seconds * 1_000_000_000),
            attributes={
                "actionflow.event.id": event.id,
                "actionflow.event.type": event.type,
                "actionflow.outcome": outcome,
                "actionflow.flow": flow or "",
            },
        )
        span.end(ended)
