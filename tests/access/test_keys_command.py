"""`actionflow keys` as a process of its own, on a real database, beside a store that is open."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from engine.access import AuthenticationFailed, Caller, authenticate
from engine.project import Project
from tests.access.support import PROJECT, ROOT

# Without the role whose rules are mistakes: the command line refuses such a project.
WORKING = PROJECT[: PROJECT.index("  broken:")].replace("input.type == 'Cancel' and ", "")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def command(folder: pathlib.Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "engine.cli.main", *words, "--project", str(folder)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    (tmp_path / "project.yaml").write_text(WORKING)
    made = command(tmp_path, "migrate", "--yes")
    assert made.returncode == 0, made.stderr
    return Project.open(tmp_path)


@pytest.fixture
def keys(project: Project) -> Run:
    return lambda *words: command(project.folder, "keys", *words)


def test_a_key_from_its_making_to_its_end(
    keys: Run, project: Project, tmp_path: pathlib.Path
) -> None:
    made = keys("create", "--role", "customer", "--caller", "ada", "--label", "Ada's phone")
    assert made.returncode == 0
    key = made.stdout.strip()
    assert re.fullmatch(r"af_[A-Za-z0-9_-]{43}", key)
    assert key not in made.stderr
    prefix = key[:11]
    assert f"keys revoke {prefix}" in made.stderr

    store = project.store()
    who = authenticate(f"Bearer {key}", project=project.file, store=store)
    assert who == Caller("ada", "customer", "key")

    listed = keys("list", "--json")
    [row] = json.loads(listed.stdout)
    assert (row["prefix"], row["role"], row["caller"]) == (prefix, "customer", "ada")
    assert (row["label"], row["revoked_at"]) == ("Ada's phone", None)
    shown = keys("list").stdout
    assert f"{prefix}  customer      ada " in shown
    assert "active" in shown
    assert key not in listed.stdout + shown
    assert "digest" not in listed.stdout

    assert keys("revoke", key).stdout == f"{prefix} is revoked\n"
    with pytest.raises(AuthenticationFailed, match="was revoked"):
        authenticate(f"Bearer {key}", project=project.file, store=store)
    store.close()
    assert "revoked 20" in keys("list").stdout
    again = keys("revoke", prefix)
    assert again.returncode == 2
    assert "no key in use that begins" in again.stderr
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert prefix.encode() in everything
    assert key.encode() not in everything


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["create", "--role", "custmer"], "Did you mean 'customer'?"),
        (["create", "--role", "admin", "--caller", ""], "the caller's id: found nothing"),
        (["create", "--role", "admin", "--caller", "a\nb"], "expected 1 to 200 printable"),
        (["create", "--role", "admin", "--label", "\x1b[2J"], "expected 1 to 200 printable"),
        (["create", "--role", "admin", "--label", "x" * 201], "found 201 characters"),
        (["create"], "--role"),
        (["revoke", "af_"], "no key in use that begins with 'af_'"),
        (["revoke", "%"], "no key in use that begins with '%'"),
    ],
)
def test_bad_input_changes_nothing(keys: Run, words: list[str], says: str) -> None:
    refused = keys(*words)
    assert refused.returncode == 2
    assert says in refused.stderr
    assert "Traceback" not in refused.stderr
    assert keys("list").stdout.startswith("no keys yet")
