"""`python -m bench.abuse`: how good events fare while attackers are at it.

Good events come at a fixed rate; attackers, server and client share all cores.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from bench import load
from bench.attacks import ATTACKS
from bench.contestants import ROOT, Actionflow
from bench.events import Sent, deliveries

WARM_UP = 1.0
"""Seconds an attack is under way before good events are counted."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.abuse", description=__doc__)
    parser.add_argument("attacks", nargs="*", help=f"of {', '.join(ATTACKS)} (all)")
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds of each (5)")
    parser.add_argument("--rate", type=float, default=500.0, help="good events a second (500)")
    parser.add_argument("--folder", type=pathlib.Path, help="where the database is made")
    options = parser.parse_args()
    if unknown := set(options.attacks) - set(ATTACKS):
        parser.error(f"no such attack: {', '.join(sorted(unknown))}")
    attacks = ["", *(options.attacks or ATTACKS)]
    each = int(options.rate * options.seconds) + 1
    print(f"load average {os.getloadavg()[0]:.2f}; {options.rate:.0f} good events a second")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        shop = Actionflow(pathlib.Path(folder), each * len(attacks) + 1)
        shop.start()
        try:
            return run(shop, attacks, each, options)
        finally:
            shop.stop()


def run(shop: Actionflow, attacks: list[str], each: int, options: argparse.Namespace) -> int:
    """Each attack in turn, and the audit; the exit code."""
    print("attack            answered   p50 ms   p99 ms   max ms  server CPU %   MiB", flush=True)
    acknowledged: list[Sent] = []
    for name in attacks:
        with attack(name, shop.port) if name else contextlib.nullcontext():
            time.sleep(WARM_UP)
            prepared = list(deliveries(shop.take(each)))
            cpu = shop.cpu()
            found = load.run(
                prepared, shop.port, seconds=options.seconds, connections=32, rate=options.rate
            )
            cpu = (shop.cpu() - cpu) / found.seconds
        if found.refused:
            raise RuntimeError(f"a good event was refused: {found.refused[0]!r:.500}")
        acknowledged += found.acknowledged
        print(
            f"{name or 'none':<16}{len(found.acknowledged):10}{found.quantile(0.5):9.2f}"
            f"{found.quantile(0.99):9.2f}{found.quantile(1.0):9.2f}{cpu * 100:14.0f}"
            f"{shop.memory():6.0f}",
            flush=True,
        )
    wrong = shop.audit(acknowledged)
    print(f"audit: {len(acknowledged)} acknowledged: {'; '.join(wrong) or 'all there, once'}")
    return 1 if wrong else 0


@contextlib.contextmanager
def attack(name: str, port: int) -> Iterator[None]:
    """An attacker in a process of its own, which must still be at it in the end."""
    words = [sys.executable, "-m", "bench.attacks", name, str(port)]
    attacker = subprocess.Popen(words, cwd=ROOT)
    try:
        yield
        if attacker.poll() is not None:
            raise RuntimeError(f"the attacker {name} gave up")
    finally:
        attacker.kill()
        attacker.wait()


if __name__ == "__main__":
    raise SystemExit(main())
