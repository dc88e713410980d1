"""From commit to client: `python -m bench.live`, thousands of subscribers of one server process.

Two kinds of subscribers, each with and without forced reconnects: `own row` is a customer with a key
of his own who may read his order only, and `table` is staff who watch every order. After each the
audit: everyone has seen every change that concerns him exactly once and in order.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

import uvloop

from bench.contestants import Actionflow
from bench.live_client import Crowd, Watcher
from engine.access import keys
from engine.cli.serve import many_files
from engine.project import Project


@dataclass(frozen=True, slots=True)
class Load:
    """Who watches, how many changes a second, and how often each client is cut off on the way."""

    name: str
    everything: bool
    rate: float
    cuts: float


class Watched(Actionflow):
    """The shop with an order, and a key, for every subscriber."""

    name = "live"
    stdin = stdout = subprocess.PIPE
    version = 0

    def prepare(self) -> None:
        super().prepare()
        project = Project.open(self.folder / "flows")
        store = project.store()
        with store.transaction() as tx:
            self.staff = keys.create(tx, project.file, role="admin")
            self.customers = []
            for number in range(1, self.orders + 1):
                tx.update("order", {"id": number}, {"user_id": f"u{number}"})
                self.customers.append(
                    keys.create(tx, project.file, role="customer", caller=f"u{number}")
                )
        store.close()

    def words(self, port: int) -> Sequence[str]:
        return ("bench.live_server", "flows", str(port))

    def watchers(self, everything: bool) -> list[Watcher]:
        if everything:
            return [Watcher(self.staff) for _ in self.customers]
        return [Watcher(key) for key in self.customers]


class Bench:
    """One load after another on one server, and what came of it."""

    def __init__(self, options: argparse.Namespace, shop: Watched) -> None:
        self.options = options
        self.shop = shop
        self.wrong = 0

    async def run(self, loads: Sequence[Load]) -> int:
        print(
            "subscribers             here in s  changes/s  messages/s   p50 ms   p99 ms   max ms"
            "  CPU %  KiB each  reconnects",
            flush=True,
        )
        for load in loads:
            await self.one(load)
        return 1 if self.wrong else 0

    async def one(self, load: Load) -> None:
        shop, seconds = self.shop, self.options.seconds
        watchers = shop.watchers(load.everything)
        crowd = Crowd(shop.port, watchers)
        before = shop.memory()
        arrival = await crowd.gather()
        each = (shop.memory() - before) * 1024 / len(watchers)
        cpu, began = shop.cpu(), time.perf_counter()
        changing = asyncio.create_task(self.change(load.rate))
        if load.cuts:
            await crowd.cut(seconds, load.cuts)
        made = await changing
        used = (shop.cpu() - cpu) / (time.perf_counter() - began)
        await crowd.settled(len(made) * (len(watchers) if load.everything else 1))
        crowd.end()
        told = audit(load, watchers, made)
        self.wrong += len(told)
        latencies = sorted(
            (at - made[version][1]) / 1e6
            for one in watchers
            for version, at in one.seen
            if version in made
        )
        p50, p99, most = (
            latencies[min(int(len(latencies) * part), len(latencies) - 1)]
            for part in (0.5, 0.99, 1)
        )
        again = sum(one.connections for one in watchers) - len(watchers)
        print(
            f"{len(watchers):6} {load.name:<16}{arrival:9.1f}{load.rate:11.0f}{len(latencies) / seconds:12.0f}"
            f"{p50:9.2f}{p99:9.2f}{most:9.2f}{used * 100:7.0f}{each:10.1f}{again:12}",
            flush=True,
        )
        print(
            f"       audit: {'; '.join(told) or 'every change seen by everyone it concerns, once, in order'}",
            flush=True,
        )
        await asyncio.sleep(1)

    async def change(self, rate: float) -> dict[int, tuple[int, int]]:
        """Have the server change rows; by version, the row and when it was committed."""
        shop = self.shop
        to = shop.folder / "made.json"
        asked = {
            "rows": shop.orders,
            "seconds": self.options.seconds,
            "rate": rate,
            "version": shop.version,
            "to": str(to),
        }
        assert shop.process.stdin is not None
        assert shop.process.stdout is not None
        shop.process.stdin.write(json.dumps(asked).encode() + b"\n")
        shop.process.stdin.flush()
        await asyncio.to_thread(shop.process.stdout.readline)
        written = json.loads(to.read_text())
        shop.version = written["version"]
        return {version: (row, at) for row, version, at in written["made"]}


def audit(load: Load, watchers: Sequence[Watcher], made: dict[int, tuple[int, int]]) -> list[str]:
    """What somebody missed, saw twice, out of order, or should not have seen."""
    everything = sorted(made)
    by_row: dict[int, list[int]] = {}
    for version in everything:
        by_row.setdefault(made[version][0], []).append(version)
    missed = doubled = disordered = strange = 0
    for row, one in enumerate(watchers, 1):
        wanted = everything if load.everything else by_row.get(row, [])
        seen = [version for version, _ in one.seen]
        if seen == wanted:
            continue
        missed += len(set(wanted) - set(seen))
        strange += len(set(seen) - set(wanted))
        doubled += len(seen) - len(set(seen))
        disordered += seen != sorted(seen)
    resets = sum(one.resets for one in watchers)
    found = {
        "missed": missed,
        "doubled": doubled,
        "out of order": disordered,
        "not theirs": strange,
        "resets": resets,
    }
    return [f"{count} {name}" for name, count in found.items() if count]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("--subscribers", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds of each load (10)")
    parser.add_argument("--rate", type=float, default=500, help="changes a second, own rows (500)")
    parser.add_argument(
        "--table-rate", type=float, default=2, help="the same where all watch the table (2)"
    )
    parser.add_argument("--cuts", type=float, default=1.0, help="times each client is cut off (1)")
    parser.add_argument("--folder", type=pathlib.Path, help="where the database is made")
    parser.add_argument("--only", choices=("own", "table"), help="one kind of subscribers")
    options = parser.parse_args()
    many_files()
    cores = len(os.sched_getaffinity(0))
    print(f"load average {os.getloadavg()[0]:.2f}; {cores} cores; Python {sys.version.split()[0]}")
    loads = [
        Load("own row", False, options.rate, 0),
        Load("own row, cut off", False, options.rate, options.cuts),
        Load("table", True, options.table_rate, 0),
        Load("table, cut off", True, options.table_rate, options.cuts),
    ]
    if options.only:
        loads = [load for load in loads if load.everything == (options.only == "table")]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        shop = Watched(pathlib.Path(folder), options.subscribers)
        shop.start()
        try:
            return uvloop.run(Bench(options, shop).run(loads))
        finally:
            shop.stop()


if __name__ == "__main__":
    raise SystemExit(main())
