"""One database with its orders, and how to read it: what the faults happen to."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bench.events import CREATED, stripe_id
from chaos.audit import Found, Wanted
from chaos.server import Server
from chaos.warehouse import Warehouse
from engine.project import Project
from engine.store import migrate
from engine.store.base import Store
from engine.store.connect import open_store

ROOM = pathlib.Path(__file__).parent / "room"
SQLITE = "sqlite:///.actionflow/data.db"
PRODUCTS = 200
AT_ONCE = 5_000
"""Orders written in one transaction."""

Kind = Callable[[int], str]
"""The kind of an order: plain, slow, poison or told."""


def plain(_order: int) -> str:
    return "plain"


def event_of(order: int) -> str:
    """The id of the event that pays an order (bench/events.py)."""
    return stripe_id("evt", CREATED + order // 200, order)


@dataclass(slots=True)
class World:
    """A project folder, its database with orders 1 to `count`, and the warehouse its flows call."""

    project: Project
    count: int
    kind: Kind
    warehouse: Warehouse
    servers: list[Server] = field(default_factory=list)
    _orders: dict[str, int] = field(default_factory=dict)

    @property
    def folder(self) -> pathlib.Path:
        return self.project.folder

    @property
    def orders(self) -> range:
        return range(1, self.count + 1)

    def server(self) -> Server:
        """One more server on this database, not started; it is gone when the world is."""
        server = Server(self.folder)
        self.servers.append(server)
        return server

    def wanted(self) -> Wanted:
        """What must be there in the end."""
        kinds = {order: self.kind(order) for order in self.orders}
        return Wanted(
            product={order: product_of(order) for order in self.orders},
            calling={order for order, kind in kinds.items() if kind in ("told", "slow")},
            failing={order for order, kind in kinds.items() if kind == "poison"},
        )

    def found(self, copy: pathlib.Path | None = None) -> Found:
        """The database as it is now, or a copy of it; servers may be running."""
        orders = self._orders or {event_of(order): order for order in self.orders}
        self._orders = orders
        url = self.project.file.database if copy is None else f"sqlite:///{copy.resolve()}"
        store = open_store(url, self.project.file.tables, self.folder.resolve())
        found = Found()
        try:
            with store.reader() as tx:
                for row in tx.execute("SELECT id, state FROM actionflow_inbox"):
                    found.events[orders[row["id"]]] = row["state"]
                for row in tx.execute("SELECT event_id FROM actionflow_run WHERE outcome = 'done'"):
                    found.runs.append(orders[row["event_id"]])
                for row in tx.execute("SELECT order_id FROM payment WHERE status = 'SUCCESSFUL'"):
                    found.payments.append(row["order_id"])
                for row in tx.execute("SELECT id FROM \"order\" WHERE status = 'paid'"):
                    found.paid.append(row["id"])
                for row in tx.execute("SELECT order_id FROM ledger"):
                    found.booked.append(row["order_id"])
                for row in tx.execute("SELECT id, sold FROM product"):
                    found.sold[row["id"]] = row["sold"]
                for row in tx.execute("SELECT event_id, state FROM actionflow_outbox"):
                    found.calls.setdefault(orders[row["event_id"]], []).append(row["state"])
        finally:
            store.close()
        return found


def product_of(order: int) -> int:
    """Which product an order buys."""
    return order % PRODUCTS + 1


@contextlib.contextmanager
def world(
    folder: pathlib.Path, database: str = SQLITE, count: int = 1000, kind: Kind = plain
) -> Iterator[World]:
    """A new one in this folder; `database` is its URL, of an empty database."""
    warehouse = Warehouse()
    room = folder / "room"
    shutil.copytree(ROOM, room, ignore=shutil.ignore_patterns(".actionflow"))
    file = room / "project.yaml"
    text = file.read_text().replace(SQLITE, database).replace("http://127.0.0.1:9", warehouse.url)
    file.write_text(text)
    project = Project.open(room)
    migrate.apply(project.file, room.resolve())
    store = project.store()
    try:
        _fill(store, count, kind)
    finally:
        store.close()
    made = World(project, count, kind, warehouse)
    try:
        yield made
    finally:
        for server in made.servers:
            server.end()
        warehouse.stop()


def _fill(store: Store, count: int, kind: Kind) -> None:
    with store.transaction() as tx:
        for product in range(1, PRODUCTS + 1):
            tx.insert("product", {"id": product})
    for first in range(1, count + 1, AT_ONCE):
        with store.transaction() as tx:
            for order in range(first, min(first + AT_ONCE, count + 1)):
                row = {"id": order, "kind": kind(order), "product_id": product_of(order)}
                tx.insert("order", {**row, "amount": 10_000, "currency": "usd"})
