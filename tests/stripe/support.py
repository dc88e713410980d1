"""Where the recorded events are, and how a test gets them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

SHARED = Path(__file__).resolve().parents[3] / "shared"
EVENTS = SHARED / "stripe-events"
ABSENT = f"{EVENTS} is not here: the recorded Stripe events are read in place, never copied"


@cache
def files() -> tuple[Path, ...]:
    """Every event and object file, in order; none where the folder is absent."""
    return tuple(sorted(EVENTS.glob("*/*.json")))


def name_of(path: Path) -> str:
    """`version/type.source` for a test's id."""
    return f"{path.parent.name}/{path.stem}"


@cache
def _load(path: Path) -> str:
    return path.read_text()


def load(path: Path) -> dict[str, Any]:
    """A fresh copy of the file's data."""
    data = json.loads(_load(path))
    assert isinstance(data, dict)
    return data


def is_event(data: dict[str, Any]) -> bool:
    """An event, full or thin, as against a bare object of the API."""
    return data.get("object") in ("event", "v2.core.event")


def event(
    kind: str,
    thing: dict[str, Any],
    created: int = 1_700_000_000,
    *,
    id: str = "evt_1",
    version: str | None = "2026-05-27.dahlia",
    previous: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """An event of ours as JSON data."""
    data: dict[str, Any] = {"object": thing}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": id,
        "object": "event",
        "api_version": version,
        "type": kind,
        "created": created,
        "livemode": False,
        "data": data,
    }
