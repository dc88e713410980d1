from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from engine.model import ProjectFile
from engine.store.base import Store
from engine.store.connect import memory
from tests.access.support import Issuer, project_of


@pytest.fixture
def project(tmp_path: pathlib.Path) -> ProjectFile:
    return project_of(tmp_path)


@pytest.fixture
def store(project: ProjectFile) -> Iterator[Store]:
    store = memory(project.tables)
    yield store
    store.close()


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer()
