"""Files of rows, seed.yaml and what dry-run is given: read, and checked against the project's tables."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

from engine.check.reading_codes import register
from engine.check.rows import Rows, check_rows
from engine.errors import Problem, ProblemsFound
from engine.load import SEED_FILE, Loaded
from engine.model import Path, ProjectFile, Value
from engine.paths import shown as shown_path
from engine.shape import kind, shown
from engine.yamlfile import Document, read_path

register(
    "seed.",
    {
        "shape": "Rows that are not written by table|A file of rows has the tables, and below each a list."
    },
    "check",
)


def read_rows(path: pathlib.Path, project: ProjectFile) -> Rows:
    """The rows of a YAML file (seed.yaml, or what dry-run is given), as the database keeps them.

    An empty file has none. Raises ProblemsFound.
    """
    document = read_path(path, shown_path(path))
    problems = list(_file_problems(document, project))
    if problems:
        raise ProblemsFound(problems)
    return document.data or {}


def seed_problems(loaded: Loaded) -> list[Problem]:
    """What is wrong with the project's seed.yaml; nothing where there is none."""
    path = loaded.folder / SEED_FILE
    if not path.is_file():
        return []
    try:
        document = read_path(path, shown_path(path))
    except ProblemsFound as found:
        return found.problems
    return list(_file_problems(document, loaded.project))


def _file_problems(document: Document, project: ProjectFile | None) -> Iterator[Problem]:
    odd = list(_odd_shape(document))
    yield from odd
    if not odd and project is not None:
        yield from check_rows(document.data or {}, project, document, (), code="seed", alone=True)


def _odd_shape(document: Document) -> Iterator[Problem]:
    data = document.data
    mend = (
        "Write each table with a list of rows: `order:`, and below it `  - {id: 1, amount: 10000}`."
    )

    def odd(path: Path, what: str, value: Value, expected: str) -> Problem:
        found = f"{what} is {shown(value)} ({kind(value)}); expected {expected}."
        return Problem("seed.shape", document.place(path), found, mend)

    if data is not None and not isinstance(data, dict):
        yield odd((), "this file", data, "tables with their rows")
        return
    for name, listed in (data or {}).items():
        if not isinstance(listed, list):
            yield odd((name,), f"'{name}'", listed, "a list of rows")
            continue
        for index, row in enumerate(listed):
            if not isinstance(row, dict):
                yield odd((name, index), f"this entry of '{name}'", row, "a row, a mapping")
