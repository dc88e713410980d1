"""Turns received events, and the rows they met and led to, into a test case of the builder's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.check.view import every_node
from engine.errors import BadInput
from engine.model import Row, Value
from engine.project import Project
from engine.store import inbox, runs
from engine.store.base import Transaction
from engine.store.inbox import InboxRow
from engine.store.runs import Run
from engine.testing.personal import Personal
from engine.trace import Entry, gave_up

TIMES = ("created_at", "updated_at")
Key = tuple[str, Value]
"""A row: its table and its key."""


@dataclass(slots=True)
class Recording:
    """Events and rows as they were, personal data replaced. `given` are the rows before, `after`
    those the runs left, both by table."""

    events: dict[str, dict[str, Any]]
    """By the name of the file each is kept in."""
    now: str
    given: dict[str, list[Row]] = field(default_factory=dict)
    after: dict[str, list[Row]] = field(default_factory=dict)


def record(project: Project, tx: Transaction, ids: Sequence[str], name: str) -> Recording:
    """What happened with these events of the inbox, in the order their runs had.

    Raises BadInput for an id that is not there.
    """
    received = [_received(tx, id) for id in dict.fromkeys(ids)]
    ran = [(row, _run_of(tx, row)) for row in received]
    ran.sort(key=lambda one: (one[1].id if one[1] else 0, one[0].received_at))
    rows = _Rows(project)
    for _, run in ran:
        if run is not None:
            rows.add(run)
    given = rows.given(tx)
    personal = Personal()
    payloads = [orjson.loads(row.payload) for row, _ in ran]
    for data in [*payloads, *given.values(), *rows.after.values()]:
        personal.learn(data)
    return Recording(
        events=_named([personal.replaced(data) for data in payloads], name),
        now=max((run.started_at for _, run in ran if run), default=received[-1].received_at),
        given=_by_table(project, given, personal),
        after=_by_table(project, rows.after, personal),
    )


def _received(tx: Transaction, id: str) -> InboxRow:
    row = inbox.show(tx, id)
    if row is None:
        raise BadInput(
            f"there is no event '{id}' in the inbox. See what came in with: actionflow events list"
        )
    return row


def _run_of(tx: Transaction, row: InboxRow) -> Run | None:
    """The event's latest run; an event no flow was for has none.

    What its calls did when they were given up (engine/giveup.py) is kept as runs of it, too.
    """
    before = None
    while latest := runs.listing(tx, event_id=row.id, limit=1, before=before):
        before = latest[0].id
        run = runs.show(tx, before)
        if run is not None and not gave_up(run.trace):
            return run
    return None


def _named(events: Iterable[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        stem = f"{event['type']}.{name}"
        count = sum(one == stem or one.startswith(f"{stem}-") for one in found)
        found[f"{stem}-{count + 1}" if count else stem] = event
    return found


class _Rows:
    """The rows that runs touched or read, as they were before and after all of them."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.before: dict[Key, Row | None] = {}
        self.after: dict[Key, Row | None] = {}

    def add(self, run: Run) -> None:
        """Take the rows out of a run's trace, which is in the order things happened."""
        self._add(run.trace, run.flow, done=run.outcome == "done")

    def _add(self, entries: Iterable[Entry], flow: str, *, done: bool) -> None:
        """`flow` is the name of the one these nodes stand in: ids repeat in the flows it calls."""
        compiled = self.project.flows.get(flow)
        nodes = {node.id: node for node in every_node(compiled.flow.nodes)} if compiled else {}
        for entry in entries:
            for change in entry.get("changes", ()):
                key = change["table"], change["key"]
                self.before.setdefault(key, change["before"])
                self.after[key] = change["after"] if done else change["before"]
            node = nodes.get(entry["id"])
            if node is None or node.type != entry["type"]:  # The file has changed since.
                continue
            if node.type == "table.find":
                self._read(str(node.keys["table"]), entry)
            inner = str(node.keys["flow"]) if node.type == "flow" else flow
            self._add(entry.get("nodes", ()), inner, done=done)

    def _read(self, table: str, entry: Entry) -> None:
        """Rows that a table.find gave, unless one of the runs had made them."""
        out, key = entry.get("out"), self.project.file.tables[table].key
        for row in out if isinstance(out, list) else [out] if out else []:
            if key in row:
                self.before.setdefault((table, row[key]), row)

    def given(self, tx: Transaction) -> dict[Key, Row]:
        """The rows there were before, and those they refer to."""
        found: dict[Key, Row] = {key: row for key, row in self.before.items() if row is not None}
        made = {key for key, row in self.before.items() if row is None}
        waiting = [*found.items(), *((key, row) for key, row in self.after.items() if row)]
        while waiting:
            (table, _), row = waiting.pop()
            for column in self.project.file.tables[table].visible:
                value = row.get(column.name)
                if column.references is None or value is None:
                    continue
                key = column.references, value
                there = None if key in found or key in made else tx.get(*key)
                if there is not None:
                    names = [one.name for one in self.project.file.tables[key[0]].visible]
                    found[key] = {name: there[name] for name in names}
                    waiting.append((key, found[key]))
        return found


def _by_table(
    project: Project, rows: Mapping[Key, Row | None], personal: Personal
) -> dict[str, list[Row]]:
    """Rows as a case writes them: without times of writing and nulls."""
    listed: dict[str, list[Row]] = {}
    for (table, _), row in rows.items():
        if row is not None:
            told = {
                name: value
                for name, value in personal.replaced(row).items()
                if value is not None and name not in TIMES
            }
            listed.setdefault(table, []).append(told)
    return {name: listed[name] for name in project.file.tables if name in listed}
