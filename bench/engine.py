"""What an event costs from its decoded body to the commit, without HTTP: `python -m bench.engine`.

Processor time, so that whoever else works on the machine disturbs it little; wall time is not told.
"""

from __future__ import annotations

import argparse
import pathlib
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from bench.contestants import Actionflow
from bench.events import body
from engine.collector import quiet_collector
from engine.jobs import Delivery, Job
from engine.project import Project
from engine.receive import Receiver
from engine.stripe.event import load, of
from engine.writer import Writer

PARTS = 8
"""The events are measured in so many parts; the median of them is told, and the least."""


def deliveries(orders: range) -> list[Delivery]:
    """Decoded events for these orders."""
    made = []
    for order in orders:
        raw = body(order)
        data = load(raw)
        made.append(Delivery(data, raw.decode(), of(data), done=Future()))
    return made


def batches(jobs: Sequence[Delivery], size: int) -> Iterator[list[Job]]:
    """The jobs in batches of this size."""
    for at in range(0, len(jobs), size):
        yield list(jobs[at : at + size])


def work(writer: Writer, jobs: Sequence[Delivery], size: int) -> float:
    """Do these jobs as the writer's thread would; microseconds of processor time each."""
    before = time.process_time()
    for batch in batches(jobs, size):
        settlement = writer.committer.commit(batch, careful=False)
        settlement.settle()
        for job in settlement.jobs:
            assert isinstance(job, Delivery)
            if getattr(job.outcome, "outcome", None) != "done":
                raise RuntimeError(f"{job.event} was not done: {job.outcome!r}")
    return (time.process_time() - before) * 1_000_000 / len(jobs)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=32, help="events a transaction (32)")
    parser.add_argument("--folder", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        shop = Actionflow(pathlib.Path(folder), options.events)
        project = Project.open(shop.folder / "flows")
        store = project.store()
        receiver = Receiver(project, "test")
        writer = Writer(store, lambda: receiver)
        jobs = deliveries(range(1, options.events + 1))
        quiet_collector()  # as a server does
        part = len(jobs) // (PARTS + 1) // options.batch * options.batch
        work(writer, jobs[:part], options.batch)  # warms up
        starts = range(part, part * (PARTS + 1), part)
        costs = [work(writer, jobs[at : at + part], options.batch) for at in starts]
        store.close()
    print(
        f"{statistics.median(costs):.1f} us an event, {min(costs):.1f} at best, in batches of "
        f"{options.batch}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
