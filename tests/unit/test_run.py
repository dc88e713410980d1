"""The interpreter and the node types, through a project whose flow listens to product.created."""

from __future__ import annotations

import pathlib
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from engine.project import Project
from engine.receive import Receiver, drain
from engine.store.base import Store, Transaction
from engine.stripe.event import of
from engine.trace import flat
from engine.verdict import Verdict
from tests.conftest import body_of

Run = Callable[..., Verdict]
HEAD = "flow: own\ntrigger: {stripe: [product.created]}\nnodes:\n"


class Room:
    """A project with one flow and an in-memory store, to run events on."""

    def __init__(self, folder: pathlib.Path, make_event: Callable[..., dict[str, Any]]) -> None:
        self.project = Project.open(folder)
        self.store: Store = self.project.scratch({})
        self.make_event = make_event

    def run(self, **object: Any) -> Verdict:
        event = self.make_event("product.created", **object)
        receiver = Receiver(self.project, now=lambda: 1_790_000_000)
        with self.store.transaction() as tx:
            return receiver.receive(tx, event, body_of(event).decode(), of(event))

    def rows(self, table: str) -> list[dict[str, Any]]:
        with self.store.transaction() as tx:
            return tx.find(table, {})


@pytest.fixture
def room(
    make_project: Callable[..., pathlib.Path], make_event: Callable[..., dict[str, Any]]
) -> Callable[..., Room]:
    def open_room(nodes: str, **flows: str) -> Room:
        text = HEAD + textwrap.indent(textwrap.dedent(nodes).strip(), "  ") + "\n"
        return Room(make_project(own=text, **flows), make_event)

    return open_room


def output(verdict: Verdict, node: str) -> Any:
    return next(entry.get("out") for entry in flat(verdict.trace) if entry["id"] == node)


INSERT = "- {id: new, type: table.insert, table: order, values: {user_id: ada, amount: 500, currency: usd}}"


def test_a_row_is_inserted_with_its_defaults(room: Callable[..., Room]) -> None:
    here = room(INSERT)
    assert here.run().outcome == "done"
    [row] = here.rows("order")
    assert row["id"] == 1
    assert row["status"] == "pending"
    assert row["currency"] == "usd"
    assert row["created_at"] == "2026-09-21T14:13:20Z"


BRANCH = """
- id: size
  type: branch
  cases:
    - name: large
      when: "{{ event.data.object.weight > 10 }}"
      do: []
      gives: {word: "large"}
    - name: small
      when: "{{ event.data.object.weight > 0 }}"
      do:
        - {id: said, type: log, message: "weight {{ event.data.object.weight }}"}
      gives: {word: "small"}
    - {name: nothing, else: true, do: [], gives: {word: none at all}}
- {id: after, type: set, values: {said: "it is {{ size.word }}"}}
"""


@pytest.mark.parametrize(
    ("weight", "case", "word"),
    [(11, "large", "large"), (5, "small", "small"), (0, "nothing", "none at all")],
)
def test_the_first_case_that_holds_is_taken(
    room: Callable[..., Room], weight: int, case: str, word: str
) -> None:
    verdict = room(BRANCH).run(weight=weight)
    assert {"case": case} in verdict.trace[0]["notes"]
    assert output(verdict, "after") == {"said": f"it is {word}"}
    assert [entry["id"] for entry in flat(verdict.trace)].count("said") == (case == "small")


def test_a_failure_undoes_the_run_and_keeps_the_event(room: Callable[..., Room]) -> None:
    here = room(INSERT + "\n- {id: no, type: fail, reason: 'not today, {{ config.greeting }}'}")
    verdict = here.run(id="evt_bad")
    assert verdict.outcome == "waiting"
    assert "own.yaml:5:" in verdict.reason
    assert "node 'no': not today, hello" in verdict.reason
    assert here.rows("order") == []
    assert verdict.changes == []


def test_stop_keeps_what_was_done(room: Callable[..., Room]) -> None:
    here = room(INSERT + "\n- {id: enough, type: stop, reason: enough}")
    verdict = here.run()
    assert (verdict.outcome, verdict.reason) == ("done", "enough")
    assert len(here.rows("order")) == 1


def test_a_missing_value_names_node_key_and_place(room: Callable[..., Room]) -> None:
    verdict = room('- {id: x, type: set, values: {a: "{{ event.data.object.wieght }}"}}').run(
        weight=1
    )
    assert verdict.outcome == "waiting"
    assert "node 'x'" in verdict.reason
    assert "wieght" in verdict.reason
    assert "weight" in verdict.reason


TAGS = """
- {id: one, type: table.insert, table: tag, values: {name: a, uses: 1}}
- {id: two, type: table.insert, table: tag, values: {name: a, uses: 7}, on_conflict: %s}
"""


@pytest.mark.parametrize(("mode", "uses"), [("ignore", 1), ("update", 7)])
def test_on_conflict(room: Callable[..., Room], mode: str, uses: int) -> None:
    here = room(TAGS % mode)
    verdict = here.run()
    assert output(verdict, "two") == {"name": "a", "uses": uses}
    assert here.rows("tag") == [{"name": "a", "uses": uses}]


def test_on_conflict_fail_is_the_default(room: Callable[..., Room]) -> None:
    here = room(TAGS % "fail")
    verdict = here.run()
    assert verdict.outcome == "waiting"
    assert "node 'two'" in verdict.reason
    assert here.rows("tag") == []


TABLES = """
- {id: a, type: table.insert, table: order, values: {user_id: ada, amount: 1, currency: usd}}
- {id: b, type: table.insert, table: order, values: {user_id: lin, amount: 2, currency: usd}}
- {id: c, type: table.insert, table: order, values: {user_id: ada, amount: 3, currency: usd}}
- {id: none, type: table.find, table: order, where: {id: 99}}
- {id: adas, type: table.find, table: order, where: {user_id: ada}, many: true, order_by: [-amount]}
- {id: big, type: table.find, table: order, where: {amount: {at_least: 2}, id: [1, 2, 3]}, many: true}
- {id: paid, type: table.update, table: order, where: {id: "{{ b.id }}"}, values: {status: paid}, expect: one}
- {id: all, type: table.update, table: order, where: {status: pending}, values: {note: late}, many: true}
- {id: gone, type: table.delete, table: order, where: {id: "{{ a.id }}"}}
- {id: miss, type: table.update, table: order, where: {id: 99}, values: {note: x}}
"""


def test_rows_are_found_changed_and_deleted(room: Callable[..., Room]) -> None:
    here = room(TABLES)
    verdict = here.run()
    assert verdict.outcome == "done", verdict.reason
    assert output(verdict, "none") is None
    assert [row["amount"] for row in output(verdict, "adas")] == [3, 1]
    assert [row["id"] for row in output(verdict, "big")] == [2, 3]
    assert output(verdict, "paid")["status"] == "paid"
    assert [row["id"] for row in output(verdict, "all")] == [1, 3]
    assert output(verdict, "gone")["id"] == 1
    assert output(verdict, "miss") is None
    assert [(row["id"], row["status"], row["note"]) for row in here.rows("order")] == [
        (2, "paid", None),
        (3, "pending", "late"),
    ]
    written = [entry for entry in verdict.trace if "changes" in entry]
    assert [entry["id"] for entry in written] == ["a", "b", "c", "paid", "all", "gone"]


def test_expect_one_fails_without_a_row(room: Callable[..., Room]) -> None:
    verdict = room("- {id: x, type: table.find, table: order, where: {id: 5}, expect: one}").run()
    assert "no row of 'order' has {\"id\": 5}" in verdict.reason


CODE = """
- id: less
  type: code
  inputs: {amount: "{{ event.data.object.weight }}"}
  outputs: {amount: amount, words: json}
  code: |
    parts = [amount // 3, amount - amount // 3]
    return {"amount": amount * 9 // 10, "words": parts}
"""


def test_code_sees_its_inputs_and_gives_its_outputs(room: Callable[..., Room]) -> None:
    assert output(room(CODE).run(weight=1000), "less") == {"amount": 900, "words": [333, 667]}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ('return {"amount": amount * 0.9, "words": []}', "a number with a fraction"),
        ('return {"amount": [True][0], "words": []}', "true or false"),
        ('return {"amount": -amount, "words": []}', "expected amount"),
        ("given = {'amount': 1}\n    return given", "declared are 'amount', 'words'"),
        ("return amount", "expected a dict"),
        (
            "x = 1\n    return {'amount': 1 // 0, 'words': []}",
            "line 2 of the code: ZeroDivisionError",
        ),
        ("return {'amount': 1, 'words': [0.5]}", "expected json"),
        (
            "while True:\n      pass\n    return {'amount': 1, 'words': []}",
            "line 1 of the code: it did not end within 0.5 seconds, the time limit of a code block",
        ),
        (
            "x = sum(range(10 ** 12))\n    return {'amount': x, 'words': []}",
            "the code: it did not end within 0.5 seconds",
        ),
        (
            "x = [1] * 500000\n    while True:\n      x = x + x\n    return {'amount': 1, 'words': x}",
            "line 3 of the code: it needs more than 32 MiB, the memory limit of a code block",
        ),
        (
            "def f(n):\n      return f(n + 1)\n    return {'amount': f(1), 'words': []}",
            "line 2 of the code: its calls go more than 200 deep",
        ),
    ],
)
def test_code_that_does_not_fit_fails_the_run(
    room: Callable[..., Room], code: str, said: str
) -> None:
    nodes = CODE.split("    parts")[0] + f"    {code}\n"
    here = room(nodes)
    verdict = here.run(weight=10)
    assert verdict.outcome == "waiting"
    assert said in verdict.reason


@pytest.mark.parametrize(
    ("code", "culprit"),
    [
        ("x = 1\n    while x:\n      pass\n    return {'amount': 1, 'words': []}", "while x"),
        ("x = 1\n    if x:\n      x = x // 0\n    return {'amount': x, 'words': []}", "x = x //"),
        ("x = sum(range(10 ** 12))\n    return {'amount': x, 'words': []}", "x = sum"),
    ],
)
def test_code_that_fails_is_told_where_in_the_file(
    room: Callable[..., Room], code: str, culprit: str
) -> None:
    here = room(CODE.split("    parts")[0] + f"    {code}\n")
    flow = here.project.flows["own"].flow
    before = flow.source[: flow.source.index(culprit)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    assert here.run(weight=10).reason.startswith(f"{flow.file}:{line}:{column}: node 'less': ")


REPEAT = """
- id: every
  type: for_each
  in: "{{ event.data.object.names }}"
  as: name
  limit: 3
  do:
    - {id: tag, type: table.insert, table: tag, values: {name: "{{ name }}"}}
  collect: "{{ tag.name | upper }}"
"""


def test_for_each_runs_its_block_for_every_item(room: Callable[..., Room]) -> None:
    here = room(REPEAT)
    verdict = here.run(names=["a", "b"])
    assert output(verdict, "every") == {"count": 2, "results": ["A", "B"]}
    assert [row["name"] for row in here.rows("tag")] == ["a", "b"]


@pytest.mark.parametrize(
    ("names", "said"),
    [(["a", "b", "c", "d"], "the list has 4 items, the limit is 3"), ("abc", "expected a list")],
)
def test_for_each_is_bounded(room: Callable[..., Room], names: Any, said: str) -> None:
    assert said in room(REPEAT).run(names=names).reason


CALLED = """
flow: called
trigger: {manual: {name: text, times: integer}}
nodes:
  - {id: tag, type: table.insert, table: tag, values: {name: "{{ input.name }}", uses: "{{ input.times * 2 }}"}}
returns: {uses: "{{ tag.uses }}"}
"""


def test_a_flow_calls_another(room: Callable[..., Room]) -> None:
    here = room(
        """
        - {id: tag, type: set, values: {name: mine}}
        - {id: call, type: flow, flow: called, inputs: {name: "{{ tag.name }}", times: 3}}
        - {id: after, type: set, values: {kept: "{{ tag.name }}", uses: "{{ call.uses }}"}}
        """,
        called=CALLED,
    )
    verdict = here.run()
    assert output(verdict, "after") == {"kept": "mine", "uses": 6}
    assert here.rows("tag") == [{"name": "mine", "uses": 6}]


def test_customer_text_is_never_parsed_again(room: Callable[..., Room]) -> None:
    verdict = room('- {id: x, type: set, values: {a: "hi {{ event.data.object.name }}"}}').run(
        name="{{ 7 * 7 }} {% for x in y %}"
    )
    assert output(verdict, "x") == {"a": "hi {{ 7 * 7 }} {% for x in y %}"}


def test_a_duplicate_is_answered_without_a_run(room: Callable[..., Room]) -> None:
    here = room(INSERT)
    event = here.make_event("product.created")
    receiver = Receiver(here.project)
    outcomes = []
    for _ in range(3):
        with here.store.transaction() as tx:
            outcomes.append(receiver.receive(tx, event, body_of(event).decode(), of(event)).outcome)
    assert outcomes == ["done", "duplicate", "duplicate"]
    assert len(here.rows("order")) == 1


def test_a_redelivery_of_a_failed_event_runs_at_once(room: Callable[..., Room]) -> None:
    """Case 1: marked as processed although the handler failed."""
    here = room(
        "- {id: x, type: table.update, table: tag, where: {name: a}, values: {uses: 5}, expect: one}"
    )
    event = here.make_event("product.created")
    receiver = Receiver(here.project)

    def deliver() -> str:
        with here.store.transaction() as tx:
            return receiver.receive(tx, event, body_of(event).decode(), of(event)).outcome

    assert deliver() == "waiting"
    with here.store.transaction() as tx:
        tx.insert("tag", {"name": "a"})
    assert deliver() == "done"
    assert deliver() == "duplicate"
    assert here.rows("tag") == [{"name": "a", "uses": 5}]


def test_a_failed_event_is_tried_again_by_itself_and_rests_in_the_end(
    room: Callable[..., Room],
) -> None:
    here = room("- {id: x, type: fail, reason: never}")
    clock = [1_790_000_000.0]
    receiver = Receiver(here.project, now=lambda: clock[0])
    event = here.make_event("product.created")
    with here.store.transaction() as tx:
        receiver.receive(tx, event, body_of(event).decode(), of(event))
    outcomes = []
    while not outcomes or outcomes[-1] != "dead":
        with here.store.transaction() as tx:
            assert drain(receiver, tx) == [], "tried again too early"
        clock[0] += 2 * 3600
        with here.store.transaction() as tx:
            outcomes += [verdict.outcome for verdict in drain(receiver, tx)]
    assert outcomes == ["waiting"] * 14 + ["dead"]
    with here.store.transaction() as tx:
        assert (
            receiver.receive(tx, event, body_of(event).decode(), of(event)).outcome == "duplicate"
        )


def test_events_of_the_other_mode_touch_nothing(room: Callable[..., Room]) -> None:
    here = room(INSERT)
    event = here.make_event("product.created") | {"livemode": True}
    with here.store.transaction() as tx:
        verdict = Receiver(here.project, "test").receive(
            tx, event, body_of(event).decode(), of(event)
        )
    assert verdict.outcome == "ignored"
    assert "live event" in verdict.reason
    assert here.rows("order") == []


def test_an_event_no_flow_handles_is_set_aside(room: Callable[..., Room]) -> None:
    here = room(INSERT)
    event = here.make_event("plan.created")
    with here.store.transaction() as tx:
        verdict = Receiver(here.project).receive(tx, event, body_of(event).decode(), of(event))
    assert (verdict.outcome, verdict.reason) == ("ignored", "no flow handles plan.created")


def test_a_fault_of_the_engine_does_not_stop_the_next_event(
    room: Callable[..., Room], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = room(INSERT)

    def broken(self: Any, frame: Any) -> str:
        raise ZeroDivisionError("oh")

    with monkeypatch.context() as patch:
        patch.setattr("engine.run.CompiledFlow.run", broken)
        verdict = here.run()
    assert verdict.outcome == "waiting"
    assert "the engine itself failed: ZeroDivisionError: oh" in verdict.reason
    assert here.run().outcome == "done"


def test_the_trace_hides_internal_columns(room: Callable[..., Room]) -> None:
    here = room("- {id: x, type: table.find, table: payment, where: {id: 1}}")

    def put(tx: Transaction) -> None:
        tx.insert("order", {"user_id": "ada", "amount": 5, "currency": "usd"})
        with tx.system_writes():
            tx.insert("payment", {"order_id": 1, "amount": 5, "currency": "usd", "facts": {"x": 1}})

    with here.store.transaction() as tx:
        put(tx)
    found = output(here.run(), "x")
    assert found["amount"] == 5
    assert "facts" not in found
