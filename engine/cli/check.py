"""actionflow check: every mistake in the project, with its place and the mend."""

from __future__ import annotations

import argparse
import json
import sys

from engine.cli.main import BAD_INPUT, DONE, project_argument, project_folder


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json", "github"), default="text")
    project_argument(parser)


def run(options: argparse.Namespace) -> int:
    from engine.check import check_folder

    folder = project_folder(options.project)
    problems = check_folder(folder)
    errors = sum(problem.severity == "error" for problem in problems)
    if options.format == "json":
        print(json.dumps([problem.as_json() for problem in problems], indent=2))
    elif options.format == "github":
        for problem in problems:
            place = problem.place
            said = f"{problem.message} {problem.mend}".replace("%", "%25").replace("\n", "%0A")
            print(
                f"::{problem.severity} file={place.file},line={place.line},col={place.column},"
                f"title={problem.code}::{said}"
            )
    else:
        for problem in problems:
            print(problem)
        warnings = len(problems) - errors
        print(f"{folder}: {errors} errors, {warnings} warnings", file=sys.stderr)
    return BAD_INPUT if errors else DONE
