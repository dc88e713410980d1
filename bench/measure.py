"""One contestant under load once: what came of it, and what it cost."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench import load
from bench.contestants import Contestant
from bench.events import deliveries


@dataclass(frozen=True, slots=True)
class Measured:
    """`cpu` is the server's processor time, `client` that of the load client: microseconds an event."""

    result: load.Result
    cpu: float
    client: float


def measure(
    one: Contestant,
    most: int,
    seconds: float,
    *,
    connections: int = 32,
    rate: float | None = None,
) -> Measured:
    """Events for so many seconds; `most` are prepared. Raises RuntimeError when one is refused."""
    prepared = list(deliveries(one.take(most)))
    before, mine = one.cpu(), time.process_time()
    result = load.run(prepared, one.port, seconds=seconds, connections=connections, rate=rate)
    spent, own = one.cpu() - before, time.process_time() - mine
    if result.refused:
        raise RuntimeError(f"{one.name} refused: {result.refused[0]!r:.500}")
    an_event = 1_000_000 / max(len(result.acknowledged), 1)
    return Measured(result, spent * an_event, own * an_event)
