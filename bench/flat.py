"""Does an event cost more among millions of payments? `python -m bench.flat 10000 1000000`.

The sizes take turns, so that a machine that grows slower does so for all of them. "KiB read" an event
are the event itself and the pages that the server did not have in memory.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import sqlite3
import statistics
import tempfile
from collections.abc import Iterator

from bench.contestants import Actionflow
from bench.events import CREATED, stripe_id
from bench.measure import measure

FRESH = 200_000
"""Orders for the events of the measurement."""
AT = "2026-05-28T00:00:00Z"

Row = tuple[float, float, float, float, float]
"""Events a second, p50 and p99 in ms, processor time in us and KiB read an event."""


class Aged(Actionflow):
    """A shop with so many payments already. Their payloads and traces are left short: what grows
    with them is the file, and not the trees an event goes down."""

    def __init__(self, folder: pathlib.Path, past: int) -> None:
        self.past = past
        super().__init__(folder, past + FRESH)
        self.given = past + 1
        self.fill()

    def fill(self) -> None:
        """The past: paid orders, their payments, events and runs."""
        db = sqlite3.connect(self.path, isolation_level=None)
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN")
        db.execute("""UPDATE "order" SET status = 'paid' WHERE id <= ?""", (self.past,))
        db.executemany(
            "INSERT INTO payment (order_id, type, amount, amount_refunded, currency, status, disputed,"
            " transaction_id, charge_id, created_at, updated_at)"
            " VALUES (?, 'one_time', 10000, 0, 'usd', 'SUCCESSFUL', 0, ?, ?, ?, ?)",
            ((n, one("pi", n), one("ch", n), AT, AT) for n in self.numbers()),
        )
        db.executemany(
            "INSERT INTO actionflow_inbox (id, type, created, livemode, subject, state, flow, attempts,"
            " received_at, finished_at, payload)"
            " VALUES (?, 'payment_intent.succeeded', ?, 0, ?, 'done', 'payment_callback', 0, ?, ?, '{}')",
            ((one("evt", n), AT, one("pi", n), AT, AT) for n in self.numbers()),
        )
        db.executemany(
            "INSERT INTO actionflow_run (event_id, flow, flow_digest, outcome, started_at, duration_us,"
            " trace) VALUES (?, 'payment_callback', 'past', 'done', ?, 0, '[]')",
            ((one("evt", n), AT) for n in self.numbers()),
        )
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()

    def read(self) -> int:
        """Bytes the server has read so far, of files and connections."""
        said = pathlib.Path(f"/proc/{self.process.pid}/io").read_text()
        return int(said.split()[1])

    def numbers(self) -> Iterator[int]:
        return iter(range(1, self.past + 1))


def one(prefix: str, number: int) -> str:
    """The id that the event of this order has."""
    return stripe_id(prefix, CREATED + number // 200, number)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.flat", description=__doc__)
    parser.add_argument("payments", type=int, nargs="+", help="payments that are there already")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--folder", type=pathlib.Path)
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.2f}")
    print("  payments   events/s   p50 ms   p99 ms   CPU us   KiB read   file MiB", flush=True)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder))
        shops = [Aged(pathlib.Path(folder, str(past)), past) for past in options.payments]
        for shop in shops:
            shop.start()
            stack.callback(shop.stop)
        found: list[list[Row]] = [[] for _ in shops]
        for number in range(options.rounds + 1):
            for shop, rows in zip(shops, found, strict=True):
                row = measured(shop, options.seconds)
                if number:  # the first warms up
                    rows.append(row)
        for shop, rows in zip(shops, found, strict=True):
            rate, p50, p99, cpu, read = map(statistics.median, zip(*rows, strict=True))
            size = shop.path.stat().st_size / 2**20
            told = f"{rate:11.0f}{p50:9.2f}{p99:9.2f}{cpu:9.0f}{read:11.1f}{size:11.0f}"
            print(f"{shop.past:10}{told}", flush=True)
    return 0


def measured(shop: Aged, seconds: float) -> Row:
    """Load one shop while the others wait."""
    read = shop.read()
    found = measure(shop, int(8_000 * seconds), seconds)
    result = found.result
    return (
        result.rate,
        result.quantile(0.5),
        result.quantile(0.99),
        found.cpu,
        (shop.read() - read) / 1024 / len(result.acknowledged),
    )


if __name__ == "__main__":
    raise SystemExit(main())
