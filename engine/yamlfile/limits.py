"""What a YAML file may hold: which characters, how much, how deep."""

from __future__ import annotations

import re

from engine.errors import Place, Problem
from engine.model import Path, Value
from engine.yamlfile.document import YamlProblem, problem

MAX_BYTES = 1024 * 1024
MAX_VALUES = 20_000
"""Values in one file, counted after aliases are expanded: an alias bomb ends here."""
MAX_DEPTH = 60

# YAML 1.1 breaks lines at U+0085, U+2028 and U+2029; editors do not, and places would be wrong.
_UNFIT = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def too_large(file: str) -> YamlProblem:
    """The problem of a file over MAX_BYTES."""
    return problem(
        "size",
        Place(file),
        f"the file is larger than {MAX_BYTES // 1024} KiB",
        "take something out, or split a flow into several",
    )


def check_text(text: str, file: str) -> None:
    """Before it is parsed. Raises YamlProblem."""
    if len(text) > MAX_BYTES:
        raise too_large(file)
    if unfit := _UNFIT.search(text):
        before = text[: unfit.start()]
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        found = f"found the character U+{ord(unfit.group()):04X}, which a YAML file cannot hold"
        raise problem("character", place, found, "remove it; it may be invisible in the editor")


class Size:
    """How much was read of a file, with everything that aliases repeat counted again."""

    def __init__(self) -> None:
        self._values = 0
        self._characters = 0

    def add(self, path: Path, place: Place, data: Value) -> Problem | None:
        """Count a value; the problem where that is one too many, or too deep."""
        self._values += 1
        self._characters += len(data) if isinstance(data, str) else 0
        if self._values > MAX_VALUES or self._characters > MAX_BYTES:
            found = (
                f"the file holds more than {MAX_VALUES} values or {MAX_BYTES // 1024} KiB of text"
            )
            mend = "use fewer aliases (what they repeat counts again), or split the file"
            return Problem("yaml.size", place, found, mend)
        if len(path) > MAX_DEPTH:
            found = f"values are nested more than {MAX_DEPTH} deep here"
            mend = "close brackets left open, or move a part to a flow"
            return Problem("yaml.depth", place, found, mend)
        return None
