"""actionflow.js in Node, against a real server: changes, a server that dies, and taking one's leave."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.acceptance.shop import ROOT
from tests.client.place import Place

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(
    NODE is None, reason="there is no node here: apt-get install nodejs"
)
HERE = pathlib.Path(__file__).parent
Start = Callable[[str], "Watcher"]


class Watcher:
    """The Node process, and what it says."""

    def __init__(self, url: str, key: str) -> None:
        words = [HERE / "watcher.mjs", ROOT / "engine/web/static/actionflow.js", url, key]
        self.process = subprocess.Popen(
            [str(NODE), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def said(self, **wanted: Any) -> Any:
        """The next thing it says with these values."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found = json.loads(line)
            if all(found.get(name) == value for name, value in wanted.items()):
                return found
        raise AssertionError(f"it ended without saying {wanted}")

    def end(self) -> list[Any]:
        """Close the subscription; what it says until it has ended by itself."""
        out, _ = self.process.communicate("close\n", timeout=30)
        assert self.process.returncode == 0
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Iterator[Place]:
    made = Place(tmp_path / "flows")
    made.server.start()
    yield made
    made.server.stop()
    made.store.close()


def test_changes_a_dying_server_and_taking_leave(place: Place) -> None:
    place.insert(100)
    watcher = Watcher(place.server.url, place.key)
    state = watcher.said(type="state")
    assert ([row["id"] for row in state["rows"]], state["held"]) == ([100], [100])
    place.insert(101)
    assert watcher.said(op="insert", key=101)["held"] == [100, 101]
    place.update(101, status="paid")
    told = watcher.said(op="update", key=101)
    assert (told["before"]["status"], told["row"]["status"]) == ("pending", "paid")
    place.delete(100)
    assert watcher.said(type="remove", key=100)["held"] == [101]
    place.update(101, user_id="somebody else")
    gone = watcher.said(type="remove", key=101)
    assert (gone["held"], "row" in gone) == ([], False)

    place.server.kill()
    watcher.said(status="waiting")
    place.insert(102)
    place.update(102, status="paid")
    place.server.start()
    first = watcher.said(type="row")
    second = watcher.said(type="row")
    assert [(one["op"], one["key"]) for one in (first, second)] == [
        ("insert", 102),
        ("update", 102),
    ]

    said = watcher.end()
    assert said == [{"status": "closed"}], "nothing twice, no state anew, and nothing after the end"


def test_who_may_not_is_told_why_and_left_alone(place: Place) -> None:
    watcher = Watcher(place.server.url, "af_" + "x" * 43)
    refused = watcher.said(status="refused")
    assert refused["code"] == "unknown_key"
    watcher.end()
