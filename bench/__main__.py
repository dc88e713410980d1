"""`python -m bench`: interleaved rounds, the table, and an audit of rows against acknowledgements."""

from __future__ import annotations

import argparse
import os
import pathlib
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from bench.contestants import CONTESTANTS, Actionflow, Contestant, form
from bench.events import Sent
from bench.measure import measure

WARM_UP = 1.0
"""Seconds of load before the first round, also to see how many events a round needs."""
SPARE = 2.0
"""Deliveries prepared for a round, as a multiple of those the warm-up would need."""
MOST = 25_000
"""Events a second that deliveries are prepared for before the speed is known."""
TARGETS = {"peer": 8.0, "noop": 0.45}
P99 = 5.0


@dataclass(slots=True)
class Round:
    """One contestant under load once. Latencies in milliseconds, `cpu` in microseconds an event."""

    rate: float
    p50: float
    p99: float
    cpu: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds of load a round (3)")
    parser.add_argument("--connections", type=int, default=32, help="keep-alive connections (32)")
    parser.add_argument("--folder", type=pathlib.Path, help="where the databases are made")
    parser.add_argument("--only", action="append", help="noop, peer or actionflow; can be repeated")
    parser.add_argument(
        "--pace", type=float, default=0.5, help="part of its own speed for the paced rounds (0.5)"
    )
    parser.add_argument(
        "--interpreted", action="store_true", help="Actionflow as plain Python, not compiled"
    )
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"load average {os.getloadavg()[0]:.2f}; {cores} cores; Python {sys.version.split()[0]}")
    print(f"Actionflow is {form(options.interpreted)}")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        bench = Bench(options, pathlib.Path(folder))
        return bench.run()


class Bench:
    """Every contestant in turn, round after round."""

    def __init__(self, options: argparse.Namespace, folder: pathlib.Path) -> None:
        self.options = options
        kinds = [kind for kind in CONTESTANTS if not options.only or kind.name in options.only]
        orders = int(MOST * (WARM_UP + 2 * SPARE * options.seconds * options.rounds))
        self.contestants = [kind(folder, orders) for kind in kinds]
        self.acknowledged: dict[str, list[Sent]] = {one.name: [] for one in self.contestants}
        self.speed: dict[str, float] = {}
        self.full: dict[str, list[Round]] = {one.name: [] for one in self.contestants}
        self.paced: dict[str, list[Round]] = {one.name: [] for one in self.contestants}
        self.client: list[float] = []

    def run(self) -> int:
        for one in self.contestants:
            one.start()
        try:
            for one in self.contestants:
                warm = self.load(one, WARM_UP, MOST)
                self.speed[one.name] = warm.rate
            for number in range(self.options.rounds):
                for one in self.contestants:
                    speed = self.speed[one.name]
                    found = self.load(one, self.options.seconds, speed * SPARE)
                    self.full[one.name].append(found)
                    told = f"round {number + 1}  {one.name:<11}{found.rate:8.0f}/s"
                    print(f"{told}  p50 {found.p50:.2f}  p99 {found.p99:.2f} ms", flush=True)
                for one in self.contestants:
                    speed = statistics.median(each.rate for each in self.full[one.name])
                    rate = speed * self.options.pace
                    self.paced[one.name].append(
                        self.load(one, self.options.seconds, rate * 1.1 + 100, rate)
                    )
        finally:
            for one in self.contestants:
                one.stop()
        self.table()
        return self.audit()

    def load(
        self, one: Contestant, seconds: float, most: float, rate: float | None = None
    ) -> Round:
        """One contestant under load; `most` is how many events a second are prepared."""
        found = measure(
            one,
            int(most * seconds) + 64,
            seconds,
            connections=self.options.connections,
            rate=rate,
        )
        result = found.result
        if rate is None:  # paced, it mostly waits
            self.client.append(found.client)
        self.acknowledged[one.name] += result.acknowledged
        return Round(result.rate, result.quantile(0.5), result.quantile(0.99), found.cpu)

    def table(self) -> None:
        """Medians over the rounds, and ratios of Actionflow's."""
        medians = {name: median(rounds) for name, rounds in self.full.items()}
        paced = {name: median(rounds) for name, rounds in self.paced.items()}
        ours = medians.get(Actionflow.name)
        print(f"\nMedians of {self.options.rounds} rounds, {self.options.connections} connections")
        print(
            "              events/s   p50 ms   p99 ms   CPU us  | paced/s   p50 ms   p99 ms | ratio"
        )
        for name, found in medians.items():
            slow = paced[name]
            ratio = f"{ours.rate / found.rate:.2f}" if ours else ""
            print(
                f"{name:<12}{found.rate:10.0f}{found.p50:9.2f}{found.p99:9.2f}{found.cpu:9.0f}"
                f"  |{slow.rate:8.0f}{slow.p50:9.2f}{slow.p99:9.2f} | {ratio}"
            )
        print(f"the client itself: {statistics.median(self.client):.0f} CPU us an event")
        if ours is None:
            return
        for name, wanted in TARGETS.items():
            if name in medians:
                reached = ours.rate / medians[name].rate
                by_cpu = medians[name].cpu / ours.cpu
                print(
                    f"{verdict(reached >= wanted)}: {reached:.2f} of {name}, wanted {wanted}"
                    f" ({by_cpu:.2f} by CPU time, which a busy machine distorts less)"
                )
        for load_, p99 in (("under full load", ours.p99), ("paced", paced[Actionflow.name].p99)):
            print(f"{verdict(p99 < P99)}: p99 {p99:.2f} ms {load_}, wanted under {P99:.0f}")

    def audit(self) -> int:
        """Compare rows with acknowledgements; the exit code."""
        wrong = 0
        for one in self.contestants:
            found = one.audit(self.acknowledged[one.name])
            wrong += len(found)
            count = len(self.acknowledged[one.name])
            print(
                f"audit {one.name:<11}{count} acknowledged: {'; '.join(found) or 'all there, once'}"
            )
        return 1 if wrong else 0


def median(rounds: Sequence[Round]) -> Round:
    """The median of each figure."""
    return Round(
        *(
            statistics.median(getattr(one, name) for one in rounds)
            for name in ("rate", "p50", "p99", "cpu")
        )
    )


def verdict(good: bool) -> str:
    """A word for a target."""
    return "met" if good else "NOT met"


if __name__ == "__main__":
    raise SystemExit(main())
