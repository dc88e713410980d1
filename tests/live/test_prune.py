"""Pruning the log of changes while a server runs: by the project's rules, a piece at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from typing import Any

import pytest

from engine.live.prune import Pruner
from engine.model import LiveRules
from engine.store import changes
from engine.store.base import Transaction, WriterBusy
from engine.store.connect import memory
from tests.store.support import NOW, project

YEARS = 24 * 365 * 20


class Writer:
    """Runs what is submitted at once; `more` is what it says of each piece, False when that is over."""

    def __init__(self) -> None:
        self.store = memory(project().tables, clock=lambda: NOW)
        self.more: list[bool | Exception] = []
        self.pieces = 0

    def submit(self, work: Callable[[Transaction], Any]) -> Future[Any]:
        self.pieces += 1
        done: Future[Any] = Future()
        with self.store.transaction() as tx:
            work(tx)
        said = self.more.pop(0) if self.more else False
        if isinstance(said, Exception):
            done.set_exception(said)
        else:
            done.set_result(said)
        return done

    def kept(self) -> list[int]:
        with self.store.reader() as tx:
            return [line.seq for line in changes.after(tx, 0, limit=100)]


@pytest.fixture
def writer() -> Iterator[Writer]:
    opened = Writer()
    with closing(opened.store):
        for id in range(5):
            with opened.store.transaction() as tx:
                tx.insert("order", {"id": id, "amount": 5})
        yield opened


@pytest.mark.parametrize(
    ("rules", "kept"),
    [(LiveRules(YEARS, 2), [4, 5]), (LiveRules(YEARS, 100), [1, 2, 3, 4, 5]), (LiveRules(0), [5])],
)
def test_what_the_rules_say_stays(writer: Writer, rules: LiveRules, kept: list[int]) -> None:
    Pruner(lambda: rules, writer.submit, threading.Event()).prune()
    assert (writer.kept(), writer.pieces) == (kept, 1)


def test_piece_follows_piece_by_the_rules_of_the_moment(writer: Writer) -> None:
    keep = iter([4, 3, 2])
    writer.more = [True, True]
    Pruner(lambda: LiveRules(YEARS, next(keep)), writer.submit, threading.Event()).prune()
    assert (writer.kept(), writer.pieces) == ([4, 5], 3)


def test_a_piece_that_failed_is_the_last_for_now(writer: Writer) -> None:
    writer.more = [True, ValueError(), True]
    Pruner(lambda: LiveRules(YEARS, 2), writer.submit, threading.Event()).prune()
    assert writer.pieces == 2


def test_a_server_that_stops_begins_no_other_piece(writer: Writer) -> None:
    stopping = threading.Event()
    stopping.set()
    writer.more = [True]
    Pruner(lambda: LiveRules(YEARS, 2), writer.submit, stopping).prune()
    assert writer.pieces == 1


def test_a_busy_writer_is_left_alone(writer: Writer) -> None:
    def busy(work: Callable[[Transaction], Any]) -> Future[Any]:
        raise WriterBusy

    Pruner(lambda: LiveRules(YEARS, 2), busy, threading.Event()).prune()
    assert writer.kept() == [1, 2, 3, 4, 5]
