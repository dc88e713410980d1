"""How far each scheduled flow has come, remembered over restarts: a mark a flow, in the meta table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from engine.store import meta
from engine.store.base import Transaction

PREFIX = "schedule "
MARKS = "SELECT key, value FROM actionflow_meta WHERE key LIKE :like"
FORGET = "DELETE FROM actionflow_meta WHERE key = :key"


class Mark(NamedTuple):
    """The cron expression a flow had, and the second since 1970 up to which nothing is to be done."""

    cron: str
    after: int


def marks(tx: Transaction) -> Mapping[str, Mark]:
    """Every mark, by the flow's name."""
    found = tx.execute(MARKS, {"like": f"{PREFIX}%"})
    return {row["key"].removeprefix(PREFIX): Mark(*orjson.loads(row["value"])) for row in found}


def put(tx: Transaction, flow: str, mark: Mark) -> None:
    """Remember how far a flow has come."""
    meta.write(tx, PREFIX + flow, orjson.dumps([*mark]).decode())


def forget(tx: Transaction, flow: str) -> None:
    """The flow has no schedule any more: when it has one again, it is a new one."""
    tx.execute(FORGET, {"key": PREFIX + flow})
