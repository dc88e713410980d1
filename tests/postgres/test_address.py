"""Where the database is: by an environment variable, and never told with its password."""

from __future__ import annotations

import pathlib

import pytest

from engine.cli.main import main
from engine.project import Project
from engine.store.base import StoreError
from engine.store.url import shown_url
from tests.postgres.conftest import VARIABLE
from tests.store.support import PostgresConnector

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            f"postgresql://ada:{SECRET}@db.example:5432/shop",
            "postgresql://ada@db.example:5432/shop",
        ),
        (f"postgres://ada:{SECRET}@db/shop?sslmode=require", "postgres://ada@db/shop"),
        (f"postgresql://ada@db/shop?password={SECRET}", "postgresql://ada@db/shop"),
        (f"postgresql://ada:{SECRET}@one:1,two:2/shop", "postgresql://ada@one:1,two:2/shop"),
        (f"postgresql://ada:a@{SECRET}@db/shop", "postgresql://ada@db/shop"),
        (f"postgresql://ada:{SECRET}@[::1]:5432/shop", "postgresql://ada@[::1]:5432/shop"),
        (f"postgresql://ada:{SECRET}@[broken/shop", "postgresql://…"),
        (f"postgresql:///shop?host=/run/pg&password={SECRET}", "postgresql:///shop"),
    ],
)
def test_an_address_is_shown_without_password(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_the_commands_take_the_address_from_the_environment(
    database: PostgresConnector,
    example: Project,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The test server lets everybody in; a real one would ask for this password.
    url = database.url().replace("postgresql:///", f"postgresql://actionflow:{SECRET}@/")
    monkeypatch.setenv(VARIABLE, url)
    folder = example.folder
    flow, event = (
        folder / "payment_callback.yaml",
        folder / "events" / "payment_intent.succeeded.json",
    )
    for words, said in (
        (["check", "--project", str(folder)], ""),
        (["migrate", "--project", str(folder)], "up to date"),
        (
            ["dry-run", str(flow), "--event", str(event)],
            "a copy of postgresql://actionflow@/postgres",
        ),
        (["doctor", "--project", str(folder)], "up to date"),
        (["events", "list", "--project", str(folder)], ""),
    ):
        main(words)
        told = "".join(capsys.readouterr())
        assert said in told, words
        assert SECRET not in told, words


def test_a_variable_that_is_not_set_is_named(
    example: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(StoreError, match=f"environment variable {VARIABLE}.*is not set"):
        example.store()


@pytest.mark.parametrize(
    "held", [f"host=db password={SECRET}", f"postgresql:/ada:{SECRET}@db", f"mysql://a:{SECRET}@db"]
)
def test_an_address_of_no_known_kind_is_not_told(
    example: Project, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    monkeypatch.setenv(VARIABLE, held)
    with pytest.raises(StoreError, match="no URL of a kind known") as refused:
        example.store()
    assert SECRET not in str(refused.value)


def test_a_variable_may_hold_an_sqlite_file(
    example: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "sqlite:///here.db")
    assert example.database_file == example.folder.resolve() / "here.db"


def test_the_server_is_not_to_be_had(
    example: Project,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(VARIABLE, f"postgresql://ada:{SECRET}@/shop?host={tmp_path}")
    assert main(["migrate", "--project", str(example.folder)]) != 0
    told = "".join(capsys.readouterr())
    assert "postgresql://ada@/shop: the server is not to be had" in told
    assert SECRET not in told
