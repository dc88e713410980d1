"""The change log: what a transaction leaves in it, and how it is shortened."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.store import changes
from engine.store.base import Store
from engine.store.connect import memory
from tests.store.support import NOW, project

LATER = "2026-03-02T12:00:00Z"


@pytest.fixture
def store() -> Iterator[Store]:
    opened = memory(project().tables, clock=lambda: NOW)
    with contextlib.closing(opened):
        yield opened


def logged(store: Store, after: int = 0) -> list[changes.Logged]:
    with store.reader() as tx:
        return changes.after(tx, after, limit=1000)


def test_a_line_for_each_change_in_order(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"id": 1, "amount": 5})
        tx.update("order", {"id": 1}, {"status": "paid"})
        tx.delete("order", {"id": 1})
    made, changed, gone = logged(store)
    assert [line.op for line in (made, changed, gone)] == ["insert", "update", "delete"]
    assert [line.seq for line in (made, changed, gone)] == [1, 2, 3]
    assert (made.was, made.now and made.now["status"]) == (None, "new")
    assert changed.was == made.now
    assert changed.now == {**(made.now or {}), "status": "paid"}
    assert (gone.now, gone.was) == (None, changed.now)
    assert {line.at for line in (made, changed, gone)} == {NOW}


def test_what_is_undone_leaves_no_line(store: Store) -> None:
    with store.transaction() as tx:
        tx.insert("order", {"id": 1, "amount": 5})
        with contextlib.suppress(ZeroDivisionError), tx.savepoint():
            tx.insert("order", {"id": 2, "amount": 5})
            raise ZeroDivisionError
    with contextlib.suppress(ZeroDivisionError), store.transaction() as tx:
        tx.insert("order", {"id": 3, "amount": 5})
        raise ZeroDivisionError
    assert [line.now and line.now["id"] for line in logged(store)] == [1]


def test_a_change_of_internal_columns_alone_is_nobodys_business(store: Store) -> None:
    with store.transaction() as tx, tx.system_writes():
        tx.insert("order", {"id": 1, "amount": 5})
        row = {"order_id": 1, "amount": 5, "currency": "usd", "facts": {"a": 1}}
        made = tx.insert("payment", row)
    with store.transaction() as tx, tx.system_writes():
        tx.update("payment", {"id": made["id"]}, {"facts": {"a": 2}})
    lines = logged(store)
    assert [line.table for line in lines] == ["order", "payment"]
    assert "facts" not in (lines[1].row or "")


def test_watchers_are_woken_by_changes_and_by_nothing_else(store: Store) -> None:
    woken: list[int] = []
    store.watch(lambda: woken.append(len(logged(store))))
    with store.transaction() as tx:
        tx.find("order", {})
    assert woken == []
    with contextlib.suppress(ZeroDivisionError), store.transaction() as tx:
        tx.insert("order", {"id": 1, "amount": 5})
        raise ZeroDivisionError
    assert woken == []
    with store.transaction() as tx:
        tx.insert("order", {"id": 1, "amount": 5})
    assert woken == [1], "after the commit, so that a look finds it"


@settings(max_examples=60, deadline=None)
@given(
    ages=st.lists(st.booleans(), max_size=30),
    keep=st.integers(1, 30),
    limit=st.integers(1, 10),
)
def test_pruning_keeps_what_the_rules_say(ages: list[bool], keep: int, limit: int) -> None:
    """By age and by number, some at a time; the latest stays, and its seq is not given out again."""
    ages = sorted(ages, reverse=True)  # old ones first
    moment = NOW
    with contextlib.closing(memory(project().tables, clock=lambda: moment)) as store:
        for id, old in enumerate(ages):
            moment = NOW if old else LATER
            with store.transaction() as tx:
                tx.insert("order", {"id": id, "amount": 5})
        turns = 0
        more: Any = True
        while more:
            with store.transaction() as tx:
                more = changes.prune(tx, older_than=LATER, keep=keep, limit=limit)
            turns += 1
            assert turns <= len(ages) + 2
        young = [seq for seq, old in enumerate(ages, 1) if not old]
        wanted = young[-keep:] or ([len(ages)] if ages else [])
        assert [line.seq for line in logged(store)] == wanted
        with store.reader() as tx:
            assert changes.pruned_to(tx) == (wanted[0] - 1 if wanted else 0)
            assert changes.position(tx) == len(ages)
        with store.transaction() as tx:
            tx.insert("order", {"id": 99, "amount": 5})
        assert logged(store)[-1].seq == len(ages) + 1
