"""Findings on a screen: lines wrapped between words, in colour; elsewhere each line as it is, for programs."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Iterator
from typing import TextIO

from engine.errors import Problem

_BOLD, _DIM, _OFF = "1", "2", "\033[0m"
_SEVERITY = {"error": "31", "warning": "33"}


def show(problem: Problem, out: TextIO) -> None:
    """Print one finding. NO_COLOR is heard."""
    if not out.isatty():
        print(problem, file=out)
        return
    coloured = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size().columns
    for line in _lines(problem, max(width, 40)):
        print(_coloured(line, problem) if coloured else line, file=out)


def _lines(problem: Problem, width: int) -> Iterator[str]:
    for number, line in enumerate(str(problem).splitlines()):
        indent = " " * 4 if number == 0 else " " * 6
        yield from textwrap.wrap(
            line,
            width,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        )


def _coloured(line: str, problem: Problem) -> str:
    place, severity = str(problem.place), problem.severity
    if line.startswith(f"{place}: "):
        said = f": {severity} ", f": \033[{_SEVERITY[severity]}m{severity}{_OFF} "
        return f"\033[{_BOLD}m{place}{_OFF}{line[len(place) :].replace(*said, 1)}"
    return f"\033[{_DIM}m{line}{_OFF}" if line.startswith("    see ") else line
