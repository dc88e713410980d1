"""`python -m chaos.clock serve …`: the command line under a clock that can be moved from outside.

The system's clock stays as it is: what jumps is `time.time` of this process, before anything of the
engine has taken hold of it. What must not care (time.monotonic) goes on, as on a real machine.
"""

from __future__ import annotations

import mmap
import os
import pathlib
import sys
import time
from collections.abc import Callable

VARIABLE = "CHAOS_CLOCK"
"""Names the file that holds how many seconds the clock is off (8 bytes, little endian, signed)."""

FRONT = "front"
"""The first word where this is a server's front, which has the server's clock."""


def moved(path: pathlib.Path) -> Callable[[], float]:
    """A clock that is off by what the file says at each moment."""
    if not path.exists():
        path.write_bytes(bytes(8))
    with open(path, "rb") as file:
        offset = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    real = time.time

    def now() -> float:
        return real() + int.from_bytes(offset[:8], "little", signed=True)

    return now


def main() -> int:
    time.time = moved(pathlib.Path(os.environ[VARIABLE]))
    if sys.argv[1:2] == [FRONT]:
        from engine.front.child import main as front

        front(sys.argv[2:])
        return 0
    from engine.cli.main import main as command
    from engine.front import parent

    parent.PROGRAM = ("chaos.clock", FRONT)
    return command(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
