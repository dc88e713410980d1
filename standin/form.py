"""Stripe's form encoding: `a[b][0][c]=1` is nested data, in a body or a query string."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from standin.errors import StripeError

_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_PART = re.compile(r"\[([^\[\]]*)\]")
_MAX_DEPTH = 12


def decode(text: str) -> dict[str, Any]:
    """Nested dictionaries of text; list items stay under their digits until a schema is known."""
    return nest(parse_qsl(text, keep_blank_values=True))


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Builds the nested data from flat pairs, in their order."""
    root: dict[str, Any] = {}
    for key, value in pairs:
        match = _KEY.match(key)
        parts = [match[1], *_PART.findall(match[2])] if match else []
        if not parts or len(parts) > _MAX_DEPTH:
            raise StripeError(f"Invalid request: the parameter name '{key}' cannot be read.")
        place = root
        for part in parts[:-1]:
            name = part or str(len(place))
            inner = place.setdefault(name, {})
            if not isinstance(inner, dict):
                raise StripeError(f"Invalid request: '{key}' is given as a value and as a hash.")
            place = inner
        place[parts[-1] or str(len(place))] = value
    return root
