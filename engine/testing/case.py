"""What a test case is made of, once read and checked; schemas/cases.yaml has the written form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.check.rows import Rows
from engine.errors import Place
from engine.model import Flow, Path, Row, Value
from engine.stripe.event import Event

Replies = Mapping[str, list[dict[str, Value]]]
"""What others answer: by Stripe operation, or by the id of an http node. The last one is repeated."""


class Delivery(NamedTuple):
    """Stripe delivers the event recorded under this name, `payload` its text."""

    name: str
    data: dict[str, Any]
    payload: str
    event: Event

    def __str__(self) -> str:
        return self.name


class Act(NamedTuple):
    """A client calls an action. `answer` is the part of what he gets that is compared; None asks
    only that he is not refused."""

    action: str
    given: Row
    caller: Row
    answer: Row | None
    place: Place

    def __str__(self) -> str:
        return f"act {self.action}"


class Written(NamedTuple):
    """The builder's site writes these rows."""

    rows: Rows

    def __str__(self) -> str:
        return "rows"


class Pause(NamedTuple):
    """So many seconds pass; what is due by then is tried again."""

    seconds: int

    def __str__(self) -> str:
        return f"wait {self.seconds}"


class Due(NamedTuple):
    """Time passes until the next moment of this flow's schedule, and it runs."""

    flow: Flow

    def __str__(self) -> str:
        return f"schedule {self.flow.name}"


Step = Delivery | Act | Written | Pause | Due


@dataclass(frozen=True, slots=True)
class TestCase:
    """One case. `now` is timestamp text; `places` finds each part by its path inside the case."""

    __test__ = False  # pytest collects classes of this name otherwise

    name: str
    place: Place
    given: Rows
    now: str
    steps: tuple[Step, ...]
    replies: Replies
    shuffle: bool
    outcomes: list[str] | None
    error: str | None
    calls: list[Row] | None
    tables: Rows
    places: Mapping[Path, Place] = field(repr=False)

    def place_of(self, *path: str | int) -> Place:
        """Where this part of the case is written; the case itself where it is not written at all."""
        return self.places.get(path, self.place)
