"""Scheduled flows in a running server, on a clock that the test moves: run, reloaded, counted, told."""

from __future__ import annotations

import logging
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine import cron
from engine.cli.main import main
from engine.load import load_folder
from engine.project import Project
from engine.store import inbox, runs
from engine.web.service import Service
from tests.conftest import PROJECT
from tests.outbox.support import Server, serving

YEARLY = "0 0 1 1 *"
FLOW = """
flow: {name}
trigger: {{schedule: "{cron}"}}
nodes:
  - {{id: orders, type: table.find, table: order, where: {{status: pending}}, many: true}}
  - id: each
    type: for_each
    in: "{{{{ orders }}}}"
    as: one
    do:
      - id: odd
        type: table.update
        table: order
        where: {{id: "{{{{ one.id }}}}"}}
        values: {{status: odd}}
  - {{id: told, type: flow, flow: tell, inputs: {{name: {name}, due: "{{{{ run.due }}}}"}}}}
"""
TELL = """
flow: tell
trigger: {{manual: {{name: text, due: timestamp}}}}
nodes:
  - id: call
    type: http
    url: "{url}/{{{{ input.name }}}}"
    json: {{due: "{{{{ input.due }}}}", version: {version}}}
    give_up: [{{id: note, type: table.insert, table: tag, values: {{name: "{{{{ input.due }}}}"}}}}]
"""
PATIENCE = 30


class Town:
    """A server, what its flows tell another one, and the clock of its schedules."""

    def __init__(self, folder: pathlib.Path, other: Server) -> None:
        self.folder, self.other = folder, other
        self.heard = threading.Semaphore(0)
        other.before = self.heard.release
        self.now = time.time()
        self.service = Service.start(Project.open(folder))
        self.service.ticker.schedules.now = lambda: self.now
        # What the thread looked at first, it has now seen: the flows are known.
        self.service.ticker.schedules.look()

    def write(self, name: str, text: str | None) -> None:
        """Change a flow's file, None to take it away, and have it reloaded."""
        path = self.folder / f"{name}.yaml"
        path.unlink() if text is None else path.write_text(text)
        assert self.service.reload(load_folder(self.folder)) is None

    def new_year(self) -> str:
        """Time goes on to the next 1 January; gives that moment's year."""
        coming = cron.after(YEARLY, int(self.now))
        assert coming is not None
        self.now = float(coming)
        self.service.ticker.renew()
        return time.strftime("%Y", time.gmtime(coming))

    def told(self) -> list[tuple[str, bytes]]:
        return [(one.path, one.body) for one in self.other.heard]


@pytest.fixture
def town(make_project: Callable[..., pathlib.Path]) -> Iterator[Town]:
    with serving() as other:
        project = PROJECT + "http: {allow: [127.0.0.1]}\n"
        flows = {
            "yearly": FLOW.format(name="yearly", cron=YEARLY),
            "tell": TELL.format(url=other.url, version=1),
        }
        folder = make_project(project, **flows)
        assert main(["migrate", "--yes", "--project", str(folder)]) == 0
        found = Town(folder, other)
        yield found
        found.service.stop()


def test_a_moment_comes_and_the_flow_runs(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "actionflow")
    order: dict[str, Any] = {"user_id": "ada", "amount": 5, "currency": "usd"}
    town.service.writer.submit(lambda tx: tx.insert("order", order)).result()
    year = town.new_year()
    assert town.heard.acquire(timeout=PATIENCE)
    due = f'"{year}-01-01T00:00:00Z"'.encode()
    assert town.told() == [("/yearly", b'{"due":' + due + b',"version":1}')]
    town.service.stop()
    id = f"tick_yearly_{year}0101T0000"
    store = Project.open(town.folder).store()
    with store.reader() as tx:
        row = inbox.show(tx, id)
        [run] = runs.listing(tx)
        assert [one["status"] for one in tx.find("order", {})] == ["odd"]
        assert tx.find("tag", {}) == []
    store.close()
    assert row is not None
    assert (row.state, row.flow, run.event_id, run.outcome) == ("done", "yearly", id, "done")
    assert town.service.metrics.events == {("schedule.yearly", "done"): 1}
    assert not town.service.metrics.retries
    [line] = [one for one in caplog.records if one.getMessage().startswith(f"event {id}")]
    assert line.getMessage() == f"event {id} (schedule.yearly): done"
    assert line.__dict__["outcome"] == "done"


def test_flows_come_and_go_without_a_restart(town: Town) -> None:
    town.write("later", FLOW.format(name="later", cron="0 0 2 1 *"))
    town.write("soon", FLOW.format(name="soon", cron=YEARLY))
    town.service.ticker.schedules.look()
    town.write("yearly", None)
    town.write("tell", TELL.format(url=town.other.url, version=2))
    year = town.new_year()
    assert town.heard.acquire(timeout=PATIENCE)
    town.now += 86_400
    town.service.ticker.renew()
    assert town.heard.acquire(timeout=PATIENCE)
    expected = [(b"/soon", b"01"), (b"/later", b"02")]
    assert town.told() == [
        (path.decode(), b'{"due":"%s-01-%sT00:00:00Z","version":2}' % (year.encode(), day))
        for path, day in expected
    ]


def test_the_nodes_that_follow_a_call_given_up_see_what_the_run_saw(town: Town) -> None:
    direct = TELL.format(url=town.other.url, version=3)
    direct = direct.replace("flow: tell", "flow: yearly").replace("input.due", "run.due")
    direct = direct.replace("input.name", "run.flow")
    direct = direct.replace("{manual: {name: text, due: timestamp}}", f'{{schedule: "{YEARLY}"}}')
    town.other.says(404)
    town.write("yearly", direct)
    town.service.ticker.schedules.look()
    year = town.new_year()
    assert town.heard.acquire(timeout=PATIENCE)
    pause = threading.Event()
    for _ in range(600):
        with town.service.store.reader() as tx:
            noted = [row["name"] for row in tx.find("tag", {})]
        if noted:
            break
        pause.wait(0.05)
    assert noted == [f"{year}-01-01T00:00:00Z"]
