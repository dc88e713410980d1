"""The ticker under any clock: random steps forth and back, restarts and reloads; and its thread's patience."""

from __future__ import annotations

import logging
import pathlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import cron
from engine.clock import timestamp
from engine.project import Project
from engine.receive import Receiver, drain
from engine.secrets import Mode
from engine.store.base import Store, Transaction
from engine.stripe.event import of
from engine.ticker import LATEST, LOOK_EVERY, TRY_AGAIN, Schedules, Ticker
from tests.conftest import PROJECT

HEAD = "flow: {name}\ntrigger: {{schedule: '{cron}'}}\nnodes:\n"
FLOW = HEAD + "  - {{id: seen, type: log, message: '{{{{ run.due }}}}'}}\n"
CRONS = {"often": "*/7 * * * *", "daily": "0 3 * * *", "monthly": "30 4 1 * *"}
START = 1_790_000_000
MOVES = st.one_of(
    st.integers(0, 900),  # seconds
    st.integers(0, 3 * 86_400),
    st.integers(0, 40 * 86_400),
    st.integers(-3600, -1),
    st.integers(-20 * 86_400, -1),
)


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> list[Project]:
    """The same schedules twice: reloading gives another object each time."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "project.yaml").write_text(PROJECT)
    for name, text in CRONS.items():
        (folder / f"{name}.yaml").write_text(FLOW.format(name=name, cron=text))
    return [Project.open(folder), Project.open(folder)]


class Clocked:
    """A database in memory, and a ticker that is started anew on it."""

    def __init__(self, project: Project) -> None:
        self.now = float(START)
        self.project = project
        self.store: Store = project.scratch({})
        self.start()

    def start(self) -> None:
        self.schedules = Schedules(lambda: self.project, self.transact, lambda: self.now)

    def transact(self, work: Callable[[Transaction], Any]) -> Any:
        with self.store.transaction() as tx:
            return work(tx)

    def kept(self) -> list[str]:
        with self.store.reader() as tx:
            return [row["id"] for row in tx.execute("SELECT id FROM actionflow_inbox")]

    def runs(self) -> list[str]:
        """What ran, once all that is due has been run."""
        receiver = Receiver(self.project, now=lambda: self.now)
        self.transact(lambda tx: drain(receiver, tx, most=10_000))
        with self.store.reader() as tx:
            return [row["event_id"] for row in tx.execute("SELECT event_id FROM actionflow_run")]


def id_of(name: str, due: int) -> str:
    return f"tick_{name}_{timestamp(due)[:16].replace('-', '').replace(':', '')}"


@settings(max_examples=60)
@given(
    moves=st.lists(st.tuples(MOVES, st.sampled_from(["look", "restart", "reload"])), max_size=12)
)
def test_whatever_the_clock_does_each_moment_runs_at_most_once_and_the_latest_is_never_lost(
    projects: list[Project], moves: list[tuple[int, str]]
) -> None:
    world = Clocked(projects[0])
    try:
        world.schedules.look()
        assert world.kept() == [], "nothing is done for the time before"
        before = int(world.now)
        for seconds, what in moves:
            world.now = max(world.now + seconds, 1_000_000_000)
            if what == "restart":
                world.start()
            elif what == "reload":
                world.project = projects[world.project is projects[0]]
            was = set(world.kept())
            count = world.schedules.look()
            now, kept = int(world.now), set(world.kept())
            assert len(kept - was) == count <= len(CRONS)
            for name, text in CRONS.items():
                latest = cron.latest(text, now)
                assert latest is not None
                new = {one for one in kept - was if one.startswith(f"tick_{name}_")}
                # Only the latest moment, and only when the clock has passed it since the last look.
                assert new <= ({id_of(name, latest)} if latest > before else set())
                if before < latest and now - latest <= LATEST:
                    assert id_of(name, latest) in kept
            before = now
            assert world.schedules.look() == 0
        ran = world.runs()
        assert len(ran) == len(set(ran))
        assert set(ran) == set(world.kept())
    finally:
        world.store.close()


@pytest.mark.parametrize("mode", ["test", "live"])
def test_a_tick_is_of_the_mode_of_the_keys(projects: list[Project], mode: Mode) -> None:
    world = Clocked(projects[0])
    world.schedules.live = mode == "live"
    world.schedules.look()
    world.now += 900
    assert world.schedules.look() == 1
    receiver = Receiver(world.project, mode, lambda: world.now)
    [verdict] = world.transact(lambda tx: drain(receiver, tx))
    assert (verdict.outcome, verdict.event.livemode) == ("done", mode == "live")
    world.store.close()


def test_an_event_that_is_delivered_starts_no_scheduled_flow(
    projects: list[Project], make_event: Callable[..., dict[str, Any]]
) -> None:
    world = Clocked(projects[0])
    event = make_event("schedule.daily")
    receiver = Receiver(world.project)
    verdict = world.transact(lambda tx: receiver.receive(tx, event, "{}", of(event)))
    assert (verdict.outcome, world.runs()) == ("ignored", [])
    assert "a schedule starts this flow" in verdict.reason
    world.store.close()


def test_the_thread_waits_for_the_next_moment_a_minute_at_most(projects: list[Project]) -> None:
    world = Clocked(projects[0])
    told: list[int] = []
    ticker = Ticker(world.schedules, lambda: told.append(1))
    coming = cron.after(CRONS["often"], START)
    assert coming is not None
    assert ticker.look() == min(coming - START, LOOK_EVERY)
    world.now = coming - 0.25
    assert (ticker.look(), told) == (0.25, [])
    world.now = float(coming)
    assert (ticker.look(), told) == (LOOK_EVERY, [1])
    world.store.close()


def test_what_cannot_be_kept_is_said_and_tried_again_soon(
    projects: list[Project], caplog: pytest.LogCaptureFixture
) -> None:
    world = Clocked(projects[0])
    world.schedules.transact = lambda work: 1 // 0
    with caplog.at_level(logging.ERROR):
        assert Ticker(world.schedules, lambda: None).look() == TRY_AGAIN
    assert "what is due by schedule could not be kept" in caplog.text
    world.store.close()


def test_a_project_without_schedules_is_asked_for_nothing(
    make_project: Callable[..., pathlib.Path],
) -> None:
    world = Clocked(Project.open(make_project()))
    ticker = Ticker(world.schedules, lambda: None)
    assert ticker.look() == LOOK_EVERY
    world.schedules.transact = lambda work: 1 // 0
    world.now += 86_400
    assert ticker.look() == LOOK_EVERY
    world.store.close()


def test_the_thread_looks_at_once_when_it_is_told_and_ends_when_it_is_stopped(
    projects: list[Project],
) -> None:
    world = Clocked(projects[0])
    looked = threading.Semaphore(0)

    def transact(work: Callable[[Transaction], Any]) -> Any:
        found = world.transact(work)
        looked.release()
        return found

    world.schedules.transact = transact
    ticker = Ticker(world.schedules, lambda: None)
    ticker.start()
    assert looked.acquire(timeout=20)
    world.project = projects[1]
    ticker.renew()
    assert looked.acquire(timeout=20)
    ticker.stop()
    assert not ticker._thread.is_alive()
    world.store.close()
