"""actionflow events: list, show, replay what the inbox holds; sign a recorded event for curl."""

from __future__ import annotations

import argparse
import json
import pathlib
import time
from contextlib import closing

from engine.cli.main import DONE, FLOW_FAILED, client, project_argument, project_folder, whole
from engine.errors import BadInput


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="received events, newest first")
    listing.add_argument("--state", choices=("received", "done", "ignored", "waiting", "dead"))
    listing.add_argument("--type", help="only this event type")
    listing.add_argument("--limit", type=whole(1, 100_000), default=20)
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(verb=_list)
    show = verbs.add_parser("show", help="one event: its state, its runs, its body")
    show.add_argument("event", metavar="EVENT_ID")
    show.add_argument("--json", action="store_true")
    show.set_defaults(verb=_show)
    replay = verbs.add_parser(
        "replay", help="run events that rest as dead letters, wait or were set aside"
    )
    replay.add_argument("event", metavar="EVENT_ID", nargs="*")
    replay.add_argument("--dead", action="store_true", help="all dead letters")
    replay.set_defaults(verb=_replay)
    pull = verbs.add_parser("pull", help="ask Stripe for one event, and run it")
    pull.add_argument("event", metavar="EVENT_ID")
    pull.set_defaults(verb=_pull)
    sign = verbs.add_parser("sign", help="print the Stripe-Signature header for a recorded event")
    sign.add_argument("file", metavar="FILE", type=pathlib.Path)
    sign.set_defaults(verb=_sign)
    for verb in (listing, show, replay, pull, sign):
        project_argument(verb)


def run(options: argparse.Namespace) -> int:
    code: int = options.verb(options)
    return code


def _list(options: argparse.Namespace) -> int:
    from engine.project import Project
    from engine.store import inbox

    project = Project.open(project_folder(options.project))
    with closing(project.store()) as store, store.reader() as tx:
        rows = inbox.listing(tx, state=options.state, type=options.type, limit=options.limit)
    if options.json:
        print(json.dumps([_plain(row) for row in rows], indent=2))
        return DONE
    if not rows:
        print("no such events in the inbox")
    for row in rows:
        print(
            f"{row.received_at}  {row.state:8}  {row.type:38}  {row.id}  {row.reason or ''}".rstrip()
        )
    return DONE


def _show(options: argparse.Namespace) -> int:
    from engine.project import Project
    from engine.store import inbox, runs

    project = Project.open(project_folder(options.project))
    with closing(project.store()) as store, store.reader() as tx:
        row = inbox.show(tx, options.event)
        found = runs.listing(tx, event_id=options.event) if row else []
    if row is None:
        raise BadInput(
            f"no event {options.event} in the inbox. See them with: actionflow events list"
        )
    data = _plain(row) | {"runs": [_plain(one) for one in found], "event": json.loads(row.payload)}
    if options.json:
        print(json.dumps(data, indent=2))
        return DONE
    for name, value in data.items():
        if name not in ("runs", "event", "payload") and value is not None:
            print(f"{name:14} {value}")
    for one in found:
        print(
            f"run {one.id:<10} {one.flow} {one.outcome} {one.started_at} {one.duration_us} us "
            f"{one.error or ''}".rstrip()
        )
    print(json.dumps(data["event"], indent=2))
    return DONE


def _replay(options: argparse.Namespace) -> int:
    from engine.project import Project
    from engine.receive import Receiver, drain
    from engine.store import inbox, waking

    if not options.event and not options.dead:
        raise BadInput("name the events to replay, or say --dead for all dead letters")
    project = Project.open(project_folder(options.project))
    receiver = Receiver(project, project.secrets().mode)
    failed = False
    with closing(project.store()) as store, store.transaction() as tx:
        names = list(options.event)
        if options.dead:
            names += [row.id for row in inbox.listing(tx, state="dead", limit=1000)]
        for name in names:
            row = inbox.show(tx, name)
            if row is None:
                raise BadInput(f"no event {name} in the inbox; nothing was replayed")
            if row.state == "done":
                print(f"{name}: done already; its effects are there, so it is not run again")
                continue
            waking.requeue(tx, name, now=tx.now)
            verdict = receiver.again(tx, row)
            print(f"{name}: {verdict.outcome} {verdict.reason}".rstrip())
            failed = failed or verdict.error is not None
        for verdict in drain(receiver, tx):
            print(f"{verdict.event.id}: {verdict.outcome} {verdict.reason}".rstrip())
    return FLOW_FAILED if failed else DONE


def _pull(options: argparse.Namespace) -> int:
    from engine.project import Project
    from engine.receive import Receiver
    from engine.reconcile import deliver, one

    project = Project.open(project_folder(options.project))
    event = one(client(project), options.event)
    with closing(project.store()) as store:
        verdicts = deliver(store, Receiver(project, project.secrets().mode), [event])
    for verdict in verdicts:
        print(f"{verdict.event.id}: {verdict.outcome} {verdict.reason}".rstrip())
    return FLOW_FAILED if any(verdict.error for verdict in verdicts) else DONE


def _sign(options: argparse.Namespace) -> int:
    from engine.load import load_folder
    from engine.project import Project
    from engine.stripe.signature import sign

    folder = project_folder(options.project, options.file.parent)
    loaded = load_folder(folder)
    if loaded.project is None:
        raise BadInput(f"{folder}/project.yaml has mistakes; see them with: actionflow check")
    secrets = Project(folder, loaded.project, {}).secrets()
    if not secrets.webhook_secrets:
        names = " or ".join(secrets.variables["webhook_secret"])
        raise BadInput(
            f"there is no webhook secret to sign with. Set {names}, or start the server with --demo."
        )
    try:
        body = options.file.read_bytes()
    except OSError as error:
        raise BadInput(f"{options.file}: cannot be read ({error.strerror})") from None
    print(sign(body, secrets.webhook_secrets[0], int(time.time())))
    return DONE


def _plain(row: object) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(row)  # type: ignore[call-overload, no-any-return]
