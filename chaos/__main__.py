"""`python -m chaos`: each fault under load, then the audit; exits 1 when anything was lost or doubled."""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass

from bench.compiled import compiled
from chaos import faults, faults_postgres, faults_sqlite
from chaos.arena import SCENARIOS, Scenario, arena
from chaos.server import Server

MODULES = (faults, faults_sqlite, faults_postgres)
"""Importing them registers the scenarios."""
HEAD = f"{'fault':<36}{'database':<10}{'events':>9}{'faults':>11}{'answers':>10}{'not 200':>9}{'p99 ms':>9}{'s':>7}"


@dataclass(slots=True)
class Line:
    """What came of one fault."""

    title: str
    database: str
    events: int
    said: list[str]
    injected: int = 0
    answers: int = 0
    refused: int = 0
    p99: float = 0.0
    seconds: float = 0.0

    def __str__(self) -> str:
        verdict = "ok" if not self.said else "FAILED"
        return (
            f"{self.title:<36}{self.database:<10}{self.events:>9,}{self.injected:>11,}"
            f"{self.answers:>10,}{self.refused:>9,}{self.p99:>9.1f}{self.seconds:>7.0f}  {verdict}"
        )


def run(one: Scenario, database: str, events: int, folder: pathlib.Path | None = None) -> Line:
    """Do one fault in a folder that is gone afterwards."""
    line = Line(one.title, database, events, [])
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="af-chaos-", dir=folder) as made:
        try:
            with arena(one, database, events, pathlib.Path(made)) as here:
                line.said = here.said
                one.fault(here)
                line.injected = here.injected
                delivery = here.delivery
                if delivery is not None and delivery.latencies:
                    line.answers = delivery.statuses.total()
                    line.refused = line.answers - delivery.statuses[200]
                    line.p99 = delivery.quantile(0.99)
        except Exception as error:
            line.said.append(f"{type(error).__name__}: {error}")
            traceback.print_exc()
    line.seconds = time.monotonic() - started
    return line


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(SCENARIOS), metavar="NAME")
    parser.add_argument("--events", type=int, default=100_000, help="events a fault (100000)")
    parser.add_argument("--database", action="append", choices=("sqlite", "postgres"))
    parser.add_argument("--folder", type=pathlib.Path, help="where the databases are made")
    parser.add_argument(
        "--compiled", action="store_true", help="servers as their compiled wheel has them"
    )
    options = parser.parse_args()
    if options.compiled:
        Server.python_path = (compiled(), *Server.python_path)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    print(HEAD, flush=True)
    wrong = 0
    for database in options.database or ("sqlite", "postgres"):
        for one in SCENARIOS.values():
            if (options.only and one.name not in options.only) or database not in one.databases:
                continue
            line = run(one, database, options.events, options.folder)
            print(line, flush=True)
            for said in line.said:
                print(f"    {said}", flush=True)
            wrong += bool(line.said)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
