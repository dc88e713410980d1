"""Recorded events (events/*.json) by name, and changes made to them by path."""

from __future__ import annotations

import pathlib
from typing import Any

from engine.check.near import did_you_mean
from engine.errors import BadInput
from engine.model import Value
from engine.paths import shown
from engine.recorded import FOLDER, read_event


class Recorded:
    """The recorded events of a project, each read once."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder / FOLDER
        self._known = sorted(path.stem for path in self._folder.glob("*.json"))
        self._read: dict[str, dict[str, Any]] = {}

    def path(self, name: str) -> pathlib.Path | None:
        """Its file, where there is one."""
        return self._folder / f"{name}.json" if name in self._known else None

    def event(self, name: str) -> dict[str, Any]:
        """The event of this name; not to be changed. Raises BadInput."""
        if name not in self._read:
            if name not in self._known:
                near = did_you_mean(name.removesuffix(".json"), self._known)
                raise BadInput(
                    f"there is no recorded event '{name}' in {shown(self._folder)}.{near}"
                )
            self._read[name] = read_event(self._folder / f"{name}.json")[0]
        return self._read[name]


def put(data: dict[str, Any], path: str, value: Value) -> None:
    """Set the value at a dotted path, such as `data.object.lines.data.0.amount`.

    Only metadata takes keys that are not there: elsewhere that is a typing mistake. Raises BadInput.
    """
    parts = path.split(".")
    inner: Any = data
    for done, part in enumerate(parts):
        key: Any = part
        if isinstance(inner, list) and part.isdecimal() and int(part) < len(inner):
            key = int(part)
        elif not isinstance(inner, dict) or (part not in inner and "metadata" not in parts[:done]):
            known = list(inner) if isinstance(inner, dict) else []
            around = ".".join(parts[:done]) or "the event"
            raise BadInput(
                f"`change` names {path}, but {around} has no '{part}'.{did_you_mean(part, known)}"
            )
        if done + 1 < len(parts):
            inner = inner[key]
        else:
            inner[key] = value
