"""actionflow dry-run FLOW [--event FILE]: each node's inputs, outputs and row changes, nothing written."""

from __future__ import annotations

import argparse
import json
import logging
import pathlib
import time

from engine.cli.main import DONE, FLOW_FAILED, guarded, project_argument, project_folder
from engine.errors import BadInput
from engine.paths import shown


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("flow", metavar="FLOW", type=pathlib.Path, help="a flow file")
    parser.add_argument(
        "--event",
        metavar="FILE",
        type=pathlib.Path,
        action="append",
        default=[],
        help="a recorded Stripe event (JSON); give it again to run several in order",
    )
    parser.add_argument(
        "--at",
        metavar="TIME",
        help="of a scheduled flow: the moment it is due, 2026-01-31T03:00:00Z; else the next one",
    )
    parser.add_argument(
        "--after",
        metavar="FILE",
        type=pathlib.Path,
        action="append",
        default=[],
        help="an event of any flow that came before; run, but not shown",
    )
    parser.add_argument(
        "--given", metavar="FILE", type=pathlib.Path, help="work on the rows of this YAML file"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="work on seed.yaml even where there is a database"
    )
    parser.add_argument("--watch", action="store_true", help="run again whenever a file changes")
    parser.add_argument("--json", action="store_true", help="print the whole run as JSON")
    project_argument(parser)


def run(options: argparse.Namespace) -> int:
    if not options.flow.is_file():
        raise BadInput(_no_such_file(options.flow, options.project))
    folder = project_folder(options.project, options.flow)
    if not options.watch:
        return _run(folder, options)
    from engine.cli.watch import watch

    named = [options.flow, *options.event, *options.after, *filter(None, [options.given])]
    watch(folder, lambda: guarded(lambda: _run(folder, options)), also=named)
    return DONE


def _no_such_file(flow: pathlib.Path, project: pathlib.Path | None) -> str:
    said = f"{flow}: there is no such flow file."
    for folder in filter(None, (pathlib.Path(), project, pathlib.Path("flows"))):
        # A name without its ending or its folder is what people type first.
        meant = folder / flow.with_name(f"{flow.stem}.yaml")
        if meant.is_file():
            return f"{said} Did you mean {meant}?"
    return f"{said} Expected a path like flows/payment_callback.yaml"


def _run(folder: pathlib.Path, options: argparse.Namespace) -> int:
    from engine.check.row_files import read_rows
    from engine.dryrun import dry_run, due_event, open_database
    from engine.project import Project
    from engine.recorded import belongs, read_event

    # A run that fails is told by its tree.
    logging.getLogger("actionflow").setLevel(logging.CRITICAL)
    project = Project.open(folder)
    name = options.flow.stem
    if name not in project.flows:
        raise BadInput(
            f"{options.flow}: this is no flow of the project '{project.file.name}'. Name the file of "
            f"one of its flows: {', '.join(sorted(project.flows))}."
        )
    flow = project.flows[name].flow
    if "schedule" in flow.trigger and not options.event:
        events = [due_event(flow, options.at, time.time())]
    elif options.at:
        raise BadInput(
            "--at is for scheduled flows; others are given events, with --event FILE."
            if "schedule" not in flow.trigger
            else "give --at or --event, not both: no event starts a scheduled flow."
        )
    elif not options.event:
        raise BadInput("say which event to try it on: --event FILE, a body as Stripe sends it.")
    else:
        events = [read_event(path) for path in options.event]
        for path, (_, _, event) in zip(options.event, events, strict=True):
            belongs(project, name, event, shown(path))
    after = [read_event(path) for path in options.after]
    given = read_rows(options.given, project.file) if options.given else None
    store, database = open_database(project, given, fresh=options.fresh)
    try:
        result = dry_run(project, name, events, store, database, after=after)
    finally:
        store.close()
    if options.json:
        print(json.dumps(result.as_json(), indent=2, ensure_ascii=False))
    else:
        from engine.cli.render import print_dry_run

        print_dry_run(result, project)
    return FLOW_FAILED if result.failed else DONE
