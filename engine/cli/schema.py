"""actionflow schema: writes what editors complete and check a project's files by (docs/editor.md)."""

from __future__ import annotations

import argparse
import pathlib

from engine.cli.main import DONE, project_argument, project_folder
from engine.errors import ProblemsFound


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--into",
        metavar="DIR",
        type=pathlib.Path,
        help="where to write them (default: where project.yaml's first line says, else "
        ".actionflow/schemas beside it)",
    )
    project_argument(parser)


def run(options: argparse.Namespace) -> int:
    from engine.editor import DEFAULT, place_of, texts, write
    from engine.load import load_folder
    from engine.paths import shown

    folder = project_folder(options.project)
    loaded = load_folder(folder)
    if loaded.project is None:
        raise ProblemsFound(loaded.problems)
    into: pathlib.Path = options.into or place_of(folder)
    first = not into.is_dir()
    written = write(texts(loaded), into)
    for path in written:
        print(f"written: {shown(path)}")
    if not written:
        print(f"{shown(into)}: up to date")
    if first and into == folder / DEFAULT:
        print(
            "Begin each flow with this line, so that your editor finds them:\n"
            f"# yaml-language-server: $schema={DEFAULT.as_posix()}/flow.schema.json"
        )
    return DONE
