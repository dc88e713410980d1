"""actionflow outbox: list and show the calls to other servers, and make given-up ones again."""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

from engine.cli.main import DONE, project_argument, project_folder, whole
from engine.errors import BadInput

if TYPE_CHECKING:
    from engine.store.outbox import Call


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="calls, newest first")
    listing.add_argument("--state", choices=("waiting", "giving_up", "done", "dead"))
    listing.add_argument(
        "--event", metavar="EVENT_ID", help="only those the run of this event asked for"
    )
    listing.add_argument("--limit", type=whole(1, 100_000), default=20)
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(verb=_list)
    show = verbs.add_parser("show", help="one call: what is sent, and what came of it")
    show.add_argument("call", metavar="CALL", type=int)
    show.add_argument("--json", action="store_true")
    show.set_defaults(verb=_show)
    retry = verbs.add_parser(
        "retry", help="make waiting or given-up calls now, under their old key"
    )
    retry.add_argument("call", metavar="CALL", type=int, nargs="*")
    retry.add_argument("--dead", action="store_true", help="all that were given up")
    retry.set_defaults(verb=_retry)
    for verb in (listing, show, retry):
        project_argument(verb)


def run(options: argparse.Namespace) -> int:
    code: int = options.verb(options)
    return code


def _list(options: argparse.Namespace) -> int:
    from engine.project import Project
    from engine.store import outbox

    project = Project.open(project_folder(options.project))
    with closing(project.store()) as store, store.reader() as tx:
        calls = outbox.listing(tx, state=options.state, origin=options.event, limit=options.limit)
    if options.json:
        print(json.dumps([_plain(call) for call in calls], indent=2, ensure_ascii=False))
        return DONE
    if not calls:
        print("no such calls in the outbox")
    for call in calls:
        tries = f"{call.tries} of {call.retry['tries']}"
        what = f"{call.call['method']} {call.call['url']}"
        print(
            f"{call.id:>6}  {call.created_at}  {call.state:9}  {tries:8}  {call.flow}/{call.node}  "
            f"{what}  {call.reason or ''}".rstrip()
        )
    return DONE


def _show(options: argparse.Namespace) -> int:
    from engine.project import Project
    from engine.store import outbox

    project = Project.open(project_folder(options.project))
    with closing(project.store()) as store, store.reader() as tx:
        call = outbox.show(tx, options.call)
    if call is None:
        raise BadInput(
            f"no call {options.call} in the outbox. See them with: actionflow outbox list"
        )
    data = _plain(call)
    if options.json:
        print(json.dumps(data, indent=2, ensure_ascii=False))
        return DONE
    for name, value in data.items():
        if value is not None and name not in ("call", "retry"):
            print(f"{name:14} {value}")
    print(f"{'retry':14} {', '.join(f'{name} {value}' for name, value in call.retry.items())}")
    print(json.dumps(data["call"], indent=2, ensure_ascii=False))
    return DONE


def _retry(options: argparse.Namespace) -> int:
    from engine.project import Project
    from engine.store import outbox

    if not options.call and not options.dead:
        raise BadInput("name the calls to make again, or say --dead for all that were given up")
    project = Project.open(project_folder(options.project))
    with closing(project.store()) as store, store.transaction() as tx:
        wanted = list(options.call)
        if options.dead:
            wanted += [call.id for call in outbox.listing(tx, state="dead", limit=1000)]
        for id in wanted:
            if not outbox.requeue(tx, id, now=tx.now):
                raise BadInput(f"call {id}: {_why_not(outbox.show(tx, id))}; nothing was changed")
    for id in wanted:
        print(f"call {id}: due now; the running server makes it within a second or two")
    if not wanted:
        print("no call was given up")
    return DONE


def _why_not(call: Call | None) -> str:
    if call is None:
        return "there is none in the outbox; see them with: actionflow outbox list"
    if call.state == "done":
        return "it is done already, and is not made twice"
    return f"it is being made at this moment (until {call.lease_until} at the latest)"


def _plain(call: Call) -> dict[str, object]:
    """All but what the engine keeps for its give-up nodes."""
    data = asdict(call)
    for name in ("kept", "owner"):
        del data[name]
    return data
