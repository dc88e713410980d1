"""schemas/*.schema.json are what the catalogue makes, and accept the example."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from engine.catalogue import editor_schema
from engine.yamlfile import read_path

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLOWS = [
    path for path in sorted((ROOT / "flows").glob("*.yaml")) if path.stem not in ("project", "seed")
]


def committed(name: str) -> Any:
    return json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text())


@pytest.mark.parametrize("name", ["flow", "project"])
def test_the_committed_schema_is_not_stale(name: str) -> None:
    """Renew with: python -m tests.unit.test_editor_schema"""
    assert committed(name) == editor_schema(name)


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_the_example_flows_are_accepted(path: pathlib.Path) -> None:
    found = Draft202012Validator(committed("flow")).iter_errors(read_path(path).data)
    assert [error.message for error in found] == []


def test_a_misspelt_key_is_refused() -> None:
    flow = read_path(FLOWS[0]).data
    flow["nodes"][0]["lokced"] = True
    assert not Draft202012Validator(committed("flow")).is_valid(flow)


def renew() -> None:
    for name in ("flow", "project"):
        text = json.dumps(editor_schema(name), indent=1, ensure_ascii=False, sort_keys=True)
        (ROOT / "schemas" / f"{name}.schema.json").write_text(f"{text}\n")


if __name__ == "__main__":
    renew()
