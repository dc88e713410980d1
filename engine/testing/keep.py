"""Writes a recording into the builder's room: the events as files, and a case that passes."""

from __future__ import annotations

import json
import os
import pathlib
from dataclasses import dataclass
from typing import Any

import orjson
import yaml

from engine.editor import place_of
from engine.errors import BadInput, Place
from engine.model import Row, Table, Value
from engine.paths import shown
from engine.project import Project
from engine.recorded import FOLDER as EVENTS
from engine.stripe.event import of
from engine.testing.bench import Bench, Played
from engine.testing.case import Delivery, TestCase
from engine.testing.comparison import compare
from engine.testing.read import FOLDER, read_cases
from engine.testing.record import TIMES, Recording

CASES = "recorded.yaml"
HEAD = """\
# yaml-language-server: $schema={schemas}/cases.schema.json
# Made by `actionflow record`; personal data is replaced. Yours to change.
cases:
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was written, and how the case ends otherwise than the server's own runs did."""

    files: list[pathlib.Path]
    differing: list[str]


class _Plain(yaml.SafeDumper):
    """Writes every value out, where YAML would point at one written before."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def keep(project: Project, recording: Recording, name: str) -> Kept:
    """Play the recording, then write it as a case that expects how that ended.

    Raises BadInput, before anything is written, where a file or a case of that name is there.
    """
    folder = project.folder / EVENTS
    files = {folder / f"{stem}.json": event for stem, event in recording.events.items()}
    cases = project.folder / FOLDER / CASES
    for path in files:
        if path.exists():
            raise BadInput(f"{shown(path)} is there already. Choose another --name.")
    if any(cases.parent.glob("*.yaml")) and name in [one.name for one in read_cases(project)]:
        raise BadInput(f"there is a case '{name}' already. Choose another --name.")
    played = _played(project, recording, name)
    text = _text(project, recording, played, name)
    before = cases.read_text("utf-8") if cases.exists() else _head(project, cases)
    folder.mkdir(exist_ok=True)
    cases.parent.mkdir(exist_ok=True)
    for path, event in files.items():
        path.write_text(f"{json.dumps(event, indent=2, ensure_ascii=False)}\n")
    cases.write_text(f"{before.rstrip()}\n{text}")
    return Kept([*files, cases], list(_differing(project, recording, played)))


def _head(project: Project, cases: pathlib.Path) -> str:
    schemas = os.path.relpath(place_of(project.folder), cases.parent)
    return HEAD.format(schemas=pathlib.PurePath(schemas).as_posix())


def _played(project: Project, recording: Recording, name: str) -> Played:
    steps = tuple(
        Delivery(stem, event, orjson.dumps(event).decode(), of(event))
        for stem, event in recording.events.items()
    )
    case = TestCase(
        name=name,
        place=Place(CASES),
        given=recording.given,
        now=recording.now,
        steps=steps,
        replies={},
        shuffle=False,
        outcomes=None,
        error=None,
        calls=None,
        tables={},
        places={},
    )
    bench = Bench(project)
    try:
        return bench.play(case)
    finally:
        bench.close()


def _text(project: Project, recording: Recording, played: Played, name: str) -> str:
    tables = project.file.tables
    told = {
        table: [_told(tables[table], row) for row in rows]
        for table, rows in played.rows.items()
        if rows or table in recording.after
    }
    case: dict[str, Value] = {
        "name": name,
        "now": recording.now,
        "given": recording.given,
        "events": list(recording.events),
        "expect": {"outcomes": played.outcomes, "tables": told},
    }
    written = yaml.dump(
        [case],
        Dumper=_Plain,
        sort_keys=False,
        allow_unicode=True,
        width=110,
        default_flow_style=None,
    )
    return "".join(f"  {line}\n" for line in written.splitlines())


def _told(table: Table, row: Row) -> Row:
    names = [column.name for column in table.visible if column.name not in TIMES]
    return {name: row[name] for name in names if row[name] is not None}


def _differing(project: Project, recording: Recording, played: Played) -> list[str]:
    """Where the server's runs left another row: something not recorded had a part in it."""
    told = []
    for name, rows in recording.after.items():
        table = project.file.tables[name]
        # The keys of new rows are counted anew here.
        keys = {column.name for column in table.visible if column.references} | {table.key}
        wanted = [{key: value for key, value in row.items() if key not in keys} for row in rows]
        found = compare(table, wanted, played.rows[name])
        told += [said for index, said in found if index is not None]
    return told
