from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from tests.acceptance.shop import SECRET, Shop, open_shop


@pytest.fixture
def shop(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The example shop on a real server, with the stand-in; its events are held until `deliver`."""
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_shop")
    monkeypatch.setenv("STRIPE_PUBLISHABLE_KEY", "pk_test_shop")
    with open_shop(tmp_path / "flows") as opened:
        yield opened
