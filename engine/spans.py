"""OpenTelemetry spans, where its SDK is installed and set up; nothing at all where it is not."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from engine.store.outbox import Call
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
    """Tells of events, actions and calls once they are over, so that spans cost nothing before that.

    They hold ids and words only, nothing of an object of Stripe's and no part of a URL but its host.
    """

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

    def event(
        self, event: Event, outcome: str, flow: str | None, seconds: float, run: str | None = None
    ) -> None:
        """One delivered event that took so long."""
        if self._tracer is not None:
            said = {"event.id": event.id, "event.type": event.type, "outcome": outcome}
            self._tell(f"stripe event {event.type}", seconds, {**said, "flow": flow, "run": run})

    def action(self, name: str, status: int, run: str | None, seconds: float) -> None:
        """One user action, from its request to its answer; `status` is of HTTP."""
        if self._tracer is not None:
            said: dict[str, Any] = {"action": name, "outcome": status, "run": run}
            self._tell(f"action {name}", seconds, said, failed=status >= 500)

    def call(self, call: Call, status: int | None, seconds: float) -> None:
        """One try to make a call of the outbox; `status` is None when no answer came."""
        if self._tracer is not None:
            method = call.call["method"]
            said = {"event.id": call.event_id, "flow": call.flow, "run": f"call {call.id}"}
            more = {
                "http.request.method": method,
                "server.address": urlsplit(call.call["url"]).hostname,
                "http.response.status_code": status,
                "http.request.resend_count": call.tries,
            }
            failed = status is None or status >= 400
            self._tell(f"{method} {call.flow}/{call.node}", seconds, said, more, failed=failed)

    def _tell(
        self,
        name: str,
        seconds: float,
        said: Mapping[str, Any],
        more: Mapping[str, Any] | None = None,
        *,
        failed: bool = False,
    ) -> None:
        from opentelemetry.trace import StatusCode

        ended = time.time_ns()
        found = {f"actionflow.{key}": value for key, value in said.items()} | (dict(more or {}))
        span = self._tracer.start_span(
            name,
            start_time=ended - int(seconds * 1_000_000_000),
            attributes={key: value for key, value in found.items() if value is not None},
        )
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end(ended)
