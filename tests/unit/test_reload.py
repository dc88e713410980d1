"""Changed files: taken whole, or not at all."""

from __future__ import annotations

import pathlib
import shutil
import threading
from typing import Any

import orjson
import pytest

from engine.errors import Place, Problem
from engine.load import Loaded
from engine.project import Project
from engine.receive import Receiver
from engine.reload import Reloader
from engine.run import compile_flows
from engine.store import migrate
from engine.stripe.event import decode, load
from tests.acceptance.shop import ROOT
from tests.acceptance.test_kill import event_for

FLOW = "payment_callback.yaml"


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    room = tmp_path / "flows"
    shutil.copytree(ROOT / "flows", room, ignore=shutil.ignore_patterns(".actionflow"))
    return room


class Taker:
    """In the server's place: remembers what it was given."""

    def __init__(self, refusal: Problem | None = None) -> None:
        self.taken: list[Loaded] = []
        self.refusal = refusal

    def __call__(self, loaded: Loaded) -> Problem | None:
        if self.refusal is None:
            self.taken.append(loaded)
        return self.refusal


def change(path: pathlib.Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_nothing_changed_nothing_taken(folder: pathlib.Path) -> None:
    taker = Taker()
    reloader = Reloader(folder, taker)
    (folder / FLOW).touch()
    assert [reloader.look() for _ in range(3)] == [False] * 3
    assert taker.taken == []


def test_a_change_is_taken_once_it_has_settled(folder: pathlib.Path) -> None:
    taker = Taker()
    reloader = Reloader(folder, taker)
    change(folder / FLOW, "title: A one-time", "title: Some one-time")
    assert [reloader.look() for _ in range(3)] == [False, True, False]
    [loaded] = taker.taken
    assert loaded.flows["payment_callback"].title.startswith("Some")


def test_a_file_that_grows_is_not_read_half_written(folder: pathlib.Path) -> None:
    taker = Taker()
    reloader = Reloader(folder, taker)
    text = (folder / FLOW).read_text().replace("title: A one-time", "title: Some one-time")
    for part in (3, 2):
        (folder / FLOW).write_text(text[: len(text) // part])
        assert not reloader.look()
    (folder / FLOW).write_text(text)
    assert [reloader.look(), reloader.look()] == [False, True]
    assert reloader.problems == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("status: paid}", "status: [}", "yaml"),
        ("callback.paymentStatus == 'SUCCESSFUL'", "callback.paymentStatsu == 'SUCCESSFUL'", "ref"),
        ("table: order", "table: ordre", "table"),
    ],
)
def test_a_broken_file_keeps_what_runs_and_says_so_once(
    folder: pathlib.Path, caplog: pytest.LogCaptureFixture, old: str, new: str, code: str
) -> None:
    taker = Taker()
    reloader = Reloader(folder, taker)
    change(folder / FLOW, old, new)
    assert [reloader.look() for _ in range(4)] == [False] * 4
    assert taker.taken == []
    assert any(problem.code.startswith(code) for problem in reloader.problems)
    assert {problem.place.file for problem in reloader.problems} == {str(folder / FLOW)}
    assert len(caplog.records) == len(reloader.problems)
    change(folder / FLOW, new, old)
    reloader.look()
    assert reloader.look()
    assert reloader.problems == []


def test_a_lost_project_file_and_a_refusal_are_problems(folder: pathlib.Path) -> None:
    reloader = Reloader(folder, Taker())
    (folder / "project.yaml").rename(folder / "away")
    reloader.look()
    assert not reloader.look()
    assert [problem.code for problem in reloader.problems] == ["reload.unread"]
    (folder / "away").rename(folder / "project.yaml")

    refusal = Problem("reload.tables", Place("project.yaml"), "Other tables.", "Migrate.")
    reloader = Reloader(folder, Taker(refusal))
    change(folder / FLOW, "title: A one-time", "title: Some one-time")
    reloader.look()
    assert not reloader.look()
    assert reloader.problems == [refusal]


def test_case_25_a_run_ends_on_the_flow_it_began_with(folder: pathlib.Path) -> None:
    """Case 25: the run is inside node 1 while a node comes between 1 and 2; then node 2 goes."""
    project = Project.open(folder)
    migrate.apply(project.file, folder.resolve())
    store = project.store()
    with store.transaction() as tx:
        for id in (1, 2):
            tx.insert(
                "order",
                {"id": id, "user_id": "a", "item": "x", "amount": 10_000, "currency": "usd"},
            )
    receivers = [Receiver(project)]

    def take(loaded: Loaded) -> None:
        flows = compile_flows(project.file, loaded.flows)
        receivers.append(Receiver(Project(folder, project.file, flows)))

    reloader = Reloader(folder, take)
    inside, go_on = threading.Event(), threading.Event()

    def run(receiver: Receiver, order: int, slow: bool) -> Any:
        body = event_for(order)
        with store.transaction() as tx:
            find = tx.find

            def waiting(*given: Any, **named: Any) -> Any:
                inside.set()
                assert go_on.wait(30)
                return find(*given, **named)

            if slow:
                tx.find = waiting  # type: ignore[method-assign]
            return receiver.receive(tx, load(body), body.decode(), decode(body))

    verdicts: list[Any] = []
    old = receivers[-1]
    thread = threading.Thread(target=lambda: verdicts.append(run(old, 1, True)))
    thread.start()
    assert inside.wait(30)
    between = "  - {id: between, type: set, values: {seen: true}}\n  - id: outcome\n"
    change(folder / FLOW, "  - id: outcome\n", between)
    change(folder / FLOW, "values: {status: paid}", "values: {status: disputed}")
    reloader.look()
    assert reloader.look()
    go_on.set()
    thread.join()
    verdicts.append(run(receivers[-1], 2, False))

    assert [verdict.outcome for verdict in verdicts] == ["done", "done"]
    with store.reader() as tx:
        assert [row["status"] for row in tx.find("order", {})] == ["paid", "disputed"]
        runs = tx.execute("SELECT flow_digest, trace FROM actionflow_run ORDER BY id")
        kept = {row["digest"] for row in tx.execute("SELECT digest FROM actionflow_flow")}
    store.close()
    ran = [[entry["id"] for entry in orjson.loads(one["trace"])] for one in runs]
    assert ran == [["callback", "outcome"], ["callback", "between", "outcome"]]
    assert [one["flow_digest"] for one in runs] == [
        receiver.project.flows["payment_callback"].flow.digest for receiver in receivers
    ]
    assert kept == {one["flow_digest"] for one in runs}
