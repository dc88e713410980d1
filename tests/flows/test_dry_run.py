"""`actionflow dry-run` on every recorded event: writes nothing, says what would happen, as JSON too."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Callable

import jsonschema
import pytest
import yaml

from engine.cli.render import print_dry_run
from engine.dryrun import dry_run
from engine.project import Project
from engine.recorded import read_event
from tests.conftest import ROOT
from tests.flows.conftest import EVENTS, FLOWS, Ran

SCHEMA = json.loads((ROOT / "schemas" / "dry-run.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
Actionflow = Callable[..., Ran]
NOW = 1_790_000_000


@pytest.fixture(scope="module")
def project() -> Project:
    return Project.open(FLOWS)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_each_event(
    path: pathlib.Path, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    event = read_event(path)
    compiled = project.flow_for(event[2])
    assert compiled is not None
    store = project.scratch(project.seed())
    result = dry_run(project, compiled.flow.name, [event], store, "the seed", now=lambda: NOW)
    store.close()
    data = json.loads(json.dumps(result.as_json()))
    VALIDATOR.validate(data)
    [first] = data["events"]
    assert data["failed"] == (first["outcome"] == "waiting")
    if first["outcome"] == "done":
        assert first["nodes"]
    else:
        assert first["reason"]
        assert data["changes"] == []
    print_dry_run(result, project)
    told = capsys.readouterr().out
    assert f"event {event[2].id}" in told
    assert all(len(line) <= 100 and line == line.rstrip() for line in told.splitlines())


def test_nothing_is_written(shop: pathlib.Path, actionflow: Actionflow) -> None:
    before = {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}
    event = shop / "events" / "payment_intent.succeeded.json"
    ran = actionflow("dry-run", shop / "payment_callback.yaml", "--event", event, "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["database"] == "the rows of seed.yaml"
    assert {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()} == before


def test_what_a_reader_sees(shop: pathlib.Path, actionflow: Actionflow) -> None:
    event = shop / "events" / "payment_intent.succeeded.json"
    told = actionflow("dry-run", shop / "payment_callback.yaml", "--event", event).out
    lines = told.splitlines()
    assert lines[0] == "dry run of payment_callback  flows/payment_callback.yaml"
    assert lines[1] == "on the rows of seed.yaml; nothing is sent, nothing is written"
    said = [line.strip("│├└─ ") for line in lines]
    assert "callback  stripe.payment_callback  locked" in said
    assert "✗ already processed  callback.callbackProcessed is false" in said
    assert '✓ paid  callback.paymentStatus is "SUCCESSFUL"' in said
    assert '~ order 1  status "pending" → "paid"' in said
    assert "done: the server would commit this and answer 200" in said
    # The node of a case stands under the case, one step further in.
    case = next(line for line in lines if "✓ paid" in line)
    node = next(line for line in lines if "mark_paid" in line)
    assert node.index("mark_paid") > case.index("✓")


@pytest.mark.parametrize(("columns", "widest"), [(None, 100), ("80", 80), ("7", 40)])
def test_a_pipe_is_as_wide_as_it_is_told_and_has_no_colours(
    shop: pathlib.Path,
    actionflow: Actionflow,
    monkeypatch: pytest.MonkeyPatch,
    columns: str | None,
    widest: int,
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    event = shop / "events" / "payment_intent.succeeded.json"
    ran = actionflow("dry-run", shop / "payment_callback.yaml", "--event", event)
    assert ran.code == 0
    assert "\033" not in ran.out
    assert widest - 20 < max(map(len, ran.out.splitlines())) <= widest


def test_that_no_row_matched_is_shown(
    shop: pathlib.Path, actionflow: Actionflow, tmp_path: pathlib.Path
) -> None:
    events = shop / "events"
    given = tmp_path / "given.yaml"
    given.write_text("order: [{id: 1, user_id: ada, item: x, amount: 5, currency: usd}]")
    paid = events / "payment_intent.succeeded.json"
    ran = actionflow("dry-run", shop / "payment_callback.yaml", "--event", paid, "--given", given)
    marked = ran.out.partition("mark_paid  table.update")[2]
    assert "out null" in marked.partition("as_ordered")[0]
    back = events / "charge.refunded.partial.json"
    ran = actionflow("dry-run", shop / "refund_callback.yaml", "--event", back, "--after", paid)
    assert "out []" in ran.out.partition("others  table.find")[2].partition("another_pays")[0]


def test_events_that_came_before(shop: pathlib.Path, actionflow: Actionflow) -> None:
    events = shop / "events"
    words = ["dry-run", shop / "refund_callback.yaml", "--event", events / "refund.failed.json"]
    alone = json.loads(actionflow(*words, "--json").out)
    assert [one["outcome"] for one in alone["events"]] == ["ignored"]
    after = ["--after", events / "payment_intent.succeeded.json", "--after"]
    data = json.loads(
        actionflow(*words, *after, events / "charge.refunded.full.json", "--json").out
    )
    VALIDATOR.validate(data)
    assert [one["outcome"] for one in data["events"]] == ["done"]
    tables = {change["table"]: change for change in data["changes"]}
    assert tables["order"]["before"]["status"] == "refunded"
    assert tables["order"]["after"]["status"] == "partly refunded"
    assert set(tables) == {"order", "payment", "refund", "notice"}


@pytest.mark.parametrize(
    ("flow", "name", "code"),
    [
        ("refund_callback", "charge.refunded.partial", 1),
        ("refund_callback", "refund.failed", 0),
        ("dispute_callback", "charge.dispute.closed", 0),
        ("recurring_charge_callback", "invoice.paid.renewal", 1),
        ("recurring_charge_callback", "invoice.paid.after_trial", 1),
    ],
)
def test_an_event_that_came_too_early_is_told_what_to_do(
    flow: str, name: str, code: int, shop: pathlib.Path, actionflow: Actionflow
) -> None:
    words = ["dry-run", shop / f"{flow}.yaml", "--event", shop / "events" / f"{name}.json"]
    ran = actionflow(*words)
    assert ran.code == code
    said = " ".join(ran.out.split())
    assert "--after FILE" in said
    assert "--given FILE" in said
    for _ in range(2):  # each time what is still missing
        named = re.findall(r"flows/events/\S+\.json", said)
        words += [word for path in named for word in ("--after", path)]
        said = " ".join(actionflow(*words).out.split())
    assert "done: the server would commit this" in said
    assert json.loads(actionflow(*words, "--json").out)["events"][0]["hint"] is None


def test_what_is_not_too_early_is_told_nothing_of_it(
    shop: pathlib.Path, actionflow: Actionflow
) -> None:
    event = shop / "events" / "charge.refunded.foreign.json"
    ran = actionflow("dry-run", shop / "refund_callback.yaml", "--event", event)
    assert ran.code == 0
    assert "is not ours" in ran.out
    assert "--after" not in ran.out


def test_a_thin_event_is_told_that_nothing_is_fetched(
    shop: pathlib.Path, actionflow: Actionflow
) -> None:
    thin = {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": "v1.payment_intent.succeeded",
        "created": "2026-01-01T00:00:00Z",
        "livemode": False,
        "related_object": {
            "id": "pi_1",
            "type": "payment_intent",
            "url": "/v1/payment_intents/pi_1",
        },
    }
    event = shop.parent / "thin.json"
    event.write_text(json.dumps(thin))
    ran = actionflow("dry-run", shop / "payment_callback.yaml", "--event", event)
    assert ran.code == 1
    assert "give an event that carries its object" in " ".join(ran.out.split())


def test_several_events_are_one_net_change(shop: pathlib.Path, actionflow: Actionflow) -> None:
    names = ["payment_intent.created", "payment_intent.payment_failed", "payment_intent.succeeded"]
    given = [word for name in names for word in ("--event", shop / "events" / f"{name}.json")]
    ran = actionflow("dry-run", shop / "payment_callback.yaml", *given, "--json")
    data = json.loads(ran.out)
    VALIDATOR.validate(data)
    assert len(data["events"]) == 3
    assert [(one["table"], one["key"]) for one in data["changes"]] == [("payment", 1), ("order", 1)]
    assert [one["after"]["status"] for one in data["changes"]] == ["SUCCESSFUL", "paid"]


def test_a_flow_that_fails_is_exit_code_1(shop: pathlib.Path, actionflow: Actionflow) -> None:
    events = shop / "events"
    ran = actionflow(
        "dry-run",
        shop / "recurring_charge_callback.yaml",
        "--after",
        events / "customer.subscription.created.then_raised.json",
        "--event",
        events / "invoice.paid.raised.json",
    )
    assert ran.code == 1
    said = " ".join(ran.out.replace("│", " ").split())
    assert "create_order gave amount 2600. Expected at most 2000" in said
    assert "no row would change" in said


def test_given_rows_and_calls(shop: pathlib.Path, actionflow: Actionflow) -> None:
    (shop / "payment_callback.yaml").write_text(
        """
flow: payment_callback
trigger: {stripe: payment}
nodes:
  - {id: callback, type: stripe.payment_callback, locked: true}
  - id: tell
    type: http
    url: https://crm.example/paid
    json: {order: "{{ callback.orderId }}"}
"""
    )
    given = shop.parent / "given.yaml"
    given.write_text(
        yaml.safe_dump(
            {"order": [{"id": 1, "user_id": "x", "item": "y", "amount": 1, "currency": "usd"}]}
        )
    )
    event = shop / "events" / "payment_intent.succeeded.json"
    words = ["dry-run", shop / "payment_callback.yaml", "--event", event, "--given", given]
    data = json.loads(actionflow(*words, "--json").out)
    VALIDATOR.validate(data)
    assert data["database"] == "the given rows"
    [call] = data["calls"]
    assert (call["node"], call["method"], call["body"]) == ("tell", "POST", {"order": 1})
    assert "POST https://crm.example/paid  from tell" in actionflow(*words).out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing.yaml", "--event", "flows/events/refund.failed.json"], "no such flow file"),
        (["flows/project.yaml", "--event", "flows/events/refund.failed.json"], "is no flow of the"),
        (["flows/refund_callback.yaml", "--event", "flows/events/x.json"], "cannot be read"),
        (
            ["flows/refund_callback.yaml", "--event", "flows/events/invoice.paid.first.json"],
            "flows/events/invoice.paid.first.json is of type invoice.paid and starts the flow "
            "'recurring_charge_callback', not 'refund_callback'. Try it on "
            "flows/recurring_charge_callback.yaml. Or give 'refund_callback' an event that starts it, "
            "such as flows/events/refund.failed.json",
        ),
        (
            ["flows/refund_callback.yaml", "--event", "payout.json"],
            "payout.json is of type payout.paid and starts no flow of this project: a server would set it "
            "aside. To handle it, write a flow with `trigger: {stripe: [payout.paid]}`",
        ),
        (
            ["flows/pay.yaml", "--event", "flows/events/refund.failed.json"],
            "Try it on flows/refund_callback.yaml. 'pay' starts on the action 'pay': try it with `act`",
        ),
        (
            ["refund_callback", "--event", "flows/events/refund.failed.json"],
            "Did you mean flows/refund_callback.yaml?",
        ),
        (["flows/refund_callback.yaml", "--event", "flows/seed.yaml"], "The body is not JSON"),
    ],
)
def test_bad_input_is_exit_code_2(
    words: list[str], told: str, shop: pathlib.Path, actionflow: Actionflow
) -> None:
    event = json.loads((shop / "events" / "refund.failed.json").read_text())
    (shop.parent / "payout.json").write_text(json.dumps({**event, "type": "payout.paid"}))
    ran = actionflow("dry-run", *words)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


WRONG = "ordr: []\norder:\n  - {id: 1, user_id: ada, item: Tea, amount: 1.5, currency: usd}\n"
TOLD = """\
flows/FILE:1:1: error [seed.table] there is no table 'ordr'. Did you mean 'order'?
    mend: Tables: order, membership, notice, payment, recurring_payment, refund.
flows/FILE:3:46: error [seed.value] column 'amount' of 'order' is 1.5 (a number with a fraction); \
expected an amount: a whole number of the currency's minor unit, 0 or more (100 USD is 10000).
    mend: Write minor units as a plain whole number: 10 USD is 1000.
"""
NOTHING_RUN = "2 problems; nothing was run.\n"
EVENT = "flows/events/payment_intent.succeeded.json"
FLOW = "flows/payment_callback.yaml"


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (["test"], "seed.yaml"),
        (["test", "-k", "order"], "seed.yaml"),
        (["migrate", "--yes", "--seed"], "seed.yaml"),
        (["serve", "--demo", "--port", "1"], "seed.yaml"),
        (["dry-run", FLOW, "--event", EVENT], "seed.yaml"),
        (["dry-run", FLOW, "--event", EVENT, "--given", "flows/seed.yaml"], "seed.yaml"),
        (["dry-run", FLOW, "--event", EVENT, "--given", "flows/rows.yml"], "rows.yml"),
    ],
)
def test_mistakes_in_rows_are_told_at_their_lines_and_nothing_is_made(
    words: list[str], file: str, shop: pathlib.Path, actionflow: Actionflow
) -> None:
    (shop / file).write_text(WRONG)
    ran = actionflow(*words)
    assert (ran.code, ran.out, ran.err) == (2, "", TOLD.replace("FILE", file) + NOTHING_RUN)
    assert not (shop / ".actionflow" / "shop.db").exists()


def test_check_tells_of_seed_rows_in_the_same_words(
    shop: pathlib.Path, actionflow: Actionflow
) -> None:
    (shop / "seed.yaml").write_text(WRONG)
    ran = actionflow("check")
    assert (ran.code, ran.out) == (2, TOLD.replace("FILE", "seed.yaml"))


def test_seed_rows_stand_in_any_order(shop: pathlib.Path, actionflow: Actionflow) -> None:
    """A row that refers to another one may stand above it."""
    seed = shop / "seed.yaml"
    seed.write_text("notice:\n  - {order_id: 1, about: a, message: b}\n" + seed.read_text())
    assert actionflow("dry-run", FLOW, "--event", EVENT).code == 0
    assert "4 rows of seed.yaml written." in actionflow("migrate", "--yes", "--seed").out


def test_a_mistake_in_the_seed_does_not_stop_what_reads_none(
    shop: pathlib.Path, actionflow: Actionflow
) -> None:
    (shop / "seed.yaml").write_text(WRONG)
    assert actionflow("migrate", "--yes").code == 0
    assert actionflow("dry-run", FLOW, "--event", EVENT).code == 1  # the order is not there
