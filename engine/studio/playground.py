"""The playground: recorded events to try a flow on, the dry run, and the words an editor offers."""

from __future__ import annotations

import hashlib
import pathlib
import time
from collections.abc import Mapping
from functools import lru_cache

import orjson

from engine.catalogue import Output, catalogue
from engine.check.view import View
from engine.dryrun import DryRun, dry_run, due_event
from engine.editor import flow_schema
from engine.errors import BadInput
from engine.load import Loaded
from engine.model import RESERVED_NAMES, Value
from engine.project import Project
from engine.recorded import FOLDER, read_event, starting
from engine.store import inbox
from engine.store.base import Store, Transaction
from engine.stripe.event import BadEvent, EventRead, load, of
from engine.studio.masking import mask, mask_text
from engine.studio.runs import traced_graph

LATEST = 200
"""Events of the inbox that are offered."""
LARGEST_COPY = 256 * 1024 * 1024
"""Bytes of an SQLite file that a dry run still copies; larger ones are tried on seed.yaml."""


def events_for(
    project: Project, flow: str, tx: Transaction, *, wanted: str | None = None
) -> dict[str, Value]:
    """Events that start this flow: recorded ones by name, and the latest of the inbox by id; and
    whether a schedule starts it.

    `wanted` is the id of one that is offered however old it is.
    """
    recorded = [
        {"name": path.stem, "type": event.type, "version": event.api_version}
        for path, event in starting(project, flow)
    ]
    rows = inbox.listing(tx, limit=LATEST)
    if wanted and wanted not in {row.id for row in rows}:
        old = inbox.show(tx, wanted)
        rows = [*rows, old] if old else rows
    received = [
        {"id": row.id, "type": row.type, "at": row.received_at, "state": row.state}
        for row in rows
        if row.flow == flow
    ]
    scheduled = flow in project.schedules()
    return {"recorded": recorded, "received": received, "scheduled": scheduled}


def find_event(project: Project, flow: str, tx: Transaction, source: str, name: str) -> EventRead:
    """A recorded event (`source` is file), one of the inbox (inbox), or the next moment of
    the flow's schedule (schedule). Raises BadInput."""
    if source == "schedule":
        if flow not in project.schedules():
            raise BadInput("The flow has no schedule any more: choose an event.")
        return due_event(project.flows[flow].flow, None, time.time())
    if source == "inbox":
        row = inbox.show(tx, name)
        if row is None:
            raise BadInput(f"There is no event '{name}' in the inbox.")
        try:
            data = load(row.payload.encode())
            return data, row.payload, of(data)
        except BadEvent as error:
            raise BadInput(f"The event {name} cannot be read: {error}") from None
    known = {path.stem: path for path in (project.folder / FOLDER).glob("*.json")}
    if name not in known:
        raise BadInput(f"There is no recorded event '{name[:100]}' in {FOLDER}/.")
    return read_event(known[name])


def database_for(project: Project, store: Store, rows: str) -> tuple[Store, str]:
    """What to try on: `copy` of the database as it is now, or the `seed` rows. Close it after use.

    A copy of a large database is refused. Raises BadInput, StoreError.
    """
    if rows == "seed":
        return project.scratch(project.seed()), "the rows of seed.yaml"
    if _size(project.database_file) > LARGEST_COPY:
        raise BadInput(
            f"The database is over {LARGEST_COPY >> 20} MB, too large to copy for a dry run here. "
            "Choose the rows of seed.yaml, or run `actionflow dry-run` on a machine of its own."
        )
    return store.snapshot(), "a copy of the database as it is now"


def try_flow(
    project: Project, flow: str, event: EventRead, store: Store, database: str
) -> dict[str, Value]:
    """A dry run for the page: each event's verdict with graph, path and steps; rows; calls."""
    return run_json(dry_run(project, flow, [event], store, database), project)


def run_json(result: DryRun, project: Project) -> dict[str, Value]:
    """A dry run as the page shows it, masked."""
    return {
        "database": result.database,
        "failed": result.failed,
        "events": [
            {
                "id": verdict.event.id,
                "type": verdict.event.type,
                "flow": verdict.flow,
                "outcome": verdict.outcome,
                "reason": mask_text(verdict.reason),
                "seen_before": verdict.event.id in result.repeated,
                "early": verdict.early,
                **traced_graph(
                    project.flows[verdict.flow].flow if verdict.flow else None, verdict.trace
                ),
            }
            for verdict in result.verdicts
        ],
        "changes": [mask(change.as_json()) for change in result.changes],
        "calls": [mask(call) for call in result.calls],
    }


@lru_cache(maxsize=1)
def words(project: Project) -> dict[str, Value]:
    """What an editor can offer: what `actionflow schema` writes for flows and, for inside of
    expressions, the columns by table and outputs by node type. Made once for a project (50 ms)."""
    flows = {name: one.flow for name, one in project.flows.items()}
    return {
        "schema": flow_schema(View(Loaded(project.folder, project.file, flows))),
        "columns": {
            table.name: {column.name: column.type for column in table.visible}
            for table in project.file.tables.values()
        },
        "outputs": {
            spec.type: spec.outputs
            if isinstance(spec.outputs, str)
            else {name: _told(one) for name, one in spec.outputs.items()}
            for spec in catalogue().values()
        },
        "flows": sorted(name for name, flow in flows.items() if "manual" in flow.trigger),
        "config": sorted(project.file.config),
        "reserved": sorted(RESERVED_NAMES),
    }


@lru_cache(maxsize=1)
def words_text(project: Project) -> tuple[bytes, str]:
    """The words as JSON (280 KB for the example), and a digest that tells one text from another."""
    text = orjson.dumps(words(project))
    return text, hashlib.sha256(text).hexdigest()


def _told(one: Output) -> Mapping[str, Value]:
    return {"type": one.type, "optional": one.nullable, "doc": one.doc, "one_of": one.one_of}


def _size(path: pathlib.Path | None) -> int:
    try:
        return path.stat().st_size if path else 0
    except OSError:
        return 0
