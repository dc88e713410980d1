"""actionflow keys: make an API key (shown this once), list keys, revoke one."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

from engine.cli.main import DONE, project_argument, project_folder
from engine.errors import BadInput

if TYPE_CHECKING:
    from engine.project import Project


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    create = verbs.add_parser("create", help="make a key and print it; it cannot be shown again")
    create.add_argument("--role", required=True, help="a role of project.yaml")
    create.add_argument(
        "--caller", metavar="ID", help="who it speaks for: caller.id in row rules (key:PREFIX)"
    )
    create.add_argument("--label", metavar="TEXT", help="a note for `keys list`")
    create.set_defaults(verb=_create)
    listing = verbs.add_parser("list", help="all keys, by their first characters")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(verb=_list)
    revoke = verbs.add_parser("revoke", help="end a key, from the next request on")
    revoke.add_argument("prefix", metavar="PREFIX", help="the key's first characters, as listed")
    revoke.set_defaults(verb=_revoke)
    for verb in (create, listing, revoke):
        project_argument(verb)


def run(options: argparse.Namespace) -> int:
    code: int = options.verb(options)
    return code


def _project(options: argparse.Namespace) -> Project:
    from engine.project import Project

    return Project.open(project_folder(options.project))


def _create(options: argparse.Namespace) -> int:
    from engine.access.keys import PREFIX_LENGTH, create

    project = _project(options)
    with closing(project.store()) as store, store.transaction() as tx:
        key = create(
            tx, project.file, role=options.role, caller=options.caller, label=options.label
        )
    # Alone on stdout, so that KEY=$(actionflow keys create …) takes it; and not before it is kept.
    print(key)
    print(
        f"Keep it now: it cannot be shown again. `actionflow keys revoke {key[:PREFIX_LENGTH]}` "
        "ends it.",
        file=sys.stderr,
    )
    return DONE


def _list(options: argparse.Namespace) -> int:
    from engine.store import keys

    with closing(_project(options).store()) as store, store.reader() as tx:
        rows = keys.listing(tx)
    if options.json:
        # The digest is of no use to anybody but the server.
        plain = [{n: v for n, v in asdict(row).items() if n != "digest"} for row in rows]
        print(json.dumps(plain, indent=2))
        return DONE
    if not rows:
        print("no keys yet. Make one with: actionflow keys create --role ROLE")
    for row in rows:
        state = f"revoked {row.revoked_at}" if row.revoked_at else "active"
        print(
            f"{row.prefix}  {row.role:12}  {row.caller:20}  {row.created_at}  {state:28}  "
            f"{row.label or ''}".rstrip()
        )
    return DONE


def _revoke(options: argparse.Namespace) -> int:
    from engine.access.keys import PREFIX_LENGTH
    from engine.store import keys

    # Somebody may paste the whole key; its beginning names it as well.
    prefix = options.prefix[:PREFIX_LENGTH]
    with closing(_project(options).store()) as store, store.transaction() as tx:
        if not keys.revoke(tx, prefix):
            raise BadInput(
                f"there is no key in use that begins with '{prefix}'; expected the first "
                f"{PREFIX_LENGTH} characters. See them with: actionflow keys list"
            )
    print(f"{prefix} is revoked")
    return DONE
