"""The example project on PostgreSQL, its address in an environment variable as in production."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from engine.project import Project
from tests.acceptance.shop import copy_of_example
from tests.store.support import PostgresConnector, connected

VARIABLE = "DATABASE_URL"


@pytest.fixture
def database(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PostgresConnector]:
    """An empty database; DATABASE_URL says where, for this process and those it starts."""
    with connected("postgresql", tmp_path) as found:
        assert isinstance(found, PostgresConnector)
        monkeypatch.setenv(VARIABLE, found.url())
        yield found


@pytest.fixture
def example(database: PostgresConnector, tmp_path: pathlib.Path) -> Project:
    """flows/ copied, with `database: env:DATABASE_URL`, migrated and seeded."""
    return copy_of_example(tmp_path / "flows", f"env:{VARIABLE}")
