"""Running a command again whenever a file of the project changes."""

from __future__ import annotations

import pathlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TextIO

SUFFIXES = frozenset({".yaml", ".json"})
PAUSE = 0.3
"""Seconds between two looks at the files."""
CLEAR = "\033[2J\033[3J\033[H"
"""Empties a terminal and its history: what is to be seen is how things stand now."""

Stamps = Mapping[pathlib.Path, tuple[int, int]]


def watch(
    folder: pathlib.Path,
    run: Callable[[], int],
    *,
    also: Iterable[pathlib.Path] = (),
    sleep: Callable[[float], None] = time.sleep,
    words: TextIO | None = None,
) -> None:
    """Run, then again after each change in the folder or in the files of `also`, until Ctrl-C.

    `words` is where it says what it waits for: standard output, unless that holds data.
    """
    others = list(also)
    out = words or sys.stdout
    said = ""
    while True:
        if out.isatty():
            print(CLEAR, end="", file=out)
        print(said, end="", flush=True, file=out)
        before = stamps(folder, others)
        run()
        print("\nwaiting for a change (Ctrl-C ends)", flush=True, file=out)
        while not (changed := differing(before, stamps(folder, others))):
            sleep(PAUSE)
        said = f"changed: {', '.join(sorted(path.name for path in changed))}\n\n"


def stamps(folder: pathlib.Path, also: Iterable[pathlib.Path] = ()) -> Stamps:
    """Time of change and size of each of the project's files, and of the others that are there."""
    found = {}
    for path in [*_files(folder), *also]:
        try:
            status = path.stat()
        except OSError:  # gone since the folder was read: an editor that writes by renaming
            continue
        found[path] = status.st_mtime_ns, status.st_size
    return found


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.suffix in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def differing(before: Stamps, after: Stamps) -> set[pathlib.Path]:
    """The files that are new, gone or changed."""
    return {path for path in {*before, *after} if before.get(path) != after.get(path)}
