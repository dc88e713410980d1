"""The scheduled flow that docs/flows.md shows, as its builder meets it on the command line."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Callable

import jsonschema
import pytest

from engine.project import Project
from engine.receive import Receiver, drain
from engine.store import inbox, migrate
from engine.ticker import Schedules
from tests.conftest import ROOT
from tests.flows.conftest import Ran

Actionflow = Callable[..., Ran]
NAME = "unpaid_orders"
CASES = """\
cases:
  - name: an order that nobody pays
    now: 2026-05-28T12:00:00Z
    given:
      order:
        - {id: 1, user_id: ada, item: Tea, amount: 500, currency: usd, created_at: 2026-05-26T09:00:00Z}
        - {id: 2, user_id: ada, item: Ink, amount: 500, currency: usd, created_at: 2026-05-28T09:00:00Z}
        - {id: 3, user_id: ada, item: Pen, amount: 500, currency: usd, status: paid, created_at: 2026-05-26T09:00:00Z}
    events:
      - schedule: unpaid_orders
    expect:
      outcomes: [done]
      tables:
        notice: [{order_id: 1, message: Nobody has paid for Tea.}]
  - name: the same order the day after, and the next one
    now: 2026-05-28T12:00:00Z
    given:
      order:
        - {id: 1, user_id: ada, item: Tea, amount: 500, currency: usd, created_at: 2026-05-26T09:00:00Z}
        - {id: 2, user_id: ada, item: Ink, amount: 500, currency: usd, created_at: 2026-05-28T09:00:00Z}
    events: [{schedule: unpaid_orders}, {wait: 3600}, {schedule: unpaid_orders}]
    expect:
      outcomes: [done, done]
      tables:
        notice: [{order_id: 1}, {order_id: 2}]
  - name: in any order with a payment
    shuffle: true
    events: [payment_intent.succeeded, {schedule: unpaid_orders}]
    expect:
      tables:
        payment: [{order_id: 1, status: SUCCESSFUL}]
"""


@pytest.fixture
def scheduled(shop: pathlib.Path) -> pathlib.Path:
    """The example project with the flow of the page, and nothing in its tests but these cases."""
    page = (ROOT / "docs" / "flows.md").read_text()
    [text] = re.findall(rf"^```yaml\n(flow: {NAME}\n.*?)^```", page, re.M | re.S)
    (shop / f"{NAME}.yaml").write_text(text)
    for path in (shop / "tests").glob("*.yaml"):
        path.unlink()
    (shop / "tests" / "schedule.yaml").write_text(CASES)
    return shop


def test_it_has_no_mistakes_and_its_cases_pass(
    scheduled: pathlib.Path, actionflow: Actionflow
) -> None:
    assert actionflow("check").code == 0
    ran = actionflow("test")
    assert (ran.code, "3 passed, 0 failed" in ran.out) == (0, True), ran.out


def test_a_branch_that_only_a_schedule_reaches_counts(
    scheduled: pathlib.Path, actionflow: Actionflow
) -> None:
    flow = scheduled / f"{NAME}.yaml"
    for path in scheduled.glob("*.yaml"):
        if path.stem not in ("project", "seed", "payment_callback", NAME):
            path.unlink()
    flow.write_text(
        flow.read_text()
        + "  - id: many\n    type: branch\n    cases:\n"
        + "      - {name: some, when: '{{ each.count > 0 }}', do: []}\n"
        + "      - {name: none at all, else: true, do: []}\n"
    )
    told = actionflow("test", "--all-reached").out
    assert "many: some" not in told
    (scheduled / "tests" / "schedule.yaml").write_text(CASES.partition("  - name: in any")[0])
    told = actionflow("test", "--all-reached").out
    assert "many: none at all" in told


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("unpaid_order", "no flow 'unpaid_order' has a schedule. Did you mean 'unpaid_orders'?"),
        ("payment_callback", "no flow 'payment_callback' has a schedule."),
        ("never", "the schedule of 'never' never comes."),
    ],
)
def test_a_step_that_names_no_schedule_is_told(
    step: str, told: str, scheduled: pathlib.Path, actionflow: Actionflow
) -> None:
    text = 'flow: never\ntrigger: {schedule: "0 0 31 2 *"}\nnodes: []\n'
    (scheduled / "never.yaml").write_text(text)
    case = CASES.replace("- schedule: unpaid_orders", f"- schedule: {step}")
    (scheduled / "tests" / "schedule.yaml").write_text(case)
    ran = actionflow("test")
    assert ran.code == 2
    assert re.search(r"tests/schedule.yaml:10:19: error \[case.schedule\] ", ran.out + ran.err)
    assert told in " ".join((ran.out + ran.err).split())


def test_a_dry_run_is_of_the_next_moment_or_of_the_one_named(
    scheduled: pathlib.Path, actionflow: Actionflow
) -> None:
    flow = str(scheduled / f"{NAME}.yaml")
    ran = actionflow("dry-run", flow, "--fresh")
    assert ran.code == 0
    assert "T03:00:00Z  0 3 * * * UTC" in ran.out
    assert "done: the server would commit this" in ran.out
    ran = actionflow("dry-run", flow, "--fresh", "--json", "--at", "2030-01-31T04:00:00+01:00")
    found = json.loads(ran.out)
    schema = json.loads((ROOT / "schemas" / "dry-run.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(found)
    [event] = found["events"]
    assert (event["id"], event["type"]) == (f"tick_{NAME}_20300131T0300", f"schedule.{NAME}")
    assert {change["table"] for change in found["changes"]} == {"notice"}
    [at] = {change["after"]["created_at"] for change in found["changes"]}
    assert at == "2030-01-31T03:00:00Z", "the time of the run is the moment it is due"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([NAME, "--at", "2026-01-31T03:01:00Z"], "are 2026-01-31T03:00:00Z and 2026-02-01T03:00:00Z"),
        ([NAME, "--at", "tomorrow"], "--at tomorrow: expected a time"),
        ([NAME, "--event", "events/payment_intent.succeeded.json"], "starts by its schedule"),
        ([NAME, "--event", "events/refund.created.json", "--at", "2026-01-31T03:00:00Z"], "not both"),
        (["payment_callback"], "say which event to try it on: --event FILE"),
        (["payment_callback", "--at", "2026-01-31T03:00:00Z"], "--at is for scheduled flows"),
    ],
)  # fmt: skip
def test_what_a_dry_run_cannot_do_is_said(
    words: list[str], told: str, scheduled: pathlib.Path, actionflow: Actionflow
) -> None:
    flow, *more = words
    if "--event" in more:
        at = more.index("--event") + 1
        more[at] = str(scheduled / more[at])
    ran = actionflow("dry-run", str(scheduled / f"{flow}.yaml"), *more)
    assert ran.code == 2
    assert told in ran.err


def test_a_moment_is_listed_shown_replayed_and_recorded_as_an_event_is(
    scheduled: pathlib.Path, actionflow: Actionflow
) -> None:
    broken = scheduled / f"{NAME}.yaml"
    sound = broken.read_text()
    broken.write_text(f"{sound}  - {{id: no, type: fail, reason: not today}}\n")
    project = Project.open(scheduled)
    migrate.apply(project.file, scheduled.resolve())
    store, clock = project.store(), 1_780_000_000.0

    def transact(work: Callable[..., object]) -> object:
        with store.transaction() as tx:
            return work(tx)

    schedules = Schedules(lambda: project, transact, lambda: clock)
    schedules.look()
    clock += 86_400
    assert schedules.look() == 1
    transact(lambda tx: drain(Receiver(project, now=lambda: clock), tx))
    id = f"tick_{NAME}_20260529T0300"
    with store.reader() as tx:
        row = inbox.show(tx, id)
    assert row is not None
    assert row.state == "waiting"
    store.close()
    assert f"waiting   schedule.{NAME}" in actionflow("events", "list").out
    assert actionflow("events", "replay", id).code == 1
    broken.write_text(sound)
    ran = actionflow("events", "replay", id)
    assert (ran.code, ran.out.strip()) == (0, f"{id}: done")
    shown = actionflow("events", "show", id).out
    assert '"due": "2026-05-29T03:00:00Z"' in shown
    assert '"previous": "2026-05-28T03:00:00Z"' in shown
    assert shown.count(f"{NAME} failed") == 2
    assert actionflow("record", id, "--name", "a night").code == 0
    assert actionflow("check").code == 0
    assert actionflow("test", "-k", "a night").code == 0


def test_it_is_drawn_with_its_schedule(scheduled: pathlib.Path, actionflow: Actionflow) -> None:
    assert "schedule: 0 3 * * *" in actionflow("diagram", str(scheduled / f"{NAME}.yaml")).out
