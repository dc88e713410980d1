"""Writes flows/events/*.json: what Stripe would send for the orders of the example shop.

    python -m tests.tools.record_events [FOLDER]

The stand-in tells it, driven through Stripe's own SDK. Ids and clock are fixed, so the files are
the same bytes at each run; each story has ids of its own, so one more does not change the others.
"""

from __future__ import annotations

import json
import pathlib
import sys
import zlib
from dataclasses import dataclass

from standin import webhook_endpoints
from standin.ids import Ids
from standin.outbox import DeliverySettings
from standin.server import running
from standin.state import State
from tests.tools.shop import Event, Shop
from tests.tools.stories import STORIES

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "flows" / "events"
BEGIN = 1_780_272_000  # 2026-06-01T00:00:00Z
ADDRESS = "http://127.0.0.1:12111"  # shown in links; the port it really listens on changes


@dataclass(frozen=True)
class History:
    """What one story told: every event in the order of Stripe's, and those kept, by file name."""

    events: list[Event]
    kept: dict[str, Event]


def histories() -> dict[str, History]:
    """All stories, told anew."""
    told: dict[str, History] = {}
    state = State(now=BEGIN)
    with running(state) as server:
        state.url = ADDRESS
        for name, (tell, version) in STORIES.items():
            state.reset()
            state.ids = Ids(zlib.crc32(name.encode()))
            state.delivery = DeliverySettings(hold=True)
            webhook_endpoints.create(state, f"{ADDRESS}/hook", ["*"], version)
            with Shop.of(state, server.url) as shop:
                tell(shop)
            events = [json.loads(delivery.body) for delivery in state.deliveries]
            told[name] = History(events, shop.kept)
    return told


def record() -> dict[str, Event]:
    """All events that are kept, by file name without `.json`."""
    events: dict[str, Event] = {}
    for name, history in histories().items():
        assert not events.keys() & history.kept.keys(), f"{name} takes another story's name"
        events |= history.kept
    return events


def write(folder: pathlib.Path) -> None:
    """Writes the files, and takes away those no story tells any more."""
    folder.mkdir(parents=True, exist_ok=True)
    events = record()
    for path in folder.glob("*.json"):
        if path.stem not in events:
            path.unlink()
    for name, event in events.items():
        text = json.dumps(event, indent=2, ensure_ascii=False)
        (folder / f"{name}.json").write_text(f"{text}\n")


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
