"""What many tests share: small projects written to a folder, events made on the spot."""

from __future__ import annotations

import pathlib
import textwrap
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import settings

ROOT = pathlib.Path(__file__).resolve().parents[1]

# A busy machine is no failure of an example.
settings.register_profile("actionflow", deadline=None)
settings.load_profile("actionflow")

PROJECT = """
project: little
database: sqlite:///little.db
tables:
  order:
    key: id
    columns:
      id: integer
      user_id: text
      amount: amount
      currency: currency
      status: {type: text, one_of: [pending, paid, odd], default: pending}
      note: {type: text, optional: true}
      created_at: timestamp
  tag:
    key: name
    columns:
      name: text
      uses: {type: integer, default: 0}
payment: {order_table: order}
config: {greeting: hello}
"""


@pytest.fixture
def make_project(tmp_path: pathlib.Path) -> Callable[..., pathlib.Path]:
    """Write a project folder: `make(flow_name="text", …)`; project.yaml is PROJECT unless given."""

    def make(project: str = PROJECT, **flows: str) -> pathlib.Path:
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        (folder / "project.yaml").write_text(textwrap.dedent(project))
        for name, text in flows.items():
            (folder / f"{name}.yaml").write_text(textwrap.dedent(text))
        return folder

    return make


@pytest.fixture
def make_event() -> Callable[..., dict[str, Any]]:
    """A Stripe event (API 2026-05-27.dahlia) about any object; ids count up."""
    count = 0

    def make(
        type: str = "product.created", /, id: str | None = None, **object: Any
    ) -> dict[str, Any]:
        nonlocal count
        count += 1
        return {
            "id": id or f"evt_{count}",
            "object": "event",
            "api_version": "2026-05-27.dahlia",
            "created": 1_780_000_000 + count,
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": type,
            "data": {"object": {"id": f"prod_{count}", "object": "product", **object}},
        }

    return make


def body_of(event: dict[str, Any]) -> bytes:
    """An event as Stripe would send it."""
    return orjson.dumps(event)
