"""The caller of an action, as everything after authentication knows him."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from engine.errors import BadInput
from engine.model import Value

LONGEST_ID = 200
"""Characters of a caller's id."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the `caller` of row rules and flows."""

    id: str
    role: str
    via: Literal["key", "jwt"]
    key: str | None = field(default=None, compare=False)
    """The public beginning of the API key, where it was one."""
    until: float | None = field(default=None, compare=False)
    """When the token expires, in seconds since 1970."""

    def as_value(self) -> dict[str, Value]:
        """What expressions see: `caller.id` and `caller.role`."""
        return {"id": self.id, "role": self.role}


def proper_text(what: str, text: str) -> str:
    """The text, if it can stand in a list or a log line as it is. Raises BadInput."""
    if text and len(text) <= LONGEST_ID and text.isprintable() and text == text.strip():
        return text
    found = "nothing" if not text.strip() else f"{len(text)} characters, {text[:40]!r}"
    raise BadInput(
        f"{what}: found {found}; expected 1 to {LONGEST_ID} printable characters without blanks at "
        "the ends."
    )
