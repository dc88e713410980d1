"""The corpus tests/mistakes/*.yaml: small broken projects, and the problems that must be found.

A case changes the project in tests/mistakes/base/: `lab` is the nodes of a flow lab.yaml (its
trigger declares an input of every type), `files` are whole files (null takes one away), `replace`
changes texts in the base's files.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from engine.errors import Problem

FOLDER = pathlib.Path(__file__).parent.parent / "mistakes"
INPUTS = (
    "{number: integer, some: {type: integer, optional: true}, money: amount, word: text, "
    "some_word: {type: text, optional: true}, flag: boolean, "
    "some_flag: {type: boolean, optional: true}, moment: timestamp, coin: currency, "
    "state: {type: text, one_of: [open, done, lost]}, data: json}"
)
LAB = f"flow: lab\ntrigger: {{manual: {INPUTS}}}\nnodes:\n"
"""What stands above a case's own nodes; they begin on line 4."""


@dataclass(frozen=True)
class Mistake:
    """One case of the corpus."""

    name: str
    topic: str
    files: dict[str, str]
    expect: list[dict[str, Any]] = field(default_factory=list)

    def write(self, folder: pathlib.Path) -> None:
        """The broken project, as files."""
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")


def base() -> dict[str, str]:
    """The files of the sound project every case starts from."""
    return {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("base/*.yaml"))}


def mistakes() -> Iterator[Mistake]:
    """Every case of the corpus."""
    for path in sorted(FOLDER.glob("*.yaml")):
        for written in yaml.safe_load(path.read_text("utf-8")):
            yield Mistake(written["name"], path.stem, _files(written), written.get("expect") or [])


def _files(written: dict[str, Any]) -> dict[str, str]:
    files = base()
    if "lab" in written:
        nodes = "".join(f"  {line}\n" if line else "\n" for line in written["lab"].splitlines())
        files["lab.yaml"] = LAB + nodes
    for name, changes in written.get("replace", {}).items():
        for old, new in changes:
            assert files[name].count(old) == 1, f"{written['name']}: {old!r} is not there once"
            files[name] = files[name].replace(old, new)
    for name, text in written.get("files", {}).items():
        if text is None:
            del files[name]
        else:
            files[name] = text
    return files


def found(problem: Problem) -> dict[str, Any]:
    """A problem as cases write it: the file by its name only."""
    file, line, column = problem.place
    seen = {
        "code": problem.code,
        "at": f"{pathlib.PurePath(file).name}:{line}:{column}",
        "message": problem.message,
    }
    return seen if problem.severity == "error" else {**seen, "severity": problem.severity}
