"""The example project as it is shipped, copied where a test may write, and the command line on it."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable
from typing import NamedTuple

import pytest

from engine.cli.main import main
from tests.conftest import ROOT

FLOWS = ROOT / "flows"
EVENTS = sorted((FLOWS / "events").glob("*.json"))


class Ran(NamedTuple):
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def shop(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A copy of the example project; the current folder is the one around it."""
    for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "ACTIONFLOW_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "flows"
    shutil.copytree(FLOWS, folder, ignore=shutil.ignore_patterns(".actionflow"))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def actionflow(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs a command of the command line in this process."""

    def run(*words: str | pathlib.Path) -> Ran:
        code = main([str(word) for word in words])
        told = capsys.readouterr()
        return Ran(code, told.out, told.err)

    return run
