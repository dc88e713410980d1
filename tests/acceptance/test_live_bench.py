"""A small `python -m bench.live`: a real server, clients that are cut off, and the audit of it."""

from __future__ import annotations

import subprocess
import sys

from tests.acceptance.shop import ROOT


def test_nobody_misses_anything_over_forced_reconnects() -> None:
    words = ["--subscribers", "20", "--seconds", "0.5", "--table-rate", "100", "--cuts", "3"]
    done = subprocess.run(
        [sys.executable, "-m", "bench.live", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("audit: every change seen by everyone it concerns") == 4
    lines = [line.split() for line in done.stdout.splitlines() if "cut off" in line]
    assert [int(line[-1]) > 0 for line in lines] == [True, True], "connections were cut"
    everything = next(line.split() for line in done.stdout.splitlines() if " table  " in line)
    assert float(everything[4]) > 500, "so many messages a second were told"
