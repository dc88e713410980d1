"""A new project's folder: what git takes of it."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from collections.abc import Callable

import pytest

from engine.access.demo import CALLERS, demo_keys
from engine.project import Project
from engine.store import migrate
from tests.flows.conftest import Ran

GIT = shutil.which("git")


@pytest.mark.skipif(GIT is None, reason="there is no git here: apt-get install git")
def test_git_takes_no_key_and_no_database_of_a_new_project(
    tmp_path: pathlib.Path, actionflow: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    room = tmp_path / "shop"
    assert actionflow("init", room).code == 0
    project = Project.open(room)
    migrate.apply(project.file, room)
    store = project.store()
    demo_keys(room, project.file, store, CALLERS)
    store.close()
    assert project.secrets(demo=True).webhook_secrets, "a demo makes a secret of its own"
    made = {path.name for path in (room / ".actionflow").iterdir()}
    assert {"shop.db", "demo-admin-key", "dev-webhook-secret", "schemas"} <= made

    subprocess.run([str(GIT), "init", "-q", str(room)], check=True)
    words = [str(GIT), "-C", str(room), "ls-files", "--others", "--exclude-standard"]
    listed = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    hidden = [path for path in listed if path.startswith(".actionflow/")]
    assert hidden, "editors find the schemas in a fresh clone"
    assert [path for path in hidden if not path.startswith(".actionflow/schemas/")] == []
    assert "project.yaml" in listed
