"""The faults of `python -m chaos`, each with few events; the command runs them with 100,000."""

from __future__ import annotations

import pathlib

import pytest

from chaos.__main__ import run
from chaos.arena import SCENARIOS
from tests.store.postgres import ADVICE, candidates

EVENTS = 200
SQLITE = [name for name, one in SCENARIOS.items() if "sqlite" in one.databases]
# What PostgreSQL adds; kills of one of several servers, and of PostgreSQL, are in tests/postgres.
POSTGRES = ["disk-database", "cut-database"]


@pytest.mark.parametrize("name", SQLITE)
def test_nothing_is_lost_or_doubled(name: str, tmp_path: pathlib.Path) -> None:
    line = run(SCENARIOS[name], "sqlite", EVENTS, tmp_path)
    assert line.said == []
    assert line.injected > 0


@pytest.mark.parametrize("name", POSTGRES)
@pytest.mark.skipif(next(candidates(), None) is None, reason=ADVICE)
def test_nothing_is_lost_or_doubled_on_postgresql(name: str, tmp_path: pathlib.Path) -> None:
    line = run(SCENARIOS[name], "postgres", EVENTS, tmp_path)
    assert line.said == []
    assert line.injected > 0
