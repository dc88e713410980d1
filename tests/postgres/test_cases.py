"""The example's own test cases on PostgreSQL, each in the order it is written in."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.project import Project
from engine.store import migrate
from engine.store.base import Store, Transaction
from engine.testing import Bench, read_cases
from tests.acceptance.shop import project_on
from tests.postgres.conftest import VARIABLE
from tests.store.support import PostgresConnector

NUMBERS = """
    SELECT setval(sequencename::regclass, 1, false) FROM pg_sequences
    WHERE schemaname = current_schema()
"""


class FromOne:
    """A store in whose transactions rows are numbered from 1, as in a new database: cases name rows
    by their numbers, and PostgreSQL gives none again that was rolled back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.close = store.close

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._store.transaction() as tx:
            tx.execute(NUMBERS)
            yield tx


def test_the_examples_cases_end_alike_on_postgresql(
    database: PostgresConnector, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = project_on(tmp_path / "flows", f"env:{VARIABLE}")
    migrate.apply(project.file, project.folder.resolve())

    def scratch(project: Project, seed: object) -> FromOne:
        assert seed == {}
        return FromOne(project.store())

    monkeypatch.setattr(Project, "scratch", scratch)
    bench = Bench(project)
    cases = read_cases(project)
    try:
        failures = {
            case.name: [told for _, told in result.failures]
            for case in cases
            if (result := bench.run(replace(case, shuffle=False))).failures
        }
    finally:
        bench.close()
    assert failures == {}
    assert len(cases) > 20
