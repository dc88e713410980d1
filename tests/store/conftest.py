from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.base import Store
from tests.store.support import (
    CONNECTORS,
    EVERY_TYPE,
    ORDER,
    Connector,
    PostgresConnector,
    SqliteConnector,
    connected,
    project,
)


@pytest.fixture(params=CONNECTORS)
def connector(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connector]:
    """Each kind of database in turn."""
    with connected(request.param, tmp_path) as found:
        yield found


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteConnector]:
    """For what only SQLite has."""
    with connected("sqlite", tmp_path) as found:
        assert isinstance(found, SqliteConnector)
        yield found


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[PostgresConnector]:
    """For what only PostgreSQL has."""
    with connected("postgresql", tmp_path) as found:
        assert isinstance(found, PostgresConnector)
        yield found


@pytest.fixture
def store(connector: Connector) -> Store:
    """An empty database of the example tables."""
    return connector.migrated(project(ORDER, EVERY_TYPE))


@pytest.fixture(scope="session", params=CONNECTORS)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """One database for property tests, which roll back what they wrote."""
    with connected(request.param, tmp_path_factory.mktemp("shared")) as found:
        yield found.migrated(project(ORDER, EVERY_TYPE))
