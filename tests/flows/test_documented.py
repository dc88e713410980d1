"""Every command a page shows runs as it stands, on a copy of the example with something in its inbox."""

from __future__ import annotations

import pathlib
import re
import shlex
from collections.abc import Callable, Iterator
from typing import NamedTuple

import orjson
import pytest

from engine.catalogue import shape
from engine.cli.main import COMMANDS
from engine.project import Project
from engine.receive import Receiver
from engine.rows import write_rows
from engine.store import migrate
from engine.stripe.event import of
from tests.conftest import ROOT
from tests.flows.conftest import Ran
from tests.tools import node_page

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
UNATTENDED = {
    "serve": "stays until it is stopped; tests/acceptance starts it",
    "check --watch": "stays until it is stopped; tests/editor/test_watch.py runs it",
    "events pull": "asks Stripe",
    "outbox show": "needs a call that was given up; the tests of the outbox make one",
    "outbox retry": "needs a call that was given up; the tests of the outbox make one",
    "keys revoke": "needs a key of its own; the tests of access make one",
}
SHELL = ("", "sh", "bash", "console")
COMMAND = re.compile(r"(?:\.venv/bin/)?\bactionflow ((?:[^\n`$()\"'#|>&]|\"[^\"]*\"|'[^']*')+)")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)[^)]*\)")
MENTION = re.compile(r"`actionflow ([a-z][a-z-]*)")


class Shown(NamedTuple):
    """A command as a page shows it."""

    page: str
    words: str

    def __str__(self) -> str:
        return f"{self.page}: {self.words}"


def shown(page: pathlib.Path) -> Iterator[Shown]:
    """The commands in a page's code blocks; a line that goes on in the next is one."""
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.M | re.S):
        if language not in SHELL:
            continue
        for line in block.replace("\\\n", " ").splitlines():
            if not line.lstrip().startswith("#"):
                for found in COMMAND.findall(line):
                    yield Shown(page.name, " ".join(found.split()))


ALL = [one for page in PAGES for one in shown(page)]


@pytest.fixture
def event_id(shop: pathlib.Path) -> str:
    """The example with its database, one event in the inbox, and the pages' own surroundings."""
    for path in (shop / "tests").glob("*.yaml"):
        # Every order of delivery is tried in test_cases.py; here once is enough.
        path.write_text(path.read_text().replace("shuffle: true", "shuffle: false"))
    project = Project.open(shop)
    migrate.apply(project.file, shop.resolve())
    data = orjson.loads((shop / "events" / "payment_intent.succeeded.json").read_bytes())
    store = project.store()
    with store.transaction() as tx:
        write_rows(tx, project.seed(), project.file)
        Receiver(project).receive(tx, data, orjson.dumps(data).decode(), of(data))
    store.close()
    return str(data["id"])


@pytest.mark.parametrize("command", ALL, ids=str)
def test_a_command_that_a_page_shows_runs(
    command: Shown,
    event_id: str,
    actionflow: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for start, why in UNATTENDED.items():
        if f"{command.words} ".startswith(f"{start} "):
            pytest.skip(f"{start}: {why}")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_test")
    words = shlex.split(command.words.replace("EVENT_ID", event_id))
    ran = actionflow(*words)
    assert ran.code == 0, ran.err
    assert ran.out or ran.err, "it says nothing"


def test_the_page_of_all_nodes_is_not_stale() -> None:
    """Renew with: python -m tests.tools.node_page"""
    assert node_page.PAGE.read_text() == node_page.page(), "python -m tests.tools.node_page"


def test_the_page_of_project_yaml_names_every_key() -> None:
    text = (ROOT / "docs" / "project.md").read_text()
    properties = shape("project")["properties"]
    missing = [key for key in properties if f"| `{key}" not in text]
    assert missing == []


def test_the_readme_leads_to_every_page_and_no_link_is_broken() -> None:
    links = {page: LINK.findall(page.read_text()) for page in PAGES}
    own = {(page.parent / one).resolve() for page in PAGES for one in links[page]}
    assert [str(one) for one in own if not one.exists()] == []
    led = {(ROOT / one).resolve() for one in links[ROOT / "README.md"]}
    assert [page.name for page in PAGES[1:] if page.resolve() not in led] == []


def test_pages_show_commands() -> None:
    names = {one.words.split()[0] for one in ALL}
    assert {"dry-run", "test", "check", "record"} <= names


def test_every_command_that_is_mentioned_exists() -> None:
    mentioned = {(page.name, name) for page in PAGES for name in MENTION.findall(page.read_text())}
    assert {name for _, name in mentioned} - set(COMMANDS) == set(), sorted(mentioned)
