"""The keys of `serve --demo`: made once, and readable by their owner alone."""

from __future__ import annotations

import pathlib
import stat

import pytest

from engine.access import authenticate
from engine.access.demo import demo_keys
from engine.model import ProjectFile
from engine.store import keys
from engine.store.base import Store
from engine.store.connect import memory

CALLERS = {"admin": "staff", "customer": "ada", "no_such_role": "x"}


def test_made_once_and_they_work(
    project: ProjectFile, store: Store, tmp_path: pathlib.Path
) -> None:
    first = demo_keys(tmp_path, project, store, CALLERS)
    assert list(first) == ["admin", "customer"]
    assert demo_keys(tmp_path, project, store, CALLERS) == first
    who = authenticate(f"Bearer {first['customer']}", project=project, store=store)
    assert (who.id, who.role) == ("ada", "customer")
    with store.reader() as tx:
        assert len(keys.listing(tx)) == 2


def test_files_that_only_their_owner_reads(
    project: ProjectFile, store: Store, tmp_path: pathlib.Path
) -> None:
    made = demo_keys(tmp_path, project, store, CALLERS)
    files = sorted((tmp_path / ".actionflow").iterdir())
    assert [path.name for path in files] == ["demo-admin-key", "demo-customer-key"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600, 0o600]
    assert [path.read_text() for path in files] == [made["admin"], made["customer"]]


def test_a_database_made_anew_takes_the_same_keys(
    project: ProjectFile, store: Store, tmp_path: pathlib.Path
) -> None:
    first = demo_keys(tmp_path, project, store, CALLERS)
    other = memory(project.tables)
    assert demo_keys(tmp_path, project, other, CALLERS) == first
    assert authenticate(f"Bearer {first['admin']}", project=project, store=other).role == "admin"
    other.close()


@pytest.mark.parametrize("change", ["revoked", "another caller", "cut", "empty"])
def test_a_key_that_no_longer_fits_is_replaced(
    project: ProjectFile, store: Store, tmp_path: pathlib.Path, change: str
) -> None:
    first = demo_keys(tmp_path, project, store, CALLERS)
    callers = dict(CALLERS)
    path = tmp_path / ".actionflow" / "demo-customer-key"
    if change == "revoked":
        with store.transaction() as tx:
            keys.revoke(tx, first["customer"][:11])
    elif change == "another caller":
        callers["customer"] = "lin"
    else:
        path.write_text("af_" if change == "cut" else "")
    second = demo_keys(tmp_path, project, store, callers)
    assert second["admin"] == first["admin"]
    assert second["customer"] != first["customer"]
    assert len(second["customer"]) == 46
    who = authenticate(f"Bearer {second['customer']}", project=project, store=store)
    assert who.id == callers["customer"]
