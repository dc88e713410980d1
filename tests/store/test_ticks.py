"""Scheduled flows on both databases: each moment is run once, whoever looks, whatever the clock does."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from engine.metrics import Metrics
from engine.project import Project
from engine.receive import Receiver, drain
from engine.store import inbox, migrate, runs
from engine.store.again import committed
from engine.store.base import Store, Transaction
from engine.ticker import LATEST, Schedules
from engine.writer import Writer
from tests.conftest import PROJECT
from tests.store.support import Connector

HEAD = "flow: nightly\ntrigger: {{schedule: '{cron}'}}\nnodes:\n"
NODE = "  - {id: row, type: table.insert, table: tag, values: {name: '{{ run.due }}'}}\n"
DAILY = HEAD.format(cron="0 3 * * *") + NODE
DAY = 86_400


def at(text: str) -> float:
    """The second of a moment such as `31 12:00` of May 2026."""
    return datetime.fromisoformat(f"2026-05-{text}:00+00:00").timestamp()


@dataclass
class Server:
    """One server: its own connections, and the clock of all that the test moves."""

    town: Town
    project: Project
    store: Store = field(init=False)
    schedules: Schedules = field(init=False)

    def __post_init__(self) -> None:
        self.store = self.project.store()
        self.schedules = Schedules(
            lambda: self.project, lambda work: committed(self.store, work), lambda: self.town.now
        )

    def look(self) -> int:
        """What it does when something may be due; then all is run that waits."""
        kept = self.schedules.look()
        receiver = Receiver(self.project, now=lambda: self.town.now)
        committed(self.store, lambda tx: drain(receiver, tx))
        return kept


class Town:
    """A project on one database, and its servers."""

    def __init__(self, make: Callable[..., pathlib.Path], url: str) -> None:
        self.make, self.url, self.now = make, url, at("01 12:00")
        self.servers: list[Server] = []

    def read(self, text: str | None = DAILY) -> Project:
        """The project with this flow, None for none."""
        folder = self.make(PROJECT.replace("sqlite:///little.db", "env:TOWN"))
        (folder / "nightly.yaml").unlink(missing_ok=True)
        if text:
            (folder / "nightly.yaml").write_text(text)
        return Project.open(folder)

    def server(self, text: str | None = DAILY) -> Server:
        """Another server, which has begun."""
        project = self.read(text)
        if not self.servers:
            migrate.apply(project.file, project.folder)
        self.servers.append(Server(self, project))
        self.servers[-1].look()
        return self.servers[-1]

    def rows(self) -> list[str]:
        with self.servers[0].store.reader() as tx:
            return [row["name"][8:16] for row in tx.find("tag", {})]

    def ticks(self) -> dict[str, str]:
        """What became of each tick, by the moment in its id."""
        with self.servers[0].store.reader() as tx:
            found = inbox.listing(tx, limit=1000)
            return {row.id.removeprefix("tick_nightly_202605"): row.state for row in found}


@pytest.fixture
def town(
    connector: Connector,
    make_project: Callable[..., pathlib.Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Town]:
    monkeypatch.setenv("TOWN", connector.url())
    found = Town(make_project, connector.url())
    yield found
    for one in found.servers:
        one.store.close()


def test_a_flow_runs_at_its_moments_and_at_no_other(town: Town) -> None:
    server = town.server()
    kept = []
    for hour in range(20, 24 + 30):
        town.now = at("01 00:00") + hour * 3600
        kept.append(server.look())
    assert sum(kept) == 2
    assert town.rows() == ["02T03:00", "03T03:00"]
    assert town.ticks() == {"02T0300": "done", "03T0300": "done"}
    with server.store.reader() as tx:
        [run, _] = runs.listing(tx)
        row = inbox.show(tx, run.event_id or "")
    assert (run.flow, run.started_at) == ("nightly", "2026-05-03T03:00:00Z")
    assert row is not None
    assert (row.type, row.created) == ("schedule.nightly", "2026-05-03T03:00:00Z")


def test_a_new_flow_does_not_run_for_the_past_nor_does_one_with_another_schedule(
    town: Town,
) -> None:
    server = town.server()
    assert town.ticks() == {}
    town.now = at("02 03:00")
    server.look()
    town.now = at("02 12:00")
    server.project = town.read(HEAD.format(cron="0 11 * * *") + NODE)
    server.look()
    town.now = at("03 12:00")
    town.server(HEAD.format(cron="30 11 * * *") + NODE)
    assert town.rows() == ["02T03:00"]
    town.now = at("03 12:30")
    server.look()
    assert town.rows() == ["02T03:00", "03T11:00"]


def test_a_flow_taken_out_and_brought_back_is_a_new_one(town: Town) -> None:
    server = town.server()
    server.project = town.read(None)
    server.look()
    town.now = at("05 12:00")
    server.look()
    server.project = town.read()
    server.look()
    assert town.ticks() == {}
    town.now = at("06 03:00")
    server.look()
    assert town.rows() == ["06T03:00"]


def test_of_what_was_missed_while_no_server_ran_the_latest_is_run_once(town: Town) -> None:
    town.server()
    town.now = at("05 12:00")
    other_nodes = DAILY + "  - {id: more, type: log, message: changed while it was down}\n"
    again = town.server(other_nodes)
    assert town.rows() == ["05T03:00"]
    assert (again.look(), town.server(other_nodes).look()) == (0, 0)
    assert town.rows() == ["05T03:00"]


@pytest.mark.parametrize("late", [LATEST, LATEST + 1])
def test_what_was_missed_long_ago_is_left_out(late: int, town: Town) -> None:
    monthly = HEAD.format(cron="0 0 3 * *") + NODE
    town.server(monthly)
    town.now = at("03 00:00") + late
    server = town.server(monthly)
    assert town.rows() == ([] if late > LATEST else ["03T00:00"])
    assert server.schedules.wait() == 31 * DAY - late


def test_a_clock_set_back_runs_nothing_twice_and_time_goes_on(town: Town) -> None:
    server = town.server()
    for moment in ("02 03:00", "02 02:50", "02 02:59", "02 03:00", "02 04:00", "03 03:00"):
        town.now = at(moment)
        server.look()
    assert town.rows() == ["02T03:00", "03T03:00"]


def test_a_clock_that_was_far_ahead_does_not_keep_a_flow_from_running(town: Town) -> None:
    server = town.server()
    for moment in ("28 12:00", "01 12:00", "02 03:00", "03 03:00"):
        town.now = at(moment)
        server.look()
    assert town.rows() == ["02T03:00", "03T03:00", "28T03:00"]
    town.now = at("03 12:00")
    assert town.server().look() == 0


def test_a_run_that_fails_is_tried_again_and_ends_as_a_dead_letter(town: Town) -> None:
    server = town.server(
        HEAD.format(cron="0 3 * * *") + "  - {id: no, type: fail, reason: never}\n"
    )
    town.now = at("02 03:00")
    server.look()
    with server.store.reader() as tx:
        row = inbox.show(tx, "tick_nightly_20260502T0300")
    assert row is not None
    assert (row.state, row.attempts) == ("waiting", 1)
    assert "never" in (row.reason or "")
    for _ in range(20):
        town.now += 4000
        server.look()
    assert town.ticks()["02T0300"] == "dead"
    assert town.rows() == []


def test_a_tick_whose_flow_is_gone_is_set_aside(town: Town) -> None:
    server = town.server()
    town.now = at("02 03:00")
    server.schedules.look()
    server.project = town.read(None)
    server.look()
    assert town.ticks() == {"02T0300": "ignored"}


def test_nothing_is_asked_of_the_database_between_two_moments(town: Town) -> None:
    server = town.server()
    asked: list[Any] = []
    server.schedules.transact = asked.append
    for hour in range(13, 27):
        town.now = at("01 00:00") + hour * 3600 - 1
        assert server.schedules.look() == 0
    assert asked == []
    assert server.schedules.wait() == 3601


def test_two_servers_at_one_moment_run_it_once(town: Town) -> None:
    """Each with its own writer, both at once, for many moments."""
    each_minute = HEAD.format(cron="* * * * *") + NODE
    servers = [town.server(each_minute) for _ in range(2)]
    receivers = [Receiver(one.project, now=lambda: town.now) for one in servers]
    metrics = [Metrics(), Metrics()]
    writers = [
        Writer(one.store, lambda mine=receiver: mine, counted)  # type: ignore[misc]
        for one, receiver, counted in zip(servers, receivers, metrics, strict=True)
    ]
    meet = threading.Barrier(2, timeout=60)
    moments = 12

    def serve(server: Server, writer: Writer) -> None:
        server.schedules.transact = lambda work: writer.submit(work).result()
        writer.start()
        for _ in range(moments):
            if meet.wait() == 0:
                town.now += 60
            meet.wait()
            server.schedules.look()
            writer.look()
        meet.wait()
        writer.stop()

    threads = [
        threading.Thread(target=serve, args=pair) for pair in zip(servers, writers, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    # What was leased when the writers stopped is done by then; what nobody had leased is done here.
    servers[0].look()
    with servers[0].store.reader() as tx:
        ran = sorted(run.event_id or "" for run in runs.listing(tx, limit=1000))
    assert len(ran) == len(set(ran)) == moments
    assert set(town.ticks().values()) == {"done"}
    assert len(town.rows()) == moments
    counted = [one.events["schedule.nightly", "done"] for one in metrics]
    assert sum(counted) <= moments
    assert sum(one.retries.total() for one in metrics) == 0


def test_two_versions_of_a_project_at_once_keep_to_their_own_schedules(town: Town) -> None:
    """As while servers are replaced one after the other."""
    old = town.server()
    new = town.server(HEAD.format(cron="0 4 * * *") + NODE)
    without = town.server(None)
    for moment in ("02 03:00", "02 04:00", "03 03:00", "03 04:00"):
        town.now = at(moment)
        for one in (without, new, old):
            one.look()
    assert town.rows() == ["02T03:00", "02T04:00", "03T03:00", "03T04:00"]


def test_a_moment_that_could_not_be_kept_is_kept_later(town: Town) -> None:
    server = town.server()
    works = server.schedules.transact

    def refuse(work: Callable[[Transaction], Any]) -> Any:
        raise OSError("disk full")

    town.now = at("02 03:00")
    server.schedules.transact = refuse
    with pytest.raises(OSError, match="disk full"):
        server.schedules.look()
    server.schedules.transact = works
    assert server.look() == 1
    assert town.rows() == ["02T03:00"]
