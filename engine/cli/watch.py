"""Running a command again whenever a file of the project changes."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable, Mapping

SUFFIXES = frozenset({".yaml", ".json"})
PAUSE = 0.3
"""Seconds between two looks at the files."""

Stamps = Mapping[pathlib.Path, tuple[int, int]]


def watch(
    folder: pathlib.Path,
    run: Callable[[], int],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Run, then again after each change, until Ctrl-C."""
    while True:
        before = stamps(folder)
        run()
        print("\nwaiting for a change (Ctrl-C ends)", flush=True)
        while not (changed := differing(before, stamps(folder))):
            sleep(PAUSE)
        print(f"changed: {', '.join(sorted(path.name for path in changed))}\n", flush=True)


def stamps(folder: pathlib.Path) -> Stamps:
    """Time of change and size of each of the project's files."""
    found = {}
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix in SUFFIXES and not hidden:
            try:
                status = path.stat()
            except OSError:  # gone since the folder was read: an editor that writes by renaming
                continue
            found[path] = status.st_mtime_ns, status.st_size
    return found


def differing(before: Stamps, after: Stamps) -> set[pathlib.Path]:
    """The files that are new, gone or changed."""
    return {path for path in {*before, *after} if before.get(path) != after.get(path)}
