"""actionflow migrate: the change the database needs, shown as SQL first, made when you say so."""

from __future__ import annotations

import argparse

from engine.cli.ask import agreed
from engine.cli.main import DONE, project_argument, project_folder


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="make the changes without asking")
    parser.add_argument("--dry-run", action="store_true", help="only show them")
    parser.add_argument(
        "--seed", action="store_true", help="put the rows of seed.yaml into empty tables afterwards"
    )
    project_argument(parser)


def run(options: argparse.Namespace) -> int:
    from engine.project import Project
    from engine.rows import write_rows
    from engine.store import migrate

    project = Project.open(project_folder(options.project))
    # A mistake in it is told before anything is changed.
    seed = project.seed() if options.seed else {}
    base = project.folder.resolve()
    steps = migrate.plan(project.file, base)
    for step in steps:
        print(f"-- {step.sentence}")
        if step.sql:
            print(f"{step.sql};")
    changes = [step for step in steps if step.sql]
    if not changes:
        print("The database is up to date.")
    elif options.dry_run:
        print(f"{len(changes)} changes; nothing was done.")
        return DONE
    else:
        if not options.yes and not agreed(f"Make these {len(changes)} changes?", len(changes)):
            print("Nothing was done.")
            return DONE
        migrate.apply(project.file, base)
        print(f"{len(changes)} change{'s' if len(changes) != 1 else ''} made.")
    if options.seed:
        store = project.store()
        with store.transaction() as tx:
            rows = {t: r for t, r in seed.items() if not tx.find(t, {}, limit=1)}
            print(f"{write_rows(tx, rows, project.file)} rows of seed.yaml written.")
        store.close()
    return DONE
