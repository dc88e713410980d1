"""`actionflow check --watch`: its output as editors read it, with the settings that docs/editor.md shows."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from engine.cli import watch
from engine.cli.main import main
from engine.editor import place_of
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "editor.md").read_text("utf-8")
Check = Callable[..., tuple[str, str]]


def block(language: str) -> str:
    """The page's one code block in this language."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)
    return str(found)


@pytest.fixture
def room(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A new project with an error and a warning; the current folder is the one around it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACTIONFLOW_PROJECT", raising=False)
    assert main(["init", "flows"]) == 0
    flow = tmp_path / "flows" / "payment_callback.yaml"
    text = flow.read_text("utf-8")
    flow.write_text(text.replace("{{ callback.callbackProcessed }}", "{{ callback.processed }}"))
    (tmp_path / "flows" / "refund_callback.yaml").unlink()
    return tmp_path / "flows"


@pytest.fixture
def check(
    room: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Check:
    """Watches; each of `edits` is done between two looks, then comes Ctrl-C. What was said."""
    capsys.readouterr()

    def run(*words: str, edits: tuple[Callable[[], object], ...] = ()) -> tuple[str, str]:
        left: Iterator[Callable[[], object]] = iter(edits)

        def sleep(_: float) -> None:
            edit = next(left, None)
            if edit is None:
                raise KeyboardInterrupt
            edit()

        monkeypatch.setattr(watch.watch, "__kwdefaults__", {**KEYWORDS, "sleep": sleep})
        assert main(["check", "--watch", *words]) == 130
        told = capsys.readouterr()
        return told.out, told.err

    return run


KEYWORDS = dict(watch.watch.__kwdefaults__ or {})


def matched(output: str) -> list[tuple[str, ...]]:
    """What VS Code's problem matcher makes of an output, line by line."""
    [task] = json.loads(block("json"))["tasks"]
    pattern = task["problemMatcher"]["pattern"]
    names = ("file", "line", "column", "severity", "code", "message")
    found = (re.search(pattern["regexp"], line) for line in output.splitlines())
    return [tuple(one[pattern[name]] for name in names) for one in found if one]


def test_the_problem_matcher_of_vs_code_reads_every_finding(check: Check) -> None:
    output, errors = check()
    assert errors == ""
    found = matched(output)
    assert [one[:5] for one in found] == [
        ("flows/payment_callback.yaml", "10", "54", "error", "ref.output"),
        ("flows/project.yaml", "1", "1", "warning", "event.unhandled"),
    ]
    assert "Did you mean 'alreadyProcessed'?" in found[0][5]


def test_a_check_has_a_line_that_begins_it_and_one_that_ends_it(
    check: Check, room: pathlib.Path
) -> None:
    flow = room / "payment_callback.yaml"
    good = flow.read_text("utf-8").replace("callback.processed", "callback.callbackProcessed")
    output, _ = check(edits=(lambda: flow.write_text(good, "utf-8"),))
    [task] = json.loads(block("json"))["tasks"]
    background = task["problemMatcher"]["background"]
    begins = re.compile(background["beginsPattern"])
    ends = re.compile(background["endsPattern"])
    lines = output.splitlines()
    marks = [
        "begins" if begins.search(one) else "ends"
        for one in lines
        if begins.search(one) or ends.search(one)
    ]
    assert marks == ["begins", "ends", "begins", "ends"]
    second = output.split("changed: payment_callback.yaml")[1]
    assert [one[4] for one in matched(second)] == ["event.unhandled"]
    assert "flows: 0 errors, 1 warning" in second


def test_json_gives_every_check_a_line(check: Check, room: pathlib.Path) -> None:
    flow = room / "payment_callback.yaml"
    output, errors = check("--format", "json", edits=(lambda: flow.unlink(),))
    before, after = (json.loads(line) for line in output.splitlines())
    assert [one["code"] for one in before] == ["ref.output", "event.unhandled"]
    assert [one["code"] for one in after] == ["event.unhandled", "event.unhandled"]
    assert "waiting for a change" in errors


def test_saving_project_yaml_makes_the_schemas_anew(check: Check, room: pathlib.Path) -> None:
    project = room / "project.yaml"
    text = project.read_text("utf-8").replace("      item: text\n", "      thing: text\n")
    output, _ = check(edits=(lambda: project.write_text(text, "utf-8"),))
    schema = json.loads((place_of(room) / "flow.schema.json").read_text("utf-8"))
    assert "thing" in schema["$defs"]["values.order"]["properties"]
    assert "editor.stale" not in output


def test_a_project_that_is_gone_is_told_and_waited_for(check: Check, room: pathlib.Path) -> None:
    output, _ = check("--project", "flows", edits=((room / "project.yaml").unlink,))
    assert "project.missing" in {one[4] for one in matched(output)}


def test_annotations_of_pull_requests_are_not_watched(
    room: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--watch", "--format", "github"]) == 2
    assert "leave --format github" in capsys.readouterr().err


def test_the_quickfix_list_of_vim_and_neovim(room: pathlib.Path, tmp_path: pathlib.Path) -> None:
    vim = shutil.which("nvim") or shutil.which("vim")
    if vim is None:
        pytest.skip("neither vim nor nvim is installed: errorformat cannot be tried")
    [setting] = [line for line in block("vim").splitlines() if "errorformat" in line]
    done = subprocess.run(
        [sys.executable, "-c", "from engine.cli.main import main; main(['check'])"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    (tmp_path / "said.txt").write_text(done.stdout + done.stderr, "utf-8")
    script = (
        f"{setting}\ncgetfile said.txt\n"
        "let found = map(getqflist(), "
        "{_, e -> [bufname(e.bufnr), e.lnum, e.col, e.type, e.text]})\n"
        "call writefile([json_encode(found)], 'found.json')\nqa!\n"
    )
    (tmp_path / "script.vim").write_text(script, "utf-8")
    subprocess.run([vim, "-es", "-u", "NONE", "-S", "script.vim"], check=True, timeout=60)
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert [one[:4] for one in found] == [
        ["flows/payment_callback.yaml", 10, 54, "e"],
        ["flows/project.yaml", 1, 1, "w"],
    ]
    assert "Did you mean" in found[0][4]
