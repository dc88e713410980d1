"""A stand-in in a real server thread, the official SDK against it, and every exchange checked."""

from collections.abc import Iterator

import pytest

from standin.server import Running, running
from standin.state import State
from tests.standin import published
from tests.standin.support import NOW, Shop


@pytest.fixture(scope="session")
def _server() -> Iterator[Running]:
    with running(State(seed=1, now=NOW)) as server:
        yield server


@pytest.fixture
def shop(_server: Running) -> Iterator[Shop]:
    """A stand-in that has forgotten everything before; its events are checked at the end."""
    with _server.state.lock:
        _server.state.reset()
    made = Shop(_server)
    yield made
    made.http.close()
    if published.available():
        for event in made.events():
            published.check_event(event)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need the published description say plainly that it is absent."""
    if published.available():
        return
    for item in items:
        if item.get_closest_marker("published"):
            item.add_marker(pytest.mark.skip(reason=published.MISSING))


def pytest_report_header() -> str | None:
    """Says plainly when nothing is checked against the published description."""
    return None if published.available() else f"Not checked: {published.MISSING}"


def pytest_configure(config: pytest.Config) -> None:
    """Declares this folder's marker."""
    config.addinivalue_line("markers", "published: needs Stripe's published description")
