"""A server as a process of its own, and a second process on its database: the test."""

from __future__ import annotations

import pathlib
from typing import Any

from bench.ports import free_port
from engine.access import keys
from engine.store.base import Store
from tests.acceptance.process import ServerProcess
from tests.acceptance.shop import copy_of_example


class Place:
    """A server, and a process of ours on its database."""

    def __init__(
        self, folder: pathlib.Path, more: str = "", log: pathlib.Path | None = None
    ) -> None:
        """`more` goes behind project.yaml, what the server says to `log`."""
        self.project = copy_of_example(folder)
        with (folder / "project.yaml").open("a") as file:
            file.write(more)
        self.store: Store = self.project.store()
        self.server = ServerProcess(folder, free_port(), log)
        with self.store.transaction() as tx:
            self.key = keys.create(tx, self.project.file, role="admin")

    def insert(self, id: int, item: str = "x") -> None:
        row = {"id": id, "user_id": "node", "item": item, "amount": 5, "currency": "usd"}
        with self.store.transaction() as tx:
            tx.insert("order", row)

    def update(self, id: int, **values: Any) -> None:
        with self.store.transaction() as tx:
            tx.update("order", {"id": id}, values)

    def delete(self, id: int) -> None:
        with self.store.transaction() as tx:
            tx.delete("order", {"id": id})
