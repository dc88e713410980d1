"""A YAML file once read: plain data, and the place of every key and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.errors import Place, Problem, ProblemsFound
from engine.model import Path, Value


class YamlProblem(ProblemsFound):
    """The file is not YAML that Actionflow reads; every problem has a `yaml.*` code."""


def problem(code: str, place: Place, message: str, mend: str) -> YamlProblem:
    """One problem as the exception that carries it."""
    return YamlProblem([Problem(f"yaml.{code}", place, message, mend)])


@dataclass(frozen=True, slots=True)
class Document:
    """One file. `data` is made of dict, list, str, int, float, bool and None only.

    `places` has the place of each value: of a text, where the text itself starts (behind its
    opening quote; of block text, its first line), so that line n of a code block stands at
    `place.line + n - 1`. Values that came through an alias keep the place they are written at.
    """

    file: str
    text: str
    data: Value
    places: Mapping[Path, Place]
    key_places: Mapping[Path, Place]

    def place(self, path: Sequence[str | int]) -> Place:
        """The place of the value at `path`, or of the nearest value around it."""
        found = tuple(path)
        while found and found not in self.places:
            found = found[:-1]
        return self.places.get(found, Place(self.file))

    def key_place(self, path: Sequence[str | int]) -> Place:
        """The place of the key at `path`, where `place` gives that of its value."""
        return self.key_places.get(tuple(path)) or self.place(path)
