"""GET /metrics: what was counted and how the queues stand, in Prometheus's text format.

It holds no secret and no customer's data, but it tells how much is sold: keep it from the public
(docs/operations.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from engine import __version__
from engine.metrics import Histogram
from engine.store import inbox, outbox
from engine.store.base import StoreError
from engine.stripe.event import second_of
from engine.web.problems import problem
from engine.web.service import Service

L = TypeVar("L", bound=tuple[str, ...])


async def metrics(request: Request) -> Response:
    """All of it; 503 while the database cannot be read."""
    service: Service = request.app.state.service
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Numbers(service))
    try:
        text = await run_in_threadpool(generate_latest, registry)
    except StoreError as error:
        return problem(503, "busy", str(error))
    return Response(text, media_type=CONTENT_TYPE_LATEST)


class Numbers(Collector):
    """The numbers of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        service, counted = self._service, self._service.metrics
        yield _counter("events", "Delivered events.", ("type", "outcome"), counted.events)
        yield _counter(
            "refused",
            "Deliveries refused before anything was kept.",
            ("reason",),
            _labelled(counted.refused),
        )
        yield _counter(
            "calls",
            "Tries to make calls of the outbox.",
            ("outcome",),
            _labelled(counted.calls),
        )
        yield _counter("actions", "User actions.", ("action", "status"), counted.actions)
        yield _counter(
            "retries",
            "Events the engine ran again by itself.",
            ("outcome",),
            _labelled(counted.retries),
        )
        yield _histogram(
            "event_seconds", "From a delivery's headers to its answer.", counted.seconds
        )
        yield _histogram("batch_jobs", "Events and other work a transaction.", counted.batches)
        if service.front is not None:
            restarts = CounterMetricFamily(
                "actionflow_front_restarts",
                "Fronts that were started because one had ended or did not answer.",
            )
            restarts.add_metric([], service.front.restarts)
            yield restarts
            yield _gauge(
                "front_deliveries",
                "Deliveries the front had sent on and that were not answered when it was last asked.",
                service.front.waiting,
            )
        yield _gauge("queue_jobs", "Work in memory, not begun.", service.writer.waiting)
        yield _gauge("subscribers", "Open streams of live results.", len(service.hub))
        yield from self._queues()
        version = GaugeMetricFamily(
            "actionflow_build", "The version that runs.", labels=["version"]
        )
        version.add_metric([__version__], 1)
        yield version

    def _queues(self) -> Iterator[Metric]:
        """How inbox and outbox stand in the database, for all server processes."""
        service = self._service
        with service.store.reader() as tx:
            unfinished = inbox.backlog(tx)
            calls = outbox.counts(tx)
        events = GaugeMetricFamily(
            "actionflow_inbox_events", "Events that are not finished, by state.", labels=["state"]
        )
        for state in ("received", "waiting", "dead"):
            events.add_metric([state], unfinished.get(state, (0, ""))[0])
        yield events
        oldest = min(
            (since for state, (_, since) in unfinished.items() if state != "dead"), default=""
        )
        age = max(service.receiver.now() - second_of(oldest), 0.0) if oldest else 0.0
        yield _gauge("inbox_age_seconds", "Age of the oldest event that is to be tried again.", age)
        waiting = GaugeMetricFamily(
            "actionflow_outbox_calls", "Calls that are not finished, by state.", labels=["state"]
        )
        for state, count in calls.items():
            waiting.add_metric([state], count)
        yield waiting


def _labelled(counts: Mapping[str, int]) -> dict[tuple[str, ...], int]:
    """Counts under one label; copied first, as other threads go on counting."""
    return {(label,): count for label, count in dict(counts).items()}


def _counter(name: str, help: str, labels: tuple[str, ...], counts: Mapping[L, int]) -> Metric:
    family = CounterMetricFamily(f"actionflow_{name}", help, labels=labels)
    for values, count in dict(counts).items():
        family.add_metric(list(values), count)
    return family


def _gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(f"actionflow_{name}", help, value=value)


def _histogram(name: str, help: str, histogram: Histogram) -> Metric:
    return HistogramMetricFamily(
        f"actionflow_{name}", help, buckets=histogram.buckets(), sum_value=histogram.total
    )
