"""How long does an event take at a given load? `python -m bench.rates 500 1000 2000 4000`.

Events come evenly, so many a second over 32 connections, and an event's latency counts from when it
is due. The rates take turns, so that a machine that grows slower does so for all of them.
"""

from __future__ import annotations

import argparse
import pathlib
import statistics
import tempfile

from bench.contestants import Actionflow, form
from bench.events import Sent
from bench.measure import measure

WARM_UP = 3_000
"""Events a second of the first round, which does not count."""
QUANTILES = (0.5, 0.9, 0.99)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.rates", description=__doc__)
    parser.add_argument("rates", type=int, nargs="+", help="events a second")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each rate (5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds of a round (3)")
    parser.add_argument("--folder", type=pathlib.Path, help="where the database is made")
    parser.add_argument("--interpreted", action="store_true", help="as plain Python, not compiled")
    options = parser.parse_args()
    print(f"Actionflow is {form(options.interpreted)}")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        rounds = [WARM_UP, *options.rates * options.rounds]
        orders = 1 + sum(prepared_for(rate, options.seconds) for rate in rounds)
        shop = Actionflow(pathlib.Path(folder), orders)
        shop.start()
        try:
            sent, found = loaded(shop, options.rates, options.rounds, options.seconds)
        finally:
            shop.stop()
        print("  events/s   p50 ms   p90 ms   p99 ms   p99 of the rounds   CPU us")
        for rate, rows in found.items():
            *middle, cpu = map(statistics.median, zip(*rows, strict=True))
            each = " ".join(f"{row[2]:.1f}" for row in sorted(rows, key=lambda row: row[2]))
            told = "".join(f"{one:9.2f}" for one in middle)
            print(f"{rate:10}{told}   {each:<20}{cpu:6.0f}")
        wrong = shop.audit(sent)
        print(f"audit: {len(sent)} acknowledged: {'; '.join(wrong) or 'all there, once'}")
    return 1 if wrong else 0


def loaded(
    shop: Actionflow, rates: list[int], rounds: int, seconds: float
) -> tuple[list[Sent], dict[int, list[tuple[float, ...]]]]:
    """What was acknowledged, and for each rate a row of QUANTILES (ms) and processor time (us an event)
    for each round."""
    warm = measure(shop, prepared_for(WARM_UP, seconds), seconds, rate=WARM_UP)
    sent = [*warm.result.acknowledged]
    found: dict[int, list[tuple[float, ...]]] = {rate: [] for rate in rates}
    for _ in range(rounds):
        for rate, rows in found.items():
            one = measure(shop, prepared_for(rate, seconds), seconds, rate=rate)
            rows.append((*map(one.result.quantile, QUANTILES), one.cpu))
            sent += one.result.acknowledged
    return sent, found


def prepared_for(rate: int, seconds: float) -> int:
    """Events for a round, and a few more than are due."""
    return int(rate * seconds) + 64


if __name__ == "__main__":
    raise SystemExit(main())
