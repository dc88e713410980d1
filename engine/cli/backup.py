"""actionflow backup: the SQLite database into a file, while the server runs."""

from __future__ import annotations

import argparse
import pathlib

from engine.cli.main import DONE, project_argument, project_folder


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=pathlib.Path, metavar="FILE", help="a new file for the copy")
    project_argument(parser)


def run(options: argparse.Namespace) -> int:
    from engine.backup import back_up
    from engine.paths import shown
    from engine.project import Project

    project = Project.open(project_folder(options.project))
    size = back_up(project, options.file)
    print(f"{shown(options.file)}: {size} bytes. To restore it see docs/operations.md.")
    return DONE
