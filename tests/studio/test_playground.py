"""Dry runs of a text on a recorded event, and the words an editor offers."""

from __future__ import annotations

from typing import Any

import pytest

from engine.editor import schemas
from engine.errors import BadInput
from engine.load import load_folder
from engine.project import Project
from engine.receive import Receiver, drain
from engine.studio import playground
from engine.studio.runs import run_list, run_page
from engine.studio.tables import table_list, table_page
from engine.ticker import Schedules
from tests.studio.conftest import Office
from tests.studio.world import LATE, recorded

FLOW = "payment_callback"
NIGHTLY = "nightly"
SCHEDULED = """\
flow: nightly
trigger: {schedule: "0 3 * * *"}
nodes:
  - {id: note, type: log, message: "due {{ run.due }}, before it {{ run.previous }}, now {{ now }}"}
"""


def tried(
    office: Office, source: str, name: str, rows: str, project: Project | None = None
) -> dict[str, Any]:
    project, flow = project or office.project, NIGHTLY if project else FLOW
    with office.store.reader() as tx:
        event = playground.find_event(project, flow, tx, source, name)
    store, database = playground.database_for(project, office.store, rows)
    try:
        return playground.try_flow(project, flow, event, store, database)
    finally:
        store.close()


def test_the_events_offered_start_the_flow(busy: Office) -> None:
    with busy.store.reader() as tx:
        found = playground.events_for(busy.project, FLOW, tx)
        refunds = playground.events_for(busy.project, "refund_callback", tx)
    assert {one["type"].partition(".")[0] for one in found["recorded"]} <= {
        "payment_intent",
        "charge",
        "checkout",
    }
    assert "charge.refunded.partial" in {one["name"] for one in refunds["recorded"]}
    assert LATE in {one["id"] for one in found["received"]}


def test_an_old_event_that_is_asked_for_is_offered(
    busy: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playground, "LATEST", 1)
    first = recorded("payment_intent.created")["id"]
    with busy.store.reader() as tx:
        for wanted, expected in ((None, set()), (first, {first}), ("evt_none", set())):
            found = playground.events_for(busy.project, FLOW, tx, wanted=wanted)
            assert {one["id"] for one in found["received"]} - {LATE} == expected


def test_an_event_before_what_it_needs_is_said_to_be_early(office: Office) -> None:
    for name, early in (("payment_intent.succeeded", False), ("charge.refunded.partial", True)):
        event = playground.read_event(office.project.folder / "events" / f"{name}.json")
        store = office.project.scratch(office.project.seed())
        flow = office.project.flow_for(event[2])
        assert flow is not None
        [told] = playground.try_flow(office.project, flow.flow.name, event, store, "")["events"]
        assert told["early"] is early
        store.close()


@pytest.mark.parametrize("rows", ["copy", "seed"])
def test_a_dry_run_writes_nothing(busy: Office, rows: str) -> None:
    def everything() -> dict[str, Any]:
        with busy.store.reader() as tx:
            inbox = tx.execute("SELECT id, state, attempts FROM actionflow_inbox ORDER BY id")
            return {name: tx.find(name, {}) for name in busy.project.file.tables} | {"in": inbox}

    before = everything()
    found = tried(busy, "file", "payment_intent.payment_failed.declined", rows)
    assert found["failed"] is False
    assert found["changes"]
    [event] = found["events"]
    assert event["path"]["nodes"]["callback"]["state"] == "ran"
    assert [step["id"] for step in event["steps"]] == ["callback", "outcome"]
    assert everything() == before


def test_a_dry_run_of_an_event_of_the_inbox_says_why_it_fails(busy: Office) -> None:
    found = tried(busy, "inbox", LATE, "copy")
    assert found["failed"] is True
    assert "does not exist yet" in found["events"][0]["reason"]


def test_a_large_database_is_not_copied(busy: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playground, "LARGEST_COPY", 1)
    with pytest.raises(BadInput, match=r"Choose the rows of seed\.yaml"):
        tried(busy, "file", "charge.failed", "copy")


@pytest.mark.parametrize(
    ("source", "name"), [("file", "none"), ("file", "../project"), ("inbox", "evt_none")]
)
def test_an_event_that_is_not_there_is_said(office: Office, source: str, name: str) -> None:
    with office.store.reader() as tx, pytest.raises(BadInput, match="There is no"):
        playground.find_event(office.project, FLOW, tx, source, name)


def test_a_scheduled_flow_is_tried_at_its_next_moment_and_its_runs_are_seen(busy: Office) -> None:
    folder = busy.project.folder
    (folder / f"{NIGHTLY}.yaml").write_text(SCHEDULED)
    project = Project.open(folder)
    with busy.store.reader() as tx:
        assert playground.events_for(busy.project, FLOW, tx)["scheduled"] is False
        offered = playground.events_for(project, NIGHTLY, tx)
    assert offered == {"recorded": [], "received": [], "scheduled": True}
    found = tried(busy, "schedule", "next", "copy", project)
    [event] = found["events"]
    assert (found["failed"], event["type"], event["seen_before"]) == (
        False,
        "schedule.nightly",
        False,
    )
    assert event["graph"]["nodes"][0]["title"] == "schedule: 0 3 * * *"
    clock = 1_790_000_000.0
    schedules = Schedules(lambda: project, busy.write, lambda: clock)
    schedules.look()
    clock += 86_400
    schedules.look()
    busy.write(lambda tx: drain(Receiver(project), tx))
    listed = run_list(busy.store, busy.write, project, event_type="schedule.nightly")
    [row] = listed["runs"]
    with busy.store.reader() as tx:
        page = run_page(tx, project, row["id"])
        again = playground.events_for(project, NIGHTLY, tx)["received"]
    assert page is not None
    assert (page["flow"], page["outcome"], page["event"]["state"]) == (NIGHTLY, "done", "done")
    assert page["path"]["nodes"]["note"]["state"] == "ran"
    assert tried(busy, "inbox", again[0]["id"], "copy", project)["events"][0]["seen_before"]


def test_a_schedule_that_the_text_no_longer_has_is_said(office: Office) -> None:
    with pytest.raises(BadInput, match="has no schedule any more"):
        tried(office, "schedule", "next", "copy")


def test_words_hold_tables_outputs_and_no_internal_column(office: Office) -> None:
    words = playground.words(office.project)
    assert set(words["columns"]) == set(office.project.file.tables)
    assert "facts" not in words["columns"]["payment"]
    assert words["columns"]["order"]["amount"] == "amount"
    assert words["outputs"]["stripe.payment_callback"]["orderId"]["doc"]
    assert "shop_name" in words["config"]


def test_words_hold_the_schema_that_is_written_for_editors(office: Office) -> None:
    written = schemas(load_folder(office.project.folder))["flow"]
    assert playground.words(office.project)["schema"] == written


def test_tables_show_rows_by_key_and_nothing_internal(busy: Office) -> None:
    file = busy.project.file
    names = [table["name"] for table in table_list(file)["tables"]]
    assert names == ["order", "membership", "notice", "payment", "recurring_payment", "refund"]
    with busy.store.reader() as tx:
        page = table_page(tx, file, "payment")
        assert page is not None
        assert "facts" not in page["rows"][0]
        assert [row["id"] for row in page["rows"]] == sorted(
            (row["id"] for row in page["rows"]), reverse=True
        )
        first = table_page(tx, file, "order", limit=1)
        assert first is not None
        rest = table_page(tx, file, "order", before=str(first["before"]))
        assert rest is not None
        assert len(first["rows"]) + len(rest["rows"]) == 4
        one = table_page(tx, file, "membership", key="999")
        assert one is not None
        assert one["rows"] == []
        assert table_page(tx, file, "actionflow_key") is None
        with pytest.raises(BadInput, match="is no key of 'order'"):
            table_page(tx, file, "order", key="x")


def test_words_are_made_once_for_a_project(office: Office) -> None:
    assert playground.words(office.project) is playground.words(office.project)
