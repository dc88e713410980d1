"""A copy of an SQLite database, taken while its server runs; whole, or not there."""

from __future__ import annotations

import os
import pathlib

from engine.errors import BadInput
from engine.project import Project
from engine.store.sqlite_copy import copy


def back_up(project: Project, target: pathlib.Path) -> int:
    """Write the database as it is now to a new file; its size in bytes.

    The copy appears under its name only when it is complete, checked and on the disk. Raises
    BadInput (the file is there, the database is PostgreSQL), StoreError.
    """
    source = project.database_file
    if source is None:
        raise BadInput(
            "This project's database is PostgreSQL; back it up with its own tool: pg_dump "
            "--format=custom (docs/operations.md)."
        )
    if target.exists():
        raise BadInput(f"{target} is there already; name a new file, nothing was written.")
    if not target.parent.is_dir():
        raise BadInput(f"There is no folder {target.parent}; make it, or name another.")
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        copy(source, unfinished)
        size = unfinished.stat().st_size
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return size
