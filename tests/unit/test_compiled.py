"""The modules that a wheel can have compiled, and whether this run tests them so."""

from __future__ import annotations

import importlib
import os
import pathlib
import subprocess
import sys
import tomllib

import pytest

from bench import compiled
from engine.paths import compiled as is_compiled

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOOKS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
MODULES: list[str] = HOOKS["wheel"]["hooks"]["custom"]["modules"]
UNDER_TEST = "compiled" in os.environ.get("PYTHONPATH", "").split(os.pathsep)[0]


@pytest.mark.parametrize("path", MODULES)
def test_each_is_there_and_comes_from_where_this_run_looks(path: str) -> None:
    """So that `make test-compiled` cannot test the interpreted ones by mistake."""
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    assert (ROOT / path).is_file()
    assert str(module.__file__).endswith(".py") is not UNDER_TEST


def test_the_version_says_which_it_is() -> None:
    words = [sys.executable, "-m", "engine.cli.main", "--version"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert said.split()[-1] == ("compiled" if UNDER_TEST else "interpreted")
    assert is_compiled() is UNDER_TEST


def test_a_machine_without_a_compiler_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -O2")
    monkeypatch.setattr(compiled, "ROOT", pathlib.Path("/nowhere"))
    with pytest.raises(compiled.NotCompiled, match=r"'no-such-compiler' is not on the PATH"):
        compiled.compiled()


def test_what_is_edited_is_compiled_anew(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "engine" / "trace.py"
    module.parent.mkdir()
    module.write_text("")
    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    before = compiled.digest()
    assert compiled.digest() == before
    module.write_text("# edited")
    assert compiled.digest() != before


def test_it_is_made_once_and_only_the_folder_is_printed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[pathlib.Path] = []

    def install(folder: pathlib.Path) -> pathlib.Path:
        folder.mkdir()
        made.append(folder)
        return folder

    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    monkeypatch.setattr(compiled, "what_is_lacking", lambda: "")
    monkeypatch.setattr(compiled, "install", install)
    old = tmp_path / "build" / "compiled" / "of other sources"
    old.mkdir(parents=True)
    there = compiled.compiled()
    assert compiled.compiled() == there
    assert len(made) == 1
    assert [*there.parent.iterdir()] == [there]
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("compiling")
