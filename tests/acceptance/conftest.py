from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from tests.acceptance.shop import SECRET, Shop, open_shop
from tests.store.support import CONNECTORS, connected

ON_BOTH = pytest.mark.parametrize("shop", CONNECTORS, indirect=True)


@pytest.fixture
def shop(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """The example shop on a real server, with the stand-in; its events are held until `deliver`.

    On SQLite; modules that say `ON_BOTH` run on PostgreSQL, too.
    """
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_shop")
    monkeypatch.setenv("STRIPE_PUBLISHABLE_KEY", "pk_test_shop")
    if getattr(request, "param", "sqlite") == "sqlite":
        with open_shop(tmp_path / "flows") as opened:
            yield opened
        return
    with connected("postgresql", tmp_path) as database:
        monkeypatch.setenv("DATABASE_URL", database.url())
        with open_shop(tmp_path / "flows", "env:DATABASE_URL") as opened:
            yield opened
