"""The example shop's data without a server: events go straight to the receiver."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
import pytest

from engine.project import Project
from engine.receive import Receiver
from engine.store.base import Store, Transaction
from engine.stripe.event import of
from engine.verdict import Verdict
from tests.acceptance.shop import copy_of_example
from tests.studio.world import HISTORY, late_payment, recorded

T = TypeVar("T")


@dataclass
class Office:
    """What the studio's modules ask for: the project, its store, and a way to write."""

    project: Project
    store: Store
    receiver: Receiver

    def write(self, work: Callable[[Transaction], T]) -> T:
        with self.store.transaction() as tx:
            return work(tx)

    def receive(self, event: Any) -> Verdict:
        payload = orjson.dumps(event).decode()
        return self.write(lambda tx: self.receiver.receive(tx, event, payload, of(event)))


@pytest.fixture
def office(tmp_path: pathlib.Path) -> Iterator[Office]:
    """The example shop, seeded; nothing has happened yet."""
    project = copy_of_example(tmp_path / "flows")
    store = project.store()
    yield Office(project, store, Receiver(project))
    store.close()


@pytest.fixture
def busy(office: Office) -> Office:
    """The same after some weeks of business, with one payment for an order that is not there."""
    for name in HISTORY:
        office.receive(recorded(name))
    office.receive(late_payment())
    return office
