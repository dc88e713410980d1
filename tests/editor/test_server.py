"""What a builder sees in an editor with yaml-language-server: the real one, on the example project."""

from __future__ import annotations

import json
import pathlib
import re
import shutil
from collections.abc import Iterator

import pytest

from engine.cli.main import main
from tests.conftest import ROOT
from tests.editor.lsp import Lsp, serving

LINE = "# yaml-language-server: $schema=.actionflow/schemas/{}.schema.json\n"
CALLBACK = """\
flow: payment_callback
trigger: {stripe: payment}
nodes:
  - {id: callback, type: stripe.payment_callback, locked: true}
"""
IN_FLOWS = [path.name for path in sorted((ROOT / "flows").glob("*.yaml"))]
IN_TESTS = [f"tests/{path.name}" for path in sorted((ROOT / "flows" / "tests").glob("*.yaml"))]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("editor") / "shop"
    assert main(["init", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def server(room: pathlib.Path) -> Iterator[Lsp]:
    with serving(room) as started:
        yield started


def spot(text: str) -> tuple[str, tuple[int, int]]:
    """A text without its cursor ‸, and where that stood."""
    before, after = text.split("‸")
    return before + after, (before.count("\n"), len(before) - before.rfind("\n") - 1)


def opened(server: Lsp, kind: str, text: str) -> tuple[pathlib.Path, tuple[int, int]]:
    line = LINE.format(kind)
    folder = "tests" if kind == "cases" else "."
    plain, at = spot(line.replace("=", "=../") + text if kind == "cases" else line + text)
    return server.open(plain, folder), at


@pytest.mark.parametrize("name", [*IN_FLOWS, *IN_TESTS])
def test_every_file_of_the_example_is_right(server: Lsp, room: pathlib.Path, name: str) -> None:
    text = (room / name).read_text("utf-8")
    schema = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert schema is not None, f"{name} names no schema"
    assert ((room / name).parent / schema[1]).is_file()
    path = server.open(text, str(pathlib.PurePath(name).parent))
    assert server.diagnostics(path) == []


OFFERED = {
    "node types": (
        "flow",
        "  - id: x\n    type: ‸\n",
        {"branch", "code", "table.update", "http", "stripe.refund_callback"},
        {"order"},
    ),
    "keys of a node type": (
        "flow",
        "  - id: x\n    type: table.update\n    ‸\n",
        {"table", "where", "values", "many", "expect", "title"},
        {"order_by", "code", "cases"},
    ),
    "tables a flow may change": (
        "flow",
        "  - id: x\n    type: table.insert\n    table: ‸\n",
        {"order", "membership", "notice"},
        {"payment", "refund"},
    ),
    "tables a flow may read": (
        "flow",
        "  - id: x\n    type: table.find\n    table: ‸\n",
        {"order", "membership", "notice", "payment", "refund", "recurring_payment"},
        set(),
    ),
    "columns of the table": (
        "flow",
        "  - id: x\n    type: table.update\n    table: order\n    where: {id: 1}\n    values:\n      ‸\n",
        {"user_id", "item", "amount", "currency", "status"},
        {"valid_until", "message"},
    ),
    "columns to look for": (
        "flow",
        "  - id: x\n    type: table.find\n    table: payment\n    where:\n      ‸\n",
        {"transaction_id", "order_id", "status"},
        {"user_id"},
    ),
    "choices of a column": (
        "flow",
        "  - id: x\n    type: table.update\n    table: order\n    where: {id: 1}\n    values:\n"
        "      status: ‸\n",
        {"pending", "paid", "partly refunded", '"{{ callback.paymentStatus }}"'},
        {"SUCCESSFUL"},
    ),
    "outputs of nodes above, and config": (
        "flow",
        "  - id: x\n    type: table.find\n    table: order\n    where:\n      id: ‸\n",
        {'"{{ callback.orderId }}"', '"{{ callback.amount }}"', '"{{ config.shop_url }}"'},
        {'"{{ input.orderId }}"'},
    ),
    "conditions": (
        "flow",
        "  - id: x\n    type: branch\n    cases:\n      - name: a\n        when: ‸\n",
        {'"{{ callback.callbackProcessed }}"', "\"{{ callback.paymentStatus == 'FAILED' }}\""},
        {"true"},
    ),
    "conditions in place of one half written": (
        "flow",
        '  - id: x\n    type: branch\n    cases:\n      - name: a\n        when: "{{ callback.‸ }}"\n',
        {'"{{ callback.callbackProcessed }}"', "\"{{ callback.paymentStatus == 'FAILED' }}\""},
        set(),
    ),
    "events in test cases": (
        "cases",
        "cases:\n  - name: a\n    events:\n      - ‸\n    expect: {error: x}\n",
        {"payment_intent.succeeded", "charge.refunded.partial"},
        {"order"},
    ),
    "tables in test cases": (
        "cases",
        "cases:\n  - name: a\n    events: [x]\n    expect:\n      tables:\n        ‸\n",
        {"order", "payment", "refund"},
        {"user_id"},
    ),
    "columns in test cases": (
        "cases",
        "cases:\n  - name: a\n    events: [x]\n    expect:\n      tables:\n        payment:\n"
        "          - ‸\n",
        {"amount_refunded", "status", "transaction_id"},
        {"user_id"},
    ),
    "actions in test cases": (
        "cases",
        "cases:\n  - name: a\n    events:\n      - act: ‸\n    expect: {error: x}\n",
        {"pay", "refund", "recurring"},
        set(),
    ),
    "columns of seed.yaml": ("seed", "order:\n  - ‸\n", {"user_id", "amount"}, {"message"}),
    "the order table in project.yaml": (
        "project",
        "project: x\ntables: {}\npayment:\n  order_table: ‸\n",
        {"order", "membership"},
        {"payment"},
    ),
}


@pytest.mark.parametrize("name", OFFERED)
def test_completion_offers(server: Lsp, name: str) -> None:
    kind, text, wanted, unwanted = OFFERED[name]
    path, at = opened(server, kind, (CALLBACK if kind == "flow" else "") + text)
    offered = {one["label"] for one in server.completions(path, at)}
    assert wanted <= offered
    assert not unwanted & offered


def test_a_whole_flow_is_offered_in_an_empty_file(server: Lsp) -> None:
    path, at = opened(server, "flow", "‸")
    offered = {one["label"]: one.get("insertText", "") for one in server.completions(path, at)}
    assert "stripe.refund_callback" in offered["flow: refund_callback"]


WRONG = {
    "a key": ("  - {id: x, type: log, mesage: hello}\n", "mesage"),
    "a node type": ("  - {id: x, type: table.updat}\n", "table.update"),
    "a table": (
        "  - {id: x, type: table.delete, table: ordr, where: {id: 1}}\n",
        '"order"',
    ),
    "a system table to write": (
        "  - {id: x, type: table.delete, table: payment, where: {id: 1}}\n",
        '"order"',
    ),
    "a column": (
        "  - {id: x, type: table.delete, table: order, where: {idd: 1}}\n",
        "idd",
    ),
    "a value": (
        "  - {id: x, type: table.update, table: order, where: {id: 1}, values: {status: payed}}\n",
        "one of pending, paid",
    ),
    "no else": (
        "  - {id: x, type: branch, cases: [{name: a, when: '{{ callback.paymentFound }}', do: []}]}\n",
        "no else case",
    ),
    "a condition without braces": (
        "  - {id: x, type: branch, cases: [{name: a, when: callback.paymentFound, do: []},"
        " {name: b, else: true, do: []}]}\n",
        "one whole expression",
    ),
    "a lock": ("  - {id: x, type: log, message: hello, locked: true}\n", "yours to change"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_marked_where_it_stands(server: Lsp, name: str) -> None:
    text, said = WRONG[name]
    path = server.open(LINE.format("flow") + CALLBACK + text)
    found = server.diagnostics(path)
    assert said in " ".join(one["message"] for one in found)
    assert {one["range"]["start"]["line"] for one in found} == {5}


HOVERED = {
    "a node type": ("type: lo‸g, message: hello}", "log"),
    "a column": ("type: table.find, table: order, where: {amo‸unt: 1}}", "100 USD is 10000"),
    "a table": ("type: table.find, table: ord‸er, where: {id: 1}}", "What a customer buys"),
    "a key": ("type: table.find, table: order, where: {id: 1}, exp‸ect: one}", "one"),
}


@pytest.mark.parametrize("name", HOVERED)
def test_hover_says_what_it_is(server: Lsp, name: str) -> None:
    text, said = HOVERED[name]
    path, at = opened(server, "flow", f"{CALLBACK}  - {{id: x, {text}\n")
    assert said in server.hover(path, at)


def test_a_table_of_ones_own_is_offered_once_the_schemas_know_it(
    server: Lsp, room: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same files with another project.yaml: nothing of the example is built in."""
    own = room.parent / "own"
    shutil.copytree(room, own)
    project = own / "project.yaml"
    text = project.read_text("utf-8")
    project.write_text(
        text.replace("tables:\n", "tables:\n  ticket:\n    columns: {id: integer, seat: text}\n", 1)
    )
    assert main(["schema", "--project", str(own)]) == 0
    assert "flow.schema.json" in capsys.readouterr().out
    line = LINE.format("flow").replace("=", f"={own}/")
    node = "  - id: x\n    type: table.insert\n    table: ticket\n    values:\n      ‸\n"
    plain, at = spot(line + CALLBACK + node)
    assert "seat" in {one["label"] for one in server.completions(server.open(plain), at)}


def test_what_the_server_cannot_do_is_as_docs_editor_says(server: Lsp) -> None:
    """When one of these fails, yaml-language-server has learnt something: tell it in docs/editor.md."""
    update = (
        "  - {id: x, type: table.update, table: order, where: {id: 1}, values: {amount: 10.00}}\n"
    )
    fraction = server.open(LINE.format("flow") + CALLBACK + update)
    unknown = server.open(
        LINE.format("flow")
        + CALLBACK
        + '  - {id: x, type: log, message: "{{ calback.orderId }}"}\n'
    )
    assert server.diagnostics(fraction) == []
    assert server.diagnostics(unknown) == []
    read = '  - {id: x, type: log, message: "{{ call‸back.orderId }}"}\n'
    path, at = opened(server, "flow", CALLBACK + read)
    assert server.definition(path, at) == []


def test_the_schemas_are_json_of_draft_2020_12(room: pathlib.Path) -> None:
    from jsonschema import Draft202012Validator

    for path in (room / ".actionflow" / "schemas").glob("*.json"):
        Draft202012Validator.check_schema(json.loads(path.read_text("utf-8")))
