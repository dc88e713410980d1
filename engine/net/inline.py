"""The call of an inline `http` node: made once, while the action's caller waits."""

from __future__ import annotations

import json
from typing import Any

from engine.model import HttpRules, Value
from engine.net.client import Unanswered, send
from engine.net.guard import Guard, Refused
from engine.net.request import Request


def ask(request: Request, rules: HttpRules) -> dict[str, Value]:
    """The node's output: `status`, `ok`, `json`, `text`, `headers`, and `error` where no answer came.

    Any answer is an output, 500 too, and so is none: the flow decides what to make of it.
    """
    nothing: dict[str, Value] = {
        "status": None,
        "ok": False,
        "json": None,
        "text": None,
        "headers": {},
    }
    try:
        reply = send(request, Guard.of(rules.allow))
    except (Refused, Unanswered) as error:
        return {**nothing, "error": str(error)}
    found, text = _json(reply.text), reply.text
    return {
        "status": reply.status,
        "ok": reply.ok,
        "json": found,
        "text": text if found is None else None,
        "headers": dict(reply.headers),
        "error": None,
    }


def _json(text: str | None) -> Any:
    """The text as JSON; None where it is something else. Servers often name the wrong type."""
    if text is None or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        # NaN and Infinity are not JSON, and no journal could hold them.
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(word: str) -> Any:
    raise ValueError(word)
