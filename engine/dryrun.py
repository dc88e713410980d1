"""A dry run: the same engine on a copy of the database; nothing is sent and nothing is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from engine import cron
from engine.check.rows import Rows
from engine.clock import timestamp
from engine.errors import BadInput
from engine.model import Change, Flow, Row, Value
from engine.net import Request
from engine.nodes.http import seen
from engine.paths import shown
from engine.project import Project
from engine.receive import Receiver, drain, mode_of
from engine.recorded import before, belongs
from engine.store import inbox, outbox
from engine.store.base import Store
from engine.store.seen import shown_change
from engine.store.url import resolved, shown_url
from engine.store.values import Unfit
from engine.store.values import timestamp as as_timestamp
from engine.stripe.event import Event, EventRead, second_of
from engine.tick import cron_of, is_tick, tick
from engine.verdict import Verdict


@dataclass(slots=True)
class DryRun:
    """What would happen: one verdict for each event given, then those of the events they woke."""

    flow: str
    file: str
    database: str
    """What the run worked on, in words."""
    verdicts: list[Verdict] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    """Ids of events the database has seen before: a server would not run them again."""
    hints: dict[str, str] = field(default_factory=dict)
    """What to do about events that came too early, by id."""
    changes: list[Change] = field(default_factory=list)
    """What all runs together would change: one for each row, none for a row that ends as it was."""
    calls: list[Row] = field(default_factory=list)
    """Calls that `http` nodes asked for: `node`, `method`, `url`, `headers`, `body`."""

    @property
    def failed(self) -> bool:
        return any(verdict.outcome in ("waiting", "dead") for verdict in self.verdicts)

    def as_json(self) -> dict[str, Value]:
        """The whole run as plain data (schemas/dry-run.schema.json)."""
        return {
            "flow": self.flow,
            "file": self.file,
            "database": self.database,
            "failed": self.failed,
            "events": [
                {
                    "id": verdict.event.id,
                    "type": verdict.event.type,
                    "api_version": verdict.event.api_version,
                    "seen_before": verdict.event.id in self.repeated,
                    "outcome": verdict.outcome,
                    "reason": verdict.reason or None,
                    "hint": self.hints.get(verdict.event.id),
                    "flow": verdict.flow,
                    "nodes": verdict.trace,
                }
                for verdict in self.verdicts
            ],
            "changes": [change.as_json() for change in self.changes],
            "calls": self.calls,
        }


def due_event(flow: Flow, at: str | None, now: float) -> EventRead:
    """A moment of a scheduled flow: `at`, as a timestamp, or the next one. Raises BadInput."""
    text = cron_of(flow) or ""
    if at is None:
        due = cron.after(text, int(now))
        if due is None:
            raise BadInput(f"the schedule {text!r} never comes; see: actionflow check")
        return tick(flow, due, live=False)
    try:
        wanted = second_of(as_timestamp(at))
    except Unfit as unfit:
        raise BadInput(f"--at {at}: expected {unfit.expected}.") from None
    if cron.latest(text, wanted) != wanted:
        near = [cron.latest(text, wanted), cron.after(text, wanted)]
        told = " and ".join(timestamp(one) for one in near if one is not None)
        raise BadInput(
            f"the schedule {text!r} of '{flow.name}' does not come at {timestamp(wanted)}. "
            f"The nearest moments are {told}."
        )
    return tick(flow, wanted, live=False)


def open_database(
    project: Project, given: Rows | None, *, fresh: bool = False
) -> tuple[Store, str]:
    """What a dry run works on: the `given` rows, a copy of the database, or the seed rows.

    Raises ProblemsFound for a mistake in seed.yaml.
    """
    if given is not None:
        return project.scratch(given), "the given rows"
    path = project.database_file
    if not fresh and (path is None or path.is_file()):
        store = project.store()
        try:
            where = shown(path) if path else shown_url(resolved(project.file.database))
            return store.snapshot(), f"a copy of {where}"
        finally:
            store.close()
    return project.scratch(project.seed()), "the rows of seed.yaml"


def dry_run(
    project: Project,
    flow: str,
    events: Iterable[EventRead],
    store: Store,
    database: str,
    *,
    after: Iterable[EventRead] = (),
    now: Callable[[], float] = time.time,
) -> DryRun:
    """Run the events in this order on `store`, as if those of `after` (of any flow) had come before;
    a tick at the moment it is due.

    Raises BadInput when one of `events` belongs to another flow.
    """
    result = DryRun(flow, project.flows[flow].flow.file, database)
    events, after = list(events), list(after)
    for _, _, event in events:
        belongs(project, flow, event, f"event {event.id}")
    with store.transaction() as tx:
        for data, payload, event in after:
            receiver = Receiver(project, mode_of(event), now)
            receiver.receive(tx, data, payload, event)
            drain(receiver, tx)
        before, called = len(tx.changes), outbox.last(tx)
        for data, payload, event in events:
            clock = partial(float, event.created) if is_tick(event) else now
            receiver = Receiver(project, mode_of(event), clock, explain=True)
            verdict = receiver.receive(tx, data, payload, event)
            row = inbox.show(tx, event.id) if verdict.outcome == "duplicate" else None
            if row is not None:
                # The builder wants to see the run, although a server would answer without one.
                result.repeated.append(event.id)
                verdict = receiver.again(tx, row)
            result.verdicts.append(verdict)
            if verdict.early:
                result.hints[event.id] = _hint(project, event, [*after, *events])
            # A tick wakes nothing, and what waits until its moment is not of its doing.
            result.verdicts += drain(replace(receiver, now=now), tx)
        result.changes = [shown_change(change) for change in net(tx.changes[before:])]
        result.calls = [_call(call) for call in outbox.after(tx, called)]
    return result


def net(changes: Iterable[Change]) -> list[Change]:
    """The changes together: one for each row, in the order the rows were first touched."""
    rows: dict[tuple[str, Value], Change] = {}
    for change in changes:
        row = (change.table, change.key)
        before = rows[row].before if row in rows else change.before
        rows[row] = replace(change, before=before)
    return [change for change in rows.values() if change.before != change.after]


def _hint(project: Project, event: Event, given: Iterable[EventRead]) -> str:
    """What to do about an event that came too early."""
    if event.thin and not event.object:
        return "A dry run asks Stripe for nothing: give an event that carries its object."
    said = (
        "Give the events that came before it with --after FILE (again for each), or the rows it needs "
        "with --given FILE."
    )
    known = before(project, event, [one.id for _, _, one in given])
    told = ", ".join(shown(path) for path in known)
    return f"{said} Recorded about the same, the earliest first: {told}." if known else said


def _call(call: outbox.Call) -> Row:
    """The call as it would go out; secrets by the names of their variables."""
    return {"node": call.node, **seen(Request.of(call.call))}
