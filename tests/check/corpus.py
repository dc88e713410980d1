"""The corpus tests/mistakes/*.yaml: small broken projects, and the problems that must be found.

A case changes the project in tests/mistakes/base/: `lab` is the nodes of a flow lab.yaml (whose
trigger declares an input of every type), `files` are whole files (null takes one away), `replace`
changes texts in the base's files. `expect` lists every problem (what is never read, `unused.*`, in
tests/mistakes/unused.yaml only), with its `mend` where that is what the case is about; a case that expects none says in
`near` which codes it is a near miss of.
"""

from __future__ import annotations

import functools
import pathlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from engine.check import check_folder
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
    near: list[str] = field(default_factory=list)
    shown: str = ""
    """What the case writes, for the page of its code."""

    def write(self, folder: pathlib.Path) -> None:
        """The broken project, as files."""
        for name, text in self.files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")


@functools.cache
def base() -> dict[str, str]:
    """The files of the sound project every case starts from."""
    return {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("base/*.yaml"))}


@functools.cache
def mistakes() -> tuple[Mistake, ...]:
    """Every case of the corpus."""
    return tuple(_mistakes())


def _mistakes() -> Iterator[Mistake]:
    for path in sorted(FOLDER.glob("*.yaml")):
        for written in yaml.safe_load(path.read_text("utf-8")):
            yield Mistake(
                written["name"],
                path.stem,
                _files(written),
                written.get("expect") or [],
                written.get("near") or [],
                _shown(written),
            )


def _files(written: dict[str, Any]) -> dict[str, str]:
    files = dict(base())
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


def _shown(written: dict[str, Any]) -> str:
    if "lab" in written:
        return str(written["lab"]).rstrip()
    for changes in written.get("replace", {}).values():
        return "\n".join(new.strip("\n") for _, new in changes)
    return next((text.rstrip() for text in written.get("files", {}).values() if text), "")


@functools.cache
def _problems(topic: str, name: str) -> tuple[Problem, ...]:
    [mistake] = [one for one in mistakes() if (one.topic, one.name) == (topic, name)]
    with tempfile.TemporaryDirectory() as folder:
        mistake.write(pathlib.Path(folder))
        found = check_folder(pathlib.Path(folder))
    # What the cases of other topics write down, they need not read: a `set` holds an expression.
    return tuple(one for one in found if topic == "unused" or not one.code.startswith("unused."))


def problems(mistake: Mistake) -> tuple[Problem, ...]:
    """What check finds in a case; each is checked once in a test session."""
    return _problems(mistake.topic, mistake.name)


def found(problem: Problem) -> dict[str, Any]:
    """A problem as cases write it: the file by its name only."""
    file, line, column = problem.place
    seen = {
        "code": problem.code,
        "at": f"{pathlib.PurePath(file).name}:{line}:{column}",
        "message": problem.message,
    }
    return seen if problem.severity == "error" else {**seen, "severity": problem.severity}
