"""The schemas of a project: made, written where its files look for them, and found to be out of date."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Mapping

from engine.catalogue import Schema
from engine.check.codes import STALE
from engine.check.view import View
from engine.editor.cases import cases_schema, seed_schema
from engine.editor.flow import flow_schema
from engine.editor.offers import SEEN
from engine.editor.project import project_schema
from engine.errors import Place, Problem
from engine.load import Loaded
from engine.model import Value
from engine.paths import shown
from engine.projectfile import PROJECT_FILE

WIDTH = 160
DEFAULT = pathlib.Path(".actionflow", "schemas")
"""Where the schemas of a project are, from its folder, when project.yaml names no other place."""
_LINE = re.compile(r"# yaml-language-server: \$schema=(\S+)/project\.schema\.json\s*$", re.M)


def schemas(loaded: Loaded) -> dict[str, Schema]:
    """The JSON Schemas of a project's files: `flow`, `project`, `cases` (tests/*.yaml) and `seed`."""
    view = View(loaded)
    return {
        "flow": flow_schema(view),
        "project": project_schema(view),
        "cases": cases_schema(view),
        "seed": seed_schema(view),
    }


def texts(loaded: Loaded) -> dict[str, str]:
    """The text of each schema by its file name."""
    return {f"{name}.schema.json": f"{_text(one)}\n" for name, one in schemas(loaded).items()}


def place_of(folder: pathlib.Path) -> pathlib.Path:
    """Where the schemas of the project in a folder are: where the first lines of project.yaml say."""
    try:
        head = (folder / PROJECT_FILE).read_text("utf-8")[:1000]
    except (OSError, ValueError):
        head = ""
    named = _LINE.search(head)
    if named is None or "://" in named[1]:
        return folder / DEFAULT
    return folder / named[1]


def refresh(loaded: Loaded) -> list[pathlib.Path]:
    """Write the schemas anew where the project has some and can be read; which were old."""
    into = place_of(loaded.folder)
    if loaded.project is None or not (into / "flow.schema.json").is_file():
        return []
    # What a broken flow defines is not known now, and was when it was whole: keep what is there.
    old = {path.name for path in _judging_otherwise(loaded, into)}
    made = texts(loaded)
    return write({name: made[name] for name in (old if _in_part(loaded) else made)}, into)


def write(made: Mapping[str, str], into: pathlib.Path) -> list[pathlib.Path]:
    """Write the schemas that are missing or differ; which these were."""
    into.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in made.items():
        path = into / name
        if not path.is_file() or path.read_text("utf-8") != text:
            # An editor that reads in between sees the old file, not half of the new one.
            half = path.with_suffix(".new")
            half.write_text(text, "utf-8")
            half.replace(path)
            written.append(path)
    return written


def stale(loaded: Loaded) -> list[Problem]:
    """A warning for each schema there is that judges other than one made now.

    Suggestions alone (outputs of nodes, snippets) may be older: they are never wrong.
    """
    if loaded.project is None:
        return []
    return [
        STALE(
            Place(shown(path)),
            "this schema is not that of the project as it is now, so editors go by an old one.",
            "Write it anew: actionflow schema (or leave actionflow check --watch running).",
        )
        for path in _judging_otherwise(loaded, place_of(loaded.folder))
    ]


def _judging_otherwise(loaded: Loaded, folder: pathlib.Path) -> list[pathlib.Path]:
    made = schemas(loaded)
    # Test cases judge by flows, too: not by those that could not be read.
    names = ("flow", "seed") if _in_part(loaded) else made
    found = [(folder / f"{name}.schema.json", made[name]) for name in names]
    return [
        path
        for path, schema in found
        if path.is_file() and _judges(_read(path)) != _judges(json.loads(json.dumps(schema)))
    ]


def _in_part(loaded: Loaded) -> bool:
    """Whether some flow is not known."""
    return bool(loaded.problems or loaded.passed_by)


def _text(value: Value, indent: str = "") -> str:
    """JSON that people can read and compare: what fits into a line stands in one."""
    short = json.dumps(value, ensure_ascii=False)
    if len(short) + len(indent) <= WIDTH or not isinstance(value, dict | list):
        return short
    inner = indent + " "
    if isinstance(value, list):
        lines = [_text(one, inner) for one in value]
        return f"[\n{inner}" + f",\n{inner}".join(lines) + f"\n{indent}]"
    named = [f"{json.dumps(key)}: {_text(one, inner)}" for key, one in value.items()]
    return f"{{\n{inner}" + f",\n{inner}".join(named) + f"\n{indent}}}"


def _read(path: pathlib.Path) -> Value:
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError:
        return None


_SUGGESTS = frozenset({"defaultSnippets", "description", "title"})


def _judges(schema: Value) -> Value:
    """A schema without what only suggests."""
    if isinstance(schema, dict):
        return {
            key: _judges(one)
            for key, one in schema.items()
            if key not in _SUGGESTS and key.partition(".")[0] != SEEN
        }
    return [_judges(one) for one in schema] if isinstance(schema, list) else schema
