"""The package by itself: its imports, its command, and its parameter table."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import standin
from standin import parameters_from_spec
from standin.__main__ import main
from standin.api import OPERATIONS
from standin.app import create_app
from standin.auth import LiveKey
from standin.clock import Clock
from standin.state import State
from tests.standin import published
from tests.standin.support import NOW

FOLDER = Path(standin.__file__).parent
ALLOWED = {"standin", "starlette", "uvicorn", "httpx", "jinja2"}


def test_it_imports_nothing_of_the_engine_and_little_else() -> None:
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                root = name.partition(".")[0]
                assert root in ALLOWED or root in sys.stdlib_module_names, f"{path.name}: {name}"


@pytest.mark.parametrize("key", ["sk_live_abc", "rk_live_abc"])
def test_it_does_not_start_beside_a_live_key(key: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "standin", "--port", "1"],
        capture_output=True,
        text=True,
        env=os.environ | {"STRIPE_SECRET_KEY": key},
        cwd=FOLDER.parent,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "live key" in done.stderr
    assert key not in done.stderr


def test_it_is_not_embedded_beside_a_live_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "rk_live_abc")
    with pytest.raises(LiveKey, match="STRIPE_API_KEY"):
        create_app(State())


def test_it_says_loudly_what_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served: list[State] = []
    monkeypatch.setattr("standin.__main__.serve", lambda state, port: served.append(state))
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_fine")
    main(["--webhook", "http://127.0.0.1:8000/webhooks/stripe", "--secret", "whsec_a", "--hold"])
    shown = capsys.readouterr().err
    assert "This is not Stripe" in shown
    assert "whsec_a" in shown
    [endpoint] = served[0].table("webhook_endpoint").values()
    assert endpoint["enabled_events"] == ["*"]
    assert served[0].delivery.hold


def test_the_same_seed_gives_the_same_ids() -> None:
    first, second = State(seed=5, now=NOW), State(seed=5, now=NOW)
    assert [first.ids.new("pi") for _ in range(3)] == [second.ids.new("pi") for _ in range(3)]
    assert State().ids.new("pi") != State().ids.new("pi")


def test_due_jobs_see_their_own_time_also_those_that_jobs_add() -> None:
    clock = Clock(100)
    seen: list[int] = []

    def later() -> None:
        seen.append(clock.now())
        if len(seen) < 3:
            clock.at(clock.now() + 10, later)

    clock.at(105, later)
    clock.advance(120)
    assert (seen, clock.now()) == ([105, 115], 120)
    clock.advance(130)
    assert seen == [105, 115, 125]


@pytest.mark.published
def test_the_parameter_table_is_the_published_one() -> None:
    made = parameters_from_spec.text(published.spec())
    assert made == parameters_from_spec.TABLE.read_text()
    assert json.loads(made)["shapes"]


@pytest.mark.published
def test_every_operation_is_published_or_known_to_be_missing_there() -> None:
    paths = published.spec()["paths"]
    for operation in OPERATIONS:
        if operation.method.lower() not in paths.get(operation.path, {}):
            assert published.find(operation.method, operation.path) is None
            assert operation.path.startswith(published.UNPUBLISHED) or operation.path.endswith(
                "/payment_methods"
            ), operation.name
