"""Runs about an order: read from traces once, then found by an index (engine/store/run_orders.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.model import ProjectFile, Value
from engine.store import run_orders
from engine.store.base import Store, Transaction
from engine.store.codec import stored_type
from engine.store.run_orders import Span
from engine.store.search import Filters, Page, runs_of_order
from engine.store.traces import unpack
from engine.stripe.event import BadEvent, decode
from engine.stripe.metadata import mark_of
from engine.trace import Entry, flat

STRETCH = 500
"""Runs read at a time: the writer then has at most some hundred short rows to write."""
MOST_READ = 20_000
"""Runs that one search reads (a second or two); a search further back goes on."""
OVERLAP = 1_000
"""Runs read again by each search where several servers write: one may show up after a later one."""
NAMES = ("orderId", "order_id")
"""What an order's key is called by the actions, the locked nodes and the system tables."""

Write = Callable[[Callable[[Transaction], None]], None]
"""Does work in a transaction of the writer, and waits for its commit."""


def find_runs(
    store: Store,
    write: Write,
    project: ProjectFile,
    order: Value,
    filters: Filters,
    *,
    limit: int,
    before: int | None = None,
) -> Page:
    """The latest runs about this order that fit.

    Reads at most MOST_READ runs that no search has read before; the page tells when there are more.
    """
    _read_newer(store, write, project)
    left = MOST_READ
    while True:
        with store.reader() as tx:
            read = run_orders.read_so_far(tx)
            low = read.low if read else 1
            page = runs_of_order(tx, order, filters, low=low, limit=limit, before=before)
        if len(page.rows) == limit or low <= 1 or left <= 0:
            return page
        left -= STRETCH
        _read(store, write, project, Span(max(low - STRETCH, 1), low))


def orders_of(trace: list[Entry], failed: str | None, project: ProjectFile) -> set[Value]:
    """The keys of the orders that a run was given, told of, or changed rows of.

    `failed` is the body of the event of a run that failed, perhaps before a node could say more.
    """
    found = _meant(failed, project) if failed else set()
    for entry in flat(trace):
        for given in (entry.get("in"), entry.get("out")):
            if isinstance(given, Mapping):
                found.update(given[name] for name in NAMES if _is_key(given.get(name)))
        for change in entry.get("changes", []):
            found.update(_changed(change, project))
    return found


def _read_newer(store: Store, write: Write, project: ProjectFile) -> None:
    """Read the runs since the last search, so that none of the latest is missed."""
    with store.reader() as tx:
        known, top = run_orders.read_so_far(tx), run_orders.latest(tx) + 1
        overlap = OVERLAP if tx.shared else 0
    if known is None or top - known.high > MOST_READ:
        # From the latest downwards, then: what is older may not be asked for.
        write(lambda tx: run_orders.keep(tx, [], Span(top, top)))
        return
    low = max(known.high - overlap, known.low)
    while low < top:
        high = min(low + STRETCH, top)
        _read(store, write, project, Span(low, high))
        low = high


def _read(store: Store, write: Write, project: ProjectFile, span: Span) -> None:
    with store.reader() as tx:
        runs = run_orders.stretch(tx, span)
    found = [
        (key, run["id"])
        for run in runs
        for key in orders_of(unpack(run["trace"]), run["payload"], project)
    ]
    write(lambda tx: run_orders.keep(tx, found, span))


def _meant(payload: str, project: ProjectFile) -> set[Value]:
    """The order that the event's object names in its metadata."""
    try:
        metadata = decode(payload.encode()).object.get("metadata")
    except BadEvent:
        return set()
    column = project.order.columns[project.order.key]
    mark = mark_of(metadata, stored_type(column, project.tables), project.name)
    return set() if mark.order_id is None else {mark.order_id}


def _changed(change: Mapping[str, Any], project: ProjectFile) -> Iterator[Value]:
    """The orders a row change is about: the order itself, or those its row refers to."""
    if change["table"] == project.order_table:
        yield change["key"]
        return
    table = project.tables.get(change["table"])
    for column in table.columns.values() if table else ():
        if column.references == project.order_table:
            for row in (change["before"], change["after"]):
                if row and _is_key(row.get(column.name)):
                    yield row[column.name]


def _is_key(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)
