"""What `serve --demo` makes for a newcomer, and what it tells him to try."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from engine.access.demo import CALLERS, demo_keys, key_file
from engine.errors import BadInput
from engine.paths import shown
from engine.project import Project
from engine.rows import write_rows
from engine.store import migrate
from engine.web.shop_stock import shop_fits

EVENT = "events/payment_intent.succeeded.json"
REFUND = "events/charge.refunded.partial.json"


def prepare(project: Project) -> None:
    """The database with the example rows and keys to it, where there are none yet. Never with live
    Stripe keys."""
    if project.secrets().mode == "live":
        raise BadInput(
            "--demo is for trying things out, but the keys set here are live keys. Leave --demo out."
        )
    seed = project.seed()
    applied = migrate.apply(project.file, project.folder.resolve())
    store = project.store()
    if applied:
        with store.transaction() as tx:
            if not tx.find(project.file.order_table, {}, limit=1):
                write_rows(tx, seed, project.file)
    demo_keys(project.folder, project.file, store, CALLERS)
    store.close()


def at_home(project: Project, host: str, port: int) -> Project:
    """The project with its shop where it is served now, so that Stripe sends the customer back here."""
    if "shop_url" not in project.file.config:
        return project
    return project.with_config(shop_url=f"{_url(host, port)}/shop")


@contextlib.contextmanager
def standing_in(project: Project, host: str, port: int) -> Iterator[str | None]:
    """A stand-in for Stripe that sends its events here, while the block lasts; its URL.

    None where a secret key is set: then it is Stripe itself that is talked to.
    """
    secrets = project.secrets(demo=True)
    if secrets.secret_key:
        yield None
        return
    from standin import webhook_endpoints
    from standin.server import running
    from standin.state import State

    with running(State()) as standin:
        with standin.state.lock:
            hook = f"{_url(host, port)}/webhooks/stripe"
            webhook_endpoints.create(standin.state, hook, ["*"], None, secrets.webhook_secrets[0])
        yield standin.url


def _url(host: str, port: int) -> str:
    """How a browser on this machine reaches the server."""
    here = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    return f"http://{f'[{here}]' if ':' in here and not here.startswith('[') else here}:{port}"


def serves(project: Project, host: str, port: int) -> str:
    """That the server works, and where."""
    return f"Actionflow serves '{project.file.name}' on {_url(host, port)}  (Ctrl-C stops it)"


def what_next(project: Project, host: str, port: int, standin: str | None = None) -> str:
    """Where the shop is, and commands that work as they stand, for a second terminal."""
    url = _url(host, port)
    tried = enumerate(_to_try(project, url), 1)
    return f"""
{_shop(project, url)}
{_studio(project, url)}
{_stripe(url, standin)}
{serves(project, host, port)}

Try in a second terminal, in this folder:

{"".join(f"  {number}. {step}" for number, step in tried)}"""


def _to_try(project: Project, url: str) -> Iterator[str]:
    """What each command shows, and the command; those that this project's files give something to."""
    command, folder = _command(), shown(project.folder)
    event, refund = f"{folder}/{EVENT}", f"{folder}/{REFUND}"
    if (project.folder / EVENT).is_file():
        yield f"""Deliver a recorded event, signed as Stripe signs (again: answered, not run again)
     curl -sS {url}/webhooks/stripe --data-binary @{event} \\
       -H "Stripe-Signature: $({command} events sign {event} --project {folder})"

"""
    if (project.folder / REFUND).is_file() and "refund_callback" in project.flows:
        yield f"""See what another flow would do with a refund of it, without writing anything
     {command} dry-run {folder}/refund_callback.yaml --event {refund}

"""
    yield f"""Look at what was received
     {command} events list --project {folder}

"""
    yield f"""Change a flow, then find every mistake in it
     {command} check --project {folder}
"""


def _command() -> str:
    """How to call us in this place, also where the virtual environment is not activated."""
    return sys.argv[0] if sys.argv[0].endswith("actionflow") else "actionflow"


def _shop(project: Project, url: str) -> str:
    """Where the shop is; a project of another kind is told what it is tried by."""
    if shop_fits(project.file):
        return f"Open the demo shop in a browser:  {url}/shop"
    role = next(iter(project.file.roles), "ROLE")
    return f"""\
The demo shop sells the example's orders, which this project has not. Call its actions; a key for that:
     {_command()} keys create --role {role} --caller SOMEONE --project {shown(project.folder)}
"""


def _studio(project: Project, url: str) -> str:
    """Where the studio is, and the key to it."""
    key = key_file(project.folder, "admin")
    if not project.file.studio.on:
        return ""
    if not key.is_file():
        return f"""\
The studio, {url}/studio, is for the role `admin`: add it under `roles` in project.yaml, and start again.
"""
    return f"See what it does in the studio:   {url}/studio    (sign in with the key in {shown(key)})\n"


def _stripe(url: str, standin: str | None) -> str:
    """Whom the server talks to, said loudly."""
    if standin:
        return f"""\
  ************************************************************************
  *  No STRIPE_SECRET_KEY is set: a STAND-IN plays Stripe ({standin}).
  *  No money moves, and it forgets everything when the server stops.
  *  Set a test key (sk_test_…) to talk to Stripe itself.
  ************************************************************************
"""
    return f"""\
  Talking to Stripe itself, in test mode. Stripe cannot reach this machine by itself; run
     stripe listen --forward-to {url}/webhooks/stripe
  and set STRIPE_WEBHOOK_SECRET to the whsec_… it prints, so that its events come here.
"""
