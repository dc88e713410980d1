"""The schemas: the committed ones are the example's; they accept what check accepts, and are kept fresh."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from engine.check import check
from engine.cli.main import main
from engine.editor import place_of, refresh, schemas, stale, texts
from engine.load import Loaded, load_folder
from engine.reload import Reloader
from engine.store.base import BadValue
from engine.store.codec import TableCodec
from engine.yamlfile import read
from tests.check import corpus
from tests.conftest import ROOT

FLOWS = ROOT / "flows"


@pytest.fixture
def room(tmp_path: pathlib.Path) -> pathlib.Path:
    assert main(["init", str(tmp_path / "shop")]) == 0
    return tmp_path / "shop"


def edit(path: pathlib.Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def columns(room: pathlib.Path) -> set[str]:
    """The columns of a new order, as the schema on disk knows them."""
    schema = json.loads((place_of(room) / "flow.schema.json").read_text("utf-8"))
    return set(schema["$defs"]["values.order"]["properties"])


def add_column(room: pathlib.Path) -> None:
    edit(
        room / "project.yaml",
        "      item: text\n",
        "      item: text\n      seat: {type: text, optional: true}\n",
    )


@pytest.mark.parametrize("name", ["flow", "project", "cases", "seed"])
def test_the_committed_schemas_are_not_stale(name: str) -> None:
    """Renew with: actionflow schema --project flows"""
    committed = (ROOT / "schemas" / f"{name}.schema.json").read_text("utf-8")
    assert committed == texts(load_folder(FLOWS))[f"{name}.schema.json"], (
        "renew with: actionflow schema --project flows"
    )


def _whole(one: corpus.Mistake) -> bool:
    """Whether a case of the corpus has no mistake at all."""
    return not one.expect


@pytest.mark.parametrize(
    "mistake", [one for one in corpus.mistakes() if _whole(one)], ids=lambda one: one.name
)
def test_the_schemas_accept_what_check_accepts(
    mistake: corpus.Mistake, tmp_path: pathlib.Path
) -> None:
    mistake.write(tmp_path)
    loaded = load_folder(tmp_path)
    made = schemas(loaded)
    for file, text in mistake.files.items():
        if not file.endswith(".yaml"):
            continue  # not of the project
        kind = {"project.yaml": "project", "seed.yaml": "seed"}.get(file, "flow")
        found = Draft202012Validator(made[kind]).iter_errors(read(text, file).data)
        assert [f"{file}: {list(one.path)}: {one.message}" for one in found] == []


FILES: list[tuple[str, Any]] = [
    ("flow", FLOWS.glob("*_callback.yaml")),
    ("flow", [FLOWS / "pay.yaml", FLOWS / "refund.yaml", FLOWS / "recurring.yaml"]),
    ("cases", (FLOWS / "tests").glob("*.yaml")),
    ("project", [FLOWS / "project.yaml"]),
    ("seed", [FLOWS / "seed.yaml"]),
]


@pytest.mark.parametrize(
    ("kind", "path"), [(kind, path) for kind, paths in FILES for path in sorted(paths)]
)
def test_the_example_is_accepted(kind: str, path: pathlib.Path) -> None:
    validator = Draft202012Validator(schemas(load_folder(FLOWS))[kind])
    found = validator.iter_errors(read(path.read_text("utf-8"), path.name).data)
    assert [one.message for one in found] == []


@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [
        ("currency", "USD", True),
        ("currency", "Eur", True),
        ("currency", "dollar", False),
        ("currency", None, False),
        ("status", "paid", True),
        ("status", "payed", False),
        ("amount", -1, False),
        ("renewal_of", None, True),
    ],
)
def test_rows_are_judged_as_the_store_judges_them(column: str, value: Any, kept: bool) -> None:
    loaded = load_folder(FLOWS)
    assert loaded.project is not None
    row = {"user_id": "ada", "item": "Tea", "amount": 5, "currency": "usd", column: value}
    codec = TableCodec(loaded.project.order, loaded.project.tables, {}, {})
    try:
        codec.new_row(row, "2026-01-01T00:00:00Z")
        taken = True
    except BadValue:
        taken = False
    case = {"name": "a", "given": {"order": [row]}, "events": ["b"], "expect": {"tables": {}}}
    made = schemas(loaded)
    assert taken is kept
    assert Draft202012Validator(made["seed"]).is_valid({"order": [row]}) is kept
    assert Draft202012Validator(made["cases"]).is_valid({"cases": [case]}) is kept


def test_a_seed_file_may_have_nothing_but_comments() -> None:
    validator = Draft202012Validator(schemas(load_folder(FLOWS))["seed"])
    assert validator.is_valid(read("# nothing yet\n", "seed.yaml").data)
    assert not validator.is_valid(read("order:\n", "seed.yaml").data)
    assert not validator.is_valid(read("nothing\n", "seed.yaml").data)


def test_a_project_that_cannot_be_read_has_the_catalogue_s_schema() -> None:
    made = schemas(Loaded(pathlib.Path("nowhere")))
    whole = {"flow": "a", "trigger": {"manual": {}}, "nodes": []}
    node = {"id": "a", "type": "table.find", "table": "any", "where": {"x": 1}}
    assert Draft202012Validator(made["flow"]).is_valid({**whole, "nodes": [node]})
    assert not Draft202012Validator(made["flow"]).is_valid({**whole, "nodes": [{**node, "y": 1}]})


def test_init_writes_schemas_that_all_files_name(room: pathlib.Path) -> None:
    assert place_of(room) == room / ".actionflow" / "schemas"
    named = {
        (path.parent / line.split("$schema=")[1]).resolve()
        for path in room.rglob("*.yaml")
        for line in path.read_text("utf-8").splitlines()[:1]
    }
    assert named == {path.resolve() for path in place_of(room).glob("*.schema.json")}
    assert len(named) == 4


def test_the_schema_command_writes_where_project_yaml_says(
    room: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(room / "project.yaml", "$schema=.actionflow/schemas/", "$schema=../for-editors/")
    assert main(["schema", "--project", str(room)]) == 0
    assert sorted(path.name for path in (room.parent / "for-editors").iterdir()) == [
        f"{name}.schema.json" for name in ("cases", "flow", "project", "seed")
    ]
    capsys.readouterr()
    assert main(["schema", "--project", str(room)]) == 0
    assert "up to date" in capsys.readouterr().out


def test_check_warns_of_schemas_that_would_judge_wrongly(
    room: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_column(room)
    assert main(["check", "--project", str(room), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {one["code"] for one in found} == {"editor.stale"}
    assert main(["schema", "--project", str(room)]) == 0
    capsys.readouterr()
    assert main(["check", "--project", str(room), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_renamed_output_only_suggests_and_is_no_warning(room: pathlib.Path) -> None:
    flow = room / "recurring_charge_callback.yaml"
    text = flow.read_text("utf-8")
    flow.write_text(text.replace("began_with", "first_order"), "utf-8")
    loaded = load_folder(room)
    assert stale(loaded) == []
    assert [path.name for path in refresh(loaded)] == ["flow.schema.json"]
    assert refresh(loaded) == []


def test_a_broken_flow_takes_nothing_from_the_schemas(room: pathlib.Path) -> None:
    """While a line is being typed, completion goes on with what was known."""
    before = {path.name: path.read_text("utf-8") for path in place_of(room).iterdir()}
    flow = room / "pay.yaml"
    flow.write_text(flow.read_text("utf-8") + "  - {id: \n", "utf-8")
    loaded = load_folder(room)
    assert loaded.problems
    assert stale(loaded) == []
    assert refresh(loaded) == []
    add_column(room)
    refresh(load_folder(room))
    assert "seat" in columns(room)
    assert (place_of(room) / "cases.schema.json").read_text("utf-8") == before["cases.schema.json"]


def test_a_project_without_schemas_is_given_none(room: pathlib.Path) -> None:
    shutil.rmtree(place_of(room))
    assert refresh(load_folder(room)) == []
    assert check(load_folder(room)) == []
    assert not place_of(room).exists()


def test_a_running_server_keeps_the_schemas_fresh(room: pathlib.Path) -> None:
    reloader = Reloader(room, lambda loaded: None)
    add_column(room)
    assert not reloader.look()
    assert reloader.look()
    assert "seat" in columns(room)


def test_a_server_on_a_disk_it_may_not_write_to_goes_on(
    room: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(30, "Read-only file system")

    reloader = Reloader(room, lambda loaded: None)
    add_column(room)
    reloader.look()
    monkeypatch.setattr(pathlib.Path, "write_text", refused)
    assert reloader.look()
    assert "seat" not in columns(room)


def test_a_flow_that_is_passed_by_for_its_name_takes_nothing_from_the_schemas(
    room: pathlib.Path,
) -> None:
    (room / "pay.yaml").rename(room / "pay.yml")
    loaded = load_folder(room)
    assert [problem.code for problem in check(loaded)] == ["file.ending"]
    assert (stale(loaded), refresh(loaded)) == ([], [])
