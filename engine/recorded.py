"""Recorded events: files with the bodies of webhooks, most of them in a project's folder events/."""

from __future__ import annotations

import pathlib
from collections.abc import Collection, Iterator

from engine.errors import BadInput
from engine.model import Value
from engine.paths import shown
from engine.project import Project
from engine.stripe.event import BadEvent, Event, EventRead, load, of
from engine.stripe.routing import subject_of, trigger_of

FOLDER = "events"


def read_event(path: pathlib.Path) -> EventRead:
    """A recorded event. Raises BadInput naming the file."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"{shown(path)}: cannot be read ({error.strerror}). Check the name."
        ) from None
    try:
        data = load(body)
        return data, body.decode(), of(data)
    except BadEvent as error:
        raise BadInput(f"{shown(path)}: {error}") from None


def recorded_events(folder: pathlib.Path) -> Iterator[tuple[pathlib.Path, Event]]:
    """The events of a project's folder, by name; what is no event is left out (`check` tells of it)."""
    for path in sorted((folder / FOLDER).glob("*.json")):
        try:
            yield path, read_event(path)[2]
        except BadInput:
            continue


def starting(project: Project, flow: str) -> Iterator[tuple[pathlib.Path, Event]]:
    """The recorded events that start this flow."""
    for path, event in recorded_events(project.folder):
        if _started(project, event) == flow:
            yield path, event


def before(project: Project, event: Event, given: Collection[str]) -> list[pathlib.Path]:
    """Recorded events about the same Stripe object from before this one, the earliest first.

    Those of other flows, since mostly one of them makes the row that is missing; where all of them are
    among the `given` (ids), those of its own.
    """
    subject, flow = subject_of(event), project.flow_for(event)
    earlier = [
        (one.created, path, project.flow_for(one), one.id)
        for path, one in recorded_events(project.folder)
        if subject is not None and subject_of(one) == subject and one.created <= event.created
    ]
    others = [one for one in earlier if one[2] is not flow]
    left = [one for one in others if one[3] not in given]
    if others and not left:
        left = [one for one in earlier if one[3] not in given]
    return [path for _, path, *_ in sorted(left, key=lambda one: one[:2])]


def belongs(project: Project, flow: str, event: Event, named: str) -> None:
    """Raises BadInput where the event does not start this flow; `named` is what to call the event."""
    started = _started(project, event)
    if started == flow:
        return
    if started is not None:
        starts = f"the flow '{started}', not '{flow}'"
        mend = f"Try it on {project.flows[started].flow.file}."
    else:
        starts = "no flow of this project: a server would set it aside"
        trigger = trigger_of(event) or f"[{event.type}]"
        mend = f"To handle it, write a flow with `trigger: {{stripe: {trigger}}}` (docs/flows.md)."
    raise BadInput(
        f"{named} is of type {event.type} and starts {starts}. {mend} {_instead(project, flow)}"
    )


def _started(project: Project, event: Event) -> str | None:
    found = project.flow_for(event)
    return None if found is None else found.flow.name


def _instead(project: Project, flow: str) -> str:
    """What the flow can be tried with."""
    trigger = project.flows[flow].flow.trigger
    if "action" in trigger:
        what = f"the action '{trigger['action']}'"
        return f"'{flow}' starts on {what}: try it with `act` in a test case (docs/testing.md)."
    if "schedule" in trigger:
        return (
            f"'{flow}' starts by its schedule: leave --event out; --at names the moment it is due, else "
            "it is the next one."
        )
    if "stripe" not in trigger:
        return f"'{flow}' starts when other flows call it: try one of those."
    # Those with the shortest names tell the plainest stories.
    names = sorted((shown(path) for path, _ in starting(project, flow)), key=len)[:3]
    such = f", such as {', '.join(names)}" if names else f" ({_written(trigger['stripe'])})"
    return f"Or give '{flow}' an event that starts it{such}."


def _written(trigger: Value) -> str:
    """A Stripe trigger as it is written."""
    return ", ".join(trigger) if isinstance(trigger, list) else str(trigger)
