"""actionflow check: every mistake in the project, with its place and the mend."""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from engine.cli.main import BAD_INPUT, DONE, project_argument, project_folder
from engine.errors import BadInput, Problem, ProblemsFound

if TYPE_CHECKING:
    from engine.project import Project


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json", "github"), default="text")
    parser.add_argument(
        "--watch",
        action="store_true",
        help="check again whenever a file changes, and keep the schemas of your editor up to date",
    )
    project_argument(parser)


def run(options: argparse.Namespace) -> int:
    folder = project_folder(options.project)
    if not options.watch:
        return _tell(folder, _problems(folder), options.format, sys.stderr)
    if options.format == "github":
        raise BadInput("--watch writes text or JSON; leave --format github or --watch out.")
    from engine.cli.watch import watch

    again = _as_json if options.format == "json" else _as_text
    # What is not JSON goes where no program reads it.
    watch(folder, lambda: again(folder), words=sys.stderr if again is _as_json else sys.stdout)
    return DONE


def _as_text(folder: pathlib.Path) -> int:
    # docs/editor.md: editors take this line as the beginning of a check.
    print(f"checking {folder}")
    # All in one stream: what reads it goes by the order of the lines.
    return _tell(folder, _problems(folder, fresh=True), "text", sys.stdout)


def _as_json(folder: pathlib.Path) -> int:
    """Every check a line: a list of findings, empty when there are none."""
    print(json.dumps([one.as_json() for one in _problems(folder, fresh=True)]), flush=True)
    return DONE


def _problems(folder: pathlib.Path, *, fresh: bool = False) -> list[Problem]:
    """What check finds, and whether the schemas of editors are old; `fresh` makes them anew."""
    from engine.check import check, check_folder, in_order, seed_problems
    from engine.editor import refresh, stale
    from engine.load import load_folder
    from engine.project import Project

    try:
        loaded = load_folder(folder)
    except BadInput:
        return check_folder(folder)
    if fresh:
        refresh(loaded)
    found = check(loaded)
    rest = seed_problems(loaded)
    # A test case may well need the flow of a file that is passed by.
    if not loaded.passed_by and not any(one.severity == "error" for one in [*found, *rest]):
        rest += _in_cases(Project.of(loaded, found))
    return [*in_order([*found, *rest]), *stale(loaded)]


def _in_cases(project: Project) -> list[Problem]:
    """What is wrong with the test cases, of which a project may have none."""
    from engine.testing import read_cases

    try:
        read_cases(project)
    except ProblemsFound as wrong:
        return wrong.problems
    except BadInput:
        pass
    return []


def _tell(folder: pathlib.Path, problems: Sequence[Problem], form: str, counts_to: TextIO) -> int:
    errors = sum(problem.severity == "error" for problem in problems)
    if form == "json":
        print(json.dumps([problem.as_json() for problem in problems], indent=2))
    elif form == "github":
        for problem in problems:
            place = problem.place
            said = f"{problem.message} {problem.mend}".replace("%", "%25").replace("\n", "%0A")
            print(
                f"::{problem.severity} file={place.file},line={place.line},col={place.column},"
                f"title={problem.code}::{said}"
            )
    else:
        from engine.cli.findings import show

        for problem in problems:
            # What watches is read by programs, even in the terminal of an editor.
            show(problem, sys.stdout) if counts_to is sys.stderr else print(problem)
        print(f"{folder}: {_counted(errors, len(problems) - errors)}", file=counts_to)
    return BAD_INPUT if errors else DONE


def _counted(errors: int, warnings: int) -> str:
    if not errors and not warnings:
        return "no mistakes"
    return (
        f"{errors} error{'s' if errors != 1 else ''}, "
        f"{warnings} warning{'s' if warnings != 1 else ''}"
    )
