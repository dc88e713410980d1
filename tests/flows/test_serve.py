"""`actionflow serve`: what it says when it starts, and when it cannot."""

from __future__ import annotations

import asyncio
import pathlib
from typing import Any

import pytest

import server
from engine.cli.demo import prepare, what_next
from engine.cli.main import main
from engine.errors import ActionflowError
from engine.project import Project

JWT = "jwt: {algorithms: [HS256], secret: SHOP_JWT_SECRET, issuer: me, audience: shop}\n"


def greeting(folder: pathlib.Path) -> str:
    """What `serve --demo` prints for the project in this folder."""
    project = Project.open(folder)
    prepare(project)
    return what_next(project, "127.0.0.1", 8000)


def rewrite(path: pathlib.Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def test_the_example_is_shown_its_shop_and_its_studio(shop: pathlib.Path) -> None:
    said = greeting(shop)
    assert "Open the demo shop in a browser:  http://127.0.0.1:8000/shop" in said
    assert "sign in with the key in flows/.actionflow/demo-admin-key" in said
    assert [f"\n  {number}. " in said for number in range(1, 6)] == [True] * 4 + [False]


def test_another_project_is_not_sent_to_a_shop_or_a_studio_that_is_closed(
    shop: pathlib.Path,
) -> None:
    rewrite(shop / "project.yaml", ("customer:", "student:"), ("admin:", "office:"))
    (shop / "events" / "payment_intent.succeeded.json").unlink()
    (shop / "refund_callback.yaml").unlink()
    said = greeting(shop)
    assert "/shop\n" not in said
    assert "keys create --role student --caller SOMEONE --project flows" in said
    assert "/studio, is for the role `admin`: add it under `roles`" in said
    assert ("curl" in said, "dry-run" in said, "  1. Look at what was received" in said) == (
        False,
        False,
        True,
    )


async def lifespan(project: Project) -> list[dict[str, Any]]:
    """What an ASGI server hears from the application that it starts."""
    heard: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        heard.append(dict(message))

    with pytest.raises(ActionflowError):
        await server.create_app(project)({"type": "lifespan", "state": {}}, receive, send)
    return heard


def test_a_second_server_is_refused_in_words(shop: pathlib.Path) -> None:
    project = Project.open(shop)
    prepare(project)
    store = project.store()
    store.claim_server()
    [heard] = asyncio.run(lifespan(project))
    store.close()
    assert heard["type"] == "lifespan.startup.failed"
    assert heard["message"].startswith("Another server (process ")


def test_a_secret_that_is_not_set_is_told_in_words(
    shop: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOP_JWT_SECRET", raising=False)
    with (shop / "project.yaml").open("a") as file:
        file.write(JWT)
    project = Project.open(shop)
    prepare(project)
    [heard] = asyncio.run(lifespan(project))
    assert heard["message"].startswith(
        "jwt.secret: the environment variable SHOP_JWT_SECRET is not set"
    )


@pytest.mark.parametrize(
    "words",
    [
        ["serve", "--port", "99999"],
        ["serve", "--port", "-1"],
        ["events", "list", "--limit", "0"],
        ["events", "list", "--limit", "99999999999999999999"],
        ["outbox", "list", "--limit", "-1"],
        ["outbox", "list", "--limit", "\u0663"],
    ],
    ids=" ".join,
)
def test_a_number_no_command_can_take_is_told(
    words: list[str], shop: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert f"argument {words[-2]}: found {words[-1]!r}; expected a whole number from " in told
