"""What a plain scalar means: YAML 1.2, kept to what nobody can misread.

on, off, yes, no, 012, 0x1F, 1_000, 1:30, 2026-01-01, 1e3, .inf and NaN are all text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from engine.model import Value

_CORE = "tag:yaml.org,2002:"
_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?")
_UNFIT = re.compile("[\x00\ud800-\udfff]")


class BadScalar(Exception):
    """(code, message, mend) of a scalar that cannot be read."""

    def __init__(self, code: str, message: str, mend: str) -> None:
        super().__init__(message)
        self.code, self.message, self.mend = code, message, mend


def resolve(text: str, *, plain: bool, tag: str | None) -> Value:
    """The value of a scalar; `plain` means neither quoted nor block text. Raises BadScalar."""
    if unfit := _UNFIT.search(text):
        raise BadScalar(
            "character",
            f"found the escape for U+{ord(unfit.group()):04X}, which no database can store",
            "remove the escape",
        )
    if tag is None:
        return _plain(text) if plain else text
    return _tagged(text, tag)


def _plain(text: str) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    return _decimal(text) if number.group(1) else _integer(text)


def _integer(text: str) -> int:
    # The length goes first: int() of a very long text is slow and then refused anyway.
    if len(text) <= 20 and -(2**63) <= int(text) < 2**63:
        return int(text)
    raise BadScalar(
        "number",
        f"found an integer of {len(text.lstrip('-'))} digits; integers have at most 64 bits",
        "put quotes around it if it is a name or a number nobody calculates with",
    )


def _decimal(text: str) -> float:
    if math.isfinite(value := float(text)):
        return value
    raise BadScalar("number", "found a decimal number too large to hold", "put quotes around it")


def is_core(tag: str) -> bool:
    """Whether it is one of YAML's own tags, as `!!str`."""
    return tag.startswith(_CORE) and tag.removeprefix(_CORE) in {*_TAGGED, "map", "seq"}


def _tagged(text: str, tag: str) -> Value:
    name = tag.removeprefix(_CORE)
    fits = _TAGGED.get(name)
    value = text if name == "str" else _plain(text)
    if fits is None or not fits(value):
        raise BadScalar(
            "tag", f"found !!{name} before {text[:40]!r}, which is no such value", "remove the tag"
        )
    return value


_TAGGED: dict[str, Callable[[Value], bool]] = {
    "str": lambda value: True,
    "int": lambda value: type(value) is int,
    "float": lambda value: type(value) is float,
    "bool": lambda value: type(value) is bool,
    "null": lambda value: value is None,
}
