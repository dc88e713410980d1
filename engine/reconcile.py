"""Events that Stripe has and the inbox has not: asked for, and run as if they had been delivered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.errors import BadInput
from engine.project import Project
from engine.receive import Receiver, drain
from engine.store import inbox
from engine.store.base import Store
from engine.stripe.client import Stripe, object_of
from engine.stripe.event import BadEvent, of
from engine.verdict import Verdict

LONGEST = 30
"""Days that Stripe keeps events (https://docs.stripe.com/api/events)."""
PAGE = 100
NO_LIST = "Stripe does not give the list of events"


@dataclass(slots=True)
class Reconciled:
    """What was found: how many events Stripe told of, and what became of those that were missing."""

    seen: int = 0
    verdicts: list[Verdict] = field(default_factory=list)


def missed(
    project: Project,
    store: Store,
    receiver: Receiver,
    stripe: Stripe,
    *,
    days: int = LONGEST,
    write: bool = True,
    now: Callable[[], float] = time.time,
) -> Reconciled:
    """Ask for the events of the last days, oldest first, and run those the inbox never finished.

    With `write` false they are only counted. Raises BadInput, StripeUnreachable, StoreBusy.
    """
    if not 0 < days <= LONGEST:
        raise BadInput(
            f"{days} days; Stripe keeps events for {LONGEST} days, so expected 1 to {LONGEST}."
        )
    since = int(now()) - days * 86_400
    found = Reconciled()
    wanted: list[dict[str, Any]] = []
    with store.reader() as tx:
        for event in _events(stripe, since):
            found.seen += 1
            row = inbox.show(tx, event["id"])
            if (row is None or row.state == "waiting") and project.flow_for(of(event)) is not None:
                wanted.append(event)
    found.verdicts = deliver(store, receiver, reversed(wanted), write=write)
    return found


def one(stripe: Stripe, event_id: str) -> dict[str, Any]:
    """One event as Stripe has it. Raises BadInput when Stripe does not."""
    answer = stripe.perform("events.retrieve", {}, id=event_id)
    return object_of(answer, f"Stripe does not give event {event_id}")


def deliver(
    store: Store, receiver: Receiver, events: Iterable[dict[str, Any]], *, write: bool = True
) -> list[Verdict]:
    """Run events as if they had been delivered, each in a transaction of its own, then what they woke."""
    verdicts = []
    for data in events:
        try:
            event = of(data)
        except BadEvent:
            continue
        if not write:
            verdicts.append(Verdict("waiting", event, "missing here"))
            continue
        with store.transaction() as tx:
            verdicts.append(receiver.receive(tx, data, orjson.dumps(data).decode(), event))
            verdicts += drain(receiver, tx)
    return verdicts


def _events(stripe: Stripe, since: int) -> Iterator[dict[str, Any]]:
    """Newest first, page by page, as Stripe lists them."""
    params: dict[str, Any] = {"created": {"gte": since}, "limit": PAGE}
    while True:
        page = object_of(stripe.perform("events.list", params), NO_LIST)
        yield from page["data"]
        if not page["has_more"] or not page["data"]:
            return
        params = {**params, "starting_after": page["data"][-1]["id"]}
