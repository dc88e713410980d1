"""actionflow reconcile: asks Stripe for the events missed in the last days, and runs them."""

from __future__ import annotations

import argparse
from contextlib import closing

from engine.cli.main import DONE, FLOW_FAILED, client, project_argument, project_folder


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=int, default=30, help="how far back, at most 30 (30)")
    parser.add_argument("--dry-run", action="store_true", help="only say what is missing")
    project_argument(parser)


def run(options: argparse.Namespace) -> int:
    from engine.project import Project
    from engine.receive import Receiver
    from engine.reconcile import missed

    project = Project.open(project_folder(options.project))
    with closing(project.store()) as store:
        receiver = Receiver(project, project.secrets().mode)
        found = missed(
            project,
            store,
            receiver,
            client(project),
            days=options.days,
            write=not options.dry_run,
        )
    for verdict in found.verdicts:
        what = "missing" if options.dry_run else verdict.outcome
        print(f"{verdict.event.id}  {verdict.event.type:40}  {what}  {verdict.reason}".rstrip())
    print(f"{found.seen} events at Stripe, {len(found.verdicts)} of them were missing here")
    return FLOW_FAILED if any(verdict.error for verdict in found.verdicts) else DONE
