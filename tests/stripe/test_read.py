from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.stripe import read
from engine.stripe.routing import EVENTS

DOC = Path(__file__).resolve().parents[2] / "docs" / "stripe.md"


@pytest.mark.parametrize(
    ("reader", "found", "expected"),
    [
        (read.id_of, "pi_1", "pi_1"),
        (read.id_of, {"id": "pi_1", "object": "payment_intent"}, "pi_1"),
        (read.id_of, "", None),
        (read.id_of, None, None),
        (read.id_of, {"id": 3}, None),
        (read.whole, 5, 5),
        (read.whole, 0, 0),
        (read.whole, True, None),
        (read.whole, 5.0, None),
        (read.whole, "5", None),
        (read.whole, 2**63, None),
        (read.text, "a\0b", "ab"),
        (read.text, "\0", None),
        (read.text, 3, None),
        (read.part, None, {}),
        (read.part, [], {}),
        (read.listed, {"data": [1, {"id": "x"}, None]}, [{"id": "x"}]),
        (read.listed, {"data": {}}, []),
        (read.listed, None, []),
        (read.currency_of, {"currency": "JPY"}, "jpy"),
        (read.currency_of, {"currency": "currency"}, None),
        (read.currency_of, {}, None),
    ],
)
def test_a_value_is_read_or_is_not_there(reader: Any, found: Any, expected: Any) -> None:
    assert reader(found) == expected


@pytest.mark.parametrize("moved", read.VERSIONS, ids=lambda moved: f"{moved.version} {moved.what}")
def test_the_page_tells_every_difference_between_versions(moved: read.Moved) -> None:
    assert "| " + " | ".join(moved) + " |" in DOC.read_text()


@pytest.mark.parametrize("kind", sorted({kind for kinds in EVENTS.values() for kind in kinds}))
def test_the_page_tells_of_every_event(kind: str) -> None:
    table = DOC.read_text().partition("## Which event does what")[2].partition("\n## ")[0]
    assert f"`{kind}`" in table or f"`.{kind.rpartition('.')[2]}`" in table
