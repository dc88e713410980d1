"""What `serve --demo` makes for a newcomer, and what it tells him to try."""

from __future__ import annotations

import sys

from engine.errors import BadInput
from engine.paths import shown
from engine.project import Project, write_rows
from engine.store import migrate

EVENT = "events/payment_intent.succeeded.json"


def prepare(project: Project) -> None:
    """The database with the example rows, where there is none yet. Never with live keys."""
    if project.secrets().mode == "live":
        raise BadInput(
            "--demo is for trying things out, but the keys set here are live keys. Leave --demo out."
        )
    applied = migrate.apply(project.file, project.folder.resolve())
    if applied:
        store = project.store()
        with store.transaction() as tx:
            if not tx.find(project.file.order_table, {}, limit=1):
                write_rows(tx, project.seed())
        store.close()


def what_next(project: Project, host: str, port: int) -> str:
    """Commands that work as they stand, for a second terminal."""
    command = sys.argv[0] if sys.argv[0].endswith("actionflow") else "actionflow"
    folder = shown(project.folder)
    event = f"{folder}/{EVENT}"
    return f"""
Actionflow serves '{project.file.name}' on http://{host}:{port}  (Ctrl-C stops it)

Try in a second terminal, in this folder:

  1. Deliver a recorded event, signed as Stripe signs (order 1 becomes paid; again: answered, not run again)
     curl -sS http://{host}:{port}/webhooks/stripe --data-binary @{event} \\
       -H "Stripe-Signature: $({command} events sign {event} --project {folder})"

  2. See what a flow does with an event, without writing anything
     {command} dry-run {folder}/payment_callback.yaml --event {event}

  3. Look at what was received
     {command} events list --project {folder}

  4. Change {folder}/payment_callback.yaml, then find every mistake in it
     {command} check --project {folder}
"""
