"""actionflow record EVENT_ID…: what happened with received events becomes a test case."""

from __future__ import annotations

import argparse
import logging
import re
from contextlib import closing

from engine.cli.main import DONE, project_argument, project_folder
from engine.errors import BadInput


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("events", metavar="EVENT_ID", nargs="+", help="events of the inbox")
    parser.add_argument(
        "--name", help="what the case and its files are called (default: the end of the first id)"
    )
    project_argument(parser)


def run(options: argparse.Namespace) -> int:
    from engine.editor import refresh
    from engine.load import load_folder
    from engine.paths import shown
    from engine.project import Project
    from engine.testing.keep import keep
    from engine.testing.record import record

    logging.getLogger("actionflow").setLevel(logging.CRITICAL)
    name = options.name or options.events[0][-6:]
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_ -]{0,60}", name):
        raise BadInput(f"--name is {name!r}; expected letters, digits, spaces, _ and -.")
    project = Project.open(project_folder(options.project))
    with closing(project.store()) as store, store.reader() as tx:
        recording = record(project, tx, options.events, name.replace(" ", "-"))
    kept = keep(project, recording, f"recorded: {name}")
    refresh(load_folder(project.folder))  # the new events are offered in editors, too
    for path in kept.files:
        print(f"wrote {shown(path)}")
    for told in kept.differing:
        print(f"played again it ends otherwise than on the server: {told}")
    print(f"run it: actionflow test -k 'recorded: {name}'")
    return DONE
